//! The services, what they are started with, and the comparisons.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::Context as _;

use crate::database::Database;
use crate::load::{Target, median};
use crate::process::{Server, output};
use crate::report::Report;

pub(crate) const PASSWORD: &str = "correct horse battery staple";
pub(crate) const AUTH: &str = "http://127.0.0.1:7101";
pub(crate) const BOOKS: &str = "http://127.0.0.1:7102";

/// Of a closed loop.
pub(crate) const SECONDS: u32 = 2;

/// What a run needs, and what it has found.
pub(crate) struct Bench {
    pub(crate) root: PathBuf,
    /// The release builds.
    pub(crate) binaries: PathBuf,
    /// Emptied before each run.
    pub(crate) data: PathBuf,
    pub(crate) rounds: usize,
    pub(crate) database: Database,
    pub(crate) report: Report,
}

impl Bench {
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.data.join(name)
    }

    fn auth_variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AUTH_DATABASE_URL", self.database.url("auth")),
            ("AUTH_KEY_ENCRYPTION_KEY", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".to_owned()),
            ("AUTH_ACCESS_TOKEN_TTL", "2h".to_owned()),
            ("AUTH_LISTEN", "127.0.0.1:7101".to_owned()),
            ("AUTH_MANAGEMENT_LISTEN", "127.0.0.1:7191".to_owned()),
            ("AUTH_ISSUER", AUTH.to_owned()),
            ("AUTH_LOG_FORMAT", "json".to_owned()),
            ("AUTH_HASH_QUEUE_DEADLINE", "60s".to_owned()),
        ]
    }

    /// Those of a books-service that listens on this port.
    pub(crate) fn books_variables(&self, port: u16) -> Vec<(&'static str, String)> {
        vec![
            ("BOOKS_DATABASE_URL", self.database.url("books")),
            ("BOOKS_LISTEN", format!("127.0.0.1:{port}")),
            ("BOOKS_MANAGEMENT_LISTEN", "127.0.0.1:7192".to_owned()),
            ("BOOKS_ISSUER", AUTH.to_owned()),
            ("BOOKS_LOG_FORMAT", "json".to_owned()),
        ]
    }

    pub(crate) async fn auth(&self) -> anyhow::Result<Server> {
        let (program, log) = (self.binaries.join("auth-service"), self.file("auth.log"));
        let keys = format!("{AUTH}/.well-known/jwks.json");
        Server::start(&program, &["serve"], &self.auth_variables(), &log, &keys).await
    }

    pub(crate) async fn books(&self) -> anyhow::Result<Server> {
        let (program, log) = (self.binaries.join("books-service"), self.file("books.log"));
        let ready = "http://127.0.0.1:7192/health/ready";
        Server::start(&program, &["serve"], &self.books_variables(7102), &log, ready).await
    }

    /// Gives both databases their tables.
    pub(crate) fn migrate(&self) -> anyhow::Result<()> {
        self.auth_command(&["migrate"], "")?;
        let mut books = Command::new(self.binaries.join("books-service"));
        output(books.arg("migrate").envs(self.books_variables(7102))).map(drop)
    }

    /// A command of auth-service: what it prints.
    pub(crate) fn auth_command(&self, arguments: &[&str], input: &str) -> anyhow::Result<String> {
        let mut command = Command::new(self.binaries.join("auth-service"));
        command.args(arguments).envs(self.auth_variables()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        child.stdin.take().context("no input")?.write_all(input.as_bytes())?;
        let output = child.wait_with_output()?;
        anyhow::ensure!(output.status.success(), "auth-service {}: {}", arguments.join(" "), output.status);
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Rounds of both in turn, and the median of each.
    pub(crate) fn compare(
        &mut self,
        what: &str,
        ours: &Target,
        other: &Target,
        bar: f64,
    ) -> anyhow::Result<()> {
        let (mut a, mut b) = (Vec::new(), Vec::new());
        for _ in 0..self.rounds {
            a.push(ours.closed(SECONDS, 32)?.per_second);
            b.push(other.closed(SECONDS, 32)?.per_second);
        }
        let (a, b) = (median(a), median(b));
        self.report.at_least(what, &format!("{a:.0}/s : {b:.0}/s"), a / b, bar);
        Ok(())
    }
}
