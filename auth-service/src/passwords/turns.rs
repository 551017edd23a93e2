//! Whose turn it is to hash: so many at a time, and of those who wait each network in its turn.
//!
//! A scenario: somebody has a hundred passwords checked at a time, right ones or wrong ones, for as long as they may. In one
//! line, everybody else would stand behind them and be sent away in the end. Here whoever comes from elsewhere is next.
//!
//! Another: accounts were brought from elsewhere with hashes of scrypt that take 128 MiB each. Four people who sign in at a
//! time, or somebody who tries four names, would take 512 MiB, where operators have reckoned with 19 for each slot. So of what
//! is [`Weight::Heavy`] there is one at a time; whoever waits for that keeps nobody else waiting.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shared::http::Network;
use tokio::sync::oneshot::{self, error::RecvError};

/// All turns.
pub(super) struct Turns(Mutex<State>);

/// How much memory the work takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// About as much as a hash of ours.
    Light,
    /// Much more.
    Heavy,
}

struct State {
    /// Nobody waits while there are any, but for what is heavy while something heavy is under way.
    free: usize,
    heavy_under_way: bool,
    /// The network whose turn is next comes first. None is empty.
    lines: VecDeque<Line>,
}

struct Line {
    network: Option<Network>,
    waiting: VecDeque<Waiting>,
}

struct Waiting {
    weight: Weight,
    turn: oneshot::Sender<Turn>,
}

/// A turn, which is the next one's when it is dropped.
pub(super) struct Turn {
    turns: Arc<Turns>,
    weight: Weight,
}

impl Turns {
    /// So many at a time.
    pub(super) fn new(count: usize) -> Arc<Self> {
        let state = State { free: count, heavy_under_way: false, lines: VecDeque::new() };
        Arc::new(Self(Mutex::new(state)))
    }

    /// How many are nobody's.
    pub(super) fn free(&self) -> usize {
        self.lock().free
    }

    /// A turn for work of this weight, where nobody need be waited for.
    pub(super) fn take_now(self: &Arc<Self>, weight: Weight) -> Option<Turn> {
        self.lock().take(weight).then(|| Turn { turns: Arc::clone(self), weight })
    }

    /// Waits for the turn of somebody from this network. Whoever stops waiting is left out.
    pub(super) async fn take(
        self: &Arc<Self>,
        network: Option<Network>,
        weight: Weight,
    ) -> Result<Turn, RecvError> {
        let given = {
            let mut state = self.lock();
            if state.take(weight) {
                return Ok(Turn { turns: Arc::clone(self), weight });
            }
            state.join(network, weight)
        };
        given.await
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn has_room_for(&self, weight: Weight) -> bool {
        self.free > 0 && (weight == Weight::Light || !self.heavy_under_way)
    }

    fn take(&mut self, weight: Weight) -> bool {
        let has_room = self.has_room_for(weight);
        if has_room {
            self.free -= 1;
            self.heavy_under_way |= weight == Weight::Heavy;
        }
        has_room
    }

    fn join(&mut self, network: Option<Network>, weight: Weight) -> oneshot::Receiver<Turn> {
        let (turn, given) = oneshot::channel();
        let waiting = Waiting { weight, turn };
        match self.lines.iter_mut().find(|line| line.network == network) {
            Some(line) => line.waiting.push_back(waiting),
            None => self.lines.push_back(Line { network, waiting: VecDeque::from([waiting]) }),
        }
        given
    }

    fn give_back(&mut self, weight: Weight) {
        self.free += 1;
        self.heavy_under_way &= weight == Weight::Light;
    }

    /// Who is next, of those who still wait and for whom there is room: the first such of the first network that has one,
    /// which then is last among the networks.
    fn next(&mut self) -> Option<Waiting> {
        for line in &mut self.lines {
            line.waiting.retain(|waiting| !waiting.turn.is_closed());
        }
        self.lines.retain(|line| !line.waiting.is_empty());
        let fits = |line: &Line| line.waiting.iter().position(|waiting| self.has_room_for(waiting.weight));
        let (at, first) = self.lines.iter().enumerate().find_map(|(at, line)| Some((at, fits(line)?)))?;
        let mut line = self.lines.remove(at)?;
        let next = line.waiting.remove(first)?;
        if !line.waiting.is_empty() {
            self.lines.push_back(line);
        }
        self.take(next.weight).then_some(next)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let next = {
            let mut state = self.turns.lock();
            state.give_back(self.weight);
            state.next()
        };
        if let Some(Waiting { weight, turn }) = next {
            // Where they left at this very moment, it is dropped, and so passed on.
            drop(turn.send(Self { turns: Arc::clone(&self.turns), weight }));
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
        let first = turns.take(network("198.51.100.1"), Weight::Light).await.unwrap();
        let mut waiting: Vec<_> =
            ["198.51.100.2", "198.51.100.3", "198.51.100.4", "203.0.113.1", "198.51.100.5"]
                .into_iter()
                .map(|address| Box::pin(turns.take(network(address), Weight::Light)))
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
    #[tokio::test]
    async fn what_is_heavy_waits_for_what_is_heavy_and_keeps_nobody_else_waiting() {
        let turns = Turns::new(3);
        let take = |address: &str, weight| Box::pin(turns.take(network(address), weight));
        let heavy = turns.take(network("198.51.100.1"), Weight::Heavy).await.unwrap();
        let mut second = take("198.51.100.1", Weight::Heavy);
        let mut third = take("198.51.100.1", Weight::Heavy);
        let mut elsewhere = take("203.0.113.1", Weight::Heavy);
        for waiting in [&mut second, &mut third, &mut elsewhere] {
            assert!(waiting.now_or_never().is_none());
        }
        assert!(turns.take_now(Weight::Heavy).is_none());
        let light = turns.take_now(Weight::Light).expect("there is room for it");
        let other = turns.take(network("198.51.100.1"), Weight::Light).now_or_never().unwrap().unwrap();
        let mut last = take("198.51.100.1", Weight::Light);
        assert!(last.as_mut().now_or_never().is_none(), "all are taken");
        drop(light);
        let last = last.now_or_never().expect("whoever is heavy cannot take it").unwrap();
        drop(heavy);
        // That network had its turn with the light one.
        let elsewhere = elsewhere.now_or_never().expect("the other network's turn").unwrap();
        assert!(second.as_mut().now_or_never().is_none() && third.as_mut().now_or_never().is_none());
        drop((last, other));
        assert!(second.as_mut().now_or_never().is_none(), "there are free ones, but not for it");
        drop(elsewhere);
        drop(second.now_or_never().unwrap().unwrap());
        drop(third.now_or_never().unwrap().unwrap());
        assert_eq!(turns.free(), 3);
    }
}
