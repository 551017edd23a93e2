//! The commands. Exit codes: 0 done, 1 refused or failed, 2 wrong usage.

mod database;
mod doctor;
mod serve;
mod transfer;

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use shared::command::{self, CompletionArguments, ManArguments, say};
use shared::http;

use crate::config::{DatabaseSettings, Settings};
use crate::migration::Migrator;
use crate::openapi;

pub use self::doctor::examine;

/// The book catalogue, guarded by access tokens that it verifies by itself.
#[derive(Debug, Parser)]
#[command(name = "books-service", version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Each setting is a flag and a variable; `books-service serve --help` lists them all.

Examples:
  books-service serve --issuer https://id.example
  books-service import books.csv
  books-service doctor                      # what is wrong, and what to do";

const MIGRATE_HELP: &str = "\
Safe to run again, and beside running replicas: of several that do, one works and the others wait. A service on SQLite does \
it by itself when it starts.

Examples:
  books-service migrate --database-url mysql://root:password@127.0.0.1/books
  books-service migrate --database-url-file /run/secrets/url";

const HEALTHCHECK_HELP: &str = "\
Ends with 0 where it is ready, else with 1 and the checks that fail.

Example:
  books-service healthcheck --management-listen 127.0.0.1:9002";

const DOCTOR_HELP: &str = "\
Changes nothing. May be run before the first start and beside a running service, with that service's settings. Ends with 1 \
where something hurts.

Examples:
  books-service doctor
  books-service doctor --json | jq '.findings[] | select(.severity != \"ok\")'";

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
            env = "BOOKS_MANAGEMENT_LISTEN",
            default_value = "127.0.0.1:9002",
            value_name = "ADDRESS"
        )]
        management_listen: SocketAddr,
    },
    /// Looks at settings, database, issuer, keys, clock and proxies, and says what to do
    #[command(after_help = DOCTOR_HELP)]
    Doctor(Box<doctor::DoctorArguments>),
    /// Adds the books of a file; where one row is bad, none
    Import(transfer::ImportBooks),
    /// Writes all books to a file
    Export(transfer::ExportBooks),
    /// Copies the database into another one
    Database(database::DatabaseArguments),
    /// Prints the OpenAPI document
    Openapi,
    /// Prints completions for a shell
    Completions(CompletionArguments),
    /// Prints the man page, or writes those of all commands
    Man(ManArguments),
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
                command::migrate::<Migrator>("BOOKS_DATABASE_URL", &settings.url()?).await
            }
            Self::Healthcheck { management_listen } => http::healthcheck(management_listen).await,
            Self::Doctor(arguments) => arguments.run().await,
            Self::Import(arguments) => arguments.run().await,
            Self::Export(arguments) => arguments.run().await,
            Self::Database(arguments) => arguments.run().await,
            Self::Completions(arguments) => arguments.run::<Cli>(),
            Self::Man(arguments) => arguments.run::<Cli>(),
            Self::Openapi => {
                say(&openapi::api("http://127.0.0.1:5001").to_pretty_json()?);
                Ok(())
            }
        }
    }
}
