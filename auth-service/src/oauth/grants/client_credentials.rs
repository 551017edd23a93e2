//! `grant_type=client_credentials` (RFC 6749 §4.4): a client acts for itself.

use crate::audit::{Actor, Event, Kind};
use crate::clients::Client;
use crate::error::Error;
use crate::oauth::error::{Code, OAuthError, Refusal};
use crate::oauth::parameters::Parameters;
use crate::oauth::scope;
use crate::oauth::token::{Granted, access_token_ttl};
use crate::sessions;
use crate::state::AppState;
use crate::tokens::mint::{self, AccessGrant};
use crate::tokens::scope::{filter, is_identity, is_own};

/// Signs an access token for the client itself. There is no session and nothing to refresh: it asks again.
///
/// # Errors
/// The client cannot keep a secret, or asks for more than it may have.
pub(in crate::oauth) async fn grant(
    app: &AppState,
    client: &Client,
    who: &sessions::Client,
    form: &Parameters,
) -> Result<Granted, OAuthError> {
    if !client.is_confidential() {
        return Err(
            Refusal::new(Code::UnauthorizedClient, "a client that proves nothing acts for nobody").into()
        );
    }
    let asked = scope::granted(client, form.get("scope")?)?;
    // Nobody is signed in whom it could ask about, and administrators are people.
    let scope = filter(&asked, |name| !is_identity(name) && !is_own(name));
    if scope.is_empty() && !asked.is_empty() {
        return Err(Refusal::new(Code::InvalidScope, "nothing of the scope is for clients themselves").into());
    }
    let resource = scope::resource(&app.config, client, form)?;
    let now = app.clock.now();
    let expires_at = now + access_token_ttl(app, client);
    let event =
        Event::new(Kind::ClientToken, Actor::Unknown(who.ip)).detail(format!("{}: {scope}", client.id));
    let (id, allowed) = (client.id.clone(), scope.clone());
    let signed = app.sign(move |app| {
        let (key, jti) = (app.keyring.signing()?, app.random.uuid().to_string());
        let grant = AccessGrant { jti: &jti, now, expires_at, fresh: false };
        let issuer = app.config.issuer.as_str();
        Ok(mint::client_token(&key, issuer, id.as_str(), &allowed, &resource, grant)?)
    });
    let recorded = async { Ok::<_, Error>(app.audit.record(now, event).await?) };
    let (access_token, ()) = tokio::try_join!(signed, recorded)?;
    Ok(Granted {
        access_token,
        token_type: "Bearer",
        expires_in: expires_at.seconds() - now.seconds(),
        scope,
        refresh_token: None,
        id_token: None,
    })
}
