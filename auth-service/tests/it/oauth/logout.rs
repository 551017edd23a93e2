use auth_service::accounts::Role;

use super::visitor::Visitor;
use super::{form, granted, request, world};
use crate::world::PASSWORD;

fn logout(pairs: &[(&str, &str)]) -> String {
    format!("/oauth2/logout?{}", form(pairs))
}

const BYE: (&str, &str) = ("post_logout_redirect_uri", "https://app.example/bye");

#[tokio::test]
async fn a_client_that_has_signed_somebody_in_signs_them_out() {
    let world = world().await;
    let (tokens, visitor) = granted(&world, &[]).await;
    let (kept, _) = granted(&world, &[("scope", "openid offline_access")]).await;
    world.advance(3600);
    let hint = tokens.text("id_token");
    let back = visitor.get(&logout(&[("id_token_hint", &hint), BYE, ("state", "s 1")])).await;
    assert_eq!(back.location().as_str(), "https://app.example/bye?state=s+1");
    visitor.get(&request("app", &[("prompt", "none")])).await.tells("login_required");
    world.oauth_refresh(&tokens.text("refresh_token")).await.refused(400, "invalid_grant");
    world.oauth_refresh(&kept.text("refresh_token")).await.expect(200);
    let again = visitor.get(&logout(&[("id_token_hint", &hint), BYE])).await;
    assert_eq!(again.location().as_str(), "https://app.example/bye");
}

#[tokio::test]
async fn what_was_to_go_on_goes_on_when_its_owner_signs_out() {
    let world = world().await;
    let (tokens, visitor) = granted(&world, &[("scope", "openid offline_access")]).await;
    visitor.get(&logout(&[("id_token_hint", &tokens.text("id_token"))])).await;
    world.oauth_refresh(&tokens.text("refresh_token")).await.expect(200);
}

/// Signing in once more does not put what was opened before out of reach.
#[tokio::test]
async fn who_signs_in_twice_signs_out_of_all() {
    let world = world().await;
    let (before, visitor) = granted(&world, &[]).await;
    let page = visitor.get(&request("app", &[("prompt", "login")])).await;
    let code = visitor.fill_in(&page, "ada", PASSWORD).await.code();
    let after = world.redeem(&code).await.expect(200);
    let before = world.oauth_refresh(&before.text("refresh_token")).await.expect(200);
    visitor.get(&logout(&[("id_token_hint", &after.text("id_token"))])).await;
    for tokens in [before, after] {
        world.oauth_refresh(&tokens.text("refresh_token")).await.refused(400, "invalid_grant");
    }
}

#[tokio::test]
async fn whoever_takes_over_a_browser_ends_what_was_opened_from_it() {
    let world = world().await;
    world.account("ben", Role::Reader).await;
    let (ended, visitor) = granted(&world, &[]).await;
    let page = visitor.get(&request("app", &[("prompt", "login"), ("scope", "openid offline_access")])).await;
    let code = visitor.fill_in(&page, "ada", PASSWORD).await.code();
    let kept = world.redeem(&code).await.expect(200);
    let (elsewhere, _) = granted(&world, &[]).await;
    let page = visitor.get(&request("app", &[("prompt", "select_account")])).await;
    visitor.fill_in(&page, "ben", PASSWORD).await.code();
    world.oauth_refresh(&ended.text("refresh_token")).await.refused(400, "invalid_grant");
    for goes_on in [kept, elsewhere] {
        world.oauth_refresh(&goes_on.text("refresh_token")).await.expect(200);
    }
}

#[tokio::test]
async fn anybody_else_only_asks() {
    let world = world().await;
    let (_, visitor) = granted(&world, &[]).await;
    let (others, _) = granted(&world, &[]).await;
    let hint = others.text("id_token");
    for pairs in [&[("client_id", "app"), BYE][..], &[("id_token_hint", &hint)], &[]] {
        let page = visitor.get(&logout(pairs)).await;
        assert!(page.status == 200 && page.shows("name=\"ticket\""), "{pairs:?}");
    }
    visitor.get(&request("app", &[("prompt", "none")])).await.code();
    let stays = visitor.get(&logout(&[])).await;
    assert!(visitor.press(&stays, "stay").await.shows("still signed in"));
    let page = visitor.get(&logout(&[("client_id", "app"), BYE])).await;
    let thief = Visitor::new(&world);
    thief.press(&page, "sign_out").await.is_trouble();
    let back = visitor.press(&page, "sign_out").await;
    assert_eq!(back.location().as_str(), "https://app.example/bye");
    visitor.get(&request("app", &[("prompt", "none")])).await.tells("login_required");
}

#[tokio::test]
async fn nobody_is_sent_to_an_address_that_is_not_registered() {
    let world = world().await;
    let (tokens, visitor) = granted(&world, &[]).await;
    let evil = ("post_logout_redirect_uri", "https://evil.example/");
    let page = visitor.get(&logout(&[("id_token_hint", &tokens.text("id_token")), evil])).await;
    assert_eq!(page.status, 200);
    let stranger = Visitor::new(&world);
    assert_eq!(stranger.get(&logout(&[evil])).await.status, 200);
    assert_eq!(stranger.get(&logout(&[BYE])).await.status, 200, "whose address it is, nobody has said");
    stranger.get(&logout(&[("id_token_hint", "nonsense")])).await.is_trouble();
    let mixed = [("id_token_hint", tokens.text("id_token"))];
    stranger.get(&logout(&[(mixed[0].0, &mixed[0].1), ("client_id", "spa")])).await.is_trouble();
}
