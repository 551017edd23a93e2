//! Rows by a key that no two have.

use sea_orm::{
    ConnectionTrait, DbErr, EntityTrait, FromQueryResult as _, QueryTrait as _, Select, SelectTwo,
};

/// The row that `select` names by a key that no two rows have.
///
/// Not `one`, which would add a `LIMIT` as a parameter: SQLite plans a statement anew whenever the value of its limit is
/// bound, so that each read would be parsed again, although its statement was kept.
///
/// # Errors
/// The database's.
pub async fn find_unique<E: EntityTrait>(
    select: Select<E>,
    db: &impl ConnectionTrait,
) -> Result<Option<E::Model>, DbErr> {
    let row = db.query_one(select.as_query()).await?;
    row.map(|row| E::Model::from_query_result(&row, "")).transpose()
}

/// The same with the row that it refers to, read in one go.
///
/// # Errors
/// The database's.
pub async fn find_unique_with<E: EntityTrait, F: EntityTrait>(
    select: SelectTwo<E, F>,
    db: &impl ConnectionTrait,
) -> Result<Option<(E::Model, Option<F::Model>)>, DbErr> {
    let Some(row) = db.query_one(select.as_query()).await? else { return Ok(None) };
    // The prefixes of columns where two tables are selected.
    let other = F::Model::from_query_result_optional(&row, "B_")?;
    Ok(Some((E::Model::from_query_result(&row, "A_")?, other)))
}
