//! Books: their rules, and a file for each verb.

mod book;
pub mod change;
pub mod create;
pub mod delete;
mod etag;
pub mod get;
pub mod list;
pub mod store;
pub mod transfer;

pub use book::{Author, BookId, BookView, Title};
