//! The command `auth-service`.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    auth_service::cli::run().await
}
