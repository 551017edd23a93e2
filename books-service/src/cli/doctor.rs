//! `books-service doctor`

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use shared::clock::{Clock, SystemClock};
use shared::doctor::{IssuerCheck, Report, Running, examine_database, examine_proxies, span};
use shared::random::{Random, SystemRandom};

use crate::config::{Config, Settings};
use crate::migration::Migrator;

#[derive(Debug, Args)]
pub(super) struct DoctorArguments {
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

impl DoctorArguments {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let mut report = Report::default();
        examine(&mut report, &self.settings).await;
        report.finish(self.json)
    }
}

/// Looks at everything that a service with these settings needs.
pub async fn examine(report: &mut Report, settings: &Settings) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let random: Arc<dyn Random> = Arc::new(SystemRandom::new());
    let checked = settings.check();
    match &checked {
        Ok(config) => report.ok("settings", format!("can be used; the issuer is {}", config.jwks.issuer)),
        Err(error) => {
            let means = "the service does not start";
            report.bad(
                "settings",
                error.to_string(),
                means,
                "change that setting: see `books-service serve --help`",
            );
        }
    }
    // Where it cannot be told, the settings have said so.
    if let Ok(url) = settings.database.url() {
        examine_database::<Migrator>(report, "BOOKS_DATABASE_URL", &url, "books-service", &*clock).await;
    }
    let Ok(config) = checked else { return };
    let running = Running::examine(report, "BOOKS_MANAGEMENT_LISTEN", config.management_listen).await;
    if let Some(running) = &running {
        examine_cached_keys(report, running, &config);
        let is_public = config.public_url.scheme() == "https";
        if is_public {
            call_public_url(report, &config).await;
        }
        examine_proxies(report, running, "BOOKS_TRUSTED_PROXIES", is_public).await;
    }
    let check = IssuerCheck {
        jwks: config.jwks.clone(),
        setting: "BOOKS_ISSUER",
        skew: config.clock_skew,
        must_answer: true,
    };
    check.examine(report, clock, random).await;
}

/// How old the keys are that the running service judges tokens with.
fn examine_cached_keys(report: &mut Report, running: &Running, config: &Config) {
    let (Some(state), Some(age)) = (running.metric("jwks_state"), running.metric("jwks_age_seconds")) else {
        return;
    };
    let age = span(Duration::from_secs_f64(age.max(0.0)));
    let stale_for = span(config.jwks.max_stale);
    match state {
        1.0 => report.ok("jwks", format!("the running service has keys that are {age} old, and in time")),
        0.0 => report.bad(
            "jwks",
            "the running service has no keys yet",
            "every token is answered with 503",
            "it fetches by itself as soon as it can: see the finding on the issuer",
        ),
        _ => report.bad(
            "jwks",
            format!("the running service has keys that are {age} old, and could not fetch newer ones"),
            format!("once they are {stale_for} past their time, every token is answered with 503"),
            "it fetches by itself as soon as it can: see the finding on the issuer",
        ),
    }
}

/// Calls what clients call, so that proxies on the way have something to forward.
async fn call_public_url(report: &mut Report, config: &Config) {
    use shared::jwks::{HttpTransport, Transport as _};
    let Ok(transport) = HttpTransport::new() else { return };
    let url = crate::metadata::metadata(config).url().clone();
    match transport.get(&url, http::HeaderMap::new()).await {
        Ok(answer) if answer.status.is_success() => report.ok("public", format!("{url} answers")),
        Ok(answer) => {
            let means = "clients that look for the metadata (RFC 9728) do not find it";
            let advice = "does BOOKS_PUBLIC_URL lead to this service?";
            report.bad("public", format!("{url} answers {}", answer.status), means, advice);
        }
        Err(error) => {
            let means = "clients may not reach the service by BOOKS_PUBLIC_URL";
            let advice = "is the gateway up, and may this machine call it by that name?";
            report.bad("public", error.to_string(), means, advice);
        }
    }
}
