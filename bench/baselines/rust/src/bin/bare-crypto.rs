//! What one core can do at best: RSA-2048 signatures by aws-lc-rs, and Argon2id in memory that is used again. Prints both
//! per second.

use std::hint::black_box;
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};

const LONG_ENOUGH: Duration = Duration::from_secs(2);

fn main() {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
    let (message, random) = ([7; 700], SystemRandom::new());
    let mut signature = vec![0; pair.public_modulus_len()];
    let signatures = per_second(|| {
        pair.sign(&RSA_PKCS1_SHA256, &random, black_box(&message), &mut signature).expect("a signature");
    });

    let params = Params::new(19_456, 2, 1, None).expect("costs");
    let mut memory = vec![Block::new(); params.block_count()];
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut output = [0; 32];
    let hashes = per_second(|| {
        argon
            .hash_password_into_with_memory(
                black_box(b"correct horse battery staple"),
                &[7; 16],
                &mut output,
                &mut memory,
            )
            .expect("a hash");
    });
    println!("{{\"signatures\": {signatures:.1}, \"hashes\": {hashes:.2}}}");
}

fn per_second(mut work: impl FnMut()) -> f64 {
    let (began, mut count) = (Instant::now(), 0_u32);
    while began.elapsed() < LONG_ENOUGH {
        work();
        count += 1;
    }
    f64::from(count) / began.elapsed().as_secs_f64()
}
