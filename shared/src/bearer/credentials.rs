//! The token in the `Authorization` header (RFC 6750 §2.1), the one place where we look for it.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::token::Rejection;

/// The token of the request: what stands behind `Bearer`, whatever the case of that word.
///
/// # Errors
/// There is no header, more than one, one of another scheme, or one that is not `Bearer` followed by one token. Two
/// credentials are refused rather than chosen from: a proxy in front may have judged the other one.
pub fn bearer_token(headers: &HeaderMap) -> Result<&str, Rejection> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(Rejection::NoCredentials)?;
    if values.next().is_some() {
        return Err(Rejection::RepeatedHeader);
    }
    let value = value.to_str().map_err(|_| Rejection::MalformedHeader)?;
    let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
    if scheme.is_empty() || scheme.contains('\t') {
        return Err(Rejection::MalformedHeader);
    }
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Rejection::OtherScheme);
    }
    let token = rest.trim_start_matches(' ');
    if token.is_empty() || token.contains([' ', '\t']) {
        return Err(Rejection::MalformedHeader);
    }
    Ok(token)
}

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
    fn anything_else_is_told_apart() {
        assert_eq!(token_of(&[]), Err(Rejection::NoCredentials));
        assert_eq!(token_of(&["Basic dTpw"]), Err(Rejection::OtherScheme));
        assert_eq!(token_of(&["a.b.c"]), Err(Rejection::OtherScheme));
        assert_eq!(token_of(&["Bearer a", "Bearer a"]), Err(Rejection::RepeatedHeader));
        for bad in ["", "Bearer", "Bearer ", "Bearer a b", "Bearer a, Bearer b", "Bearer\ta", "Bearer a\tb"] {
            assert_eq!(token_of(&[bad]), Err(Rejection::MalformedHeader), "{bad:?}");
        }
        let headers =
            HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_bytes(b"Bearer \xe9").unwrap())]);
        assert_eq!(bearer_token(&headers), Err(Rejection::MalformedHeader));
    }
}
