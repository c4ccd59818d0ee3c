//! The client transaction of INVITE (RFC 3261 17.1.1 with RFC 6026, RFC 3261 9.1).

use super::Next;
use super::timers::{Backoff, Timers};
use crate::base::time::Moment;

/// ```text
///             INVITE sent
///                 │
///                 ▼  A: send again (T1, doubled)
///    B ┌────── Calling ────────── 1xx ──► Proceeding  1xx: to the user
///      │        │    │                     │   │   │
///      │  2xx   │    │ 300–699: ACK        │   │   │ 64·T1 after our CANCEL
///      │        │    │      ┌──────────────┘   │   │
///      │        ▼    ▼      ▼ 300–699: ACK     │   │
///      │  Accepted  Completed                  │   │
///      │   ▲ │ M     │ D (0 over reliable)     │   │
///      │   │ │       │ 300–699 again: ACK again │   │
///      │   └─┼───────┼────────── 2xx ──────────┘   │
///      ▼     ▼       ▼                             ▼
///                     terminated
/// ```
/// Accepted passes every 2xx up: forks answer with several, and repetitions need the dialog's ACK again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClientInvite {
    /// `a` is absent over reliable transports.
    Calling {
        a: Option<Backoff>,
        b: Moment,
    },
    /// `cancelled` runs from the CANCEL on.
    Proceeding {
        cancelled: Option<Moment>,
    },
    Completed {
        d: Moment,
    },
    Accepted {
        m: Moment,
    },
}

/// What a response did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// To the user.
    Provisional(ClientInvite),
    /// To the user, who sends the ACK.
    Success(ClientInvite),
    /// To the user; the transaction sends the ACK.
    Failure(Next<ClientInvite>),
    /// The failure again: send the ACK again.
    AckAgain,
    /// A repetition, or something out of place.
    Absorbed,
}

/// What a timer did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fired {
    /// Too early for anything.
    Waits(ClientInvite),
    /// A: send the request again.
    Resend(ClientInvite),
    /// B: nobody answered, or nobody answered the CANCEL.
    TimedOut,
    /// D or M.
    Over,
}

impl ClientInvite {
    pub fn start(now: Moment, reliable: bool, timers: &Timers) -> ClientInvite {
        ClientInvite::Calling { a: (!reliable).then(|| Backoff::start(now, timers.t1)), b: now + timers.b }
    }

    pub fn hear(self, now: Moment, code: u16, reliable: bool, timers: &Timers) -> Heard {
        match (self, code) {
            (ClientInvite::Calling { .. }, ..200) => {
                Heard::Provisional(ClientInvite::Proceeding { cancelled: None })
            }
            (ClientInvite::Proceeding { .. }, ..200) => Heard::Provisional(self),
            (ClientInvite::Calling { .. } | ClientInvite::Proceeding { .. }, 200..300) => {
                Heard::Success(ClientInvite::Accepted { m: now + timers.b })
            }
            (ClientInvite::Calling { .. } | ClientInvite::Proceeding { .. }, _) if reliable => {
                Heard::Failure(Next::Terminated)
            }
            (ClientInvite::Calling { .. } | ClientInvite::Proceeding { .. }, _) => {
                Heard::Failure(Next::State(ClientInvite::Completed { d: now + timers.b }))
            }
            (ClientInvite::Accepted { .. }, 200..300) => Heard::Success(self),
            (ClientInvite::Completed { .. }, 300..) => Heard::AckAgain,
            (ClientInvite::Accepted { .. } | ClientInvite::Completed { .. }, _) => Heard::Absorbed,
        }
    }

    /// A CANCEL went out: whoever does not answer it within 64·T1 is given up (RFC 3261 9.1).
    pub fn cancelled(self, now: Moment, timers: &Timers) -> ClientInvite {
        match self {
            ClientInvite::Proceeding { cancelled: None } => {
                ClientInvite::Proceeding { cancelled: Some(now + timers.b) }
            }
            other => other,
        }
    }

    pub fn fire(self, now: Moment, timers: &Timers) -> Fired {
        match self {
            ClientInvite::Calling { b, .. } if now >= b => Fired::TimedOut,
            ClientInvite::Calling { a: Some(a), b } if now >= a.at() => {
                Fired::Resend(ClientInvite::Calling { a: Some(a.doubled(now, timers.b)), b })
            }
            ClientInvite::Proceeding { cancelled: Some(end) } if now >= end => Fired::TimedOut,
            ClientInvite::Completed { d } if now >= d => Fired::Over,
            ClientInvite::Accepted { m } if now >= m => Fired::Over,
            waiting => Fired::Waits(waiting),
        }
    }

