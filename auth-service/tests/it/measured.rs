//! What the release build takes in time and memory, as a process of its own:
//!
//! `cargo test --release -p auth-service --test it -- --ignored --nocapture`

use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use auth_service::accounts::store::{self, NewPassword};
use auth_service::accounts::{Role, Roles};
use secrecy::SecretString;
use shared::clock::{Clock, SystemClock};
use shared::random::{Random, SystemRandom};
use shared::testing::FakeClock;

use crate::process::{Server, answer, attempt, login, now};
use crate::world::{World, connect};

const SAMPLES: usize = 500;
/// Why a login is refused: of each there are [`SAMPLES`], and of each but the last that many accounts.
const CLASSES: [&str; 5] =
    ["wrong password", "disabled account", "bcrypt hash", "five failures an hour ago", "unknown name"];

/// What 200 logins at a time cost in memory, and what they do to everybody else.
#[test]
#[ignore = "measures the release build"]
fn two_hundred_logins_at_a_time_stay_within_bounds() {
    const LOGINS: usize = 200;
    let directory = tempfile::tempdir().unwrap();
    make_accounts(directory.path(), LOGINS, 1);
    let server = Server::start(directory.path());
    let before = server.peak();
    let (address, management) = (server.address, server.management);
    let probes =
        [(address, "/.well-known/jwks.json"), (management, "/health/ready")].map(|(address, path)| {
            let (stop, stopped) = channel::<()>();
            let probe = thread::spawn(move || {
                let mut times = Vec::new();
                while stopped.try_recv().is_err() && times.len() < 5000 {
                    let started = now();
                    let mut stream = TcpStream::connect(address).unwrap();
                    write!(stream, "GET {path} HTTP/1.1\r\nHost: auth\r\nConnection: close\r\n\r\n").unwrap();
                    assert_eq!(answer(stream).0, 200);
                    times.push(started.elapsed());
                    thread::sleep(Duration::from_millis(2));
                }
                times.sort();
                times
            });
            (path, stop, probe)
        });
    for round in 0..5 {
        let logins: Vec<_> = (0..LOGINS)
            .map(|number| {
                thread::spawn(move || {
                    let (head, body) = login(&format!("name{number}"));
                    let mut stream = TcpStream::connect(address).unwrap();
                    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
                    answer(stream).0
                })
            })
            .collect();
        let statuses: Vec<_> = logins.into_iter().map(|login| login.join().unwrap()).collect();
        assert!(statuses.iter().all(|status| matches!(status, 200 | 429 | 503)), "{statuses:?}");
        let count = |wanted| statuses.iter().filter(|status| **status == wanted).count();
        println!("round {round}: {} x 200, {} x 503, {} x 429", count(200), count(503), count(429));
    }
    for (path, stop, probe) in probes {
        stop.send(()).unwrap();
        let times = probe.join().unwrap();
        let at = |percent: usize| times[(times.len() - 1) * percent / 100];
        println!("{path}: {} probes, median {:?}, p99 {:?}, most {:?}", times.len(), at(50), at(99), at(100));
        assert!(at(99) < Duration::from_millis(50), "{path}");
    }
    let slots = thread::available_parallelism().unwrap().get() as u64;
    println!("memory: {before} KiB before, {} KiB at most; {slots} slots of 19456 KiB", server.peak());
    assert!(server.peak() < slots * 19456 + 40 * 1024);
}

