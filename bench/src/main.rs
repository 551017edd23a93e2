//! Starts the real services on core 0, loads them from core 1, and writes docs/performance.md: see there.
//!
//! | module | what it holds |
//! |---|---|
//! | `bench` | the services, what they are started with, and the comparisons |
//! | `database` | SQLite files, or MySQL in a container |
//! | `http` | requests that prepare |
//! | `load` | requests that are measured |
//! | `process` | servers and commands |
//! | `report` | the table |
//! | `rows` | what is measured, a file for each part |
#![expect(clippy::print_stderr, reason = "it is a command, and tells how far it is")]

mod bench;
mod database;
mod http;
mod load;
mod process;
mod report;
mod rows;

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use clap::{Parser, ValueEnum};

use crate::bench::Bench;
use crate::database::Database;
use crate::process::output;
use crate::report::Report;

/// The load generator.
const OHA: &str = "1.16.0";

/// Measures the release builds and writes the table of docs/performance.md.
#[derive(Parser)]
struct Arguments {
    /// Rounds of each comparison; the median counts
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Databases in MySQL, in a container, instead of SQLite files
    #[arg(long)]
    mysql: bool,
    /// Takes the binaries that are there
    #[arg(long)]
    no_build: bool,
    /// Measures these parts alone, and writes nothing
    #[arg(long, value_delimiter = ',')]
    only: Vec<Part>,
}

/// A part of the table.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Time to the first answer
    Start,
    /// `GET /books/{id}`, `/protected` and JWKS against what is bare
    Bare,
    /// Refreshes and logins against bare cryptography
    Crypto,
    /// What others feel of logins
    Neighbours,
    /// Memory in a flood of logins
    Flood,
    /// Against Flask
    Flask,
    /// Pages of a million books
    Pages,
    /// Ten thousand and five million sessions, on MySQL
    Sessions,
    /// Against oidc-provider
    OidcProvider,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let Arguments { rounds, mysql, no_build, only } = Arguments::parse();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("no root")?.to_owned();
    if !no_build {
        build(&root)?;
    }
    // The clients of our own, and what they start unless it says otherwise, on core 1.
    output(Command::new("taskset").args(["-c", "-p", "1", &std::process::id().to_string()]))?;
    let data = root.join("target/bench");
    drop(fs::remove_dir_all(&data));
    fs::create_dir_all(&data)?;
    let database = match mysql {
        true => Database::mysql(&["auth", "books", "flask"]).await?,
        false => Database::Sqlite(data.clone()),
    };
    let machine = machine(&database)?;
    let mut bench = Bench {
        binaries: root.join("target/release"),
        root,
        data,
        rounds,
        database,
        report: Report::default(),
    };
    rows::measure(&mut bench, |part| only.is_empty() || only.contains(&part)).await?;
    match only.is_empty() {
        true => bench.report.write(&bench.root.join("docs/performance.md"), bench.database.name(), &machine),
        false => Ok(()),
    }
}

fn build(root: &Path) -> anyhow::Result<()> {
    let cargo = |folder: &Path, arguments: &[&str]| {
        let mut cargo = Command::new("cargo");
        cargo.current_dir(folder).env("CARGO_TARGET_DIR", root.join("target")).args(arguments);
        output(&mut cargo).map(drop)
    };
    cargo(root, &["build", "--release", "--locked", "-p", "auth-service", "-p", "books-service"])?;
    cargo(&root.join("bench/baselines"), &["build", "--release", "--locked", "-p", "baselines"])?;
    let tools = root.join("target/tools");
    let tools = tools.to_str().context("the path is no text")?;
    cargo(root, &["install", "--quiet", "--locked", "--root", tools, "oha", "--version", OHA])
}

fn machine(database: &Database) -> anyhow::Result<String> {
    let cpus = fs::read_to_string("/proc/cpuinfo")?;
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("a CPU");
    // Not what is left to this process, which has bound itself to one.
    let cores = cpus.lines().filter(|line| line.starts_with("processor")).count();
    let rust = output(Command::new("rustc").arg("--version"))?;
    let model = model.trim_start_matches([':', ' ', '\t']);
    Ok(format!("{model}, {cores} cores, {}; databases in {}.", rust.trim(), database.name()))
}
