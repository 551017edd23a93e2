//! What happens to a service when its issuer, or somebody with made-up tokens, does what it should not:
//! `cargo bench --manifest-path bench/baselines/verifiers/Cargo.toml --bench scenarios` prints the table of docs/performance.md.
//!
//! Each library is set up as its own documentation says, with its own times.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::FromRef;
use axum::http::{Request, header::AUTHORIZATION};
use axum::routing::get;
use axum_jwt_auth::{Decoder, RemoteJwksDecoder};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_authorizer::{Authorizer, IntoLayer as _, JwtAuthorizer};
use serde::Deserialize;
use serde_json::json;
use shared::bearer::Bearer;
use shared::clock::{Clock as _, SystemClock};
use shared::testing::{Fault, MockIssuer, TestKey, TokenBuilder};
use shared::token::TokenVerifier;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tower::ServiceExt as _;
use tower_oauth2_resource_server::server::OAuth2ResourceServer;
use tower_oauth2_resource_server::tenant::TenantConfiguration;

const AUDIENCE: &str = "books";
/// No client waits longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Answers a request with this token by a status.
type App = Arc<dyn Fn(String) -> Pin<Box<dyn Future<Output = u16> + Send>> + Send + Sync>;
type Built = Pin<Box<dyn Future<Output = Result<App, String>> + Send>>;
type Library = fn(MockIssuer) -> Built;
/// What came of it, as a cell of the table.
type Outcome = Pin<Box<dyn Future<Output = Result<String, String>>>>;
type Scenario = fn(Library) -> Outcome;

const LIBRARIES: [(&str, Library); 4] = [
    ("**ours**", |issuer| Box::pin(ours(issuer))),
    ("`jwt-authorizer`", |issuer| Box::pin(jwt_authorizer(issuer))),
    ("`axum-jwt-auth`", |issuer| Box::pin(axum_jwt_auth(issuer))),
    ("`tower-oauth2-resource-server`", |issuer| Box::pin(tower_oauth2(issuer))),
];

#[derive(Clone, Debug, Deserialize)]
struct Claims {}

async fn ours(issuer: MockIssuer) -> Result<App, String> {
    let verifier = TokenVerifier::remote(issuer.issuer().as_str(), AUDIENCE).build().map_err(said)?;
    let route = get(|| async { "…" }).layer(Bearer::new(verifier, "books").any_token());
    Ok(app(Router::new().route("/", route)))
}

async fn jwt_authorizer(issuer: MockIssuer) -> Result<App, String> {
    let (name, keys) = addresses(&issuer);
    let validation = jwt_authorizer::Validation::new().iss(&[name]).aud(&[AUDIENCE]).nbf(true);
    let authorizer = JwtAuthorizer::<Claims>::from_jwks_url(&keys).validation(validation).build().await;
    let authorizer: Authorizer<Claims> = authorizer.map_err(said)?;
    // It is for axum 0.7.
    let route = axum_07::routing::get(|| async { "…" });
    let service = axum_07::Router::new().route("/", route).layer(authorizer.into_layer());
    Ok(Arc::new(move |token| {
        let request = request(token).map(axum_07::body::Body::new);
        let answer = service.clone().oneshot(request);
        Box::pin(async { answer.await.map_or(0, |response| response.status().as_u16()) })
    }))
}

#[derive(Clone)]
struct Decoding(Decoder<Claims>);

impl FromRef<Decoding> for Decoder<Claims> {
    fn from_ref(state: &Decoding) -> Self {
        Arc::clone(&state.0)
    }
}

async fn axum_jwt_auth(issuer: MockIssuer) -> Result<App, String> {
    use jsonwebtoken_10::{Algorithm, Validation};
    let (name, keys) = addresses(&issuer);
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_issuer(&[name]);
    validation.set_audience(&[AUDIENCE]);
    validation.validate_nbf = true;
    let decoder = RemoteJwksDecoder::builder().jwks_url(keys).validation(validation).build().map_err(said)?;
    // Dropping the token ends nothing: the task goes on.
    drop(decoder.initialize().await.map_err(said)?);
    let guarded = get(|_: axum_jwt_auth::Claims<Claims>| async { "…" });
    Ok(app(Router::new().route("/", guarded).with_state(Decoding(Arc::new(decoder)))))
}

async fn tower_oauth2(issuer: MockIssuer) -> Result<App, String> {
    let (name, keys) = addresses(&issuer);
    let tenant = TenantConfiguration::builder(&name).identifier(&name).jwks_url(keys).audiences(&[AUDIENCE]);
    let tenant = tenant.build().await.map_err(said)?;
    let server = OAuth2ResourceServer::<Claims>::builder().add_tenant(tenant).build().await.map_err(said)?;
    // It fetches in the background.
    sleep(Duration::from_millis(500)).await;
    Ok(app(Router::new().route("/", get(|| async { "…" })).layer(server.into_layer())))
}

