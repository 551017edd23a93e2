//! What was measured, as a table in docs/performance.md.

use std::fs;
use std::path::Path;

use anyhow::Context as _;

/// The rows so far.
#[derive(Default)]
pub(crate) struct Report(String);

impl Report {
    /// A value that should be at least `bar`.
    pub(crate) fn at_least(&mut self, what: &str, detail: &str, value: f64, bar: f64) {
        self.row(what, detail, value, &format!("≥ {bar}"), value >= bar);
    }

    /// A value that should be under `bar`.
    pub(crate) fn below(&mut self, what: &str, detail: &str, value: f64, bar: f64) {
        self.row(what, detail, value, &format!("< {bar:.0}"), value < bar);
    }

    fn row(&mut self, what: &str, detail: &str, value: f64, bar: &str, met: bool) {
        let line =
            format!("| {what} | {detail} | {value:.2} | {bar} | {} |", if met { "yes" } else { "**no**" });
        eprintln!("{line}");
        self.0.push_str(&line);
        self.0.push('\n');
    }

    /// Puts the table between the markers of this name of the document.
    pub(crate) fn write(&self, document: &Path, name: &str, machine: &str) -> anyhow::Result<()> {
        let [begin, end] = ["begin", "end"].map(|end| format!("<!-- measured, {name}: {end} -->"));
        let text = fs::read_to_string(document)?;
        let (before, rest) = text.split_once(&begin).context("no marker")?;
        let (_, behind) = rest.split_once(&end).context("no second marker")?;
        let table = format!("| what | measured | value | bar | met |\n|---|---|---|---|---|\n{}", self.0);
        fs::write(document, format!("{before}{begin}\n{machine}\n\n{table}{end}{behind}"))?;
        Ok(())
    }
}
