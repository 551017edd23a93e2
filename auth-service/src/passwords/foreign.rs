//! Password hashes that accounts bring from other systems. They are checked once: the login that finds one right
//! replaces it by one of ours.

use std::num::NonZeroU32;

use argon2::password_hash::phc::Output;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use ring::pbkdf2;

use super::stored::Unusable;

/// Some seconds of one core, as with the bounds below: above what anybody uses, below what hurts.
const MOST_BCRYPT_COST: u32 = 15;
const MOST_ITERATIONS: u32 = 5_000_000;
const MOST_SCRYPT_BYTES: u64 = 256 * 1024 * 1024;
const MOST_SCRYPT_LANES: u32 = 16;
/// All lanes together, which are computed one after the other.
const MOST_SCRYPT_WORK: u64 = 4 * MOST_SCRYPT_BYTES;
/// Shorter outputs could be met by chance, longer ones are nobody's.
const OUTPUT: std::ops::RangeInclusive<usize> = 16..=64;

/// A hash of another kind than ours, its costs within bounds.
pub(super) enum ForeignHash {
    /// Looks at 72 bytes of a password: so did the system that it comes from, and until the next login it cannot be helped.
    Bcrypt(String),
    Pbkdf2 {
        algorithm: pbkdf2::Algorithm,
        iterations: NonZeroU32,
        salt: Vec<u8>,
        expected: Vec<u8>,
    },
    Scrypt {
        params: scrypt::Params,
        salt: Vec<u8>,
        expected: Vec<u8>,
    },
}

impl ForeignHash {
    /// Reads the forms that these hashes are written in:
    ///
    /// | kind | form |
    /// |---|---|
    /// | bcrypt | `$2b$12$…` |
    /// | PBKDF2 | PHC `$pbkdf2-sha256$i=600000,l=32$salt$hash`, passlib `$pbkdf2-sha256$600000$salt$hash`, Django `pbkdf2_sha256$600000$salt$hash`, Werkzeug `pbkdf2:sha256:600000$salt$hex` |
    /// | scrypt | PHC and passlib `$scrypt$ln=16,r=8,p=1$salt$hash`, Werkzeug `scrypt:32768:8:1$salt$hex` |
    pub(super) fn parse(text: &str) -> Result<Self, Unusable> {
        let parts: Vec<&str> = text.split('$').collect();
        match parts.as_slice() {
            ["", "2a" | "2b" | "2y", cost, hash] => Self::bcrypt(text, cost, hash),
            ["", "scrypt", costs, salt, hash] => {
                let (ln, r, p) = (cost(costs, "ln")?, cost(costs, "r")?, cost(costs, "p")?);
                Self::scrypt(ln, r, p, base64(salt)?, base64(hash)?)
            }
            ["", kind, costs, salt, hash] => {
                let digest = kind.strip_prefix("pbkdf2").ok_or(Unusable)?;
                let iterations = cost(costs, "i").or_else(|_| costs.parse().map_err(|_| Unusable))?;
                Self::pbkdf2(digest.trim_start_matches('-'), iterations, base64(salt)?, base64(hash)?)
            }
            [kind, iterations, salt, hash] => {
                let digest = kind.strip_prefix("pbkdf2_").ok_or(Unusable)?;
                let iterations = iterations.parse().map_err(|_| Unusable)?;
                Self::pbkdf2(digest, iterations, salt.as_bytes().to_vec(), base64(hash)?)
            }
            [method, salt, hash] => Self::werkzeug(method, salt.as_bytes().to_vec(), hex(hash)?),
            _ => Err(Unusable),
        }
    }

    fn werkzeug(method: &str, salt: Vec<u8>, expected: Vec<u8>) -> Result<Self, Unusable> {
        let number = |text: &str| text.parse::<u32>().map_err(|_| Unusable);
        match method.split(':').collect::<Vec<_>>().as_slice() {
            ["pbkdf2", digest, iterations] => Self::pbkdf2(digest, number(iterations)?, salt, expected),
            ["scrypt", n, r, p] => {
                let n = number(n)?;
                if !n.is_power_of_two() {
                    return Err(Unusable);
                }
                Self::scrypt(n.trailing_zeros(), number(r)?, number(p)?, salt, expected)
            }
            _ => Err(Unusable),
        }
    }

    fn bcrypt(text: &str, cost: &str, hash: &str) -> Result<Self, Unusable> {
        let cost: u32 = cost.parse().map_err(|_| Unusable)?;
        let well_formed = text.parse::<bcrypt::HashParts>().is_ok() && hash.len() == 53;
        match (4..=MOST_BCRYPT_COST).contains(&cost) && well_formed {
            true => Ok(Self::Bcrypt(text.to_owned())),
            false => Err(Unusable),
        }
    }

