//! Bytes that may wait at a time: of all clients together, and of each network no more than it leaves to others.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::networks::Network;

/// The bytes that wait, by network.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    most: u64,
    counts: Arc<Mutex<Counts>>,
}

#[derive(Debug, Default)]
struct Counts {
    all: u64,
    of: HashMap<Network, u64>,
}

impl Budget {
    /// For so many bytes of all clients together.
    pub(super) fn new(most: u64) -> Self {
        Self { most, counts: Arc::default() }
    }

    /// Counts so many bytes of this client. `None`: so many wait already that its network may have no more.
    pub(super) fn take(&self, client: IpAddr, bytes: u64) -> Option<Taken> {
        let network = Network::site_of(client);
        let mut counts = self.lock();
        let of_network = counts.of.get(&network).copied().unwrap_or_default() + bytes;
        let all = counts.all + bytes;
        if of_network > self.most.saturating_sub(all) {
            return None;
        }
        counts.all = all;
        counts.of.insert(network, of_network);
        Some(Taken { budget: self.clone(), network, bytes })
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes that wait, until it is dropped.
#[derive(Debug)]
pub(super) struct Taken {
    budget: Budget,
    network: Network,
    bytes: u64,
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut counts = self.budget.lock();
        counts.all -= self.bytes;
        if let Some(of_network) = counts.of.get_mut(&self.network) {
            *of_network -= self.bytes;
            if *of_network == 0 {
                counts.of.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_half_and_gives_back_what_it_had() {
        let budget = Budget::new(100);
        let (here, there): (IpAddr, IpAddr) = ([192, 0, 2, 1].into(), [198, 51, 100, 1].into());
        let first = budget.take(here, 40).unwrap();
        assert!(budget.take(here, 20).is_none());
        let second = budget.take(here, 10).unwrap();
        let third = budget.take(there, 25).unwrap();
        assert!(budget.take(there, 1).is_none());
        drop(first);
        drop(budget.take(there, 15).unwrap());
        drop((second, third));
        let left = budget.lock();
        assert_eq!((left.all, left.of.len()), (0, 0));
    }
}
