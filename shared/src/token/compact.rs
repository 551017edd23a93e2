//! The JWS compact serialization (RFC 7515 §3.1), taken apart strictly and before any key is looked up.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use base64::DecodeSliceError;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::object::members;
use super::rejection::Rejection;

pub(super) const MAX_TOKEN: usize = 8 * 1024;
const MAX_KID: usize = 128;
/// Bytes of the signature of an RSA key of 8192 bits.
pub const MAX_SIGNATURE: usize = 1024;

/// What a token says it is (RFC 8725 §3.11). Only these two kinds are ever looked at further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenType {
    /// `at+jwt`, RFC 9068 §2.1.
    Access,
    /// `rt+jwt`, ours: for the token endpoints of its issuer only.
    Refresh,
}

/// What a header may leave out, by the word of whoever made the verifier.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Allowed {
    /// `typ` may be `JWT` or missing: the token is then taken for an access token.
    pub(super) legacy_typ: bool,
    /// `kid` may be missing: it is then empty, which no key is called.
    pub(super) missing_kid: bool,
}

/// A token in three parts with a header that we are willing to act on. **Nothing in it is verified yet.**
pub struct Compact<'a> {
    /// What the header says the token is.
    pub token_type: TokenType,
    /// The name of the key that is said to have signed it: 1 to 128 printable ASCII characters.
    pub kid: Arc<str>,
    /// Whether the header says where to find the key, or even brings one: never believed, and nothing that an issuer
    /// of published keys does.
    pub(super) brings_key: bool,
    header: &'a str,
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
        Self::parse_knowing(token, Allowed::default(), None)
    }

    /// The same by looser rules, where the header may be one that was seen before.
    pub(super) fn parse_knowing(
        token: &'a str,
        allowed: Allowed,
        seen: Option<&SeenHeader>,
    ) -> Result<Self, Rejection> {
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
        let (token_type, kid, brings_key) = match seen {
            Some(seen) if *seen.text == *header => (seen.token_type, Arc::clone(&seen.kid), seen.brings_key),
            _ => {
                let Header { token_type, kid, brings_key } = Header::parse(&decode(header)?, allowed)?;
                (token_type, kid.into(), brings_key)
            }
        };
        Ok(Self { token_type, kid, brings_key, header, signing_input, payload, signature })
    }

    /// What to remember of the header, once a key has accepted the token. `None`: it is the one that was seen.
    pub(super) fn news(&self, seen: Option<&SeenHeader>) -> Option<SeenHeader> {
        let known = seen.is_some_and(|seen| *seen.text == *self.header);
        (!known).then(|| SeenHeader {
            text: self.header.into(),
            token_type: self.token_type,
            kid: Arc::clone(&self.kid),
            brings_key: self.brings_key,
        })
    }

    /// The bytes that the signature covers: header and payload as they were sent.
    pub fn signing_input(&self) -> &[u8] {
        self.signing_input.as_bytes()
    }

    /// The signature, written into `buffer`.
    ///
    /// # Errors
    /// It is not canonical base64url, or longer than that of any key that we take.
    pub fn signature<'b>(&self, buffer: &'b mut [u8; MAX_SIGNATURE]) -> Result<&'b [u8], Rejection> {
        match URL_SAFE_NO_PAD.decode_slice(self.signature, buffer) {
            Ok(length) => Ok(&buffer[..length]),
            Err(DecodeSliceError::DecodeError(_)) => Err(Rejection::Malformed),
            Err(DecodeSliceError::OutputSliceTooSmall) => Err(Rejection::Signature),
        }
    }

    /// The JSON of the payload: **unverified**, until a key has accepted [`Compact::signature`].
    ///
    /// # Errors
    /// It is not canonical base64url.
    pub fn unverified_payload(&self) -> Result<Vec<u8>, Rejection> {
        decode(self.payload)
    }
}

/// Without the token itself, which is a secret.
impl fmt::Debug for Compact<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compact")
            .field("token_type", &self.token_type)
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

