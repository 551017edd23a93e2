//! Several issuers in one verifier, looser rules for old ones, and claims of the service's own.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::Request;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http_body_util::BodyExt as _;
use prometheus_client::registry::Registry;
use serde::Deserialize;
use shared::bearer::{Bearer, Principal, ResourceMetadata};
use shared::clock::{Clock, SystemClock};
use shared::jwks::{KeySnapshot, KeySource, LocalKeys, RemoteJwks, RemoteJwksSettings};
use shared::random::SystemRandom;
use shared::testing::{Fault, MockIssuer, TestKey, TokenBuilder};
use shared::token::{Rejection, TokenVerifier, TokenVerifierBuilder};
use tower::ServiceExt as _;

const ONE: &str = "https://one.example";
const TWO: &str = "https://two.example";

fn keys(keys: &[TestKey]) -> Arc<LocalKeys> {
    Arc::new(LocalKeys::new(KeySnapshot::of(keys.iter().map(TestKey::verifying_key))))
}

/// Issuer one signs with key a.
fn one() -> TokenVerifierBuilder {
    TokenVerifier::builder(ONE, "books", keys(&[TestKey::a()]), Arc::new(SystemClock)).cache_tokens(100)
}

fn token(issuer: &str) -> TokenBuilder {
    TokenBuilder::new(issuer, "books", SystemClock.now())
}

#[tokio::test]
async fn each_issuer_signs_with_its_own_keys_and_no_others() {
    let both = one().also_issuer_with(TWO, keys(&[TestKey::b()])).build().unwrap();
    for _ in ["verified", "remembered"] {
        assert_eq!(both.verify(&token(ONE).sign(&TestKey::a())).await.unwrap().iss, ONE);
        assert_eq!(both.verify(&token(TWO).sign(&TestKey::b())).await.unwrap().iss, TWO);
    }
    let crossed = token(ONE).sign(&TestKey::b());
    assert_eq!(both.verify(&crossed).await, Err(Rejection::UnknownKey));
    assert_eq!(both.verify(&token(TWO).sign(&TestKey::a())).await, Err(Rejection::UnknownKey));
    // The other issuer's key under the name of one's own.
    let renamed = token(ONE).header("kid", TestKey::a().kid()).sign(&TestKey::b());
    assert_eq!(both.verify(&renamed).await, Err(Rejection::Signature));
}

#[tokio::test]
async fn a_key_of_the_same_name_at_another_issuer_verifies_nothing() {
    let theirs = TestKey::b();
    let n = theirs.modulus();
    let namesake =
        shared::jwks::VerifyingKey::from_components(TestKey::a().kid().to_owned(), &n, &[1, 0, 1]).unwrap();
    let source = Arc::new(LocalKeys::new(KeySnapshot::of([namesake])));
    let both = one().also_issuer_with(TWO, source).build().unwrap();
    let signed_by_two = |issuer: &str| token(issuer).header("kid", TestKey::a().kid()).sign(&theirs);
    assert!(both.verify(&signed_by_two(TWO)).await.is_ok());
    assert_eq!(both.verify(&signed_by_two(ONE)).await, Err(Rejection::Signature));
}

#[tokio::test]
async fn a_remembered_token_ends_with_the_key_of_its_own_issuer() {
    let (of_one, of_two) = (keys(&[TestKey::a()]), keys(&[TestKey::b()]));
    let first: Arc<dyn KeySource> = Arc::<LocalKeys>::clone(&of_one);
    let both = TokenVerifier::builder(ONE, "books", first, Arc::new(SystemClock)).cache_tokens(100);
    let both = both.also_issuer_with(TWO, Arc::<LocalKeys>::clone(&of_two)).build().unwrap();
    let token = token(TWO).sign(&TestKey::b());
    assert!(both.verify(&token).await.is_ok());
    of_two.replace(KeySnapshot::of([TestKey::c().verifying_key()]));
    of_one.replace(KeySnapshot::of([TestKey::a().verifying_key(), TestKey::b().verifying_key()]));
    assert_eq!(both.verify(&token).await, Err(Rejection::UnknownKey));
}

