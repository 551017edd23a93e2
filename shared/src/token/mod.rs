//! The rules for one token: how it is written, who may have signed it, what it must say.

mod claims;
mod compact;
mod object;
mod rejection;
mod verifier;

pub use claims::{Claims, Scope};
pub(crate) use compact::is_kid;
pub use compact::{Compact, TokenType};
pub use object::{Malformed, members};
pub use rejection::{Outcome, Rejection};
pub use verifier::{TokenVerifier, TokenVerifierBuilder};
