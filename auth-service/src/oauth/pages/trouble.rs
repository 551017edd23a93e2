//! The page for what cannot be told to the client, because it is not known where the client is.

use askama::Template;
use axum::response::Response;

use super::document::{self, COLOURS, ICON, Outcome, STYLE};
use super::language::Language;
use super::texts::{Notice, Texts};

/// How soon to come back when the service cannot answer.
const UNAVAILABLE_FOR: u64 = 5;

/// Says why this goes no further.
#[derive(Clone, Copy, Debug)]
pub struct Trouble<'a> {
    /// What the person is told.
    pub what: TroubleKind,
    /// What the developer of the client is told, in English; may be empty.
    pub detail: &'a str,
}

/// Why this goes no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TroubleKind {
    /// The request breaks a rule: 400.
    BadRequest,
    /// No client has this `client_id`: 400.
    UnknownClient,
    /// The client has not registered this `redirect_uri`: 400. Nobody is sent there (RFC 9700 §4.11).
    BadRedirect,
    /// The ticket is too old: 400.
    Expired,
    /// The service cannot answer now: 503.
    Unavailable,
}

impl TroubleKind {
    const fn notice(self, texts: &Texts) -> Notice {
        match self {
            Self::BadRequest => texts.bad_request,
            Self::UnknownClient => texts.unknown_client,
            Self::BadRedirect => texts.bad_redirect,
            Self::Expired => texts.page_expired,
            Self::Unavailable => texts.unavailable,
        }
    }

    const fn outcome(self) -> Outcome {
        match self {
            Self::BadRequest | Self::UnknownClient | Self::BadRedirect | Self::Expired => {
                Outcome::BAD_REQUEST
            }
            Self::Unavailable => Outcome::unavailable(UNAVAILABLE_FOR),
        }
    }
}

#[derive(Template)]
#[template(path = "trouble.html")]
struct View<'a> {
    page: &'a Trouble<'a>,
    texts: &'static Texts,
    notice: Notice,
}

impl Trouble<'_> {
    /// The page in `language`. It has no form, so `form_targets` may be empty.
    pub fn respond(&self, language: Language, form_targets: &[&str]) -> Response {
        let texts = language.texts();
        let view = View { page: self, texts, notice: self.what.notice(texts) };
        document::respond(&view, self.what.outcome(), language, form_targets)
    }
}
