//! The pages that connect a device (RFC 8628).

use std::borrow::Cow;

use askama::Template;
use axum::response::Response;

use super::document::{self, COLOURS, ICON, Outcome, STYLE};
use super::language::Language;
use super::texts::{Notice, Texts};

/// Asks for the code that a device shows. Posts `ticket` and `user_code`.
#[derive(Clone, Copy, Debug)]
pub struct DeviceCode<'a> {
    /// Where the form is posted to.
    pub action: &'a str,
    /// What ties the form to the browser.
    pub ticket: &'a str,
    /// What is filled in already, from `verification_uri_complete` or from the last attempt; may be empty.
    pub user_code: &'a str,
    /// Why the last code was not taken.
    pub failure: Option<DeviceFailure>,
}

/// Why a code is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceFailure {
    /// No device waits with this code.
    Unknown,
    /// There were too many failures: 429.
    Throttled {
        /// How long to wait.
        seconds: u64,
    },
}

impl DeviceFailure {
    fn words(self, texts: &Texts) -> Cow<'static, str> {
        match self {
            Self::Unknown => texts.unknown_code.into(),
            Self::Throttled { seconds } => texts.throttled.put(&texts.span(seconds)).into(),
        }
    }

    const fn outcome(self) -> Outcome {
        match self {
            Self::Unknown => Outcome::OK,
            Self::Throttled { seconds } => Outcome::throttled(seconds),
        }
    }
}

#[derive(Template)]
#[template(path = "device_code.html")]
struct DeviceCodeView<'a> {
    page: &'a DeviceCode<'a>,
    texts: &'static Texts,
    failure: Option<Cow<'static, str>>,
    /// Whether what was typed is at fault.
    wrong: bool,
}

impl DeviceCode<'_> {
    /// The page in `language`, whose form may lead to the addresses `form_targets`.
    pub fn respond(&self, language: Language, form_targets: &[&str]) -> Response {
        let texts = language.texts();
        let view = DeviceCodeView {
            page: self,
            texts,
            failure: self.failure.map(|failure| failure.words(texts)),
            wrong: self.failure == Some(DeviceFailure::Unknown),
        };
        let outcome = self.failure.map_or(Outcome::OK, DeviceFailure::outcome);
        document::respond(&view, outcome, language, form_targets)
    }
}

/// Says what became of the device.
#[derive(Clone, Copy, Debug)]
pub struct DeviceDone {
    /// Whether the person let it in.
    pub allowed: bool,
}

#[derive(Template)]
#[template(path = "device_done.html")]
struct DeviceDoneView {
    texts: &'static Texts,
    notice: Notice,
}

impl DeviceDone {
    /// The page in `language`. It has no form, so `form_targets` may be empty.
    pub fn respond(&self, language: Language, form_targets: &[&str]) -> Response {
        let texts = language.texts();
        let notice = if self.allowed { texts.device_allowed } else { texts.device_denied };
        document::respond(&DeviceDoneView { texts, notice }, Outcome::OK, language, form_targets)
    }
}
