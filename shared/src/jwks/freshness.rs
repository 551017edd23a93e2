//! How old a key set may get: the states of the cache as a pure function of its age.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::{AGE, CACHE_CONTROL, DATE, EXPIRES};
use http::{HeaderMap, HeaderName};
use tokio::time::Instant;

use crate::clock::Timestamp;

const DEFAULT_FRESH_FOR: Duration = Duration::from_secs(5 * 60);
const MIN_FRESH_FOR: Duration = Duration::from_secs(60);
const MAX_FRESH_FOR: Duration = Duration::from_secs(60 * 60);

/// What a key set may still be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing was ever loaded.
    Empty,
    /// In use.
    Fresh,
    /// In use, and about to be fetched again.
    Due,
    /// In use although it could not be fetched again in time.
    Stale,
    /// Too old to be trusted.
    Expired,
    /// Given by whoever runs the service: does not age.
    Static,
}

impl State {
    /// The number that metrics show: 0 empty, 1 fresh or due, 2 stale, 3 expired, 4 static.
    pub fn number(self) -> u8 {
        match self {
            Self::Empty => 0,
            Self::Fresh | Self::Due => 1,
            Self::Stale => 2,
            Self::Expired => 3,
            Self::Static => 4,
        }
    }
}

/// The age of a set, and the bounds that its issuer gave it.
#[derive(Clone, Copy, Debug)]
pub struct Freshness {
    loaded_at: Moment,
    fresh_for: Duration,
    refresh_after: Duration,
}

/// A moment on two clocks. A machine that sleeps stops its monotonic clock, and one whose time of day is set back
/// makes everything younger: the larger difference is the age.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) monotonic: Instant,
    pub(super) wall: Timestamp,
}

impl Moment {
    fn since(self, earlier: Self) -> Duration {
        self.monotonic.saturating_duration_since(earlier.monotonic).max(self.wall.since(earlier.wall))
    }
}

impl Freshness {
    /// Of a set that was loaded at `now` with these response headers. `jitter`, 0 to 1, spreads the refreshes of
    /// replicas that started together over a tenth of the time.
    pub(super) fn new(now: Moment, headers: &HeaderMap, jitter: f64) -> Self {
        let fresh_for = fresh_for(headers, now.wall);
        let refresh_after = fresh_for.mul_f64(0.8 - 0.1 * jitter.clamp(0.0, 1.0));
        Self { loaded_at: now, fresh_for, refresh_after }
    }

    pub(super) fn age(&self, now: Moment) -> Duration {
        now.since(self.loaded_at)
    }

    /// How long to wait until the set is due.
    pub(super) fn until_due(&self, now: Moment) -> Duration {
        self.refresh_after.saturating_sub(self.age(now))
    }

    pub(super) fn state(&self, now: Moment, max_stale: Duration) -> State {
        let age = self.age(now);
        if age < self.refresh_after {
            State::Fresh
        } else if age < self.fresh_for {
            State::Due
        } else if age < self.fresh_for + max_stale {
            State::Stale
        } else {
            State::Expired
        }
    }
}

/// How long the issuer lets us keep the set (RFC 9111 §4.2.1), within bounds: no header may make us hammer the issuer
/// or trust a removed key for a day.
fn fresh_for(headers: &HeaderMap, now: Timestamp) -> Duration {
    let directives = || {
        headers
            .get_all(CACHE_CONTROL)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(|directive| directive.trim().to_ascii_lowercase())
    };
    if directives().any(|directive| directive == "no-store" || directive == "no-cache") {
        return MIN_FRESH_FOR;
    }
    let max_age = directives().find_map(|directive| {
        directive.strip_prefix("max-age=").and_then(|seconds| seconds.trim_matches('"').parse::<u64>().ok())
    });
    let lifetime = max_age.map(Duration::from_secs).or_else(|| until_expires(headers, now));
    let age = headers.get(AGE).and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(0);
    lifetime
        .map_or(DEFAULT_FRESH_FOR, |lifetime| lifetime.saturating_sub(Duration::from_secs(age)))
        .clamp(MIN_FRESH_FOR, MAX_FRESH_FOR)
}

