//! The 2xx of an INVITE and its ACK cross the network without a transaction's help: the answering side repeats its 2xx
//! until the ACK comes (RFC 3261 13.3.1.4), the calling side repeats its ACK for each 2xx (13.2.2.4).

use crate::base::time::Moment;
use crate::sip::flow::Destination;
use crate::sip::outbox::Outbox;
use crate::sip::transaction::Timers;
use crate::sip::transaction::timers::Backoff;

/// A 2xx that waits for its ACK. Dropped when the ACK comes.
///
/// ```text
/// 2xx sent ── T1 ──► again ── 2·T1 ──► again ── … T2 … ──► 64·T1: no ACK; the caller ends the dialog with BYE
/// ```
/// It is repeated over reliable transports too: the ACK may have to cross an unreliable hop further on.
#[derive(Clone, Debug)]
pub struct Accepted {
    bytes: Box<[u8]>,
    to: Destination,
    cseq: u32,
    again: Backoff,
    give_up: Moment,
}

/// What a due [`Accepted`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// Nothing or a repetition; look again at [`Accepted::deadline`].
    Goes,
    /// The ACK never came.
    Unacknowledged,
}

impl Accepted {
    /// For the 2xx just sent to the INVITE numbered `cseq`.
    pub fn new(now: Moment, cseq: u32, to: Destination, bytes: &[u8], timers: &Timers) -> Accepted {
        let again = Backoff::start(now, timers.t1);
        Accepted { bytes: bytes.into(), to, cseq, again, give_up: now + timers.b }
    }

    /// Whether an ACK with that number is the one waited for.
    pub fn is_acknowledged_by(&self, ack_cseq: u32) -> bool {
        ack_cseq == self.cseq
    }

    /// Repeats the 2xx when it is due.
    pub fn expire(&mut self, now: Moment, timers: &Timers, out: &mut Outbox) -> Waiting {
        if now >= self.give_up {
            return Waiting::Unacknowledged;
        }
        if now >= self.again.at() {
            out.push_bytes(self.to, &self.bytes);
            self.again = self.again.doubled(now, timers.t2);
        }
        Waiting::Goes
    }

    /// When [`Accepted::expire`] is due.
    pub fn deadline(&self) -> Moment {
        self.again.at().min(self.give_up)
    }
}

/// An ACK of a 2xx, as it was sent.
#[derive(Clone, Debug)]
pub struct SentAck {
    bytes: Box<[u8]>,
    to: Destination,
}

impl SentAck {
    /// Keeps the bytes of the ACK just sent.
    pub fn new(to: Destination, bytes: &[u8]) -> SentAck {
        SentAck { bytes: bytes.into(), to }
    }

    /// Sends it again.
    pub fn repeat(&self, out: &mut Outbox) {
        out.push_bytes(self.to, &self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{FlowId, TransportId};
    use crate::sip::flow::Protocol;

    #[test]
    fn a_2xx_is_repeated_until_its_ack_or_64_t1() {
        let to = Destination {
            transport: TransportId(0),
            protocol: Protocol::Tcp,
            flow: FlowId(1),
            remote: ([127, 0, 0, 1], 5060).into(),
            local: None,
        };
        let (timers, mut out) = (Timers::default(), Outbox::default());
        let mut accepted = Accepted::new(Moment(0), 7, to, b"SIP/2.0 200 OK\r\n\r\n", &timers);
        assert!(accepted.is_acknowledged_by(7) && !accepted.is_acknowledged_by(8));
        assert_eq!(accepted.expire(Moment(0), &timers, &mut out), Waiting::Goes);
        assert!(out.is_empty());
        let mut times = Vec::new();
        loop {
            let at = accepted.deadline();
            if accepted.expire(at, &timers, &mut out) == Waiting::Unacknowledged {
                assert_eq!(at.0, 32_000_000);
                break;
            }
            times.push(at.0 / 1000);
        }
        assert_eq!(times, [500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500]);
        assert_eq!(out.len(), times.len());
        assert!(out.iter().all(|(_, bytes)| bytes == b"SIP/2.0 200 OK\r\n\r\n"));
    }
}
