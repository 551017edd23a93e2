//! What may be asked for, of whom, and where the answer goes.

use auth_service::clients::{Client, GrantType};
use http::Method;

use super::visitor::Visitor;
use super::{app, code, furnish, granted, request, world};
use crate::world::{ISSUER, PASSWORD, World, claims};

#[tokio::test]
async fn nobody_is_sent_to_an_address_that_is_not_registered() {
    let world = world().await;
    let visitor = Visitor::new(&world);
    for uri in [
        "https://app.example/callback/",
        "https://app.example/callback?x=1",
        "https://app.example/callback#f",
        "https://APP.example/callback",
        "https://app.example:443/callback",
        "https://user@app.example/callback",
        "https://app.example/a/../callback",
        "https://app.example.evil.example/callback",
        "http://app.example/callback",
        "javascript:alert(1)",
    ] {
        visitor.get(&request("app", &[("redirect_uri", uri)])).await.is_trouble();
    }
    let twice = format!("{}&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback", request("app", &[]));
    visitor.get(&twice).await.is_trouble();
    for client in ["nobody", "a b", ""] {
        visitor.get(&request(client, &[("client_id", client)])).await.is_trouble();
    }
    let script = visitor.get(&request("app", &[("redirect_uri", "https://x.example/\"><script>")])).await;
    script.is_trouble();
}

#[tokio::test]
async fn the_client_hears_what_is_wrong_with_its_request() {
    let world = world().await;
    let admin =
        Client { id: "plain".parse().unwrap(), grant_types: vec![GrantType::ClientCredentials], ..app() };
    world.register(&admin).await;
    let visitor = Visitor::new(&world);
    for (error, name, value) in [
        ("unsupported_response_type", "response_type", "token"),
        ("unsupported_response_type", "response_type", "code id_token"),
        ("invalid_request", "response_type", ""),
        ("invalid_request", "response_mode", "fragment"),
        ("invalid_request", "code_challenge", ""),
        ("invalid_request", "code_challenge", "short"),
        ("invalid_request", "code_challenge_method", "plain"),
        ("invalid_request", "code_challenge_method", ""),
        ("invalid_scope", "scope", "unheard:of"),
        ("invalid_scope", "scope", "openid auth:admin"),
        ("invalid_target", "resource", "https://other.example/"),
        ("invalid_request", "prompt", "none login"),
        ("invalid_request", "prompt", "dance"),
        ("invalid_request", "max_age", "soon"),
        ("invalid_request", "nonce", "\u{1}"),
        ("invalid_request", "claims", "["),
        ("invalid_request", "id_token_hint", "nonsense"),
        ("request_not_supported", "request", "a.b.c"),
        ("request_uri_not_supported", "request_uri", "https://app.example/request"),
    ] {
        let page = visitor.get(&request("app", &[(name, value)])).await;
        page.tells(error);
        assert_eq!(page.parameter("state").as_deref(), Some("a state & more"), "{name}={value}");
    }
    visitor.get(&request("plain", &[])).await.tells("unauthorized_client");
    let twice = visitor.get(&format!("{}&nonce=2", request("app", &[]))).await;
    twice.tells("invalid_request");
    let stateless = visitor.get(&request("app", &[("state", ""), ("scope", "x")])).await;
    assert_eq!(stateless.parameter("state"), None, "absent stays absent");
    let long = visitor.get(&request("app", &[("state", &"!".repeat(1025))])).await;
    long.tells("invalid_request");
    assert_eq!(long.parameter("state"), None, "it would come back three times as long");
}

#[tokio::test]
async fn parameters_that_nobody_knows_change_nothing() {
    let world = world().await;
    let bend =
        [("unknown", "1"), ("display", "popup"), ("acr_values", "urn:x"), ("scope", "openid unheard:of")];
    let (tokens, _) = granted(&world, &bend).await;
    assert_eq!(tokens.body["scope"], "openid");
}

