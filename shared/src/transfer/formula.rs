//! Spreadsheets carry out what begins like a formula, also where a file of rows says so: somebody adds a book called
//! `=HYPERLINK(…)`, and it acts as the operator who opens the export (ASVS 5.0, 1.2.10). An apostrophe before it makes it text.

use std::borrow::Cow;

const FORMULAS: [&str; 10] = ["=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠"];

/// A value as CSV holds it.
pub(super) fn guarded(value: &[u8]) -> Cow<'_, [u8]> {
    if is_formula(value) { Cow::Owned([b"'", value].concat()) } else { Cow::Borrowed(value) }
}

/// The value that was [`guarded`].
pub(super) fn unguarded(value: &[u8]) -> &[u8] {
    value.strip_prefix(b"'").filter(|rest| is_formula(rest)).unwrap_or(value)
}

/// Also behind apostrophes of its own: so that it can be told from them, there is always one more.
fn is_formula(value: &[u8]) -> bool {
    let begins = value.iter().position(|byte| *byte != b'\'').unwrap_or(value.len());
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
            assert_eq!(unguarded(&written), value.as_bytes());
        }
        for value in ["", "'", "'tis", "Emma", "1=1", "呐喊"] {
            assert_eq!(*guarded(value.as_bytes()), *value.as_bytes());
            assert_eq!(unguarded(value.as_bytes()), value.as_bytes());
        }
    }
}
