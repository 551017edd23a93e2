//! Whose tokens are taken, and with whose keys.
//!
//! A scenario for why each issuer has keys of its own: a service takes tokens of two issuers, and one of them is broken
//! into. Were all keys in one set, its key would sign tokens in the name of the other one as well (RFC 8725 §3.8).

use std::fmt;
use std::sync::Arc;

use super::claims::Claims;
use super::compact::Compact;
use super::rejection::Rejection;
use crate::jwks::{KeySource, Lookup};

/// One issuer with the keys that may sign in its name.
pub(super) struct Trusted {
    pub(super) issuer: String,
    pub(super) keys: Arc<dyn KeySource>,
}

impl Trusted {
    /// The key of that name; without a name, the only key there is.
    pub(super) fn lookup(&self, kid: &str) -> Lookup {
        if kid.is_empty() { self.keys.only() } else { self.keys.lookup(kid) }
    }
}

impl fmt::Debug for Trusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Trusted").field(&self.issuer).finish()
    }
}

/// All whose tokens are taken: at least one, each named once.
#[derive(Debug)]
pub(super) struct Issuers(pub(super) Vec<Arc<Trusted>>);

impl Issuers {
    /// Whose keys the token is to be checked with. Who it says has signed it only picks among those who are trusted
    /// anyway: nobody else is asked, or fetched from.
    pub(super) fn of(&self, token: &Compact<'_>) -> Result<&Arc<Trusted>, Rejection> {
        if let [only] = &self.0[..] {
            return Ok(only);
        }
        let payload = token.unverified_payload()?;
        let claimed = Claims::unverified_issuer(&payload).ok_or(Rejection::Issuer)?;
        self.0.iter().find(|trusted| trusted.issuer == claimed).ok_or(Rejection::Issuer)
    }
}
