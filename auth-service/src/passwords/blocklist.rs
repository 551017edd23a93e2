//! What attackers try first. Two libraries know: `passwords` carries the hundred thousand most common passwords of all
//! breaches, `zxcvbn` sees words and names behind digits, keyboards, dates and leet.
//!
//! Hardly any password that people have chosen freely is as long as we ask for, so a list alone would refuse next to
//! nothing at fifteen characters. What people do with a short one is to write it several times, or to count behind it.

use passwords::analyzer::is_common_password;
use unicode_normalization::UnicodeNormalization as _;
use zxcvbn::zxcvbn;

/// Fewer guesses than this lead to it. With a hundred failures per account this is far out of reach of whoever guesses
/// at the door; it is what zxcvbn calls "very guessable".
const FEW_GUESSES: u64 = 1_000_000;
/// What zxcvbn is shown at a time. It tries each way to read digits and marks as letters on each part of the text, so a
/// hundred characters can be made to take a second.
const SHOWN: usize = 40;
/// How often it is shown something of one text. Who guesses one that goes on behind that has guessed long enough.
const SHOWN_TIMES: usize = 4;
/// A unit that is written again counts as repeated from so many more characters on, so that double letters stay.
const REPEATED: usize = 3;

/// Whether an attacker would expect `text`, who knows these names. It takes a while: see [`SHOWN`].
pub(super) fn is_expected(text: &str, names: &[&str]) -> bool {
    let lower = text.nfkc().collect::<String>().to_lowercase();
    if is_common_password(text) || is_common_password(&lower) {
        return true;
    }
    let without_names = names.iter().fold(lower.clone(), |text, name| text.replace(name, ""));
    let essence = essence(&without_names);
    is_common_password(&essence)
        || takes_few_guesses(&essence, names)
        || (essence != lower && takes_few_guesses(&lower, names))
}

/// Whether zxcvbn would get to it soon, one part after the other.
fn takes_few_guesses(text: &str, names: &[&str]) -> bool {
    let characters: Vec<char> = text.chars().collect();
    let mut guesses = 1_u64;
    for part in characters.chunks(SHOWN).take(SHOWN_TIMES) {
        guesses = guesses.saturating_mul(zxcvbn(&part.iter().collect::<String>(), names).guesses().max(1));
        if guesses >= FEW_GUESSES {
            return false;
        }
    }
    true
}

/// What is left of a text in which nothing is said twice in a row, as far as anybody looks at it: `abcabca` gives `abc`,
/// and so does `aaaabcbcbc`.
fn essence(text: &str) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    loop {
        let shorter = without_repetitions(&characters);
        if shorter.len() == characters.len() {
            return shorter.into_iter().collect();
        }
        characters = shorter;
    }
}

/// One pass from left to right, each time over the shortest unit that is repeated.
fn without_repetitions(characters: &[char]) -> Vec<char> {
    let (mut kept, mut rest) = (Vec::new(), characters);
    while let Some((first, behind)) = rest.split_first()
        && kept.len() < SHOWN * SHOWN_TIMES
    {
        let repeated = repetition(rest).and_then(|(unit, all)| Some((rest.get(..unit)?, rest.get(all..)?)));
        match repeated {
            Some((unit, behind)) => {
                kept.extend_from_slice(unit);
                rest = behind;
            }
            None => {
                kept.push(*first);
                rest = behind;
            }
        }
    }
    kept
}

/// The repetition that a text begins with: how long its unit is, and how long all of it, the last time perhaps not to its
/// end.
fn repetition(text: &[char]) -> Option<(usize, usize)> {
    // The failure function of Knuth, Morris and Pratt: for each prefix, how long its longest proper border is. What is not
    // border is the unit.
    let mut border = vec![0; text.len()];
    let mut length = 0;
    for index in 1..text.len() {
        while length > 0 && text[index] != text[length] {
            length = border[length - 1];
        }
        length += usize::from(text[index] == text[length]);
        border[index] = length;
        let unit = index + 1 - length;
        if length >= unit.max(REPEATED) {
            let goes_on = text[unit..].iter().zip(text).take_while(|(one, other)| one == other).count();
            return Some((unit, unit + goes_on));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_again_is_left_out() {
        for (text, left) in [
            ("aaaa", "a"),
            ("abcabca", "abc"),
            ("abcab", "abcab"),
            ("aaaabcbcbc", "abc"),
            ("aaaabaaaab", "abab"),
            ("passwordpassword1", "password1"),
            ("héhéhé", "hé"),
            ("bookkeeper", "bookkeeper"),
            ("", ""),
            ("x", "x"),
        ] {
            assert_eq!(essence(text), left, "{text}");
        }
        let numbers: String = (0..1000).map(|number| number.to_string()).collect();
        assert!(essence(&numbers).len() <= SHOWN * SHOWN_TIMES, "nobody looks at more");
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
            &format!("{}b", "a".repeat(100)),
            &format!("{}b", "a".repeat(4000)),
            &format!("{}1", "password".repeat(13)),
            &format!("{}{}", "1".repeat(70), "2".repeat(70)),
            "password       1",
            "ｐａｓｓｗｏｒｄ１２３４５６７",
            "abcdefghijklmnopqrstuvwxyz1234567890",
        ] {
            assert!(is_expected(bad, &[]), "{bad}");
        }
        for good in ["correct horse battery staple", "another long password", "a long enough passphrase"] {
            assert!(!is_expected(good, &[]), "{good}");
        }
    }

    #[test]
    fn a_name_is_known_however_long_it_is() {
        let name = "a-name-that-has-more-characters-than-are-shown";
        for bad in [format!("{name}1"), format!("1234{name}"), name.repeat(3), format!("{name}{name}99")] {
            assert!(is_expected(&bad, &[name]), "{bad}");
            assert!(!is_expected(&bad, &[]), "{bad}");
        }
        assert!(!is_expected("correct horse battery staple", &["a", "or"]));
    }

    /// With digits and marks that may stand for several letters each, a hundred characters once took a second.
    #[test]
    #[ignore = "measures"]
    fn what_a_costly_text_takes() {
        let costly = concat!(
            "4@/({[<3s9{#6o<[0$5+1%24@8({[$$61&#!1/|($o+|b2(@8({[<369",
            "&c!0/|l$5+7%24@8(s[<399e#!1/|0$5+71245%<+[33"
        );
        for text in [costly, "4@8({[<369!1|7$5+%20", "4@8({[<369!1|7$5+%204@8({[<369!1|"] {
            let began = tokio::time::Instant::now();
            assert!(!is_expected(text, &[]));
            println!("{:?} {text}", began.elapsed());
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
