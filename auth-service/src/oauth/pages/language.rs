//! The languages of the pages, and which of them a person reads.

use super::texts::{CHINESE, ENGLISH, Texts};

/// A language that all pages are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// Chinese in simplified characters.
    Chinese,
}

impl Language {
    /// The first of `ui_locales` (OpenID Connect Core §3.1.2.1: tags of BCP 47 with spaces between) that there is,
    /// else what `accept_language` (RFC 9110 §12.5.4) prefers, else English.
    pub fn negotiate(ui_locales: Option<&str>, accept_language: Option<&str>) -> Self {
        let asked_for = ui_locales.unwrap_or_default().split_ascii_whitespace().find_map(Self::of_tag);
        asked_for.or_else(|| preferred(accept_language?)).unwrap_or(Self::English)
    }

    pub(super) const fn texts(self) -> &'static Texts {
        match self {
            Self::English => &ENGLISH,
            Self::Chinese => &CHINESE,
        }
    }

    /// By the primary subtag alone: who reads `zh-Hant-TW` reads simplified characters rather than English.
    fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or_default();
        let is = |name| primary.eq_ignore_ascii_case(name);
        if is("en") { Some(Self::English) } else { is("zh").then_some(Self::Chinese) }
    }
}

/// The language of the highest quality, the first of several. What cannot be read counts as not said.
fn preferred(accept_language: &str) -> Option<Language> {
    let ranges = accept_language.rsplit(',').filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let language = Language::of_tag(parts.next()?)?;
        let quality = match parts.next() {
            None => 1.0,
            Some(weight) => {
                weight.strip_prefix(['q', 'Q'])?.trim_start().strip_prefix('=')?.trim().parse().ok()?
            }
        };
        (quality > 0.0 && quality <= 1.0).then_some((language, quality))
    });
    ranges.max_by(|(_, one): &(_, f32), (_, other)| one.total_cmp(other)).map(|(language, _)| language)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Language::{self, Chinese, English};

    #[test]
    fn what_the_client_asks_for_goes_before_what_the_browser_says() {
        assert_eq!(Language::negotiate(Some("fr-CA zh-Hans en"), Some("en")), Chinese);
        assert_eq!(Language::negotiate(Some("fr de"), Some("zh-CN")), Chinese);
        assert_eq!(Language::negotiate(Some(""), None), English);
        assert_eq!(Language::negotiate(None, None), English);
    }

    #[test]
    fn the_browser_weighs_its_languages() {
        let by_header = |header| Language::negotiate(None, Some(header));
        assert_eq!(by_header("zh-CN,zh;q=0.9,en;q=0.8"), Chinese);
        assert_eq!(by_header("fr-CH, fr;q=0.9, en;q=0.5, zh;q=0.8, *;q=0.1"), Chinese);
        assert_eq!(by_header("EN-us , ZH"), English);
        assert_eq!(by_header("en;q=0, zh-Hant-TW ; q=0.001"), Chinese);
        assert_eq!(by_header("zh;q=0"), English);
        assert_eq!(by_header("zh;q=high, zh;q=NaN, zh;q=2, zhuang"), English);
    }

    proptest! {
        #[test]
        fn any_header_has_a_language(ui_locales in ".*", accept_language in "[a-z,;=q0-9. *-]*") {
            let _ = Language::negotiate(Some(&ui_locales), Some(&accept_language));
        }
    }
}
