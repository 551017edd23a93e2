//! The tables.

pub mod book;
