//! The accept loop: bounded connections, bounded headers, and an end that loses no request.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use futures_util::FutureExt as _;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulConnection, GracefulShutdown};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tower::Service as _;

const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
const MAX_HEADER_BYTES: usize = 32 * 1024;
const MAX_CONNECTIONS: usize = 8192;
/// As many as the system lets wait to be accepted.
const MAX_BACKLOG: usize = 4096;

/// How a listener ends.
#[derive(Clone, Copy, Debug)]
pub struct ServeSettings {
    /// How long requests under way may take once the end has begun.
    pub grace: Duration,
}

/// A bound address that is not served yet. Connections wait in its backlog until [`serve`].
#[derive(Debug)]
pub struct Listener(TcpListener);

impl Listener {
    /// Binds `address`, which the setting `name` holds.
    ///
    /// # Errors
    /// It is taken, or not of this machine; the text names setting and address.
    pub async fn bind(name: &str, address: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address).await;
        listener.map(Self).with_context(|| format!("{name}: cannot listen on {address}"))
    }

    /// Where it listens: with the port that the system chose, if 0 was asked for.
    ///
    /// # Errors
    /// The system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// Turns true once the process is asked to end, by SIGTERM or Ctrl-C.
///
/// # Errors
/// The system does not let us listen for signals.
pub fn shutdown_signal() -> io::Result<watch::Receiver<bool>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (sender, receiver) = watch::channel(false);
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("asked to end; finishing the requests under way");
        sender.send_replace(true);
        // Whoever presses Ctrl-C twice does not want to wait.
        interrupt.recv().await;
        std::process::exit(130);
    });
    Ok(receiver)
}

/// Serves `app` until `shutdown` turns true, then lets requests under way finish within the grace.
pub async fn serve(
    listener: Listener,
    app: Router,
    settings: ServeSettings,
    mut shutdown: watch::Receiver<bool>,
) {
    let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener.0, &connections) => accepted,
            // An error means that whoever could ask us to end is gone.
            _ = shutdown.wait_for(|end| *end) => break,
        };
        match accepted {
            Ok(accepted) => spawn(accepted, &app, &graceful),
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                // Out of file descriptors, most likely: some will be free again in a moment.
                tracing::warn!(error = &error as &dyn std::error::Error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    // Who was connected when the end began is served; the backlog would be reset with the listener.
    for _ in 0..MAX_BACKLOG {
        let Some(Ok(accepted)) = accept(&listener.0, &connections).now_or_never() else { break };
        spawn(accepted, &app, &graceful);
    }
    drop(listener);
    if tokio::time::timeout(settings.grace, graceful.shutdown()).await.is_err() {
        tracing::warn!(grace = ?settings.grace, "requests were still under way when the grace was over");
    }
}

/// Serves one connection in a task of its own.
fn spawn((stream, peer, place): Accepted, app: &Router, graceful: &GracefulShutdown) {
    let connection = graceful.watch(connection(stream, peer, app.clone()));
    tokio::spawn(async move {
        // Errors here are of the transport: a client that went away or sent what is no HTTP.
        if let Err(error) = connection.await {
            tracing::debug!(%peer, error = &error as &dyn std::error::Error, "connection ended early");
        }
        drop(place);
    });
}

/// A connection and its place among the connections.
type Accepted = (TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit);

async fn accept(listener: &TcpListener, connections: &Arc<Semaphore>) -> io::Result<Accepted> {
    let place = Arc::clone(connections).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, peer, place))
}

fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    app: Router,
) -> impl GracefulConnection<Error = hyper::Error> + Send {
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        app.clone().call(request)
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(MAX_HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), service)
}
