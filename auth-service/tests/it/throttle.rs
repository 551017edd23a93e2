use std::net::SocketAddr;
use std::time::Duration;

use auth_service::accounts::Role;
use auth_service::accounts::change::{self, AccountChange, Changer};
use auth_service::accounts::store::NewPassword;
use auth_service::passwords::Password;
use axum::body::Body;
use axum::extract::ConnectInfo;
use futures_util::future::join_all;
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use serde_json::json;
use shared::testing::{Answer, new_shared_database};

use crate::hang_up::SLOW;
use crate::process::now;
use crate::world::{CarriesTokens as _, PASSWORD, World, connect};

const HOME: &str = "198.51.100.7";
const ELSEWHERE: &str = "203.0.113.9";
/// Where strangers have to wait, refusals are held back for longer than the queue.
const SHORT_QUEUE: &[&str] = &["--hash-queue-deadline", "400ms"];

/// Seconds to wait, of an answer that asks for it.
#[track_caller]
pub(crate) fn wait(answer: &Answer) -> u64 {
    assert_eq!((answer.status.as_u16(), &answer.body["code"]), (429, &json!("throttled")), "{}", answer.body);
    answer.header(RETRY_AFTER).parse().unwrap()
}

/// Guesses until there is something to wait for. Returns how often, and how long that is.
async fn guess_until_throttled(world: &World, ip: &str, name: &str) -> (u32, u64) {
    for tries in 0..200 {
        let answer = world.try_log_in_from(ip, name, "wrong").await;
        if answer.status == 429 {
            return (tries, wait(&answer));
        }
        answer.unauthorized("Bad username or password");
    }
    panic!("200 guesses, and no throttle");
}

