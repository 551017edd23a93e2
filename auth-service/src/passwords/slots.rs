//! Places to hash in: so many at a time and no more, with the memory that goes from one to the next.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use shared::http::{leave_place, return_to_place, site_of_request};
use tokio::time::Instant;
use tracing::Instrument as _;

use super::HashError;
use super::memory::{Memory, Spare};
use super::turns::{Turn, Turns, Weight};
use crate::threads::Threads;

/// Seconds; from a free slot to the longest wait that is allowed by default.
const BUCKETS: [f64; 8] = [0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0];

/// How much nicer than the rest of the process the threads are that hash. A hash keeps a core for 15 ms and more: at equal
/// priority the scheduler lets it go on for milliseconds before anybody else's turn comes, whose work would have taken a
/// fraction of one.
const NICER: i32 = 5;

/// The places.
pub(super) struct Slots {
    turns: Arc<Turns>,
    threads: Threads,
    waiting: AtomicUsize,
    spare: Spare,
    deadline: Duration,
    count: usize,
    refused: Counter,
    waited: Histogram,
}

impl Slots {
    /// So many places, for which nobody waits longer than `deadline`, and a thread for each. Most work takes so many blocks.
    ///
    /// # Errors
    /// The system gives no threads.
    pub(super) fn new(count: usize, deadline: Duration, blocks: usize) -> io::Result<Self> {
        Ok(Self {
            turns: Turns::new(count),
            threads: Threads::start("hash", count, NICER)?,
            waiting: AtomicUsize::new(0),
            spare: Spare::new(blocks),
            deadline,
            count,
            refused: Counter::default(),
            waited: Histogram::new(BUCKETS),
        })
    }

    /// Adds their metrics.
    pub(super) fn register(self: &Arc<Self>, registry: &mut Registry) {
        registry.register("hash_queue_refused", "Passwords that found no slot in time", self.refused.clone());
        registry.register("hash_queue_seconds", "Time that passwords waited for a slot", self.waited.clone());
        registry.register_collector(Box::new(Gauges(Arc::clone(self))));
    }

    /// Runs `work` on a thread that hashes. The place is given back when the work is over, even where nobody
    /// waits for its result any more.
    pub(super) async fn run<T: Send + 'static, E: Send + 'static>(
        self: &Arc<Self>,
        weight: Weight,
        work: impl FnOnce(&Work<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, HashError>
    where
        HashError: From<E>,
    {
        let place = self.place(weight).instrument(tracing::debug_span!("wait for a slot")).await?;
        let slots = Arc::clone(self);
        let working = self.threads.run(move || {
            let result = work(&Work(&slots));
            drop(place);
            result
        });
        Ok(working.instrument(tracing::debug_span!("hash")).await??)
    }

    async fn place(&self, weight: Weight) -> Result<Turn, HashError> {
        if let Some(place) = self.turns.take_now(weight) {
            self.waited.observe(0.0);
            return Ok(place);
        }
        let _waiting = Waiting::new(&self.waiting);
        let began = Instant::now();
        leave_place();
        let turn = self.turns.take(site_of_request(), weight);
        match tokio::time::timeout(self.deadline, turn).await {
            Ok(Ok(place)) if return_to_place() => {
                self.waited.observe(began.elapsed().as_secs_f64());
                Ok(place)
            }
            Ok(_) | Err(_) => {
                self.refused.inc();
                Err(HashError::QueueFull)
            }
        }
    }
}

/// Reads the places at each scrape.
#[derive(Debug)]
struct Gauges(Arc<Slots>);

impl Collector for Gauges {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let Slots { turns, waiting, count, .. } = &*self.0;
        let busy = count.saturating_sub(turns.free());
        for (name, help, value) in [
            ("hash_slots", "Passwords that may be hashed at a time", *count),
            ("hash_slots_busy", "Passwords that are being hashed", busy),
            ("hash_queue", "Passwords that wait for a slot", waiting.load(Ordering::SeqCst)),
        ] {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Slots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slots").field("count", &self.count).finish_non_exhaustive()
    }
}

/// The memory of a place, for as long as the work takes.
pub(super) struct Work<'a>(&'a Slots);

impl Work<'_> {
    /// Lends memory of `blocks` blocks. It goes to the next in the queue, or, where there is none, back to the system.
    pub(super) fn with_memory<T>(&self, blocks: usize, compute: impl FnOnce(&mut Memory) -> T) -> T {
        let mut memory = self.0.spare.take(blocks);
        let result = compute(&mut memory);
        if self.0.waiting.load(Ordering::SeqCst) > 0 {
            self.0.spare.keep(memory);
        } else {
            self.0.spare.clear();
        }
        result
    }
}

/// One more in the queue, until it is dropped: also where the client hangs up while it waits.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn hold(
        slots: &Arc<Slots>,
    ) -> (tokio::task::JoinHandle<Result<(), HashError>>, std::sync::mpsc::Sender<()>) {
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let slots = Arc::clone(slots);
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let held = tokio::spawn(async move {
            slots
                .run(Weight::Light, move |_| {
                    begun.send(()).unwrap();
                    ended.recv().unwrap_err();
                    Ok::<_, HashError>(())
                })
                .await
        });
        has_begun.await.unwrap();
        (held, end)
    }

    #[tokio::test]
    async fn who_waits_too_long_for_a_place_is_sent_away() {
        let slots = Arc::new(Slots::new(1, Duration::from_millis(10), 8).unwrap());
        let (held, end) = hold(&slots).await;
        assert!(matches!(
            slots.run(Weight::Light, |_| Ok::<_, HashError>(())).await,
            Err(HashError::QueueFull)
        ));
        drop(end);
        held.await.unwrap().unwrap();
        slots.run(Weight::Light, |_| Ok::<_, HashError>(())).await.unwrap();
    }

    #[tokio::test]
    async fn who_hangs_up_in_the_queue_leaves_it_and_who_works_keeps_the_place() {
        let slots = Arc::new(Slots::new(1, Duration::from_secs(60), 8).unwrap());
        let (held, end) = hold(&slots).await;
        let waiting = slots.run(Weight::Light, |_| Ok::<_, HashError>(()));
        assert!(tokio::time::timeout(Duration::from_millis(1), waiting).await.is_err());
        assert_eq!(slots.waiting.load(Ordering::SeqCst), 0);
        held.abort();
        tokio::task::yield_now().await;
        assert_eq!(slots.turns.free(), 0, "the work goes on, and so it keeps its place");
        drop(end);
        slots.run(Weight::Light, |_| Ok::<_, HashError>(())).await.unwrap();
    }
}
