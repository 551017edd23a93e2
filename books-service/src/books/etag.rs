//! The entity tag of a book: its number and its version, so that every change makes another one.

use http::header::ETAG;
use http::{HeaderMap, HeaderName, HeaderValue};
use shared::http::etag::{if_match, if_none_match};

use crate::entity::book::Model;

/// The tag of a book as it is.
pub(super) fn of(book: &Model) -> HeaderValue {
    let tag = format!("\"{}-{}\"", book.id, book.version);
    HeaderValue::try_from(tag).unwrap_or(HeaderValue::from_static("\"\""))
}

/// Whether the conditions of a request let it change `book` (RFC 9110 §13.2.2).
pub(super) fn lets_change(headers: &HeaderMap, book: &Model) -> bool {
    let tag = of(book);
    if_match(headers, &tag) && !if_none_match(headers, &tag)
}

/// The header that carries it.
pub(super) fn header(book: &Model) -> [(HeaderName, HeaderValue); 1] {
    [(ETAG, of(book))]
}
