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
use nix::sys::epoll::Epoll;
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
    /// The thread that watches them: taking them out of its watch and into that of another costs more than new ones.
    thread: usize,
}

impl Kind {
    pub fn of(open: &Open, thread: usize) -> Kind {
        Kind { bind: open.bind, tos: open.tos, rtcp: open.rtcp_port, thread }
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
        // What comes to watched ones is noticed, and ends the watch.
        if !sockets.others.is_watched {
            for socket in [Some(&sockets.rtp), sockets.others.rtcp.as_ref()].into_iter().flatten() {
                drain(socket);
            }
        }
        Some(sockets)
    }

    /// See [`super::port_range::PortTable::disturbed`].
    pub fn disturbed<T>(&self, port: u16, unwatch: impl FnOnce(&Sockets) -> T) -> Option<T> {
        let mut resting = self.lock();
        let sockets = resting.iter_mut().map(|(_, sockets)| sockets).find(|s| s.others.port() == port)?;
        sockets.others.is_watched = false;
        Some(unwatch(sockets))
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
    /// Takes the sockets of a port out of this thread's watch.
    pub(super) fn stop_watching(&self, port: &mut Port) {
        if std::mem::take(&mut port.others.is_watched) {
            unwatch(&self.epoll, &port.rtp, port.others.rtcp.as_ref());
        }
    }

    /// Something came for a port that is none any more.
    #[cold]
    pub(super) fn disturbed(&self, port: u16) {
        if let Some((_, table)) = &self.sweep {
            let unwatch =
                |sockets: &Sockets| unwatch(&self.epoll, &sockets.rtp, sockets.others.rtcp.as_ref());
            table.disturbed(port, unwatch);
        }
    }

    /// The sockets rest for the next call. They stay watched: taking them out and in again was the twentieth part of a
    /// call's cost.
    pub(super) fn lay_aside(&mut self, now: Moment, mut port: Box<Port>) {
        if std::mem::take(&mut port.others.has_moved) {
            // It serves the thread it was opened for, and that one does not watch it.
            self.stop_watching(&mut port);
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

fn unwatch(epoll: &Epoll, rtp: &UdpSocket, rtcp: Option<&UdpSocket>) {
    for socket in [Some(rtp), rtcp].into_iter().flatten() {
        let _ = epoll.delete(socket);
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

#[cfg(test)]
mod tests {
    use super::super::ear::Ear;
    use super::super::files::Files;
    use super::super::handle::{Command, WorkerHandle};
    use super::super::port::Counted;
    use super::super::port_range::PortTable;
    use super::super::{Watched, worker::Worker};
    use super::*;
    use crate::bridge::{Plan, PortId, Timers};
    use crate::rtp::{Continuity, SourceRules};
    use nix::sys::epoll::{EpollEvent, EpollTimeout};
    use std::net::SocketAddr;
    use std::sync::Arc;

    /// Opens a port on a range that has room for one.
    fn open(handle: &WorkerHandle, table: &Arc<PortTable>, port: u64) -> SocketAddr {
        let open = Open {
            port: PortId(port),
            affinity: 0,
            bind: "127.0.0.1".parse().expect("an address"),
            range: PortRange { first: 22_404, last: 22_405 },
            rules: SourceRules::default(),
            rtcp_port: true,
            tos: 0,
            timers: Timers::default(),
        };
        let sockets = table.bind(&open, 0).expect("free, or at rest");
        let address = sockets.others.rtp_address;
        let (sender, _) = tokio::sync::mpsc::channel(64);
        let ear = Ear { sender, wake: Arc::new(|| ()) };
        let out = Continuity::new(7, 0, 0, 8000);
        let counted = Counted::new(Arc::default());
        handle.send(Command::Adopt(Box::new(Port::new(open, sockets, out, Vec::new(), ear, counted))));
        address
    }

    /// Sockets that are readable now.
    fn readable(worker: &Worker) -> usize {
        let mut ready = [EpollEvent::empty(); 8];
        worker.epoll.wait(&mut ready, EpollTimeout::ZERO).expect("waits")
    }

    #[test]
    fn a_late_packet_wakes_nobody_twice_and_no_later_call_hears_it() {
        let files = Files::start(Default::default(), Watched(Arc::new(|| ()))).expect("starts").0;
        let (handle, mut worker) = WorkerHandle::with_worker(1, files).expect("starts");
        let table = Arc::new(PortTable::new(0));
        let stranger = UdpSocket::bind("127.0.0.1:0").expect("free");
        let mut port = 0;
        for late in [false, true, true, false] {
            let address = open(&handle, &table, port);
            worker.turn_once();
            handle.send(Command::Plan(Plan::Close { port: PortId(port) }));
            worker.turn_once();
            if late {
                stranger.send_to(b"late", address).expect("sends");
                assert_eq!(readable(&worker), 1);
                worker.turn_once();
                assert_eq!(
                    readable(&worker),
                    0,
                    "nobody looks at what comes to sockets at rest, more than once"
                );
            }
            port += 1;
            let again = open(&handle, &table, port);
            assert_eq!(again, address, "the range has no other");
            worker.turn_once();
            assert_eq!(readable(&worker), 0, "what was late is gone");
            stranger.send_to(b"in time", address).expect("sends");
            assert_eq!(readable(&worker), 1, "it is watched, whatever came before");
            worker.turn_once();
            handle.send(Command::Plan(Plan::Close { port: PortId(port) }));
            worker.turn_once();
            port += 1;
        }
    }
}
