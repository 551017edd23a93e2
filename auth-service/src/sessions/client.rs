//! What a client says of itself, as a session remembers it.

use std::convert::Infallible;
use std::net::IpAddr;

use axum::extract::FromRequestParts;
use http::header::USER_AGENT;
use http::request::Parts;
use shared::http::ClientAddress;

/// The longest text that the table holds.
const MAX_CHARS: usize = 255;

/// Where a client is, and what it calls itself.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its address.
    pub ip: IpAddr,
    /// Its `User-Agent`, cut to what the table holds.
    pub user_agent: String,
}

impl<S: Sync> FromRequestParts<S> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let ClientAddress(ip) = ClientAddress::from_request_parts(parts, state).await?;
        let user_agent = parts.headers.get(USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()));
        let user_agent = user_agent.unwrap_or_default().chars().take(MAX_CHARS).collect();
        Ok(Self { ip, user_agent })
    }
}
