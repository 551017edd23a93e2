//! What every handler can reach.

use std::fmt;
use std::sync::Arc;

use prometheus_client::metrics::gauge::Gauge;
use sea_orm::DatabaseConnection;
use shared::bearer::Bearer;
use shared::clock::Clock;
use shared::http::Description;
use shared::jwks::{KeySource as _, Lookup};
use shared::random::Random;
use shared::token::{Claims, Compact, Rejection, TokenType, TokenVerifier};

use crate::audit;
use crate::config::Config;
use crate::error::Error;
use crate::passwords::Passwords;
use crate::per_minute::PerMinute;
use crate::threads::Threads;
use crate::throttle::Throttle;
use crate::tokens::id_token::{self, Hint};
use crate::tokens::keyring::Keyring;
use crate::tokens::refresh_token::RefreshToken;
use crate::tokens::sealer::Sealer;

/// The service. Handlers take it as `State<AppState>`.
pub type AppState = Arc<App>;

/// The parts of the service.
pub struct App {
    /// The settings.
    pub config: Config,
    /// Accounts, sessions, keys and audit.
    pub database: DatabaseConnection,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Writes events that come with no change of a table.
    pub(crate) audit: audit::Alone,
    /// Unpredictable bytes.
    pub random: Arc<dyn Random>,
    /// Hashes and checks passwords.
    pub passwords: Passwords,
    /// Slows down who guesses.
    pub throttle: Throttle,
    /// Refreshes that have a row in the audit trail.
    pub(crate) told: PerMinute,
    /// Authorization codes.
    pub(crate) codes: PerMinute,
    /// The signing keys.
    pub keyring: Arc<Keyring>,
    /// Threads for what signs.
    pub(crate) signers: Threads,
    /// Guards the routes that take access tokens.
    pub bearer: Bearer,
    /// Verifies access tokens where a route takes either kind.
    pub access_token_verifier: TokenVerifier,
    /// Seals what browsers carry for us.
    pub browser_sealer: Sealer,
    /// Sessions that had not ended when they were last counted.
    pub live_sessions: Gauge,
    /// The OpenAPI document.
    pub description: Description,
}

impl App {
    /// Does what signs on a thread for that. A signature takes a quarter of a millisecond and more, in which the runtime
    /// would neither answer anybody else nor send the next statement of a transaction that others wait for.
    ///
    /// # Errors
    /// Those of `work`.
    pub async fn sign<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let app = Arc::clone(self);
        self.signers.run(move || work(&app)).await?
    }

    /// Verifies one of our refresh tokens.
    ///
    /// # Errors
    /// Why it is not one.
    pub fn refresh_token(&self, token: &str) -> Result<RefreshToken, Rejection> {
        let keys = self.keyring.verifying();
        RefreshToken::verify(token, self.config.issuer.as_str(), &*keys, self.clock.now())
    }

    /// Verifies one of our access tokens as data: for whichever resource it is.
    ///
    /// # Errors
    /// Why it is not one.
    pub fn introspected(&self, token: &str) -> Result<Claims, Rejection> {
        let compact = Compact::parse(token)?;
        let Lookup::Found(key) = self.keyring.verifying().lookup(&compact.kid) else {
            return Err(Rejection::UnknownKey);
        };
        key.verify(&compact)?;
        if compact.token_type != TokenType::Access {
            return Err(Rejection::RefreshToken);
        }
        let claims = Claims::parse(compact.unverified_payload()?)?;
        match () {
            () if claims.iss != self.config.issuer.as_str() => Err(Rejection::Issuer),
            () if self.clock.now().seconds() >= claims.exp => Err(Rejection::Expired),
            () => Ok(claims),
        }
    }

    /// Reads one of our ID tokens that came back to us.
    pub fn id_token_hint(&self, token: &str) -> Option<Hint> {
        id_token::read_hint(token, self.config.issuer.as_str(), &self.keyring.verifying().current())
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("config", &self.config).finish_non_exhaustive()
    }
}
