use shared::testing::conformance::{self, Subject};

use crate::world::World;

#[tokio::test]
async fn the_service_withstands_the_attacks() {
    let subject = Subject::new("books", "/books", "books:read").another_scope("POST", "/books");
    conformance::run(subject, |setting| async move {
        World::of(setting.issuer, setting.clock).await.service.routes
    })
    .await;
}
