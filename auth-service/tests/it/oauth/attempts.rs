//! What people tried who wanted more than they were given: each of these worked once.

use auth_service::accounts::Role;
use auth_service::clients::{Client, store};
use auth_service::entity::{audit_event, one_time};
use auth_service::maintenance::sweep;
use sea_orm::EntityTrait as _;
use serde_json::{Value, json};
use shared::testing::{TestKey, TokenBuilder};

use super::visitor::Visitor;
use super::{CALLBACK, Reply, app, device, granted, public, redemption, request, world};
use crate::world::{ISSUER, PASSWORD, World, claims};

/// Redeems a code of the public client.
async fn redeem(world: &World, client: &str, code: &str) -> Reply {
    let mut fields = redemption(code).to_vec();
    fields.push(("client_id", client));
    world.form("/oauth2/token", None, &fields).await
}

/// A client that has registered itself, public, for `CALLBACK`.
async fn stranger(world: &World) -> String {
    let metadata = json!({
        "client_name": "Imprimatur", "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none",
        "post_logout_redirect_uris": ["https://app.example/bye"],
    });
    let made = world.anonymous().post("/oauth2/register", metadata).await.expect(201).body;
    made["client_id"].as_str().unwrap().to_owned()
}

async fn with_registration() -> World {
    let world = World::with(&["--client-registration", "open"]).await;
    world.account("ada", Role::Librarian).await;
    world
}

#[tokio::test]
async fn what_is_taken_back_leaves_nothing_under_way() {
    let world = world().await;
    let visitor = Visitor::new(&world);
    let page = visitor.sign_in(&request("spa", &[])).await;
    let code = visitor.press(&page, "allow").await.code();
    let remembered = visitor.get(&request("spa", &[])).await.code();
    let own = world.log_in("ada").await;
    let own = world.bearer(&own.access);
    own.delete("/me/consents/spa").await.expect(204);
    for code in [code, remembered] {
        redeem(&world, "spa", &code).await.refused(400, "invalid_grant");
    }
    let began = device::begin(&world).await;
    let question = device::enter(&visitor, &began.text("user_code")).await;
    visitor.press(&question, "allow").await;
    own.delete("/me/consents/spa").await.expect(204);
    device::poll(&world, &began).await.refused(400, "invalid_grant");
    device::device_session_ends(&world, &visitor, &own).await;
}

#[tokio::test]
async fn a_page_that_was_opened_before_a_registration_changed_leads_nowhere() {
    let world = world().await;
    let change = async |client: Client| store::replace(world.database(), &client).await.unwrap();
    let (asks, cancels) = (Visitor::new(&world), Visitor::new(&world));
    let page = asks.sign_in(&request("spa", &[])).await;
    let sign_in = cancels.get(&request("spa", &[])).await;
    change(Client { redirect_uris: vec!["https://new.example/cb".parse().unwrap()], ..public() }).await;
    asks.press(&page, "allow").await.is_trouble();
    asks.press(&page, "deny").await.is_trouble();
    cancels.press(&sign_in, "cancel").await.is_trouble();
    change(Client { scope: "openid".to_owned(), ..public() }).await;
    asks.press(&page, "allow").await.tells("invalid_scope");

    change(public()).await;
    let code = asks.press(&page, "allow").await.code();
    change(Client { scope: "openid".to_owned(), ..public() }).await;
    let tokens = redeem(&world, "spa", &code).await.expect(200);
    assert_eq!(tokens.body["scope"], "openid", "no more than the client may have when it redeems its code");
}

#[tokio::test]
async fn consent_is_for_the_resource_that_people_were_shown() {
    let world = World::with(&["--resources", "https://payroll.example,https://wages.example"]).await;
    super::furnish(&world).await;
    let at = |resource| request("spa", &[("resource", resource)]);
    let visitor = Visitor::new(&world);
    let page = visitor.sign_in(&request("spa", &[])).await;
    assert!(!page.shows("payroll"));
    visitor.press(&page, "allow").await.code();
    let silent = request("spa", &[("resource", "https://payroll.example"), ("prompt", "none")]);
    visitor.get(&silent).await.tells("consent_required");
    let page = visitor.get(&at("https://payroll.example")).await;
    assert!(page.shows("https://payroll.example"), "{}", page.body);
    let code = visitor.press(&page, "allow").await.code();
    let tokens = redeem(&world, "spa", &code).await.expect(200);
    assert!(claims(&tokens.text("access_token"))["aud"].to_string().contains("payroll"));
    visitor.get(&silent).await.code();
    assert!(visitor.get(&at("https://wages.example")).await.shows("decision"));
    visitor.get(&request("spa", &[])).await.code();
    let both = visitor.get(&at("https://wages.example")).await;
    visitor.press(&both, "allow").await.code();
    visitor.get(&silent).await.code();
}

