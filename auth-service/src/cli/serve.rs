//! `auth-service serve`

use std::sync::Arc;

use shared::clock::SystemClock;
use shared::http::{Listener, serve, shutdown_signal};
use shared::random::SystemRandom;
use shared::{database, telemetry};

use crate::Service;
use crate::config::Settings;

/// Runs the service until it is asked to end.
pub(super) async fn run(settings: &Settings) -> anyhow::Result<()> {
    let _telemetry = telemetry::init(settings.log_format, &settings.traces, "auth-service")?;
    let (config, sealer) = settings.check()?;
    let shutdown = shutdown_signal()?;
    let public = Listener::bind("AUTH_LISTEN", config.listen).await?;
    let management = Listener::bind("AUTH_MANAGEMENT_LISTEN", config.management_listen).await?;
    let database =
        database::connect_with("AUTH_DATABASE_URL", &config.database_url, config.database_connections)
            .await?;
    let serving = config.serve.clone();
    let issuer = config.issuer.clone();
    let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom::new()));
    let service = Service::start(config, sealer, database, clock, random).await?;
    tracing::info!(%issuer, address = %public.address()?, "auth-service is ready");
    tokio::join!(
        serve(public, service.routes.clone(), serving.clone(), shutdown.clone()),
        serve(management, service.management.clone(), serving, shutdown),
    );
    Ok(())
}
