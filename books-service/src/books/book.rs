//! What a book is.

use std::fmt;
use std::str::FromStr;

use http::StatusCode;
use serde::Serialize;
use shared::http::{FromPath, Problem};
use utoipa::ToSchema;

use crate::entity::book::Model;

/// A title: 1 to 100 characters without space around them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Title(String);

/// An author: 1 to 50 characters without space around them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author(String);

/// Trims a text and counts its Unicode scalar values.
fn bounded(text: &str, most: usize) -> Result<String, String> {
    let text = text.trim();
    if text.contains('\0') {
        // SQLite would keep it, and find the book by what stands before it alone.
        return Err("must not hold the character U+0000".to_owned());
    }
    match text.chars().count() {
        0 => Err("must not be empty".to_owned()),
        length if length > most => Err(format!("must be at most {most} characters")),
        _ => Ok(text.to_owned()),
    }
}

impl FromStr for Title {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        bounded(text, 100).map(Self)
    }
}

impl FromStr for Author {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        bounded(text, 50).map(Self)
    }
}

impl From<Title> for String {
    fn from(Title(text): Title) -> Self {
        text
    }
}

impl From<Author> for String {
    fn from(Author(text): Author) -> Self {
        text
    }
}

/// The number of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookId(pub i64);

impl FromStr for BookId {
    type Err = ();

    /// Digits only: `+7` and `007` name no book, so that each has one address.
    fn from_str(text: &str) -> Result<Self, ()> {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
        text.parse().ok().filter(|_| plain).map(Self).ok_or(())
    }
}

impl FromPath for BookId {
    fn not_found() -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "book_not_found").with_error("Book not found.")
    }
}

impl fmt::Display for BookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A book as clients see it.
#[derive(Debug, Serialize, ToSchema)]
pub struct BookView {
    /// Its number.
    #[schema(example = 1)]
    pub id: i64,
    /// Its title.
    #[schema(example = "The Left Hand of Darkness", min_length = 1, max_length = 100)]
    pub title: String,
    /// Its author.
    #[schema(example = "Ursula K. Le Guin", min_length = 1, max_length = 50)]
    pub author: String,
}

impl From<Model> for BookView {
    fn from(book: Model) -> Self {
        Self { id: book.id, title: book.title, author: book.author }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_are_trimmed_and_counted_in_scalar_values() {
        assert_eq!("  Emma ".parse::<Title>(), Ok(Title("Emma".to_owned())));
        assert!("é".repeat(100).parse::<Title>().is_ok());
        assert!("é".repeat(101).parse::<Title>().is_err());
        assert!("\u{1f4d6}".repeat(50).parse::<Author>().is_ok());
        assert!("\u{1f4d6}".repeat(51).parse::<Author>().is_err());
        assert!(" \t\n".parse::<Title>().is_err());
    }

    #[test]
    fn a_book_has_one_address() {
        assert_eq!("17".parse(), Ok(BookId(17)));
        for bad in ["", "0", "007", "+7", "-7", "7.0", "x", "9223372036854775808"] {
            assert_eq!(bad.parse::<BookId>(), Err(()), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_was_parsed_parses_to_itself(text in "\\PC{0,120}") {
            if let Ok(title) = text.parse::<Title>() {
                prop_assert_eq!(String::from(title.clone()).parse::<Title>(), Ok(title));
            }
        }
    }
}
