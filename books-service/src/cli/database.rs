//! `books-service database copy`

use clap::{Args, Subcommand};
use shared::command::say;
use shared::database::{Copy, CopyArguments};
use shared::transfer::record;

use crate::config::DatabaseSettings;
use crate::entity::book;
use crate::migration::Migrator;

/// Tables whose rows get numbers.
const COUNTED: [&str; 1] = ["books"];

#[derive(Debug, Args)]
pub(super) struct DatabaseArguments {
    #[command(subcommand)]
    command: DatabaseCommand,
}

#[derive(Debug, Subcommand)]
enum DatabaseCommand {
    /// Copies everything into another database: from SQLite to MySQL, or back
    #[command(after_help = COPY_HELP)]
    Copy {
        #[command(flatten)]
        copy: CopyArguments,
        #[command(flatten)]
        database: Box<DatabaseSettings>,
    },
}

const COPY_HELP: &str = "\
Stop the service first: what it writes meanwhile is not copied. The target gets everything or nothing, and the rows that \
arrive are counted. A target on MySQL must have its schema (`migrate`) and a user who may change tables.

Examples:
  books-service migrate --database-url-file new-url
  books-service database copy --from sqlite://data/books.db --to-file new-url
  books-service database copy --to sqlite://copy.db           # from BOOKS_DATABASE_URL";

impl DatabaseArguments {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let DatabaseCommand::Copy { copy, database } = self.command;
        let (from, to) = copy.urls(database.url())?;
        let mut copy = Copy::begin::<Migrator>(&from, &to, &COUNTED).await?;
        all_tables(&mut copy).await?;
        copy.commit().await?;
        say("copied, and counted; now lead BOOKS_DATABASE_URL there");
        Ok(())
    }
}

async fn all_tables(copy: &mut Copy) -> anyhow::Result<()> {
    copy.table::<book::Entity>().await?;
    copy.table::<record::Entity>().await
}
