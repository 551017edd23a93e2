//! The faults. Each returns when what was broken is back, as far as the operator's part goes.

use std::pin::Pin;
use std::time::Duration;

use crate::compose::Compose;
use crate::docker::docker;

/// A way in which the system can fail.
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    pub(crate) inject: for<'a> fn(&'a Compose) -> Pin<Box<dyn Future<Output = ()> + 'a>>,
}

/// All of them, in the order of the table.
pub(crate) const FAULTS: &[Fault] = &[
    Fault { name: "MySQL killed, back after 5 s", inject: |compose| Box::pin(mysql_killed(compose)) },
    Fault { name: "MySQL paused for 10 s", inject: |compose| Box::pin(mysql_paused(compose)) },
    Fault { name: "auth-service killed, back after 10 s", inject: |compose| Box::pin(auth_killed(compose)) },
    Fault {
        name: "one auth-service killed, back after 10 s",
        inject: |compose| Box::pin(one_auth_killed(compose)),
    },
    Fault { name: "auth-service cut off for 10 s", inject: |compose| Box::pin(auth_cut_off(compose)) },
    Fault { name: "auth-service replaced", inject: |compose| Box::pin(auth_replaced(compose)) },
    Fault {
        name: "one books-service killed, back after 10 s",
        inject: |compose| Box::pin(books_killed(compose)),
    },
    Fault { name: "every replica restarted in turn", inject: |compose| Box::pin(rolling_restart(compose)) },
    Fault {
        name: "signing key rotated, replicas restarted meanwhile",
        inject: |compose| Box::pin(rotation(compose)),
    },
];

async fn seconds(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

/// Runs a command of Docker beside the load.
async fn background(words: Vec<String>) {
    let run = move || docker(&words.iter().map(String::as_str).collect::<Vec<_>>());
    tokio::task::spawn_blocking(run).await.unwrap();
}

async fn each(command: &[&str], containers: &[String]) {
    let words = command.iter().copied().map(str::to_owned).chain(containers.iter().cloned());
    background(words.collect()).await;
}

async fn mysql_killed(compose: &Compose) {
    let mysql = compose.containers("mysql");
    each(&["kill"], &mysql).await;
    seconds(5).await;
    each(&["start"], &mysql).await;
}

async fn mysql_paused(compose: &Compose) {
    let mysql = compose.containers("mysql");
    each(&["pause"], &mysql).await;
    seconds(10).await;
    each(&["unpause"], &mysql).await;
}

async fn auth_killed(compose: &Compose) {
    let both = compose.containers("auth-service");
    each(&["kill"], &both).await;
    seconds(10).await;
    each(&["start"], &both).await;
}

async fn one_auth_killed(compose: &Compose) {
    one_killed(compose, "auth-service").await;
}

async fn books_killed(compose: &Compose) {
    one_killed(compose, "books-service").await;
}

async fn one_killed(compose: &Compose, service: &str) {
    let one = compose.containers(service).split_off(1);
    each(&["kill"], &one).await;
    seconds(10).await;
    each(&["start"], &one).await;
}

async fn auth_cut_off(compose: &Compose) {
    let (inside, both) = (compose.network("inside"), compose.containers("auth-service"));
    for container in &both {
        each(&["network", "disconnect", &inside], std::slice::from_ref(container)).await;
    }
    seconds(10).await;
    for container in &both {
        each(&["network", "connect", "--alias", "auth-service", &inside], std::slice::from_ref(container))
            .await;
    }
}

/// New containers in place of the old ones, one after the other, as a rollout does it.
async fn auth_replaced(compose: &Compose) {
    for container in compose.containers("auth-service") {
        each(&["rm", "--force"], std::slice::from_ref(&container)).await;
        let words = ["up", "--detach", "--wait", "--no-deps", "--no-recreate", "auth-service"];
        tokio::task::block_in_place(|| compose.command(&words));
    }
}

async fn rolling_restart(compose: &Compose) {
    for service in ["auth-service", "books-service"] {
        for container in compose.containers(service) {
            each(&["restart"], std::slice::from_ref(&container)).await;
            healthy(&container).await;
        }
    }
}

/// Waits until a container says that it is healthy.
async fn healthy(container: &str) {
    for _ in 0..120 {
        let container = container.to_owned();
        let health = tokio::task::spawn_blocking(move || {
            docker(&["inspect", "--format", "{{.State.Health.Status}}", &container])
        });
        if health.await.unwrap() == "healthy" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    panic!("{container} is not healthy after a minute");
}

/// The new key is announced for 61 s before it signs, so the restarts fall between.
async fn rotation(compose: &Compose) {
    compose.auth_service(&["keys", "rotate"]);
    seconds(5).await;
    rolling_restart(compose).await;
    seconds(45).await;
}
