//! The settings: a flag and a variable for each. What one alone cannot tell is checked in [`Settings::check`].

mod database;
mod keys;
mod passwords;

use std::net::SocketAddr;
use std::time::Duration;

use argon2::Params;
use clap::{Args, ValueEnum, value_parser};
use http::HeaderValue;
use secrecy::SecretString;
use shared::database::DEFAULT_CONNECTIONS;
use shared::http::{ConnectionLimits, EdgeSettings, ServeSettings, TrustedProxies};
use shared::settings::{Issuer, SettingError, Span, span_or_zero};
use shared::telemetry::{LogFormat, TraceSettings};
use url::Url;

use crate::passwords::PasswordRules;
use crate::tokens::life::KeyLife;
use crate::tokens::mint::OWN_AUDIENCE;
use crate::tokens::sealer::Sealer;
use crate::tokens::session::GracePolicy;

pub use self::database::DatabaseSettings;
pub use self::keys::{KeySettings, SealingSettings};
pub use self::passwords::PasswordSettings;

/// Who may make an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Registration {
    /// Operators only.
    Closed,
    /// Everybody.
    Open,
}

/// Settings of `serve`.
#[derive(Clone, Debug, Args)]
pub struct Settings {
    /// Address of the service
    #[arg(long, env = "AUTH_LISTEN", default_value = "127.0.0.1:5001", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// Address of health and metrics; never public
    #[arg(long, env = "AUTH_MANAGEMENT_LISTEN", default_value = "127.0.0.1:9001", value_name = "ADDRESS")]
    pub management_listen: SocketAddr,
    #[command(flatten)]
    pub database: DatabaseSettings,
    /// Connections to MySQL at a time
    #[arg(long, env = "AUTH_DATABASE_CONNECTIONS", default_value_t = DEFAULT_CONNECTIONS, value_name = "N", value_parser = value_parser!(u32).range(1..=1000))]
    pub database_connections: u32,
    /// How the log is written
    #[arg(long, env = "AUTH_LOG_FORMAT", value_enum, default_value = "pretty")]
    pub log_format: LogFormat,
    #[command(flatten)]
    pub traces: TraceSettings,
    /// Networks whose X-Forwarded-For is believed, with commas between them
    #[arg(
        long,
        env = "AUTH_TRUSTED_PROXIES",
        default_value = "",
        hide_default_value = true,
        value_name = "NETWORKS"
    )]
    pub trusted_proxies: TrustedProxies,
    /// How long requests under way may take once the service is asked to end
    #[arg(long, env = "AUTH_SHUTDOWN_GRACE", default_value = "10s", value_name = "SPAN")]
    pub shutdown_grace: Span,
    /// How long before that it goes on to take requests while it says that it is not ready, for balancers to notice
    #[arg(long, env = "AUTH_SHUTDOWN_DRAIN", default_value = "0s", value_name = "SPAN", value_parser = span_or_zero)]
    pub shutdown_drain: Duration,
    /// The issuer of all tokens: the URL that clients reach this service by
    #[arg(long, env = "AUTH_ISSUER", default_value = "http://127.0.0.1:5001", value_name = "URL")]
    pub issuer: Issuer,
    /// Whom access tokens are for
    #[arg(long, env = "AUTH_AUDIENCE", default_value = "books", value_name = "NAME")]
    pub audience: String,
    /// How long sessions last without a refresh [default: as long as refresh tokens]
    #[arg(long, env = "AUTH_SESSION_IDLE_TTL", value_name = "SPAN")]
    pub session_idle_ttl: Option<Span>,
    /// How long somebody stays signed in with a browser, for applications to open sessions without asking again
    #[arg(long, env = "AUTH_BROWSER_SESSION_TTL", default_value = "12h", value_name = "SPAN")]
    pub browser_session_ttl: Span,
    /// Sessions of an account at one client, of one kind, at a time; with one more, the one unused for longest ends
    #[arg(long, env = "AUTH_SESSIONS_PER_ACCOUNT", default_value_t = 1000, value_name = "N", value_parser = value_parser!(u32).range(1..=10_000))]
    pub sessions_per_account: u32,
    /// Further resources that every client may name (RFC 8707), with commas between them
    #[arg(long, env = "AUTH_RESOURCES", value_delimiter = ',', value_name = "URLS", value_parser = resource)]
    pub resources: Vec<String>,
    /// Who may register a client by itself (RFC 7591)
    #[arg(long, env = "AUTH_CLIENT_REGISTRATION", value_enum, default_value = "closed")]
    pub client_registration: Registration,
    /// How long a refresh token is answered after its successor was made [default: sessions of /login until the
    /// successor is used, of /oauth2 60s]
    #[arg(long, env = "AUTH_REFRESH_GRACE", value_name = "SPAN", value_parser = span_or_zero)]
    pub refresh_grace: Option<Duration>,
    #[command(flatten)]
    pub keys: KeySettings,
    /// How long the audit trail is kept
    #[arg(long, env = "AUTH_AUDIT_RETENTION", default_value = "365d", value_name = "SPAN")]
    pub audit_retention: Span,
    /// Who may make an account
    #[arg(long, env = "AUTH_REGISTRATION", value_enum, default_value = "closed")]
    pub registration: Registration,
    #[command(flatten)]
    pub passwords: PasswordSettings,
}

