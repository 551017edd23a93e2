//! A steady load that remembers what was acknowledged.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::{join, join_all};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::api::{Answer, Api};
use crate::report::{Cell as TableCell, Row};

const READERS: usize = 3;
const WRITERS: usize = 2;
const SESSIONS: usize = 2;
const PAUSE: Duration = Duration::from_millis(10);
const LOGIN_PAUSE: Duration = Duration::from_millis(300);
/// The system has recovered once nothing has failed for so long.
const STEADY: Duration = Duration::from_secs(2);
const MOST_RECOVERY: Duration = Duration::from_secs(90);

/// What a request was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Read,
    Write,
    Refresh,
    Login,
}

pub(crate) const KINDS: [Kind; 4] = [Kind::Read, Kind::Write, Kind::Refresh, Kind::Login];

/// One answer, or that there was none.
#[derive(Clone, Copy, Debug)]
struct Event {
    kind: Kind,
    at: Duration,
    /// `None`: no answer.
    status: Option<u16>,
}

impl Event {
    fn is_success(self) -> bool {
        self.status.is_some_and(|status| status < 300)
    }
}

/// The load, and what came of it so far.
pub(crate) struct Load<'a> {
    api: &'a Api,
    username: &'static str,
    password: &'static str,
    token: String,
    started: Instant,
    stopped: Cell<bool>,
    events: RefCell<Vec<Event>>,
    /// Titles by the number of the book, as they were acknowledged.
    added: RefCell<BTreeMap<i64, String>>,
    /// The book that is changed all the time, the last change that was acknowledged, and the last that was tried.
    changed: (i64, Cell<u64>, Cell<u64>),
    sessions: Vec<RefCell<String>>,
}

impl<'a> Load<'a> {
    pub(crate) async fn start(api: &'a Api, username: &'static str, password: &'static str) -> Self {
        let (token, _) = api.log_in(username, password).await;
        let mut sessions = Vec::new();
        for _ in 0..SESSIONS {
            sessions.push(RefCell::new(api.log_in(username, password).await.1));
        }
        let book = api.send(Method::POST, "/books", Some(&token), Some(book("Change 0"))).await.unwrap();
        let changed = (book.body["id"].as_i64().unwrap(), Cell::new(0), Cell::new(0));
        Self {
            api,
            username,
            password,
            token,
            started: Instant::now(),
            stopped: Cell::new(false),
            events: RefCell::default(),
            added: RefCell::default(),
            changed,
            sessions,
        }
    }

    pub(crate) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    pub(crate) fn stop(&self) {
        self.stopped.set(true);
    }

    /// Sends requests until it is stopped.
    pub(crate) async fn run(&self) {
        let readers = join_all((0..READERS).map(|_| self.read()));
        let writers = join_all((0..WRITERS).map(|writer| self.write(writer)));
        let refreshers = join_all(self.sessions.iter().map(|session| self.refresh(session)));
        join(join(readers, writers), join(join(refreshers, self.change()), self.log_in())).await;
    }

