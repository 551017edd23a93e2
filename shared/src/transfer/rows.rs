//! CSV and NDJSON as rows with their lines, in bounded memory.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::Context as _;
use clap::ValueEnum;
use ring::digest::{Context as Digest, SHA256};
use serde_json::{Map, Value};

use super::formula::unguarded;
use crate::http::Fields;

/// The longest row: a quote that is never closed must not swallow the rest of the file into memory.
const MAX_ROW: usize = 1024 * 1024;
const CHUNK: usize = 64 * 1024;

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// RFC 4180, with a line of column names
    Csv,
    /// One JSON object a line
    Ndjson,
}

impl Format {
    /// By the name of a file.
    pub(super) fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            "ndjson" | "jsonl" => Some(Self::Ndjson),
            _ => None,
        }
    }
}

/// A file that is read twice. Standard input is kept in a file without a name meanwhile.
#[derive(Debug)]
pub(super) struct Source {
    file: File,
    pub(super) format: Format,
    /// SHA-256 of the whole, in hexadecimal.
    pub(super) digest: String,
    pub(super) name: PathBuf,
}

impl Source {
    pub(super) fn open(path: &Path, format: Option<Format>) -> anyhow::Result<Self> {
        let unknown =
            "give --format csv or --format ndjson: the name does not end in .csv, .ndjson or .jsonl";
        let format = format.or_else(|| Format::of(path)).context(unknown)?;
        let (mut file, name) = if path == Path::new("-") {
            let mut kept = tempfile::tempfile().context("what comes from standard input cannot be kept")?;
            io::copy(&mut io::stdin().lock(), &mut kept).context("standard input cannot be read")?;
            (kept, PathBuf::from("standard input"))
        } else {
            let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
            (file, path.to_owned())
        };
        let digest = digest(&mut file).with_context(|| format!("{} cannot be read", name.display()))?;
        Ok(Self { file, format, digest, name })
    }

    /// All rows from the beginning, with these columns and no others.
    pub(super) fn rows(&mut self, columns: &'static [&'static str]) -> anyhow::Result<Rows<'_>> {
        self.file.seek(SeekFrom::Start(0))?;
        match self.format {
            Format::Csv => CsvRows::new(&mut self.file, columns).map(Rows::Csv),
            Format::Ndjson => {
                Ok(Rows::Ndjson(NdjsonRows { reader: BufReader::new(&mut self.file), line: 0, columns }))
            }
        }
    }
}

fn digest(file: &mut File) -> io::Result<String> {
    file.seek(SeekFrom::Start(0))?;
    let mut digest = Digest::new(&SHA256);
    let mut chunk = vec![0; CHUNK];
    loop {
        match file.read(&mut chunk)? {
            0 => break,
            read => digest.update(&chunk[..read]),
        }
    }
    Ok(digest.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A row: where it begins, and its members or why it has none.
pub(super) struct Row {
    pub(super) line: u64,
    pub(super) fields: Result<Fields, String>,
}

/// The rows of a file. An error of the whole is one that no further row can be read after.
pub(super) enum Rows<'a> {
    Csv(CsvRows<'a>),
    Ndjson(NdjsonRows<'a>),
}

impl Iterator for Rows<'_> {
    type Item = anyhow::Result<Row>;

    fn next(&mut self) -> Option<anyhow::Result<Row>> {
        match self {
            Self::Csv(rows) => rows.next(),
            Self::Ndjson(rows) => rows.next(),
        }
    }
}

/// Reads so many bytes and no more until it is given others.
struct Bounded<R> {
    inner: R,
    left: Rc<Cell<usize>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        match self.left.get().checked_sub(read) {
            Some(left) => self.left.set(left),
            None => {
                return Err(io::Error::other(
                    "a row is longer than 1 MiB: is there a quote that is not closed?",
                ));
            }
        }
        Ok(read)
    }
}

pub(super) struct CsvRows<'a> {
    reader: csv::Reader<Bounded<&'a mut File>>,
    left: Rc<Cell<usize>>,
    names: Vec<String>,
    record: csv::ByteRecord,
}

