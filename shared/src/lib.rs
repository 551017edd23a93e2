//! What a service needs to verify access tokens by itself and to answer well: the token contract and the HTTP edge.
//!
//! | module | what it holds |
//! |---|---|
//! | [`token`] | the rules of RFC 9068 and RFC 8725 for one token, and why one was refused; no HTTP |
//! | [`jwks`] | where verification keys come from: an issuer's JWKS in the background, or this very process |
//! | [`bearer`] | both on an axum router: the tower layer, the [`bearer::Principal`] extractor, RFC 6750 challenges |
//! | [`issuer`], [`misconfigured`] | whose tokens are taken; settings that cannot be used, all named at once |
//! | [`problem`] | errors on the wire (RFC 9457) |
//! | [`clock`], [`random`] | time and randomness as parameters |
//! | `http` | feature `service`: typed request bodies and queries, paging, entity tags, health, serving |
//! | `pages` | feature `service`: web pages in the binary, among them `/docs` |
//! | `command`, `settings`, `secret`, `database`, `telemetry` | feature `service`: what a process needs before it serves |
//! | `doctor` | feature `service`: looks at what a service needs, and says what to do |
//! | `transfer` | feature `service`: files of rows into tables and out of them |
//! | `testing` | feature `testing`: a mock issuer, tokens of any shape, a clock that stands still, and the attacks that a guarded service must withstand |
//!
//! A service that only verifies tokens takes `default-features = false`: the first rows, without databases, command
//! lines and OpenAPI.
//!
//! To enter here, a thing must be used by two services and name nothing of the business of either: no book, no
//! password. What one service alone needs stays there.

#![warn(missing_docs)]

pub mod bearer;
pub mod clock;
#[cfg(feature = "service")]
pub mod command;
#[cfg(feature = "service")]
pub mod database;
#[cfg(feature = "service")]
pub mod doctor;
mod gather;
#[cfg(feature = "service")]
pub mod http;
pub mod issuer;
pub mod jwks;
pub mod misconfigured;
#[cfg(feature = "service")]
pub mod pages;
pub mod problem;
pub mod random;
#[cfg(feature = "service")]
pub mod secret;
#[cfg(feature = "service")]
pub mod settings;
#[cfg(feature = "service")]
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
pub mod token;
#[cfg(feature = "service")]
pub mod transfer;
