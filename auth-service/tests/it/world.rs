//! A service of one's own for each test, and those who call it.

use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use auth_service::Service;
use auth_service::accounts::{Role, Roles, store};
use auth_service::config::Settings;
use auth_service::migration::Migrator;
use auth_service::passwords::Password;
use axum::Router;
use axum::body::Body;
use clap::Parser;
use http::header::{AUTHORIZATION, CONTENT_TYPE, USER_AGENT, WWW_AUTHENTICATE};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use sea_orm::DatabaseConnection;
use secrecy::SecretString;
use serde_json::{Value, json};
use shared::clock::{Clock as _, Timestamp};
use shared::database;
use shared::random::SystemRandom;
use shared::testing::{FakeClock, new_database};
use tower::ServiceExt as _;

/// What the accounts of these tests log in with.
pub(crate) const PASSWORD: &str = "correct horse battery staple";
pub(crate) const ISSUER: &str = "http://127.0.0.1:5001";
pub(crate) const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

#[derive(Debug, Parser)]
struct Wrapper {
    #[command(flatten)]
    settings: Settings,
}

/// Settings as the command line would give them.
pub(crate) fn settings(flags: &[&str]) -> Settings {
    let fixed = ["auth-service", "--key-encryption-key", KEY];
    let arguments = fixed.iter().chain(flags).map(OsString::from);
    Wrapper::try_parse_from(arguments).unwrap().settings
}

/// Connects to a database, with its schema up to date.
pub(crate) async fn connect(url: &SecretString) -> DatabaseConnection {
    let database = database::connect("TEST", url).await.unwrap();
    database::migrate::<Migrator>(&database).await.unwrap();
    database
}

/// A running service with its clock.
pub(crate) struct World {
    pub(crate) service: Service,
    pub(crate) clock: Arc<FakeClock>,
}

impl World {
    /// By the default settings.
    pub(crate) async fn new() -> Self {
        Self::with(&[]).await
    }

    /// By these flags.
    pub(crate) async fn with(flags: &[&str]) -> Self {
        Self::on(connect(&new_database().await).await, flags).await
    }

    /// On this database.
    pub(crate) async fn on(database: DatabaseConnection, flags: &[&str]) -> Self {
        let clock = Arc::new(FakeClock::default());
        let (config, sealer) = settings(flags).check().unwrap();
        let random = Arc::new(SystemRandom::new());
        let service = Service::start(config, sealer, database, clock.clone(), random).await.unwrap();
        Self { service, clock }
    }

    pub(crate) fn database(&self) -> &DatabaseConnection {
        &self.service.app.database
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Makes an account with [`PASSWORD`].
    pub(crate) async fn account(&self, username: &str, role: Role) {
        let app = &self.service.app;
        let hash = app.passwords.hash(Password::presented(PASSWORD).unwrap()).await.unwrap();
        let (name, roles) = (username.parse().unwrap(), Roles::new([role]));
        store::create(&app.database, app.random.uuid(), &name, hash, &roles, self.now()).await.unwrap();
    }

    /// A caller without any token.
    pub(crate) fn anonymous(&self) -> Caller {
        Caller { app: self.service.routes.clone(), token: None }
    }

    /// A caller with this token.
    pub(crate) fn bearer(&self, token: &str) -> Caller {
        Caller { app: self.service.routes.clone(), token: Some(token.to_owned()) }
    }

    /// Makes an account with this role and logs it in.
    pub(crate) async fn member(&self, username: &str, role: Role) -> Tokens {
        self.account(username, role).await;
        self.log_in(username).await
    }

    pub(crate) async fn librarian(&self) -> Tokens {
        self.member("lib", Role::Librarian).await
    }

    pub(crate) async fn log_in(&self, username: &str) -> Tokens {
        self.try_log_in(username, PASSWORD).await.tokens()
    }

    pub(crate) async fn try_log_in(&self, username: &str, password: &str) -> Answer {
        self.anonymous().post("/login", json!({"username": username, "password": password})).await
    }

    pub(crate) async fn refresh(&self, refresh_token: &str) -> Answer {
        self.bearer(refresh_token).send(Method::POST, "/refresh", None).await
    }

    pub(crate) async fn log_out(&self, token: &str) -> Answer {
        self.bearer(token).send(Method::POST, "/logout", None).await
    }

    /// The status of `GET /me`, which says whether an access token is still good here.
    pub(crate) async fn me(&self, access_token: &str) -> Answer {
        self.bearer(access_token).get("/me").await
    }

    /// The kinds of audit events so far, in order.
    pub(crate) async fn audit(&self) -> Vec<String> {
        use auth_service::entity::audit_event::{Column, Entity};
        use sea_orm::{EntityTrait as _, QueryOrder as _};
        let events = Entity::find().order_by_asc(Column::Id).all(self.database()).await.unwrap();
        events
            .into_iter()
            .map(|event| format!("{}{}", event.kind, if event.success { "" } else { "!" }))
            .collect()
    }
}

/// The tokens of a session.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) body: Value,
}