/// More than a line of the audit trail holds.
#[tokio::test]
async fn a_client_of_many_resources_is_let_in() {
    let many: Vec<_> =
        (1..=5).map(|number| format!("https://api-{number}.example/{}", "a".repeat(40))).collect();
    let world = World::with(&["--resources", &many.join(",")]).await;
    super::furnish(&world).await;
    let asked: Vec<_> = many.iter().map(|resource| ("resource", resource.as_str())).collect();
    let visitor = Visitor::new(&world);
    let page = visitor.sign_in(&request("spa", &asked)).await;
    let code = visitor.press(&page, "allow").await.code();
    let tokens = redeem(&world, "spa", &code).await.expect(200);
    assert!(claims(&tokens.text("access_token"))["aud"].to_string().contains(&many[4]));
    let events = audit_event::Entity::find().all(world.database()).await.unwrap();
    let longest = events.iter().map(|event| event.detail.chars().count()).max();
    assert_eq!(longest, Some(255), "as much as the table holds, on any database");
}

/// A page that asks in a loop for somebody who is signed in: each code is a row.
#[tokio::test]
async fn so_many_codes_are_made_for_an_account_in_a_minute() {
    let world = world().await;
    let (_, visitor) = granted(&world, &[]).await;
    let mut made = 1;
    let refused = loop {
        let page = visitor.get(&request("app", &[("prompt", "none")])).await;
        if page.status != 303 {
            break page;
        }
        page.code();
        made += 1;
        assert!(made < 100);
    };
    assert_eq!((made, refused.status.as_u16()), (60, 429));
    world.advance(60);
    visitor.get(&request("app", &[("prompt", "none")])).await.code();
}

/// What an operator takes away from a client is gone from what it has, too.
#[tokio::test]
async fn a_resource_that_was_taken_away_is_no_audience_any_more() {
    let world = world().await;
    let change = async |resources: &[&str]| {
        let resources = resources.iter().map(ToString::to_string).collect();
        store::replace(world.database(), &Client { resources, ..app() }).await.unwrap();
    };
    change(&["https://payroll.example", "https://wages.example"]).await;
    let both = [("resource", "https://payroll.example"), ("resource", "https://wages.example")];
    let (tokens, visitor) = granted(&world, &both).await;
    let under_way = visitor.get(&request("app", &both)).await.code();
    let audience = |reply: &Reply| claims(&reply.text("access_token"))["aud"].to_string();
    assert!(audience(&tokens).contains("payroll"));

    change(&["https://wages.example"]).await;
    let token = tokens.text("refresh_token");
    let refreshed = world.oauth_refresh(&token).await.expect(200);
    let redeemed = world.redeem(&under_way).await.expect(200);
    for reply in [&refreshed, &redeemed] {
        assert!(!audience(reply).contains("payroll") && audience(reply).contains("wages"));
    }
    let token = refreshed.text("refresh_token");
    let gone = [("grant_type", "refresh_token"), ("refresh_token", token.as_str()), both[0]];
    world.token(&gone).await.refused(400, "invalid_target");

    let under_way = visitor.get(&request("app", &both[1..])).await.code();
    change(&[]).await;
    world.oauth_refresh(&token).await.refused(400, "invalid_target");
    world.redeem(&under_way).await.refused(400, "invalid_grant");
    change(&["https://wages.example"]).await;
    world.oauth_refresh(&token).await.expect(200);
}

