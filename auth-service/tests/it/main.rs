//! Stories through HTTP: the whole service on an in-memory database, typed callers, and a clock that the tests move.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on shall say where")]

mod accounts;
mod admin;
mod audit;
mod bad_input;
mod clients;
mod commands;
mod concurrency;
mod copy;
mod doctor;
mod hang_up;
mod keys;
mod layering;
mod limits;
mod log;
mod logout;
mod measured;
mod metrics;
mod migrations;
mod model;
mod oauth;
mod openapi;
mod outage;
mod pages;
mod passwords;
mod plans;
mod process;
mod refresh;
mod room;
mod sign_in;
mod sweep;
mod throttle;
mod well_known;
mod world;