    /// Whether there is something to cancel.
    pub fn rings(self) -> bool {
        matches!(self, ClientInvite::Proceeding { .. })
    }

    pub fn is_final(self) -> bool {
        matches!(self, ClientInvite::Completed { .. } | ClientInvite::Accepted { .. })
    }

    /// When [`ClientInvite::fire`] is due; `None` while it rings.
    pub fn deadline(self) -> Option<Moment> {
        match self {
            ClientInvite::Calling { a, b } => Some(a.map_or(b, |a| a.at().min(b))),
            ClientInvite::Proceeding { cancelled } => cancelled,
            ClientInvite::Completed { d } => Some(d),
            ClientInvite::Accepted { m } => Some(m),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment(1_000_000);

    /// S3-40.
    #[test]
    fn a_lost_invite_is_sent_again_until_b() {
        let t = Timers::default();
        let mut state = ClientInvite::start(NOW, false, &t);
        let mut at_ms = Vec::new();
        let end = loop {
            let at = state.deadline().expect("runs");
            match state.fire(at, &t) {
                Fired::Resend(next) => state = next,
                Fired::TimedOut => break at,
                other => panic!("{other:?}"),
            }
            at_ms.push(at.since(NOW).as_millis());
        };
        // RFC 3261 17.1.1.2: seven requests in all.
        assert_eq!(at_ms, [500, 1500, 3500, 7500, 15500, 31500]);
        assert_eq!(end, NOW + t.b);
        let reliable = ClientInvite::start(NOW, true, &t);
        assert_eq!(reliable.deadline(), Some(NOW + t.b));
        assert_eq!(reliable.fire(NOW, &t), Fired::Waits(reliable));
    }

    #[test]
    fn ringing_has_no_end_until_it_is_cancelled() {
        let t = Timers::default();
        let ringing = ClientInvite::Proceeding { cancelled: None };
        assert_eq!(
            ClientInvite::start(NOW, false, &t).hear(NOW, 100, false, &t),
            Heard::Provisional(ringing)
        );
        assert_eq!(ringing.hear(NOW, 180, false, &t), Heard::Provisional(ringing));
        assert_eq!(ringing.deadline(), None);
        let cancelled = ringing.cancelled(NOW, &t);
        assert_eq!(cancelled.deadline(), Some(NOW + t.b));
        // A second CANCEL does not prolong it, and a late 180 does not stop it.
        assert_eq!(cancelled.cancelled(NOW + t.t4, &t), cancelled);
        assert_eq!(cancelled.hear(NOW, 180, false, &t), Heard::Provisional(cancelled));
        assert_eq!(cancelled.fire(NOW + t.b, &t), Fired::TimedOut);
    }

    #[test]
    fn failures_are_acknowledged_each_time_they_come() {
        let t = Timers::default();
        let completed = ClientInvite::Completed { d: NOW + t.b };
        for state in [ClientInvite::start(NOW, false, &t), ClientInvite::Proceeding { cancelled: None }] {
            assert_eq!(state.hear(NOW, 486, false, &t), Heard::Failure(Next::State(completed)));
            assert_eq!(state.hear(NOW, 300, true, &t), Heard::Failure(Next::Terminated));
        }
        assert_eq!(completed.hear(NOW, 486, false, &t), Heard::AckAgain);
        assert_eq!(completed.hear(NOW, 180, false, &t), Heard::Absorbed);
        assert_eq!(completed.hear(NOW, 200, false, &t), Heard::Absorbed);
        assert_eq!(completed.fire(NOW + t.b, &t), Fired::Over);
        assert_eq!(completed.cancelled(NOW, &t), completed);
    }

    /// RFC 6026 7.2.
    #[test]
    fn every_2xx_reaches_the_user() {
        let t = Timers::default();
        let accepted = ClientInvite::Accepted { m: NOW + t.b };
        for state in [ClientInvite::start(NOW, false, &t), ClientInvite::Proceeding { cancelled: None }] {
            assert_eq!(state.hear(NOW, 200, true, &t), Heard::Success(accepted));
        }
        assert_eq!(accepted.hear(NOW, 202, false, &t), Heard::Success(accepted));
        assert_eq!(accepted.hear(NOW, 180, false, &t), Heard::Absorbed);
        assert_eq!(accepted.hear(NOW, 486, false, &t), Heard::Absorbed);
        assert_eq!(accepted.fire(NOW, &t), Fired::Waits(accepted));
        assert_eq!(accepted.fire(NOW + t.b, &t), Fired::Over);
        assert!(accepted.is_final());
    }
}
