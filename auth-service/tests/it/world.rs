//! A service of one's own for each test, and those who call it.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use auth_service::Service;
use auth_service::accounts::change::{self, AccountChange, Changer};
use auth_service::accounts::store::{self, NewPassword};
use auth_service::accounts::{Role, Roles};
use auth_service::config::{Config, Settings};
use auth_service::entity::account;
use auth_service::migration::Migrator;
use auth_service::passwords::Password;
use axum::body::Body;
use axum::extract::ConnectInfo;
use clap::Parser;
use http::header::CONTENT_TYPE;
use http::{Method, Request};
use sea_orm::DatabaseConnection;
use secrecy::SecretString;
use serde_json::{Value, json};
use shared::clock::{Clock as _, Timestamp};
use shared::database;
use shared::random::{Random, SystemRandom};
use shared::testing::{Answer, Caller, FakeClock, new_database};

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
        Self::configured(database, flags, |_| ()).await
    }

    /// On this database, with what no flag can set.
    pub(crate) async fn configured(
        database: DatabaseConnection,
        flags: &[&str],
        bend: impl FnOnce(&mut Config),
    ) -> Self {
        Self::by_chance_of(Arc::new(SystemRandom::new()), database, flags, bend).await
    }

    /// The same with this in place of chance.
    pub(crate) async fn by_chance_of(
        random: Arc<dyn Random>,
        database: DatabaseConnection,
        flags: &[&str],
        bend: impl FnOnce(&mut Config),
    ) -> Self {
        crate::log::watch();
        let clock = Arc::new(FakeClock::default());
        let (mut config, sealer) = settings(flags).check().unwrap();
        bend(&mut config);
        let service = Service::start(config, sealer, database, clock.clone(), random).await.unwrap();
        Self { service, clock }
    }

    pub(crate) fn database(&self) -> &DatabaseConnection {
        &self.service.app.database
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn clock_seconds(&self) -> i64 {
        self.now().seconds()
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Makes an account with [`PASSWORD`].
    pub(crate) async fn account(&self, username: &str, role: Role) {
        self.account_with(username, role, PASSWORD).await;
    }

    /// Makes an account with this password.
    pub(crate) async fn account_with(&self, username: &str, role: Role, password: &str) {
        let app = &self.service.app;
        let hash = app.passwords.hash(Password::presented(password).unwrap()).await.unwrap();
        let (name, roles) = (username.parse().unwrap(), Roles::new([role]));
        let password = NewPassword::chosen(hash);
        store::create(&app.database, app.random.uuid(), &name, password, &roles, self.now()).await.unwrap();
    }

    /// A caller without any token.
    pub(crate) fn anonymous(&self) -> Caller {
        Caller::anonymous(self.service.routes.clone(), "auth")
    }

    /// A caller with this token.
    pub(crate) fn bearer(&self, token: &str) -> Caller {
        self.anonymous().with_token(token)
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

    /// The same from this address.
    pub(crate) async fn try_log_in_from(&self, ip: &str, username: &str, password: &str) -> Answer {
        let body = json!({"username": username, "password": password}).to_string();
        let mut request = Request::post("/login").header(CONTENT_TYPE, "application/json");
        request = request.extension(ConnectInfo(SocketAddr::new(ip.parse().unwrap(), 40_000)));
        self.anonymous().raw(request.body(Body::from(body)).unwrap()).await
    }

    /// The row of an account.
    pub(crate) async fn row(&self, username: &str) -> account::Model {
        store::find_by_name(self.database(), &username.parse().unwrap()).await.unwrap().unwrap()
    }

    /// Gives an account this hash.
    pub(crate) async fn give_hash(&self, username: &str, hash: &str) {
        let (account, password) = (self.row(username).await, NewPassword::chosen(hash.to_owned()));
        store::set_password(self.database(), account.id, password, self.now()).await.unwrap();
    }

    /// Bars an account from signing in, as an operator does.
    pub(crate) async fn disable(&self, username: &str) {
        let change = AccountChange { disabled: Some(true), ..AccountChange::default() };
        let account = self.row(username).await;
        change::change(self.database(), account.id, &change, Changer::Operator, self.now()).await.unwrap();
    }

    pub(crate) async fn refresh(&self, refresh_token: &str) -> Answer {
        self.bearer(refresh_token).send(Method::POST, "/refresh", &[], None).await
    }

    pub(crate) async fn log_out(&self, token: &str) -> Answer {
        self.bearer(token).send(Method::POST, "/logout", &[], None).await
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

/// An answer that carries the tokens of a session.
pub(crate) trait CarriesTokens {
    fn tokens(self) -> Tokens;
}

impl CarriesTokens for Answer {
    #[track_caller]
    fn tokens(self) -> Tokens {
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
