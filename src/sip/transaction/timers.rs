//! Timers A to M by their RFC names (RFC 3261 table 4, RFC 6026 7.1, RFC 4320) and the values they follow from.

use crate::base::time::Moment;
use std::fmt;
use std::num::NonZeroU64;
use std::time::Duration;

/// The four values every timer follows from. `timer_t1` and `timer_b` of `type=system` set the first and the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timers {
    /// Estimated round trip; the first retransmission interval. 500 ms.
    pub t1: Duration,
    /// Longest retransmission interval of non-INVITE requests and INVITE responses. 4 s.
    pub t2: Duration,
    /// How long a message may stay in the network. 5 s.
    pub t4: Duration,
    /// How long a transaction lives without an answer: timers B, D, F, H, J, L, M. 64 × T1 = 32 s.
    pub b: Duration,
}

impl Default for Timers {
    fn default() -> Timers {
        Timers {
            t1: Duration::from_millis(500),
            t2: Duration::from_secs(4),
            t4: Duration::from_secs(5),
            b: Duration::from_secs(32),
        }
    }
}

/// Which timer it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is the RFC's timer of its own name")]
pub enum TimerName {
    A,
    B,
    D,
    E,
    F,
    G,
    H,
    I,
    J,
    K,
    L,
    M,
}

impl fmt::Display for TimerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timer {self:?}")
    }
}

/// A retransmission timer: when next, and the interval that led there. Both in milliseconds in one word, because a
/// million transactions hold one: the interval in the low 20 bits, never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sip) struct Backoff(NonZeroU64);

const INTERVAL_BITS: u32 = 20;
const LONGEST_MS: u64 = (1 << INTERVAL_BITS) - 1;

impl Backoff {
    /// First due after `first`.
    pub fn start(now: Moment, first: Duration) -> Backoff {
        Backoff::after(now, millis(first))
    }

    /// Due again after twice the interval, at most `most`.
    pub fn doubled(self, now: Moment, most: Duration) -> Backoff {
        Backoff::after(now, ((self.0.get() & LONGEST_MS) * 2).min(millis(most)))
    }

    /// When it is due: never before the interval is over.
    pub fn at(self) -> Moment {
        Moment((self.0.get() >> INTERVAL_BITS) * 1000)
    }

    fn after(now: Moment, every_ms: u64) -> Backoff {
        let every_ms = every_ms.clamp(1, LONGEST_MS);
        let at_ms = now.0.div_ceil(1000) + every_ms;
        Backoff(NonZeroU64::new(at_ms << INTERVAL_BITS | every_ms).expect("the interval is not 0"))
    }
}

fn millis(d: Duration) -> u64 {
    u64::try_from(d.as_millis()).unwrap_or(LONGEST_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_double_up_to_their_cap() {
        let t = Timers::default();
        let mut e = Backoff::start(Moment(0), t.t1);
        let mut sent = Vec::new();
        while e.at().0 < 32_000_000 {
            sent.push(e.at().0 / 1000);
            e = e.doubled(e.at(), t.t2);
        }
        // RFC 3261 17.1.2.2: 500 ms, 1 s, 2 s, 4 s, 4 s, …
        assert_eq!(sent, [500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500]);
    }

    #[test]
    fn it_is_never_due_early_and_never_stands_still() {
        let odd = Moment(1_234_567);
        assert!(Backoff::start(odd, Duration::from_millis(500)).at() >= odd + Duration::from_millis(500));
        let none = Backoff::start(odd, Duration::ZERO);
        assert!(none.at() > odd && none.doubled(none.at(), Duration::ZERO).at() > none.at());
        let long = Backoff::start(odd, Duration::from_secs(1 << 30));
        assert_eq!(long.doubled(odd, Duration::MAX).at(), long.at());
    }
}
