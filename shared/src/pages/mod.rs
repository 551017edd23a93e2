//! Web pages that a service has in its binary: sent compressed, kept by browsers, and free to load and to reach only what is
//! named.

mod docs;
mod files;
mod page;

pub use docs::{Docs, REDIRECT};
pub use files::{Content, File, Files};
pub use page::Page;
