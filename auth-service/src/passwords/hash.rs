//! PHC strings of Argon2id, computed in memory that is provided.

use argon2::password_hash::phc::{Output, PasswordHash};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::memory::Spare;

const OUTPUT: usize = 32;

/// Costs beyond these are not ours: a hash that somebody has put into the table to make us fall over is refused before
/// memory is asked for.
pub const MOST_MEMORY_KIB: u32 = 256 * 1024;
/// The same for passes over the memory.
pub const MOST_PASSES: u32 = 32;

/// What is stored is no hash of ours, or Argon2 refuses its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stored password hash cannot be used")]
pub struct Unusable;

/// The PHC string of a password.
pub(super) fn create(
    params: &Params,
    password: &[u8],
    salt: [u8; 16],
    spare: &Spare,
) -> Result<(String, super::memory::Memory), Unusable> {
    let mut memory = spare.take(params.block_count());
    let mut output = [0; OUTPUT];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone())
        .hash_password_into_with_memory(password, &salt, &mut output, &mut memory)
        .map_err(|_| Unusable)?;
    let (m, t, p) = (params.m_cost(), params.t_cost(), params.p_cost());
    let (salt, output) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(output));
    Ok((format!("$argon2id$v=19$m={m},t={t},p={p}${salt}${output}"), memory))
}

/// Whether a PHC string is that of the password.
pub(super) fn check(
    stored: &str,
    password: &[u8],
    spare: &Spare,
) -> Result<(bool, super::memory::Memory), Unusable> {
    let stored = PasswordHash::new(stored).map_err(|_| Unusable)?;
    let (Some(salt), Some(expected)) = (&stored.salt, &stored.hash) else { return Err(Unusable) };
    let algorithm = Algorithm::try_from(stored.algorithm.as_str()).map_err(|_| Unusable)?;
    let params = Params::try_from(&stored).map_err(|_| Unusable)?;
    if params.m_cost() > MOST_MEMORY_KIB || params.t_cost() > MOST_PASSES {
        return Err(Unusable);
    }
    let mut memory = spare.take(params.block_count());
    let mut output = [0; Output::MAX_LENGTH];
    let output = output.get_mut(..expected.len()).ok_or(Unusable)?;
    Argon2::new(algorithm, Version::V0x13, params)
        .hash_password_into_with_memory(password, salt, output, &mut memory)
        .map_err(|_| Unusable)?;
    // `Output` compares in constant time.
    let computed = Output::new(output).map_err(|_| Unusable)?;
    Ok((computed == *expected, memory))
}

#[cfg(test)]
mod tests {
    use argon2::PasswordVerifier as _;

    use super::*;

    #[test]
    fn what_is_written_is_what_the_library_reads() {
        let (spare, params) = (Spare::default(), Params::new(64, 2, 1, None).unwrap());
        let (stored, memory) = create(&params, b"secret", [7; 16], &spare).unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=64,t=2,p=1$"), "{stored}");
        let parsed = PasswordHash::new(&stored).unwrap();
        assert!(Argon2::default().verify_password(b"secret", &parsed).is_ok());
        // Memory that was used before gives the same answer.
        spare.keep(memory);
        let (right, memory) = check(&stored, b"secret", &spare).unwrap();
        spare.keep(memory);
        assert!(right && !check(&stored, b"Secret", &spare).unwrap().0);
    }

    #[test]
    fn a_hash_that_would_eat_the_machine_is_refused() {
        let spare = Spare::default();
        let stored =
            |params: &str| format!("$argon2id$v=19${params}$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaA");
        for params in ["m=4194304,t=2,p=1", "m=64,t=4000000,p=1", "m=64,t=0,p=1", "x=1"] {
            assert_eq!(check(&stored(params), b"x", &spare).map(drop), Err(Unusable), "{params}");
        }
        assert_eq!(check("nonsense", b"x", &spare).map(drop), Err(Unusable));
        assert_eq!(check("$2b$12$abc", b"x", &spare).map(drop), Err(Unusable));
    }
}
