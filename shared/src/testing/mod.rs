//! What the tests of a service need: an issuer that can fail, tokens of any shape, a clock that stands still, and the
//! attacks that a guarded service must withstand.

mod caller;
mod clock;
pub mod conformance;
#[cfg(feature = "service")]
mod database;
mod description;
pub mod forge;
mod issuer;
mod key;
mod log;
mod proof;
#[cfg(feature = "service")]
mod statements;
mod texts;
mod token;
mod weak;

pub use caller::{Answer, Caller};
pub use clock::FakeClock;
#[cfg(feature = "service")]
pub use database::{new_database, new_shared_database};
pub use description::check_description;
pub use issuer::{Fault, MockIssuer};
pub use key::TestKey;
pub use proof::ProofKey;
#[cfg(feature = "service")]
pub use statements::Statements;
pub use texts::check_texts;
pub use token::TokenBuilder;
