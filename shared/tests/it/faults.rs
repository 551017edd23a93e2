//! What an issuer can do to the services that trust it, in virtual time: an hour of it takes a moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use shared::clock::Clock as _;
use shared::jwks::{
    FetchError, Fetched, KeySource as _, Lookup, RemoteJwks, RemoteJwksSettings, State, Transport,
};
use shared::random::SystemRandom;
use shared::testing::{FakeClock, Fault, MockIssuer, TestKey, TokenBuilder};
use shared::token::{Rejection, TokenVerifier};
use tokio::time::{Instant, sleep};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

struct World {
    issuer: MockIssuer,
    clock: Arc<FakeClock>,
    jwks: Arc<RemoteJwks>,
    verifier: Arc<TokenVerifier>,
}

impl World {
    fn start(issuer: MockIssuer) -> Self {
        Self::with(issuer, |_| {})
    }

    fn with(issuer: MockIssuer, change: impl FnOnce(&mut RemoteJwksSettings)) -> Self {
        let clock = Arc::new(FakeClock::running());
        let mut settings = RemoteJwksSettings::new(issuer.issuer().clone());
        change(&mut settings);
        let random = Arc::new(SystemRandom::new());
        let jwks = RemoteJwks::start(settings, issuer.transport(), clock.clone(), random).unwrap();
        let jwks = Arc::new(jwks);
        let verifier = TokenVerifier::builder(issuer.issuer().as_str(), "books", jwks.clone(), clock.clone());
        let verifier = Arc::new(verifier.cache_tokens(1_000).build().unwrap());
        Self { issuer, clock, jwks, verifier }
    }

    async fn loaded() -> Self {
        let world = Self::start(MockIssuer::in_memory(vec![TestKey::a().jwk()]));
        world.jwks.loaded().await;
        world
    }

    fn token(&self, key: &TestKey) -> String {
        TokenBuilder::new(self.issuer.issuer().as_str(), "books", self.clock.now()).sign(key)
    }

    fn with_kid(&self, kid: &str) -> String {
        let builder = TokenBuilder::new(self.issuer.issuer().as_str(), "books", self.clock.now());
        let (header, payload) = builder.parts(kid);
        shared::testing::forge::with_signature(&header, &payload, &[7; 256])
    }

    /// The verdict on a new token of this key, without waiting for anything.
    fn at_once(&self, key: &TestKey) -> Result<(), Rejection> {
        self.verifier.verify_now(&self.token(key)).unwrap_or(Err(Rejection::UnknownKey)).map(drop)
    }

    async fn verify(&self, key: &TestKey) -> Result<(), Rejection> {
        self.verifier.verify(&self.token(key)).await.map(drop)
    }
}

fn is_unavailable(verdict: &Result<(), Rejection>) -> bool {
    matches!(verdict, Err(Rejection::KeysUnavailable { .. }))
}

#[tokio::test(start_paused = true)]
async fn a_rotation_that_announces_its_key_costs_no_request() {
    let world = World::loaded().await;
    let (old, new) = (TestKey::a(), TestKey::b());
    for second in 0..1800 {
        match second {
            600 => world.issuer.announce(&new),
            // Announced for as long as anybody may keep the set; then it signs.
            900 => {}
            1500 => world.issuer.retire(old.kid()),
            _ => {}
        }
        let signing = if second < 900 { &old } else { &new };
        assert_eq!(world.at_once(signing), Ok(()), "second {second}");
        sleep(SECOND).await;
    }
    assert_eq!(world.at_once(&old), Err(Rejection::UnknownKey));
    assert!(world.issuer.fetches() < 12, "{} in half an hour", world.issuer.fetches());
}

#[tokio::test(start_paused = true)]
async fn a_key_that_signs_unannounced_is_found_by_the_first_request() {
    let world = World::loaded().await;
    world.issuer.announce(&TestKey::b());
    assert_eq!(world.verify(&TestKey::b()).await, Ok(()));
    world.issuer.announce(&TestKey::c());
    assert_eq!(world.verify(&TestKey::c()).await, Err(Rejection::UnknownKey), "within the cooldown");
    sleep(10 * SECOND).await;
    assert_eq!(world.verify(&TestKey::c()).await, Ok(()), "at worst after one cooldown");
}

