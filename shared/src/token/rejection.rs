//! Why a request may not pass, in one vocabulary: for the log, for metrics, and, kept apart, for the wire.

use std::fmt;
use std::time::Duration;

/// Names, of scopes or roles, that a request needs to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needed {
    /// This one.
    One(&'static str),
    /// All of these.
    All(&'static [&'static str]),
    /// One of these at least.
    Any(&'static [&'static str]),
}

impl Needed {
    /// All names that it speaks of.
    pub fn names(&self) -> &[&'static str] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::All(names) | Self::Any(names) => names,
        }
    }

    /// Whether somebody who `has` some names has enough of them.
    pub fn is_met(&self, has: impl Fn(&str) -> bool) -> bool {
        match self {
            Self::One(name) => has(name),
            Self::All(names) => names.iter().all(|name| has(name)),
            Self::Any(names) => names.iter().any(|name| has(name)),
        }
    }
}

/// The names with spaces between them, as `scope` has them (RFC 6749 §3.3).
impl fmt::Display for Needed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().join(" "))
    }
}

/// Why a request with or without a token was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// No `Authorization` header.
    #[error("no credentials")]
    NoCredentials,
    /// Credentials of another scheme than Bearer.
    #[error("credentials of another scheme")]
    OtherScheme,
    /// More than one `Authorization` header.
    #[error("more than one Authorization header")]
    RepeatedHeader,
    /// Not `Bearer` followed by one token.
    #[error("malformed Authorization header")]
    MalformedHeader,
    /// A token in the header and another one in the query or the form (RFC 6750 §2).
    #[error("more than one token in the request")]
    TwoMethods,
    /// Longer than any token of ours.
    #[error("token too long")]
    TooLong,
    /// Not a compact JWS of well-formed JSON.
    #[error("malformed token")]
    Malformed,
    /// Another algorithm than RS256.
    #[error("algorithm not allowed")]
    Algorithm,
    /// An extension that we do not know.
    #[error("critical or forbidden header parameter")]
    Critical,
    /// A token of another kind.
    #[error("token of another type")]
    Type,
    /// No key named, or not in a way that can be looked up.
    #[error("key identifier missing or malformed")]
    KeyId,
    /// The issuer has no such key.
    #[error("unknown key")]
    UnknownKey,
    /// The signature is not the key's.
    #[error("bad signature")]
    Signature,
    /// A required claim is missing.
    #[error("claim {0} missing")]
    MissingClaim(&'static str),
    /// A claim is of the wrong type.
    #[error("claim {0} of the wrong type")]
    IllTypedClaim(&'static str),
    /// A claim that the service asks for beyond the usual ones is missing or of the wrong type.
    #[error("the service's own claims are missing or of the wrong type")]
    OwnClaims,
    /// Signed by somebody else.
    #[error("another issuer")]
    Issuer,
    /// Meant for somebody else.
    #[error("another audience")]
    Audience,
    /// Past its end.
    #[error("expired")]
    Expired,
    /// Before its beginning, or signed in the future.
    #[error("not yet valid")]
    NotYetValid,
    /// Valid for longer than allowed.
    #[error("lifetime too long")]
    Lifetime,
    /// Bound to a key whose possession a bearer does not prove (RFC 9449 §7.1).
    #[error("sender-constrained token used as bearer token")]
    SenderConstrained,
    /// Bound to a key, and the proof that the caller holds it is missing or does not fit (RFC 9449 §4.3).
    #[error("DPoP proof: {0}")]
    Proof(&'static str),
    /// A refresh token that is genuine, where an access token is due.
    #[error("refresh token in place of an access token")]
    RefreshToken,
    /// An access token that is genuine, where a refresh token is due.
    #[error("access token in place of a refresh token")]
    AccessToken,
    /// Genuine, but the session that it belongs to is over.
    #[error("session is over")]
    Revoked,
    /// Its issuer was asked, and does not call it active (RFC 7662 §2.2).
    #[error("not active")]
    Inactive,
    /// Valid, but without this scope.
    #[error("scope {0} missing")]
    Scope(Needed),
    /// Valid, but of a subject without this role.
    #[error("role {0} missing")]
    Role(Needed),
    /// Valid, but a client speaks for itself where a user is due (RFC 9700 §4.15).
    #[error("a client in place of a user")]
    NotAUser,
    /// Valid, but against a rule of the service's own.
    #[error("against a rule of the service")]
    Forbidden,
    /// Valid, but the user logged in too long ago for this (RFC 9470).
    #[error("login more than {} s ago", max_age.as_secs())]
    LoginTooOld {
        /// How long ago it may be.
        max_age: Duration,
    },
    /// Valid, but the user did not log in by one of these means (RFC 9470).
    #[error("login by other means than {0:?}")]
    LoginTooWeak(&'static [&'static str]),
    /// Whether it was revoked cannot be found out now.
    #[error("revocation unknown")]
    RevocationUnknown {
        /// When to try again.
        retry_after: Duration,
    },
    /// Whether its proof was used before cannot be known now.
    #[error("too many proofs to tell one that was used before")]
    ProofsUnknown {
        /// When to try again.
        retry_after: Duration,
    },
    /// Its issuer cannot be asked about it now.
    #[error("introspection unavailable")]
    IntrospectionUnavailable {
        /// When to try again.
        retry_after: Duration,
    },
    /// The keys to judge it cannot be had now.
    #[error("verification keys unavailable")]
    KeysUnavailable {
        /// When to try again.
        retry_after: Duration,
    },
}

/// What a [`Rejection`] comes down to for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// 401 without an error code: nothing was presented (RFC 6750 §3.1).
    Missing,
    /// 400 `invalid_request`.
    InvalidRequest,
    /// 401 `invalid_token`.
    InvalidToken,
    /// 403 `insufficient_scope`, and which scope there should be, where one would help.
    Forbidden(Option<Needed>),
    /// 401 `insufficient_user_authentication` (RFC 9470): the user shall log in again.
    StepUp(StepUp),
    /// 503: the client shall keep its token and try again.
    Unavailable(Duration),
}

