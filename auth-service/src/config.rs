//! The settings: a flag and a variable for each. What one alone cannot tell is checked in [`Settings::check`].

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use argon2::Params;
use clap::{Args, ValueEnum, value_parser};
use secrecy::SecretString;
use shared::database::DEFAULT_CONNECTIONS;
use shared::http::{EdgeSettings, ServeSettings, TrustedProxies};
use shared::jwks::MAX_USABLE;
use shared::secret;
use shared::settings::{Issuer, SettingError, Span, span_or_zero};
use shared::telemetry::LogFormat;

use crate::passwords::{MOST_MEMORY_KIB, MOST_PASSES, PasswordRules};
use crate::tokens::keyring::LOOK_EVERY;
use crate::tokens::life::KeyLife;
use crate::tokens::mint::OWN_AUDIENCE;
use crate::tokens::sealer::Sealer;
use crate::tokens::session::GracePolicy;

/// Half of the threads that tokio has for work that takes its time.
const MOST_SLOTS: usize = 256;
/// How long past the end of every token its key is still published: for clocks that go wrong.
const RETIRE_MARGIN: Duration = Duration::from_secs(24 * 3600);

/// Where the accounts, sessions and keys are.
#[derive(Clone, Debug, Args)]
pub struct DatabaseSettings {
    /// mysql://user:password@host/database, or sqlite://file
    #[arg(long, env = "AUTH_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub database_url: Option<SecretString>,
    /// File that holds the database URL
    #[arg(long, env = "AUTH_DATABASE_URL_FILE", value_name = "FILE")]
    pub database_url_file: Option<PathBuf>,
}

impl DatabaseSettings {
    /// The URL, by default of a file in the working directory.
    ///
    /// # Errors
    /// It is given twice, or its file cannot be read.
    pub fn url(&self) -> Result<SecretString, SettingError> {
        let url = secret::resolve(
            "AUTH_DATABASE_URL",
            self.database_url.as_ref(),
            self.database_url_file.as_deref(),
        )?;
        Ok(url.unwrap_or_else(|| SecretString::from("sqlite://auth.db")))
    }
}

/// What passwords must be and cost.
#[derive(Clone, Debug, Args)]
pub struct PasswordSettings {
    /// Shortest password, in characters; at least 8
    #[arg(long, env = "AUTH_PASSWORD_MIN_LENGTH", default_value = "15", value_name = "N")]
    pub password_min_length: usize,
    /// Memory of one password hash, in KiB; at least 19456
    #[arg(long, env = "AUTH_ARGON2_MEMORY_KIB", default_value = "19456", value_name = "KIB")]
    pub argon2_memory_kib: u32,
    /// Passes over that memory; at least 2
    #[arg(long, env = "AUTH_ARGON2_TIME", default_value = "2", value_name = "N")]
    pub argon2_time: u32,
    /// Passwords that are hashed at a time [default: the number of cores]
    #[arg(long, env = "AUTH_HASH_SLOTS", value_name = "N")]
    pub hash_slots: Option<NonZeroUsize>,
    /// How long a sign-in waits for a free slot before it is sent away
    #[arg(long, env = "AUTH_HASH_QUEUE_DEADLINE", default_value = "2s", value_name = "SPAN")]
    pub hash_queue_deadline: Span,
}

impl PasswordSettings {
    /// The costs of Argon2id, with one lane.
    ///
    /// # Errors
    /// They are below those that OWASP recommends, or above what Argon2 can do.
    pub fn params(&self) -> Result<Params, SettingError> {
        if !(19_456..=MOST_MEMORY_KIB).contains(&self.argon2_memory_kib) {
            let problem = format!("must be from 19456 to {MOST_MEMORY_KIB}");
            return Err(SettingError::new("AUTH_ARGON2_MEMORY_KIB", problem));
        }
        if !(2..=MOST_PASSES).contains(&self.argon2_time) {
            return Err(SettingError::new("AUTH_ARGON2_TIME", format!("must be from 2 to {MOST_PASSES}")));
        }
        Params::new(self.argon2_memory_kib, self.argon2_time, 1, None)
            .map_err(|error| SettingError::new("AUTH_ARGON2_MEMORY_KIB", error.to_string()))
    }

    /// What a new password must be.
    ///
    /// # Errors
    /// It may be shorter than NIST allows.
    pub fn rules(&self) -> Result<PasswordRules, SettingError> {
        if !(8..=256).contains(&self.password_min_length) {
            return Err(SettingError::new("AUTH_PASSWORD_MIN_LENGTH", "must be from 8 to 256"));
        }
        Ok(PasswordRules { min_length: self.password_min_length })
    }

