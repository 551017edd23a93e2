//! What `shared::database` promises, on a database with more than one connection.

use std::time::Duration;

use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, DbErr, FromQueryResult, Statement};
use shared::database::{self, retry_write};
use shared::testing::new_shared_database;

#[derive(Debug, FromQueryResult)]
struct Row {
    n: i64,
}

/// Takes two rows one after the other, with time for somebody else to take them in the other order.
async fn add_to_both(database: &DatabaseConnection, first: i64, second: i64) -> Result<(), DbErr> {
    let transaction = database::begin(database).await?;
    for id in [first, second] {
        let add = format!("UPDATE pair SET n = n + 1 WHERE id = {id}");
        transaction.execute_unprepared(&add).await?;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    transaction.commit().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_victim_of_a_deadlock_is_tried_again() {
    let directory = tempfile::tempdir().unwrap();
    let database = database::connect("TEST", &new_shared_database(directory.path()).await).await.unwrap();
    database
        .execute_unprepared("CREATE TABLE pair (id BIGINT PRIMARY KEY, n BIGINT NOT NULL)")
        .await
        .unwrap();
    database.execute_unprepared("INSERT INTO pair VALUES (1, 0), (2, 0)").await.unwrap();

    let (forth, back) = tokio::join!(
        retry_write(|| add_to_both(&database, 1, 2)),
        retry_write(|| add_to_both(&database, 2, 1)),
    );
    forth.unwrap();
    back.unwrap();
    let both = Statement::from_string(database.get_database_backend(), "SELECT n FROM pair");
    let both = Row::find_by_statement(both).all(&database).await.unwrap();
    assert_eq!(both.iter().map(|row| row.n).collect::<Vec<_>>(), [2, 2]);
}

#[tokio::test]
async fn text_that_does_not_fit_is_an_error_and_never_cut_off() {
    let directory = tempfile::tempdir().unwrap();
    let database = database::connect("TEST", &new_shared_database(directory.path()).await).await.unwrap();
    let width = "CREATE TABLE narrow (text VARCHAR(3) NOT NULL CHECK (LENGTH(text) <= 3))";
    database.execute_unprepared(width).await.unwrap();
    assert!(database.execute_unprepared("INSERT INTO narrow VALUES ('four')").await.is_err());
}

/// A scenario for the line: many refresh at once, and SQLite lets each writer look again after a while, longer and longer.
/// Whoever came last would be first, and whoever came first might wait for seconds.
#[tokio::test]
async fn on_sqlite_writers_take_turns_in_the_order_in_which_they_came() {
    let directory = tempfile::tempdir().unwrap();
    let database = database::connect("TEST", &new_shared_database(directory.path()).await).await.unwrap();
    if database.get_database_backend() != DbBackend::Sqlite {
        return;
    }
    database.execute_unprepared("CREATE TABLE turns (n BIGINT NOT NULL)").await.unwrap();
    let mut writers = tokio::task::JoinSet::new();
    for n in 0..20 {
        let database = database.clone();
        writers.spawn(async move {
            let transaction = database::begin(&database).await.unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
            transaction.execute_unprepared(&format!("INSERT INTO turns VALUES ({n})")).await.unwrap();
            transaction.commit().await.unwrap();
        });
    }
    writers.join_all().await;
    let rows = Statement::from_string(DbBackend::Sqlite, "SELECT n FROM turns ORDER BY rowid");
    let rows = Row::find_by_statement(rows).all(&database).await.unwrap();
    assert_eq!(rows.into_iter().map(|row| row.n).collect::<Vec<_>>(), (0..20).collect::<Vec<_>>());
}
