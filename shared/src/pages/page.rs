//! A page: its HTML, and the policy that it is sent with.

use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, REFERRER_POLICY, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use ring::digest::{SHA256, digest};

use super::files::Files;
use crate::http::etag::if_none_match;

/// A page that is the same for everybody: what is about a person it fetches, with their token.
#[derive(Clone, Debug)]
pub struct Page {
    html: Bytes,
    headers: HeaderMap,
}

impl Page {
    /// A page that loads these files, in whose addresses `{version}` stands for theirs, and that may send requests to its own
    /// origin and to those of `reach`.
    pub fn new(html: &str, files: &Files, reach: &[&str]) -> Self {
        let html = html.replace("{version}", files.version());
        let mut connect = "'self'".to_owned();
        for origin in reach.iter().filter(|origin| is_origin(origin)) {
            connect.push(' ');
            connect.push_str(origin);
        }
        let policy = format!(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
            connect-src {connect}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        let etag =
            format!("\"{}\"", URL_SAFE_NO_PAD.encode(&digest(&SHA256, html.as_bytes()).as_ref()[..12]));
        let fixed = |text: &'static str| HeaderValue::from_static(text);
        let headers = [
            (ETAG, HeaderValue::try_from(etag).unwrap_or(fixed("\"\""))),
            // Asked for each time, since it names the files of today.
            (CACHE_CONTROL, fixed("no-cache")),
            (CONTENT_SECURITY_POLICY, HeaderValue::try_from(policy).unwrap_or(fixed("default-src 'none'"))),
            (REFERRER_POLICY, fixed("no-referrer")),
            (X_FRAME_OPTIONS, fixed("DENY")),
            (
                HeaderName::from_static("permissions-policy"),
                fixed("camera=(), geolocation=(), microphone=(), payment=()"),
            ),
        ];
        Self { html: Bytes::from(html), headers: headers.into_iter().collect() }
    }

    /// Keeps other pages from holding on to its window.
    pub fn alone(mut self) -> Self {
        let name = HeaderName::from_static("cross-origin-opener-policy");
        self.headers.insert(name, HeaderValue::from_static("same-origin"));
        self
    }

    /// Serves it.
    pub fn route<S: Clone + Send + Sync + 'static>(&self) -> MethodRouter<S> {
        let page = self.clone();
        get(move |headers: HeaderMap| std::future::ready(page.answer(&headers)))
    }

    fn answer(&self, headers: &HeaderMap) -> Response {
        let own = self.headers.clone();
        if own.get(ETAG).is_some_and(|etag| if_none_match(headers, etag)) {
            return (StatusCode::NOT_MODIFIED, own).into_response();
        }
        let media_type = [(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))];
        (own, media_type, self.html.clone()).into_response()
    }
}

/// Whatever else stood in a policy would end the directive and begin another one.
fn is_origin(text: &str) -> bool {
    let allowed =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'/' | b'[' | b']');
    text.starts_with("http") && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::File;

    fn policy(reach: &[&str]) -> String {
        let files = Files::new([File::plain("a.js", b"1")]);
        let page = Page::new("<script src=\"ui/{version}/a.js\"></script>", &files, reach);
        assert_eq!(page.html, format!("<script src=\"ui/{}/a.js\"></script>", files.version()));
        page.headers[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned()
    }

    #[test]
    fn a_page_reaches_what_it_names() {
        assert!(policy(&[]).contains("; connect-src 'self'; "));
        assert!(
            policy(&["https://id.example:8443"]).contains("; connect-src 'self' https://id.example:8443; ")
        );
        for bad in ["*", "https://a; script-src *", "'unsafe-inline'", "null"] {
            assert!(policy(&[bad]).contains("; connect-src 'self'; "), "{bad}");
        }
    }
}
