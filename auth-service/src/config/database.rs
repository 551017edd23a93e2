//! Where the tables are.

use std::path::PathBuf;

use clap::Args;
use secrecy::SecretString;
use shared::secret;
use shared::settings::SettingError;

/// Where the accounts, sessions and keys are.
#[derive(Clone, Debug, Args)]
pub struct DatabaseSettings {
    /// mysql://user:password@host/database, or sqlite://file [default: sqlite://auth.db]
    #[arg(long, env = "AUTH_DATABASE_URL", hide_env_values = true, value_name = "URL", global = true)]
    pub database_url: Option<SecretString>,
    /// File that holds the database URL
    #[arg(long, env = "AUTH_DATABASE_URL_FILE", value_name = "FILE", global = true)]
    pub database_url_file: Option<PathBuf>,
}

impl DatabaseSettings {
    /// The URL, by default of a file in the working directory.
    ///
    /// # Errors
    /// It is given twice, or its file cannot be read.
    pub fn url(&self) -> Result<SecretString, SettingError> {
        let url = secret::resolve(
            "AUTH_DATABASE_URL",
            self.database_url.as_ref(),
            self.database_url_file.as_deref(),
        )?;
        Ok(url.unwrap_or_else(|| SecretString::from("sqlite://auth.db")))
    }
}
