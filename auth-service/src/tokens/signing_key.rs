//! A key that signs: made once, parsed once, with its header ready to be written.

use std::fmt;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{
    AlgorithmParameters, CommonParameters, Jwk, KeyAlgorithm, PublicKeyUse, RSAKeyParameters,
};
use jsonwebtoken::{Algorithm, Header};
use serde::Serialize;
use shared::jwks::{VerifyingKey, thumbprint};
use shared::token::TokenType;

/// An RSA key pair of 2048 bits that signs by RS256.
pub struct SigningKey {
    pair: RsaKeyPair,
    kid: String,
    access_header: String,
    refresh_header: String,
    id_header: String,
}

/// A key could not be made, read or used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The library refused; it does not say why.
    #[error("the RSA key cannot be {0}")]
    Unusable(&'static str),
    /// The claims cannot be written as JSON.
    #[error("the claims cannot be written")]
    Claims(#[from] serde_json::Error),
}

impl SigningKey {
    /// Makes a key: some hundred milliseconds of work, so not on an async thread. Returns it with its PKCS #8 form.
    ///
    /// # Errors
    /// The library refuses.
    pub fn generate() -> Result<(Self, Vec<u8>), KeyError> {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyError::Unusable("generated"))?;
        let der = pair.as_der().map_err(|_| KeyError::Unusable("written"))?;
        let der: &Pkcs8V1Der<'_> = &der;
        let pkcs8 = der.as_ref().to_vec();
        Ok((Self::from_pair(pair)?, pkcs8))
    }

    /// Reads a key in its PKCS #8 form.
    ///
    /// # Errors
    /// It is none, or a weak one.
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, KeyError> {
        Self::from_pair(RsaKeyPair::from_pkcs8(pkcs8).map_err(|_| KeyError::Unusable("read"))?)
    }

    fn from_pair(pair: RsaKeyPair) -> Result<Self, KeyError> {
        let public = pair.public_key();
        let kid = thumbprint(
            public.modulus().big_endian_without_leading_zero(),
            public.exponent().big_endian_without_leading_zero(),
        );
        let header = |typ: &str| {
            let mut header = Header::new(Algorithm::RS256);
            header.typ = Some(typ.to_owned());
            header.kid = Some(kid.clone());
            serde_json::to_vec(&header).map(|json| URL_SAFE_NO_PAD.encode(json))
        };
        let (access_header, refresh_header, id_header) =
            (header("at+jwt")?, header("rt+jwt")?, header("JWT")?);
        Ok(Self { pair, kid, access_header, refresh_header, id_header })
    }

    /// Its name: the RFC 7638 thumbprint.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Signs claims as a token of this type. CPU work of a quarter of a millisecond.
    ///
    /// # Errors
    /// The claims cannot be written, or the library refuses.
    pub fn sign(&self, token_type: TokenType, claims: &impl Serialize) -> Result<String, KeyError> {
        match token_type {
            TokenType::Access => self.sign_behind(&self.access_header, claims),
            TokenType::Refresh => self.sign_behind(&self.refresh_header, claims),
        }
    }

    /// Signs claims as an ID token: of no type that any of our services takes for access.
    ///
    /// # Errors
    /// As [`SigningKey::sign`].
    pub fn sign_id(&self, claims: &impl Serialize) -> Result<String, KeyError> {
        self.sign_behind(&self.id_header, claims)
    }

    fn sign_behind(&self, header: &str, claims: &impl Serialize) -> Result<String, KeyError> {
        let _span = tracing::debug_span!("sign").entered();
        let mut signature = vec![0; self.pair.public_modulus_len()];
        let mut token = String::with_capacity(1024);
        token.push_str(header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(serde_json::to_vec(claims)?, &mut token);
        // PKCS #1 v1.5 is deterministic; the library asks for randomness only because its interface does.
        let unused = SystemRandom::new();
        self.pair
            .sign(&RSA_PKCS1_SHA256, &unused, token.as_bytes(), &mut signature)
            .map_err(|_| KeyError::Unusable("used"))?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(&signature, &mut token);
        Ok(token)
    }

    /// The public half as a JWK (RFC 7517).
    pub fn jwk(&self) -> Jwk {
        let public = self.pair.public_key();
        Jwk {
            common: CommonParameters {
                public_key_use: Some(PublicKeyUse::Signature),
                key_algorithm: Some(KeyAlgorithm::RS256),
                key_id: Some(self.kid.clone()),
                ..CommonParameters::default()
            },
            algorithm: AlgorithmParameters::RSA(RSAKeyParameters {
                n: URL_SAFE_NO_PAD.encode(public.modulus().big_endian_without_leading_zero()),
                e: URL_SAFE_NO_PAD.encode(public.exponent().big_endian_without_leading_zero()),
                ..RSAKeyParameters::default()
            }),
        }
    }

    /// The public half, ready to verify.
    ///
    /// # Errors
    /// It is one that we would not trust from others.
    pub fn verifying_key(&self) -> Result<VerifyingKey, KeyError> {
        let public = self.pair.public_key();
        VerifyingKey::from_components(
            self.kid.clone(),
            public.modulus().big_endian_without_leading_zero(),
            public.exponent().big_endian_without_leading_zero(),
        )
        .map_err(KeyError::Unusable)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared::token::Compact;

    use super::*;

    #[test]
    fn what_it_signs_its_public_half_accepts() {
        let (key, pkcs8) = SigningKey::generate().unwrap();
        let token = key.sign(TokenType::Access, &json!({"sub": "x"})).unwrap();
        let compact = Compact::parse(&token).unwrap();
        assert_eq!(&*compact.kid, key.kid());
        assert!(key.verifying_key().unwrap().verify(&compact).is_ok());
        let again = SigningKey::from_pkcs8(&pkcs8).unwrap();
        assert_eq!(again.kid(), key.kid());
        assert_eq!(
            again.sign(TokenType::Access, &json!({"sub": "x"})).unwrap(),
            token,
            "RS256 is deterministic"
        );
        let jwk = serde_json::to_value(key.jwk()).unwrap();
        let mut members: Vec<_> = jwk.as_object().unwrap().keys().map(String::as_str).collect();
        members.sort_unstable();
        assert_eq!(members, ["alg", "e", "kid", "kty", "n", "use"], "public members only");
    }
}
