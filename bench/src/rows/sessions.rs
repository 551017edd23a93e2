use tokio::time::Duration;

use super::Actors;
use crate::bench::{AUTH, Bench};
use crate::load::{median, refresh};

/// Refreshes among ten thousand sessions, and among five million.
pub(super) async fn measure(bench: &mut Bench, actors: &mut Actors) -> anyhow::Result<()> {
    fill(bench, 0, 10_000)?;
    let few = rounds(bench.rounds, actors).await?;
    fill(bench, 10_000, 5_000_000)?;
    let many = rounds(bench.rounds, actors).await?;
    let detail = format!("p50 {few:.0} µs : {many:.0} µs; 16 sessions, 160/s");
    let what = "refresh among 10,000 sessions against 5,000,000";
    bench.report.at_least(what, &detail, (few / many).min(many / few), 0.9);
    Ok(())
}

async fn rounds(rounds: usize, actors: &mut Actors) -> anyhow::Result<f64> {
    let (mut times, pause) = (Vec::new(), Duration::from_millis(100));
    for _ in 0..rounds {
        let url = format!("{AUTH}/refresh");
        times.push(refresh(&url, &mut actors.refresh, 3, pause).await?.p50);
    }
    Ok(median(times))
}

/// Sessions number `from` to `to`, a hundred for each account, none of which is over. Sorted by their ids, as a table takes
/// them soonest.
fn fill(bench: &Bench, from: u32, to: u32) -> anyhow::Result<()> {
    let insert = format!(
        "INSERT INTO sessions (id, account_id, client_id, origin, scope, resource, auth_time, generation, rotated_at, \
         created_at, last_used_at, expires_at, idle_expires_at, user_agent, ip, claims) \
         WITH RECURSIVE n (i) AS (SELECT {from} UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {to}) \
         SELECT UNHEX(LEFT(SHA2(i, 256), 32)), \
         UNHEX(LEFT(SHA2(CONCAT('account', i DIV 100), 256), 32)), 'first-party', 'login', 'books:read', \
         'http://127.0.0.1:7102', @now, 1, @now, @now, @now, @now + 86400000, @now + 86400000, 'bench', '127.0.0.1', '' \
         FROM n ORDER BY 1"
    );
    let now = "SET @now = UNIX_TIMESTAMP() * 1000";
    bench.database.execute("auth", &["SET SESSION cte_max_recursion_depth = 5000001", now, &insert]).map(drop)
}
