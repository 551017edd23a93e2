//! The ways to come by tokens, one a file.

pub(super) mod client_credentials;
pub(super) mod code;
pub(super) mod device;
pub(super) mod opening;
pub(super) mod refresh;
