//! How many connections each network has: nobody takes all that there are.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use ipnet::IpNet;

use super::serve::ConnectionLimits;

/// The connections of each network that has any.
#[derive(Clone, Debug)]
pub(super) struct Networks(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limits: ConnectionLimits,
    connections: Mutex<HashMap<IpNet, usize>>,
}

/// One connection, until it is dropped.
#[derive(Debug)]
pub(super) struct Counted {
    networks: Networks,
    /// None of a trusted proxy.
    network: Option<IpNet>,
}

impl Networks {
    pub(super) fn new(limits: ConnectionLimits) -> Self {
        Self(Arc::new(Inner { limits, connections: Mutex::default() }))
    }

    pub(super) fn limits(&self) -> &ConnectionLimits {
        &self.0.limits
    }

    /// Counts a connection from this address. `None`: its network has as many as it may.
    pub(super) fn admit(&self, peer: IpAddr) -> Option<Counted> {
        let (peer, limits) = (peer.to_canonical(), self.limits());
        if limits.trusted_proxies.contains(peer) {
            return Some(Counted { networks: self.clone(), network: None });
        }
        let network = IpNet::new(peer, if peer.is_ipv4() { 24 } else { 64 }).ok()?.trunc();
        let mut connections = self.0.connections.lock().unwrap_or_else(PoisonError::into_inner);
        let count = connections.entry(network).or_default();
        if *count >= limits.of_one_network {
            tracing::debug!(%network, "too many connections; is it a proxy that is not among the trusted ones?");
            return None;
        }
        *count += 1;
        Some(Counted { networks: self.clone(), network: Some(network) })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let Some(network) = self.network else { return };
        let mut connections = self.networks.0.connections.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = connections.get_mut(&network) {
            *count -= 1;
            if *count == 0 {
                connections.remove(&network);
            }
        }
    }
}
