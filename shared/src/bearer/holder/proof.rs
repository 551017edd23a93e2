//! One DPoP proof (RFC 9449 §4.2): a JWT that brings the key it is signed with.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::signature::{ECDSA_P256_SHA256_FIXED, ED25519, UnparsedPublicKey};

use crate::token::{json_text, members};

const MAX_PROOF: usize = 4 * 1024;
const MAX_JTI: usize = 256;

/// The names of the algorithms that proofs may be signed by, as a challenge says them.
pub(in crate::bearer) const ALGORITHMS: &str = "ES256 Ed25519 EdDSA";

/// What a proof says, once the key that it brings has verified it.
pub(super) struct Proof {
    pub(super) thumbprint: String,
    pub(super) jti: String,
    pub(super) htm: String,
    pub(super) htu: String,
    pub(super) iat: i64,
    pub(super) ath: String,
}

type Members<'a> = Vec<(Cow<'a, str>, &'a str)>;

impl Proof {
    /// Takes a proof apart and checks its signature. Whose key that is, when, and what it is for, is not checked here.
    pub(super) fn verify(text: &str) -> Result<Self, &'static str> {
        if text.len() > MAX_PROOF {
            return Err("too long");
        }
        let (input, signature) = text.rsplit_once('.').ok_or("malformed")?;
        let (header, payload) = input.split_once('.').ok_or("malformed")?;
        let (header, payload) = (decode(header)?, decode(payload)?);
        let header = members(&header).map_err(|_| "malformed")?;
        if get(&header, "typ").as_deref() != Some("dpop+jwt") {
            return Err("of another type");
        }
        if header.iter().any(|(name, _)| name == "crit" || name == "b64") {
            return Err("with an extension");
        }
        let jwk = header.iter().find(|(name, _)| name == "jwk").ok_or("without a key")?.1;
        let key = ProofKey::parse(jwk)?;
        key.check(get(&header, "alg").as_deref(), input.as_bytes(), &decode(signature)?)?;
        let claims = members(&payload).map_err(|_| "malformed")?;
        let text = |name| get(&claims, name).map(Cow::into_owned).ok_or("without one of its claims");
        let iat =
            claims.iter().find(|(name, _)| name == "iat").and_then(|(_, json)| json.parse::<f64>().ok());
        let jti = text("jti")?;
        if jti.is_empty() || jti.len() > MAX_JTI {
            return Err("without one of its claims");
        }
        Ok(Self {
            thumbprint: key.thumbprint(),
            jti,
            htm: text("htm")?,
            htu: text("htu")?,
            #[expect(
                clippy::cast_possible_truncation,
                reason = "`as` saturates: far from any time that counts"
            )]
            iat: iat.ok_or("without one of its claims")?.floor() as i64,
            ath: text("ath")?,
        })
    }
}

/// A public key for one algorithm.
enum ProofKey {
    P256 { x: Vec<u8>, y: Vec<u8> },
    Ed25519 { x: Vec<u8> },
}

impl ProofKey {
    fn parse(jwk: &str) -> Result<Self, &'static str> {
        const BAD: &str = "with a key of no use";
        let jwk = members(jwk.as_bytes()).map_err(|_| BAD)?;
        if jwk.iter().any(|(name, _)| name == "d" || name == "k") {
            return Err("with a private key");
        }
        let number = |name| {
            let bytes = URL_SAFE_NO_PAD.decode(get(&jwk, name).ok_or(BAD)?.as_bytes());
            bytes.ok().filter(|bytes| bytes.len() == 32).ok_or(BAD)
        };
        match (get(&jwk, "kty").as_deref(), get(&jwk, "crv").as_deref()) {
            (Some("EC"), Some("P-256")) => Ok(Self::P256 { x: number("x")?, y: number("y")? }),
            (Some("OKP"), Some("Ed25519")) => Ok(Self::Ed25519 { x: number("x")? }),
            _ => Err(BAD),
        }
    }

    /// Whether `signature` was made with it. A key is good for the one algorithm of its kind (RFC 8725 §3.1).
    fn check(&self, alg: Option<&str>, message: &[u8], signature: &[u8]) -> Result<(), &'static str> {
        let verified = match (self, alg) {
            (Self::P256 { x, y }, Some("ES256")) => {
                let point = [&[4], &x[..], &y[..]].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            (Self::Ed25519 { x }, Some("EdDSA" | "Ed25519")) => {
                UnparsedPublicKey::new(&ED25519, x).verify(message, signature)
            }
            _ => return Err("by another algorithm than its key's"),
        };
        verified.map_err(|_| "with a bad signature")
    }

    /// RFC 7638 §3.2, RFC 8037 §2.
    fn thumbprint(&self) -> String {
        let base64 = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let canonical = match self {
            Self::P256 { x, y } => {
                format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, base64(x), base64(y))
            }
            Self::Ed25519 { x } => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, base64(x)),
        };
        base64(digest(&SHA256, canonical.as_bytes()).as_ref())
    }
}

fn decode(part: &str) -> Result<Vec<u8>, &'static str> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| "malformed")
}

/// The text of a member; `None` where it is missing or no text.
fn get<'a>(members: &'a Members<'_>, name: &str) -> Option<Cow<'a, str>> {
    members.iter().find(|(own, _)| own == name).and_then(|(_, json)| json_text(json))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proof_of_the_rfc_is_read_and_verified() {
        // RFC 9449 §7.1.
        let proof = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA";
        let read = Proof::verify(proof).unwrap();
        assert_eq!(read.thumbprint, "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
        assert_eq!((read.htm.as_str(), read.iat), ("GET", 1_562_262_618));
        assert_eq!(read.htu, "https://resource.example.org/protectedresource");
        assert_eq!(read.ath, "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo");
        let other_signature = proof.replace(".2oW9", ".2oW8");
        assert_eq!(Proof::verify(&other_signature).err(), Some("with a bad signature"));
        assert_eq!(Proof::verify("a.b").err(), Some("malformed"));
        assert_eq!(Proof::verify(&"a".repeat(4097)).err(), Some("too long"));
    }

    #[test]
    fn keys_are_public_and_whole() {
        let x = "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs";
        for (jwk, expected) in [
            (format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{x}"}}"#), None),
            (format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}"#), None),
            (format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}"}}"#), Some("with a key of no use")),
            (format!(r#"{{"kty":"EC","crv":"P-384","x":"{x}","y":"{x}"}}"#), Some("with a key of no use")),
            (format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}","d":"{x}"}}"#), Some("with a private key")),
            (r#"{"kty":"oct","k":"AAAA"}"#.to_owned(), Some("with a private key")),
            (r#"{"kty":"OKP","crv":"Ed25519","x":"AAAA"}"#.to_owned(), Some("with a key of no use")),
            ("[]".to_owned(), Some("with a key of no use")),
        ] {
            assert_eq!(ProofKey::parse(&jwk).err(), expected, "{jwk}");
        }
    }
}
