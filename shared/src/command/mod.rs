//! The command line of a process. Exit codes: 0 done, 1 refused or failed, 2 wrong usage.

mod describe;

use std::future::Future;
use std::io::{self, ErrorKind, Write as _};
use std::process::ExitCode;
use std::sync::OnceLock;
use std::time::Duration;

use clap::Parser;
use sea_orm::DatabaseConnection;
use sea_orm_migration::MigratorTrait;
use secrecy::SecretString;

use crate::{database, settings};

pub use self::describe::{CompletionArguments, ManArguments, settings_table};

/// Why something that was to be said was not.
static LOST: OnceLock<io::Error> = OnceLock::new();

/// How long nothing is said of a database that does not answer.
const SILENCE: Duration = Duration::from_secs(2);

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
        Ok(()) => match LOST.get() {
            None => ExitCode::SUCCESS,
            Some(error) => {
                complain(&anyhow::anyhow!("it is done, but what it says cannot be written: {error}"));
                ExitCode::FAILURE
            }
        },
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
    let database = patiently(name, database::connect(name, url)).await?;
    database::migrate::<M>(&database).await?;
    say("the schema is up to date");
    Ok(())
}

/// The database of a command that makes what is not there: a SQLite file, and its schema.
///
/// # Errors
/// It cannot be reached, or a MySQL schema is behind.
pub async fn open_or_make<M: MigratorTrait>(
    name: &str,
    url: &SecretString,
) -> anyhow::Result<DatabaseConnection> {
    let database = patiently(name, database::connect(name, url)).await?;
    database::ensure_schema::<M>(&database).await?;
    Ok(database)
}

/// The database of a command about what is there.
///
/// # Errors
/// As [`open_or_make`], and there is no such SQLite file.
pub async fn open<M: MigratorTrait>(name: &str, url: &SecretString) -> anyhow::Result<DatabaseConnection> {
    let database = patiently(name, database::connect_to_existing(name, url)).await?;
    database::ensure_schema::<M>(&database).await?;
    Ok(database)
}

/// Says what is waited for, where that takes longer.
async fn patiently<T>(name: &str, connecting: impl Future<Output = T>) -> T {
    tokio::pin!(connecting);
    tokio::select! {
        connected = &mut connecting => return connected,
        () = tokio::time::sleep(SILENCE) => {}
    }
    tell(&format!("{name}: the database does not answer yet; waiting for it"));
    connecting.await
}

#[expect(clippy::print_stderr, reason = "a command tells its user what went wrong")]
fn complain(error: &anyhow::Error) {
    eprintln!("error: {error:#}");
}

/// Rows under their headings, each column as wide as what is in it.
pub fn table<const N: usize>(headings: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_header(headings);
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let bold = anstyle::Style::new().bold();
    let text = table.trim_fmt();
    let (head, rest) = text.split_once('\n').unwrap_or((&text, ""));
    format!("{bold}{}{bold:#}\n{rest}", head.trim_end()).trim_end().to_owned()
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
/// Where it cannot be written for another reason, as on a full disk, the command fails in the end: a password may be in it
/// that is shown this once.
pub fn say(text: &str) {
    let mut stdout = anstream::stdout().lock();
    let written = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
    if let Err(error) = written
        && error.kind() != ErrorKind::BrokenPipe
    {
        LOST.get_or_init(|| error);
    }
}
