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
mod seed;

use std::process::ExitCode;

use self::options::Command;

#[tokio::main]
async fn main() -> ExitCode {
    shared::command::run(|options: options::Options| async move {
        match options.command {
            None => run::run(options).await,
            Some(Command::Seed) => seed::run().await,
        }
    })
    .await
}
