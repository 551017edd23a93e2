//! The same answers with less around them.

use super::Actors;
use crate::bench::{AUTH, BOOKS, Bench};
use crate::http::client;
use crate::load::Target;
use crate::process::Server;

const BARE: &str = "http://127.0.0.1:7103";
const OPEN: &str = "http://127.0.0.1:7104";

pub(super) async fn measure(bench: &mut Bench, actors: &Actors) -> anyhow::Result<()> {
    let database = bench.database.url("books");
    let bare = ["--listen", "127.0.0.1:7103", "--database-url", &database];
    let (program, log) = (bench.binaries.join("bare"), bench.file("bare.log"));
    let _bare = Server::start(&program, &bare, &[], &log, &format!("{BARE}/protected")).await?;
    let (program, log) = (bench.binaries.join("open-books"), bench.file("open.log"));
    let open = bench.books_variables(7104);
    let _open = Server::start(&program, &[], &open, &log, &format!("{OPEN}/books/1")).await?;

    let get = |url: &str, path: &str| Target::get(format!("{url}{path}")).with(&actors.token);
    let shown = get(BOOKS, "/books/1");
    let open = get(OPEN, "/books/1");
    bench.compare("`GET /books/{id}` against the same without its guard", &shown, &open, 0.95)?;
    bench.compare("`GET /books/{id}` against bare axum and sqlx", &shown, &get(BARE, "/books/1"), 0.8)?;
    let (ours, theirs) = (get(BOOKS, "/protected"), get(BARE, "/protected"));
    bench.compare("`/protected` against bare axum", &ours, &theirs, 0.75)?;

    let keys = client().get(format!("{AUTH}/.well-known/jwks.json")).send().await?;
    let etag = format!("If-None-Match: {}", keys.headers()["etag"].to_str()?);
    let conditional = |url: &str| Target::get(format!("{url}/.well-known/jwks.json")).header(&etag);
    let (ours, theirs) = (conditional(AUTH), conditional(BARE));
    bench.compare("JWKS with `If-None-Match` against bare axum", &ours, &theirs, 0.9)
}
