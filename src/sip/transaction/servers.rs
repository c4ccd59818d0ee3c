//! Requests that others sent us.

use super::Next;
use super::arena::Arena;
use super::key::{Key, Stored};
use super::requests::spread;
use super::server::Server;
use super::server_invite::{self, ServerInvite};
use super::slab::{Id, Slab};
use super::table::Event;
use super::timers::Timers;
use super::way::{Locals, Way};
use crate::base::limits;
use crate::base::time::Moment;
use crate::base::wheel::{TimerId, Wheel};
use crate::sip::flow::Destination;
use crate::sip::method::Method;
use crate::sip::mint::{self, Shard};
use crate::sip::outbox::Outbox;
use crate::sip::wire::{Envelope, Message};
use foldhash::fast::FixedState;
use hashbrown::HashTable;
use std::collections::VecDeque;
use std::hash::{BuildHasher, Hasher};

/// A request being served. Finds nothing once its transaction has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerTx(pub(super) Id);

/// What a received request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// A new one: somebody must answer it.
    New(ServerTx),
    /// A new CANCEL. It is answered 200 (and an INVITE that it cancels 487).
    Cancel {
        /// The CANCEL's own transaction.
        cancel: ServerTx,
        /// What it cancels: any transaction of the same branch, answered already or not.
        of: ServerTx,
    },
    /// A CANCEL of nothing: answer 481 without a transaction, because anybody can send any number of them.
    StrayCancel,
    /// Seen before. What was answered last went out again, if there was something (`replayed`).
    Retransmission {
        /// The transaction.
        of: ServerTx,
        /// Whether a response was queued.
        replayed: bool,
    },
    /// An ACK for the dialog: of a 2xx, or of nothing known here.
    Ack,
    /// An ACK of a non-2xx response, or of nothing we have answered: no more to do.
    AckAbsorbed,
    /// The same request arrived before by another way: answer 482 without a transaction (RFC 3261 8.2.2.2).
    Merged,
    /// As many as [`Servers::set_limit`] allows are alive: answer 503 without a transaction.
    Full,
}

/// Why a response was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The transaction is over.
    Gone,
    /// A final response was given already.
    AlreadyFinal,
    /// RFC 4320: no 408, and no provisional response but 100, to anything but INVITE.
    Forbidden,
    /// [`limits::HELD_REGISTERS`] responses wait already.
    TooManyHeld,
    /// Longer than a message may be.
    TooLong,
}

#[derive(Debug)]
pub(super) struct Entry<O> {
    pub stored: Stored,
    /// 0 for none.
    pub merge: u64,
    pub hash: u32,
    pub timer: TimerId,
    pub state: State,
    /// Where the response went that is stored.
    pub way: Option<Way>,
    pub owner: Option<O>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum State {
    Invite(ServerInvite),
    Other(Server),
    /// The final response is stored and waits for [`Servers::release`].
    Held(Server),
}

/// All server transactions of one shard. `O` is what the user remembers with one.
#[derive(Debug)]
pub struct Servers<O> {
    pub(super) entries: Slab<Entry<O>>,
    pub(super) arena: Arena,
    pub(super) by_key: HashTable<u32>,
    pub(super) by_merge: HashTable<u32>,
    pub(super) held: VecDeque<(u64, ServerTx)>,
    /// Answered REGISTERs, oldest first; some are over already.
    finished: VecDeque<ServerTx>,
    pub(super) locals: Locals,
    pub(super) hash: FixedState,
    pub(super) timers: Timers,
    pub(super) limit: usize,
    pub(super) scratch: Vec<u8>,
    shard: Shard,
    wheel: Wheel<u32>,
    fired: Vec<u32>,
}

impl<O: Copy> Servers<O> {
    /// An empty table. `seed` comes from the system, so that nobody can aim keys at one slot.
    pub fn new(now: Moment, timers: Timers, shard: Shard, seed: u64) -> Servers<O> {
        Servers {
            entries: Slab::new(),
            arena: Arena::default(),
            by_key: HashTable::with_capacity(4_096),
            by_merge: HashTable::with_capacity(4_096),
            wheel: super::table::wheel(now),
            held: VecDeque::new(),
            finished: VecDeque::new(),
            locals: Locals::default(),
            hash: FixedState::with_seed(seed),
            timers,
            shard,
            limit: limits::SERVER_TRANSACTIONS,
            scratch: Vec::new(),
            fired: Vec::new(),
        }
    }

