//! Proofs that were accepted a moment ago: each counts once (RFC 9449 §11.1).

use std::collections::HashSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ring::digest::{Context, SHA256, SHA256_OUTPUT_LEN};

use crate::clock::Timestamp;
use crate::token::Rejection;

/// About 90 MiB, and more proofs than two cores verify in that time. Beyond it, nothing passes that may be a replay.
const MAX_PROOFS: usize = 1_000_000;
const RETRY_AFTER: Duration = Duration::from_secs(5);

type Digest = [u8; SHA256_OUTPUT_LEN];

/// Two spans of time, each at least as long as a proof is good for: when the third begins, the first is forgotten as a
/// whole. What is kept is a digest of each proof's name and key.
pub(super) struct Seen {
    span: i64,
    proofs: Mutex<Spans>,
}

#[derive(Default)]
struct Spans {
    /// In spans since 1970.
    number: i64,
    this: HashSet<Digest>,
    last: HashSet<Digest>,
}

impl Seen {
    /// Remembers each proof for `span` seconds at least.
    pub(super) fn new(span: i64) -> Self {
        Self { span, proofs: Mutex::default() }
    }

    /// Notes a proof that is otherwise in order.
    pub(super) fn note(&self, thumbprint: &str, jti: &str, now: Timestamp) -> Result<(), Rejection> {
        let mut digest = Context::new(&SHA256);
        // Thumbprints are all of one length.
        digest.update(thumbprint.as_bytes());
        digest.update(jti.as_bytes());
        let mut proof = [0; SHA256_OUTPUT_LEN];
        proof.copy_from_slice(digest.finish().as_ref());
        let mut spans = self.proofs.lock().unwrap_or_else(PoisonError::into_inner);
        spans.turn_to(now.seconds().div_euclid(self.span));
        if spans.last.contains(&proof) || spans.this.contains(&proof) {
            return Err(Rejection::Proof("used before"));
        }
        if spans.this.len() + spans.last.len() >= MAX_PROOFS {
            return Err(Rejection::ProofsUnknown { retry_after: RETRY_AFTER });
        }
        spans.this.insert(proof);
        Ok(())
    }
}

impl Spans {
    fn turn_to(&mut self, number: i64) {
        // A clock that is set back forgets nothing.
        if number <= self.number {
            return;
        }
        let this = std::mem::take(&mut self.this);
        self.last = if number == self.number + 1 { this } else { HashSet::new() };
        self.number = number;
    }
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seen").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_counts_once_for_as_long_as_it_is_good() {
        let seen = Seen::new(90);
        let note = |jti: &str, second| seen.note("key", jti, Timestamp::from_seconds(second));
        assert_eq!(note("a", 1000), Ok(()));
        assert_eq!(note("b", 1000), Ok(()));
        for second in [1000, 1010, 1090, 999] {
            assert_eq!(note("a", second), Err(Rejection::Proof("used before")), "{second}");
        }
        assert_eq!(seen.note("other key", "a", Timestamp::from_seconds(1000)), Ok(()));
        assert_eq!(note("a", 1180), Ok(()), "two spans later its time alone has it refused");
        assert_eq!(note("b", 5000), Ok(()));
    }
}
