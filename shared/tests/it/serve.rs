//! How a listener ends: real connections, since what is tested is what happens to them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use shared::http::{
    ConnectionLimits, Edge, EdgeSettings, Health, Listener, Metrics, ServeSettings, management_routes, serve,
};
use shared::random::SystemRandom;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

struct Served {
    address: SocketAddr,
    end: watch::Sender<bool>,
    task: JoinHandle<()>,
}

async fn start(drain: Duration) -> Served {
    start_with(drain, ConnectionLimits::default()).await
}

async fn start_with(drain: Duration, limits: ConnectionLimits) -> Served {
    let listener = Listener::bind("TEST", "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.address().unwrap();
    let slow = || async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        "done"
    };
    let app = Router::new()
        .route("/slow", get(slow))
        .route("/long", get(|| async { "a".repeat(1 << 20) }))
        .merge(management_routes(Health::default(), Arc::new(Metrics::new())));
    let (end, shutdown) = watch::channel(false);
    let settings = ServeSettings { drain, grace: Duration::from_secs(5), limits };
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

/// Whether the connection ends at once, and not only when it has sent nothing for long.
async fn is_closed(stream: &mut TcpStream) -> bool {
    let read = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut [0])).await;
    matches!(read, Ok(Ok(0) | Err(_)))
}

#[tokio::test]
async fn a_network_has_so_many_connections() {
    let few = ConnectionLimits { of_one_network: 3, ..ConnectionLimits::default() };
    let served = start_with(Duration::ZERO, few.clone()).await;
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        assert!(send(&mut stream, "/health/live").await.starts_with("HTTP/1.1 200"));
        open.push(stream);
    }
    assert!(is_closed(&mut TcpStream::connect(served.address).await.unwrap()).await);
    open.pop();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    assert!(send(&mut stream, "/health/live").await.starts_with("HTTP/1.1 200"), "one is free again");

    let proxied = ConnectionLimits { trusted_proxies: "127.0.0.0/8".parse().unwrap(), ..few };
    let served = start_with(Duration::ZERO, proxied).await;
    for _ in 0..5 {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        assert!(send(&mut stream, "/health/live").await.starts_with("HTTP/1.1 200"));
        open.push(stream);
    }
}

/// Idle ones, as somebody opens on purpose: of eight, one network gets four, the next one half of those that are left.
#[tokio::test]
async fn some_connections_are_left_to_others() {
    let served =
        start_with(Duration::ZERO, ConnectionLimits { in_all: 8, ..ConnectionLimits::default() }).await;
    let from = async |network: u8| {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, network, 1], 0))).unwrap();
        socket.connect(served.address).await.unwrap()
    };
    let mut open = Vec::new();
    for network in [1, 2, 3] {
        for _ in 0..8 {
            open.push(from(network).await);
        }
        let mut other = from(9).await;
        let answer = tokio::time::timeout(Duration::from_secs(5), send(&mut other, "/health/live")).await;
        assert!(answer.is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")), "of {network} networks");
        drop(other);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Once the head has begun, the clock stands still, and goes on a second at a time.
#[tokio::test]
async fn a_head_has_half_a_minute() {
    let served = start(Duration::ZERO).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(b"GET /health/live HTTP/1.1\r\nhost: te").await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    tokio::time::pause();
    let mut waited = 0;
    while stream.try_read(&mut [0; 64]).is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock) {
        waited += 1;
        assert!(waited < 60, "it is waited for for ever");
        tokio::time::sleep(Duration::from_secs(1)).await;
        // For what the system brings, which is not told of by our clock.
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(waited > 25, "{waited}");
}

#[tokio::test]
async fn a_client_that_does_not_read_loses_its_connection() {
    let limits =
        ConnectionLimits { write_timeout: Duration::from_millis(300), ..ConnectionLimits::default() };
    let served = start_with(Duration::ZERO, limits).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    let (mut reading, mut writing) = stream.split();
    let ask = async {
        // More answers than all buffers on the way hold.
        for _ in 0..64 {
            writing.write_all(b"GET /long HTTP/1.1\r\nhost: test\r\n\r\n").await?;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        std::io::Result::Ok(())
    };
    drop(ask.await);
    let mut rest = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(5), reading.read_to_end(&mut rest)).await;
    read.expect("it goes on for ever").map(drop).unwrap_or_default();
    assert!(rest.len() < 64 << 20, "all was answered");
}

/// Of two that may wait to be read, one network has one; whoever reads is not counted.
#[tokio::test]
async fn few_connections_wait_for_their_clients_to_read() {
    let served = start_with(Duration::ZERO, ConnectionLimits { stalled: 2, ..Default::default() }).await;
    // More than all buffers on the way hold.
    let ask = async || {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        for _ in 0..32 {
            stream.write_all(b"GET /long HTTP/1.1\r\nhost: test\r\n\r\n").await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        stream
    };
    let read = async |stream: &mut TcpStream| {
        let (mut all, mut bytes) = (0, vec![0; 1 << 16]);
        while all < 32 << 20 {
            match tokio::time::timeout(Duration::from_secs(5), stream.read(&mut bytes)).await {
                Ok(Ok(length @ 1..)) => all += length,
                _ => return false,
            }
        }
        true
    };
    let mut waits = ask().await;
    let mut one_too_many = ask().await;
    assert!(!read(&mut one_too_many).await);
    let mut reads = TcpStream::connect(served.address).await.unwrap();
    assert!(send(&mut reads, "/health/live").await.starts_with("HTTP/1.1 200"));
    assert!(read(&mut waits).await);
    let mut next = ask().await;
    assert!(read(&mut next).await, "none is lost");
}

#[tokio::test]
async fn a_request_names_the_one_host_that_it_is_for() {
    let listener = Listener::bind("TEST", "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.address().unwrap();
    let edge = Edge::new(EdgeSettings::default(), Arc::new(Metrics::new()), Arc::new(SystemRandom::new()));
    let app = edge.surround(Router::new().route("/", get(|| async { "here" })));
    let (_end, shutdown) = watch::channel(false);
    let settings = ServeSettings {
        drain: Duration::ZERO,
        grace: Duration::from_secs(5),
        limits: ConnectionLimits::default(),
    };
    tokio::spawn(serve(listener, app, settings, shutdown));
    for (start, hosts, status) in [
        ("HTTP/1.1", "host: id.example\r\n", "200"),
        ("HTTP/1.1", "host: [::1]:5000\r\n", "200"),
        ("HTTP/1.1", "host:\r\n", "200"),
        ("HTTP/1.0", "", "200"),
        ("HTTP/1.1", "", "400"),
        ("HTTP/1.1", "host: a\r\nhost: a\r\n", "400"),
        ("HTTP/1.1", "host: a\r\nhost: b\r\n", "400"),
        ("HTTP/1.1", "host: a b/c\r\n", "400"),
        ("HTTP/1.1", "host: you@a\r\n", "400"),
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET / {start}\r\n{hosts}connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer.get(9..12), Some(status), "{hosts:?}: {answer}");
        assert!(status == "200" || answer.contains("application/problem+json"), "{answer}");
    }
}
