//! The command `books-service`.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    books_service::cli::run().await
}
