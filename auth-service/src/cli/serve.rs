//! `auth-service serve`

use std::sync::Arc;

use shared::clock::SystemClock;
use shared::http::{Listener, serve, shutdown_signal, unless_ended};
use shared::random::SystemRandom;
use shared::settings::is_secure;
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
    let serving = config.serve.clone();
    let issuer = config.issuer.clone();
    if !is_secure(issuer.url()) {
        tracing::warn!(%issuer, "AUTH_ISSUER is plain http: passwords, tokens and cookies can be read on the way");
    }
    let start = async {
        let (url, connections) = (&config.database_url, config.database_connections);
        let database = database::connect_with("AUTH_DATABASE_URL", url, connections).await?;
        Service::start(config, sealer, database, Arc::new(SystemClock), Arc::new(SystemRandom::new())).await
    };
    let Some(service) = unless_ended(Box::pin(start), shutdown.clone()).await.transpose()? else {
        return Ok(());
    };
    tracing::info!(%issuer, address = %public.address()?, "auth-service is ready");
    tokio::join!(
        serve(public, service.routes.clone(), serving.clone(), shutdown.clone()),
        serve(management, service.management.clone(), serving, shutdown),
    );
    Ok(())
}
