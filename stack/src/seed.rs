//! `stack seed`: the demo in databases of services that run elsewhere.

use std::sync::Arc;

use auth_service::config::Settings as AuthSettings;
use books_service::config::Settings as BooksSettings;
use shared::clock::{Clock, SystemClock};
use shared::command::say;
use shared::database;
use shared::random::{Random, SystemRandom};

use crate::demo;
use crate::options::of_environment;

/// Makes the account and the catalogue, where they are missing. Safe to do again, and beside running services.
pub(crate) async fn run() -> anyhow::Result<()> {
    let (auth_settings, books_settings): (AuthSettings, BooksSettings) =
        (of_environment()?, of_environment()?);
    let (auth_config, sealer) = auth_settings.check()?;
    let books_config = books_settings.check()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let random: Arc<dyn Random> = Arc::new(SystemRandom::new());
    let auth_database = database::connect("AUTH_DATABASE_URL", &auth_config.database_url).await?;
    let books_database = database::connect("BOOKS_DATABASE_URL", &books_config.database_url).await?;
    let (auth_clock, auth_random) = (Arc::clone(&clock), Arc::clone(&random));
    let auth =
        auth_service::Service::start(auth_config, sealer, auth_database, auth_clock, auth_random).await?;
    let books = books_service::Service::start(books_config, books_database, clock, random).await?;
    let made = demo::seed(&auth.app, &books.app).await?;
    say(if made {
        "DEMO: made the account test with the password test, which everybody knows, and a catalogue"
    } else {
        "DEMO: the account test was there already"
    });
    Ok(())
}