async fn fetched(issuer: &MockIssuer) -> Arc<RemoteJwks> {
    let settings = RemoteJwksSettings::new(issuer.issuer().clone());
    let random = Arc::new(SystemRandom::new());
    let keys = RemoteJwks::start(settings, issuer.transport(), Arc::new(SystemClock), random).unwrap();
    keys.loaded().await;
    Arc::new(keys)
}

#[tokio::test]
async fn an_issuer_that_nobody_trusts_is_asked_for_nothing_and_has_nobody_asked() {
    let (one, two) = (MockIssuer::with_key(&TestKey::a()).await, MockIssuer::with_key(&TestKey::b()).await);
    let stranger = MockIssuer::with_key(&TestKey::c()).await;
    let (ours, theirs) = (fetched(&one).await, fetched(&two).await);
    let both = TokenVerifier::builder(one.issuer().as_str(), "books", ours, Arc::new(SystemClock));
    let both = both.also_issuer_with(two.issuer().as_str(), theirs).build().unwrap();
    for issuer in [stranger.issuer().as_str(), "", "https://one.example/"] {
        let token = token(issuer).sign(&TestKey::c());
        assert_eq!(both.verify(&token).await, Err(Rejection::Issuer), "{issuer}");
    }
    let unreadable = token("x").without_claim("iss").raw_claim("iss", "[1]").sign(&TestKey::a());
    assert_eq!(both.verify(&unreadable).await, Err(Rejection::Issuer));
    assert_eq!((stranger.fetches(), one.fetches(), two.fetches()), (0, 1, 1));
    // An unknown key is asked for where its token is said to come from, and only there.
    let unknown = token(two.issuer().as_str()).sign(&TestKey::c());
    assert_eq!(both.verify(&unknown).await, Err(Rejection::UnknownKey));
    assert_eq!((stranger.fetches(), one.fetches(), two.fetches()), (0, 1, 2));
    // One issuer that is away costs the other nothing.
    two.fail(Fault::Status(500));
    assert!(both.verify(&token(one.issuer().as_str()).sign(&TestKey::a())).await.is_ok());
    let mut registry = Registry::default();
    both.register(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    assert!(text.contains(&format!("jwks_keys{{issuer=\"{}\"}} 1", two.issuer())), "{text}");
}

#[test]
fn an_issuer_is_named_once() {
    let twice = one().also_issuer_with(TWO, keys(&[])).also_issuer_with(ONE, keys(&[])).also_issuer("");
    assert_eq!(twice.build().unwrap_err().problems().len(), 3, "twice, empty, and no address");
}

#[tokio::test]
async fn what_old_issuers_leave_out_is_accepted_where_that_is_said() {
    let old = |typ: &str| token(ONE).header("typ", typ).sign(&TestKey::a());
    let none = token(ONE).without_header("typ").sign(&TestKey::a());
    let (strict, loose) = (one().build().unwrap(), one().allow_legacy_typ().build().unwrap());
    for token in [old("JWT"), old("application/jwt"), none] {
        assert_eq!(strict.verify(&token).await, Err(Rejection::Type));
        assert!(loose.verify(&token).await.is_ok());
    }
    assert_eq!(loose.verify(&old("dpop+jwt")).await, Err(Rejection::Type));
    assert_eq!(loose.verify(&old("rt+jwt")).await, Err(Rejection::RefreshToken));
}

#[tokio::test]
async fn without_a_kid_the_only_key_counts_and_none_of_several() {
    let nameless = |key: &TestKey| {
        let (header, payload) = token(ONE).parts("");
        TokenBuilder::sign_parts(&header.replace(r#""kid":"","#, ""), &payload, key)
    };
    let of = |own: &[TestKey]| {
        let builder = TokenVerifier::builder(ONE, "books", keys(own), Arc::new(SystemClock));
        builder.allow_missing_kid().cache_tokens(100).build().unwrap()
    };
    assert_eq!(one().build().unwrap().verify(&nameless(&TestKey::a())).await, Err(Rejection::KeyId));
    let single = of(&[TestKey::a()]);
    for _ in ["verified", "remembered"] {
        assert!(single.verify(&nameless(&TestKey::a())).await.is_ok());
    }
    assert_eq!(single.verify(&nameless(&TestKey::b())).await, Err(Rejection::Signature));
    let named_nothing = token(ONE).header("kid", "").sign(&TestKey::a());
    assert_eq!(single.verify(&named_nothing).await, Err(Rejection::KeyId));
    let several = of(&[TestKey::a(), TestKey::b()]);
    assert_eq!(several.verify(&nameless(&TestKey::a())).await, Err(Rejection::KeyId));
    // Nor does such a token have anybody ask the issuer.
    let issuer = MockIssuer::start(vec![TestKey::a().jwk(), TestKey::b().jwk()]).await;
    let remote = TokenVerifier::builder(ONE, "books", fetched(&issuer).await, Arc::new(SystemClock));
    let remote = remote.allow_missing_kid().build().unwrap();
    assert_eq!(remote.verify(&nameless(&TestKey::a())).await, Err(Rejection::KeyId));
    assert_eq!(issuer.fetches(), 1);
}

#[derive(Clone, Deserialize)]
struct Tenant {
    tenant: u32,
}

async fn tenant(caller: Principal<Tenant>) -> String {
    format!("{} of {}", caller.claims().preferred_username.as_deref().unwrap_or("?"), caller.own().tenant)
}

async fn ask(app: &Router, path: &str, token: &str) -> (u16, String, String) {
    let request = Request::get(path).header(AUTHORIZATION, format!("Bearer {token}"));
    let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let challenge = response.headers().get(WWW_AUTHENTICATE).map_or("", |value| value.to_str().unwrap());
    let (status, challenge) = (response.status().as_u16(), challenge.to_owned());
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, challenge, String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn a_handler_takes_claims_of_its_own_as_a_type() {
    let bearer = Bearer::new(one().build().unwrap(), "books");
    let with_claims = || bearer.any_token().with_claims::<Tenant>();
    let plain = |caller: Principal| async move { caller.claims().sub.len().to_string() };
    let app = Router::new()
        .route("/tenant", get(tenant).layer(with_claims()))
        .route("/plain", get(plain).layer(with_claims()))
        .route("/forgotten", get(tenant).layer(bearer.any_token()));
    let of = |tenant: u8| token(ONE).claim("tenant", tenant).sign(&TestKey::a());
    for _ in ["verified", "remembered"] {
        let (status, _, body) = ask(&app, "/tenant", &of(7)).await;
        assert_eq!((status, body.as_str()), (200, "tester of 7"));
    }
    assert_eq!(ask(&app, "/plain", &of(7)).await.0, 200);
    let ill_typed = token(ONE).claim("tenant", "seven").sign(&TestKey::a());
    for token in [token(ONE).sign(&TestKey::a()), ill_typed] {
        let (status, challenge, _) = ask(&app, "/tenant", &token).await;
        assert_eq!(status, 401);
        assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
    }
    assert_eq!(ask(&app, "/forgotten", &of(7)).await.0, 500, "a route table that is wrong fails closed");
    let claims = token(ONE).claims().unwrap();
    let caller = Principal::for_test_with(claims, Tenant { tenant: 8 });
    let (_, _, body) = ask(&Router::new().route("/", get(tenant)).layer(caller), "/", "").await;
    assert_eq!(body, "tester of 8");
}

#[tokio::test]
async fn the_metadata_are_where_the_challenge_says() {
    let url = "https://api.example/notes".parse().unwrap();
    let metadata = ResourceMetadata::new("notes", &url, [ONE, TWO]).scopes(["notes:read"]);
    assert_eq!(metadata.url().path(), "/.well-known/oauth-protected-resource/notes");
    let app: Router = metadata.routes();
    for path in [metadata.url().path(), "/.well-known/oauth-protected-resource"] {
        let (status, _, body) = ask(&app, path, "").await;
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        let expected = serde_json::json!({
            "resource": "https://api.example/notes", "authorization_servers": [ONE, TWO],
            "scopes_supported": ["notes:read"], "bearer_methods_supported": ["header"], "resource_name": "notes",
        });
        assert_eq!((status, body), (200, expected));
    }
}
