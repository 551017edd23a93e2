//! RFC 6750 on axum and tower: who calls, and what they may do, decided before a body is read.
//!
//! ```
//! use axum::{Router, routing::get};
//! use shared::bearer::{Bearer, Principal};
//! use shared::token::TokenVerifier;
//!
//! fn routes(verifier: TokenVerifier) -> Router {
//!     let bearer = Bearer::new(verifier, "notes");
//!     Router::new()
//!         .route("/me", get(me).layer(bearer.any_token()))
//!         .route("/notes", get(|| async { "…" }).layer(bearer.scope("notes:read")))
//! }
//!
//! async fn me(caller: Principal) -> String {
//!     caller.claims().sub.clone()
//! }
//! ```

mod asked;
mod challenge;
mod credentials;
mod extract;
mod form;
mod guard;
mod holder;
mod layer;
mod metadata;
mod metrics;
mod requirement;
mod revocation;

pub use challenge::Challenge;
pub use credentials::bearer_token;
pub use extract::{Admitted, Principal};
pub use layer::{Authenticate, Bearer, BearerLayer};
pub use metadata::ResourceMetadata;
pub use revocation::{RevocationCheck, RevocationUnknown, RevokedTokens, WhenUnknown};