/// Somebody who sends requests.
#[derive(Clone)]
pub(crate) struct Caller {
    app: Router,
    token: Option<String>,
}

impl Caller {
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, Some(body)).await
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header(USER_AGENT, "tests/1.0");
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = match body {
            Some(json) => request.header(CONTENT_TYPE, "application/json").body(Body::from(json.to_string())),
            None => request.body(Body::empty()),
        };
        self.raw(request.unwrap()).await
    }

    pub(crate) async fn raw(&self, request: Request<Body>) -> Answer {
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let answer = Answer {
            status: parts.status,
            headers: parts.headers,
            body: serde_json::from_slice(&body).unwrap_or(Value::Null),
        };
        answer.keep_the_rules();
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
    fn keep_the_rules(&self) {
        assert!(!self.status.is_server_error() || self.status == 503, "{self:?}");
        assert!(self.headers.contains_key("x-request-id"));
        if self.status.is_client_error() {
            assert_eq!(self.headers[CONTENT_TYPE], "application/problem+json");
            assert_eq!(self.headers["cache-control"], "no-store");
            assert_eq!(self.body["status"], self.status.as_u16());
            assert!(self.body["code"].is_string(), "{self:?}");
        }
        if matches!(self.status.as_u16(), 401 | 403) {
            let challenge = self.headers[WWW_AUTHENTICATE].to_str().unwrap();
            assert!(challenge.starts_with("Bearer realm=\"auth\""), "{challenge}");
        }
        if self.status == 401 {
            assert!(self.body["msg"].is_string(), "{self:?}");
        }
        if self.status == 404 && self.body["code"] != "no_such_route" {
            assert!(self.body["error"].is_string(), "{self:?}");
        }
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self
    }

    /// Asserts a 401 with this `msg`.
    #[track_caller]
    pub(crate) fn unauthorized(self, msg: &str) {
        assert_eq!((self.status.as_u16(), &self.body["msg"]), (401, &json!(msg)));
    }

    /// Asserts a 422 that complains of exactly these fields.
    #[track_caller]
    pub(crate) fn complains_of(self, fields: &[&str]) {
        assert_eq!(self.status.as_u16(), 422, "{}", self.body);
        let errors = self.body["errors"].as_array().unwrap();
        let named: Vec<_> = errors.iter().map(|error| error["field"].as_str().unwrap()).collect();
        assert_eq!(named, fields, "{}", self.body);
    }

    #[track_caller]
    pub(crate) fn tokens(self) -> Tokens {
        let answer = self.expect(200);
        assert_eq!(answer.headers["cache-control"], "no-store");
        let text = |name: &str| answer.body[name].as_str().unwrap().to_owned();
        Tokens { access: text("access_token"), refresh: text("refresh_token"), body: answer.body.clone() }
    }
}

/// The claims of a token, as anybody can read them.
pub(crate) fn claims(token: &str) -> Value {
    part(token, 1)
}

/// The header of a token.
pub(crate) fn header(token: &str) -> Value {
    part(token, 0)
}

fn part(token: &str, index: usize) -> Value {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let text = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
}