impl<'a> CsvRows<'a> {
    fn new(file: &'a mut File, columns: &'static [&'static str]) -> anyhow::Result<Self> {
        let left = Rc::new(Cell::new(2 * MAX_ROW));
        let bounded = Bounded { inner: file, left: Rc::clone(&left) };
        // With lines that end in CRLF, the reader's own terminator counts one line too few.
        let terminator = csv::Terminator::Any(b'\n');
        let mut reader = csv::ReaderBuilder::new().flexible(true).terminator(terminator).from_reader(bounded);
        let header = reader.headers().context("the line of column names cannot be read")?;
        let names: Vec<_> = header.iter().map(|name| name.trim().to_ascii_lowercase()).collect();
        for (index, name) in names.iter().enumerate() {
            let known = columns.join(", ");
            anyhow::ensure!(
                columns.contains(&name.as_str()),
                "line 1: no column is called {name:?}; there are {known}"
            );
            anyhow::ensure!(!names[..index].contains(name), "line 1: the column {name:?} is there twice");
        }
        Ok(Self { reader, left, names, record: csv::ByteRecord::new() })
    }

    fn next(&mut self) -> Option<anyhow::Result<Row>> {
        self.left.set(2 * MAX_ROW);
        match self.reader.read_byte_record(&mut self.record) {
            Ok(false) => None,
            Ok(true) => {
                let line = self.record.position().map_or(0, csv::Position::line);
                Some(Ok(Row { line, fields: self.fields() }))
            }
            Err(error) => {
                let line = self.reader.position().line();
                Some(Err(anyhow::Error::new(error).context(format!("line {line}"))))
            }
        }
    }

    fn fields(&self) -> Result<Fields, String> {
        let (wanted, there) = (self.names.len(), self.record.len());
        if wanted != there {
            return Err(format!("has {there} fields where there are {wanted} columns"));
        }
        let mut members = Map::new();
        for (name, value) in self.names.iter().zip(&self.record) {
            let value = &*unguarded(value.strip_suffix(b"\r").unwrap_or(value));
            let text = std::str::from_utf8(value).map_err(|_| format!("{name} is not UTF-8"))?;
            if !text.is_empty() {
                members.insert(name.clone(), Value::String(text.to_owned()));
            }
        }
        Ok(Fields::new(members))
    }
}

pub(super) struct NdjsonRows<'a> {
    reader: BufReader<&'a mut File>,
    line: u64,
    columns: &'static [&'static str],
}

impl NdjsonRows<'_> {
    fn next(&mut self) -> Option<anyhow::Result<Row>> {
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            self.line += 1;
            let line = self.line;
            let most = MAX_ROW as u64 + 1;
            match (&mut self.reader).take(most).read_until(b'\n', &mut bytes) {
                Ok(0) => return None,
                Ok(_) if bytes.len() > MAX_ROW => {
                    return Some(Err(anyhow::anyhow!("line {line}: is longer than 1 MiB")));
                }
                Ok(_) if bytes.trim_ascii().is_empty() => {}
                Ok(_) => return Some(Ok(Row { line, fields: self.fields(&bytes) })),
                Err(error) => return Some(Err(anyhow::Error::new(error).context(format!("line {line}")))),
            }
        }
    }

    fn fields(&self, bytes: &[u8]) -> Result<Fields, String> {
        let value: Value = serde_json::from_slice(bytes)
            .map_err(|error| format!("is not JSON (column {})", error.column()))?;
        let Value::Object(members) = value else { return Err("is not a JSON object".to_owned()) };
        if let Some(unknown) = members.keys().find(|name| !self.columns.contains(&name.as_str())) {
            return Err(format!("has the member {unknown:?}; there are {}", self.columns.join(", ")));
        }
        let mut fields = Fields::new(members);
        fields.leave_out_nulls();
        Ok(fields)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const COLUMNS: &[&str] = &["title", "author", "id"];

    /// Line and complaint of each row; where the file as a whole is bad, that alone.
    fn read(format: Format, text: &[u8]) -> Result<Vec<(u64, Option<String>)>, String> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text).unwrap();
        let mut source = Source::open(file.path(), Some(format)).map_err(|error| format!("{error:#}"))?;
        let rows = source.rows(COLUMNS).map_err(|error| format!("{error:#}"))?;
        let row = |row: anyhow::Result<Row>| {
            row.map(|row| (row.line, row.fields.err())).map_err(|error| format!("{error:#}"))
        };
        rows.map(row).collect()
    }

    #[test]
    fn rows_have_the_lines_that_they_begin_in() {
        let csv = b"\xef\xbb\xbfTitle,author\r\nEmma,Jane Austen\r\n\"two\nlines\",x\nA,B,C\n\xff,x\n";
        let rows = read(Format::Csv, csv).unwrap();
        let fields = "has 3 fields where there are 2 columns".to_owned();
        let utf8 = "title is not UTF-8".to_owned();
        assert_eq!(rows, [(2, None), (3, None), (5, Some(fields)), (6, Some(utf8))]);
        let ndjson = b"{\"title\":\"Emma\"}\n\n[1]\n{\"year\":1}\nx\n{\"id\":null}";
        let lines: Vec<_> = read(Format::Ndjson, ndjson).unwrap();
        assert_eq!(
            lines.iter().map(|(line, bad)| (*line, bad.is_some())).collect::<Vec<_>>(),
            [(1, false), (3, true), (4, true), (5, true), (6, false)]
        );
    }

    #[test]
    fn columns_that_nobody_knows_are_named() {
        assert!(read(Format::Csv, b"title,year\n").unwrap_err().contains("no column is called \"year\""));
        assert!(read(Format::Csv, b"title,title\n").unwrap_err().contains("there twice"));
    }

    #[test]
    fn a_quote_that_is_never_closed_does_not_fill_the_memory() {
        let mut csv = b"title,author\n\"".to_vec();
        csv.extend(std::iter::repeat_n(b"x\n", 2 * MAX_ROW).flatten());
        assert!(read(Format::Csv, &csv).unwrap_err().contains("not closed"));
        let long = vec![b' '; MAX_ROW + 1];
        assert!(read(Format::Ndjson, &long).unwrap_err().contains("longer than 1 MiB"));
    }
}