/// Whether the time of a refusal says why it was refused.
#[test]
#[ignore = "measures the release build"]
fn refusals_take_equally_long() {
    const AT_A_TIME: usize = 8;
    let directory = tempfile::tempdir().unwrap();
    make_accounts(directory.path(), SAMPLES, CLASSES.len() - 1);
    let server = Server::start(directory.path());
    let address = server.address;
    let workers = (0..AT_A_TIME).map(|worker| {
        thread::spawn(move || {
            let mut times: [Vec<Duration>; CLASSES.len()] = Default::default();
            for sample in (worker..SAMPLES).step_by(AT_A_TIME) {
                for turn in 0..CLASSES.len() {
                    // None of them always comes behind the same other.
                    let class = (turn + sample / AT_A_TIME) % CLASSES.len();
                    // Each name once, each time from another network, so that no throttle has a say.
                    let number = class * SAMPLES + sample;
                    let (head, body) = attempt(&format!("name{number}"), "not the password");
                    let forwarded = format!("X-Forwarded-For: {}\r\n\r\n", network(number));
                    let head = head.replace("\r\n\r\n", &format!("\r\n{forwarded}"));
                    let mut stream = TcpStream::connect(address).unwrap();
                    let started = now();
                    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
                    assert_eq!(answer(stream).0, 401);
                    times[class].push(started.elapsed());
                }
            }
            times
        })
    });
    let mut times: [Vec<Duration>; CLASSES.len()] = Default::default();
    for worker in workers.collect::<Vec<_>>() {
        for (all, some) in times.iter_mut().zip(worker.join().unwrap()) {
            all.extend(some);
        }
    }
    for (class, times) in CLASSES.iter().zip(&mut times) {
        times.sort();
        let at = |percent: usize| times[(times.len() - 1) * percent / 100];
        println!("{class}: {} samples, p10 {:?}, median {:?}, p90 {:?}", times.len(), at(10), at(50), at(90));
    }
    let medians = times.each_ref().map(|times| times[times.len() / 2]);
    let spread = *medians.iter().max().unwrap() - *medians.iter().min().unwrap();
    let pairs = (1..CLASSES.len()).flat_map(|two| (0..two).map(move |one| (one, two)));
    let scores = pairs.map(|(one, two)| ((CLASSES[one], CLASSES[two]), rank_score(&times[one], &times[two])));
    let (pair, score) = scores.max_by(|(_, a), (_, b)| a.abs().total_cmp(&b.abs())).unwrap();
    println!("difference of medians: {spread:?}; the most that ranks differ: {score:.2} for {pair:?}");
    assert!(spread < Duration::from_micros(1250), "a twentieth of what a hash takes");
    // Of ten pairs that are alike, one reaches this by chance in a thousand runs.
    assert!(score.abs() < 3.9, "{pair:?} can be told apart");
}

/// The test of Mann and Whitney: by how many standard deviations more often a value of `one` is above one of `two` than
/// below, than it would be if both came from one source. Both are sorted.
fn rank_score(one: &[Duration], two: &[Duration]) -> f64 {
    let below = |value: &Duration| two.partition_point(|other| other < value) as f64;
    let not_above = |value: &Duration| two.partition_point(|other| other <= value) as f64;
    let wins: f64 = one.iter().map(|value| f64::midpoint(below(value), not_above(value))).sum();
    let (n, m) = (one.len() as f64, two.len() as f64);
    (wins - n * m / 2.0) / (n * m * (n + m + 1.0) / 12.0).sqrt()
}

#[test]
fn the_rank_test_tells_apart_what_is() {
    let times = |from: u64| (from..from + 1000).map(Duration::from_micros).collect::<Vec<_>>();
    assert!(rank_score(&times(0), &times(0)).abs() < 0.01);
    assert!((rank_score(&times(0), &times(1000)) + 38.72).abs() < 0.01);
    assert!(rank_score(&times(100), &times(0)) > 7.0 && rank_score(&times(20), &times(0)) < 3.0);
}

/// A network of its own for each number.
fn network(number: usize) -> String {
    format!("10.{}.{}.1", number / 256, number % 256)
}

/// So many accounts of each of the first [`CLASSES`], called `name0` and so on.
#[tokio::main(flavor = "current_thread")]
async fn make_accounts(directory: &Path, of_each: usize, classes: usize) {
    let url = SecretString::from(format!("sqlite://{}", directory.join("auth.db").display()));
    let world = World::on(connect(&url).await, &[]).await;
    world.account("first", Role::Reader).await;
    let hash = world.row("first").await.password_hash;
    let bcrypt = "$2b$04$jMaKg20qXajxUAV0C45Kt.Y6FUIFNoTW3x0Fatw9/25hPHXgVCEeG";
    let random: &dyn Random = &SystemRandom::new();
    let hour_ago = SystemClock.now() - Duration::from_secs(3600);
    let (database, throttle) = (world.database(), &world.service.app.throttle);
    for number in 0..of_each * classes {
        let class = number / of_each;
        let hash = if class == 2 { bcrypt.to_owned() } else { hash.clone() };
        let (id, name) = (random.uuid(), format!("name{number}"));
        let (password, roles) = (NewPassword::chosen(hash), Roles::new([Role::Reader]));
        let username = name.parse().unwrap();
        store::create(database, id, &username, password, &roles, hour_ago).await.unwrap();
        if class == 1 {
            store::disable(database, id, hour_ago).await.unwrap();
        }
        for _ in 0..if class == 3 { 5 } else { 0 } {
            let (subject, ip) = (throttle.subject(Some(id), &name), network(number).parse().unwrap());
            let clock: Arc<dyn Clock> = Arc::new(FakeClock::at(hour_ago));
            let attempt = throttle.admit(database, subject, ip, &clock).await.unwrap();
            attempt.failed().await.unwrap();
        }
    }
}
