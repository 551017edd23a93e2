//! The command line of a process. Exit codes: 0 done, 1 refused or failed, 2 wrong usage.

mod describe;

use std::future::Future;
use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;
use sea_orm_migration::MigratorTrait;
use secrecy::SecretString;

use crate::{database, settings};

pub use self::describe::{CompletionArguments, ManArguments, settings_table};

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
pub fn say(text: &str) {
    let mut stdout = anstream::stdout().lock();
    drop(writeln!(stdout, "{text}").and_then(|()| stdout.flush()));
}
