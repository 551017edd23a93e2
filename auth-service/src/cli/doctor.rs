//! `auth-service doctor`

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use sea_orm::DatabaseConnection;
use shared::clock::{Clock, SystemClock};
use shared::doctor::{IssuerCheck, Report, Running, SeenIssuer, examine_database, examine_proxies, span};
use shared::issuer::is_loopback;
use shared::jwks::RemoteJwksSettings;
use shared::random::{Random, SystemRandom};

use crate::accounts::store;
use crate::config::{Config, Settings};
use crate::migration::Migrator;
use crate::passwords::{Password, Passwords, Verdict};
use crate::tokens::key_change::Sealing;
use crate::tokens::keyring::Keyring;
use crate::tokens::life::KeyState;
use crate::tokens::sealer::Sealer;

/// How late the next key may be: the service makes it within seconds.
const LATE: Duration = Duration::from_secs(60);
/// What verifiers allow the issuer's clock, where nobody said otherwise.
const SKEW: Duration = Duration::from_secs(30);
/// What the stack's demo and the tutorial have as name and password.
const DEMO: &str = "test";

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
    let checked = match settings.check() {
        Ok((config, sealer)) => {
            report.ok("settings", format!("can be used; the issuer is {}", config.issuer));
            Some((config, sealer))
        }
        Err(error) => {
            let means = "the service does not start";
            report.bad(
                "settings",
                error.to_string(),
                means,
                "change that setting: see `auth-service serve --help`",
            );
            None
        }
    };
    let database = match settings.database.url() {
        Ok(url) => {
            examine_database::<Migrator>(report, "AUTH_DATABASE_URL", &url, "auth-service", &*clock).await
        }
        // Told by the settings.
        Err(_) => None,
    };
    let Some((config, sealer)) = checked else { return };
    if let Some(database) = &database {
        examine_accounts(report, database, &config, Arc::clone(&random)).await;
    }
    let running = Running::examine(report, "AUTH_MANAGEMENT_LISTEN", config.management_listen).await;
    let seen = examine_issuer(report, &config, running.as_ref(), &clock, &random).await;
    if let Some(database) = database {
        examine_keys(report, database, sealer, &config, seen.as_ref(), (clock, random)).await;
    }
}

async fn examine_issuer(
    report: &mut Report,
    config: &Config,
    running: Option<&Running>,
    clock: &Arc<dyn Clock>,
    random: &Arc<dyn Random>,
) -> Option<SeenIssuer> {
    let check = IssuerCheck {
        jwks: RemoteJwksSettings::new(config.issuer.clone()),
        setting: "AUTH_ISSUER",
        skew: SKEW,
        // Before the first start there is nobody to answer.
        must_answer: running.is_some(),
    };
    let seen = check.examine(report, Arc::clone(clock), Arc::clone(random)).await;
    if let Some(running) = running {
        let is_public = config.issuer.url().scheme() == "https";
        examine_proxies(report, running, "AUTH_TRUSTED_PROXIES", is_public).await;
    }
    seen
}

