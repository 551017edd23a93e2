//! Books from files and into files.

use std::collections::HashSet;

use sea_orm::entity::prelude::*;
use sea_orm::{
    ActiveValue::NotSet, ActiveValue::Set, DatabaseConnection, DatabaseTransaction, QuerySelect as _,
};
use serde::Serialize;
use serde_json::Value;
use shared::clock::Timestamp;
use shared::http::{FieldError, Fields, Invalid};
use shared::transfer::{Importer, Key, Sink};

use super::store::{self, Filter};
use super::{Author, BookId, Title};
use crate::entity::book::{ActiveModel, Column, Entity, Model};

const ID: &str = "id";
/// The largest that JSON carries everywhere: what comes after must still have a number.
const MAX_ID: i64 = (1 << 53) - 1;
const PAGE: u64 = 1000;

/// A book in a file.
#[derive(Debug, Serialize)]
struct Row {
    id: i64,
    title: String,
    author: String,
}

/// Writes all books by number. Returns once all are written, or nobody reads any more.
///
/// # Errors
/// The database's, or they cannot be written.
pub async fn export(
    database: &DatabaseConnection,
    sink: &mut Sink,
    written: impl Fn(u64),
) -> anyhow::Result<()> {
    let mut filter = Filter::default();
    loop {
        let page = store::list(database, &filter, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        filter.after = Some(last.id);
        written(page.len() as u64);
        for Model { id, title, author, .. } in page {
            if !sink.put(&Row { id, title, author })? {
                return Ok(());
            }
        }
    }
}

/// Adds books of a file.
#[derive(Debug, Default)]
pub struct BookImporter {
    /// Whether the rows have numbers, once the first one was seen.
    numbered: Option<bool>,
}

/// A book that is to be.
#[derive(Debug)]
pub struct NewBook {
    id: Option<BookId>,
    title: Title,
    author: Author,
}

impl BookImporter {
    fn read(&mut self, fields: &mut Fields) -> Result<NewBook, Invalid> {
        let id = id(fields);
        let title = fields.text("title", str::parse);
        let author = fields.text("author", str::parse);
        let (id, title, author) = (id?, title?, author?);
        // A book without a number gets the next one, which a later row might bring.
        if *self.numbered.get_or_insert(id.is_some()) != id.is_some() {
            return Err(fields.complain(ID, "must be in all rows or in none"));
        }
        Ok(NewBook { id, title, author })
    }
}

fn id(fields: &mut Fields) -> Result<Option<BookId>, Invalid> {
    let rule = format!("must be a whole number from 1 to {MAX_ID}");
    let parsed = match fields.optional::<Value>(ID, &rule)? {
        None => return Ok(None),
        Some(Value::Number(number)) => number.to_string().parse(),
        Some(Value::String(text)) => text.parse(),
        Some(_) => Err(()),
    };
    match parsed {
        Ok(BookId(id)) if id <= MAX_ID => Ok(Some(BookId(id))),
        _ => Err(fields.complain(ID, rule)),
    }
}

impl Importer for BookImporter {
    type Row = NewBook;
    const WHAT: &'static str = "book(s)";
    const COLUMNS: &'static [&'static str] = &["title", "author", ID];

    fn parse(&mut self, fields: Fields) -> Result<NewBook, Vec<FieldError>> {
        fields.try_read(|fields| self.read(fields))
    }

    fn keys(&self, row: &NewBook) -> Vec<Key> {
        row.id.iter().map(|id| Key { field: ID, value: id.to_string() }).collect()
    }

    async fn taken(&self, database: &DatabaseConnection, keys: &[Key]) -> Result<HashSet<Key>, DbErr> {
        let ids = keys.iter().filter_map(|key| key.value.parse::<i64>().ok());
        let found = Entity::find().select_only().column(Column::Id).filter(Column::Id.is_in(ids));
        let found: Vec<i64> = found.into_tuple().all(database).await?;
        Ok(found.into_iter().map(|id| Key { field: ID, value: id.to_string() }).collect())
    }

    async fn write(
        &self,
        transaction: &DatabaseTransaction,
        rows: Vec<NewBook>,
        now: Timestamp,
    ) -> Result<(), DbErr> {
        let rows = rows.into_iter().map(|NewBook { id, title, author }| ActiveModel {
            id: id.map_or(NotSet, |BookId(id)| Set(id)),
            title: Set(title.into()),
            author: Set(author.into()),
            version: Set(1),
            created_at: Set(now.millis()),
            updated_at: Set(now.millis()),
        });
        Entity::insert_many(rows).exec_without_returning(transaction).await.map(drop)
    }
}
