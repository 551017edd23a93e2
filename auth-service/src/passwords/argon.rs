//! Argon2, computed in memory that is provided.

use argon2::password_hash::phc::{Output, PasswordHash};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::slots::Work;
use super::stored::Unusable;

const OUTPUT: usize = 32;

/// Costs beyond these are not ours: a hash that somebody has put into the table to make us fall over is refused before
/// memory is asked for.
pub const MOST_MEMORY_KIB: u32 = 256 * 1024;
/// The same for passes over the memory.
pub const MOST_PASSES: u32 = 32;
/// The same for lanes.
const MOST_LANES: u32 = 16;

/// An Argon2 hash as it is stored.
#[derive(Debug)]
pub(super) struct ArgonHash {
    algorithm: Algorithm,
    version: Version,
    params: Params,
    salt: Vec<u8>,
    expected: Output,
}

impl ArgonHash {
    /// Reads a PHC string.
    pub(super) fn parse(text: &str) -> Result<Self, Unusable> {
        let hash = PasswordHash::new(text).map_err(|_| Unusable)?;
        let (Some(salt), Some(expected)) = (&hash.salt, &hash.hash) else { return Err(Unusable) };
        let algorithm = Algorithm::try_from(hash.algorithm.as_str()).map_err(|_| Unusable)?;
        let version = Version::try_from(hash.version.unwrap_or(0x10)).map_err(|_| Unusable)?;
        let params = Params::try_from(&hash).map_err(|_| Unusable)?;
        if params.m_cost() > MOST_MEMORY_KIB || params.t_cost() > MOST_PASSES || params.p_cost() > MOST_LANES
        {
            return Err(Unusable);
        }
        Ok(Self { algorithm, version, params, salt: salt.to_vec(), expected: *expected })
    }

    pub(super) fn check(&self, password: &[u8], work: &Work<'_>) -> Result<bool, Unusable> {
        let mut output = [0; Output::MAX_LENGTH];
        let output = output.get_mut(..self.expected.len()).ok_or(Unusable)?;
        let argon = Argon2::new(self.algorithm, self.version, self.params.clone());
        work.with_memory(self.params.block_count(), |memory| {
            argon.hash_password_into_with_memory(password, &self.salt, output, memory)
        })
        .map_err(|_| Unusable)?;
        // `Output` compares in constant time.
        Ok(Output::new(output).map_err(|_| Unusable)? == self.expected)
    }

    pub(super) fn memory_kib(&self) -> u64 {
        u64::from(self.params.m_cost())
    }

    /// Whether it is Argon2id at these costs at least.
    pub(super) fn is_at_least(&self, params: &Params) -> bool {
        self.algorithm == Algorithm::Argon2id
            && self.version == Version::V0x13
            && self.expected.len() >= OUTPUT
            && self.salt.len() >= 16
            && self.params.m_cost() >= params.m_cost()
            && self.params.t_cost() >= params.t_cost()
    }
}

/// The PHC string of a password.
pub(super) fn create(
    params: &Params,
    password: &[u8],
    salt: [u8; 16],
    work: &Work<'_>,
) -> Result<String, Unusable> {
    let mut output = [0; OUTPUT];
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    work.with_memory(params.block_count(), |memory| {
        argon.hash_password_into_with_memory(password, &salt, &mut output, memory)
    })
    .map_err(|_| Unusable)?;
    let (m, t, p) = (params.m_cost(), params.t_cost(), params.p_cost());
    let (salt, output) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(output));
    Ok(format!("$argon2id$v=19$m={m},t={t},p={p}${salt}${output}"))
}
