//! Opening connections.

use super::connection::{addresses, drive};
use super::gate::Place;
use super::listen::prepare;
use super::{Keepalive, Shared, StreamEvent, StreamOptions, Writer, words};
use crate::base::ids::{FlowId, TransportId};
use crate::net::address::normalised;
use crate::net::tls::Tls;
use crate::net::udp::mark;
use crate::sip::flow::{Arrival, Protocol};
use socket2::{Domain, SockRef, Socket, Type};
use std::borrow::Cow;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::Instant;

/// What a transport says about the connections it opens.
#[derive(Clone, Debug)]
pub struct Dialer {
    /// The transport's number.
    pub id: TransportId,
    /// Its protocol.
    pub protocol: Protocol,
    /// Where it listens: connections leave from that address, unless it is a wildcard.
    bind: SocketAddr,
    only_v6: bool,
    tos: u8,
    cos: u8,
    keepalive: Option<Keepalive>,
    tls: Option<Arc<Tls>>,
}

impl Dialer {
    /// Takes over what matters of a transport's options.
    pub fn new(options: &StreamOptions) -> Dialer {
        let StreamOptions { id, protocol, bind, only_v6, tos, cos, keepalive, tls, .. } = options.clone();
        let bind = normalised(bind);
        Dialer { id, protocol, bind, only_v6, tos, cos, keepalive, tls }
    }

    /// Whether a connection to `remote` can leave from this transport's address.
    pub fn reaches(&self, remote: SocketAddr) -> bool {
        let dual = self.bind.is_ipv6() && self.bind.ip().is_unspecified() && !self.only_v6;
        dual || remote.is_ipv4() == self.bind.is_ipv4()
    }

    async fn connect(&self, remote: SocketAddr, from: Option<IpAddr>) -> io::Result<TcpStream> {
        let socket = Socket::new(Domain::for_address(remote), Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        // The listener's options were said aloud when it was opened; here they are best effort.
        let _ = mark(SockRef::from(&socket), remote.is_ipv6(), false, self.tos, self.cos);
        let bind = self.bind.ip();
        let from = if bind.is_unspecified() { from } else { Some(bind) };
        if let Some(from) = from.filter(|ip| !ip.is_unspecified() && ip.is_ipv4() == remote.is_ipv4()) {
            socket.bind(&SocketAddr::new(from, 0).into())?;
        }
        TcpSocket::from_std_stream(socket.into()).connect(remote).await
    }
}

/// One connection to be opened.
pub(super) struct Dial {
    pub dialer: Dialer,
    pub flow: FlowId,
    pub remote: SocketAddr,
    /// Source address, where the message must come from one.
    pub from: Option<IpAddr>,
    /// The name that the peer's certificate must bear; its address when `None`.
    pub host: Option<Arc<str>>,
    pub writer: Arc<Writer>,
}

impl Dial {
    /// Connects, runs the connection, tells its end; or tells why there is none.
    pub(super) async fn run(self, shared: Shared, place: Place) {
        let opened = Instant::now();
        let flow = self.flow;
        let why: Cow<'static, str> = match tokio::time::timeout(shared.pace().connect, self.open()).await {
            Ok(Ok(Opened::Plain(io, arrival))) => {
                return drive(io, arrival, self.writer, shared, place, opened, false).await;
            }
            Ok(Ok(Opened::Tls(io, arrival))) => {
                return drive(*io, arrival, self.writer, shared, place, opened, false).await;
            }
            Ok(Err(why)) => why,
            Err(_) => "no answer to connect in time".into(),
        };
        self.writer.gone();
        drop(place);
        shared.tell(StreamEvent::Closed { flow, why }).await;
    }

    async fn open(&self) -> Result<Opened, Cow<'static, str>> {
        let Dial { dialer, flow, remote, host, .. } = self;
        let io = dialer.connect(*remote, self.from).await.map_err(|error| words(&error))?;
        prepare(&io, dialer.keepalive);
        let (local, source) = addresses(&io).map_err(|error| words(&error))?;
        let arrival = Arrival { transport: dialer.id, protocol: dialer.protocol, flow: *flow, source, local };
        match &dialer.tls {
            None => Ok(Opened::Plain(io, arrival)),
            Some(tls) => {
                let io = tls.connect(io, host.as_deref(), remote.ip()).await?;
                Ok(Opened::Tls(Box::new(io), arrival))
            }
        }
    }
}

enum Opened {
    Plain(TcpStream, Arrival),
    Tls(Box<tokio_rustls::client::TlsStream<TcpStream>>, Arrival),
}
