//! Stories through HTTP: the whole service on an in-memory database, typed callers, and a clock that the tests move.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall say where")]

mod accounts;
mod bad_input;
mod commands;
mod concurrency;
mod keys;
mod layering;
mod logout;
mod migrations;
mod openapi;
mod refresh;
mod sign_in;
mod well_known;
mod world;
