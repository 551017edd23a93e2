//! The issuer, asked as a service asks it: by the same fetch, with the same rules.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use http::header::{CACHE_CONTROL, DATE, STRICT_TRANSPORT_SECURITY};
use http::{HeaderMap, StatusCode};
use url::Url;

use super::{Report, span};
use crate::clock::{Clock, Timestamp};
use crate::issuer::is_secure;
use crate::jwks::{
    FetchError, Fetched, HttpTransport, KeySnapshot, RemoteJwks, RemoteJwksSettings, Transport,
};
use crate::random::Random;

/// Longer than discovery and fetch together may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How the issuer is to be looked at.
#[derive(Clone, Debug)]
pub struct IssuerCheck {
    /// As the service has it.
    pub jwks: RemoteJwksSettings,
    /// The name of the setting that holds the issuer.
    pub setting: &'static str,
    /// How far its clock and ours may differ.
    pub skew: Duration,
    /// Whether it hurts that it does not answer.
    pub must_answer: bool,
}

/// What the issuer has shown.
#[derive(Clone, Debug)]
pub struct SeenIssuer {
    /// Its keys.
    pub keys: Arc<KeySnapshot>,
}

/// An answer of the issuer.
#[derive(Debug)]
struct Answer {
    url: Url,
    status: StatusCode,
    headers: HeaderMap,
    at: Timestamp,
}

/// Fetches as services do, and keeps what came with the answers.
struct Recorder {
    inner: HttpTransport,
    clock: Arc<dyn Clock>,
    answers: Mutex<Vec<Answer>>,
}

impl Transport for Recorder {
    fn get<'a>(
        &'a self,
        url: &'a Url,
        headers: HeaderMap,
    ) -> Pin<Box<dyn Future<Output = Result<Fetched, FetchError>> + Send + 'a>> {
        Box::pin(async move {
            let fetched = self.inner.get(url, headers).await?;
            self.answers.lock().unwrap_or_else(PoisonError::into_inner).push(Answer {
                url: url.clone(),
                status: fetched.status,
                headers: fetched.headers.clone(),
                at: self.clock.now(),
            });
            Ok(fetched)
        })
    }
}

