//! What is measured, in the order of the table.

mod bare;
mod crypto;
mod flask;
mod neighbours;
mod oidc_provider;
mod pages;
mod sessions;
mod start;

use anyhow::Context as _;
use serde_json::json;

use crate::Part;
use crate::bench::{AUTH, BOOKS, Bench, PASSWORD};
use crate::database::Database;
use crate::http::{client, login, text};
use crate::load::Target;

/// What the parts have in common.
struct Actors {
    /// An access token of a librarian.
    token: String,
    /// The refresh tokens of sixteen sessions.
    refresh: Vec<String>,
    /// A book, as JSON.
    book: String,
}

/// Measures what is wanted.
pub(crate) async fn measure(bench: &mut Bench, wanted: impl Fn(Part) -> bool) -> anyhow::Result<()> {
    bench.migrate()?;
    if wanted(Part::Start) {
        start::measure(bench).await?;
    }
    bench.auth_command(&["user", "create", "test", "--role", "librarian"], PASSWORD)?;
    {
        let (auth, books) = (bench.auth().await?, bench.books().await?);
        let idle = auth.resident();
        if wanted(Part::Start) {
            bench.report.below("memory of auth-service, idle, MiB", "", idle, 25.0);
            bench.report.below("memory of books-service, idle, MiB", "", books.resident(), 25.0);
        }
        let mut actors = actors().await?;
        if wanted(Part::Bare) {
            bare::measure(bench, &actors).await?;
        }
        if wanted(Part::Crypto) {
            crypto::measure(bench, &mut actors).await?;
        }
        if wanted(Part::Neighbours) {
            neighbours::measure(bench, &mut actors).await?;
            neighbours::memory(bench, &auth).await;
        }
        if wanted(Part::Flood) {
            neighbours::flood(bench, &auth, idle).await?;
        }
        if wanted(Part::Flask) {
            flask::measure(bench, &mut actors).await?;
        }
        if wanted(Part::Pages) {
            pages::measure(bench, &actors)?;
        }
        if wanted(Part::Sessions) && matches!(bench.database, Database::MySql(_)) {
            sessions::measure(bench, &mut actors).await?;
        }
    }
    if wanted(Part::OidcProvider) && matches!(bench.database, Database::Sqlite(_)) {
        oidc_provider::measure(bench).await?;
    }
    Ok(())
}

async fn actors() -> anyhow::Result<Actors> {
    let client = client();
    let (mut token, mut refresh) = (None, Vec::new());
    for _ in 0..16 {
        let tokens = login(&client, AUTH, PASSWORD).await?;
        token = Some(text(&tokens, "access_token")?);
        refresh.push(text(&tokens, "refresh_token")?);
    }
    let token = token.context("nobody logged in")?;
    let book = json!({"title": "The Left Hand of Darkness", "author": "Ursula K. Le Guin"}).to_string();
    for _ in 0..100 {
        let made = client.post(format!("{BOOKS}/books")).bearer_auth(&token);
        let made = made.header("content-type", "application/json").body(book.clone());
        made.send().await?.error_for_status()?;
    }
    Ok(Actors { token, refresh, book })
}

fn logging_in() -> Target {
    let body = json!({"username": "test", "password": PASSWORD}).to_string();
    Target::get(format!("{AUTH}/login")).post("application/json", body)
}
