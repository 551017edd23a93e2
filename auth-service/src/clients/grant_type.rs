use std::str::FromStr;

/// How a client may come by tokens. There is no other way: no implicit grant, no password grant (RFC 9700 §2.1.2, §2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum GrantType {
    /// Somebody signs in with a browser (RFC 6749 §4.1).
    AuthorizationCode,
    /// A session goes on (RFC 6749 §6).
    RefreshToken,
    /// The client acts for itself (RFC 6749 §4.4).
    ClientCredentials,
    /// Somebody signs in with the browser of another device (RFC 8628).
    DeviceCode,
}

impl GrantType {
    /// All that there are.
    pub const ALL: [Self; 4] =
        [Self::AuthorizationCode, Self::RefreshToken, Self::ClientCredentials, Self::DeviceCode];

    /// Its name in requests, tables and metadata.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
            Self::DeviceCode => "urn:ietf:params:oauth:grant-type:device_code",
        }
    }
}

impl FromStr for GrantType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|grant| grant.as_str() == text)
            .ok_or_else(|| format!("must be one of {}", Self::ALL.map(Self::as_str).join(", ")))
    }
}
