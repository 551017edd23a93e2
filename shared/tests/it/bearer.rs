use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::IntoResponse as _;
use axum::routing::{get, post};
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::Value;
use shared::bearer::{Bearer, Principal, RevocationCheck, RevocationUnknown, RevokedTokens, WhenUnknown};
use shared::clock::Clock as _;
use shared::jwks::{KeySnapshot, LocalKeys};
use shared::testing::{FakeClock, TestKey, TokenBuilder};
use shared::token::{Claims, Rejection, TokenVerifier};
use tower::ServiceExt as _;

const ISSUER: &str = "https://id.example";
const FIVE_MINUTES: Duration = Duration::from_secs(300);

fn of_tenant_7(claims: &Claims) -> Result<(), Rejection> {
    if claims.get("tenant")? == Some(7) { Ok(()) } else { Err(Rejection::Forbidden) }
}

struct World {
    clock: Arc<FakeClock>,
    app: Router,
    key: TestKey,
}

impl World {
    fn new() -> Self {
        let (clock, key) = (Arc::new(FakeClock::default()), TestKey::a());
        let keys = Arc::new(LocalKeys::new(KeySnapshot::of([key.verifying_key()])));
        let verifier = TokenVerifier::builder(ISSUER, "books", keys, clock.clone())
            .max_lifetime(Duration::from_secs(3600))
            .build()
            .unwrap();
        let bearer = Bearer::new(verifier, "books");
        Self::with(clock, key, &bearer)
    }

    fn guarded(change: impl FnOnce(Bearer) -> Bearer) -> Self {
        let (clock, key) = (Arc::new(FakeClock::default()), TestKey::a());
        let keys = Arc::new(LocalKeys::new(KeySnapshot::of([key.verifying_key()])));
        let verifier = TokenVerifier::builder(ISSUER, "books", keys, clock.clone()).build().unwrap();
        let bearer = change(Bearer::new(verifier, "books"));
        Self::with(clock, key, &bearer)
    }

    fn with(clock: Arc<FakeClock>, key: TestKey, bearer: &Bearer) -> Self {
        let name = |caller: Option<Principal>| async move {
            caller.map_or("anonymous".to_owned(), |caller| caller.claims().sub.clone())
        };
        let app = Router::new()
            .route(
                "/any",
                get(|caller: Principal| async move { caller.claims().sub.clone() }).layer(bearer.any_token()),
            )
            .route("/read", get(name).layer(bearer.scope("books:read")))
            .route("/optional", get(name).layer(bearer.optional()))
            .route("/both", get(name).layer(bearer.scopes(&["books:read", "books:write"])))
            .route("/either", get(name).layer(bearer.any_scope(&["books:read", "books:write"])))
            .route("/admins", get(name).layer(bearer.any_token().require_roles(&["admin", "librarian"])))
            .route("/staff", get(name).layer(bearer.any_token().require_any_role(&["admin", "librarian"])))
            .route("/users", get(name).layer(bearer.any_token().require_user()))
            .route("/recent", get(name).layer(bearer.any_token().require_auth_age(FIVE_MINUTES)))
            .route("/strong", get(name).layer(bearer.any_token().require_acr(&["gold", "silver"])))
            .route("/own", get(name).layer(bearer.any_token().require_rule(of_tenant_7)))
            .route("/form", post(|body: String| async move { body }).layer(bearer.any_token()))
            .route("/unguarded", get(|_: Principal| async { "never" }))
            .route("/unguarded-option", get(name));
        Self { clock, app, key }
    }

    fn token(&self) -> TokenBuilder {
        TokenBuilder::new(ISSUER, "books", self.clock.now())
    }

    async fn get(&self, path: &str, token: Option<&str>) -> (StatusCode, Value, String) {
        let mut request = Request::get(path);
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let response = self.app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        if parts.status.is_client_error() {
            assert_eq!(parts.headers[CONTENT_TYPE], "application/problem+json");
            assert_eq!(parts.headers[CACHE_CONTROL], "no-store");
        }
        let challenge =
            parts.headers.get(WWW_AUTHENTICATE).map_or("", |value| value.to_str().unwrap()).to_owned();
        let body = body.collect().await.unwrap().to_bytes();
        (parts.status, serde_json::from_slice(&body).unwrap_or_default(), challenge)
    }

