//! The pages in English.

use super::{Around, Notice, Scopes, Texts, Unit};

pub(in super::super) const ENGLISH: Texts = Texts {
    tag: "en",
    error: "Error: ",
    span,

    sign_in: "Sign in",
    to_continue: Around("to continue to ", ""),
    username: "User name",
    password: "Password",
    cancel: "Cancel",
    bad_credentials: "The user name or the password is wrong. Check both and try again.",
    throttled: Around("Too many failed attempts. Try again in ", "."),
    busy: "Too many people are signing in at this moment. Try again in a few seconds.",
    must_change_password: "This password was made for you, to be replaced before its first use. \
        Choose one of your own where you manage your account, then sign in here.",
    expired: "This page was open for too long. Sign in once more.",

    asks: Around("Let ", " use your account?"),
    device_warning: "Go on only if you started this yourself, on a device in front of you. \
        If somebody sent you the code, deny: they would get into your account.",
    unchecked: "This application registered itself. Nobody here has checked that it is what its name says.",
    it_may: "It will be able to",
    scopes: Scopes {
        openid: "recognise you by your account",
        profile: "see your user name",
        offline_access: "keep its access while you are away",
        books_read: "read the books in the catalogue",
        books_write: "add, change and delete books in the catalogue",
        auth_admin: "administer every account, session and key",
    },
    sends_back_to: "You return to",
    good_at: "Access is to",
    lasts: "Access lasts",
    without_you: Around("up to ", ", even while you are away"),
    only_with_you: "only while you use it",
    sees: "It also gets to know your user name and your roles.",
    revocable: "You can take this back at any time in your account.",
    allow: "Allow",
    deny: "Deny",

    sign_out_question: "Sign out?",
    you_are: Around("You are signed in as ", "."),
    sign_out: "Sign out",
    stay: "Stay signed in",
    signed_out: Notice { heading: "You are signed out", words: "You can close this page." },
    stayed: Notice { heading: "You are still signed in", words: "You can close this page." },

    connect_device: "Connect a device",
    enter_code: "Enter the code that your device shows.",
    compare_code: "Go on only if your device shows this same code.",
    code: "Code",
    go_on: "Continue",
    unknown_code: "No device is waiting with this code. Check it, or start again on the device.",
    device_allowed: Notice {
        heading: "Your device is connected",
        words: "You can close this page and go on with your device.",
    },
    device_denied: Notice {
        heading: "Your device was not connected",
        words: "It got no access to your account. You can close this page.",
    },

    bad_request: Notice {
        heading: "This request is not valid",
        words: "The application that sent you here made a mistake. Nothing was shared with it.",
    },
    unknown_client: Notice {
        heading: "This application is not known here",
        words: "The application that sent you here is not registered. Nothing was shared with it.",
    },
    bad_redirect: Notice {
        heading: "We cannot send you back there",
        words: "The application wants you sent to an address that it has not registered. \
            For your safety, this ends here.",
    },
    page_expired: Notice {
        heading: "This page has expired",
        words: "Go back to the application and start again.",
    },
    unavailable: Notice {
        heading: "Not available right now",
        words: "This is our fault, not yours. Try again in a few seconds.",
    },
    for_developers: "For developers",
};

fn span(count: u64, unit: Unit) -> String {
    let unit = match unit {
        Unit::Second => "second",
        Unit::Minute => "minute",
        Unit::Hour => "hour",
        Unit::Day => "day",
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}
