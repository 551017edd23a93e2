//! A session that a person has let a client open.

use uuid::Uuid;

use crate::audit::{Actor, Event, Kind, Transaction};
use crate::clients::{Client, GrantType};
use crate::entity::session::Origin;
use crate::entity::{account, session};
use crate::error::Error;
use crate::oauth::authorize::within;
use crate::oauth::consent::{self, Allowance, elsewhere};
use crate::oauth::scope::still_registered;
use crate::oauth::token::{access_token_ttl, session_ttl};
use crate::state::App;
use crate::tokens::scope::{contains, filter};
use crate::{accounts, sessions};

/// What a person has let a client have.
#[derive(Clone, Debug)]
pub(super) struct Opening<'a> {
    pub(super) session_id: Uuid,
    pub(super) account_id: Uuid,
    /// Their session in the browser.
    pub(super) sign_in_id: Uuid,
    pub(super) auth_time: i64,
    pub(super) scope: &'a str,
    pub(super) resource: &'a str,
    pub(super) claims: &'a str,
    /// Whether it counts only while the person's consent is remembered.
    pub(super) by_consent: bool,
}

/// Opens the session, with what the person could give and the client may have now. `None`: the account may not sign in any
/// more, the session of the browser is over, the consent was taken back, or so were all resources.
///
/// A scenario: somebody ends all their sessions while a client redeems its code. Both rows are held until the transaction
/// ends, so whoever ends them either came before, and nothing is opened; or comes after, and ends this one as well.
///
/// # Errors
/// The database's.
pub(super) async fn open(
    app: &App,
    transaction: &mut Transaction,
    client: &Client,
    who: &sessions::Client,
    opening: &Opening<'_>,
) -> Result<Option<(account::Model, session::Model)>, Error> {
    let now = app.clock.now();
    accounts::store::lock(&**transaction, [opening.account_id]).await?;
    if !sessions::store::hold(&**transaction, opening.sign_in_id, now).await? {
        return Ok(None);
    }
    let account = accounts::store::find(&**transaction, opening.account_id).await?;
    let Some(account) = account.filter(|account| account.disabled_at.is_none()) else { return Ok(None) };
    if opening.by_consent {
        let allowed = consent::allowed(&**transaction, account.id, &client.id).await?;
        let asked = Allowance { scope: opening.scope, resource: elsewhere(app, opening.resource) };
        if !allowed.is_some_and(|row| row.covers(asked)) {
            return Ok(None);
        }
    }
    let Some(resource) = still_registered(&app.config, client, opening.resource) else { return Ok(None) };
    // Without a refresh token, nothing is left of the session once its access token has ended.
    let lasts = match client.may_use(GrantType::RefreshToken) {
        true => session_ttl(app, client),
        false => access_token_ttl(app, client),
    };
    let expires_at = now + lasts;
    let session = session::Model {
        id: opening.session_id,
        account_id: account.id,
        client_id: client.id.to_string(),
        origin: Origin::OAuth,
        scope: filter(&within(opening.scope, &account), |name| contains(&client.scope, name)),
        resource,
        auth_time: opening.auth_time,
        generation: 1,
        rotated_at: now.millis(),
        created_at: now.millis(),
        last_used_at: now.millis(),
        expires_at: expires_at.millis(),
        idle_expires_at: (now + app.config.session_idle_ttl).min(expires_at).millis(),
        revoked_at: None,
        user_agent: who.user_agent.clone(),
        ip: who.ip.to_string(),
        sign_in_id: Some(opening.sign_in_id),
        claims: opening.claims.to_owned(),
    };
    let actor = Actor::Account(account.id, who.ip);
    sessions::room::make(transaction, &session, app.config.sessions_per_account, actor).await?;
    sessions::store::open(&**transaction, &session).await?;
    let event = Event::new(Kind::SessionOpened, actor).session(session.id);
    transaction.record(now, event.detail(format!("{}: {}", client.id, session.scope))).await?;
    Ok(Some((account, session)))
}
