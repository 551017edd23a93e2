//! The pages that end a session in the browser.

use askama::Template;
use axum::response::Response;

use super::document::{self, COLOURS, ICON, Outcome, STYLE};
use super::language::Language;
use super::texts::{Notice, Texts};

/// Asks whether the person wants to sign out. Posts `ticket`, and `decision`: `sign_out` or `stay`.
#[derive(Clone, Copy, Debug)]
pub struct SignOut<'a> {
    /// Where the form is posted to.
    pub action: &'a str,
    /// What ties the form to the request and to the browser.
    pub ticket: &'a str,
    /// Who is signed in.
    pub username: &'a str,
}

#[derive(Template)]
#[template(path = "sign_out.html")]
struct SignOutView<'a> {
    page: &'a SignOut<'a>,
    texts: &'static Texts,
}

impl SignOut<'_> {
    /// The page in `language`, whose form may lead to the addresses `form_targets`.
    pub fn respond(&self, language: Language, form_targets: &[&str]) -> Response {
        let view = SignOutView { page: self, texts: language.texts() };
        document::respond(&view, Outcome::OK, language, form_targets)
    }
}

/// Says how that ended.
#[derive(Clone, Copy, Debug)]
pub struct SignOutDone {
    /// Whether nobody is signed in any more.
    pub signed_out: bool,
}

#[derive(Template)]
#[template(path = "sign_out_done.html")]
struct SignOutDoneView {
    notice: &'static Notice,
    texts: &'static Texts,
}

impl SignOutDone {
    /// The page in `language`. It has no form, so `form_targets` may be empty.
    pub fn respond(&self, language: Language, form_targets: &[&str]) -> Response {
        let texts = language.texts();
        let notice = if self.signed_out { &texts.signed_out } else { &texts.stayed };
        document::respond(&SignOutDoneView { notice, texts }, Outcome::OK, language, form_targets)
    }
}
