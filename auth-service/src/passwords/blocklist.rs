//! What attackers try first. Two libraries know: `passwords` carries the hundred thousand most common passwords of all
//! breaches, `zxcvbn` sees words and names behind digits, keyboards, dates and leet.
//!
//! Hardly any password that people have chosen freely is as long as we ask for, so a list alone would refuse next to
//! nothing at fifteen characters. What people do with a short one is to write it several times, or to count behind it.

use passwords::analyzer::is_common_password;
use zxcvbn::zxcvbn;

/// Fewer guesses than this lead to it. With a hundred failures per account this is far out of reach of whoever guesses
/// at the door; it is what zxcvbn calls "very guessable".
const FEW_GUESSES: u64 = 1_000_000;
/// What zxcvbn looks at.
const LOOKED_AT: usize = 100;

/// Whether an attacker would expect `text`, who knows these names.
pub(super) fn is_expected(text: &str, names: &[&str]) -> bool {
    let lower = text.to_lowercase();
    let unit = repeated_unit(&lower);
    if [text, lower.as_str(), unit].into_iter().any(is_common_password) {
        return true;
    }
    unit.chars().count() <= LOOKED_AT && zxcvbn(unit, names).guesses() < FEW_GUESSES
}

/// The shortest text that, repeated, gives this one, the last time perhaps not to its end: `abcabca` gives `abc`.
fn repeated_unit(text: &str) -> &str {
    // The failure function of Knuth, Morris and Pratt: for each prefix, how long its longest proper border is.
    let bytes = text.as_bytes();
    let mut border = vec![0; bytes.len()];
    let mut length = 0;
    for index in 1..bytes.len() {
        while length > 0 && bytes[index] != bytes[length] {
            length = border[length - 1];
        }
        length += usize::from(bytes[index] == bytes[length]);
        border[index] = length;
    }
    let period = bytes.len() - border.last().copied().unwrap_or(0);
    // Once and a bit is no repetition.
    if period * 2 <= bytes.len() { text.get(..period).unwrap_or(text) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_of_a_repetition_is_found() {
        for (text, unit) in
            [("aaaa", "a"), ("abcabca", "abc"), ("abcab", "abcab"), ("héhé", "hé"), ("", ""), ("x", "x")]
        {
            assert_eq!(repeated_unit(text), unit, "{text}");
        }
    }

    #[test]
    fn what_is_common_is_refused_in_every_disguise() {
        for bad in [
            "aaaaaaaaaaaaaaa",
            "passwordpassword",
            "Password1234567",
            "P@ssw0rdP@ssw0rd",
            "123456789012345",
            "12345678987654321",
            "abcdefghijklmno",
            "qwertyuiop12345",
            "1q2w3e4r5t6y7u8i",
            "adminadminadmin",
            "summersummer2024",
            "trustno1trustno1",
            "😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀",
            &"letmein".repeat(500),
        ] {
            assert!(is_expected(bad, &[]), "{bad}");
        }
        for good in ["correct horse battery staple", "another long password", "a long enough passphrase"] {
            assert!(!is_expected(good, &[]), "{good}");
        }
    }

    /// The list holds some eight thousand numbers of six digits; each meets the length rule when written three times.
    #[test]
    fn every_entry_of_the_list_is_refused_however_often_it_is_written() {
        let numbers = (0..1_000_000).map(|number| format!("{number:06}"));
        let entries: Vec<_> = numbers.filter(|number| is_common_password(number)).collect();
        assert!(entries.len() >= 3000, "{}", entries.len());
        for entry in entries {
            assert!(is_expected(&entry, &[]) && is_expected(&entry.repeat(3), &[]), "{entry}");
        }
    }
}
