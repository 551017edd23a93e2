//! Threads that do nothing but hash, and stand behind all else that the cores have to do.

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use tokio::sync::oneshot::{self, error::RecvError};

/// How much nicer than the rest of the process they are.
///
/// A hash keeps a core for 15 ms and more. At equal priority the scheduler lets it go on for milliseconds before anybody
/// else's turn comes, whose work would have taken a fraction of one.
#[cfg(target_os = "linux")]
const NICER: i32 = 5;

type Job = Box<dyn FnOnce() + Send>;

/// The threads. They end with this, each when it has done what it was at.
pub(super) struct Threads(mpsc::Sender<Job>);

impl Threads {
    /// Starts so many.
    ///
    /// # Errors
    /// The system gives none.
    pub(super) fn start(count: usize) -> io::Result<Self> {
        let (jobs, queue) = mpsc::channel();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..count {
            let queue = Arc::clone(&queue);
            thread::Builder::new().name("hash".to_owned()).spawn(move || work(&queue))?;
        }
        Ok(Self(jobs))
    }

    /// Runs `job` on the next that is free, to its end, even where nobody waits for its result any more.
    ///
    /// # Errors
    /// It panicked.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, RecvError> {
        let (done, result) = oneshot::channel();
        // What cannot be sent is dropped, and `done` with it, as where the job panics.
        drop(self.0.send(Box::new(move || drop(done.send(job())))));
        result.await
    }
}

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Threads").finish_non_exhaustive()
    }
}

fn work(queue: &Mutex<mpsc::Receiver<Job>>) {
    step_back();
    loop {
        // The lock is held while this waits, and not while it works.
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        // The hook has told of it, and whoever waits hears that there is no result.
        drop(catch_unwind(AssertUnwindSafe(job)));
    }
}

/// Linux has a priority for each thread. Elsewhere it would be that of the process.
#[cfg(target_os = "linux")]
fn step_back() {
    if let Err(error) = rustix::process::nice(NICER) {
        tracing::warn!(%error, "hashing has the priority of everything else");
    }
}

#[cfg(not(target_os = "linux"))]
fn step_back() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_job_that_panics_takes_no_thread_with_it() {
        let threads = Threads::start(1).unwrap();
        assert!(threads.run(|| assert_eq!(1, 2, "on purpose")).await.is_err());
        assert_eq!(threads.run(|| 3).await, Ok(3));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn hashing_stands_behind_everything_else() {
        let priority = || rustix::process::getpriority_process(None).unwrap();
        let threads = Threads::start(1).unwrap();
        assert_eq!(threads.run(priority).await.unwrap(), (priority() + NICER).min(19));
    }
}
