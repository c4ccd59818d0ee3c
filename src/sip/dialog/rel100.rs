//! Reliable provisional responses (RFC 3262), both roles.

use crate::base::limits;
use crate::base::time::Moment;
use crate::sip::flow::Destination;
use crate::sip::method::Method;
use crate::sip::outbox::Outbox;
use crate::sip::transaction::Timers;
use crate::sip::transaction::timers::Backoff;
use crate::sip::wire::text;
use crate::sip::wire::{Header, Message};
use std::collections::VecDeque;

/// What we want: option `100rel`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// `no`: not supported.
    Off,
    /// `yes`: supported, used when the peer requires it.
    Supported,
    /// `peer_supported`: used whenever the peer supports it.
    PeerSupported,
    /// `required`: demanded of the peer.
    Required,
}

/// How an INVITE's provisional responses go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// As ever.
    Unreliable,
    /// Each with RSeq, `Require: 100rel`, and a PRACK awaited.
    Reliable,
    /// The peer requires what we do not support: 420 with `Unsupported: 100rel`.
    BadExtension,
    /// We demand what the peer does not support: 421 with `Require: 100rel`.
    ExtensionRequired,
}

/// Chooses for a received INVITE.
pub fn choose(policy: Policy, invite: &Message<'_>) -> Choice {
    let required = invite.has_token(Header::Require, OPTION);
    let supported = required || invite.has_token(Header::Supported, OPTION);
    match policy {
        Policy::Off if required => Choice::BadExtension,
        Policy::Off => Choice::Unreliable,
        Policy::Supported if required => Choice::Reliable,
        Policy::Supported => Choice::Unreliable,
        Policy::PeerSupported if supported => Choice::Reliable,
        Policy::PeerSupported => Choice::Unreliable,
        Policy::Required if supported => Choice::Reliable,
        Policy::Required => Choice::ExtensionRequired,
    }
}

const OPTION: &[u8] = b"100rel";

/// The value of RAck: which provisional response of which request a PRACK acknowledges (RFC 3262 7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RAck {
    /// The response's RSeq.
    pub rseq: u32,
    /// The request's CSeq number.
    pub cseq: u32,
    /// The request's method.
    pub method: Method,
}

impl RAck {
    /// Reads the header's value.
    pub fn parse(value: &[u8]) -> Option<RAck> {
        let mut words = value.split(|b| text::is_space(*b)).filter(|word| !word.is_empty());
        let rack = RAck {
            rseq: text::number(words.next()?).filter(|n| *n > 0)?,
            cseq: text::number(words.next()?)?,
            method: Method::from_token(words.next()?),
        };
        words.next().is_none().then_some(rack)
    }
}

/// The answering side: one response at a time is on its way, later ones wait for its PRACK (RFC 3262 3).
///
/// ```text
/// idle ── send ──► on its way ── T1, 2·T1, 4·T1 … again ──► 64·T1: the INVITE is refused (5xx)
///   ▲                 │ PRACK
///   └── none waits ───┴── next one sent
/// ```
#[derive(Clone, Debug)]
pub struct Sender {
    invite_cseq: u32,
    next_rseq: u32,
    on_its_way: Option<OnItsWay>,
    waiting: VecDeque<Queued>,
}

#[derive(Clone, Debug)]
struct Queued {
    rseq: u32,
    bytes: Box<[u8]>,
    to: Destination,
    has_session: bool,
}

#[derive(Clone, Debug)]
struct OnItsWay {
    response: Queued,
    again: Backoff,
    give_up: Moment,
}

/// What a PRACK means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pracked {
    /// Answer 2xx. The next waiting response, if any, went out.
    Matched,
    /// Of nothing unacknowledged: answer 481 (RFC 3262 3).
    NoMatch,
}

/// What time did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expired {
    /// Nothing or a repetition.
    Goes,
    /// No PRACK in 64·T1: refuse the INVITE with 504 or another 5xx.
    Unacknowledged,
}

impl Sender {
    /// For the INVITE numbered `invite_cseq`. `random` chooses the first RSeq, which lies in the lower half
    /// (RFC 3262 3).
    pub fn new(invite_cseq: u32, random: u64) -> Sender {
        let next_rseq = (random % ((1 << 31) - 1)) as u32 + 1;
        Sender { invite_cseq, next_rseq, on_its_way: None, waiting: VecDeque::new() }
    }

    /// The RSeq that the next response must carry.
    pub fn next_rseq(&self) -> u32 {
        self.next_rseq
    }

    /// Sends a response that carries [`Sender::next_rseq`], or lets it wait for the PRACK of the one before.
    /// `has_session` says whether it holds an offer or answer. `false` when [`limits::RELIABLE_WAITING`] wait already:
    /// the response is not sent.
    pub fn send(
        &mut self,
        now: Moment,
        to: Destination,
        bytes: &[u8],
        has_session: bool,
        timers: &Timers,
        out: &mut Outbox,
    ) -> bool {
        if self.waiting.len() >= limits::RELIABLE_WAITING {
            return false;
        }
        self.waiting.push_back(Queued { rseq: self.next_rseq, bytes: bytes.into(), to, has_session });
        self.next_rseq = self.next_rseq.checked_add(1).unwrap_or(1);
        self.start_next(now, timers, out);
        true
    }

