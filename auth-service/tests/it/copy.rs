//! The whole database into another one, and back.

use std::path::Path;
use std::process::{Command, Output};

use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, Statement};
use secrecy::{ExposeSecret as _, SecretString};
use shared::database;
use shared::testing::new_database;

const TABLES: [&str; 11] = [
    "accounts",
    "audit_events",
    "client_origins",
    "clients",
    "consents",
    "device_codes",
    "imports",
    "one_time",
    "sessions",
    "signing_keys",
    "throttles",
];

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_auth-service")).args(arguments).env_clear().output().unwrap()
}

#[track_caller]
fn does(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

async fn connect(url: &str) -> DatabaseConnection {
    database::connect("TEST", &SecretString::from(url)).await.unwrap()
}

/// All rows of all tables, each as text, in an order that both databases have.
async fn content(url: &str) -> Vec<String> {
    let database = connect(url).await;
    let mut rows = Vec::new();
    for table in TABLES {
        let question =
            Statement::from_string(database.get_database_backend(), format!("SELECT * FROM {table}"));
        let mut found = Vec::new();
        for row in database.query_all_raw(question).await.unwrap() {
            let mut columns = row.column_names();
            columns.sort();
            let value = |column: &String| {
                let column = column.as_str();
                let text = row.try_get::<Option<String>>("", column).map(|text| format!("{text:?}"));
                let number = || row.try_get::<Option<i64>>("", column).map(|number| format!("{number:?}"));
                let flag = || {
                    row.try_get::<Option<bool>>("", column).map(|flag| format!("{:?}", flag.map(i64::from)))
                };
                let bytes = || row.try_get::<Option<Vec<u8>>>("", column).map(|bytes| format!("{bytes:?}"));
                let value = text.or_else(|_| number()).or_else(|_| flag()).or_else(|_| bytes());
                format!("{column}={}", value.unwrap())
            };
            found.push(format!("{table}: {}", columns.iter().map(value).collect::<Vec<_>>().join(" ")));
        }
        found.sort();
        assert!(!found.is_empty(), "{table} has no row to be compared");
        rows.extend(found);
    }
    rows
}

/// Rows in every table, with everything that a type can hold.
async fn fill(url: &str) {
    does(&["migrate", "--database-url", url]);
    let database = connect(url).await;
    let id = "X'00112233445566778899AABBCCDDEEFF'";
    for statement in [
        format!("INSERT INTO accounts (id, username, username_key, password_hash, roles, created_at, password_changed_at, must_change_password) VALUES ({id}, 'Ünï', 'ünï', '$x', 'reader', 1, 2, TRUE)"),
        format!("INSERT INTO sessions (id, account_id, client_id, origin, scope, resource, auth_time, generation, rotated_at, created_at, last_used_at, expires_at, idle_expires_at, user_agent, ip, sign_in_id, claims) VALUES ({id}, {id}, 'c', 'browser', 's', 'r', 1, 2, 3, 4, 5, 6, 7, '呐喊 \u{1f4d6}', '::1', {id}, 'email')"),
        "INSERT INTO signing_keys (number, kid, sealed_private_key, created_at) VALUES (1, 'k', X'00FF10', 9)".to_owned(),
        "INSERT INTO audit_events (id, at, kind, success, actor, ip, detail) VALUES (1, 1, 'login', FALSE, 'a', '', ''), (9, 2, 'login', TRUE, 'a', '', '')".to_owned(),
        "DELETE FROM audit_events WHERE id = 9".to_owned(),
        "INSERT INTO throttles (`key`, failures, failed_at, expires_at) VALUES ('k', 1, 2, 3)".to_owned(),
        "INSERT INTO clients (id, name, auth_method, redirect_uris, post_logout_redirect_uris, grant_types, scope, resources, first_party, pushed_only, created_at) VALUES ('c', 'C', 'none', '[]', '[]', 'x', 's', '[]', TRUE, FALSE, 1)".to_owned(),
        "INSERT INTO client_origins (origin, client_id) VALUES ('https://a', 'c')".to_owned(),
        "INSERT INTO one_time (hash, client_id, data, expires_at) VALUES ('h', 'c', '{}', 1)".to_owned(),
        format!("INSERT INTO device_codes (hash, user_code, client_id, scope, resource, allowed, account_id, polled_at, poll_interval, expires_at) VALUES ('h', 'u', 'c', 's', 'r', TRUE, {id}, 1, 2, 3)"),
        format!("INSERT INTO consents (account_id, client_id, scope, granted_at) VALUES ({id}, 'c', 's', 1)"),
        "INSERT INTO imports (digest, rows_done, started_at) VALUES ('d', 1, 2)".to_owned(),
    ] {
        database.execute_unprepared(&statement).await.unwrap();
    }
    // More than goes into one statement.
    for number in 1..=450 {
        let insert = format!(
            "INSERT INTO throttles (`key`, failures, failed_at, expires_at) VALUES ('k{number}', {number}, 2, 3)"
        );
        database.execute_unprepared(&insert).await.unwrap();
    }
}

async fn next_event(url: &str) -> i64 {
    let database = connect(url).await;
    let insert =
        "INSERT INTO audit_events (at, kind, success, actor, ip, detail) VALUES (1, 'x', TRUE, 'a', '', '')";
    database.execute_unprepared(insert).await.unwrap();
    let newest =
        Statement::from_string(database.get_database_backend(), "SELECT MAX(id) AS id FROM audit_events");
    database.query_one_raw(newest).await.unwrap().unwrap().try_get("", "id").unwrap()
}

fn file(directory: &Path, name: &str) -> String {
    format!("sqlite://{}", directory.join(name).display())
}

#[tokio::test]
async fn everything_gets_there_and_back() {
    let directory = tempfile::tempdir().unwrap();
    let first = file(directory.path(), "first.db");
    fill(&first).await;
    // On MySQL where the suite runs on it, else in another file.
    let other = new_database().await;
    let other = match other.expose_secret() {
        memory if memory.contains(":memory:") => file(directory.path(), "other.db"),
        url => url.to_owned(),
    };
    does(&["migrate", "--database-url", &other]);
    let last = file(directory.path(), "last.db");
    let said = does(&["database", "copy", "--from", &first, "--to", &other]);
    let mut tables: Vec<_> =
        said.lines().filter_map(|line| line.split_once(' ')).map(|(name, _)| name).collect();
    tables.retain(|name| !name.ends_with(','));
    tables.sort_unstable();
    assert_eq!(tables, TABLES);
    std::fs::write(directory.path().join("url"), &other).unwrap();
    let from = directory.path().join("url");
    does(&["database", "copy", "--from-file", from.to_str().unwrap(), "--to", &last]);
    assert_eq!(content(&last).await, content(&first).await);
    assert_eq!(next_event(&last).await, 10, "the number of an event that is gone does not come back");

    assert_eq!(next_event(&other).await, 10);
    assert_eq!(next_event(&other).await, 11);
    let again = run(&["database", "copy", "--from", &first, "--to", &other]);
    let said = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(
        again.status.code() == Some(1) && said.contains("audit_events has rows; it must be empty"),
        "{said}"
    );
    connect(&other).await.execute_unprepared("DELETE FROM audit_events WHERE id > 9").await.unwrap();
    assert_eq!(next_event(&other).await, 12, "a target that is refused stays as it was");
    let mistyped = file(directory.path(), "mistyped.db");
    let nothing = run(&["database", "copy", "--from", &mistyped, "--to", &other]);
    assert!(String::from_utf8_lossy(&nothing.stderr).contains("--from: there is no database at "));
    assert!(!directory.path().join("mistyped.db").exists());
    let same = run(&["database", "copy", "--from", &first, "--to", &first]);
    assert!(String::from_utf8_lossy(&same.stderr).contains("is where the rows are already"));
}

#[tokio::test]
async fn no_table_is_forgotten() {
    let directory = tempfile::tempdir().unwrap();
    let url = file(directory.path(), "all.db");
    does(&["migrate", "--database-url", &url]);
    let tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' \
                  AND name <> 'seaql_migrations' ORDER BY name";
    let found =
        connect(&url).await.query_all_raw(Statement::from_string(DbBackend::Sqlite, tables)).await.unwrap();
    let found: Vec<String> = found.iter().map(|row| row.try_get("", "name").unwrap()).collect();
    assert_eq!(found, TABLES, "add new tables to `database copy`, and here");
}
