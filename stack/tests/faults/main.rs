//! What clients see while parts of the system fail, and what is lost of what was acknowledged: nothing, or this fails.
//!
//! ```sh
//! cargo test -p stack --test faults                  # all faults, as a table
//! cargo test -p stack --test faults -- mysql         # those with this in their name
//! cargo test -p stack --test faults -- --write       # also into docs/reliability.md
//! ```
//!
//! The whole system in containers, with two replicas of each service behind the gateway, under a steady load of reads,
//! writes, refreshes and logins. Takes about six minutes.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a run that cannot go on shall say where, and prints"
)]

#[path = "../containers/api.rs"]
mod api;
#[path = "../containers/compose.rs"]
mod compose;
mod disk;
#[path = "../containers/docker.rs"]
mod docker;
mod inject;
mod load;
mod report;

use std::sync::Arc;
use std::time::Duration;

use crate::compose::{Compose, PASSWORD};
use crate::inject::{FAULTS, Fault};
use crate::load::Load;
use crate::report::Row;

/// How long the load runs before a fault and, at least, after it.
const CALM: Duration = Duration::from_secs(3);

#[tokio::main]
async fn main() {
    let Some(_turn) = docker::engine().await else { return };
    let words: Vec<_> = std::env::args().skip(1).collect();
    let write = words.iter().any(|word| word == "--write");
    let wanted = |name: &str| {
        let mut names = words.iter().filter(|word| !word.starts_with("--")).peekable();
        names.peek().is_none() || names.any(|word| name.contains(word.as_str()))
    };
    let faults: Vec<_> = FAULTS.iter().filter(|fault| wanted(fault.name)).collect();
    let mut rows = Vec::new();
    if !faults.is_empty() {
        let compose = Arc::new(Compose::up("faults", &[]).await);
        compose.account("ada", "librarian");
        for fault in faults {
            rows.push(run(&compose, fault).await);
        }
    }
    if wanted(disk::NAME) {
        rows.push(disk::run().await);
    }
    let table = report::table(&rows);
    println!("{table}");
    if write {
        report::write(&table);
    }
    println!("{} passed, 0 failed", rows.len());
}

async fn run(compose: &Arc<Compose>, fault: &Fault) -> Row {
    println!("{} …", fault.name);
    let load = Load::start(&compose.api, "ada", PASSWORD).await;
    let during = async {
        tokio::time::sleep(CALM).await;
        let (compose, inject) = (Arc::clone(compose), fault.inject);
        tokio::task::spawn_blocking(move || inject(&compose)).await.unwrap();
        let over = load.now();
        load.recovered(over).await;
        tokio::time::sleep(CALM).await;
        load.stop();
        over
    };
    let (over, ()) = tokio::join!(during, load.run());
    let row = load.report(fault.name, over);
    load.verify().await;
    println!("{row}");
    row
}
