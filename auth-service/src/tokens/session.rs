//! The generation rule: what a refresh token that is not the current one means.

use std::time::Duration;

use shared::clock::Timestamp;

use crate::entity::session::{Model, Origin};

/// For how long the predecessor of the current refresh token is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grace {
    /// Until the successor is first used.
    UntilUsed,
    /// This long after the successor was made.
    For(Duration),
}

/// The grace of sessions by the way they were opened.
#[derive(Clone, Copy, Debug)]
pub struct GracePolicy {
    /// One value for all sessions, where the operator sets it.
    pub everywhere: Option<Duration>,
}

impl GracePolicy {
    /// The grace of a session.
    ///
    /// Clients of the tutorial log in once and present the same refresh token for thirty days, ignoring the new one. For
    /// them the predecessor stays good until the successor is used: a client that adopts the successor gets full
    /// detection of reuse, one that never does is never logged out. OAuth clients know better (RFC 9700 §4.14.2) and
    /// get a minute for the answer that was lost on its way.
    pub fn of(self, origin: Origin) -> Grace {
        match (self.everywhere, origin) {
            (Some(grace), Origin::Login | Origin::OAuth | Origin::Browser) => Grace::For(grace),
            (None, Origin::Login) => Grace::UntilUsed,
            (None, Origin::OAuth | Origin::Browser) => Grace::For(Duration::from_secs(60)),
        }
    }
}

/// What a genuine refresh token means for its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the current one: the generation goes on.
    Rotate,
    /// It is the predecessor within its grace: the same successor once more.
    Repeat,
    /// Somebody has used what came after it: two hold copies, and one of them is a thief.
    Reuse,
    /// The session is over.
    Over,
}

/// Judges a refresh token of `generation` against the row of its session.
///
/// "The successor was used" needs no flag: using it has moved the generation on, so its predecessor is two behind.
pub fn judge(session: &Model, generation: i64, grace: Grace, now: Timestamp) -> Verdict {
    if session.is_over(now) {
        return Verdict::Over;
    }
    if generation == session.generation {
        return Verdict::Rotate;
    }
    let within = match grace {
        Grace::UntilUsed => true,
        Grace::For(grace) => now.since(Timestamp::from_millis(session.rotated_at)) <= grace,
    };
    if generation + 1 == session.generation && within { Verdict::Repeat } else { Verdict::Reuse }
}

#[cfg(test)]
mod tests {
    use sea_orm::prelude::Uuid;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn session(generation: i64) -> Model {
        Model {
            id: Uuid::nil(),
            account_id: Uuid::nil(),
            client_id: String::new(),
            origin: Origin::Login,
            scope: String::new(),
            resource: String::new(),
            auth_time: 0,
            generation,
            rotated_at: at(100).millis(),
            created_at: 0,
            last_used_at: 0,
            expires_at: at(1000).millis(),
            idle_expires_at: at(500).millis(),
            revoked_at: None,
            user_agent: String::new(),
            ip: String::new(),
            sign_in_id: None,
            claims: String::new(),
        }
    }

    #[test]
    fn the_current_token_rotates_and_its_predecessor_has_a_grace() {
        let minute = Grace::For(Duration::from_secs(60));
        for (generation, grace, now, expected) in [
            (5, minute, 100, Verdict::Rotate),
            (4, minute, 160, Verdict::Repeat),
            (4, minute, 161, Verdict::Reuse),
            (4, Grace::UntilUsed, 499, Verdict::Repeat),
            (3, minute, 100, Verdict::Reuse),
            (3, Grace::UntilUsed, 100, Verdict::Reuse),
            (6, Grace::UntilUsed, 100, Verdict::Reuse),
            (5, Grace::UntilUsed, 500, Verdict::Over),
        ] {
            assert_eq!(judge(&session(5), generation, grace, at(now)), expected, "{generation} at {now}");
        }
    }

    #[test]
    fn a_session_that_is_over_stays_over() {
        let revoked = Model { revoked_at: Some(1), ..session(5) };
        let expired = Model { idle_expires_at: i64::MAX, ..session(5) };
        for generation in 3..=6 {
            assert_eq!(judge(&revoked, generation, Grace::UntilUsed, at(100)), Verdict::Over);
            assert_eq!(judge(&expired, generation, Grace::UntilUsed, at(1000)), Verdict::Over);
        }
    }

    #[test]
    fn one_setting_overrides_both_policies() {
        let default = GracePolicy { everywhere: None };
        assert_eq!(default.of(Origin::Login), Grace::UntilUsed);
        assert_eq!(default.of(Origin::OAuth), Grace::For(Duration::from_secs(60)));
        let strict = GracePolicy { everywhere: Some(Duration::from_secs(5)) };
        assert_eq!(strict.of(Origin::Login), Grace::For(Duration::from_secs(5)));
        assert_eq!(strict.of(Origin::OAuth), Grace::For(Duration::from_secs(5)));
    }
}
