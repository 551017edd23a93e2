//! Tokens that are bound to a key of the client (DPoP, RFC 9449): each request carries a proof of its own, signed with it.
//!
//! A scenario for what each check is there for: somebody reads a request in a log, token, proof and all, and sends it
//! again. To another address or by another method it does not fit (`htu`, `htm`); with another token it does not fit
//! (`ath`); a minute later it is too old (`iat`); and within that minute it has been seen (`jti`).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use url::Url;

use super::Asked;
use super::proof::Proof;
use super::seen::Seen;
use crate::clock::Timestamp;
use crate::token::Rejection;

/// How long a proof is good for, in seconds.
const MAX_AGE: i64 = 60;
/// How far the client's clock may be ahead, in seconds.
const MAX_AHEAD: i64 = 30;

#[derive(Debug)]
pub(in crate::bearer) struct Dpop {
    /// The service as clients call it.
    public_url: Url,
    seen: Seen,
}

impl Dpop {
    pub(in crate::bearer) fn new(public_url: &Url) -> Self {
        Self { public_url: public_url.clone(), seen: Seen::new(MAX_AGE + MAX_AHEAD) }
    }

    /// Whether the request carries a proof for it, made now, with the key of this thumbprint (RFC 9449 §4.3).
    pub(super) fn check(
        &self,
        asked: Asked<'_>,
        token: &str,
        thumbprint: &str,
        now: Timestamp,
    ) -> Result<(), Rejection> {
        let mut values = asked.headers.get_all("dpop").iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(Rejection::Proof("there must be exactly one"));
        };
        let text = value.to_str().map_err(|_| Rejection::Proof("malformed"))?;
        let proof = Proof::verify(text).map_err(Rejection::Proof)?;
        let token_digest = URL_SAFE_NO_PAD.encode(digest(&SHA256, token.as_bytes()));
        let rules = [
            (proof.thumbprint == thumbprint, "signed with another key than the token's"),
            (proof.ath == token_digest, "for another token"),
            (proof.htm == asked.method.as_str(), "for another method"),
            (self.is_addressed(&proof.htu, asked.uri.path()), "for another address"),
            (proof.iat >= now.seconds() - MAX_AGE, "too old"),
            (proof.iat <= now.seconds() + MAX_AHEAD, "from the future"),
        ];
        if let Some((_, broken)) = rules.into_iter().find(|(kept, _)| !kept) {
            return Err(Rejection::Proof(broken));
        }
        self.seen.note(&proof.thumbprint, &proof.jti, now)
    }

    /// Whether `htu` is the address of the request, whatever query and fragment it may have (RFC 9449 §4.3).
    fn is_addressed(&self, htu: &str, path: &str) -> bool {
        let Ok(mut claimed) = Url::parse(htu) else { return false };
        claimed.set_query(None);
        claimed.set_fragment(None);
        let mut asked = self.public_url.clone();
        asked.set_path(&format!("{}{path}", self.public_url.path().trim_end_matches('/')));
        claimed == asked
    }
}
