use auth_service::entity::{audit_event, session, signing_key};
use auth_service::maintenance::{Swept, sweep};
use sea_orm::{EntityTrait as _, PaginatorTrait as _};

use crate::world::World;

#[tokio::test]
async fn what_means_nothing_any_more_is_swept() {
    let world = World::with(&["--refresh-token-ttl", "10d", "--audit-retention", "100d"]).await;
    let app = &world.service.app;
    let old = world.librarian().await;
    world.log_in("lib").await;
    world.try_log_in("lib", "wrong").await.unauthorized("Bad username or password");
    world.log_out(&old.access).await.expect(204);
    let ended = Swept { sessions: 1, ..Swept::default() };
    assert_eq!(sweep(app).await.unwrap(), ended, "of the session that was ended, nothing else is old yet");

    world.advance(9 * 86400);
    let young = world.log_in("lib").await;
    world.advance(2 * 86400);
    let swept = sweep(app).await.unwrap();
    assert_eq!((swept.sessions, swept.events, swept.keys), (1, 0, 0), "{swept:?}");
    world.refresh(&young.refresh).await.expect(200);
    assert_eq!(session::Entity::find().count(world.database()).await.unwrap(), 1);

    world.advance(95 * 86400);
    app.keyring.maintain().await.unwrap();
    let swept = sweep(app).await.unwrap();
    assert_eq!(swept.sessions, 1);
    assert!(swept.throttles >= 1 && swept.events >= 3, "{swept:?}");
    let kinds = world.audit().await;
    assert!(!kinds.contains(&"session_ended".to_owned()) && kinds.contains(&"login".to_owned()), "{kinds:?}");
    assert_eq!(sweep(app).await.unwrap(), Swept::default());
}

#[tokio::test]
async fn a_key_that_nothing_accepts_is_removed_with_its_private_half() {
    let world = World::new().await;
    let keyring = &world.service.app.keyring;
    for _ in 0..8 {
        world.advance(15 * 86400);
        keyring.maintain().await.unwrap();
    }
    let before = signing_key::Entity::find().all(world.database()).await.unwrap();
    let swept = sweep(&world.service.app).await.unwrap();
    let after = signing_key::Entity::find().all(world.database()).await.unwrap();
    assert!(swept.keys >= 1, "{swept:?}");
    assert_eq!(before[usize::try_from(swept.keys).unwrap()..], after[..], "the oldest ones went");
    keyring.maintain().await.unwrap();
    let tokens = world.librarian().await;
    world.refresh(&tokens.refresh).await.expect(200);
}

#[tokio::test]
async fn a_large_heap_is_swept_in_small_batches() {
    let world = World::with(&["--audit-retention", "1d"]).await;
    for number in 0..1203 {
        let row = audit_event::ActiveModel {
            id: sea_orm::ActiveValue::NotSet,
            ..audit_event::Model {
                id: 0,
                at: number,
                kind: "login".to_owned(),
                success: true,
                actor: String::new(),
                account_id: None,
                session_id: None,
                ip: String::new(),
                detail: String::new(),
            }
            .into()
        };
        audit_event::Entity::insert(row).exec_without_returning(world.database()).await.unwrap();
    }
    assert_eq!(sweep(&world.service.app).await.unwrap().events, 1203);
}
