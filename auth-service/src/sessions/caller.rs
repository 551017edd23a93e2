//! The caller of a route of auth-service's own.

use std::net::IpAddr;

use axum::extract::{FromRef, FromRequestParts};
use http::request::Parts;
use shared::bearer::Principal;
use shared::database::retry_read;
use shared::http::ClientAddress;
use shared::token::{Needed, Rejection};
use uuid::Uuid;

use super::{FIRST_PARTY, store};
use crate::accounts::{Role, Roles};
use crate::audit::{Actor, Event, Kind};
use crate::clients;
use crate::entity::account;
use crate::error::Error;
use crate::state::AppState;

/// Who calls, with a valid access token whose session is not over and whose account is not disabled.
///
/// A resource server takes an access token to its end. Here the rows are at hand, so that a session that was ended
/// cannot change the password with the minutes that its token has left.
#[derive(Debug)]
pub struct Caller {
    /// Whose token it is.
    pub account: account::Model,
    /// The session that the token belongs to.
    pub session_id: Uuid,
    /// What the token says.
    pub principal: Principal,
    /// Where the request comes from.
    pub ip: IpAddr,
}

impl Caller {
    /// The caller as the audit trail names who does something.
    pub fn actor(&self) -> Actor {
        Actor::Account(self.account.id, self.ip)
    }

    /// What the caller does to the own account, from this session.
    pub fn event(&self, kind: Kind) -> Event {
        Event::new(kind, self.actor()).session(self.session_id)
    }
}

impl<S> FromRequestParts<S> for Caller
where
    S: Send + Sync,
    AppState: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let principal = <Principal as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        let app = AppState::from_ref(state);
        let session_id = principal.claims().sid.as_deref().and_then(|sid| Uuid::try_parse(sid).ok());
        let session_id = session_id.ok_or(Rejection::MissingClaim("sid"))?;
        let now = app.clock.now();
        let live = retry_read(|| store::find_live(&app.database, session_id, now)).await?;
        let own = live.filter(|(_, account)| account.id.to_string() == principal.claims().sub);
        let (_, account) = own.ok_or(Rejection::Revoked)?;
        let Ok(ClientAddress(ip)) =
            <ClientAddress as FromRequestParts<S>>::from_request_parts(parts, state).await;
        Ok(Self { account, session_id, principal, ip })
    }
}

/// A caller who manages their own account: with a token of `/login`, or of an application of the operator's own. What others
/// were let in for is in their scopes, and to look at people's sessions or to end them is in none.
#[derive(Debug)]
pub struct Owner(pub Caller);

impl<S> FromRequestParts<S> for Owner
where
    S: Send + Sync,
    AppState: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let caller = Caller::from_request_parts(parts, state).await?;
        let client = &caller.principal.claims().client_id;
        if client == FIRST_PARTY {
            return Ok(Self(caller));
        }
        let app = AppState::from_ref(state);
        match clients::find(&app, client).await?.is_some_and(|client| client.first_party) {
            true => Ok(Self(caller)),
            false => Err(Error::NotYourOwnClient),
        }
    }
}

/// A caller who may administer, by the token and by what the account is now: who was an administrator a minute ago still
/// has a token that says so.
#[derive(Debug)]
pub struct Admin(pub Caller);

/// What administrators' tokens allow.
pub const ADMIN_SCOPE: &str = "auth:admin";

impl<S> FromRequestParts<S> for Admin
where
    S: Send + Sync,
    AppState: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let caller = Caller::from_request_parts(parts, state).await?;
        let granted = caller.principal.claims().scope.contains(ADMIN_SCOPE);
        let is_one = Roles::from_column(&caller.account.roles).contains(Role::Admin);
        match granted && is_one && !caller.account.must_change_password {
            true => Ok(Self(caller)),
            false => Err(Rejection::Scope(Needed::One(ADMIN_SCOPE)).into()),
        }
    }
}
