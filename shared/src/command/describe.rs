//! What a program says of itself in other forms than `--help`: completions, man pages, the reference of its settings.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Arg, ArgAction, Args, Command, CommandFactory};
use clap_complete::Shell;

/// The arguments of `completions`.
#[derive(Clone, Copy, Debug, Args)]
#[command(after_help = "\
Examples:
  PROGRAM completions bash > /etc/bash_completion.d/PROGRAM
  PROGRAM completions zsh  > \"${fpath[1]}/_PROGRAM\"
  PROGRAM completions fish > ~/.config/fish/completions/PROGRAM.fish")]
pub struct CompletionArguments {
    /// For which shell
    #[arg(value_enum)]
    shell: Shell,
}

impl CompletionArguments {
    /// Prints the completions of the program `P`.
    pub fn run<P: CommandFactory>(self) -> anyhow::Result<()> {
        let mut command = P::command();
        let name = command.get_name().to_owned();
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, name, &mut script);
        print(&script)
    }
}

/// The arguments of `man`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  PROGRAM man | man -l -
  PROGRAM man --all /usr/local/share/man/man1")]
pub struct ManArguments {
    /// Writes the pages of all commands into this directory, rather than the first one to standard output
    #[arg(long, value_name = "DIRECTORY")]
    all: Option<PathBuf>,
}

impl ManArguments {
    /// Prints or writes the man pages of the program `P`.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn run<P: CommandFactory>(&self) -> anyhow::Result<()> {
        let Some(directory) = &self.all else {
            let mut page = Vec::new();
            clap_mangen::Man::new(P::command()).render(&mut page)?;
            return print(&page);
        };
        write_pages(P::command(), directory)
            .with_context(|| format!("the pages cannot be written to {}", directory.display()))
    }
}

fn write_pages(command: Command, directory: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(directory)?;
    Ok(clap_mangen::generate_to(command, directory)?)
}

/// Not through [`super::say`], which would take the escapes of roff for colours.
fn print(bytes: &[u8]) -> anyhow::Result<()> {
    // Whoever reads may have seen enough and closed the pipe.
    drop(std::io::stdout().lock().write_all(bytes));
    Ok(())
}

/// The settings of `command` as a table in Markdown: what `--help` says, for reading beside it.
pub fn settings_table(command: &Command) -> String {
    let rows = command.get_arguments().filter_map(settings_row);
    let head = "| variable | flag | default | |\n|---|---|---|---|\n".to_owned();
    rows.fold(head, |table, row| table + &row)
}

fn settings_row(argument: &Arg) -> Option<String> {
    let variable = argument.get_env()?.to_string_lossy();
    let flag = argument.get_long()?;
    let is_switch = matches!(argument.get_action(), ArgAction::SetTrue);
    let value =
        argument.get_value_names().and_then(|names| names.first()).map_or("VALUE", |name| name.as_str());
    let flag = if is_switch { format!("`--{flag}`") } else { format!("`--{flag} {value}`") };
    let help = argument.get_help().map(ToString::to_string).unwrap_or_default().replace('\n', " ");
    // Where clap does not know the default, the text says it.
    let (help, said) = match help.split_once(" [default: ") {
        Some((help, said)) => (help.to_owned(), said.trim_end_matches(']').to_owned()),
        None => (help, String::new()),
    };
    let known: Vec<_> = argument.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    let default = match known.join(",") {
        text if text.is_empty() => said,
        text => format!("`{text}`"),
    };
    let choices: Vec<_> = argument.get_possible_values();
    let choices = choices.iter().filter(|_| !is_switch).map(|choice| format!("`{}`", choice.get_name()));
    let choices = choices.collect::<Vec<_>>().join(", ");
    let choices = if choices.is_empty() { choices } else { format!(": {choices}") };
    Some(format!("| `{variable}` | {flag} | {default} | {}{choices} |\n", help.replace('|', "\\|")))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    #[command(name = "sample")]
    struct Sample {
        /// How long
        #[arg(long, env = "SAMPLE_TTL", default_value = "15m", value_name = "SPAN")]
        _ttl: String,
        /// Where to [default: here]
        #[arg(long, env = "SAMPLE_URL")]
        _url: Option<String>,
        /// Which
        #[arg(long)]
        _unset: bool,
    }

    #[test]
    fn a_setting_is_a_row() {
        let table = settings_table(&Sample::command());
        let rows: Vec<_> = table.lines().skip(2).collect();
        assert_eq!(
            rows,
            [
                "| `SAMPLE_TTL` | `--ttl SPAN` | `15m` | How long |",
                "| `SAMPLE_URL` | `--url URL` | here | Where to |"
            ]
        );
    }

    #[test]
    fn pages_are_written_for_all_commands() {
        let directory = tempfile::tempdir().unwrap();
        ManArguments { all: Some(directory.path().join("man1")) }.run::<Sample>().unwrap();
        assert!(directory.path().join("man1/sample.1").exists());
    }
}
