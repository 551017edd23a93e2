//! Whose tokens are taken: an address that is compared as text and fetched from as a URL.

use std::fmt;

use url::Url;

/// Why a text cannot be read, in words that fit behind the name of what it was given for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub(crate) String);

impl From<&str> for Unreadable {
    fn from(reason: &str) -> Self {
        Self(reason.to_owned())
    }
}

/// An issuer identifier (RFC 8414 §2): an `http` or `https` URL without query and fragment.
///
/// Kept as the text that was given, since tokens are compared with it exactly: `https://a` and `https://a/` differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    text: String,
    url: Url,
}

impl Issuer {
    /// The identifier as it stands in `iss`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The identifier as a URL.
    pub fn url(&self) -> &Url {
        &self.url
    }
}

impl std::str::FromStr for Issuer {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let url = web_url(text)?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err("must have no query and no fragment".into());
        }
        Ok(Self { text: text.to_owned(), url })
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Parses an `http` or `https` URL without user name and password.
///
/// # Errors
/// Why it is none, in words that fit behind the setting's name.
pub fn web_url(text: &str) -> Result<Url, Unreadable> {
    let url = Url::parse(text).map_err(|error| Unreadable(format!("is not a URL: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err("must be an http or https URL".into());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must hold no user name and no password".into());
    }
    Ok(url)
}

/// Whether nobody between us and `url` can read what we say to each other, or answer in its place.
pub fn is_secure(url: &Url) -> bool {
    url.scheme() == "https" || is_loopback(url)
}

/// Whether `url` names this machine itself, where plain http gives nothing away.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_a_plain_web_address() {
        assert_eq!("https://id.example".parse::<Issuer>().unwrap().as_str(), "https://id.example");
        for bad in
            ["id.example", "ftp://id.example", "https://id.example?x", "https://a:b@id.example", "https://"]
        {
            assert!(bad.parse::<Issuer>().is_err(), "{bad}");
        }
    }
}