    /// Says what a request is, and answers a retransmission. `envelope` is the message's own.
    pub fn receive(
        &mut self,
        now: Moment,
        message: &Message<'_>,
        envelope: &Envelope<'_>,
        out: &mut Outbox,
    ) -> Received {
        let mut scratch = std::mem::take(&mut self.scratch);
        let key = Key::of(message, envelope, &mut scratch);
        let received = self.receive_keyed(now, &key, envelope, out);
        self.scratch = scratch;
        received
    }

    /// Whether a request was seen before; what was answered last goes out again, if there was something. A new one is
    /// not entered: whoever wants it does that with [`Servers::receive`].
    pub fn is_repeated(&mut self, message: &Message<'_>, envelope: &Envelope<'_>, out: &mut Outbox) -> bool {
        let mut scratch = std::mem::take(&mut self.scratch);
        let key = Key::of(message, envelope, &mut scratch);
        let found = self.find_keyed(&key);
        self.scratch = scratch;
        if let Some(id) = found {
            self.replay(id, out);
        }
        found.is_some()
    }

    /// Queues a response and remembers it for retransmissions.
    ///
    /// # Errors
    /// When this response may not be sent (any more); nothing was queued and `write` was not called.
    pub fn respond(
        &mut self,
        now: Moment,
        tx: ServerTx,
        code: u16,
        to: Destination,
        out: &mut Outbox,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), Refused> {
        let entry = self.entries.get(tx.0).ok_or(Refused::Gone)?;
        let next = entry.state.respond(now, code, to.protocol.is_reliable(), &self.timers)?;
        out.push(to, write);
        self.responded(tx, next, to, out.last_bytes());
        Ok(())
    }

    /// A tag for the reply to a request that gets no transaction: the same each time it comes (RFC 3261 8.2.7).
    pub fn stateless_tag(&self, envelope: &Envelope<'_>, out: &mut Vec<u8>) {
        let mut hasher = self.hash.build_hasher();
        for part in [envelope.via.raw, envelope.call_id, envelope.from.tag().unwrap_or_default()] {
            hasher.write(part);
        }
        hasher.write_u32(envelope.cseq.number);
        mint::write_tag(self.shard, hasher.finish(), out);
    }

    /// Remembers `owner` with a transaction, for the events that name it.
    pub fn set_owner(&mut self, tx: ServerTx, owner: O) {
        if let Some(entry) = self.entries.get_mut(tx.0) {
            entry.owner = Some(owner);
        }
    }

    /// What was remembered.
    pub fn owner(&self, tx: ServerTx) -> Option<O> {
        self.entries.get(tx.0)?.owner
    }

    /// Whether the transaction lives and has no final response yet.
    pub fn awaits_final(&self, tx: ServerTx) -> bool {
        self.entries.get(tx.0).is_some_and(|entry| !entry.state.is_final())
    }

    /// Lets due timers do their work, at most `limit` of them.
    pub fn expire(&mut self, now: Moment, limit: usize, out: &mut Outbox, events: &mut Vec<Event<O>>) {
        let mut fired = std::mem::take(&mut self.fired);
        self.wheel.expire(now, limit, &mut fired);
        for index in fired.drain(..) {
            self.fire(now, index, out, events);
        }
        self.fired = fired;
    }

    /// When [`Servers::expire`] is due.
    pub fn next_deadline(&self) -> Option<Moment> {
        self.wheel.next_deadline()
    }

    /// Replaces the values of timers; those that run keep theirs.
    pub fn set_timers(&mut self, timers: Timers) {
        self.timers = timers;
    }

    /// At most so many at once: this shard's share of [`limits::SERVER_TRANSACTIONS`].
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Transactions alive, finished ones included.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.len() == 0
    }
}

// === inside ===

impl<O: Copy> Servers<O> {
    /// After a response was queued: keeps what a retransmission will need.
    fn responded(&mut self, tx: ServerTx, next: Next<State>, to: Destination, response: &[u8]) {
        let way = self.locals.shorten(to);
        if let Some(entry) = self.entries.get_mut(tx.0)
            && let Next::State(state) = next
        {
            entry.way = Some(way);
            // Over a connection nothing is lost, so nothing is asked for again.
            if state.replays() && !to.protocol.is_reliable() {
                // One too long to be kept is not repeated; it could not have gone over UDP anyway.
                entry.stored.keep(response, &mut self.arena);
            } else if entry.stored.has_response() {
                entry.stored.forget(&mut self.arena);
            }
        }
        let last = matches!(next, Next::State(state) if state.is_final());
        self.enter(tx.0, next);
        if last {
            self.note_finished(tx);
        }
    }

