//! RSA keys that no service may take, with their private halves: a forgery is one only if its signature is right.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use num_bigint::BigUint;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::token::{TokenBuilder, signing_input};

/// A key by its numbers, in hexadecimal.
#[derive(Debug)]
pub(super) struct WeakKey {
    pub(super) kid: &'static str,
    modulus: &'static str,
    exponent: u32,
    private: &'static str,
}

impl WeakKey {
    /// Its public half as a JWK.
    pub(super) fn jwk(&self) -> Value {
        let exponent = BigUint::from(self.exponent).to_bytes_be();
        json!({
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid,
            "n": URL_SAFE_NO_PAD.encode(number(self.modulus).to_bytes_be()), "e": URL_SAFE_NO_PAD.encode(exponent),
        })
    }

    /// A token with a signature that is right by the arithmetic of RS256.
    pub(super) fn sign(&self, token: &TokenBuilder) -> String {
        let (header, payload) = token.parts(self.kid);
        let input = signing_input(header, payload);
        let (modulus, private) = (number(self.modulus), number(self.private));
        let length = self.modulus.len() / 2;
        let signature = padded(input.as_bytes(), length).modpow(&private, &modulus).to_bytes_be();
        let signature = [vec![0; length - signature.len()], signature].concat();
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// The padding of RS256 (RFC 8017 §9.2), so many bytes long.
fn padded(message: &[u8], length: usize) -> BigUint {
    let digest_info = b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20";
    let end = [&[0][..], digest_info, digest(&SHA256, message).as_ref()].concat();
    let padding = vec![0xff; length - end.len() - 2];
    BigUint::from_bytes_be(&[&[0, 1][..], &padding, &end].concat())
}

fn number(hexadecimal: &str) -> BigUint {
    BigUint::parse_bytes(hexadecimal.as_bytes(), 16).unwrap_or_default()
}

/// 512 bits: factored on a laptop in a day.
pub(super) const RSA_512: WeakKey = WeakKey {
    kid: "weak-512",
    modulus: "e4619264e5461c7ff595719cae18cdad6170b46bdbbf54971173a73a8381b9b1d33b3725bbd3222b18e89af9747b97556b99e3d30216b3641808096905518bab",
    exponent: 65537,
    private: "d206e148a4893bc079ab3bd6694d2a295ec8f54393cd7b0f8adf1f55728724ab25be078bc05feac32d6541e2e34fc44f784231eaaab3a1d006ad5669b09ad651",
};

/// 1024 bits: within reach of a state.
pub(super) const RSA_1024: WeakKey = WeakKey {
    kid: "weak-1024",
    modulus: "a300e7e8606077932a92e4a12fdd6399dea3549a8a0cdfa9abe1b2d7172efd7325ebaf4401f3ed6bc07b267dc934a2a9a2d48e22c92815774e004bf1d8a6d67562be9c788e14856336e4acf2291ee82a3346de500447b7c649e8b496ef5e54b0de520ed46870bf25e489b099e9732bb78c89bf3d7eba1511acd4218fe7923c2d",
    exponent: 65537,
    private: "3d00e6c9d9dfe0806c4b83532bc5b033f2d5afa1128f54d97c2140bc2cca0242a8eb76b17e059b525b3bfba0d1bf682d126a78335e9328cd789cb5cf7224a657b925bbc6cd8993465ec6d5ed0b92e8bd5e8e76b3fb8354620b4a33ebe5feec0c7e76ac9746bbafbab779e09b6035ae65acd2cb3dcb4b9e80b36236547dcf59c1",
};

/// Exponent 3: signatures can be forged where padding is read carelessly.
pub(super) const RSA_2048_E3: WeakKey = WeakKey {
    kid: "weak-e3",
    modulus: "b4b6696408dad2ecbc9fc0b63f14fd5ac86ade47dc5bc5ee021f0ad374ac826222adb20cc55c81e38ce7f70671e869c9708b54cf30072a5a77fdae55398c3c911a597516ef792a5fd907136a27c4384de17dbfe193c50194955ce3443270903abee49665d56910006625b5fe5d22c8c4b6052337abbfd695fbb62bdcbd4776fa14f504f740ad1d446cf8e8bb3429591c484b40ae3b501d3918b086c80c809e9896a20fb18518dd6faa4461fc28652e968ac4787622a9a4c7ac17f554e187c76fda33e7f18471dd7bfbd3846aa6aed01fe8f38b70db858903cbc489b7e847016a956b5d99b63d301a209530efaedfc03a80d1820bda1fc57e7d2bfc5fa33de249",
    exponent: 3,
    private: "78799b9805e737487dbfd5ced4b8a8e730473eda92e7d94956bf5c8cf8730196c1c9215dd8e85697b3454f59a1459bdba05ce334caaf7191a553c98e265d7db61190f8b9f4fb71953b5a0cf16fd8258940fe7febb7d8abb86393422d76f5b57c7f430eee8e460aaaeec3cea9936c85d87958c2251d2a8f0ea7cec7e87e2fa4a599d5aabc515a3314e894c86f7ebe5c6e2e72a490f0d547e42a999aabe57ee1894d3f79dcb06fe1aae94c9be734de8a6e344a39147ef579533ac08a9fcb6ba7f433942eeeb72c4273373931e8170be93ae03f4b79789dbeed6602c8afea984d86a174dc50a2dc62e3fe0b159646c162c7af18258b742158e0ad472396813e07ab",
};

/// Exponent 1: the padded message is its own signature.
pub(super) const RSA_2048_E1: WeakKey = WeakKey { kid: "weak-e1", exponent: 1, private: "1", ..RSA_2048_E3 };
