//! What the standards put under `/.well-known`.

pub mod discovery;
pub mod jwks;
