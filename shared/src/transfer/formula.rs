//! Spreadsheets carry out what begins like a formula, also where a file of rows says so: somebody adds a book called
//! `=HYPERLINK(…)`, and it acts as the operator who opens the export (ASVS 5.0, 1.2.10). An apostrophe before it makes it text.

use std::borrow::Cow;
use std::iter;

const FORMULAS: [&str; 10] = ["=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠"];

/// A value as CSV holds it. Also what stands behind a separator of another kind: where the operator's spreadsheet goes by
/// semicolons, it is a cell of its own, and so is what begins a line then.
pub(super) fn guarded(value: &[u8]) -> Cow<'_, [u8]> {
    if !begins(value).any(|at| is_formula(&value[at..])) {
        return Cow::Borrowed(value);
    }
    let (mut guarded, mut copied) = (Vec::with_capacity(value.len() + 1), 0);
    for at in begins(value).filter(|at| is_formula(&value[*at..])) {
        guarded.extend_from_slice(&value[copied..at]);
        guarded.push(b'\'');
        copied = at;
    }
    guarded.extend_from_slice(&value[copied..]);
    Cow::Owned(guarded)
}

/// The value that was [`guarded`].
pub(super) fn unguarded(value: &[u8]) -> Cow<'_, [u8]> {
    let is_guarded = |at: usize| value[at..].strip_prefix(b"'").is_some_and(is_formula);
    if !begins(value).any(is_guarded) {
        return Cow::Borrowed(value);
    }
    let (mut plain, mut copied) = (Vec::with_capacity(value.len()), 0);
    for at in begins(value).filter(|at| is_guarded(*at)) {
        plain.extend_from_slice(&value[copied..at]);
        copied = at + 1;
    }
    plain.extend_from_slice(&value[copied..]);
    Cow::Owned(plain)
}

/// Where a cell may begin.
fn begins(value: &[u8]) -> impl Iterator<Item = usize> {
    let behind = |(at, byte): (usize, &u8)| matches!(byte, b';' | b'\t' | b'\n' | b'\r').then_some(at + 1);
    iter::once(0).chain(value.iter().enumerate().filter_map(behind))
}

/// Also behind apostrophes of its own: so that it can be told from them, there is always one more. And behind quotation marks,
/// which a spreadsheet takes for its own where it finds other cells than we wrote.
fn is_formula(value: &[u8]) -> bool {
    let begins = value.iter().position(|byte| !matches!(byte, b'\'' | b'"')).unwrap_or(value.len());
    FORMULAS.iter().any(|formula| value[begins..].starts_with(formula.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_become_text_and_are_themselves_again() {
        for value in ["=1+1", "@SUM(A1)", "-30-", "'=1", "''+", "\tx", "＝1"] {
            let written = guarded(value.as_bytes());
            assert_eq!(*written, *format!("'{value}").as_bytes());
            assert_eq!(*unguarded(&written), *value.as_bytes());
        }
        for value in ["", "'", "'tis", "Emma", "1=1", "呐喊", "a; b", ";", "a;'b"] {
            assert_eq!(*guarded(value.as_bytes()), *value.as_bytes());
            assert_eq!(*unguarded(value.as_bytes()), *value.as_bytes());
        }
        for (value, expected) in [
            ("x;=1;y", "x;'=1;y"),
            ("x\t-1", "x\t'-1"),
            ("=1;'+2", "'=1;''+2"),
            ("\t=1", "'\t'=1"),
            ("x;\"=1&\"", "x;'\"=1&\""),
            ("x\n=1;y", "x\n'=1;y"),
            (";\t", ";'\t"),
        ] {
            assert_eq!(*guarded(value.as_bytes()), *expected.as_bytes());
        }
    }

    proptest::proptest! {
        #[test]
        fn what_was_guarded_is_itself_again(value in "[=+'\"a;\t\r\n＝-]{0,12}") {
            let written = guarded(value.as_bytes());
            proptest::prop_assert_eq!(&*unguarded(&written), value.as_bytes());
            let acts = |cell: &[u8]| cell.iter().find(|byte| **byte != b'"') == Some(&b'=');
            proptest::prop_assert!(!written.split(|byte| matches!(byte, b';' | b'\t' | b'\n')).any(acts));
        }
    }
}
