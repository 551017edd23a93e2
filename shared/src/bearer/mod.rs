//! RFC 6750 on axum and tower: who calls, and what they may do, decided before a body is read.
//!
//! ```no_run
//! # use axum::{Router, routing::get};
//! # use shared::bearer::{Bearer, Principal};
//! # fn verifier() -> shared::token::TokenVerifier { unimplemented!() }
//! let bearer = Bearer::new(verifier(), "notes");
//! let app: Router = Router::new()
//!     .route("/me", get(|caller: Principal| async move { caller.claims().sub.clone() }).layer(bearer.any_token()))
//!     .route("/notes", get(|| async { "…" }).layer(bearer.scope("notes:read")));
//! ```

mod challenge;
mod credentials;
mod extract;
mod layer;

pub use challenge::Challenge;
pub use credentials::bearer_token;
pub use extract::Principal;
pub use layer::{Authenticate, Bearer, BearerLayer};
