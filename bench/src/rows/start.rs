use tokio::time::Instant;

use crate::bench::Bench;
use crate::load::median;

/// Time from exec to the first answer, with the keys in the table.
pub(super) async fn measure(bench: &mut Bench) -> anyhow::Result<()> {
    drop(bench.auth().await?);
    let mut times = Vec::new();
    for _ in 0..5 {
        let began = Instant::now();
        let _auth = bench.auth().await?;
        times.push(began.elapsed().as_secs_f64() * 1e3);
    }
    let what = "auth-service ready after `exec`, keys present, ms";
    bench.report.below(what, "five starts; with `taskset` and the poll", median(times), 100.0);
    Ok(())
}
