//! The rules for one token: how it is written, who may have signed it, what it must say.

mod builder;
mod cache;
mod claims;
mod compact;
mod introspection;
mod issuers;
mod object;
mod rejection;
mod verifier;

pub use builder::TokenVerifierBuilder;
pub use claims::{Claims, Confirmation, Scope};
pub use compact::{Compact, MAX_SIGNATURE, TokenType};
pub(crate) use compact::{is_kid, text as json_text};
pub use introspection::Introspection;
pub use object::{Malformed, members};
pub use rejection::{Needed, Outcome, Rejection, StepUp};
pub use verifier::TokenVerifier;
