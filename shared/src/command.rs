//! The command line of a process. Exit codes: 0 done, 1 refused or failed, 2 wrong usage.

use std::future::Future;
use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;
use sea_orm_migration::MigratorTrait;
use secrecy::SecretString;

use crate::{database, settings};

/// Parses the command line of this process with its environment and runs it.
pub async fn run<P: Parser, F: Future<Output = anyhow::Result<()>>>(
    command: impl FnOnce(P) -> F,
) -> ExitCode {
    let parsed = match settings::parse::<P>(std::env::args_os()) {
        Ok(parsed) => parsed,
        Err(error) => {
            // `--help` and `--version` come this way, too, as errors of exit code 0.
            drop(error.print());
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match command(parsed).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

/// The command `migrate`: brings the schema of the database that the setting `name` holds up to date.
///
/// # Errors
/// The database cannot be reached, or a step fails.
pub async fn migrate<M: MigratorTrait>(name: &str, url: &SecretString) -> anyhow::Result<()> {
    let database = database::connect(name, url).await?;
    database::migrate::<M>(&database).await?;
    say("the schema is up to date");
    Ok(())
}

#[expect(clippy::print_stderr, reason = "a command tells its user what went wrong")]
fn complain(error: &anyhow::Error) {
    eprintln!("error: {error:#}");
}

/// Prints what is not the outcome of a command: to standard error.
pub fn tell(text: &str) {
    drop(writeln!(anstream::stderr().lock(), "{text}"));
}

/// Prints what a command was asked for.
///
/// Colours in it are for terminals; elsewhere, and where `NO_COLOR` is set, they are left out.
///
/// Whoever reads the output may have seen enough and closed the pipe, as `head` does: that is no failure of ours.
pub fn say(text: &str) {
    let mut stdout = anstream::stdout().lock();
    drop(writeln!(stdout, "{text}").and_then(|()| stdout.flush()));
}