/// How a user shall log in for a request to pass (RFC 9470 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepUp {
    /// Not longer ago than this.
    MaxAge(Duration),
    /// By one of these means.
    AcrValues(&'static [&'static str]),
}

impl Outcome {
    /// A stable name for logs and metrics; one of a fixed set.
    pub fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidToken => "invalid_token",
            Self::Forbidden(_) => "forbidden",
            Self::StepUp(_) => "step_up",
            Self::Unavailable(_) => "unavailable",
        }
    }
}

impl Rejection {
    /// What it comes down to for the client.
    pub fn outcome(self) -> Outcome {
        match self {
            Self::NoCredentials | Self::OtherScheme => Outcome::Missing,
            Self::RepeatedHeader | Self::MalformedHeader | Self::TwoMethods => Outcome::InvalidRequest,
            Self::TooLong
            | Self::Malformed
            | Self::Algorithm
            | Self::Critical
            | Self::Type
            | Self::KeyId
            | Self::UnknownKey
            | Self::Signature
            | Self::MissingClaim(_)
            | Self::IllTypedClaim(_)
            | Self::OwnClaims
            | Self::Issuer
            | Self::Audience
            | Self::Expired
            | Self::NotYetValid
            | Self::Lifetime
            | Self::SenderConstrained
            | Self::Proof(_)
            | Self::RefreshToken
            | Self::AccessToken
            | Self::Revoked
            | Self::Inactive => Outcome::InvalidToken,
            Self::Scope(needed) => Outcome::Forbidden(Some(needed)),
            Self::Role(_) | Self::NotAUser | Self::Forbidden => Outcome::Forbidden(None),
            Self::LoginTooOld { max_age } => Outcome::StepUp(StepUp::MaxAge(max_age)),
            Self::LoginTooWeak(values) => Outcome::StepUp(StepUp::AcrValues(values)),
            Self::KeysUnavailable { retry_after }
            | Self::RevocationUnknown { retry_after }
            | Self::ProofsUnknown { retry_after }
            | Self::IntrospectionUnavailable { retry_after } => Outcome::Unavailable(retry_after),
        }
    }

