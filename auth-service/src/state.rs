//! What every handler can reach.

use std::fmt;
use std::sync::Arc;

use sea_orm::DatabaseConnection;
use shared::bearer::Bearer;
use shared::clock::Clock;
use shared::random::Random;
use shared::token::{Rejection, TokenVerifier};

use crate::config::Config;
use crate::passwords::Passwords;
use crate::throttle::Throttle;
use crate::tokens::keyring::Keyring;
use crate::tokens::refresh_token::RefreshToken;

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
    /// Unpredictable bytes.
    pub random: Arc<dyn Random>,
    /// Hashes and checks passwords.
    pub passwords: Passwords,
    /// Slows down who guesses.
    pub throttle: Throttle,
    /// The signing keys.
    pub keyring: Arc<Keyring>,
    /// Guards the routes that take access tokens.
    pub bearer: Bearer,
    /// Verifies access tokens where a route takes either kind.
    pub access_token_verifier: TokenVerifier,
}

impl App {
    /// Verifies one of our refresh tokens.
    ///
    /// # Errors
    /// Why it is not one.
    pub fn refresh_token(&self, token: &str) -> Result<RefreshToken, Rejection> {
        let keys = self.keyring.verifying();
        RefreshToken::verify(token, self.config.issuer.as_str(), &*keys, self.clock.now())
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("config", &self.config).finish_non_exhaustive()
    }
}
