//! Why a request may not pass, in one vocabulary: for the log, for metrics, and, kept apart, for the wire.

use std::time::Duration;

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
    /// A refresh token that is genuine, where an access token is due.
    #[error("refresh token in place of an access token")]
    RefreshToken,
    /// An access token that is genuine, where a refresh token is due.
    #[error("access token in place of a refresh token")]
    AccessToken,
    /// Genuine, but the session that it belongs to is over.
    #[error("session is over")]
    Revoked,
    /// Valid, but without this scope.
    #[error("scope {0} missing")]
    Scope(&'static str),
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
    /// 403 `insufficient_scope`.
    InsufficientScope(&'static str),
    /// 503: the client shall keep its token and try again.
    Unavailable(Duration),
}

impl Rejection {
    /// What it comes down to for the client.
    pub fn outcome(self) -> Outcome {
        match self {
            Self::NoCredentials | Self::OtherScheme => Outcome::Missing,
            Self::RepeatedHeader | Self::MalformedHeader => Outcome::InvalidRequest,
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
            | Self::Issuer
            | Self::Audience
            | Self::Expired
            | Self::NotYetValid
            | Self::Lifetime
            | Self::SenderConstrained
            | Self::RefreshToken
            | Self::AccessToken
            | Self::Revoked => Outcome::InvalidToken,
            Self::Scope(scope) => Outcome::InsufficientScope(scope),
            Self::KeysUnavailable { retry_after } => Outcome::Unavailable(retry_after),
        }
    }

    /// A stable name for logs and metrics; one of a fixed set.
    pub fn reason(self) -> &'static str {
        match self {
            Self::NoCredentials => "no_credentials",
            Self::OtherScheme => "other_scheme",
            Self::RepeatedHeader => "repeated_header",
            Self::MalformedHeader => "malformed_header",
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
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::Lifetime => "lifetime",
            Self::SenderConstrained => "sender_constrained",
            Self::RefreshToken => "refresh_token",
            Self::AccessToken => "access_token",
            Self::Revoked => "revoked",
            Self::Scope(_) => "scope",
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
            Self::Expired => "Token has expired",
            Self::Audience => "Token is meant for another service",
            Self::RefreshToken => "Only non-refresh tokens are allowed",
            Self::AccessToken => "Only refresh tokens are allowed",
            Self::Revoked => "Token has been revoked",
            Self::Scope(_) => "Token does not allow this",
            Self::KeysUnavailable { .. } => "Token cannot be checked at the moment",
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
            | Self::Issuer
            | Self::NotYetValid
            | Self::Lifetime
            | Self::SenderConstrained => "Token is invalid",
        }
    }
}
