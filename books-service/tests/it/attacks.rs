use shared::testing::conformance::{self, Subject};

use crate::world::{World, migrated_database};

#[tokio::test]
async fn the_service_withstands_the_attacks() {
    let subject = Subject::new("books", "/books", "books:read").another_scope("POST", "/books");
    // One for all of them: what is attacked is in front of it.
    let database = migrated_database().await;
    conformance::run(subject, |setting| {
        let database = database.clone();
        async move { World::on(database, setting.issuer, setting.clock, &[]).await.service.routes }
    })
    .await;
}
