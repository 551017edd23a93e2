//! `books-service import | export`

use clap::Args;
use sea_orm::EntityTrait as _;
use sea_orm::PaginatorTrait as _;
use shared::clock::SystemClock;
use shared::command::{self, tell};
use shared::transfer::{self, Format, Progress, Sink};

use crate::books::transfer::{BookImporter, export};
use crate::config::DatabaseSettings;
use crate::entity::book::Entity;
use crate::migration::Migrator;

#[derive(Debug, Args)]
#[command(after_help = "\
The file is read and checked as a whole first. Every bad row is told with its line, and where there is one nothing is \
imported. The rows then go in batches, each whole or not at all. A run that was cut off is finished by the same command, \
which knows the file by its content and imports no row twice.

CSV has a line of column names: title, author, and id where the books have numbers already. NDJSON has one object a line \
with the same members, as `export` writes it. Rows without an id get the next numbers.

Examples:
  books-service import books.csv
  books-service import --check books.csv                  # only look
  books-service import --existing skip all.ndjson         # what is there stays as it is
  zcat books.ndjson.gz | books-service import --format ndjson -")]
pub(super) struct ImportBooks {
    #[command(flatten)]
    import: transfer::ImportArguments,
    #[command(flatten)]
    database: DatabaseSettings,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Books that change meanwhile are in it as they are when their turn comes.

In CSV, what a spreadsheet would carry out as a formula has an apostrophe before it, which `import` takes away again. \
NDJSON has each book as it is.

Examples:
  books-service export > books.ndjson
  books-service export books.csv
  books-service export --format csv | head -3")]
pub(super) struct ExportBooks {
    #[command(flatten)]
    export: transfer::ExportArguments,
    /// How it is written [default: by the name of the file; ndjson on standard output]
    #[arg(long, value_enum)]
    format: Option<Format>,
    #[command(flatten)]
    database: DatabaseSettings,
}

impl ImportBooks {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let database = command::open_or_make::<Migrator>("BOOKS_DATABASE_URL", &self.database.url()?).await?;
        transfer::import(&database, BookImporter::default(), &self.import, &SystemClock).await
    }
}

impl ExportBooks {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let database = command::open::<Migrator>("BOOKS_DATABASE_URL", &self.database.url()?).await?;
        let mut sink = Sink::open(&self.export, self.format, false)?;
        let progress = Progress::new("exporting", Some(Entity::find().count(&database).await?));
        export(&database, &mut sink, |books| progress.advance(books)).await?;
        drop(progress);
        if let Some(said) = sink.finish("book(s)")? {
            tell(&said);
        }
        Ok(())
    }
}
