//! Whether the colours can be told apart (WCAG 2.2 §1.4.3 and §1.4.11), in light and in dark.

use std::collections::BTreeMap;

use crate::oauth::pages::document::COLOURS;

/// Text, and what it is read on.
const TEXT: [(&str, &str); 8] = [
    ("ink", "paper"),
    ("ink", "desk"),
    ("soft", "paper"),
    ("accent", "paper"),
    ("on-accent", "accent"),
    ("on-accent", "accent-strong"),
    ("alert", "alert-paper"),
    ("alert", "paper"),
];
/// Edges of what can be used, and what they are seen against.
const EDGES: [(&str, &str); 3] = [("edge", "paper"), ("accent", "paper"), ("alert", "paper")];

/// The custom properties of a part of the style sheet that are colours, as linear light.
fn colours(style: &str) -> BTreeMap<&str, [f64; 3]> {
    let properties = style.lines().filter_map(|line| line.trim().strip_prefix("--")?.split_once(": #"));
    properties.map(|(name, value)| (name, linear(value.trim_end_matches(';')))).collect()
}

fn linear(hex: &str) -> [f64; 3] {
    let hex: String =
        if hex.len() == 3 { hex.chars().flat_map(|digit| [digit, digit]).collect() } else { hex.into() };
    [0, 2, 4].map(|place| {
        let part = f64::from(u8::from_str_radix(&hex[place..place + 2], 16).unwrap()) / 255.0;
        if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    })
}

fn ratio(one: [f64; 3], other: [f64; 3]) -> f64 {
    let [one, other] =
        [one, other].map(|[red, green, blue]| 0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05);
    one.max(other) / one.min(other)
}

#[test]
fn colours_can_be_told_apart_in_light_and_in_dark() {
    let (light, rest) = COLOURS.split_once("prefers-color-scheme: dark").unwrap();
    let (dark, _) = rest.split_once("\n}\n").unwrap();
    for (scheme, colours) in [("light", colours(light)), ("dark", colours(dark))] {
        for (pairs, least) in [(&TEXT[..], 4.5), (&EDGES[..], 3.0)] {
            for (front, back) in pairs {
                let ratio = ratio(colours[front], colours[back]);
                println!("{scheme}: {front} on {back} {ratio:.2}");
                assert!(ratio >= least, "{scheme}: {front} on {back} is {ratio:.2}, under {least}");
            }
        }
    }
}
