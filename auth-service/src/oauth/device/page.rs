//! `GET` and `POST /oauth2/device`, `POST /oauth2/device/decide`: what the person in front of a browser sees.

use axum::extract::State;
use axum::response::Response;
use http::Uri;
use serde::{Deserialize, Serialize};
use shared::database::{retry_read, retry_write};
use shared::http::ClientAddress;
use std::net::IpAddr;
use uuid::Uuid;

use super::code::UserCode;
use super::store;
use crate::audit::{Actor, Event, Kind, Transaction};
use crate::clients;
use crate::error::Error;
use crate::oauth::authorize::{Stop, stopped, with_cookies, within};
use crate::oauth::browser::{Browser, SignedIn};
use crate::oauth::consent;
use crate::oauth::pages::{Consent, DeviceCode, DeviceDone, DeviceFailure, TroubleKind};
use crate::oauth::parameters::{Form, Parameters};
use crate::oauth::sign_in::{self, Errand, STALE};
use crate::state::{App, AppState};
use crate::throttle::Refused;

const ENTER: &str = "enter device code";
const DECIDE: &str = "decide about device";
const GONE: Stop = Stop::Here(TroubleKind::Expired, "the device waits no more");

/// What somebody is asked.
#[derive(Debug, Serialize, Deserialize)]
struct Question {
    hash: String,
    session_id: Uuid,
}

/// Asks for the code that the device shows. Where the address has it already, people still confirm it: it must be the one
/// that they see (RFC 8628 §5.4).
pub async fn show(State(app): State<AppState>, browser: Browser, uri: Uri) -> Response {
    // What is not there is typed in.
    let parameters = Parameters::parse(uri.query().unwrap_or_default().as_bytes()).unwrap_or_default();
    let typed = parameters.get("user_code").ok().flatten().and_then(|text| text.parse::<UserCode>().ok());
    let typed = typed.map(|code| code.to_string()).unwrap_or_default();
    let page = page(&app, &browser, &typed, None);
    page.unwrap_or_else(|error| stopped(&app, &browser, None, error.into()))
}

fn page(
    app: &App,
    browser: &Browser,
    typed: &str,
    failure: Option<DeviceFailure>,
) -> Result<Response, Error> {
    let (ticket, cookie) = browser.ticket(app, ENTER, &())?;
    let page = DeviceCode { action: "/oauth2/device", ticket: &ticket, user_code: typed, failure };
    Ok(with_cookies(page.respond(browser.language(None), &[]), cookie))
}

/// Takes the code.
pub async fn enter(
    State(app): State<AppState>,
    browser: Browser,
    ClientAddress(ip): ClientAddress,
    Form(form): Form,
) -> Response {
    let outcome = take(&app, &browser, &form, ip).await;
    outcome.unwrap_or_else(|stop| stopped(&app, &browser, None, stop))
}

async fn take(app: &App, browser: &Browser, form: &Parameters, ip: IpAddr) -> Result<Response, Stop> {
    let () = browser.redeem(app, ENTER, form.get("ticket")?).map_err(|_| STALE)?;
    let typed = form.get("user_code")?.unwrap_or_default();
    match app.throttle.admit_device_code(&app.database, ip, app.clock.now()).await {
        Ok(()) => {}
        Err(Refused::Wait { wait, .. }) => {
            let failure = DeviceFailure::Throttled { seconds: wait.as_secs().max(1) };
            return Ok(page(app, browser, "", Some(failure))?);
        }
        Err(Refused::Database(error)) => return Err(Error::from(error).into()),
    }
    let waiting = match typed.parse::<UserCode>() {
        Ok(code) => {
            let (hidden, now) = (code.hidden(app), app.clock.now());
            retry_read(|| store::waiting(&app.database, &hidden, now)).await.map_err(Error::from)?
        }
        Err(()) => None,
    };
    let Some(waiting) = waiting else { return Ok(page(app, browser, "", Some(DeviceFailure::Unknown))?) };
    app.throttle.found_device_code(&app.database, ip).await.map_err(Error::from)?;
    match &browser.sign_in {
        Some(signed_in) => ask(app, browser, signed_in, waiting.hash).await,
        None => Ok(sign_in::page(app, browser, None, &Errand::Device(waiting.hash))?),
    }
}

/// Asks whether the device may come in, always: whoever sent the address may have a device of their own in mind.
///
/// # Errors
/// It waits no more, or the ticket of the page cannot be made.
pub(in crate::oauth) async fn ask(
    app: &App,
    browser: &Browser,
    signed_in: &SignedIn,
    hash: String,
) -> Result<Response, Stop> {
    let row = retry_read(|| store::find(&app.database, &hash)).await.map_err(Error::from)?.ok_or(GONE)?;
    let client = clients::find(app, &row.client_id).await?.ok_or(GONE)?;
    let question = Question { hash, session_id: signed_in.session.id };
    let (ticket, cookie) = browser.ticket(app, DECIDE, &question)?;
    let scope = within(&row.scope, &signed_in.account);
    let page = Consent {
        action: "/oauth2/device/decide",
        ticket: &ticket,
        client_name: &client.name,
        client_uri_host: "",
        resource: consent::elsewhere(app, &row.resource),
        self_registered: client.self_registered,
        username: &signed_in.account.username,
        scopes: &scope.split(' ').collect::<Vec<_>>(),
        lasts: consent::lasts(app, &client),
        device: true,
    };
    Ok(with_cookies(page.respond(browser.language(None), &[]), cookie))
}

/// Takes the answer.
pub async fn decide(
    State(app): State<AppState>,
    browser: Browser,
    ClientAddress(ip): ClientAddress,
    Form(form): Form,
) -> Response {
    let outcome = take_answer(&app, &browser, &form, ip).await;
    outcome.unwrap_or_else(|stop| stopped(&app, &browser, None, stop))
}

async fn take_answer(app: &App, browser: &Browser, form: &Parameters, ip: IpAddr) -> Result<Response, Stop> {
    let question: Question = browser.redeem(app, DECIDE, form.get("ticket")?).map_err(|_| STALE)?;
    let asked = browser.sign_in.as_ref().filter(|signed_in| signed_in.session.id == question.session_id);
    let signed_in = asked.ok_or(STALE)?;
    let allowed = form.get("decision")? == Some("allow");
    let decided =
        retry_write(|| note(app, &question.hash, allowed, signed_in, ip)).await.map_err(Error::from)?;
    if !decided {
        return Err(GONE);
    }
    Ok(DeviceDone { allowed }.respond(browser.language(None), &[]))
}

async fn note(
    app: &App,
    hash: &str,
    allowed: bool,
    signed_in: &SignedIn,
    ip: IpAddr,
) -> Result<bool, sea_orm::DbErr> {
    let now = app.clock.now();
    let mut transaction = Transaction::begin(&app.database).await?;
    if !store::decide(&*transaction, hash, allowed, signed_in, now).await? {
        return Ok(false);
    }
    let event = Event::new(Kind::DeviceDecided, Actor::Account(signed_in.account.id, ip));
    let event = event.session(signed_in.session.id);
    transaction.record(now, if allowed { event } else { event.refused() }).await?;
    transaction.commit().await?;
    Ok(true)
}
