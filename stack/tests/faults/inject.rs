//! The faults. Each returns when what was broken is back, as far as the operator's part goes.

use std::thread::sleep;
use std::time::Duration;

use crate::compose::Compose;
use crate::docker::docker;

/// A way in which the system can fail.
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    pub(crate) inject: fn(&Compose),
}

/// All of them, in the order of the table.
pub(crate) const FAULTS: &[Fault] = &[
    Fault { name: "MySQL killed, back after 5 s", inject: |compose| killed(&compose.containers("mysql"), 5) },
    Fault { name: "MySQL paused for 10 s", inject: mysql_paused },
    Fault {
        name: "auth-service killed, back after 10 s",
        inject: |compose| killed(&compose.containers("auth-service"), 10),
    },
    Fault {
        name: "one auth-service killed, back after 10 s",
        inject: |compose| killed(&compose.containers("auth-service")[..1], 10),
    },
    Fault { name: "auth-service cut off for 10 s", inject: auth_cut_off },
    Fault { name: "auth-service replaced", inject: auth_replaced },
    Fault {
        name: "one books-service killed, back after 10 s",
        inject: |compose| killed(&compose.containers("books-service")[..1], 10),
    },
    Fault { name: "every replica restarted in turn", inject: rolling_restart },
    Fault { name: "signing key rotated, every replica restarted meanwhile", inject: rotation },
];

fn seconds(seconds: u64) {
    sleep(Duration::from_secs(seconds));
}

fn each(command: &str, containers: &[String]) {
    let containers = containers.iter().map(String::as_str);
    docker(&[command].into_iter().chain(containers).collect::<Vec<_>>());
}

fn killed(containers: &[String], away: u64) {
    each("kill", containers);
    seconds(away);
    each("start", containers);
}

fn mysql_paused(compose: &Compose) {
    let mysql = compose.containers("mysql");
    each("pause", &mysql);
    seconds(10);
    each("unpause", &mysql);
}

/// From the gateway and books-service; its way to MySQL stays.
fn auth_cut_off(compose: &Compose) {
    let (inside, both) = (compose.network("inside"), compose.containers("auth-service"));
    for container in &both {
        docker(&["network", "disconnect", &inside, container]);
    }
    seconds(10);
    for container in &both {
        docker(&["network", "connect", "--alias", "auth-service", &inside, container]);
    }
}

/// New containers in place of the old ones, one after the other, as a rollout does it.
fn auth_replaced(compose: &Compose) {
    for container in compose.containers("auth-service") {
        docker(&["stop", &container]);
        docker(&["rm", &container]);
        compose.command(&["up", "--detach", "--wait", "--no-deps", "--no-recreate", "auth-service"]);
    }
}

fn rolling_restart(compose: &Compose) {
    for service in ["auth-service", "books-service"] {
        for container in compose.containers(service) {
            docker(&["restart", &container]);
            wait_until_healthy(&container);
        }
    }
}

fn wait_until_healthy(container: &str) {
    let is_healthy = || docker(&["inspect", "--format", "{{.State.Health.Status}}", container]) == "healthy";
    let healthy = (0..120).any(|_| {
        is_healthy() || {
            sleep(Duration::from_millis(500));
            false
        }
    });
    assert!(healthy, "{container} is not healthy after a minute");
}

/// The new key is announced for 61 s before it signs, so the restarts fall between.
fn rotation(compose: &Compose) {
    compose.auth_service(&["keys", "rotate"]);
    seconds(5);
    rolling_restart(compose);
    seconds(45);
}
