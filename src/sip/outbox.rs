//! Messages on their way out: one byte arena, filled by decisions, flushed by the edge in one batch. Queuing a message
//! allocates nothing once the arena is warm.

use super::flow::Destination;
use crate::base::limits;
use std::collections::VecDeque;

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

/// Responses that may leave only after something happened, in the order of their sequence numbers: a REGISTER's 200
/// waits for the commit of its binding.
#[derive(Debug, Default)]
pub struct Held {
    arena: VecDeque<u8>,
    queue: VecDeque<(u64, Destination, usize)>,
    scratch: Vec<u8>,
}

impl Held {
    /// Holds the message that `write` appends until [`Held::release`] reaches `sequence`. Sequence numbers never go
    /// down. `false` when [`limits::HELD_REGISTERS`] wait already: nothing was held.
    pub fn push(&mut self, sequence: u64, to: Destination, write: impl FnOnce(&mut Vec<u8>)) -> bool {
        if self.queue.len() >= limits::HELD_REGISTERS {
            return false;
        }
        debug_assert!(self.queue.back().is_none_or(|(last, ..)| *last <= sequence), "sequences only rise");
        self.scratch.clear();
        write(&mut self.scratch);
        self.arena.extend(&self.scratch);
        self.queue.push_back((sequence, to, self.scratch.len()));
        true
    }

    /// Moves every message up to `sequence` into `out`.
    pub fn release(&mut self, sequence: u64, out: &mut Outbox) {
        while self.queue.front().is_some_and(|(at, ..)| *at <= sequence) {
            let Some((_, to, len)) = self.queue.pop_front() else { return };
            out.push(to, |bytes| take_front(&mut self.arena, len, bytes));
        }
    }

    /// Drops every message up to `sequence` and says to whom they would have gone: the commit failed, and each of
    /// these must be answered 500 instead.
    pub fn revoke(&mut self, sequence: u64) -> Vec<(Destination, Vec<u8>)> {
        let mut revoked = Vec::new();
        while self.queue.front().is_some_and(|(at, ..)| *at <= sequence) {
            let Some((_, to, len)) = self.queue.pop_front() else { break };
            revoked.push((to, self.arena.drain(..len).collect()));
        }
        revoked
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}

/// Moves the first `len` bytes to the end of `bytes`, slice by slice.
fn take_front(arena: &mut VecDeque<u8>, len: usize, bytes: &mut Vec<u8>) {
    let (front, back) = arena.as_slices();
    let from_front = len.min(front.len());
    bytes.extend_from_slice(&front[..from_front]);
    bytes.extend_from_slice(&back[..len - from_front]);
    arena.drain(..len);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{FlowId, TransportId};
    use crate::sip::flow::Protocol;

    fn to(port: u16) -> Destination {
        Destination {
            transport: TransportId(0),
            protocol: Protocol::Udp,
            flow: FlowId::DATAGRAM,
            remote: ([127, 0, 0, 1], port).into(),
            local: None,
        }
    }

    #[test]
    fn held_messages_leave_in_order_and_not_before_their_number() {
        let (mut held, mut out) = (Held::default(), Outbox::default());
        for n in 1..=4u16 {
            assert!(held.push(u64::from(n / 2), to(n), |b| b.extend_from_slice(&[n as u8; 3])));
        }
        held.release(1, &mut out);
        let sent: Vec<_> = out.iter().map(|(to, b)| (to.remote.port(), b.to_vec())).collect();
        assert_eq!(sent, [(1, vec![1; 3]), (2, vec![2; 3]), (3, vec![3; 3])]);
        assert_eq!(held.revoke(2), [(to(4), vec![4; 3])]);
        assert!(held.is_empty());
    }
}
