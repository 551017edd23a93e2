//! Web pages that a service has in its binary: sent compressed, kept by browsers, and free to load and to reach only what is
//! named.

mod docs;
mod files;
mod page;

pub use docs::{Docs, REDIRECT};
pub use files::{Content, File, Files};
pub use page::Page;

/// The colours of every page, by light and by dark: variables for the style sheets.
pub const COLOURS: &str = include_str!("../../pages/colours.css");

/// What the pages of all services are made of: the style sheets, signing in, requests, texts, and building blocks.
pub const COMMON: [File; 9] = [
    File::plain("colours.css", COLOURS.as_bytes()),
    File::plain("page.css", include_bytes!("../../pages/page.css")),
    File::plain("account.js", include_bytes!("../../pages/account.js")),
    File::plain("answers.js", include_bytes!("../../pages/answers.js")),
    File::plain("api.js", include_bytes!("../../pages/api.js")),
    File::plain("attempt.js", include_bytes!("../../pages/attempt.js")),
    File::plain("common-texts.js", include_bytes!("../../pages/common-texts.js")),
    File::plain("dom.js", include_bytes!("../../pages/dom.js")),
    File::plain("language.js", include_bytes!("../../pages/language.js")),
];

#[cfg(test)]
mod tests {
    use crate::testing::check_texts;

    #[test]
    fn what_all_pages_say_is_there_in_each_language() {
        check_texts(
            include_str!("../../pages/common-texts.js"),
            &[include_str!("../../pages/api.js"), include_str!("../../pages/attempt.js")],
        );
    }
}
