//! Both services and the gateway in one process on embedded SQLite: what `cargo run --release` starts.
//!
//! This is the only place that knows both services. They still talk as they would on two machines: books-service gets
//! its keys from auth-service by HTTP.

mod catalogue;
mod data_dir;
mod demo;
mod doctor;
mod gateway;
mod greeting;
mod options;
mod ports;
mod reference;
mod run;
mod seed;

use std::process::ExitCode;

use shared::command::say;

use self::options::Command;

#[tokio::main]
async fn main() -> ExitCode {
    shared::command::run(|options: options::Options| async move {
        match options.command.clone() {
            None => run::run(options).await,
            Some(Command::Seed) => seed::run().await,
            Some(Command::Doctor { json }) => doctor::run(&options, json).await,
            Some(Command::Reference) => {
                say(&reference::reference());
                Ok(())
            }
            Some(Command::Completions(arguments)) => arguments.run::<options::Options>(),
            Some(Command::Man(arguments)) => arguments.run::<options::Options>(),
        }
    })
    .await
}
