//! One open port: its sockets and everything known about its stream.

use super::port_range::Sockets;
use crate::base::time::Moment;
use crate::base::wheel::TimerId;
use crate::bridge::*;
use crate::rtp::rtcp::Block;
use crate::rtp::{Continuity, Digit, DtmfReader, DtmfSender, Reception, Source};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;

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

/// A join, seen from the port that receives.
#[derive(Debug)]
pub(super) struct Joined {
    /// The slot of the port that sends.
    pub peer: usize,
    pub path: Box<Path>,
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

#[derive(Debug)]
pub(super) struct Port {
    pub id: PortId,
    pub sockets: Sockets,
    pub events: mpsc::Sender<MediaEvent>,
    pub timers: Timers,
    pub cname: Vec<u8>,
    pub aim: Option<Aim>,
    pub direct: bool,
    pub source: Source,
    pub rtcp_to: Option<SocketAddr>,
    pub reception: Reception,
    pub out: Continuity,
    pub joined: Option<Joined>,
    pub digits_in: DtmfReader,
    pub digits_out: Option<DtmfSender>,
    pub digits_waiting: VecDeque<(Digit, Duration)>,
    pub playing: Option<Playing>,
    pub counters: Counters,
    pub reports: Reports,
    /// When something was last accepted here, or could first have been.
    pub heard: Moment,
    pub silence_told: bool,
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
    /// Accepted, of all SSRCs.
    pub received: u64,
    pub dropped: u64,
    pub not_passed: u64,
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
        events: mpsc::Sender<MediaEvent>,
        counted: Counted,
    ) -> Port {
        Port {
            id: open.port,
            sockets,
            events,
            timers: open.timers,
            cname,
            aim: None,
            direct: false,
            source: Source::new(open.rules),
            rtcp_to: None,
            reception: Reception::default(),
            out,
            joined: None,
            digits_in: DtmfReader::default(),
            digits_out: None,
            digits_waiting: VecDeque::new(),
            playing: None,
            counters: Counters::default(),
            reports: Reports::default(),
            heard: Moment::default(),
            silence_told: false,
            learned_told: None,
            one_way_check: None,
            next_report: None,
            timer: None,
            _counted: counted,
        }
    }

    /// Whether something of our own is being sent, so that joined packets must wait.
    pub fn is_speaking(&self) -> bool {
        self.digits_out.is_some() || self.playing.is_some()
    }

    /// Whether RTCP shares the RTP port.
    pub fn is_mux(&self) -> bool {
        self.aim.as_ref().is_some_and(|aim| aim.rtcp_mux)
    }

    /// The counters as they are told.
    pub fn report(&self) -> PortReport {
        let clock_rate = self.aim.as_ref().map_or(8000, |a| a.clock_rate).max(1);
        let time = |units: u32| Duration::from_micros(u64::from(units) * 1_000_000 / u64::from(clock_rate));
        let (sent, sent_bytes) = self.out.totals();
        let block = self.reports.block.unwrap_or_default().numbers;
        PortReport {
            received: self.counters.received,
            received_bytes: self.reception.bytes(),
            lost: self.reception.total_lost(),
            jitter: time(self.reception.jitter()),
            dropped: self.counters.dropped,
            not_passed: self.counters.not_passed,
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
