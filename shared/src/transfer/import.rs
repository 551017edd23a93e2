//! The two passes of an import: check everything, then write it in batches that note how far they are.

use std::collections::HashSet;
use std::future::Future;
use std::mem;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use ring::digest::{SHA256, digest};
use sea_orm::{DatabaseConnection, DatabaseTransaction, DbErr};

use super::progress::Progress;
use super::record;
use super::rows::{Format, Source};
use crate::clock::{Clock, Timestamp};
use crate::command::{say, tell};
use crate::database;
use crate::http::{FieldError, Fields};

/// Rows of one transaction: few enough that nobody who waits for it notices.
const BATCH: usize = 500;

/// What is to be done with rows that are in the table already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Existing {
    /// They are bad rows
    Fail,
    /// They are left as they are in the table
    Skip,
}

/// The arguments of an import.
#[derive(Clone, Debug, Args)]
pub struct ImportArguments {
    /// The file, or - for standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// How it is written [default: by its name, .csv, .ndjson or .jsonl]
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// What to do with rows that are there already
    #[arg(long, value_enum, default_value = "fail")]
    pub existing: Existing,
    /// Checks the file and imports nothing
    #[arg(long)]
    pub check: bool,
    /// Imports a file once more that was imported before
    #[arg(long)]
    pub again: bool,
}

/// What no two rows may have alike, and no row may have alike with the table.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The column.
    pub field: &'static str,
    /// The value, in the form that the table compares.
    pub value: String,
}

/// What rows become.
pub trait Importer {
    /// A row that can be written.
    type Row;
    /// What rows are called.
    const WHAT: &'static str;
    /// The columns that a row may have.
    const COLUMNS: &'static [&'static str];

    /// Reads a row.
    ///
    /// # Errors
    /// What is wrong with it.
    fn parse(&mut self, fields: Fields) -> Result<Self::Row, Vec<FieldError>>;

    /// What must be unique of it.
    fn keys(&self, row: &Self::Row) -> Vec<Key>;

    /// Those of `keys` that the table has.
    ///
    /// # Errors
    /// The database's.
    fn taken(
        &self,
        database: &DatabaseConnection,
        keys: &[Key],
    ) -> impl Future<Output = Result<HashSet<Key>, DbErr>>;

    /// Adds rows.
    ///
    /// # Errors
    /// The database's.
    fn write(
        &self,
        transaction: &DatabaseTransaction,
        rows: Vec<Self::Row>,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), DbErr>>;
}

/// Imports a file.
///
/// # Errors
/// A row is bad, in which case nothing was imported; or the database's, in which case the same command goes on later.
pub async fn import<I: Importer>(
    database: &DatabaseConnection,
    mut importer: I,
    arguments: &ImportArguments,
    clock: &dyn Clock,
) -> anyhow::Result<()> {
    let mut source = Source::open(&arguments.file, arguments.format)?;
    let before = record::find(database, &source.digest).await?;
    let (finished, cut_off) = match before {
        Some(record) if record.finished_at.is_some() => (Some(record), None),
        other => (None, other),
    };
    if let Some(record) = &finished
        && let Some(at) = record.finished_at
        && !arguments.again
    {
        say(&format!(
            "nothing to do: {} was imported at {} ({} rows); --again imports it once more",
            source.name.display(),
            Timestamp::from_millis(at),
            record.rows_done
        ));
        return Ok(());
    }
    let done = cut_off.as_ref().map_or(0, |record| u64::try_from(record.rows_done).unwrap_or(0));
    let total = check(database, &mut importer, &mut source, arguments, done).await?;
    if arguments.check {
        say(&format!("{total} row(s) are as they should be; nothing was imported"));
        return Ok(());
    }
    if finished.is_some() {
        record::forget(database, &source.digest).await?;
    }
    if cut_off.is_none() {
        record::begin(database, &source.digest, clock.now()).await?;
    } else {
        tell(&format!("going on behind the {done} row(s) that a run before this one has imported"));
    }
    let written = write(database, &mut importer, &mut source, arguments.existing, (done, total), clock).await;
    let skipped =
        written.context("it was cut off; what was imported stays, and the same command goes on there")?;
    record::finish(database, &source.digest, clock.now()).await?;
    let skipped = if skipped > 0 { format!(", {skipped} of them left as they were") } else { String::new() };
    say(&format!("imported {total} {}{skipped}", I::WHAT));
    Ok(())
}

