//! The commands. Exit codes: 0 done, 1 refused or failed, 2 wrong usage.

mod serve;

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use shared::command::{self, say};
use shared::http;

use crate::config::{DatabaseSettings, Settings};
use crate::migration::Migrator;
use crate::openapi;

/// The book catalogue, guarded by access tokens that it verifies by itself.
#[derive(Debug, Parser)]
#[command(name = "books-service", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the service
    Serve(Box<Settings>),
    /// Brings the database schema up to date
    Migrate(DatabaseSettings),
    /// Asks the running service whether it is ready
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
    /// Prints the OpenAPI document
    Openapi,
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
            Self::Openapi => {
                say(&openapi::api("http://127.0.0.1:5001").to_pretty_json()?);
                Ok(())
            }
        }
    }
}
