//! Files of rows into tables and out of them: the commands `import` and `export`.
//!
//! An import is all or nothing as its user sees it. First the whole file is read and checked, and every bad row is told with
//! its line; where there is one, nothing is imported. Then the rows go in batches, each in a transaction that also notes how
//! far it is. A run that was cut off is finished by the same command, which knows the file by its digest; a file that was
//! imported before is not imported again. A million rows take no more memory than a thousand, but for some forty bytes
//! of each that brings what must be unique.
//!
//! | module | what it holds |
//! |---|---|
//! | `rows` | CSV and NDJSON as rows with their lines |
//! | `import` | the two passes |
//! | [`record`] | how far each file is, in a table |
//! | `formula` | what a spreadsheet would carry out, as text |
//! | `export` | rows as CSV or NDJSON, in a file that appears whole or not at all |

mod export;
mod formula;
mod import;
mod progress;
#[expect(missing_docs, reason = "sea-orm derives names that say what they are")]
pub mod record;
mod rows;

pub use export::{ExportArguments, Sink};
pub use import::{Existing, ImportArguments, Importer, Key, import};
pub use progress::Progress;
pub use rows::Format;
