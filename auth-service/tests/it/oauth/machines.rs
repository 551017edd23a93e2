//! Clients that act for themselves, that ask about tokens, that give them back, and that push their requests.

use std::sync::Arc;

use auth_service::accounts::Role;
use auth_service::clients::{Authentication, Client};
use axum::body::Body;
use futures_util::future::join_all;
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use sea_orm::ConnectionTrait as _;
use serde_json::json;
use shared::jwks::KeySnapshot;
use shared::testing::{FakeClock, TestKey, TokenBuilder};
use shared::token::{Introspection, Rejection, TokenVerifier};
use tower::ServiceExt as _;

use super::visitor::Visitor;
use super::{SECRET, app, basic, granted, redemption, request, world};
use crate::world::{ISSUER, World, claims};

#[tokio::test]
async fn a_client_acts_for_itself_without_a_session() {
    let world = world().await;
    let grant = ("grant_type", "client_credentials");
    let tokens = world.token(&[grant, ("scope", "books:read")]).await.expect(200);
    assert_eq!((&tokens.body["refresh_token"], &tokens.body["id_token"]), (&json!(null), &json!(null)));
    let told = claims(&tokens.text("access_token"));
    assert_eq!(
        (&told["sub"], &told["client_id"], &told["aud"]),
        (&json!("app"), &json!("app"), &json!("books"))
    );
    assert_eq!(told["sid"], json!(null));
    world.me(&tokens.text("access_token")).await.expect(401);
    world.token(&[grant, ("scope", "auth:admin")]).await.refused(400, "invalid_scope");
    world.token(&[grant, ("scope", "openid")]).await.refused(400, "invalid_scope");
    world.token(&[grant, ("scope", "unheard:of")]).await.refused(400, "invalid_scope");
    world.token(&[grant, ("resource", "https://other.example/")]).await.refused(400, "invalid_target");
    world
        .form("/oauth2/token", None, &[grant, ("client_id", "spa")])
        .await
        .refused(400, "unauthorized_client");
}

/// Rows are written for all who ask at one time together.
#[tokio::test]
async fn each_token_of_a_client_has_a_row_or_is_not_given() {
    let world = world().await;
    let ask = || world.token(&[("grant_type", "client_credentials"), ("scope", "books:read")]);
    for reply in join_all((0..30).map(|_| ask())).await {
        reply.expect(200);
    }
    assert_eq!(world.audit().await.iter().filter(|kind| *kind == "client_token").count(), 30);
    world.database().execute_unprepared("DROP TABLE audit_events").await.unwrap();
    let ask = || {
        let request = Request::post("/oauth2/token").header(AUTHORIZATION, basic("app", SECRET));
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let body = Body::from("grant_type=client_credentials");
        world.service.routes.clone().oneshot(request.body(body).unwrap())
    };
    for answer in join_all((0..3).map(|_| ask())).await {
        assert_eq!(answer.unwrap().status(), 500);
    }
}

/// A client that signs for itself.
async fn signing(world: &World) -> TestKey {
    let key = TestKey::a();
    let jwks = json!({"keys": [key.jwk()]}).to_string();
    let keys = KeySnapshot::parse(jwks.as_bytes()).unwrap();
    let client = Client {
        id: "signer".parse().unwrap(),
        authentication: Authentication::PrivateKey { jwks, keys },
        ..app()
    };
    world.register(&client).await;
    key
}

fn assertion(
    world: &World,
    key: &TestKey,
    jti: &str,
    bend: impl FnOnce(TokenBuilder) -> TokenBuilder,
) -> String {
    let token = TokenBuilder::new("signer", ISSUER, world.now()).header("typ", "JWT").claim("sub", "signer");
    bend(token.claim("jti", jti).claim("exp", world.clock_seconds() + 60)).sign(key)
}

async fn present(world: &World, assertion: &str) -> super::Reply {
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", kind),
        ("client_assertion", assertion),
    ];
    world.form("/oauth2/token", None, &fields).await
}

