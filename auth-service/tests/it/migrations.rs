use auth_service::accounts::Role;
use auth_service::migration::Migrator;
use sea_orm_migration::MigratorTrait as _;

use crate::world::World;

#[tokio::test]
async fn every_step_can_be_undone_and_done_again_with_rows_in_place() {
    let world = World::new().await;
    world.member("ada", Role::Reader).await;
    let database = world.database();
    let steps = u32::try_from(Migrator::migrations().len()).unwrap();
    for undone in 1..=steps {
        Migrator::down(database, Some(undone)).await.unwrap();
        Migrator::up(database, None).await.unwrap();
    }
    Migrator::up(database, None).await.unwrap();
    assert!(Migrator::get_pending_migrations(database).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_step_that_was_cut_off_can_be_run_again() {
    use sea_orm::ConnectionTrait as _;
    let world = World::new().await;
    let database = world.database();
    // As if the process had died between each statement and the note that it was done.
    database.execute_unprepared("DELETE FROM seaql_migrations").await.unwrap();
    Migrator::up(database, None).await.unwrap();
    world.member("ada", Role::Reader).await;
}

#[tokio::test]
async fn an_older_version_works_on_a_newer_schema() {
    use sea_orm::ConnectionTrait as _;
    let world = World::new().await;
    let note =
        "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m20990101_000001_of_tomorrow', 0)";
    world.database().execute_unprepared(note).await.unwrap();
    shared::database::ensure_schema::<Migrator>(world.database()).await.unwrap();
}