#[tokio::test]
async fn guessing_gets_slower_and_harms_nobody_else() {
    let world = World::new().await;
    let session = world.librarian().await;
    world.account("other", Role::Reader).await;
    world.try_log_in_from(HOME, "lib", PASSWORD).await.expect(200);

    assert_eq!(guess_until_throttled(&world, ELSEWHERE, "lib").await, (5, 1));
    for expected in [2, 4, 8, 16] {
        world.advance(expected / 2);
        world.try_log_in_from(ELSEWHERE, "lib", "wrong").await.unauthorized("Bad username or password");
        assert_eq!(
            wait(&world.try_log_in_from(ELSEWHERE, "LIB", PASSWORD).await),
            expected,
            "in any spelling"
        );
    }
    world.refresh(&session.refresh).await.expect(200);
    world.try_log_in_from(HOME, "lib", "wrong").await.unauthorized("Bad username or password");
    world.try_log_in_from("192.0.2.1", "lib", "wrong").await.unauthorized("Bad username or password");
    world.try_log_in_from(ELSEWHERE, "other", PASSWORD).await.expect(200);
    assert_eq!(wait(&world.try_log_in_from("203.0.113.200", "lib", PASSWORD).await), 16, "a neighbour");

    world.advance(16);
    world.try_log_in_from(ELSEWHERE, "lib", PASSWORD).await.expect(200);
    assert_eq!(guess_until_throttled(&world, ELSEWHERE, "lib").await, (5, 1), "a success begins anew");
    let events = world.audit().await;
    assert!(events.contains(&"login_throttled".to_owned()), "{events:?}");
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_throttled_alike() {
    let world = World::new().await;
    world.account("lib", Role::Reader).await;
    world.account("gone", Role::Reader).await;
    world.disable("gone").await;
    let mut seen = Vec::new();
    for name in ["lib", "gone", "nobody", "no such name\r\n"] {
        let mut answers = Vec::new();
        for _ in 0..9 {
            let answer = world.try_log_in_from(ELSEWHERE, name, "wrong").await;
            answers.push((answer.status, answer.body.clone(), answer.header(RETRY_AFTER).to_owned()));
            world.advance(1);
        }
        seen.push(answers);
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{seen:?}");
    let rows = auth_service::throttle::expired(world.database(), world.now() + Duration::MAX, 100).await;
    assert!(rows.unwrap().iter().all(|key| !key.contains("nobody") && !key.contains("no such")));
}

#[tokio::test]
async fn replicas_agree() {
    let directory = tempfile::tempdir().unwrap();
    let url = new_shared_database(directory.path()).await;
    let (one, two) = (World::on(connect(&url).await, &[]).await, World::on(connect(&url).await, &[]).await);
    one.account("lib", Role::Reader).await;
    for name in ["lib", "nobody"] {
        assert_eq!(guess_until_throttled(&one, ELSEWHERE, name).await.0, 5);
        wait(&two.try_log_in_from(ELSEWHERE, name, PASSWORD).await);
    }
}

/// While the one slot is taken, who has to wait for it gets 503: so whoever always gets 429 was never queued.
#[tokio::test]
async fn who_is_throttled_takes_no_slot() {
    let world = World::with(&["--hash-slots", "1", "--hash-queue-deadline", "1ms"]).await;
    world.account("lib", Role::Reader).await;
    guess_until_throttled(&world, ELSEWHERE, "lib").await;
    let passwords = world.service.app.passwords.clone();
    let hashing = tokio::spawn(async move {
        loop {
            drop(passwords.hash(Password::presented("x").unwrap()).await);
        }
    });
    let mut queued = 0;
    for _ in 0..20 {
        wait(&world.try_log_in_from(ELSEWHERE, "lib", PASSWORD).await);
        queued += usize::from(world.try_log_in_from(HOME, "lib", PASSWORD).await.status == 503);
    }
    hashing.abort();
    assert!(queued > 0, "nobody ever had to wait");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_guesses_at_once_are_not_many_guesses() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::on(connect(&new_shared_database(directory.path()).await).await, &[]).await;
    world.account("lib", Role::Reader).await;
    let guesses = (0..60).map(|_| world.try_log_in_from(ELSEWHERE, "lib", "wrong"));
    let answers = join_all(guesses).await;
    let checked = answers.iter().filter(|answer| answer.status == 401).count();
    assert!((1..=8).contains(&checked), "{checked}");
    assert_eq!(answers.iter().filter(|answer| answer.status == 429).count(), 60 - checked);
}

#[tokio::test]
async fn a_network_that_tries_many_names_is_slowed_down() {
    let world = World::new().await;
    world.account("lib", Role::Reader).await;
    world.try_log_in_from(ELSEWHERE, "lib", PASSWORD).await.expect(200);
    for number in 0..30 {
        let name = format!("name{number}");
        world.try_log_in_from(ELSEWHERE, &name, "wrong").await.unauthorized("Bad username or password");
    }
    assert_eq!(wait(&world.try_log_in_from(ELSEWHERE, "name77", "wrong").await), 1);
    world.try_log_in_from(HOME, "name77", "wrong").await.unauthorized("Bad username or password");
    world.try_log_in_from(ELSEWHERE, "lib", PASSWORD).await.expect(200);
}

/// Those who share somebody's network hear by the length of the line how many are hashed.
#[tokio::test]
async fn many_guesses_at_once_are_hardly_more_at_home() {
    let world = World::with(&["--hash-slots", "1", "--hash-queue-deadline", "10s"]).await;
    world.account("lib", Role::Librarian).await;
    world.try_log_in_from(HOME, "lib", PASSWORD).await.expect(200);
    let world = &world;
    let at_once = |password| join_all((0..40).map(move |_| world.try_log_in_from(HOME, "lib", password)));
    for answer in at_once(PASSWORD).await {
        answer.expect(200);
    }
    let answers = at_once("wrong").await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 401).count(), 8);
    let hashed = world.audit().await.iter().filter(|kind| *kind == "login!").count();
    // One or two may have been under way while the last failure was counted.
    assert!((11..=13).contains(&hashed), "{hashed}");
}

