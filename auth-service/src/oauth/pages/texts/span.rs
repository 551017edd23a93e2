//! Spans of time as people say them.

/// What spans are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Second,
    Minute,
    Hour,
    Day,
}

/// `seconds` in the largest unit that says it well, rounded up: who waits that long has waited enough.
pub(super) const fn rounded(seconds: u64) -> (u64, Unit) {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    match seconds {
        DAY | 172_800.. => (seconds.div_ceil(DAY), Unit::Day),
        HOUR | 7_200.. => (seconds.div_ceil(HOUR), Unit::Hour),
        MINUTE | 120.. => (seconds.div_ceil(MINUTE), Unit::Minute),
        _ => (seconds, Unit::Second),
    }
}

#[cfg(test)]
mod tests {
    use super::{Unit, rounded};

    #[test]
    fn spans_are_said_in_the_unit_that_people_would_use() {
        for (seconds, said) in [
            (0, (0, Unit::Second)),
            (1, (1, Unit::Second)),
            (60, (1, Unit::Minute)),
            (90, (90, Unit::Second)),
            (121, (3, Unit::Minute)),
            (3_600, (1, Unit::Hour)),
            (36 * 3_600, (36, Unit::Hour)),
            (86_400, (1, Unit::Day)),
            (30 * 86_400, (30, Unit::Day)),
        ] {
            assert_eq!(rounded(seconds), said, "{seconds}");
        }
    }
}
