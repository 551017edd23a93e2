//! The floor: the same answers by axum alone, with nothing around them.

use std::net::SocketAddr;

use axum::extract::{Path, State};
use axum::http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use clap::Parser;
use serde::Serialize;
use sqlx::{MySqlPool, SqlitePool};

#[derive(Parser)]
struct Arguments {
    #[arg(long)]
    listen: SocketAddr,
    /// The database of books-service
    #[arg(long)]
    database_url: String,
}

#[derive(Serialize)]
struct Protected {
    logged_in_as: String,
}

#[derive(Serialize)]
struct Book {
    id: i64,
    title: String,
    author: String,
}

type Row = (i64, String, String, i64, i64, i64);

const ONE: &str = "SELECT id, title, author, version, created_at, updated_at FROM books WHERE id = ? LIMIT 1";
const TAG: &str = "\"0123456789abcdef0123456789abcdef\"";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let url = arguments.database_url.as_str();
    let books = if url.starts_with("mysql:") {
        Router::new().route("/books/{id}", get(of_mysql)).with_state(MySqlPool::connect(url).await?)
    } else {
        Router::new().route("/books/{id}", get(of_sqlite)).with_state(SqlitePool::connect(url).await?)
    };
    let routes = books
        .route("/protected", get(|| async { Json(Protected { logged_in_as: "test".to_owned() }) }))
        .route("/.well-known/jwks.json", get(jwks));
    let listener = tokio::net::TcpListener::bind(arguments.listen).await?;
    axum::serve(axum::serve::ListenerExt::tap_io(listener, |stream| drop(stream.set_nodelay(true))), routes)
        .await?;
    Ok(())
}

async fn of_mysql(State(pool): State<MySqlPool>, Path(id): Path<i64>) -> Response {
    answer(sqlx::query_as(ONE).bind(id).fetch_optional(&pool).await)
}

async fn of_sqlite(State(pool): State<SqlitePool>, Path(id): Path<i64>) -> Response {
    answer(sqlx::query_as(ONE).bind(id).fetch_optional(&pool).await)
}

fn answer(row: Result<Option<Row>, sqlx::Error>) -> Response {
    match row {
        Ok(Some((id, title, author, ..))) => Json(Book { id, title, author }).into_response(),
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn jwks(headers: HeaderMap) -> Response {
    if headers.get(IF_NONE_MATCH).is_some() {
        return (StatusCode::NOT_MODIFIED, [(ETAG, TAG)]).into_response();
    }
    ([(ETAG, TAG), (CONTENT_TYPE, "application/jwk-set+json")], "{}").into_response()
}
