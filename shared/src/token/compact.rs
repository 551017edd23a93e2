//! The JWS compact serialization (RFC 7515 §3.1), taken apart strictly and before any key is looked up.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::object::members;
use super::rejection::Rejection;

const MAX_TOKEN: usize = 8 * 1024;
const MAX_KID: usize = 128;

/// What a token says it is (RFC 8725 §3.11). Only these two kinds are ever looked at further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenType {
    /// `at+jwt`, RFC 9068 §2.1.
    Access,
    /// `rt+jwt`, ours: for the token endpoints of its issuer only.
    Refresh,
}

/// A token in three parts with a header that we are willing to act on. **Nothing in it is verified yet.**
#[derive(Debug)]
pub struct Compact<'a> {
    /// What the header says the token is.
    pub token_type: TokenType,
    /// The name of the key that is said to have signed it: 1 to 128 printable ASCII characters.
    pub kid: String,
    signing_input: &'a str,
    payload: &'a str,
    signature: &'a str,
}

impl<'a> Compact<'a> {
    /// Takes a token apart.
    ///
    /// # Errors
    /// The token is longer than 8 KiB, is not three parts of canonical base64url, or has a header that is malformed,
    /// names another algorithm than RS256, asks for extensions (`crit`, `b64`), is of another type, or names no key.
    pub fn parse(token: &'a str) -> Result<Self, Rejection> {
        if token.len() > MAX_TOKEN {
            return Err(Rejection::TooLong);
        }
        let (signing_input, signature) = token.rsplit_once('.').ok_or(Rejection::Malformed)?;
        let (header, payload) = signing_input.split_once('.').ok_or(Rejection::Malformed)?;
        // Also refuses the five parts of a JWE: a dot is not in the base64url alphabet.
        let alphabet = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if !payload.bytes().all(alphabet) || !signature.bytes().all(alphabet) {
            return Err(Rejection::Malformed);
        }
        let header = Header::parse(&decode(header)?)?;
        Ok(Self { token_type: header.token_type, kid: header.kid, signing_input, payload, signature })
    }

    /// The bytes that the signature covers: header and payload as they were sent.
    pub fn signing_input(&self) -> &[u8] {
        self.signing_input.as_bytes()
    }

    /// The signature.
    ///
    /// # Errors
    /// It is not canonical base64url.
    pub fn signature(&self) -> Result<Vec<u8>, Rejection> {
        decode(self.signature)
    }

    /// The JSON of the payload: **unverified**, until a key has accepted [`Compact::signature`].
    ///
    /// # Errors
    /// It is not canonical base64url.
    pub fn unverified_payload(&self) -> Result<Vec<u8>, Rejection> {
        decode(self.payload)
    }
}

/// Base64url without padding, in its one canonical form: no second spelling of a token may pass (RFC 7515 §2).
fn decode(part: &str) -> Result<Vec<u8>, Rejection> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Rejection::Malformed)
}

struct Header {
    token_type: TokenType,
    kid: String,
}

impl Header {
    fn parse(json: &[u8]) -> Result<Self, Rejection> {
        let (mut alg, mut typ, mut kid) = (None, None, None);
        for (name, value) in members(json).map_err(|_| Rejection::Malformed)? {
            match &*name {
                "alg" => alg = Some(text(value).ok_or(Rejection::Algorithm)?),
                "typ" => typ = Some(text(value).ok_or(Rejection::Type)?),
                "kid" => kid = Some(text(value).ok_or(Rejection::KeyId)?),
                // We understand no extension, so none may be critical (RFC 7515 §4.1.11), and `b64` is barred from
                // JWTs whether it is marked critical or not (RFC 7797 §7).
                "crit" | "b64" => return Err(Rejection::Critical),
                // `jku`, `jwk`, `x5u`, `x5c` say which key to trust; only our configuration says that.
                _ => {}
            }
        }
        if alg.as_deref() != Some("RS256") {
            return Err(Rejection::Algorithm);
        }
        let token_type = token_type(&typ.ok_or(Rejection::Type)?).ok_or(Rejection::Type)?;
        let kid = kid.filter(|kid| is_kid(kid)).ok_or(Rejection::KeyId)?;
        Ok(Self { token_type, kid })
    }
}

fn text(json: &str) -> Option<String> {
    String::deserialize(&mut serde_json::Deserializer::from_str(json)).ok()
}

