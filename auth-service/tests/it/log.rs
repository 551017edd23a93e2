//! The log of the whole test run, read as it is written: whichever test brings a secret into it fails there and then.

use std::io::{self, Write};
use std::sync::{Mutex, Once, PoisonError};

use crate::world::PASSWORD;

static BEGIN: Once = Once::new();
static AUDIT: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Parts of what the tests use as secrets.
const SECRETS: [&str; 4] = [PASSWORD, "another long password", "$argon2", "c2FsdHNhbHRzYWx0"];

/// Begins to read. Everything is logged, down to what only developers turn on.
pub(crate) fn watch() {
    BEGIN.call_once(|| {
        let filter = tracing_subscriber::EnvFilter::new("debug,auth_service=trace,shared=trace");
        let subscriber = tracing_subscriber::fmt().json().flatten_event(true).with_env_filter(filter);
        subscriber.with_writer(|| Watch).init();
    });
}

/// The lines of the audit trail so far that hold this text.
pub(crate) fn audit_lines(text: &str) -> Vec<String> {
    let lines = AUDIT.lock().unwrap_or_else(PoisonError::into_inner);
    lines.iter().filter(|line| line.contains(text)).cloned().collect()
}

struct Watch;

impl Write for Watch {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = String::from_utf8_lossy(bytes);
        assert!(!holds_secret(&line), "a secret in the log: {line}");
        assert_eq!(line.trim_end().lines().count(), 1, "an event is a line: {line}");
        if line.contains("\"audit\":") {
            AUDIT.lock().unwrap_or_else(PoisonError::into_inner).push(line.into_owned());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether there is a secret of the tests, or something like a JWT.
pub(crate) fn holds_secret(line: &str) -> bool {
    let jwt = line.match_indices("eyJ").any(|(at, _)| {
        let rest = &line[at..];
        let part =
            rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c))).unwrap_or(rest.len());
        part > 40
    });
    jwt || SECRETS.iter().any(|secret| line.contains(secret))
}

#[tokio::test]
async fn the_watch_sees_secrets() {
    use crate::world::World;
    let world = World::new().await;
    let tokens = world.librarian().await;
    for secret in [&tokens.access, &tokens.refresh, PASSWORD] {
        assert!(holds_secret(&format!("{{\"message\":\"login with {secret}\"}}")));
    }
    assert!(!holds_secret("{\"message\":\"request\",\"path\":\"/login\"}"));
}
