//! Which ports are ours, and opening them in pairs. Sockets of ended calls rest a while for the next ones
//! ([`super::resting`]).

use super::resting::{Kind, Resting};
use crate::bridge::{Open, OpenError, PortRange};
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};

/// Pairs taken, whatever address they are bound to. The cursor goes round the range, so that a port that was given back
/// rests as long as possible before packets meant for its last call can reach another one.
#[derive(Debug)]
pub(super) struct PortTable {
    inner: Mutex<Inner>,
    resting: Resting,
}

#[derive(Debug)]
struct Inner {
    /// One bit per even port.
    taken: Vec<u64>,
    cursor: u32,
}

/// Foreign programs on our ports are stepped over, this many in a row at most.
const TRIES: usize = 1024;

impl PortTable {
    /// `random` says where the cursor starts.
    pub fn new(random: u64) -> PortTable {
        let inner = Inner { taken: vec![0; 65_536 / 2 / 64], cursor: random as u32 };
        PortTable { inner: Mutex::new(inner), resting: Resting::default() }
    }

    /// Opens the sockets of a port: RTP on an even number, RTCP on the next. `thread` will have them.
    pub fn bind(self: &Arc<Self>, open: &Open, thread: usize) -> Result<Sockets, OpenError> {
        let kind = Kind::of(open, thread);
        if let Some(sockets) = self.resting.rested(kind, open.range) {
            return Ok(sockets);
        }
        for _ in 0..TRIES {
            let Some(lease) = self.take(open.range) else {
                // All that is left is at rest, short as that was.
                if let Some(sockets) = self.resting.any(kind, open.range) {
                    return Ok(sockets);
                }
                if self.resting.clear(open.range) {
                    continue;
                }
                break;
            };
            let even = lease.port;
            let pair = bind(open.bind, even, open.tos).and_then(|rtp| {
                let rtcp = if open.rtcp_port { Some(bind(open.bind, even + 1, open.tos)?) } else { None };
                let rtp_address = rtp.local_addr()?;
                Ok(Sockets {
                    rtp,
                    others: Others { rtcp, rtp_address, kind, is_watched: false, has_moved: false, lease },
                })
            });
            match pair {
                Ok(sockets) => return Ok(sockets),
                Err(e) if e.kind() == io::ErrorKind::AddrInUse => {}
                Err(e) => return Err(OpenError::System(format!("{} port {even}: {e}", open.bind))),
            }
        }
        Err(OpenError::RangeFull(open.range))
    }

    /// Something came to a socket at rest: its pair, which is to be watched no longer. `None` where it serves again by now.
    pub fn disturbed<T>(&self, port: u16, unwatch: impl FnOnce(&Sockets) -> T) -> Option<T> {
        self.resting.disturbed(port, unwatch)
    }

    /// Closes what has rested too long; true when more rests.
    pub fn sweep(&self) -> bool {
        self.resting.sweep()
    }

    /// Closes everything at rest.
    pub fn close_resting(&self) {
        self.resting.clear(PortRange { first: 0, last: u16::MAX });
    }

    fn take(self: &Arc<Self>, range: PortRange) -> Option<Lease> {
        let first = u32::from(range.first).next_multiple_of(2);
        // RTCP must fit below the end.
        let pairs = (u32::from(range.last).saturating_add(1)).saturating_sub(first) / 2;
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..pairs {
            inner.cursor = inner.cursor.wrapping_add(1);
            let port = (first + 2 * (inner.cursor % pairs)) as u16;
            let (word, bit) = place(port);
            if inner.taken[word] & bit == 0 {
                inner.taken[word] |= bit;
                return Some(Lease { table: self.clone(), port });
            }
        }
        None
    }
}

fn place(port: u16) -> (usize, u64) {
    let pair = usize::from(port / 2);
    (pair / 64, 1 << (pair % 64))
}

/// A pair that is ours until this is dropped.
#[derive(Debug)]
struct Lease {
    table: Arc<PortTable>,
    port: u16,
}

impl Drop for Lease {
    fn drop(&mut self) {
        let (word, bit) = place(self.port);
        self.table.inner.lock().unwrap_or_else(PoisonError::into_inner).taken[word] &= !bit;
    }
}

/// A fresh pair of sockets.
#[derive(Debug)]
pub(super) struct Sockets {
    pub rtp: UdpSocket,
    pub others: Others,
}

/// What belongs to the RTP socket. Must be dropped after it: the lease goes last.
#[derive(Debug)]
pub(super) struct Others {
    pub rtcp: Option<UdpSocket>,
    pub rtp_address: SocketAddr,
    kind: Kind,
    /// The thread's epoll has them, also while they rest.
    pub is_watched: bool,
    /// It went from the thread it was opened for to another one.
    pub has_moved: bool,
    lease: Lease,
}

