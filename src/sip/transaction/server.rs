//! The server transaction of every method but INVITE (RFC 3261 17.2.2, RFC 4320).

use super::timers::Timers;
use super::{Next, Refused};
use crate::base::time::Moment;

/// ```text
///            request, to the user
///               │
///               ▼          100
///   ┌──────── Trying ───────────────► Proceeding ────────┐
///   │           │  retransmission:      │  retransmission: │
///   │ 64·T1     │  nothing              │  the 100 again   │ 64·T1
///   │           │ 200–699               │ 200–699          │
///   │           ▼                       │                  │
///   │        Completed ◄────────────────┘                  │
///   │           │  retransmission: the final response again │
///   │           │ J (0 over a reliable transport)           │
///   ▼           ▼                                           ▼
///                        terminated
/// ```
/// 64·T1 after the request its sender has given up. A response that would come later is not sent (RFC 4320 4.2), and
/// 408 never is: it says no more than silence does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Server {
    Trying { late: Moment },
    Proceeding { late: Moment },
    Completed { j: Moment },
}

impl Server {
    pub fn start(now: Moment, timers: &Timers) -> Server {
        Server::Trying { late: now + timers.b }
    }

    pub fn respond(
        self,
        now: Moment,
        code: u16,
        reliable: bool,
        timers: &Timers,
    ) -> Result<Next<Server>, Refused> {
        match self {
            Server::Completed { .. } => Err(Refused::AlreadyFinal),
            Server::Trying { .. } | Server::Proceeding { .. } if code == 408 => Err(Refused::Forbidden),
            Server::Trying { late } | Server::Proceeding { late } => match code {
                100 => Ok(Next::State(Server::Proceeding { late })),
                101..200 => Err(Refused::Forbidden),
                _ if reliable => Ok(Next::Terminated),
                _ => Ok(Next::State(Server::Completed { j: now + timers.b })),
            },
        }
    }

    /// Whether a retransmitted request is answered with what was sent last.
    pub fn replays(self) -> bool {
        !matches!(self, Server::Trying { .. })
    }

    pub fn is_final(self) -> bool {
        matches!(self, Server::Completed { .. })
    }

    /// When it ends.
    pub fn deadline(self) -> Moment {
        match self {
            Server::Trying { late } | Server::Proceeding { late } => late,
            Server::Completed { j } => j,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment(1_000_000);

    #[test]
    fn every_arrow() {
        let t = Timers::default();
        let trying = Server::start(NOW, &t);
        assert_eq!((trying, trying.replays()), (Server::Trying { late: NOW + t.b }, false));
        let Ok(Next::State(proceeding)) = trying.respond(NOW, 100, false, &t) else { panic!("100 moves on") };
        assert_eq!((proceeding, proceeding.replays()), (Server::Proceeding { late: NOW + t.b }, true));
        assert_eq!(proceeding.respond(NOW, 100, false, &t), Ok(Next::State(proceeding)));
        let completed = Server::Completed { j: NOW + t.b };
        for state in [trying, proceeding] {
            for code in [200, 302, 404, 500, 699] {
                assert_eq!(state.respond(NOW, code, false, &t), Ok(Next::State(completed)));
                assert_eq!(state.respond(NOW, code, true, &t), Ok(Next::Terminated));
            }
            // RFC 4320 4.1 and 4.2.
            for code in [180, 199, 408] {
                assert_eq!(state.respond(NOW, code, false, &t), Err(Refused::Forbidden));
            }
            assert!(!state.is_final());
        }
        assert!(completed.replays() && completed.is_final());
        for code in [100, 200, 404, 408] {
            assert_eq!(completed.respond(NOW, code, false, &t), Err(Refused::AlreadyFinal));
        }
        assert_eq!(trying.deadline(), NOW + t.b);
    }
}
