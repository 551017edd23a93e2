use http::Method;
use http::header::{ETAG, IF_MATCH, IF_NONE_MATCH, LOCATION, WWW_AUTHENTICATE};
use serde_json::{Value, json};

use crate::world::{Librarian as _, World};

fn book(title: &str, author: &str) -> Value {
    json!({"title": title, "author": author})
}

#[tokio::test]
async fn a_book_is_added_changed_and_taken_out() {
    let world = World::new().await;
    let librarian = world.librarian();
    let added = librarian.post("/books", book("  Emma ", "Jane Austen")).await.expect(201);
    assert_eq!(added.body, json!({"id": 1, "title": "Emma", "author": "Jane Austen"}));
    assert_eq!(added.header(LOCATION), "/books/1");
    let shown = librarian.get("/books/1").await.expect(200);
    assert_eq!((&shown.body, shown.header(ETAG)), (&added.body, added.header(ETAG)));

    let replaced = librarian.put("/books/1", book("Persuasion", "J. Austen")).await.expect(200);
    assert_eq!(replaced.body, json!({"id": 1, "title": "Persuasion", "author": "J. Austen"}));
    let patched = librarian.patch("/books/1", json!({"author": "Jane Austen"})).await.expect(200);
    assert_eq!(patched.body, json!({"id": 1, "title": "Persuasion", "author": "Jane Austen"}));
    librarian.patch("/books/1", json!({})).await.expect(200);

    librarian.delete("/books/1").await.expect(204);
    for answer in [
        librarian.get("/books/1").await,
        librarian.put("/books/1", book("a", "b")).await,
        librarian.patch("/books/1", json!({"title": "a"})).await,
        librarian.delete("/books/1").await,
    ] {
        assert_eq!(answer.expect(404).body["error"], "Book not found.");
    }
    assert_eq!(librarian.add("Emma", "Jane Austen").await, "/books/2", "a number never comes back");
}

#[tokio::test]
async fn a_change_under_a_condition_needs_the_tag_of_now() {
    let world = World::new().await;
    let librarian = world.librarian();
    let path = librarian.add("Emma", "Jane Austen").await;
    let tag = librarian.get(&path).await.header(ETAG).to_owned();
    let change = |method: Method, tag: &str, body: Option<Value>| {
        let (librarian, path, tag) = (librarian.clone(), path.clone(), tag.to_owned());
        async move { librarian.send(method, &path, &[(IF_MATCH, &tag)], body).await }
    };
    let first = change(Method::PUT, &tag, Some(book("One", "A"))).await.expect(200);
    for (method, body) in [
        (Method::PUT, Some(book("Two", "B"))),
        (Method::PATCH, Some(json!({"title": "Two"}))),
        (Method::DELETE, None),
    ] {
        let answer = change(method, &tag, body).await.expect(412);
        assert_eq!(answer.body["code"], "book_changed");
    }
    for tag in ["*", &tag] {
        let absent = [(IF_NONE_MATCH, tag)];
        let answer = librarian.send(Method::PUT, &path, &absent, Some(book("Three", "C"))).await;
        assert_eq!(answer.status.as_u16(), if tag == "*" { 412 } else { 200 }, "it is not at {tag} any more");
    }
    librarian.send(Method::DELETE, &path, &[(IF_NONE_MATCH, "*")], None).await.expect(412);
    change(Method::PATCH, "*", Some(json!({"title": "Two"}))).await.expect(200);
    change(Method::PUT, first.header(ETAG), Some(book("Three", "C"))).await.expect(412);
    let now = librarian.get(&path).await.header(ETAG).to_owned();
    change(Method::DELETE, &now, None).await.expect(204);
    change(Method::DELETE, &now, None).await.expect(404);
}

#[tokio::test]
async fn of_many_who_change_one_version_together_one_wins() {
    let world = World::new().await;
    let librarian = world.librarian();
    let path = librarian.add("Emma", "Jane Austen").await;
    let tag = librarian.get(&path).await.header(ETAG).to_owned();
    let conditions = [(IF_MATCH, tag.as_str())];
    let changes = (0..20).map(|number| {
        let body = json!({"title": format!("Number {number}")});
        librarian.send(Method::PATCH, &path, &conditions, Some(body))
    });
    let answers = futures_util::future::join_all(changes).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.status == 412).count(), 19);
}

#[tokio::test]
async fn patches_of_different_members_do_not_undo_each_other() {
    let world = World::new().await;
    let librarian = world.librarian();
    let path = librarian.add("Emma", "Jane Austen").await;
    for round in 0..20 {
        let (title, author) = (format!("Title {round}"), format!("Author {round}"));
        let (one, two) = tokio::join!(
            librarian.patch(&path, json!({"title": title})),
            librarian.patch(&path, json!({"author": author})),
        );
        one.expect(200);
        two.expect(200);
        let now = librarian.get(&path).await.body;
        assert_eq!((&now["title"], &now["author"]), (&json!(title), &json!(author)));
    }
}

#[tokio::test]
async fn texts_are_kept_as_they_were_sent() {
    let world = World::new().await;
    for title in
        ["呐喊", "\u{1f4d6}\u{1f3fd}", "Les Misérables", "x' OR '1'='1", "<script>", "a\tb", "a\\%_!b"]
    {
        let path = world.librarian().add(title, "作者").await;
        assert_eq!(world.reader().get(&path).await.body["title"], title);
    }
}

#[tokio::test]
async fn a_reader_cannot_write_and_a_stranger_cannot_read() {
    let world = World::new().await;
    let path = world.librarian().add("Emma", "Jane Austen").await;
    let body = || Some(book("a", "b"));
    let writes = [
        (Method::POST, "/books", body()),
        (Method::PUT, path.as_str(), body()),
        (Method::PATCH, path.as_str(), body()),
        (Method::DELETE, path.as_str(), None),
    ];
    for (method, path, body) in writes {
        let refused = world.reader().send(method.clone(), path, &[], body.clone()).await.expect(403);
        assert!(
            refused.header(WWW_AUTHENTICATE).ends_with("error=\"insufficient_scope\", scope=\"books:write\"")
        );
        world.anonymous().send(method, path, &[], body).await.unauthorized("Missing Authorization Header");
    }
    let refused = world.with_scope("books:write books:readx").get("/books").await.expect(403);
    assert!(refused.header(WWW_AUTHENTICATE).ends_with("error=\"insufficient_scope\", scope=\"books:read\""));
    assert_eq!(world.reader().get(&path).await.body["title"], "Emma");
}
