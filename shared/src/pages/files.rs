//! Files that pages load, below an address that changes with them.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::sync::{Arc, OnceLock};

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, VARY};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use ring::digest::{Context, SHA256, digest};

use crate::http::SharedBytes;
use crate::http::etag::if_none_match;
use crate::problem::Problem;

/// The longest that a cache may be told to keep something: the address of a file changes with it.
const FOREVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");

/// A file in the binary.
#[derive(Clone, Copy, Debug)]
pub struct File {
    name: &'static str,
    content: Content,
}

/// How a file is in the binary.
#[derive(Clone, Copy, Debug)]
pub enum Content {
    /// As it is.
    Plain(&'static [u8]),
    /// Compressed (RFC 1952).
    Gzip(&'static [u8]),
}

impl File {
    /// A file that is compressed once the service starts.
    pub const fn plain(name: &'static str, content: &'static [u8]) -> Self {
        Self { name, content: Content::Plain(content) }
    }

    /// A file that is compressed already.
    pub const fn gzip(name: &'static str, content: &'static [u8]) -> Self {
        Self { name, content: Content::Gzip(content) }
    }
}

/// The files of a page.
#[derive(Clone, Debug)]
pub struct Files(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    version: String,
    files: BTreeMap<&'static str, Stored>,
}

#[derive(Debug)]
struct Stored {
    media_type: &'static str,
    content: Content,
    gzip: Bytes,
    /// For clients that take no compression, where it is in the binary compressed. Made once: a thousand who ask for it and
    /// read nothing hold one.
    expanded: OnceLock<Bytes>,
    digest: String,
}

impl Files {
    /// These files, of which none is there twice.
    pub fn new(files: impl IntoIterator<Item = File>) -> Self {
        let files: BTreeMap<_, _> = files.into_iter().map(|file| (file.name, Stored::new(&file))).collect();
        let mut context = Context::new(&SHA256);
        for (name, file) in &files {
            context.update(name.as_bytes());
            context.update(file.digest.as_bytes());
        }
        let version = URL_SAFE_NO_PAD.encode(&context.finish().as_ref()[..9]);
        Self(Arc::new(Inner { version, files }))
    }

    /// The part of their address that changes with any of them.
    pub fn version(&self) -> &str {
        &self.0.version
    }

    /// Serves them at `{prefix}/{version}/{name}`. During a rollout a page of one replica asks another one for its files: it
    /// gets those that are there, and keeps them no longer than for that once.
    pub fn routes<S: Clone + Send + Sync + 'static>(&self, prefix: &str) -> Router<S> {
        let files = self.clone();
        let answer = move |Path((version, name)): Path<(String, String)>, headers: HeaderMap| {
            std::future::ready(files.answer(&version, &name, &headers))
        };
        Router::new().route(&format!("{prefix}/{{version}}/{{name}}"), get(answer))
    }

    fn answer(&self, version: &str, name: &str, headers: &HeaderMap) -> Response {
        let Some(file) = self.0.files.get(name) else {
            return Problem::no_such_route().into_response();
        };
        let lasts = if version == self.0.version { FOREVER } else { ASK_AGAIN };
        file.answer(headers, lasts)
    }
}

impl Stored {
    fn new(file: &File) -> Self {
        let (Content::Plain(bytes) | Content::Gzip(bytes)) = file.content;
        let gzip = match file.content {
            // Nothing that is written to memory fails.
            Content::Plain(bytes) => compressed(bytes).unwrap_or_default(),
            Content::Gzip(bytes) => Bytes::from_static(bytes),
        };
        let digest = URL_SAFE_NO_PAD.encode(&digest(&SHA256, bytes).as_ref()[..12]);
        Self {
            media_type: media_type(file.name),
            content: file.content,
            gzip,
            expanded: OnceLock::new(),
            digest,
        }
    }

