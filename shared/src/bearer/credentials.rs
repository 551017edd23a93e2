//! The token in the `Authorization` header (RFC 6750 §2.1), the one place where we look for it.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::token::Rejection;

/// How a token is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    /// Whoever has it may use it.
    Bearer,
    /// With a proof that the caller holds the key that it is bound to (RFC 9449 §7.1).
    Dpop,
}

/// The token of the request: what stands behind `Bearer`, whatever the case of that word.
///
/// # Errors
/// There is no header, more than one, one of another scheme, or one that is not `Bearer` followed by one token. Two
/// credentials are refused rather than chosen from: a proxy in front may have judged the other one.
pub fn bearer_token(headers: &HeaderMap) -> Result<&str, Rejection> {
    match credentials(headers)? {
        (Scheme::Bearer, token) => Ok(token),
        (Scheme::Dpop, _) => Err(Rejection::OtherScheme),
    }
}

/// The same for either scheme.
pub(super) fn credentials(headers: &HeaderMap) -> Result<(Scheme, &str), Rejection> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(Rejection::NoCredentials)?;
    if values.next().is_some() {
        return Err(Rejection::RepeatedHeader);
    }
    // A token is long. These look at many bytes at a time; `to_str` takes one after the other.
    let value = Some(value.as_bytes()).filter(|bytes| bytes.is_ascii());
    let value = value.and_then(|bytes| str::from_utf8(bytes).ok()).ok_or(Rejection::MalformedHeader)?;
    let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
    if scheme.is_empty() || scheme.contains('\t') {
        return Err(Rejection::MalformedHeader);
    }
    let scheme = if scheme.eq_ignore_ascii_case("bearer") {
        Scheme::Bearer
    } else if scheme.eq_ignore_ascii_case("dpop") {
        Scheme::Dpop
    } else {
        return Err(Rejection::OtherScheme);
    };
    let token = rest.trim_start_matches(' ');
    let has = |blank: u8| token.as_bytes().contains(&blank);
    if token.is_empty() || has(b' ') || has(b'\t') {
        return Err(Rejection::MalformedHeader);
    }
    Ok((scheme, token))
}

/// Whether a query or a form holds a token (RFC 6750 §2.2, §2.3). Neither is a way to bring one here, since both end
/// up in logs; beside a token in the header they make a request that says two things.
pub(super) fn holds_token(parameters: &[u8]) -> bool {
    // Nearly all queries are told by their text; escapes could hide the name.
    let may_hold = parameters.contains(&b'%') || parameters.windows(TOKEN.len()).any(|text| text == TOKEN);
    may_hold && url::form_urlencoded::parse(parameters).any(|(name, _)| name.as_bytes() == TOKEN)
}

const TOKEN: &[u8] = b"access_token";

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn token_of(values: &[&'static str]) -> Result<String, Rejection> {
        let headers = values.iter().map(|value| (AUTHORIZATION, HeaderValue::from_static(value)));
        bearer_token(&headers.collect()).map(str::to_owned)
    }

    #[test]
    fn one_header_of_one_bearer_token_is_taken() {
        for good in ["Bearer a.b.c", "bearer a.b.c", "BEARER a.b.c", "Bearer  a.b.c"] {
            assert_eq!(token_of(&[good]).unwrap(), "a.b.c", "{good}");
        }
    }

    #[test]
    fn a_token_in_a_query_is_seen_however_it_is_written() {
        for holds in ["access_token=x", "a=b&access_token", "acc%65ss_token=x", "access_token=&access_token="]
        {
            assert!(holds_token(holds.as_bytes()), "{holds}");
        }
        for other in ["", "a=access_token", "my_access_token=x", "ACCESS_TOKEN=x", "%61=b", "%"] {
            assert!(!holds_token(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn anything_else_is_told_apart() {
        assert_eq!(token_of(&[]), Err(Rejection::NoCredentials));
        assert_eq!(token_of(&["Basic dTpw"]), Err(Rejection::OtherScheme));
        assert_eq!(token_of(&["a.b.c"]), Err(Rejection::OtherScheme));
        assert_eq!(token_of(&["DPoP a.b.c"]), Err(Rejection::OtherScheme));
        assert_eq!(token_of(&["Bearer a", "Bearer a"]), Err(Rejection::RepeatedHeader));
        for bad in ["", "Bearer", "Bearer ", "Bearer a b", "Bearer a, Bearer b", "Bearer\ta", "Bearer a\tb"] {
            assert_eq!(token_of(&[bad]), Err(Rejection::MalformedHeader), "{bad:?}");
        }
        let headers =
            HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_bytes(b"Bearer \xe9").unwrap())]);
        assert_eq!(bearer_token(&headers), Err(Rejection::MalformedHeader));
    }
}