#[tokio::test]
async fn a_client_signs_for_itself_and_no_assertion_is_good_twice() {
    let world = world().await;
    let key = signing(&world).await;
    let good = assertion(&world, &key, "1", |token| token);
    present(&world, &good).await.expect(200);
    present(&world, &good).await.refused(401, "invalid_client");
    let endpoint = format!("{ISSUER}/oauth2/token");
    present(&world, &assertion(&world, &key, "2", |token| token.claim("aud", endpoint))).await.expect(200);
    let now = world.clock_seconds();
    for (number, bent) in [
        assertion(&world, &TestKey::b(), "3", |token| token),
        assertion(&world, &key, "4", |token| token.claim("iss", "app")),
        assertion(&world, &key, "5", |token| token.claim("sub", "app")),
        assertion(&world, &key, "6", |token| token.claim("aud", "https://other.example")),
        assertion(&world, &key, "7", |token| token.claim("exp", now)),
        assertion(&world, &key, "8", |token| token.claim("exp", now + 7200)),
        assertion(&world, &key, "9", |token| token.claim("nbf", now + 600)),
        assertion(&world, &key, "10", |token| token.without_claim("jti")),
        assertion(&world, &key, "11", |token| token.header("typ", "at+jwt")),
        assertion(&world, &key, "12", |token| token.claim("aud", json!([ISSUER, "https://other.example"]))),
        assertion(&world, &key, "13", |token| token.claim("nbf", "2099")),
        assertion(&world, &key, "14", |token| token.claim("iat", "x")),
        assertion(&world, &key, "", |token| token),
        "a.b.c".to_owned(),
    ]
    .iter()
    .enumerate()
    {
        let reply = present(&world, bent).await;
        assert_eq!(reply.body["error"], "invalid_client", "{number}");
    }
}

