//! Which packets belong to a stream: Asterisk's `strictrtp`, `probation` and `rtp_symmetric` as a state machine.
//!
//! ```text
//!              aim (SDP gave another address)
//!   Closed ───────────────────────────────────▶ Learning ──5 s, with an accepted source──▶ Closed
//!   (drops all but the accepted source)          accepted source        → pass, candidate starts over
//!                                                address of the SDP     → pass, becomes the accepted source
//!                                                `probation` in a row   → pass, becomes the accepted source
//!                                                anything else          → drop, becomes the candidate
//!   Open (strictrtp=no): passes everything
//! ```
//! A stream that never got an address is Closed without an accepted source and drops everything.

use crate::base::time::Moment;
use std::net::SocketAddr;
use std::time::Duration;

/// `strictrtp`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StrictRtp {
    /// Any source is taken.
    No,
    /// Sources are learned; a run of packets must also last as long as sound does.
    #[default]
    Yes,
    /// Sources are learned by sequence numbers alone.
    SequenceOnly,
}

/// The options that decide about sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceRules {
    /// `strictrtp` of rtp.conf.
    pub strict: StrictRtp,
    /// `probation` of rtp.conf: packets in a row before a new source is believed, at least 2.
    pub probation: u8,
    /// `rtp_symmetric` of the endpoint: send to where packets come from.
    pub symmetric: bool,
    /// Whether the stream is sound, whose packets take time.
    pub audio: bool,
}

impl Default for SourceRules {
    fn default() -> SourceRules {
        SourceRules { strict: StrictRtp::Yes, probation: 4, symmetric: false, audio: true }
    }
}

/// Learning ends this long after it began, if a source was accepted.
pub const LEARN_FOR: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Learning { since: Moment, candidate: Option<Candidate> },
    Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Candidate {
    address: SocketAddr,
    /// Packets in a row so far.
    run: u8,
    first: Moment,
    last_sequence: u16,
}

/// The source side of one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Source {
    // In this order, so that a packet of a known source finds what it needs in one or two lines of memory.
    accepted: Option<SocketAddr>,
    send_to: Option<SocketAddr>,
    state: State,
    rules: SourceRules,
    /// The address in the last description.
    described: Option<SocketAddr>,
}

/// What to do with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It belongs to the stream.
    Pass,
    /// It belongs to the stream and its source is a new one: tell whoever wants to know.
    Learned,
    /// It does not, or not yet.
    Drop,
}

impl Source {
    /// A stream that has no address yet.
    pub fn new(rules: SourceRules) -> Source {
        let state = if rules.strict == StrictRtp::No { State::Open } else { State::Closed };
        Source { rules, state, described: None, accepted: None, send_to: None }
    }

    /// A description gave the address of the other side. Learning begins unless it is the accepted one already.
    pub fn aim(&mut self, now: Moment, address: SocketAddr) {
        // A phone behind a NAT that describes the same address again is still reached where its packets come from.
        let unmoved = self.rules.symmetric && self.described == Some(address) && self.accepted.is_some();
        self.send_to = if unmoved { self.accepted } else { Some(address) };
        self.described = Some(address);
        if self.state != State::Open && self.accepted != Some(address) {
            self.state = State::Learning { since: now, candidate: None };
        }
    }

    /// The other side has no literal address (a name we do not resolve): wait for its packets. Only a symmetric
    /// stream can ever send then.
    pub fn aim_unknown(&mut self, now: Moment) {
        self.described = None;
        self.send_to = None;
        if self.state != State::Open {
            self.state = State::Learning { since: now, candidate: None };
        }
    }

    /// Judges a packet by where it came from. The common case, a known source, is one comparison.
    #[inline]
    pub fn judge(&mut self, now: Moment, from: SocketAddr, sequence: u16) -> Verdict {
        if self.accepted == Some(from) {
            if let State::Learning { since, candidate } = &mut self.state {
                *candidate = None;
                if self.rules.symmetric {
                    self.send_to = Some(from);
                }
                if now.since(*since) > LEARN_FOR {
                    self.state = State::Closed;
                }
            }
            return Verdict::Pass;
        }
        self.judge_other(now, from, sequence)
    }

