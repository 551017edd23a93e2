//! The schema, step by step. One DDL statement a step, since MySQL commits each by itself; every step can be run again.

#![expect(elided_lifetimes_in_paths, reason = "as the trait declares it; async-trait wants the same")]

use sea_orm_migration::prelude::*;

mod m20261124_000001_create_books;
mod m20261124_000002_index_books_by_title;
mod m20261124_000003_index_books_by_author;
mod m20261124_000004_create_imports;

/// All steps in order.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261124_000001_create_books::Migration),
            Box::new(m20261124_000002_index_books_by_title::Migration),
            Box::new(m20261124_000003_index_books_by_author::Migration),
            Box::new(m20261124_000004_create_imports::Migration),
        ]
    }
}
