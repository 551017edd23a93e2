//! The service itself, where it runs: what its management listener says.

use std::net::SocketAddr;

use super::Report;
use crate::http::ask_management;

/// What a running service says of itself.
#[derive(Clone, Debug)]
pub struct Running {
    address: SocketAddr,
    metrics: String,
}

impl Running {
    /// Asks the service that manages itself at the address in `setting`. `None`: nothing answers there.
    pub async fn examine(report: &mut Report, setting: &str, address: SocketAddr) -> Option<Self> {
        let (status, body) = match ask_management(address, "/health/ready").await {
            Ok(answer) => answer,
            Err(error) => {
                let means = "the service does not run here; what can be seen without it was looked at";
                let advice = format!("start it, or give its address: {setting}");
                report.note("service", format!("nothing answers at {error:#}"), means, advice);
                return None;
            }
        };
        match status {
            200 if body.contains("degraded") => {
                let means = "it serves, but not for much longer";
                report.bad(
                    "service",
                    format!("runs, and says {body}"),
                    means,
                    "the check that is degraded has a finding of its own here",
                );
            }
            200 => report.ok("service", format!("runs, and is ready ({address})")),
            _ => {
                let means = "balancers send it nothing";
                report.bad(
                    "service",
                    format!("runs, and says {body}"),
                    means,
                    "the check that fails has a finding of its own here",
                );
            }
        }
        let metrics = ask_management(address, "/metrics").await.map(|(_, text)| text).unwrap_or_default();
        Some(Self { address, metrics })
    }

    /// The value of a series, by its name and labels as they are written.
    pub fn metric(&self, series: &str) -> Option<f64> {
        metric(&self.metrics, series)
    }
}

fn metric(text: &str, series: &str) -> Option<f64> {
    text.lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.split(' ').next()?.parse().ok())
}

/// Tells whether proxies stand before the service that it does not know: `before` was asked before something was called by
/// the public URL, which went through them.
pub async fn examine_proxies(report: &mut Report, before: &Running, setting: &str, is_public: bool) {
    const BELIEVED: &str = r#"http_forwarded_total{trusted="true"}"#;
    const NOT_BELIEVED: &str = r#"http_forwarded_total{trusted="false"}"#;
    let Ok((_, after)) = ask_management(before.address, "/metrics").await else { return };
    let rise = |series| metric(&after, series).unwrap_or(0.0) - before.metric(series).unwrap_or(0.0);
    let not_believed = metric(&after, NOT_BELIEVED).unwrap_or(0.0);
    if rise(NOT_BELIEVED) > 0.0 {
        let means = "a proxy stands before the service that it does not know: everybody has the proxy's address, and is \
                     slowed down together once one of them guesses passwords";
        let advice = format!("set {setting} to the proxy's address; the log names it");
        report.bad(
            "proxies",
            "our own call by the public URL came with an X-Forwarded-For that is not believed",
            means,
            advice,
        );
    } else if rise(BELIEVED) > 0.0 {
        report.ok("proxies", "what the proxy says of the client is believed");
    } else if not_believed > 0.0 {
        let seen = format!("{not_believed} request(s) had an X-Forwarded-For that is not believed");
        let means = "either clients make it up, or a proxy stands before the service that it does not know";
        report.note(
            "proxies",
            seen,
            means,
            format!("if it is a proxy of yours, add it to {setting}; the log names it"),
        );
    } else if is_public {
        let means = "another replica answered, or the proxy does not say for whom it calls";
        let advice = "let the proxy send X-Forwarded-For, or look again";
        report.note(
            "proxies",
            "our own call by the public URL was not seen to come through a proxy",
            means,
            advice,
        );
    } else {
        report.ok("proxies", "none is before the service");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_found_by_their_whole_name() {
        let text = "# HELP x\njwks_age_seconds 12\njwks_age 3\nhttp_forwarded_total{trusted=\"false\"} 7\n";
        assert_eq!(metric(text, "jwks_age_seconds"), Some(12.0));
        assert_eq!(metric(text, "jwks_age"), Some(3.0));
        assert_eq!(metric(text, r#"http_forwarded_total{trusted="false"}"#), Some(7.0));
        assert_eq!(metric(text, "jwks"), None);
    }
}
