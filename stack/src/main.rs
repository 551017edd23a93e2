//! Both services and the gateway in one process on embedded SQLite: what `cargo run --release` starts.
//!
//! This is the only place that knows both services. They still talk as they would on two machines: books-service gets
//! its keys from auth-service by HTTP.

mod catalogue;
mod data_dir;
mod demo;
mod gateway;
mod greeting;
mod options;
mod run;

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    shared::command::run(|options: options::Options| run::run(options)).await
}
