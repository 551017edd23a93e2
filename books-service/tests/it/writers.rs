//! Writers on SQLite that are committed together: each gets what it would have got alone.

use std::time::Duration;

use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, FromQueryResult, Statement};
use shared::database::{self, Failure, Transaction};
use shared::testing::new_shared_database;
use tempfile::TempDir;
use tokio::task::{JoinHandle, yield_now};

#[derive(Debug, FromQueryResult)]
struct Row {
    n: i64,
}

/// `None`: it is not SQLite, where there is no line.
async fn sqlite() -> Option<(TempDir, DatabaseConnection)> {
    let directory = tempfile::tempdir().unwrap();
    let database = database::connect("TEST", &new_shared_database(directory.path()).await).await.unwrap();
    if database.get_database_backend() != DbBackend::Sqlite {
        return None;
    }
    database.execute_unprepared("CREATE TABLE turns (n BIGINT NOT NULL)").await.unwrap();
    Some((directory, database))
}

async fn turn(database: &DatabaseConnection, n: i64) -> Transaction {
    let transaction = database::begin(database).await.unwrap();
    transaction.execute_unprepared(&format!("INSERT INTO turns VALUES ({n})")).await.unwrap();
    transaction
}

/// Somebody who is in the line when this returns.
async fn in_line(database: &DatabaseConnection, n: i64) -> JoinHandle<Transaction> {
    let database = database.clone();
    let joined = tokio::spawn(async move { turn(&database, n).await });
    yield_now().await;
    joined
}

async fn rows(database: &DatabaseConnection) -> Vec<i64> {
    let rows = Statement::from_string(DbBackend::Sqlite, "SELECT n FROM turns ORDER BY n");
    Row::find_by_statement(rows).all(database).await.unwrap().into_iter().map(|row| row.n).collect()
}

#[tokio::test]
async fn who_is_done_while_others_wait_is_committed_with_them_and_hears_it_then() {
    let Some((_directory, database)) = sqlite().await else { return };
    let first = turn(&database, 1).await;
    let second = in_line(&database, 2).await;
    let first = tokio::spawn(first.commit());
    let second = second.await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!first.is_finished(), "what is acknowledged is on the disk");
    assert!(rows(&database).await.is_empty());
    second.commit().await.unwrap();
    first.await.unwrap().unwrap();
    assert_eq!(rows(&database).await, [1, 2]);
}

#[tokio::test]
async fn what_one_of_them_takes_back_is_undone_and_nothing_else() {
    let Some((_directory, database)) = sqlite().await else { return };
    let first = turn(&database, 1).await;
    let (second, third) = (in_line(&database, 2).await, in_line(&database, 3).await);
    let first = tokio::spawn(first.commit());
    drop(second.await.unwrap());
    third.await.unwrap().commit().await.unwrap();
    first.await.unwrap().unwrap();
    assert_eq!(rows(&database).await, [1, 3]);
    let (fourth, fifth) = (turn(&database, 4).await, in_line(&database, 5).await);
    drop(fourth);
    fifth.await.unwrap().commit().await.unwrap();
    assert_eq!(rows(&database).await, [1, 3, 5]);
}

#[tokio::test]
async fn who_has_gone_away_holds_nobody_up() {
    let Some((_directory, database)) = sqlite().await else { return };
    let first = turn(&database, 1).await;
    let (second, third) = (in_line(&database, 2).await, in_line(&database, 3).await);
    second.abort();
    assert!(second.await.unwrap_err().is_cancelled());
    let first = tokio::spawn(first.commit());
    third.await.unwrap().commit().await.unwrap();
    first.await.unwrap().unwrap();
    assert_eq!(rows(&database).await, [1, 3]);
}

/// SQLite undoes the whole transaction by itself where the disk is full.
#[tokio::test]
async fn where_all_is_undone_nobody_hears_that_it_was_done() {
    let Some((_directory, database)) = sqlite().await else { return };
    let first = turn(&database, 1).await;
    let second = in_line(&database, 2).await;
    let first = tokio::spawn(first.commit());
    let second = second.await.unwrap();
    second.execute_unprepared("ROLLBACK").await.unwrap();
    drop(second);
    let error = first.await.unwrap().unwrap_err();
    assert_eq!(Failure::of(&error), Failure::Busy, "{error}");
    assert!(rows(&database).await.is_empty());
    turn(&database, 3).await.commit().await.unwrap();
    assert_eq!(rows(&database).await, [3]);
}

#[test]
fn a_line_whose_runtime_has_ended_begins_anew() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let begun = runtime().block_on(async {
        let url = new_shared_database(directory.path()).await;
        let database = database::connect("TEST", &url).await.unwrap();
        (database::begin(&database).await.unwrap(), url)
    });
    let (held, url) = begun;
    runtime().block_on(async {
        drop(held);
        let database = database::connect("TEST", &url).await.unwrap();
        database::begin(&database).await.unwrap().commit().await.unwrap();
    });
}
