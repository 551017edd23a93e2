//! `GET` and `POST /oauth2/authorize`: a client sends somebody here, and gets a code if they agree (RFC 6749 §4.1).

pub(super) mod code;
mod decision;
pub(super) mod request;

use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{LOCATION, SET_COOKIE};
use http::{HeaderValue, StatusCode, Uri};
use shared::database::{retry_read, retry_write};
use shared::http::{ClientAddress, NO_STORE};
use url::form_urlencoded;

use self::decision::{Next, next};
use self::request::AuthorizationRequest;
pub(super) use self::request::within;
use super::browser::{Browser, SignedIn};
use super::consent::{self, ask};
use super::error::{Code, OAuthError, Refusal};
use super::pages::{Trouble, TroubleKind};
use super::parameters::{Form, Parameters};
use super::pushed;
use super::sign_in::{self, Errand};
use crate::clients::{self, Client};
use crate::error::Error;
use crate::state::{App, AppState};
use crate::tokens::scope::is_within;

/// The longest request that a form may bring.
const MAX_QUERY: usize = 8 * 1024;

/// Why an authorization request goes no further.
#[derive(Debug)]
pub(super) enum Stop {
    /// There is no address to send anybody to: it is said here.
    Here(TroubleKind, &'static str),
    /// The client is told.
    Told(Box<Answer>, Refusal),
    /// It is our fault.
    Service(Error),
}

/// What is wrong with a form of ours, whoever has bent it.
impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Here(TroubleKind::BadRequest, refusal.description)
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Service(error)
    }
}

/// Where the answer to a request goes.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    redirect_uri: String,
    state: Option<String>,
    /// Whether nobody is sent there before they have signed in.
    guarded: bool,
}

impl Answer {
    /// Of somebody who has pressed a button.
    pub(super) fn to(request: &AuthorizationRequest) -> Self {
        Self { redirect_uri: request.redirect_uri.clone(), state: request.state.clone(), guarded: false }
    }

    /// Of whoever has followed a link, and may not have signed in.
    ///
    /// A scenario: a stranger registers a client, and sends people a link to us whose request is wrong on purpose. Were the
    /// error told to the client, everybody who trusts our name would land on the stranger's page (RFC 9700 §4.11.2).
    pub(super) fn unasked(client: &Client, redirect_uri: &str, state: Option<&str>) -> Self {
        let (redirect_uri, state) = (redirect_uri.to_owned(), state.map(str::to_owned));
        Self { redirect_uri, state, guarded: client.self_registered }
    }

    /// Sends the browser back to the client with these parameters, the `state` that it sent, and who answers (RFC 9207):
    /// a client of several providers sees whose answer it is.
    fn send(&self, app: &App, parameters: &[(&str, &str)]) -> Response {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(parameters);
        if let Some(state) = &self.state {
            query.append_pair("state", state);
        }
        query.append_pair("iss", app.config.issuer.as_str());
        see_other(&with_query(&self.redirect_uri, &query.finish()))
    }
}

/// Adds to the query of an address, which is otherwise left as it was registered.
pub(super) fn with_query(address: &str, query: &str) -> String {
    let joint = if address.contains('?') { '&' } else { '?' };
    format!("{address}{joint}{query}")
}

/// 303, and never 307: a form with a password is not sent on to the client (RFC 9700 §4.12).
pub(super) fn see_other(address: &str) -> Response {
    let Ok(location) = HeaderValue::try_from(address) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    (StatusCode::SEE_OTHER, [(LOCATION, location), NO_STORE]).into_response()
}

/// Begins, goes on with, or ends an authorization, as far as the browser's cookies let it.
pub async fn authorize(
    State(app): State<AppState>,
    browser: Browser,
    ClientAddress(ip): ClientAddress,
    uri: Uri,
) -> Response {
    let parameters = match Parameters::parse(uri.query().unwrap_or_default().as_bytes()) {
        Ok(parameters) => parameters,
        Err(refusal) => return stopped(&app, &browser, None, refusal.into()),
    };
    let begun = async {
        let (client, request) = begin(&app, &parameters).await?;
        proceed(&app, &browser, browser.sign_in.as_ref(), &client, request, ip).await
    };
    let locales = parameters.get("ui_locales").ok().flatten();
    begun.await.unwrap_or_else(|stop| stopped(&app, &browser, locales, stop))
}

/// The same from a form (OpenID Connect Core §3.1.2.1). The cookies of the browser do not come along with a form of another
/// site, so the request is made again as one that they do come along with.
///
/// # Errors
/// It is longer than what proxies let pass in an address.
pub async fn authorize_by_form(Form(parameters): Form) -> Result<Response, OAuthError> {
    const TOO_LONG: Refusal = Refusal::request("the request is longer than 8 KiB: push it (RFC 9126)");
    again("/oauth2/authorize", &parameters, TOO_LONG)
}

/// Has the browser make its request again, with what the form held as the query.
pub(super) fn again(path: &str, parameters: &Parameters, too_long: Refusal) -> Result<Response, OAuthError> {
    let query = parameters.to_query();
    if query.len() > MAX_QUERY {
        return Err(too_long.into());
    }
    Ok(see_other(&with_query(path, &query)))
}

