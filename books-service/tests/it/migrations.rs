use books_service::migration::Migrator;
use sea_orm::ConnectionTrait as _;
use sea_orm_migration::MigratorTrait as _;

use crate::world::{Librarian as _, World};

#[tokio::test]
async fn every_step_can_be_undone_and_done_again_with_rows_in_place() {
    let world = World::new().await;
    world.librarian().add("Emma", "Jane Austen").await;
    let database = &world.service.app.database;
    let steps = u32::try_from(Migrator::migrations().len()).unwrap();
    for undone in 1..=steps {
        Migrator::down(database, Some(undone)).await.unwrap();
        Migrator::up(database, None).await.unwrap();
    }
    // As if the process had died between each statement and the note that it was done.
    database.execute_unprepared("DELETE FROM seaql_migrations").await.unwrap();
    Migrator::up(database, None).await.unwrap();
    world.librarian().add("Emma", "Jane Austen").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_start_together_bring_one_schema_up_to_date() {
    use futures_util::future::join_all;
    use shared::database;
    let directory = tempfile::tempdir().unwrap();
    let url = shared::testing::new_shared_database(directory.path()).await;
    let replicas = join_all((0..8).map(|_| database::connect("TEST", &url))).await;
    let replicas: Vec<_> = replicas.into_iter().map(Result::unwrap).collect();
    for migrated in join_all(replicas.iter().map(database::migrate::<Migrator>)).await {
        migrated.unwrap();
    }
    assert!(Migrator::get_pending_migrations(&replicas[0]).await.unwrap().is_empty());
}
