//! Sockets of ended calls, kept open for the next ones: opening and closing four sockets is two fifths of what a short
//! call costs (measured: 50 of 130 µs).
//!
//! A pair rests before it serves again, so that packets of its last call meet nobody; and not long, because packets that
//! still come fill its buffer, and their sender is not told that nobody listens.

use super::port::Port;
use super::port_range::Sockets;
use super::worker::Worker;
use crate::base::time::Moment;
use crate::bridge::{Open, PortRange};
use std::collections::VecDeque;
use std::net::{IpAddr, UdpSocket};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Shortest rest.
const REST: Duration = Duration::from_millis(100);
/// Longest: closed after it.
const LONGEST_REST: Duration = Duration::from_secs(5);
/// Pairs at rest at once: those of 10,000 calls a second need no more.
const PAIRS: usize = 2_048;
/// Pairs looked at for one that fits; they differ only where transports bind to several addresses.
const LOOKS: usize = 16;
/// Late packets taken from a socket before it serves; should there be more, those are judged as any stranger's.
const LATE_PACKETS: usize = 64;

/// What must agree for sockets to serve another call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    bind: IpAddr,
    tos: u8,
    rtcp: bool,
}

impl Kind {
    pub fn of(open: &Open) -> Kind {
        Kind { bind: open.bind, tos: open.tos, rtcp: open.rtcp_port }
    }
}

/// The oldest first.
#[derive(Debug, Default)]
pub(super) struct Resting(Mutex<VecDeque<(Instant, Sockets)>>);

impl Resting {
    /// A pair that has rested.
    pub fn rested(&self, kind: Kind, range: PortRange) -> Option<Sockets> {
        let now = instant();
        self.find(kind, range, LOOKS, |since| now.duration_since(since) >= REST)
    }

    /// Any pair that fits.
    pub fn any(&self, kind: Kind, range: PortRange) -> Option<Sockets> {
        self.find(kind, range, usize::MAX, |_| true)
    }

    fn find(
        &self,
        kind: Kind,
        range: PortRange,
        looks: usize,
        rested: impl Fn(Instant) -> bool,
    ) -> Option<Sockets> {
        let mut resting = self.lock();
        let fits = |(since, sockets): &(Instant, Sockets)| {
            sockets.kind() == kind && has(range, sockets) && rested(*since)
        };
        let at = resting.iter().take(looks).position(fits)?;
        let (_, sockets) = resting.remove(at)?;
        drop(resting);
        for socket in [Some(&sockets.rtp), sockets.others.rtcp.as_ref()].into_iter().flatten() {
            drain(socket);
        }
        Some(sockets)
    }

    /// Takes a pair; the oldest goes when there are too many.
    pub fn lay(&self, sockets: Sockets) {
        let mut resting = self.lock();
        resting.push_back((instant(), sockets));
        // Closing takes the table's lock, and is slow: not under ours.
        let oldest = if resting.len() > PAIRS { resting.pop_front() } else { None };
        drop(resting);
        drop(oldest);
    }

    /// Closes all pairs of this range, for another kind of call; false when there was none.
    pub fn clear(&self, range: PortRange) -> bool {
        let mut resting = self.lock();
        let (gone, kept) = resting.drain(..).partition(|(_, sockets)| has(range, sockets));
        *resting = kept;
        drop(resting);
        let gone: VecDeque<(Instant, Sockets)> = gone;
        !gone.is_empty()
    }

    /// Closes what has rested too long; true when more rests.
    pub fn sweep(&self) -> bool {
        let now = instant();
        let mut resting = self.lock();
        let old = resting.partition_point(|(since, _)| now.duration_since(*since) >= LONGEST_REST);
        let gone: Vec<_> = resting.drain(..old).collect();
        let more = !resting.is_empty();
        drop(resting);
        drop(gone);
        more
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Instant, Sockets)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Worker {
    /// The sockets rest for the next call.
    pub(super) fn lay_aside(&mut self, now: Moment, port: Box<Port>) {
        let _ = self.epoll.delete(&port.rtp);
        if let Some(rtcp) = &port.others.rtcp {
            let _ = self.epoll.delete(rtcp);
        }
        let Port { rtp, others, .. } = *port;
        let table = Sockets { rtp, others }.rest();
        self.sweep.get_or_insert((now + LONGEST_REST, table));
    }

    /// Closes sockets that no call took up again.
    pub(super) fn sweep(&mut self, now: Moment) {
        let Some((_, table)) = self.sweep.take_if(|(at, _)| *at <= now) else { return };
        if table.sweep() {
            self.sweep = Some((now + LONGEST_REST, table));
        }
    }
}

fn has(range: PortRange, sockets: &Sockets) -> bool {
    (range.first..=range.last).contains(&sockets.others.rtp_address.port())
}

fn drain(socket: &UdpSocket) {
    let mut byte = [0; 1];
    let _ = (0..LATE_PACKETS).find(|_| socket.recv(&mut byte).is_err());
}

#[expect(clippy::disallowed_methods, reason = "sockets are an edge: how long they rest is real time")]
fn instant() -> Instant {
    Instant::now()
}
