//! The book catalogue, guarded by access tokens that it verifies by itself.
//!
//! | module | what it holds |
//! |---|---|
//! | [`routes`] | the whole route table, by who may call |
//! | [`books`] | what a book is, and a file for each verb |
//! | [`protected`], [`metadata`] | the two routes that are not about books |
//! | [`entity`], [`migration`] | the table |
//! | [`config`], [`state`], [`error`], [`openapi`], [`cli`] | what surrounds them |

pub mod books;
pub mod cli;
pub mod config;
pub mod entity;
pub mod error;
pub mod metadata;
pub mod migration;
pub mod openapi;
pub mod protected;
pub mod routes;
pub mod state;

mod page;
mod service;

pub use service::Service;
