//! Receiving batches.

use super::junk::{Kind, classify};
use super::{Udp, normalised};
use crate::base::ids::FlowId;
use crate::base::limits;
use crate::sip::flow::{Arrival, Protocol};
use nix::cmsg_space;
use nix::errno::Errno;
use nix::libc::in6_pktinfo;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, MultiHeaders, RecvMsg, SockaddrStorage, recvmmsg};
use nix::sys::time::TimeSpec;
use nix::time::ClockId;
use std::io::IoSliceMut;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// Distance between two buffers. A power of two would put the starts of all messages into the same few cache sets.
const STRIDE: usize = limits::MESSAGE_BYTES + 1 + 17 * 64;

/// What one call of [`Receiver::receive`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// Datagrams handed over.
    pub messages: usize,
    /// Keep-alives dropped.
    pub keep_alives: usize,
    /// STUN, RTP and other noise dropped.
    pub junk: usize,
    /// Whether the batch was full, so that more may wait.
    pub more: bool,
    /// How long the first datagram of a full batch had waited in the kernel; zero for other batches, behind which
    /// nothing waits.
    pub waited: Duration,
}

/// Buffers for one batch, shared by the sockets of a thread, and the kernel's headers for each socket.
pub struct Receiver {
    buffers: Vec<u8>,
    headers: Vec<MultiHeaders<SockaddrStorage>>,
}

impl Receiver {
    /// Room for one batch. The pages are touched, and so take memory, only as far as datagrams fill them.
    pub fn new() -> Receiver {
        Receiver { buffers: vec![0; STRIDE * limits::BATCH], headers: Vec::new() }
    }

    /// Each socket's datagrams must all carry the same control messages: the kernel shortens the space of a header to what
    /// it used last, and nobody lengthens it again. (So `SO_RXQ_OVFL`, which comes only after the first drop, is not
    /// for us: it would push out the destination address.)
    ///
    /// Receives at most one batch from `socket` and hands every datagram that may be SIP to `each`. `slot` is the
    /// socket's place among those of this thread: the kernel's headers remember the address family, so each socket
    /// has its own.
    pub fn receive(
        &mut self,
        slot: usize,
        socket: &Udp,
        mut each: impl FnMut(Arrival, &[u8]),
    ) -> Result<Received, Errno> {
        while self.headers.len() <= slot {
            self.headers
                .push(MultiHeaders::preallocate(limits::BATCH, Some(cmsg_space!(in6_pktinfo, TimeSpec))));
        }
        let mut slices: [[IoSliceMut<'_>; 1]; limits::BATCH] = {
            let mut chunks = self.buffers.chunks_exact_mut(STRIDE);
            std::array::from_fn(|_| [IoSliceMut::new(chunks.next().expect("a chunk for each of the batch"))])
        };
        let headers = &mut self.headers[slot];
        let batch = match recvmmsg(socket.raw(), headers, &mut slices, MsgFlags::MSG_DONTWAIT, None) {
            Ok(batch) => batch,
            // An earlier datagram of ours was refused by its receiver; what waits is untouched.
            Err(
                Errno::EAGAIN | Errno::EINTR | Errno::ECONNREFUSED | Errno::EHOSTUNREACH | Errno::ENETUNREACH,
            ) => {
                return Ok(Received::default());
            }
            Err(errno) => return Err(errno),
        };
        let mut done = Received::default();
        let (mut count, mut oldest) = (0, None);
        for message in batch {
            count += 1;
            if count == 1 {
                oldest = message.cmsgs().ok().and_then(|mut all| all.find_map(came_at));
            }
            let bytes = message.iovs().next().unwrap_or_default();
            match classify(bytes) {
                Kind::Sip => match arrival(socket, &message) {
                    Some(arrival) => {
                        done.messages += 1;
                        each(arrival, bytes);
                    }
                    None => done.junk += 1,
                },
                Kind::KeepAlive => done.keep_alives += 1,
                Kind::Stun | Kind::Rtp | Kind::Other => done.junk += 1,
            }
        }
        done.more = count == limits::BATCH;
        if let Some(oldest) = oldest.filter(|_| done.more) {
            // A clock that was set back makes it nothing.
            done.waited = ClockId::CLOCK_REALTIME
                .now()
                .ok()
                .and_then(|now| Duration::from(now).checked_sub(Duration::from(oldest)))
                .unwrap_or_default();
        }
        Ok(done)
    }
}

impl Default for Receiver {
    fn default() -> Receiver {
        Receiver::new()
    }
}

impl std::fmt::Debug for Receiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Receiver").field("sockets", &self.headers.len()).finish_non_exhaustive()
    }
}

/// Where a datagram came from and to; `None` when it cannot be answered (port 0, no address).
fn arrival(socket: &Udp, message: &RecvMsg<'_, '_, SockaddrStorage>) -> Option<Arrival> {
    let source = socket_addr(message.address.as_ref()?)?;
    if source.port() == 0 {
        return None;
    }
    let mut local = socket.bound;
    if socket.has_packet_info()
        && let Some(address) = message.cmsgs().ok().and_then(|mut c| c.find_map(destination))
    {
        local = SocketAddr::new(address, socket.bound.port());
    }
    Some(Arrival {
        transport: socket.id,
        protocol: Protocol::Udp,
        flow: FlowId::DATAGRAM,
        source: normalised(source),
        local: normalised(local),
    })
}

fn came_at(info: ControlMessageOwned) -> Option<TimeSpec> {
    match info {
        ControlMessageOwned::ScmTimestampns(at) => Some(at),
        _ => None,
    }
}

fn destination(info: ControlMessageOwned) -> Option<IpAddr> {
    match info {
        // `spec_dst` is our address even when the datagram was broadcast.
        ControlMessageOwned::Ipv4PacketInfo(info) => {
            Some(IpAddr::V4(Ipv4Addr::from(info.ipi_spec_dst.s_addr.to_ne_bytes())))
        }
        ControlMessageOwned::Ipv6PacketInfo(info) => Some(IpAddr::V6(Ipv6Addr::from(info.ipi6_addr.s6_addr))),
        _ => None,
    }
}

fn socket_addr(address: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(v4) = address.as_sockaddr_in() {
        return Some(SocketAddr::new(IpAddr::V4(v4.ip()), v4.port()));
    }
    let v6 = address.as_sockaddr_in6()?;
    Some(std::net::SocketAddrV6::new(v6.ip(), v6.port(), v6.flowinfo(), v6.scope_id()).into())
}