    /// A stable name for logs and metrics; one of a fixed set.
    pub fn reason(self) -> &'static str {
        match self {
            Self::NoCredentials => "no_credentials",
            Self::OtherScheme => "other_scheme",
            Self::RepeatedHeader => "repeated_header",
            Self::MalformedHeader => "malformed_header",
            Self::TwoMethods => "two_methods",
            Self::TooLong => "too_long",
            Self::Malformed => "malformed",
            Self::Algorithm => "algorithm",
            Self::Critical => "critical",
            Self::Type => "type",
            Self::KeyId => "key_id",
            Self::UnknownKey => "unknown_key",
            Self::Signature => "signature",
            Self::MissingClaim(_) => "missing_claim",
            Self::IllTypedClaim(_) => "ill_typed_claim",
            Self::OwnClaims => "own_claims",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::Lifetime => "lifetime",
            Self::SenderConstrained => "sender_constrained",
            Self::Proof(_) => "proof",
            Self::RefreshToken => "refresh_token",
            Self::AccessToken => "access_token",
            Self::Revoked => "revoked",
            Self::Inactive => "inactive",
            Self::Scope(_) => "scope",
            Self::Role(_) => "role",
            Self::NotAUser => "not_a_user",
            Self::Forbidden => "forbidden",
            Self::LoginTooOld { .. } => "login_too_old",
            Self::LoginTooWeak(_) => "login_too_weak",
            Self::RevocationUnknown { .. } => "revocation_unknown",
            Self::ProofsUnknown { .. } => "proofs_unknown",
            Self::IntrospectionUnavailable { .. } => "introspection_unavailable",
            Self::KeysUnavailable { .. } => "keys_unavailable",
        }
    }

    /// What the client is told: in the words of Flask-JWT-Extended where its clients look for them.
    ///
    /// A scenario for the sameness of the rest: somebody alters the claims of a token and watches the answers. Were
    /// "wrong audience" told before the signature was checked, the answers would say what a forgery must look like.
    /// So only what a genuine token can run into is told apart.
    pub fn public(self) -> &'static str {
        match self {
            Self::NoCredentials => "Missing Authorization Header",
            Self::OtherScheme => {
                "Missing 'Bearer' type in 'Authorization' header. Expected 'Authorization: Bearer <JWT>'"
            }
            Self::RepeatedHeader => {
                "More than one Authorization header. Expected 'Authorization: Bearer <JWT>'"
            }
            Self::MalformedHeader => "Bad Authorization header. Expected 'Authorization: Bearer <JWT>'",
            Self::TwoMethods => {
                "More than one token in the request. Expected 'Authorization: Bearer <JWT>' alone"
            }
            Self::Expired => "Token has expired",
            Self::Audience => "Token is meant for another service",
            Self::RefreshToken => "Only non-refresh tokens are allowed",
            Self::AccessToken => "Only refresh tokens are allowed",
            Self::Revoked => "Token has been revoked",
            Self::Scope(_) | Self::Role(_) | Self::NotAUser | Self::Forbidden => "Token does not allow this",
            Self::LoginTooOld { .. } => "A more recent login is required",
            Self::LoginTooWeak(_) => "A stronger login is required",
            Self::Proof(_) => "Proof of possession is invalid",
            Self::KeysUnavailable { .. }
            | Self::RevocationUnknown { .. }
            | Self::ProofsUnknown { .. }
            | Self::IntrospectionUnavailable { .. } => "Token cannot be checked at the moment",
            Self::TooLong
            | Self::Malformed
            | Self::Algorithm
            | Self::Critical
            | Self::Type
            | Self::KeyId
            | Self::UnknownKey
            | Self::Signature
            | Self::MissingClaim(_)
            | Self::IllTypedClaim(_)
            | Self::OwnClaims
            | Self::Issuer
            | Self::NotYetValid
            | Self::Lifetime
            | Self::SenderConstrained
            | Self::Inactive => "Token is invalid",
        }
    }
}
