use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, QueryResult, Statement};

/// The statements that a service sends, to ask the database afterwards how it carries them out.
#[derive(Clone, Debug, Default)]
pub struct Statements(Arc<Mutex<BTreeMap<String, Statement>>>);

#[expect(clippy::expect_used, reason = "a test without its database cannot go on")]
impl Statements {
    /// Notes each statement that is sent on `database` or a clone that is made of it from now on, the last of each text.
    pub fn listen(&self, database: &mut DatabaseConnection) {
        let statements = Self::clone(self);
        database.set_metric_callback(move |info| {
            statements.lock().insert(info.statement.sql.clone(), info.statement.clone());
        });
    }

    /// Tells the planner how large the table is. It reads small ones as a whole whatever their indexes.
    pub async fn analyze(&self, database: &DatabaseConnection, table: &str) {
        let command = match database.get_database_backend() {
            DbBackend::MySql => format!("ANALYZE TABLE {table}"),
            _ => format!("ANALYZE {table}"),
        };
        database.execute_unprepared(&command).await.expect("statistics");
    }

    /// The texts of those statements that read a whole table to find their rows, and forgets all. A page from the beginning
    /// of a table has no rows to find, and what the database keeps of itself is small.
    pub async fn that_scan(&self, database: &DatabaseConnection) -> Vec<String> {
        let statements = std::mem::take(&mut *self.lock());
        let mut scans = Vec::new();
        for (sql, statement) in statements {
            let finds = ["SELECT", "UPDATE", "DELETE"].iter().any(|verb| sql.starts_with(verb));
            let ours = !sql.contains("information_schema") && !sql.contains("sqlite_master");
            if finds && ours && sql.contains(" WHERE ") && scan(database, statement).await {
                scans.push(sql);
            }
        }
        scans
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Statement>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[expect(clippy::expect_used, reason = "a test without its database cannot go on")]
async fn scan(database: &DatabaseConnection, mut statement: Statement) -> bool {
    let (explain, reads_all): (_, fn(&QueryResult) -> bool) = match database.get_database_backend() {
        DbBackend::MySql => ("EXPLAIN FORMAT=TRADITIONAL", mysql_reads_all),
        _ => ("EXPLAIN QUERY PLAN", sqlite_reads_all),
    };
    statement.sql = format!("{explain} {}", statement.sql);
    database.query_all_raw(statement).await.expect("the plan").iter().any(reads_all)
}

/// `ALL` reads the rows, `index` the whole of an index; in a table that the statement itself made, that is what it is for.
fn mysql_reads_all(step: &QueryResult) -> bool {
    let text = |column| step.try_get::<Option<String>>("", column).ok().flatten().unwrap_or_default();
    matches!(text("type").as_str(), "ALL" | "index") && !text("table").starts_with('<')
}

fn sqlite_reads_all(step: &QueryResult) -> bool {
    let detail: String = step.try_get("", "detail").unwrap_or_default();
    detail.starts_with("SCAN ") && detail != "SCAN page"
}
