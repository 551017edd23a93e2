//! Clients that hang up when it suits them: what they have tried counts all the same.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use auth_service::accounts::Role;
use auth_service::passwords::Password;
use futures_util::future::{Either, select};
use shared::testing::Answer;
use tokio::time::{sleep, timeout};

use crate::metrics::{all_slots_are_free, hashes};
use crate::throttle::{replace_password, wait};
use crate::world::{PASSWORD, World};

const ELSEWHERE: &str = "203.0.113.9";
/// Takes long enough to hang up meanwhile.
pub(crate) const SLOW: &str = "$2b$11$jMaKg20qXajxUAV0C45Kt.Y6FUIFNoTW3x0Fatw9/25hPHXgVCEeG";

/// Sends a request, and hangs up while its password is being hashed.
async fn hang_up(world: &World, request: impl Future<Output = Answer>) {
    let before = hashes(world).await;
    let begun = async {
        while hashes(world).await == before {
            sleep(Duration::from_millis(1)).await;
        }
        sleep(Duration::from_millis(20)).await;
    };
    assert!(matches!(select(pin!(request), pin!(begun)).await, Either::Right(_)), "it was answered before");
}

/// Waits until so many events of this kind are in the audit trail, and nothing is hashed any more.
async fn until(world: &World, kind: &str, count: usize) {
    let seen = async {
        while world.audit().await.iter().filter(|event| *event == kind).count() < count
            || !all_slots_are_free(world).await
        {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(20), seen).await.unwrap_or_else(|_| panic!("{count} times {kind}"));
}

#[tokio::test]
async fn whoever_hangs_up_has_tried_to_sign_in() {
    let world = World::new().await;
    world.account("ada", Role::Reader).await;
    world.give_hash("ada", SLOW).await;
    for count in 1..=5 {
        hang_up(&world, world.try_log_in_from(ELSEWHERE, "ada", "wrong")).await;
        until(&world, "login!", count).await;
    }
    wait(&world.try_log_in_from(ELSEWHERE, "ada", PASSWORD).await);
}

#[tokio::test]
async fn a_thief_who_hangs_up_has_tried_the_current_password() {
    let world = World::new().await;
    let stolen = world.librarian().await;
    world.give_hash("lib", SLOW).await;
    for count in 1..=5 {
        hang_up(&world, replace_password(&world, &stolen.access, ELSEWHERE, "wrong")).await;
        until(&world, "password_changed!", count).await;
    }
    wait(&replace_password(&world, &stolen.access, ELSEWHERE, PASSWORD).await);
}

/// Whoever loses patience in the queue has not been told anything, and nothing was hashed for them.
#[tokio::test]
async fn whoever_hangs_up_in_the_queue_has_tried_nothing() {
    let world = World::with(&["--hash-slots", "1"]).await;
    world.account("ada", Role::Reader).await;
    let passwords = world.service.app.passwords.clone();
    let (before, nothing) = (hashes(&world).await, Password::presented("nothing").unwrap());
    let slow = SLOW.replace("$11$", "$12$");
    let taken = tokio::spawn(async move { passwords.verify(nothing, &slow, ()).await });
    while hashes(&world).await == before {
        sleep(Duration::from_millis(1)).await;
    }
    let login = world.try_log_in_from(ELSEWHERE, "ada", "wrong");
    assert!(timeout(Duration::from_millis(20), login).await.is_err(), "it was answered before");
    taken.await.unwrap().unwrap();
    sleep(Duration::from_millis(50)).await;
    assert_eq!(hashes(&world).await, before + 1);
    assert!(!world.audit().await.contains(&"login!".to_owned()));
}
