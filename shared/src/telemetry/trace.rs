//! Which trace a request belongs to (W3C Trace Context): taken from the caller, in the log with every line of the request,
//! and handed on.
//!
//! Where no traces are exported, a trace is no more than an identifier, so that the lines of several services can be found
//! together. Where they are, the spans of `otlp` carry the same one.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{Context, KeyValue};
use tracing::{Instrument as _, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use url::Url;

pub use super::otlp::is_exporting;
use crate::jwks::{FetchError, Fetched, Transport};
use crate::random::Random;

/// The header that says which trace a request belongs to.
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// A place in a trace: what `traceparent` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    trace: [u8; 16],
    span: [u8; 8],
    sampled: bool,
}

impl TraceParent {
    /// Reads a header. One that is malformed is none (W3C Trace Context §4.3).
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let [version] = bytes(version)?;
        // What a later version adds comes behind.
        if version == 0xff || (version == 0 && parts.next().is_some()) {
            return None;
        }
        let [flags] = bytes(flags)?;
        let parent = Self { trace: bytes(trace)?, span: bytes(span)?, sampled: flags & 1 == 1 };
        (parent.trace != [0; 16] && parent.span != [0; 8]).then_some(parent)
    }

    fn of(headers: &HeaderMap) -> Option<Self> {
        Self::parse(headers.get(TRACEPARENT)?.to_str().ok()?)
    }

    /// The identifier of the trace, as text.
    pub(crate) fn trace_id(self) -> impl fmt::Display {
        TraceId::from_bytes(self.trace)
    }

    /// Puts it into the headers of a request that is part of the trace.
    pub fn hand_on(self, headers: &mut HeaderMap) {
        if let Ok(value) = HeaderValue::try_from(self.to_string()) {
            headers.insert(TRACEPARENT, value);
        }
    }

    fn context(self) -> Context {
        let flags = if self.sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
        let (trace, span) = (TraceId::from_bytes(self.trace), SpanId::from_bytes(self.span));
        Context::new().with_remote_span_context(SpanContext::new(
            trace,
            span,
            flags,
            true,
            TraceState::default(),
        ))
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { trace, span, sampled } = self;
        write!(
            f,
            "00-{:032x}-{:016x}-{:02x}",
            u128::from_be_bytes(*trace),
            u64::from_be_bytes(*span),
            u8::from(*sampled)
        )
    }
}

/// Lower-case hexadecimal of exactly so many bytes.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let plain = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if text.len() != 2 * N || !plain {
        return None;
    }
    let mut bytes = [0; N];
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()?;
    }
    Some(bytes)
}

/// The trace of whoever calls, or a new one, where no spans are exported; where they are, [`join`] says it of the span.
pub(crate) fn unexported(headers: &HeaderMap, random: &dyn Random) -> Option<TraceParent> {
    (!is_exporting()).then(|| continued(TraceParent::of(headers), random))
}

/// Joins `span` to the trace of whoever calls, or begins one, and notes its `trace_id`. Returns what to hand on.
pub fn join(span: &Span, headers: &HeaderMap, random: &dyn Random) -> TraceParent {
    let given = TraceParent::of(headers);
    let here = if is_exporting() { exported(span, given) } else { None };
    let here = here.unwrap_or_else(|| continued(given, random));
    span.record("trace_id", tracing::field::display(here.trace_id()));
    here
}

fn continued(given: Option<TraceParent>, random: &dyn Random) -> TraceParent {
    let (mut trace, mut span) = ([0; 16], [0; 8]);
    let drawn: [u8; 24] = random.bytes();
    trace.copy_from_slice(&drawn[..16]);
    span.copy_from_slice(&drawn[16..]);
    if let Some(given) = given {
        trace = given.trace;
    }
    TraceParent { trace, span, sampled: given.is_some_and(|given| given.sampled) }
}

/// The place of a span that is exported.
fn exported(span: &Span, given: Option<TraceParent>) -> Option<TraceParent> {
    if let Some(given) = given {
        // It fails where the span is not recorded, and then there is nothing to join.
        drop(span.set_parent(given.context()));
    }
    let context = span.context();
    let here = context.span().span_context().clone();
    here.is_valid().then(|| TraceParent {
        trace: here.trace_id().to_bytes(),
        span: here.span_id().to_bytes(),
        sampled: here.is_sampled(),
    })
}

/// Says of an exported span what a request was: its name is method and route, never the path.
pub(crate) fn describe(span: &Span, method: &str, route: &str, status: u16) {
    if !is_exporting() {
        return;
    }
    let context = span.context();
    let exported = context.span();
    exported.update_name(format!("{method} {route}"));
    exported.set_attribute(KeyValue::new("http.request.method", method.to_owned()));
    exported.set_attribute(KeyValue::new("http.route", route.to_owned()));
    exported.set_attribute(KeyValue::new("http.response.status_code", i64::from(status)));
    if status >= 500 {
        exported.set_status(Status::error(""));
    }
}

/// A transport whose requests are part of a trace, and carry it.
pub struct Traced<T> {
    inner: T,
}

impl<T: Transport> Traced<T> {
    /// Sends by `inner`.
    pub fn new(inner: T) -> Self {
        Self { inner }
    }
}

impl<T: Transport> Transport for Traced<T> {
    fn get<'a>(
        &'a self,
        url: &'a Url,
        mut headers: HeaderMap,
    ) -> Pin<Box<dyn Future<Output = Result<Fetched, FetchError>> + Send + 'a>> {
        if !is_exporting() {
            return self.inner.get(url, headers);
        }
        let span =
            tracing::info_span!(parent: None, "fetch", otel.name = "GET keys", otel.kind = ?SpanKind::Client);
        if let Some(here) = exported(&span, None) {
            here.hand_on(&mut headers);
        }
        span.set_attribute("url.full", url.to_string());
        Box::pin(self.inner.get(url, headers).instrument(span))
    }
}

impl<T> fmt::Debug for Traced<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Traced").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GIVEN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_header_is_read_as_the_standard_says() {
        assert_eq!(TraceParent::parse(GIVEN).unwrap().to_string(), GIVEN);
        assert!(TraceParent::parse(&format!("01{}-more", &GIVEN[2..])).is_some(), "of a later version");
        for bad in [
            "",
            &GIVEN[..54],
            &format!("{GIVEN}-more"),
            &format!("ff{}", &GIVEN[2..]),
            &GIVEN.to_uppercase(),
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        ] {
            assert_eq!(TraceParent::parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_or_not(text in "\\PC{0,60}") {
            let _ = TraceParent::parse(&text);
        }
    }

    #[test]
    fn a_trace_is_taken_on_and_a_new_one_begun_where_there_is_none() {
        let random = crate::random::SystemRandom::new();
        let mut headers = HeaderMap::new();
        let first = join(&Span::none(), &headers, &random);
        assert_ne!(first, join(&Span::none(), &headers, &random));
        first.hand_on(&mut headers);
        let second = join(&Span::none(), &headers, &random);
        assert!(second.trace == first.trace && second.span != first.span);
    }
}
