use http::header::LINK;
use serde_json::json;

use crate::world::{Librarian as _, World, titles};

async fn library() -> World {
    let world = World::new().await;
    for (title, author) in [
        ("Emma", "Jane Austen"),
        ("Persuasion", "Jane Austen"),
        ("100% Wool", "A_Knitter"),
        ("Émile", "Jean-Jacques Rousseau"),
        ("Middlemarch", "George Eliot"),
    ] {
        world.librarian().add(title, author).await;
    }
    world
}

#[tokio::test]
async fn an_empty_catalogue_is_an_empty_array() {
    let world = World::new().await;
    assert_eq!(world.reader().get("/books").await.expect(200).body, json!([]));
}

#[tokio::test]
async fn pages_lead_from_one_to_the_next_until_the_end() {
    let world = library().await;
    let mut path = "/books?limit=2".to_owned();
    let mut pages = Vec::new();
    loop {
        let page = world.reader().get(&path).await.expect(200);
        let link = page.header(LINK).to_owned();
        pages.push(titles(page));
        let Some(next) = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")) else {
            break;
        };
        next.clone_into(&mut path);
    }
    assert_eq!(pages, [vec!["Emma", "Persuasion"], vec!["100% Wool", "Émile"], vec!["Middlemarch"]]);
}

#[tokio::test]
async fn books_are_found_by_what_they_hold_and_how_they_begin() {
    let world = library().await;
    for (query, expected) in [
        ("q=ELIOT", vec!["Middlemarch"]),
        ("q=m", vec!["Emma", "Émile", "Middlemarch"]),
        ("q=100%25", vec!["100% Wool"]),
        ("q=_", vec!["100% Wool"]),
        ("q=%25", vec!["100% Wool"]),
        ("q=!", vec![]),
        ("q=", vec!["Emma", "Persuasion", "100% Wool", "Émile", "Middlemarch"]),
        ("title=EMM", vec!["Emma"]),
        ("title=mma", vec![]),
        ("author=jane", vec!["Emma", "Persuasion"]),
        ("author=Jane&title=P", vec!["Persuasion"]),
        ("author=Jane&after=1", vec!["Persuasion"]),
        ("q='%20OR%201=1--", vec![]),
    ] {
        assert_eq!(titles(world.reader().get(&format!("/books?{query}")).await), expected, "{query}");
    }
}

#[tokio::test]
async fn parameters_that_break_a_rule_are_all_named() {
    let world = World::new().await;
    let reader = world.reader();
    for limit in ["0", "1001", "-1", "x", "", "1e2", "99999999999999999999"] {
        reader.get(&format!("/books?limit={limit}")).await.complains_of(&["limit"]);
    }
    reader.get("/books?limit=x&after=y").await.complains_of(&["limit", "after"]);
    reader.get("/books?limit=1&limit=2").await.complains_of(&["limit"]);
    reader.get(&format!("/books?q={}", "a".repeat(101))).await.complains_of(&["q"]);
    reader.get("/books?q=%00&title=a%00").await.complains_of(&["q", "title"]);
    reader.get("/books?limit=1000&unknown=1").await.expect(200);
    reader.get("/books?after=9223372036854775807").await.expect(200);
}

#[tokio::test]
async fn a_page_holds_a_hundred_unless_told_otherwise() {
    let world = World::new().await;
    let parse = |text: &str| text.parse().unwrap();
    let books = (0..101).map(|number| (parse(&format!("Volume {number}")), "Anon".parse().unwrap()));
    books_service::books::store::add_all(
        &world.service.app.database,
        books,
        shared::clock::Timestamp::from_seconds(0),
    )
    .await
    .unwrap();
    let page = world.reader().get("/books").await.expect(200);
    assert_eq!(page.header(LINK), "</books?after=100>; rel=\"next\"");
    assert_eq!(titles(page).len(), 100);
}
