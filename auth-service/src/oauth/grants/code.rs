//! `grant_type=authorization_code` (RFC 6749 §4.1.3).

use shared::database::{retry_read, retry_write};
use uuid::Uuid;

use super::opening::{Opening, open};
use crate::audit::{Actor, Event, Kind, Transaction};
use crate::clients::Client;
use crate::entity::{account, one_time as row, session};
use crate::oauth::authorize::code::CodeGrant;
use crate::oauth::error::{OAuthError, Refusal};
use crate::oauth::one_time::{self, Kind as Text};
use crate::oauth::parameters::Parameters;
use crate::oauth::pkce;
use crate::oauth::token::{Extras, Granted, sign};
use crate::sessions;
use crate::state::{App, AppState};

/// One answer for codes that are unknown, used, expired, or another client's.
const NOT_GOOD: Refusal = Refusal::grant("the code is unknown, expired or used, or not for this client");

/// Exchanges a code for the tokens of a new session.
///
/// # Errors
/// The code is not good, or is not this client's.
pub(in crate::oauth) async fn redeem(
    app: &AppState,
    client: &Client,
    who: &sessions::Client,
    form: &Parameters,
) -> Result<Granted, OAuthError> {
    let code = form.need("code", "code is missing")?;
    let verifier = form.need("code_verifier", "code_verifier is missing: PKCE is for every client")?;
    let hash = one_time::hash(Text::Code, code);
    let row = retry_read(|| one_time::find(&app.database, &hash)).await?;
    // Another client's attempt burns nothing: it may be the thief's.
    let row = row.filter(|row| row.client_id == client.id.as_str()).ok_or(NOT_GOOD)?;
    let grant: CodeGrant = one_time::data(&row)?;
    // Also of a code that was used: who finds one in a log shall not be able to sign people out with it.
    if !pkce::proves(verifier, &grant.code_challenge) {
        return Err(Refusal::grant("code_verifier is not what the code_challenge was made from").into());
    }
    if row.used_at.is_some() {
        punish(app, who, &row).await?;
        return Err(NOT_GOOD.into());
    }
    if form.get("redirect_uri")? != grant.redirect_uri.as_deref() && grant.redirect_uri.is_some() {
        return Err(Refusal::grant("redirect_uri is not the one of the authorization request").into());
    }
    let session_id = app.random.uuid_at(app.clock.now());
    let opened = retry_write(|| use_up(app, client, who, &hash, &grant, session_id)).await?;
    let Some((account, session)) = opened else {
        // Somebody was faster. If it was with this very code, both are stopped.
        if let Some(row) = retry_read(|| one_time::find(&app.database, &hash)).await? {
            punish(app, who, &row).await?;
        }
        return Err(NOT_GOOD.into());
    };
    let extras = Extras { nonce: grant.nonce, claims: grant.claims.id_token, fresh: true };
    Ok(sign(app, client, account, session.clone(), session, extras).await?)
}

/// Uses the code up and opens its session, in one transaction.
async fn use_up(
    app: &App,
    client: &Client,
    who: &sessions::Client,
    hash: &str,
    grant: &CodeGrant,
    session_id: Uuid,
) -> Result<Option<(account::Model, session::Model)>, OAuthError> {
    let opening = Opening {
        session_id,
        account_id: grant.account_id,
        sign_in_id: grant.sign_in_id,
        auth_time: grant.auth_time,
        scope: &grant.scope,
        resource: &grant.resource,
        claims: &grant.claims.userinfo,
        by_consent: grant.by_consent,
    };
    let mut transaction = Transaction::begin(&app.database).await?;
    if !one_time::use_up(&*transaction, hash, Some(session_id), app.clock.now()).await? {
        return Ok(None);
    }
    let opened = open(app, &mut transaction, client, who, &opening).await?;
    if opened.is_some() {
        transaction.commit().await?;
    }
    Ok(opened)
}

/// A code that was used twice was stolen from the one or the other: what it has opened is ended (RFC 6749 §4.1.2).
async fn punish(app: &App, who: &sessions::Client, row: &row::Model) -> Result<(), OAuthError> {
    let Some(session_id) = row.session_id else { return Ok(()) };
    let grant: CodeGrant = one_time::data(row)?;
    let end = || async {
        let now = app.clock.now();
        let mut transaction = Transaction::begin(&app.database).await?;
        if sessions::store::end(&*transaction, grant.account_id, session_id, now).await? {
            let event = Event::new(Kind::CodeReused, Actor::Unknown(who.ip)).refused();
            let event = event.account(grant.account_id).session(session_id).detail(row.client_id.clone());
            transaction.record(now, event).await?;
            transaction.commit().await?;
        }
        Ok::<_, OAuthError>(())
    };
    retry_write(end).await
}
