//! The command `doctor`: looks at what a service needs, before its first start and beside it, and says what to do.
//!
//! It changes nothing. Each check adds to a [`Report`] what it has seen; where that is not as it should be, also what it
//! means, and what to do.
//!
//! | module | what is looked at |
//! |---|---|
//! | `database` | whether it answers, its schema, its server or file |
//! | `issuer` | metadata and keys, fetched as a service fetches them; its clock; TLS |
//! | `running` | the service itself, where it runs: readiness, age of its keys, proxies before it |

mod database;
mod issuer;
mod running;

use std::fmt::Write as _;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::command::say;

pub use self::database::examine_database;
pub use self::issuer::{IssuerCheck, SeenIssuer};
pub use self::running::{Running, examine_proxies};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// As it should be.
    Ok,
    /// Worth a look; nobody is hurt by it now.
    Note,
    /// It hurts, or will.
    Bad,
}

/// What a check has found.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// What was looked at: a name that does not change.
    pub check: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What was seen.
    pub seen: String,
    /// What that means.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub means: Option<String>,
    /// What to do.
    #[serde(rename = "do", skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// All findings, in the order in which things are looked at.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    findings: Vec<Finding>,
}

impl Report {
    /// As it should be.
    pub fn ok(&mut self, check: &'static str, seen: impl Into<String>) {
        self.findings.push(Finding {
            check,
            severity: Severity::Ok,
            seen: seen.into(),
            means: None,
            advice: None,
        });
    }

    /// Worth a look: what was seen, what it means, what to do.
    pub fn note(
        &mut self,
        check: &'static str,
        seen: impl Into<String>,
        means: impl Into<String>,
        advice: impl Into<String>,
    ) {
        self.add(check, Severity::Note, seen.into(), means.into(), advice.into());
    }

    /// It hurts, or will: what was seen, what it means, what to do.
    pub fn bad(
        &mut self,
        check: &'static str,
        seen: impl Into<String>,
        means: impl Into<String>,
        advice: impl Into<String>,
    ) {
        self.add(check, Severity::Bad, seen.into(), means.into(), advice.into());
    }

    fn add(&mut self, check: &'static str, severity: Severity, seen: String, means: String, advice: String) {
        self.findings.push(Finding { check, severity, seen, means: Some(means), advice: Some(advice) });
    }

    /// All findings so far.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Prints all findings, for people.
    pub fn print(&self) {
        self.findings.iter().for_each(|finding| say(&finding.text()));
    }

    /// Whether nothing hurts.
    pub fn is_healthy(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity != Severity::Bad)
    }

    /// Everything as JSON: `healthy`, and the `findings`.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({"healthy": self.is_healthy(), "findings": self.findings})
    }

    /// Prints everything.
    ///
    /// # Errors
    /// Something hurts: so the command ends with 1.
    pub fn finish(&self, json: bool) -> anyhow::Result<()> {
        let count = |severity| self.findings.iter().filter(|finding| finding.severity == severity).count();
        let (bad, notes) = (count(Severity::Bad), count(Severity::Note));
        if json {
            say(&serde_json::to_string_pretty(&self.to_json())?);
        } else {
            self.print();
        }
        anyhow::ensure!(bad == 0, "{bad} finding(s) that hurt, {notes} worth a look");
        if !json {
            say(&format!("\nnothing hurts; {notes} finding(s) worth a look"));
        }
        Ok(())
    }
}

impl Finding {
    /// For people: a line, and beneath it what is to be known where it is not ok.
    fn text(&self) -> String {
        let (word, colour) = match self.severity {
            Severity::Ok => ("ok  ", AnsiColor::Green),
            Severity::Note => ("note", AnsiColor::Yellow),
            Severity::Bad => ("BAD ", AnsiColor::Red),
        };
        let style = Style::new().fg_color(Some(colour.into())).bold();
        let mut text = format!("{style}{word}{style:#}  {:<10} {}", self.check, self.seen);
        for (label, line) in [("means", &self.means), ("do", &self.advice)] {
            if let Some(line) = line {
                _ = write!(text, "\n      {label:<10} {line}");
            }
        }
        text
    }
}

/// A length of time as people say it: days and hours, hours and minutes, or minutes and seconds.
pub fn span(length: Duration) -> String {
    let seconds = length.as_secs();
    let unit = match seconds {
        0..3600 => 1,
        3600..86400 => 60,
        _ => 3600,
    };
    humantime::format_duration(Duration::from_secs(seconds - seconds % unit)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_as_exact_as_people_say_them() {
        let said = |seconds| span(Duration::from_secs(seconds));
        assert_eq!((said(3), said(3599)), ("3s".to_owned(), "59m 59s".to_owned()));
        assert_eq!((said(3601), said(2 * 86400 + 3661)), ("1h".to_owned(), "2days 1h".to_owned()));
    }

    #[test]
    fn a_report_fails_where_something_hurts_and_not_for_a_note() {
        let mut report = Report::default();
        report.ok("settings", "as they should be");
        report.note("accounts", "no administrator", "nobody can administer", "make one");
        assert!(report.finish(true).is_ok());
        report.bad("clock", "an hour apart", "every token has expired", "set it");
        let error = report.finish(false).unwrap_err().to_string();
        assert_eq!(error, "1 finding(s) that hurt, 1 worth a look");
        let text = report.findings()[2].text();
        assert!(
            text.contains("means      every token has expired") && text.contains("do         set it"),
            "{text}"
        );
    }
}
