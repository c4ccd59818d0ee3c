//! Listening sockets: accept, within the gate's limits, and never stop because of one connection.

use super::connection::{addresses, drive};
use super::{Keepalive, Shared, StreamEvent, StreamOptions, Writer, words};
use crate::base::ids::{Name, TransportId};
use crate::net::address::normalised;
use crate::net::fault::OpenFault;
use crate::net::tls::Tls;
use crate::net::udp::mark;
use crate::sip::flow::{Arrival, Protocol};
use socket2::{Domain, SockRef, Socket, TcpKeepalive, Type};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

/// Connections that the kernel holds while we do not accept.
const BACKLOG: i32 = 1_024;

/// A bound listening socket, not yet served.
#[derive(Debug)]
pub struct Listener {
    socket: std::net::TcpListener,
    id: TransportId,
    protocol: Protocol,
    bound: SocketAddr,
    keepalive: Option<Keepalive>,
    tls: Option<Arc<Tls>>,
    shortfall: Option<String>,
}

impl Listener {
    /// Binds and listens.
    pub fn open(options: &StreamOptions) -> Result<Listener, OpenFault> {
        let fault = |step: &'static str| {
            move |error: io::Error| OpenFault {
                transport: Name::clone(&options.name),
                protocol: options.protocol,
                bind: options.bind,
                step,
                error,
            }
        };
        let v6 = options.bind.is_ipv6();
        let dual = v6 && options.bind.ip().is_unspecified() && !options.only_v6;
        let socket =
            Socket::new(Domain::for_address(options.bind), Type::STREAM, None).map_err(fault("open"))?;
        socket.set_nonblocking(true).map_err(fault("open"))?;
        // Connections of a former process linger in TIME_WAIT; they shall not keep this one from starting.
        socket.set_reuse_address(true).map_err(fault("set SO_REUSEADDR of"))?;
        if v6 {
            socket.set_only_v6(!dual).map_err(fault("set IPV6_V6ONLY of"))?;
        }
        // Accepted sockets inherit these.
        let shortfall = mark(SockRef::from(&socket), v6, dual, options.tos, options.cos);
        socket.bind(&options.bind.into()).map_err(fault("bind"))?;
        socket.listen(BACKLOG).map_err(fault("listen at"))?;
        let socket = std::net::TcpListener::from(socket);
        let bound = normalised(socket.local_addr().map_err(fault("name"))?);
        let StreamOptions { id, protocol, keepalive, tls, .. } = options.clone();
        Ok(Listener { socket, id, protocol, bound, keepalive, tls, shortfall })
    }

    /// The transport's number.
    pub fn id(&self) -> TransportId {
        self.id
    }

    /// Where it listens.
    pub fn bound(&self) -> SocketAddr {
        self.bound
    }

    /// What was asked for and could not be had, though the socket works.
    pub fn shortfall(&self) -> Option<&str> {
        self.shortfall.as_deref()
    }
}

/// Accepts until the task is aborted. Connections it made live on without it.
pub async fn serve(listener: Listener, shared: Shared) -> io::Result<()> {
    let Listener { socket, id, protocol, keepalive, tls, .. } = listener;
    let socket = TcpListener::from_std(socket)?;
    loop {
        match socket.accept().await {
            Ok((io, source)) => {
                let source = normalised(source);
                match shared.gate.inbound(source.ip()) {
                    Ok(place) => {
                        let (shared, tls) = (shared.clone(), tls.clone());
                        tokio::spawn(async move {
                            prepare(&io, keepalive);
                            let welcome = Welcome { id, protocol, source, opened: Instant::now() };
                            welcome.run(io, tls, shared, place).await;
                        });
                    }
                    // Dropping it closes it; the reason is for the log, not for the peer.
                    Err(why) => refuse(&shared, id, Some(source), why),
                }
            }
            // The peer left between the handshake and us.
            Err(error)
                if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted) => {}
            Err(error) => {
                // No more file descriptors, or no memory: others end soon.
                refuse(&shared, id, None, words(&error));
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Tells of a refusal, unless the queue is full: then there is more important news.
fn refuse(
    shared: &Shared,
    transport: TransportId,
    source: Option<SocketAddr>,
    why: impl Into<std::borrow::Cow<'static, str>>,
) {
    if shared.events.try_send(StreamEvent::Refused { transport, source, why: why.into() }).is_ok() {
        shared.waker.wake();
    }
}

/// Options of every connection: no Nagle, keep-alive probes as configured.
pub(super) fn prepare(io: &TcpStream, keepalive: Option<Keepalive>) {
    // Neither is worth losing a connection for.
    let _ = io.set_nodelay(true);
    if let Some(Keepalive { idle, interval, probes }) = keepalive {
        let probes = TcpKeepalive::new().with_time(idle).with_interval(interval).with_retries(probes);
        let _ = SockRef::from(io).set_tcp_keepalive(&probes);
    }
}

/// A connection between accept and its first byte of SIP.
struct Welcome {
    id: TransportId,
    protocol: Protocol,
    source: SocketAddr,
    opened: Instant,
}

impl Welcome {
    async fn run(self, io: TcpStream, tls: Option<Arc<Tls>>, shared: Shared, place: super::gate::Place) {
        // Gone already: it cannot even say who it is.
        let Ok((local, source)) = addresses(&io) else { return };
        let arrival =
            Arrival { transport: self.id, protocol: self.protocol, flow: shared.new_flow(), source, local };
        let writer = Arc::new(Writer::default());
        let Some(tls) = tls else {
            return drive(io, arrival, writer, shared, place, self.opened, true).await;
        };
        let Some(acceptor) = tls.acceptor() else {
            return refuse(&shared, self.id, Some(self.source), "TLS: no cert_file");
        };
        match tokio::time::timeout(shared.pace().first_message, acceptor.accept(io)).await {
            Ok(Ok(io)) => drive(io, arrival, writer, shared, place, self.opened, true).await,
            Ok(Err(error)) => refuse(&shared, self.id, Some(self.source), format!("TLS: {error}")),
            Err(_) => refuse(&shared, self.id, Some(self.source), "TLS was not finished in time"),
        }
    }
}
