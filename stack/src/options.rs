//! The options of the stack, and the settings of the services as it hands them on.

use std::env;
use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use shared::command::{CompletionArguments, ManArguments};
use shared::settings;

use crate::data_dir::DataDir;

/// Both services and the gateway in one process on embedded SQLite.
///
/// Every AUTH_ and BOOKS_ variable of the services is taken from the environment as well; see `auth-service serve --help`
/// and `books-service serve --help`.
#[derive(Debug, Parser)]
#[command(name = "stack", version, after_help = EXAMPLES)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// Where everything is kept; made where it is missing
    #[arg(long, env = "STACK_DATA_DIR", default_value = "./data", value_name = "DIRECTORY")]
    pub(crate) data_dir: PathBuf,
    /// Address of the gateway: one URL for both services [default: 127.0.0.1:5000, or the next port that is free]
    #[arg(long, env = "STACK_LISTEN", value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
    /// Makes the account test with the password test, an administrator, and a catalogue, when the data directory is new
    /// [default: true where gateway and auth-service listen on this machine only]
    #[arg(long, env = "STACK_DEMO", value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) demo: Option<bool>,
}

const EXAMPLES: &str = "\
Nothing listens on the network unless an address says so. Where a port is taken that nobody asked for by name, the next one \
that is free is used: 5010 for 5000.

Examples:
  stack
  stack --data-dir /srv/imprimatur --demo=false
  STACK_LISTEN=127.0.0.1:8080 AUTH_REGISTRATION=open stack
  stack doctor                        # beside a running stack: what is wrong, and what to do";

/// Where the gateway listens unless somebody says otherwise.
const GATEWAY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5000);

/// What else the stack can do.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Puts the demo into databases of services that run elsewhere, and ends: the account test with the password test, and
    /// a catalogue where there is no book yet. Takes AUTH_DATABASE_URL, AUTH_KEY_ENCRYPTION_KEY and BOOKS_DATABASE_URL
    Seed,
    /// Looks at both services as this stack runs them, and says what to do
    Doctor {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Prints the reference of all settings: docs/configuration.md
    #[command(hide = true)]
    Reference,
    /// Prints completions for a shell
    Completions(CompletionArguments),
    /// Prints the man page, or writes those of all commands
    Man(ManArguments),
}

impl Options {
    /// The address of the gateway, if that is free.
    pub(crate) fn gateway(&self) -> SocketAddr {
        self.listen.unwrap_or(GATEWAY)
    }

    /// Whether to make the demo, with auth-service at this address. A password that everybody knows is not put on a
    /// network unless somebody asks for it.
    pub(crate) fn demo(&self, auth: SocketAddr) -> bool {
        self.demo.unwrap_or_else(|| !self.is_on_a_network(auth))
    }

    /// Whether other machines can log in.
    pub(crate) fn is_on_a_network(&self, auth: SocketAddr) -> bool {
        !self.gateway().ip().is_loopback() || !auth.ip().is_loopback()
    }
}

#[derive(Debug, Parser)]
struct Only<T: Args> {
    #[command(flatten)]
    settings: T,
}

/// Where the parts of the stack can be reached.
#[derive(Debug)]
pub(crate) struct Urls {
    pub(crate) gateway: String,
    pub(crate) auth: String,
    pub(crate) books: String,
}

/// The URL of an address, from this machine.
pub(crate) fn url(address: SocketAddr) -> String {
    let host = match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => "127.0.0.1".to_owned(),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => "[::1]".to_owned(),
        SocketAddr::V4(v4) => v4.ip().to_string(),
        SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
    };
    format!("http://{host}:{}", address.port())
}

/// The settings of auth-service: those of the environment, and these where it is silent.
pub(crate) fn auth_settings(data: &DataDir, gateway: &str) -> anyhow::Result<auth_service::config::Settings> {
    let mut defaults = Defaults::default();
    defaults.set(
        &["AUTH_DATABASE_URL", "AUTH_DATABASE_URL_FILE"],
        "--database-url",
        data.sqlite_url("auth.db")?,
    );
    defaults.set(&["AUTH_ISSUER"], "--issuer", gateway);
    // What clients call books-service that have read its metadata.
    defaults.set(&["AUTH_RESOURCES"], "--resources", gateway);
    let key_names = ["AUTH_KEY_ENCRYPTION_KEY", "AUTH_KEY_ENCRYPTION_KEY_FILE"];
    if is_silent(&key_names) {
        defaults.set(&key_names, "--key-encryption-key-file", data.key_encryption_key()?);
    }
    defaults.parse()
}

