use auth_service::entity::session::{ActiveModel, Column, Entity, Origin};
use sea_orm::{ActiveValue::Set, ColumnTrait as _, EntityTrait as _, QueryFilter as _};
use uuid::Uuid;

use crate::world::{CarriesTokens as _, Tokens, World, claims};

fn session_id(tokens: &Tokens) -> Uuid {
    claims(&tokens.access)["sid"].as_str().unwrap().parse().unwrap()
}

async fn generation(world: &World, tokens: &Tokens) -> i64 {
    Entity::find_by_id(session_id(tokens)).one(world.database()).await.unwrap().unwrap().generation
}

/// Makes a session one that was opened at `/oauth2`.
async fn by_oauth(world: &World, tokens: &Tokens) {
    let change = ActiveModel { origin: Set(Origin::OAuth), ..Default::default() };
    Entity::update_many()
        .set(change)
        .filter(Column::Id.eq(session_id(tokens)))
        .exec(world.database())
        .await
        .unwrap();
}

#[tokio::test]
async fn the_tutorials_client_refreshes_for_thirty_days_with_one_token() {
    let world = World::new().await;
    let tokens = world.librarian().await;
    for _ in 0..29 {
        world.advance(86400);
        let answer = world.refresh(&tokens.refresh).await.tokens();
        world.me(&answer.access).await.expect(200);
        assert_eq!(claims(&answer.access)["fresh"], false);
    }
    assert_eq!(generation(&world, &tokens).await, 2, "one successor, however often it was asked for");
    world.advance(86400);
    world.refresh(&tokens.refresh).await.unauthorized("Token has expired");
}

#[tokio::test]
async fn a_client_that_takes_the_new_token_rotates() {
    let world = World::new().await;
    let mut tokens = world.librarian().await;
    for expected in 2..6 {
        world.advance(600);
        let before = tokens.clone();
        tokens = world.refresh(&tokens.refresh).await.tokens();
        assert_ne!(before.refresh, tokens.refresh);
        assert_eq!(claims(&tokens.refresh)["gen"], expected);
    }
    assert_eq!(
        claims(&tokens.refresh)["exp"],
        world.now().seconds() - 4 * 600 + 30 * 86400,
        "never extended"
    );
}

#[tokio::test]
async fn a_lost_answer_is_given_once_more_byte_for_byte() {
    let world = World::new().await;
    let tokens = world.librarian().await;
    let first = world.refresh(&tokens.refresh).await.tokens();
    world.advance(30);
    let second = world.refresh(&tokens.refresh).await.tokens();
    assert_eq!(first.refresh, second.refresh);
    assert_ne!(first.access, second.access);
}

/// Some clients send their first refresh token for thirty days, and somebody might do so all day.
#[tokio::test]
async fn a_refresh_token_that_is_sent_all_the_time_does_not_fill_the_audit_trail() {
    let world = World::new().await;
    let tokens = world.librarian().await;
    for _ in 0..10 {
        world.refresh(&tokens.refresh).await.expect(200);
        world.advance(10);
    }
    world.advance(60);
    world.refresh(&tokens.refresh).await.expect(200);
    assert_eq!(world.audit().await[1..], ["login", "refresh", "refresh"]);
}

#[tokio::test]
async fn the_predecessor_of_a_used_token_ends_the_session() {
    let world = World::new().await;
    let tokens = world.librarian().await;
    let second = world.refresh(&tokens.refresh).await.tokens();
    let third = world.refresh(&second.refresh).await.tokens();
    world.refresh(&tokens.refresh).await.unauthorized("Token has been revoked");
    world.refresh(&third.refresh).await.unauthorized("Token has been revoked");
    world.me(&third.access).await.unauthorized("Token has been revoked");
    assert_eq!(world.audit().await[1..], ["login", "refresh", "refresh", "reuse_detected!"]);
}

#[tokio::test]
async fn a_session_of_oauth_has_a_grace_of_a_minute() {
    let world = World::new().await;
    let tokens = world.librarian().await;
    by_oauth(&world, &tokens).await;
    let second = world.refresh(&tokens.refresh).await.tokens();
    world.advance(60);
    assert_eq!(world.refresh(&tokens.refresh).await.tokens().refresh, second.refresh);
    world.advance(1);
    world.refresh(&tokens.refresh).await.unauthorized("Token has been revoked");
    world.refresh(&second.refresh).await.unauthorized("Token has been revoked");
}

#[tokio::test]
async fn one_setting_gives_every_session_the_same_grace() {
    let world = World::with(&["--refresh-grace", "5s"]).await;
    let tokens = world.librarian().await;
    world.refresh(&tokens.refresh).await.expect(200);
    world.advance(5);
    world.refresh(&tokens.refresh).await.expect(200);
    world.advance(1);
    world.refresh(&tokens.refresh).await.unauthorized("Token has been revoked");
}

#[tokio::test]
async fn a_grace_of_nothing_answers_within_the_same_moment_only() {
    let world = World::with(&["--refresh-grace", "0s"]).await;
    let tokens = world.librarian().await;
    world.refresh(&tokens.refresh).await.expect(200);
    world.advance(1);
    world.refresh(&tokens.refresh).await.unauthorized("Token has been revoked");
}

#[tokio::test]
async fn a_session_ends_when_it_is_not_used() {
    let world = World::with(&["--session-idle-ttl", "1h"]).await;
    let tokens = world.librarian().await;
    let mut current = tokens.clone();
    for _ in 0..3 {
        world.advance(3599);
        current = world.refresh(&tokens.refresh).await.tokens();
    }
    world.advance(3600);
    world.refresh(&current.refresh).await.unauthorized("Token has been revoked");
    world.refresh(&tokens.refresh).await.unauthorized("Token has been revoked");
}

#[tokio::test]
async fn only_a_genuine_refresh_token_is_taken() {
    let world = World::new().await;
    let tokens = world.librarian().await;
    world.refresh(&tokens.access).await.unauthorized("Only refresh tokens are allowed");
    world.me(&tokens.refresh).await.unauthorized("Only non-refresh tokens are allowed");
    let (rest, signature) = tokens.refresh.rsplit_once('.').unwrap();
    let forged = format!("{rest}.{}", signature.chars().rev().collect::<String>());
    world.refresh(&forged).await.unauthorized("Token is invalid");
    world.refresh("x.y.z").await.unauthorized("Token is invalid");
    assert_eq!(generation(&world, &tokens).await, 1, "none of them burned it");
}

#[tokio::test]
async fn roles_that_were_taken_are_gone_with_the_next_refresh() {
    use auth_service::accounts::{Role, Roles, store};
    let world = World::new().await;
    let tokens = world.librarian().await;
    let account = store::find_by_name(world.database(), &"lib".parse().unwrap()).await.unwrap().unwrap();
    store::set_roles(world.database(), account.id, &Roles::new([Role::Reader])).await.unwrap();
    assert_eq!(world.refresh(&tokens.refresh).await.tokens().body["scope"], "books:read");
    store::set_roles(world.database(), account.id, &Roles::new([Role::Admin])).await.unwrap();
    let widened = world.refresh(&tokens.refresh).await.tokens();
    assert_eq!(widened.body["scope"], "books:read books:write", "what was granted at login is the most");
}
