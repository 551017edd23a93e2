use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use serde_json::json;

use super::visitor::Visitor;
use super::{CALLBACK, SECRET, VERIFIER, app, basic, code, granted, public, redemption, request, world};
use crate::world::{ISSUER, PASSWORD, claims, header};
use auth_service::clients::{Client, GrantType};

#[tokio::test]
async fn somebody_signs_in_and_the_client_learns_who() {
    let world = world().await;
    let visitor = Visitor::new(&world);
    let page = visitor.get(&request("app", &[])).await;
    assert_eq!(page.status, 200);
    let back = visitor.fill_in(&page, "ada", PASSWORD).await;
    assert!(back.location().as_str().starts_with(CALLBACK));
    assert_eq!(back.parameter("state").as_deref(), Some("a state & more"));
    assert_eq!(back.parameter("iss").as_deref(), Some(ISSUER));

    let reply = world.redeem(&back.code()).await.expect(200);
    assert_eq!(reply.headers["cache-control"], "no-store");
    assert_eq!((&reply.body["token_type"], &reply.body["expires_in"]), (&json!("Bearer"), &json!(900)));
    assert_eq!(reply.body["scope"], "openid profile books:read");
    let (access, id) = (reply.text("access_token"), reply.text("id_token"));
    assert_eq!(header(&access)["typ"], "at+jwt");
    assert_eq!(claims(&access)["aud"], json!(["books", "auth"]));
    assert_eq!(claims(&access)["client_id"], "app");
    let told = claims(&id);
    assert_eq!(header(&id)["typ"], "JWT");
    assert_eq!((&told["iss"], &told["aud"], &told["nonce"]), (&json!(ISSUER), &json!("app"), &json!("n-1")));
    assert_eq!(told["sub"], world.row("ada").await.id.to_string());
    assert_eq!(told["preferred_username"], "ada");
    assert_eq!(told["auth_time"], world.clock_seconds());
    let half = &digest(&SHA256, access.as_bytes()).as_ref()[..16].to_vec();
    assert_eq!(told["at_hash"], URL_SAFE_NO_PAD.encode(half));

    let info = world.bearer(&access).get("/oauth2/userinfo").await.expect(200);
    assert_eq!(info.body, json!({"sub": told["sub"], "preferred_username": "ada"}));
    let events = world.audit().await;
    assert!(events.ends_with(&["login".to_owned(), "session_opened".to_owned()]), "{events:?}");
}

#[tokio::test]
async fn a_code_is_good_once_and_its_second_use_ends_what_the_first_has_opened() {
    let world = world().await;
    let (code, _) = code(&world, &[]).await;
    let tokens = world.redeem(&code).await.expect(200);
    world.me(&tokens.text("access_token")).await.expect(200);
    world.redeem(&code).await.refused(400, "invalid_grant");
    world.me(&tokens.text("access_token")).await.expect(401);
    world.oauth_refresh(&tokens.text("refresh_token")).await.refused(400, "invalid_grant");
    assert!(world.audit().await.contains(&"code_reused!".to_owned()));
}

#[tokio::test]
async fn of_many_that_redeem_one_code_together_at_most_one_gets_tokens() {
    let world = world().await;
    let (code, _) = code(&world, &[]).await;
    let replies = futures_util::future::join_all((0..8).map(|_| world.redeem(&code))).await;
    let won: Vec<_> = replies.iter().filter(|reply| reply.status == 200).collect();
    assert!(won.len() <= 1);
    for reply in won {
        world.oauth_refresh(&reply.text("refresh_token")).await.refused(400, "invalid_grant");
    }
}

