//! Sessions: opened by a sign-in, carried on by refresh tokens, ended by their owner or by a thief's mistake.

mod caller;
mod client;
pub mod end;
pub mod list;
pub mod login;
pub mod logout;
pub mod refresh;
pub(crate) mod room;
pub mod store;
mod tokens;

pub use caller::{ADMIN_SCOPE, Admin, Caller, Owner};
pub use client::Client;
pub use login::FIRST_PARTY;
pub use tokens::{AccessToken, TokenResponse};
