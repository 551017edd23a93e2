//! A JSON object read strictly: parsers that disagree on one text are how forged claims get in.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

const MAX_MEMBERS: usize = 64;
const MAX_DEPTH: usize = 16;
/// Room for the claims of a usual token.
const USUAL_MEMBERS: usize = 20;

/// The text is not the JSON that a token may hold. Deliberately says no more: nothing in it was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the JSON of the token is malformed")]
pub struct Malformed;

/// Reads the members of a JSON object, in order, each with its value as text.
///
/// # Errors
/// Not UTF-8, not one JSON object, two members of one name (also where one is written with escapes, RFC 7519 §4),
/// more than 64 members, or values nested deeper than 16.
pub fn members(json: &[u8]) -> Result<Vec<(Cow<'_, str>, &str)>, Malformed> {
    let Object(members) = serde_json::from_slice(json).map_err(|_| Malformed)?;
    if members.iter().any(|(_, value)| depth(value) > MAX_DEPTH) {
        return Err(Malformed);
    }
    Ok(members)
}

struct Object<'a>(Vec<(Cow<'a, str>, &'a str)>);

/// A member's name: borrowed unless it holds escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with distinct names")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
        let mut members: Vec<(Cow<'de, str>, &'de str)> = Vec::with_capacity(USUAL_MEMBERS);
        while let Some(Name(name)) = map.next_key()? {
            let value: &'de RawValue = map.next_value()?;
            if members.len() == MAX_MEMBERS || members.iter().any(|(seen, _)| *seen == name) {
                return Err(de::Error::custom("too many members or one name twice"));
            }
            members.push((name, value.get()));
        }
        Ok(Object(members))
    }
}

/// How deep arrays and objects are nested in a JSON text that is known to be well-formed.
fn depth(json: &str) -> usize {
    if !json.starts_with(['[', '{']) {
        return 0;
    }
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_read_in_order() {
        let read = members(br#" {"a": 1, "b": ["x", {}]} "#).unwrap();
        assert_eq!(read, [(Cow::from("a"), "1"), (Cow::from("b"), r#"["x", {}]"#)]);
    }

    #[test]
    fn what_parsers_could_disagree_on_is_refused() {
        for bad in [
            &br#"{"exp":1,"exp":2}"#[..],
            br#"{"exp":1,"\u0065xp":2}"#,
            br#"{"a":1} {"b":2}"#,
            br#"["a"]"#,
            br#"{"a":1,}"#,
            b"{\"a\":\"\xff\"}",
            b"\xef\xbb\xbf{}",
            b"",
        ] {
            assert_eq!(members(bad), Err(Malformed), "{}", String::from_utf8_lossy(bad));
        }
    }

    #[test]
    fn size_and_depth_are_bounded() {
        let nested = |n: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(n), "]".repeat(n));
        assert!(members(nested(16).as_bytes()).is_ok());
        assert!(members(nested(17).as_bytes()).is_err());
        assert!(members(nested(4000).as_bytes()).is_err());
        let many = |n: usize| {
            let names: Vec<_> = (0..n).map(|i| format!(r#""m{i}":"[[[""#)).collect();
            format!("{{{}}}", names.join(","))
        };
        assert!(members(many(64).as_bytes()).is_ok());
        assert!(members(many(65).as_bytes()).is_err());
    }
}
