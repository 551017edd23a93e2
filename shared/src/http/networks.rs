//! What each network has of what there is: nobody takes all of it.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use ipnet::IpNet;
use tokio::net::TcpStream;
use tokio_io_timeout::TimeoutStream;

use super::places::Places;
use super::serve::ConnectionLimits;
use super::stalled::Stalling;

/// Addresses that are somebody's together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network(IpNet);

impl Network {
    /// What one household has: /24 of IPv4, /56 of IPv6.
    pub fn household_of(address: IpAddr) -> Self {
        Self::around(address, 56)
    }

    /// The most that one gets for the asking: /24 of IPv4, /48 of IPv6.
    pub fn site_of(address: IpAddr) -> Self {
        Self::around(address, 48)
    }

    fn around(address: IpAddr, v6: u8) -> Self {
        let address = address.to_canonical();
        Self(IpNet::new_assert(address, if address.is_ipv4() { 24 } else { v6 }).trunc())
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How much each network has, where it has anything.
#[derive(Clone, Debug, Default)]
pub(super) struct Shares(Arc<Mutex<HashMap<Network, usize>>>);

/// One of what its network has, until it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    shares: Shares,
    network: Network,
}

impl Shares {
    /// One more for the network of this address, unless it has `most` of them. `None`: it has.
    ///
    /// Where `most` is as many as are free, a network alone gets half of all there are, and the next one half of what that
    /// leaves; as they come and go, all get the same, and as much is left for whoever comes next.
    pub(super) fn take(&self, address: IpAddr, most: usize) -> Option<Share> {
        let network = Network::site_of(address);
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.get(&network).copied().unwrap_or_default();
        if count >= most {
            tracing::debug!(%network, count, "has its share; is it a proxy that is not among the trusted ones?");
            return None;
        }
        counts.insert(network, count + 1);
        Some(Share { shares: self.clone(), network })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut counts = self.shares.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.network);
            }
        }
    }
}

/// The connections of each network.
#[derive(Clone, Debug)]
pub(super) struct Networks {
    limits: ConnectionLimits,
    shares: Shares,
    stalled: Arc<Places>,
}

/// One connection, until it is dropped. Those of trusted proxies are nobody's share.
#[derive(Debug)]
pub(super) struct Counted(#[expect(dead_code, reason = "held until the connection ends")] Option<Share>);

impl Networks {
    pub(super) fn new(limits: ConnectionLimits) -> Self {
        let stalled = Arc::new(Places::new(limits.stalled));
        Self { limits, shares: Shares::default(), stalled }
    }

    /// Counts a connection from this address, where so many are `free`, its own among them. `None`: its network has as many
    /// as it may.
    pub(super) fn admit(&self, peer: IpAddr, free: usize) -> Option<Counted> {
        if self.is_trusted(peer) {
            return Some(Counted(None));
        }
        let share = self.shares.take(peer, self.limits.of_one_network.min(free))?;
        Some(Counted(Some(share)))
    }

    /// The stream of a connection from this address, counted while it waits for its client to read.
    pub(super) fn watch(&self, stream: TcpStream, peer: IpAddr) -> Stalling {
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(self.limits.write_timeout));
        let stalled = (!self.is_trusted(peer)).then(|| Arc::clone(&self.stalled));
        Stalling::new(Box::pin(stream), peer, stalled)
    }

    fn is_trusted(&self, peer: IpAddr) -> bool {
        self.limits.trusted_proxies.contains(peer.to_canonical())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_share_a_network() {
        let household = |text: &str| Network::household_of(text.parse().unwrap()).to_string();
        assert_eq!(household("192.0.2.77"), "192.0.2.0/24");
        assert_eq!(household("::ffff:192.0.2.1"), "192.0.2.0/24");
        assert_eq!(household("2001:db8:1:2345:6::7"), "2001:db8:1:2300::/56");
        assert_ne!(household("2001:db8:1:2345::"), household("2001:db8:1:2445::"));
        assert_eq!(Network::site_of("2001:db8:1:2345::6".parse().unwrap()).to_string(), "2001:db8:1::/48");
    }
}
