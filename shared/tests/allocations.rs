//! What the token check allocates, in a binary of its own: the counting allocator is one for the whole process.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall say where")]

use std::sync::Arc;

use allocation_counter::measure;
use shared::clock::Timestamp;
use shared::jwks::{KeySnapshot, LocalKeys};
use shared::testing::{FakeClock, TestKey, TokenBuilder};
use shared::token::TokenVerifier;

fn verifier(cached: usize) -> (TokenVerifier, String) {
    let (clock, key) = (Arc::new(FakeClock::default()), TestKey::a());
    let token = TokenBuilder::new("https://id.example", "books", Timestamp::from_seconds(1_767_225_600));
    let keys = Arc::new(LocalKeys::new(KeySnapshot::of([key.verifying_key()])));
    let builder = TokenVerifier::builder("https://id.example", "books", keys, clock);
    (builder.cache_tokens(cached).build().unwrap(), token.scope("books:read books:write").sign(&key))
}

fn allocations(verifier: &TokenVerifier, token: &str) -> u64 {
    measure(|| drop(std::hint::black_box(verifier.verify_now(token)))).count_total
}

#[test]
fn a_remembered_token_costs_two_allocations_at_most() {
    let (verifier, token) = verifier(100);
    verifier.verify_now(&token).unwrap().unwrap();
    let count = allocations(&verifier, &token);
    assert!(count <= 2, "{count}");
}

#[test]
fn a_full_check_costs_what_its_claims_are_kept_in() {
    let (verifier, token) = verifier(0);
    verifier.verify_now(&token).unwrap().unwrap();
    let count = allocations(&verifier, &token);
    assert!(count <= 20, "{count}");
}

#[test]
fn garbage_costs_next_to_nothing() {
    let (verifier, _) = verifier(0);
    for garbage in ["", "x", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", &"x".repeat(9000)] {
        let count = allocations(&verifier, garbage);
        assert!(count <= 4, "{count} for {garbage:.30}");
    }
}
