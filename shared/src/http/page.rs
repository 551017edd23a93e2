//! Lists in pages: `limit` entries behind the one called `after`, with a link to the rest (RFC 8288).

use axum::response::{IntoResponse, Response};
use http::header::LINK;
use http::{HeaderValue, Uri};
use serde::Serialize;
use url::form_urlencoded;

use super::body::Json;
use super::fields::{Fields, Invalid};

/// The most entries of a page.
pub const MAX_LIMIT: u64 = 1000;
/// The entries of a page where the client does not say.
pub const DEFAULT_LIMIT: u64 = 100;

/// Reads `limit`: 1 to 1000, by default 100.
///
/// # Errors
/// It is something else.
pub fn limit(fields: &mut Fields) -> Result<u64, Invalid> {
    let parse = |text: &str| match text.parse() {
        Ok(limit @ 1..=MAX_LIMIT) => Ok(limit),
        _ => Err("must be a whole number from 1 to 1000".to_owned()),
    };
    Ok(fields.optional_text("limit", parse)?.unwrap_or(DEFAULT_LIMIT))
}

/// One page of a list. Made from one entry more than fits, which tells whether there is a next page.
#[derive(Debug)]
pub struct Page<T> {
    entries: Vec<T>,
    next: Option<HeaderValue>,
}

impl<T> Page<T> {
    /// The first `limit` of `entries`, asked for by `uri`; `key` is what `after` names an entry by.
    pub fn new(mut entries: Vec<T>, limit: u64, uri: &Uri, key: impl Fn(&T) -> String) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = entries.len() > limit;
        entries.truncate(limit);
        let next = entries.last().filter(|_| more).and_then(|last| next_link(uri, &key(last)));
        Self { entries, next }
    }

    /// The page with each entry as `view` shows it.
    pub fn map<U>(self, view: impl FnMut(T) -> U) -> Page<U> {
        Page { entries: self.entries.into_iter().map(view).collect(), next: self.next }
    }
}

impl<T: Serialize> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.entries).into_response();
        if let Some(next) = self.next {
            response.headers_mut().insert(LINK, next);
        }
        response
    }
}

/// The same request from `after` on, relative, so that it holds behind any gateway; the rest of it as it was written, since
/// written anew it might be three times as long.
fn next_link(uri: &Uri, after: &str) -> Option<HeaderValue> {
    let is_after = |pair: &&str| form_urlencoded::parse(pair.as_bytes()).any(|(name, _)| name == "after");
    let mut query = String::new();
    for pair in uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty() && !is_after(pair))
    {
        query.push_str(pair);
        query.push('&');
    }
    let after: String = form_urlencoded::byte_serialize(after.as_bytes()).collect();
    HeaderValue::try_from(format!("<{}?{query}after={after}>; rel=\"next\"", uri.path())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(entries: &[u32], uri: &'static str) -> (Vec<u32>, Option<String>) {
        let page = Page::new(entries.to_vec(), 2, &Uri::from_static(uri), u32::to_string);
        (page.entries, page.next.map(|next| next.to_str().unwrap().to_owned()))
    }

    #[test]
    fn a_link_leads_on_while_there_is_more() {
        assert_eq!(page(&[1, 2], "/b?limit=2"), (vec![1, 2], None));
        let (entries, next) = page(&[5, 6, 7], "/b?q=a%20%3E&limit=2&&%61fter=4");
        assert_eq!(entries, [5, 6]);
        assert_eq!(next.unwrap(), "</b?q=a%20%3E&limit=2&after=6>; rel=\"next\"");
        assert_eq!(page(&[], "/b"), (vec![], None));
    }
}
