//! The settings: a flag and a variable for each. What one alone cannot tell is checked in [`Settings::check`].

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, value_parser};
use secrecy::SecretString;
use shared::database::DEFAULT_CONNECTIONS;
use shared::http::{ConnectionLimits, EdgeSettings, ServeSettings, TrustedProxies};
use shared::jwks::RemoteJwksSettings;
use shared::secret;
use shared::settings::{Issuer, SettingError, Span, is_secure, span_or_zero, web_url};
use shared::telemetry::{LogFormat, TraceSettings};
use url::Url;

const MAX_CLOCK_SKEW: Duration = Duration::from_secs(300);
const MAX_STALE: Duration = Duration::from_secs(24 * 3600);

/// Where the books are.
#[derive(Clone, Debug, Args)]
pub struct DatabaseSettings {
    /// mysql://user:password@host/database, or sqlite://file [default: sqlite://books.db]
    #[arg(long, env = "BOOKS_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub database_url: Option<SecretString>,
    /// File that holds the database URL
    #[arg(long, env = "BOOKS_DATABASE_URL_FILE", value_name = "FILE")]
    pub database_url_file: Option<PathBuf>,
}

impl DatabaseSettings {
    /// The URL, by default of a file in the working directory.
    ///
    /// # Errors
    /// It is given twice, or its file cannot be read.
    pub fn url(&self) -> Result<SecretString, SettingError> {
        let url = secret::resolve(
            "BOOKS_DATABASE_URL",
            self.database_url.as_ref(),
            self.database_url_file.as_deref(),
        )?;
        Ok(url.unwrap_or_else(|| SecretString::from("sqlite://books.db")))
    }
}

/// Settings of `serve`.
#[derive(Clone, Debug, Args)]
pub struct Settings {
    /// Address of the service
    #[arg(long, env = "BOOKS_LISTEN", default_value = "127.0.0.1:5002", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// Address of health and metrics; never public
    #[arg(long, env = "BOOKS_MANAGEMENT_LISTEN", default_value = "127.0.0.1:9002", value_name = "ADDRESS")]
    pub management_listen: SocketAddr,
    #[command(flatten)]
    pub database: DatabaseSettings,
    /// Connections to MySQL at a time
    #[arg(long, env = "BOOKS_DATABASE_CONNECTIONS", default_value_t = DEFAULT_CONNECTIONS, value_name = "N", value_parser = value_parser!(u32).range(1..=1000))]
    pub database_connections: u32,
    /// How the log is written
    #[arg(long, env = "BOOKS_LOG_FORMAT", value_enum, default_value = "pretty")]
    pub log_format: LogFormat,
    #[command(flatten)]
    pub traces: TraceSettings,
    /// Networks whose X-Forwarded-For is believed, with commas between them
    #[arg(
        long,
        env = "BOOKS_TRUSTED_PROXIES",
        default_value = "",
        hide_default_value = true,
        value_name = "NETWORKS"
    )]
    pub trusted_proxies: TrustedProxies,
    /// How long requests under way may take once the service is asked to end
    #[arg(long, env = "BOOKS_SHUTDOWN_GRACE", default_value = "10s", value_name = "SPAN")]
    pub shutdown_grace: Span,
    /// How long before that it goes on to take requests while it says that it is not ready, for balancers to notice
    #[arg(long, env = "BOOKS_SHUTDOWN_DRAIN", default_value = "0s", value_name = "SPAN", value_parser = span_or_zero)]
    pub shutdown_drain: Duration,
    /// URL that clients reach this service by, for its metadata (RFC 9728) [default: the address of the service]
    #[arg(long, env = "BOOKS_PUBLIC_URL", value_parser = web_url, value_name = "URL")]
    pub public_url: Option<Url>,
    /// Whose access tokens are taken
    #[arg(long, env = "BOOKS_ISSUER", default_value = "http://127.0.0.1:5001", value_name = "URL")]
    pub issuer: Issuer,
    /// What access tokens must be for
    #[arg(long, env = "BOOKS_AUDIENCE", default_value = "books", value_name = "NAME")]
    pub audience: String,
    /// Where the issuer's keys are [default: as the issuer's metadata say]
    #[arg(long, env = "BOOKS_JWKS_URL", value_parser = web_url, value_name = "URL")]
    pub jwks_url: Option<Url>,
    /// Lets the keys be fetched by plain http from another machine: on a private network only
    #[arg(long, env = "BOOKS_INSECURE_ALLOW_HTTP")]
    pub insecure_allow_http: bool,
    /// How far the clocks of issuer and service may differ; in the stack, which has one, 0s
    #[arg(long, env = "BOOKS_CLOCK_SKEW", default_value = "30s", value_name = "SPAN", value_parser = span_or_zero)]
    pub clock_skew: Duration,
    /// How long past their time keys are used while the issuer cannot be reached
    #[arg(long, env = "BOOKS_JWKS_STALE_FOR", default_value = "1h", value_name = "SPAN", value_parser = span_or_zero)]
    pub jwks_stale_for: Duration,
}

