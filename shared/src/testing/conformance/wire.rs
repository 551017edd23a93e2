//! Requests as bytes, so that they can be wrong in ways that no client library lets pass.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

const TIMEOUT: Duration = Duration::from_secs(10);

/// An answer as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    pub(super) body: String,
}

/// Sends one request on a connection of its own, with these lines for headers.
pub(super) async fn send(
    address: SocketAddr,
    method: &str,
    target: &str,
    lines: &[Vec<u8>],
    body: &str,
) -> Result<Reply, String> {
    let start = format!("{method} {target} HTTP/1.1\r\nHost: service.test\r\nConnection: close\r\n");
    let mut request = start.into_bytes();
    for line in lines {
        request.extend_from_slice(line);
        request.extend_from_slice(b"\r\n");
    }
    if !body.is_empty() {
        request.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
    }
    request.extend_from_slice(b"\r\n");
    request.extend_from_slice(body.as_bytes());
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(&request).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    let began = Instant::now();
    match tokio::time::timeout(TIMEOUT, exchange).await {
        // A service that is busy with the request keeps the timer of this thread waiting as well.
        _ if began.elapsed() > TIMEOUT => Err("no answer in time".to_owned()),
        Ok(Ok(answer)) => parse(&String::from_utf8_lossy(&answer)).ok_or_else(|| "no HTTP answer".to_owned()),
        Ok(Err(error)) => Err(format!("the connection broke off: {error}")),
        Err(_) => Err("no answer in time".to_owned()),
    }
}

fn parse(answer: &str) -> Option<Reply> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
    Some(Reply { status, headers, body: body.to_owned() })
}

impl Reply {
    /// The values of a header.
    pub(super) fn header(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(own, _)| own == name).map(|(_, value)| value.as_str()).collect()
    }

    /// What is wrong with the answer as RFC 6750 §3 and RFC 9110 §15 want it.
    pub(super) fn flaw(&self) -> Option<String> {
        match self.status {
            401 | 403 => self.flaw_of_challenge(),
            503 if self.header("retry-after").is_empty() => Some("503 without Retry-After".to_owned()),
            500.. if self.status != 503 => Some(format!("server error {}", self.status)),
            _ => None,
        }
    }

    fn flaw_of_challenge(&self) -> Option<String> {
        let [challenge] = self.header("www-authenticate")[..] else {
            return Some("not exactly one WWW-Authenticate".to_owned());
        };
        let Some(parameters) = challenge.strip_prefix("Bearer ").and_then(parameters) else {
            return Some(format!("not `Bearer` and parameters: {challenge}"));
        };
        let names: Vec<_> = parameters.iter().map(|(name, _)| *name).collect();
        if let Some(twice) = names.iter().find(|name| names.iter().filter(|own| own == name).count() > 1) {
            return Some(format!("{twice} twice in {challenge}"));
        }
        let quotable = |text: &str| text.chars().all(|c| matches!(c, ' '..='!' | '#'..='[' | ']'..='~'));
        if parameters.is_empty() || !parameters.iter().all(|(_, value)| quotable(value)) {
            return Some(format!("a challenge of other characters than RFC 6750 allows: {challenge}"));
        }
        (self.header("cache-control") != ["no-store"]).then(|| "may be stored by caches".to_owned())
    }
}

/// The parameters of a challenge, each `name="value"`.
fn parameters(text: &str) -> Option<Vec<(&str, &str)>> {
    let mut found = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"")?;
        let (value, after) = after.split_once('"')?;
        found.push((name, value));
        rest = after.strip_prefix(", ").unwrap_or(after);
    }
    Some(found)
}
