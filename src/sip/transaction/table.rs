//! Both tables of one shard, with their time in common.

use super::clients::{ClientTx, Clients, Failover};
use super::servers::{ServerTx, Servers};
use super::timers::{TimerName, Timers};
use crate::base::rng::Rng;
use crate::base::time::Moment;
use crate::base::wheel::Wheel;
use crate::sip::flow::Destination;
use crate::sip::mint::Shard;
use crate::sip::outbox::Outbox;
use std::time::Duration;

/// The transactions of one shard. `O` is what the user remembers with each of his requests.
#[derive(Debug)]
pub struct Table<O> {
    /// Requests that others sent us.
    pub servers: Servers<O>,
    /// Requests that we sent.
    pub clients: Clients<O>,
}

/// What time, or a broken transport, did to a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<O> {
    /// Our request got no final response from any target. The transaction is over.
    TimedOut {
        /// Which.
        tx: ClientTx,
        /// Whose.
        owner: O,
        /// B or F.
        timer: TimerName,
    },
    /// Our request could not be sent to any target. The transaction is over.
    TransportFailed {
        /// Which.
        tx: ClientTx,
        /// Whose.
        owner: O,
    },
    /// Our request went to its next target, under a new branch (RFC 3263 4.3).
    FailedOver {
        /// Which; it stays valid.
        tx: ClientTx,
        /// Whose.
        owner: O,
        /// The new target.
        to: Destination,
        /// What was wrong with the one before.
        why: Failover,
    },
    /// Timer H: our non-2xx response to an INVITE was never acknowledged. The transaction is over.
    AckMissing {
        /// Which.
        tx: ServerTx,
        /// Whose.
        owner: Option<O>,
    },
    /// Nobody answered a request within 64·T1; its sender has given up (RFC 4320). The transaction is over.
    Unanswered {
        /// Which.
        tx: ServerTx,
        /// Whose.
        owner: Option<O>,
    },
}

impl<O: Copy> Table<O> {
    /// Empty tables. All randomness follows from `seed`.
    pub fn new(now: Moment, timers: Timers, shard: Shard, seed: u64) -> Table<O> {
        let mut rng = Rng::seeded(seed);
        Table {
            servers: Servers::new(now, timers, shard, rng.next_u64()),
            clients: Clients::new(now, timers, shard, rng.next_u64()),
        }
    }

    /// Lets due timers do their work, at most `limit` of each table; call again while [`Table::next_deadline`] is past.
    pub fn expire(&mut self, now: Moment, limit: usize, out: &mut Outbox, events: &mut Vec<Event<O>>) {
        self.servers.expire(now, limit, out, events);
        self.clients.expire(now, limit, out, events);
    }

    /// When [`Table::expire`] is due.
    pub fn next_deadline(&self) -> Option<Moment> {
        let (a, b) = (self.servers.next_deadline(), self.clients.next_deadline());
        a.into_iter().chain(b).min()
    }

    /// Replaces the values of timers (`timer_t1`, `timer_b` after a reload); those that run keep theirs.
    pub fn set_timers(&mut self, timers: Timers) {
        self.servers.set_timers(timers);
        self.clients.set_timers(timers);
    }
}

/// A wheel that turns once in 41 s, so that a timer of 64·T1 waits no further round.
pub(super) fn wheel(now: Moment) -> Wheel<u32> {
    Wheel::new(now, Duration::from_millis(10), 4_096)
}
