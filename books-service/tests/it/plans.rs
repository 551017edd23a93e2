//! Every query of the service finds its rows by an index, but for the one that cannot.

use std::sync::Arc;

use books_service::books::store;
use http::header::IF_MATCH;
use serde_json::json;
use shared::clock::Timestamp;
use shared::testing::{FakeClock, MockIssuer, Statements, TestKey};

use crate::world::{Librarian as _, World, migrated_database};

#[tokio::test]
async fn no_query_reads_the_whole_table_but_the_search_for_text_anywhere() {
    let statements = Statements::default();
    let mut database = migrated_database().await;
    let books = (0..3000).map(|number| {
        (format!("Title {number}").parse().unwrap(), format!("Author {}", number % 300).parse().unwrap())
    });
    store::add_all(&database, books, Timestamp::from_seconds(0)).await.unwrap();
    statements.analyze(&database, "books").await;
    statements.listen(&mut database);

    let issuer = MockIssuer::with_key(&TestKey::a()).await;
    let world = World::on(database, issuer, Arc::new(FakeClock::default()), &[]).await;
    world.service.keys_loaded().await;
    let librarian = world.librarian();
    librarian.add("Emma", "Jane Austen").await;
    for path in [
        "/books/7",
        "/books",
        "/books?after=2900",
        "/books?title=Title+17",
        "/books?author=Author+17",
        "/books?author=Author+1&title=Title+2&after=10",
        "/books?title=nothing",
    ] {
        librarian.get(path).await.expect(200);
    }
    let book = json!({"title": "Persuasion", "author": "Jane Austen"});
    librarian.put("/books/7", book.clone()).await.expect(200);
    librarian.patch("/books/7", json!({"title": "Sanditon"})).await.expect(200);
    librarian.send(http::Method::DELETE, "/books/8", &[(IF_MATCH, "*")], None).await.expect(204);
    librarian.delete("/books/9").await.expect(204);
    assert_eq!(statements.that_scan(&world.service.app.database).await, Vec::<String>::new());

    librarian.get("/books?q=nothing").await.expect(200);
    let scans = statements.that_scan(&world.service.app.database).await;
    assert!(scans.iter().all(|sql| sql.contains("LIKE")) && scans.len() == 1, "{scans:?}");
}