    async fn refused(&self, token: &str) -> Value {
        let (status, body, challenge) = self.get("/any", Some(token)).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{body}");
        assert!(challenge.starts_with("Bearer realm=\"books\", error=\"invalid_token\""), "{challenge}");
        assert_eq!(body["code"], "invalid_token");
        body["msg"].clone()
    }
}

#[tokio::test]
async fn a_good_token_passes_and_a_scope_is_asked_for() {
    let world = World::new();
    assert_eq!(world.get("/any", Some(&world.token().sign(&world.key))).await.0, StatusCode::OK);
    let reader = world.token().scope("books:read").sign(&world.key);
    assert_eq!(world.get("/read", Some(&reader)).await.0, StatusCode::OK);
    let (status, body, challenge) = world.get("/read", Some(&world.token().sign(&world.key))).await;
    assert_eq!((status, &body["code"]), (StatusCode::FORBIDDEN, &"insufficient_scope".into()));
    assert!(challenge.ends_with("error=\"insufficient_scope\", scope=\"books:read\""), "{challenge}");
}

#[tokio::test]
async fn without_a_token_the_challenge_names_no_error() {
    let world = World::new();
    let (status, body, challenge) = world.get("/any", None).await;
    assert_eq!((status, challenge.as_str()), (StatusCode::UNAUTHORIZED, "Bearer realm=\"books\""));
    assert_eq!(body["msg"], "Missing Authorization Header");
}

#[tokio::test]
async fn times_count_to_the_second_with_the_leeway() {
    let world = World::new();
    let now = world.clock.now().seconds();
    let any = |token: String| async move { World::new().get("/any", Some(&token)).await.0 };
    assert_eq!(any(world.token().claim("exp", now - 29).claim("iat", now - 60).sign(&world.key)).await, 200);
    let expired = world.token().claim("exp", now - 30).claim("iat", now - 60).sign(&world.key);
    assert_eq!(world.refused(&expired).await, "Token has expired");
    assert_eq!(any(world.token().claim("nbf", now + 30).sign(&world.key)).await, 200);
    assert_eq!(
        world.refused(&world.token().claim("nbf", now + 31).sign(&world.key)).await,
        "Token is invalid"
    );
    assert_eq!(
        world.refused(&world.token().claim("iat", now + 31).sign(&world.key)).await,
        "Token is invalid"
    );
    let eternal = world.token().claim("exp", now + 3601).sign(&world.key);
    assert_eq!(world.refused(&eternal).await, "Token is invalid");
}

#[tokio::test]
async fn what_was_not_signed_for_us_is_refused_alike() {
    let world = World::new();
    let good = world.token();
    for (what, token) in [
        ("issuer", good.clone().claim("iss", format!("{ISSUER}/")).sign(&world.key)),
        ("unknown key", good.sign(&TestKey::b())),
        ("signature", good.clone().header("kid", world.key.kid()).sign(&TestKey::b())),
        ("type", good.clone().header("typ", "JWT").sign(&world.key)),
        ("binding", good.clone().claim("cnf", serde_json::json!({"jkt": "x"})).sign(&world.key)),
        ("missing", good.clone().without_claim("jti").sign(&world.key)),
        (
            "forged refresh token",
            good.clone().header("typ", "rt+jwt").header("kid", world.key.kid()).sign(&TestKey::b()),
        ),
        ("expired, unsigned", {
            let expired = good.clone().claim("exp", 1).header("kid", world.key.kid());
            expired.sign(&TestKey::b())
        }),
    ] {
        assert_eq!(world.refused(&token).await, "Token is invalid", "{what}");
    }
    let elsewhere = good.clone().claim("aud", "shelves").sign(&world.key);
    assert_eq!(world.refused(&elsewhere).await, "Token is meant for another service");
    let refresh = good.header("typ", "rt+jwt").sign(&world.key);
    assert_eq!(world.refused(&refresh).await, "Only non-refresh tokens are allowed");
}

