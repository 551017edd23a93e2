//! A password from a prompt or from standard input, never from an argument: those are seen by everybody in `ps`.

use std::io::{IsTerminal as _, stdin};

use anyhow::Context as _;

use crate::accounts::Username;
use crate::passwords::{EASY_TO_GUESS, Password, PasswordRules};

/// Reads a new password, twice where a person types it.
pub(super) fn read(rules: &PasswordRules, username: &Username) -> anyhow::Result<Password> {
    let text = read_text("Password: ")?;
    if stdin().is_terminal() {
        let again = rpassword::prompt_password("Once more: ").context("no password")?;
        anyhow::ensure!(text == again, "the two are not the same");
    }
    let candidate = rules.parse(&text, Some(username));
    let candidate = candidate.map_err(|problem| anyhow::anyhow!("the password {problem}"))?;
    candidate.judge().with_context(|| format!("the password {EASY_TO_GUESS}"))
}

/// Reads a secret text.
pub(super) fn read_text(prompt: &str) -> anyhow::Result<String> {
    if stdin().is_terminal() {
        return rpassword::prompt_password(prompt).context("nothing was typed");
    }
    let mut line = String::new();
    stdin().read_line(&mut line).context("nothing on standard input")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
