//! `auth-service user create | list | disable | passwd | roles`

use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use sea_orm::DatabaseConnection;
use serde_json::json;
use shared::clock::{Clock as _, SystemClock, Timestamp};
use shared::command::say;
use shared::database;
use shared::random::{Random, SystemRandom};

use super::password;
use crate::accounts::{Role, Roles, Username, store};
use crate::audit::{self, Actor, Event, Kind};
use crate::config::{DatabaseSettings, PasswordSettings};
use crate::entity::account;
use crate::migration::Migrator;
use crate::passwords::Passwords;
use crate::sessions;

/// How long a command waits for a slot that nobody else can have.
const NO_QUEUE: Duration = Duration::from_secs(60);
const PAGE: u64 = 500;

#[derive(Debug, Args)]
pub(super) struct UserArguments {
    #[command(subcommand)]
    command: UserCommand,
    #[command(flatten)]
    database: DatabaseSettings,
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    /// Makes an account; its password comes from a prompt or from standard input
    Create {
        /// Its name
        #[arg(value_parser = parse_username)]
        username: Username,
        /// What it may do; may be given more than once
        #[arg(long = "role", value_enum, default_value = "reader")]
        roles: Vec<Role>,
        #[command(flatten)]
        passwords: PasswordSettings,
    },
    /// Lists the accounts by name
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Bars an account from signing in, and ends its sessions
    Disable {
        /// Its name
        #[arg(value_parser = parse_username)]
        username: Username,
    },
    /// Sets the password of an account, and ends its sessions
    Passwd {
        /// Its name
        #[arg(value_parser = parse_username)]
        username: Username,
        #[command(flatten)]
        passwords: PasswordSettings,
    },
    /// Sets the roles of an account; its sessions get no more than they had
    Roles {
        /// Its name
        #[arg(value_parser = parse_username)]
        username: Username,
        /// What it may do
        #[arg(value_enum, required = true)]
        roles: Vec<Role>,
    },
}

fn parse_username(text: &str) -> Result<Username, String> {
    text.parse()
}

/// What all of these commands need.
struct Context {
    database: DatabaseConnection,
    random: Arc<dyn Random>,
    now: Timestamp,
}

impl UserArguments {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let database = database::connect("AUTH_DATABASE_URL", &self.database.url()?).await?;
        database::ensure_schema::<Migrator>(&database).await?;
        let context = Context { database, random: Arc::new(SystemRandom::new()), now: SystemClock.now() };
        match self.command {
            UserCommand::Create { username, roles, passwords } => {
                context.create(&username, &Roles::new(roles), &passwords).await
            }
            UserCommand::List { json } => context.list(json).await,
            UserCommand::Disable { username } => context.disable(&username).await,
            UserCommand::Passwd { username, passwords } => context.set_password(&username, &passwords).await,
            UserCommand::Roles { username, roles } => context.set_roles(&username, &Roles::new(roles)).await,
        }
    }
}

impl Context {
    async fn create(
        &self,
        username: &Username,
        roles: &Roles,
        settings: &PasswordSettings,
    ) -> anyhow::Result<()> {
        let password_hash = self.read_password(username, settings).await?;
        let transaction = database::begin(&self.database).await?;
        let account =
            store::create(&transaction, self.random.uuid(), username, password_hash, roles, self.now).await?;
        let event = Event::new(Kind::AccountCreated, Actor::Command).account(account.id);
        audit::record(&transaction, self.now, event.detail(roles.to_string())).await?;
        transaction.commit().await?;
        say(&format!("made {} ({}) with the roles {roles}", account.username, account.id));
        Ok(())
    }

    async fn list(&self, json: bool) -> anyhow::Result<()> {
        let mut after = String::new();
        let mut accounts: Vec<account::Model> = Vec::new();
        loop {
            let page = store::list(&self.database, &after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after.clone_from(&last.username_key);
            accounts.extend(page);
        }
        if json {
            let rows: Vec<_> = accounts.iter().map(as_json).collect();
            say(&serde_json::to_string_pretty(&rows)?);
        } else {
            for account in &accounts {
                let state = if account.disabled_at.is_some() { "disabled" } else { "enabled" };
                say(&format!("{}  {:<8}  {:<24}  {}", account.id, state, account.roles, account.username));
            }
        }
        Ok(())
    }

    async fn disable(&self, username: &Username) -> anyhow::Result<()> {
        let account = self.get(username).await?;
        let transaction = database::begin(&self.database).await?;
        store::disable(&transaction, account.id, self.now).await?;
        let ended = sessions::store::end_others(&transaction, account.id, None, self.now).await?;
        let event = Event::new(Kind::AccountDisabled, Actor::Command).account(account.id);
        audit::record(&transaction, self.now, event).await?;
        transaction.commit().await?;
        say(&format!("disabled {} and ended {ended} session(s)", account.username));
        Ok(())
    }

    async fn set_password(&self, username: &Username, settings: &PasswordSettings) -> anyhow::Result<()> {
        let account = self.get(username).await?;
        let password_hash = self.read_password(username, settings).await?;
        let transaction = database::begin(&self.database).await?;
        store::set_password(&transaction, account.id, password_hash, self.now).await?;
        let ended = sessions::store::end_others(&transaction, account.id, None, self.now).await?;
        let event = Event::new(Kind::PasswordChanged, Actor::Command).account(account.id);
        audit::record(&transaction, self.now, event).await?;
        transaction.commit().await?;
        say(&format!("set the password of {} and ended {ended} session(s)", account.username));
        Ok(())
    }

    async fn set_roles(&self, username: &Username, roles: &Roles) -> anyhow::Result<()> {
        let account = self.get(username).await?;
        let transaction = database::begin(&self.database).await?;
        store::set_roles(&transaction, account.id, roles).await?;
        let event = Event::new(Kind::RolesChanged, Actor::Command).account(account.id);
        audit::record(&transaction, self.now, event.detail(format!("{} to {roles}", account.roles))).await?;
        transaction.commit().await?;
        say(&format!("{} has the roles {roles}", account.username));
        Ok(())
    }

    async fn get(&self, username: &Username) -> anyhow::Result<account::Model> {
        let account = store::find_by_name(&self.database, username).await?;
        account.ok_or_else(|| anyhow::anyhow!("there is no account {}", username.as_str()))
    }

    async fn read_password(
        &self,
        username: &Username,
        settings: &PasswordSettings,
    ) -> anyhow::Result<String> {
        let (rules, params) = (settings.rules()?, settings.params()?);
        let password = password::read(rules, username)?;
        let passwords = Passwords::new(params, 1, NO_QUEUE, Arc::clone(&self.random))?;
        Ok(passwords.hash(password).await?)
    }
}

fn as_json(account: &account::Model) -> serde_json::Value {
    json!({
        "id": account.id.to_string(),
        "username": account.username,
        "roles": Roles::from_column(&account.roles).names(),
        "created_at": Timestamp::from_millis(account.created_at),
        "last_login_at": account.last_login_at.map(Timestamp::from_millis),
        "disabled_at": account.disabled_at.map(Timestamp::from_millis),
    })
}