#[tokio::test]
async fn a_bad_token_is_never_taken_for_no_token() {
    let world = World::new();
    assert_eq!(world.get("/optional", None).await.0, StatusCode::OK);
    assert_eq!(world.get("/optional", Some("x.y.z")).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_route_that_forgot_its_guard_fails_closed() {
    let world = World::new();
    let token = world.token().sign(&world.key);
    assert_eq!(world.get("/unguarded", Some(&token)).await.0, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn an_optional_caller_of_a_route_without_a_guard_is_not_nobody() {
    let world = World::new();
    assert_eq!(world.get("/unguarded-option", None).await.0, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn several_scopes_are_all_needed_or_one_of_them() {
    let world = World::new();
    let with = |scope: &str| world.token().scope(scope).sign(&world.key);
    let (read, both) = (with("books:read"), with("books:write x books:read"));
    assert_eq!(world.get("/both", Some(&both)).await.0, 200);
    assert_eq!(world.get("/either", Some(&read)).await.0, 200);
    let (status, body, challenge) = world.get("/both", Some(&read)).await;
    assert_eq!((status, &body["code"]), (StatusCode::FORBIDDEN, &"insufficient_scope".into()));
    assert!(challenge.ends_with("scope=\"books:read books:write\""), "{challenge}");
    assert_eq!(world.get("/either", Some(&with("books:readwrite"))).await.0, 403);
}

#[tokio::test]
async fn roles_and_rules_of_the_service_are_403() {
    let world = World::new();
    let with = |roles: &[&str]| world.token().claim("roles", roles.to_vec()).sign(&world.key);
    assert_eq!(world.get("/admins", Some(&with(&["librarian", "admin"]))).await.0, 200);
    assert_eq!(world.get("/staff", Some(&with(&["librarian"]))).await.0, 200);
    let (status, _, challenge) = world.get("/admins", Some(&with(&["admin"]))).await;
    assert_eq!(status, 403);
    assert!(challenge.contains("error=\"insufficient_scope\"") && !challenge.contains("scope=\"admin"));
    assert_eq!(world.get("/staff", Some(&with(&["reader"]))).await.0, 403);
    let tenant = |number: u8| world.token().claim("tenant", number).sign(&world.key);
    assert_eq!(world.get("/own", Some(&tenant(7))).await.0, 200);
    assert_eq!(world.get("/own", Some(&tenant(8))).await.0, 403);
    let ill_typed = world.token().claim("tenant", "seven").sign(&world.key);
    assert_eq!(world.get("/own", Some(&ill_typed)).await.0, 401);
}

#[tokio::test]
async fn a_client_that_speaks_for_itself_is_no_user() {
    let world = World::new();
    let client = world.token().claim("sub", "robot").claim("client_id", "robot").sign(&world.key);
    assert_eq!(world.get("/any", Some(&client)).await.0, 200);
    assert_eq!(world.get("/users", Some(&client)).await.0, 403);
    assert_eq!(world.get("/users", Some(&world.token().sign(&world.key))).await.0, 200);
}

#[tokio::test]
async fn a_login_that_is_too_old_or_too_weak_asks_for_another() {
    let world = World::new();
    let now = world.clock.now().seconds();
    let logged_in = |at: i64| world.token().claim("auth_time", at).sign(&world.key);
    assert_eq!(world.get("/recent", Some(&logged_in(now - 300))).await.0, 200);
    for token in [logged_in(now - 301), world.token().sign(&world.key)] {
        let (status, body, challenge) = world.get("/recent", Some(&token)).await;
        assert_eq!(
            (status, &body["code"]),
            (StatusCode::UNAUTHORIZED, &"insufficient_user_authentication".into())
        );
        assert!(challenge.contains("error=\"insufficient_user_authentication\""), "{challenge}");
        assert!(challenge.ends_with("max_age=\"300\""), "{challenge}");
    }
    let by = |acr: &str| world.token().claim("acr", acr).sign(&world.key);
    assert_eq!(world.get("/strong", Some(&by("silver"))).await.0, 200);
    let (status, _, challenge) = world.get("/strong", Some(&by("bronze"))).await;
    assert_eq!(status, 401);
    assert!(challenge.ends_with("acr_values=\"gold silver\""), "{challenge}");
}

async fn post_form(world: &World, uri: &str, content_type: &str, body: &'static str) -> (StatusCode, String) {
    let request = Request::post(uri)
        .header(AUTHORIZATION, format!("Bearer {}", world.token().sign(&world.key)))
        .header(CONTENT_TYPE, content_type);
    let response = world.app.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn a_second_token_in_query_or_form_is_one_too_many() {
    let world = World::new();
    let form = "application/x-www-form-urlencoded";
    assert_eq!(post_form(&world, "/form", form, "a=1&b=2").await, (StatusCode::OK, "a=1&b=2".to_owned()));
    assert_eq!(post_form(&world, "/form", form, "a=1&access_token=x").await.0, 400);
    assert_eq!(post_form(&world, "/form", "text/plain", "access_token=x").await.0, 200);
    assert_eq!(post_form(&world, "/form?access_token=x", "text/plain", "").await.0, 400);
    let token = world.token().sign(&world.key);
    assert_eq!(world.get(&format!("/any?access_token={token}"), Some(&token)).await.0, 400);
    let (status, _, challenge) = world.get(&format!("/any?access_token={token}"), None).await;
    assert_eq!((status, challenge.as_str()), (StatusCode::UNAUTHORIZED, "Bearer realm=\"books\""));
    assert_eq!(world.get(&format!("/optional?access_token={token}"), None).await.0, 200);
}

#[tokio::test]
async fn credentials_of_another_scheme_are_none() {
    let world = World::new();
    for (path, expected) in [("/optional", 200), ("/any", 401)] {
        let request = Request::get(path).header(AUTHORIZATION, "Basic dTpw").body(Body::empty()).unwrap();
        let response = world.app.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), expected);
        if expected == 401 {
            assert_eq!(response.headers()[WWW_AUTHENTICATE], "Bearer realm=\"books\"");
        }
    }
}

#[tokio::test]
async fn a_body_of_the_services_own_cannot_break_the_challenge() {
    let world = World::guarded(|bearer| {
        bearer.with_responder(|rejection, parts| {
            let body = format!("{}: {}", parts.uri.path(), rejection.reason());
            (StatusCode::OK, [(CACHE_CONTROL, "public"), (WWW_AUTHENTICATE, "Basic")], body).into_response()
        })
    });
    let request = Request::get("/read").body(Body::empty()).unwrap();
    let response = world.app.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), 401);
    assert_eq!(response.headers()[WWW_AUTHENTICATE], "Bearer realm=\"books\"");
    assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "/read: no_credentials");
}

#[tokio::test]
async fn a_revoked_token_is_refused_from_the_next_request_on() {
    let revoked = Arc::new(RevokedTokens::default());
    let store = Arc::clone(&revoked);
    let world = World::guarded(|bearer| bearer.with_revocation(store, WhenUnknown::default()));
    let (one, other) = (world.token(), world.token().claim("jti", "token-2"));
    assert_eq!(world.get("/any", Some(&one.sign(&world.key))).await.0, 200);
    revoked.revoke(&one.claims().unwrap(), world.clock.now());
    let (status, body, _) = world.get("/any", Some(&one.sign(&world.key))).await;
    assert_eq!((status, &body["msg"]), (StatusCode::UNAUTHORIZED, &"Token has been revoked".into()));
    assert_eq!(world.get("/any", Some(&other.sign(&world.key))).await.0, 200);
    revoked.revoke_subject(&other.claims().unwrap().sub, world.clock.now());
    assert_eq!(world.get("/any", Some(&other.sign(&world.key))).await.0, 401);
    world.clock.advance(Duration::from_secs(1));
    let later = world.token().claim("jti", "token-3").sign(&world.key);
    assert_eq!(world.get("/any", Some(&later)).await.0, 200, "signed after that");
}

#[derive(Debug)]
struct Down;

impl RevocationCheck for Down {
    fn is_revoked<'a>(
        &'a self,
        _: &'a Claims,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<bool, RevocationUnknown>> + Send + 'a>> {
        Box::pin(std::future::ready(Err(RevocationUnknown)))
    }
}

#[tokio::test]
async fn while_revocation_is_unknown_nothing_passes_unless_it_is_told_to() {
    let closed = World::guarded(|bearer| bearer.with_revocation(Arc::new(Down), WhenUnknown::FailClosed));
    let token = closed.token().sign(&closed.key);
    let request = Request::get("/any").header(AUTHORIZATION, format!("Bearer {token}"));
    let response = closed.app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()[RETRY_AFTER], "5");
    let open = World::guarded(|bearer| bearer.with_revocation(Arc::new(Down), WhenUnknown::FailOpen));
    assert_eq!(open.get("/any", Some(&token)).await.0, 200);
}

#[tokio::test]
async fn a_handler_is_tested_without_a_guard() {
    let world = World::new();
    let who = |caller: Principal| async move { caller.claims().sub.clone() };
    let caller = Principal::for_test(world.token().claim("sub", "ada").claims().unwrap());
    let app = Router::new().route("/", get(who)).layer(caller);
    let response = app.oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "ada");
}