/// One password tried on many names at a time: none has failed yet when they come.
#[tokio::test]
async fn many_names_at_once_are_not_more_names() {
    let world = World::with(&["--hash-slots", "1", "--hash-queue-deadline", "10s"]).await;
    for number in 0..35 {
        world.account(&format!("colleague-{number}"), Role::Reader).await;
    }
    let many = async |ip: &'static str, names: Vec<String>, password: &'static str| {
        join_all(names.iter().map(|name| world.try_log_in_from(ip, name, password))).await
    };
    for answer in many(HOME, (0..35).map(|number| format!("colleague-{number}")).collect(), PASSWORD).await {
        answer.expect(200);
    }
    for name in ["joe", "eve"] {
        world.account(name, Role::Reader).await;
        world.try_log_in_from(ELSEWHERE, name, PASSWORD).await.expect(200);
    }
    let spray = many(ELSEWHERE, (0..60).map(|number| format!("name-{number}")).collect(), "wrong");
    let behind = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let wrong = world.try_log_in_from(ELSEWHERE, "joe", "wrong");
        tokio::join!(wrong, world.try_log_in_from(ELSEWHERE, "eve", PASSWORD))
    };
    let (answers, (joe, eve)) = tokio::join!(spray, behind);
    assert_eq!(wait(&joe), 1, "as a stranger is told");
    eve.expect(200);
    let wrong = answers.iter().filter(|answer| answer.status == 401).count();
    // One more may have been under way while the last failure was counted.
    assert!((30..=32).contains(&wrong), "{wrong}");
    assert!(answers.iter().all(|answer| answer.status == 401 || wait(answer) == 1));
    assert_eq!(world.audit().await.iter().filter(|kind| *kind == "login!").count(), wrong + 1);
}

#[tokio::test]
async fn a_new_password_forgives() {
    let world = World::new().await;
    world.account("lib", Role::Reader).await;
    guess_until_throttled(&world, ELSEWHERE, "lib").await;
    let hash = world.row("lib").await.password_hash;
    let change = AccountChange { password: Some(NewPassword::chosen(hash)), ..AccountChange::default() };
    let id = world.row("lib").await.id;
    change::change(world.database(), id, &change, Changer::Operator, world.now()).await.unwrap();
    world.try_log_in_from(ELSEWHERE, "lib", PASSWORD).await.expect(200);
}

/// Makes a network slow, by failures of names that nobody has.
async fn spoil(world: &World, ip: &str) {
    let mut failures = 0;
    while failures < 30 {
        let names: Vec<_> = (failures..30).take(3).map(|number| format!("name{number}")).collect();
        let answers = join_all(names.iter().map(|name| world.try_log_in_from(ip, name, "wrong"))).await;
        if answers.iter().any(|answer| answer.status == 429) {
            return;
        }
        failures += answers.iter().filter(|answer| answer.status == 401).count();
    }
}

/// What an answer tells.
fn told(answer: &Answer) -> (u16, String, String) {
    let retry_after = answer.headers.get(RETRY_AFTER).map(|value| value.to_str().unwrap().to_owned());
    (answer.status.as_u16(), answer.body.to_string(), retry_after.unwrap_or_default())
}

/// What is answered to somebody who makes their own network slow, and then asks about this name there: by one try after
/// the other, and when the network is quick again.
async fn asked_about(world: &World, name: &str) -> Vec<(u16, String, String)> {
    spoil(world, HOME).await;
    let mut answers = Vec::new();
    for pause in [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 2, 0, 7200, 0, 0, 0] {
        world.advance(pause);
        answers.push(told(&world.try_log_in_from(HOME, name, "wrong").await));
        answers.push(told(&world.try_log_in_from(HOME, "nobody at all", "wrong").await));
    }
    answers
}

