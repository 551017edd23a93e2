//! The page that asks whether a client may act for the person.

use std::borrow::Cow;
use std::time::Duration;

use askama::Template;
use axum::response::Response;

use super::document::{self, COLOURS, ICON, Outcome, STYLE};
use super::language::Language;
use super::texts::Texts;

/// Says who asks, for what and for how long. Posts `ticket`, and `decision`: `allow` or `deny`.
#[derive(Clone, Copy, Debug)]
pub struct Consent<'a> {
    /// Where the form is posted to.
    pub action: &'a str,
    /// What ties the form to the request and to the browser.
    pub ticket: &'a str,
    /// The client, by its name.
    pub client_name: &'a str,
    /// The host of the redirect URI; empty where there is none, as for devices.
    pub client_uri_host: &'a str,
    /// Where the tokens are good; empty where that is the service that all tokens are for.
    pub resource: &'a str,
    /// Whether the client has registered itself: its name is its own word.
    pub self_registered: bool,
    /// The person, by user name.
    pub username: &'a str,
    /// What the client asks for. Scopes that are not known here are shown as they are.
    pub scopes: &'a [&'a str],
    /// How long the client may act without the person; nothing where it gets no refresh token.
    pub lasts: Option<Duration>,
    /// Whether a device waits (RFC 8628), which somebody else may have started (§5.4): the page warns of that.
    pub device: bool,
}

#[derive(Template)]
#[template(path = "consent.html")]
struct View<'a> {
    page: &'a Consent<'a>,
    texts: &'static Texts,
    scopes: Vec<&'a str>,
    lasts: Cow<'static, str>,
}

impl Consent<'_> {
    /// The page in `language`, whose form may lead to the addresses `form_targets`.
    pub fn respond(&self, language: Language, form_targets: &[&str]) -> Response {
        let texts = language.texts();
        let lasts = match self.lasts {
            Some(lasts) => texts.without_you.put(&texts.span(lasts.as_secs())).into(),
            None => texts.only_with_you.into(),
        };
        // A request for no scope at all splits into one empty name.
        let scopes = self.scopes.iter().copied().filter(|scope| !scope.is_empty()).collect();
        document::respond(&View { page: self, texts, scopes, lasts }, Outcome::OK, language, form_targets)
    }
}
