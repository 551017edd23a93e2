//! OAuth 2.1 and OpenID Connect: a folder or file for each endpoint.
//!
//! | endpoint | where |
//! |---|---|
//! | `/.well-known/*` | [`discovery`], [`jwks`] |
//! | `/oauth2/authorize`, `/oauth2/sign-in`, `/oauth2/consent` | [`authorize`], [`sign_in`], [`consent`] |
//! | `/oauth2/par`, `/oauth2/register` | [`pushed`], [`register`] |
//! | `/oauth2/token` | [`token`] and a file in `grants` for each grant |
//! | `/oauth2/device_authorization`, `/oauth2/device` | [`device`] |
//! | `/oauth2/userinfo`, `/oauth2/introspect`, `/oauth2/revoke` | [`userinfo`], [`introspect`], [`revoke`] |
//! | `/oauth2/logout` | [`logout`] |
//!
//! What they share: `client_auth` (who asks), `browser` (who sits in front of it), `scope`, `pkce`, `one_time` (codes),
//! `error` (RFC 6749 §5.2), and the pages.

pub mod authorize;
pub mod browser;
mod client_auth;
pub mod consent;
pub mod cors;
pub mod device;
pub mod discovery;
pub mod error;
pub mod forms;
mod grants;
pub mod introspect;
pub mod jwks;
pub mod logout;
pub mod one_time;
pub mod pages;
pub mod parameters;
mod pkce;
pub mod pushed;
pub mod register;
pub mod revoke;
mod scope;
pub mod sign_in;
pub mod token;
pub mod userinfo;
