//! A whole rotation of the signing key under load, with key caches as old as they may get: not one token is refused.

use std::ffi::OsString;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use auth_service::accounts::store::{self, NewPassword};
use auth_service::accounts::{Role, Roles};
use auth_service::passwords::Password;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use clap::{Args, Parser};
use serde_json::json;
use shared::clock::{Clock as _, Timestamp};
use shared::database;
use shared::http::{ConnectionLimits, Listener, ServeSettings, serve};
use shared::random::SystemRandom;
use shared::testing::{Caller, FakeClock, new_database};
use tokio::sync::watch;

const MINUTE: u64 = 60;
const DAY: u64 = 86400;
const MAX_AGE: u64 = 5 * MINUTE;
const PASSWORD: &str = "correct horse battery staple";

#[derive(Debug, Parser)]
struct Only<T: Args> {
    #[command(flatten)]
    settings: T,
}

fn settings<T: Args>(flags: &[&str]) -> T {
    let arguments = ["test"].iter().chain(flags).map(OsString::from);
    Only::<T>::try_parse_from(arguments).unwrap().settings
}

/// An issuer on the network, those who verify what it signs, and the time of all of them.
struct Drill {
    auth: auth_service::Service,
    issuer: String,
    clock: Arc<FakeClock>,
    fetches: Arc<AtomicUsize>,
    verifiers: Vec<(Timestamp, books_service::Service)>,
    started: usize,
    tokens: Vec<(Timestamp, String)>,
    answered: usize,
    _shutdown: watch::Sender<bool>,
}

impl Drill {
    async fn new() -> Self {
        let listener = Listener::bind("TEST", "127.0.0.1:0".parse().unwrap()).await.unwrap();
        let issuer = format!("http://{}", listener.address().unwrap());
        let clock = Arc::new(FakeClock::default());
        let key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        let flags = ["--issuer", &issuer, "--key-encryption-key", key];
        let (config, sealer) = settings::<auth_service::config::Settings>(&flags).check().unwrap();
        let tables = database::connect("TEST", &new_database().await).await.unwrap();
        database::migrate::<auth_service::migration::Migrator>(&tables).await.unwrap();
        let random = Arc::new(SystemRandom::new());
        let auth = auth_service::Service::start(config, sealer, tables, clock.clone(), random).await.unwrap();
        let (shutdown, ended) = watch::channel(false);
        let fetches = Arc::<AtomicUsize>::default();
        let count = Arc::clone(&fetches);
        let routes = auth.routes.clone().layer(from_fn(move |request: Request, next: Next| {
            count.fetch_add(usize::from(request.uri().path().ends_with("jwks.json")), Ordering::SeqCst);
            next.run(request)
        }));
        tokio::spawn(serve(
            listener,
            routes,
            ServeSettings {
                drain: Duration::ZERO,
                grace: Duration::ZERO,
                limits: ConnectionLimits::default(),
            },
            ended,
        ));
        let drill = Self {
            auth,
            issuer,
            clock,
            fetches,
            verifiers: Vec::new(),
            started: 0,
            tokens: Vec::new(),
            answered: 0,
            _shutdown: shutdown,
        };
        drill.make_account().await;
        drill
    }

    async fn make_account(&self) {
        let app = &self.auth.app;
        let hash = app.passwords.hash(Password::presented(PASSWORD).unwrap()).await.unwrap();
        let (name, password) = ("lib".parse().unwrap(), NewPassword::chosen(hash));
        let (id, roles) = (app.random.uuid(), Roles::new([Role::Reader]));
        store::create(&app.database, id, &name, password, &roles, self.clock.now()).await.unwrap();
    }

    /// Lets time pass in small steps. At each, somebody fetches the keys just before the issuer looks after them, a token
    /// is signed, and all tokens that have not expired are shown to all whose keys are not too old.
    async fn pass(&mut self, span: u64) {
        const STEP: u64 = 150;
        for _ in 0..span / STEP {
            self.start_verifier().await;
            self.clock.advance(Duration::from_secs(STEP));
            self.auth.app.keyring.maintain().await.unwrap();
            self.sign().await;
            self.show().await;
        }
    }

    /// Lets time pass in which nothing is of interest.
    async fn jump(&mut self, span: u64) {
        self.clock.advance(Duration::from_secs(span));
        self.auth.app.keyring.maintain().await.unwrap();
    }

    async fn start_verifier(&mut self) {
        let config =
            settings::<books_service::config::Settings>(&["--issuer", &self.issuer]).check().unwrap();
        let tables = database::connect("TEST", &new_database().await).await.unwrap();
        database::migrate::<books_service::migration::Migrator>(&tables).await.unwrap();
        let random = Arc::new(SystemRandom::new());
        let books = books_service::Service::start(config, tables, self.clock.clone(), random).await.unwrap();
        books.keys_loaded().await;
        self.verifiers.push((self.clock.now(), books));
        self.started += 1;
    }

    async fn sign(&mut self) {
        let login = json!({"username": "lib", "password": PASSWORD});
        let caller = Caller::anonymous(self.auth.routes.clone(), "auth");
        let answer = caller.post("/login", login).await.expect(200).body;
        self.tokens.push((self.clock.now(), answer["access_token"].as_str().unwrap().to_owned()));
    }

    async fn show(&mut self) {
        let now = self.clock.now();
        let within = |since: Timestamp, seconds: u64| now.since(since) <= Duration::from_secs(seconds);
        self.verifiers.retain(|(loaded, _)| within(*loaded, MAX_AGE));
        self.tokens.retain(|(signed, _)| within(*signed, 15 * MINUTE - 1));
        let calls = self.verifiers.iter().flat_map(|(_, books)| {
            let call = |token: &str| {
                let caller = Caller::anonymous(books.routes.clone(), "books").with_token(token);
                async move { caller.get("/books").await }
            };
            self.tokens.iter().flat_map(|(_, token)| [token; 3]).map(move |token| call(token))
        });
        let answers = futures_util::future::join_all(calls).await;
        self.answered += answers.len();
        for answer in answers {
            answer.expect(200);
        }
    }

    async fn published(&self) -> Vec<String> {
        let caller = Caller::anonymous(self.auth.routes.clone(), "auth");
        let set = caller.get("/.well-known/jwks.json").await.expect(200).body;
        set["keys"].as_array().unwrap().iter().map(|key| key["kid"].to_string()).collect()
    }
}

#[tokio::test]
async fn nobody_notices_that_the_key_is_rotated() {
    let mut drill = Drill::new().await;
    let first = drill.published().await;
    drill.pass(10 * MINUTE).await;
    drill.jump(30 * DAY - 20 * MINUTE).await;
    drill.pass(20 * MINUTE).await; // the next key is made
    assert_eq!(drill.published().await.len(), 2);
    drill.jump(DAY - 20 * MINUTE).await;
    drill.pass(40 * MINUTE).await; // and signs, while tokens of the first one are about
    drill.jump(30 * DAY).await;
    drill.pass(20 * MINUTE).await;
    drill.jump(DAY).await;
    drill.pass(20 * MINUTE).await; // the first key is gone
    assert!(!drill.published().await.contains(&first[0]));
    assert!(drill.answered > 1000, "{}", drill.answered);
    assert_eq!(drill.fetches.load(Ordering::SeqCst), drill.started, "nobody met a key that it did not know");
}
