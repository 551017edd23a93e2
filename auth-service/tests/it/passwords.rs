use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use auth_service::accounts::store::{self, NewPassword};
use auth_service::accounts::{Role, Roles};
use auth_service::maintenance::learn_kinds;
use auth_service::passwords::Password;
use http::Method;
use serde_json::json;
use shared::testing::{new_database, new_shared_database};

use crate::world::{CarriesTokens as _, PASSWORD, World, connect};

const BCRYPT: &str = "$2b$04$jMaKg20qXajxUAV0C45Kt.Y6FUIFNoTW3x0Fatw9/25hPHXgVCEeG";
const TOO_DEAR: &str = "$argon2id$v=19$m=4194304,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaA";

#[tokio::test]
async fn what_is_easy_to_guess_is_refused_wherever_a_password_is_set() {
    let world = World::with(&["--registration", "open"]).await;
    let tokens = world.member("a-long-user-name", Role::Admin).await;
    let caller = world.bearer(&tokens.access);
    for bad in [
        "passwordpassword",
        "123456789012345",
        "qwertyuiop12345",
        "aaaaaaaaaaaaaaa",
        "imprimatur12345",
        "A-Long-User-Name",
        "a-long-user-name1",
        "password       1",
        "ｐａｓｓｗｏｒｄ１２３４５６７",
        &format!("{}b", "a".repeat(100)),
    ] {
        let registration = json!({"username": "a-long-user-name", "password": bad});
        world.anonymous().post("/register", registration.clone()).await.complains_of(&["password"]);
        caller.post("/admin/users", registration).await.complains_of(&["password"]);
        let change = json!({"current_password": PASSWORD, "new_password": bad});
        caller.put("/me/password", change).await.complains_of(&["new_password"]);
        let id = world.row("a-long-user-name").await.id;
        let path = format!("/admin/users/{id}");
        caller.patch(&path, json!({"password": bad})).await.complains_of(&["password"]);
    }
}

/// To say whether a password is easy to guess takes a while: it is done where passwords are hashed, and counted before.
#[tokio::test]
async fn a_password_is_judged_in_its_turn_and_not_for_nothing() {
    let flags = ["--registration", "open", "--hash-slots", "1", "--hash-queue-deadline", "1ms"];
    let world = World::with(&flags).await;
    let caller = world.bearer(&world.member("root", Role::Admin).await.access);
    let path = format!("/admin/users/{}", world.row("root").await.id);
    let easy = json!({"username": "ada", "password": "passwordpassword"});
    let refused = async || {
        [
            world.anonymous().post("/register", easy.clone()).await.status,
            caller.post("/admin/users", easy.clone()).await.status,
            caller.patch(&path, json!({"password": "passwordpassword"})).await.status,
        ]
    };
    assert_eq!(refused().await, [422; 3]);
    let passwords = world.service.app.passwords.clone();
    let hashing = tokio::spawn(async move {
        loop {
            drop(passwords.hash(Password::presented("x").unwrap()).await);
        }
    });
    let mut queued = [0; 3];
    for _ in 0..10 {
        for (count, status) in queued.iter_mut().zip(refused().await) {
            *count += usize::from(status == 503);
        }
    }
    hashing.abort();
    assert!(queued.iter().all(|count| *count > 0), "{queued:?}");
    // Whoever is being hashed for is, to the end.
    while world.service.app.passwords.hash(Password::presented("x").unwrap()).await.is_err() {}
    for _ in 0..9 {
        world.anonymous().post("/register", easy.clone()).await;
    }
    let unproven = world.anonymous().post("/register", easy).await;
    assert_eq!((unproven.status.as_u16(), &unproven.body["code"]), (429, &json!("throttled")));
    let change = json!({"current_password": "wrong", "new_password": "passwordpassword"});
    for _ in 0..5 {
        caller.put("/me/password", change.clone()).await.complains_of(&["current_password"]);
    }
    caller.put("/me/password", change).await.expect(429);
}

