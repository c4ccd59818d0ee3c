//! The client transaction of every method but INVITE (RFC 3261 17.1.2).

use super::Next;
use super::timers::{Backoff, Timers};
use crate::base::time::Moment;

/// ```text
///            request sent
///               │
///               ▼  E: send again (T1, doubled up to T2)
///   ┌──────── Trying ─────── 1xx ──► Proceeding ───────┐
///   │           │                        │ E: send again, every T2
///   │ F         │ 200–699                │ 200–699     │ F
///   │           ▼                        │             │
///   │        Completed ◄─────────────────┘             │
///   │           │ K (0 over a reliable transport); further responses: absorbed
///   ▼           ▼                                      ▼
///                        terminated
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Client {
    /// `e` is absent over reliable transports.
    Trying {
        e: Option<Backoff>,
        f: Moment,
    },
    Proceeding {
        e: Option<Backoff>,
        f: Moment,
    },
    Completed {
        k: Moment,
    },
}

/// What a response did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// To the user; more may come.
    Provisional(Client),
    /// To the user; the last.
    Final(Next<Client>),
    /// A repetition.
    Absorbed,
}

/// What a timer did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fired {
    /// Too early for anything.
    Waits(Client),
    /// E: send the request again.
    Resend(Client),
    /// F: nobody answered.
    TimedOut,
    /// K.
    Over,
}

impl Client {
    pub fn start(now: Moment, reliable: bool, timers: &Timers) -> Client {
        Client::Trying { e: (!reliable).then(|| Backoff::start(now, timers.t1)), f: now + timers.b }
    }

    pub fn hear(self, now: Moment, code: u16, reliable: bool, timers: &Timers) -> Heard {
        match self {
            Client::Completed { .. } => Heard::Absorbed,
            Client::Trying { e, f } | Client::Proceeding { e, f } if code < 200 => {
                Heard::Provisional(Client::Proceeding { e, f })
            }
            Client::Trying { .. } | Client::Proceeding { .. } if reliable => Heard::Final(Next::Terminated),
            Client::Trying { .. } | Client::Proceeding { .. } => {
                Heard::Final(Next::State(Client::Completed { k: now + timers.t4 }))
            }
        }
    }

    pub fn fire(self, now: Moment, timers: &Timers) -> Fired {
        match self {
            Client::Trying { f, .. } | Client::Proceeding { f, .. } if now >= f => Fired::TimedOut,
            Client::Trying { e: Some(e), f } if now >= e.at() => {
                Fired::Resend(Client::Trying { e: Some(e.doubled(now, timers.t2)), f })
            }
            Client::Proceeding { e: Some(e), f } if now >= e.at() => {
                Fired::Resend(Client::Proceeding { e: Some(Backoff::start(now, timers.t2)), f })
            }
            Client::Completed { k } if now >= k => Fired::Over,
            waiting => Fired::Waits(waiting),
        }
    }

    /// When [`Client::fire`] is due.
    pub fn deadline(self) -> Moment {
        match self {
            Client::Trying { e, f } | Client::Proceeding { e, f } => e.map_or(f, |e| e.at().min(f)),
            Client::Completed { k } => k,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment(1_000_000);

    fn sends(mut state: Client, t: &Timers) -> Vec<u128> {
        let mut at_ms = Vec::new();
        loop {
            let at = state.deadline();
            match state.fire(at, t) {
                Fired::Resend(next) => state = next,
                Fired::TimedOut => return at_ms,
                other => panic!("{other:?}"),
            }
            at_ms.push(at.since(NOW).as_millis());
        }
    }

    #[test]
    fn trying_sends_again_until_it_gives_up() {
        let t = Timers::default();
        let trying = Client::start(NOW, false, &t);
        let times = [500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500];
        assert_eq!(sends(trying, &t), times);
        assert_eq!(sends(Client::start(NOW, true, &t), &t), [] as [u128; 0]);
        assert_eq!(trying.fire(NOW, &t), Fired::Waits(trying));
    }

    #[test]
    fn a_provisional_slows_it_down_but_does_not_stop_it() {
        let t = Timers::default();
        let Heard::Provisional(state) = Client::start(NOW, false, &t).hear(NOW, 100, false, &t) else {
            panic!("100 is provisional")
        };
        // The running E fires once more, then every T2.
        assert_eq!(sends(state, &t), [500, 4500, 8500, 12500, 16500, 20500, 24500, 28500]);
        assert_eq!(state.hear(NOW, 183, false, &t), Heard::Provisional(state));
    }

    #[test]
    fn a_final_response_ends_it_and_its_repetitions_are_absorbed() {
        let t = Timers::default();
        let completed = Client::Completed { k: NOW + t.t4 };
        let trying = Client::start(NOW, false, &t);
        let Heard::Provisional(proceeding) = trying.hear(NOW, 100, false, &t) else { panic!("provisional") };
        for state in [trying, proceeding] {
            for code in [200, 302, 401, 503, 603] {
                assert_eq!(state.hear(NOW, code, false, &t), Heard::Final(Next::State(completed)));
                assert_eq!(state.hear(NOW, code, true, &t), Heard::Final(Next::Terminated));
            }
        }
        for code in [100, 200, 500] {
            assert_eq!(completed.hear(NOW, code, false, &t), Heard::Absorbed);
        }
        assert_eq!(completed.fire(NOW, &t), Fired::Waits(completed));
        assert_eq!(completed.fire(NOW + t.t4, &t), Fired::Over);
    }
}
