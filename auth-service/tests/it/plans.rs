//! Every query of the service finds its rows by an index.

use auth_service::accounts::Role;
use auth_service::entity::{account, audit_event, consent, device_code, one_time, session, throttle};
use auth_service::maintenance;
use http::Method;
use sea_orm::prelude::Uuid;
use sea_orm::{ActiveValue::NotSet, DatabaseConnection, EntityTrait, IntoActiveModel as _};
use serde_json::json;
use shared::testing::{Statements, new_database};

use crate::oauth;
use crate::world::{PASSWORD, World, connect};

/// The signing keys and the clients, of which there are a handful; administrators are counted among all accounts; and those
/// codes of a client that are still good are found among all that are still good, of a few minutes. Sessions are counted every
/// five minutes, by the entries of an index.
const MEANT: [&str; 7] = [
    "COUNT(*)",
    "signing_keys",
    "roles",
    "client_origins",
    "FROM clients",
    "one_time.expires_at > ? AND one_time.client_id",
    "device_codes.expires_at > ? AND device_codes.client_id",
];

#[tokio::test]
async fn no_query_reads_a_whole_table() {
    let statements = Statements::default();
    let mut database = connect(&new_database().await).await;
    fill(&database).await;
    let tables =
        ["accounts", "sessions", "audit_events", "throttles", "one_time", "device_codes", "consents"];
    for table in tables {
        statements.analyze(&database, table).await;
    }
    statements.listen(&mut database);

    let world = World::on(database, &["--registration", "open"]).await;
    world.account("kay", Role::Reader).await;
    let admin = world.member("ada", Role::Admin).await;
    world.try_log_in("kay", "not the password of kay").await.expect(401);
    let kay = world.log_in("kay").await;
    let refreshed = world.refresh(&kay.refresh).await.expect(200);
    world.refresh(&kay.refresh).await.expect(200);
    let kay = world.bearer(refreshed.body["access_token"].as_str().unwrap());
    for path in ["/me", "/me/sessions", "/me/sessions?after=00000000-0000-4000-8000-000000000000"] {
        kay.get(path).await.expect(200);
    }
    kay.delete("/me/sessions").await.expect(204);
    let body = json!({"username": "newcomer", "password": PASSWORD});
    world.anonymous().post("/register", body).await.expect(201);

    let admin = world.bearer(&admin.access);
    let id = world.row("kay").await.id;
    for path in [
        "/admin/users".to_owned(),
        "/admin/users?username=user-00&after=user-0001".to_owned(),
        format!("/admin/users/{id}"),
        format!("/admin/users/{id}/sessions"),
        "/admin/audit".to_owned(),
        format!("/admin/audit?account={id}"),
        "/admin/audit?kind=login".to_owned(),
        "/admin/audit?after=2900".to_owned(),
    ] {
        admin.get(&path).await.expect(200);
    }
    admin.patch(&format!("/admin/users/{id}"), json!({"roles": ["librarian"]})).await.expect(200);
    admin.send(Method::DELETE, &format!("/admin/users/{id}/sessions"), &[], None).await.expect(204);
    admin.delete(&format!("/admin/users/{id}")).await.expect(204);
    let (tokens, visitor) = oauth::signed_in_with_consent(&world).await;
    oauth::refreshed(&world, &tokens).await;
    oauth::device_let_in(&world, &visitor).await;
    admin.delete("/admin/clients/spa").await.expect(204);
    maintenance::sweep(&world.service.app).await.unwrap();
    maintenance::look_around(&world.service.app).await.unwrap();

    let scans = statements.that_scan(world.database()).await;
    let plain = scans.iter().map(|sql| sql.replace(['"', '`'], ""));
    let scans: Vec<_> = plain.filter(|sql| !MEANT.iter().any(|meant| sql.contains(meant))).collect();
    assert!(scans.is_empty(), "{scans:#?}");
}

/// Rows of a service that was in use for a while, all of them still good.
async fn fill(database: &DatabaseConnection) {
    let id = |number: i64| Uuid::from_u128(0x4000_8000_0000_0000_0000 + u128::try_from(number).unwrap());
    let later = 1_900_000_000_000;
    let account = |number| account::Model {
        id: id(number),
        username: format!("user-{number:04}"),
        username_key: format!("user-{number:04}"),
        password_hash: String::new(),
        roles: "reader".to_owned(),
        created_at: later,
        password_changed_at: later,
        last_login_at: None,
        must_change_password: false,
        disabled_at: None,
    };
    let session = |number| session::Model {
        id: id(number),
        account_id: id(number % 500),
        client_id: "first-party".to_owned(),
        origin: session::Origin::Login,
        scope: "books:read".to_owned(),
        resource: "books".to_owned(),
        auth_time: later,
        generation: 1,
        rotated_at: later,
        created_at: later,
        last_used_at: later,
        expires_at: later,
        idle_expires_at: later,
        revoked_at: None,
        user_agent: String::new(),
        ip: String::new(),
        sign_in_id: None,
        claims: String::new(),
    };
    let event = |number| audit_event::ActiveModel {
        id: NotSet,
        ..audit_event::Model {
            id: 0,
            at: later,
            kind: if number % 50 == 0 { "login" } else { "refresh" }.to_owned(),
            success: true,
            actor: String::new(),
            account_id: Some(id(number % 500)),
            session_id: None,
            ip: String::new(),
            detail: String::new(),
        }
        .into_active_model()
    };
    let throttle = |number| throttle::Model {
        key: format!("filler-{number}"),
        failures: 1,
        failed_at: later,
        succeeded_at: None,
        expires_at: later,
    };
    let code = |number| one_time::Model {
        hash: format!("filler-{number}"),
        client_id: "filler".to_owned(),
        data: "{}".to_owned(),
        expires_at: later,
        used_at: None,
        session_id: None,
    };
    let device = |number| device_code::Model {
        hash: format!("filler-{number}"),
        user_code: format!("filler-{number}"),
        client_id: "filler".to_owned(),
        scope: String::new(),
        resource: String::new(),
        allowed: None,
        account_id: None,
        sign_in_id: None,
        auth_time: None,
        polled_at: later,
        poll_interval: 5000,
        expires_at: later,
        used_at: None,
    };
    let consent = |number| consent::Model {
        account_id: id(number % 500),
        client_id: format!("filler-{}", number / 500),
        scope: String::new(),
        resource: String::new(),
        granted_at: later,
        others: None,
    };
    for chunk in (0..3000_i64).collect::<Vec<_>>().chunks(500) {
        let numbers = || chunk.iter().copied();
        if chunk[0] == 0 {
            insert::<account::Entity>(database, numbers().map(|n| account(n).into_active_model())).await;
        }
        insert::<session::Entity>(database, numbers().map(|n| session(n).into_active_model())).await;
        insert::<audit_event::Entity>(database, numbers().map(event)).await;
        insert::<one_time::Entity>(database, numbers().map(|n| code(n).into_active_model())).await;
        insert::<device_code::Entity>(database, numbers().map(|n| device(n).into_active_model())).await;
        insert::<consent::Entity>(database, numbers().map(|n| consent(n).into_active_model())).await;
        insert::<throttle::Entity>(database, numbers().map(|n| throttle(n).into_active_model())).await;
    }
}

async fn insert<E: EntityTrait>(
    database: &DatabaseConnection,
    rows: impl Iterator<Item = impl sea_orm::ActiveModelTrait<Entity = E>>,
) {
    E::insert_many(rows).exec_without_returning(database).await.unwrap();
}
