//! Where a stored response went, without the 32 bytes of its local address, of which there are few.

use crate::base::ids::{FlowId, TransportId};
use crate::sip::flow::{Destination, Protocol};
use std::net::SocketAddr;

/// A destination that takes 48 bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    remote: SocketAddr,
    flow: FlowId,
    transport: TransportId,
    /// Place in [`Locals`], counted from 1; 0 for none.
    local: u16,
    protocol: Protocol,
}

impl Way {
    pub fn is_reliable(&self) -> bool {
        self.protocol.is_reliable()
    }
}

/// Our own addresses that responses left from.
#[derive(Debug, Default)]
pub(super) struct Locals(Vec<SocketAddr>);

/// Own addresses remembered. With more, a repeated response leaves from the address the system chooses.
const LOCALS: usize = 1024;

impl Locals {
    pub fn shorten(&mut self, to: Destination) -> Way {
        let local = to.local.map_or(0, |local| self.place(local));
        Way { remote: to.remote, flow: to.flow, transport: to.transport, local, protocol: to.protocol }
    }

    pub fn lengthen(&self, way: Way) -> Destination {
        Destination {
            transport: way.transport,
            protocol: way.protocol,
            flow: way.flow,
            remote: way.remote,
            local: usize::from(way.local).checked_sub(1).and_then(|i| self.0.get(i)).copied(),
        }
    }

    fn place(&mut self, local: SocketAddr) -> u16 {
        if let Some(at) = self.0.iter().position(|known| *known == local) {
            return at as u16 + 1;
        }
        if self.0.len() >= LOCALS {
            return 0;
        }
        self.0.push(local);
        self.0.len() as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shortened_is_lengthened_again() {
        let mut locals = Locals::default();
        for n in 0..LOCALS as u16 + 10 {
            let to = Destination {
                transport: TransportId(n),
                protocol: Protocol::Tls,
                flow: FlowId(u64::from(n)),
                remote: "[fe80::1%7]:5061".parse().expect("address"),
                local: (n > 0).then(|| ([10, 0, 0, 1], n).into()),
            };
            let known = usize::from(n) <= LOCALS;
            let way = locals.shorten(to);
            assert_eq!(locals.lengthen(way), Destination { local: to.local.filter(|_| known), ..to });
        }
        assert_eq!(size_of::<Option<Way>>(), 48);
    }
}
