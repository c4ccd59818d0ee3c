//! One open port: its sockets and everything known about its stream.

use super::ear::Ear;
use super::port_range::{Others, Sockets};
use super::sound::Leg;
use super::table::NumberTable;
use crate::base::time::Moment;
use crate::base::wheel::TimerId;
use crate::bridge::*;
use crate::rtp::rtcp::Block;
use crate::rtp::{Continuity, Digit, DtmfReader, DtmfSender, Reception, Source};
use std::collections::VecDeque;
use std::net::{SocketAddr, UdpSocket};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// One in the count of open ports, until dropped.
#[derive(Debug)]
pub(super) struct Counted(Arc<AtomicUsize>);

impl Counted {
    pub fn new(count: Arc<AtomicUsize>) -> Counted {
        count.fetch_add(1, Ordering::Relaxed);
        Counted(count)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Sound being played.
#[derive(Debug)]
pub(super) struct Playing {
    pub sound: Arc<Sound>,
    pub repeat: bool,
    pub at: usize,
    pub next: Moment,
    /// The stream's timestamp of the next packet; `None` before the first.
    pub timestamp: Option<u32>,
}

/// A value that begins a line of memory of its own.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Line<T>(pub T);

impl<T> Deref for Line<T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Line<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

/// What each packet asks of a port, side by side.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Gate {
    /// Something is known of the other side.
    pub aimed: bool,
    /// We take what it sends.
    pub receive: bool,
    /// We may send to it: allowed by the agreement, and media does not bypass us.
    pub send: bool,
    /// Something of our own is being sent, so that joined packets must wait.
    pub speaking: bool,
    /// RTCP shares the RTP port.
    pub mux: bool,
    /// Packets are UDPTL.
    pub udptl: bool,
    /// Packets come in bursts.
    pub bursts: bool,
    /// Silence was told; the next packet ends it.
    pub silence_told: bool,
    /// Its sound is opened up: packets go to the leg.
    pub listens: bool,
}

/// The fields a relayed packet touches come first and in this order: a call waits for memory, not for arithmetic.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Port {
    pub rtp: UdpSocket,
    /// The slot of the port that sends what comes here.
    pub peer: Option<u32>,
    pub gate: Gate,
    /// When something was last accepted here, or could first have been.
    pub heard: Moment,
    /// Packets accepted, of all SSRCs.
    pub received: u64,
    /// Packets accepted that found nobody to send them.
    pub not_passed: u64,
    pub source: Line<Source>,
    pub reception: Line<Reception>,
    pub out: Line<Continuity>,
    pub table: NumberTable,
    pub id: PortId,
    pub others: Others,
    pub events: Ear,
    pub timers: Timers,
    pub cname: Vec<u8>,
    pub aim: Option<Aim>,
    pub direct: bool,
    pub rtcp_to: Option<SocketAddr>,
    pub digits_in: DtmfReader,
    pub digits_out: Option<DtmfSender>,
    pub digits_waiting: VecDeque<(Digit, Duration)>,
    pub playing: Option<Playing>,
    /// How its sound is smoothed when it is opened up.
    pub jitter: crate::rtp::JitterRules,
    /// Its sound, while it is opened up.
    pub leg: Option<Box<Leg>>,
    /// The leg speaks in place of a join.
    pub leg_speaks: bool,
    pub counters: Counters,
    pub reports: Reports,
    pub learned_told: Option<Moment>,
    /// When to look for one-way audio, and what had been received when the join began.
    pub one_way_check: Option<(Moment, u64)>,
    pub next_report: Option<Moment>,
    /// The one timer of this port, and when it is due.
    pub timer: Option<(Moment, TimerId)>,
    _counted: Counted,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub dropped: u64,
    pub send_failed: u64,
    pub dropped_from: Option<SocketAddr>,
}

/// What reports of the other side said.
#[derive(Debug, Default)]
pub(super) struct Reports {
    /// Its latest block about our stream.
    pub block: Option<Block>,
    pub round_trip: Duration,
    /// Middle bits of its last sender report, and when that came.
    pub last_sender_report: Option<(u32, Moment)>,
    /// Packets sent when our last report left: none since means receiver report.
    pub sent_at_report: u64,
}

impl Port {
    pub fn new(
        open: Open,
        sockets: Sockets,
        out: Continuity,
        cname: Vec<u8>,
        events: Ear,
        counted: Counted,
    ) -> Port {
        Port {
            id: open.port,
            rtp: sockets.rtp,
            others: sockets.others,
            received: 0,
            not_passed: 0,
            events,
            timers: open.timers,
            cname,
            aim: None,
            direct: false,
            source: Line(Source::new(open.rules)),
            rtcp_to: None,
            reception: Line(Reception::default()),
            out: Line(out),
            peer: None,
            gate: Gate::default(),
            table: NumberTable::default(),
            digits_in: DtmfReader::default(),
            digits_out: None,
            digits_waiting: VecDeque::new(),
            playing: None,
            jitter: crate::rtp::JitterRules::default(),
            leg: None,
            leg_speaks: false,
            counters: Counters::default(),
            reports: Reports::default(),
            heard: Moment::default(),
            learned_told: None,
            one_way_check: None,
            next_report: None,
            timer: None,
            _counted: counted,
        }
    }

    /// Brings the gate up to date after a change of what it is made of.
    pub fn set_gate(&mut self) {
        let aim = self.aim.as_ref();
        self.gate = Gate {
            aimed: aim.is_some(),
            receive: aim.is_some_and(|a| a.receive),
            send: aim.is_some_and(|a| a.send) && !self.direct,
            speaking: self.digits_out.is_some() || self.playing.is_some() || self.leg_speaks,
            mux: aim.is_some_and(|a| a.rtcp_mux),
            udptl: aim.is_some_and(|a| a.udptl),
            bursts: aim.is_some_and(|a| a.udptl || a.clock_rate == 90_000),
            silence_told: self.gate.silence_told,
            listens: self.gate.listens,
        };
    }

    /// The counters as they are told.
    pub fn report(&self) -> PortReport {
        let clock_rate = self.aim.as_ref().map_or(8000, |a| a.clock_rate).max(1);
        let time = |units: u32| Duration::from_micros(u64::from(units) * 1_000_000 / u64::from(clock_rate));
        let (sent, sent_bytes) = self.out.totals();
        let block = self.reports.block.unwrap_or_default().numbers;
        PortReport {
            received: self.received,
            received_bytes: self.reception.bytes(),
            lost: self.reception.total_lost(),
            jitter: time(self.reception.jitter()),
            dropped: self.counters.dropped,
            not_passed: self.not_passed,
            sent,
            sent_bytes,
            send_failed: self.counters.send_failed,
            sent_lost: u64::try_from(block.cumulative_lost).unwrap_or(0),
            sent_jitter: time(block.jitter),
            round_trip: self.reports.round_trip,
            restarts: self.reception.restarts(),
        }
    }

    /// The limit of silence that holds now; zero for none.
    pub fn silence_limit(&self) -> Duration {
        match &self.aim {
            Some(aim) if !self.direct => {
                if aim.held {
                    self.timers.silence_on_hold
                } else {
                    self.timers.silence
                }
            }
            _ => Duration::ZERO,
        }
    }
}
