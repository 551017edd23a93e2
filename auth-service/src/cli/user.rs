//! `auth-service user create | list | disable | enable | passwd | import | export | roles`

use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use sea_orm::{DatabaseConnection, EntityTrait as _, PaginatorTrait as _};
use shared::clock::{Clock as _, SystemClock, Timestamp};
use shared::command::{self, say, table, tell};
use shared::random::{Random, SystemRandom};
use shared::transfer::{self, ExportArguments, Format, ImportArguments, Progress, Sink};

use super::password;
use crate::accounts::change::{self, AccountChange, Changer, NewAccount};
use crate::accounts::store::{self, NewPassword};
use crate::accounts::transfer::{AccountImporter, export};
use crate::accounts::{Role, Roles, Username};
use crate::admin::users::UserView;
use crate::audit::{Actor, Event, Kind};
use crate::config::{DatabaseSettings, PasswordSettings};
use crate::entity::account;
use crate::migration::Migrator;
use crate::passwords::{Password, Passwords, importable};

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
    #[command(after_help = CREATE_HELP)]
    Create {
        /// Its name
        #[arg(value_parser = parse_username)]
        username: Username,
        /// What it may do; may be given more than once
        #[arg(long = "role", value_enum, default_value = "reader")]
        roles: Vec<Role>,
        #[command(flatten)]
        secret: SecretArguments,
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
    /// Lets an account sign in again
    Enable {
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
        secret: SecretArguments,
        #[command(flatten)]
        passwords: PasswordSettings,
    },
    /// Adds the accounts of a file; where one row is bad, none
    #[command(after_help = IMPORT_HELP)]
    Import(ImportArguments),
    /// Writes all accounts to a file, with their password hashes: keep it as you keep the database
    #[command(after_help = EXPORT_HELP)]
    Export(ExportArguments),
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

const CREATE_HELP: &str = "\
Examples:
  auth-service user create ada --role librarian
  auth-service user create root --role admin --generate
  echo 'a long enough password' | auth-service user create grace
  echo '$2b$12$…' | auth-service user create alan --hash";

const IMPORT_HELP: &str = "\
The file is read and checked as a whole first. Every bad row is told with its line, and where there is one nothing is \
imported. The rows then go in batches, each whole or not at all, with an event in the audit trail for each account. A run \
that was cut off is finished by the same command, which knows the file by its content and imports no row twice.

A row needs username and password_hash: what `export` writes, or a hash from another system as `user create --hash` takes \
it (argon2, bcrypt, PBKDF2, scrypt), which the next login replaces where ours is stronger. It may have roles (default: \
reader), id, created_at, password_changed_at, last_login_at, must_change_password and disabled_at. CSV has a line of column \
names.

Examples:
  auth-service user import accounts.ndjson
  auth-service user import --check legacy.csv             # only look
  auth-service user import --existing skip legacy.csv     # who is there stays as they are";

const EXPORT_HELP: &str = "\
The file is for its owner alone (mode 600). Whoever has it can try passwords against its hashes; delete it when it has \
served. Sessions, consents and clients are not in it: `database copy` moves everything.

Examples:
  auth-service user export accounts.ndjson
  auth-service user export - | age -r KEY > accounts.ndjson.age";

/// Where the password comes from.
#[derive(Clone, Copy, Debug, Args)]
struct SecretArguments {
    /// Makes a password and shows it once; its owner must replace it before anything else
    #[arg(long, conflicts_with = "hash")]
    generate: bool,
    /// Takes the hash of a password instead, from another system: argon2, bcrypt, PBKDF2 or scrypt, as a PHC or crypt string
    /// or as Django and Werkzeug write it; the next login replaces it where ours is stronger
    #[arg(long)]
    hash: bool,
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
        let (name, url) = ("AUTH_DATABASE_URL", self.database.url()?);
        let database = match self.command {
            UserCommand::Create { .. } | UserCommand::Import(_) => {
                command::open_or_make::<Migrator>(name, &url).await?
            }
            _ => command::open::<Migrator>(name, &url).await?,
        };
        let context = Context { database, random: Arc::new(SystemRandom::new()), now: SystemClock.now() };
        match self.command {
            UserCommand::Create { username, roles, secret, passwords } => {
                context.create(&username, &Roles::new(roles), secret, &passwords).await
            }
            UserCommand::List { json } => context.list(json).await,
            UserCommand::Disable { username } => {
                let change = AccountChange { disabled: Some(true), ..AccountChange::default() };
                context.change(&username, &change, "is disabled, and its sessions are over").await
            }
            UserCommand::Enable { username } => {
                let change = AccountChange { disabled: Some(false), ..AccountChange::default() };
                context.change(&username, &change, "may sign in").await
            }
            UserCommand::Passwd { username, secret, passwords } => {
                let (password, shown) = context.new_password(&username, secret, &passwords).await?;
                let change = AccountChange { password: Some(password), ..AccountChange::default() };
                context.change(&username, &change, "has a new password, and its sessions are over").await?;
                show_once(shown);
                Ok(())
            }
            UserCommand::Import(arguments) => {
                let importer = AccountImporter::new(context.random, context.now);
                transfer::import(&context.database, importer, &arguments, &SystemClock).await
            }
            UserCommand::Export(arguments) => context.export(&arguments).await,
            UserCommand::Roles { username, roles } => {
                let roles = Roles::new(roles);
                let said = format!("has the roles {roles}");
                let change = AccountChange { roles: Some(roles), ..AccountChange::default() };
                context.change(&username, &change, &said).await
            }
        }
    }
}

