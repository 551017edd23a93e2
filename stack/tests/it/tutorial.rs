use std::process::Command;

use crate::stack::{Stack, has};

#[test]
fn the_tutorials_client_runs_unchanged() {
    if !has("python3") {
        return;
    }
    let data = tempfile::tempdir().unwrap();
    let stack = Stack::start(data.path(), &[("AUTH_ACCESS_TOKEN_TTL", "2s")]);
    let client = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tutorial_client.py");
    let output = Command::new("python3").args([client, &stack.url, "2"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}