/// Somebody lets an application in at one service, and then at another one, in two windows.
#[tokio::test]
async fn what_was_allowed_at_one_resource_goes_on_when_another_one_is_allowed() {
    let world = World::with(&["--resources", "https://payroll.example"]).await;
    super::furnish(&world).await;
    let elsewhere = request("spa", &[("resource", "https://payroll.example")]);
    let visitor = Visitor::new(&world);
    let page = visitor.sign_in(&request("spa", &[])).await;
    let first = visitor.press(&page, "allow").await.code();
    let page = visitor.get(&elsewhere).await;
    let second = visitor.press(&page, "allow").await.code();
    for code in [first, second] {
        redeem(&world, "spa", &code).await.expect(200);
    }
    let own = world.log_in("ada").await;
    let own = world.bearer(&own.access);
    let consents = own.get("/me/consents").await.expect(200).body;
    let places: Vec<_> = consents.as_array().unwrap().iter().map(|consent| &consent["resource"]).collect();
    assert_eq!(places, ["https://payroll.example", ""]);

    let under_way = [visitor.get(&elsewhere).await.code(), visitor.get(&request("spa", &[])).await.code()];
    own.delete("/me/consents/spa").await.expect(204);
    for code in under_way {
        redeem(&world, "spa", &code).await.refused(400, "invalid_grant");
    }
    assert!(visitor.get(&elsewhere).await.shows("decision"));
}

#[tokio::test]
async fn nobody_gives_a_client_what_they_do_not_have_themselves() {
    let world = world().await;
    world.account("mallory", Role::Reader).await;
    let asked = request("spa", &[("scope", "openid books:read books:write")]);
    let visitor = Visitor::new(&world);
    let page = visitor.get(&asked).await;
    let page = visitor.fill_in(&page, "mallory", PASSWORD).await;
    assert!(page.shows("decision") && !page.shows("books:write"), "{}", page.body);
    let code = visitor.press(&page, "allow").await.code();
    let tokens = redeem(&world, "spa", &code).await.expect(200);
    assert_eq!(tokens.body["scope"], "openid books:read");
    visitor.get(&asked).await.code();

    let admin = world.member("root", Role::Admin).await;
    let mallory = world.row("mallory").await.id;
    let promote = json!({"roles": ["admin"]});
    world.bearer(&admin.access).patch(&format!("/admin/users/{mallory}"), promote).await.expect(200);
    let token = tokens.text("refresh_token");
    let fields = [("grant_type", "refresh_token"), ("client_id", "spa"), ("refresh_token", token.as_str())];
    let renewed = world.form("/oauth2/token", None, &fields).await.expect(200);
    assert_eq!(renewed.body["scope"], "openid books:read", "a promotion is nothing that a client was given");
    assert!(visitor.get(&asked).await.shows("decision"), "nor anything that it was allowed");
}

#[tokio::test]
async fn a_hint_is_no_load() {
    let world = world().await;
    let locales = "\"".repeat(20_000);
    let parameters = request("spa", &[("ui_locales", &locales)]);
    let pairs: Vec<(String, String)> =
        url::form_urlencoded::parse(parameters.split_once('?').unwrap().1.as_bytes()).into_owned().collect();
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    world.form("/oauth2/par", None, &pairs).await.expect(201);
    let rows = one_time::Entity::find().all(world.database()).await.unwrap();
    assert!(rows.len() == 1 && rows[0].data.len() < 1024, "{}", rows[0].data.len());
    world.advance(90);
    sweep(&world.service.app).await.unwrap();
    assert_eq!(one_time::Entity::find().all(world.database()).await.unwrap(), [], "not a second longer");
    world.form("/oauth2/authorize", None, &pairs).await.refused(400, "invalid_request");
    world.form("/oauth2/logout", None, &pairs).await.refused(400, "invalid_request");
}

#[tokio::test]
async fn a_stranger_is_called_one() {
    let world = with_registration().await;
    let id = stranger(&world).await;
    let visitor = Visitor::new(&world);
    let page = visitor.sign_in(&request(&id, &[])).await;
    assert!(page.shows("registered itself") && page.shows("app.example"), "{}", page.body);
    world.register(&public()).await;
    assert!(!visitor.get(&request("spa", &[])).await.shows("registered itself"));
    for (name, value) in [
        ("client_name", json!("\u{2800}")),
        ("client_name", json!("Imprimatur\u{ad}")),
        ("grant_types", json!(["urn:ietf:params:oauth:grant-type:device_code"])),
    ] {
        let mut metadata = json!({"client_name": "A", "redirect_uris": [CALLBACK]});
        metadata[name] = value;
        let request = http::Request::post("/oauth2/register").header("content-type", "application/json");
        let reply = world.exchange(request.body(metadata.to_string().into()).unwrap()).await;
        assert_eq!(reply.status, 400, "{metadata}");
    }
    // It hears of its own tokens alone.
    let own = world.log_in("ada").await;
    let metadata = json!({"client_name": "A", "redirect_uris": [CALLBACK]});
    let made = world.anonymous().post("/oauth2/register", metadata).await.expect(201).body;
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    let auth = super::basic(&text("client_id"), &text("client_secret"));
    let said = world.form("/oauth2/introspect", Some(&auth), &[("token", &own.access)]).await.expect(200);
    assert_eq!(said.body, json!({"active": false}));
}

