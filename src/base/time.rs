//! Time as an argument. A room never reads a clock: it receives [`Now`], so every race can be replayed in a test.

use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

/// A point on the monotonic clock, in microseconds since the process started. Timers use it; it never goes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub u64);

/// A point on the wall clock, in microseconds since 1970-01-01 UTC. Stored expiries use it, because they outlive a
/// restart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct WallTime(pub u64);

/// Both clocks, read once per wake-up by an edge and handed down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// The monotonic clock.
    pub at: Moment,
    /// The wall clock.
    pub wall: WallTime,
}

impl Now {
    /// Both clocks `by` later: what a simulation does when nothing else happens.
    pub fn later(self, by: Duration) -> Now {
        Now { at: self.at + by, wall: self.wall + by }
    }
}

impl Moment {
    /// How long after `earlier` this is; zero if it is not after it.
    pub fn since(self, earlier: Moment) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl WallTime {
    /// From whole seconds since 1970 (the unit of `ps_contacts.expiration_time` and of nonces).
    pub fn from_secs(secs: u64) -> WallTime {
        WallTime(secs.saturating_mul(1_000_000))
    }

    /// Whole seconds since 1970, rounded down.
    pub fn secs(self) -> u64 {
        self.0 / 1_000_000
    }

    /// Whole seconds from `now` until this, rounded up as a remaining expiry must be; 0 when past.
    pub fn secs_after(self, now: WallTime) -> u64 {
        self.0.saturating_sub(now.0).div_ceil(1_000_000)
    }
}

fn micros(d: Duration) -> u64 {
    u64::try_from(d.as_micros()).unwrap_or(u64::MAX)
}

impl Add<Duration> for Moment {
    type Output = Moment;
    fn add(self, d: Duration) -> Moment {
        Moment(self.0.saturating_add(micros(d)))
    }
}

impl AddAssign<Duration> for Moment {
    fn add_assign(&mut self, d: Duration) {
        *self = *self + d;
    }
}

impl Sub<Duration> for Moment {
    type Output = Moment;
    fn sub(self, d: Duration) -> Moment {
        Moment(self.0.saturating_sub(micros(d)))
    }
}

impl Add<Duration> for WallTime {
    type Output = WallTime;
    fn add(self, d: Duration) -> WallTime {
        WallTime(self.0.saturating_add(micros(d)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remaining_seconds_round_up_and_stop_at_zero() {
        let now = WallTime::from_secs(100);
        assert_eq!(WallTime(100_000_001).secs_after(now), 1);
        assert_eq!(WallTime::from_secs(99).secs_after(now), 0);
        assert_eq!(Moment(5).since(Moment(9)), Duration::ZERO);
    }
}
