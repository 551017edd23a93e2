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
