//! The clock: the one place that reads it for the switch.

use crate::base::time::{Moment, Now, WallTime};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Both clocks, counted from when this was made.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

#[expect(clippy::disallowed_methods, reason = "this is the edge that reads the clocks")]
impl Clock {
    /// Starts counting. One second is on the clock already, so that no moment is before another's zero.
    pub fn new() -> Clock {
        Clock { start: Instant::now() }
    }

    /// Reads both clocks.
    pub fn now(&self) -> Now {
        let at = Moment(1_000_000 + self.start.elapsed().as_micros() as u64);
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64);
        Now { at, wall: WallTime(wall) }
    }
}

impl Default for Clock {
    fn default() -> Clock {
        Clock::new()
    }
}