impl Sockets {
    /// For which calls these can serve.
    pub(super) fn kind(&self) -> Kind {
        self.others.kind
    }

    /// Lays the sockets aside for the next call. What is handed back sweeps them later.
    pub fn rest(self) -> Arc<PortTable> {
        let table = self.others.lease.table.clone();
        table.resting.lay(self);
        table
    }
}

impl Others {
    /// The number of its RTP port.
    pub fn port(&self) -> u16 {
        self.lease.port
    }

    pub fn rtcp_port(&self) -> Option<u16> {
        self.rtcp.as_ref().map(|_| self.rtp_address.port() + 1)
    }
}

fn bind(ip: IpAddr, port: u16, tos: u8) -> io::Result<UdpSocket> {
    let socket =
        Socket::new(Domain::for_address(SocketAddr::new(ip, port)), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    match ip {
        IpAddr::V4(_) if tos != 0 => socket.set_tos_v4(u32::from(tos))?,
        IpAddr::V6(_) => {
            socket.set_only_v6(true)?;
            if tos != 0 {
                socket.set_tclass_v6(u32::from(tos))?;
            }
        }
        IpAddr::V4(_) => {}
    }
    socket.bind(&SocketAddr::new(ip, port).into())?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bridge::{PortId, Timers};
    use crate::rtp::SourceRules;

    fn open(first: u16, last: u16) -> Open {
        Open {
            port: PortId(1),
            affinity: 0,
            bind: IpAddr::from([127, 0, 0, 1]),
            range: PortRange { first, last },
            rules: SourceRules::default(),
            rtcp_port: true,
            tos: 0xb8,
            timers: Timers::default(),
        }
    }

    #[test]
    fn pairs_are_even_unique_given_back_and_rested() {
        let table = Arc::new(PortTable::new(7));
        let open = open(21_001, 21_010);
        let mut held: Vec<_> = (0..4).map(|_| table.bind(&open, 0).expect("four pairs fit")).collect();
        let mut ports: Vec<_> = held.iter().map(|s| s.others.rtp_address.port()).collect();
        ports.sort_unstable();
        assert_eq!(ports, [21_002, 21_004, 21_006, 21_008]);
        assert!(held.iter().all(|s| s.others.rtcp_port() == Some(s.others.rtp_address.port() + 1)));
        assert_eq!(table.bind(&open, 0).expect_err("full"), OpenError::RangeFull(open.range));
        let given_back = held.remove(2).others.rtp_address.port();
        assert_eq!(table.bind(&open, 0).expect("one is free").others.rtp_address.port(), given_back);
    }

    #[test]
    fn sockets_at_rest_serve_the_next_call_and_hold_no_port_back() {
        let table = Arc::new(PortTable::new(0));
        let open = open(21_300, 21_303);
        let (first, second) = (table.bind(&open, 0).expect("free"), table.bind(&open, 0).expect("free"));
        let stray = UdpSocket::bind("127.0.0.1:0").expect("free");
        stray.send_to(b"late", first.others.rtp_address).expect("sends");
        let resting = first.others.rtp_address;
        drop(first.rest());
        let again = table.bind(&open, 0).expect("the pair at rest is all there is");
        assert_eq!(again.others.rtp_address, resting);
        let error = again.rtp.recv(&mut [0; 8]).expect_err("what came for the last call is gone");
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        drop((again.rest(), second.rest()));
        let other = table.bind(&Open { tos: 0, ..open }, 0).expect("another kind has the ports, too");
        assert!(matches!(other.others.rtp_address.port(), 21_300 | 21_302));
    }

    #[test]
    fn a_foreign_program_on_a_port_is_stepped_over() {
        let table = Arc::new(PortTable::new(0));
        let _foreign = UdpSocket::bind(("127.0.0.1", 21_103)).expect("free");
        let sockets = table.bind(&open(21_100, 21_107), 0).expect("others are free");
        let more: Vec<_> = (0..2).map(|_| table.bind(&open(21_100, 21_107), 0).expect("others")).collect();
        assert!(table.bind(&open(21_100, 21_107), 0).is_err());
        assert!(more.iter().chain([&sockets]).all(|s| s.others.rtp_address.port() != 21_102));
    }

    #[test]
    fn a_range_without_a_pair_is_full_and_a_foreign_address_is_named() {
        let table = Arc::new(PortTable::new(0));
        assert!(matches!(table.bind(&open(21_201, 21_202), 0), Err(OpenError::RangeFull(_))));
        let stranger = Open { bind: IpAddr::from([192, 0, 2, 1]), ..open(21_210, 21_220) };
        let Err(OpenError::System(words)) = table.bind(&stranger, 0) else { panic!("192.0.2.1 is not ours") };
        assert!(words.starts_with("192.0.2.1 port 212"), "{words}");
    }
}
