//! Whether a page says everything in each of its languages.

use std::collections::{BTreeMap, BTreeSet};

/// Checks the texts of a page, a module of JavaScript that exports `{key: [English, Chinese]}` as JSON, against what uses
/// them: scripts by `text('key')`, or by `text(`start_${…}`)` for several, and HTML by attributes.
///
/// # Panics
/// A text is missing or empty in a language, differs in what is filled in, is used and not there, or is there for nothing.
#[track_caller]
#[expect(clippy::panic, reason = "it is an assertion")]
pub fn check_texts(module: &str, sources: &[&str]) {
    let (_, json) = module.split_once("export default").unwrap_or_default();
    let texts: BTreeMap<String, [String; 2]> = serde_json::from_str(json.trim().trim_end_matches(';'))
        .unwrap_or_else(|error| panic!("each text is there twice: {error}"));
    for (key, [one, other]) in &texts {
        assert!(!one.is_empty() && !other.is_empty(), "{key} is empty");
        assert_eq!(placeholders(one), placeholders(other), "{key}");
    }
    let used = Used::by(sources);
    let unknown: Vec<_> = used.keys.iter().filter(|key| !texts.contains_key(**key)).collect();
    assert!(unknown.is_empty(), "used and not there: {unknown:?}");
    let by_start = |key: &str| used.starts.iter().any(|start| key.starts_with(start));
    let idle: Vec<_> =
        texts.keys().filter(|key| !used.keys.contains(key.as_str()) && !by_start(key)).collect();
    assert!(idle.is_empty(), "there for nothing: {idle:?}");
}

/// The names in braces.
fn placeholders(text: &str) -> BTreeSet<&str> {
    text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name).collect()
}

#[derive(Default)]
struct Used<'a> {
    keys: BTreeSet<&'a str>,
    starts: BTreeSet<&'a str>,
}

impl<'a> Used<'a> {
    fn by(sources: &[&'a str]) -> Self {
        let mut used = Self::default();
        for source in sources {
            for (before, after) in
                [("text('", '\''), ("text=\"", '"'), ("label=\"", '"'), ("placeholder=\"", '"')]
            {
                used.keys.extend(between(source, before, after));
            }
            used.starts.extend(between(source, "text(`", '$'));
        }
        used
    }
}

fn between<'a>(source: &'a str, before: &'a str, after: char) -> impl Iterator<Item = &'a str> {
    source.split(before).skip(1).filter_map(move |rest| rest.split_once(after)).map(|(found, _)| found)
}

#[cfg(test)]
mod tests {
    use super::check_texts;

    const MODULE: &str = r#"export default { "a": ["A {n}", "甲 {n}"], "b_x": ["B", "乙"] };"#;

    #[test]
    fn what_is_used_is_there() {
        check_texts(MODULE, &["text('a', { n }) + text(`b_${kind}`)"]);
        check_texts(MODULE, &[r#"<p data-text="a"></p><p data-label="b_x">"#]);
    }

    #[test]
    #[should_panic(expected = "used and not there: [\"c\"]")]
    fn a_missing_text_is_found() {
        check_texts(MODULE, &["text('c')"]);
    }

    #[test]
    #[should_panic(expected = "there for nothing: [\"b_x\"]")]
    fn an_idle_text_is_found() {
        check_texts(MODULE, &["text('a')"]);
    }

    #[test]
    #[should_panic(expected = "each text is there twice")]
    fn a_language_that_is_missing_is_found() {
        check_texts(r#"export default { "a": ["A"] };"#, &["text('a')"]);
    }

    #[test]
    #[should_panic(expected = "a")]
    fn what_is_filled_in_is_the_same() {
        check_texts(r#"export default { "a": ["A {n}", "甲"] };"#, &["text('a')"]);
    }
}
