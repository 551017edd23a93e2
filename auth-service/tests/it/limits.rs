//! What the listener puts up with, and whom it believes: the built program, over real connections.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::process::{Server, answer, attempt, login, now};

/// How many clients are slow at a time.
const SLOW: usize = 300;
/// More than there are places for work.
const HALVES: usize = 1030;

fn send(address: SocketAddr, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    stream
}

fn get(address: SocketAddr, path: &str) -> u16 {
    answer(send(address, &format!("GET {path} HTTP/1.1\r\nHost: auth\r\nConnection: close\r\n\r\n"))).0
}

/// What seven wrong passwords in a row are answered by, where each comes with `X-Forwarded-For`.
fn guesses(server: &Server, name: &str, forwarded: impl Fn(u8) -> String) -> Vec<u16> {
    let guess = |number| {
        let (head, body) = attempt(name, "not the password");
        let head = head.trim_end();
        let text = format!("{head}\r\nX-Forwarded-For: {}\r\n\r\n{body}", forwarded(number));
        answer(send(server.address, &text)).0
    };
    (0..7).map(guess).collect()
}

#[test]
fn a_forwarded_address_is_believed_of_proxies_that_are_trusted() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let direct = Server::behind(one.path(), "192.0.2.0/24");
    let throttled = [401, 401, 401, 401, 401, 429, 429];
    assert_eq!(
        guesses(&direct, "ada", |number| format!("10.0.{number}.1")),
        throttled,
        "made up by the client"
    );

    let proxied = Server::behind(two.path(), "127.0.0.0/8");
    assert_eq!(
        guesses(&proxied, "ada", |number| format!("10.0.{number}.1")),
        [401; 7],
        "clients of the proxy"
    );
    let forged = |number| format!("10.1.{number}.1, 198.51.100.7");
    assert_eq!(guesses(&proxied, "bob", forged), throttled, "what the proxy adds comes last");
}

#[test]
fn who_sends_slowly_holds_nobody_up() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    let (head, body) = login("ada");
    let in_the_head: Vec<_> =
        (0..SLOW).map(|_| send(server.address, "GET /me HTTP/1.1\r\nHost: au")).collect();
    let half = format!("{head}{}", &body[..body.len() / 2]);
    let in_the_body: Vec<_> = (0..SLOW).map(|_| send(server.address, &half)).collect();
    let began = now();
    for _ in 0..20 {
        assert_eq!(get(server.address, "/.well-known/jwks.json"), 200);
    }
    assert_eq!(answer(send(server.address, &format!("{head}{body}"))).0, 401);
    assert!(began.elapsed() < Duration::from_secs(4), "none of them had to give up before");
    for stream in in_the_body {
        assert_eq!(answer(stream), (408, true), "five seconds for a body");
    }
    assert!(began.elapsed() < Duration::from_secs(20), "all at the same time");
    drop(in_the_head);
}

#[test]
fn half_sent_bodies_turn_nobody_away() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    let (head, _) = login("ada");
    let halves: Vec<_> = (0..HALVES).map(|_| send(server.address, &format!("{head}{{"))).collect();
    std::thread::sleep(Duration::from_millis(300));
    for _ in 0..20 {
        assert_eq!(get(server.address, "/.well-known/jwks.json"), 200);
    }
    assert_eq!(halves.len(), HALVES);
}

#[test]
fn who_sends_too_much_is_told_so() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    let (long, close) = ("a".repeat(70_000), "Connection: close\r\n");
    let post = format!("POST /login HTTP/1.1\r\nHost: auth\r\n{close}Content-Type: application/json\r\n");
    let announced = send(server.address, &format!("{post}Content-Length: 70000\r\n\r\n"));
    assert_eq!(answer(announced), (413, true), "before any of it has come");
    let chunked = format!("{post}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{long}\r\n0\r\n\r\n", long.len());
    assert_eq!(answer(send(server.address, &chunked)), (413, true));
    let head = format!("GET /me HTTP/1.1\r\nHost: auth\r\n{close}X-Long: {long}\r\n\r\n");
    let (status, _) = answer(send(server.address, &head));
    assert_eq!(status, 431);
    assert_eq!(get(server.address, "/.well-known/jwks.json"), 200);
}
