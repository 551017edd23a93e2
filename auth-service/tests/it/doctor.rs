//! `doctor`, before the first start and beside a running service.

use std::collections::HashMap;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sea_orm::{ConnectionTrait as _, Database};
use serde_json::Value;

use crate::world::KEY;

const OTHER_KEY: &str = "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA=";
/// Of the password "test", as Werkzeug writes it.
const DEMO_HASH: &str =
    "pbkdf2:sha256:1000$salt$b95de58f7646da3b2de64466b3429244885addac134dcab6e61a29ffe072404a\n";

/// A service at the address that its issuer says.
struct Site {
    directory: tempfile::TempDir,
    address: SocketAddr,
    management: SocketAddr,
    server: Option<Child>,
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

impl Site {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { directory, address: free(), management: free(), server: None }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_auth-service"));
        command
            .args(arguments)
            .env_clear()
            .env("AUTH_DATABASE_URL", format!("sqlite://{}", self.file().display()))
            .env("AUTH_LISTEN", self.address.to_string())
            .env("AUTH_MANAGEMENT_LISTEN", self.management.to_string())
            .env("AUTH_ISSUER", format!("http://{}", self.address))
            .env("AUTH_KEY_ENCRYPTION_KEY", KEY)
            .stderr(Stdio::null());
        command
    }

    fn file(&self) -> std::path::PathBuf {
        self.directory.path().join("auth.db")
    }

    fn start(&mut self) {
        self.server = Some(self.command(&["serve"]).spawn().unwrap());
        for _ in 0..400 {
            if self.command(&["healthcheck"]).status().unwrap().success() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the service does not get ready");
    }

    fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            drop(server.kill());
            drop(server.wait());
        }
    }

    /// What doctor says with these variables: its exit code, and severity, text and advice by check.
    fn examine(&self, variables: &[(&str, &str)]) -> (i32, HashMap<String, Vec<(String, String)>>) {
        let mut command = self.command(&["doctor", "--json"]);
        let output = command.envs(variables.iter().copied()).output().unwrap();
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        let code = output.status.code().unwrap();
        assert_eq!(document["healthy"] == true, code == 0);
        let mut findings: HashMap<_, Vec<_>> = HashMap::new();
        for finding in document["findings"].as_array().unwrap() {
            let text = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
            let is_ok = text("severity") == "ok";
            assert_eq!(is_ok, text("means").is_empty() && text("do").is_empty(), "{finding}");
            findings.entry(text("check")).or_default().push((text("severity"), text("seen")));
        }
        (code, findings)
    }

    #[track_caller]
    fn finds(&self, variables: &[(&str, &str)], check: &str, severity: &str, said: &str) {
        let (code, findings) = self.examine(variables);
        let found = findings.get(check).unwrap_or_else(|| panic!("no {check} in {findings:?}"));
        let matches = found.iter().any(|(how, seen)| how == severity && seen.contains(said));
        assert!(matches, "{check}: {found:?}");
        assert!(severity != "bad" || code == 1, "{findings:?}");
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop();
    }
}

#[test]
fn before_the_first_start_nothing_hurts_and_nothing_is_made() {
    let site = Site::new();
    let (code, findings) = site.examine(&[]);
    assert_eq!(code, 0, "{findings:?}");
    assert_eq!(findings["database"][0].0, "note");
    assert_eq!(findings["service"][0].0, "note");
    assert!(!site.file().exists());
}

#[test]
fn beside_a_running_service_all_is_well() {
    let mut site = Site::new();
    site.start();
    let files = listing(site.directory.path());
    let (code, findings) = site.examine(&[]);
    assert_eq!(code, 0, "{findings:?}");
    for check in
        ["settings", "database", "schema", "keys", "published", "service", "issuer", "clock", "proxies"]
    {
        assert_eq!(findings[check][0].0, "ok", "{check}: {:?}", findings[check]);
    }
    assert_eq!(findings["accounts"][0].1, "there is no administrator");
    assert_eq!(listing(site.directory.path()), files, "it makes no file");
}

fn listing(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn each_trouble_has_a_finding_that_names_it() {
    let mut site = Site::new();
    site.start();
    site.finds(
        &[("AUTH_KEY_ENCRYPTION_KEY", OTHER_KEY)],
        "keys",
        "bad",
        "AUTH_KEY_ENCRYPTION_KEY does not open 1 of 1",
    );
    site.finds(
        &[("AUTH_KEY_ENCRYPTION_KEY", "short")],
        "settings",
        "bad",
        "AUTH_KEY_ENCRYPTION_KEY: must be 32 bytes",
    );
    site.finds(&[("AUTH_ISSUER", "http://id.invalid")], "tls", "bad", "plain http");
    site.finds(&[("AUTH_ISSUER", "http://id.invalid")], "issuer", "bad", "no answer from");
    let other_name = format!("http://localhost:{}", site.address.port());
    site.finds(&[("AUTH_ISSUER", &other_name)], "issuer", "bad", "is not the issuer's");
    site.finds(
        &[("AUTH_DATABASE_URL", "mysql://a:secret@127.0.0.1:1/x")],
        "database",
        "bad",
        "cannot connect",
    );
    site.finds(
        &[("AUTH_MANAGEMENT_LISTEN", "127.0.0.1:1")],
        "service",
        "note",
        "nothing answers at 127.0.0.1:1",
    );

    let mut stream = TcpStream::connect(site.address).unwrap();
    stream
        .write_all(b"GET /me HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.1\r\nConnection: close\r\n\r\n")
        .unwrap();
    crate::process::answer(stream);
    site.finds(&[], "proxies", "note", "1 request(s) had an X-Forwarded-For that is not believed");

    let mut create =
        site.command(&["user", "create", "test", "--hash"]).stdin(Stdio::piped()).spawn().unwrap();
    create.stdin.take().unwrap().write_all(DEMO_HASH.as_bytes()).unwrap();
    assert!(create.wait().unwrap().success());
    site.finds(&[], "accounts", "note", "the account test has the password test");
    site.finds(
        &[("AUTH_ISSUER", "https://id.invalid")],
        "accounts",
        "bad",
        "the account test has the password test",
    );

    // With the service away, its next key gets late, and a step of the schema goes missing.
    site.stop();
    let database = Database::connect(format!("sqlite://{}", site.file().display())).await.unwrap();
    database.execute_unprepared("UPDATE signing_keys SET created_at = 1000").await.unwrap();
    site.finds(&[], "keys", "bad", "late");
    database.execute_unprepared("DELETE FROM seaql_migrations WHERE version LIKE '%000025%'").await.unwrap();
    site.finds(&[], "schema", "note", "1 step(s) are missing, from m20261124_000025");
    database.execute_unprepared("INSERT INTO seaql_migrations SELECT 'm2099', 0").await.unwrap();
    database.close().await.unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(site.file(), open).unwrap();
    site.finds(&[], "database", "bad", "has the mode 644");
}
