//! No change to a genuine token goes unnoticed.

use std::sync::LazyLock;

use proptest::prelude::*;
use shared::clock::Timestamp;
use shared::testing::{TestKey, TokenBuilder};
use shared::token::Compact;

static TOKEN: LazyLock<(TestKey, String)> = LazyLock::new(|| {
    let key = TestKey::a();
    let token = TokenBuilder::new("https://id.example", "books", Timestamp::from_seconds(1_000)).sign(&key);
    (key, token)
});

fn is_genuine(token: &str) -> bool {
    let compact = Compact::parse(token);
    compact.is_ok_and(|compact| TOKEN.0.verifying_key().verify(&compact).is_ok())
}

#[test]
fn the_token_itself_is_genuine() {
    assert!(is_genuine(&TOKEN.1));
}

proptest! {
    #[test]
    fn one_character_that_is_another_is_noticed(at in 0_usize..10_000, other in "[A-Za-z0-9_.=+/-]") {
        let token = &TOKEN.1;
        let at = at % token.len();
        let changed = format!("{}{other}{}", &token[..at], &token[at + 1..]);
        prop_assert_eq!(is_genuine(&changed), changed == *token);
    }

    #[test]
    fn characters_that_are_added_or_missing_are_noticed(at in 0_usize..10_000, added in "\\PC{1,3}") {
        let token = &TOKEN.1;
        let at = at % token.len();
        let longer = format!("{}{added}{}", &token[..at], &token[at..]);
        let shorter = format!("{}{}", &token[..at], &token[at + 1..]);
        prop_assert!(!is_genuine(&longer) && !is_genuine(&shorter));
    }

    #[test]
    fn no_text_makes_the_parser_fall_over(text in "\\PC{0,200}") {
        prop_assert!(!is_genuine(&text));
    }
}
