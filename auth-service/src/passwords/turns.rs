//! Whose turn it is to hash: so many at a time, and of those who wait each network in its turn.
//!
//! A scenario: somebody has a hundred passwords checked at a time, right ones or wrong ones, for as long as they may. In one
//! line, everybody else would stand behind them and be sent away in the end. Here whoever comes from elsewhere is next.

use std::collections::VecDeque;
use std::iter;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shared::http::Network;
use tokio::sync::oneshot::{self, error::RecvError};

/// All turns.
pub(super) struct Turns(Mutex<State>);

struct State {
    /// Nobody waits while there are any.
    free: usize,
    /// The network whose turn is next comes first. None is empty.
    lines: VecDeque<Line>,
}

struct Line {
    network: Option<Network>,
    waiting: VecDeque<oneshot::Sender<Turn>>,
}

/// A turn, which is the next one's when it is dropped.
pub(super) struct Turn(Arc<Turns>);

impl Turns {
    /// So many at a time.
    pub(super) fn new(count: usize) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State { free: count, lines: VecDeque::new() })))
    }

    /// How many are nobody's.
    pub(super) fn free(&self) -> usize {
        self.lock().free
    }

    /// Waits for the turn of somebody from this network. Whoever stops waiting is left out.
    pub(super) async fn take(self: &Arc<Self>, network: Option<Network>) -> Result<Turn, RecvError> {
        let given = {
            let mut state = self.lock();
            if state.free > 0 {
                state.free -= 1;
                return Ok(Turn(Arc::clone(self)));
            }
            state.join(network)
        };
        given.await
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn join(&mut self, network: Option<Network>) -> oneshot::Receiver<Turn> {
        let (turn, given) = oneshot::channel();
        match self.lines.iter_mut().find(|line| line.network == network) {
            Some(line) => line.waiting.push_back(turn),
            None => self.lines.push_back(Line { network, waiting: VecDeque::from([turn]) }),
        }
        given
    }

    /// Who is next, of those who still wait.
    fn next(&mut self) -> Option<oneshot::Sender<Turn>> {
        while let Some(mut line) = self.lines.pop_front() {
            let next = iter::from_fn(|| line.waiting.pop_front()).find(|waiting| !waiting.is_closed());
            if !line.waiting.is_empty() {
                self.lines.push_back(line);
            }
            if next.is_some() {
                return next;
            }
        }
        None
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let next = {
            let mut state = self.0.lock();
            let next = state.next();
            state.free += usize::from(next.is_none());
            next
        };
        if let Some(next) = next {
            // Where they left at this very moment, it is dropped, and so passed on.
            drop(next.send(Self(Arc::clone(&self.0))));
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn network(text: &str) -> Option<Network> {
        Some(Network::site_of(text.parse().unwrap()))
    }

    #[tokio::test]
    async fn networks_take_turns_and_within_one_who_came_first() {
        let turns = Turns::new(1);
        let first = turns.take(network("198.51.100.1")).await.unwrap();
        let mut waiting: Vec<_> =
            ["198.51.100.2", "198.51.100.3", "198.51.100.4", "203.0.113.1", "198.51.100.5"]
                .into_iter()
                .map(|address| Box::pin(turns.take(network(address))))
                .collect();
        assert!(waiting.iter_mut().all(|waiting| waiting.now_or_never().is_none()));
        // The second has left. Of the others, the fourth comes from elsewhere.
        drop(waiting.remove(1));
        let mut turn = first;
        for next in [0, 1, 0, 0] {
            drop(turn);
            turn = waiting.remove(next).now_or_never().expect("this one is next").unwrap();
            assert!(waiting.iter_mut().all(|waiting| waiting.now_or_never().is_none()), "and nobody else");
        }
        assert_eq!(turns.free(), 0);
        drop(turn);
        assert_eq!(turns.free(), 1);
    }
}
