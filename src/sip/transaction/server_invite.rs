//! The server transaction of INVITE (RFC 3261 17.2.1 with RFC 6026).

use super::timers::{Backoff, Timers};
use super::{Next, Refused};
use crate::base::time::Moment;

/// ```text
///                    INVITE, to the user
///                        │
///                        ▼   1xx; INVITE again: the last 1xx again
///          300–699 ┌─ Proceeding ─┐ 2xx
///                  ▼              ▼
///              Completed       Accepted   INVITE again: nothing; 2xx again: sent; ACK: to the user
///  G: response  │   │ H: no ACK    │
///     again     │   │  (to user)   │
///          ACK  ▼   │              │
///       Confirmed   │              │ L
///               │ I │              │
///               ▼   ▼              ▼
///                   terminated
/// ```
/// Proceeding has no timer: the user answers, or ends the call. Repeating a 2xx until its ACK is the dialog's work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ServerInvite {
    Proceeding,
    /// `g` is absent over reliable transports.
    Completed {
        g: Option<Backoff>,
        h: Moment,
    },
    Confirmed {
        i: Moment,
    },
    Accepted {
        l: Moment,
    },
}

/// What an ACK did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Acked {
    /// It belongs to the non-2xx response and goes no further.
    Absorbed(Next<ServerInvite>),
    /// It acknowledges a 2xx: the user's.
    Passed,
    /// Nothing was sent that could be acknowledged.
    Stray,
}

/// What a timer did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fired {
    /// Too early for anything.
    Waits(ServerInvite),
    /// G: send the response again.
    Resend(ServerInvite),
    /// H: the ACK never came.
    Unacknowledged,
    /// I or L.
    Over,
}

impl ServerInvite {
    pub fn respond(
        self,
        now: Moment,
        code: u16,
        reliable: bool,
        timers: &Timers,
    ) -> Result<Next<ServerInvite>, Refused> {
        match (self, code) {
            (ServerInvite::Proceeding, 100..200) => Ok(Next::State(self)),
            (ServerInvite::Proceeding, 200..300) => {
                Ok(Next::State(ServerInvite::Accepted { l: now + timers.b }))
            }
            (ServerInvite::Proceeding, _) => Ok(Next::State(ServerInvite::Completed {
                g: (!reliable).then(|| Backoff::start(now, timers.t1)),
                h: now + timers.b,
            })),
            (ServerInvite::Accepted { .. }, 200..300) => Ok(Next::State(self)),
            _ => Err(Refused::AlreadyFinal),
        }
    }

    pub fn acknowledge(self, now: Moment, reliable: bool, timers: &Timers) -> Acked {
        match self {
            ServerInvite::Proceeding => Acked::Stray,
            ServerInvite::Completed { .. } if reliable => Acked::Absorbed(Next::Terminated),
            ServerInvite::Completed { .. } => {
                Acked::Absorbed(Next::State(ServerInvite::Confirmed { i: now + timers.t4 }))
            }
            ServerInvite::Confirmed { .. } => Acked::Absorbed(Next::State(self)),
            ServerInvite::Accepted { .. } => Acked::Passed,
        }
    }

    pub fn fire(self, now: Moment, timers: &Timers) -> Fired {
        match self {
            ServerInvite::Completed { h, .. } if now >= h => Fired::Unacknowledged,
            ServerInvite::Completed { g: Some(g), h } if now >= g.at() => {
                Fired::Resend(ServerInvite::Completed { g: Some(g.doubled(now, timers.t2)), h })
            }
            ServerInvite::Confirmed { i } if now >= i => Fired::Over,
            ServerInvite::Accepted { l } if now >= l => Fired::Over,
            waiting => Fired::Waits(waiting),
        }
    }

    /// Whether a retransmitted INVITE is answered with what was sent last.
    pub fn replays(self) -> bool {
        matches!(self, ServerInvite::Proceeding | ServerInvite::Completed { .. })
    }

