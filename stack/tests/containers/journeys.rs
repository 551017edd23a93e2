//! Journeys through the gateway, behind which two replicas of each service take turns.

use std::collections::HashSet;
use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::compose::{Compose, PASSWORD};
use crate::docker::{docker, engine};

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_of_each_are_one_system() {
    let Some(_turn) = engine().await else { return };
    let compose =
        Compose::up("journeys", &[("COMPOSE_PROFILES", "demo"), ("TEST_ACCESS_TOKEN_TTL", "5s")]).await;
    compose.account("ada", "librarian");
    compose.account("kay", "librarian");
    tokio::join!(rotation(&compose), async {
        let url = compose.api.url.clone();
        tokio::task::spawn_blocking(move || tutorial(&url)).await.unwrap();
        sessions(&compose).await;
        refreshes(&compose).await;
        books(&compose).await;
        logout(&compose).await;
        only_the_gateway_is_published(&compose);
    });
}

/// The client of the Flask tutorial, unchanged.
fn tutorial(url: &str) {
    let client = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tutorial_client.py");
    let output = Command::new("python3").args([client, url, "5"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// What one replica has opened, the other knows.
async fn sessions(compose: &Compose) {
    let mut refresh = compose.api.log_in("ada", PASSWORD).await.1;
    for _ in 0..20 {
        let (access, next) =
            compose.api.send(Method::POST, "/refresh", Some(&refresh), None).await.unwrap().tokens();
        let me = compose.api.send(Method::GET, "/me", Some(&access), None).await.unwrap();
        assert_eq!((me.status, &me.body["username"]), (200, &json!("ada")));
        let protected = compose.api.send(Method::GET, "/protected", Some(&access), None).await.unwrap();
        assert_eq!(protected.body, json!({"logged_in_as": "ada"}));
        refresh = next;
    }
}

/// Fifty that try together, at two replicas, get one successor.
async fn refreshes(compose: &Compose) {
    let refresh = compose.api.log_in("ada", PASSWORD).await.1;
    let answers =
        join_all((0..50).map(|_| compose.api.send(Method::POST, "/refresh", Some(&refresh), None))).await;
    let successors: HashSet<_> = answers.into_iter().map(|answer| answer.unwrap().tokens().1).collect();
    assert_eq!(successors.len(), 1);
}

async fn books(compose: &Compose) {
    let token = compose.api.log_in("ada", PASSWORD).await.0;
    let send = |method, path: String, body| {
        let token = token.clone();
        async move { compose.api.send(method, &path, Some(&token), body).await.unwrap() }
    };
    for number in 0..20 {
        let book = json!({"title": format!("Volume {number}"), "author": "Ada"});
        let added = send(Method::POST, "/books".to_owned(), Some(book)).await;
        assert_eq!(added.status, 201, "{}", added.body);
        let path = format!("/books/{}", added.body["id"]);
        assert_eq!(send(Method::GET, path.clone(), None).await.body, added.body);
        assert_eq!(send(Method::DELETE, path.clone(), None).await.status, 204);
        assert_eq!(send(Method::GET, path, None).await.status, 404);
    }
}

/// A session that one replica has ended is over at the other.
async fn logout(compose: &Compose) {
    for _ in 0..10 {
        let (access, refresh) = compose.api.log_in("kay", PASSWORD).await;
        assert_eq!(compose.api.send(Method::POST, "/logout", Some(&access), None).await.unwrap().status, 204);
        for (method, path, token) in [(Method::POST, "/refresh", &refresh), (Method::GET, "/me", &access)] {
            let answer = compose.api.send(method, path, Some(token), None).await.unwrap();
            assert_eq!((answer.status, &answer.body["msg"]), (401, &json!("Token has been revoked")));
        }
    }
}

/// Every token is taken by every replica while the next key is made, announced, and begins to sign.
async fn rotation(compose: &Compose) {
    let mut refresh = compose.api.log_in("ada", PASSWORD).await.1;
    compose.auth_service(&["keys", "rotate"]);
    let (started, mut kids) = (Instant::now(), HashSet::new());
    while kids.len() < 2 {
        assert!(started.elapsed() < Duration::from_secs(120), "no second key has signed within two minutes");
        let (access, next) =
            compose.api.send(Method::POST, "/refresh", Some(&refresh), None).await.unwrap().tokens();
        for _ in 0..2 {
            let answer = compose.api.send(Method::GET, "/protected", Some(&access), None).await.unwrap();
            assert_eq!((answer.status, answer.retry_after), (200, false), "{}", answer.body);
        }
        kids.insert(kid(&access));
        refresh = next;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

fn kid(token: &str) -> String {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

fn only_the_gateway_is_published(compose: &Compose) {
    for service in ["mysql", "auth-service", "books-service"] {
        for container in compose.containers(service) {
            assert_eq!(docker(&["port", &container]), "", "{container}");
        }
    }
    for network in ["inside", "data"] {
        let network = compose.network(network);
        assert_eq!(docker(&["network", "inspect", "--format", "{{.Internal}}", &network]), "true");
    }
}
