//! Rows as CSV or NDJSON, on standard output or in a file that appears whole or not at all.

use std::fs::Permissions;
use std::io::{self, BufWriter, ErrorKind, IsTerminal as _, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;
use tempfile::NamedTempFile;

use super::formula::guarded;
use super::rows::Format;

/// Where an export goes.
#[derive(Clone, Debug, Args)]
pub struct ExportArguments {
    /// The file, or - for standard output; it appears once it is whole
    #[arg(value_name = "FILE", default_value = "-")]
    pub file: PathBuf,
    /// Replaces a file that is there
    #[arg(long)]
    pub force: bool,
}

/// Where rows are written to.
pub struct Sink {
    writer: Writer,
    target: PathBuf,
    force: bool,
    rows: u64,
}

enum Writer {
    Csv(Box<csv::Writer<Out>>),
    Ndjson(BufWriter<Out>),
}

enum Out {
    Stdout(io::Stdout),
    File(NamedTempFile),
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(stdout) => stdout.write(bytes),
            Self::File(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(stdout) => stdout.flush(),
            Self::File(file) => file.flush(),
        }
    }
}

impl Sink {
    /// Opens the place. What is `secret` is for its owner alone, and not for a screen.
    ///
    /// # Errors
    /// The file is there already or cannot be made, or a secret would be shown.
    pub fn open(arguments: &ExportArguments, format: Option<Format>, secret: bool) -> anyhow::Result<Self> {
        let target = arguments.file.clone();
        let format = format.or_else(|| Format::of(&target)).unwrap_or(Format::Ndjson);
        let out = if target == Path::new("-") {
            let shown = secret && io::stdout().is_terminal();
            anyhow::ensure!(!shown, "this holds password hashes, which are not for a screen: give a file");
            Out::Stdout(io::stdout())
        } else {
            let there = target.exists() && !arguments.force;
            anyhow::ensure!(!there, "{} is there already; --force replaces it", target.display());
            let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
            let mode = if secret { 0o600 } else { 0o666 };
            let file = tempfile::Builder::new()
                .permissions(Permissions::from_mode(mode))
                .tempfile_in(folder.unwrap_or(Path::new(".")));
            Out::File(file.with_context(|| format!("{} cannot be written", target.display()))?)
        };
        let writer = match format {
            Format::Csv => Writer::Csv(Box::new(csv::Writer::from_writer(out))),
            Format::Ndjson => Writer::Ndjson(BufWriter::new(out)),
        };
        Ok(Self { writer, target, force: arguments.force, rows: 0 })
    }

    /// Writes a row. `false`: whoever reads has seen enough, as `head` does.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn put(&mut self, row: &impl Serialize) -> anyhow::Result<bool> {
        let put = match &mut self.writer {
            Writer::Csv(writer) => put_csv(writer, row, self.rows == 0),
            Writer::Ndjson(writer) => serde_json::to_writer(&mut *writer, row)
                .map_err(io::Error::from)
                .and_then(|()| writer.write_all(b"\n")),
        };
        match put {
            Ok(()) => {
                self.rows += 1;
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(error).context("cannot be written"),
        }
    }

    /// Makes the file appear. Returns what to tell, where that does not get into the output.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn finish(self, what: &str) -> anyhow::Result<Option<String>> {
        let out = match self.writer {
            Writer::Csv(writer) => writer.into_inner().map_err(|error| error.into_error()),
            Writer::Ndjson(writer) => writer.into_inner().map_err(|error| error.into_error()),
        };
        let out = match out {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(None),
            out => out.context("cannot be written")?,
        };
        let Out::File(file) = out else { return Ok(None) };
        file.as_file().sync_all()?;
        let kept = if self.force {
            file.persist(&self.target).map_err(|error| error.error)
        } else {
            file.persist_noclobber(&self.target).map_err(|error| error.error)
        };
        kept.with_context(|| format!("{} cannot be written", self.target.display()))?;
        Ok(Some(format!("exported {} {what} to {}", self.rows, self.target.display())))
    }
}

/// Writes a row, behind the names of the columns where it is the `first`.
fn put_csv(writer: &mut csv::Writer<Out>, row: &impl Serialize, first: bool) -> io::Result<()> {
    let mut plain = csv::WriterBuilder::new().has_headers(first).from_writer(Vec::new());
    plain.serialize(row)?;
    let plain = plain.into_inner().map_err(csv::IntoInnerError::into_error)?;
    let records = csv::ReaderBuilder::new().has_headers(false).from_reader(&*plain).into_byte_records();
    for record in records {
        writer.write_record(record?.iter().map(guarded))?;
    }
    Ok(())
}

impl std::fmt::Debug for Sink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sink").field("target", &self.target).finish_non_exhaustive()
    }
}
