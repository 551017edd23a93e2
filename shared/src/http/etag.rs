//! Entity tags and the conditions that clients set on them (RFC 9110 §8.8.3, §13.1).

use http::header::{IF_MATCH, IF_NONE_MATCH};
use http::{HeaderMap, HeaderName, HeaderValue};

/// Whether `If-Match` lets a change go ahead: it is absent, is `*`, or names `etag` strongly (RFC 9110 §13.1.1).
pub fn if_match(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    !headers.contains_key(IF_MATCH)
        || tags(headers, IF_MATCH).any(|tag| tag == "*" || tag.as_bytes() == etag.as_bytes())
}

/// Whether `If-None-Match` says that the client has this already: it is `*` or names `etag`, weakly or strongly
/// (RFC 9110 §13.1.2).
pub fn if_none_match(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    let same = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag).as_bytes() == etag.as_bytes();
    tags(headers, IF_NONE_MATCH).any(|tag| tag == "*" || same(tag))
}

/// The tags of a header's values. Our own tags hold no comma, so a comma always ends one.
fn tags(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).into_iter();
    values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn a_change_goes_ahead_on_a_strong_match_only() {
        let etag = HeaderValue::from_static("\"1-2\"");
        assert!(if_match(&HeaderMap::new(), &etag));
        assert!(if_match(&with(IF_MATCH, "*"), &etag));
        assert!(if_match(&with(IF_MATCH, "\"0\", \"1-2\""), &etag));
        for other in ["\"1-3\"", "W/\"1-2\"", "1-2", ""] {
            assert!(!if_match(&with(IF_MATCH, other), &etag), "{other}");
        }
    }

    #[test]
    fn a_client_has_it_already_on_a_weak_match_too() {
        let etag = HeaderValue::from_static("\"1-2\"");
        assert!(!if_none_match(&HeaderMap::new(), &etag));
        for same in ["*", "\"1-2\"", "W/\"1-2\"", "\"0\",\"1-2\""] {
            assert!(if_none_match(&with(IF_NONE_MATCH, same), &etag), "{same}");
        }
        assert!(!if_none_match(&with(IF_NONE_MATCH, "\"1-3\""), &etag));
    }
}
