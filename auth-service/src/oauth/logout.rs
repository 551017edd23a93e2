//! `GET` and `POST /oauth2/logout` (OpenID Connect RP-Initiated Logout): a client asks that somebody be signed out here.

use std::net::IpAddr;

use axum::extract::State;
use axum::response::Response;
use http::Uri;
use serde::{Deserialize, Serialize};
use shared::database::retry_write;
use shared::http::ClientAddress;
use url::form_urlencoded;
use uuid::Uuid;

use super::authorize::request::{locales, state};
use super::authorize::{Stop, again, see_other, stopped, with_cookies, with_query};
use super::browser::{Browser, SignedIn, sign_out_cookie};
use super::error::{OAuthError, Refusal};
use super::pages::{SignOut, SignOutDone, TroubleKind};
use super::parameters::{Form, Parameters};
use super::sign_in::STALE;
use crate::audit::{Actor, Event, Kind, Transaction};
use crate::clients::{self, Client};
use crate::error::Error;
use crate::sessions;
use crate::state::{App, AppState};

const TICKET: &str = "sign out";

/// Where somebody goes once they are signed out.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Afterwards {
    /// An address that the client has registered, with its `state`.
    address: Option<String>,
    session_id: Option<Uuid>,
    ui_locales: Option<String>,
}

/// Signs out, or asks whether to.
pub async fn logout(
    State(app): State<AppState>,
    browser: Browser,
    ClientAddress(ip): ClientAddress,
    uri: Uri,
) -> Response {
    let parameters = match Parameters::parse(uri.query().unwrap_or_default().as_bytes()) {
        Ok(parameters) => parameters,
        Err(refusal) => return stopped(&app, &browser, None, refusal.into()),
    };
    let outcome = begin(&app, &browser, &parameters, ip).await;
    let locales = parameters.get("ui_locales").ok().flatten();
    outcome.unwrap_or_else(|stop| stopped(&app, &browser, locales, stop))
}

/// The same from a form: see [`super::authorize::authorize_by_form`].
///
/// # Errors
/// It is too long.
pub async fn logout_by_form(Form(parameters): Form) -> Result<Response, OAuthError> {
    const TOO_LONG: Refusal = Refusal::request("the request is longer than 8 KiB");
    again("/oauth2/logout", &parameters, TOO_LONG)
}

async fn begin(app: &App, browser: &Browser, parameters: &Parameters, ip: IpAddr) -> Result<Response, Stop> {
    const NOT_OURS: Stop = Stop::Here(TroubleKind::BadRequest, "the id_token_hint is no ID token of ours");
    let hint = match parameters.get("id_token_hint")? {
        Some(token) => Some(app.id_token_hint(token).ok_or(NOT_OURS)?),
        None => None,
    };
    let named = parameters.get("client_id")?;
    if let (Some(hint), Some(named)) = (&hint, named)
        && hint.client_id != named
    {
        return Err(Stop::Here(
            TroubleKind::BadRequest,
            "id_token_hint and client_id name different clients",
        ));
    }
    let id = named.or(hint.as_ref().map(|hint| hint.client_id.as_str()));
    let client = match id {
        Some(id) => clients::find(app, id).await?,
        None => None,
    };
    // Nobody is sent to a stranger's page for having followed a link: see `Answer::unasked`. A hint changes nothing: the
    // stranger may have had an ID token of their own.
    let told = client.as_ref().filter(|client| !client.self_registered || browser.sign_in.is_some());
    let state = state(parameters)?;
    let address = told.and_then(|client| {
        registered(client, parameters.get("post_logout_redirect_uri").ok().flatten()?, state)
    });
    let afterwards = Afterwards {
        address,
        session_id: browser.sign_in.as_ref().map(|signed_in| signed_in.session.id),
        ui_locales: parameters.get("ui_locales")?.map(locales),
    };
    match &browser.sign_in {
        None => Ok(done(app, browser, &afterwards)),
        // The client has had an ID token of this very session: nobody else would have sent somebody here with it.
        Some(signed_in) if hint.is_some_and(|hint| hint.session_id == signed_in.session.id) => {
            sign_out(app, signed_in, ip).await?;
            Ok(done(app, browser, &afterwards))
        }
        Some(signed_in) => Ok(ask(app, browser, &afterwards, signed_in)?),
    }
}