/// Each key is costly to try, and whoever registers a client may register many.
#[tokio::test]
async fn a_client_with_several_keys_says_which() {
    let world = world().await;
    let (one, two) = (TestKey::a(), TestKey::b());
    for (id, keys) in [("single", vec![one.jwk()]), ("several", vec![one.jwk(), two.jwk()])] {
        let jwks = json!({"keys": keys}).to_string();
        let keys = KeySnapshot::parse(jwks.as_bytes()).unwrap();
        let authentication = Authentication::PrivateKey { jwks, keys };
        world.register(&Client { id: id.parse().unwrap(), authentication, ..app() }).await;
    }
    let assertion = |id: &str, jti: &str| {
        let token = TokenBuilder::new(id, ISSUER, world.now()).header("typ", "JWT").claim("sub", id);
        token.claim("jti", jti).claim("exp", world.clock_seconds() + 60)
    };
    let nameless = |id: &str, jti: &str| {
        let (_, payload) = assertion(id, jti).parts("");
        TokenBuilder::sign_parts(r#"{"alg":"RS256","typ":"JWT"}"#, &payload, &one)
    };
    present(&world, &assertion("several", "1").sign(&one)).await.expect(200);
    present(&world, &assertion("several", "2").sign(&two)).await.expect(200);
    present(&world, &nameless("single", "3")).await.expect(200);
    present(&world, &nameless("several", "4")).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn a_resource_server_asks_whether_a_token_is_good() {
    let world = world().await;
    let (tokens, _) = granted(&world, &[]).await;
    let ask =
        async |token: &str| world.as_app("/oauth2/introspect", &[("token", token)]).await.expect(200).body;
    let said = ask(&tokens.text("access_token")).await;
    assert_eq!((&said["active"], &said["username"]), (&json!(true), &json!("ada")));
    assert_eq!((&said["client_id"], &said["token_type"]), (&json!("app"), &json!("Bearer")));
    assert_eq!(said["scope"], "openid profile books:read");
    assert_eq!(ask(&tokens.text("refresh_token")).await["active"], true);
    let inactive = json!({"active": false});
    assert_eq!(ask(&tokens.text("id_token")).await, inactive);
    assert_eq!(ask("nonsense").await, inactive);
    let own = world.log_in("ada").await;
    assert_eq!(ask(&own.refresh).await, inactive, "another's refresh token");
    assert_eq!(ask(&own.access).await["active"], true);
    world.log_out(&own.access).await.expect(204);
    assert_eq!(ask(&own.access).await, inactive, "its session is over");
    world.advance(900);
    assert_eq!(ask(&tokens.text("access_token")).await, inactive);
    let nobody = [("token", "x"), ("client_id", "spa")];
    world.form("/oauth2/introspect", None, &nobody).await.refused(401, "invalid_client");
    world.form("/oauth2/introspect", None, &[("token", "x")]).await.refused(401, "invalid_client");
    world.as_app("/oauth2/introspect", &[]).await.refused(400, "invalid_request");
}

/// What an access token says is what was so when it was signed; whoever asks wants to know what is so.
#[tokio::test]
async fn whoever_asks_hears_of_rights_that_are_gone() {
    let world = world().await;
    let root = world.member("root", Role::Admin).await;
    let ask =
        async |token: &str| world.as_app("/oauth2/introspect", &[("token", token)]).await.expect(200).body;
    let said = ask(&root.access).await;
    assert_eq!(
        (&said["roles"], &said["scope"]),
        (&json!(["admin"]), &json!("books:read books:write auth:admin"))
    );
    let other = world.member("other", Role::Admin).await;
    let id = world.row("root").await.id;
    let change = json!({"roles": ["reader"]});
    world.bearer(&other.access).patch(&format!("/admin/users/{id}"), change).await.expect(200);
    let said = ask(&root.access).await;
    assert_eq!((&said["roles"], &said["scope"]), (&json!(["reader"]), &json!("books:read")));

    let (tokens, _) = granted(&world, &[]).await;
    let token = tokens.text("access_token");
    assert_eq!(ask(&token).await["scope"], "openid profile books:read");
    let less = json!({"scope": "openid"});
    world.bearer(&other.access).patch("/admin/clients/app", less).await.expect(200);
    assert_eq!(ask(&token).await["scope"], "openid");

    let robot = Client { id: "robot".parse().unwrap(), ..app() };
    world.register(&robot).await;
    let auth = basic("robot", SECRET);
    let fields = [("grant_type", "client_credentials"), ("scope", "books:read")];
    let token = world.form("/oauth2/token", Some(&auth), &fields).await.expect(200).text("access_token");
    assert_eq!(ask(&token).await["scope"], "books:read");
    world.bearer(&other.access).delete("/admin/clients/robot").await.expect(204);
    assert_eq!(ask(&token).await, json!({"active": false}));
}

#[tokio::test]
async fn a_service_that_asks_about_each_token_stops_at_once_when_a_session_is_over() {
    let world = world().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/oauth2/introspect", listener.local_addr().unwrap()).parse().unwrap();
    let app = world.service.routes.clone();
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    let introspection = Introspection::new(endpoint, "app", SECRET).unwrap();
    let clock = Arc::<FakeClock>::clone(&world.clock);
    let verifier = TokenVerifier::introspected(ISSUER, "books", introspection, clock).build().unwrap();
    let own = world.member("bob", Role::Librarian).await;
    let claims = verifier.verify(&own.access).await.unwrap();
    assert_eq!(claims.preferred_username.as_deref(), Some("bob"));
    assert!(claims.scope.contains("books:write") && claims.roles == ["librarian"]);
    assert_eq!(claims.auth_time, Some(world.clock_seconds()));
    assert!(verifier.verify(&own.refresh).await.is_err(), "a refresh token is none for a service");
    world.log_out(&own.access).await.expect(204);
    assert_eq!(verifier.verify(&own.access).await, Err(Rejection::Inactive));
    server.abort();
}

#[tokio::test]
async fn a_client_gives_back_what_is_its_own() {
    let world = world().await;
    let (tokens, visitor) = granted(&world, &[]).await;
    let revoke = async |token: &str| world.as_app("/oauth2/revoke", &[("token", token)]).await.expect(200);
    revoke("nonsense").await;
    let own = world.log_in("ada").await;
    revoke(&own.refresh).await;
    world.refresh(&own.refresh).await.expect(200);
    revoke(&tokens.text("refresh_token")).await;
    world.oauth_refresh(&tokens.text("refresh_token")).await.refused(400, "invalid_grant");
    world.me(&tokens.text("access_token")).await.expect(401);
    revoke(&tokens.text("refresh_token")).await;
    let code = visitor.get(&request("app", &[])).await.code();
    let again = world.redeem(&code).await.expect(200);
    revoke(&again.text("access_token")).await;
    world.oauth_refresh(&again.text("refresh_token")).await.refused(400, "invalid_grant");
    world.form("/oauth2/revoke", None, &[("token", "x")]).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn a_pushed_request_is_carried_out_as_it_was_pushed() {
    let world = world().await;
    let pushed_only = Client { id: "careful".parse().unwrap(), pushed_only: true, ..app() };
    world.register(&pushed_only).await;
    let parameters = request("careful", &[]);
    let pairs: Vec<(String, String)> =
        url::form_urlencoded::parse(parameters.split_once('?').unwrap().1.as_bytes()).into_owned().collect();
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let auth = basic("careful", SECRET);
    let pushed = world.form("/oauth2/par", Some(&auth), &pairs).await.expect(201);
    assert_eq!(pushed.body["expires_in"], 90);
    let uri = pushed.text("request_uri");
    let address = |client: &str| {
        format!(
            "/oauth2/authorize?{}",
            super::form(&[("client_id", client), ("request_uri", &uri), ("scope", "auth:admin")])
        )
    };

    let visitor = Visitor::new(&world);
    visitor.get(&request("careful", &[])).await.tells("invalid_request");
    visitor.get(&address("app")).await.is_trouble();
    let code = visitor.sign_in(&address("careful")).await.code();
    let reply = world.form("/oauth2/token", Some(&auth), &redemption(&code)).await.expect(200);
    assert_eq!(reply.body["scope"], "openid profile books:read");
    world.advance(90);
    visitor.get(&address("careful")).await.is_trouble();

    let bent: Vec<_> = pairs
        .iter()
        .map(|(name, value)| (*name, if *name == "redirect_uri" { "https://evil.example" } else { value }))
        .collect();
    world.form("/oauth2/par", Some(&auth), &bent).await.refused(400, "invalid_request");
    world.form("/oauth2/par", Some(&basic("careful", "wrong")), &pairs).await.refused(401, "invalid_client");
}
