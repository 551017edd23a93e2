//! Whether the caller holds what the token is bound to (`cnf`, RFC 7800): a token that is stolen alone is then worthless.

mod certificate;
mod dpop;
mod proof;
mod seen;

use std::sync::Arc;

pub(super) use self::certificate::Certificates;
pub(super) use self::dpop::Dpop;
pub(super) use self::proof::ALGORITHMS;
use super::asked::Asked;
use super::credentials::Scheme;
use crate::clock::Timestamp;
use crate::token::{Claims, Confirmation, Rejection};

/// The ways to prove it that the service knows. Without any, a bound token is refused.
#[derive(Clone, Debug, Default)]
pub(super) struct Holder {
    pub(super) dpop: Option<Arc<Dpop>>,
    pub(super) certificates: Option<Certificates>,
}

impl Holder {
    /// Whether the caller may use a token that was found valid otherwise.
    pub(super) fn check(
        &self,
        asked: Asked<'_>,
        (scheme, token): (Scheme, &str),
        claims: &Claims,
        now: impl FnOnce() -> Timestamp,
    ) -> Result<(), Rejection> {
        match (scheme, &claims.confirmation, &self.dpop, &self.certificates) {
            (Scheme::Bearer, None, _, _) => Ok(()),
            (Scheme::Bearer, Some(Confirmation::Certificate(digest)), _, Some(certificates)) => {
                certificates.check(asked, digest)
            }
            (Scheme::Dpop, Some(Confirmation::Key(thumbprint)), Some(dpop), _) => {
                dpop.check(asked, token, thumbprint, now())
            }
            // Also a token for any bearer that comes with a proof: whoever wrote that believes it bound (RFC 9449 §7.1).
            (Scheme::Bearer | Scheme::Dpop, ..) => Err(Rejection::SenderConstrained),
        }
    }
}
