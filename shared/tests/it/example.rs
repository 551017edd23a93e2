//! The example of the README withstands what the services themselves have to withstand.

use shared::bearer::Bearer;
use shared::testing::conformance::{self, Subject};

#[path = "../../examples/notes.rs"]
#[expect(dead_code, reason = "its `main` runs against a stack")]
mod notes;

#[tokio::test]
async fn the_example_withstands_the_attacks() {
    let subject =
        Subject::new("books", "/notes", "books:read").another_scope("DELETE", "/notes").optional("/");
    let subject = subject.max_lifetime();
    let lifetime = std::time::Duration::from_secs(3600);
    conformance::run(subject, |setting| async move {
        let verifier =
            setting.verifier_with("books", |builder| builder.cache_tokens(1_000).max_lifetime(lifetime));
        notes::app(&Bearer::new(verifier, "notes"))
    })
    .await;
}

#[tokio::test]
#[should_panic(expected = "row 1, alg none")]
async fn a_service_without_a_guard_is_found_out() {
    let subject = Subject::new("books", "/notes", "books:read");
    conformance::run(subject, |_| async {
        axum::Router::new().route("/notes", axum::routing::get(|| async { "for anybody" }))
    })
    .await;
}
