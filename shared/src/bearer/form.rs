//! A token in a form, beside the one in the header.

use std::iter;
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::{StreamExt as _, stream};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use tokio::time::timeout;

use super::credentials::holds_token;
use crate::gather::gather;

/// How far into a form is looked.
const MAX_LOOK: usize = 64 * 1024;
const LOOK_DEADLINE: Duration = Duration::from_secs(5);

/// Whether the body is a form: the only kind that RFC 6750 §2.2 lets a token be in.
pub(super) fn is_form(headers: &HeaderMap) -> bool {
    let form = b"application/x-www-form-urlencoded";
    headers.get(CONTENT_TYPE).is_some_and(|value| {
        value.as_bytes().get(..form.len()).is_some_and(|start| start.eq_ignore_ascii_case(form))
    })
}

/// The body as it was, if no token is in its first 64 KiB; what was read of it is put in front of the rest. One that takes
/// longer than five seconds for them breaks off there.
pub(super) async fn without_token(mut body: Body) -> Option<Body> {
    let mut read = Vec::new();
    let broken = match timeout(LOOK_DEADLINE, gather(&mut body, MAX_LOOK, &mut read)).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error),
        Err(elapsed) => Some(axum::Error::new(elapsed)),
    };
    if holds_token(&read) {
        return None;
    }
    let start = iter::once(Ok(Bytes::from(read))).chain(broken.map(Err));
    Some(Body::from_stream(stream::iter(start).chain(body.into_data_stream())))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http_body_util::BodyExt as _;

    use super::*;

    #[test]
    fn a_form_is_told_by_its_media_type() {
        for (value, expected) in [
            ("application/x-www-form-urlencoded", true),
            ("Application/X-WWW-Form-Urlencoded; charset=utf-8", true),
            ("application/json", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(value))]);
            assert_eq!(is_form(&headers), expected, "{value}");
        }
    }

    #[tokio::test]
    async fn the_body_is_handed_on_whole() {
        let chunks = ["a=1&".to_owned(), "b".repeat(MAX_LOOK), "&access_token=beyond".to_owned()];
        let whole = chunks.concat();
        let body =
            Body::from_stream(stream::iter(chunks.map(|chunk| Ok::<_, axum::Error>(Bytes::from(chunk)))));
        let body = without_token(body).await.unwrap();
        assert_eq!(body.collect().await.unwrap().to_bytes(), whole);
        assert!(without_token(Body::from("a=1&access_token=x")).await.is_none());
        assert!(without_token(Body::empty()).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_form_that_does_not_end_breaks_off() {
        let begun = stream::iter([Ok::<_, axum::Error>(Bytes::from("a=1&"))]);
        let body = without_token(Body::from_stream(begun.chain(stream::pending()))).await.unwrap();
        let mut data = body.into_data_stream();
        assert_eq!(data.next().await.unwrap().unwrap(), "a=1&");
        assert!(data.next().await.unwrap().is_err());
    }
}
