//! `books-service serve`

use std::sync::Arc;

use shared::clock::SystemClock;
use shared::http::{Listener, serve, shutdown_signal, unless_ended};
use shared::random::SystemRandom;
use shared::{database, telemetry};

use crate::Service;
use crate::config::Settings;

/// Runs the service until it is asked to end.
pub(super) async fn run(settings: &Settings) -> anyhow::Result<()> {
    let _telemetry = telemetry::init(settings.log_format, &settings.traces, "books-service")?;
    let config = settings.check()?;
    let shutdown = shutdown_signal()?;
    let public = Listener::bind("BOOKS_LISTEN", config.listen).await?;
    let management = Listener::bind("BOOKS_MANAGEMENT_LISTEN", config.management_listen).await?;
    let serving = config.serve.clone();
    let start = async {
        let (url, connections) = (&config.database_url, config.database_connections);
        let database = database::connect_with("BOOKS_DATABASE_URL", url, connections).await?;
        Service::start(config, database, Arc::new(SystemClock), Arc::new(SystemRandom::new())).await
    };
    let Some(service) = unless_ended(Box::pin(start), shutdown.clone()).await.transpose()? else {
        return Ok(());
    };
    tracing::info!(address = %public.address()?, "books-service is listening");
    tokio::join!(
        serve(public, service.routes.clone(), serving.clone(), shutdown.clone()),
        serve(management, service.management.clone(), serving, shutdown),
    );
    Ok(())
}
