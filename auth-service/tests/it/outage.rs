//! The database goes away in the middle of requests: nothing is granted, nothing is lost, and nobody restarts anything.

use axum::body::Body;
use http::Request;
use http::header::AUTHORIZATION;
use http_body_util::BodyExt as _;
use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, Statement};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use shared::testing::new_shared_database;
use tower::ServiceExt as _;

use crate::world::{World, connect};

async fn one_connection(url: &SecretString) -> DatabaseConnection {
    let mut options = ConnectOptions::new(url.expose_secret());
    options.max_connections(1).sqlx_logging(false);
    Database::connect(options).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_away_costs_a_retry_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let url = new_shared_database(directory.path()).await;
    let world = World::on(connect(&url).await, &[]).await;
    let tokens = world.librarian().await;
    let saboteur = one_connection(&url).await;
    if url.expose_secret().starts_with("mysql:") {
        kill_connections_during(&world, &saboteur, &tokens.refresh).await;
    } else {
        // Somebody else writes, for longer than we wait.
        saboteur.execute_unprepared("BEGIN EXCLUSIVE").await.unwrap();
        let answer = world.refresh(&tokens.refresh).await.expect(503);
        assert_eq!(answer.body["code"], "database_unavailable");
        assert_eq!(answer.body.as_object().unwrap().len(), 4, "and not a word of SQL: {}", answer.body);
        saboteur.execute_unprepared("ROLLBACK").await.unwrap();
    }
    let renewed = world.refresh(&tokens.refresh).await.expect(200).body;
    world.me(renewed["access_token"].as_str().unwrap()).await.expect(200);
    world.log_in("lib").await;
}

async fn kill_connections_during(world: &World, saboteur: &DatabaseConnection, refresh: &str) {
    let backend = saboteur.get_database_backend();
    let others = "SELECT processlist_id AS id FROM performance_schema.threads \
                  WHERE processlist_db = DATABASE() AND processlist_id <> CONNECTION_ID()";
    let kill = async {
        for _ in 0..5 {
            for row in saboteur.query_all_raw(Statement::from_string(backend, others)).await.unwrap() {
                let id: u64 = row.try_get("", "id").unwrap();
                // Gone by itself meanwhile is gone as well.
                drop(saboteur.execute_unprepared(&format!("KILL {id}")).await);
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    let work = async {
        for _ in 0..10 {
            let refreshes = (0..20).map(|_| world.refresh(refresh));
            for answer in futures_util::future::join_all(refreshes).await {
                assert!(matches!(answer.status.as_u16(), 200 | 503), "{answer:?}");
            }
        }
    };
    tokio::join!(kill, work);
}

#[tokio::test]
async fn what_breaks_inside_is_told_to_the_log_alone() {
    let world = World::new().await;
    let tokens = world.librarian().await;
    world.database().execute_unprepared("DROP TABLE sessions").await.unwrap();
    let caller = format!("Bearer {}", tokens.access);
    let request = Request::get("/me").header(AUTHORIZATION, caller).body(Body::empty()).unwrap();
    let response = world.service.routes.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), 500);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let constant = json!({
        "type": "about:blank", "title": "Internal Server Error", "status": 500, "code": "internal_error",
    });
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), constant, "not a word of SQL");
}
