//! Settings: a flag and a variable for each, parsed by clap; what clap cannot know is checked here.

use std::ffi::OsString;
use std::fmt;
use std::time::Duration;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser};

pub use crate::issuer::{Issuer, Unreadable, is_loopback, is_secure, web_url};

/// A setting that cannot be used, by the name of its variable.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {problem}")]
pub struct SettingError {
    name: &'static str,
    problem: String,
}

impl SettingError {
    /// The setting `name` has this `problem`.
    pub fn new(name: &'static str, problem: impl Into<String>) -> Self {
        Self { name, problem: problem.into() }
    }
}

/// A length of time as people write it: `90s`, `15m`, `30d`, `1h 30m`. Never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(Duration);

impl Span {
    /// The same as a [`Duration`].
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl std::str::FromStr for Span {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let duration = humantime::parse_duration(text)
            .map_err(|_| Unreadable::from("is not a duration; write it like 90s, 15m, 12h or 30d"))?;
        if duration.is_zero() {
            return Err("must be longer than nothing".into());
        }
        if duration > Duration::from_secs(10 * 365 * 24 * 3600) {
            return Err("must be at most ten years".into());
        }
        Ok(Self(duration))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", humantime::format_duration(self.0))
    }
}

/// Reads a length of time that may be nothing: `0s`.
///
/// # Errors
/// It is no length of time.
pub fn span_or_zero(text: &str) -> Result<Duration, Unreadable> {
    if text == "0" || text == "0s" { Ok(Duration::ZERO) } else { text.parse().map(Span::get) }
}

/// Parses a command line with its environment.
///
/// # Errors
/// The error of clap, which also names the variable behind a flag whose value cannot be used: whoever set
/// `AUTH_ACCESS_TOKEN_TTL=soon` never typed `--access-token-ttl`.
pub fn parse<P: Parser>(arguments: impl IntoIterator<Item = OsString>) -> Result<P, clap::Error> {
    P::try_parse_from(arguments).map_err(|mut error| {
        hide_password(&mut error);
        match variable_of::<P>(&error) {
            Some(name) => {
                let text = error.to_string();
                let text = text.strip_prefix("error: ").unwrap_or(&text);
                clap::Error::raw(ErrorKind::ValueValidation, format!("setting {name}: {text}"))
                    .with_cmd(&P::command())
            }
            None => error,
        }
    })
}

/// Takes an address with a password in it out of the error, which goes where all logs are collected.
fn hide_password(error: &mut clap::Error) {
    let value = error.get(ContextKind::InvalidValue);
    if matches!(value, Some(ContextValue::String(value)) if value.contains('@')) {
        error.insert(ContextKind::InvalidValue, ContextValue::String("(not shown)".to_owned()));
    }
}

/// The variable of the argument that `error` complains of.
fn variable_of<P: CommandFactory>(error: &clap::Error) -> Option<String> {
    if !matches!(error.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue) {
        return None;
    }
    let Some(ContextValue::String(shown)) = error.get(ContextKind::InvalidArg) else { return None };
    let flag = shown.strip_prefix("--")?.split([' ', '=', '[']).next()?;
    find_variable(&P::command(), flag)
}

fn find_variable(command: &clap::Command, flag: &str) -> Option<String> {
    let here = command.get_arguments().find(|argument| argument.get_long() == Some(flag));
    here.and_then(|argument| argument.get_env())
        .map(|name| name.to_string_lossy().into_owned())
        .or_else(|| command.get_subcommands().find_map(|sub| find_variable(sub, flag)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_written_as_people_write_them() {
        assert_eq!("15m".parse::<Span>().unwrap().get(), Duration::from_secs(900));
        assert_eq!("30d".parse::<Span>().unwrap().get(), Duration::from_secs(2_592_000));
        for bad in ["", "0s", "15", "-1s", "soon", "100years"] {
            assert!(bad.parse::<Span>().is_err(), "{bad}");
        }
    }

    #[derive(Debug, Parser)]
    struct Sample {
        #[arg(long, env = "SAMPLE_TTL")]
        ttl: Span,
        #[arg(long, env = "SAMPLE_URL", value_parser = web_url)]
        url: Option<url::Url>,
    }

    #[test]
    fn an_address_with_a_password_is_not_shown() {
        for bad in ["https://user:s3cret@host/", "https://user:s3/cret@host/", "user:s3cret@host"] {
            let arguments = ["sample", "--ttl", "1m", "--url", bad].map(OsString::from);
            let error = parse::<Sample>(arguments).unwrap_err().to_string();
            assert!(error.contains("SAMPLE_URL") && !error.contains("cret"), "{error}");
        }
        let arguments = ["sample", "--ttl", "1m", "--url", "host"].map(OsString::from);
        assert!(parse::<Sample>(arguments).unwrap_err().to_string().contains("'host'"));
    }

    #[test]
    fn an_unusable_value_names_its_variable() {
        let arguments = ["sample", "--ttl", "soon"].map(OsString::from);
        let error = parse::<Sample>(arguments).unwrap_err().to_string();
        assert!(error.contains("SAMPLE_TTL"), "{error}");
        assert!(error.contains("is not a duration"), "{error}");
        let sample = parse::<Sample>(["sample", "--ttl", "1m"].map(OsString::from)).unwrap();
        assert_eq!(sample.ttl.get(), Duration::from_secs(60));
    }
}