async fn examine_keys(
    report: &mut Report,
    database: DatabaseConnection,
    sealer: Sealer,
    config: &Config,
    seen: Option<&SeenIssuer>,
    (clock, random): (Arc<dyn Clock>, Arc<dyn Random>),
) {
    let now = clock.now();
    let keyring = Keyring::new(database, sealer, config.key_life, clock, random);
    let (keys, sealings) = match (keyring.keys().await, keyring.sealings().await) {
        (Ok(keys), Ok(sealings)) => (keys, sealings),
        (Err(error), _) | (_, Err(error)) => {
            report.bad("keys", error.to_string(), "nothing can be signed", "look at the database's log");
            return;
        }
    };
    let under = |wanted| sealings.iter().filter(|(_, sealing)| *sealing == wanted).count();
    if under(Sealing::Unknown) > 0 {
        let seen = format!(
            "AUTH_KEY_ENCRYPTION_KEY does not open {} of {} signing key(s)",
            under(Sealing::Unknown),
            sealings.len()
        );
        let means = "the service refuses to start: it is not the key that they were stored under";
        let advice = "give the key that belongs to this database; after a change of it, the old one as \
                      AUTH_PREVIOUS_KEY_ENCRYPTION_KEY as well";
        report.bad("keys", seen, means, advice);
        return;
    }
    if under(Sealing::Previous) > 0 {
        let seen = format!("{} signing key(s) are still under the previous key", under(Sealing::Previous));
        report.note("keys", seen, "the previous key is still needed", "run `auth-service keys rewrap`");
    }
    let Some(newest) = keys.iter().rfind(|key| key.state != KeyState::Gone) else {
        report.note("keys", "there is no signing key yet", "the first start makes one", "nothing");
        return;
    };
    let due = newest.created_at + config.key_life.rotate_every;
    let count = |state| keys.iter().filter(|key| key.state == state).count();
    if now >= due + LATE {
        let seen = format!("the next signing key is {} late", span(now.since(due)));
        let means = "nobody makes it: keys that should have been replaced go on to sign";
        report.bad(
            "keys",
            seen,
            means,
            "the service makes it by itself: is it running, and what does its log say?",
        );
    } else {
        let (announced, retired) = (count(KeyState::Announced), count(KeyState::Retired));
        report.ok(
            "keys",
            format!(
                "one signs, {announced} announced, {retired} retired; the next is made in {}",
                span(due.since(now))
            ),
        );
    }
    examine_published(report, &keys, seen);
}

/// Whether what the issuer's URL leads to is this service: it must publish the keys of this database.
fn examine_published(
    report: &mut Report,
    keys: &[crate::tokens::key_change::KeyInfo],
    seen: Option<&SeenIssuer>,
) {
    let Some(seen) = seen else { return };
    let missing = keys.iter().filter(|key| key.state != KeyState::Gone && seen.keys.get(&key.kid).is_none());
    let missing: Vec<_> = missing.map(|key| key.kid.as_str()).collect();
    if missing.is_empty() {
        report.ok("published", "the issuer's URL shows the keys of this database");
        return;
    }
    let means = "tokens that they sign are refused: the issuer's URL leads to another service, or to one with another database";
    let advice = "compare AUTH_ISSUER and AUTH_DATABASE_URL with what runs there; within seconds of a new key, look again";
    report.bad("published", format!("the issuer's URL does not show {}", missing.join(", ")), means, advice);
}

async fn examine_accounts(
    report: &mut Report,
    database: &DatabaseConnection,
    config: &Config,
    random: Arc<dyn Random>,
) {
    match store::enabled_admins(database).await {
        Ok(admins) if admins.is_empty() => {
            let means = "nobody can use /admin; this command line still can do everything";
            let advice = "auth-service user create NAME --role admin --generate";
            report.note("accounts", "there is no administrator", means, advice);
        }
        Ok(admins) => report.ok("accounts", format!("{} administrator(s)", admins.len())),
        Err(error) => {
            report.bad("accounts", error.to_string(), "nobody can sign in", "look at the database's log");
            return;
        }
    }
    if let Ok(true) = has_demo_password(database, config, random).await {
        let seen = "the account test has the password test";
        let means = "everybody knows it: it is the demo's";
        let advice = "auth-service user passwd test, or user disable test";
        if is_loopback(config.issuer.url()) {
            report.note("accounts", seen, means, advice);
        } else {
            report.bad("accounts", seen, means, advice);
        }
    }
}

/// Whether the demo's account is here, may sign in, and has the demo's password.
async fn has_demo_password(
    database: &DatabaseConnection,
    config: &Config,
    random: Arc<dyn Random>,
) -> anyhow::Result<bool> {
    let username = DEMO.parse().map_err(anyhow::Error::msg)?;
    let Some(account) = store::find_by_name(database, &username).await? else { return Ok(false) };
    let password = Password::presented(DEMO).map_err(anyhow::Error::msg)?;
    let passwords = Passwords::new(config.argon2.clone(), 1, config.hash_queue_deadline, random).await?;
    let verdict = passwords.verify(password, &account.password_hash, ()).await?;
    Ok(verdict != Verdict::Wrong && account.disabled_at.is_none())
}
