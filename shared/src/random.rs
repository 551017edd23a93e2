//! Randomness as a parameter, beside [`crate::clock`].

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use crate::clock::Timestamp;

/// Where a service takes unpredictable bytes from.
pub trait Random: Send + Sync + 'static {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

impl dyn Random {
    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// `N` random bytes as base64url text.
    pub fn text<const N: usize>(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.bytes::<N>())
    }

    /// A random identifier that tells nothing (UUID version 4).
    pub fn uuid(&self) -> Uuid {
        uuid::Builder::from_random_bytes(self.bytes()).into_uuid()
    }

    /// A random identifier that sorts by `time`, so that new rows land together in an index (UUID version 7).
    pub fn uuid_at(&self, time: Timestamp) -> Uuid {
        let millis = u64::try_from(time.millis()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &self.bytes()).into_uuid()
    }

    /// A number from 0 to 1.
    pub fn fraction(&self) -> f64 {
        f64::from(u32::from_le_bytes(self.bytes())) / f64::from(u32::MAX)
    }
}

/// For identifiers that are no secrets, as that of a request: asks `inner` for many bytes at once, since asking the
/// machine takes as long as much else that is done for a small request.
pub struct Batched {
    inner: Arc<dyn Random>,
    drawn: Mutex<Drawn>,
}

struct Drawn {
    bytes: [u8; 512],
    used: usize,
}

impl Batched {
    /// Bytes of `inner`.
    pub fn new(inner: Arc<dyn Random>) -> Self {
        let drawn = Drawn { bytes: [0; 512], used: 512 };
        Self { inner, drawn: Mutex::new(drawn) }
    }
}

impl Random for Batched {
    fn fill(&self, bytes: &mut [u8]) {
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        if bytes.len() > drawn.bytes.len() {
            return self.inner.fill(bytes);
        }
        if drawn.bytes.len() - drawn.used < bytes.len() {
            self.inner.fill(&mut drawn.bytes);
            drawn.used = 0;
        }
        let end = drawn.used + bytes.len();
        bytes.copy_from_slice(&drawn.bytes[drawn.used..end]);
        drawn.used = end;
    }
}

impl fmt::Debug for Batched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batched").finish_non_exhaustive()
    }
}

/// The operating system's generator.
#[derive(Clone, Debug)]
pub struct SystemRandom(ring::rand::SystemRandom);

impl SystemRandom {
    /// The generator of this machine.
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine for randomness")]
    #[expect(clippy::new_without_default, reason = "a source of randomness is named where it is made")]
    pub fn new() -> Self {
        Self(ring::rand::SystemRandom::new())
    }
}

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        if ring::rand::SecureRandom::fill(&self.0, bytes).is_err() {
            // A server without randomness would mint guessable identifiers and nonces: nothing is left to serve.
            std::process::abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn what_is_drawn_many_at_a_time_comes_once() {
        let random: &dyn Random = &Batched::new(Arc::new(SystemRandom::new()));
        let seen: HashSet<[u8; 12]> = (0..200).map(|_| random.bytes()).collect();
        assert_eq!(seen.len(), 200);
        assert_ne!(random.bytes::<1000>()[988..], [0; 12]);
    }
}
