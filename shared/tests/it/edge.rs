use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::routing::{get, post};
use futures_util::StreamExt as _;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::Value;
use shared::http::{
    Edge, EdgeSettings, Health, Metrics, Problem, leave_place, management_routes, read_body, return_to_place,
};
use shared::random::SystemRandom;
use tower::ServiceExt as _;

struct World {
    app: Router,
    management: Router,
}

fn world(settings: EdgeSettings) -> World {
    let metrics = Arc::new(Metrics::new());
    let edge = Edge::new(settings, Arc::clone(&metrics), Arc::new(SystemRandom::new()));
    let routes = Router::new()
        .route("/quick", get(|| async { "done" }))
        .route("/slow/{n}", get(|| async { tokio::time::sleep(Duration::from_secs(60)).await }))
        .route("/body", post(read))
        .route("/held-back", get(hold_back))
        .route("/panic", get(|| async { [0][std::hint::black_box(1)].to_string() }));
    World { app: edge.surround(routes), management: management_routes(Health::default(), metrics) }
}

/// Waits two seconds without a place, and then works for one.
async fn hold_back() -> &'static str {
    leave_place();
    tokio::time::sleep(Duration::from_secs(2)).await;
    return_to_place();
    tokio::time::sleep(Duration::from_secs(1)).await;
    "done"
}

/// Reads a body, and then takes a second over it.
async fn read(request: Request<Body>) -> Result<String, Problem> {
    let (parts, body) = request.into_parts();
    let body = read_body(&parts.headers, body).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    Ok(body.len().to_string())
}

async fn send(app: &Router, request: Request<Body>) -> (StatusCode, http::HeaderMap, Value) {
    let (parts, body) = app.clone().oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (parts.status, parts.headers, serde_json::from_slice(&body).unwrap_or_default())
}

fn request(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

async fn metrics(world: &World) -> String {
    let response = world.management.clone().oneshot(request("/metrics")).await.unwrap();
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_request_past_its_deadline_is_dropped() {
    let world = world(EdgeSettings { deadline: Duration::from_secs(5), ..EdgeSettings::default() });
    let (status, headers, body) = send(&world.app, request("/slow/1")).await;
    assert_eq!((status.as_u16(), &body["code"]), (503, &Value::from("deadline_exceeded")));
    assert!(headers.contains_key("retry-after"));
}

#[tokio::test(start_paused = true)]
async fn requests_beyond_the_places_are_sent_away_at_once() {
    let world = world(EdgeSettings { max_in_flight: 1, ..EdgeSettings::default() });
    let slow = send(&world.app, request("/slow/1"));
    let quick = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        send(&world.app, request("/quick")).await
    };
    let (_, (status, _, body)) = tokio::join!(slow, quick);
    assert_eq!((status.as_u16(), &body["code"]), (503, &Value::from("overloaded")));
    assert_eq!(send(&world.app, request("/quick")).await.0, 200);
}

/// Half a request costs next to nothing to send, so it holds up nobody who sends a whole one.
#[tokio::test(start_paused = true)]
async fn who_waits_for_a_body_holds_no_place() {
    let world = world(EdgeSettings { max_in_flight: 1, ..EdgeSettings::default() });
    let upload = |begins: u64, ends: u64| {
        let chunks = [begins, ends].into_iter().enumerate().map(move |(number, second)| async move {
            let already = if number == 0 { 0 } else { begins };
            tokio::time::sleep(Duration::from_secs(second - already)).await;
            Ok::<_, std::io::Error>("half")
        });
        let body = Body::from_stream(futures_util::stream::iter(chunks).then(|chunk| chunk));
        send(&world.app, Request::post("/body").body(body).unwrap())
    };
    let others = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(send(&world.app, request("/quick")).await.0, 200, "while a body is awaited");
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(send(&world.app, request("/quick")).await.0, 503, "while its request is worked on");
    };
    let (one, (late, _, told), never, ()) = tokio::join!(upload(1, 2), upload(1, 2), upload(1, 60), others);
    assert_eq!(one.0, 200);
    assert_eq!((late.as_u16(), &told["code"]), (503, &Value::from("overloaded")), "both came at once");
    assert_eq!(never.0, 408);
    assert_eq!(send(&world.app, request("/quick")).await.0, 200, "and none is lost");
}

