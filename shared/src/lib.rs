//! What a service needs to verify access tokens by itself and to answer well: the token contract and the HTTP edge.
//!
//! | module | what it holds |
//! |---|---|
//! | [`token`] | the rules of RFC 9068 and RFC 8725 for one token, and why one was refused; no HTTP |
//! | [`jwks`] | where verification keys come from: an issuer's JWKS in the background, or this very process |
//! | [`bearer`] | both on an axum router: the tower layer, the [`bearer::Principal`] extractor, RFC 6750 challenges |
//! | [`http`] | problems (RFC 9457), typed request bodies and queries, paging, entity tags, health, serving |
//! | [`clock`], [`random`] | time and randomness as parameters |
//! | [`command`], [`settings`], [`secret`], [`database`], [`telemetry`] | what a process needs before it serves |
//! | `testing` | feature `testing`: a mock issuer, a token builder, a clock that stands still |
//!
//! To enter here, a thing must be used by two services and name nothing of the business of either: no book, no
//! password. What one service alone needs stays there.

pub mod bearer;
pub mod clock;
pub mod command;
pub mod database;
pub mod http;
pub mod jwks;
pub mod random;
pub mod secret;
pub mod settings;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
pub mod token;
