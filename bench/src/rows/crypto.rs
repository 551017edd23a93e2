//! Refreshes and logins against nothing but their cryptography.

use std::process::Command;

use anyhow::Context as _;
use serde_json::Value;
use tokio::time::Duration;

use super::{Actors, logging_in};
use crate::bench::{AUTH, Bench};
use crate::database::Database;
use crate::load::{median, refresh};
use crate::process::output;

pub(super) async fn measure(bench: &mut Bench, actors: &mut Actors) -> anyhow::Result<()> {
    let (mut signatures, mut hashes, mut refreshes, mut logins) = (vec![], vec![], vec![], vec![]);
    for _ in 0..bench.rounds {
        let mut bare = Command::new("taskset");
        let bare = output(bare.args(["-c", "0"]).arg(bench.binaries.join("bare-crypto")))?;
        let bare: Value = serde_json::from_str(&bare)?;
        signatures.push(bare["signatures"].as_f64().context("a number")?);
        hashes.push(bare["hashes"].as_f64().context("a number")?);
        let url = format!("{AUTH}/refresh");
        refreshes.push(refresh(&url, &mut actors.refresh, 3, Duration::ZERO).await?.per_second);
        logins.push(logging_in().closed(3, 4)?.per_second);
    }
    let (signatures, hashes) = (median(signatures), median(hashes));
    let (refreshes, logins) = (median(refreshes), median(logins));
    let what = format!("refreshes against bare signatures, {}", bench.database.name());
    let detail = format!("{refreshes:.0}/s, two signatures each : {signatures:.0} signatures/s");
    let bar = if matches!(bench.database, Database::MySql(_)) { 0.5 } else { 0.6 };
    bench.report.at_least(&what, &detail, 2.0 * refreshes / signatures, bar);
    let detail = format!("{logins:.1}/s : {hashes:.1}/s");
    bench.report.at_least("logins against bare Argon2id", &detail, logins / hashes, 0.9);
    Ok(())
}
