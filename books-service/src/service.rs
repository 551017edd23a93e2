//! The service as a whole, for whoever runs it: `main`, the stack, and the tests.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use sea_orm::DatabaseConnection;
use shared::bearer::{Bearer, Challenge};
use shared::clock::Clock;
use shared::database;
use shared::http::{Description, Edge, Finding, Health, Metrics, management_routes};
use shared::jwks::{HttpTransport, RemoteJwks, State};
use shared::random::Random;
use shared::telemetry::trace::Traced;
use shared::token::TokenVerifier;

use crate::config::Config;
use crate::metadata::metadata;
use crate::migration::Migrator;
use crate::routes::routes;
use crate::state::{App, AppState};

/// Verified tokens that are remembered: those of as many users at a time, in about 15 MiB.
const CACHED_TOKENS: usize = 10_000;

/// The running service. Its background work ends when it is dropped.
pub struct Service {
    /// What clients reach.
    pub routes: Router,
    /// Health and metrics.
    pub management: Router,
    /// What handlers reach.
    pub app: AppState,
    jwks: Arc<RemoteJwks>,
}

impl Service {
    /// Brings the schema up to date, starts to fetch the issuer's keys, and puts the service together. Does not wait
    /// for the keys: until they are there, protected routes answer 503.
    ///
    /// # Errors
    /// The schema is behind, the database fails, or the machine's trust store cannot be read.
    pub async fn start(
        config: Config,
        database: DatabaseConnection,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> anyhow::Result<Self> {
        database::ensure_schema::<Migrator>(&database).await?;
        let transport = Arc::new(Traced::new(HttpTransport::new()?));
        let jwks =
            RemoteJwks::start(config.jwks.clone(), transport, Arc::clone(&clock), Arc::clone(&random))?;
        let jwks = Arc::new(jwks);
        let verifier = TokenVerifier::builder(
            config.jwks.issuer.as_str(),
            config.audience.as_str(),
            Arc::<RemoteJwks>::clone(&jwks),
            Arc::clone(&clock),
        );
        let metadata = metadata(&config);
        let challenge = Challenge::new("books").with_resource_metadata(metadata.url());
        let bearer = Bearer::with_challenge(
            verifier
                // What clients call it that have read its metadata (RFC 9728 §2, RFC 8707 §2).
                .also_audience(metadata.resource())
                .leeway(config.clock_skew)
                .cache_tokens(CACHED_TOKENS)
                .build()?,
            challenge,
        );
        let metrics = Arc::new(Metrics::new());
        metrics.register(|registry| {
            bearer.register(registry);
            database::register_pool(&database, registry);
        });
        let edge = Edge::new(config.edge.clone(), Arc::clone(&metrics), random);
        let app = Arc::new(App { config, database, clock, description: Description::default() });
        Ok(Self {
            routes: edge.surround(routes(Arc::clone(&app), &bearer)),
            management: management_routes(health(&app, Arc::clone(&jwks)), metrics),
            app,
            jwks,
        })
    }

    /// Waits until the issuer's keys are there for the first time.
    pub async fn keys_loaded(&self) {
        self.jwks.loaded().await;
    }
}

fn health(app: &AppState, jwks: Arc<RemoteJwks>) -> Health {
    Health::default()
        .database(&app.database)
        .check("issuer_keys", move || std::future::ready(keys_are_usable(&jwks)))
}

/// Ready once there were keys. It stays so when they get old: pulling every replica out of service would turn an outage
/// of the issuer into one of the public routes, too.
fn keys_are_usable(jwks: &RemoteJwks) -> Finding {
    match jwks.status().state {
        State::Empty => Finding::Failing,
        State::Fresh | State::Due | State::Static => Finding::Ok,
        State::Stale | State::Expired => Finding::Degraded,
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("app", &self.app).finish_non_exhaustive()
    }
}
