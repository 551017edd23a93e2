//! What needs a Docker engine: the system in containers with two replicas of each service, and the suites on MySQL.
//!
//! Skipped where no engine answers, unless `REQUIRE_DOCKER` is set. The first run builds the images.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall say where")]

mod api;
mod compose;
mod docker;
mod journeys;
mod suites;
