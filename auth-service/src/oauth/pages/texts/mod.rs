//! Every word of the pages: one constant a language, so that a text that is missing in one does not compile.

mod chinese;
mod english;
mod span;

pub(super) use chinese::CHINESE;
pub(super) use english::ENGLISH;

use span::Unit;

/// What stands before and after a name in a sentence: languages put it in different places.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around(pub(super) &'static str, pub(super) &'static str);

impl Around {
    pub(super) fn put(self, middle: &str) -> String {
        format!("{}{middle}{}", self.0, self.1)
    }
}

/// A heading and what it means for the person who reads it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Notice {
    pub(super) heading: &'static str,
    pub(super) words: &'static str,
}

/// All texts of one language.
#[derive(Debug)]
pub(super) struct Texts {
    /// The language itself (BCP 47), for readers, fonts and `Content-Language`.
    pub(super) tag: &'static str,
    /// Begins the title of a page that reports an error, because screen readers begin with the title.
    pub(super) error: &'static str,
    span: fn(u64, Unit) -> String,

    pub(super) sign_in: &'static str,
    /// Around the name of the client.
    pub(super) to_continue: Around,
    pub(super) username: &'static str,
    pub(super) password: &'static str,
    pub(super) cancel: &'static str,
    pub(super) bad_credentials: &'static str,
    /// Around how long to wait.
    pub(super) throttled: Around,
    pub(super) busy: &'static str,
    pub(super) must_change_password: &'static str,
    pub(super) expired: &'static str,

    /// Around the name of the client.
    pub(super) asks: Around,
    pub(super) device_warning: &'static str,
    pub(super) unchecked: &'static str,
    pub(super) it_may: &'static str,
    pub(super) scopes: Scopes,
    pub(super) sends_back_to: &'static str,
    pub(super) good_at: &'static str,
    pub(super) lasts: &'static str,
    /// Around a span of time.
    pub(super) without_you: Around,
    pub(super) only_with_you: &'static str,
    pub(super) sees: &'static str,
    pub(super) revocable: &'static str,
    pub(super) allow: &'static str,
    pub(super) deny: &'static str,

    pub(super) sign_out_question: &'static str,
    /// Around the user name.
    pub(super) you_are: Around,
    pub(super) sign_out: &'static str,
    pub(super) stay: &'static str,
    pub(super) signed_out: Notice,
    pub(super) stayed: Notice,

    pub(super) connect_device: &'static str,
    pub(super) enter_code: &'static str,
    pub(super) compare_code: &'static str,
    pub(super) code: &'static str,
    pub(super) go_on: &'static str,
    pub(super) unknown_code: &'static str,
    pub(super) device_allowed: Notice,
    pub(super) device_denied: Notice,

    pub(super) bad_request: Notice,
    pub(super) unknown_client: Notice,
    pub(super) bad_redirect: Notice,
    pub(super) page_expired: Notice,
    pub(super) unavailable: Notice,
    pub(super) for_developers: &'static str,
}

/// What each scope lets a client do, to follow "it will be able to".
#[derive(Debug)]
pub(super) struct Scopes {
    openid: &'static str,
    profile: &'static str,
    offline_access: &'static str,
    books_read: &'static str,
    books_write: &'static str,
    auth_admin: &'static str,
}

impl Texts {
    /// What `scope` allows; nothing for a scope that only its client and its resource server know.
    pub(super) fn scope(&self, scope: &str) -> Option<&'static str> {
        match scope {
            "openid" => Some(self.scopes.openid),
            "profile" => Some(self.scopes.profile),
            "offline_access" => Some(self.scopes.offline_access),
            "books:read" => Some(self.scopes.books_read),
            "books:write" => Some(self.scopes.books_write),
            "auth:admin" => Some(self.scopes.auth_admin),
            _ => None,
        }
    }

    /// `seconds` in the largest unit that says it well, rounded up.
    pub(super) fn span(&self, seconds: u64) -> String {
        let (count, unit) = span::rounded(seconds);
        (self.span)(count, unit)
    }
}
