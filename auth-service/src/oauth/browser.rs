//! What a browser carries for us: a cookie that says which browser it is, one that says who signed in with it, and tickets
//! in forms.

use std::time::Duration;

use axum::extract::{FromRef, FromRequestParts};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{ACCEPT_LANGUAGE, COOKIE, ORIGIN, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use shared::database::retry_read;
use uuid::Uuid;

use super::pages::Language;
use crate::entity::session::Origin;
use crate::entity::{account, session};
use crate::error::Error;
use crate::sessions;
use crate::state::{App, AppState};

/// How long a form may be left open.
const TICKET_LASTS: Duration = Duration::from_secs(30 * 60);
/// What the cookie of a browser that nobody has signed in with yet is called, and of one that somebody has.
const NAMES: [&str; 2] = ["imprimatur-browser", "imprimatur-session"];

/// The browser that a request comes from.
#[derive(Debug)]
pub struct Browser {
    /// Its name for this visit: forms that were made for another one are not taken from it.
    id: Option<String>,
    /// Who has signed in with it.
    pub(super) sign_in: Option<SignedIn>,
    accept_language: Option<String>,
    /// Whether the request says that another site's page has sent it.
    cross_site: bool,
}

/// Somebody who has signed in, in a session that is not over.
#[derive(Clone, Debug)]
pub(super) struct SignedIn {
    pub(super) account: account::Model,
    pub(super) session: session::Model,
}

/// What a form brings back: it was made by us, for this browser, a short while ago, and says what it is for.
#[derive(Debug, Serialize, Deserialize)]
struct Ticket<T> {
    browser: String,
    expires_at: i64,
    content: T,
}

/// The form was not made for this browser, or too long ago.
#[derive(Clone, Copy, Debug)]
pub(super) struct StaleForm;

impl<S> FromRequestParts<S> for Browser
where
    S: Send + Sync,
    AppState: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let app = AppState::from_ref(state);
        let [id, sign_in] = NAMES.map(|name| cookie(&parts.headers, &cookie_name(&app, name)));
        let sign_in = match sign_in.and_then(|text| opened(&app, "cookie", &text)) {
            Some(id) => signed_in(&app, id).await?,
            None => None,
        };
        let text = |name| parts.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let own = app.config.issuer.url().origin().ascii_serialization();
        // Pages without a referrer send `Origin: null`; older browsers send no `Sec-Fetch-Site`.
        let foreign_origin = text(ORIGIN).is_some_and(|origin| origin != own && origin != "null");
        let site = parts.headers.get("sec-fetch-site").map(|site| site != "same-origin" && site != "none");
        Ok(Self {
            id: id.filter(|id| is_id(id)),
            sign_in,
            accept_language: text(ACCEPT_LANGUAGE).map(str::to_owned),
            cross_site: site.unwrap_or(foreign_origin),
        })
    }
}

async fn signed_in(app: &App, id: Uuid) -> Result<Option<SignedIn>, Error> {
    let now = app.clock.now();
    let live = retry_read(|| sessions::store::find_live(&app.database, id, now)).await?;
    let good =
        live.filter(|(session, account)| session.origin == Origin::Browser && !account.must_change_password);
    Ok(good.map(|(session, account)| SignedIn { account, session }))
}

impl Browser {
    /// The language of its pages.
    pub(super) fn language(&self, ui_locales: Option<&str>) -> Language {
        Language::negotiate(ui_locales, self.accept_language.as_deref())
    }

    /// Makes a ticket for a form, and the cookie that goes with it where the browser has none yet.
    pub(super) fn ticket<T: Serialize>(
        &self,
        app: &App,
        purpose: &str,
        content: &T,
    ) -> Result<(String, Option<HeaderValue>), Error> {
        let (browser, cookie) = match &self.id {
            Some(id) => (id.clone(), None),
            None => {
                let id = app.random.text::<16>();
                let cookie = set_cookie(app, NAMES[0], &id);
                (id, Some(cookie))
            }
        };
        let expires_at = (app.clock.now() + TICKET_LASTS).millis();
        let ticket = sealed(app, purpose, &Ticket { browser, expires_at, content })?;
        Ok((ticket, cookie))
    }

    /// Takes a form back.
    ///
    /// # Errors
    /// Another site has sent it (RFC 9700 §4.16), or it was not made for this browser, or too long ago.
    pub(super) fn redeem<T: DeserializeOwned>(
        &self,
        app: &App,
        purpose: &str,
        ticket: Option<&str>,
    ) -> Result<T, StaleForm> {
        let ticket: Ticket<T> = ticket.and_then(|text| opened(app, purpose, text)).ok_or(StaleForm)?;
        let same_browser = self.id.as_ref() == Some(&ticket.browser) && !self.cross_site;
        let in_time = app.clock.now().millis() < ticket.expires_at;
        if same_browser && in_time { Ok(ticket.content) } else { Err(StaleForm) }
    }
}

/// The cookie that says who has signed in: the name of a session, sealed. It lasts as long as the browser is open, and
/// no longer than the session.
///
/// # Errors
/// It cannot be sealed.
pub(super) fn sign_in_cookie(app: &App, session: Uuid) -> Result<HeaderValue, Error> {
    Ok(set_cookie(app, NAMES[1], &sealed(app, "cookie", &session)?))
}

/// Takes that cookie away.
pub(super) fn sign_out_cookie(app: &App) -> (http::HeaderName, HeaderValue) {
    let name = cookie_name(app, NAMES[1]);
    let secure = if is_secure(app) { "; Secure" } else { "" };
    let text = format!("{name}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax{secure}");
    (SET_COOKIE, HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("")))
}

fn sealed<T: Serialize>(app: &App, purpose: &str, content: &T) -> Result<String, Error> {
    let json = serde_json::to_vec(content).map_err(|error| sea_orm::DbErr::Json(error.to_string()))?;
    let sealed = app.browser_sealer.seal(purpose, &json, &*app.random)?;
    Ok(URL_SAFE_NO_PAD.encode(sealed))
}

fn opened<T: DeserializeOwned>(app: &App, purpose: &str, text: &str) -> Option<T> {
    let json = app.browser_sealer.open(purpose, &URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    serde_json::from_slice(&json).ok()
}

fn is_id(text: &str) -> bool {
    URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == 16)
}

fn is_secure(app: &App) -> bool {
    app.config.issuer.url().scheme() == "https"
}

/// `__Host-` binds a cookie to this very host over TLS. On the loopback interface without TLS there is no such thing.
fn cookie_name(app: &App, name: &str) -> String {
    let prefix = if is_secure(app) { "__Host-" } else { "" };
    format!("{prefix}{name}")
}

/// `SameSite=Lax`: it must come along when another site sends somebody here to sign in.
fn set_cookie(app: &App, name: &str, value: &str) -> HeaderValue {
    let secure = if is_secure(app) { "; Secure" } else { "" };
    let text = format!("{}={value}; Path=/; HttpOnly; SameSite=Lax{secure}", cookie_name(app, name));
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let all = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(own, _)| *own == name).map(|(_, value)| value.to_owned()).next()
}
