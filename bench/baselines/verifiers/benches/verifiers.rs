//! One valid token of one known key, by us and by others: `cargo bench --manifest-path bench/baselines/verifiers/Cargo.toml`.
//!
//! All are asked for the same: RS256 by one RSA key of 2048 bits, issuer, audience and times checked. What else each
//! of them checks differs, see docs/performance.md.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use axum::body::Body;
use axum::http::{Request, Response, header::AUTHORIZATION};
use axum_jwt_auth::{JwtDecoder as _, LocalDecoder};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use divan::{Bencher, black_box};
use jwt_authorizer::JwtAuthorizer;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde::Deserialize;
use serde_json::json;
use shared::bearer::Bearer;
use shared::clock::{Clock as _, SystemClock};
use shared::jwks::{KeySnapshot, LocalKeys};
use shared::testing::{TestKey, TokenBuilder};
use shared::token::TokenVerifier;
use tower::{Layer as _, Service};
use tower_oauth2_resource_server::server::OAuth2ResourceServer;
use tower_oauth2_resource_server::tenant::TenantConfiguration;

const ISSUER: &str = "https://id.example";
const AUDIENCE: &str = "books";

fn main() {
    divan::main();
}

/// What services usually ask a token for.
#[derive(Clone, Debug, Deserialize)]
#[expect(dead_code, reason = "read by nobody: the work is to fill it")]
struct Claims {
    sub: String,
    scope: String,
    roles: Vec<String>,
    jti: String,
    client_id: String,
    preferred_username: Option<String>,
}

fn token() -> String {
    let now = SystemClock.now();
    TokenBuilder::new(ISSUER, AUDIENCE, now)
        .scope("books:read books:write")
        .claim("sid", "01890000-0000-7000-8000-000000000001")
        .claim("auth_time", now.seconds())
        .claim("exp", now.seconds() + 86_400)
        .sign(&TestKey::a())
}

fn key_set() -> String {
    json!({"keys": [TestKey::a().jwk()]}).to_string()
}

/// The modulus and the exponent as a JWK has them.
fn components() -> (String, String) {
    let jwk = TestKey::a().jwk();
    let text = |name: &str| jwk[name].as_str().unwrap().to_owned();
    (text("n"), text("e"))
}

/// A future that needs no waiting.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits"),
    }
}

fn ours(cached: usize) -> TokenVerifier {
    let keys = Arc::new(LocalKeys::new(KeySnapshot::of([TestKey::a().verifying_key()])));
    let builder = TokenVerifier::builder(ISSUER, AUDIENCE, keys, Arc::new(SystemClock));
    builder.cache_tokens(cached).build().unwrap()
}

#[divan::bench]
fn a_bare_ring(bencher: Bencher<'_, '_>) {
    let token = token();
    let (input, signature) = token.rsplit_once('.').unwrap();
    let (n, signature) = (TestKey::a().modulus(), URL_SAFE_NO_PAD.decode(signature).unwrap());
    let key = RsaPublicKeyComponents { n: &n[..], e: &[1, 0, 1][..] };
    bencher.bench(|| {
        key.verify(&RSA_PKCS1_2048_8192_SHA256, black_box(input.as_bytes()), black_box(&signature)).unwrap();
    });
}

#[divan::bench]
fn b_ours(bencher: Bencher<'_, '_>) {
    let (verifier, token) = (ours(0), token());
    bencher.bench(|| verifier.verify_now(black_box(&token)).unwrap().unwrap());
}

#[divan::bench]
fn c_ours_remembered(bencher: Bencher<'_, '_>) {
    let (verifier, token) = (ours(10_000), token());
    bencher.bench(|| verifier.verify_now(black_box(&token)).unwrap().unwrap());
}

#[divan::bench]
fn d_jsonwebtoken(bencher: Bencher<'_, '_>) {
    use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
    let (n, e) = components();
    let (token, kid) = (token(), TestKey::a().kid().to_owned());
    let keys = std::collections::HashMap::from([(kid, DecodingKey::from_rsa_components(&n, &e).unwrap())]);
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    validation.validate_nbf = true;
    bencher.bench(|| {
        let header = decode_header(black_box(&token)).unwrap();
        decode::<Claims>(&token, &keys[&header.kid.unwrap()], &validation).unwrap()
    });
}

#[divan::bench]
fn e_axum_jwt_auth(bencher: Bencher<'_, '_>) {
    use jsonwebtoken_10::{Algorithm, DecodingKey, Validation};
    let (n, e) = components();
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    validation.validate_nbf = true;
    let keys = vec![DecodingKey::from_rsa_components(&n, &e).unwrap()];
    let (decoder, token) = (LocalDecoder::new(keys, validation).unwrap(), token());
    let decode = || -> jsonwebtoken_10::TokenData<Claims> { now(decoder.decode(black_box(&token))).unwrap() };
    bencher.bench(decode);
}

#[divan::bench]
fn f_jwt_authorizer(bencher: Bencher<'_, '_>) {
    let validation = jwt_authorizer::Validation::new().iss(&[ISSUER]).aud(&[AUDIENCE]).nbf(true);
    let authorizer = JwtAuthorizer::<Claims>::from_jwks_text(&key_set()).validation(validation).build();
    let (authorizer, token) = (now(authorizer).unwrap(), token());
    bencher.bench(|| now(authorizer.check_auth(black_box(&token))).unwrap());
}

/// The handler behind a layer.
#[derive(Clone)]
struct Done;

impl Service<Request<Body>> for Done {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        ready(Ok(Response::new(Body::empty())))
    }
}

/// The time from a request to its answer through a layer.
fn layered<S>(bencher: Bencher<'_, '_>, mut service: S)
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    let bearer = format!("Bearer {}", token());
    let request = || Request::get("/").header(AUTHORIZATION, &bearer).body(Body::empty()).unwrap();
    bencher.with_inputs(request).bench_local_values(|request| {
        let response = now(service.call(request)).unwrap();
        assert_eq!(response.status(), 200);
    });
}

#[divan::bench]
fn g_layer_ours(bencher: Bencher<'_, '_>) {
    layered(bencher, Bearer::new(ours(0), "books").any_token().layer(Done));
}

#[divan::bench]
fn h_layer_ours_remembered(bencher: Bencher<'_, '_>) {
    layered(bencher, Bearer::new(ours(10_000), "books").any_token().layer(Done));
}

#[divan::bench]
fn i_layer_tower_oauth2(bencher: Bencher<'_, '_>) {
    let tenant = TenantConfiguration::static_builder(key_set()).audiences(&[AUDIENCE]).identifier(ISSUER);
    let server = OAuth2ResourceServer::<Claims>::builder().add_tenant(tenant.build().unwrap());
    let server = now(server.build()).unwrap();
    layered(bencher, server.into_layer().layer(Done));
}
