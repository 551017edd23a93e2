//! Where a client may have answers sent to (RFC 9700 §2.1, RFC 8252).

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use url::{Host, Origin, Url};

const MAX_BYTES: usize = 2048;

/// An address that a client has registered for codes, or for people who have signed out.
///
/// It is compared as text, byte by byte. Comparing parsed addresses would need a rule for each way to write the same
/// one, and every attack on redirects lives in the difference.
#[derive(Clone, PartialEq, Eq)]
pub struct RedirectUri {
    text: String,
    /// For `http` on the loopback interface: the text before and after the port, which the application chooses anew each
    /// time it starts (RFC 8252 §7.3).
    loopback: Option<(String, String)>,
}

impl RedirectUri {
    /// The address as it was registered.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether a request that names `asked` means this address.
    pub fn matches(&self, asked: &str) -> bool {
        let other_port = || {
            let (before, after) = self.loopback.as_ref()?;
            let port = asked.strip_prefix(before)?.strip_suffix(after.as_str())?;
            let digits = port.strip_prefix(':')?;
            let is_port = digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.parse::<u16>().is_ok();
            Some(is_port && !digits.starts_with('0'))
        };
        asked == self.text || other_port().unwrap_or(false)
    }

    /// The origin of a web application, whose pages may read our answers. An application of another kind has none.
    pub fn origin(&self) -> Option<String> {
        let url = Url::parse(&self.text).ok()?;
        let is_web = matches!(url.scheme(), "http" | "https");
        is_web.then(|| url.origin()).filter(Origin::is_tuple).map(|origin| origin.ascii_serialization())
    }
}

impl FromStr for RedirectUri {
    type Err = &'static str;

    /// Reads an absolute address: `https`, `http` of the loopback interface, or a scheme of the application's own with a
    /// dot in it.
    fn from_str(text: &str) -> Result<Self, &'static str> {
        if text.len() > MAX_BYTES {
            return Err("must be at most 2048 bytes long");
        }
        if !text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'"' | b'<' | b'>' | b'`'))
        {
            return Err("must be of the characters of addresses, others percent-encoded");
        }
        let url = Url::parse(text)
            .map_err(|_| "must be an absolute address, such as https://app.example/callback")?;
        if url.fragment().is_some() {
            return Err("must have no fragment");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("must name no user");
        }
        // A parser would change them, and then text and meaning differ.
        if ["/./", "/../", "*"].iter().any(|part| text.contains(part))
            || text.ends_with("/..")
            || text.ends_with("/.")
        {
            return Err("must have no dots for segments and no wildcard");
        }
        // `https:app.example` is an address of another host, or a path on the same one, depending on who reads it.
        if !(url.as_str() == text || url.path() == "/" && url.as_str().strip_suffix('/') == Some(text)) {
            return Err(
                "must be written as browsers write it: small letters, two slashes, no port that goes without saying",
            );
        }
        if url.path().is_empty() && !url.has_host() {
            return Err("must have more than a scheme");
        }
        match url.scheme() {
            "https" if url.has_host() => Ok(Self { text: text.to_owned(), loopback: None }),
            "http" => match url.host() {
                Some(Host::Ipv4(address)) if address.is_loopback() => Ok(Self::loopback(text, &url)),
                Some(Host::Ipv6(Ipv6Addr::LOCALHOST)) => Ok(Self::loopback(text, &url)),
                Some(Host::Domain("localhost")) => Ok(Self { text: text.to_owned(), loopback: None }),
                Some(_) | None => Err("must be https, except on the loopback interface"),
            },
            scheme if scheme.contains('.') => Ok(Self { text: text.to_owned(), loopback: None }),
            _ => Err("must be https, or a scheme with a dot such as com.example.app"),
        }
    }
}

impl RedirectUri {
    /// An address of our own, which has no port but this one.
    pub(super) fn exactly(text: &str) -> Option<Self> {
        Url::parse(text).is_ok().then(|| Self { text: text.to_owned(), loopback: None })
    }

    fn loopback(text: &str, url: &Url) -> Self {
        let authority = "http://".len();
        let end = text[authority..].find(['/', '?']).map_or(text.len(), |at| authority + at);
        let host = match (url.port(), text[..end].rfind(':')) {
            (Some(_), Some(colon)) => colon,
            _ => end,
        };
        Self { text: text.to_owned(), loopback: Some((text[..host].to_owned(), text[end..].to_owned())) }
    }
}

