//! `GET /books/{id}`

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use shared::database::retry_read;
use shared::http::etag::{if_match, if_none_match};
use shared::http::{Json, Path, Problem};

use super::{BookId, BookView, etag, store};
use crate::error::Error;
use crate::state::AppState;

/// Shows a book.
#[utoipa::path(
    get, path = "/books/{id}", operation_id = "get_book", tag = "books",
    security(("access_token" = ["books:read"])),
    params(
        ("id" = i64, Path, description = "The number of the book"),
        ("If-None-Match" = Option<String>, Header, description = "The tag of what the client has"),
        ("If-Match" = Option<String>, Header, description = "The tag that it must have"),
    ),
    responses(
        (status = 200, description = "The book", body = BookView, headers(("ETag" = String))),
        (status = 304, description = "The client has it already"),
        (status = 404, description = "No such book", body = Problem),
        (status = 412, description = "It has another tag", body = Problem),
        (status = 503, description = "Tokens cannot be checked at the moment", body = Problem),
    )
)]
pub async fn get(
    State(app): State<AppState>,
    headers: HeaderMap,
    Path(id): Path<BookId>,
) -> Result<Response, Error> {
    let book = retry_read(|| store::find(&app.database, id)).await?.ok_or(Error::NoSuchBook)?;
    let (current, tag) = (etag::of(&book), etag::header(&book));
    if !if_match(&headers, &current) {
        return Err(Error::Changed);
    }
    if if_none_match(&headers, &current) {
        return Ok((StatusCode::NOT_MODIFIED, tag).into_response());
    }
    Ok((tag, Json(BookView::from(book))).into_response())
}
