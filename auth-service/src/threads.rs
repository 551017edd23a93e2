//! Threads for work that keeps a core busy: hashes and signatures. The runtime goes on with everything else meanwhile.

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use tokio::sync::oneshot::{self, error::RecvError};
use tracing::Span;

type Job = Box<dyn FnOnce() + Send>;

/// The threads. They end with this, each when it has done what it was at.
pub(crate) struct Threads(mpsc::Sender<Job>);

impl Threads {
    /// Starts so many of this name. On Linux they stand behind the rest of the process by so much (`nice`).
    ///
    /// # Errors
    /// The system gives none.
    pub(crate) fn start(name: &str, count: usize, nicer: i32) -> io::Result<Self> {
        let (jobs, queue) = mpsc::channel();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..count {
            let queue = Arc::clone(&queue);
            thread::Builder::new().name(name.to_owned()).spawn(move || work(&queue, nicer))?;
        }
        Ok(Self(jobs))
    }

    /// Runs `job` on the next that is free, to its end, even where nobody waits for its result any more.
    ///
    /// # Errors
    /// It panicked.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, RecvError> {
        let (done, result) = oneshot::channel();
        let span = Span::current();
        // What cannot be sent is dropped, and `done` with it, as where the job panics.
        drop(self.0.send(Box::new(move || drop(done.send(span.in_scope(job))))));
        result.await
    }
}

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Threads").finish_non_exhaustive()
    }
}

fn work(queue: &Mutex<mpsc::Receiver<Job>>, nicer: i32) {
    step_back(nicer);
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
fn step_back(nicer: i32) {
    if nicer > 0
        && let Err(error) = rustix::process::nice(nicer)
    {
        tracing::warn!(%error, "what keeps a core busy has the priority of everything else");
    }
}

#[cfg(not(target_os = "linux"))]
fn step_back(_: i32) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_job_that_panics_takes_no_thread_with_it() {
        let threads = Threads::start("test", 1, 0).unwrap();
        assert!(threads.run(|| assert_eq!(1, 2, "on purpose")).await.is_err());
        assert_eq!(threads.run(|| 3).await, Ok(3));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn they_stand_behind_the_rest_by_as_much_as_is_said() {
        let priority = || rustix::process::getpriority_process(None).unwrap();
        for nicer in [0, 5] {
            let threads = Threads::start("test", 1, nicer).unwrap();
            assert_eq!(threads.run(priority).await.unwrap(), (priority() + nicer).min(19));
        }
    }
}
