//! docs/configuration.md, from what `--help` is made of.

use clap::{Args as _, Command, CommandFactory as _};
use shared::command::settings_table;

use crate::options::Options;

const HEAD: &str = "\
# Configuration

Every setting of the three programs: a variable and a flag for each. A flag comes before its variable. Durations are written
as `90s`, `15m`, `12h`, `30d`. Of a secret `X`, `X_FILE` names a file that holds it; both set is an error. What cannot be used,
or not together, keeps a service from starting, and names the setting; `doctor` tells the same without a start.

This page is printed by `stack reference`, and a test holds it against the code.
";

const BOTH: &str = "\
## All

| variable | default | |
|---|---|---|
| `RUST_LOG` | `info` | What is logged, as `tracing-subscriber` reads it: `debug`, `warn,auth_service=debug` |
| `NO_COLOR` | | Set to anything: no colours, also on terminals |
";

/// The page.
pub(crate) fn reference() -> String {
    let auth = auth_service::config::Settings::augment_args(Command::new("auth-service"));
    let books = books_service::config::Settings::augment_args(Command::new("books-service"));
    let section = |title: &str, text: &str, command: &Command| {
        format!("\n## {title}\n\n{text}\n\n{}", settings_table(command))
    };
    [
        HEAD.to_owned(),
        section("auth-service", "`auth-service serve`; other commands take those of them that they need.", &auth),
        section("books-service", "`books-service serve`; other commands take those of them that they need.", &books),
        section(
            "stack",
            "`stack` takes every `AUTH_` and `BOOKS_` variable as well, and finds sensible values where they are silent: \
             databases and key in its data directory, its gateway as issuer.",
            &Options::command(),
        ),
        format!("\n{BOTH}"),
    ]
    .concat()
    .trim_end()
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_page_is_that_of_the_code() {
        let committed = include_str!("../../docs/configuration.md");
        assert!(
            reference() == committed.trim_end(),
            "run: cargo run -p stack -- reference > docs/configuration.md"
        );
    }

    #[test]
    fn the_example_has_every_variable() {
        let example = include_str!("../../.env.example");
        let page = reference();
        let variables = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
        // A file beside each secret is said once, at the head.
        let missing: Vec<_> = variables
            .filter(|name| !name.ends_with("_FILE") && !example.contains(&format!("#{name}=")))
            .collect();
        assert_eq!(missing, ["NO_COLOR"]);
    }
}