#[tokio::test(start_paused = true)]
async fn a_hanging_refresh_makes_nobody_wait() {
    let world = World::loaded().await;
    world.issuer.fail(Fault::Hang);
    for second in 0..600 {
        assert_eq!(world.at_once(&TestKey::a()), Ok(()), "second {second}");
        sleep(SECOND).await;
    }
    assert_eq!(world.jwks.status().state, State::Stale);
    assert!(world.jwks.status().failures > 3);
    assert!(world.jwks.last_error().is_some());
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_half_an_hour_costs_no_request() {
    for fault in [Fault::Refuse, Fault::Status(500), Fault::Empty, Fault::Garbage("<html>".to_owned())] {
        let world = World::loaded().await;
        world.issuer.fail(fault.clone());
        let before = world.issuer.fetches();
        for second in 0..1800 {
            assert_eq!(world.at_once(&TestKey::a()), Ok(()), "second {second} of {fault:?}");
            sleep(SECOND).await;
        }
        // Three tries when the set is due, then one every half a minute or so.
        let asked = world.issuer.fetches() - before;
        assert!((20..150).contains(&asked), "{asked} fetches of {fault:?}");
        world.issuer.fail(None);
        sleep(61 * SECOND).await;
        assert_eq!(world.jwks.status().state, State::Fresh, "recovers by itself");
        assert!(world.jwks.last_error().is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_beyond_the_bound_is_503_and_ends_with_it() {
    let world = World::loaded().await;
    world.issuer.fail(Fault::Refuse);
    sleep(65 * MINUTE).await;
    let verdict = world.at_once(&TestKey::a());
    assert!(is_unavailable(&verdict), "{verdict:?}");
    assert!(is_unavailable(&world.verify(&TestKey::b()).await), "an unknown key as well");
    assert!(world.jwks.is_loaded(), "readiness stays");
    assert_eq!(world.jwks.status().state, State::Expired);
    world.issuer.fail(None);
    sleep(61 * SECOND).await;
    assert_eq!(world.at_once(&TestKey::a()), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_remembered_token_is_not_taken_once_keys_have_expired() {
    let world = World::loaded().await;
    let now = world.clock.now().seconds();
    let builder = TokenBuilder::new(world.issuer.issuer().as_str(), "books", world.clock.now());
    let token = builder.claim("exp", now + 100_000).sign(&TestKey::a());
    world.issuer.fail(Fault::Refuse);
    sleep(64 * MINUTE).await;
    world.verifier.verify(&token).await.unwrap();
    sleep(MINUTE).await;
    let verdict = world.verifier.verify(&token).await.map(drop);
    assert!(is_unavailable(&verdict), "{verdict:?}");
}

#[tokio::test(start_paused = true)]
async fn without_an_issuer_requests_wait_two_seconds_and_it_recovers() {
    let issuer = MockIssuer::in_memory(vec![TestKey::a().jwk()]);
    issuer.fail(Fault::Refuse);
    let world = World::start(issuer);
    let started = Instant::now();
    assert!(is_unavailable(&world.verify(&TestKey::a()).await));
    assert!(started.elapsed() <= 2 * SECOND, "{:?}", started.elapsed());
    sleep(10 * MINUTE).await;
    assert!(is_unavailable(&world.verify(&TestKey::a()).await));
    assert!(world.issuer.fetches() > 100, "goes on trying, a few seconds apart");
    world.issuer.fail(None);
    sleep(6 * SECOND).await;
    assert_eq!(world.at_once(&TestKey::a()), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_made_up_kids_are_four_fetches_and_hurt_nobody() {
    for fault in [None, Some(Fault::Status(500)), Some(Fault::Hang), Some(Fault::Empty)] {
        let world = Arc::new(World::loaded().await);
        world.issuer.fail(fault.clone());
        let before = world.issuer.fetches();
        let connections: Vec<_> = (0..64)
            .map(|connection| {
                let world = Arc::clone(&world);
                tokio::spawn(async move {
                    for request in 0..157 {
                        let token = world.with_kid(&format!("made-up-{connection}-{request}"));
                        let verdict = world.verifier.verify(&token).await.map(drop);
                        assert!(
                            verdict == Err(Rejection::UnknownKey) || is_unavailable(&verdict),
                            "{verdict:?}"
                        );
                        sleep(Duration::from_millis(150)).await;
                    }
                })
            })
            .collect();
        for _ in 0..300 {
            assert_eq!(world.at_once(&TestKey::a()), Ok(()), "issuer {fault:?}");
            sleep(Duration::from_millis(100)).await;
        }
        let asked = world.issuer.fetches() - before;
        assert!((1..=4).contains(&asked), "{asked} fetches, issuer {fault:?}");
        for connection in connections {
            connection.abort();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_than_256_wait_and_the_rest_is_sent_away_at_once() {
    let world = Arc::new(World::loaded().await);
    world.issuer.fail(Fault::Hang);
    let verdicts: Vec<_> = (0..300)
        .map(|number| {
            let world = Arc::clone(&world);
            tokio::spawn(async move {
                let started = Instant::now();
                let verdict = world.verifier.verify(&world.with_kid(&number.to_string())).await.map(drop);
                (is_unavailable(&verdict), started.elapsed())
            })
        })
        .collect();
    let mut waited = 0;
    for verdict in verdicts {
        let (unavailable, elapsed) = verdict.await.unwrap();
        assert!(unavailable);
        waited += usize::from(elapsed >= 2 * SECOND);
    }
    assert_eq!(waited, 256);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_was_looked_for_does_not_wait_again() {
    let world = Arc::new(World::loaded().await);
    let token = world.with_kid("made-up");
    assert_eq!(world.verifier.verify(&token).await.map(drop), Err(Rejection::UnknownKey));
    sleep(11 * SECOND).await;
    world.issuer.fail(Fault::Hang);
    let other = {
        let world = Arc::clone(&world);
        tokio::spawn(async move { world.verifier.verify(&world.with_kid("another")).await.map(drop) })
    };
    sleep(Duration::from_millis(10)).await;
    let started = Instant::now();
    assert_eq!(world.verifier.verify(&token).await.map(drop), Err(Rejection::UnknownKey));
    assert_eq!(started.elapsed(), Duration::ZERO);
    assert!(is_unavailable(&other.await.unwrap()));
}

#[tokio::test(start_paused = true)]
async fn poisoned_sets_change_nothing_and_are_told_apart() {
    let forger = TestKey::b();
    let many: Vec<_> = (0..65).map(|number| serde_json::json!({"kty": "RSA", "kid": number})).collect();
    for (fault, class) in [
        (Fault::Empty, "no_usable_key"),
        (Fault::Garbage("{".to_owned()), "not_a_set"),
        (Fault::Garbage(serde_json::json!({"keys": many}).to_string()), "too_many_entries"),
        (Fault::Huge, "too_large"),
        (Fault::Redirect("https://evil.test/keys".to_owned()), "status"),
        (Fault::Slow, "no_answer"),
        (Fault::Refuse, "no_answer"),
    ] {
        let world = World::loaded().await;
        let before = world.jwks.snapshot().unwrap();
        world.issuer.fail(fault.clone());
        assert!(is_unavailable(&world.verify(&forger).await), "{fault:?}: we cannot know");
        sleep(4 * SECOND).await;
        assert_eq!(world.jwks.last_error().unwrap().class(), class, "{fault:?}");
        assert!(Arc::ptr_eq(&before, &world.jwks.snapshot().unwrap()), "{fault:?}");
        assert_eq!(world.at_once(&TestKey::a()), Ok(()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_hundred_replicas_do_not_march_in_step() {
    let issuer = MockIssuer::in_memory(vec![TestKey::a().jwk()]);
    let replicas: Vec<_> = (0..100).map(|_| World::start(issuer.clone())).collect();
    for replica in &replicas {
        replica.jwks.loaded().await;
    }
    assert_eq!(issuer.fetches(), 100);
    // Due from 70 % to 80 % of five minutes on.
    sleep(209 * SECOND).await;
    assert_eq!(issuer.fetches(), 100, "nobody is early");
    let mut busiest = 0;
    for _ in 0..32 {
        let before = issuer.fetches();
        sleep(SECOND).await;
        busiest = busiest.max(issuer.fetches() - before);
    }
    assert_eq!(issuer.fetches(), 200, "each asked once");
    assert!(busiest <= 20, "{busiest} in one second");
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_task_is_survived_and_counted() {
    let world = World::loaded().await;
    world.issuer.fail(Fault::Panic);
    assert!(is_unavailable(&world.verify(&TestKey::b()).await));
    assert_eq!(world.jwks.status().task_restarts, 1);
    assert_eq!(world.at_once(&TestKey::a()), Ok(()));
    world.issuer.fail(None);
    world.issuer.announce(&TestKey::b());
    sleep(5 * MINUTE).await;
    assert_eq!(world.at_once(&TestKey::b()), Ok(()), "fetches again");
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_slept_asks_before_it_trusts() {
    let world = World::loaded().await;
    world.clock.advance(2 * 60 * MINUTE);
    let token = world.token(&TestKey::a());
    let verdict = world.verifier.verify(&token).await.map(drop);
    assert!(is_unavailable(&verdict), "{verdict:?}");
    world.jwks.next_refresh().await;
    assert_eq!(world.verifier.verify(&token).await.map(drop), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn without_a_schedule_the_first_request_after_the_time_asks() {
    let issuer = MockIssuer::in_memory(vec![TestKey::a().jwk()]);
    let world = World::with(issuer, |settings| settings.scheduled = false);
    world.jwks.loaded().await;
    sleep(30 * MINUTE).await;
    assert_eq!(world.issuer.fetches(), 1, "asleep like the rest of the process");
    assert_eq!(world.at_once(&TestKey::a()), Ok(()), "the request does not wait for it");
    world.jwks.next_refresh().await;
    assert_eq!((world.issuer.fetches(), world.jwks.status().state), (2, State::Fresh));
}

#[tokio::test(start_paused = true)]
async fn the_issuers_headers_set_the_pace_within_bounds() {
    for (max_age, least, most) in
        [("max-age=1", 42, 48), ("max-age=600", 420, 480), ("max-age=86400", 2520, 2880)]
    {
        let issuer = MockIssuer::in_memory(vec![TestKey::a().jwk()]);
        issuer.cache_control(max_age);
        let world = World::start(issuer);
        world.jwks.loaded().await;
        let started = Instant::now();
        world.jwks.next_refresh().await;
        let took = started.elapsed().as_secs();
        assert!((least..=most).contains(&took), "{max_age}: {took} s");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unchanged_set_is_not_parsed_again() {
    let world = World::loaded().await;
    let before = world.jwks.snapshot().unwrap();
    sleep(20 * MINUTE).await;
    assert!(world.issuer.not_modified() >= 4);
    assert!(Arc::ptr_eq(&before, &world.jwks.snapshot().unwrap()));
    world.issuer.etags(false);
    sleep(5 * MINUTE).await;
    assert!(!Arc::ptr_eq(&before, &world.jwks.snapshot().unwrap()));
}

/// Notes when the fetch that is under way is dropped.
struct Hanging(Arc<AtomicBool>);

impl Transport for Hanging {
    fn get<'a>(
        &'a self,
        _: &'a url::Url,
        _: http::HeaderMap,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<Fetched, FetchError>> + Send + 'a>> {
        struct Dropped(Arc<AtomicBool>);
        impl Drop for Dropped {
            fn drop(&mut self) {
                self.0.store(true, Ordering::SeqCst);
            }
        }
        let dropped = Dropped(Arc::clone(&self.0));
        Box::pin(async move {
            let _dropped = dropped;
            std::future::pending().await
        })
    }
}

#[tokio::test(start_paused = true)]
async fn the_task_ends_with_its_handle_and_its_fetch_with_it() {
    let dropped = Arc::new(AtomicBool::new(false));
    let settings = RemoteJwksSettings::new("https://issuer.test".parse().unwrap());
    let transport = Arc::new(Hanging(Arc::clone(&dropped)));
    let clock = Arc::new(FakeClock::running());
    let jwks = RemoteJwks::start(settings, transport, clock, Arc::new(SystemRandom::new())).unwrap();
    sleep(SECOND).await;
    assert!(matches!(jwks.lookup("a"), Lookup::Unknown));
    assert!(!dropped.load(Ordering::SeqCst));
    drop(jwks);
    sleep(SECOND).await;
    assert!(dropped.load(Ordering::SeqCst));
}
