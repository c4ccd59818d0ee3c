//! The next target (RFC 3263 4.3), and which transactions a broken transport concerns.

use super::Next;
use super::cancel::Cancel;
use super::client_invite::ClientInvite;
use super::clients::{ClientTx, Clients, Entry, Failover, State, Target};
use super::slab::Id;
use super::table::Event;
use crate::base::ids::FlowId;
use crate::base::time::Moment;
use crate::base::wheel::TimerId;
use crate::sip::flow::{Destination, Protocol};
use crate::sip::outbox::Outbox;
use foldhash::fast::FixedState;
use std::collections::HashMap;
use std::net::SocketAddr;

/// What a broken transport is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Way {
    Flow(FlowId),
    Peer(Protocol, SocketAddr),
}

impl Way {
    fn of(to: &Destination) -> Way {
        if to.flow.is_connection() { Way::Flow(to.flow) } else { Way::Peer(to.protocol, to.remote) }
    }
}

/// Neighbours in the list of transactions that go the same way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Links {
    prev: u32,
    next: u32,
}

const NONE: u32 = u32::MAX;

/// The first unanswered transaction of each way.
#[derive(Debug)]
pub(super) struct Ways(HashMap<Way, u32, FixedState>);

impl Ways {
    pub fn new(seed: u64) -> Ways {
        Ways(HashMap::with_hasher(FixedState::with_seed(seed)))
    }
}

impl<O: Copy> Clients<O> {
    /// A message to `to` could not be sent: every unanswered request that goes there tries its next target or fails.
    pub fn send_failed(
        &mut self,
        now: Moment,
        to: &Destination,
        out: &mut Outbox,
        events: &mut Vec<Event<O>>,
    ) {
        self.broken(now, Way::of(to), out, events);
    }

    /// A connection is gone. Requests that were sent on it cannot be answered; nor those that went to `peer`, for which
    /// any connection would have done, when this was the one.
    pub fn flow_closed(
        &mut self,
        now: Moment,
        flow: FlowId,
        peer: Option<(Protocol, SocketAddr)>,
        out: &mut Outbox,
        events: &mut Vec<Event<O>>,
    ) {
        self.broken(now, Way::Flow(flow), out, events);
        if let Some((protocol, remote)) = peer {
            self.broken(now, Way::Peer(protocol, remote), out, events);
        }
    }

    fn broken(&mut self, now: Moment, way: Way, out: &mut Outbox, events: &mut Vec<Event<O>>) {
        // Collected first: a transaction whose next target goes the same way joins the list again.
        let mut concerned = Vec::new();
        let mut next = self.ways.0.get(&way).copied().unwrap_or(NONE);
        while let Some((id, entry)) = self.entries.at(next) {
            concerned.push(id);
            next = entry.links.map_or(NONE, |links| links.next);
        }
        for id in concerned {
            let tx = ClientTx(id);
            if let Some((owner, to)) = self.fail_over(now, id, out) {
                events.push(Event::FailedOver { tx, owner, to, why: Failover::Transport });
                continue;
            }
            // Gone already when its INVITE, earlier in the list, took it along.
            let owner = self.entries.get(id).and_then(|entry| entry.owner);
            self.remove(id);
            events.extend(owner.map(|owner| Event::TransportFailed { tx, owner }));
        }
    }

    /// Starts over with the next target and a new branch; `None` when there is none or it may not be tried: the user
    /// has cancelled, or this target has taken the request already.
    pub(super) fn fail_over(&mut self, now: Moment, id: Id, out: &mut Outbox) -> Option<(O, Destination)> {
        let random = self.random();
        let entry = self.entries.get_mut(id)?;
        let owner = entry.owner?;
        if !matches!(entry.cancel, Cancel::None) || entry.reached {
            return None;
        }
        let target = entry.later.pop()?;
        self.unlink(id);
        let entry = self.entries.get(id)?;
        let state = self.start(now, entry.method, target.to.protocol.is_reliable());
        let entry = self.entries.get_mut(id)?;
        entry.target = target;
        entry.branch.random = random;
        entry.state = state;
        entry.reached = false;
        entry.write(out);
        let to = entry.target.to;
        self.link(id);
        self.schedule(id);
        Some((owner, to))
    }

    /// The same for an INVITE whose 503 was just acknowledged. What is left of the old attempt (`next`) stays behind
    /// in a place of its own, to acknowledge repetitions of the 503.
    pub(super) fn fail_over_after_ack(
        &mut self,
        now: Moment,
        id: Id,
        next: Next<ClientInvite>,
        ack: &[u8],
        out: &mut Outbox,
    ) -> Option<(O, Destination)> {
        let entry = self.entries.get_mut(id)?;
        let (target, branch, method) = (entry.target.clone(), entry.branch, entry.method);
        let moved = self.fail_over(now, id, out)?;
        let Next::State(state) = next else { return Some(moved) };
        let older = self.entries.get_mut(id)?.residue.take();
        let residue = self.insert(Entry {
            state: State::Invite(state),
            method,
            branch,
            text: ack.into(),
            target: Target { contact: None, ..target },
            later: Vec::new(),
            owner: None,
            timer: TimerId::NONE,
            cancel: Cancel::None,
            reached: true,
            links: None,
            residue: older,
        });
        // With a full table repetitions of the 503 go unacknowledged; its sender stops by its own timer.
        if let Ok(residue) = residue {
            self.unlink(residue);
            self.entries.get_mut(id)?.residue = Some(residue);
        }
        Some(moved)
    }

    pub(super) fn link(&mut self, id: Id) {
        let Some(entry) = self.entries.get_mut(id) else { return };
        let next = self.ways.0.insert(Way::of(&entry.target.to), id.index).unwrap_or(NONE);
        entry.links = Some(Links { prev: NONE, next });
        self.set_prev(next, id.index);
    }

    pub(super) fn unlink(&mut self, id: Id) {
        let Some(entry) = self.entries.get_mut(id) else { return };
        let Some(Links { prev, next }) = entry.links.take() else { return };
        let way = Way::of(&entry.target.to);
        self.set_prev(next, prev);
        if let Some(links) = self.entries.at_mut(prev).and_then(|entry| entry.links.as_mut()) {
            links.next = next;
        } else if next == NONE {
            self.ways.0.remove(&way);
        } else {
            self.ways.0.insert(way, next);
        }
    }

    fn set_prev(&mut self, index: u32, prev: u32) {
        if let Some(links) = self.entries.at_mut(index).and_then(|entry| entry.links.as_mut()) {
            links.prev = prev;
        }
    }
}
