//! The accept loop: bounded connections, bounded headers, and an end that loses no request.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use futures_util::{FutureExt as _, TryFutureExt as _};
use http::header::{CONNECTION, HOST};
use http::uri::Authority;
use http::{HeaderValue, Version};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulConnection, GracefulShutdown};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tower::Service as _;

use super::client_address::TrustedProxies;
use super::networks::Networks;
use super::stalled::Stalling;

const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
const MAX_HEADER_BYTES: usize = 32 * 1024;
/// As many as the system lets wait to be accepted.
const MAX_BACKLOG: usize = 4096;

/// How a listener ends, and what it takes of one network.
#[derive(Clone, Debug)]
pub struct ServeSettings {
    /// For how long it goes on to take requests once it was asked to end, while it says that it is not ready: a balancer
    /// needs a moment to notice, and to move its connections elsewhere.
    pub drain: Duration,
    /// How long requests under way may take once the end has begun.
    pub grace: Duration,
    /// What one network may hold.
    pub limits: ConnectionLimits,
}

/// What a listener takes of its clients.
#[derive(Clone, Debug)]
pub struct ConnectionLimits {
    /// Connections at a time; further ones wait to be accepted.
    pub in_all: usize,
    /// Connections of one network (/24 of IPv4, /48 of IPv6) at a time, and never more than it leaves to others; further ones
    /// are closed at once.
    pub of_one_network: usize,
    /// Connections at a time that wait for their clients to read; further ones are closed, as are those of a network that has
    /// more than it leaves to others.
    pub stalled: usize,
    /// Who is not counted: the connections of a proxy are those of all its clients.
    pub trusted_proxies: TrustedProxies,
    /// A client that has taken no byte of an answer for so long is gone, or means to hold the connection for ever.
    pub write_timeout: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            in_all: 4096,
            of_one_network: 1024,
            stalled: 512,
            trusted_proxies: TrustedProxies::default(),
            write_timeout: Duration::from_secs(30),
        }
    }
}

/// In the extensions of a request: the process was asked to end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ending;

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
        let holder = listener.as_ref().err().and_then(|error| holder(address.port(), error));
        let holder = holder.map_or_else(String::new, |holder| format!(", which {holder} has"));
        listener.map(Self).with_context(|| format!("{name}: cannot listen on {address}{holder}"))
    }

    /// Where it listens: with the port that the system chose, if 0 was asked for.
    ///
    /// # Errors
    /// The system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// Who listens on a port already, as far as the system lets us see.
fn holder(port: u16, error: &io::Error) -> Option<String> {
    if error.kind() != io::ErrorKind::AddrInUse {
        return None;
    }
    let process = listeners::get_process_by_port(port, listeners::Protocol::TCP).ok()?;
    Some(format!("{} (process {})", process.name, process.pid))
}

/// In the extensions of a request: it does not say, or not clearly, which host it is for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Misaddressed;

/// Turns true once the process is asked to end, by SIGTERM or Ctrl-C. SIGHUP is left as it is, since `nohup` says to ignore it.
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

/// What `work` comes to, or `None` where the process is asked to end before: waiting for a database must not keep it.
pub async fn unless_ended<T>(work: impl Future<Output = T>, shutdown: watch::Receiver<bool>) -> Option<T> {
    tokio::select! {
        done = work => Some(done),
        () = drained(shutdown, Duration::ZERO) => {
            tracing::info!("asked to end before everything was ready");
            None
        }
    }
}

/// Serves `app` until `shutdown` turns true and the drain is over, then lets requests under way finish within the grace.
pub async fn serve(
    listener: Listener,
    app: Router,
    settings: ServeSettings,
    shutdown: watch::Receiver<bool>,
) {
    give_up_after(&listener.0, settings.limits.write_timeout);
    let connections = Arc::new(Semaphore::new(settings.limits.in_all));
    let networks = Networks::new(settings.limits.clone());
    let graceful = GracefulShutdown::new();
    let end = drained(shutdown.clone(), settings.drain);
    tokio::pin!(end);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener.0, &connections) => accepted,
            () = &mut end => break,
        };
        match accepted {
            Ok(accepted) => spawn(accepted, &networks, &app, &shutdown, &graceful),
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
        spawn(accepted, &networks, &app, &shutdown, &graceful);
    }
    drop(listener);
    if tokio::time::timeout(settings.grace, graceful.shutdown()).await.is_err() {
        tracing::warn!(grace = ?settings.grace, "requests were still under way when the grace was over");
    }
}

/// Has the system, too, give up a connection whose client takes no byte for so long, of all that are accepted: one that was
/// closed while something was to be read would go on for as long as the client says that it is still there (RFC 9293 §3.8.6.1).
#[cfg(target_os = "linux")]
fn give_up_after(listener: &TcpListener, time: Duration) {
    let millis = u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
    if let Err(error) = rustix::net::sockopt::set_tcp_user_timeout(listener, millis) {
        tracing::warn!(%error, "the system does not give up clients that do not read");
    }
}

#[cfg(not(target_os = "linux"))]
fn give_up_after(_: &TcpListener, _: Duration) {}

/// Whether an HTTP/1.1 request has exactly one `Host`, and a readable one (RFC 9112 §3.2). Where it has two, the proxy in
/// front may have gone by the other one.
fn names_its_host<B>(request: &hyper::Request<B>) -> bool {
    let mut values = request.headers().get_all(HOST).iter();
    let (value, None) = (values.next(), values.next()) else { return false };
    let is_host = |value: &HeaderValue| {
        let is_authority = |text: &str| !text.contains('@') && text.parse::<Authority>().is_ok();
        value.is_empty() || value.to_str().is_ok_and(is_authority)
    };
    value.map_or(request.version() != Version::HTTP_11, is_host)
}

/// Waits until the process was asked to end, and as long as the drain takes.
async fn drained(mut shutdown: watch::Receiver<bool>, drain: Duration) {
    // An error means that whoever could ask us to end is gone.
    if shutdown.wait_for(|end| *end).await.is_ok() {
        tokio::time::sleep(drain).await;
    }
}

/// Serves one connection in a task of its own.
fn spawn(
    (stream, peer, place): Accepted,
    networks: &Networks,
    app: &Router,
    shutdown: &watch::Receiver<bool>,
    graceful: &GracefulShutdown,
) {
    let free = place.semaphore().available_permits() + 1;
    let Some(counted) = networks.admit(peer.ip(), free) else { return };
    let stream = networks.watch(stream, peer.ip());
    let connection = graceful.watch(connection(stream, peer, app.clone(), shutdown.clone()));
    tokio::spawn(async move {
        // Errors here are of the transport: a client that went away or sent what is no HTTP.
        if let Err(error) = connection.await {
            tracing::debug!(%peer, error = &error as &dyn std::error::Error, "connection ended early");
        }
        drop((place, counted));
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

/// A connection that is closed behind the answer once the end has begun. A scenario: a proxy keeps it for its next
/// request, which is on the way when the connection is closed for idleness. It cannot know whether a `POST` was carried
/// out, and fails it; a connection that the answer itself declares closed is not used again.
fn connection(
    stream: Stalling,
    peer: SocketAddr,
    app: Router,
    shutdown: watch::Receiver<bool>,
) -> impl GracefulConnection<Error = hyper::Error> + Send {
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        if !names_its_host(&request) {
            request.extensions_mut().insert(Misaddressed);
        }
        let ending = *shutdown.borrow();
        if ending {
            request.extensions_mut().insert(Ending);
        }
        app.clone().call(request).map_ok(move |mut response| {
            if ending {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            response
        })
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(MAX_HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), service)
}
