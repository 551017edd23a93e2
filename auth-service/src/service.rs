//! The service as a whole, for whoever runs it: `main`, the stack, and the tests.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use prometheus_client::metrics::gauge::Gauge;
use sea_orm::DatabaseConnection;
use shared::bearer::Bearer;
use shared::clock::Clock;
use shared::database;
use shared::http::{Description, Edge, Health, Metrics, management_routes};
use shared::random::Random;
use shared::token::{TokenVerifier, TokenVerifierBuilder};
use tokio::task::AbortHandle;

use crate::audit;
use crate::config::Config;
use crate::error::REALM;
use crate::maintenance;
use crate::migration::Migrator;
use crate::passwords::Passwords;
use crate::per_minute::PerMinute;
use crate::routes::routes;
use crate::state::{App, AppState};
use crate::threads::Threads;
use crate::throttle::Throttle;
use crate::tokens::keyring::Keyring;
use crate::tokens::mint::OWN_AUDIENCE;
use crate::tokens::sealer::Sealer;

/// Rows of refreshes of one account in a minute: more than a thousand sessions need that are refreshed when their access tokens
/// end.
///
/// A scenario: a client refreshes in a loop, as fast as it is answered. A row for each would be a hundred million in a day,
/// kept for a year. So each has its line in the log, and the rows tell the generation that they have made: those between
/// two rows are the refreshes that have none.
const REFRESH_ROWS: u32 = 100;
/// Codes of one account in a minute. A page that asks in a loop would fill the table: a code has a row, of some kilobytes, until
/// it is swept, and whoever is signed in need not be asked for it.
const CODES: u32 = 60;

/// The running service. Its background work ends when it is dropped.
pub struct Service {
    /// What clients reach.
    pub routes: Router,
    /// Health and metrics.
    pub management: Router,
    /// What handlers reach.
    pub app: AppState,
    maintenance: AbortHandle,
}

impl Service {
    /// Brings schema and keys up to date, and puts the service together.
    ///
    /// # Errors
    /// The schema is behind, the database fails, or the keys cannot be opened.
    pub async fn start(
        config: Config,
        sealer: Sealer,
        database: DatabaseConnection,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> anyhow::Result<Self> {
        database::ensure_schema::<Migrator>(&database).await?;
        let throttle = Throttle::new(sealer.blinder());
        let browser_sealer = sealer.for_browsers().map_err(anyhow::Error::msg)?;
        let keyring = Arc::new(Keyring::new(
            database.clone(),
            sealer,
            config.key_life,
            Arc::clone(&clock),
            Arc::clone(&random),
        ));
        keyring.maintain().await?;
        let passwords = Passwords::new(
            config.argon2.clone(),
            config.hash_slots,
            config.hash_queue_deadline,
            Arc::clone(&random),
        )
        .await
        .context("passwords cannot be hashed")?;
        maintenance::learn_kinds(&database, &passwords).await?;
        let verifier = || access_tokens(&config, &keyring, &clock);
        let (bearer, access_token_verifier) = (Bearer::new(verifier()?, REALM), verifier()?);
        let (metrics, live_sessions) = (Arc::new(Metrics::new()), Gauge::default());
        metrics.register(|registry| {
            registry.register(
                "sessions_live",
                "Sessions that were not ended and have not reached their end, counted every five minutes",
                live_sessions.clone(),
            );
            bearer.register(registry);
            database::register_pool(&database, registry);
            passwords.register(registry);
            keyring.register(registry);
            audit::register(registry);
        });
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let signers = Threads::start("sign", cores, 0).context("tokens cannot be signed")?;
        let edge = Edge::new(config.edge.clone(), Arc::clone(&metrics), Arc::clone(&random));
        let app = Arc::new(App {
            config,
            audit: audit::Alone::new(database.clone()),
            database,
            clock,
            random,
            passwords,
            throttle,
            told: PerMinute::new(REFRESH_ROWS),
            codes: PerMinute::new(CODES),
            keyring,
            signers,
            bearer,
            access_token_verifier,
            browser_sealer,
            live_sessions,
            description: Description::default(),
        });
        let maintenance = tokio::spawn(maintenance::run(Arc::clone(&app))).abort_handle();
        Ok(Self {
            routes: edge.surround(routes(Arc::clone(&app))),
            management: management_routes(health(&app), metrics),
            app,
            maintenance,
        })
    }
}

/// Rules for our own access tokens: for whichever of our audiences, and to the second of their end.
fn access_tokens(
    config: &Config,
    keyring: &Keyring,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<TokenVerifier> {
    let keys = keyring.verifying();
    let builder: TokenVerifierBuilder =
        TokenVerifier::builder(config.issuer.as_str(), config.audience.as_str(), keys, Arc::clone(clock));
    Ok(builder.also_audience(OWN_AUDIENCE).expiry_leeway(std::time::Duration::ZERO).build()?)
}

fn health(app: &AppState) -> Health {
    let keyring = Arc::clone(&app.keyring);
    Health::default()
        .database(&app.database)
        .check("signing_key", move || std::future::ready(keyring.signing().is_ok()))
}

impl Drop for Service {
    fn drop(&mut self) {
        self.maintenance.abort();
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("app", &self.app).finish_non_exhaustive()
    }
}
