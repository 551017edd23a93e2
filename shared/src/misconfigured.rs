//! Settings that cannot be used.

use std::fmt;

/// What is wrong with a set of settings: all of it, so that it need not be found out one start at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misconfigured(Vec<String>);

impl Misconfigured {
    /// These problems, each a sentence.
    pub fn new(problems: Vec<String>) -> Self {
        Self(problems)
    }

    /// One sentence for each setting that cannot be used, or not with another.
    pub fn problems(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for Misconfigured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

impl std::error::Error for Misconfigured {}
