//! The pages of the provider: server-rendered, in two languages, and whole without JavaScript.
//!
//! Each page is a struct of what it shows; `respond` makes the answer. All forms post to their `action` and carry
//! their `ticket`; which button was pressed is in `decision`. Names and codes are data and are escaped.

mod consent;
mod device;
mod document;
mod language;
mod sign_in;
mod sign_out;
mod texts;
mod trouble;

pub use consent::Consent;
pub use device::{DeviceCode, DeviceDone, DeviceFailure};
pub use language::Language;
pub use sign_in::{SignIn, SignInFailure};
pub use sign_out::{SignOut, SignOutDone};
pub use trouble::{Trouble, TroubleKind};

#[cfg(test)]
mod tests;
