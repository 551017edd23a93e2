//! Accounts: who they are, what they may do, and what their owners may change.

pub mod change;
pub mod me;
pub mod password;
pub mod register;
mod roles;
pub mod store;
pub mod transfer;
mod username;

pub use roles::{Role, Roles};
pub use username::{Username, as_typed};