/// The same by many tries at a time.
async fn asked_about_at_once(world: &World, name: &str) -> Vec<(u16, String, String)> {
    let burst = (0..20).map(|_| world.try_log_in_from(ELSEWHERE, name, "wrong"));
    let mut answers = join_all(burst).await;
    answers.sort_by_key(|answer| answer.status);
    answers.iter().map(told).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_network_does_not_tell_who_signs_in_there() {
    let directories = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let worlds = ["lib", "ghost"].into_iter().zip(&directories).map(async |(name, directory)| {
        let database = connect(&new_shared_database(directory.path()).await).await;
        let world = World::on(database, SHORT_QUEUE).await;
        world.account("lib", Role::Reader).await;
        world.try_log_in_from(HOME, "lib", PASSWORD).await.expect(200);
        world.try_log_in_from(ELSEWHERE, "lib", PASSWORD).await.expect(200);
        let told = asked_about(&world, name).await;
        (world, name, told)
    });
    let mut told = Vec::new();
    for (world, name, mut answers) in join_all(worlds).await {
        answers.extend(asked_about_at_once(&world, name).await);
        told.push(answers);
    }
    for (number, (known, unknown)) in told[0].iter().zip(&told[1]).enumerate() {
        assert_eq!(known, unknown, "answer {number} tells that there is such an account");
    }
}

#[tokio::test]
async fn at_home_the_right_password_is_let_in_however_slow_the_network_is() {
    let world = World::with(SHORT_QUEUE).await;
    world.account("lib", Role::Reader).await;
    world.try_log_in_from(HOME, "lib", PASSWORD).await.expect(200);
    for _ in 0..2 {
        spoil(&world, HOME).await;
        for _ in 0..4 {
            wait(&world.try_log_in_from(HOME, "lib", "a slip").await);
        }
        world.try_log_in_from(HOME, "lib", PASSWORD).await.expect(200);
    }
    for _ in 0..5 {
        wait(&world.try_log_in_from(HOME, "lib", "wrong").await);
    }
    wait(&world.try_log_in_from(HOME, "lib", PASSWORD).await);
    world.advance(1);
    world.try_log_in_from(HOME, "lib", PASSWORD).await.expect(200);
}

/// Whoever is at home where strangers have to wait stands in the queue for hashing, which somebody else may make long.
#[tokio::test]
async fn who_is_refused_in_a_slow_network_waits_longer_than_any_queue() {
    let world = World::with(&["--hash-queue-deadline", "600ms"]).await;
    world.account("lib", Role::Reader).await;
    world.try_log_in_from(HOME, "lib", PASSWORD).await.expect(200);
    spoil(&world, HOME).await;
    for name in ["lib", "nobody at all"] {
        let began = now();
        wait(&world.try_log_in_from(HOME, name, "wrong").await);
        let took = began.elapsed();
        assert!(took >= Duration::from_millis(1000), "{name}: {took:?}");
    }
}

/// Replaces the password from this address.
pub(crate) async fn replace_password(world: &World, access: &str, ip: &str, current: &str) -> Answer {
    let body = json!({"current_password": current, "new_password": "another long password"});
    let request = Request::put("/me/password")
        .header(CONTENT_TYPE, "application/json")
        .header(AUTHORIZATION, format!("Bearer {access}"))
        .extension(ConnectInfo(SocketAddr::new(ip.parse().unwrap(), 40_000)));
    world.anonymous().raw(request.body(Body::from(body.to_string())).unwrap()).await
}

#[tokio::test]
async fn the_current_password_cannot_be_guessed_with_a_stolen_token() {
    let world = World::new().await;
    let stolen = world.librarian().await;
    world.try_log_in_from(HOME, "lib", PASSWORD).await.expect(200);
    let mut guesses = 0;
    for number in 0..30 {
        let ip = format!("2001:db8:1:{number:x}00::1");
        let answer = replace_password(&world, &stolen.access, &ip, "wrong").await;
        if answer.status == 429 {
            // Whoever waits as they are told, each time from another network.
            world.advance(wait(&answer).min(60));
        } else {
            answer.complains_of(&["current_password"]);
            guesses += 1;
        }
    }
    assert!((5..=14).contains(&guesses), "{guesses}");
    let owner = world.try_log_in_from(HOME, "lib", PASSWORD).await.tokens();
    replace_password(&world, &owner.access, HOME, PASSWORD).await.expect(204);
}

/// Whoever has many sessions of one account keeps no more slots busy than whoever has a few.
#[tokio::test]
async fn of_all_sessions_three_try_the_current_password_at_a_time() {
    let world = World::with(&["--hash-slots", "1", "--hash-queue-deadline", "30s"]).await;
    world.account("lib", Role::Librarian).await;
    let mut sessions = Vec::new();
    for _ in 0..6 {
        sessions.push(world.log_in("lib").await.access);
    }
    // So that none is through before the last of them has come.
    let (passwords, nothing) = (world.service.app.passwords.clone(), Password::presented("nothing").unwrap());
    let slow = SLOW.replace("$11$", "$13$");
    tokio::spawn(async move { passwords.verify(nothing, &slow, ()).await });
    let tries = join_all(sessions.iter().map(|access| replace_password(&world, access, HOME, "wrong"))).await;
    let refused = tries.iter().filter(|answer| answer.status == 429).count();
    assert_eq!(refused, 3, "{tries:?}");
}

/// Somebody makes the network slow, and its owner replaces the password, as one does then.
#[tokio::test]
async fn whoever_replaces_the_password_is_no_stranger_at_home() {
    let world = World::with(SHORT_QUEUE).await;
    world.account("lib", Role::Reader).await;
    let session = world.try_log_in_from(HOME, "lib", PASSWORD).await.tokens();
    world.try_log_in_from(HOME, "lib", "a slip").await.unauthorized("Bad username or password");
    spoil(&world, HOME).await;
    replace_password(&world, &session.access, HOME, PASSWORD).await.expect(204);
    world.try_log_in_from(HOME, "lib", "another long password").await.expect(200);
    wait(&world.try_log_in_from(HOME, "somebody else", "wrong").await);
}

/// However many sessions were stolen, and however long they last.
#[tokio::test]
async fn all_sessions_together_guess_a_few_times() {
    let world = World::new().await;
    world.account("lib", Role::Reader).await;
    let mut guesses = 0;
    let mut sessions = Vec::new();
    for _ in 0..8 {
        sessions.push(world.log_in("lib").await);
    }
    for session in &sessions {
        for _ in 0..5 {
            let answer = replace_password(&world, &session.access, ELSEWHERE, "wrong").await;
            guesses += u32::from(answer.status == 422);
        }
    }
    assert_eq!(guesses, 25);
    let fresh = world.log_in("lib").await;
    replace_password(&world, &fresh.access, ELSEWHERE, "a slip").await.complains_of(&["current_password"]);
    replace_password(&world, &fresh.access, ELSEWHERE, PASSWORD).await.expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_register_at_once_are_not_more() {
    let directory = tempfile::tempdir().unwrap();
    let database = connect(&new_shared_database(directory.path()).await).await;
    let world = World::on(database, &["--client-registration", "open"]).await;
    let client = json!({"redirect_uris": ["https://app.example/cb"], "token_endpoint_auth_method": "none"});
    let caller = world.anonymous();
    let answers = join_all((0..60).map(|_| caller.post("/oauth2/register", client.clone()))).await;
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    assert!(statuses.iter().all(|status| matches!(status, 201 | 429)), "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 20);
}

#[tokio::test]
async fn a_network_registers_so_many_accounts_and_then_slowly() {
    let world = World::with(&["--registration", "open"]).await;
    let register = |number: u32| {
        let body = json!({"username": format!("name{number}"), "password": PASSWORD});
        let world = &world;
        async move { world.anonymous().post("/register", body).await }
    };
    for number in 0..20 {
        register(number % 15).await;
    }
    assert_eq!(wait(&register(20).await), 10);
    world.advance(10);
    register(20).await.expect(201);
    assert_eq!(wait(&register(21).await), 20);
}

#[tokio::test]
async fn who_makes_up_addresses_is_counted_by_the_true_one() {
    let world = World::new().await;
    world.account("lib", Role::Reader).await;
    let guess = |number: u32| {
        let body = json!({"username": "lib", "password": "wrong"}).to_string();
        let request = Request::post("/login")
            .header(CONTENT_TYPE, "application/json")
            .header("x-forwarded-for", format!("192.0.{number}.1"))
            .extension(ConnectInfo(SocketAddr::new(ELSEWHERE.parse().unwrap(), 40_000)));
        let request = request.body(Body::from(body)).unwrap();
        async { world.anonymous().raw(request).await }
    };
    for number in 0..5 {
        guess(number).await.unauthorized("Bad username or password");
    }
    wait(&guess(5).await);
}