    /// How many passwords are hashed at a time.
    ///
    /// # Errors
    /// More than there are threads for it.
    pub fn slots(&self) -> Result<usize, SettingError> {
        match self
            .hash_slots
            .or_else(|| std::thread::available_parallelism().ok())
            .map_or(1, NonZeroUsize::get)
        {
            slots @ 1..=MOST_SLOTS => Ok(slots),
            _ => Err(SettingError::new("AUTH_HASH_SLOTS", format!("must be from 1 to {MOST_SLOTS}"))),
        }
    }
}

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
    /// How long access tokens last
    #[arg(long, env = "AUTH_ACCESS_TOKEN_TTL", default_value = "15m", value_name = "SPAN")]
    pub access_token_ttl: Span,
    /// How long sessions, and with them refresh tokens, last
    #[arg(long, env = "AUTH_REFRESH_TOKEN_TTL", default_value = "30d", value_name = "SPAN")]
    pub refresh_token_ttl: Span,
    /// How long sessions last without a refresh [default: as long as refresh tokens]
    #[arg(long, env = "AUTH_SESSION_IDLE_TTL", value_name = "SPAN")]
    pub session_idle_ttl: Option<Span>,
    /// How long a refresh token is answered after its successor was made [default: sessions of /login until the
    /// successor is used, of /oauth2 60s]
    #[arg(long, env = "AUTH_REFRESH_GRACE", value_name = "SPAN", value_parser = span_or_zero)]
    pub refresh_grace: Option<Duration>,
    /// Key that the signing keys are encrypted with in the database: 32 bytes in base64
    #[arg(long, env = "AUTH_KEY_ENCRYPTION_KEY", hide_env_values = true, value_name = "KEY")]
    pub key_encryption_key: Option<SecretString>,
    /// File that holds that key
    #[arg(long, env = "AUTH_KEY_ENCRYPTION_KEY_FILE", value_name = "FILE")]
    pub key_encryption_key_file: Option<PathBuf>,
    /// How often a new signing key is made
    #[arg(long, env = "AUTH_KEY_ROTATE_EVERY", default_value = "30d", value_name = "SPAN")]
    pub key_rotate_every: Span,
    /// How long a new key is published before it signs
    #[arg(long, env = "AUTH_KEY_ANNOUNCE", default_value = "24h", value_name = "SPAN")]
    pub key_announce: Span,
    /// How long others may keep our public keys
    #[arg(long, env = "AUTH_JWKS_MAX_AGE", default_value = "5m", value_name = "SPAN")]
    pub jwks_max_age: Span,
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
    /// How long the predecessor of a refresh token is answered.
    pub grace: GracePolicy,
    /// The life of signing keys.
    pub key_life: KeyLife,
    /// How long others may keep our public keys.
    pub jwks_max_age: Duration,
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

impl Settings {
    /// Checks the settings against each other. Returns the key that seals the signing keys apart: whoever starts the
    /// service hands it to the keyring, and nobody else has it.
    ///
    /// # Errors
    /// One of them cannot be used, or not with another.
    pub fn check(&self) -> Result<(Config, Sealer), SettingError> {
        let sealer = self.sealer()?;
        if self.audience.is_empty() || self.audience == OWN_AUDIENCE {
            return Err(SettingError::new("AUTH_AUDIENCE", "must be a name other than \"auth\""));
        }
        let (access, refresh) = (self.access_token_ttl.get(), self.refresh_token_ttl.get());
        for (name, span) in
            [("AUTH_ACCESS_TOKEN_TTL", access), ("AUTH_JWKS_MAX_AGE", self.jwks_max_age.get())]
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
            serve: ServeSettings { drain: self.shutdown_drain, grace: self.shutdown_grace.get() },
            issuer: self.issuer.clone(),
            audience: self.audience.clone(),
            access_token_ttl: access,
            refresh_token_ttl: refresh,
            session_idle_ttl: idle,
            grace: GracePolicy { everywhere: self.refresh_grace },
            key_life: self.key_life()?,
            jwks_max_age: self.jwks_max_age.get(),
            registration_open: self.registration == Registration::Open,
            password_rules: self.passwords.rules()?,
            argon2: self.passwords.params()?,
            hash_slots: self.passwords.slots()?,
            hash_queue_deadline: self.passwords.hash_queue_deadline.get(),
        };
        Ok((config, sealer))
    }

    fn sealer(&self) -> Result<Sealer, SettingError> {
        const NAME: &str = "AUTH_KEY_ENCRYPTION_KEY";
        let (value, file) = (self.key_encryption_key.as_ref(), self.key_encryption_key_file.as_deref());
        let key = secret::resolve(NAME, value, file)?
            .ok_or_else(|| SettingError::new(NAME, "is required; make one with: openssl rand -base64 32"))?;
        Sealer::new(&key).map_err(|problem| SettingError::new(NAME, problem))
    }

    /// A verifier that has cached our keys a moment before a new one was published must learn of it before it signs.
    fn key_life(&self) -> Result<KeyLife, SettingError> {
        let announce = self.key_announce.get();
        if announce < self.jwks_max_age.get() + 2 * LOOK_EVERY {
            let problem =
                "must be longer than AUTH_JWKS_MAX_AGE by a minute, or new keys sign before they are known";
            return Err(SettingError::new("AUTH_KEY_ANNOUNCE", problem));
        }
        if self.key_rotate_every.get() <= announce {
            return Err(SettingError::new("AUTH_KEY_ROTATE_EVERY", "must be longer than AUTH_KEY_ANNOUNCE"));
        }
        let longest_token = self.refresh_token_ttl.get().max(self.access_token_ttl.get());
        let retire = longest_token + RETIRE_MARGIN;
        let rotate_every = self.key_rotate_every.get();
        let published = 2 + (announce + retire).as_secs() / rotate_every.as_secs().max(1);
        if published > MAX_USABLE as u64 {
            let problem = format!(
                "is so short that {published} keys are published at a time; verifiers take {MAX_USABLE}"
            );
            return Err(SettingError::new("AUTH_KEY_ROTATE_EVERY", problem));
        }
        Ok(KeyLife { rotate_every, announce, retire })
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
