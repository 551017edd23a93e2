//! The page that asks for user name and password.

use std::borrow::Cow;

use askama::Template;
use axum::response::Response;

use super::document::{self, COLOURS, ICON, Outcome, STYLE};
use super::language::Language;
use super::texts::Texts;

/// How soon to come back when too many sign in at once.
const BUSY_FOR: u64 = 1;

/// Asks for user name and password. Posts `username`, `password`, `ticket`, and `decision`: `sign_in` or `cancel`.
#[derive(Clone, Copy, Debug)]
pub struct SignIn<'a> {
    /// Where the form is posted to.
    pub action: &'a str,
    /// What ties the form to the request and to the browser.
    pub ticket: &'a str,
    /// The client that waits for the person to come back.
    pub client_name: Option<&'a str>,
    /// What is filled in already; may be empty.
    pub username: &'a str,
    /// Why the last attempt failed.
    pub failure: Option<SignInFailure>,
    /// Whether there is a way back to the client.
    pub cancel: bool,
}

/// Why somebody is not signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInFailure {
    /// No account of that name has that password.
    BadCredentials,
    /// There were too many failures: 429.
    Throttled {
        /// How long to wait.
        seconds: u64,
    },
    /// Too many passwords are being checked: 503.
    Busy,
    /// The password was made by somebody else, for one use.
    MustChangePassword,
    /// The ticket is too old.
    Expired,
}

impl SignInFailure {
    fn words(self, texts: &Texts) -> Cow<'static, str> {
        match self {
            Self::BadCredentials => texts.bad_credentials.into(),
            Self::Throttled { seconds } => texts.throttled.put(&texts.span(seconds)).into(),
            Self::Busy => texts.busy.into(),
            Self::MustChangePassword => texts.must_change_password.into(),
            Self::Expired => texts.expired.into(),
        }
    }

    const fn outcome(self) -> Outcome {
        match self {
            Self::Throttled { seconds } => Outcome::throttled(seconds),
            Self::Busy => Outcome::unavailable(BUSY_FOR),
            Self::BadCredentials | Self::MustChangePassword | Self::Expired => Outcome::OK,
        }
    }
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct View<'a> {
    page: &'a SignIn<'a>,
    texts: &'static Texts,
    failure: Option<Cow<'static, str>>,
    /// Whether what was typed is at fault.
    wrong: bool,
}

impl SignIn<'_> {
    /// The page in `language`, whose form may lead to the addresses `form_targets`.
    pub fn respond(&self, language: Language, form_targets: &[&str]) -> Response {
        let texts = language.texts();
        let view = View {
            page: self,
            texts,
            failure: self.failure.map(|failure| failure.words(texts)),
            wrong: self.failure == Some(SignInFailure::BadCredentials),
        };
        let outcome = self.failure.map_or(Outcome::OK, SignInFailure::outcome);
        document::respond(&view, outcome, language, form_targets)
    }
}
