//! Verification keys: a parsed set that never changes, and where the current one comes from.

mod absent;
mod cache;
mod fetch;
mod fetcher;
mod freshness;
mod metrics;
mod remote;
mod snapshot;
mod source;

pub use fetch::{Conditions, FetchError, Fetched, HttpTransport, Transport};
pub use freshness::{Freshness, State};
pub use remote::{JwksStatus, RemoteJwks, RemoteJwksSettings};
pub use snapshot::{KeySnapshot, MAX_USABLE, SetError, VerifyingKey, thumbprint};
pub use source::{KeySource, LocalKeys, Lookup};
