//! Accounts, sessions and RS256 tokens.
//!
//! | module | what it holds |
//! |---|---|
//! | [`routes`] | the whole route table, by who may call |
//! | [`accounts`], [`sessions`], [`clients`], [`admin`], [`oauth`] | a folder for each noun of the URLs, a file for each verb |
//! | [`tokens`] | the rules: key life, what tokens say, the generation rule of refresh; no HTTP |
//! | [`passwords`], [`throttle`], [`audit`] | Argon2id with bounded concurrency; slower guessing; the audit trail |
//! | `threads` | where hashes and signatures are computed |
//! | [`maintenance`] | keys that rotate, rows that are swept |
//! | [`entity`], [`migration`] | the tables |
//! | [`config`], [`state`], [`error`], [`openapi`], [`cli`], [`text`] | what surrounds them |

pub mod accounts;
pub mod admin;
pub mod audit;
pub mod cli;
pub mod clients;
pub mod config;
pub mod entity;
pub mod error;
pub mod maintenance;
pub mod migration;
pub mod oauth;
pub mod openapi;
pub mod passwords;
pub mod routes;
pub mod sessions;
pub mod state;
pub mod text;
pub mod throttle;
pub mod tokens;

mod per_minute;
mod service;
mod threads;

pub use service::Service;
