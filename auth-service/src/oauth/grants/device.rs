//! `grant_type=urn:ietf:params:oauth:grant-type:device_code` (RFC 8628 §3.4).

use std::time::Duration;

use shared::clock::Timestamp;
use shared::database::{retry_read, retry_write};
use uuid::Uuid;

use super::opening::{Opening, open};
use crate::audit::Transaction;
use crate::clients::Client;
use crate::entity::{account, device_code, session};
use crate::oauth::device::{self, store};
use crate::oauth::error::{Code, OAuthError, Refusal};
use crate::oauth::parameters::Parameters;
use crate::oauth::token::{Extras, Granted, sign};
use crate::sessions;
use crate::state::{App, AppState};

const NOT_GOOD: Refusal = Refusal::grant("the device code is unknown or used, or not for this client");

/// Answers a device that asks whether somebody has let it in.
///
/// # Errors
/// Nobody has decided yet, it asks too often, it was not let in, or it has waited too long.
pub(in crate::oauth) async fn poll(
    app: &AppState,
    client: &Client,
    who: &sessions::Client,
    form: &Parameters,
) -> Result<Granted, OAuthError> {
    let hash = device::hash(form.need("device_code", "device_code is missing")?);
    let row = retry_read(|| store::find(&app.database, &hash)).await?;
    let row =
        row.filter(|row| row.client_id == client.id.as_str() && row.used_at.is_none()).ok_or(NOT_GOOD)?;
    let now = app.clock.now();
    if now.millis() >= row.expires_at {
        return Err(Refusal::new(Code::ExpiredToken, "the device has waited too long").into());
    }
    match row.allowed {
        None => Err(wait(app, &row, now).await?.into()),
        Some(false) => Err(Refusal::new(Code::AccessDenied, "the person said no").into()),
        Some(true) => {
            let session_id = app.random.uuid_at(now);
            let opened = retry_write(|| use_up(app, client, who, &row, session_id)).await?;
            let (account, session) = opened.ok_or(NOT_GOOD)?;
            let extras = Extras { fresh: true, ..Extras::default() };
            Ok(sign(app, client, account, session.clone(), session, extras).await?)
        }
    }
}

/// How the device is asked to wait: longer each time that it comes too soon, up to a minute.
async fn wait(app: &App, row: &device_code::Model, now: Timestamp) -> Result<Refusal, OAuthError> {
    let waited = now.since(Timestamp::from_millis(row.polled_at));
    let interval = Duration::from_millis(row.poll_interval.unsigned_abs());
    let too_soon = waited < interval;
    if !too_soon || row.poll_interval < store::SLOWEST {
        retry_write(|| store::note_poll(&app.database, row, too_soon, now)).await?;
    }
    Ok(match too_soon {
        true => Refusal::new(Code::SlowDown, "wait five seconds longer from now on"),
        false => Refusal::new(Code::AuthorizationPending, "nobody has decided yet"),
    })
}

async fn use_up(
    app: &App,
    client: &Client,
    who: &sessions::Client,
    row: &device_code::Model,
    session_id: Uuid,
) -> Result<Option<(account::Model, session::Model)>, OAuthError> {
    let (Some(account_id), Some(sign_in_id), Some(auth_time)) =
        (row.account_id, row.sign_in_id, row.auth_time)
    else {
        return Ok(None);
    };
    let opening = Opening {
        session_id,
        account_id,
        sign_in_id,
        auth_time,
        scope: &row.scope,
        resource: &row.resource,
        claims: "",
        by_consent: false,
    };
    let mut transaction = Transaction::begin(&app.database).await?;
    if !store::use_up(&*transaction, &row.hash, app.clock.now()).await? {
        return Ok(None);
    }
    let opened = open(app, &mut transaction, client, who, &opening).await?;
    if opened.is_some() {
        transaction.commit().await?;
    }
    Ok(opened)
}
