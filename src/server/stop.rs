//! How the server ends.
//!
//! ```text
//! Serving ──WhenIdle──► Waiting ──idle──────────┐
//!    │ ▲                                        ▼
//!    │ └───────Abort── Draining ──idle, late─► Closing ──committed, late──► gone
//!    └──────Drain─────────┘      Now (from any)──┘
//! ```

use crate::base::time::Moment;
use std::time::Duration;

/// How to end. Whatever was acknowledged is on disk first, in every case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// At once: `core stop now`.
    Now,
    /// Refuse what is new, and end with the last call, or after so long: `core stop gracefully`, SIGTERM.
    Drain(Option<Duration>),
    /// Let in what is new, and end when there is no call: `core stop when convenient`.
    WhenIdle,
    /// Go on after all: `core abort shutdown`.
    Abort,
}

impl Stop {
    /// The line for the log, and the answer to who asked for it.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Stop::Now => ("Stopping: what is acknowledged is written first", ""),
            Stop::Drain(_) => (
                "Draining: new requests are answered 503; ends with the last call",
                "Waiting for inactivity to perform halt\n",
            ),
            Stop::WhenIdle => (
                "Ends when no call is up; new ones are let in until then",
                "Waiting for inactivity to perform halt\n",
            ),
            Stop::Abort => ("Goes on: no stop is pending any more", "No stop is pending any more\n"),
        }
    }
}

/// How near the end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not near.
    Serving,
    /// [`Stop::WhenIdle`] was said.
    Waiting,
    /// [`Stop::Drain`] was said; the moment at which patience ends.
    Draining(Option<Moment>),
    /// Nothing is read any more: what was not read is not acknowledged, and is sent again to the successor. The moment
    /// at which commits that still wait are given up.
    Closing(Moment),
}

/// How long the end waits for commits.
const COMMIT_WAIT: Duration = Duration::from_secs(3);

impl Phase {
    /// The phase that an order leads to. An end that has begun is not put off.
    #[must_use]
    pub fn ordered(self, now: Moment, stop: Stop) -> Phase {
        match stop {
            _ if self.is_closing() => self,
            Stop::Now => Phase::Closing(now + COMMIT_WAIT),
            Stop::Drain(patience) => Phase::Draining(patience.map(|patience| now + patience)),
            Stop::WhenIdle => Phase::Waiting,
            Stop::Abort => Phase::Serving,
        }
    }

    /// The phase that follows when time passes or nothing is left to do.
    #[must_use]
    pub fn next(self, now: Moment, idle: bool) -> Phase {
        match self {
            Phase::Waiting if idle => Phase::Closing(now + COMMIT_WAIT),
            Phase::Draining(until) if idle || until.is_some_and(|until| now >= until) => {
                Phase::Closing(now + COMMIT_WAIT)
            }
            same => same,
        }
    }

    /// When it ends by itself.
    pub fn deadline(self) -> Option<Moment> {
        match self {
            Phase::Serving | Phase::Waiting => None,
            Phase::Draining(until) => until,
            Phase::Closing(until) => Some(until),
        }
    }

    /// Whether nothing is read any more.
    pub fn is_closing(self) -> bool {
        matches!(self, Phase::Closing(_))
    }

    /// Whether all is over.
    pub fn is_over(self, now: Moment, idle: bool) -> bool {
        self.is_closing() && (idle || self.deadline().is_some_and(|until| now >= until))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Moment {
        Moment(secs * 1_000_000)
    }

    #[test]
    fn a_drain_ends_with_the_last_call_or_with_its_patience() {
        let calm = Phase::Serving.ordered(at(0), Stop::Drain(None));
        assert_eq!(calm.next(at(9_999), false), calm, "no call is cut");
        let closing = calm.next(at(10_000), true);
        assert!(closing.is_closing() && closing.is_over(at(10_000), true));
        let patient = Phase::Serving.ordered(at(0), Stop::Drain(Some(Duration::from_secs(32))));
        assert_eq!(patient.next(at(31), false), patient);
        assert_eq!(patient.deadline(), Some(at(32)));
        let closing = patient.next(at(32), false);
        assert!(closing.is_closing() && !closing.is_over(at(34), false) && closing.is_over(at(35), false));
    }

    #[test]
    fn a_stop_can_be_called_off_until_the_end_has_begun() {
        let waiting = Phase::Serving.ordered(at(0), Stop::WhenIdle);
        assert_eq!(waiting.next(at(1), false), Phase::Waiting);
        assert_eq!(waiting.ordered(at(1), Stop::Abort), Phase::Serving);
        let closing = waiting.ordered(at(2), Stop::Now);
        assert_eq!(closing.ordered(at(3), Stop::Abort), closing);
        assert_eq!(closing.ordered(at(4), Stop::Now), closing, "a second order does not put the end off");
    }
}