    fn start_next(&mut self, now: Moment, timers: &Timers, out: &mut Outbox) {
        if self.on_its_way.is_none()
            && let Some(response) = self.waiting.pop_front()
        {
            out.push_bytes(response.to, &response.bytes);
            let again = Backoff::start(now, timers.t1);
            self.on_its_way = Some(OnItsWay { response, again, give_up: now + timers.b });
        }
    }

    /// Takes a PRACK.
    pub fn prack(&mut self, now: Moment, rack: RAck, timers: &Timers, out: &mut Outbox) -> Pracked {
        let matches = self.on_its_way.as_ref().is_some_and(|sent| {
            let expected = RAck { rseq: sent.response.rseq, cseq: self.invite_cseq, method: Method::Invite };
            rack == expected
        });
        if !matches {
            return Pracked::NoMatch;
        }
        self.on_its_way = None;
        self.start_next(now, timers, out);
        Pracked::Matched
    }

    /// Whether a 2xx must wait: an offer or answer is unacknowledged (RFC 3262 5). Other final responses need not.
    pub fn holds_2xx(&self) -> bool {
        let sent = self.on_its_way.as_ref().map(|sent| &sent.response);
        sent.into_iter().chain(&self.waiting).any(|response| response.has_session)
    }

    /// The final response goes out: nothing is repeated any more. PRACKs that come late get 481.
    pub fn stop(&mut self) {
        self.on_its_way = None;
        self.waiting.clear();
    }

    /// Repeats what is due.
    pub fn expire(&mut self, now: Moment, timers: &Timers, out: &mut Outbox) -> Expired {
        let Some(sent) = &mut self.on_its_way else { return Expired::Goes };
        if now >= sent.give_up {
            self.stop();
            return Expired::Unacknowledged;
        }
        if now >= sent.again.at() {
            out.push_bytes(sent.response.to, &sent.response.bytes);
            sent.again = sent.again.doubled(now, timers.b);
        }
        Expired::Goes
    }

    /// When [`Sender::expire`] is due.
    pub fn deadline(&self) -> Option<Moment> {
        self.on_its_way.as_ref().map(|sent| sent.again.at().min(sent.give_up))
    }
}

/// The calling side, one for each early dialog: which provisional responses it has acknowledged.
#[derive(Clone, Copy, Debug, Default)]
pub struct Receiver {
    last: Option<u32>,
}

/// What to do about a provisional response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reception {
    /// It is no reliable one: use it, acknowledge nothing.
    Unreliable,
    /// Use it and send a PRACK with this RAck.
    Acknowledge(RAck),
    /// Seen already: its PRACK is repeated by its own transaction.
    Repeated,
    /// One before it is missing: neither used nor acknowledged; it will come again (RFC 3262 4).
    TooEarly,
}

