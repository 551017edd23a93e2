//! Tokens that were verified a moment ago, so that the next request with one of them need not be.
//!
//! A scenario for what a cache of tokens must not do: the issuer withdraws a key because it was stolen. A cache that
//! knows tokens by themselves goes on to accept what the thief has signed. So each entry names the key that verified
//! it, and counts only while the current key set has that very key under that very name.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use quick_cache::sync::Cache;
use quick_cache::{DefaultHashBuilder, Lifecycle, UnitWeighter};
use ring::digest::{SHA256, SHA256_OUTPUT_LEN, digest};

use super::claims::Claims;
use super::issuers::Trusted;
use crate::clock::Timestamp;
use crate::jwks::{Lookup, VerifyingKey};

/// Longer tokens are verified each time: few are, and memory is bounded by it.
const MAX_TOKEN: usize = 4 * 1024;
const MAX_LIFE: Duration = Duration::from_secs(5 * 60);

/// The SHA-256 of a whole token. The token itself is a secret and is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Digest([u8; SHA256_OUTPUT_LEN]);

/// A token that passed every check.
struct Entry {
    claims: Arc<Claims>,
    trusted: Arc<Trusted>,
    key: Arc<VerifyingKey>,
    since: Timestamp,
    until: Timestamp,
}

/// The verified tokens of one verifier: another one, with other rules, has a cache of its own.
pub(super) struct TokenCache {
    entries: Cache<Digest, Arc<Entry>, UnitWeighter, DefaultHashBuilder, CountEvicted>,
    counters: Counters,
}

#[derive(Clone, Debug, Default)]
struct Counters {
    hit: Counter,
    miss: Counter,
    stale_generation: Counter,
    evicted: Counter,
}

#[derive(Clone)]
struct CountEvicted(Counter);

impl Lifecycle<Digest, Arc<Entry>> for CountEvicted {
    type RequestState = ();

    fn on_evict(&self, (): &mut (), _: Digest, _: Arc<Entry>) {
        self.0.inc();
    }
}

impl TokenCache {
    /// Room for so many tokens.
    pub(super) fn new(tokens: usize) -> Self {
        let counters = Counters::default();
        let evicted = CountEvicted(counters.evicted.clone());
        let entries =
            Cache::with(tokens, tokens as u64, UnitWeighter, DefaultHashBuilder::default(), evicted);
        Self { entries, counters }
    }

    /// What `token` is known by; `None`: it is too long to be kept.
    pub(super) fn digest(token: &str) -> Option<Digest> {
        if token.len() > MAX_TOKEN {
            return None;
        }
        let mut bytes = [0; SHA256_OUTPUT_LEN];
        bytes.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        Some(Digest(bytes))
    }

    /// The claims of a token that was verified before, if its issuer still has the key and its time is not over.
    pub(super) fn get(&self, token: &Digest, now: Timestamp) -> Option<Arc<Claims>> {
        let Some(entry) = self.entries.get(token) else {
            self.counters.miss.inc();
            return None;
        };
        let same_key = match entry.trusted.keys.lookup(entry.key.kid()) {
            Lookup::Found(key) => Arc::ptr_eq(&key, &entry.key) || *key == *entry.key,
            Lookup::Unknown | Lookup::Unavailable { .. } => false,
        };
        // A clock that was set back makes the entry one of the future: nothing is known of that time.
        if same_key && (entry.since..entry.until).contains(&now) {
            self.counters.hit.inc();
            return Some(Arc::clone(&entry.claims));
        }
        let counter = if same_key { &self.counters.miss } else { &self.counters.stale_generation };
        counter.inc();
        self.entries.remove(token);
        None
    }

    /// Remembers a token that passed every check, until `end` at most.
    pub(super) fn insert(
        &self,
        token: Digest,
        claims: &Arc<Claims>,
        (trusted, key): (&Arc<Trusted>, &Arc<VerifyingKey>),
        now: Timestamp,
        end: Timestamp,
    ) {
        let (claims, trusted, key) = (Arc::clone(claims), Arc::clone(trusted), Arc::clone(key));
        let entry = Entry { claims, trusted, key, since: now, until: end.min(now + MAX_LIFE) };
        self.entries.insert(token, Arc::new(entry));
    }

    /// Shows how well it does.
    pub(super) fn register(&self, registry: &mut Registry) {
        let Counters { hit, miss, stale_generation, evicted } = self.counters.clone();
        registry.register("token_cache_hit", "Tokens that were verified a moment ago", hit);
        registry.register("token_cache_miss", "Tokens that were not, or whose entry has ended", miss);
        let help = "Tokens whose key has left the key set, or cannot be trusted now";
        registry.register("token_cache_stale_generation", help, stale_generation);
        registry.register("token_cache_evicted", "Tokens that made room for others", evicted);
    }
}

impl fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenCache").field("entries", &self.entries.len()).finish_non_exhaustive()
    }
}