async fn begin(app: &App, parameters: &Parameters) -> Result<(Client, AuthorizationRequest), Stop> {
    let here = |kind: TroubleKind| move |refusal: Refusal| Stop::Here(kind, refusal.description);
    let id = parameters.need("client_id", "client_id is missing").map_err(here(TroubleKind::BadRequest))?;
    let client = clients::find(app, id).await?;
    let client =
        client.ok_or(Stop::Here(TroubleKind::UnknownClient, "no client of that client_id is registered"))?;
    let request_uri = parameters.get("request_uri").map_err(here(TroubleKind::BadRequest))?;
    if let Some(name) = request_uri.and_then(pushed::name) {
        let pushed = pushed::find(app, &client, name).await?;
        let request =
            pushed.ok_or(Stop::Here(TroubleKind::Expired, "the pushed request is unknown or has expired"))?;
        return Ok((client, request));
    }
    let redirect_uri = request::redirect_uri(&client, parameters).map_err(here(TroubleKind::BadRedirect))?;
    let answer = Answer::unasked(&client, &redirect_uri, request::state(parameters).ok().flatten());
    let told = |refusal| Stop::Told(Box::new(answer), refusal);
    if client.pushed_only {
        return Err(told(Refusal::request("this client must push its requests (RFC 9126)")));
    }
    let request = AuthorizationRequest::read(app, &client, redirect_uri, parameters).map_err(told)?;
    Ok((client, request))
}

/// Does what comes next: shows the sign-in page, asks, or grants.
pub(super) async fn proceed(
    app: &App,
    browser: &Browser,
    sign_in: Option<&SignedIn>,
    client: &Client,
    mut request: AuthorizationRequest,
    ip: std::net::IpAddr,
) -> Result<Response, Stop> {
    still_registered(client, &request)?;
    if let Some(signed_in) = sign_in {
        // Nobody is asked for what they cannot give.
        request.scope = within(&request.scope, &signed_in.account);
    }
    let known = match sign_in {
        _ if !client.is_assured_at(&request.redirect_uri) => false,
        _ if client.first_party => true,
        Some(signed_in) => {
            let allowed = || consent::allowed(&app.database, signed_in.account.id, &client.id);
            let allowed = retry_read(allowed).await.map_err(Error::from)?;
            allowed.is_some_and(|row| row.covers(request.allowance(app)))
        }
        None => false,
    };
    let answer = Answer::unasked(client, &request.redirect_uri, request.state.as_deref());
    let told = |refusal| Stop::Told(Box::new(answer), refusal);
    let next = next(&request, sign_in, known, app.clock.now()).map_err(told)?;
    match (next, sign_in) {
        (Next::Grant, Some(signed_in)) => grant(app, client, &request, signed_in, false, ip).await,
        (Next::Consent, Some(signed_in)) => Ok(ask(app, browser, client, request, signed_in)?),
        (Next::SignIn | Next::Consent | Next::Grant, _) => {
            Ok(sign_in::page(app, browser, Some(client), &Errand::Authorize(Box::new(request)))?)
        }
    }
}

/// Whether the client is still registered for what a page was opened for: an operator may have taken an address away since,
/// because its domain was lost.
///
/// # Errors
/// It is not, and nobody is sent there any more.
pub(super) fn still_registered(client: &Client, request: &AuthorizationRequest) -> Result<(), Stop> {
    if !client.redirect_uris.iter().any(|registered| registered.matches(&request.redirect_uri)) {
        const GONE: &str = "the redirect_uri is not registered for this client any more";
        return Err(Stop::Here(TroubleKind::BadRedirect, GONE));
    }
    if !is_within(&request.scope, &client.scope) {
        let refusal =
            Refusal::new(Code::InvalidScope, "the client is not registered for all of the scope any more");
        return Err(Stop::Told(Box::new(Answer::to(request)), refusal));
    }
    Ok(())
}

/// Sends the client its code. `asked`: somebody has just allowed it.
pub(super) async fn grant(
    app: &App,
    client: &Client,
    request: &AuthorizationRequest,
    signed_in: &SignedIn,
    asked: bool,
    ip: std::net::IpAddr,
) -> Result<Response, Stop> {
    if !app.codes.has_room(signed_in.account.id, app.clock.now()) {
        return Err(Error::Throttled(Duration::from_secs(60)).into());
    }
    let code = app.random.text::<32>();
    let issued = retry_write(|| code::issue(app, client, request, signed_in, asked, &code, ip)).await?;
    if issued {
        Ok(Answer::to(request).send(app, &[("code", &code)]))
    } else {
        let refusal = Refusal::new(Code::LoginRequired, "the session of the browser has ended meanwhile");
        Err(Stop::Told(Box::new(Answer::to(request)), refusal))
    }
}

/// What a stopped request is answered by.
pub(super) fn stopped(app: &App, browser: &Browser, ui_locales: Option<&str>, stop: Stop) -> Response {
    match stop {
        Stop::Here(what, detail) => Trouble { what, detail }.respond(browser.language(ui_locales), &[]),
        Stop::Told(answer, refusal) if answer.guarded && browser.sign_in.is_none() => {
            let trouble = Trouble { what: TroubleKind::BadRequest, detail: refusal.description };
            trouble.respond(browser.language(ui_locales), &[])
        }
        Stop::Told(answer, refusal) => {
            let parameters = [("error", refusal.code.as_str()), ("error_description", refusal.description)];
            answer.send(app, &parameters)
        }
        Stop::Service(error) => OAuthError::from(error).into_response(),
    }
}

/// Adds cookies to an answer.
pub(super) fn with_cookies(
    mut response: Response,
    cookies: impl IntoIterator<Item = HeaderValue>,
) -> Response {
    for cookie in cookies {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}