impl Receiver {
    /// Takes a provisional response (never 100) to the INVITE numbered `invite_cseq`.
    pub fn receive(&mut self, response: &Message<'_>, invite_cseq: u32) -> Reception {
        let rseq = response.number(Header::RSeq).flatten().filter(|rseq| *rseq > 0);
        let Some(rseq) = rseq.filter(|_| response.has_token(Header::Require, OPTION)) else {
            return Reception::Unreliable;
        };
        match self.last {
            Some(last) if rseq <= last => Reception::Repeated,
            Some(last) if rseq - last > 1 => Reception::TooEarly,
            _ => {
                self.last = Some(rseq);
                Reception::Acknowledge(RAck { rseq, cseq: invite_cseq, method: Method::Invite })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{FlowId, TransportId};
    use crate::sip::flow::Protocol;
    use crate::sip::wire::Index;

    const TO: fn() -> Destination = || Destination {
        transport: TransportId(0),
        protocol: Protocol::Udp,
        flow: FlowId::DATAGRAM,
        remote: ([127, 0, 0, 1], 5060).into(),
        local: None,
    };

    fn with<T>(first: &str, headers: &str, then: impl FnOnce(&Message<'_>) -> T) -> T {
        let text = format!("{first}\r\n{headers}\r\n");
        let mut index = Index::default();
        then(&index.scan(text.as_bytes()).expect("sound"))
    }

    #[test]
    fn each_policy_against_each_peer() {
        use Choice::{BadExtension, ExtensionRequired, Reliable, Unreliable};
        for (policy, silent, supports, requires) in [
            (Policy::Off, Unreliable, Unreliable, BadExtension),
            (Policy::Supported, Unreliable, Unreliable, Reliable),
            (Policy::PeerSupported, Unreliable, Reliable, Reliable),
            (Policy::Required, ExtensionRequired, Reliable, Reliable),
        ] {
            let choice = |headers| with("INVITE sip:h SIP/2.0", headers, |m| choose(policy, m));
            assert_eq!(choice(""), silent, "{policy:?}");
            assert_eq!(choice("Supported: timer, 100REL\r\n"), supports, "{policy:?}");
            assert_eq!(choice("Require: 100rel\r\n"), requires, "{policy:?}");
        }
    }

    #[test]
    fn racks_of_the_field() {
        let rack = RAck { rseq: 776_656, cseq: 1, method: Method::Invite };
        assert_eq!(RAck::parse(b"776656 1 INVITE"), Some(rack));
        assert_eq!(RAck::parse(b" 776656\t1\r\n INVITE "), Some(rack));
        for bad in
            [&b""[..], b"1", b"1 1", b"0 1 INVITE", b"1 1 INVITE x", b"x 1 INVITE", b"4294967296 1 INVITE"]
        {
            assert_eq!(RAck::parse(bad), None);
        }
    }

    #[test]
    fn one_response_at_a_time_each_until_its_prack() {
        let (timers, mut out) = (Timers::default(), Outbox::default());
        let mut sender = Sender::new(7, 41);
        assert_eq!(sender.next_rseq(), 42);
        assert!(sender.send(Moment(0), TO(), b"180", false, &timers, &mut out));
        assert!(sender.send(Moment(0), TO(), b"183", true, &timers, &mut out));
        assert_eq!((out.len(), sender.next_rseq(), sender.holds_2xx()), (1, 44, true));
        let mut times = Vec::new();
        while times.len() < 4 {
            let at = sender.deadline().expect("on its way");
            assert_eq!(sender.expire(at, &timers, &mut out), Expired::Goes);
            times.push(at.0 / 1000);
        }
        assert_eq!(times, [500, 1500, 3500, 7500]);
        assert!(out.iter().all(|(_, bytes)| bytes == b"180"));
        let at = Moment(8_000_000);
        let rack = |rseq, cseq| RAck { rseq, cseq, method: Method::Invite };
        for wrong in [rack(43, 7), rack(42, 8), RAck { method: Method::Update, ..rack(42, 7) }] {
            assert_eq!(sender.prack(at, wrong, &timers, &mut out), Pracked::NoMatch);
        }
        assert_eq!(sender.prack(at, rack(42, 7), &timers, &mut out), Pracked::Matched);
        assert_eq!(out.last_bytes(), b"183");
        assert_eq!(sender.prack(at, rack(42, 7), &timers, &mut out), Pracked::NoMatch);
        assert!(sender.holds_2xx());
        assert_eq!(sender.prack(at, rack(43, 7), &timers, &mut out), Pracked::Matched);
        assert_eq!((sender.holds_2xx(), sender.deadline()), (false, None));
    }

    #[test]
    fn without_a_prack_the_call_is_given_up() {
        let (timers, mut out) = (Timers::default(), Outbox::default());
        let mut sender = Sender::new(7, 0);
        sender.send(Moment(0), TO(), b"183", true, &timers, &mut out);
        let end = loop {
            let at = sender.deadline().expect("on its way");
            if sender.expire(at, &timers, &mut out) == Expired::Unacknowledged {
                break at;
            }
        };
        // 0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5 s.
        assert_eq!((end.0, out.len(), sender.deadline()), (32_000_000, 7, None));
        for n in 0..=limits::RELIABLE_WAITING {
            assert!(sender.send(end, TO(), b"x", false, &timers, &mut out), "{n}");
        }
        assert!(!sender.send(end, TO(), b"x", false, &timers, &mut out));
        sender.stop();
        assert_eq!((sender.deadline(), sender.expire(end, &timers, &mut out)), (None, Expired::Goes));
    }

    #[test]
    fn the_calling_side_acknowledges_in_order() {
        let mut receiver = Receiver::default();
        let mut hear = |headers: &str| with("SIP/2.0 183 X", headers, |m| receiver.receive(m, 7));
        let rel = |n: u32| format!("Require: 100rel\r\nRSeq: {n}\r\n");
        let acknowledge = |rseq| Reception::Acknowledge(RAck { rseq, cseq: 7, method: Method::Invite });
        assert_eq!(hear(""), Reception::Unreliable);
        assert_eq!(hear("RSeq: 5\r\n"), Reception::Unreliable);
        assert_eq!(hear("Require: 100rel\r\nRSeq: 0\r\n"), Reception::Unreliable);
        assert_eq!(hear(&rel(5)), acknowledge(5));
        assert_eq!(hear(&rel(5)), Reception::Repeated);
        assert_eq!(hear(&rel(7)), Reception::TooEarly);
        assert_eq!(hear(&rel(6)), acknowledge(6));
        assert_eq!(hear(&rel(7)), acknowledge(7));
        assert_eq!(hear(&rel(u32::MAX)), Reception::TooEarly);
    }
}
