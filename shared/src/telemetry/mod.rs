//! The log of a process.

mod json;

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

use self::json::{JsonLines, JsonMembers};

/// Our own events from `info` on, those of libraries where something is wrong.
const DEFAULT_FILTER: &str = "info,sea_orm_migration=warn,sqlx=warn,hyper=warn,reqwest=warn";

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Pretty,
    /// One JSON object a line.
    Json,
}

/// Starts to log to standard error, from `info` on where `RUST_LOG` does not say otherwise.
///
/// A second call changes nothing, so that two services in one process need not agree on who is first.
pub fn init(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let subscriber =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    let started = match format {
        LogFormat::Pretty => {
            let ansi = std::io::IsTerminal::is_terminal(&std::io::stderr());
            subscriber.with_ansi(ansi).try_init()
        }
        LogFormat::Json => subscriber.fmt_fields(JsonMembers).event_format(JsonLines).try_init(),
    };
    drop(started);
}