/// Settings that were checked, each in the form that it is used in.
#[derive(Debug)]
pub struct Config {
    /// Address of the service.
    pub listen: SocketAddr,
    /// Address of health and metrics.
    pub management_listen: SocketAddr,
    /// Where accounts, sessions and keys are.
    pub database_url: SecretString,
    /// Connections to MySQL at a time.
    pub database_connections: u32,
    /// Bounds of the HTTP edge.
    pub edge: EdgeSettings,
    /// How the service ends.
    pub serve: ServeSettings,
    /// The issuer of all tokens.
    pub issuer: Issuer,
    /// Whom access tokens are for.
    pub audience: String,
    /// How long access tokens last.
    pub access_token_ttl: Duration,
    /// How long sessions last.
    pub refresh_token_ttl: Duration,
    /// How long sessions last without a refresh.
    pub session_idle_ttl: Duration,
    /// How long somebody stays signed in with a browser.
    pub browser_session_ttl: Duration,
    /// Sessions of an account at one client, of one kind, at a time.
    pub sessions_per_account: u32,
    /// Resources that every client may name.
    pub resources: Vec<String>,
    /// Whether everybody may register a client.
    pub client_registration_open: bool,
    /// How long the predecessor of a refresh token is answered.
    pub grace: GracePolicy,
    /// The life of signing keys.
    pub key_life: KeyLife,
    /// What others are told of how long they may keep our public keys.
    pub jwks_cache_control: HeaderValue,
    /// How long the audit trail is kept.
    pub audit_retention: Duration,
    /// Whether everybody may make an account.
    pub registration_open: bool,
    /// What a new password must be.
    pub password_rules: PasswordRules,
    /// The costs of Argon2id.
    pub argon2: Params,
    /// Passwords that are hashed at a time.
    pub hash_slots: usize,
    /// How long a sign-in waits for a slot.
    pub hash_queue_deadline: Duration,
}

/// A resource as clients name it: an absolute URI without a fragment (RFC 8707 §2).
///
/// # Errors
/// It is something else.
pub fn resource(text: &str) -> Result<String, String> {
    let url = Url::parse(text).map_err(|_| "must be an absolute URI".to_owned())?;
    if url.fragment().is_some() || text.contains(char::is_whitespace) {
        return Err("must be an absolute URI without a fragment".to_owned());
    }
    Ok(text.to_owned())
}

impl Config {
    /// The address of one of our endpoints, for clients.
    pub fn endpoint(&self, path: &str) -> String {
        format!("{}{path}", self.issuer.as_str().trim_end_matches('/'))
    }
}

