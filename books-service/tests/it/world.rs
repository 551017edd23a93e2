//! A service of one's own for each test, its issuer, and those who call it.

use std::ffi::OsString;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use books_service::Service;
use books_service::config::Settings;
use books_service::migration::Migrator;
use clap::Parser;
use http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use shared::clock::Clock as _;
use shared::database;
use shared::random::SystemRandom;
use shared::testing::{FakeClock, MockIssuer, TestKey, TokenBuilder, new_database};
use tower::ServiceExt as _;

#[derive(Debug, Parser)]
struct Wrapper {
    #[command(flatten)]
    settings: Settings,
}

/// A running service, its issuer, and the time of both.
pub(crate) struct World {
    pub(crate) service: Service,
    pub(crate) issuer: MockIssuer,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) key: TestKey,
}

impl World {
    /// With an issuer that works, and its keys loaded.
    pub(crate) async fn new() -> Self {
        let key = TestKey::a();
        let world = Self::with(MockIssuer::with_key(&key).await).await;
        world.service.keys_loaded().await;
        world
    }

    /// With this issuer, whatever it does.
    pub(crate) async fn with(issuer: MockIssuer) -> Self {
        let clock = Arc::new(FakeClock::default());
        let arguments = ["books-service", "--issuer", issuer.issuer().as_str()].map(OsString::from);
        let mut config = Wrapper::try_parse_from(arguments).unwrap().settings.check().unwrap();
        config.jwks.wait_for_keys = std::time::Duration::from_millis(200);
        let database = database::connect("TEST", &new_database().await).await.unwrap();
        database::migrate::<Migrator>(&database).await.unwrap();
        let random = Arc::new(SystemRandom::new());
        let service = Service::start(config, database, clock.clone(), random).await.unwrap();
        Self { service, issuer, clock, key: TestKey::a() }
    }

    /// A valid token without scope, to be bent.
    pub(crate) fn token(&self) -> TokenBuilder {
        TokenBuilder::new(self.issuer.issuer().as_str(), "books", self.clock.now())
    }

    pub(crate) fn anonymous(&self) -> Caller {
        Caller { app: self.service.routes.clone(), token: None }
    }

    pub(crate) fn bearer(&self, token: String) -> Caller {
        Caller { app: self.service.routes.clone(), token: Some(token) }
    }

    pub(crate) fn with_scope(&self, scope: &str) -> Caller {
        self.bearer(self.token().scope(scope).sign(&self.key))
    }

    pub(crate) fn reader(&self) -> Caller {
        self.with_scope("books:read")
    }

    pub(crate) fn librarian(&self) -> Caller {
        self.with_scope("books:read books:write")
    }
}

/// Somebody who sends requests.
#[derive(Clone)]
pub(crate) struct Caller {
    app: Router,
    token: Option<String>,
}

impl Caller {
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, &[], Some(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, &[], Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PATCH, path, &[], Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, &[], None).await
    }

    /// Adds a book and returns its address.
    pub(crate) async fn add(&self, title: &str, author: &str) -> String {
        let answer = self.post("/books", json!({"title": title, "author": author})).await.expect(201);
        answer.header("location").to_owned()
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(HeaderName, &str)],
        body: Option<Value>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        let request = match body {
            Some(json) => request.header(CONTENT_TYPE, "application/json").body(Body::from(json.to_string())),
            None => request.body(Body::empty()),
        };
        self.raw(request.unwrap()).await
    }

    pub(crate) async fn raw(&self, mut request: Request<Body>) -> Answer {
        if let Some(token) = &self.token {
            request.headers_mut().insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
        }
        let has_body = request.method() != Method::HEAD;
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let answer = Answer {
            status: parts.status,
            headers: parts.headers,
            body: serde_json::from_slice(&body).unwrap_or(Value::Null),
        };
        answer.keep_the_rules(has_body);
        answer
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// What holds for every answer there is.
    fn keep_the_rules(&self, has_body: bool) {
        assert!(!self.status.is_server_error() || self.status == 503, "{self:?}");
        if self.status == 503 {
            assert!(self.headers.contains_key("retry-after"), "{self:?}");
        }
        if self.status.is_client_error() || self.status.is_server_error() {
            assert_eq!(self.header("content-type"), "application/problem+json");
            assert!(!has_body || self.body["status"] == self.status.as_u16(), "{self:?}");
            assert!(!has_body || self.body["code"].is_string(), "{self:?}");
        }
        if matches!(self.status.as_u16(), 401 | 403) {
            let challenge = self.headers[WWW_AUTHENTICATE].to_str().unwrap();
            assert!(challenge.starts_with("Bearer realm=\"books\", resource_metadata=\"http"), "{challenge}");
            assert_eq!(self.header("cache-control"), "no-store");
        }
        if self.status == 401 && has_body {
            assert!(self.body["msg"].is_string(), "{self:?}");
        }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self
    }

    #[track_caller]
    pub(crate) fn unauthorized(self, msg: &str) {
        assert_eq!((self.status.as_u16(), &self.body["msg"]), (401, &json!(msg)));
    }

    #[track_caller]
    pub(crate) fn complains_of(self, fields: &[&str]) {
        assert_eq!(self.status.as_u16(), 422, "{}", self.body);
        let errors = self.body["errors"].as_array().unwrap();
        let named: Vec<_> = errors.iter().map(|error| error["field"].as_str().unwrap()).collect();
        assert_eq!(named, fields, "{}", self.body);
    }

    /// The titles of a list.
    #[track_caller]
    pub(crate) fn titles(self) -> Vec<String> {
        let answer = self.expect(200);
        let books = answer.body.as_array().unwrap();
        books.iter().map(|book| book["title"].as_str().unwrap().to_owned()).collect()
    }
}