/// From `Date` to `Expires`. A date that cannot be read, like the usual `Expires: 0`, has passed (RFC 9111 §5.3).
fn until_expires(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let date = |name: HeaderName| httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok();
    headers.get(EXPIRES)?;
    let now = || UNIX_EPOCH + now.since(Timestamp::from_millis(0));
    let from: SystemTime = date(DATE).unwrap_or_else(now);
    Some(date(EXPIRES).and_then(|expires| expires.duration_since(from).ok()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn with(cache_control: &'static str, age: Option<&'static str>) -> Duration {
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache_control));
        if let Some(age) = age {
            headers.insert(AGE, HeaderValue::from_static(age));
        }
        fresh_for(&headers, NOW)
    }

    /// 2026-01-01T00:00:00Z.
    const NOW: Timestamp = Timestamp::from_seconds(1_767_225_600);

    fn expiring(headers: &[(HeaderName, &'static str)]) -> Duration {
        let headers = headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
        fresh_for(&headers.collect(), NOW)
    }

    #[test]
    fn an_issuer_of_http_1_0_gives_a_date() {
        let (date, expires) = ("Thu, 01 Jan 2026 00:10:00 GMT", "Thu, 01 Jan 2026 00:25:00 GMT");
        assert_eq!(expiring(&[(DATE, date), (EXPIRES, expires)]), Duration::from_secs(15 * 60));
        assert_eq!(expiring(&[(EXPIRES, expires)]), Duration::from_secs(25 * 60), "by our own clock");
        assert_eq!(expiring(&[(DATE, expires), (EXPIRES, date)]), Duration::from_secs(60), "in the past");
        assert_eq!(expiring(&[(EXPIRES, "0")]), Duration::from_secs(60));
        let both = [(CACHE_CONTROL, "max-age=600"), (DATE, date), (EXPIRES, expires), (AGE, "60")];
        assert_eq!(expiring(&both), Duration::from_secs(540), "max-age comes first");
    }

    #[test]
    fn the_issuer_sets_the_time_within_bounds() {
        assert_eq!(fresh_for(&HeaderMap::new(), NOW), Duration::from_secs(300));
        assert_eq!(with("public, max-age=600", None), Duration::from_secs(600));
        assert_eq!(with("max-age=600", Some("100")), Duration::from_secs(500));
        assert_eq!(with("max-age=1", None), Duration::from_secs(60));
        assert_eq!(with("max-age=99999999999", None), Duration::from_secs(3600));
        assert_eq!(with("No-Store, max-age=600", None), Duration::from_secs(60));
        assert_eq!(with("max-age=soon", None), Duration::from_secs(300));
    }

    #[tokio::test(start_paused = true)]
    async fn a_set_ages_through_its_states_by_either_clock() {
        let wall = Timestamp::from_seconds(1_000);
        let start = Moment { monotonic: Instant::now(), wall };
        let freshness = Freshness::new(start, &HeaderMap::new(), 0.0);
        let hour = Duration::from_secs(3600);
        let at = |seconds| Moment { monotonic: start.monotonic + Duration::from_secs(seconds), wall };
        for (seconds, state) in [
            (0, State::Fresh),
            (239, State::Fresh),
            (240, State::Due),
            (300, State::Stale),
            (3899, State::Stale),
            (3900, State::Expired),
        ] {
            assert_eq!(freshness.state(at(seconds), hour), state, "{seconds}");
        }
        let woken = Moment { monotonic: start.monotonic, wall: wall + 2 * hour };
        assert_eq!(freshness.state(woken, hour), State::Expired);
        let set_back = Moment { monotonic: start.monotonic + 2 * hour, wall: wall - hour };
        assert_eq!(freshness.state(set_back, hour), State::Expired);
    }
}
