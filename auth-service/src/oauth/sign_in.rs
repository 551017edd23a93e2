//! `POST /oauth2/sign-in`: the page where people say who they are, and what they came for.

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use shared::database::retry_write;

use super::authorize::request::AuthorizationRequest;
use super::authorize::{Answer, Stop, proceed, still_registered, stopped, with_cookies};
use super::browser::{Browser, SignedIn, sign_in_cookie};
use super::device;
use super::error::{Code, Refusal};
use super::pages::{SignIn, SignInFailure, TroubleKind};
use super::parameters::{Form, Parameters};
use crate::accounts::{Username, as_typed};
use crate::audit::{Actor, Event, Kind, Transaction};
use crate::clients::{self, Client};
use crate::error::Error;
use crate::passwords::{HashError, Password};
use crate::sessions::login::{Door, sign_in as open_session};
use crate::sessions::{self, end};
use crate::state::{App, AppState};

const TICKET: &str = "sign in";
pub(super) const STALE: Stop =
    Stop::Here(TroubleKind::Expired, "the form is too old, or was not made for this browser");

pub(super) const UNREGISTERED: Stop =
    Stop::Here(TroubleKind::UnknownClient, "the client is not registered any more");

/// What somebody signs in for.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Errand {
    /// To let a client in.
    Authorize(Box<AuthorizationRequest>),
    /// To let a device in: the digest of its code.
    Device(String),
}

impl Errand {
    fn locales(&self) -> Option<&str> {
        match self {
            Self::Authorize(request) => request.ui_locales.as_deref(),
            Self::Device(_) => None,
        }
    }

    fn hint(&self) -> &str {
        match self {
            Self::Authorize(request) => request.login_hint.as_deref().unwrap_or_default(),
            Self::Device(_) => "",
        }
    }
}

/// The page.
///
/// # Errors
/// Its ticket cannot be made.
pub(super) fn page(
    app: &App,
    browser: &Browser,
    client: Option<&Client>,
    errand: &Errand,
) -> Result<Response, Error> {
    let username = errand.hint().to_owned();
    page_with(app, browser, client, errand, &username, None)
}

fn page_with(
    app: &App,
    browser: &Browser,
    client: Option<&Client>,
    errand: &Errand,
    username: &str,
    failure: Option<SignInFailure>,
) -> Result<Response, Error> {
    // What is no name is not shown again: the page would be several times as long as what was sent.
    let username = if username.parse::<Username>().is_ok() { username } else { "" };
    let (ticket, cookie) = browser.ticket(app, TICKET, errand)?;
    let target = match errand {
        Errand::Authorize(request) => request.redirect_uri.as_str(),
        Errand::Device(_) => "",
    };
    // What registered itself has chosen its name, too: it is shown where the page can say so, and nobody is sent there before.
    let client = client.filter(|client| !client.self_registered);
    let page = SignIn {
        action: "/oauth2/sign-in",
        ticket: &ticket,
        client_name: client.map(|client| client.name.as_str()),
        username,
        failure,
        cancel: client.is_some() && matches!(errand, Errand::Authorize(_)),
    };
    Ok(with_cookies(page.respond(browser.language(errand.locales()), &[target]), cookie))
}

/// Takes the page back.
pub async fn sign_in(
    State(app): State<AppState>,
    browser: Browser,
    who: sessions::Client,
    Form(form): Form,
) -> Response {
    let outcome = take(&app, &browser, &who, form).await;
    outcome.unwrap_or_else(|stop| stopped(&app, &browser, None, stop))
}

