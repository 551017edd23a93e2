//! `auth-service database copy`

use clap::{Args, Subcommand};
use shared::command::say;
use shared::database::{Copy, CopyArguments};
use shared::transfer::record;

use crate::config::DatabaseSettings;
use crate::entity::{
    account, audit_event, client, client_origin, consent, device_code, one_time, session, signing_key,
    throttle,
};
use crate::migration::Migrator;

/// Tables whose rows get numbers.
const COUNTED: [&str; 1] = ["audit_events"];

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
arrive are counted. A target on MySQL must have its schema (`migrate`) and a user who may change tables. \
The keys are copied as they are sealed: the service needs the same AUTH_KEY_ENCRYPTION_KEY as before.

Examples:
  auth-service migrate --database-url-file new-url
  auth-service database copy --from sqlite://data/auth.db --to-file new-url
  auth-service database copy --to sqlite://copy.db           # from AUTH_DATABASE_URL";

impl DatabaseArguments {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let DatabaseCommand::Copy { copy, database } = self.command;
        let (from, to) = copy.urls(database.url())?;
        let mut copy = Copy::begin::<Migrator>(&from, &to, &COUNTED).await?;
        all_tables(&mut copy).await?;
        copy.commit().await?;
        say("copied, and counted; now lead AUTH_DATABASE_URL there");
        Ok(())
    }
}

async fn all_tables(copy: &mut Copy) -> anyhow::Result<()> {
    copy.table::<account::Entity>().await?;
    copy.table::<session::Entity>().await?;
    copy.table::<signing_key::Entity>().await?;
    copy.table::<audit_event::Entity>().await?;
    copy.table::<throttle::Entity>().await?;
    copy.table::<client::Entity>().await?;
    copy.table::<client_origin::Entity>().await?;
    copy.table::<one_time::Entity>().await?;
    copy.table::<device_code::Entity>().await?;
    copy.table::<consent::Entity>().await?;
    copy.table::<record::Entity>().await
}