/// The settings of books-service, beside an auth-service with these settings at this URL.
pub(crate) fn books_settings(
    data: &DataDir,
    gateway: &str,
    auth: &auth_service::config::Settings,
    auth_url: &str,
) -> anyhow::Result<books_service::config::Settings> {
    let mut defaults = Defaults::default();
    defaults.set(
        &["BOOKS_DATABASE_URL", "BOOKS_DATABASE_URL_FILE"],
        "--database-url",
        data.sqlite_url("books.db")?,
    );
    defaults.set(&["BOOKS_ISSUER"], "--issuer", auth.issuer.as_str());
    defaults.set(&["BOOKS_AUDIENCE"], "--audience", &auth.audience);
    if is_silent(&["BOOKS_JWKS_URL", "BOOKS_INSECURE_ALLOW_HTTP"]) {
        // This very process, whatever address of the machine it listens on.
        defaults.0.push(OsString::from("--insecure-allow-http"));
    }
    // Straight to the neighbour: the issuer may be a public name that this machine cannot reach itself by.
    defaults.set(&["BOOKS_JWKS_URL"], "--jwks-url", format!("{auth_url}/.well-known/jwks.json"));
    defaults.set(&["BOOKS_PUBLIC_URL"], "--public-url", gateway);
    // Both services read the same clock, so there is nothing to allow for.
    defaults.set(&["BOOKS_CLOCK_SKEW"], "--clock-skew", "0s");
    defaults.parse()
}

/// The settings of a service as the environment holds them.
pub(crate) fn of_environment<T: Args>() -> anyhow::Result<T> {
    Defaults::default().parse()
}

/// Flags for settings that the environment does not hold: a flag would override it.
#[derive(Debug)]
struct Defaults(Vec<OsString>);

impl Default for Defaults {
    fn default() -> Self {
        Self(vec![OsString::from("stack")])
    }
}

impl Defaults {
    fn set(&mut self, variables: &[&str], flag: &str, value: impl Into<OsString>) {
        if is_silent(variables) {
            self.0.extend([OsString::from(flag), value.into()]);
        }
    }

    fn parse<T: Args>(self) -> anyhow::Result<T> {
        // Without what clap says to people who typed a flag: these have set a variable.
        let told = |error: clap::Error| {
            let text = error.to_string();
            anyhow::anyhow!(
                "{}",
                text.strip_prefix("error: ").unwrap_or(&text).lines().next().unwrap_or_default()
            )
        };
        let parsed: Only<T> = settings::parse(self.0).map_err(told)?;
        Ok(parsed.settings)
    }
}

/// Whether the environment holds none of these.
pub(crate) fn is_silent(variables: &[&str]) -> bool {
    variables.iter().all(|name| env::var_os(name).is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_is_for_this_machine_unless_asked_for() {
        let options =
            |arguments: &[&str]| Options::try_parse_from(["stack"].iter().chain(arguments)).unwrap();
        let (here, anywhere) = ("127.0.0.1:5001".parse().unwrap(), "0.0.0.0:5001".parse().unwrap());
        assert!(options(&[]).demo(here));
        assert!(!options(&[]).demo(anywhere));
        assert!(!options(&["--demo=false"]).demo(here));
        assert!(!options(&["--listen", "0.0.0.0:5000"]).demo(here));
        assert!(options(&["--listen", "0.0.0.0:5000", "--demo"]).demo(here));
    }

    #[test]
    fn an_address_has_a_url_on_this_machine() {
        let url_of = |text: &str| url(text.parse().unwrap());
        assert_eq!(url_of("127.0.0.1:5000"), "http://127.0.0.1:5000");
        assert_eq!(url_of("0.0.0.0:5000"), "http://127.0.0.1:5000");
        assert_eq!(url_of("[::]:5000"), "http://[::1]:5000");
    }
}
