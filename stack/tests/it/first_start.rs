use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::stack::{Stack, has};

#[tokio::test]
async fn a_new_stack_has_accounts_and_books() {
    let data = tempfile::tempdir().unwrap();
    let stack = Stack::start(&data.path().join("data"), &[]);
    let (access, _) = stack.log_in("test", "test").await;
    let (_, me) = stack.send(Method::GET, "/me", Some(&access), None).await.unwrap();
    assert_eq!(me["roles"], json!(["librarian"]));
    let (_, books) = stack.send(Method::GET, "/books", Some(&access), None).await.unwrap();
    assert!(books.as_array().unwrap().len() >= 20);

    let line = stack.greeting.lines().find(|line| line.contains("admin / ")).unwrap();
    let password = line.split_whitespace().nth(3).unwrap();
    let (admin, _) = stack.log_in("admin", password).await;
    let (_, me) = stack.send(Method::GET, "/me", Some(&admin), None).await.unwrap();
    assert_eq!(me["scope"], "books:read books:write auth:admin");

    let mode = |name: &str| std::fs::metadata(data.path().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("data"), mode("data/key-encryption-key")), (0o700, 0o600));
    assert_eq!(
        (mode("data/auth.db"), mode("data/auth.db-wal"), mode("data/books.db")),
        (0o600, 0o600, 0o600)
    );
}

