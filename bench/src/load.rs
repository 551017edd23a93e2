//! Load from core 1: by `oha`, and by clients of our own where each request needs the answer to the one before.

use std::process::{Child, Command, Stdio};

use anyhow::Context as _;
use serde_json::Value;
use tokio::time::{Duration, Instant, sleep_until};

use crate::http;

/// What is asked for, again and again.
#[derive(Clone, Default)]
pub(crate) struct Target {
    pub(crate) url: String,
    pub(crate) token: Option<String>,
    pub(crate) headers: Vec<String>,
    pub(crate) body: Option<(&'static str, String)>,
    pub(crate) basic: Option<String>,
}

/// What came back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answers {
    pub(crate) per_second: f64,
    /// Microseconds.
    pub(crate) p50: f64,
    /// Microseconds.
    pub(crate) p99: f64,
}

impl Target {
    pub(crate) fn get(url: impl Into<String>) -> Self {
        Self { url: url.into(), ..Self::default() }
    }

    pub(crate) fn with(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    pub(crate) fn header(mut self, header: &str) -> Self {
        self.headers.push(header.to_owned());
        self
    }

    pub(crate) fn post(mut self, content_type: &'static str, body: impl Into<String>) -> Self {
        self.body = Some((content_type, body.into()));
        self
    }

    fn command(&self, seconds: u32, connections: u32) -> Command {
        let mut command = Command::new("taskset");
        let oha = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/tools/bin/oha");
        command.args(["-c", "1", oha, "--no-tui", "--output-format", "json"]);
        command.args(["-z", &format!("{seconds}s"), "-c", &connections.to_string()]);
        if let Some(token) = &self.token {
            command.args(["-H", &format!("Authorization: Bearer {token}")]);
        }
        for header in &self.headers {
            command.args(["-H", header]);
        }
        if let Some((content_type, body)) = &self.body {
            command.args(["-m", "POST", "-T", content_type, "-d", body]);
        }
        if let Some(basic) = &self.basic {
            command.args(["-a", basic]);
        }
        command
    }

    /// Closed loop: each of these connections asks as soon as it has its answer.
    pub(crate) fn closed(&self, seconds: u32, connections: u32) -> anyhow::Result<Answers> {
        self.run(self.command(seconds, connections).arg(&self.url))
    }

    /// So many requests a second, whose time counts from when they should have been sent (no coordinated omission).
    pub(crate) fn fixed(&self, seconds: u32, rate: u32) -> anyhow::Result<Answers> {
        let mut command = self.command(seconds, 16);
        self.run(command.args(["-q", &rate.to_string(), "--latency-correction"]).arg(&self.url))
    }

    /// Loads in the background for so long.
    pub(crate) fn background(&self, seconds: u32, connections: u32) -> anyhow::Result<Child> {
        let mut command = self.command(seconds, connections);
        Ok(command.arg(&self.url).stdout(Stdio::null()).spawn()?)
    }

    fn run(&self, command: &mut Command) -> anyhow::Result<Answers> {
        let output = command.output().context("oha is missing: leave out --no-build")?;
        let report: Value = serde_json::from_slice(&output.stdout).context("oha says nothing")?;
        let statuses = report["statusCodeDistribution"].as_object().context("no answer")?;
        anyhow::ensure!(
            !statuses.is_empty() && statuses.keys().all(|status| status.starts_with(['2', '3'])),
            "{}: {statuses:?}",
            self.url
        );
        let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
        Ok(Answers {
            per_second: number(&report["summary"]["requestsPerSec"]),
            p50: number(&report["latencyPercentiles"]["p50"]) * 1e6,
            p99: number(&report["latencyPercentiles"]["p99"]) * 1e6,
        })
    }
}

/// Carries sessions on for so long, each by the refresh token that it was given last; `tokens` holds those of now. A pause
/// paces each client.
pub(crate) async fn refresh(
    url: &str,
    tokens: &mut [String],
    seconds: u64,
    pause: Duration,
) -> anyhow::Result<Answers> {
    let end = Instant::now() + Duration::from_secs(seconds);
    let clients =
        tokens.iter().map(|token| tokio::spawn(carry_on(url.to_owned(), token.clone(), end, pause)));
    let clients: Vec<_> = clients.collect();
    let mut all = Vec::new();
    for (client, token) in clients.into_iter().zip(tokens) {
        let (last, times) = client.await??;
        *token = last;
        all.extend(times);
    }
    all.sort_by(f64::total_cmp);
    let at = |share: f64| all[((all.len() as f64 * share) as usize).min(all.len() - 1)];
    Ok(Answers { per_second: all.len() as f64 / seconds as f64, p50: at(0.5), p99: at(0.99) })
}

/// One client: the token that it has at the end, and how long each answer took, in microseconds.
async fn carry_on(
    url: String,
    mut token: String,
    end: Instant,
    pause: Duration,
) -> anyhow::Result<(String, Vec<f64>)> {
    let (client, mut times) = (http::client(), Vec::new());
    let mut due = Instant::now();
    while Instant::now() < end {
        let answer = client.post(&url).bearer_auth(&token).send().await?.error_for_status()?;
        let answer: Value = serde_json::from_slice(&answer.bytes().await?)?;
        times.push(due.elapsed().as_secs_f64() * 1e6);
        if let Some(next) = answer["refresh_token"].as_str() {
            next.clone_into(&mut token);
        }
        due = if pause.is_zero() { Instant::now() } else { due + pause };
        sleep_until(due).await;
    }
    Ok((token, times))
}

/// The median of what each round measures.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
