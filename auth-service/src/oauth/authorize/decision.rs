//! What comes next for an authorization request: a pure function of what is asked and what is known.

use shared::clock::Timestamp;

use super::request::AuthorizationRequest;
use crate::oauth::browser::SignedIn;
use crate::oauth::error::{Code, Refusal};

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Somebody has to sign in.
    SignIn,
    /// Somebody has to be asked.
    Consent,
    /// The client gets its code.
    Grant,
}

/// Decides. `known`: this client may have all of it without a question, as it is the operator's own or the person has allowed
/// it before, and no other program can be the one that asks.
///
/// # Errors
/// Something has to be shown, and the client asked that nothing is; or somebody else is meant.
pub(super) fn next(
    request: &AuthorizationRequest,
    sign_in: Option<&SignedIn>,
    known: bool,
    now: Timestamp,
) -> Result<Next, Refusal> {
    let fresh = |signed_in: &&SignedIn| {
        let age = now.since(Timestamp::from_millis(signed_in.session.auth_time));
        request.max_age.is_none_or(|most| age.as_secs() <= most)
            && request.account.is_none_or(|account| account == signed_in.account.id)
    };
    if request.prompt.login || sign_in.filter(fresh).is_none() {
        let refusal = Refusal::new(Code::LoginRequired, "somebody has to sign in");
        return if request.prompt.none { Err(refusal) } else { Ok(Next::SignIn) };
    }
    if request.prompt.consent || !known {
        let refusal = Refusal::new(Code::ConsentRequired, "somebody has to be asked");
        return if request.prompt.none { Err(refusal) } else { Ok(Next::Consent) };
    }
    Ok(Next::Grant)
}
