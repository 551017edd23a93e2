//! Servers on core 0.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;
use reqwest::StatusCode;
use tokio::time::{Duration, Instant, sleep};

use crate::http;

/// A server, which ends when it is dropped.
pub(crate) struct Server(Child);

impl Server {
    /// Starts `program` on core 0 with these variables, its log in `log`, and waits until `ready` is found and
    /// no fault: some of these pages want a token.
    pub(crate) async fn start(
        program: &Path,
        arguments: &[&str],
        variables: &[(&str, String)],
        log: &Path,
        ready: &str,
    ) -> anyhow::Result<Self> {
        let mut command = Command::new("taskset");
        command.args(["-c", "0"]).arg(program).args(arguments).envs(variables.iter().map(|(k, v)| (*k, v)));
        command.stdout(Stdio::null()).stderr(File::create(log)?);
        let server = Self(command.spawn().with_context(|| format!("cannot start {}", program.display()))?);
        let (client, began) = (http::client(), Instant::now());
        let is_up = |status: StatusCode| status != 404 && !status.is_server_error();
        while !client.get(ready).send().await.is_ok_and(|answer| is_up(answer.status())) {
            anyhow::ensure!(
                began.elapsed() < Duration::from_secs(30),
                "{} does not get ready",
                program.display()
            );
            sleep(Duration::from_millis(1)).await;
        }
        Ok(server)
    }

    /// Resident memory of the process and its children, in MiB.
    pub(crate) fn resident(&self) -> f64 {
        let mut processes = vec![self.0.id()];
        let children = format!("/proc/{0}/task/{0}/children", self.0.id());
        let children = fs::read_to_string(children).unwrap_or_default();
        processes.extend(children.split_whitespace().filter_map(|id| id.parse::<u32>().ok()));
        let of = |id: u32| {
            let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
            let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default().to_owned();
            line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).unwrap_or_default()
        };
        processes.into_iter().map(of).sum::<f64>() / 1024.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // By SIGTERM: gunicorn must end its workers.
        drop(Command::new("kill").arg(self.0.id().to_string()).status());
        drop(self.0.wait());
    }
}

/// Runs a command to its end and returns what it prints.
pub(crate) fn output(command: &mut Command) -> anyhow::Result<String> {
    let done =
        command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot run {command:?}"))?;
    anyhow::ensure!(done.status.success(), "{command:?} failed");
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}
