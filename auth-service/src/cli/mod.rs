//! The commands. Exit codes: 0 done, 1 refused or failed, 2 wrong usage.

mod client;
mod database;
mod doctor;
mod keys;
mod password;
mod serve;
mod user;

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use shared::command::{self, CompletionArguments, ManArguments, say};
use shared::http;

use crate::config::{DatabaseSettings, Settings};
use crate::migration::Migrator;
use crate::openapi;

pub use self::doctor::examine;

/// Accounts, sessions and RS256 tokens.
#[derive(Debug, Parser)]
#[command(name = "auth-service", version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Each setting is a flag and a variable; `auth-service serve --help` lists them all.

Examples:
  export AUTH_KEY_ENCRYPTION_KEY=$(openssl rand -base64 32)     # keep it
  auth-service serve
  auth-service user create ada --role admin --generate
  auth-service client create \"Reading list\" --redirect-uri https://app.example/callback
  auth-service doctor                                           # what is wrong, and what to do";

const MIGRATE_HELP: &str = "\
Safe to run again, and beside running replicas: of several that do, one works and the others wait. A service on SQLite does \
it by itself when it starts.

Examples:
  auth-service migrate --database-url mysql://root:password@127.0.0.1/auth
  auth-service migrate --database-url-file /run/secrets/url";

const HEALTHCHECK_HELP: &str = "\
Ends with 0 where it is ready, else with 1 and the checks that fail.

Example:
  auth-service healthcheck --management-listen 127.0.0.1:9001";

const DOCTOR_HELP: &str = "\
Changes nothing. May be run before the first start and beside a running service, with that service's settings. Ends with 1 \
where something hurts.

Examples:
  auth-service doctor
  auth-service doctor --json | jq '.findings[] | select(.severity != \"ok\")'";

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the service
    Serve(Box<Settings>),
    /// Brings the database schema up to date
    #[command(after_help = MIGRATE_HELP)]
    Migrate(DatabaseSettings),
    /// Asks the running service whether it is ready
    #[command(after_help = HEALTHCHECK_HELP)]
    Healthcheck {
        /// Address of health and metrics
        #[arg(
            long,
            env = "AUTH_MANAGEMENT_LISTEN",
            default_value = "127.0.0.1:9001",
            value_name = "ADDRESS"
        )]
        management_listen: SocketAddr,
    },
    /// Looks at settings, database, keys, issuer, clock and proxies, and says what to do
    #[command(after_help = DOCTOR_HELP)]
    Doctor(Box<doctor::DoctorArguments>),
    /// Copies the database into another one
    Database(database::DatabaseArguments),
    /// Prints the OpenAPI document
    Openapi,
    /// Prints completions for a shell
    Completions(CompletionArguments),
    /// Prints the man page, or writes those of all commands
    Man(ManArguments),
    /// Makes and changes accounts
    User(user::UserArguments),
    /// Registers, lists and deletes OAuth clients
    Client(client::ClientArguments),
    /// Lists, rotates and withdraws signing keys
    Keys(keys::KeyArguments),
}

/// Runs the command line of this process.
pub async fn run() -> ExitCode {
    command::run(|cli: Cli| cli.command.run()).await
}

impl Command {
    async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Serve(settings) => serve::run(&settings).await,
            Self::Migrate(settings) => {
                command::migrate::<Migrator>("AUTH_DATABASE_URL", &settings.url()?).await
            }
            Self::Healthcheck { management_listen } => http::healthcheck(management_listen).await,
            Self::Doctor(arguments) => arguments.run().await,
            Self::Database(arguments) => arguments.run().await,
            Self::Completions(arguments) => arguments.run::<Cli>(),
            Self::Man(arguments) => arguments.run::<Cli>(),
            Self::Openapi => {
                say(&openapi::api("http://127.0.0.1:5001").to_pretty_json()?);
                Ok(())
            }
            Self::User(arguments) => arguments.run().await,
            Self::Client(arguments) => arguments.run().await,
            Self::Keys(arguments) => arguments.run().await,
        }
    }
}
