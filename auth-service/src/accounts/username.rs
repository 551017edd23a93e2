//! User names: one account for all spellings of a name.

use std::str::FromStr;

use unicode_normalization::UnicodeNormalization as _;

use crate::text::is_unseen;

const MAX_CHARS: usize = 64;

/// A user name that may be kept: 1 to 64 letters, digits and `. _ - @ +`, beginning with a letter or digit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Username {
    text: String,
    key: String,
}

/// What somebody typed as their name, as far as a name may be long and then some: it is kept while they wait.
pub fn as_typed(text: &str) -> String {
    text.chars().take(2 * MAX_CHARS).collect()
}

impl Username {
    /// The name as its owner writes it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The name as it is looked up: without regard to case and to ways of writing one character (RFC 8265 §3.3).
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl FromStr for Username {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text: String = text.nfc().collect();
        let length = text.chars().count();
        if !(1..=MAX_CHARS).contains(&length) {
            return Err("must be 1 to 64 characters".to_owned());
        }
        // Twice: lower case may leave what normalization would compose, as with the Turkish İ.
        let key: String = text.nfkc().collect::<String>().to_lowercase().nfkc().collect();
        // The key as well: some letters stand for a space and a mark.
        for text in [&text, &key] {
            let is_good = |c: char| (c.is_alphanumeric() && !is_unseen(c)) || ".-_@+".contains(c);
            if !text.chars().all(is_good) {
                return Err("must hold letters, digits and . _ - @ + only".to_owned());
            }
            if !text.starts_with(char::is_alphanumeric) {
                return Err("must begin with a letter or digit".to_owned());
            }
        }
        if key.chars().count() > MAX_CHARS {
            return Err("must be 1 to 64 characters in its simplest form".to_owned());
        }
        Ok(Self { text, key })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(text: &str) -> String {
        text.parse::<Username>().unwrap().key().to_owned()
    }

    #[test]
    fn spellings_of_a_name_are_one_name() {
        assert_eq!(key("Alice"), key("aLICE"));
        assert_eq!(key("Jose\u{301}"), key("JOSÉ"));
        assert_eq!(key("ＡＬＩＣＥ"), key("alice"));
        assert_eq!("Alice".parse::<Username>().unwrap().as_str(), "Alice");
        assert_ne!(key("jose"), key("josé"));
    }

    #[test]
    fn names_that_would_confuse_are_refused() {
        for bad in ["", " alice", "alice bob", "a\r\nb", "a\0", "-alice", "@", "a/b", &"a".repeat(65)] {
            assert!(bad.parse::<Username>().is_err(), "{bad:?}");
        }
        // Letters to Unicode that are nothing to see.
        for filler in ['\u{115f}', '\u{1160}', '\u{3164}', '\u{ffa0}'] {
            for bad in [format!("admin{filler}"), format!("ad{filler}min"), format!("{filler}admin")] {
                assert!(bad.parse::<Username>().is_err(), "{bad:?}");
            }
        }
        assert!("a".repeat(64).parse::<Username>().is_ok());
    }

    proptest! {
        #[test]
        fn the_key_of_a_key_is_itself(text in "\\PC{1,64}") {
            if let Ok(name) = text.parse::<Username>() {
                let again = name.key().parse::<Username>();
                prop_assert_eq!(again.map(|again| again.key().to_owned()), Ok(name.key().to_owned()));
            }
        }
    }
}
