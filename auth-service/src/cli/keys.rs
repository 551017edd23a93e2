//! `auth-service keys list | rotate | revoke | rewrap`

use std::sync::Arc;

use clap::{Args, Subcommand};
use shared::clock::SystemClock;
use shared::command::{self, say, table};
use shared::random::SystemRandom;

use crate::admin::keys::KeyView;
use crate::audit::Actor;
use crate::config::{DatabaseSettings, KeySettings};
use crate::migration::Migrator;
use crate::tokens::key_change::KeyInfo;
use crate::tokens::keyring::{Keyring, LOOK_EVERY};
use crate::tokens::life::KeyState;

#[derive(Debug, Args)]
pub(super) struct KeyArguments {
    #[command(subcommand)]
    command: KeyCommand,
}

/// What all of these commands need.
#[derive(Debug, Args)]
struct Common {
    #[command(flatten)]
    database: DatabaseSettings,
    #[command(flatten)]
    keys: KeySettings,
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Lists the signing keys, oldest first
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        common: Box<Common>,
    },
    /// Makes the next key before its time; it is announced before it signs, so nobody notices
    Rotate {
        #[command(flatten)]
        common: Box<Common>,
    },
    /// Withdraws a key in an emergency: nothing that it signed is accepted any more
    Revoke {
        /// Its name, as `keys list` shows it; one in 64 begins with a hyphen
        #[arg(allow_hyphen_values = true)]
        kid: String,
        #[command(flatten)]
        common: Box<Common>,
    },
    /// Seals all keys under AUTH_KEY_ENCRYPTION_KEY that are still under AUTH_PREVIOUS_KEY_ENCRYPTION_KEY
    Rewrap {
        #[command(flatten)]
        common: Box<Common>,
    },
}

impl KeyArguments {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        match self.command {
            KeyCommand::List { json, common } => list(&common.keyring().await?, json).await,
            KeyCommand::Rotate { common } => {
                let key = common.keyring().await?.rotate(Actor::Command, None).await?;
                let from = if key.state == KeyState::Signing {
                    "now".to_owned()
                } else {
                    key.signs_from.to_string()
                };
                say(&format!("made {}, which signs from {from} on", key.kid));
                Ok(())
            }
            KeyCommand::Revoke { kid, common } => {
                common.keyring().await?.revoke(&kid, Actor::Command).await?;
                let (here, there) = (LOOK_EVERY, common.keys.jwks_max_age);
                say(&format!(
                    "withdrew {kid}: auth-service drops it within {here:?}, others when they next fetch the keys, \
                     {there} from now at the latest"
                ));
                Ok(())
            }
            KeyCommand::Rewrap { common } => {
                let resealed = common.keyring().await?.rewrap(Actor::Command).await?;
                say(&format!("sealed {resealed} key(s) anew"));
                Ok(())
            }
        }
    }
}

impl Common {
    async fn keyring(&self) -> anyhow::Result<Keyring> {
        let (sealer, life) = (self.keys.sealing.sealer()?, self.keys.life()?);
        let database = command::open::<Migrator>("AUTH_DATABASE_URL", &self.database.url()?).await?;
        let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom::new()));
        Ok(Keyring::new(database, sealer, life, clock, random))
    }
}

async fn list(keyring: &Keyring, json: bool) -> anyhow::Result<()> {
    let keys = keyring.keys().await?;
    if json {
        let rows: Vec<KeyView> = keys.into_iter().map(KeyView::from).collect();
        say(&serde_json::to_string_pretty(&rows)?);
    } else {
        let rows = keys.iter().map(|KeyInfo { number, kid, state, created_at, signs_from, .. }| {
            let (made, from) = (created_at.to_string(), signs_from.to_string());
            [number.to_string(), kid.clone(), state.as_str().to_owned(), made, from]
        });
        say(&table(["NUMBER", "KID", "STATE", "MADE", "SIGNS FROM"], rows));
    }
    Ok(())
}
