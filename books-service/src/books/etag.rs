//! The entity tag of a book: its number and its version, so that every change makes another one.

use http::HeaderValue;
use http::header::ETAG;

use crate::entity::book::Model;

/// The tag of a book as it is.
pub(super) fn of(book: &Model) -> HeaderValue {
    let tag = format!("\"{}-{}\"", book.id, book.version);
    HeaderValue::try_from(tag).unwrap_or(HeaderValue::from_static("\"\""))
}

/// The header that carries it.
pub(super) fn header(book: &Model) -> [(http::HeaderName, HeaderValue); 1] {
    [(ETAG, of(book))]
}