#[tokio::test]
async fn the_prompt_decides_what_is_shown() {
    let world = world().await;
    let visitor = Visitor::new(&world);
    visitor.get(&request("app", &[("prompt", "none")])).await.tells("login_required");
    visitor.sign_in(&request("app", &[])).await.code();
    visitor.get(&request("app", &[("prompt", "none")])).await.code();
    visitor.get(&request("spa", &[("prompt", "none")])).await.tells("consent_required");
    let asked = visitor.get(&request("app", &[("prompt", "consent")])).await;
    visitor.press(&asked, "allow").await.code();

    world.advance(100);
    for prompt in ["login", "select_account"] {
        let page = visitor.get(&request("app", &[("prompt", prompt)])).await;
        assert!(page.shows("name=\"password\""));
        let code = visitor.fill_in(&page, "ada", PASSWORD).await.code();
        let told = claims(&world.redeem(&code).await.expect(200).text("id_token"));
        assert_eq!(told["auth_time"], world.clock_seconds());
    }
}

#[tokio::test]
async fn whoever_signed_in_too_long_ago_signs_in_again() {
    let world = world().await;
    let (_, visitor) = code(&world, &[]).await;
    world.advance(100);
    visitor.get(&request("app", &[("max_age", "100")])).await.code();
    let page = visitor.get(&request("app", &[("max_age", "99")])).await;
    visitor.fill_in(&page, "ada", PASSWORD).await.code();
    world.advance(1);
    let page = visitor.get(&request("app", &[("max_age", "0")])).await;
    visitor.fill_in(&page, "ada", PASSWORD).await.code();
    world.advance(1);
    visitor.get(&request("app", &[("max_age", "0"), ("prompt", "none")])).await.tells("login_required");
    // Half a day later, the session of the browser is over.
    world.advance(12 * 3600);
    visitor.get(&request("app", &[("prompt", "none")])).await.tells("login_required");
}

