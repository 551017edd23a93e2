//! Books in the table.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{LikeExpr, Query};
use sea_orm::{
    ActiveValue::NotSet, ActiveValue::Set, ExprTrait as _, QueryOrder as _, QuerySelect as _, QueryTrait as _,
};
use shared::clock::Timestamp;
use shared::database::find_unique;

use super::{Author, BookId, Title};
use crate::entity::book::{ActiveModel, Column, Entity, Model};

/// Which books.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Those behind this one.
    pub after: Option<i64>,
    /// Those with this in title or author.
    pub q: Option<String>,
    /// Those whose title begins so.
    pub title: Option<String>,
    /// Those whose author begins so.
    pub author: Option<String>,
}

/// Up to `limit` books by number.
///
/// # Errors
/// The database's.
pub async fn list(db: &impl ConnectionTrait, filter: &Filter, limit: u64) -> Result<Vec<Model>, DbErr> {
    let page = select(filter).order_by_asc(Column::Id).limit(limit);
    if filter.title.is_none() && filter.author.is_none() {
        return page.all(db).await;
    }
    // A scenario for the detour: ten thousand titles begin with the text, in the order of titles, and the first hundred by
    // number are wanted. The index tells which these are; without the detour each of the ten thousand rows would be read.
    let ids = page.select_only().column(Column::Id).into_query();
    let ids = Query::select().column(Column::Id).from_subquery(ids, "page").to_owned();
    Entity::find().filter(Column::Id.in_subquery(ids)).order_by_asc(Column::Id).all(db).await
}

fn select(filter: &Filter) -> Select<Entity> {
    let mut books = Entity::find();
    if let Some(after) = filter.after {
        books = books.filter(Column::Id.gt(after));
    }
    if let Some(q) = &filter.q {
        let anywhere = || like("%", q);
        books = books.filter(Column::Title.like(anywhere()).or(Column::Author.like(anywhere())));
    }
    if let Some(title) = &filter.title {
        books = books.filter(Column::Title.like(like("", title)));
    }
    if let Some(author) = &filter.author {
        books = books.filter(Column::Author.like(like("", author)));
    }
    books
}

/// A pattern in which the text of the client stands for itself.
///
/// The escape character is not the usual backslash: MySQL and SQLite read a backslash in a literal differently.
fn like(before: &str, text: &str) -> LikeExpr {
    let literal = text.replace('!', "!!").replace('%', "!%").replace('_', "!_");
    LikeExpr::new(format!("{before}{literal}%")).escape('!')
}

/// The book of that number.
///
/// # Errors
/// The database's.
pub async fn find(db: &impl ConnectionTrait, BookId(id): BookId) -> Result<Option<Model>, DbErr> {
    find_unique(Entity::find_by_id(id), db).await
}

/// Adds a book.
///
/// # Errors
/// The database's.
pub async fn add(
    db: &impl ConnectionTrait,
    title: Title,
    author: Author,
    now: Timestamp,
) -> Result<Model, DbErr> {
    let mut book = Model {
        id: 0,
        title: title.into(),
        author: author.into(),
        version: 1,
        created_at: now.millis(),
        updated_at: now.millis(),
    };
    let row = ActiveModel { id: NotSet, ..book.clone().into() };
    book.id = Entity::insert(row).exec(db).await?.last_insert_id;
    Ok(book)
}

/// Changes `book` if it is still at its version. `None`: somebody else has changed it meanwhile.
///
/// # Errors
/// The database's.
pub async fn change(
    db: &impl ConnectionTrait,
    book: Model,
    title: Option<Title>,
    author: Option<Author>,
    now: Timestamp,
) -> Result<Option<Model>, DbErr> {
    let changed = Model {
        title: title.map_or_else(|| book.title.clone(), String::from),
        author: author.map_or_else(|| book.author.clone(), String::from),
        version: book.version + 1,
        updated_at: now.millis(),
        ..book
    };
    let row = ActiveModel {
        title: Set(changed.title.clone()),
        author: Set(changed.author.clone()),
        version: Set(changed.version),
        updated_at: Set(changed.updated_at),
        ..Default::default()
    };
    let update = Entity::update_many().set(row).filter(Column::Id.eq(book.id));
    let affected = update.filter(Column::Version.eq(book.version)).exec(db).await?.rows_affected;
    Ok((affected == 1).then_some(changed))
}

/// Takes a book out, if it is at `version` where one is given. `false`: it is not.
///
/// # Errors
/// The database's.
pub async fn delete(
    db: &impl ConnectionTrait,
    BookId(id): BookId,
    version: Option<i64>,
) -> Result<bool, DbErr> {
    let mut books = Entity::delete_many().filter(Column::Id.eq(id));
    if let Some(version) = version {
        books = books.filter(Column::Version.eq(version));
    }
    Ok(books.exec(db).await?.rows_affected == 1)
}

/// Adds many books in one statement: for catalogues that a stack begins with.
///
/// # Errors
/// The database's; then none was added.
pub async fn add_all(
    db: &impl ConnectionTrait,
    books: impl IntoIterator<Item = (Title, Author)>,
    now: Timestamp,
) -> Result<(), DbErr> {
    let rows = books.into_iter().map(|(title, author)| ActiveModel {
        id: NotSet,
        title: Set(title.into()),
        author: Set(author.into()),
        version: Set(1),
        created_at: Set(now.millis()),
        updated_at: Set(now.millis()),
    });
    Entity::insert_many(rows).exec_without_returning(db).await.map(drop)
}
