use auth_service::accounts::{Role, store};
use serde_json::json;

use crate::metrics::hashes;
use crate::world::{ISSUER, PASSWORD, World, claims, header};

#[tokio::test]
async fn a_login_answers_with_the_tokens_of_the_contract() {
    let world = World::new().await;
    let tokens = world.librarian().await;
    assert_eq!(tokens.body["token_type"], "Bearer");
    assert_eq!(tokens.body["expires_in"], 900);
    assert_eq!(tokens.body["refresh_expires_in"], 30 * 86400);
    assert_eq!(tokens.body["scope"], "books:read books:write");

    let now = world.now().seconds();
    assert_eq!(header(&tokens.access)["typ"], "at+jwt");
    assert_eq!(header(&tokens.access)["alg"], "RS256");
    let access = claims(&tokens.access);
    for (claim, value) in [
        ("iss", json!(ISSUER)),
        ("aud", json!("books")),
        ("iat", json!(now)),
        ("nbf", json!(now)),
        ("exp", json!(now + 900)),
        ("auth_time", json!(now)),
        ("scope", json!("books:read books:write")),
        ("roles", json!(["librarian"])),
        ("preferred_username", json!("lib")),
        ("client_id", json!("first-party")),
        ("type", json!("access")),
        ("fresh", json!(true)),
    ] {
        assert_eq!(access[claim], value, "{claim}");
    }
    for claim in ["sub", "jti", "sid"] {
        assert!(access[claim].is_string(), "{claim}");
    }

    assert_eq!(header(&tokens.refresh)["typ"], "rt+jwt");
    let refresh = claims(&tokens.refresh);
    for (claim, value) in [
        ("iss", json!(ISSUER)),
        ("aud", json!(ISSUER)),
        ("exp", json!(now + 30 * 86400)),
        ("gen", json!(1)),
        ("type", json!("refresh")),
        ("sid", access["sid"].clone()),
        ("sub", access["sub"].clone()),
    ] {
        assert_eq!(refresh[claim], value, "{claim}");
    }
}

#[tokio::test]
async fn an_admin_token_is_for_auth_service_too() {
    let world = World::new().await;
    let tokens = world.member("boss", Role::Admin).await;
    assert_eq!(claims(&tokens.access)["aud"], json!(["books", "auth"]));
}

#[tokio::test]
async fn each_login_opens_a_session_of_its_own() {
    let world = World::new().await;
    let (one, two) = (world.librarian().await, world.log_in("LIB").await);
    assert_ne!(claims(&one.access)["sid"], claims(&two.access)["sid"]);
    assert_eq!(claims(&one.access)["sub"], claims(&two.access)["sub"]);
}

#[tokio::test]
async fn whoever_cannot_log_in_is_told_the_same() {
    let world = World::new().await;
    world.account("lib", Role::Reader).await;
    world.account("gone", Role::Reader).await;
    let gone = store::find_by_name(world.database(), &"gone".parse().unwrap()).await.unwrap().unwrap();
    store::disable(world.database(), gone.id, world.now()).await.unwrap();
    world.account("moved", Role::Reader).await;
    world.give_hash("moved", "$2b$04$GhvMmNVjRW29ulnudl.LbuAnUtN/LRfe1JsBm1Xu6LE3059z5Tr8m").await;
    let mut answers = Vec::new();
    let mut hashed = hashes(&world).await;
    for (username, password) in [
        ("lib", "wrong"),
        ("lib", ""),
        ("nobody", PASSWORD),
        ("gone", PASSWORD),
        ("moved", "wrong"),
        ("no such name\r\n", PASSWORD),
        (&"n".repeat(1000), PASSWORD),
    ] {
        let answer = world.try_log_in(username, password).await;
        let headers: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
        answers.push((headers, answer.body.clone()));
        answer.unauthorized("Bad username or password");
        hashed += 1;
        assert_eq!(hashes(&world).await, hashed, "the work of one hash for {username:?}");
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
    assert_eq!(world.audit().await[1..], ["login!"; 7]);
}

#[tokio::test]
async fn two_accounts_of_one_password_have_different_hashes_of_the_full_cost() {
    let world = World::new().await;
    for name in ["one", "two"] {
        world.account(name, Role::Reader).await;
    }
    let accounts = store::list(world.database(), "", "", 10).await.unwrap();
    assert!(
        accounts.iter().all(|account| account.password_hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"))
    );
    assert_ne!(accounts[0].password_hash, accounts[1].password_hash);
}

#[tokio::test]
async fn nothing_in_the_database_can_be_presented() {
    use sea_orm::{ConnectionTrait as _, Statement};
    let world = World::new().await;
    let tokens = world.librarian().await;
    world.refresh(&tokens.refresh).await.expect(200);
    for table in ["accounts", "sessions", "signing_keys", "audit_events", "throttles"] {
        let select =
            Statement::from_string(world.database().get_database_backend(), format!("SELECT * FROM {table}"));
        for row in world.database().query_all_raw(select).await.unwrap() {
            for column in row.column_names() {
                let Ok(text) = row.try_get::<String>("", &column) else { continue };
                assert!(!text.contains("eyJ") && !text.contains(PASSWORD), "{table}.{column}: {text}");
                if text.bytes().all(|byte| byte.is_ascii_graphic()) {
                    assert!(world.refresh(&text).await.status.is_client_error(), "{table}.{column}: {text}");
                }
            }
        }
    }
}
