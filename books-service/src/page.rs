//! `/`: the catalogue for people, who sign in at the issuer.

use axum::Router;
use shared::pages::{COMMON, File, Files, Page};

const SCRIPTS: [File; 2] = [
    File::plain("books.js", include_bytes!("../pages/books.js")),
    File::plain("books-texts.js", include_bytes!("../pages/books-texts.js")),
];

/// The page and its files, which are below `/books` since a gateway sends that here. It may reach the issuer at this origin.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>(issuer_origin: &str) -> Router<S> {
    let files = Files::new(COMMON.into_iter().chain(SCRIPTS));
    let page = Page::new(include_str!("../pages/books.html"), &files, &[issuer_origin]).alone();
    Router::new().route("/", page.route()).merge(files.routes("/books/ui"))
}

#[cfg(test)]
mod tests {
    use shared::testing::check_texts;

    #[test]
    fn everything_is_said_in_each_language() {
        check_texts(
            include_str!("../pages/books-texts.js"),
            &[include_str!("../pages/books.html"), include_str!("../pages/books.js")],
        );
    }
}
