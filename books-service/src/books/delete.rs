//! `DELETE /books/{id}`

use axum::extract::State;
use http::header::{IF_MATCH, IF_NONE_MATCH};
use http::{HeaderMap, StatusCode};
use shared::database::{retry_read, retry_write};
use shared::http::{Path, Problem};

use super::change::TRIES;
use super::{BookId, etag, store};
use crate::error::Error;
use crate::state::AppState;

/// Takes a book out of the catalogue.
#[utoipa::path(
    delete, path = "/books/{id}", operation_id = "delete_book", tag = "books",
    security(("access_token" = ["books:write"])),
    params(
        ("id" = i64, Path, description = "The number of the book"),
        ("If-Match" = Option<String>, Header, description = "The tag of the book that is to go"),
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "No such book", body = Problem),
        (status = 412, description = "It is not as `If-Match` says", body = Problem),
        (status = 503, description = "Tokens cannot be checked at the moment", body = Problem),
    )
)]
pub async fn delete(
    State(app): State<AppState>,
    headers: HeaderMap,
    Path(id): Path<BookId>,
) -> Result<StatusCode, Error> {
    if !headers.contains_key(IF_MATCH) && !headers.contains_key(IF_NONE_MATCH) {
        let deleted = retry_write(|| store::delete(&app.database, id, None)).await?;
        return if deleted { Ok(StatusCode::NO_CONTENT) } else { Err(Error::NoSuchBook) };
    }
    // Whoever changes it meanwhile makes another version, which the headers may allow as well: `If-Match: *` does.
    for _ in 0..TRIES {
        let book = retry_read(|| store::find(&app.database, id)).await?.ok_or(Error::NoSuchBook)?;
        if !etag::lets_change(&headers, &book) {
            return Err(Error::Changed);
        }
        if retry_write(|| store::delete(&app.database, id, Some(book.version))).await? {
            return Ok(StatusCode::NO_CONTENT);
        }
    }
    Err(Error::Contended)
}