async fn take(
    app: &App,
    browser: &Browser,
    who: &sessions::Client,
    form: Parameters,
) -> Result<Response, Stop> {
    let errand: Errand = browser.redeem(app, TICKET, form.get("ticket")?).map_err(|_| STALE)?;
    let client = match &errand {
        Errand::Authorize(request) => clients::find(app, request.client_id.as_str()).await?,
        Errand::Device(_) => None,
    };
    if let (Errand::Authorize(request), Some("cancel")) = (&errand, form.get("decision")?) {
        let client = client.as_ref().ok_or(UNREGISTERED)?;
        still_registered(client, request)?;
        let refusal = Refusal::new(Code::AccessDenied, "nobody wanted to sign in");
        let answer = Answer::unasked(client, &request.redirect_uri, request.state.as_deref());
        return Err(Stop::Told(Box::new(answer), refusal));
    }
    let username = as_typed(form.get("username")?.unwrap_or_default());
    let password = Password::presented(form.get("password")?.unwrap_or_default());
    // Many may wait with theirs for as long as a refusal takes.
    drop(form);
    let proved = match password {
        Ok(password) => prove(app, &username, password, who).await?,
        Err(_) => Err(SignInFailure::BadCredentials),
    };
    let signed_in = match proved {
        Ok(signed_in) => signed_in,
        Err(failure) => {
            return Ok(page_with(app, browser, client.as_ref(), &errand, &username, Some(failure))?);
        }
    };
    if let Some(before) = &browser.sign_in {
        replace(app, before, &signed_in, who).await?;
    }
    let cookie = sign_in_cookie(app, signed_in.session.id)?;
    let response = match errand {
        Errand::Authorize(request) => {
            let client = client.ok_or(UNREGISTERED)?;
            let request = request.signed_in();
            let locales = request.ui_locales.clone();
            proceed(app, browser, Some(&signed_in), &client, request, who.ip)
                .await
                .unwrap_or_else(|stop| stopped(app, browser, locales.as_deref(), stop))
        }
        Errand::Device(hash) => device::ask(app, browser, &signed_in, hash).await?,
    };
    Ok(with_cookies(response, [cookie]))
}

/// Opens a session of the browser for whoever knows the password, or says why not.
async fn prove(
    app: &App,
    username: &str,
    password: Password,
    who: &sessions::Client,
) -> Result<Result<SignedIn, SignInFailure>, Error> {
    match open_session(app, username, password, who, Door::Page).await {
        Ok((account, session)) if account.must_change_password => {
            // Nothing here can change it: the session would be of no use.
            end_session(app, &SignedIn { account, session }, who, "the password must be replaced first")
                .await?;
            Ok(Err(SignInFailure::MustChangePassword))
        }
        Ok((account, session)) => Ok(Ok(SignedIn { account, session })),
        Err(Error::BadCredentials) => Ok(Err(SignInFailure::BadCredentials)),
        Err(Error::Throttled(wait)) => Ok(Err(SignInFailure::Throttled { seconds: wait.as_secs().max(1) })),
        Err(Error::Hash(HashError::QueueFull)) => Ok(Err(SignInFailure::Busy)),
        Err(error) => Err(error),
    }
}

/// Whoever signs in anew leaves the session of before: a session is one proof of who somebody is. What was opened from that
/// session goes on with the new one, and ends with it; if somebody else has signed in, it ends as if its owner had signed out,
/// since they cannot do that here any more.
async fn replace(
    app: &App,
    before: &SignedIn,
    signed_in: &SignedIn,
    who: &sessions::Client,
) -> Result<(), Error> {
    let (owner, ended, next) = (before.account.id, before.session.id, signed_in.session.id);
    let replace = || async {
        let now = app.clock.now();
        let mut transaction = Transaction::begin(&app.database).await?;
        if !sessions::store::end(&*transaction, owner, ended, now).await? {
            return Ok(());
        }
        let detail = if owner == signed_in.account.id {
            sessions::store::move_opened_from(&*transaction, owner, ended, next).await?;
            "signed in anew".to_owned()
        } else {
            let count = sessions::store::end_opened_from(&*transaction, owner, ended, now).await?;
            format!("somebody else signed in, with sessions opened from it: {count}")
        };
        let event = Event::new(Kind::SessionEnded, Actor::Account(owner, who.ip)).session(ended);
        transaction.record(now, event.detail(detail)).await?;
        Ok(transaction.commit().await?)
    };
    retry_write(replace).await
}

async fn end_session(app: &App, ended: &SignedIn, who: &sessions::Client, why: &str) -> Result<(), Error> {
    let SignedIn { account, session } = ended;
    let event = Event::new(Kind::SessionEnded, Actor::Account(account.id, who.ip)).session(session.id);
    end::one(&app.database, account.id, session.id, &event.detail(why), app.clock.now()).await.map(drop)
}
