//! `PUT /books/{id}` and `PATCH /books/{id}`

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use shared::database::{retry_read, retry_write};
use shared::http::{Fields, FromFields, Invalid, Json, Path, Problem};
use utoipa::ToSchema;

use super::create::WholeBook;
use super::{Author, BookId, BookView, Title, etag, store};
use crate::error::Error;
use crate::state::{App, AppState};

/// How often a change that the headers still allow is tried again when another one comes in between.
pub(super) const TRIES: usize = 10;

/// What of a book is to be another (RFC 7396). Neither member can be removed.
#[derive(Clone, Debug, ToSchema)]
pub struct PartOfBook {
    /// 1 to 100 characters.
    #[schema(value_type = Option<String>, example = "The Dispossessed", min_length = 1, max_length = 100)]
    title: Option<Title>,
    /// 1 to 50 characters.
    #[schema(value_type = Option<String>, example = "Ursula K. Le Guin", min_length = 1, max_length = 50)]
    author: Option<Author>,
}

impl FromFields for PartOfBook {
    fn from_fields(fields: &mut Fields) -> Result<Self, Invalid> {
        let title = fields.optional_text("title", str::parse);
        let author = fields.optional_text("author", str::parse);
        Ok(Self { title: title?, author: author? })
    }
}

/// Replaces a book.
#[utoipa::path(
    put, path = "/books/{id}", operation_id = "replace_book", tag = "books",
    security(("access_token" = ["books:write"])),
    params(
        ("id" = i64, Path, description = "The number of the book"),
        ("If-Match" = Option<String>, Header, description = "The tag of the book that is to be replaced"),
    ),
    request_body = WholeBook,
    responses(
        (status = 200, description = "The book as it is now", body = BookView, headers(("ETag" = String))),
        (status = 400, description = "Not JSON", body = Problem),
        (status = 404, description = "No such book", body = Problem),
        (status = 412, description = "It is not as `If-Match` says", body = Problem),
        (status = 413, description = "Over 64 KiB", body = Problem),
        (status = 415, description = "Not said to be JSON", body = Problem),
        (status = 422, description = "Fields break a rule", body = Problem),
        (status = 503, description = "Tokens cannot be checked at the moment", body = Problem),
    )
)]
pub async fn replace(
    State(app): State<AppState>,
    headers: HeaderMap,
    Path(id): Path<BookId>,
    Json(WholeBook { title, author }): Json<WholeBook>,
) -> Result<Response, Error> {
    change(&app, &headers, id, PartOfBook { title: Some(title), author: Some(author) }).await
}

/// Changes parts of a book.
#[utoipa::path(
    patch, path = "/books/{id}", operation_id = "patch_book", tag = "books",
    security(("access_token" = ["books:write"])),
    params(
        ("id" = i64, Path, description = "The number of the book"),
        ("If-Match" = Option<String>, Header, description = "The tag of the book that is to be changed"),
    ),
    request_body(content = PartOfBook, content_type = "application/merge-patch+json"),
    responses(
        (status = 200, description = "The book as it is now", body = BookView, headers(("ETag" = String))),
        (status = 400, description = "Not JSON", body = Problem),
        (status = 404, description = "No such book", body = Problem),
        (status = 412, description = "It is not as `If-Match` says", body = Problem),
        (status = 413, description = "Over 64 KiB", body = Problem),
        (status = 415, description = "Not said to be JSON", body = Problem),
        (status = 422, description = "Fields break a rule", body = Problem),
        (status = 503, description = "Tokens cannot be checked at the moment", body = Problem),
    )
)]
pub async fn patch(
    State(app): State<AppState>,
    headers: HeaderMap,
    Path(id): Path<BookId>,
    Json(part): Json<PartOfBook>,
) -> Result<Response, Error> {
    change(&app, &headers, id, part).await
}

/// Read, judge, write if nobody was faster; otherwise begin again. A condition that no longer holds then is a 412;
/// without one the last change wins, made on what the other one left.
async fn change(app: &App, headers: &HeaderMap, id: BookId, part: PartOfBook) -> Result<Response, Error> {
    for _ in 0..TRIES {
        let book = retry_read(|| store::find(&app.database, id)).await?.ok_or(Error::NoSuchBook)?;
        if !etag::lets_change(headers, &book) {
            return Err(Error::Changed);
        }
        let change = || {
            let PartOfBook { title, author } = part.clone();
            store::change(&app.database, book.clone(), title, author, app.clock.now())
        };
        if let Some(book) = retry_write(change).await? {
            return Ok((etag::header(&book), Json(BookView::from(book))).into_response());
        }
    }
    Err(Error::Contended)
}
