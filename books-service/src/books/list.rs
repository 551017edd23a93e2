//! `GET /books`

use axum::extract::State;
use http::Uri;
use shared::database::retry_read;
use shared::http::page::{self, Page};
use shared::http::{Fields, FromFields, Invalid, Problem, Query};

use super::store::{self, Filter};
use super::{BookId, BookView};
use crate::error::Error;
use crate::state::AppState;

/// The longest text that is looked for: as long as a title.
const MAX_SEARCH: usize = 100;

/// Which books, and how many of them.
#[derive(Debug)]
pub struct ListBooks {
    limit: u64,
    filter: Filter,
}

impl FromFields for ListBooks {
    fn from_fields(fields: &mut Fields) -> Result<Self, Invalid> {
        let limit = page::limit(fields);
        let after = fields.optional_text("after", |text| match text {
            // The beginning, for clients that count from there.
            "0" => Ok(0),
            text => text.parse().map(|BookId(id)| id).map_err(|()| "must be the id of a book".to_owned()),
        });
        let q = fields.optional_text("q", search);
        let title = fields.optional_text("title", search);
        let author = fields.optional_text("author", search);
        let filter = Filter { after: after?, q: q?, title: title?, author: author? };
        Ok(Self { limit: limit?, filter })
    }
}

/// An empty search finds everything, as an empty field of a form means it.
fn search(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.chars().count() > MAX_SEARCH {
        return Err(format!("must be at most {MAX_SEARCH} characters"));
    }
    if text.contains('\0') {
        return Err("must not hold the character U+0000".to_owned());
    }
    Ok(text.to_owned())
}

/// Lists books by number. While there are more, `Link` leads to the next page.
#[utoipa::path(
    get, path = "/books", operation_id = "list_books", tag = "books",
    security(("access_token" = ["books:read"])),
    params(
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000, description = "By default 100"),
        ("after" = Option<i64>, Query, description = "The last book of the page before"),
        ("q" = Option<String>, Query, description = "What title or author holds"),
        ("title" = Option<String>, Query, description = "What the title begins with"),
        ("author" = Option<String>, Query, description = "What the author begins with"),
    ),
    responses(
        (status = 200, description = "The books", body = [BookView],
            headers(("Link" = Option<String>, description = "The next page (RFC 8288)"))),
        (status = 422, description = "Parameters break a rule", body = Problem),
        (status = 503, description = "Tokens cannot be checked at the moment", body = Problem),
    )
)]
pub async fn list(
    State(app): State<AppState>,
    uri: Uri,
    Query(query): Query<ListBooks>,
) -> Result<Page<BookView>, Error> {
    let books = retry_read(|| store::list(&app.database, &query.filter, query.limit + 1)).await?;
    let page = Page::new(books, query.limit, &uri, |book| book.id.to_string());
    Ok(page.map(BookView::from))
}