    async fn read(&self) {
        let path = format!("/books/{}", self.changed.0);
        while !self.stopped.get() {
            self.send(Kind::Read, Method::GET, &path, Some(&self.token), None).await;
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn write(&self, writer: usize) {
        for number in 0_u64.. {
            if self.stopped.get() {
                return;
            }
            let title = format!("Book {number} of {writer} at {:?}", self.now());
            let added = Some(book(&title));
            if let Some(answer) =
                self.send(Kind::Write, Method::POST, "/books", Some(&self.token), added).await
            {
                self.added.borrow_mut().insert(answer.body["id"].as_i64().unwrap(), title);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn change(&self) {
        let (id, acknowledged, tried) = &self.changed;
        let path = format!("/books/{id}");
        while !self.stopped.get() {
            tried.set(tried.get() + 1);
            let change = Some(book(&format!("Change {}", tried.get())));
            if self.send(Kind::Write, Method::PUT, &path, Some(&self.token), change).await.is_some() {
                acknowledged.set(tried.get());
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// A session whose owner takes each new token, and presents the same one again where no answer came.
    async fn refresh(&self, session: &RefCell<String>) {
        while !self.stopped.get() {
            let token = session.borrow().clone();
            if let Some(answer) = self.send(Kind::Refresh, Method::POST, "/refresh", Some(&token), None).await
            {
                session.replace(answer.tokens().1);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn log_in(&self) {
        let body = json!({"username": self.username, "password": self.password});
        while !self.stopped.get() {
            self.send(Kind::Login, Method::POST, "/login", None, Some(body.clone())).await;
            tokio::time::sleep(LOGIN_PAUSE).await;
        }
    }

    /// Sends a request and notes what came of it. `None`: it may be sent again.
    async fn send(
        &self,
        kind: Kind,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<Value>,
    ) -> Option<Answer> {
        let answer = self.api.send(method.clone(), path, token, body).await.ok();
        let status = answer.as_ref().map(|answer| answer.status);
        self.events.borrow_mut().push(Event { kind, at: self.now(), status });
        let answer = answer?;
        match answer.status {
            200..300 => Some(answer),
            503 => {
                assert!(answer.retry_after, "{method} {path}: 503 without Retry-After: {answer:?}");
                None
            }
            502 | 504 => None,
            status => panic!("{method} {path}: {status} is no answer to a fault: {answer:?}"),
        }
    }

    /// Waits until something fails.
    pub(crate) async fn failing(&self) {
        let deadline = self.now() + MOST_RECOVERY;
        while self.events.borrow().iter().all(|event| event.is_success()) {
            assert!(self.now() < deadline, "nothing has failed after {MOST_RECOVERY:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until all kinds of requests succeed again after the fault was over.
    pub(crate) async fn recovered(&self, over: Duration) {
        let deadline = self.now() + MOST_RECOVERY;
        loop {
            let steady = {
                let events = self.events.borrow();
                let failed_lately =
                    events.iter().any(|event| !event.is_success() && event.at + STEADY > self.now());
                let succeeds = |kind| {
                    events.iter().any(|event| event.kind == kind && event.is_success() && event.at > over)
                };
                !failed_lately && KINDS.into_iter().all(succeeds)
            };
            if steady {
                return;
            }
            assert!(self.now() < deadline, "it has not recovered after {MOST_RECOVERY:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// What clients saw, as a row of the table.
    pub(crate) fn report(&self, name: &'static str, over: Duration) -> Row {
        let events = self.events.borrow();
        let cells = KINDS.map(|kind| {
            let mut cell = TableCell::default();
            let mut last = Duration::ZERO;
            for event in events.iter().filter(|event| event.kind == kind) {
                if event.is_success() {
                    cell.succeeded += 1;
                    cell.gap = cell.gap.max(event.at.saturating_sub(last));
                    last = event.at;
                } else {
                    *cell.failed.entry(event.status).or_default() += 1;
                }
            }
            cell
        });
        let first_success = |kind| {
            let after = events.iter().filter(|event| event.kind == kind && event.at > over);
            after.filter(|event| event.is_success()).map(|event| event.at).min()
        };
        let failures = events.iter().filter(|event| !event.is_success()).map(|event| event.at);
        let steady = KINDS.into_iter().filter_map(first_success).chain(failures).max();
        Row { name, cells, recovery: steady.unwrap_or(over).saturating_sub(over) }
    }

    /// Reads back everything that was acknowledged.
    ///
    /// # Panics
    /// Something of it is not there.
    pub(crate) async fn verify(&self) {
        for (id, title) in &*self.added.borrow() {
            let path = format!("/books/{id}");
            let book = self.api.send(Method::GET, &path, Some(&self.token), None).await.unwrap();
            assert_eq!(
                (book.status, &book.body["title"]),
                (200, &json!(title)),
                "an acknowledged book is lost"
            );
        }
        let (id, acknowledged, tried) = &self.changed;
        let path = format!("/books/{id}");
        let book = self.api.send(Method::GET, &path, Some(&self.token), None).await.unwrap();
        let change: u64 = book.body["title"].as_str().unwrap().rsplit(' ').next().unwrap().parse().unwrap();
        assert!(
            (acknowledged.get()..=tried.get()).contains(&change),
            "an acknowledged change is lost: {book:?}"
        );
        for session in &self.sessions {
            let token = session.borrow().clone();
            self.api.send(Method::POST, "/refresh", Some(&token), None).await.unwrap().tokens();
        }
    }
}

fn book(title: &str) -> Value {
    json!({"title": title, "author": "Load"})
}
