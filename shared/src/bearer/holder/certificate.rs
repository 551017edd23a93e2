//! Tokens that are bound to the client's TLS certificate (RFC 8705), where a proxy in front ends the TLS.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::ConnectInfo;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::digest::{SHA256, digest};

use super::Asked;
use crate::token::Rejection;

/// As much as proxies pass on.
const MAX_DER: usize = 16 * 1024;

/// Whose word is taken for the certificate of a client.
#[derive(Clone)]
pub(in crate::bearer) struct Certificates(Arc<dyn Fn(IpAddr) -> bool + Send + Sync>);

impl Certificates {
    pub(in crate::bearer) fn vouched_for_by(
        is_trusted: impl Fn(IpAddr) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(is_trusted))
    }

    /// Whether the client showed the certificate of this digest to a proxy that we trust.
    pub(super) fn check(&self, asked: Asked<'_>, expected: &str) -> Result<(), Rejection> {
        let peer = asked.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical());
        // Certificates are public: from anybody else, the header proves nothing.
        if !peer.is_some_and(|peer| (self.0)(peer)) {
            return Err(Rejection::SenderConstrained);
        }
        let der = client_certificate(asked).ok_or(Rejection::SenderConstrained)?;
        let shown = URL_SAFE_NO_PAD.encode(digest(&SHA256, &der));
        if shown == expected { Ok(()) } else { Err(Rejection::SenderConstrained) }
    }
}

/// The one `Client-Cert` (RFC 9440 §2.2): a byte sequence of structured fields, in colons.
fn client_certificate(asked: Asked<'_>) -> Option<Vec<u8>> {
    let mut values = asked.headers.get_all("client-cert").iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let base64 = value.to_str().ok()?.trim().strip_prefix(':')?.strip_suffix(':')?;
    STANDARD.decode(base64).ok().filter(|der| der.len() <= MAX_DER)
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").finish_non_exhaustive()
    }
}
