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

#[tokio::test]
async fn doctor_tells_whether_tokens_can_be_checked() {
    use shared::testing::{MockIssuer, TestKey};
    let directory = tempfile::tempdir().unwrap();
    let issuer = MockIssuer::with_key(&TestKey::a()).await;
    let examine = |issuer: String| {
        let path = directory.path().to_owned();
        tokio::task::spawn_blocking(move || {
            let database = format!("sqlite://{}", path.join("books.db").display());
            let output = Command::new(env!("CARGO_BIN_EXE_books-service"))
                .args(["doctor", "--json", "--issuer", &issuer, "--management-listen", "127.0.0.1:1"])
                .env_clear()
                .env("BOOKS_DATABASE_URL", database)
                .output()
                .unwrap();
            (output.status.code(), String::from_utf8(output.stdout).unwrap())
        })
    };
    let (code, said) = examine(issuer.issuer().to_string()).await.unwrap();
    assert!(code == Some(0) && said.contains("publishes 1 usable key(s)"), "{said}");
    let (code, said) = examine("http://127.0.0.1:1".to_owned()).await.unwrap();
    assert!(code == Some(1) && said.contains("tokens cannot be checked"), "{said}");
    assert!(std::fs::read_dir(directory.path()).unwrap().next().is_none(), "it makes no file");
}