/// Settings that were checked, each in the form that it is used in.
#[derive(Debug)]
pub struct Config {
    /// Address of the service.
    pub listen: SocketAddr,
    /// Address of health and metrics.
    pub management_listen: SocketAddr,
    /// Where the books are.
    pub database_url: SecretString,
    /// Connections to MySQL at a time.
    pub database_connections: u32,
    /// Bounds of the HTTP edge.
    pub edge: EdgeSettings,
    /// How the service ends.
    pub serve: ServeSettings,
    /// The resource identifier (RFC 9728 §1.2).
    pub public_url: Url,
    /// What access tokens must be for.
    pub audience: String,
    /// Whose keys, and how long they are good for.
    pub jwks: RemoteJwksSettings,
    /// How far the clocks of issuer and service may differ.
    pub clock_skew: Duration,
}

impl Settings {
    /// Checks the settings against each other.
    ///
    /// # Errors
    /// One of them cannot be used, or not with another.
    pub fn check(&self) -> Result<Config, SettingError> {
        if self.audience.is_empty() {
            return Err(SettingError::new("BOOKS_AUDIENCE", "must not be empty"));
        }
        if self.clock_skew > MAX_CLOCK_SKEW {
            return Err(SettingError::new("BOOKS_CLOCK_SKEW", "must be at most 5m"));
        }
        if self.jwks_stale_for > MAX_STALE {
            return Err(SettingError::new("BOOKS_JWKS_STALE_FOR", "must be at most 24h"));
        }
        let (name, keys) = match &self.jwks_url {
            Some(url) => ("BOOKS_JWKS_URL", url),
            None => ("BOOKS_ISSUER", self.issuer.url()),
        };
        if !self.insecure_allow_http && !is_secure(keys) {
            let problem = "is plain http to another machine; use https, or on a private network set \
                           BOOKS_INSECURE_ALLOW_HTTP=true";
            return Err(SettingError::new(name, problem));
        }
        Ok(Config {
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
            public_url: self.public_url()?,
            audience: self.audience.clone(),
            jwks: RemoteJwksSettings {
                jwks_url: self.jwks_url.clone(),
                insecure_allow_http: self.insecure_allow_http,
                max_stale: self.jwks_stale_for,
                ..RemoteJwksSettings::new(self.issuer.clone())
            },
            clock_skew: self.clock_skew,
        })
    }

    fn public_url(&self) -> Result<Url, SettingError> {
        // An address that stands for all of the machine's is none that a client could call.
        let mut address = self.listen;
        if address.ip().is_unspecified() {
            address.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        let default = || web_url(&format!("http://{address}"));
        self.public_url
            .clone()
            .map_or_else(default, Ok)
            .map_err(|problem| SettingError::new("BOOKS_PUBLIC_URL", problem.to_string()))
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

    fn check(flags: &[&str]) -> Result<Config, String> {
        let arguments = ["books-service"].iter().chain(flags).map(OsString::from);
        let wrapper: Wrapper = shared::settings::parse(arguments).map_err(|error| error.to_string())?;
        wrapper.settings.check().map_err(|error| error.to_string())
    }

    #[test]
    fn the_defaults_are_those_of_the_contract() {
        let config = check(&[]).unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:5002");
        assert_eq!((config.audience.as_str(), config.clock_skew), ("books", Duration::from_secs(30)));
        assert_eq!(config.jwks.max_stale, Duration::from_secs(3600));
        assert_eq!(config.public_url.as_str(), "http://127.0.0.1:5002/");
        assert_eq!(check(&["--clock-skew", "0s"]).unwrap().clock_skew, Duration::ZERO);
    }

    #[test]
    fn what_cannot_be_used_names_the_setting() {
        for (flags, name) in [
            (&["--issuer", "https://id.example?x=1"][..], "BOOKS_ISSUER"),
            (&["--issuer", "http://id.example"], "BOOKS_ISSUER"),
            (&["--jwks-url", "http://id.example/keys"], "BOOKS_JWKS_URL"),
            (&["--jwks-url", "keys"], "BOOKS_JWKS_URL"),
            (&["--audience", ""], "BOOKS_AUDIENCE"),
            (&["--clock-skew", "6m"], "BOOKS_CLOCK_SKEW"),
            (&["--clock-skew", "a bit"], "BOOKS_CLOCK_SKEW"),
            (&["--jwks-stale-for", "25h"], "BOOKS_JWKS_STALE_FOR"),
            (&["--shutdown-grace", "0s"], "BOOKS_SHUTDOWN_GRACE"),
            (&["--database-url", "sqlite://x", "--database-url-file", "y"], "BOOKS_DATABASE_URL"),
        ] {
            let error = check(flags).map(drop).unwrap_err();
            assert!(error.contains(name), "{flags:?}: {error}");
        }
        assert!(check(&["--issuer", "http://id.example", "--insecure-allow-http"]).is_ok());
    }
}
