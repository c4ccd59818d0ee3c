//! Sorting a received request: new, seen, merged, an ACK, a CANCEL.

use super::key::{Key, merge_hash};
use super::server::Server;
use super::server_invite::{Acked, ServerInvite};
use super::servers::{Entry, Received, ServerTx, Servers, State};
use super::slab::Id;
use crate::base::time::Moment;
use crate::base::wheel::TimerId;
use crate::sip::method::Method;
use crate::sip::outbox::Outbox;
use crate::sip::wire::Envelope;

impl<O: Copy> Servers<O> {
    /// The transaction of a request.
    pub(super) fn find_keyed(&self, key: &Key<'_>) -> Option<Id> {
        let hash = key.hash(&self.hash) as u32;
        let (entries, arena) = (&self.entries, &self.arena);
        let found = self
            .by_key
            .find(spread(hash), |i| entries.at(*i).is_some_and(|(_, e)| e.stored.matches(key, arena)));
        found.and_then(|i| entries.at(*i)).map(|(id, _)| id)
    }

    pub(super) fn receive_keyed(
        &mut self,
        now: Moment,
        key: &Key<'_>,
        envelope: &Envelope<'_>,
        out: &mut Outbox,
    ) -> Received {
        let hash = key.hash(&self.hash) as u32;
        let (entries, arena) = (&self.entries, &self.arena);
        let found = self
            .by_key
            .find(spread(hash), |i| entries.at(*i).is_some_and(|(_, e)| e.stored.matches(key, arena)));
        let found = found.and_then(|i| entries.at(*i)).map(|(id, _)| id);
        if envelope.cseq.method == Method::Ack {
            return found.map_or(Received::Ack, |id| self.acknowledge(now, id));
        }
        if let Some(id) = found {
            return Received::Retransmission { of: ServerTx(id), replayed: self.replay(id, out) };
        }
        if self.entries.len() >= self.limit {
            return Received::Full;
        }
        let merge = merge_hash(envelope, &self.hash);
        if merge.is_some_and(|merge| self.has_merge(merge)) {
            return Received::Merged;
        }
        if envelope.cseq.method != Method::Cancel {
            return Received::New(self.insert(now, key, hash, merge.unwrap_or(0)));
        }
        let of = self
            .by_key
            .find(spread(hash), |i| entries.at(*i).is_some_and(|(_, e)| e.stored.is_cancelled_by(key, arena)))
            .and_then(|i| entries.at(*i))
            .map(|(id, _)| ServerTx(id));
        match of {
            Some(of) => Received::Cancel { cancel: self.insert(now, key, hash, merge.unwrap_or(0)), of },
            None => Received::StrayCancel,
        }
    }

    /// Whether the same request arrived before by another way, for one that has not been received as a whole yet.
    pub fn is_merged(&self, envelope: &Envelope<'_>) -> bool {
        merge_hash(envelope, &self.hash).is_some_and(|merge| self.has_merge(merge))
    }

    fn has_merge(&self, merge: u64) -> bool {
        let entries = &self.entries;
        self.by_merge.find(merge, |i| entries.at(*i).is_some_and(|(_, e)| e.merge == merge)).is_some()
    }

    fn insert(&mut self, now: Moment, key: &Key<'_>, hash: u32, merge: u64) -> ServerTx {
        let stored = key.store(&mut self.arena);
        let state = match stored.method {
            Method::Invite => State::Invite(ServerInvite::Proceeding),
            _ => State::Other(Server::start(now, &self.timers)),
        };
        let entry = Entry { stored, merge, hash, timer: TimerId::NONE, state, way: None, owner: None };
        let id = self.entries.insert(entry);
        let entries = &self.entries;
        let hash_of = |i: &u32| entries.at(*i).map_or(0, |(_, e)| spread(e.hash));
        self.by_key.insert_unique(spread(hash), id.index, hash_of);
        if merge != 0 {
            let merge_of = |i: &u32| entries.at(*i).map_or(0, |(_, e)| e.merge);
            self.by_merge.insert_unique(merge, id.index, merge_of);
        }
        self.schedule(id);
        ServerTx(id)
    }

    pub(super) fn replay(&self, id: Id, out: &mut Outbox) -> bool {
        let Some(entry) = self.entries.get(id) else { return false };
        let response = entry.stored.response(&self.arena);
        match entry.way {
            Some(way) if entry.state.replays() && !response.is_empty() => {
                out.push_bytes(self.locals.lengthen(way), response);
                true
            }
            _ => false,
        }
    }

    fn acknowledge(&mut self, now: Moment, id: Id) -> Received {
        let Some(entry) = self.entries.get_mut(id) else { return Received::Ack };
        let State::Invite(state) = entry.state else { return Received::Ack };
        let reliable = entry.way.is_some_and(|way| way.is_reliable());
        match state.acknowledge(now, reliable, &self.timers) {
            Acked::Passed => Received::Ack,
            Acked::Stray => Received::AckAbsorbed,
            Acked::Absorbed(next) => {
                if state.replays() {
                    entry.stored.forget(&mut self.arena);
                }
                self.enter(id, next.map(State::Invite));
                Received::AckAbsorbed
            }
        }
    }
}

/// A stored half of a hash, made whole: the table takes its place from the low bits and a check from the high ones.
pub(super) fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
