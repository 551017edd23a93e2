//! The claims of an access token (RFC 9068 §2.2), each of its one right type.

use std::borrow::Cow;
use std::fmt;

use serde::de::DeserializeOwned;

use super::compact::text;
use super::object::members;
use super::rejection::Rejection;

/// Times beyond this are no dates: 2^53 seconds, the largest that every JSON parser reads alike.
const MAX_DATE: f64 = 9_007_199_254_740_992.0;

/// What a verified access token says. Times are seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claims {
    /// Who signed it.
    pub iss: String,
    /// Whom it speaks for: an identifier that never changes. Of a person, or of a client acting for itself.
    pub sub: String,
    /// The resources it is meant for.
    pub aud: Vec<String>,
    /// Not to be accepted from this second on.
    pub exp: i64,
    /// When it was signed.
    pub iat: i64,
    /// Not to be accepted before.
    pub nbf: Option<i64>,
    /// Its own identifier.
    pub jti: String,
    /// The client it was given to.
    pub client_id: String,
    /// What it allows.
    pub scope: Scope,
    /// The roles of the subject.
    pub roles: Vec<String>,
    /// The session that it belongs to.
    pub sid: Option<String>,
    /// When the subject last proved who it is.
    pub auth_time: Option<i64>,
    /// How the subject proved who it is: an authentication context class (OpenID Connect Core §2).
    pub acr: Option<String>,
    /// The name that the subject goes by; may change.
    pub preferred_username: Option<String>,
    /// What the token is bound to (`cnf`): nobody else than who holds that may use it.
    pub confirmation: Option<Confirmation>,
    payload: Payload,
}

/// What somebody must hold to use a token (RFC 7800).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// The key of this RFC 7638 thumbprint, proven with each request (`jkt`, RFC 9449 §6.1).
    Key(String),
    /// The certificate of this SHA-256, in base64url, proven by the connection (`x5t#S256`, RFC 8705 §3.1).
    Certificate(String),
}

impl Confirmation {
    /// From the JSON of `cnf`: one member that we know how to check, and no other.
    fn parse(json: &str) -> Result<Self, Rejection> {
        let members = members(json.as_bytes()).map_err(|_| Rejection::SenderConstrained)?;
        let [(name, value)] = &members[..] else { return Err(Rejection::SenderConstrained) };
        let value = text(value).ok_or(Rejection::SenderConstrained)?.into_owned();
        match name.as_ref() {
            "jkt" => Ok(Self::Key(value)),
            "x5t#S256" => Ok(Self::Certificate(value)),
            _ => Err(Rejection::SenderConstrained),
        }
    }
}