    pub(super) fn enter(&mut self, id: Id, next: Next<State>) {
        match next {
            Next::State(state) => {
                if let Some(entry) = self.entries.get_mut(id) {
                    entry.state = state;
                }
                self.schedule(id);
            }
            Next::Terminated => self.remove(id),
        }
    }

    /// Remembers that a REGISTER may be forgotten early, and forgets the oldest when there are too many.
    pub(super) fn note_finished(&mut self, tx: ServerTx) {
        if self.entries.get(tx.0).is_none_or(|entry| entry.stored.method != Method::Register) {
            return;
        }
        self.finished.push_back(tx);
        while let Some(first) = self.finished.front().copied() {
            let over = self.entries.get(first.0).is_none();
            if !over && self.finished.len() <= limits::FINISHED_REGISTERS {
                return;
            }
            self.finished.pop_front();
            self.remove(first.0);
        }
    }

    /// Makes the running timer that of the present state.
    pub(super) fn schedule(&mut self, id: Id) {
        let Some(entry) = self.entries.get_mut(id) else { return };
        self.wheel.cancel(entry.timer);
        entry.timer = match entry.state.deadline() {
            Some(at) => self.wheel.insert(at, id.index),
            None => TimerId::NONE,
        };
    }

    fn remove(&mut self, id: Id) {
        let Some(entry) = self.entries.remove(id) else { return };
        entry.stored.release(&mut self.arena);
        self.wheel.cancel(entry.timer);
        if let Ok(found) = self.by_key.find_entry(spread(entry.hash), |i| *i == id.index) {
            found.remove();
        }
        if entry.merge != 0
            && let Ok(found) = self.by_merge.find_entry(entry.merge, |i| *i == id.index)
        {
            found.remove();
        }
    }

    fn fire(&mut self, now: Moment, index: u32, out: &mut Outbox, events: &mut Vec<Event<O>>) {
        // A timer is cancelled with its transaction, so there is one.
        let Some((id, entry)) = self.entries.at(index) else { return };
        let (state, owner, tx) = (entry.state, entry.owner, ServerTx(id));
        match state {
            State::Other(inner) | State::Held(inner) if now < inner.deadline() => self.schedule(id),
            State::Other(_) | State::Held(_) => {
                self.remove(id);
                if !state.is_final() {
                    events.push(Event::Unanswered { tx, owner });
                }
            }
            State::Invite(state) => match state.fire(now, &self.timers) {
                server_invite::Fired::Waits(_) => self.schedule(id),
                server_invite::Fired::Resend(next) => {
                    self.replay(id, out);
                    self.enter(id, Next::State(State::Invite(next)));
                }
                server_invite::Fired::Unacknowledged => {
                    self.remove(id);
                    events.push(Event::AckMissing { tx, owner });
                }
                server_invite::Fired::Over => self.remove(id),
            },
        }
    }
}

impl State {
    pub fn respond(
        self,
        now: Moment,
        code: u16,
        reliable: bool,
        timers: &Timers,
    ) -> Result<Next<State>, Refused> {
        match self {
            State::Invite(state) => {
                state.respond(now, code, reliable, timers).map(|next| next.map(State::Invite))
            }
            State::Other(state) | State::Held(state) => {
                state.respond(now, code, reliable, timers).map(|next| next.map(State::Other))
            }
        }
    }

    pub fn replays(self) -> bool {
        match self {
            State::Invite(state) => state.replays(),
            State::Other(state) => state.replays(),
            State::Held(_) => false,
        }
    }

    pub fn is_final(self) -> bool {
        match self {
            State::Invite(state) => state.is_final(),
            State::Other(state) => state.is_final(),
            State::Held(_) => false,
        }
    }

    pub fn deadline(self) -> Option<Moment> {
        match self {
            State::Invite(state) => state.deadline(),
            State::Other(state) | State::Held(state) => Some(state.deadline()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a finished REGISTER costs: its place, its timer, two table entries at their worst load, and a response of
    /// everyday length, which costs its bytes and no more. `benches/transaction.rs` measures it.
    #[test]
    fn a_finished_register_stays_below_0_7_kib() {
        let place = Slab::<Entry<u32>>::slot_bytes();
        let timer = 32;
        let tables = 2 * 12;
        let response = 488;
        let total = place + timer + tables + response;
        assert!(total <= 716, "{place} + {timer} + {tables} + {response} = {total}");
    }
}
