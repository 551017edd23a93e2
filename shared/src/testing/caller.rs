use axum::Router;
use axum::body::Body;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, USER_AGENT, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// Somebody who sends requests to a router, with or without a token. Every answer is held to the rules of the edge.
#[derive(Clone, Debug)]
pub struct Caller {
    app: Router,
    realm: &'static str,
    token: Option<String>,
}

#[expect(clippy::expect_used, reason = "a test that cannot send its request cannot go on")]
impl Caller {
    /// A caller without a token, of a service that challenges for this realm.
    pub fn anonymous(app: Router, realm: &'static str) -> Self {
        Self { app, realm, token: None }
    }

    /// The same with this token.
    pub fn with_token(self, token: impl Into<String>) -> Self {
        Self { token: Some(token.into()), ..self }
    }

    /// Sends a `GET`.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], None).await
    }

    /// Sends a `POST` with JSON.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, &[], Some(body)).await
    }

    /// Sends a `PUT` with JSON.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, &[], Some(body)).await
    }

    /// Sends a `PATCH` with JSON.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PATCH, path, &[], Some(body)).await
    }

    /// Sends a `DELETE`.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, &[], None).await
    }

    /// Sends a request with these headers, and JSON where there is some.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(HeaderName, &str)],
        body: Option<Value>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header(USER_AGENT, "tests/1.0");
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        let request = match body {
            Some(json) => request.header(CONTENT_TYPE, "application/json").body(Body::from(json.to_string())),
            None => request.body(Body::empty()),
        };
        self.raw(request.expect("a request")).await
    }

    /// Sends any request, with the token of the caller where there is one.
    pub async fn raw(&self, mut request: Request<Body>) -> Answer {
        if let Some(token) = &self.token {
            let bearer = format!("Bearer {token}").try_into().expect("a header");
            request.headers_mut().insert(AUTHORIZATION, bearer);
        }
        let has_body = request.method() != Method::HEAD;
        let response = self.app.clone().oneshot(request).await.unwrap_or_else(|never| match never {});
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("the body").to_bytes();
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let answer = Answer { status: parts.status, headers: parts.headers, body };
        answer.keep_the_rules(self.realm, has_body);
        answer
    }
}

/// An answer, with its body as JSON where it is some.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Value,
}

impl Answer {
    /// What holds for every answer there is.
    #[track_caller]
    fn keep_the_rules(&self, realm: &str, has_body: bool) {
        assert!(self.headers.contains_key("x-request-id"), "{self:?}");
        assert!(!self.status.is_server_error() || self.status == 503, "input causes no 5xx: {self:?}");
        let asks_to_wait = matches!(self.status.as_u16(), 429 | 503);
        assert_eq!(asks_to_wait, self.headers.contains_key(RETRY_AFTER), "{self:?}");
        if self.status.is_client_error() || self.status.is_server_error() {
            assert_eq!(self.header(CONTENT_TYPE), "application/problem+json");
            assert_eq!(self.header(CACHE_CONTROL), "no-store");
            assert!(!has_body || self.body["status"] == self.status.as_u16(), "{self:?}");
            assert!(!has_body || self.body["code"].is_string(), "{self:?}");
        }
        if matches!(self.status.as_u16(), 401 | 403) {
            let challenge = self.header(WWW_AUTHENTICATE);
            assert!(challenge.starts_with(&format!("Bearer realm=\"{realm}\"")), "{challenge}");
        }
        if self.status == 401 && has_body {
            assert!(self.body["msg"].is_string(), "{self:?}");
        }
        if self.status == 404 && has_body {
            assert!(self.body["error"].is_string(), "{self:?}");
        }
    }

    /// The text of a header; empty where there is none.
    pub fn header(&self, name: HeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Asserts the status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self
    }

    /// Asserts a 401 with this `msg`.
    #[track_caller]
    pub fn unauthorized(self, msg: &str) {
        assert_eq!((self.status.as_u16(), &self.body["msg"]), (401, &json!(msg)));
    }

    /// Asserts a 422 that complains of exactly these fields.
    #[track_caller]
    pub fn complains_of(self, fields: &[&str]) {
        assert_eq!(self.status.as_u16(), 422, "{}", self.body);
        let errors = self.body["errors"].as_array().into_iter().flatten();
        let named: Vec<_> = errors.map(|error| error["field"].as_str().unwrap_or_default()).collect();
        assert_eq!(named, fields, "{}", self.body);
    }
}
