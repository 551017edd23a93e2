//! What others feel of logins that saturate the core.

use tokio::time::{Duration, sleep};

use super::{Actors, logging_in};
use crate::bench::{AUTH, BOOKS, Bench};
use crate::load::{Target, refresh};
use crate::process::Server;

pub(super) async fn measure(bench: &mut Bench, actors: &mut Actors) -> anyhow::Result<()> {
    let idle = latencies(actors).await?;
    let mut logins = logging_in().background(14, 8)?;
    sleep(Duration::from_millis(300)).await;
    let busy = latencies(actors).await?;
    logins.wait()?;
    let names = ["`/protected`", "JWKS", "`/refresh`"];
    for (name, (idle, busy)) in names.iter().zip(idle.into_iter().zip(busy)) {
        let what = format!("p99 of {name} while logins saturate, × idle");
        let detail = format!("{busy:.0} µs : {idle:.0} µs idle; fixed rate");
        bench.report.below(&what, &detail, busy / idle, 3.0);
    }
    Ok(())
}

/// The p99 of each, one after the other.
async fn latencies(actors: &mut Actors) -> anyhow::Result<[f64; 3]> {
    let pause = Duration::from_millis(100);
    let refreshed = refresh(&format!("{AUTH}/refresh"), &mut actors.refresh[..4], 4, pause).await?;
    let protected = Target::get(format!("{BOOKS}/protected")).with(&actors.token);
    let jwks = Target::get(format!("{AUTH}/.well-known/jwks.json"));
    Ok([protected.fixed(4, 500)?.p99, jwks.fixed(4, 500)?.p99, refreshed.p99])
}

/// After what was measured until now, once nobody is hashed for.
pub(super) async fn memory(bench: &mut Bench, auth: &Server) {
    sleep(Duration::from_secs(1)).await;
    let what = "memory of auth-service after all of this, MiB";
    bench.report.below(what, "16 sessions, some thousand logins", auth.resident(), 40.0);
}

/// Memory at the most while two hundred log in at a time.
pub(super) async fn flood(bench: &mut Bench, auth: &Server, idle: f64) -> anyhow::Result<()> {
    let mut logins = logging_in().background(4, 200)?;
    let mut most: f64 = 0.0;
    while logins.try_wait()?.is_none() {
        most = most.max(auth.resident());
        sleep(Duration::from_millis(50)).await;
    }
    // One slot: the service has one core.
    let what = "memory of auth-service in a flood of 200 logins, MiB";
    bench.report.below(what, "bar: idle + slots × 19 MiB + 20 MB", most, idle + 19.0 + 19.1);
    Ok(())
}
