//! Where the verifier asks for keys.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use prometheus_client::registry::Registry;

use super::freshness::State;
use super::snapshot::{KeySnapshot, VerifyingKey};

/// The answer to "which key is called that?".
#[derive(Clone, Debug)]
pub enum Lookup {
    /// This one.
    Found(Arc<VerifyingKey>),
    /// None, as far as is known.
    Unknown,
    /// It cannot be said at the moment.
    Unavailable {
        /// When to ask again.
        retry_after: Duration,
    },
}

/// Keys by name. The verifier knows nothing of where they come from.
pub trait KeySource: Send + Sync + 'static {
    /// Looks a key up in what is known. Never waits.
    fn lookup(&self, kid: &str) -> Lookup;

    /// Looks a key up after asking for news, which the source may decline. Called for unknown names only.
    fn refresh<'a>(&'a self, kid: &'a str) -> Pin<Box<dyn Future<Output = Lookup> + Send + 'a>>;

    /// The only usable key, for tokens that name none. Never waits, never asks for news. `Unknown`: there are several.
    fn only(&self) -> Lookup {
        Lookup::Unknown
    }

    /// What the keys may be used for.
    fn state(&self) -> State;

    /// Adds metrics of its own, where it has some.
    fn register(&self, _registry: &mut Registry) {}
}

/// Keys of this very process: what an issuer verifies its own tokens with. There is no news to ask for.
pub struct LocalKeys(ArcSwap<KeySnapshot>);

impl LocalKeys {
    /// Starts with these keys.
    pub fn new(keys: KeySnapshot) -> Self {
        Self(ArcSwap::from_pointee(keys))
    }

    /// The keys that count now.
    pub fn current(&self) -> Arc<KeySnapshot> {
        self.0.load_full()
    }

    /// From now on these keys count, and no others.
    pub fn replace(&self, keys: KeySnapshot) {
        self.0.store(Arc::new(keys));
    }
}

impl KeySource for LocalKeys {
    fn lookup(&self, kid: &str) -> Lookup {
        self.0.load().get(kid).map_or(Lookup::Unknown, |key| Lookup::Found(Arc::clone(key)))
    }

    fn refresh<'a>(&'a self, _kid: &'a str) -> Pin<Box<dyn Future<Output = Lookup> + Send + 'a>> {
        Box::pin(std::future::ready(Lookup::Unknown))
    }

    fn only(&self) -> Lookup {
        self.0.load().only().map_or(Lookup::Unknown, |key| Lookup::Found(Arc::clone(key)))
    }

    fn state(&self) -> State {
        State::Static
    }
}

impl fmt::Debug for LocalKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LocalKeys").field(&self.0.load()).finish()
    }
}
