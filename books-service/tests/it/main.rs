//! Stories through HTTP: the whole service on an in-memory database, an issuer that can fail, and typed callers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall say where")]

mod attacks;
mod bad_input;
mod commands;
mod database;
mod keys;
mod listing;
mod migrations;
mod openapi;
mod pages;
mod plans;
mod reading;
mod tokens;
mod transfer;
mod world;
mod writing;
