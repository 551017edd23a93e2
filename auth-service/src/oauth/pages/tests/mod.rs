//! Every page in every state and language: read as a browser reads it.

mod contrast;
mod dom;
mod samples;

use std::collections::BTreeSet;
use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, RETRY_AFTER,
    X_FRAME_OPTIONS,
};
use ring::digest::{SHA256, digest};

use super::{Language, SignIn};
use dom::Sent;
use samples::{DATA, Data};

/// Pages on which nothing is chosen by others.
const SHOW_NO_DATA: [&str; 6] =
    ["sign-in-plain", "signed-out", "stayed", "device-code", "device-allowed", "device-denied"];
const LANGUAGES: [(Language, &str); 2] = [(Language::English, "en"), (Language::Chinese, "zh-Hans")];

fn pages(data: Data<'_>, language: Language) -> impl Iterator<Item = (&'static str, Sent)> {
    samples::all(data, language).into_iter().map(|(name, response)| (name, Sent::read(response)))
}

/// All pages of all languages.
fn every_page() -> impl Iterator<Item = (&'static str, Language, Sent)> {
    LANGUAGES
        .into_iter()
        .flat_map(|(language, _)| pages(DATA, language).map(move |(n, sent)| (n, language, sent)))
}

fn sign_in(username: &str) -> Sent {
    let page = SignIn {
        action: "/oauth2/sign-in",
        ticket: "",
        client_name: None,
        username,
        failure: None,
        cancel: false,
    };
    Sent::read(page.respond(Language::English, &[]))
}

#[test]
fn a_page_says_its_language_and_has_one_heading_one_title_and_one_main_part() {
    for (language, tag) in LANGUAGES {
        for (name, sent) in pages(DATA, language) {
            assert_eq!(sent.one("html").attribute("lang"), Some(tag), "{name}");
            assert_eq!(sent.header(CONTENT_LANGUAGE), Some(tag), "{name}");
            assert!(!sent.one("h1").text.trim().is_empty(), "{name}");
            let title = sent.one("title").text.strip_suffix(" · Imprimatur").unwrap();
            assert!(title.ends_with(&sent.one("h1").text), "{name}: {title}");
            sent.one("main");
        }
    }
}

#[test]
fn a_page_that_reports_an_error_begins_its_title_with_that() {
    for (name, language, sent) in every_page() {
        let alerts = sent.elements.iter().any(|element| element.attribute("role") == Some("alert"));
        let error = alerts || name.starts_with("trouble");
        assert_eq!(sent.one("title").text.starts_with(language.texts().error), error, "{name}");
    }
}

#[test]
fn every_field_has_a_label_and_every_reference_leads_somewhere() {
    for (name, _, sent) in every_page() {
        let ids: Vec<_> = sent.elements.iter().filter_map(|element| element.attribute("id")).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{name}: {ids:?}");
        for field in sent.named("input").filter(|field| field.attribute("type") != Some("hidden")) {
            let id = field.attribute("id").unwrap();
            let label = sent.named("label").find(|label| label.attribute("for") == Some(id)).unwrap();
            assert!(!label.text.trim().is_empty(), "{name}");
        }
        for element in &sent.elements {
            let Some(description) = element.attribute("aria-describedby") else { continue };
            assert!(sent.by_id(description).is_some(), "{name}: {description}");
        }
    }
}

#[test]
fn every_form_is_posted_with_its_ticket_and_says_which_button_was_pressed() {
    for (name, _, sent) in every_page() {
        for form in sent.named("form") {
            assert_eq!(form.attribute("method"), Some("post"), "{name}");
            assert!(form.attribute("action").unwrap().starts_with("/oauth2/"), "{name}");
            let tickets = sent.named("input").filter(|field| field.attribute("name") == Some("ticket"));
            assert_eq!(
                tickets.map(|field| field.attribute("value")).collect::<Vec<_>>(),
                [Some("tIcKeT-_0")]
            );
        }
        let decisions: Vec<_> = sent.named("button").filter_map(|button| button.attribute("value")).collect();
        let expected: &[&str] = match name {
            "sign-in-plain" => &["sign_in"],
            name if name.starts_with("sign-in") => &["sign_in", "cancel"],
            name if name.starts_with("consent") => &["allow", "deny"],
            "sign-out" => &["sign_out", "stay"],
            _ => &[],
        };
        assert_eq!(decisions, expected, "{name}");
    }
}

