//! UDP: sockets, and whole batches of datagrams per system call.
//!
//! A socket belongs to the switch's thread. One `recvmmsg` fills up to `limits::BATCH` buffers, one `sendmmsg`
//! empties a run of the outbox; nothing is allocated per datagram. An error of one datagram never ends a loop.

mod junk;
mod receive;
mod send;

pub use junk::{Kind, classify};
pub use receive::{Received, Receiver};
pub use send::{SendFault, Sender};

use super::address::normalised;
use super::fault::OpenFault;
use crate::base::ids::{Name, TransportId};
use crate::sip::flow::Protocol;
use nix::sys::socket::{setsockopt, sockopt};
use socket2::{Domain, SockRef, Socket, Type};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::Arc;

/// Bytes asked of the kernel for each direction's queue: a second of 10,000 REGISTERs in a burst. The kernel grants
/// at most `net.core.rmem_max` and `wmem_max`.
const QUEUE_BYTES: usize = 4 << 20;

/// What a `type=transport` with `protocol=udp` says about its socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UdpOptions {
    /// Its number.
    pub id: TransportId,
    /// The section's name.
    pub name: Name,
    /// `bind`.
    pub bind: SocketAddr,
    /// `tos`: the whole byte, 0 to 255; 0 is the system's default.
    pub tos: u8,
    /// `cos`: 802.1p class, 0 to 7.
    pub cos: u8,
    /// For `bind=::`: leave IPv4 alone, because another transport has it.
    pub only_v6: bool,
}

/// An open UDP socket. Clones are the same socket; it closes with the last of them.
#[derive(Clone, Debug)]
pub struct Udp {
    socket: Arc<UdpSocket>,
    id: TransportId,
    bound: SocketAddr,
    /// Whether it takes IPv4 as well, as mapped addresses.
    dual: bool,
    shortfall: Option<String>,
}

impl Udp {
    /// Opens and binds the socket.
    pub fn open(options: &UdpOptions) -> Result<Udp, OpenFault> {
        let fault = |step: &'static str| {
            move |error: io::Error| OpenFault {
                transport: Name::clone(&options.name),
                protocol: Protocol::Udp,
                bind: options.bind,
                step,
                error,
            }
        };
        let v6 = options.bind.is_ipv6();
        let dual = v6 && options.bind.ip().is_unspecified() && !options.only_v6;
        let socket =
            Socket::new(Domain::for_address(options.bind), Type::DGRAM, None).map_err(fault("open"))?;
        socket.set_nonblocking(true).map_err(fault("open"))?;
        if v6 {
            socket.set_only_v6(!dual).map_err(fault("set IPV6_V6ONLY of"))?;
        }
        // A smaller queue than asked for is what the system allows, not an error.
        let _ = socket.set_recv_buffer_size(QUEUE_BYTES);
        let _ = socket.set_send_buffer_size(QUEUE_BYTES);
        let shortfall = mark(SockRef::from(&socket), v6, dual, options.tos, options.cos);
        // When each datagram came: how far behind we are. Without it the backlog is not known, and nothing is refused.
        let _ = setsockopt(&socket, sockopt::ReceiveTimestampns, &true);
        if options.bind.ip().is_unspecified() {
            packet_info(&socket, v6).map_err(fault("set packet info of"))?;
        }
        socket.bind(&options.bind.into()).map_err(fault("bind"))?;
        let socket = Arc::new(UdpSocket::from(socket));
        let bound = normalised(socket.local_addr().map_err(fault("name"))?);
        Ok(Udp { socket, id: options.id, bound, dual, shortfall })
    }

    /// The transport's number.
    pub fn id(&self) -> TransportId {
        self.id
    }

    /// Where it listens, with the port the system chose when 0 was asked for.
    pub fn bound(&self) -> SocketAddr {
        self.bound
    }

    /// Gives the open socket another `tos` and `cos`; says what could not be had.
    pub fn mark(&self, tos: u8, cos: u8) -> Option<String> {
        mark(SockRef::from(&*self.socket), self.bound.is_ipv6(), self.dual, tos, cos)
    }

    /// What was asked for and could not be had, though the socket works.
    pub fn shortfall(&self) -> Option<&str> {
        self.shortfall.as_deref()
    }

    /// Whether the system tells each datagram's destination, and takes its source: a wildcard `bind`.
    fn has_packet_info(&self) -> bool {
        self.bound.ip().is_unspecified()
    }

    fn raw(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

impl AsFd for Udp {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Sets `tos` and `cos` on any kind of IP socket. A socket works without them, so a refusal is a sentence for the log.
pub(super) fn mark(socket: SockRef<'_>, v6: bool, dual: bool, tos: u8, cos: u8) -> Option<String> {
    // Without cos the kernel draws the priority from tos, so it must come last; with cos it must come first.
    let set_cos = || socket.set_priority(u32::from(cos));
    let set_tos = || {
        if v6 {
            socket.set_tclass_v6(u32::from(tos))?;
        }
        if !v6 || dual { socket.set_tos_v4(u32::from(tos)) } else { Ok(()) }
    };
    let (cos_set, tos_set) = if cos == 0 {
        (set_cos(), set_tos())
    } else {
        let tos_set = set_tos();
        (set_cos(), tos_set)
    };
    match (tos_set, cos_set) {
        (Err(error), _) => Some(format!("tos={tos} could not be set: {error}")),
        (_, Err(error)) => Some(format!("cos={cos} could not be set: {error} (7 needs CAP_NET_ADMIN)")),
        _ => None,
    }
}

fn packet_info(socket: &Socket, v6: bool) -> io::Result<()> {
    if v6 {
        setsockopt(socket, sockopt::Ipv6RecvPacketInfo, &true)?;
    } else {
        setsockopt(socket, sockopt::Ipv4PacketInfo, &true)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