#[tokio::test]
async fn a_code_lasts_a_minute() {
    let world = world().await;
    let (early, visitor) = code(&world, &[]).await;
    world.advance(59);
    let late = visitor.get(&request("app", &[])).await.code();
    world.redeem(&early).await.expect(200);
    world.advance(60);
    world.redeem(&late).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn a_code_is_for_one_client_one_address_and_one_verifier() {
    let world = world().await;
    let (code, _) = code(&world, &[]).await;
    let mut as_other = redemption(&code).to_vec();
    as_other.push(("client_id", "spa"));
    world.form("/oauth2/token", None, &as_other).await.refused(400, "invalid_grant");
    let other_verifier = VERIFIER.replace('d', "e");
    for (name, value, error) in [
        ("redirect_uri", "https://app.example/callback/", "invalid_grant"),
        ("redirect_uri", "", "invalid_grant"),
        ("code_verifier", other_verifier.as_str(), "invalid_grant"),
        ("code_verifier", "short", "invalid_grant"),
        ("code_verifier", "", "invalid_request"),
    ] {
        let bent = redemption(&code).map(|(own, usual)| (own, if own == name { value } else { usual }));
        world.token(&bent).await.refused(400, error);
    }
    world.redeem(&code).await.expect(200);
}

#[tokio::test]
async fn a_code_dies_with_the_session_of_the_browser() {
    let world = world().await;
    let (code, _) = code(&world, &[]).await;
    let tokens = world.log_in("ada").await;
    let new = "another fine long passphrase";
    let change = json!({"current_password": PASSWORD, "new_password": new});
    world.bearer(&tokens.access).put("/me/password", change).await.expect(204);
    world.redeem(&code).await.refused(400, "invalid_grant");
    let visitor = Visitor::new(&world);
    let page = visitor.get(&request("app", &[])).await;
    let code = visitor.fill_in(&page, "ada", new).await.code();
    world.disable("ada").await;
    world.redeem(&code).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn who_is_signed_in_is_not_asked_again() {
    let world = world().await;
    let (_, visitor) = granted(&world, &[]).await;
    world.advance(3600);
    let again = visitor.get(&request("app", &[("nonce", "n-2")])).await.code();
    let told = claims(&world.redeem(&again).await.expect(200).text("id_token"));
    assert_eq!((&told["nonce"], &told["auth_time"]), (&json!("n-2"), &json!(world.clock_seconds() - 3600)));
}

#[tokio::test]
async fn a_client_of_others_asks_first_and_is_remembered_until_that_is_taken_back() {
    let world = world().await;
    let visitor = Visitor::new(&world);
    let page = visitor.sign_in(&request("spa", &[])).await;
    assert!(page.shows("The App") && page.shows("app.example") && page.shows("ada"), "{}", page.body);
    let code = visitor.press(&page, "allow").await.code();
    let mut fields = redemption(&code).to_vec();
    fields.push(("client_id", "spa"));
    let tokens = world.form("/oauth2/token", None, &fields).await.expect(200);
    visitor.get(&request("spa", &[])).await.code();
    let more = visitor.get(&request("spa", &[("scope", "openid books:write")])).await;
    assert!(more.shows("decision"), "more was asked for than was allowed");

    let theirs = world.bearer(&tokens.text("access_token"));
    theirs.get("/me").await.expect(200);
    theirs.get("/me/sessions").await.expect(403);
    theirs.delete("/me/sessions").await.expect(403);
    theirs.get("/me/consents").await.expect(403);
    theirs.put("/me/password", json!({"current_password": PASSWORD, "new_password": "x"})).await.expect(403);

    let own = world.log_in("ada").await;
    let own = world.bearer(&own.access);
    let consents = own.get("/me/consents").await.expect(200).body;
    let allowed = (&consents[0]["client_id"], &consents[0]["scope"]);
    assert_eq!(allowed, (&json!("spa"), &json!("openid profile books:read")));
    own.delete("/me/consents/spa").await.expect(204);
    own.delete("/me/consents/spa").await.expect(404);
    world.me(&tokens.text("access_token")).await.expect(401);
    assert!(visitor.get(&request("spa", &[])).await.shows("decision"), "it has to ask again");
}

#[tokio::test]
async fn what_any_program_on_the_machine_could_be_is_asked_about_each_time() {
    let world = world().await;
    let native = Client {
        id: "tool".parse().unwrap(),
        redirect_uris: vec!["http://127.0.0.1/cb".parse().unwrap(), CALLBACK.parse().unwrap()],
        first_party: true,
        ..public()
    };
    world.register(&native).await;
    let visitor = Visitor::new(&world);
    let here = [("redirect_uri", "http://127.0.0.1:9/cb")];
    let page = visitor.sign_in(&request("tool", &here)).await;
    visitor.press(&page, "allow").await.code();
    let again = visitor.get(&request("tool", &here)).await;
    assert!(again.shows("decision"), "another program may have asked");
    visitor.get(&request("tool", &[here[0], ("prompt", "none")])).await.tells("consent_required");
    visitor.get(&request("tool", &[])).await.code();
}

#[tokio::test]
async fn whoever_says_no_is_sent_back_with_that() {
    let world = world().await;
    let visitor = Visitor::new(&world);
    let page = visitor.sign_in(&request("spa", &[])).await;
    visitor.press(&page, "deny").await.tells("access_denied");
    let stranger = Visitor::new(&world);
    let page = stranger.get(&request("app", &[])).await;
    stranger.press(&page, "cancel").await.tells("access_denied");
}

#[tokio::test]
async fn clients_prove_who_they_are_by_one_method() {
    let world = world().await;
    let grant = ("grant_type", "client_credentials");
    world.token(&[grant]).await.expect(200);
    let wrong = world.form("/oauth2/token", Some(&basic("app", "wrong")), &[grant]).await;
    wrong.refused(401, "invalid_client");
    assert!(wrong.headers["www-authenticate"].to_str().unwrap().starts_with("Basic "));
    let post = |id, secret| [grant, ("client_id", id), ("client_secret", secret)];
    world.form("/oauth2/token", None, &post("app", SECRET)).await.expect(200);
    for (id, secret) in [("app", "wrong"), ("nobody", SECRET), ("spa", SECRET), ("a b", SECRET)] {
        world.form("/oauth2/token", None, &post(id, secret)).await.refused(401, "invalid_client");
    }
    world.token(&post("app", SECRET)).await.refused(400, "invalid_request");
    world.form("/oauth2/token", None, &[grant]).await.refused(401, "invalid_client");
    world.form("/oauth2/token", None, &[grant, ("client_id", "app")]).await.refused(401, "invalid_client");
    world.token(&[grant, ("client_id", "spa")]).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn what_is_no_token_request_is_told_so() {
    let world = world().await;
    world.token(&[]).await.refused(400, "invalid_request");
    world
        .token(&[("grant_type", "password"), ("username", "ada")])
        .await
        .refused(400, "unsupported_grant_type");
    world.token(&[("grant_type", "authorization_code"), ("code", "x")]).await.refused(400, "invalid_request");
    let grant = ("grant_type", "client_credentials");
    world.token(&[grant, grant]).await.refused(400, "invalid_request");
    let one = Client { id: "one".parse().unwrap(), grant_types: vec![GrantType::ClientCredentials], ..app() };
    world.register(&one).await;
    let fields = [("grant_type", "refresh_token"), ("refresh_token", "x")];
    world
        .form("/oauth2/token", Some(&basic("one", SECRET)), &fields)
        .await
        .refused(400, "unauthorized_client");
    let json = http::Request::post("/oauth2/token").header("content-type", "application/json");
    world.exchange(json.body("{}".into()).unwrap()).await.refused(400, "invalid_request");
    let get = http::Request::get("/oauth2/token").body(axum::body::Body::empty()).unwrap();
    assert_eq!(world.exchange(get).await.status, 405);
}