impl Settings {
    /// Checks the settings against each other. Returns the key that seals the signing keys apart: whoever starts the
    /// service hands it to the keyring, and nobody else has it.
    ///
    /// # Errors
    /// One of them cannot be used, or not with another.
    pub fn check(&self) -> Result<(Config, Sealer), SettingError> {
        let sealer = self.keys.sealing.sealer()?;
        if self.audience.is_empty() || self.audience == OWN_AUDIENCE {
            return Err(SettingError::new("AUTH_AUDIENCE", "must be a name other than \"auth\""));
        }
        let (access, refresh) = (self.keys.access_token_ttl.get(), self.keys.refresh_token_ttl.get());
        for (name, span) in
            [("AUTH_ACCESS_TOKEN_TTL", access), ("AUTH_JWKS_MAX_AGE", self.keys.jwks_max_age.get())]
        {
            if span < Duration::from_secs(1) {
                return Err(SettingError::new(name, "must be at least 1s"));
            }
        }
        if access > refresh {
            return Err(SettingError::new(
                "AUTH_ACCESS_TOKEN_TTL",
                "must not be longer than AUTH_REFRESH_TOKEN_TTL",
            ));
        }
        let idle = self.session_idle_ttl.map_or(refresh, Span::get);
        if idle > refresh || idle < access {
            let problem = "must be from AUTH_ACCESS_TOKEN_TTL to AUTH_REFRESH_TOKEN_TTL";
            return Err(SettingError::new("AUTH_SESSION_IDLE_TTL", problem));
        }
        let config = Config {
            listen: self.listen,
            management_listen: self.management_listen,
            database_url: self.database.url()?,
            database_connections: self.database_connections,
            edge: EdgeSettings { trusted_proxies: self.trusted_proxies.clone(), ..EdgeSettings::default() },
            serve: ServeSettings {
                drain: self.shutdown_drain,
                grace: self.shutdown_grace.get(),
                limits: ConnectionLimits {
                    trusted_proxies: self.trusted_proxies.clone(),
                    ..ConnectionLimits::default()
                },
            },
            issuer: self.issuer.clone(),
            audience: self.audience.clone(),
            access_token_ttl: access,
            refresh_token_ttl: refresh,
            session_idle_ttl: idle,
            browser_session_ttl: self.browser_session_ttl.get(),
            sessions_per_account: self.sessions_per_account,
            resources: self.resources.clone(),
            client_registration_open: self.client_registration == Registration::Open,
            grace: GracePolicy { everywhere: self.refresh_grace },
            key_life: self.keys.life()?,
            jwks_cache_control: self.keys.cache_control()?,
            audit_retention: self.audit_retention.get(),
            registration_open: self.registration == Registration::Open,
            password_rules: self.passwords.rules(self.issuer.url().host_str())?,
            argon2: self.passwords.params()?,
            hash_slots: self.passwords.slots()?,
            hash_queue_deadline: self.passwords.hash_queue_deadline.get(),
        };
        Ok((config, sealer))
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Wrapper {
        #[command(flatten)]
        settings: Settings,
    }

    const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

    fn check(flags: &[&str]) -> Result<Config, String> {
        let arguments = ["auth-service", "--key-encryption-key", KEY].iter().chain(flags).map(OsString::from);
        let wrapper: Wrapper = shared::settings::parse(arguments).map_err(|error| error.to_string())?;
        wrapper.settings.check().map(|(config, _)| config).map_err(|error| error.to_string())
    }

    #[test]
    fn the_defaults_are_those_of_the_contract() {
        let config = check(&[]).unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:5001");
        assert_eq!(config.access_token_ttl, Duration::from_secs(900));
        assert_eq!(config.refresh_token_ttl, Duration::from_secs(30 * 86400));
        assert_eq!((config.argon2.m_cost(), config.argon2.t_cost(), config.argon2.p_cost()), (19456, 2, 1));
        assert!(!config.registration_open);
    }

    #[test]
    fn what_cannot_be_used_names_the_setting() {
        for (flags, name) in [
            (&["--access-token-ttl", "soon"][..], "AUTH_ACCESS_TOKEN_TTL"),
            (&["--access-token-ttl", "31d"], "AUTH_ACCESS_TOKEN_TTL"),
            (&["--session-idle-ttl", "1m"], "AUTH_SESSION_IDLE_TTL"),
            (&["--sessions-per-account", "0"], "AUTH_SESSIONS_PER_ACCOUNT"),
            (&["--issuer", "books"], "AUTH_ISSUER"),
            (&["--audience", "auth"], "AUTH_AUDIENCE"),
            (&["--listen", "localhost"], "AUTH_LISTEN"),
            (&["--trusted-proxies", "everybody"], "AUTH_TRUSTED_PROXIES"),
            (&["--key-announce", "5m"], "AUTH_KEY_ANNOUNCE"),
            (&["--key-rotate-every", "24h"], "AUTH_KEY_ROTATE_EVERY"),
            (&["--jwks-max-age", "25h"], "AUTH_KEY_ANNOUNCE"),
            (&["--argon2-memory-kib", "1024"], "AUTH_ARGON2_MEMORY_KIB"),
            (&["--argon2-time", "1"], "AUTH_ARGON2_TIME"),
            (&["--argon2-memory-kib", "262145"], "AUTH_ARGON2_MEMORY_KIB"),
            (&["--hash-slots", "0"], "AUTH_HASH_SLOTS"),
            (&["--hash-slots", "18446744073709551615"], "AUTH_HASH_SLOTS"),
            (&["--access-token-ttl", "999ms"], "AUTH_ACCESS_TOKEN_TTL"),
            (&["--jwks-max-age", "1ms"], "AUTH_JWKS_MAX_AGE"),
            (&["--key-rotate-every", "2d", "--refresh-token-ttl", "90d"], "AUTH_KEY_ROTATE_EVERY"),
            (&["--password-min-length", "7"], "AUTH_PASSWORD_MIN_LENGTH"),
            (&["--registration", "maybe"], "AUTH_REGISTRATION"),
            (&["--log-format", "xml"], "AUTH_LOG_FORMAT"),
            (&["--key-encryption-key-file", "/dev/null"], "AUTH_KEY_ENCRYPTION_KEY"),
        ] {
            let error = check(flags).map(drop).unwrap_err();
            assert!(error.contains(name), "{flags:?}: {error}");
        }
    }
}
