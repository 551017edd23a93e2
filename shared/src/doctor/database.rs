//! Whether the database answers, its schema, and its server or file.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, DbErr, FromQueryResult, Statement};
use sea_orm_migration::MigratorTrait;
use secrecy::{ExposeSecret as _, SecretString};

use super::{Report, span};
use crate::clock::{Clock, Timestamp};
use crate::database::{connect_to_look, schema_steps};

/// The first MySQL with `utf8mb4_0900_bin`.
const LEAST_MYSQL: (u32, u32, u32) = (8, 0, 17);
/// How far the clocks of database and service may differ before somebody should look at them.
const MOST_SKEW: Duration = Duration::from_secs(5);

/// Looks at the database that the setting `name` holds, and at its schema. Returns it where its tables can be read.
pub async fn examine_database<M: MigratorTrait>(
    report: &mut Report,
    name: &str,
    url: &SecretString,
    program: &str,
    clock: &dyn Clock,
) -> Option<DatabaseConnection> {
    let database = match connect_to_look(name, url).await {
        Ok(Some(database)) => database,
        Ok(None) => {
            let means = "the first start makes it, with an empty schema";
            let advice = format!("if there should be one already, look at {name}");
            report.note("database", "the SQLite file is not there yet", means, advice);
            return None;
        }
        Err(error) => {
            let advice = format!("is the server up, are host, port, user and password in {name} right?");
            report.bad("database", format!("{error:#}"), "the service cannot start, or answers 503", advice);
            return None;
        }
    };
    let examined = match database.get_database_backend() {
        DbBackend::MySql => examine_mysql(report, &database, clock).await,
        _ => examine_sqlite(report, &database, url).await,
    };
    if let Err(error) = examined {
        report.bad("database", error.to_string(), "what it is cannot be read", "look at its log");
    }
    examine_schema::<M>(report, &database, program).await.then_some(database)
}

async fn examine_schema<M: MigratorTrait>(
    report: &mut Report,
    database: &DatabaseConnection,
    program: &str,
) -> bool {
    let steps = match schema_steps::<M>(database).await {
        Ok(steps) => steps,
        Err(error) => {
            report.bad(
                "schema",
                error.to_string(),
                "the schema cannot be read",
                "may the user read all tables?",
            );
            return false;
        }
    };
    let (applied, pending) = (steps.applied.len(), steps.pending.len());
    if pending > 0 {
        let seen = format!("{pending} step(s) are missing, from {} on", steps.pending[0]);
        if database.get_database_backend() == DbBackend::Sqlite {
            let means = "the next start applies them by itself";
            report.note("schema", seen, means, format!("nothing; or run `{program} migrate` now"));
        } else {
            let means = "the service refuses to start until they are applied";
            report.bad("schema", seen, means, format!("run `{program} migrate`"));
        }
        return false;
    }
    if steps.unknown.is_empty() {
        report.ok("schema", format!("up to date ({applied} steps)"));
    } else {
        let seen =
            format!("{} step(s) are of a newer version: {}", steps.unknown.len(), steps.unknown.join(", "));
        let means = "a newer version has been at work here; this one works on its schema";
        report.note("schema", seen, means, "nothing in a rollout; else upgrade this program");
    }
    true
}

#[derive(Debug, FromQueryResult)]
struct Server {
    version: String,
    read_only: i64,
    charset: String,
    isolation: String,
    now: i64,
    foreign_tables: i64,
}

