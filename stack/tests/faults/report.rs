//! The table of what clients saw.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::time::Duration;

use crate::docker::root;

const BEGIN: &str = "<!-- begin: made by `cargo test -p stack --test faults -- --write` -->";
const END: &str = "<!-- end -->";

/// What clients saw of one kind of request.
#[derive(Debug, Default)]
pub(crate) struct Cell {
    pub(crate) succeeded: u64,
    /// By status; `None`: no answer.
    pub(crate) failed: BTreeMap<Option<u16>, u64>,
    /// The longest time between two successes.
    pub(crate) gap: Duration,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ok", self.succeeded)?;
        for (status, count) in &self.failed {
            match status {
                Some(status) => write!(f, ", {count} × {status}")?,
                None => write!(f, ", {count} × no answer")?,
            }
        }
        write!(f, "; gap {:.1} s", self.gap.as_secs_f64())
    }
}

/// One fault: reads, writes, refreshes, logins. That nothing acknowledged was lost is asserted, or there is no row.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) cells: [Cell; 4],
    /// From the end of the fault to the last failure or the first success, whichever is later.
    pub(crate) recovery: Duration,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [read, write, refresh, login] = &self.cells;
        let recovery = self.recovery.as_secs_f64();
        write!(f, "| {} | {read} | {write} | {refresh} | {login} | nothing | {recovery:.1} s |", self.name)
    }
}

/// The table as Markdown.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut table =
        "| fault | reads | writes | refreshes | logins | lost | recovery |\n|---|---|---|---|---|---|---|\n"
            .to_owned();
    for row in rows {
        table.push_str(&format!("{row}\n"));
    }
    table
}

/// Puts the table into the document, in place of the one before.
pub(crate) fn write(table: &str) {
    let path = root().join("docs/reliability.md");
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    fs::write(&path, format!("{before}{BEGIN}\n{table}{END}{after}")).unwrap();
}