#[tokio::test]
async fn long_passwords_of_any_letters_are_taken_whole() {
    let world = World::with(&["--registration", "open"]).await;
    let sentence = "Ein Elefant 🐘 ging einmal durch Tüfteltal und kaufte siebzehn Zitronen, doch keine davon war gelb. ";
    for (name, length) in [("one", 64), ("two", 128), ("three", 1000)] {
        let password: String = sentence.chars().cycle().take(length).collect();
        // Beyond a sentence it repeats itself, which is no password.
        let password = if length > 100 { format!("{name} {password} {length}") } else { password };
        let registration = json!({"username": name, "password": password});
        world.anonymous().post("/register", registration).await.expect(201);
        world.try_log_in(name, &password).await.expect(200);
        let cut: String = password.chars().take(password.chars().count() - 1).collect();
        world.try_log_in(name, &cut).await.unauthorized("Bad username or password");
        world.try_log_in(name, &password.to_uppercase()).await.unauthorized("Bad username or password");
    }
}

#[tokio::test]
async fn a_login_upgrades_a_hash_that_is_outdated() {
    let directory = tempfile::tempdir().unwrap();
    let url = new_shared_database(directory.path()).await;
    let cheap = World::on(connect(&url).await, &[]).await;
    let session = cheap.librarian().await;
    let before = cheap.row("lib").await.password_hash;
    let dear = World::on(connect(&url).await, &["--argon2-time", "3"]).await;
    dear.try_log_in("lib", "wrong").await.unauthorized("Bad username or password");
    assert_eq!(dear.row("lib").await.password_hash, before);

    dear.log_in("lib").await;
    let after = dear.row("lib").await.password_hash;
    assert!(after.starts_with("$argon2id$v=19$m=19456,t=3,p=1$"), "upgraded");
    for world in [&dear, &cheap] {
        world.log_in("lib").await;
        assert_eq!(world.row("lib").await.password_hash, after, "neither twice nor back");
    }
    cheap.refresh(&session.refresh).await.expect(200);
}

#[tokio::test]
async fn a_hash_from_elsewhere_lasts_until_the_next_login() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::on(connect(&new_shared_database(directory.path()).await).await, &[]).await;
    world.account("ada", Role::Reader).await;
    world.give_hash("ada", BCRYPT).await;
    world.try_log_in("ada", "wrong").await.unauthorized("Bad username or password");
    let logins = (0..6).map(|_| world.try_log_in("ada", PASSWORD));
    for answer in futures_util::future::join_all(logins).await {
        answer.expect(200);
    }
    assert!(world.row("ada").await.password_hash.starts_with("$argon2id$v=19$m=19456,"));
}

/// What the check of an unknown name takes must not tell it from an account: so it is of a kind that accounts have.
#[tokio::test]
async fn unknown_names_have_the_kinds_of_hashes_that_accounts_have() {
    let world = World::new().await;
    let costly = BCRYPT.replace("$04$", "$10$");
    for (name, hash) in [("ada", Some(&costly)), ("bob", None), ("eve", Some(&costly)), ("joe", None)] {
        world.account(name, Role::Reader).await;
        if let Some(hash) = hash {
            world.give_hash(name, hash).await;
        }
    }
    let passwords = &world.service.app.passwords;
    let kinds = || [0.1, 0.4, 0.6, 0.9].map(|lot| passwords.of_nobody(lot).starts_with("$2b$10$"));
    assert_eq!(kinds(), [false; 4]);
    learn_kinds(world.database(), passwords).await.unwrap();
    assert_eq!(kinds(), [true, true, false, false]);
    assert!(passwords.slowest() > std::time::Duration::ZERO);
    // Somebody signs in, and their hash is replaced by one of ours.
    world.give_hash("eve", &passwords.of_nobody(0.9)).await;
    learn_kinds(world.database(), passwords).await.unwrap();
    assert_eq!(kinds(), [true, false, false, false]);
    // Whoever may not sign in is as unknown.
    world.disable("ada").await;
    learn_kinds(world.database(), passwords).await.unwrap();
    assert_eq!(kinds(), [false; 4]);
    world.try_log_in("nobody", "wrong").await.unauthorized("Bad username or password");
}

