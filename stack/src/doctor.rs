//! `stack doctor`: both services with the settings that the stack gives them.

use serde_json::json;
use shared::command::say;
use shared::doctor::Report;

use crate::data_dir::DataDir;
use crate::options::{Options, auth_settings, books_settings, url};

/// Looks at both services, before the first start or beside a running stack. Changes nothing.
pub(crate) async fn run(options: &Options, as_json: bool) -> anyhow::Result<()> {
    let (mut auth, mut books) = (Report::default(), Report::default());
    match DataDir::look(&options.data_dir)? {
        Some(data) => {
            let gateway = url(options.gateway());
            let settings = auth_settings(&data, &gateway)?;
            auth_service::cli::examine(&mut auth, &settings).await;
            let settings = books_settings(&data, &gateway, &settings, &url(settings.listen))?;
            books_service::cli::examine(&mut books, &settings).await;
        }
        None => {
            let seen = format!("{} has no stack yet", options.data_dir.display());
            auth.note(
                "data",
                seen,
                "the first start makes one",
                "start it; or give its directory: STACK_DATA_DIR",
            );
        }
    }
    if as_json {
        let both = json!({"auth-service": auth.to_json(), "books-service": books.to_json()});
        say(&serde_json::to_string_pretty(&both)?);
    } else {
        for (name, report) in [("auth-service", &auth), ("books-service", &books)] {
            say(&format!("{name}:"));
            report.print();
        }
    }
    anyhow::ensure!(auth.is_healthy() && books.is_healthy(), "there are findings that hurt");
    Ok(())
}
