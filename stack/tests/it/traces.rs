//! Traces as a collector gets them: one for a whole request, through the gateway and the service behind it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message as _;
use reqwest::Method;

use crate::stack::Stack;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// Takes what is sent to `/v1/traces`.
fn collector() -> (String, Receiver<Span>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, spans) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let sender = sender.clone();
            std::thread::spawn(move || collect(stream.unwrap(), &sender));
        }
    });
    (url, spans)
}

fn collect(stream: TcpStream, sender: &Sender<Span>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut head, mut length) = (String::new(), 0);
        while !head.ends_with("\r\n\r\n") {
            let start = head.len();
            if reader.read_line(&mut head).ok()? == 0 {
                return None;
            }
            let line = head[start..].to_ascii_lowercase();
            length =
                line.strip_prefix("content-length: ").map_or(length, |text| text.trim().parse().unwrap());
        }
        assert!(head.starts_with("POST /v1/traces "), "{head}");
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").ok()?;
        for resource in ExportTraceServiceRequest::decode(&body[..]).unwrap().resource_spans {
            for span in resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                sender.send(span).ok()?;
            }
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn a_request_is_one_trace_through_gateway_and_service() {
    let data = tempfile::tempdir().unwrap();
    let (url, spans) = collector();
    let settings = [("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()), ("OTEL_BSP_SCHEDULE_DELAY", "50")];
    let stack = Stack::start(data.path(), &settings);
    let call = reqwest::Client::new()
        .request(Method::GET, format!("{}/books/1", stack.url))
        .header("traceparent", format!("00-{TRACE}-{CALLER}-01"));
    assert_eq!(call.send().await.unwrap().status(), 401);

    let mut found: Vec<Span> = Vec::new();
    // books-service's fetch of the keys, before, is a trace of its own that auth-service joins.
    let (mut fetch, mut fetched) = (None, None);
    while found.len() < 2 || fetch.is_none() || fetched.is_none() {
        let span = spans.recv_timeout(Duration::from_secs(20)).unwrap();
        match span.name.as_str() {
            "GET keys" => fetch = Some(span),
            "GET /.well-known/jwks.json" => fetched = Some(span),
            _ if hex(&span.trace_id) == TRACE => found.push(span),
            _ => {}
        }
    }
    let named = |name: &str| {
        found.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("{name}: {found:?}"))
    };
    let (gateway, books) = (named("gateway"), named("GET /books/{id}"));
    assert_eq!(hex(&gateway.parent_span_id), CALLER);
    assert_eq!(books.parent_span_id, gateway.span_id);
    assert_eq!(books.kind(), SpanKind::Server);
    assert!(books.attributes.iter().any(|attribute| attribute.key == "http.response.status_code"));
    let (fetch, fetched) = (fetch.unwrap(), fetched.unwrap());
    assert_eq!((&fetched.trace_id, &fetched.parent_span_id), (&fetch.trace_id, &fetch.span_id));
}

#[tokio::test]
async fn a_login_shows_what_it_took() {
    let data = tempfile::tempdir().unwrap();
    let (url, spans) = collector();
    let settings = [("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()), ("OTEL_BSP_SCHEDULE_DELAY", "50")];
    let stack = Stack::start(data.path(), &settings);
    let login =
        serde_json::json!({ "username": "nobody-of-this-name", "password": "the wrong one, of course" });
    let call = reqwest::Client::new()
        .request(Method::POST, format!("{}/login", stack.url))
        .header("traceparent", format!("00-{TRACE}-{CALLER}-01"))
        .json(&login);
    assert_eq!(call.send().await.unwrap().status(), 401);

    let mut found: Vec<Span> = Vec::new();
    while !found.iter().any(|span| span.name == "gateway") {
        let span = spans.recv_timeout(Duration::from_secs(20)).unwrap();
        if hex(&span.trace_id) == TRACE {
            found.push(span);
        }
    }
    let login = found.iter().find(|span| span.name == "POST /login").unwrap();
    let named = |name: &str| {
        found.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("{name}: {found:?}"))
    };
    for part in ["wait for a slot", "hash", "database read", "database write"] {
        assert_eq!(named(part).parent_span_id, login.span_id, "{part}");
    }
    assert_eq!(named("wait for the turn to write").parent_span_id, named("database write").span_id);
    assert!(found.iter().all(|span| span.events.is_empty()), "lines of the log are not for the collector");
    let told = format!("{found:?}");
    assert!(!told.contains("of course") && !told.contains("nobody-of"), "{told}");
}

#[tokio::test]
async fn the_log_has_the_trace_without_a_collector() {
    let data = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_stack"))
        .env_clear()
        .env("STACK_DATA_DIR", data.path())
        .env("AUTH_LOG_FORMAT", "json")
        .envs(["STACK_LISTEN", "AUTH_LISTEN", "AUTH_MANAGEMENT_LISTEN"].map(|name| (name, "127.0.0.1:0")))
        .envs(["BOOKS_LISTEN", "BOOKS_MANAGEMENT_LISTEN"].map(|name| (name, "127.0.0.1:0")))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut greeting = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = greeting.find_map(|line| line.unwrap().strip_prefix("  one URL for both").map(str::to_owned));
    let url = line.unwrap().trim().to_owned();
    drop(rustls::crypto::ring::default_provider().install_default());
    let call = reqwest::Client::new().get(format!("{url}/me"));
    call.header("traceparent", format!("00-{TRACE}-{CALLER}-01")).send().await.unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let line = log.find(|line| line.as_ref().unwrap().contains("\"path\":\"/me\"")).unwrap().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["span"]["trace_id"], TRACE, "{line}");
    assert!(line["span"]["id"].is_string());
}