    fn answer(&self, headers: &HeaderMap, lasts: HeaderValue) -> Response {
        let gzip = accepts_gzip(headers) && !self.gzip.is_empty();
        // Each encoding is a representation with a tag of its own (RFC 9110 §8.8.3.3).
        let etag = format!("\"{}{}\"", self.digest, if gzip { "-gzip" } else { "" });
        let etag = HeaderValue::try_from(etag).unwrap_or(HeaderValue::from_static("\"\""));
        let common: [(HeaderName, HeaderValue); 4] = [
            (ETAG, etag.clone()),
            (CACHE_CONTROL, lasts),
            (VARY, HeaderValue::from_static("Accept-Encoding")),
            (
                HeaderName::from_static("cross-origin-resource-policy"),
                HeaderValue::from_static("same-origin"),
            ),
        ];
        if if_none_match(headers, &etag) {
            return (StatusCode::NOT_MODIFIED, common).into_response();
        }
        let media_type = [(CONTENT_TYPE, HeaderValue::from_static(self.media_type))];
        if gzip {
            let encoding = [(CONTENT_ENCODING, HeaderValue::from_static("gzip"))];
            return (Extension(SharedBytes), common, media_type, encoding, self.gzip.clone()).into_response();
        }
        match self.content {
            Content::Plain(bytes) => (Extension(SharedBytes), common, media_type, bytes).into_response(),
            Content::Gzip(bytes) => match self.expanded(bytes) {
                Ok(bytes) => (Extension(SharedBytes), common, media_type, bytes).into_response(),
                Err(error) => Problem::internal(error).into_response(),
            },
        }
    }

    fn expanded(&self, gzip: &[u8]) -> io::Result<Bytes> {
        if let Some(bytes) = self.expanded.get() {
            return Ok(bytes.clone());
        }
        let bytes = expanded(gzip)?;
        Ok(self.expanded.get_or_init(|| bytes.into()).clone())
    }
}

fn compressed(bytes: &[u8]) -> io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish().map(Bytes::from)
}

fn expanded(gzip: &[u8]) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    GzDecoder::new(gzip).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether `Accept-Encoding` names gzip, or everything, and not to refuse it (RFC 9110 §12.5.3).
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut everything = false;
    for range in values.flat_map(|value| value.split(',')) {
        let (coding, weight) = range.split_once(';').unwrap_or((range, "q=1"));
        let weight = weight.trim().trim_start_matches(['q', 'Q']).trim_start().trim_start_matches('=');
        let accepted = weight.trim().parse::<f32>().is_ok_and(|weight| weight > 0.0);
        match coding.trim() {
            coding if coding.eq_ignore_ascii_case("gzip") || coding.eq_ignore_ascii_case("x-gzip") => {
                return accepted;
            }
            "*" => everything = accepted,
            _ => {}
        }
    }
    everything
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.') {
        Some((_, "js")) => "text/javascript; charset=utf-8",
        Some((_, "css")) => "text/css; charset=utf-8",
        Some((_, "svg")) => "image/svg+xml",
        Some(_) | None => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compression_is_for_those_who_take_it() {
        let accepts = |value: &'static str| {
            accepts_gzip(&HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(value))]))
        };
        for yes in
            ["gzip", "gzip, deflate, br", "br;q=1.0, GZIP;q=0.5", "*", "identity;q=0, *;q=0.1", "x-gzip"]
        {
            assert!(accepts(yes), "{yes}");
        }
        for no in ["", "br", "gzip;q=0", "gzip;q=0.0, *", "*;q=0", "gzipped", "gzip;q=soon"] {
            assert!(!accepts(no), "{no}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }

    #[test]
    fn the_version_changes_with_each_file() {
        let version =
            |text: &'static str| Files::new([File::plain("a.js", text.as_bytes())]).version().to_owned();
        assert_eq!(version("1"), version("1"));
        assert_ne!(version("1"), version("2"));
    }

    #[test]
    fn what_is_compressed_is_what_was_there() {
        let gzip = compressed(b"const a = 1;").unwrap();
        assert_eq!(expanded(&gzip).unwrap(), b"const a = 1;");
    }

    /// A scenario: a thousand connections ask for the largest file without compression, and read nothing of it.
    #[test]
    fn all_who_take_no_compression_are_given_the_same_bytes() {
        let gzip = Box::leak(compressed(b"const a = 1;").unwrap().to_vec().into_boxed_slice());
        let file = Stored::new(&File::gzip("a.js", gzip));
        let given = [file.expanded(gzip).unwrap(), file.expanded(gzip).unwrap()];
        assert_eq!(given[0].as_ptr(), given[1].as_ptr());
    }
}
