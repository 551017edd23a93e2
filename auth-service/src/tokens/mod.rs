//! The rules of tokens, keys and sessions. Nothing here knows of HTTP.

pub mod id_token;
pub mod jwt;
pub mod key_change;
mod key_metrics;
mod key_table;
pub mod keyring;
pub mod life;
pub mod mint;
pub mod refresh_token;
pub mod scope;
pub mod sealer;
pub mod session;
pub mod signing_key;
