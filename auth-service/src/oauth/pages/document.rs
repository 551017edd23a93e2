//! What every page is sent with: one style sheet, and headers that leave the browser nothing else to run or load.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use askama::Template;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, RETRY_AFTER,
    X_FRAME_OPTIONS,
};
use http::{HeaderName, HeaderValue, StatusCode};
use ring::digest::{SHA256, digest};
use shared::http::Problem;
pub(super) use shared::pages::COLOURS;

use super::language::Language;

/// The style sheet after the colours, both in the page itself: whoever may see the page may not yet load anything else.
pub(super) const STYLE: &str = include_str!("../../../templates/style.css");
/// The seal, for the tab.
pub(super) const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='4 4 40 40'%3E\
    %3Cg fill='%230c6b54'%3E%3Crect x='8' y='8' width='32' height='32' rx='6'/%3E\
    %3Crect x='8' y='8' width='32' height='32' rx='6' transform='rotate(30 24 24)'/%3E\
    %3Crect x='8' y='8' width='32' height='32' rx='6' transform='rotate(60 24 24)'/%3E%3C/g%3E\
    %3Cpath d='M18 15h12M24 15v18M18 33h12' stroke='%23fff' stroke-width='4'/%3E%3C/svg%3E";

const CROSS_ORIGIN_OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

/// Allows that one style sheet, by its digest (CSP 3 §2.3.1), and forms to this service.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = STANDARD.encode(digest(&SHA256, [COLOURS, STYLE].concat().as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; base-uri 'none'; \
        frame-ancestors 'none'; form-action 'self'"
    )
});

/// What the answer says of itself, apart from the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) status: StatusCode,
    /// In seconds.
    pub(super) retry_after: Option<u64>,
}

impl Outcome {
    pub(super) const OK: Self = Self { status: StatusCode::OK, retry_after: None };
    pub(super) const BAD_REQUEST: Self = Self { status: StatusCode::BAD_REQUEST, retry_after: None };

    pub(super) const fn throttled(seconds: u64) -> Self {
        Self { status: StatusCode::TOO_MANY_REQUESTS, retry_after: Some(seconds) }
    }

    pub(super) const fn unavailable(seconds: u64) -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, retry_after: Some(seconds) }
    }
}

/// The answer with this page, whose form may lead to this service and to clients at the origins `form_targets`.
pub(super) fn respond(
    page: &impl Template,
    outcome: Outcome,
    language: Language,
    form_targets: &[&str],
) -> Response {
    let html = match page.render() {
        Ok(html) => html,
        Err(error) => return Problem::internal(error).into_response(),
    };
    let schemes = schemes(form_targets);
    let policy = match HeaderValue::try_from(content_security_policy(&schemes)) {
        Ok(policy) => policy,
        Err(error) => return Problem::internal(error).into_response(),
    };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (CONTENT_LANGUAGE, HeaderValue::from_static(language.texts().tag)),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (CONTENT_SECURITY_POLICY, policy),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        (CROSS_ORIGIN_OPENER_POLICY, HeaderValue::from_static(opener_policy(&schemes))),
        (
            PERMISSIONS_POLICY,
            HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=()"),
        ),
    ];
    let mut response = (outcome.status, headers, html).into_response();
    if let Some(seconds) = outcome.retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// By which schemes the form may lead on: as far as a policy can say where a client is.
///
/// Chromium holds `form-action` against the redirect that answers a form, and against every redirect after that one. A
/// client whose callback goes on to another origin, as those do that end at "you can close this window", would never be
/// reached: the button does nothing, and says nothing. And an origin at `[::1]` cannot be written as a source at all.
fn schemes<'a>(form_targets: &[&'a str]) -> BTreeSet<&'a str> {
    let scheme_of = |target: &&'a str| target.split_once(':').map(|(scheme, _)| scheme);
    // Whatever else stood here would end the directive and begin another one (RFC 3986 §3.1).
    let in_scheme = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    let is_scheme = |scheme: &&str| !scheme.is_empty() && scheme.bytes().all(in_scheme);
    let mut schemes: BTreeSet<_> = form_targets.iter().filter_map(scheme_of).filter(is_scheme).collect();
    if schemes.contains("http") {
        schemes.insert("https");
    }
    schemes
}

fn content_security_policy(schemes: &BTreeSet<&str>) -> String {
    let mut policy = POLICY.clone();
    for scheme in schemes {
        policy.push(' ');
        policy.push_str(scheme);
        policy.push(':');
    }
    policy
}

/// A page in a window that a client opened must leave that window its opener. Isolated from it, the client's script
/// would see the window as closed at once, and report that the person gave up.
fn opener_policy(schemes: &BTreeSet<&str>) -> &'static str {
    if schemes.is_empty() { "same-origin" } else { "unsafe-none" }
}

#[cfg(test)]
mod tests {
    use super::{content_security_policy, opener_policy, schemes};

    #[test]
    fn forms_may_lead_to_clients_and_to_where_they_go_on() {
        for (targets, allowed) in [
            (&["https://a.example"][..], "'self' https:"),
            (&["http://127.0.0.1:8080"], "'self' http: https:"),
            (&["http://[::1]:8080"], "'self' http: https:"),
            (&["com.example.app:"], "'self' com.example.app:"),
            (&[""], "'self'"),
            (&[], "'self'"),
        ] {
            let policy = content_security_policy(&schemes(targets));
            assert!(policy.ends_with(&format!("; form-action {allowed}")), "{policy}");
        }
    }

    #[test]
    fn nothing_else_gets_into_the_policy() {
        for target in ["*", "'unsafe-inline'", "a; script-src *:", "a,b:", ":", "ä:", "//a.example"] {
            assert!(schemes(&[target]).is_empty(), "{target}");
        }
    }

    #[test]
    fn only_a_page_that_leads_back_to_a_client_keeps_its_opener() {
        assert_eq!(opener_policy(&schemes(&["https://a.example"])), "unsafe-none");
        assert_eq!(opener_policy(&schemes(&[""])), "same-origin");
        assert_eq!(opener_policy(&schemes(&[])), "same-origin");
    }
}
