//! Tokens that were verified a moment ago, by the rules that keep them from being taken for more than that.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use shared::clock::Clock as _;
use shared::jwks::{KeySnapshot, LocalKeys, VerifyingKey};
use shared::testing::{FakeClock, TestKey, TokenBuilder};
use shared::token::{Claims, Rejection, TokenVerifier};

const ISSUER: &str = "https://id.example";

struct World {
    clock: Arc<FakeClock>,
    keys: Arc<LocalKeys>,
    verifier: TokenVerifier,
    key: TestKey,
}

impl World {
    fn new() -> Self {
        Self::with_room(100)
    }

    fn with_room(tokens: usize) -> Self {
        let (clock, key) = (Arc::new(FakeClock::default()), TestKey::a());
        let keys = Arc::new(LocalKeys::new(KeySnapshot::of([key.verifying_key()])));
        let builder = TokenVerifier::builder(ISSUER, "books", keys.clone(), clock.clone());
        Self { verifier: builder.cache_tokens(tokens).build().unwrap(), clock, keys, key }
    }

    fn token(&self) -> TokenBuilder {
        TokenBuilder::new(ISSUER, "books", self.clock.now())
    }

    fn verify(&self, token: &str) -> Result<Arc<Claims>, Rejection> {
        self.verifier.verify_now(token).unwrap_or(Err(Rejection::UnknownKey))
    }

    /// hit, miss, stale, evicted
    fn counts(&self) -> [u64; 4] {
        let mut registry = Registry::default();
        self.verifier.register(&mut registry);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        ["hit", "miss", "stale_generation", "evicted"].map(|name| {
            let line = text.lines().find_map(|line| line.strip_prefix(&format!("token_cache_{name}_total ")));
            line.unwrap().parse().unwrap()
        })
    }
}

#[test]
fn the_same_token_is_verified_once() {
    let world = World::new();
    let token = world.token().sign(&world.key);
    let first = world.verify(&token).unwrap();
    let second = world.verify(&token).unwrap();
    assert!(Arc::ptr_eq(&first, &second));
    assert_eq!(world.counts(), [1, 1, 0, 0]);
}

#[test]
fn any_other_token_is_another() {
    let world = World::new();
    let token = world.token().sign(&world.key);
    world.verify(&token).unwrap();
    for at in 0..token.len() {
        let other = if token.as_bytes()[at] == b'A' { "B" } else { "A" };
        let changed = format!("{}{other}{}", &token[..at], &token[at + 1..]);
        assert!(world.verify(&changed).is_err(), "character {at}");
    }
}

#[test]
fn what_was_refused_is_not_remembered() {
    let world = World::new();
    let early = world.token().claim("nbf", world.clock.now().seconds() + 60).sign(&world.key);
    assert_eq!(world.verify(&early).unwrap_err(), Rejection::NotYetValid);
    world.clock.advance(Duration::from_secs(60));
    assert!(world.verify(&early).is_ok());
}

#[test]
fn another_verifier_does_not_know_it() {
    let world = World::new();
    let token = world.token().sign(&world.key);
    world.verify(&token).unwrap();
    let other = TokenVerifier::builder(ISSUER, "shelves", world.keys, world.clock);
    let other = other.cache_tokens(100).build().unwrap();
    assert_eq!(other.verify_now(&token).unwrap().unwrap_err(), Rejection::Audience);
}

#[test]
fn it_ends_with_its_key() {
    let world = World::new();
    let token = world.token().sign(&world.key);
    world.verify(&token).unwrap();
    world.keys.replace(KeySnapshot::of([TestKey::b().verifying_key()]));
    assert_eq!(world.verify(&token).unwrap_err(), Rejection::UnknownKey);
    // Another key under the old name is another key.
    let components = (TestKey::b().modulus(), [1, 0, 1]);
    let impostor =
        VerifyingKey::from_components(world.key.kid().to_owned(), &components.0, &components.1).unwrap();
    world.keys.replace(KeySnapshot::of([impostor]));
    assert_eq!(world.verify(&token).unwrap_err(), Rejection::Signature);
    world.keys.replace(KeySnapshot::of([world.key.verifying_key()]));
    world.verify(&token).unwrap();
    world.keys.replace(KeySnapshot::of([world.key.verifying_key(), TestKey::b().verifying_key()]));
    world.verify(&token).unwrap();
    assert_eq!(world.counts(), [1, 3, 1, 0], "the same key in a newer set is a hit");
}

#[test]
fn it_ends_with_its_time_and_after_five_minutes() {
    let world = World::new();
    let now = world.clock.now().seconds();
    let short = world.token().claim("exp", now + 60).sign(&world.key);
    let long = world.token().claim("exp", now + 900).sign(&world.key);
    for token in [&short, &long] {
        world.verify(token).unwrap();
    }
    world.clock.advance(Duration::from_secs(89));
    world.verify(&short).unwrap();
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.verify(&short).unwrap_err(), Rejection::Expired);
    world.clock.advance(Duration::from_secs(209));
    world.verify(&long).unwrap();
    assert_eq!(world.counts(), [2, 3, 0, 0]);
    world.clock.advance(Duration::from_secs(1));
    world.verify(&long).unwrap();
    assert_eq!(world.counts(), [2, 4, 0, 0], "verified again after five minutes");
}

#[test]
fn a_clock_that_is_set_back_makes_it_count_for_nothing() {
    let world = World::new();
    let token = world.token().sign(&world.key);
    world.verify(&token).unwrap();
    world.clock.set_back(Duration::from_secs(3600));
    assert_eq!(world.verify(&token).unwrap_err(), Rejection::NotYetValid);
}

#[test]
fn long_tokens_are_verified_each_time_and_room_is_bounded() {
    let world = World::with_room(32);
    let long = world.token().claim("padding", "x".repeat(4096)).sign(&world.key);
    for _ in 0..2 {
        world.verify(&long).unwrap();
    }
    assert_eq!(world.counts(), [0, 0, 0, 0]);
    for number in 0..200 {
        world.verify(&world.token().claim("jti", number.to_string()).sign(&world.key)).unwrap();
    }
    let [_, misses, _, evicted] = world.counts();
    assert_eq!(misses, 200);
    assert!(evicted >= 200 - 64, "{evicted}");
}

#[test]
fn everything_that_is_wrong_can_be_explained() {
    let world = World::new();
    let token = world.token().claim("aud", "shelves").claim("exp", 1).header("kid", world.key.kid());
    assert_eq!(
        world.verifier.explain(&token.sign(&TestKey::b())),
        [Rejection::Signature, Rejection::Audience, Rejection::Expired]
    );
    assert_eq!(world.verifier.explain("x"), [Rejection::Malformed]);
    assert_eq!(world.verifier.explain(&world.token().sign(&world.key)), []);
}