/// Whoever waits for the port rather than for the greeting.
#[tokio::test]
async fn the_first_answer_knows_the_demo() {
    let data = tempfile::tempdir().unwrap();
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let (folder, listen) = (data.path().to_owned(), address.clone());
    let stack = std::thread::spawn(move || Stack::start(&folder, &[("STACK_LISTEN", &listen)]));
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = reqwest::Client::new();
    let first = loop {
        let body = json!({"username": "test", "password": "test"});
        match client.post(format!("http://{address}/login")).json(&body).send().await {
            Ok(answer) => break answer,
            Err(error) if error.is_connect() => tokio::time::sleep(Duration::from_millis(1)).await,
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(first.status(), 200);
    drop(stack.join());
}

#[tokio::test]
async fn the_gateway_is_one_url_for_both() {
    let data = tempfile::tempdir().unwrap();
    let stack = Stack::start(data.path(), &[]);
    let (access, _) = stack.log_in("test", "test").await;
    for (path, token, status) in [
        ("/protected", Some(access.as_str()), 200),
        ("/books/1", Some(access.as_str()), 200),
        ("/me", Some(access.as_str()), 200),
        ("/.well-known/jwks.json", None, 200),
        ("/.well-known/oauth-protected-resource", None, 200),
        ("/books", None, 401),
        ("/nowhere", None, 404),
    ] {
        let (answer, body) = stack.send(Method::GET, path, token, None).await.unwrap();
        assert_eq!(answer, status, "{path}: {body}");
    }
    let (_, metadata) =
        stack.send(Method::GET, "/.well-known/oauth-protected-resource", None, None).await.unwrap();
    assert_eq!(
        (&metadata["resource"], &metadata["authorization_servers"][0]),
        (&json!(stack.url), &json!(stack.url))
    );
}

#[tokio::test]
async fn the_lines_of_the_greeting_work_when_pasted() {
    if !has("curl") {
        return;
    }
    let data = tempfile::tempdir().unwrap();
    let stack = Stack::start(data.path(), &[]);
    let lines: Vec<_> = stack
        .greeting
        .lines()
        .filter(|line| line.starts_with("TOKEN=") || line.starts_with("curl "))
        .collect();
    assert_eq!(lines.len(), 3, "{}", stack.greeting);
    let output = Command::new("sh").args(["-c", &lines.join("\n")]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let said: Vec<_> = said.lines().collect();
    assert!(said[0].starts_with("eyJ"), "{said:?}");
    assert!(said[1].starts_with(r#"[{"id":1,"title":"The Tale of Genji""#), "{said:?}");
    assert_eq!(said[2], r#"{"id":25,"title":"Orlando","author":"Virginia Woolf"}"#);
}

#[tokio::test]
async fn a_restart_keeps_everything_and_says_no_password_again() {
    let data = tempfile::tempdir().unwrap();
    // The issuer is the gateway's address, which must be the same again for old tokens to be taken.
    let settings = [("AUTH_ISSUER", "http://127.0.0.1:1"), ("AUTH_LOG_FORMAT", "json")];
    let stack = Stack::start(data.path(), &settings);
    let (access, refresh) = stack.log_in("test", "test").await;
    let book = json!({"title": "Flatland", "author": "Edwin A. Abbott"});
    let (_, book) = stack.send(Method::POST, "/books", Some(&access), Some(book)).await.unwrap();
    stack.send(Method::DELETE, "/books/1", Some(&access), None).await.unwrap();
    let (status, took) = stack.interrupt();
    assert!(status.success() && took < Duration::from_secs(2), "{status} after {took:?}");

    let stack = Stack::start(data.path(), &settings);
    assert!(!stack.greeting.contains("ADMINISTRATOR"), "{}", stack.greeting);
    let path = format!("/books/{}", book["id"]);
    assert_eq!(stack.send(Method::GET, &path, Some(&access), None).await.unwrap().1, book);
    assert_eq!(
        stack.send(Method::GET, "/books/1", Some(&access), None).await.unwrap().0,
        404,
        "gone stays gone"
    );
    assert_eq!(stack.send(Method::POST, "/refresh", Some(&refresh), None).await.unwrap().0, 200);
}

#[test]
fn a_known_password_is_not_put_on_a_network() {
    let data = tempfile::tempdir().unwrap();
    Stack::start(data.path(), &[]).kill();
    let output = Command::new(env!("CARGO_BIN_EXE_stack"))
        .env_clear()
        .env("STACK_DATA_DIR", data.path())
        .envs(["AUTH_LISTEN", "STACK_LISTEN"].map(|name| (name, "0.0.0.0:0")))
        .envs(
            ["AUTH_MANAGEMENT_LISTEN", "BOOKS_LISTEN", "BOOKS_MANAGEMENT_LISTEN"]
                .map(|name| (name, "127.0.0.1:0")),
        )
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.code() == Some(1) && said.contains("the account test still has the password test"),
        "{said}"
    );
}

#[test]
fn a_setting_that_cannot_be_used_is_named() {
    let data = tempfile::tempdir().unwrap();
    for (name, value) in [
        ("AUTH_ACCESS_TOKEN_TTL", "soon"),
        ("BOOKS_CLOCK_SKEW", "an hour"),
        ("STACK_LISTEN", "everywhere"),
        ("AUTH_KEY_ENCRYPTION_KEY", "short"),
        ("AUTH_DATABASE_URL", "postgres://localhost/auth"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_stack"))
            .env_clear()
            .env("STACK_DATA_DIR", data.path())
            .envs(["STACK_LISTEN", "AUTH_LISTEN", "AUTH_MANAGEMENT_LISTEN"].map(|name| (name, "127.0.0.1:0")))
            .envs(["BOOKS_LISTEN", "BOOKS_MANAGEMENT_LISTEN"].map(|name| (name, "127.0.0.1:0")))
            .env(name, value)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(name), "{name}: {said}");
    }
}

#[test]
fn doctor_looks_at_a_stack_beside_it() {
    let data = tempfile::tempdir().unwrap();
    let free = || std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let names =
        ["STACK_LISTEN", "AUTH_LISTEN", "AUTH_MANAGEMENT_LISTEN", "BOOKS_LISTEN", "BOOKS_MANAGEMENT_LISTEN"];
    let addresses = names.map(|name| (name, free()));
    let settings: Vec<_> = addresses.iter().map(|(name, address)| (*name, address.as_str())).collect();
    let examine = || {
        let mut doctor = Command::new(env!("CARGO_BIN_EXE_stack"));
        doctor.args(["doctor", "--json"]).env_clear().env("STACK_DATA_DIR", data.path());
        let output = doctor.envs(settings.iter().copied()).output().unwrap();
        let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code(), said)
    };
    let (code, said) = examine();
    assert_eq!((code, &said["auth-service"]["findings"][0]["check"]), (Some(0), &json!("data")));
    assert!(std::fs::read_dir(data.path()).unwrap().next().is_none(), "it makes nothing");

    let stack = Stack::start(data.path(), &settings);
    let (code, said) = examine();
    assert_eq!(code, Some(0), "{said}");
    let found = said.to_string();
    assert!(found.contains("the issuer's URL shows the keys of this database"), "{said}");
    assert!(found.contains("the running service has keys that are"), "{said}");
    assert!(found.contains("the account test has the password test"), "{said}");
    drop(stack);
}