/// The JSON that the claims were read from. Too long to be shown.
#[derive(Clone, Default, PartialEq, Eq)]
struct Payload(Vec<u8>);

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl Claims {
    /// A claim that is not among the fields, as a `tenant` of one's own. `None`: it is not there.
    ///
    /// # Errors
    /// It is of another type.
    pub fn get<T: DeserializeOwned>(&self, name: &'static str) -> Result<Option<T>, Rejection> {
        Members(members(&self.payload.0).map_err(|_| Rejection::Malformed)?).optional(name)
    }

    /// The claims that are a service's own, all in one type: `#[derive(Deserialize)] struct Tenant { tenant: u32 }`.
    /// Read from the same bytes as the fields.
    ///
    /// # Errors
    /// One of them is missing or of another type.
    pub fn own<T: DeserializeOwned>(&self) -> Result<T, Rejection> {
        serde_json::from_slice(&self.payload.0).map_err(|_| Rejection::OwnClaims)
    }

    /// Who is said to have signed a token that **nobody has verified**: good for choosing among keys that are trusted
    /// anyway, and for nothing else.
    pub(super) fn unverified_issuer(payload: &[u8]) -> Option<String> {
        Members(members(payload).ok()?).required("iss").ok()
    }

    /// Reads the payload of an access token that whoever has it may use.
    ///
    /// # Errors
    /// The JSON is malformed, a required claim is missing, a known claim is of the wrong type, or the token is bound
    /// to something that a bearer does not prove to hold (`cnf`, RFC 7800).
    pub fn parse(payload: Vec<u8>) -> Result<Self, Rejection> {
        let claims = Self::parse_bound(payload)?;
        if claims.confirmation.is_some() { Err(Rejection::SenderConstrained) } else { Ok(claims) }
    }

    /// The same for those who see to it that what the token is bound to is held.
    pub(super) fn parse_bound(payload: Vec<u8>) -> Result<Self, Rejection> {
        let members = Members(members(&payload).map_err(|_| Rejection::Malformed)?);
        let confirmation = members.text("cnf").map(Confirmation::parse).transpose()?;
        let kind = members.text("type").map(|json| text(json).ok_or(Rejection::IllTypedClaim("type")));
        if kind.transpose()?.is_some_and(|kind| kind != "access") {
            return Err(Rejection::Type);
        }
        let mut claims = Self {
            iss: members.required("iss")?,
            sub: members.required("sub")?,
            aud: members.audience()?,
            exp: members.date("exp")?.ok_or(Rejection::MissingClaim("exp"))?,
            iat: members.date("iat")?.ok_or(Rejection::MissingClaim("iat"))?,
            nbf: members.date("nbf")?,
            jti: members.required("jti")?,
            client_id: members.required("client_id")?,
            scope: Scope(members.optional("scope")?.unwrap_or_default()),
            roles: members.optional("roles")?.unwrap_or_default(),
            sid: members.optional("sid")?,
            auth_time: members.date("auth_time")?,
            acr: members.optional("acr")?,
            preferred_username: members.optional("preferred_username")?,
            confirmation,
            payload: Payload::default(),
        };
        let names = [("sub", &claims.sub), ("jti", &claims.jti), ("client_id", &claims.client_id)];
        if let Some((name, _)) = names.into_iter().find(|(_, value)| value.is_empty()) {
            return Err(Rejection::IllTypedClaim(name));
        }
        claims.payload = Payload(payload);
        Ok(claims)
    }

    /// Whether a client speaks for itself (RFC 9068 §2.2): then there is no user whose data it could see.
    pub fn is_client(&self) -> bool {
        self.sub == self.client_id
    }
}

/// What a token allows: space-separated names (RFC 6749 §3.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope(String);

impl Scope {
    /// Whether `name` is among them.
    pub fn contains(&self, name: &str) -> bool {
        self.0.split(' ').any(|own| own == name)
    }