impl fmt::Debug for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn uri(text: &str) -> RedirectUri {
        text.parse().unwrap()
    }

    #[test]
    fn only_the_very_same_text_matches() {
        let registered = uri("https://app.example/cb?x=1");
        assert!(registered.matches("https://app.example/cb?x=1"));
        for other in [
            "https://app.example/cb",
            "https://app.example/cb?x=1&y=2",
            "https://app.example/cb?x=1#f",
            "https://app.example/cb/?x=1",
            "https://APP.example/cb?x=1",
            "https://app.example:443/cb?x=1",
            "https://user@app.example/cb?x=1",
            "https://app.example/a/../cb?x=1",
            "http://app.example/cb?x=1",
            "https://app.example.evil/cb?x=1",
            " https://app.example/cb?x=1",
            "",
        ] {
            assert!(!registered.matches(other), "{other}");
        }
    }

    #[test]
    fn an_application_on_this_machine_may_choose_its_port() {
        for registered in ["http://127.0.0.1/cb", "http://127.0.0.1:8080/cb"] {
            for asked in ["http://127.0.0.1/cb", "http://127.0.0.1:1/cb", "http://127.0.0.1:65535/cb"] {
                assert!(
                    uri(registered).matches(asked) || registered.contains("8080") && asked.len() == 19,
                    "{asked}"
                );
            }
            for asked in [
                "http://127.0.0.1:0/cb",
                "http://127.0.0.1:65536/cb",
                "http://127.0.0.1:80@evil.example/cb",
                "http://127.0.0.1:8080.evil.example/cb",
                "http://127.0.0.1:/cb",
                "http://127.0.0.1:08/cb",
                "http://127.0.0.1:80/cb/x",
                "http://127.0.0.2:80/cb",
                "http://localhost:80/cb",
                "https://127.0.0.1:80/cb",
            ] {
                assert!(!uri(registered).matches(asked), "{registered} {asked}");
            }
        }
        assert!(uri("http://[::1]/cb").matches("http://[::1]:9/cb"));
        assert!(uri("http://[::1]:7/cb").matches("http://[::1]:9/cb"));
        assert!(uri("http://127.0.0.1:7").matches("http://127.0.0.1:9"));
        assert!(!uri("http://localhost/cb").matches("http://localhost:9/cb"));
        assert!(!uri("https://app.example/cb").matches("https://app.example:9/cb"));
    }

    #[test]
    fn what_cannot_be_compared_safely_cannot_be_registered() {
        for good in [
            "https://app.example",
            "https://app.example/cb?a=b",
            "com.example.app:/cb",
            "http://localhost:3000/cb",
        ] {
            assert!(good.parse::<RedirectUri>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "/cb",
            "app.example/cb",
            "http://app.example/cb",
            "https://app.example/cb#f",
            "https://u:p@app.example/cb",
            "https://app.example/a/../cb",
            "https://app.example/..",
            "https://*.example/cb",
            "javascript:alert(1)",
            "data:text/html,x",
            "urn:ietf:wg:oauth:2.0:oob",
            "https://app.example/c b",
            "https://app.example/\\evil",
            "https://äpp.example/cb",
            "https:app.example/cb",
            "https:/app.example/cb",
            "https:///app.example/cb",
            "HTTPS://app.example/cb",
            "https://APP.example/cb",
            "https://app.example:443/cb",
            "https://app.example/%2e%2e/cb",
            "http:127.0.0.1/cb",
            "http://2130706433/cb",
            "http://0x7f.1/cb",
            "com.example.app:",
        ] {
            assert!(bad.parse::<RedirectUri>().is_err(), "{bad}");
        }
    }

    #[test]
    fn web_applications_have_an_origin() {
        assert_eq!(uri("https://app.example/cb").origin().as_deref(), Some("https://app.example"));
        assert_eq!(uri("http://127.0.0.1:8080/cb").origin().as_deref(), Some("http://127.0.0.1:8080"));
        assert_eq!(uri("com.example.app:/cb").origin(), None);
    }

    proptest! {
        #[test]
        fn whatever_matches_leads_to_the_same_host_and_path(asked in "http://127\\.0\\.0\\.1[:@0-9a-z./?#%]{0,12}/cb") {
            let registered = uri("http://127.0.0.1:8080/cb");
            if registered.matches(&asked) {
                let url = Url::parse(&asked).unwrap();
                prop_assert_eq!((url.host_str(), url.path()), (Some("127.0.0.1"), "/cb"));
                prop_assert!(url.username().is_empty() && url.fragment().is_none() && url.query().is_none());
            }
        }
    }
}
