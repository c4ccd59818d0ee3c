//! UDP: sockets, and whole batches of datagrams per system call.
//!
//! A socket belongs to the switch's thread. One `recvmmsg` fills up to [`limits::BATCH`] buffers, one `sendmmsg`
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
use socket2::{Domain, Socket, Type};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

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
    /// `tos`: the whole byte, 0 to 255.
    pub tos: u8,
    /// `cos`: 802.1p class, 0 to 7.
    pub cos: u8,
    /// For `bind=::`: leave IPv4 alone, because another transport has it.
    pub only_v6: bool,
}

/// An open UDP socket.
#[derive(Debug)]
pub struct Udp {
    socket: UdpSocket,
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
        let shortfall = mark(&socket, v6, dual, options.tos, options.cos);
        if options.bind.ip().is_unspecified() {
            packet_info(&socket, v6).map_err(fault("set packet info of"))?;
        }
        socket.bind(&options.bind.into()).map_err(fault("bind"))?;
        let socket = UdpSocket::from(socket);
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

/// Sets `tos` and `cos` on any kind of IP socket; zero leaves the system's default. A socket works without them, so a
/// refusal is a sentence for the log.
pub(super) fn mark(socket: &Socket, v6: bool, dual: bool, tos: u8, cos: u8) -> Option<String> {
    let mut result = Ok(());
    if tos != 0 && v6 {
        result = result.and_then(|()| socket.set_tclass_v6(u32::from(tos)));
    }
    if tos != 0 && (!v6 || dual) {
        result = result.and_then(|()| socket.set_tos_v4(u32::from(tos)));
    }
    if let Err(error) = result {
        return Some(format!("tos={tos} could not be set: {error}"));
    }
    if cos != 0
        && let Err(error) = socket.set_priority(u32::from(cos))
    {
        return Some(format!("cos={cos} could not be set: {error} (7 needs CAP_NET_ADMIN)"));
    }
    None
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