/// Reads the whole file and tells every bad row. Returns how many rows there are.
async fn check<I: Importer>(
    database: &DatabaseConnection,
    importer: &mut I,
    source: &mut Source,
    arguments: &ImportArguments,
    done: u64,
) -> anyhow::Result<u64> {
    let name = source.name.display().to_string();
    let progress = Progress::new("checking ", None);
    let mut findings = Findings { name: &name, progress: &progress, bad: 0 };
    let mut seen = Seen::default();
    let mut ahead: Vec<(u64, Key)> = Vec::new();
    let mut total = 0;
    for row in source.rows(I::COLUMNS).with_context(|| name.clone())? {
        let row = row.with_context(|| name.clone())?;
        total += 1;
        progress.advance(1);
        let parsed = match row.fields.map(|fields| importer.parse(fields)) {
            Ok(Ok(parsed)) => parsed,
            Ok(Err(errors)) => {
                for error in errors {
                    findings.tell(row.line, &format!("{} {}", error.field, error.message));
                }
                continue;
            }
            Err(problem) => {
                findings.tell(row.line, &problem);
                continue;
            }
        };
        for key in importer.keys(&parsed) {
            if !seen.insert(&key) {
                findings.tell(row.line, &format!("{} {} is there twice in this file", key.field, key.value));
            } else if arguments.existing == Existing::Fail && total > done {
                ahead.push((row.line, key));
            }
        }
        if ahead.len() >= BATCH {
            findings.tell_taken(importer, database, mem::take(&mut ahead)).await?;
        }
    }
    findings.tell_taken(importer, database, ahead).await?;
    let bad = findings.bad;
    drop(progress);
    anyhow::ensure!(bad == 0, "{name}: {bad} problem(s) in {total} row(s); nothing was imported");
    Ok(total)
}

/// What is told of bad rows.
struct Findings<'a> {
    name: &'a str,
    progress: &'a Progress,
    bad: u64,
}

impl Findings<'_> {
    fn tell(&mut self, line: u64, problem: &str) {
        self.bad += 1;
        self.progress.print(|| tell(&format!("{}:{line}: {problem}", self.name)));
    }

    async fn tell_taken<I: Importer>(
        &mut self,
        importer: &I,
        database: &DatabaseConnection,
        ahead: Vec<(u64, Key)>,
    ) -> Result<(), DbErr> {
        let keys: Vec<_> = ahead.iter().map(|(_, key)| key.clone()).collect();
        let taken = if keys.is_empty() { HashSet::new() } else { importer.taken(database, &keys).await? };
        for (line, key) in ahead.iter().filter(|(_, key)| taken.contains(key)) {
            self.tell(*line, &format!("{} {} is taken", key.field, key.value));
        }
        Ok(())
    }
}

/// The keys of a file, of which half a digest is kept.
#[derive(Default)]
struct Seen(HashSet<[u8; 16]>);

impl Seen {
    /// `false`: it was seen before.
    fn insert(&mut self, key: &Key) -> bool {
        let text = format!("{} {}", key.field, key.value);
        let mut half = [0; 16];
        half.copy_from_slice(&digest(&SHA256, text.as_bytes()).as_ref()[..16]);
        self.0.insert(half)
    }
}

/// Writes all rows behind the first `done`. Returns how many were left as they were.
async fn write<I: Importer>(
    database: &DatabaseConnection,
    importer: &mut I,
    source: &mut Source,
    existing: Existing,
    (done, total): (u64, u64),
    clock: &dyn Clock,
) -> anyhow::Result<u64> {
    let digest = source.digest.clone();
    let progress = Progress::new("importing", Some(total - done.min(total)));
    let (mut at, mut skipped) = (done, 0);
    let mut rows = source.rows(I::COLUMNS)?.skip(usize::try_from(done)?);
    loop {
        let mut batch = Vec::with_capacity(BATCH);
        for row in rows.by_ref().take(BATCH) {
            let row = row?;
            let fields = row.fields.map_err(|problem| anyhow::anyhow!("line {}: {problem}", row.line))?;
            let parsed = importer.parse(fields);
            batch.push(
                parsed.map_err(|_| anyhow::anyhow!("line {}: has changed since it was checked", row.line))?,
            );
        }
        let read = batch.len() as u64;
        if read == 0 {
            return Ok(skipped);
        }
        if existing == Existing::Skip {
            let keys: Vec<_> = batch.iter().flat_map(|row| importer.keys(row)).collect();
            let taken = importer.taken(database, &keys).await?;
            batch.retain(|row| !importer.keys(row).iter().any(|key| taken.contains(key)));
            skipped += read - batch.len() as u64;
        }
        let transaction = database::begin(database).await?;
        let mine = record::advance(&transaction, &digest, at, at + read).await?;
        anyhow::ensure!(mine, "another process is importing the same file");
        if !batch.is_empty() {
            importer.write(&transaction, batch, clock.now()).await?;
        }
        transaction.commit().await?;
        at += read;
        progress.advance(read);
    }
}
