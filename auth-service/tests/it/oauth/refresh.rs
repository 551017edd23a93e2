use serde_json::json;

use super::visitor::Visitor;
use super::{granted, redemption, request, world};
use crate::world::claims;

#[tokio::test]
async fn a_session_goes_on_with_a_new_refresh_token_each_time() {
    let world = world().await;
    let (tokens, _) = granted(&world, &[]).await;
    let first = tokens.text("refresh_token");
    world.advance(30);
    let next = world.oauth_refresh(&first).await.expect(200);
    assert_ne!(next.text("refresh_token"), first);
    assert_eq!(next.body["scope"], "openid profile books:read");
    let told = claims(&next.text("id_token"));
    assert_eq!((&told["nonce"], &told["auth_time"]), (&json!(null), &json!(world.clock_seconds() - 30)));
    // The answer was lost: within a minute, the same successor comes again.
    world.advance(60);
    let again = world.oauth_refresh(&first).await.expect(200);
    assert_eq!(again.text("refresh_token"), next.text("refresh_token"));
    world.advance(1);
    world.oauth_refresh(&first).await.refused(400, "invalid_grant");
    world.oauth_refresh(&next.text("refresh_token")).await.refused(400, "invalid_grant");
    assert!(world.audit().await.contains(&"reuse_detected!".to_owned()));
}

#[tokio::test]
async fn a_refresh_token_is_its_clients_alone_and_another_burns_nothing() {
    let world = world().await;
    let (tokens, _) = granted(&world, &[]).await;
    let token = tokens.text("refresh_token");
    let fields = [("grant_type", "refresh_token"), ("client_id", "spa"), ("refresh_token", token.as_str())];
    world.form("/oauth2/token", None, &fields).await.refused(400, "invalid_grant");
    // The endpoint without clients is not a way around proving who one is.
    world.refresh(&token).await.expect(401);
    let own = world.log_in("ada").await;
    world.oauth_refresh(&own.refresh).await.refused(400, "invalid_grant");
    world.refresh(&own.refresh).await.expect(200);
    world.oauth_refresh(&token).await.expect(200);
    world.oauth_refresh(&tokens.text("access_token")).await.refused(400, "invalid_grant");
    world.oauth_refresh(&tokens.text("id_token")).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn less_may_be_asked_for_and_never_more() {
    let world = world().await;
    let (tokens, _) =
        granted(&world, &[("scope", "openid books:read books:write"), ("resource", "https://api.example/")])
            .await;
    let token = tokens.text("refresh_token");
    assert_eq!(claims(&tokens.text("access_token"))["aud"], json!(["https://api.example/", "auth"]));
    let refresh = |name, value| {
        let (world, token) = (&world, token.clone());
        async move {
            world.token(&[("grant_type", "refresh_token"), ("refresh_token", &token), (name, value)]).await
        }
    };
    refresh("scope", "openid profile").await.refused(400, "invalid_scope");
    refresh("resource", "books").await.refused(400, "invalid_target");
    let less = refresh("scope", "books:read").await.expect(200);
    assert_eq!((&less.body["scope"], &less.body["id_token"]), (&json!("books:read"), &json!(null)));
    assert_eq!(claims(&less.text("access_token"))["aud"], json!("https://api.example/"));
    // The session itself has lost nothing.
    let whole = world.oauth_refresh(&less.text("refresh_token")).await.expect(200);
    assert_eq!(whole.body["scope"], "openid books:read books:write");
}

#[tokio::test]
async fn a_client_may_be_let_in_for_shorter() {
    let world = world().await;
    let short = auth_service::clients::Client {
        id: "short".parse().unwrap(),
        access_token_ttl: Some(std::time::Duration::from_secs(60)),
        refresh_token_ttl: Some(std::time::Duration::from_secs(600)),
        ..super::public()
    };
    world.register(&short).await;
    let visitor = Visitor::new(&world);
    let page = visitor.sign_in(&request("short", &[])).await;
    let code = visitor.press(&page, "allow").await.code();
    let mut fields = redemption(&code).to_vec();
    fields.push(("client_id", "short"));
    let tokens = world.form("/oauth2/token", None, &fields).await.expect(200);
    assert_eq!(tokens.body["expires_in"], 60);
    let refresh = tokens.text("refresh_token");
    world.advance(600);
    let fields =
        [("grant_type", "refresh_token"), ("client_id", "short"), ("refresh_token", refresh.as_str())];
    world.form("/oauth2/token", None, &fields).await.refused(400, "invalid_grant");
}
