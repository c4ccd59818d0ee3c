//! Messages on their way out: one byte arena, filled by decisions, flushed by the edge in one batch. Queuing a message
//! allocates nothing once the arena is warm.

use super::flow::Destination;

/// One message in the arena.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing {
    /// Where it goes.
    pub to: Destination,
    start: usize,
    end: usize,
}

/// Messages to send now, in order.
#[derive(Debug, Default)]
pub struct Outbox {
    arena: Vec<u8>,
    queue: Vec<Outgoing>,
}

impl Outbox {
    /// Queues the message that `write` appends to the arena.
    pub fn push(&mut self, to: Destination, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.arena.len();
        write(&mut self.arena);
        self.queue.push(Outgoing { to, start, end: self.arena.len() });
    }

    /// Queues bytes that are there already: a replayed response.
    pub fn push_bytes(&mut self, to: Destination, bytes: &[u8]) {
        self.push(to, |arena| arena.extend_from_slice(bytes));
    }

    /// The messages in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Destination, &[u8])> + '_ {
        self.queue.iter().map(|m| (m.to, &self.arena[m.start..m.end]))
    }

    /// The bytes of the message queued last; empty when there is none.
    pub fn last_bytes(&self) -> &[u8] {
        self.queue.last().map_or(&[], |m| &self.arena[m.start..m.end])
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Forgets all, keeps the memory (unless a burst made it huge).
    pub fn clear(&mut self) {
        self.queue.clear();
        self.arena.clear();
        self.arena.shrink_to(1 << 20);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{FlowId, TransportId};
    use crate::sip::flow::Protocol;

    #[test]
    fn messages_leave_in_order_and_the_memory_stays() {
        let to = |port: u16| Destination {
            transport: TransportId(0),
            protocol: Protocol::Udp,
            flow: FlowId::DATAGRAM,
            remote: ([127, 0, 0, 1], port).into(),
            local: None,
        };
        let mut out = Outbox::default();
        for port in 1..=3u16 {
            out.push_bytes(to(port), &[port as u8; 3]);
        }
        let sent: Vec<_> = out.iter().map(|(to, bytes)| (to.remote.port(), bytes.to_vec())).collect();
        assert_eq!(sent, [(1, vec![1; 3]), (2, vec![2; 3]), (3, vec![3; 3])]);
        assert_eq!(out.last_bytes(), [3; 3]);
        out.clear();
        assert!(out.is_empty() && out.last_bytes().is_empty());
    }
}