#[tokio::test]
async fn a_hint_says_who_it_must_be() {
    let world = world().await;
    world.account("bob", auth_service::accounts::Role::Reader).await;
    let (tokens, visitor) = granted(&world, &[]).await;
    let hint = tokens.text("id_token");
    visitor.get(&request("app", &[("id_token_hint", &hint), ("prompt", "none")])).await.code();
    visitor.get(&request("spa", &[("id_token_hint", &hint)])).await.tells("invalid_request");
    let bobs = Visitor::new(&world);
    let page = bobs.get(&request("app", &[("login_hint", "bob")])).await;
    assert!(page.shows("value=\"bob\""));
    bobs.fill_in(&page, "bob", PASSWORD).await.code();
    bobs.get(&request("app", &[("id_token_hint", &hint), ("prompt", "none")])).await.tells("login_required");
    let page = bobs.get(&request("app", &[("id_token_hint", &hint)])).await;
    let still_bob = bobs.fill_in(&page, "bob", PASSWORD).await;
    assert_ne!(
        still_bob.headers.get("location").map(|value| value.to_str().unwrap().contains("code=")),
        Some(true)
    );
    let ada = world.row("ada").await.id;
    let must_be = format!(r#"{{"id_token":{{"sub":{{"value":"{ada}"}}}}}}"#);
    bobs.get(&request("app", &[("claims", &must_be), ("prompt", "none")])).await.tells("login_required");
    visitor.get(&request("app", &[("claims", &must_be), ("prompt", "none")])).await.code();
}

#[tokio::test]
async fn claims_are_told_where_they_are_asked_for() {
    let world = world().await;
    let asked = r#"{"userinfo":{"preferred_username":{"essential":true}}}"#;
    let (tokens, _) = granted(&world, &[("scope", "openid"), ("claims", asked)]).await;
    assert!(claims(&tokens.text("id_token"))["preferred_username"].is_null());
    let info = world.bearer(&tokens.text("access_token")).get("/oauth2/userinfo").await.expect(200);
    assert_eq!(info.body["preferred_username"], "ada");
    let asked = r#"{"id_token":{"preferred_username":null}}"#;
    let (tokens, _) = granted(&world, &[("scope", "openid"), ("claims", asked)]).await;
    assert_eq!(claims(&tokens.text("id_token"))["preferred_username"], "ada");
    let info = world.bearer(&tokens.text("access_token")).get("/oauth2/userinfo").await.expect(200);
    assert!(info.body["preferred_username"].is_null());
    let (tokens, _) = granted(&world, &[("scope", "books:read")]).await;
    assert!(tokens.body["id_token"].is_null());
    world.bearer(&tokens.text("access_token")).get("/oauth2/userinfo").await.expect(403);
}

#[tokio::test]
async fn a_request_may_come_as_a_form() {
    let world = world().await;
    let visitor = Visitor::new(&world);
    let query = request("app", &[]).split_once('?').unwrap().1.to_owned();
    let page = visitor.send(Method::POST, "/oauth2/authorize", &[], Some(query)).await;
    assert_eq!(page.status, 303);
    let again = page.headers["location"].to_str().unwrap().to_owned();
    assert!(again.starts_with("/oauth2/authorize?"), "{again}");
    visitor.sign_in(&again).await.code();
}

#[tokio::test]
async fn a_form_is_taken_from_the_browser_that_it_was_made_for() {
    let world = world().await;
    let (attacker, victim) = (Visitor::new(&world), Visitor::new(&world));
    let page = attacker.get(&request("app", &[])).await;
    let ticket = page.ticket();
    victim.fill_in(&page, "ada", PASSWORD).await.is_trouble();
    victim.get(&request("app", &[])).await;
    victim.fill_in(&page, "ada", PASSWORD).await.is_trouble();
    attacker.post("/oauth2/sign-in", &[("username", "ada"), ("password", PASSWORD)]).await.is_trouble();
    let fields = super::form(&[("ticket", &ticket), ("username", "ada"), ("password", PASSWORD)]);
    for foreign in [
        ("origin", "https://evil.example"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        attacker.send(Method::POST, "/oauth2/sign-in", &[foreign], Some(fields.clone())).await.is_trouble();
    }
    world.advance(30 * 60);
    attacker.fill_in(&page, "ada", PASSWORD).await.is_trouble();

    // A ticket of one page is none of another.
    let owner = Visitor::new(&world);
    let consent = owner.sign_in(&request("spa", &[])).await;
    owner
        .post(
            "/oauth2/sign-in",
            &[("ticket", &consent.ticket()), ("username", "ada"), ("password", PASSWORD)],
        )
        .await
        .is_trouble();
    let other = Visitor::new(&world);
    other.put_cookies(owner.cookies());
    let page = other.get(&request("app", &[("prompt", "login")])).await;
    other.fill_in(&page, "ada", PASSWORD).await.code();
    // Somebody signed in anew after the question was asked: it has not been answered.
    owner.press(&consent, "allow").await.is_trouble();
}

#[tokio::test]
async fn a_cookie_is_worth_nothing_once_its_session_is_over_or_was_made_up() {
    let world = world().await;
    let (_, visitor) = code(&world, &[]).await;
    let old = visitor.cookies();
    let page = visitor.get(&request("app", &[("prompt", "login")])).await;
    visitor.fill_in(&page, "ada", PASSWORD).await.code();
    assert_ne!(visitor.cookies(), old, "a new session each time");
    let thief = Visitor::new(&world);
    thief.put_cookies(old);
    thief.get(&request("app", &[("prompt", "none")])).await.tells("login_required");
    let mut bent = visitor.cookies();
    for value in bent.values_mut() {
        value.replace_range(0..1, if value.starts_with('A') { "B" } else { "A" });
    }
    thief.put_cookies(bent);
    thief.get(&request("app", &[("prompt", "none")])).await.tells("login_required");
    // It is listed with the others, and ended with them.
    let own = world.log_in("ada").await;
    let sessions = world.bearer(&own.access).get("/me/sessions").await.expect(200).body;
    assert!(sessions.as_array().unwrap().iter().any(|session| session["origin"] == "browser"), "{sessions}");
    world.bearer(&own.access).delete("/me/sessions").await.expect(204);
    visitor.get(&request("app", &[("prompt", "none")])).await.tells("login_required");
}

#[tokio::test]
async fn the_page_says_what_went_wrong_and_takes_another_try() {
    let world = world().await;
    let visitor = Visitor::new(&world);
    let page = visitor.get(&request("app", &[])).await;
    let wrong = visitor.fill_in(&page, "ada", "wrong").await;
    assert_eq!(wrong.status, 200);
    assert!(wrong.shows("role=\"alert\"") && wrong.shows("value=\"ada\""), "{}", wrong.body);
    let nobody = visitor.fill_in(&wrong, "nobody", "wrong").await;
    assert_eq!(wrong.body.matches("role=\"alert\"").count(), nobody.body.matches("role=\"alert\"").count());
    visitor.fill_in(&nobody, "ada", PASSWORD).await.code();
    let guesser = Visitor::new(&world);
    let mut page = guesser.get(&request("app", &[])).await;
    for _ in 0..40 {
        page = guesser.fill_in(&page, "ada", "wrong").await;
        if page.status == 429 {
            break;
        }
    }
    assert_eq!(page.status, 429);
    assert!(page.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn the_pages_speak_the_language_of_their_reader() {
    let world = world().await;
    let chinese = Visitor::reading(&world, "zh-CN,zh;q=0.9,en;q=0.8").get(&request("app", &[])).await;
    assert!(chinese.shows("lang=\"zh"), "{}", chinese.body);
    let english = Visitor::reading(&world, "zh-CN").get(&request("app", &[("ui_locales", "en")])).await;
    assert!(english.shows("lang=\"en\""));
}

#[tokio::test]
async fn behind_tls_cookies_are_bound_to_the_host() {
    let world = World::with(&["--issuer", "https://id.example"]).await;
    furnish(&world).await;
    let visitor = Visitor::new(&world);
    let page = visitor.get(&request("app", &[])).await;
    visitor.fill_in(&page, "ada", PASSWORD).await;
    assert!(visitor.cookies().keys().all(|name| name.starts_with("__Host-")), "{:?}", visitor.cookies());
}

#[tokio::test]
async fn pages_of_our_own_ask_nobody_and_others_on_this_machine_each_time() {
    let world = world().await;
    let visitor = Visitor::new(&world);
    let own = |uri: &str, more: &[(&str, &str)]| {
        let all = [&[("redirect_uri", uri), ("scope", "openid auth:admin")], more].concat();
        request("imprimatur-pages", &all)
    };
    for path in ["/", "/docs/oauth2-redirect.html", "/admin/ui"] {
        let uri = format!("{ISSUER}{path}");
        let page = match path {
            "/" => visitor.sign_in(&own(&uri, &[])).await,
            _ => visitor.get(&own(&uri, &[("prompt", "none")])).await,
        };
        assert!(!page.code().is_empty(), "{path}");
    }
    // Neither another path nor another port of the same machine is ours.
    for uri in ["http://127.0.0.1:5001/elsewhere", "http://127.0.0.1:8080/", "https://app.example/"] {
        visitor.get(&own(uri, &[])).await.is_trouble();
    }
    let elsewhere = [("redirect_uri", "http://127.0.0.1:5002/"), ("scope", "books:read"), ("prompt", "none")];
    for _ in 0..2 {
        let page = visitor.get(&request("imprimatur-resource-pages", &elsewhere)).await;
        page.tells("consent_required");
        let page = visitor.get(&request("imprimatur-resource-pages", &elsewhere[..2])).await;
        assert!(!visitor.press(&page, "allow").await.code().is_empty());
    }
}