impl IssuerCheck {
    /// Fetches metadata and keys, and looks at them, at the clock and at TLS. `None`: there are no keys to be had.
    pub async fn examine(
        &self,
        report: &mut Report,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Option<SeenIssuer> {
        self.examine_scheme(report);
        let inner = match HttpTransport::new() {
            Ok(inner) => inner,
            Err(error) => {
                let means = "nothing can be fetched by https";
                report.bad(
                    "issuer",
                    error.to_string(),
                    means,
                    "install the machine's trust store (ca-certificates)",
                );
                return None;
            }
        };
        let recorder = Arc::new(Recorder { inner, clock: Arc::clone(&clock), answers: Mutex::default() });
        // To look is no danger: that plain http is one was said already.
        let settings = RemoteJwksSettings { insecure_allow_http: true, ..self.jwks.clone() };
        let transport: Arc<dyn Transport> = Arc::<Recorder>::clone(&recorder);
        let jwks = match RemoteJwks::start(settings, transport, clock, random) {
            Ok(jwks) => jwks,
            Err(error) => {
                report.bad(
                    "issuer",
                    error.to_string(),
                    "the service does not start",
                    format!("change {}", self.setting),
                );
                return None;
            }
        };
        let found = tokio::time::timeout(PATIENCE, first_outcome(&jwks)).await;
        let answers = recorder.answers.lock().unwrap_or_else(PoisonError::into_inner);
        for answer in answers.iter().take(1) {
            self.examine_answer(report, answer);
        }
        match found {
            Ok(Ok(keys)) => {
                self.tell_keys(report, &keys, answers.last());
                Some(SeenIssuer { keys })
            }
            Ok(Err(error)) => {
                self.tell_error(report, &error);
                None
            }
            Err(_) => {
                let seen = format!("{} did not answer within {}", self.jwks.issuer, span(PATIENCE));
                report.bad(
                    "issuer",
                    seen,
                    "its keys cannot be fetched",
                    format!("look at it, and at {}", self.setting),
                );
                None
            }
        }
    }

    fn examine_scheme(&self, report: &mut Report) {
        let issuer = &self.jwks.issuer;
        if is_secure(issuer.url()) {
            return;
        }
        let seen = format!("{} is {issuer}: plain http, and not of this machine", self.setting);
        let means = "whoever is between can read passwords and tokens, and put keys of their own in the place of ours";
        report.bad("tls", seen, means, "put TLS before it, and give the https URL");
    }

    fn tell_keys(&self, report: &mut Report, keys: &KeySnapshot, last: Option<&Answer>) {
        let where_from = last.map_or_else(String::new, |answer| format!(" at {}", answer.url));
        let cache = last.and_then(|answer| answer.headers.get(CACHE_CONTROL)?.to_str().ok());
        let cache = cache.map_or_else(String::new, |text| format!(", {text}"));
        let issuer = &self.jwks.issuer;
        report.ok("issuer", format!("{issuer} publishes {} usable key(s){where_from}{cache}", keys.len()));
        if !keys.skipped().is_empty() {
            let seen = format!(
                "{} entries of its key set are of no use: {}",
                keys.skipped().len(),
                keys.skipped().join(", ")
            );
            let means = "tokens that they sign are refused; only RS256 keys of 2048 to 4096 bits with a kid are taken";
            report.note("issuer", seen, means, "nothing, unless the issuer signs with one of them");
        }
    }

    fn tell_error(&self, report: &mut Report, error: &FetchError) {
        let cause = root_cause(error);
        let seen = match error {
            FetchError::NoAnswer { url, .. } => format!("no answer from {url}: {cause}"),
            _ => error.to_string(),
        };
        if self.must_answer {
            let means = "tokens cannot be checked: they are answered with 503";
            report.bad("issuer", seen, means, advice(error, &cause, self.setting));
        } else {
            let means = "as long as nothing runs there, nobody can fetch keys";
            report.note("issuer", seen, means, "start the service, and look again");
        }
    }

    fn examine_answer(&self, report: &mut Report, answer: &Answer) {
        let date =
            answer.headers.get(DATE).and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
        let theirs = date.and_then(|date| date.duration_since(UNIX_EPOCH).ok());
        if let Some(theirs) = theirs {
            let theirs = Timestamp::from_seconds(i64::try_from(theirs.as_secs()).unwrap_or(i64::MAX));
            examine_clock(report, self.skew, theirs, answer.at);
        }
        let is_public = answer.url.scheme() == "https";
        if is_public && !answer.headers.contains_key(STRICT_TRANSPORT_SECURITY) && answer.status.is_success()
        {
            let seen = format!("{} comes without Strict-Transport-Security", answer.url);
            let means = "a browser that once was given an http link to it can be kept on http";
            report.note("tls", seen, means, "let the proxy add: Strict-Transport-Security: max-age=63072000");
        } else if is_public {
            report.ok("tls", "certificate and Strict-Transport-Security are as they should be");
        }
    }
}

/// What is at the bottom of an error: those above it only say that something was being sent.
fn root_cause(error: &FetchError) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// What to do about it.
fn advice(error: &FetchError, cause: &str, setting: &str) -> String {
    match error.class() {
        // As rustls words it.
        "no_answer" if cause.contains("certificate") => {
            "something answers, with a certificate that this machine does not trust: is it for this name, and in time? \
             An authority of your own goes into the trust store, or into the file that SSL_CERT_FILE names"
                .to_owned()
        }
        "no_answer" => "is it up, does its name resolve here, does a firewall stand between?".to_owned(),
        "metadata" => format!("{setting} must be, letter by letter, the `issuer` of the metadata there"),
        "no_usable_key" => {
            "the issuer must publish an RS256 key with a kid; is its signing key of another kind?".to_owned()
        }
        "status" => format!("does {setting} lead to the issuer itself, and not to a page before it?"),
        _ => format!("open it in a browser, and compare it with {setting}"),
    }
}

fn examine_clock(report: &mut Report, skew: Duration, theirs: Timestamp, ours: Timestamp) {
    // A date has whole seconds, and was on its way for a moment.
    let apart = ours.since(theirs).max(theirs.since(ours)).saturating_sub(Duration::from_secs(1));
    if apart > skew {
        let seen = format!("the clocks of this machine and of the issuer are {} apart", span(apart));
        let means = format!(
            "more than the {} that are allowed for: tokens are refused as expired or not yet valid",
            span(skew)
        );
        report.bad("clock", seen, means, "synchronize both, by NTP");
    } else {
        report.ok("clock", "agrees with the issuer's");
    }
}

/// Waits for the first fetch to end.
async fn first_outcome(jwks: &RemoteJwks) -> Result<Arc<KeySnapshot>, Arc<FetchError>> {
    loop {
        if let Some(keys) = jwks.snapshot() {
            return Ok(keys);
        }
        if let Some(error) = jwks.last_error() {
            return Err(error);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::*;

    #[test]
    fn clocks_may_differ_by_the_skew_and_no_more() {
        let now = Timestamp::from_seconds(1_800_000_000);
        let skew = Duration::from_secs(30);
        for (apart, severity) in [(31, Severity::Ok), (32, Severity::Bad)] {
            let theirs = now - Duration::from_secs(apart);
            let mut report = Report::default();
            examine_clock(&mut report, skew, theirs, now);
            examine_clock(&mut report, skew, now, theirs);
            let severities: Vec<_> = report.findings().iter().map(|finding| finding.severity).collect();
            assert_eq!(severities, [severity; 2], "{apart}");
        }
    }

    #[test]
    fn what_is_at_the_bottom_is_told_and_a_certificate_is_not_taken_for_a_server_that_is_down() {
        for (cause, told) in [
            ("invalid peer certificate: UnknownIssuer", "SSL_CERT_FILE"),
            ("Connection refused (os error 111)", "is it up"),
        ] {
            let source =
                anyhow::Error::msg(cause).context("client error (Connect)").context("error sending request");
            let url = Url::parse("https://id.example.org/").unwrap();
            let error = FetchError::NoAnswer { url, source: source.into() };
            assert_eq!(root_cause(&error), cause);
            let advice = advice(&error, &root_cause(&error), "BOOKS_ISSUER");
            assert!(advice.contains(told), "{advice}");
        }
    }
}