/// Media types are compared without regard to case, and without a slash `application/` is meant (RFC 7515 §4.1.9).
fn token_type(typ: &str) -> Option<TokenType> {
    let typ = typ.to_ascii_lowercase();
    match typ.strip_prefix("application/").unwrap_or(&typ) {
        "at+jwt" => Some(TokenType::Access),
        "rt+jwt" => Some(TokenType::Refresh),
        _ => None,
    }
}

/// Whether `kid` is a name that may be looked up and logged.
pub(crate) fn is_kid(kid: &str) -> bool {
    (1..=MAX_KID).contains(&kid.len()) && kid.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_header(json: &str) -> Result<TokenType, Rejection> {
        let token = format!("{}.e30.c2ln", URL_SAFE_NO_PAD.encode(json));
        Compact::parse(&token).map(|compact| compact.token_type)
    }

    #[test]
    fn both_kinds_are_told_apart_by_their_type() {
        assert_eq!(with_header(r#"{"alg":"RS256","typ":"at+jwt","kid":"k"}"#), Ok(TokenType::Access));
        assert_eq!(
            with_header(r#"{"alg":"RS256","typ":"Application/AT+JWT","kid":"k"}"#),
            Ok(TokenType::Access)
        );
        assert_eq!(
            with_header(r#"{"alg":"RS256","typ":"rt+jwt","kid":"k","jku":"x"}"#),
            Ok(TokenType::Refresh)
        );
    }

    #[test]
    fn headers_that_we_do_not_act_on_are_refused() {
        for (json, expected) in [
            (r#"{"typ":"at+jwt","kid":"k"}"#, Rejection::Algorithm),
            (r#"{"alg":"none","typ":"at+jwt","kid":"k"}"#, Rejection::Algorithm),
            (r#"{"alg":["RS256"],"typ":"at+jwt","kid":"k"}"#, Rejection::Algorithm),
            (r#"{"alg":"HS256","typ":"at+jwt","kid":"k"}"#, Rejection::Algorithm),
            (r#"{"alg":"RS256","typ":"JWT","kid":"k"}"#, Rejection::Type),
            (r#"{"alg":"RS256","kid":"k"}"#, Rejection::Type),
            (r#"{"alg":"RS256","typ":"at+jwt"}"#, Rejection::KeyId),
            (r#"{"alg":"RS256","typ":"at+jwt","kid":""}"#, Rejection::KeyId),
            (r#"{"alg":"RS256","typ":"at+jwt","kid":"a b"}"#, Rejection::KeyId),
            (r#"{"alg":"RS256","typ":"at+jwt","kid":7}"#, Rejection::KeyId),
            (r#"{"alg":"RS256","typ":"at+jwt","kid":"k","crit":[]}"#, Rejection::Critical),
            (r#"{"alg":"RS256","typ":"at+jwt","kid":"k","b64":false}"#, Rejection::Critical),
            (r#"{"alg":"RS256","alg":"RS256","typ":"at+jwt","kid":"k"}"#, Rejection::Malformed),
            ("not json", Rejection::Malformed),
        ] {
            assert_eq!(with_header(json), Err(expected), "{json}");
        }
    }

    #[test]
    fn a_token_is_three_parts_of_canonical_base64url() {
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","typ":"at+jwt","kid":"k"}"#);
        for bad in ["", ".", "..", "a.b", &format!("{header}.e30.c2ln.x.y"), &format!("{header}=.e30.c2ln")] {
            assert_eq!(Compact::parse(bad).err(), Some(Rejection::Malformed), "{bad}");
        }
        for bad in ["c2ln=", "c2l+", "c2l/", "c2 ln", "c2ln\n", "%63"] {
            let token = format!("{header}.e30.{bad}");
            assert_eq!(Compact::parse(&token).err(), Some(Rejection::Malformed), "{bad}");
        }
        // "c2lo" and "c2lp" differ in bits that belong to no byte once the last character is cut off.
        let token = format!("{header}.e30.c2k");
        assert!(Compact::parse(&token).unwrap().signature().is_ok());
        let token = format!("{header}.e30.c2l");
        assert_eq!(Compact::parse(&token).unwrap().signature(), Err(Rejection::Malformed));
        let long = format!("{header}.{}.c2ln", "a".repeat(MAX_TOKEN));
        assert_eq!(Compact::parse(&long).err(), Some(Rejection::TooLong));
    }
}
