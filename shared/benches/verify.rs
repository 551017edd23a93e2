//! What one token costs: `cargo bench -p shared`. The table of docs/performance.md comes from here.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on shall say where")]

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use divan::{Bencher, black_box};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use shared::clock::Timestamp;
use shared::jwks::{KeySnapshot, LocalKeys};
use shared::testing::{FakeClock, TestKey, TokenBuilder, forge};
use shared::token::TokenVerifier;

fn main() {
    divan::main();
}

const NOW: Timestamp = Timestamp::from_seconds(1_767_225_600);

fn builder() -> TokenBuilder {
    TokenBuilder::new("https://id.example", "books", NOW)
        .scope("books:read books:write")
        .claim("sid", "01890000-0000-7000-8000-000000000001")
        .claim("auth_time", NOW.seconds())
}

fn verifier(cached: usize) -> TokenVerifier {
    let keys = Arc::new(LocalKeys::new(KeySnapshot::of([TestKey::a().verifying_key()])));
    let builder = TokenVerifier::builder("https://id.example", "books", keys, Arc::new(FakeClock::at(NOW)));
    builder.cache_tokens(cached).build().unwrap()
}

/// The signature alone, of the same bytes: what no verifier on ring can be faster than.
#[divan::bench]
fn bare_ring(bencher: Bencher<'_, '_>) {
    let token = builder().sign(&TestKey::a());
    let (input, signature) = token.rsplit_once('.').unwrap();
    let (n, signature) = (TestKey::a().modulus(), URL_SAFE_NO_PAD.decode(signature).unwrap());
    let key = RsaPublicKeyComponents { n: &n[..], e: &[1, 0, 1][..] };
    bencher.bench(|| {
        key.verify(&RSA_PKCS1_2048_8192_SHA256, black_box(input.as_bytes()), black_box(&signature)).unwrap();
    });
}

/// A token whose key is known.
#[divan::bench]
fn known_key(bencher: Bencher<'_, '_>) {
    let (verifier, token) = (verifier(0), builder().sign(&TestKey::a()));
    bencher.bench(|| verifier.verify_now(black_box(&token)).unwrap().unwrap());
}

/// The same of four kilobytes.
#[divan::bench]
fn known_key_4_kib(bencher: Bencher<'_, '_>) {
    let token = builder().claim("groups", vec!["a group of some length"; 100]).sign(&TestKey::a());
    let verifier = verifier(0);
    bencher.bench(|| verifier.verify_now(black_box(&token)).unwrap().unwrap());
}

/// A token that was verified a moment ago.
#[divan::bench]
fn remembered(bencher: Bencher<'_, '_>) {
    let (verifier, token) = (verifier(10_000), builder().sign(&TestKey::a()));
    verifier.verify_now(&token).unwrap().unwrap();
    bencher.bench(|| verifier.verify_now(black_box(&token)).unwrap().unwrap());
}

/// A new token each time, with the cache on: what the cache costs where it does not help.
#[divan::bench]
fn not_remembered(bencher: Bencher<'_, '_>) {
    let verifier = verifier(10_000);
    let tokens: Vec<_> =
        (0..2_000).map(|number| builder().claim("jti", number.to_string()).sign(&TestKey::a())).collect();
    let mut next = tokens.iter().cycle();
    bencher
        .counter(divan::counter::ItemsCount::new(1_u32))
        .bench_local(|| verifier.verify_now(black_box(next.next().unwrap())).unwrap().unwrap());
}

/// What is refused before any key is looked up.
#[divan::bench(args = [
    "empty", "no_parts", "five_parts", "bad_alphabet", "alg_none", "hs256", "9_kib", "7900_dots", "deep_header", "long_name",
    "many_members", "long_kid",
])]
fn garbage(bencher: Bencher<'_, '_>, what: &str) {
    let (header, payload) = builder().parts(TestKey::a().kid());
    let token = match what {
        "empty" => String::new(),
        "no_parts" => "x".repeat(600),
        "five_parts" => format!("{}.eA.eA", builder().sign(&TestKey::a())),
        "bad_alphabet" => format!("{}+", builder().sign(&TestKey::a())),
        "alg_none" => forge::with_signature(r#"{"alg":"none","typ":"at+jwt"}"#, &payload, b""),
        "hs256" => forge::with_signature(&header.replace("RS256", "HS256"), &payload, &[7; 32]),
        "9_kib" => "x".repeat(9000),
        "deep_header" => {
            let nested = format!(r#"{{"a":{}{}}}"#, "[".repeat(2900), "]".repeat(2900));
            forge::with_signature(&nested, &payload, b"x")
        }
        "long_name" => forge::with_signature(&format!(r#"{{"{}":1}}"#, "n".repeat(5000)), &payload, b"x"),
        "many_members" => {
            let members: Vec<_> = (0..500).map(|number| format!(r#""{number}":0"#)).collect();
            forge::with_signature(&format!("{{{}}}", members.join(",")), &payload, b"x")
        }
        "long_kid" => {
            let (header, payload) = builder().header("kid", "k".repeat(5000)).parts("");
            forge::with_signature(&header, &payload, &[7; 256])
        }
        _ => ".".repeat(7900),
    };
    let verifier = verifier(0);
    bencher.bench(|| verifier.verify_now(black_box(&token)).unwrap().unwrap_err());
}

/// A genuine header around a signature that is none: the dearest of forgeries.
#[divan::bench]
fn bad_signature(bencher: Bencher<'_, '_>) {
    let (header, payload) = builder().parts(TestKey::a().kid());
    let token = forge::with_signature(&header, &payload, &[7; 256]);
    let verifier = verifier(0);
    bencher.bench(|| verifier.verify_now(black_box(&token)).unwrap().unwrap_err());
}