async fn examine_mysql(
    report: &mut Report,
    database: &DatabaseConnection,
    clock: &dyn Clock,
) -> Result<(), DbErr> {
    const QUESTION: &str = "SELECT VERSION() AS version, @@global.read_only AS read_only, \
        CAST(@@character_set_connection AS CHAR) AS charset, CAST(@@transaction_isolation AS CHAR) AS isolation, \
        CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED) AS now, \
        (SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() \
        AND table_name <> 'seaql_migrations' AND table_collation NOT LIKE 'utf8mb4%') AS foreign_tables";
    let statement = Statement::from_string(DbBackend::MySql, QUESTION);
    let Some(server) = Server::find_by_statement(statement).one(database).await? else { return Ok(()) };
    let version = &server.version;
    if version.contains("MariaDB") || number(version).is_some_and(|number| number < LEAST_MYSQL) {
        let means = "its collations are not those that the schema is made with";
        report.bad(
            "database",
            format!("MySQL {version}"),
            means,
            "use MySQL 8.0.17 or newer; 9.7 is what is tested",
        );
    } else {
        report.ok("database", format!("MySQL {version} answers"));
    }
    if server.read_only != 0 {
        let means = "every write is answered with 503";
        report.bad(
            "database",
            "the server is read-only",
            means,
            "is this a replica? Lead the URL to the primary",
        );
    }
    if server.charset != "utf8mb4" || server.isolation != "REPEATABLE-READ" {
        let seen = format!("sessions have {} and {}", server.charset, server.isolation);
        let means =
            "text may be lost, or two refreshes may both win: something between us changes the session";
        report.bad("database", seen, means, "let it pass on SET SESSION, or connect to the server itself");
    }
    if server.foreign_tables > 0 {
        let seen = format!("{} table(s) are not utf8mb4", server.foreign_tables);
        let means = "they cannot hold all of Unicode, and compare text in another way";
        report.bad(
            "database",
            seen,
            means,
            "ALTER TABLE … CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin",
        );
    }
    examine_clock(report, Timestamp::from_millis(server.now), clock.now());
    Ok(())
}

fn examine_clock(report: &mut Report, theirs: Timestamp, ours: Timestamp) {
    let apart = ours.since(theirs).max(theirs.since(ours));
    if apart > MOST_SKEW {
        let seen = format!("the clocks of this machine and of the database are {} apart", span(apart));
        let means = "one of them is wrong; replicas with other clocks judge tokens and sessions differently";
        report.note("clock", seen, means, "synchronize both, by NTP");
    } else {
        report.ok("clock", "agrees with the database's");
    }
}

/// The numbers that a version begins with.
fn number(version: &str) -> Option<(u32, u32, u32)> {
    let mut parts = version.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?))
}

async fn examine_sqlite(
    report: &mut Report,
    database: &DatabaseConnection,
    url: &SecretString,
) -> Result<(), DbErr> {
    let statement = Statement::from_string(DbBackend::Sqlite, "SELECT sqlite_version() AS version");
    let row = database.query_one_raw(statement).await?;
    let version = row.map(|row| row.try_get::<String>("", "version")).transpose()?.unwrap_or_default();
    report.ok("database", format!("SQLite {version} answers"));
    let parsed: Result<sea_orm::sqlx::sqlite::SqliteConnectOptions, _> = url.expose_secret().parse();
    let Ok(file) = parsed.map(|options| options.get_filename().to_owned()) else { return Ok(()) };
    let Ok(metadata) = std::fs::metadata(&file) else { return Ok(()) };
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let seen = format!("{} has the mode {mode:03o}", file.display());
        let means = "others on this machine can read it, with all that is in it";
        report.bad("database", seen, means, format!("chmod 600 {0} {0}-wal {0}-shm", file.display()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_numbers() {
        assert_eq!(number("9.7.0"), Some((9, 7, 0)));
        assert_eq!(number("8.0.11-TiDB-v8.5.0"), Some((8, 0, 11)));
        assert!(number("8.0.16-log").unwrap() < LEAST_MYSQL && number("8.0.17").unwrap() >= LEAST_MYSQL);
        assert_eq!(number("x"), None);
    }

    #[test]
    fn clocks_that_are_apart_are_told_either_way() {
        let now = Timestamp::from_seconds(1_800_000_000);
        for (theirs, severity) in [
            (now, super::super::Severity::Ok),
            (now + Duration::from_secs(60), super::super::Severity::Note),
            (now - Duration::from_secs(60), super::super::Severity::Note),
        ] {
            let mut report = Report::default();
            examine_clock(&mut report, theirs, now);
            assert_eq!(report.findings()[0].severity, severity);
        }
    }
}
