//! The log as one JSON object a line.
//!
//! Written in one go: `tracing-subscriber`'s own reads the fields of a span again, as JSON, each time that one is added and
//! each time that they are printed, which took longer than all else that is done for a small request.

use std::fmt::{self, Write as _};

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::Record;
use tracing::{Event, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

/// One object a line: time, level, the fields of the event, and `span`, in which it happened; where that is in others,
/// `spans` holds all of them, the outermost first.
#[derive(Debug)]
pub(super) struct JsonLines;

/// Fields as members, each behind a comma.
#[derive(Debug)]
pub(super) struct JsonMembers;

impl<S> FormatEvent<S, JsonMembers> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonMembers>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        writer.write_str("{\"timestamp\":\"")?;
        SystemTime.format_time(&mut writer)?;
        writer.write_str("\",\"level\":\"")?;
        writer.write_str(event.metadata().level().as_str())?;
        writer.write_char('"')?;
        JsonMembers.format_fields(writer.by_ref(), event)?;
        if let Some(span) =
            event.parent().and_then(|id| context.span(id)).or_else(|| context.lookup_current())
        {
            writer.write_str(",\"span\":")?;
            write_span(&mut writer, &span)?;
            if span.parent().is_some() {
                writer.write_str(",\"spans\":[")?;
                for (index, span) in span.scope().from_root().enumerate() {
                    writer.write_str(if index == 0 { "" } else { "," })?;
                    write_span(&mut writer, &span)?;
                }
                writer.write_char(']')?;
            }
        }
        writer.write_str("}\n")
    }
}

fn write_span<S>(writer: &mut Writer<'_>, span: &SpanRef<'_, S>) -> fmt::Result
where
    S: for<'a> LookupSpan<'a>,
{
    writer.write_str("{\"name\":")?;
    write_text(writer, span.name())?;
    if let Some(members) = span.extensions().get::<FormattedFields<JsonMembers>>() {
        writer.write_str(members)?;
    }
    writer.write_char('}')
}

impl<'w> FormatFields<'w> for JsonMembers {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut members = Members { writer, result: Ok(()) };
        fields.record(&mut members);
        members.result
    }

    /// What is recorded last counts, as where one guard lets a request pass and the next does not.
    fn add_fields(&self, current: &'w mut FormattedFields<Self>, fields: &Record<'_>) -> fmt::Result {
        let mut names = Names { earlier: &current.fields, again: Vec::new() };
        fields.record(&mut names);
        if !names.again.is_empty() {
            current.fields = without(&current.fields, &names.again)?;
        }
        let before = current.fields.len();
        // What the guard of a route notes, with room to spare.
        current.fields.reserve(128);
        let mut members = Members { writer: current.as_writer(), result: Ok(()) };
        fields.record(&mut members);
        let result = members.result;
        if result.is_err() {
            current.fields.truncate(before);
        }
        result
    }
}

/// The names of fields that are among the members already.
struct Names<'a> {
    earlier: &'a str,
    again: Vec<&'static str>,
}

impl Visit for Names<'_> {
    fn record_debug(&mut self, field: &Field, _: &dyn fmt::Debug) {
        // A text cannot be taken for a name, since the quotes in it are escaped. To look for a comma is far cheaper than to
        // look for a text.
        let is_named = |member: &str| {
            let name = member.strip_prefix('"').and_then(|text| text.strip_prefix(field.name()));
            name.is_some_and(|behind| behind.starts_with("\":"))
        };
        if self.earlier.split(',').any(is_named) {
            self.again.push(field.name());
        }
    }
}

/// The members without those of these names.
fn without(members: &str, names: &[&str]) -> Result<String, fmt::Error> {
    let object = format!("{{{}}}", members.trim_start_matches(','));
    let mut kept: Map<String, Value> = serde_json::from_str(&object).map_err(|_| fmt::Error)?;
    kept.retain(|name, _| !names.contains(&name.as_str()));
    let mut text = String::new();
    for (name, value) in kept {
        write!(text, ",\"{name}\":{value}")?;
    }
    Ok(text)
}

struct Members<'a> {
    writer: Writer<'a>,
    result: fmt::Result,
}