    fn pbkdf2(digest: &str, iterations: u32, salt: Vec<u8>, expected: Vec<u8>) -> Result<Self, Unusable> {
        let (algorithm, block) = match digest {
            "" | "sha1" => (pbkdf2::PBKDF2_HMAC_SHA1, 20),
            "sha256" => (pbkdf2::PBKDF2_HMAC_SHA256, 32),
            "sha512" => (pbkdf2::PBKDF2_HMAC_SHA512, 64),
            _ => return Err(Unusable),
        };
        let iterations = NonZeroU32::new(iterations).filter(|iterations| iterations.get() <= MOST_ITERATIONS);
        match (iterations, OUTPUT.contains(&expected.len())) {
            (Some(iterations), true) => {
                // Each block of an output costs all iterations anew, and the first one proves as much as all of them: whoever
                // guesses computes no more. So the same iterations take as long, however long an output is.
                let expected = expected.into_iter().take(block).collect();
                Ok(Self::Pbkdf2 { algorithm, iterations, salt, expected })
            }
            _ => Err(Unusable),
        }
    }

    fn scrypt(ln: u32, r: u32, p: u32, salt: Vec<u8>, expected: Vec<u8>) -> Result<Self, Unusable> {
        let memory = 1_u64.checked_shl(ln).and_then(|n| n.checked_mul(128)?.checked_mul(u64::from(r)));
        let bearable = memory.is_some_and(|bytes| {
            let work = bytes.saturating_mul(u64::from(p));
            bytes <= MOST_SCRYPT_BYTES && p <= MOST_SCRYPT_LANES && work <= MOST_SCRYPT_WORK
        });
        if !bearable || ln == 0 || !OUTPUT.contains(&expected.len()) {
            return Err(Unusable);
        }
        let ln = u8::try_from(ln).map_err(|_| Unusable)?;
        let params = scrypt::Params::new(ln, r, p).map_err(|_| Unusable)?;
        Ok(Self::Scrypt { params, salt, expected })
    }

    pub(super) fn memory_kib(&self) -> u64 {
        match self {
            Self::Bcrypt(_) | Self::Pbkdf2 { .. } => 0,
            Self::Scrypt { params, .. } => ((128 * u64::from(params.r())) << params.log_n()) / 1024,
        }
    }

    pub(super) fn check(&self, password: &[u8]) -> Result<bool, Unusable> {
        match self {
            Self::Bcrypt(hash) => bcrypt::verify(password, hash).map_err(|_| Unusable),
            Self::Pbkdf2 { algorithm, iterations, salt, expected } => {
                Ok(pbkdf2::verify(*algorithm, *iterations, salt, password, expected).is_ok())
            }
            Self::Scrypt { params, salt, expected } => {
                let mut output = vec![0; expected.len()];
                scrypt::scrypt(password, salt, params, &mut output).map_err(|_| Unusable)?;
                // `Output` compares in constant time.
                let (computed, expected) = (Output::new(&output), Output::new(expected));
                Ok(computed.map_err(|_| Unusable)? == expected.map_err(|_| Unusable)?)
            }
        }
    }
}

/// The parameter `name` of `ln=16,r=8,p=1`.
fn cost(costs: &str, name: &str) -> Result<u32, Unusable> {
    let value = costs.split(',').find_map(|cost| cost.strip_prefix(name)?.strip_prefix('='));
    value.and_then(|value| value.parse().ok()).ok_or(Unusable)
}

/// Base64 with or without padding; passlib writes `.` for `+`.
fn base64(text: &str) -> Result<Vec<u8>, Unusable> {
    let text = text.replace('.', "+");
    STANDARD_NO_PAD.decode(&text).or_else(|_| STANDARD.decode(&text)).map_err(|_| Unusable)
}

fn hex(text: &str) -> Result<Vec<u8>, Unusable> {
    let pairs = text.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
    pairs.map(|pair| byte(pair).filter(|_| pair.len() == 2).ok_or(Unusable)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SHA-1 gives twenty bytes; Werkzeug and others ask for as many as they like.
    #[test]
    fn a_long_output_costs_no_more_than_a_short_one() {
        for (digest, algorithm, block) in [
            ("sha1", pbkdf2::PBKDF2_HMAC_SHA1, 20),
            ("sha256", pbkdf2::PBKDF2_HMAC_SHA256, 32),
            ("sha512", pbkdf2::PBKDF2_HMAC_SHA512, 64),
        ] {
            for length in [16, 20, 32, 64] {
                let (iterations, mut output) = (NonZeroU32::new(10).unwrap(), vec![0; length]);
                pbkdf2::derive(algorithm, iterations, b"salt", b"password", &mut output);
                let hex: String = output.iter().map(|byte| format!("{byte:02x}")).collect();
                let stored = ForeignHash::parse(&format!("pbkdf2:{digest}:10$salt${hex}")).unwrap();
                assert_eq!((stored.check(b"password"), stored.check(b"passwort")), (Ok(true), Ok(false)));
                let ForeignHash::Pbkdf2 { expected, .. } = stored else { panic!("{digest}") };
                assert_eq!(expected.len(), length.min(block), "{digest} {length}");
            }
        }
    }
}
