//! A stack in a process of its own, on ports that the system chose.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

pub(crate) struct Stack {
    child: Child,
    _stdout: BufReader<ChildStdout>,
    /// What it said until it was ready.
    pub(crate) greeting: String,
    /// The gateway.
    pub(crate) url: String,
    client: Client,
}

impl Stack {
    /// Starts a stack on this directory and waits for its greeting.
    pub(crate) fn start(data: &Path, settings: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_stack"))
            .env_clear()
            .env("RUST_LOG", "warn")
            .env("STACK_DATA_DIR", data)
            .envs(["STACK_LISTEN", "AUTH_LISTEN", "AUTH_MANAGEMENT_LISTEN"].map(|name| (name, "127.0.0.1:0")))
            .envs(["BOOKS_LISTEN", "BOOKS_MANAGEMENT_LISTEN"].map(|name| (name, "127.0.0.1:0")))
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut greeting = String::new();
        while !greeting.contains("books-service ") {
            assert_ne!(
                stdout.read_line(&mut greeting).unwrap(),
                0,
                "it ended before it was ready: {greeting}"
            );
        }
        // The rest comes in the same write.
        let rest = String::from_utf8(stdout.buffer().to_vec()).unwrap();
        stdout.consume(rest.len());
        greeting.push_str(&rest);
        let line = greeting.lines().find(|line| line.contains("one URL for both")).unwrap();
        let url = line.split_whitespace().last().unwrap().to_owned();
        drop(rustls::crypto::ring::default_provider().install_default());
        Self { child, _stdout: stdout, greeting, url, client: Client::new() }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it without warning.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends it as Ctrl-C does. Returns how it ended and how long that took.
    pub(crate) fn interrupt(mut self) -> (ExitStatus, Duration) {
        let started = now();
        let sent = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        (self.child.wait().unwrap(), started.elapsed())
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<Value>,
    ) -> Result<(StatusCode, Value), reqwest::Error> {
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await?;
        let (status, body) = (response.status(), response.bytes().await?);
        Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
    }

    /// Logs in and returns access and refresh token.
    pub(crate) async fn log_in(&self, username: &str, password: &str) -> (String, String) {
        let body = json!({"username": username, "password": password});
        let (status, body) = self.send(Method::POST, "/login", None, Some(body)).await.unwrap();
        assert_eq!(status, 200, "{body}");
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        (text("access_token"), text("refresh_token"))
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[expect(clippy::disallowed_methods, reason = "measures another process")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::print_stdout, reason = "a test that was skipped says so")]
/// Whether `command` is on this machine; if not, says that the test was skipped.
pub(crate) fn has(command: &str) -> bool {
    let found =
        Command::new(command).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !found {
        assert!(
            std::env::var_os("CI").is_none(),
            "{command} is missing, and under CI nothing may be skipped"
        );
        println!("skipped: {command} is not on this machine");
    }
    found
}
