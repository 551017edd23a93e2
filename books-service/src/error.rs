//! What can go wrong, and what the client is told of it: one exhaustive `match`.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use sea_orm::DbErr;
use shared::http::{FromPath as _, Problem};

use crate::books::BookId;

/// Why a request was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No book has that number.
    #[error("no such book")]
    NoSuchBook,
    /// The book is not as `If-Match` says.
    #[error("the book has changed")]
    Changed,
    /// Others change the same book all the time.
    #[error("too many change the book at a time")]
    Contended,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbErr),
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let problem = match self {
            Self::NoSuchBook => BookId::not_found(),
            Self::Changed => Problem::new(StatusCode::PRECONDITION_FAILED, "book_changed")
                .with_detail("The book is not as If-Match says; get it again"),
            Self::Contended => Problem::unavailable("book_contended", Duration::from_secs(1)),
            Self::Database(error) => error.into(),
        };
        problem.into_response()
    }
}