fn app(service: Router) -> App {
    Arc::new(move |token| {
        let answer = service.clone().oneshot(request(token));
        Box::pin(async { answer.await.map_or(0, |response| response.status().as_u16()) })
    })
}

fn request(token: String) -> Request<Body> {
    let request = Request::get("/").header(AUTHORIZATION, format!("Bearer {token}"));
    request.body(Body::empty()).expect("a request")
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn addresses(issuer: &MockIssuer) -> (String, String) {
    let name = issuer.issuer().as_str().to_owned();
    let keys = format!("{name}/jwks.json");
    (name, keys)
}

fn token(issuer: &MockIssuer) -> TokenBuilder {
    let now = SystemClock.now();
    TokenBuilder::new(issuer.issuer().as_str(), AUDIENCE, now).claim("exp", now.seconds() + 3600)
}

/// The status, or what came in its place.
async fn ask(app: &App, token: String) -> String {
    match tokio::spawn(timeout(PATIENCE, app(token))).await {
        Ok(Ok(status)) => status.to_string(),
        Ok(Err(_)) => "no answer".to_owned(),
        Err(_) => "panic".to_owned(),
    }
}

async fn start(library: Library, issuer: &MockIssuer) -> Result<App, String> {
    let app = library(issuer.clone()).await?;
    match ask(&app, token(issuer).sign(&TestKey::a())).await.as_str() {
        "200" => Ok(app),
        other => Err(format!("a good token: {other}")),
    }
}

/// A token that names a key which nobody has.
fn made_up(issuer: &MockIssuer, number: usize) -> String {
    token(issuer).header("kid", format!("k{number}")).sign(&TestKey::b())
}

async fn new_key(library: Library) -> Result<String, String> {
    let issuer = MockIssuer::with_key(&TestKey::a()).await;
    let app = start(library, &issuer).await?;
    issuer.announce(&TestKey::b());
    Ok(ask(&app, token(&issuer).sign(&TestKey::b())).await)
}

/// Made-up keys on 64 connections, and good tokens beside them.
async fn flood(library: Library, requests: usize, fault: Option<Fault>) -> Result<String, String> {
    let issuer = MockIssuer::with_key(&TestKey::a()).await;
    let app = start(library, &issuer).await?;
    let good = token(&issuer).sign(&TestKey::a());
    let (idle, _) = valid_traffic(&app, &good, &AtomicBool::new(true)).await;
    issuer.fail(fault);
    let fetches = issuer.fetches();
    let over = Arc::new(AtomicBool::new(false));
    let neighbour = tokio::spawn({
        let (app, good, over) = (app.clone(), good.clone(), Arc::clone(&over));
        async move { valid_traffic(&app, &good, &over).await }
    });
    let tokens: Vec<_> = (0..64).map(|number| made_up(&issuer, number)).collect();
    let mut connections = JoinSet::new();
    let began = Instant::now();
    for worker in 0..64 {
        let (app, issuer, tokens) = (app.clone(), issuer.clone(), tokens.clone());
        connections.spawn(async move {
            let mut seen = BTreeMap::new();
            for number in (worker..requests).step_by(64) {
                if began.elapsed() > Duration::from_secs(30) {
                    break;
                }
                // Signing costs more than all else: the signature of another token is as wrong.
                let template = &tokens[worker];
                let (_, rest) = template.split_once('.').expect("a token");
                let (header, _) = token(&issuer).parts(&format!("k{number}"));
                *seen
                    .entry(ask(&app, format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header))).await)
                    .or_insert(0) += 1;
            }
            seen
        });
    }
    let mut seen = BTreeMap::<String, usize>::new();
    while let Some(Ok(statuses)) = connections.join_next().await {
        for (status, count) in statuses {
            *seen.entry(status).or_default() += count;
        }
    }
    over.store(true, Ordering::SeqCst);
    let (busy, refused) = neighbour.await.map_err(said)?;
    let seen: Vec<_> = seen.iter().map(|(status, count)| format!("{count} × {status}")).collect();
    let fetched = issuer.fetches() - fetches;
    let good = if refused == 0 { "all pass".to_owned() } else { format!("**{refused} refused**") };
    Ok(format!(
        "{} in {:.1} s, {fetched} fetches; good tokens: {good}, p99 {busy:.1} ms ({idle:.1} idle)",
        seen.join(", "),
        began.elapsed().as_secs_f64()
    ))
}

