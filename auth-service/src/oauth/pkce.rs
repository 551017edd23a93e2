//! Proof of who began the flow (RFC 7636): the method S256, for every client (RFC 9700 §2.1.1).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};

/// Whether a text can be a challenge by S256: 32 bytes in base64url.
pub(super) fn is_challenge(text: &str) -> bool {
    URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == 32)
}

/// Whether `verifier` is what `challenge` was made from: 43 to 128 unreserved characters (RFC 7636 §4.1).
pub(super) fn proves(verifier: &str, challenge: &str) -> bool {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    (43..=128).contains(&verifier.len())
        && verifier.bytes().all(unreserved)
        // No secret is compared here: whoever knows the challenge does not know what it was made from.
        && URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes())) == challenge
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7636, appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn the_verifier_proves_its_challenge_alone() {
        assert!(is_challenge(CHALLENGE) && proves(VERIFIER, CHALLENGE));
        assert!(!proves(&VERIFIER[1..], CHALLENGE));
        assert!(!proves(CHALLENGE, CHALLENGE));
        for bad in ["", "x", &CHALLENGE[1..], &format!("{CHALLENGE}="), VERIFIER.get(..40).unwrap()] {
            assert!(!is_challenge(bad), "{bad}");
        }
    }

    #[test]
    fn a_verifier_is_long_enough_and_plain() {
        let challenge = |verifier: &str| URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
        for (verifier, good) in [
            ("a".repeat(42), false),
            ("a".repeat(43), true),
            ("a".repeat(128), true),
            ("a".repeat(129), false),
            ("ä".repeat(30), false),
        ] {
            assert_eq!(proves(&verifier, &challenge(&verifier)), good, "{verifier}");
        }
    }
}
