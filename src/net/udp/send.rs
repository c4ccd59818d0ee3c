//! Sending batches.

use super::Udp;
use crate::base::ids::TransportId;
use crate::base::limits;
use crate::net::address::{mapped, normalised};
use crate::sip::flow::Destination;
use nix::cmsg_space;
use nix::errno::Errno;
use nix::libc::{in_addr, in_pktinfo, in6_addr, in6_pktinfo};
use nix::sys::socket::{ControlMessage, MsgFlags, MultiHeaders, SockaddrStorage, sendmmsg};
use std::io::IoSlice;
use std::net::{IpAddr, SocketAddr};

/// A datagram that did not leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendFault {
    /// Where it should have gone.
    pub to: Destination,
    /// The system's words for why.
    pub why: &'static str,
}

/// Collects datagrams for one socket and one source address, and sends them in one call.
pub struct Sender {
    plain: MultiHeaders<SockaddrStorage>,
    with_v4_source: MultiHeaders<SockaddrStorage>,
    with_v6_source: MultiHeaders<SockaddrStorage>,
    addresses: Vec<Option<SockaddrStorage>>,
    /// Datagrams the kernel had no room for; retransmission repairs it, as it repairs a loss on the way.
    overflowed: u64,
}

/// What all datagrams of one system call share.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Run {
    transport: TransportId,
    source: Option<IpAddr>,
}

impl Sender {
    /// A sender with room for one batch.
    pub fn new() -> Sender {
        Sender {
            plain: MultiHeaders::preallocate(limits::BATCH, None),
            with_v4_source: MultiHeaders::preallocate(limits::BATCH, Some(cmsg_space!(in_pktinfo))),
            with_v6_source: MultiHeaders::preallocate(limits::BATCH, Some(cmsg_space!(in6_pktinfo))),
            addresses: Vec::with_capacity(limits::BATCH),
            overflowed: 0,
        }
    }

    /// Datagrams dropped since start because the kernel's send queue was full.
    pub fn overflowed(&self) -> u64 {
        self.overflowed
    }

    /// Sends all of `messages`, in order, each over the socket of its transport. A datagram that cannot be sent is
    /// told to `failed` and the next one is tried.
    pub fn send<'a>(
        &mut self,
        sockets: &[Udp],
        messages: impl Iterator<Item = (Destination, &'a [u8])>,
        mut failed: impl FnMut(SendFault),
    ) {
        let mut slices: [[IoSlice<'_>; 1]; limits::BATCH] = [[IoSlice::new(&[])]; limits::BATCH];
        let mut destinations: [Option<Destination>; limits::BATCH] = [None; limits::BATCH];
        let (mut count, mut run): (usize, Option<(Run, &Udp)>) = (0, None);
        for (to, bytes) in messages {
            let Some(socket) = sockets.iter().find(|s| s.id == to.transport) else {
                failed(SendFault { to, why: "its transport is not open" });
                continue;
            };
            let Some(remote) = reachable(socket, to.remote) else {
                failed(SendFault { to, why: "the transport is of the other address family" });
                continue;
            };
            let this = Run { transport: to.transport, source: source(socket, &to) };
            if let Some((before, socket)) = run
                && (before != this || count == limits::BATCH)
            {
                self.flush(socket, before.source, &slices[..count], &destinations[..count], &mut failed);
                count = 0;
            }
            run = Some((this, socket));
            slices[count] = [IoSlice::new(bytes)];
            destinations[count] = Some(to);
            self.addresses.push(Some(SockaddrStorage::from(remote)));
            count += 1;
        }
        if let Some((last, socket)) = run {
            self.flush(socket, last.source, &slices[..count], &destinations[..count], &mut failed);
        }
    }

    fn flush(
        &mut self,
        socket: &Udp,
        source: Option<IpAddr>,
        slices: &[[IoSlice<'_>; 1]],
        destinations: &[Option<Destination>],
        failed: &mut impl FnMut(SendFault),
    ) {
        let mut at = 0;
        while at < slices.len() {
            match self.call(socket, source, &slices[at..], at) {
                Ok(sent) => at += sent.max(1),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN | Errno::ENOBUFS) => {
                    self.overflowed += 1;
                    at += 1;
                }
                // Only the first datagram of a call can fail; the rest is tried again without it.
                Err(errno) => {
                    if let Some(to) = destinations[at] {
                        failed(SendFault { to, why: errno.desc() });
                    }
                    at += 1;
                }
            }
        }
        self.addresses.clear();
    }

    /// One system call; how many datagrams it took.
    fn call(
        &mut self,
        socket: &Udp,
        source: Option<IpAddr>,
        slices: &[[IoSlice<'_>; 1]],
        from: usize,
    ) -> Result<usize, Errno> {
        let addresses = &self.addresses[from..];
        let (fd, flags) = (socket.raw(), MsgFlags::MSG_DONTWAIT);
        match source {
            None => {
                let none: [ControlMessage<'_>; 0] = [];
                Ok(sendmmsg(fd, &mut self.plain, slices, addresses, none, flags)?.count())
            }
            Some(IpAddr::V4(v4)) if !socket.dual => {
                let address = in_addr { s_addr: u32::from_ne_bytes(v4.octets()) };
                let info = in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: address, ipi_addr: address };
                let info = [ControlMessage::Ipv4PacketInfo(&info)];
                Ok(sendmmsg(fd, &mut self.with_v4_source, slices, addresses, info, flags)?.count())
            }
            Some(ip) => {
                let v6 = match ip {
                    IpAddr::V4(v4) => v4.to_ipv6_mapped(),
                    IpAddr::V6(v6) => v6,
                };
                let info = in6_pktinfo { ipi6_addr: in6_addr { s6_addr: v6.octets() }, ipi6_ifindex: 0 };
                let info = [ControlMessage::Ipv6PacketInfo(&info)];
                Ok(sendmmsg(fd, &mut self.with_v6_source, slices, addresses, info, flags)?.count())
            }
        }
    }
}

impl Default for Sender {
    fn default() -> Sender {
        Sender::new()
    }
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sender").field("overflowed", &self.overflowed).finish_non_exhaustive()
    }
}

/// The address to send from, where the socket leaves a choice and the message has one.
fn source(socket: &Udp, to: &Destination) -> Option<IpAddr> {
    let local = to.local.filter(|_| socket.has_packet_info())?.ip();
    (!local.is_unspecified() && local.is_ipv4() == to.remote.is_ipv4()).then_some(local)
}

/// The remote address as this socket takes it; `None` when it is of a family the socket has not.
fn reachable(socket: &Udp, remote: SocketAddr) -> Option<SocketAddr> {
    let remote = normalised(remote);
    match (remote.is_ipv4(), socket.bound.is_ipv4()) {
        (true, true) | (false, false) => Some(remote),
        (true, false) if socket.dual => Some(mapped(remote)),
        _ => None,
    }
}
