//! The commands as an operator runs them: the built program, a file, standard input.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

struct Operator {
    directory: tempfile::TempDir,
}

impl Operator {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn run(&self, arguments: &[&str], input: &str) -> Output {
        let database = self.directory.path().join("auth.db");
        let mut child = Command::new(env!("CARGO_BIN_EXE_auth-service"))
            .args(arguments)
            .env_clear()
            .env("AUTH_DATABASE_URL", format!("sqlite://{}", database.display()))
            .current_dir(self.directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    #[track_caller]
    fn does(&self, arguments: &[&str], input: &str) -> String {
        let output = self.run(arguments, input);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn fails(&self, code: i32, arguments: &[&str], input: &str) -> String {
        let output = self.run(arguments, input);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", stderr(&output));
        stderr(&output)
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn an_operator_makes_and_changes_accounts() {
    let operator = Operator::new();
    operator.does(&["migrate"], "");
    operator.does(&["user", "create", "ada", "--role", "librarian"], "a long enough password\n");
    let taken = operator.fails(1, &["user", "create", "ADA"], "a long enough password\n");
    assert!(taken.contains("taken"), "{taken}");
    let short = operator.fails(1, &["user", "create", "bob"], "short\n");
    assert!(short.contains("at least 15 characters"), "{short}");
    operator.does(&["user", "roles", "ada", "reader", "admin"], "");
    operator.does(&["user", "passwd", "ada"], "another long password\n");
    operator.does(&["user", "disable", "ada"], "");
    operator.does(&["user", "enable", "ada"], "");
    operator.does(&["user", "disable", "ada"], "");
    operator.fails(1, &["user", "disable", "nobody"], "");
    operator.fails(2, &["user", "create"], "");
    operator.fails(2, &["user", "create", "no spaces"], "");

    let list: Value = serde_json::from_str(&operator.does(&["user", "list", "--json"], "")).unwrap();
    assert_eq!(list[0]["username"], "ada");
    assert_eq!(list[0]["roles"], serde_json::json!(["reader", "admin"]));
    assert!(list[0]["disabled_at"].is_string());
    assert!(operator.does(&["user", "list"], "").contains("ada"));
}

#[test]
fn the_first_administrator_has_a_password_that_is_shown_once() {
    let operator = Operator::new();
    let said = operator.does(&["user", "create", "root", "--role", "admin", "--generate"], "");
    let password = said.trim().rsplit(' ').next().unwrap();
    assert!(password.len() >= 24 && said.contains("shown this once"), "{said}");
    let list: Value = serde_json::from_str(&operator.does(&["user", "list", "--json"], "")).unwrap();
    assert_eq!(list[0]["must_change_password"], true);
    let again = operator.does(&["user", "passwd", "root", "--generate"], "");
    assert_ne!(again.trim().rsplit(' ').next().unwrap(), password);
}

#[test]
fn accounts_come_with_the_hashes_they_had() {
    let operator = Operator::new();
    let bcrypt = "$2b$04$jMaKg20qXajxUAV0C45Kt.Y6FUIFNoTW3x0Fatw9/25hPHXgVCEeG\n";
    operator.does(&["user", "create", "ada", "--hash"], bcrypt);
    for bad in [
        "plain text",
        "$1$salt$qJH7.N4xYta3aEG/dfqo/0",
        "$2b$31$GhvMmNVjRW29ulnudl.LbuAnUtN/LRfe1JsBm1Xu6LE3059z5Tr8m",
    ] {
        let refused = operator.fails(1, &["user", "create", "bob", "--hash"], bad);
        assert!(refused.contains("the hash must be one of argon2, bcrypt"), "{refused}");
        assert!(!refused.contains(bad));
    }
    operator.fails(2, &["user", "create", "bob", "--hash", "--generate"], "");
}

#[test]
fn accounts_move_with_their_passwords_and_identifiers() {
    use std::os::unix::fs::PermissionsExt as _;
    let here = Operator::new();
    here.does(&["user", "create", "ada", "--role", "admin"], "a long enough password\n");
    here.does(&["user", "create", "bob", "--generate"], "");
    here.does(&["user", "disable", "bob"], "");
    here.does(&["user", "export", "accounts.ndjson"], "");
    let file = here.directory.path().join("accounts.ndjson");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let exported = std::fs::read_to_string(&file).unwrap();
    assert!(exported.contains("$argon2id$"), "{exported}");

    let there = Operator::new();
    there.does(&["user", "import", file.to_str().unwrap()], "");
    assert_eq!(there.does(&["user", "export"], ""), exported);
    assert_eq!(there.does(&["user", "list", "--json"], ""), here.does(&["user", "list", "--json"], ""));
    let again = there.does(&["user", "import", file.to_str().unwrap()], "");
    assert!(again.contains("was imported at"), "{again}");

    // From another system, by standard input.
    let legacy = "username,password_hash,roles\n\
                  ada,$2b$04$jMaKg20qXajxUAV0C45Kt.Y6FUIFNoTW3x0Fatw9/25hPHXgVCEeG,reader\n\
                  Grace,$2b$04$jMaKg20qXajxUAV0C45Kt.Y6FUIFNoTW3x0Fatw9/25hPHXgVCEeG,reader librarian\n";
    let import = ["user", "import", "-", "--format", "csv"];
    let taken = there.fails(1, &import, legacy);
    assert!(taken.contains("standard input:2: username ada is taken"), "{taken}");
    let bad = there.fails(1, &import, "username,password_hash,roles\nx y,plain,king\nGRACE,plain,\n");
    for expected in
        [":2: username must hold", ":2: password_hash must be one of argon2", ":2: roles must be a list"]
    {
        assert!(bad.contains(expected), "{expected}: {bad}");
    }
    there.does(&[&import[..], &["--existing", "skip"]].concat(), legacy);
    let list: Value = serde_json::from_str(&there.does(&["user", "list", "--json"], "")).unwrap();
    assert_eq!(list[2]["username"], "Grace");
    assert_eq!((list[0]["roles"][0].as_str(), list.as_array().unwrap().len()), (Some("admin"), 3));
}

#[test]
fn an_operator_looks_after_the_keys() {
    const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    const NEW: &str = "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA=";
    let operator = Operator::new();
    let with = |arguments: &[&'static str], key| [arguments, &["--key-encryption-key", key]].concat();
    let keys = || -> Value {
        serde_json::from_str(&operator.does(&with(&["keys", "list", "--json"], KEY), "")).unwrap()
    };
    let mistyped = operator.fails(1, &with(&["keys", "list"], KEY), "");
    assert!(mistyped.contains("AUTH_DATABASE_URL: there is no database at "), "{mistyped}");
    operator.does(&["migrate"], "");
    assert_eq!(keys(), serde_json::json!([]));
    let missing = operator.fails(1, &["keys", "rotate"], "");
    assert!(missing.contains("AUTH_KEY_ENCRYPTION_KEY: is required"), "{missing}");
    operator.does(&with(&["keys", "rotate"], KEY), "");
    operator.does(&with(&["keys", "rotate"], KEY), "");
    operator.fails(1, &with(&["keys", "rotate"], KEY), "");
    assert_eq!((&keys()[0]["state"], &keys()[1]["state"]), (&"signing".into(), &"announced".into()));
    let wrong = operator.fails(1, &with(&["keys", "rewrap"], NEW), "");
    assert!(wrong.contains("AUTH_KEY_ENCRYPTION_KEY: does not open"), "{wrong}");
    let both = [&with(&["keys", "rewrap"], NEW)[..], &["--previous-key-encryption-key", KEY]].concat();
    assert!(operator.does(&both, "").contains("sealed 2 key(s)"));

    let kid = keys()[0]["kid"].as_str().unwrap().to_owned();
    operator.does(&["keys", "revoke", &kid, "--key-encryption-key", NEW], "");
    assert_eq!((&keys()[0]["state"], &keys()[1]["state"]), (&"gone".into(), &"signing".into()));
    operator.fails(1, &["keys", "revoke", &kid, "--key-encryption-key", NEW], "");
    assert!(operator.does(&with(&["keys", "list"], NEW), "").contains("gone"));
}

#[test]
fn an_operator_registers_clients() {
    let operator = Operator::new();
    let app = ["client", "create", "Reading list", "--redirect-uri", "https://app.example/cb"];
    let said = operator.does(&app, "");
    assert!(said.contains("client_id      c-") && said.contains("shown this once"), "{said}");
    let secret = said.lines().find_map(|line| line.strip_prefix("client_secret  ")).unwrap();
    let bytes = std::fs::read(operator.directory.path().join("auth.db")).unwrap();
    assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "kept as a digest");

    let made = operator.does(
        &[
            &["client", "create", "Export", "--id", "export", "--grant", "client_credentials", "--json"][..],
            &["--scope", "books:read", "--access-token-ttl", "5m", "--resource", "https://api.example/"],
        ]
        .concat(),
        "",
    );
    let made: Value = serde_json::from_str(&made).unwrap();
    assert_eq!((&made["client_id"], &made["access_token_ttl"]), (&"export".into(), &300.into()));
    assert_eq!(made["grant_types"], serde_json::json!(["client_credentials"]));
    assert!(made["client_secret"].is_string());
    let taken = operator.fails(1, &["client", "create", "Other", "--id", "export"], "");
    assert!(taken.contains("the client id is taken"), "{taken}");

    let jwks = operator.directory.path().join("keys.json");
    let file = jwks.to_str().unwrap();
    let signer = ["client", "create", "Signer", "--jwks-file", file, "--json"];
    operator.fails(1, &signer, "");
    let mut key = shared::testing::TestKey::a().jwk();
    std::fs::write(&jwks, serde_json::json!({"keys": [key]}).to_string()).unwrap();
    let made: Value = serde_json::from_str(&operator.does(&signer, "")).unwrap();
    assert_eq!(made["token_endpoint_auth_method"], "private_key_jwt");
    key["d"] = "AQAB".into();
    std::fs::write(&jwks, serde_json::json!({"keys": [key]}).to_string()).unwrap();
    let leaked = operator.fails(1, &signer, "");
    assert!(leaked.contains("jwks has a private key"), "{leaked}");
    operator.fails(2, &[&signer[..], &["--public"]].concat(), "");

    let public = ["client", "create", "Tool", "--public"];
    let refused = operator.fails(1, &public, "");
    assert!(refused.contains("grant_types client_credentials is for"), "{refused}");
    operator.does(&[&public[..], &["--redirect-uri", "http://127.0.0.1/cb"]].concat(), "");
    let unsafe_address =
        operator.fails(2, &[&public[..], &["--redirect-uri", "http://app.example"]].concat(), "");
    assert!(unsafe_address.contains("must be https"), "{unsafe_address}");
    operator.fails(2, &["client", "create"], "");
    operator.fails(2, &["client", "create", "A", "--grant", "password"], "");

    let list: Value = serde_json::from_str(&operator.does(&["client", "list", "--json"], "")).unwrap();
    assert_eq!(list.as_array().unwrap().len(), 4);
    assert!(!list.to_string().contains("secret\":"), "{list}");
    operator.does(&["client", "delete", "export"], "");
    let gone = operator.fails(1, &["client", "delete", "export"], "");
    assert!(gone.contains("no such client"), "{gone}");
    assert!(!operator.does(&["client", "list"], "").contains("export"));
}

#[test]
fn settings_that_cannot_be_used_are_named() {
    let operator = Operator::new();
    let missing = operator.fails(1, &["serve"], "");
    assert!(missing.contains("AUTH_KEY_ENCRYPTION_KEY: is required"), "{missing}");
    let unusable = operator.fails(2, &["serve", "--access-token-ttl", "soon"], "");
    assert!(unusable.contains("AUTH_ACCESS_TOKEN_TTL"), "{unusable}");
    assert!(!Path::new(&operator.directory.path().join("auth.db")).exists(), "nothing was begun");
}

#[test]
fn the_program_describes_itself() {
    let operator = Operator::new();
    let document: Value = serde_json::from_str(&operator.does(&["openapi"], "")).unwrap();
    assert_eq!(document["info"]["title"], "auth-service");
    assert!(operator.does(&["--help"], "").contains("Usage"));
    operator.fails(1, &["healthcheck", "--management-listen", "127.0.0.1:1"], "");
}