impl Context {
    async fn create(
        &self,
        username: &Username,
        roles: &Roles,
        secret: SecretArguments,
        settings: &PasswordSettings,
    ) -> anyhow::Result<()> {
        let (password, shown) = self.new_password(username, secret, settings).await?;
        let id = self.random.uuid();
        let event = Event::new(Kind::AccountCreated, Actor::Command).account(id).detail(roles.to_string());
        let account = NewAccount { id, username: username.clone(), password, roles: roles.clone() };
        let account = change::create(&self.database, &account, &event, self.now).await?;
        say(&format!("made {} ({}) with the roles {roles}", account.username, account.id));
        show_once(shown);
        Ok(())
    }

    async fn list(&self, json: bool) -> anyhow::Result<()> {
        let mut after = String::new();
        let mut accounts: Vec<account::Model> = Vec::new();
        loop {
            let page = store::list(&self.database, "", &after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after.clone_from(&last.username_key);
            accounts.extend(page);
        }
        if json {
            let rows: Vec<UserView> = accounts.into_iter().map(UserView::from).collect();
            say(&serde_json::to_string_pretty(&rows)?);
        } else {
            let rows = accounts.iter().map(|account| {
                let state = if account.disabled_at.is_some() { "disabled" } else { "enabled" };
                [&account.username, state, &account.roles, &account.id.to_string()].map(str::to_owned)
            });
            say(&table(["USERNAME", "STATE", "ROLES", "ID"], rows));
        }
        Ok(())
    }

    async fn export(&self, arguments: &ExportArguments) -> anyhow::Result<()> {
        let mut sink = Sink::open(arguments, Some(Format::Ndjson), true)?;
        let total = account::Entity::find().count(&self.database).await?;
        let progress = Progress::new("exporting", Some(total));
        export(&self.database, &mut sink, |accounts| progress.advance(accounts)).await?;
        drop(progress);
        if let Some(said) = sink.finish("account(s)")? {
            tell(&format!("{said}, with their password hashes: keep it as you keep the database"));
        }
        Ok(())
    }

    async fn change(&self, username: &Username, change: &AccountChange, said: &str) -> anyhow::Result<()> {
        let account = store::find_by_name(&self.database, username).await?;
        let account = account.ok_or_else(|| anyhow::anyhow!("there is no account {}", username.as_str()))?;
        let changer = Changer::Operator;
        let account = change::change(&self.database, account.id, change, changer, self.now).await?;
        say(&format!("{} {said}", account.username));
        Ok(())
    }

    /// The password of an account, and its text where nobody has seen it yet.
    async fn new_password(
        &self,
        username: &Username,
        secret: SecretArguments,
        settings: &PasswordSettings,
    ) -> anyhow::Result<(NewPassword, Option<String>)> {
        let (rules, params) = (settings.rules(None)?, settings.params()?);
        if secret.hash {
            let hash = importable(&password::read_text("Hash: ")?)
                .map_err(|problem| anyhow::anyhow!("the hash {problem}"))?;
            return Ok((NewPassword::chosen(hash), None));
        }
        let (password, shown) = if secret.generate {
            let text = self.random.text::<18>();
            (Password::presented(&text).map_err(anyhow::Error::msg)?, Some(text))
        } else {
            (password::read(&rules, username)?, None)
        };
        let passwords = Passwords::new(params, 1, NO_QUEUE, Arc::clone(&self.random)).await?;
        let hash = passwords.hash(password).await?;
        Ok((NewPassword { hash, must_change: secret.generate }, shown))
    }
}

fn show_once(password: Option<String>) {
    if let Some(password) = password {
        say(&format!(
            "its password, shown this once, to be replaced at the first login (PUT /me/password): {password}"
        ));
    }
}
