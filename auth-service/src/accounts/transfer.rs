//! Accounts from files and into files. Such a file holds password hashes: it is a secret.

use std::collections::HashSet;
use std::sync::Arc;

use sea_orm::entity::prelude::*;
use sea_orm::{DatabaseConnection, DatabaseTransaction, ExprTrait as _, IntoActiveModel as _};
use serde::Serialize;
use serde_json::Value;
use shared::clock::Timestamp;
use shared::http::{FieldError, Fields, Invalid};
use shared::random::Random;
use shared::transfer::{Importer, Key, Sink};

use super::{Role, Roles, Username, store};
use crate::audit::{Actor, Event, Kind};
use crate::entity::account::{Column, Entity, Model};
use crate::passwords::importable;

const PAGE: u64 = 500;
const ID: &str = "id";
const USERNAME: &str = "username";

/// An account in a file.
#[derive(Serialize)]
struct Row<'a> {
    id: Uuid,
    username: &'a str,
    password_hash: &'a str,
    roles: Vec<&'static str>,
    created_at: Timestamp,
    password_changed_at: Timestamp,
    last_login_at: Option<Timestamp>,
    must_change_password: bool,
    disabled_at: Option<Timestamp>,
}

/// Writes all accounts by name, with their password hashes. Returns once all are written, or nobody reads any more.
///
/// # Errors
/// The database's, or they cannot be written.
pub async fn export(
    database: &DatabaseConnection,
    sink: &mut Sink,
    written: impl Fn(u64),
) -> anyhow::Result<()> {
    let mut after = String::new();
    loop {
        let page = store::list(database, "", &after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after.clone_from(&last.username_key);
        written(page.len() as u64);
        for account in &page {
            let row = Row {
                id: account.id,
                username: &account.username,
                password_hash: &account.password_hash,
                roles: Roles::from_column(&account.roles).names(),
                created_at: Timestamp::from_millis(account.created_at),
                password_changed_at: Timestamp::from_millis(account.password_changed_at),
                last_login_at: account.last_login_at.map(Timestamp::from_millis),
                must_change_password: account.must_change_password,
                disabled_at: account.disabled_at.map(Timestamp::from_millis),
            };
            if !sink.put(&row)? {
                return Ok(());
            }
        }
    }
}

/// Adds accounts of a file.
pub struct AccountImporter {
    random: Arc<dyn Random>,
    now: Timestamp,
}

impl AccountImporter {
    /// Accounts that say nothing of when they were made were made `now`.
    pub fn new(random: Arc<dyn Random>, now: Timestamp) -> Self {
        Self { random, now }
    }

    fn read(&self, fields: &mut Fields) -> Result<Model, Invalid> {
        let id =
            fields.optional_text(ID, |text| text.parse::<Uuid>().map_err(|_| "must be a UUID".to_owned()));
        let username = fields.text(USERNAME, str::parse::<Username>);
        let password_hash = fields.text("password_hash", importable);
        let roles = roles(fields);
        let must_change_password = flag(fields, "must_change_password");
        let created_at = fields.optional_text("created_at", moment);
        let password_changed_at = fields.optional_text("password_changed_at", moment);
        let last_login_at = fields.optional_text("last_login_at", moment);
        let disabled_at = fields.optional_text("disabled_at", moment);
        let created_at = created_at?.unwrap_or(self.now);
        let username = username?;
        Ok(Model {
            id: id?.unwrap_or_else(|| self.random.uuid()),
            username: username.as_str().to_owned(),
            username_key: username.key().to_owned(),
            password_hash: password_hash?,
            roles: roles?.to_string(),
            created_at: created_at.millis(),
            password_changed_at: password_changed_at?.unwrap_or(created_at).millis(),
            last_login_at: last_login_at?.map(Timestamp::millis),
            must_change_password: must_change_password?,
            disabled_at: disabled_at?.map(Timestamp::millis),
        })
    }
}

fn moment(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(str::to_owned)
}

/// A list of names, or their names with spaces between them.
fn roles(fields: &mut Fields) -> Result<Roles, Invalid> {
    let named = match fields.optional::<Value>("roles", Roles::RULE)? {
        None => Some(Roles::new([Role::Reader])),
        Some(Value::String(text)) => Roles::named(text.split_whitespace()),
        Some(value) => {
            let names: Vec<String> = serde_json::from_value(value).unwrap_or_default();
            Roles::named(names.iter().map(String::as_str))
        }
    };
    named.ok_or_else(|| fields.complain("roles", Roles::RULE))
}

fn flag(fields: &mut Fields, name: &str) -> Result<bool, Invalid> {
    const RULE: &str = "must be true or false";
    match fields.optional::<Value>(name, RULE)? {
        None => Ok(false),
        Some(Value::Bool(flag)) => Ok(flag),
        Some(Value::String(text)) => text.parse().map_err(|_| fields.complain(name, RULE)),
        Some(_) => Err(fields.complain(name, RULE)),
    }
}

impl Importer for AccountImporter {
    type Row = Model;
    const WHAT: &'static str = "account(s)";
    const COLUMNS: &'static [&'static str] = &[
        USERNAME,
        "password_hash",
        "roles",
        ID,
        "created_at",
        "password_changed_at",
        "last_login_at",
        "must_change_password",
        "disabled_at",
    ];

    fn parse(&mut self, fields: Fields) -> Result<Model, Vec<FieldError>> {
        fields.try_read(|fields| self.read(fields))
    }

    fn keys(&self, row: &Model) -> Vec<Key> {
        vec![
            Key { field: USERNAME, value: row.username_key.clone() },
            Key { field: ID, value: row.id.to_string() },
        ]
    }

    async fn taken(&self, database: &DatabaseConnection, keys: &[Key]) -> Result<HashSet<Key>, DbErr> {
        let of = |field| keys.iter().filter(move |key| key.field == field).map(|key| key.value.as_str());
        let ids = of(ID).filter_map(|id| id.parse::<Uuid>().ok());
        let either = Column::UsernameKey.is_in(of(USERNAME)).or(Column::Id.is_in(ids));
        let found = Entity::find().filter(either).all(database).await?;
        Ok(found.iter().flat_map(|account| self.keys(account)).collect())
    }

    async fn write(
        &self,
        transaction: &DatabaseTransaction,
        rows: Vec<Model>,
        now: Timestamp,
    ) -> Result<(), DbErr> {
        for row in rows {
            let event = Event::new(Kind::AccountCreated, Actor::Command).account(row.id);
            let event = event.detail(format!("import: {}", row.roles));
            Entity::insert(row.into_active_model()).exec_without_returning(transaction).await?;
            event.write(transaction, now).await?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for AccountImporter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccountImporter").field("now", &self.now).finish_non_exhaustive()
    }
}