    /// The names as they stand in the token.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The members of the payload, each asked for by name.
struct Members<'a>(Vec<(Cow<'a, str>, &'a str)>);

impl Members<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| *value)
    }

    /// A claim that may be left out. `null` is not "left out": it is of the wrong type.
    fn optional<T: DeserializeOwned>(&self, name: &'static str) -> Result<Option<T>, Rejection> {
        let parse = |json| serde_json::from_str(json).map_err(|_| Rejection::IllTypedClaim(name));
        self.text(name).map(parse).transpose()
    }

    fn required<T: DeserializeOwned>(&self, name: &'static str) -> Result<T, Rejection> {
        self.optional(name)?.ok_or(Rejection::MissingClaim(name))
    }

    /// A `NumericDate` (RFC 7519 §2): fractions of a second are allowed and dropped.
    fn date(&self, name: &'static str) -> Result<Option<i64>, Rejection> {
        let Some(number) = self.optional::<f64>(name)? else { return Ok(None) };
        if !number.is_finite() || number.abs() > MAX_DATE {
            return Err(Rejection::IllTypedClaim(name));
        }
        #[expect(clippy::cast_possible_truncation, reason = "within 2^53, checked above")]
        Ok(Some(number.floor() as i64))
    }

    /// One resource as a string or several as an array (RFC 7519 §4.1.3).
    fn audience(&self) -> Result<Vec<String>, Rejection> {
        let json = self.text("aud").ok_or(Rejection::MissingClaim("aud"))?;
        serde_json::from_str(json)
            .map(|one| vec![one])
            .or_else(|_| serde_json::from_str(json))
            .map_err(|_| Rejection::IllTypedClaim("aud"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"iss":"i","sub":"s","aud":"books","exp":9,"iat":1,"jti":"j","client_id":"c"}"#;

    fn with(claim: &str, json: &str) -> Result<Claims, Rejection> {
        let mut payload: serde_json::Map<String, serde_json::Value> = serde_json::from_str(GOOD).unwrap();
        payload.remove(claim);
        let rest = serde_json::to_string(&payload).unwrap();
        Claims::parse(format!(r#"{},"{claim}":{json}}}"#, rest.trim_end_matches('}')).into_bytes())
    }

    #[test]
    fn claims_of_the_wrong_type_are_refused_and_never_skipped() {
        for bad in [
            "\"9\"",
            "null",
            "true",
            "[]",
            "{}",
            "1e400",
            "9223372036854775808",
            "1e18",
            "1000000000000000000",
        ] {
            assert!(with("exp", bad).is_err(), "exp {bad}");
            assert!(with("iat", bad).is_err(), "iat {bad}");
            assert!(with("nbf", bad).is_err(), "nbf {bad}");
        }
        for bad in ["7", "{}", "[[\"books\"]]", "[null]", "null"] {
            assert!(with("aud", bad).is_err(), "aud {bad}");
        }
        assert!(with("iss", r#"["i"]"#).is_err());
        assert!(with("sub", "7").is_err());
        for name in ["sub", "jti", "client_id"] {
            assert_eq!(with(name, "\"\""), Err(Rejection::IllTypedClaim(name)));
        }
        assert!(with("scope", "7").is_err());
        assert!(with("scope", r#"["books:read"]"#).is_err());
        assert_eq!(with("cnf", r#"{"jkt":"x"}"#), Err(Rejection::SenderConstrained));
        assert_eq!(with("type", "\"refresh\""), Err(Rejection::Type));
    }

    #[test]
    fn each_required_claim_is_required() {
        for claim in ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"] {
            let mut payload: serde_json::Map<String, serde_json::Value> = serde_json::from_str(GOOD).unwrap();
            payload.remove(claim);
            let json = serde_json::to_vec(&payload).unwrap();
            assert_eq!(Claims::parse(json), Err(Rejection::MissingClaim(claim)));
        }
    }

    #[test]
    fn audience_and_dates_have_two_forms() {
        assert_eq!(with("aud", r#"["a","b"]"#).unwrap().aud, ["a", "b"]);
        assert_eq!(with("aud", r#""a""#).unwrap().aud, ["a"]);
        assert_eq!(with("tenant", "[1,2]").unwrap().get("tenant"), Ok(Some(vec![1, 2])));
        assert_eq!(
            with("tenant", "7").unwrap().get::<String>("tenant"),
            Err(Rejection::IllTypedClaim("tenant"))
        );
        assert_eq!(with("exp", "9").unwrap().get::<String>("tenant"), Ok(None));
        #[derive(Debug, PartialEq, serde::Deserialize)]
        struct Own {
            tenant: Vec<u8>,
        }
        assert_eq!(with("tenant", "[1,2]").unwrap().own(), Ok(Own { tenant: vec![1, 2] }));
        for bad in ["7", "null"] {
            assert_eq!(with("tenant", bad).unwrap().own::<Own>(), Err(Rejection::OwnClaims), "{bad}");
        }
        assert_eq!(with("exp", "9").unwrap().own::<Own>(), Err(Rejection::OwnClaims));
        assert_eq!(with("exp", "9.9").unwrap().exp, 9);
        assert_eq!(with("exp", "-0.5").unwrap().exp, -1);
        assert!(with("scope", r#""books:read x""#).unwrap().scope.contains("books:read"));
        assert!(!with("scope", r#""books:readx""#).unwrap().scope.contains("books:read"));
    }
}
