//! Journeys through the built program, as a new user starts it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall say where")]

mod durability;
mod first_start;
mod rotation;
mod stack;
mod traces;
mod tutorial;
