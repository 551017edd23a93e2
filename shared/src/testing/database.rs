use std::path::Path;

use sea_orm::{ConnectionTrait as _, Database};
use secrecy::SecretString;

use crate::random::{Random, SystemRandom};

/// Names a MySQL server, as `mysql://root:…@host:port`, for the suites to run on in place of SQLite.
const SERVER: &str = "TEST_MYSQL_SERVER";

/// The URL of a new database: on the server of `TEST_MYSQL_SERVER`, or in memory where no server is named.
pub async fn new_database() -> SecretString {
    match server() {
        Some(server) => on(&server).await,
        None => SecretString::from("sqlite::memory:"),
    }
}

/// The same for more than one connection at a time: on the server, or a file in this directory.
pub async fn new_shared_database(directory: &Path) -> SecretString {
    match server() {
        Some(server) => on(&server).await,
        None => SecretString::from(format!("sqlite://{}", directory.join("test.db").display())),
    }
}

#[expect(clippy::disallowed_methods, reason = "chooses the database of a whole test run")]
fn server() -> Option<String> {
    std::env::var(SERVER).ok()
}

#[expect(clippy::expect_used, reason = "a test without its database cannot go on")]
async fn on(server: &str) -> SecretString {
    let random: &dyn Random = &SystemRandom::new();
    let name = format!("test_{}", random.uuid().simple());
    let connection = Database::connect(server).await.expect("the server of TEST_MYSQL_SERVER");
    connection.execute_unprepared(&format!("CREATE DATABASE {name}")).await.expect("a new database");
    SecretString::from(format!("{}/{name}", server.trim_end_matches('/')))
}