/// Of what may be awaited at a time, one network may send half.
#[tokio::test(start_paused = true)]
async fn so_much_of_bodies_is_awaited_and_no_more() {
    let world = world(EdgeSettings::default());
    let upload = || {
        let never = Body::from_stream(futures_util::stream::pending::<Result<&str, std::io::Error>>());
        send(&world.app, Request::post("/body").body(never).unwrap())
    };
    let others = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (status, _, body) = upload().await;
        assert_eq!((status.as_u16(), &body["code"]), (503, &Value::from("overloaded")));
        let small = Request::post("/body").body(Body::from("small")).unwrap();
        assert_eq!(send(&world.app, small).await.0, 200);
    };
    let (answers, ()) = tokio::join!(futures_util::future::join_all((0..256).map(|_| upload())), others);
    assert!(answers.iter().all(|answer| answer.0 == 408), "{answers:?}");
    assert_eq!(upload().await.0, 408, "and none is lost");
}

#[tokio::test(start_paused = true)]
async fn who_only_waits_holds_no_place() {
    let world = world(EdgeSettings { max_in_flight: 1, ..EdgeSettings::default() });
    let held_back = || send(&world.app, request("/held-back"));
    let others = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(send(&world.app, request("/quick")).await.0, 200, "while it waits");
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert_eq!(send(&world.app, request("/quick")).await.0, 503, "while it works");
    };
    let (one, (late, _, told), ()) = tokio::join!(held_back(), held_back(), others);
    assert_eq!(one.0, 200);
    assert_eq!((late.as_u16(), &told["code"]), (503, &Value::from("overloaded")), "both came at once");
    assert_eq!(send(&world.app, request("/quick")).await.0, 200, "and none is lost");
}

/// Of eight places one network gets four, the next one half of those that are left.
#[tokio::test(start_paused = true)]
async fn no_network_takes_all_places() {
    let world = world(EdgeSettings {
        max_in_flight: 8,
        deadline: Duration::from_secs(90),
        ..EdgeSettings::default()
    });
    let from = |network: u8, path: &str| {
        let mut request = request(path);
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([10, 0, network, 1], 40_000))));
        send(&world.app, request)
    };
    let slow = [1, 2, 3].map(|network| (0..20).map(move |_| from(network, "/slow/1")));
    let slow = futures_util::future::join_all(slow.into_iter().flatten());
    let others = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(from(9, "/quick").await.0, 200, "whoever comes next");
        assert_eq!(from(1, "/quick").await.0, 503, "who has more than is left");
    };
    let (answers, ()) = tokio::join!(slow, others);
    let admitted = answers.chunks(20).map(|of_one| of_one.iter().filter(|answer| answer.0 == 200).count());
    assert_eq!(admitted.collect::<Vec<_>>(), [4, 2, 1]);
    assert_eq!(from(1, "/quick").await.0, 200, "and none is lost");
}

#[tokio::test]
async fn an_address_has_a_length() {
    let world = world(EdgeSettings::default());
    let asking = |length: usize| request(&format!("/quick?{}", "q".repeat(length - "/quick?".len())));
    assert_eq!(send(&world.app, asking(8192)).await.0, 200);
    let (status, _, body) = send(&world.app, asking(8193)).await;
    assert_eq!((status.as_u16(), &body["code"]), (414, &Value::from("uri_too_long")));
}

#[tokio::test]
async fn a_panic_is_a_constant_500() {
    let world = world(EdgeSettings::default());
    let (status, _, body) = send(&world.app, request("/panic")).await;
    assert_eq!(status, 500);
    let constant = serde_json::json!({
        "type": "about:blank", "title": "Internal Server Error", "status": 500, "code": "internal_error",
    });
    assert_eq!(body, constant);
    assert_eq!(send(&world.app, request("/quick")).await.0, 200);
}

#[tokio::test]
async fn a_plain_request_id_is_kept_and_any_other_replaced() {
    let world = world(EdgeSettings::default());
    for (given, kept) in [("abc-1_2.3", true), ("a b", false), ("a\u{e9}", false), (&"a".repeat(65), false)] {
        let mut request = request("/quick");
        request
            .headers_mut()
            .insert("x-request-id", http::HeaderValue::from_bytes(given.as_bytes()).unwrap());
        let (_, headers, _) = send(&world.app, request).await;
        let id = headers["x-request-id"].to_str().unwrap();
        assert_eq!(id == given, kept, "{given}");
        assert!(!id.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_hangs_up_is_counted_and_routes_are_counted_by_template() {
    let world = world(EdgeSettings::default());
    let hung_up = tokio::time::timeout(Duration::from_secs(1), send(&world.app, request("/slow/17"))).await;
    assert!(hung_up.is_err());
    send(&world.app, request("/nowhere")).await;
    let metrics = metrics(&world).await;
    assert!(
        metrics.contains(r#"http_requests_total{method="GET",route="/slow/{n}",status="499"} 1"#),
        "{metrics}"
    );
    assert!(
        metrics.contains(r#"http_requests_total{method="GET",route="(none)",status="404"} 1"#),
        "{metrics}"
    );
}
