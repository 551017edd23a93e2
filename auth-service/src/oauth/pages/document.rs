//! What every page is sent with: one style sheet, and headers that leave the browser nothing else to run or load.

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

use super::language::Language;

/// The style sheet, in the page itself: whoever may see the page may not yet load anything else.
pub(super) const STYLE: &str = include_str!("../../../templates/style.css");
/// The seal, for the tab.
pub(super) const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='4 4 40 40'%3E\
    %3Cg fill='%230c6b54'%3E%3Crect x='8' y='8' width='32' height='32' rx='6'/%3E\
    %3Crect x='8' y='8' width='32' height='32' rx='6' transform='rotate(30 24 24)'/%3E\
    %3Crect x='8' y='8' width='32' height='32' rx='6' transform='rotate(60 24 24)'/%3E%3C/g%3E\
    %3Cpath d='M18 15h12M24 15v18M18 33h12' stroke='%23fff' stroke-width='4'/%3E%3C/svg%3E";

const CROSS_ORIGIN_OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

/// Allows that one style sheet by its digest (CSP 3 §2.3.1), and forms to be sent where `form_targets` says.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
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

/// The answer with this page. Its forms may lead to this service and to the origins `form_targets`: browsers apply
/// `form-action` to the redirect that follows the form as well.
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
    let policy = match HeaderValue::try_from(content_security_policy(form_targets)) {
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
        (CROSS_ORIGIN_OPENER_POLICY, HeaderValue::from_static(opener_policy(form_targets))),
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

/// A page in a window that a client opened must leave that window its opener. Isolated from it, the client's script
/// would see the window as closed at once, and report that the person gave up.
const fn opener_policy(form_targets: &[&str]) -> &'static str {
    if form_targets.is_empty() { "same-origin" } else { "unsafe-none" }
}

fn content_security_policy(form_targets: &[&str]) -> String {
    let mut policy = POLICY.clone();
    for target in form_targets.iter().filter_map(|target| source_expression(target)) {
        policy.push(' ');
        policy.push_str(target);
    }
    policy
}

/// The origin as a policy can name it; nothing where it would end the directive and begin another one.
fn source_expression(origin: &str) -> Option<&str> {
    // The grammar of host sources (CSP 3 §2.3.1) has no room for IPv6 addresses: a native client that listens on
    // `http://[::1]:port` could not be sent back to. So the scheme is allowed as a whole.
    if origin.starts_with("http://[") {
        return Some("http:");
    }
    if origin.starts_with("https://[") {
        return Some("https:");
    }
    let may_be_named =
        |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b';' | b',' | b'\'' | b'"' | b'*');
    (!origin.is_empty() && origin.bytes().all(may_be_named)).then_some(origin)
}

#[cfg(test)]
mod tests {
    use super::{content_security_policy, source_expression};

    #[test]
    fn forms_may_lead_to_the_origins_of_clients() {
        let policy = content_security_policy(&["https://a.example", "com.example.app:", "http://[::1]:8080"]);
        assert!(
            policy.ends_with("; form-action 'self' https://a.example com.example.app: http:"),
            "{policy}"
        );
    }

    #[test]
    fn nothing_else_gets_into_the_policy() {
        for origin in
            ["", "https://a.example; script-src *", "https://a.example,x", "'unsafe-inline'", "*", "ä:"]
        {
            assert_eq!(source_expression(origin), None, "{origin}");
        }
    }
}