#[test]
fn the_first_empty_field_has_the_focus() {
    let focused = |sent: &Sent| {
        let focused = sent.elements.iter().find(|element| element.attribute("autofocus").is_some());
        focused.and_then(|element| element.attribute("name")).map(str::to_owned)
    };
    assert_eq!(focused(&sign_in("")).as_deref(), Some("username"));
    assert_eq!(focused(&sign_in("alice")).as_deref(), Some("password"));
}

#[test]
fn a_consent_to_nothing_lists_nothing() {
    for (name, _, sent) in every_page() {
        let listed = name.starts_with("consent") && name != "consent-none";
        assert_eq!(sent.named("li").next().is_some(), listed, "{name}");
    }
}

#[test]
fn nothing_runs_and_nothing_is_loaded() {
    for (name, _, sent) in every_page() {
        for element in &sent.elements {
            assert!(!["script", "iframe", "img", "object"].contains(&element.name.as_str()), "{name}");
            for (attribute, value) in &element.attributes {
                assert!(
                    !attribute.starts_with("on") && !["src", "style"].contains(&attribute.as_str()),
                    "{name}"
                );
                let loaded = attribute == "href" && element.name == "link";
                assert!(!loaded || value.starts_with("data:image/svg+xml,"), "{name}: {value}");
            }
        }
    }
}

#[test]
fn the_policy_allows_exactly_the_style_that_is_served() {
    for (name, _, sent) in every_page() {
        let hash = STANDARD.encode(digest(&SHA256, sent.one("style").text.as_bytes()));
        let policy = sent.header(CONTENT_SECURITY_POLICY).unwrap();
        let target = if sent.named("form").next().is_some() { " https:" } else { "" };
        assert_eq!(
            policy,
            format!(
                "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; base-uri 'none'; \
                frame-ancestors 'none'; form-action 'self'{target}"
            ),
            "{name}"
        );
    }
}

#[test]
fn no_page_is_stored_framed_or_left_with_its_address() {
    for (name, _, sent) in every_page() {
        let returns = sent.named("form").next().is_some();
        for (header, value) in [
            (CONTENT_TYPE.as_str(), "text/html; charset=utf-8"),
            (CACHE_CONTROL.as_str(), "no-store"),
            (REFERRER_POLICY.as_str(), "no-referrer"),
            (X_FRAME_OPTIONS.as_str(), "DENY"),
            ("cross-origin-opener-policy", if returns { "unsafe-none" } else { "same-origin" }),
            ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=()"),
        ] {
            assert_eq!(sent.header(header), Some(value), "{name}");
        }
    }
}

#[test]
fn the_status_is_of_the_page() {
    for (name, _, sent) in every_page() {
        let expected = match name {
            "sign-in-throttled" => (429, Some("300")),
            "device-code-throttled" => (429, Some("60")),
            "sign-in-busy" => (503, Some("1")),
            "trouble-unavailable" => (503, Some("5")),
            name if name.starts_with("trouble") => (400, None),
            _ => (200, None),
        };
        assert_eq!((sent.status().as_u16(), sent.header(RETRY_AFTER)), expected, "{name}");
    }
}

/// Nothing that others chose becomes markup: the same elements, with the text in its place.
#[test]
fn names_and_codes_stay_text() {
    let evil = r#""'></title></bdi><script>alert(1)</script>&lt;{{ page }}"#;
    let data = Data { client: evil, host: evil, user: evil, scope: evil, code: evil, detail: evil };
    for (language, _) in LANGUAGES {
        for ((name, plain), (_, sent)) in pages(DATA, language).zip(pages(data, language)) {
            let names = |sent: &Sent| sent.elements.iter().map(|one| one.name.clone()).collect::<Vec<_>>();
            assert_eq!(names(&sent), names(&plain), "{name}");
            let shown = sent.elements.iter().any(|element| {
                element.text.contains(evil) || element.attribute("value").is_some_and(|value| value == evil)
            });
            assert_eq!(shown, !SHOW_NO_DATA.contains(&name), "{name}: {}", sent.html);
        }
    }
}

/// For the eye: `cargo test -p auth-service --lib write_the_pages -- --ignored` leaves all of them in `target/pages`.
#[test]
#[ignore = "writes files"]
fn write_the_pages() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/pages");
    fs::create_dir_all(folder).unwrap();
    for (language, tag) in LANGUAGES {
        for (name, sent) in pages(DATA, language) {
            fs::write(format!("{folder}/{name}.{tag}.html"), sent.html).unwrap();
        }
    }
}
