//! The commands as an operator runs them: the built program and a file.

use std::process::{Command, Output};

fn run(directory: &tempfile::TempDir, arguments: &[&str]) -> Output {
    let database = directory.path().join("books.db");
    Command::new(env!("CARGO_BIN_EXE_books-service"))
        .args(arguments)
        .env_clear()
        .env("BOOKS_DATABASE_URL", format!("sqlite://{}", database.display()))
        .output()
        .unwrap()
}

#[test]
fn commands_end_with_the_codes_of_the_contract() {
    let directory = tempfile::tempdir().unwrap();
    for (code, arguments, said) in [
        (0, &["migrate"][..], ""),
        (0, &["migrate"], ""),
        (0, &["openapi"], ""),
        (0, &["--help"], ""),
        (1, &["healthcheck", "--management-listen", "127.0.0.1:1"], "no answer"),
        (1, &["serve", "--issuer", "http://id.example"], "BOOKS_ISSUER: is plain http to another machine"),
        (2, &["serve", "--clock-skew", "soon"], "BOOKS_CLOCK_SKEW"),
        (2, &["server"], "unrecognized subcommand"),
        (2, &[], "Usage"),
    ] {
        let output = run(&directory, arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stderr}");
        assert!(stderr.contains(said), "{arguments:?}: {stderr}");
    }
}