/// A good token every 5 ms, 200 of them at least and until it is over: p99 in milliseconds, and how many did not pass.
async fn valid_traffic(app: &App, good: &str, over: &AtomicBool) -> (f64, usize) {
    let (mut times, mut refused, mut every) = (vec![], 0, tokio::time::interval(Duration::from_millis(5)));
    while times.len() < 200 || !over.load(Ordering::SeqCst) {
        let due = every.tick().await;
        refused += usize::from(ask(app, good.to_owned()).await != "200");
        times.push(due.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    (times[times.len() * 99 / 100], refused)
}

async fn outage(library: Library) -> Result<String, String> {
    let issuer = MockIssuer::with_key(&TestKey::a()).await;
    let app = start(library, &issuer).await?;
    issuer.fail(Fault::Refuse);
    let bad = ask(&app, made_up(&issuer, 0)).await;
    let good = ask(&app, token(&issuer).sign(&TestKey::a())).await;
    Ok(format!("{bad}, then {good}"))
}

async fn cold(library: Library) -> Result<String, String> {
    let issuer = MockIssuer::with_key(&TestKey::a()).await;
    issuer.fail(Fault::Refuse);
    let app = match library(issuer.clone()).await {
        Ok(app) => app,
        Err(_) => return Ok("does not start".to_owned()),
    };
    let meanwhile = ask(&app, token(&issuer).sign(&TestKey::a())).await;
    issuer.fail(None);
    let back = Instant::now();
    while back.elapsed() < Duration::from_secs(60) {
        if ask(&app, token(&issuer).sign(&TestKey::a())).await == "200" {
            return Ok(format!("{meanwhile}; 200 after {:.0} s", back.elapsed().as_secs_f64()));
        }
        sleep(Duration::from_millis(200)).await;
    }
    Ok(format!("{meanwhile}, and a minute after it is back"))
}

/// Tokens that the issuer signed, and that are no access tokens for this service or not what they seem.
async fn misuse(library: Library) -> Result<String, String> {
    let issuer = MockIssuer::with_key(&TestKey::a()).await;
    let app = start(library, &issuer).await?;
    let good = || token(&issuer);
    let twins = good().sign(&TestKey::a());
    let (start, last) = twins.split_at(twins.len() - 1);
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let twin = alphabet.find(last).and_then(|at| alphabet.get(at ^ 1..=at ^ 1)).unwrap_or_default();
    let now = SystemClock.now().seconds();
    let tokens = [
        ("an ID token", good().header("typ", "JWT").sign(&TestKey::a())),
        ("a refresh token", good().header("typ", "rt+jwt").sign(&TestKey::a())),
        ("no audience", good().without_claim("aud").sign(&TestKey::a())),
        ("no issuer", good().without_claim("iss").sign(&TestKey::a())),
        ("`crit`", good().header("crit", json!(["x"])).header("x", 1).sign(&TestKey::a())),
        ("bound to a key", good().claim("cnf", json!({"jkt": "x"})).sign(&TestKey::a())),
        ("`exp` twice", good().raw_claim("exp", &(now + 9999).to_string()).sign(&TestKey::a())),
        ("`nbf` as text", good().claim("nbf", (now + 3600).to_string()).sign(&TestKey::a())),
        ("a second spelling", format!("{start}{twin}")),
        ("key for encryption", {
            let mut jwk = TestKey::b().jwk();
            jwk["use"] = json!("enc");
            issuer.publish(vec![TestKey::a().jwk(), jwk]);
            good().sign(&TestKey::b())
        }),
    ];
    let count = tokens.len();
    let mut accepted = Vec::new();
    for (what, token) in tokens {
        if ask(&app, token).await == "200" {
            accepted.push(what);
        }
    }
    Ok(match accepted.len() {
        0 => format!("none of {count}"),
        several => format!("{several} of {count}: {}", accepted.join(", ")),
    })
}

#[tokio::main]
async fn main() {
    // What a panic prints is not for the table.
    std::panic::set_hook(Box::new(|_| ()));
    let scenarios: [(&str, Scenario); 6] = [
        ("a token of a key published a moment ago", |library| Box::pin(new_key(library))),
        ("10,000 made-up keys on 64 connections", |library| Box::pin(flood(library, 10_000, None))),
        ("the same, 2,000, while the issuer hangs", |library| {
            Box::pin(flood(library, 2_000, Some(Fault::Hang)))
        }),
        ("the issuer is down: a made-up key, then a good token", |library| Box::pin(outage(library))),
        ("started while the issuer is down: a good token", |library| Box::pin(cold(library))),
        ("tokens that must not pass, and do", |library| Box::pin(misuse(library))),
    ];
    for (what, scenario) in scenarios {
        println!("\n**{what}**\n\n| | |\n|---|---|");
        for (name, library) in LIBRARIES {
            let outcome = scenario(library).await.unwrap_or_else(|problem| format!("fails: {problem}"));
            println!("| {name} | {outcome} |");
        }
    }
}
