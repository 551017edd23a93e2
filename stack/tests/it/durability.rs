//! What was acknowledged is there after the process was killed in the middle of its work.

use std::process::Command;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use reqwest::Method;
use serde_json::json;

use crate::stack::Stack;

const WRITES: usize = 1000;
const AT_A_TIME: usize = 16;

#[tokio::test]
async fn a_kill_in_the_middle_of_a_thousand_writes_loses_nothing_that_was_acknowledged() {
    let data = tempfile::tempdir().unwrap();
    let settings = [("AUTH_ISSUER", "http://127.0.0.1:1")];
    let stack = Stack::start(data.path(), &settings);
    let (access, refresh) = stack.log_in("test", "test").await;
    let add = |number: usize| {
        let (stack, access) = (&stack, &access);
        async move {
            let body = json!({"title": format!("Book {number}"), "author": "Anon"});
            let (status, book) = stack.send(Method::POST, "/books", Some(access), Some(body)).await.ok()?;
            assert_eq!(status, 201, "{book}");
            book["id"].as_i64().map(|id| (id, number))
        }
    };
    let mut numbers = 0..WRITES;
    let mut under_way: FuturesUnordered<_> = numbers.by_ref().take(AT_A_TIME).map(add).collect();
    let (mut acknowledged, mut killed) = (Vec::new(), false);
    while let Some(answer) = under_way.next().await {
        acknowledged.extend(answer);
        if acknowledged.len() >= WRITES / 2 && !killed {
            killed =
                Command::new("kill").args(["-KILL", &stack.id().to_string()]).status().unwrap().success();
        }
        if !killed {
            under_way.extend(numbers.next().map(add));
        }
    }
    assert!(acknowledged.len() >= WRITES / 2 && acknowledged.len() < WRITES, "{}", acknowledged.len());
    drop(under_way);
    stack.kill();

    let stack = Stack::start(data.path(), &settings);
    for (id, number) in acknowledged {
        let (status, book) =
            stack.send(Method::GET, &format!("/books/{id}"), Some(&access), None).await.unwrap();
        assert_eq!((status.as_u16(), &book["title"]), (200, &json!(format!("Book {number}"))));
    }
    assert_eq!(stack.send(Method::POST, "/refresh", Some(&refresh), None).await.unwrap().0, 200);
}
