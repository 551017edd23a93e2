//! `POST /books`

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::LOCATION;
use shared::database::retry_write;
use shared::http::{Fields, FromFields, Invalid, Json, Problem};
use utoipa::ToSchema;

use super::{Author, BookView, Title, etag, store};
use crate::error::Error;
use crate::state::AppState;

/// A whole book, without its number.
#[derive(Debug, ToSchema)]
pub struct WholeBook {
    /// 1 to 100 characters.
    #[schema(value_type = String, example = "The Dispossessed", min_length = 1, max_length = 100)]
    pub(super) title: Title,
    /// 1 to 50 characters.
    #[schema(value_type = String, example = "Ursula K. Le Guin", min_length = 1, max_length = 50)]
    pub(super) author: Author,
}

impl FromFields for WholeBook {
    fn from_fields(fields: &mut Fields) -> Result<Self, Invalid> {
        let title = fields.text("title", str::parse);
        let author = fields.text("author", str::parse);
        Ok(Self { title: title?, author: author? })
    }
}

/// Adds a book.
#[utoipa::path(
    post, path = "/books", operation_id = "create_book", tag = "books",
    security(("access_token" = ["books:write"])),
    request_body = WholeBook,
    responses(
        (status = 201, description = "Added", body = BookView,
            headers(("Location" = String), ("ETag" = String))),
        (status = 400, description = "Not JSON", body = Problem),
        (status = 413, description = "Over 64 KiB", body = Problem),
        (status = 415, description = "Not said to be JSON", body = Problem),
        (status = 422, description = "Fields break a rule", body = Problem),
        (status = 503, description = "Tokens cannot be checked at the moment", body = Problem),
    )
)]
pub async fn create(
    State(app): State<AppState>,
    Json(WholeBook { title, author }): Json<WholeBook>,
) -> Result<Response, Error> {
    let add = || store::add(&app.database, title.clone(), author.clone(), app.clock.now());
    let book = retry_write(add).await?;
    let location = [(LOCATION, format!("/books/{}", book.id))];
    Ok((StatusCode::CREATED, location, etag::header(&book), Json(BookView::from(book))).into_response())
}