/// A header as it was written in a genuine token. An issuer writes the same one into all tokens of a key, so that the
/// next token need not have it decoded and parsed again.
#[derive(Debug)]
pub(super) struct SeenHeader {
    text: Box<str>,
    token_type: TokenType,
    kid: Arc<str>,
    brings_key: bool,
}

/// Base64url without padding, in its one canonical form: no second spelling of a token may pass (RFC 7515 §2).
fn decode(part: &str) -> Result<Vec<u8>, Rejection> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Rejection::Malformed)
}

struct Header {
    token_type: TokenType,
    kid: String,
    brings_key: bool,
}

impl Header {
    fn parse(json: &[u8], allowed: Allowed) -> Result<Self, Rejection> {
        let (mut alg, mut typ, mut kid, mut brings_key) = (None, None, None, false);
        for (name, value) in members(json).map_err(|_| Rejection::Malformed)? {
            match &*name {
                "alg" => alg = Some(text(value).ok_or(Rejection::Algorithm)?),
                "typ" => typ = Some(text(value).ok_or(Rejection::Type)?),
                "kid" => kid = Some(text(value).ok_or(Rejection::KeyId)?),
                // We understand no extension, so none may be critical (RFC 7515 §4.1.11), and `b64` is barred from
                // JWTs whether it is marked critical or not (RFC 7797 §7). Compression is for what is encrypted (RFC 7516
                // §4.1.3): here it is a bomb, or a mistake.
                "crit" | "b64" | "zip" => return Err(Rejection::Critical),
                // They say which key to trust; only our configuration says that.
                "jku" | "jwk" | "x5u" | "x5c" => brings_key = true,
                _ => {}
            }
        }
        if alg.as_deref() != Some("RS256") {
            return Err(Rejection::Algorithm);
        }
        let token_type = match typ {
            None if allowed.legacy_typ => TokenType::Access,
            Some(typ) if allowed.legacy_typ && media_type(&typ).eq_ignore_ascii_case("jwt") => {
                TokenType::Access
            }
            typ => token_type(&typ.ok_or(Rejection::Type)?).ok_or(Rejection::Type)?,
        };
        let kid = match kid {
            None if allowed.missing_kid => String::new(),
            kid => kid.filter(|kid| is_kid(kid)).ok_or(Rejection::KeyId)?.into_owned(),
        };
        Ok(Self { token_type, kid, brings_key })
    }
}

/// A JSON text, borrowed unless it holds escapes.
pub(crate) fn text(json: &str) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    serde_json::from_str(json).ok().map(|Text(text)| text)
}

/// Media types are compared without regard to case, and without a slash `application/` is meant (RFC 7515 §4.1.9).
fn media_type(typ: &str) -> &str {
    let (prefix, name) = typ.split_at_checked("application/".len()).unwrap_or_default();
    if prefix.eq_ignore_ascii_case("application/") { name } else { typ }
}

fn token_type(typ: &str) -> Option<TokenType> {
    let is = |known: &str| media_type(typ).eq_ignore_ascii_case(known);
    if is("at+jwt") {
        Some(TokenType::Access)
    } else if is("rt+jwt") {
        Some(TokenType::Refresh)
    } else {
        None
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
            (r#"{"alg":"RS256","typ":"at+jwt","kid":"k","zip":"DEF"}"#, Rejection::Critical),
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
        let mut buffer = [0; MAX_SIGNATURE];
        let mut signature = |end: &str| {
            let token = format!("{header}.e30.{end}");
            Compact::parse(&token).unwrap().signature(&mut buffer).map(<[u8]>::len)
        };
        assert_eq!(signature("c2k"), Ok(2));
        assert_eq!(signature("c2l"), Err(Rejection::Malformed));
        assert_eq!(signature(&"A".repeat(1366)), Ok(MAX_SIGNATURE));
        assert_eq!(signature(&"A".repeat(1367)), Err(Rejection::Signature), "longer than any");
        let long = format!("{header}.{}.c2ln", "a".repeat(MAX_TOKEN));
        assert_eq!(Compact::parse(&long).err(), Some(Rejection::TooLong));
    }
}
