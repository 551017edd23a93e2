//! The log of a process, and its traces.
//!
//! | module | what it holds |
//! |---|---|
//! | [`trace`] | which trace a request belongs to: always, and in every line of the log |
//! | `otlp` | spans for a collector, where one is named |
//! | `json` | events as lines of JSON, each written in one go |
//! | `lines` | lines on their way to standard error, many in one call |

mod json;
mod lines;
mod otlp;
pub mod trace;

use std::ffi::OsStr;

use anyhow::Context as _;
use clap::ValueEnum;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, fmt};

use self::json::{JsonLines, JsonMembers};
use self::lines::{Lines, Writer};
use self::otlp::Spans;
pub use self::otlp::TraceSettings;

/// Our own events from `info` on, those of libraries where something is wrong.
const DEFAULT_FILTER: &str = "info,sea_orm_migration=warn,sqlx=warn,hyper=warn,reqwest=warn,opentelemetry=warn,opentelemetry_sdk=warn,opentelemetry_otlp=warn";

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Pretty,
    /// One JSON object a line.
    Json,
}

/// Log and traces of a process. When it is dropped, at the end, what is left of both is written and sent.
#[must_use = "lines are written and spans are sent for as long as this lives"]
#[derive(Debug, Default)]
pub struct Telemetry {
    // In the order in which they end: the last line may be about a span.
    _spans: Option<Spans>,
    _writer: Option<Writer>,
}

/// Starts to log to standard error, from `info` on where `RUST_LOG` does not say otherwise, and to send traces of the
/// service `name` where the settings name a collector.
///
/// A second call changes nothing, so that two services in one process need not agree on who is first.
///
/// # Errors
/// Traces cannot be exported, or no thread can be started.
pub fn init(format: LogFormat, traces: &TraceSettings, name: &'static str) -> anyhow::Result<Telemetry> {
    if tracing::dispatcher::has_been_set() {
        return Ok(Telemetry::default());
    }
    let (tracer, spans) = otlp::start(traces, name)?.unzip();
    let (lines, writer) = Lines::start(std::io::stderr()).context("the log cannot be written")?;
    let filter = filter(std::env::var_os(EnvFilter::DEFAULT_ENV).as_deref())?;
    let log = fmt::layer().with_writer(lines).with_target(false);
    let log = match format {
        LogFormat::Pretty => log.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).boxed(),
        LogFormat::Json => log.fmt_fields(JsonMembers).event_format(JsonLines).boxed(),
    };
    let registry = tracing_subscriber::registry();
    let started = match tracer {
        None => registry.with(log).with(filter).try_init(),
        // Spans are sent whatever the log leaves out; its lines, with names and addresses, stay here.
        Some(tracer) => {
            let spans = tracing_opentelemetry::layer()
                .with_tracer(tracer)
                .with_location(false)
                .with_threads(false)
                .with_tracked_inactivity(false)
                .with_filter(filter_fn(is_exported));
            registry.with(log.with_filter(filter)).with(spans).try_init()
        }
    };
    drop(started);
    Ok(Telemetry { _spans: spans, _writer: Some(writer) })
}

/// The spans of requests, and those of ours within them: without a collector, the latter cost nothing.
fn is_exported(metadata: &Metadata<'_>) -> bool {
    let most = match metadata.target().split("::").next() {
        Some("shared" | "auth_service" | "books_service") => Level::DEBUG,
        _ => Level::INFO,
    };
    metadata.is_span() && *metadata.level() <= most
}

/// What is logged: as `RUST_LOG` says, where it says something.
fn filter(setting: Option<&OsStr>) -> anyhow::Result<EnvFilter> {
    let Some(setting) = setting.filter(|setting| !setting.is_empty()) else {
        return Ok(EnvFilter::new(DEFAULT_FILTER));
    };
    let text = setting.to_str().context("RUST_LOG: must be text")?;
    let filter = EnvFilter::builder().parse(text);
    filter.context("RUST_LOG: must be as `info` or `info,auth_service=debug`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_told_and_not_taken_for_nothing() {
        for good in [None, Some(""), Some("warn"), Some("info,auth_service=debug"), Some("auth_service")] {
            assert!(filter(good.map(OsStr::new)).is_ok(), "{good:?}");
        }
        for bad in ["===", "auth_service=loud"] {
            let told = filter(Some(OsStr::new(bad))).unwrap_err().to_string();
            assert!(told.starts_with("RUST_LOG: "), "{told}");
        }
    }
}