    fn judge_other(&mut self, now: Moment, from: SocketAddr, sequence: u16) -> Verdict {
        match self.state {
            State::Open => {}
            State::Closed => return Verdict::Drop,
            State::Learning { since, .. } if self.accepted.is_some() && now.since(since) > LEARN_FOR => {
                self.state = State::Closed;
                return Verdict::Drop;
            }
            State::Learning { .. } if self.described == Some(from) => {}
            State::Learning { since, candidate } => {
                let candidate = self.advance(now, candidate, from, sequence);
                let done = candidate.run >= self.rules.probation.max(2);
                self.state = State::Learning { since, candidate: (!done).then_some(candidate) };
                if !done {
                    return Verdict::Drop;
                }
            }
        }
        self.accepted = Some(from);
        if self.rules.symmetric {
            self.send_to = Some(from);
        }
        Verdict::Learned
    }

    /// One more packet of a source on probation.
    fn advance(&self, now: Moment, old: Option<Candidate>, from: SocketAddr, sequence: u16) -> Candidate {
        let fresh = Candidate { address: from, run: 1, first: now, last_sequence: sequence };
        match old {
            Some(c) if c.address == from && sequence == c.last_sequence.wrapping_add(1) => {
                let run = c.run.saturating_add(1);
                let probation = self.rules.probation.max(2);
                let too_fast = self.rules.strict == StrictRtp::Yes
                    && self.rules.audio
                    && run >= probation
                    && now.since(c.first) < shortest_run(probation);
                if too_fast { fresh } else { Candidate { run, last_sequence: sequence, ..c } }
            }
            _ => fresh,
        }
    }

    /// Where to send, once known.
    pub fn send_to(&self) -> Option<SocketAddr> {
        self.send_to
    }

    /// The source whose packets pass.
    pub fn accepted(&self) -> Option<SocketAddr> {
        self.accepted
    }

    /// The address of the last description.
    pub fn described(&self) -> Option<SocketAddr> {
        self.described
    }

    /// Whether we send to where packets come from (`rtp_symmetric`).
    pub fn is_symmetric(&self) -> bool {
        self.rules.symmetric
    }

    /// Whether packets come from another address than the description said: a NAT is in between.
    pub fn is_behind_nat(&self) -> bool {
        matches!((self.accepted, self.described), (Some(from), Some(said)) if from != said)
    }
}

