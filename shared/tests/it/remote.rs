use std::sync::Arc;
use std::time::Duration;

use shared::jwks::{HttpTransport, KeySource as _, Lookup, RemoteJwks, RemoteJwksSettings, State};
use shared::random::SystemRandom;
use shared::testing::{FakeClock, Fault, MockIssuer, TestKey};

struct World {
    issuer: MockIssuer,
    clock: Arc<FakeClock>,
    jwks: RemoteJwks,
}

impl World {
    async fn new(issuer: MockIssuer) -> Self {
        let settings = RemoteJwksSettings {
            wait_for_keys: Duration::from_millis(500),
            ..RemoteJwksSettings::new(issuer.issuer().clone())
        };
        let clock = Arc::new(FakeClock::default());
        let transport = Arc::new(HttpTransport::new().unwrap());
        let random = Arc::new(SystemRandom::new());
        let jwks = RemoteJwks::start(settings, transport, clock.clone(), random).unwrap();
        Self { issuer, clock, jwks }
    }

    async fn loaded() -> (Self, TestKey) {
        let key = TestKey::a();
        let world = Self::new(MockIssuer::with_key(&key).await).await;
        assert!(matches!(world.jwks.refresh(key.kid()).await, Lookup::Found(_)));
        (world, key)
    }
}

#[tokio::test]
async fn keys_come_by_discovery_and_in_the_background() {
    let (world, key) = World::loaded().await;
    assert!(world.jwks.is_loaded());
    assert_eq!(world.jwks.status().state, State::Fresh);
    assert!(matches!(world.jwks.lookup(key.kid()), Lookup::Found(_)));
    assert!(matches!(world.jwks.lookup("other"), Lookup::Unknown));
    assert_eq!(world.issuer.fetches(), 1);
}

#[tokio::test]
async fn a_new_key_is_found_at_once_and_guesses_are_cheap() {
    let (world, _) = World::loaded().await;
    let new = TestKey::b();
    world.issuer.publish(vec![new.jwk()]);
    let (one, two) = tokio::join!(world.jwks.refresh(new.kid()), world.jwks.refresh(new.kid()));
    assert!(matches!((one, two), (Lookup::Found(_), Lookup::Found(_))));
    assert_eq!(world.issuer.fetches(), 2, "one fetch for all who ask at a time");
    for guess in 0..1000 {
        assert!(matches!(world.jwks.refresh(&format!("guess-{guess}")).await, Lookup::Unknown));
    }
    assert_eq!(world.issuer.fetches(), 2, "no further fetch within the cooldown");
    assert_eq!(world.jwks.status().suppressed, 1000);
}

#[tokio::test]
async fn an_unchanged_set_is_not_sent_again() {
    let (world, key) = World::loaded().await;
    assert!(matches!(world.jwks.refresh("unknown").await, Lookup::Unknown));
    assert_eq!((world.issuer.fetches(), world.issuer.not_modified()), (2, 1));
    assert!(matches!(world.jwks.lookup(key.kid()), Lookup::Found(_)));
}

#[tokio::test]
async fn a_failing_issuer_costs_no_known_key() {
    for fault in [
        Fault::Status(500),
        Fault::Garbage("<html>".to_owned()),
        Fault::Garbage(r#"{"keys":[]}"#.to_owned()),
        Fault::Garbage(" ".repeat(70_000)),
        Fault::Redirect("http://127.0.0.1:9/keys".to_owned()),
        Fault::Hang,
    ] {
        let (world, key) = World::loaded().await;
        world.issuer.fail(fault.clone());
        let unknown = world.jwks.refresh("unknown").await;
        assert!(matches!(unknown, Lookup::Unavailable { .. }), "{fault:?}: we cannot know");
        assert!(matches!(world.jwks.lookup(key.kid()), Lookup::Found(_)), "{fault:?}");
    }
}

#[tokio::test]
async fn keys_expire_when_the_issuer_is_away_for_too_long() {
    let (world, key) = World::loaded().await;
    world.issuer.fail(Fault::Status(503));
    world.clock.advance(Duration::from_secs(3900 - 1));
    assert_eq!(world.jwks.status().state, State::Stale);
    assert!(matches!(world.jwks.lookup(key.kid()), Lookup::Found(_)));
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.jwks.status().state, State::Expired);
    assert!(matches!(world.jwks.lookup(key.kid()), Lookup::Unavailable { .. }));
    assert!(world.jwks.is_loaded(), "readiness stays");

    world.issuer.fail(None);
    let recovered = tokio::time::timeout(Duration::from_secs(5), async {
        while matches!(world.jwks.lookup(key.kid()), Lookup::Unavailable { .. }) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    recovered.await.expect("whoever asks wakes the task, which would have slept for minutes");
}

#[tokio::test]
async fn without_an_issuer_it_says_so_and_recovers_by_itself() {
    let key = TestKey::a();
    let world = World::new(MockIssuer::start(vec![]).await).await;
    assert!(matches!(world.jwks.refresh(key.kid()).await, Lookup::Unavailable { .. }));
    assert!(!world.jwks.is_loaded());
    world.issuer.publish(vec![key.jwk()]);
    let found = tokio::time::timeout(Duration::from_secs(20), async {
        while !matches!(world.jwks.refresh(key.kid()).await, Lookup::Found(_)) {}
    });
    found.await.expect("recovers within the pauses of an empty cache");
}
