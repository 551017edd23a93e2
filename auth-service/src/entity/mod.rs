//! The tables.

pub mod account;
pub mod audit_event;
pub mod client;
pub mod client_origin;
pub mod consent;
pub mod device_code;
pub mod one_time;
pub mod session;
pub mod signing_key;
pub mod throttle;