/// The least time a run of sound packets takes: 9 ms per packet (10 ms packets with some wobble) less 5.
fn shortest_run(probation: u8) -> Duration {
    Duration::from_millis((u64::from(probation) - 1) * 9 - 5)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Moment {
        Moment(ms * 1000)
    }

    fn addr(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    fn learning(rules: SourceRules) -> Source {
        let mut source = Source::new(rules);
        source.aim(at(0), addr(1));
        source
    }

    #[test]
    fn without_an_address_nothing_passes() {
        let mut s = Source::new(SourceRules::default());
        assert_eq!(s.judge(at(0), addr(1), 1), Verdict::Drop);
        assert_eq!(s.send_to(), None);
    }

    #[test]
    fn the_described_address_is_believed_at_once_and_closes_after_five_seconds() {
        let mut s = learning(SourceRules::default());
        assert_eq!(s.judge(at(10), addr(1), 1), Verdict::Learned);
        assert_eq!(s.judge(at(30), addr(1), 2), Verdict::Pass);
        assert_eq!(s.judge(at(4_000), addr(2), 1), Verdict::Drop);
        assert_eq!(s.judge(at(5_001), addr(1), 3), Verdict::Pass);
        for n in 0..20 {
            assert_eq!(s.judge(at(6_000 + n * 20), addr(2), n as u16), Verdict::Drop);
        }
        assert!(!s.is_behind_nat());
    }

    /// S5-9: packets from another port than the description said.
    #[test]
    fn another_address_needs_probation_and_moves_a_symmetric_stream() {
        for symmetric in [false, true] {
            let mut s = learning(SourceRules { symmetric, ..SourceRules::default() });
            for n in 0..3u64 {
                assert_eq!(s.judge(at(n * 20), addr(2), n as u16), Verdict::Drop);
            }
            assert_eq!(s.judge(at(60), addr(2), 3), Verdict::Learned);
            assert_eq!(s.judge(at(80), addr(2), 4), Verdict::Pass);
            assert_eq!(s.send_to(), Some(addr(if symmetric { 2 } else { 1 })));
            assert!(s.is_behind_nat());
        }
    }

    #[test]
    fn gaps_bursts_and_other_sources_start_the_count_again() {
        let mut s = learning(SourceRules::default());
        // A burst: four in a row within 3 ms is no sound.
        for n in 0..8u64 {
            assert_eq!(s.judge(at(n), addr(2), n as u16), Verdict::Drop, "{n}");
        }
        // 22 ms for four packets is the limit.
        let mut s = learning(SourceRules::default());
        for (n, ms) in [(0, 0), (1, 7), (2, 14)] {
            assert_eq!(s.judge(at(ms), addr(2), n), Verdict::Drop);
        }
        assert_eq!(s.judge(at(22), addr(2), 3), Verdict::Learned);
        // A gap, then another source in between.
        let mut s = learning(SourceRules::default());
        for (ms, port, sequence) in
            [(0, 2, 0), (20, 2, 1), (40, 2, 3), (60, 2, 4), (80, 3, 9), (100, 2, 5), (120, 2, 6), (140, 2, 7)]
        {
            assert_eq!(s.judge(at(ms), addr(port), sequence), Verdict::Drop, "{ms}");
        }
        assert_eq!(s.judge(at(160), addr(2), 8), Verdict::Learned);
    }

    #[test]
    fn video_and_seqno_skip_the_time_test() {
        for rules in [
            SourceRules { audio: false, ..SourceRules::default() },
            SourceRules { strict: StrictRtp::SequenceOnly, ..SourceRules::default() },
        ] {
            let mut s = learning(rules);
            let verdicts: Vec<_> =
                (0..4).map(|n| s.judge(at(1), addr(2), 65_534u16.wrapping_add(n))).collect();
            assert_eq!(verdicts, [Verdict::Drop, Verdict::Drop, Verdict::Drop, Verdict::Learned]);
        }
    }

    #[test]
    fn an_open_stream_follows_every_source() {
        let mut s =
            learning(SourceRules { strict: StrictRtp::No, symmetric: true, ..SourceRules::default() });
        assert_eq!(s.judge(at(0), addr(7), 0), Verdict::Learned);
        assert_eq!(s.judge(at(1), addr(7), 1), Verdict::Pass);
        assert_eq!(s.judge(at(2), addr(8), 2), Verdict::Learned);
        assert_eq!(s.send_to(), Some(addr(8)));
    }

    /// A re-INVITE moves the address: the old source passes until the new one is heard.
    #[test]
    fn a_new_description_learns_again_without_a_gap() {
        let mut s = learning(SourceRules::default());
        s.judge(at(0), addr(1), 0);
        s.judge(at(6_000), addr(1), 1);
        s.aim(at(7_000), addr(1));
        assert_eq!(s.judge(at(7_010), addr(2), 0), Verdict::Drop);
        s.aim(at(8_000), addr(3));
        assert_eq!(s.send_to(), Some(addr(3)));
        assert_eq!(s.judge(at(8_010), addr(1), 2), Verdict::Pass);
        assert_eq!(s.judge(at(8_020), addr(3), 0), Verdict::Learned);
        assert_eq!(s.judge(at(8_030), addr(1), 3), Verdict::Drop);
    }

    /// Hold with a null address and back: a NATed phone is reached again with its first packet.
    #[test]
    fn a_symmetric_stream_finds_back_to_its_source() {
        let mut s = learning(SourceRules { symmetric: true, ..SourceRules::default() });
        for n in 0..4u16 {
            s.judge(at(u64::from(n) * 20), addr(2), n);
        }
        assert_eq!(s.send_to(), Some(addr(2)));
        s.aim(at(7_000), addr(1));
        assert_eq!(s.send_to(), Some(addr(2)));
        s.aim(at(8_000), addr(9));
        s.aim(at(9_000), addr(1));
        assert_eq!(s.send_to(), Some(addr(1)));
        assert_eq!(s.judge(at(9_020), addr(2), 9), Verdict::Pass);
        assert_eq!(s.send_to(), Some(addr(2)));
    }

    #[test]
    fn a_name_instead_of_an_address_is_learned() {
        let mut s = Source::new(SourceRules { symmetric: true, ..SourceRules::default() });
        s.aim_unknown(at(0));
        for n in 0..3u64 {
            assert_eq!(s.judge(at(n * 20), addr(2), n as u16), Verdict::Drop);
        }
        assert_eq!(s.judge(at(60), addr(2), 3), Verdict::Learned);
        assert_eq!(s.send_to(), Some(addr(2)));
    }
}