/// The address where it is registered; any other is ignored.
fn registered(client: &Client, asked: &str, state: Option<&str>) -> Option<String> {
    if !client.post_logout_redirect_uris.iter().any(|registered| registered.matches(asked)) {
        return None;
    }
    let Some(state) = state else { return Some(asked.to_owned()) };
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("state", state).finish();
    Some(with_query(asked, &query))
}

fn ask(
    app: &App,
    browser: &Browser,
    afterwards: &Afterwards,
    signed_in: &SignedIn,
) -> Result<Response, Error> {
    let (ticket, cookie) = browser.ticket(app, TICKET, afterwards)?;
    let page =
        SignOut { action: "/oauth2/logout/confirm", ticket: &ticket, username: &signed_in.account.username };
    let target = afterwards.address.as_deref().unwrap_or_default();
    Ok(with_cookies(page.respond(browser.language(afterwards.ui_locales.as_deref()), &[target]), cookie))
}

/// Takes the answer.
pub async fn confirm(
    State(app): State<AppState>,
    browser: Browser,
    ClientAddress(ip): ClientAddress,
    Form(form): Form,
) -> Response {
    let outcome = take(&app, &browser, &form, ip).await;
    outcome.unwrap_or_else(|stop| stopped(&app, &browser, None, stop))
}

async fn take(app: &App, browser: &Browser, form: &Parameters, ip: IpAddr) -> Result<Response, Stop> {
    let afterwards: Afterwards = browser.redeem(app, TICKET, form.get("ticket")?).map_err(|_| STALE)?;
    let stays = form.get("decision")? != Some("sign_out");
    match browser.sign_in.as_ref().filter(|signed_in| Some(signed_in.session.id) == afterwards.session_id) {
        Some(_) if stays => match &afterwards.address {
            Some(address) => Ok(see_other(address)),
            None => {
                let language = browser.language(afterwards.ui_locales.as_deref());
                Ok(SignOutDone { signed_out: false }.respond(language, &[]))
            }
        },
        Some(signed_in) => {
            sign_out(app, signed_in, ip).await?;
            Ok(done(app, browser, &afterwards))
        }
        None => Ok(done(app, browser, &afterwards)),
    }
}

/// Ends the session of the browser, and what was opened from it.
async fn sign_out(app: &App, signed_in: &SignedIn, ip: IpAddr) -> Result<(), Error> {
    let (account, session) = (&signed_in.account, &signed_in.session);
    let end = || async {
        let now = app.clock.now();
        let mut transaction = Transaction::begin(&app.database).await?;
        if sessions::store::end(&*transaction, account.id, session.id, now).await? {
            let ended = sessions::store::end_opened_from(&*transaction, account.id, session.id, now).await?;
            let event = Event::new(Kind::SessionEnded, Actor::Account(account.id, ip)).session(session.id);
            transaction
                .record(now, event.detail(format!("signed out, with sessions opened from it: {ended}")))
                .await?;
            transaction.commit().await?;
        }
        Ok(())
    };
    retry_write(end).await
}

fn done(app: &App, browser: &Browser, afterwards: &Afterwards) -> Response {
    let response = match &afterwards.address {
        Some(address) => see_other(address),
        None => {
            let language = browser.language(afterwards.ui_locales.as_deref());
            SignOutDone { signed_out: true }.respond(language, &[])
        }
    };
    let (_, cookie) = sign_out_cookie(app);
    with_cookies(response, [cookie])
}
