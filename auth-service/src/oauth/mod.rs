//! What the standards put under `/.well-known`, and the pages that people see.

pub mod discovery;
pub mod jwks;
pub mod pages;