impl Members<'_> {
    fn member(&mut self, field: &Field, value: impl FnOnce(&mut Writer<'_>) -> fmt::Result) {
        let name = field.name();
        let name = name.strip_prefix("r#").unwrap_or(name);
        if self.result.is_ok() {
            let named = [",\"", name, "\":"].into_iter().try_for_each(|text| self.writer.write_str(text));
            self.result = named.and_then(|()| value(&mut self.writer));
        }
    }
}

impl Visit for Members<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no infinity.
        self.member(field, |writer| {
            if value.is_finite() { write!(writer, "{value}") } else { writer.write_str("null") }
        });
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.member(field, |writer| write!(writer, "{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.member(field, |writer| write!(writer, "{value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.member(field, |writer| write!(writer, "{value}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.member(field, |writer| write_text(writer, value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.member(field, |writer| {
            writer.write_char('"')?;
            write!(Escaped(writer), "{value:?}")?;
            writer.write_char('"')
        });
    }
}

fn write_text(writer: &mut Writer<'_>, text: &str) -> fmt::Result {
    writer.write_char('"')?;
    Escaped(writer).write_str(text)?;
    writer.write_char('"')
}

/// Writes text as the inside of a JSON string (RFC 8259 §7).
struct Escaped<'a, 'w>(&'a mut Writer<'w>);

impl fmt::Write for Escaped<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.bytes().position(|byte| byte < b' ' || byte == b'"' || byte == b'\\') {
            self.0.write_str(&rest[..at])?;
            match rest.as_bytes()[at] {
                b'"' => self.0.write_str("\\\"")?,
                b'\\' => self.0.write_str("\\\\")?,
                b'\n' => self.0.write_str("\\n")?,
                control => write!(self.0, "\\u{control:04x}")?,
            }
            rest = &rest[at + 1..];
        }
        self.0.write_str(rest)
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use serde_json::json;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What `log` logs, line by line, without the time.
    fn logged(log: impl FnOnce()) -> Vec<Value> {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .fmt_fields(JsonMembers)
            .event_format(JsonLines)
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, log);
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let without_time = |line: &str| {
            let mut line: Value =
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
            let time = line.as_object_mut().unwrap().remove("timestamp").unwrap();
            assert!(humantime::parse_rfc3339(time.as_str().unwrap()).is_ok(), "{time}");
            line
        };
        text.lines().map(without_time).collect()
    }

    #[test]
    fn an_event_is_one_object() {
        let error = io::Error::other("no \"space\"\nleft");
        let error: &(dyn std::error::Error + 'static) = &error;
        let lines = logged(|| {
            let path = "/a\\b\u{1}\u{7f}é😀\r\n\t\"";
            tracing::warn!(method = %"GET", path, status = 200_u16, change = -1, ratio = 0.5, none = f64::NAN, yes = true, error, list = ?["x"], "request");
        });
        let expected = json!({
            "level": "WARN", "message": "request", "method": "GET", "path": "/a\\b\u{1}\u{7f}é😀\r\n\t\"", "status": 200,
            "change": -1, "ratio": 0.5, "none": null, "yes": true, "error": "no \"space\"\nleft", "list": "[\"x\"]",
        });
        assert_eq!(lines, [expected]);
    }

    #[test]
    fn its_span_has_what_was_recorded_until_then_and_each_once_as_it_was_last() {
        let lines = logged(|| {
            let empty = tracing::field::Empty;
            let span = tracing::info_span!(
                "request",
                id = ",\"auth.outcome\":",
                auth.outcome = empty,
                auth.reason = empty
            );
            let _entered = span.enter();
            span.record("auth.outcome", "accepted");
            span.record("auth.reason", "").record("auth.outcome", "refused");
            tracing::info!("one");
            let _inner = tracing::info_span!("inner").entered();
            tracing::info!("two");
        });
        let span = json!({"name": "request", "id": ",\"auth.outcome\":", "auth.outcome": "refused", "auth.reason": ""});
        let inner = json!({"name": "inner"});
        assert_eq!(lines[0], json!({"level": "INFO", "message": "one", "span": span}));
        assert_eq!(
            lines[1],
            json!({"level": "INFO", "message": "two", "span": inner, "spans": [span, inner]})
        );
    }
}
