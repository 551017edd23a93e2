//! What a failed statement means: try again now, try again later, or a fault of ours.

use std::time::Duration;

use sea_orm::sqlx::mysql::MySqlDatabaseError;
use sea_orm::{DbErr, RuntimeErr, SqlErr, sqlx};

use crate::http::Problem;

/// Whether a row was not written because there is one of its key.
pub fn is_duplicate(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}

/// What a failed statement means for whoever sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The database has undone the whole transaction to let another one go on: the same may work at once.
    RolledBack,
    /// The connection broke. Whether the statement was carried out is not known.
    ConnectionLost,
    /// The database has no place for us at the moment; the statement was not carried out.
    Busy,
    /// Anything else: a fault of ours, or of the operator.
    Fault,
}

impl Failure {
    /// What `error` means.
    pub fn of(error: &DbErr) -> Self {
        let (DbErr::Conn(cause) | DbErr::Exec(cause) | DbErr::Query(cause)) = error else {
            return if matches!(error, DbErr::ConnectionAcquire(_)) { Self::Busy } else { Self::Fault };
        };
        let RuntimeErr::SqlxError(cause) = cause else { return Self::Fault };
        match &**cause {
            sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed => Self::ConnectionLost,
            sqlx::Error::PoolTimedOut => Self::Busy,
            sqlx::Error::Database(error) => match error.try_downcast_ref::<MySqlDatabaseError>() {
                Some(error) => of_mysql(error.number()),
                None => error.code().and_then(|code| code.parse().ok()).map_or(Self::Fault, of_sqlite),
            },
            _ => Self::Fault,
        }
    }
}

/// By MySQL's error numbers; distributed engines that speak its protocol use the same.
fn of_mysql(number: u16) -> Failure {
    match number {
        // Deadlock.
        1213 => Failure::RolledBack,
        // Server shutting down; connection killed; server going away for lack of contact.
        1053 | 1927 | 4031 => Failure::ConnectionLost,
        // Disk full, table full, too many connections, too many of one user, lock wait timeout, query interrupted, out of
        // disk for temporary files, read-only since a failover (two numbers), query over its time.
        1021 | 1114 | 1040 | 1203 | 1205 | 1317 | 3 | 1290 | 1836 | 3024 => Failure::Busy,
        _ => Failure::Fault,
    }
}

/// By SQLite's result codes, whose extensions count from bit 8 on.
fn of_sqlite(code: i32) -> Failure {
    /// What a transaction has read is no longer so: it has to begin anew.
    const BUSY_SNAPSHOT: i32 = 517;
    match (code, code & 0xff) {
        (BUSY_SNAPSHOT, _) => Failure::RolledBack,
        // Busy, locked, read-only, and a disk that is full.
        (_, 5 | 6 | 8 | 13) => Failure::Busy,
        _ => Failure::Fault,
    }
}

/// What the client is told of a failed query; what failed goes to the log.
///
/// A database that has no place for us at the moment asks for another try; anything else is a fault of ours.
impl From<DbErr> for Problem {
    fn from(error: DbErr) -> Self {
        match Failure::of(&error) {
            Failure::RolledBack | Failure::ConnectionLost | Failure::Busy => {
                Self::unavailable("database_unavailable", Duration::from_secs(1)).caused_by(error)
            }
            Failure::Fault => Self::internal(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_mean_what_the_manuals_say() {
        assert_eq!(of_mysql(1213), Failure::RolledBack);
        assert_eq!(of_mysql(1205), Failure::Busy);
        assert_eq!(of_mysql(1062), Failure::Fault);
        assert_eq!(of_sqlite(5), Failure::Busy);
        assert_eq!(of_sqlite(517), Failure::RolledBack);
        assert_eq!(of_sqlite(13), Failure::Busy);
        assert_eq!(of_sqlite(2067), Failure::Fault);
    }

    #[test]
    fn a_pool_without_a_free_connection_is_busy() {
        let error = DbErr::ConnectionAcquire(sea_orm::ConnAcquireErr::Timeout);
        assert_eq!(Failure::of(&error), Failure::Busy);
        assert_eq!(Failure::of(&DbErr::Custom(String::new())), Failure::Fault);
    }
}
