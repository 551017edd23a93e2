//! Load from core 1: by `oha`, and by clients of our own where each request needs the answer to the one before.

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::Value;

/// What is asked for, again and again.
#[derive(Clone, Default)]
pub struct Target {
    pub url: String,
    pub token: Option<String>,
    pub headers: Vec<&'static str>,
    pub body: Option<(&'static str, String)>,
    pub basic: Option<String>,
}

/// What came back.
#[derive(Clone, Copy, Debug)]
pub struct Answers {
    pub per_second: f64,
    pub p99: f64,
}

impl Target {
    pub fn get(url: impl Into<String>) -> Self {
        Self { url: url.into(), ..Self::default() }
    }

    pub fn with(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    pub fn post(mut self, content_type: &'static str, body: impl Into<String>) -> Self {
        self.body = Some((content_type, body.into()));
        self
    }

    fn command(&self, seconds: u32, connections: u32) -> Command {
        let mut command = Command::new("taskset");
        command.args(["-c", "1", "oha", "--no-tui", "--output-format", "json"]);
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
    pub fn closed(&self, seconds: u32, connections: u32) -> anyhow::Result<Answers> {
        self.run(self.command(seconds, connections).arg(&self.url))
    }

    /// So many requests a second, whose time counts from when they should have been sent (no coordinated omission).
    pub fn fixed(&self, seconds: u32, rate: u32) -> anyhow::Result<Answers> {
        let mut command = self.command(seconds, 16);
        self.run(command.args(["-q", &rate.to_string(), "--latency-correction"]).arg(&self.url))
    }

    /// Loads in the background for so long.
    pub fn background(&self, seconds: u32, connections: u32) -> anyhow::Result<Child> {
        let mut command = self.command(seconds, connections);
        Ok(command.arg(&self.url).stdout(Stdio::null()).spawn()?)
    }

    fn run(&self, command: &mut Command) -> anyhow::Result<Answers> {
        let output = command.output().context("oha is missing: cargo install oha --locked")?;
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
            p99: number(&report["latencyPercentiles"]["p99"]) * 1e6,
        })
    }
}

/// Carries sessions on, each by the refresh token that it was given last; `tokens` holds those of now. A pause paces each
/// client. Returns what came back, latencies in microseconds.
pub fn refresh(url: &str, tokens: &mut [String], seconds: u64, pause: Duration) -> anyhow::Result<Answers> {
    let end = Instant::now() + Duration::from_secs(seconds);
    let clients: Vec<_> = tokens.iter().cloned().map(|token| (url.to_owned(), token)).collect();
    let threads = clients.into_iter().map(|(url, mut token)| {
        thread::spawn(move || -> anyhow::Result<(String, Vec<f64>)> {
            let (client, mut times) = (reqwest::blocking::Client::new(), Vec::new());
            let mut due = Instant::now();
            while Instant::now() < end {
                let answer = client.post(&url).bearer_auth(&token).send()?.error_for_status()?;
                let answer: Value = answer.json()?;
                times.push(due.elapsed().as_secs_f64() * 1e6);
                if let Some(next) = answer["refresh_token"].as_str() {
                    next.clone_into(&mut token);
                }
                due = if pause.is_zero() { Instant::now() } else { due + pause };
                thread::sleep(due.saturating_duration_since(Instant::now()));
            }
            Ok((token, times))
        })
    });
    let threads: Vec<_> = threads.collect();
    let mut all = Vec::new();
    for (thread, token) in threads.into_iter().zip(tokens) {
        let (last, times) = thread.join().map_err(|_| anyhow::anyhow!("a client fell over"))??;
        *token = last;
        all.extend(times);
    }
    all.sort_by(f64::total_cmp);
    let at = |share: f64| all[((all.len() as f64 * share) as usize).min(all.len() - 1)];
    Ok(Answers { per_second: all.len() as f64 / seconds as f64, p99: at(0.99) })
}

/// The median of what each round measures.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
