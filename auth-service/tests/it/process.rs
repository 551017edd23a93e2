//! The built program, as a process of its own.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use auth_service::accounts::store::{self, NewPassword};
use auth_service::accounts::{Role, Roles};
use secrecy::SecretString;
use serde_json::{Value, json};
use shared::clock::Timestamp;
use shared::random::{Random, SystemRandom};

use crate::log::holds_secret;
use crate::world::{KEY, PASSWORD, World, connect};

const IN_FLIGHT: usize = 500;

struct Server {
    child: Child,
    address: SocketAddr,
    management: SocketAddr,
    log: Receiver<String>,
}

impl Server {
    fn start(directory: &Path) -> Self {
        let management = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_auth-service"))
            .arg("serve")
            .env_clear()
            .env("AUTH_DATABASE_URL", format!("sqlite://{}", directory.join("auth.db").display()))
            .env("AUTH_KEY_ENCRYPTION_KEY", KEY)
            .env("AUTH_LISTEN", "127.0.0.1:0")
            .env("AUTH_MANAGEMENT_LISTEN", management.to_string())
            .env("AUTH_LOG_FORMAT", "json")
            .env("AUTH_TRUSTED_PROXIES", "127.0.0.1")
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
    fn peak(&self) -> u64 {
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

fn login(name: &str) -> (String, String) {
    attempt(name, PASSWORD)
}

fn attempt(name: &str, password: &str) -> (String, String) {
    let body = json!({"username": name, "password": password}).to_string();
    let head = format!(
        "POST /login HTTP/1.1\r\nHost: auth\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    (head, body)
}

/// Reads a whole answer. Returns its status and whether all of its body came.
fn answer(mut stream: TcpStream) -> (u16, bool) {
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

/// What 200 logins at a time cost in memory, and what they do to everybody else. For the release build:
///
/// `cargo test --release -p auth-service --test it -- --ignored --nocapture two_hundred`
#[test]
#[ignore = "measures the release build"]
fn two_hundred_logins_at_a_time_stay_within_bounds() {
    const LOGINS: usize = 200;
    let directory = tempfile::tempdir().unwrap();
    make_accounts(directory.path(), LOGINS);
    let server = Server::start(directory.path());
    let before = server.peak();
    let (address, management) = (server.address, server.management);
    let probes =
        [(address, "/.well-known/jwks.json"), (management, "/health/ready")].map(|(address, path)| {
            let (stop, stopped) = channel::<()>();
            let probe = thread::spawn(move || {
                let mut times = Vec::new();
                while stopped.try_recv().is_err() && times.len() < 5000 {
                    let started = now();
                    let mut stream = TcpStream::connect(address).unwrap();
                    write!(stream, "GET {path} HTTP/1.1\r\nHost: auth\r\nConnection: close\r\n\r\n").unwrap();
                    assert_eq!(answer(stream).0, 200);
                    times.push(started.elapsed());
                    thread::sleep(Duration::from_millis(2));
                }
                times.sort();
                times
            });
            (path, stop, probe)
        });
    for round in 0..5 {
        let logins: Vec<_> = (0..LOGINS)
            .map(|number| {
                thread::spawn(move || {
                    let (head, body) = login(&format!("name{number}"));
                    let mut stream = TcpStream::connect(address).unwrap();
                    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
                    answer(stream).0
                })
            })
            .collect();
        let statuses: Vec<_> = logins.into_iter().map(|login| login.join().unwrap()).collect();
        assert!(statuses.iter().all(|status| matches!(status, 200 | 429 | 503)), "{statuses:?}");
        let count = |wanted| statuses.iter().filter(|status| **status == wanted).count();
        println!("round {round}: {} x 200, {} x 503, {} x 429", count(200), count(503), count(429));
    }
    for (path, stop, probe) in probes {
        stop.send(()).unwrap();
        let times = probe.join().unwrap();
        let at = |percent: usize| times[(times.len() - 1) * percent / 100];
        println!("{path}: {} probes, median {:?}, p99 {:?}, most {:?}", times.len(), at(50), at(99), at(100));
    }
    let slots = thread::available_parallelism().unwrap().get() as u64;
    println!("memory: {before} KiB before, {} KiB at most; {slots} slots of 19456 KiB", server.peak());
    assert!(server.peak() < slots * 19456 + 40 * 1024);
}

/// Whether the time of a refusal says why it was refused: the name is nobody's, the password is wrong, the account is
/// disabled, its hash is of another kind. For the release build, like the test above, by `-- … refusals`.
#[test]
#[ignore = "measures the release build"]
fn refusals_take_equally_long() {
    const SAMPLES: usize = 500;
    const AT_A_TIME: usize = 8;
    let directory = tempfile::tempdir().unwrap();
    make_accounts(directory.path(), 3 * SAMPLES);
    let server = Server::start(directory.path());
    let address = server.address;
    let workers = (0..AT_A_TIME).map(|worker| {
        thread::spawn(move || {
            let mut times: [Vec<Duration>; 4] = Default::default();
            for sample in (worker..SAMPLES).step_by(AT_A_TIME) {
                for (class, times) in times.iter_mut().enumerate() {
                    // Each name once, each time from another network, so that no throttle has a say.
                    let (head, body) =
                        attempt(&format!("name{}", class * SAMPLES + sample), "not the password");
                    let network = class * SAMPLES + sample;
                    let forwarded =
                        format!("X-Forwarded-For: 10.{}.{}.1\r\n\r\n", network / 256, network % 256);
                    let head = head.replace("\r\n\r\n", &format!("\r\n{forwarded}"));
                    let mut stream = TcpStream::connect(address).unwrap();
                    let started = now();
                    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
                    assert_eq!(answer(stream).0, 401);
                    times.push(started.elapsed());
                }
            }
            times
        })
    });
    let mut times: [Vec<Duration>; 4] = Default::default();
    for worker in workers.collect::<Vec<_>>() {
        for (all, some) in times.iter_mut().zip(worker.join().unwrap()) {
            all.extend(some);
        }
    }
    let classes = ["wrong password", "disabled account", "bcrypt hash", "unknown name"];
    for (class, times) in classes.iter().zip(&mut times) {
        times.sort();
        let at = |percent: usize| times[(times.len() - 1) * percent / 100];
        println!("{class}: {} samples, p10 {:?}, median {:?}, p90 {:?}", times.len(), at(10), at(50), at(90));
    }
    let medians = times.map(|times| times[times.len() / 2]);
    let spread = *medians.iter().max().unwrap() - *medians.iter().min().unwrap();
    println!("difference of medians: {spread:?}");
    assert!(spread < Duration::from_micros(1250), "a twentieth of what a hash takes");
}

#[tokio::main(flavor = "current_thread")]
async fn make_accounts(directory: &Path, count: usize) {
    let url = SecretString::from(format!("sqlite://{}", directory.join("auth.db").display()));
    let world = World::on(connect(&url).await, &[]).await;
    world.account("first", Role::Reader).await;
    let (hash, now) = (world.row("first").await.password_hash, Timestamp::from_seconds(0));
    let bcrypt = "$2b$04$jMaKg20qXajxUAV0C45Kt.Y6FUIFNoTW3x0Fatw9/25hPHXgVCEeG";
    let random: &dyn Random = &SystemRandom::new();
    for number in 0..count {
        // Of three thirds the second is disabled and the third has hashes from elsewhere, where there are that many.
        let third = if count > 1000 { number * 3 / count } else { 0 };
        let hash = if third == 2 { bcrypt.to_owned() } else { hash.clone() };
        let (id, name) = (random.uuid(), format!("name{number}").parse().unwrap());
        let (password, roles) = (NewPassword::chosen(hash), Roles::new([Role::Reader]));
        store::create(world.database(), id, &name, password, &roles, now).await.unwrap();
        if third == 1 {
            store::disable(world.database(), id, now).await.unwrap();
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "measures another process")]
fn now() -> Instant {
    Instant::now()
}