#[tokio::test]
async fn nobody_is_sent_to_a_stranger_for_having_followed_a_link() {
    let world = with_registration().await;
    let id = stranger(&world).await;
    let nobody = Visitor::new(&world);
    for bent in [("scope", "bogus"), ("prompt", "none"), ("response_type", "token"), ("code_challenge", "")] {
        nobody.get(&request(&id, &[bent])).await.is_trouble();
    }
    let bye = format!("/oauth2/logout?client_id={id}&post_logout_redirect_uri=https://app.example/bye");
    let page = nobody.get(&bye).await;
    assert_eq!(page.status, 200, "{:?}", page.headers);
    // Nor with an ID token that the stranger has got for having signed in to their own client.
    let own = Visitor::new(&world);
    let page = own.sign_in(&request(&id, &[])).await;
    let code = own.press(&page, "allow").await.code();
    let hint = redeem(&world, &id, &code).await.expect(200).text("id_token");
    let bye = format!("{bye}&id_token_hint={hint}");
    assert_eq!(nobody.get(&bye).await.status, 200);
    assert_eq!(own.get(&bye).await.location().as_str(), "https://app.example/bye", "who is signed in there");
    // Its name may be anything that somebody is to read, and there is no button that leads there.
    let page = nobody.get(&request(&id, &[])).await;
    assert!(!page.shows("Imprimatur</bdi>") && !page.shows("cancel"), "{}", page.body);
    nobody.press(&page, "cancel").await.is_trouble();
    // Whoever is signed in has come here for it.
    nobody.sign_in(&request(&id, &[])).await;
    nobody.get(&request(&id, &[("scope", "bogus")])).await.tells("invalid_scope");
    world.register(&app()).await;
    Visitor::new(&world).get(&request("app", &[("scope", "bogus")])).await.tells("invalid_scope");
}

/// A secret that anybody gets for the asking proves nothing.
#[tokio::test]
async fn whoever_registers_with_a_secret_or_a_key_begins_no_more_often() {
    let world = with_registration().await;
    let key = TestKey::a();
    let with_secret = json!({"client_name": "A", "redirect_uris": [CALLBACK]});
    let with_key = json!({
        "client_name": "B", "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": [key.jwk()]},
    });
    let register =
        async |metadata: Value| world.anonymous().post("/oauth2/register", metadata).await.expect(201).body;
    let (secret, signer) = (register(with_secret).await, register(with_key).await);
    let text = |made: &Value, name: &str| made[name].as_str().unwrap().to_owned();
    let auth = super::basic(&text(&secret, "client_id"), &text(&secret, "client_secret"));
    let query = request(&text(&secret, "client_id"), &[]);
    let pushed: Vec<(String, String)> =
        url::form_urlencoded::parse(query.split_once('?').unwrap().1.as_bytes()).into_owned().collect();
    let pushed: Vec<_> = pushed.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    for _ in 0..300 {
        world.form("/oauth2/par", Some(&auth), &pushed).await.expect(201);
    }
    world.form("/oauth2/par", Some(&auth), &pushed).await.expect(429);
    let id = text(&signer, "client_id");
    let assertion = TokenBuilder::new(&id, ISSUER, world.now()).header("typ", "JWT").claim("sub", &*id);
    let assertion = assertion.claim("jti", "1").claim("exp", world.clock_seconds() + 60).sign(&key);
    let kind = ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    let fields = [("token", "x"), kind, ("client_assertion", &assertion)];
    world.form("/oauth2/revoke", None, &fields).await.expect(429);
    world.advance(1);
    world.form("/oauth2/revoke", None, &fields).await.expect(200);
}

#[tokio::test]
async fn who_finds_a_used_code_ends_nothing_with_it() {
    let world = world().await;
    let (code, _) = super::code(&world, &[]).await;
    let tokens = world.redeem(&code).await.expect(200);
    let mut fields = redemption(&code);
    fields[3].1 = "another-verifier-that-is-long-enough-to-be-one-0";
    world.token(&fields).await.refused(400, "invalid_grant");
    world.me(&tokens.text("access_token")).await.expect(200);
    world.redeem(&code).await.refused(400, "invalid_grant");
    world.me(&tokens.text("access_token")).await.expect(401);
}
