//! `instructions WORK TIMES`: does one piece of work so many times on one thread. Two runs that differ in `TIMES` alone tell
//! what one time costs: see `.ci/instructions`.

use std::ffi::OsString;
use std::hint::black_box;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{Method, Request, StatusCode};
use books_service::books::store;
use clap::{Args, Parser, ValueEnum};
use http_body_util::BodyExt as _;
use secrecy::SecretString;
use serde_json::{Value, json};
use shared::bearer::Bearer;
use shared::clock::{Clock as _, SystemClock};
use shared::database;
use shared::http::{Edge, Metrics};
use shared::jwks::{KeySnapshot, LocalKeys};
use shared::random::SystemRandom;
use shared::telemetry::{self, LogFormat, TraceSettings};
use shared::testing::{TestKey, TokenBuilder};
use shared::token::{TokenType, TokenVerifier};
use tower::ServiceExt as _;

const ISSUER: &str = "http://127.0.0.1:5001";
const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const PASSWORD: &str = "correct horse battery staple";

#[derive(Parser)]
struct Arguments {
    work: Work,
    times: u32,
}

#[derive(Clone, Copy, ValueEnum)]
enum Work {
    /// A full check of an access token, which nobody remembers
    Verify,
    /// A signature with the claims of an access token
    Sign,
    /// `POST /refresh`, from request to answer
    Refresh,
    /// `GET /protected`, from request to answer
    Protected,
    /// `GET /books/{id}`, from request to answer
    GetBook,
}

fn main() -> anyhow::Result<()> {
    let Arguments { work, times } = Arguments::parse();
    let _telemetry = telemetry::init(LogFormat::Json, &TraceSettings::default(), "instructions")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match work {
            Work::Verify => verify(times),
            Work::Sign => sign(times),
            Work::Refresh => refresh(times).await,
            Work::Protected => get(times, "/protected").await,
            Work::GetBook => get(times, "/books/1").await,
        }
    })
}

fn verifier(remembered: usize) -> anyhow::Result<TokenVerifier> {
    let keys = Arc::new(LocalKeys::new(KeySnapshot::of([TestKey::a().verifying_key()])));
    Ok(TokenVerifier::builder(ISSUER, "books", keys, Arc::new(SystemClock))
        .cache_tokens(remembered)
        .build()?)
}

fn token() -> String {
    let now = SystemClock.now();
    let token = TokenBuilder::new(ISSUER, "books", now).scope("books:read books:write");
    token.claim("exp", now.seconds() + 3600).sign(&TestKey::a())
}

fn verify(times: u32) -> anyhow::Result<()> {
    let (verifier, token) = (verifier(0)?, token());
    for _ in 0..times {
        let verdict = verifier.verify_now(black_box(&token));
        verdict.context("the key is at hand")?.map_err(|rejection| anyhow::anyhow!("{rejection:?}"))?;
    }
    Ok(())
}

fn sign(times: u32) -> anyhow::Result<()> {
    let (key, _) = auth_service::tokens::signing_key::SigningKey::generate()?;
    let claims = json!({
        "iss": ISSUER, "aud": "books", "sub": "01890000-0000-7000-8000-000000000001", "client_id": "first-party",
        "iat": 1_795_000_000, "exp": 1_795_000_900, "jti": "01890000-0000-7000-8000-000000000002",
        "scope": "books:read books:write", "roles": ["librarian"], "preferred_username": "test",
    });
    for _ in 0..times {
        black_box(key.sign(TokenType::Access, black_box(&claims))?);
    }
    Ok(())
}

/// Settings as the command line would give them.
#[derive(Parser)]
struct Only<T: Args> {
    #[command(flatten)]
    settings: T,
}

fn settings<T: Args>(flags: &[&str]) -> T {
    Only::parse_from(["instructions"].iter().chain(flags).map(OsString::from)).settings
}

async fn refresh(times: u32) -> anyhow::Result<()> {
    let database = database::connect("TEST", &SecretString::from("sqlite::memory:")).await?;
    database::migrate::<auth_service::migration::Migrator>(&database).await?;
    let settings: auth_service::config::Settings =
        settings(&["--key-encryption-key", KEY, "--registration", "open"]);
    let (config, sealer) = settings.check()?;
    let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom::new()));
    let service = auth_service::Service::start(config, sealer, database, clock, random).await?;
    let routes = service.routes.clone();
    // With the service ends its work in the background, which would be counted as well.
    drop(service);
    let who = json!({"username": "test", "password": PASSWORD});
    call(&routes, Method::POST, "/register", None, Some(&who)).await?;
    let mut tokens = call(&routes, Method::POST, "/login", None, Some(&who)).await?;
    for _ in 0..times {
        let refresh = tokens["refresh_token"].as_str().context("a refresh token")?.to_owned();
        tokens = call(&routes, Method::POST, "/refresh", Some(&refresh), None).await?;
    }
    Ok(())
}

async fn get(times: u32, path: &str) -> anyhow::Result<()> {
    let database = database::connect("TEST", &SecretString::from("sqlite::memory:")).await?;
    database::migrate::<books_service::migration::Migrator>(&database).await?;
    let parse = |text: &str| text.parse().map_err(anyhow::Error::msg);
    let author = "Ursula K. Le Guin".parse().map_err(anyhow::Error::msg)?;
    store::add(&database, parse("The Left Hand of Darkness")?, author, SystemClock.now()).await?;
    let settings: books_service::config::Settings = settings(&["--issuer", ISSUER]);
    let config = settings.check()?;
    let edge = Edge::new(config.edge.clone(), Arc::new(Metrics::new()), Arc::new(SystemRandom::new()));
    let app = Arc::new(books_service::state::App { config, database, clock: Arc::new(SystemClock) });
    let bearer = Bearer::new(verifier(10_000)?, "books");
    let (routes, token) = (edge.surround(books_service::routes::routes(app, &bearer)), token());
    for _ in 0..times {
        call(&routes, Method::GET, path, Some(&token), None).await?;
    }
    Ok(())
}

async fn call(
    routes: &Router,
    method: Method,
    path: &str,
    token: Option<&str>,
    body: Option<&Value>,
) -> anyhow::Result<Value> {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(token) = token {
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    }
    let body = match body {
        Some(body) => {
            request = request.header(CONTENT_TYPE, "application/json");
            Body::from(body.to_string())
        }
        None => Body::empty(),
    };
    let response = routes.clone().oneshot(request.body(body)?).await?;
    let (status, body) = (response.status(), response.into_body().collect().await?.to_bytes());
    anyhow::ensure!(matches!(status, StatusCode::OK | StatusCode::CREATED), "{path}: {status} {body:?}");
    Ok(serde_json::from_slice(&body)?)
}
