//! How a listener ends: real connections, since what is tested is what happens to them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use shared::http::{Health, Listener, Metrics, ServeSettings, management_routes, serve};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;

struct Served {
    address: SocketAddr,
    end: watch::Sender<bool>,
    task: JoinHandle<()>,
}

async fn start(drain: Duration) -> Served {
    let listener = Listener::bind("TEST", "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.address().unwrap();
    let slow = || async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        "done"
    };
    let app = Router::new()
        .route("/slow", get(slow))
        .merge(management_routes(Health::default(), Arc::new(Metrics::new())));
    let (end, shutdown) = watch::channel(false);
    let settings = ServeSettings { drain, grace: Duration::from_secs(5) };
    Served { address, end, task: tokio::spawn(serve(listener, app, settings, shutdown)) }
}

async fn send(stream: &mut TcpStream, path: &str) -> String {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = vec![0; 4096];
    let length = stream.read(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

#[tokio::test]
async fn while_it_drains_it_serves_but_is_not_ready_and_keeps_no_connection() {
    let served = start(Duration::from_millis(500)).await;
    let mut kept = TcpStream::connect(served.address).await.unwrap();
    assert!(send(&mut kept, "/health/ready").await.starts_with("HTTP/1.1 200"));
    served.end.send_replace(true);
    let answer = send(&mut kept, "/health/ready").await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("connection: close"), "{answer}");
    let mut new = TcpStream::connect(served.address).await.unwrap();
    assert!(send(&mut new, "/health/live").await.starts_with("HTTP/1.1 200"), "still taken");
    served.task.await.unwrap();
    assert!(TcpStream::connect(served.address).await.is_err());
}

#[tokio::test]
async fn requests_under_way_at_the_end_are_finished() {
    let served = start(Duration::ZERO).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    let under_way = tokio::spawn(async move { send(&mut stream, "/slow").await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    served.end.send_replace(true);
    assert!(under_way.await.unwrap().ends_with("done"));
    served.task.await.unwrap();
}
