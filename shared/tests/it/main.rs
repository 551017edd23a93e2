//! The token check from outside: a mock issuer, tokens of all shapes, and a clock that the tests move.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall say where")]

mod bearer;
mod edge;
mod example;
mod failures;
mod faults;
mod forgery;
mod holder;
mod introspection;
mod issuers;
mod remembered;
mod remote;
mod serve;