    pub fn is_final(self) -> bool {
        self != ServerInvite::Proceeding
    }

    /// When [`ServerInvite::fire`] is due; `None` while it rings.
    pub fn deadline(self) -> Option<Moment> {
        match self {
            ServerInvite::Proceeding => None,
            ServerInvite::Completed { g, h } => Some(g.map_or(h, |g| g.at().min(h))),
            ServerInvite::Confirmed { i } => Some(i),
            ServerInvite::Accepted { l } => Some(l),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const NOW: Moment = Moment(1_000_000);

    fn completed(t: &Timers, reliable: bool) -> ServerInvite {
        match ServerInvite::Proceeding.respond(NOW, 486, reliable, t) {
            Ok(Next::State(state)) => state,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn proceeding() {
        let t = Timers::default();
        let p = ServerInvite::Proceeding;
        assert_eq!(p.respond(NOW, 180, false, &t), Ok(Next::State(p)));
        assert_eq!(p.respond(NOW, 200, true, &t), Ok(Next::State(ServerInvite::Accepted { l: NOW + t.b })));
        assert_eq!(p.acknowledge(NOW, false, &t), Acked::Stray);
        assert_eq!((p.deadline(), p.replays(), p.is_final()), (None, true, false));
        assert_eq!(p.fire(NOW, &t), Fired::Waits(p));
    }

    #[test]
    fn completed_repeats_until_acknowledged_or_given_up() {
        let t = Timers::default();
        let mut state = completed(&t, false);
        assert!(state.replays() && state.is_final());
        let mut repeats = Vec::new();
        loop {
            let at = state.deadline().expect("runs");
            match state.fire(at, &t) {
                Fired::Resend(next) => state = next,
                Fired::Unacknowledged => break,
                other => panic!("{other:?}"),
            }
            repeats.push(at.since(NOW).as_millis());
        }
        assert_eq!(repeats, [500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500]);
        let state = completed(&t, true);
        assert_eq!(state.deadline(), Some(NOW + t.b));
        assert_eq!(state.fire(NOW + t.b, &t), Fired::Unacknowledged);
        for code in [180, 200, 500] {
            assert_eq!(state.respond(NOW, code, true, &t), Err(Refused::AlreadyFinal));
        }
    }

    #[test]
    fn confirmed_absorbs_what_comes_late() {
        let t = Timers::default();
        let confirmed = ServerInvite::Confirmed { i: NOW + t.t4 };
        assert_eq!(completed(&t, false).acknowledge(NOW, false, &t), Acked::Absorbed(Next::State(confirmed)));
        assert_eq!(completed(&t, true).acknowledge(NOW, true, &t), Acked::Absorbed(Next::Terminated));
        assert_eq!(confirmed.acknowledge(NOW, false, &t), Acked::Absorbed(Next::State(confirmed)));
        assert!(!confirmed.replays());
        assert_eq!(confirmed.fire(NOW + t.t4 - Duration::from_micros(1), &t), Fired::Waits(confirmed));
        assert_eq!(confirmed.fire(NOW + t.t4, &t), Fired::Over);
    }

    /// RFC 6026 7.1.
    #[test]
    fn accepted_lets_2xx_and_ack_through() {
        let t = Timers::default();
        let accepted = ServerInvite::Accepted { l: NOW + t.b };
        assert_eq!(accepted.respond(NOW, 200, false, &t), Ok(Next::State(accepted)));
        assert_eq!(accepted.respond(NOW, 180, false, &t), Err(Refused::AlreadyFinal));
        assert_eq!(accepted.respond(NOW, 500, false, &t), Err(Refused::AlreadyFinal));
        assert_eq!(accepted.acknowledge(NOW, false, &t), Acked::Passed);
        assert!(!accepted.replays());
        assert_eq!(accepted.fire(NOW + t.b, &t), Fired::Over);
    }
}
