//! A token in a form, beside the one in the header.

use axum::body::Body;
use futures_util::{StreamExt as _, stream};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http_body_util::BodyExt as _;

use super::credentials::holds_token;

/// How far into a form is looked.
const MAX_LOOK: usize = 64 * 1024;

/// Whether the body is a form: the only kind that RFC 6750 §2.2 lets a token be in.
pub(super) fn is_form(headers: &HeaderMap) -> bool {
    let form = b"application/x-www-form-urlencoded";
    headers.get(CONTENT_TYPE).is_some_and(|value| {
        value.as_bytes().get(..form.len()).is_some_and(|start| start.eq_ignore_ascii_case(form))
    })
}

/// The body as it was, if no token is in its first 64 KiB; what was read of it is put in front of the rest.
pub(super) async fn without_token(mut body: Body) -> Option<Body> {
    let (mut frames, mut read) = (Vec::new(), Vec::new());
    while read.len() < MAX_LOOK
        && let Some(frame) = body.frame().await
    {
        if let Some(data) = frame.as_ref().ok().and_then(|frame| frame.data_ref()) {
            read.extend_from_slice(data);
        }
        frames.push(frame);
    }
    if holds_token(&read) {
        return None;
    }
    let start = stream::iter(frames)
        .filter_map(|frame| std::future::ready(frame.map(|frame| frame.into_data().ok()).transpose()));
    Some(Body::from_stream(start.chain(body.into_data_stream())))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderValue;

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
}
