//! The Docker engine, where one answers.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tokio::sync::{Mutex, MutexGuard};

/// What needs the engine needs most of the machine as well, and its times are watched.
static TURN: Mutex<()> = Mutex::const_new(());

/// Waits for a turn with the engine. Where none answers, says that the test was skipped; with `REQUIRE_DOCKER` it fails.
#[expect(clippy::print_stdout, reason = "a test that was skipped says so")]
pub(crate) async fn engine() -> Option<MutexGuard<'static, ()>> {
    let answers = Command::new("docker").arg("info").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if answers.is_ok_and(|status| status.success()) {
        return Some(TURN.lock().await);
    }
    assert!(
        std::env::var_os("REQUIRE_DOCKER").is_none(),
        "no Docker engine answers, and REQUIRE_DOCKER is set"
    );
    println!("skipped: no Docker engine answers");
    None
}

/// Runs `docker` with these words and returns what it printed.
#[track_caller]
pub(crate) fn docker(words: &[&str]) -> String {
    run(Command::new("docker").args(words))
}

/// Runs a command and returns what it printed.
#[track_caller]
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {complaint}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The top of the repository.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// A port of this machine that nobody listens on at the moment.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
