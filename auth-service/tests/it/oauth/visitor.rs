//! Somebody with a browser: keeps cookies, fills in forms, follows nothing by itself.

use std::collections::BTreeMap;
use std::sync::Mutex;

use axum::body::Body;
use http::header::{ACCEPT_LANGUAGE, CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;
use url::Url;

use super::form;
use crate::world::{ISSUER, PASSWORD, World};

pub(crate) struct Visitor<'a> {
    world: &'a World,
    cookies: Mutex<BTreeMap<String, String>>,
    language: &'static str,
}

impl<'a> Visitor<'a> {
    pub(super) fn new(world: &'a World) -> Self {
        Self::reading(world, "en")
    }

    pub(super) fn reading(world: &'a World, language: &'static str) -> Self {
        Self { world, cookies: Mutex::default(), language }
    }

    pub(super) async fn get(&self, path: &str) -> Page {
        self.send(Method::GET, path, &[], None).await
    }

    pub(super) async fn post(&self, path: &str, pairs: &[(&str, &str)]) -> Page {
        self.send(Method::POST, path, &[], Some(form(pairs))).await
    }

    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&'static str, &str)],
        body: Option<String>,
    ) -> Page {
        let mut request = Request::builder().method(method).uri(path).header(ACCEPT_LANGUAGE, self.language);
        let jar: Vec<_> =
            self.cookies.lock().unwrap().iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !jar.is_empty() {
            request = request.header(COOKIE, jar.join("; "));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let form = "application/x-www-form-urlencoded";
        let request = match body {
            Some(body) => request.header(CONTENT_TYPE, form).body(Body::from(body)),
            None => request.body(Body::empty()),
        };
        let response = self.world.service.routes.clone().oneshot(request.unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        self.keep_cookies(&parts.headers);
        let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        let page = Page { status: parts.status, headers: parts.headers, body };
        page.keeps_the_rules();
        page
    }

    fn keep_cookies(&self, headers: &HeaderMap) {
        let mut cookies = self.cookies.lock().unwrap();
        for value in headers.get_all(SET_COOKIE) {
            let text = value.to_str().unwrap();
            for attribute in ["; Path=/", "; HttpOnly", "; SameSite=Lax"] {
                assert!(text.contains(attribute), "{text}");
            }
            let (name, value) = text.split(';').next().unwrap().split_once('=').unwrap();
            if text.contains("Max-Age=0") {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    /// Goes to that address, and signs in on the page that comes up.
    pub(super) async fn sign_in(&self, path: &str) -> Page {
        let page = self.get(path).await;
        self.fill_in(&page, "ada", PASSWORD).await
    }

    /// Fills in the sign-in page.
    pub(super) async fn fill_in(&self, page: &Page, username: &str, password: &str) -> Page {
        let ticket = page.ticket();
        let who = [("username", username), ("password", password)];
        self.post("/oauth2/sign-in", &[("ticket", &ticket), who[0], who[1], ("decision", "sign_in")]).await
    }

    /// Presses a button of a page.
    pub(super) async fn press(&self, page: &Page, decision: &str) -> Page {
        self.post(&page.action(), &[("ticket", &page.ticket()), ("decision", decision)]).await
    }

    pub(super) fn cookies(&self) -> BTreeMap<String, String> {
        self.cookies.lock().unwrap().clone()
    }

    pub(super) fn put_cookies(&self, cookies: BTreeMap<String, String>) {
        *self.cookies.lock().unwrap() = cookies;
    }
}

/// What the browser shows, or where it is sent.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Page {
    fn keeps_the_rules(&self) {
        assert!(!self.status.is_server_error() || self.status == 503, "{self:?}");
        assert_eq!(self.headers["cache-control"], "no-store");
        assert!(!self.headers.contains_key("access-control-allow-origin"));
        if self.headers.get(CONTENT_TYPE).is_some_and(|value| value == "text/html; charset=utf-8") {
            let policy = self.headers["content-security-policy"].to_str().unwrap();
            assert!(
                policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
                "{policy}"
            );
            assert!(!policy.contains("unsafe"), "{policy}");
            assert_eq!(self.headers["referrer-policy"], "no-referrer");
            assert!(!self.body.contains("<script"));
        }
    }

    #[track_caller]
    pub(super) fn ticket(&self) -> String {
        self.attribute("name=\"ticket\" value=\"")
    }

    #[track_caller]
    pub(super) fn action(&self) -> String {
        self.attribute("action=\"")
    }

    #[track_caller]
    fn attribute(&self, before: &str) -> String {
        let found = self.body.split_once(before);
        let (_, rest) = found.unwrap_or_else(|| panic!("{} {:?} {}", self.status, self.headers, self.body));
        rest.split('"').next().unwrap().to_owned()
    }

    /// Where the browser is sent.
    #[track_caller]
    pub(super) fn location(&self) -> Url {
        assert_eq!(self.status, 303, "{}", self.body);
        Url::parse(self.headers[LOCATION].to_str().unwrap()).unwrap()
    }

    #[track_caller]
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        let url = self.location();
        let mut values =
            url.query_pairs().filter(|(own, _)| own == name).map(|(_, value)| value.into_owned());
        let value = values.next();
        assert_eq!(values.next(), None, "{url}");
        value
    }

    #[track_caller]
    pub(super) fn code(&self) -> String {
        self.parameter("code").unwrap_or_else(|| panic!("{}", self.location()))
    }

    /// Asserts that the client is told of this error.
    #[track_caller]
    pub(super) fn tells(&self, error: &str) {
        assert_eq!(self.parameter("error").as_deref(), Some(error), "{}", self.location());
        assert_eq!(self.parameter("iss").as_deref(), Some(ISSUER));
        assert_eq!(self.parameter("code"), None);
    }

    /// Asserts a page that says what is wrong: nobody is sent anywhere.
    #[track_caller]
    pub(super) fn is_trouble(&self) {
        assert_eq!(self.status, 400, "{:?}", self.headers);
        assert!(!self.headers.contains_key(LOCATION) && !self.body.contains("<form"), "{}", self.body);
    }

    pub(super) fn shows(&self, text: &str) -> bool {
        self.body.contains(text)
    }
}
