//! The tables.

pub mod account;
pub mod audit_event;
pub mod session;
pub mod signing_key;
pub mod throttle;
