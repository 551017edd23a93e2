//! `/admin/ui`: what is below `/admin`, for people. The page is for everybody; what it shows is guarded.

use axum::Router;
use shared::pages::{COMMON, File, Files, Page};

const SCRIPTS: [File; 3] = [
    File::plain("admin.js", include_bytes!("../../pages/admin.js")),
    File::plain("admin-texts.js", include_bytes!("../../pages/admin-texts.js")),
    File::plain("timeline.js", include_bytes!("../../pages/timeline.js")),
];

/// The page and its files.
pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let files = Files::new(COMMON.into_iter().chain(SCRIPTS));
    let page = Page::new(include_str!("../../pages/admin.html"), &files, &[]).alone();
    Router::new().route("/admin/ui", page.route()).merge(files.routes("/admin/ui"))
}

#[cfg(test)]
mod tests {
    use shared::testing::check_texts;

    #[test]
    fn everything_is_said_in_each_language() {
        check_texts(
            include_str!("../../pages/admin-texts.js"),
            &[
                include_str!("../../pages/admin.html"),
                include_str!("../../pages/admin.js"),
                include_str!("../../pages/timeline.js"),
            ],
        );
    }
}
