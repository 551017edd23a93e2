//! What the tests of a service need: an issuer that can fail, tokens of any shape, and a clock that stands still.

mod caller;
mod clock;
mod database;
mod issuer;
mod statements;
mod token;

pub use caller::{Answer, Caller};
pub use clock::FakeClock;
pub use database::{new_database, new_shared_database};
pub use issuer::{Fault, MockIssuer};
pub use statements::Statements;
pub use token::{TestKey, TokenBuilder};
