//! Web pages that a service has in its binary: sent compressed, kept by browsers, and free to load and to reach only what is
//! named.

mod docs;
mod files;
mod page;

pub use docs::{Docs, REDIRECT};
pub use files::{Content, File, Files};
pub use page::Page;

/// What the pages of all services are made of: the style sheet, signing in, requests, and building blocks.
pub const COMMON: [File; 4] = [
    File::plain("page.css", include_bytes!("../../pages/page.css")),
    File::plain("account.js", include_bytes!("../../pages/account.js")),
    File::plain("api.js", include_bytes!("../../pages/api.js")),
    File::plain("dom.js", include_bytes!("../../pages/dom.js")),
];
