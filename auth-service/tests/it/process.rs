//! The built program, as a process of its own.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::log::holds_secret;
use crate::world::{KEY, PASSWORD};

const IN_FLIGHT: usize = 500;

pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) management: SocketAddr,
    log: Receiver<String>,
}

impl Server {
    pub(crate) fn start(directory: &Path) -> Self {
        Self::behind(directory, "127.0.0.1")
    }

    /// One that believes these proxies.
    pub(crate) fn behind(directory: &Path, proxies: &str) -> Self {
        let management = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_auth-service"))
            .arg("serve")
            .env_clear()
            .env("AUTH_DATABASE_URL", format!("sqlite://{}", directory.join("auth.db").display()))
            .env("AUTH_KEY_ENCRYPTION_KEY", KEY)
            .env("AUTH_LISTEN", "127.0.0.1:0")
            .env("AUTH_MANAGEMENT_LISTEN", management.to_string())
            .env("AUTH_LOG_FORMAT", "json")
            .env("AUTH_TRUSTED_PROXIES", proxies)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, log) = channel();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let ready = log.iter().find(|line| line.contains("auth-service is ready")).unwrap();
        let ready: Value = serde_json::from_str(&ready).unwrap();
        let address = ready["address"].as_str().unwrap().parse().unwrap();
        Self { child, address, management, log }
    }

    fn terminate(&self) {
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// The most memory that it ever had, in KiB.
    pub(crate) fn peak(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub(crate) fn login(name: &str) -> (String, String) {
    attempt(name, PASSWORD)
}

pub(crate) fn attempt(name: &str, password: &str) -> (String, String) {
    let body = json!({"username": name, "password": password}).to_string();
    let head = format!(
        "POST /login HTTP/1.1\r\nHost: auth\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    (head, body)
}

/// Reads a whole answer. Returns its status and whether all of its body came.
pub(crate) fn answer(mut stream: TcpStream) -> (u16, bool) {
    let mut bytes = Vec::new();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    if stream.read_to_end(&mut bytes).is_err() {
        return (0, false);
    }
    let text = String::from_utf8_lossy(&bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return (0, false) };
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    (status, length == Some(body.len()))
}

#[test]
fn a_request_that_is_under_way_when_the_end_begins_is_answered() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Server::start(directory.path());
    let mut under_way: Vec<_> = (0..IN_FLIGHT)
        .map(|number| {
            let (head, body) = login(&format!("name{number}"));
            let mut stream = TcpStream::connect(server.address).unwrap();
            let (begun, rest) = body.split_at(body.len() / 2);
            stream.write_all(format!("{head}{begun}").as_bytes()).unwrap();
            (stream, rest.to_owned())
        })
        .collect();
    thread::sleep(Duration::from_millis(500));
    server.terminate();
    let ending = now();
    thread::sleep(Duration::from_millis(100));
    for (stream, rest) in &mut under_way {
        stream.write_all(rest.as_bytes()).unwrap();
    }
    let answers: Vec<_> = under_way.into_iter().map(|(stream, _)| answer(stream)).collect();
    let lost: Vec<_> =
        answers.iter().filter(|(status, whole)| !matches!(status, 401 | 429 | 503) || !whole).collect();
    assert!(lost.is_empty(), "{} of {IN_FLIGHT}: {lost:?}", lost.len());
    assert!(server.child.wait().unwrap().success());
    assert!(ending.elapsed() < Duration::from_secs(10), "within the grace: {:?}", ending.elapsed());
    assert!(TcpStream::connect(server.address).is_err(), "and nobody else is let in");
    for line in server.log.try_iter() {
        let line_is_json = serde_json::from_str::<Value>(&line).is_ok();
        assert!(line_is_json && !holds_secret(&line), "{line}");
    }
}

#[test]
fn who_waits_for_a_database_ends_when_asked_to_and_says_what_it_waits_for() {
    // A port on which nobody listens.
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_auth-service"))
        .args(["serve", "--listen", "127.0.0.1:0", "--management-listen", "127.0.0.1:0"])
        .env_clear()
        .env("AUTH_DATABASE_URL", format!("mysql://somebody:secret@{nobody}/auth"))
        .env("AUTH_KEY_ENCRYPTION_KEY", KEY)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let waiting = log.find(|line| line.contains("the database does not answer yet")).unwrap();
    assert!(waiting.contains("refused") && !waiting.contains("secret"), "{waiting}");
    let ending = now();
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    assert!(child.wait().unwrap().success());
    assert!(ending.elapsed() < Duration::from_secs(2), "{:?}", ending.elapsed());
}

#[expect(clippy::disallowed_methods, reason = "measures another process")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
