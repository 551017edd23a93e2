//! Authorization codes: for one client, one redirect URI and one challenge, once, for a minute (RFC 9700 §2.1.1, §4.5).

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::request::{AskedClaims, AuthorizationRequest};
use crate::audit::{Actor, Event, Kind, Transaction};
use crate::clients::Client;
use crate::error::Error;
use crate::oauth::browser::SignedIn;
use crate::oauth::{consent, one_time};
use crate::state::App;
use crate::{accounts, sessions};

/// How long a client may take to redeem a code.
const LASTS: Duration = Duration::from_secs(60);

/// What a code stands for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CodeGrant {
    /// Where it was sent, if the request named that.
    pub(crate) redirect_uri: Option<String>,
    pub(crate) scope: String,
    pub(crate) resource: String,
    pub(crate) nonce: Option<String>,
    pub(crate) code_challenge: String,
    pub(crate) claims: AskedClaims,
    pub(crate) account_id: Uuid,
    /// The session of the browser: once it is over, the code is worth nothing.
    pub(crate) sign_in_id: Uuid,
    pub(crate) auth_time: i64,
    /// Whether it counts only while the person's consent is remembered.
    #[serde(default)]
    pub(crate) by_consent: bool,
}

/// Keeps what `code` stands for, and, where somebody was `asked`, what they have allowed. `false`: their session is over.
///
/// # Errors
/// The database's.
pub(super) async fn issue(
    app: &App,
    client: &Client,
    request: &AuthorizationRequest,
    signed_in: &SignedIn,
    asked: bool,
    code: &str,
    ip: IpAddr,
) -> Result<bool, Error> {
    let (account, session, now) = (&signed_in.account, &signed_in.session, app.clock.now());
    let grant = CodeGrant {
        redirect_uri: request.redirect_uri_named.then(|| request.redirect_uri.clone()),
        scope: request.scope.clone(),
        resource: request.resource.clone(),
        nonce: request.nonce.clone(),
        code_challenge: request.code_challenge.clone(),
        claims: request.claims.clone(),
        account_id: account.id,
        sign_in_id: session.id,
        auth_time: session.auth_time,
        by_consent: asked || !client.first_party,
    };
    let mut transaction = Transaction::begin(&app.database).await?;
    if asked {
        accounts::store::lock(&*transaction, [account.id]).await?;
    }
    if !sessions::store::hold(&*transaction, session.id, now).await? {
        return Ok(false);
    }
    if asked {
        let allowance = request.allowance(app);
        consent::remember(&*transaction, account.id, &client.id, allowance, now).await?;
        let event = Event::new(Kind::ConsentGranted, Actor::Account(account.id, ip)).session(session.id);
        let detail = format!("{}: {} {}", client.id, allowance.scope, allowance.resource);
        transaction.record(now, event.detail(detail.trim_end())).await?;
    }
    let hash = one_time::hash(one_time::Kind::Code, code);
    one_time::keep(&*transaction, &hash, &client.id, &grant, now + LASTS).await?;
    transaction.commit().await?;
    Ok(true)
}
