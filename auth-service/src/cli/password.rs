//! A password from a prompt or from standard input, never from an argument: those are seen by everybody in `ps`.

use std::io::{IsTerminal as _, stdin};

use anyhow::Context as _;

use crate::accounts::Username;
use crate::passwords::{Password, PasswordRules};

/// Reads a new password, twice where a person types it.
pub(super) fn read(rules: PasswordRules, username: &Username) -> anyhow::Result<Password> {
    let text = if stdin().is_terminal() {
        let text = rpassword::prompt_password("Password: ").context("no password")?;
        let again = rpassword::prompt_password("Once more: ").context("no password")?;
        anyhow::ensure!(text == again, "the two are not the same");
        text
    } else {
        let mut line = String::new();
        stdin().read_line(&mut line).context("no password on standard input")?;
        line.trim_end_matches(['\r', '\n']).to_owned()
    };
    rules.parse_for(&text, username).map_err(|problem| anyhow::anyhow!("the password {problem}"))
}
