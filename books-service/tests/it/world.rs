//! A service of one's own for each test, its issuer, and those who call it.

use std::ffi::OsString;
use std::sync::Arc;

use books_service::Service;
use books_service::config::Settings;
use books_service::migration::Migrator;
use clap::Parser;
use http::header::LOCATION;
use sea_orm::DatabaseConnection;
use serde_json::json;
use shared::clock::Clock as _;
use shared::database;
use shared::random::SystemRandom;
use shared::testing::{Answer, Caller, FakeClock, MockIssuer, TestKey, TokenBuilder, new_database};

#[derive(Debug, Parser)]
struct Wrapper {
    #[command(flatten)]
    settings: Settings,
}

/// A running service, its issuer, and the time of both.
pub(crate) struct World {
    pub(crate) service: Service,
    pub(crate) issuer: MockIssuer,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) key: TestKey,
}

impl World {
    /// With an issuer that works, and its keys loaded.
    pub(crate) async fn new() -> Self {
        let key = TestKey::a();
        let world = Self::with(MockIssuer::with_key(&key).await).await;
        world.service.keys_loaded().await;
        world
    }

    /// With this issuer, whatever it does.
    pub(crate) async fn with(issuer: MockIssuer) -> Self {
        Self::of(issuer, Arc::new(FakeClock::default())).await
    }

    /// With this issuer at this time.
    pub(crate) async fn of(issuer: MockIssuer, clock: Arc<FakeClock>) -> Self {
        Self::with_flags(issuer, clock, &[]).await
    }

    /// With these flags besides.
    pub(crate) async fn with_flags(issuer: MockIssuer, clock: Arc<FakeClock>, flags: &[&str]) -> Self {
        Self::on(migrated_database().await, issuer, clock, flags).await
    }

    /// On this database, which has its schema, and may be another one's, too.
    pub(crate) async fn on(
        database: DatabaseConnection,
        issuer: MockIssuer,
        clock: Arc<FakeClock>,
        flags: &[&str],
    ) -> Self {
        let arguments = ["books-service", "--issuer", issuer.issuer().as_str()];
        let arguments = arguments.iter().chain(flags).map(OsString::from);
        let mut config = Wrapper::try_parse_from(arguments).unwrap().settings.check().unwrap();
        config.jwks.wait_for_keys = std::time::Duration::from_millis(200);
        let random = Arc::new(SystemRandom::new());
        let service = Service::start(config, database, clock.clone(), random).await.unwrap();
        Self { service, issuer, clock, key: TestKey::a() }
    }

    /// A valid token without scope, to be bent.
    pub(crate) fn token(&self) -> TokenBuilder {
        TokenBuilder::new(self.issuer.issuer().as_str(), "books", self.clock.now())
    }

    pub(crate) fn anonymous(&self) -> Caller {
        Caller::anonymous(self.service.routes.clone(), "books")
    }

    pub(crate) fn bearer(&self, token: String) -> Caller {
        self.anonymous().with_token(token)
    }

    pub(crate) fn with_scope(&self, scope: &str) -> Caller {
        self.bearer(self.token().scope(scope).sign(&self.key))
    }

    pub(crate) fn reader(&self) -> Caller {
        self.with_scope("books:read")
    }

    pub(crate) fn librarian(&self) -> Caller {
        self.with_scope("books:read books:write")
    }
}

/// A new database, up to date.
pub(crate) async fn migrated_database() -> DatabaseConnection {
    let database = database::connect("TEST", &new_database().await).await.unwrap();
    database::migrate::<Migrator>(&database).await.unwrap();
    database
}

/// What these tests ask of a caller.
pub(crate) trait Librarian {
    /// Adds a book and returns its address.
    async fn add(&self, title: &str, author: &str) -> String;
}

impl Librarian for Caller {
    async fn add(&self, title: &str, author: &str) -> String {
        let answer = self.post("/books", json!({"title": title, "author": author})).await.expect(201);
        answer.header(LOCATION).to_owned()
    }
}

/// The titles of a list.
#[track_caller]
pub(crate) fn titles(answer: Answer) -> Vec<String> {
    let answer = answer.expect(200);
    let books = answer.body.as_array().unwrap();
    books.iter().map(|book| book["title"].as_str().unwrap().to_owned()).collect()
}
