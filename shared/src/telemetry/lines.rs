//! The lines of the log on their way to standard error: written by a thread of their own, many in one call.
//!
//! A `write` for each line takes the core about as long as all else that is done for a small request. So a line waits for
//! [`GATHER`] at most for others to come; no request waits for it, but where lines come faster than they can be written.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// For how long lines are gathered: what a kill that nobody can catch may cost.
const GATHER: Duration = Duration::from_millis(5);
/// Bytes that are written at once, however short a time they took to come.
const ENOUGH: usize = 64 * 1024;
/// Bytes that may wait. Whoever has more to say waits, so no line is lost.
const MOST: usize = 256 * 1024;

/// Where lines are put.
#[derive(Clone)]
pub(super) struct Lines(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    /// There is something to write: the first line, enough of them, or the end.
    work: Condvar,
    /// There is room again.
    room: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    /// The thread is gone, or never was: each line is written by whoever has it.
    ended: bool,
}

/// The thread that writes. When it is dropped, every line has been written, and later ones are written at once.
#[must_use = "lines are written in the background for as long as this lives"]
pub(super) struct Writer {
    lines: Lines,
    thread: Option<JoinHandle<()>>,
}

impl Lines {
    /// Starts to write what is put here to `sink`.
    ///
    /// # Errors
    /// No thread can be started.
    pub(super) fn start(sink: impl Write + Send + 'static) -> io::Result<(Self, Writer)> {
        let state = Mutex::new(State::default());
        let lines = Self(Arc::new(Inner { state, work: Condvar::new(), room: Condvar::new() }));
        let writing = lines.clone();
        let thread = thread::Builder::new().name("log".to_owned()).spawn(move || writing.write_all(sink))?;
        Ok((lines.clone(), Writer { lines, thread: Some(thread) }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_all(&self, mut sink: impl Write) {
        let mut writing = Vec::new();
        loop {
            let state = self.state();
            let idle = |state: &mut State| state.waiting.is_empty() && !state.ended;
            let state = self.0.work.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner);
            let few = |state: &mut State| state.waiting.len() < ENOUGH && !state.ended;
            let gathered = self.0.work.wait_timeout_while(state, GATHER, few);
            let (mut state, _) = gathered.unwrap_or_else(PoisonError::into_inner);
            if state.waiting.is_empty() {
                return;
            }
            std::mem::swap(&mut state.waiting, &mut writing);
            drop(state);
            self.0.room.notify_all();
            // Whoever reads the log may be gone; the service goes on.
            drop(sink.write_all(&writing).and_then(|()| sink.flush()));
            writing.clear();
        }
    }

    fn put(&self, line: &[u8]) {
        let mut state = self.state();
        let full = |state: &mut State| state.waiting.len() >= MOST && !state.ended;
        state = self.0.room.wait_while(state, full).unwrap_or_else(PoisonError::into_inner);
        if state.ended {
            drop(state);
            drop(io::stderr().write_all(line));
            return;
        }
        let before = state.waiting.len();
        state.waiting.extend_from_slice(line);
        let after = state.waiting.len();
        drop(state);
        if before == 0 || (before < ENOUGH && after >= ENOUGH) {
            self.0.work.notify_one();
        }
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line(self.clone())
    }
}

/// One line, which is put as a whole.
#[derive(Debug)]
pub(super) struct Line(Lines);

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.put(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.lines.state().ended = true;
        self.lines.0.work.notify_one();
        self.lines.0.room.notify_all();
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines").finish_non_exhaustive()
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// Tells what is written, call by call, and waits to be let on before each.
    struct Gate {
        written: Sender<Vec<u8>>,
        may: Receiver<()>,
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.may.recv();
            self.written.send(bytes.to_vec()).map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn gate() -> (Gate, Receiver<Vec<u8>>, Sender<()>) {
        let (written, calls) = channel();
        let (let_on, may) = channel();
        (Gate { written, may }, calls, let_on)
    }

    #[test]
    fn lines_that_come_while_others_are_written_go_in_one_call() {
        let (sink, calls, let_on) = gate();
        let (lines, writer) = Lines::start(sink).unwrap();
        lines.make_writer().write_all(b"1\n").unwrap();
        // The thread has taken the first line once there is nothing that waits.
        while !lines.state().waiting.is_empty() {
            thread::yield_now();
        }
        for line in 2..100 {
            lines.make_writer().write_all(format!("{line}\n").as_bytes()).unwrap();
        }
        drop(let_on);
        drop(writer);
        let calls: Vec<_> = calls.iter().collect();
        let expected: String = (1..100).map(|line| format!("{line}\n")).collect();
        assert_eq!(calls.concat(), expected.as_bytes());
        assert_eq!(calls.len(), 2);
    }

    #[test]
    fn whoever_has_more_to_say_than_may_wait_waits_and_loses_nothing() {
        let (sink, calls, let_on) = gate();
        let (lines, writer) = Lines::start(sink).unwrap();
        // Dropped before the writer, which would wait for ever for a test that failed.
        let let_on = let_on;
        let line = [b'x'; 1024];
        let count = 4 * MOST / line.len();
        let talking = {
            let lines = lines.clone();
            thread::spawn(move || (0..count).for_each(|_| lines.put(&line)))
        };
        while lines.state().waiting.len() < MOST {
            thread::yield_now();
        }
        assert!(!talking.is_finished());
        drop(let_on);
        talking.join().unwrap();
        drop(writer);
        assert_eq!(calls.iter().map(|call| call.len()).sum::<usize>(), count * line.len());
    }
}
