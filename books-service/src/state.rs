//! What every handler can reach.

use std::fmt;
use std::sync::Arc;

use sea_orm::DatabaseConnection;
use shared::clock::Clock;
use shared::http::Description;

use crate::config::Config;

/// The service. Handlers take it as `State<AppState>`.
pub type AppState = Arc<App>;

/// The parts of the service.
pub struct App {
    /// The settings.
    pub config: Config,
    /// The books.
    pub database: DatabaseConnection,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The OpenAPI document.
    pub description: Description,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("config", &self.config).finish_non_exhaustive()
    }
}