/// A hundred thousand accounts may have brought hashes with them; the service looks at one of each kind, and counts those.
#[tokio::test]
async fn of_each_kind_of_hash_one_is_looked_at() {
    let mut database = connect(&new_database().await).await;
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    database.set_metric_callback(move |info| {
        let looks = info.statement.sql.starts_with("SELECT") && info.statement.sql.contains("password_hash");
        counter.fetch_add(usize::from(looks), Ordering::SeqCst);
    });
    let world = World::on(database, &[]).await;
    let kinds = [
        BCRYPT.to_owned(),
        BCRYPT.replace("$04$", "$05$"),
        BCRYPT.replace("$2b$", "$2y$"),
        format!("pbkdf2_sha256$1000$salt${}", "aGFzaGhhc2hoYXNoaGFzaA=="),
        // What begins like a kind, and is none, hides nothing that sorts behind it.
        "$2b$04".to_owned(),
        "pbkdf2_sha256$x$y".to_owned(),
    ];
    let (hash, roles) = (&world.service.app.passwords, Roles::new([Role::Reader]));
    let own = hash.hash(Password::presented(PASSWORD).unwrap()).await.unwrap();
    for number in 0..10 {
        for (kind, hash) in kinds.iter().chain([&own]).enumerate() {
            let (id, name) =
                (world.service.app.random.uuid(), format!("user-{kind}-{number}").parse().unwrap());
            let password = NewPassword::chosen(hash.clone());
            store::create(world.database(), id, &name, password, &roles, world.now()).await.unwrap();
        }
    }

    let before = asked.load(Ordering::SeqCst);
    learn_kinds(world.database(), hash).await.unwrap();
    let (looks, counts) = (kinds.len() + 2, 4);
    assert!(
        asked.load(Ordering::SeqCst) - before <= looks + counts + 1,
        "one that finds no more, and all of them"
    );
}

#[tokio::test]
async fn a_hash_that_asks_for_too_much_reads_as_a_wrong_password() {
    let world = World::new().await;
    world.account("ada", Role::Reader).await;
    for hash in [TOO_DEAR, "$2b$31$GhvMmNVjRW29ulnudl.LbuAnUtN/LRfe1JsBm1Xu6LE3059z5Tr8m", "nonsense"] {
        world.give_hash("ada", hash).await;
        world.try_log_in("ada", PASSWORD).await.unauthorized("Bad username or password");
        assert_eq!(world.row("ada").await.password_hash, hash);
    }
}

#[tokio::test]
async fn a_password_from_somebody_else_must_be_replaced_first() {
    let world = World::new().await;
    let app = &world.service.app;
    let hash = app.passwords.hash(Password::presented(PASSWORD).unwrap()).await.unwrap();
    let (password, roles) = (NewPassword { hash, must_change: true }, Roles::new([Role::Admin]));
    let (id, name) = (app.random.uuid(), "root".parse().unwrap());
    store::create(world.database(), id, &name, password, &roles, world.now()).await.unwrap();

    let tokens = world.log_in("root").await;
    assert_eq!(tokens.body["scope"], "");
    let me = world.me(&tokens.access).await.expect(200).body;
    assert_eq!((&me["must_change_password"], &me["scope"]), (&json!(true), &json!("")));
    world.bearer(&tokens.access).get("/admin/users").await.expect(403);
    let change = json!({"current_password": PASSWORD, "new_password": "another long password"});
    world.bearer(&tokens.access).put("/me/password", change).await.expect(204);

    let renewed = world.refresh(&tokens.refresh).await.tokens();
    assert_eq!(renewed.body["scope"], "books:read books:write auth:admin");
    world.bearer(&renewed.access).get("/admin/users").await.expect(200);
    assert!(world.me(&renewed.access).await.expect(200).body.get("must_change_password").is_none());
}

/// No way around the password: nothing expires it, hints at it, or asks for something else in its place.
#[tokio::test]
async fn there_is_no_second_way_to_a_password() {
    let world = World::new().await;
    world.librarian().await;
    world.advance(365 * 86400);
    world.log_in("lib").await;
    for path in ["/password/reset", "/forgot", "/me/hint", "/me/questions", "/recover"] {
        for method in [Method::GET, Method::POST] {
            world.anonymous().send(method, path, &[], None).await.expect(404);
        }
    }
}
