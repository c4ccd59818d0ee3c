//! Requests that we sent.

use super::client::{self, Client};
use super::client_invite::{self, ClientInvite};
use super::slab::{Id, Slab};
use super::table::Event;
use super::timers::{TimerName, Timers};
use super::{Next, text};
use crate::base::limits;
use crate::base::rng::Rng;
use crate::base::time::Moment;
use crate::base::wheel::{TimerId, Wheel};
use crate::sip::flow::Destination;
use crate::sip::method::Method;
use crate::sip::mint::{Branch, NO_TRANSACTION, Shard};
use crate::sip::outbox::Outbox;
use crate::sip::wire::Index;
use std::sync::Arc;

use super::cancel::Cancel;
use super::failover::{Links, Ways};

/// A request we sent. Finds nothing once its transaction has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientTx(pub(super) Id);

/// One place a request may be sent to, with what it says about us there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Where.
    pub to: Destination,
    /// `host[:port]` of our Via.
    pub sent_by: Arc<str>,
    /// Our Contact's whole value, for requests that have one.
    pub contact: Option<Arc<str>>,
}

/// As many as [`Clients::set_limit`] allows are alive: the request was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// What a response is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard<O> {
    /// The user's: every provisional, the final one, each 2xx to an INVITE.
    Response {
        /// The request it answers; over, when the response is final and no 2xx to an INVITE.
        tx: ClientTx,
        /// Whose.
        owner: O,
    },
    /// A 503, and the request went to its next target under a new branch.
    FailedOver {
        /// The request; it stays valid.
        tx: ClientTx,
        /// Whose.
        owner: O,
        /// The new target.
        to: Destination,
    },
    /// A repetition (its ACK was sent again where one is due), or the answer to our CANCEL.
    Absorbed,
    /// Of no request of ours, or too late for it.
    Stray,
}

/// Why a request went to its next target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failover {
    /// No answer.
    Timeout,
    /// 503.
    Unavailable,
    /// It could not be sent, or its connection broke.
    Transport,
}

/// What became of the wish to cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelOutcome {
    /// The CANCEL went out.
    Sent,
    /// It goes out with the first provisional response: before, there is nothing to cancel (RFC 3261 9.1).
    Waits,
    /// A final response came already, or this is no INVITE of ours.
    TooLate,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum State {
    Invite(ClientInvite),
    Other(Client),
}

#[derive(Debug)]
pub(super) struct Entry<O> {
    pub state: State,
    pub method: Method,
    pub branch: Branch,
    /// The request without Via and Contact; its ACK's once that was sent; empty when nothing will be sent again.
    pub text: Box<[u8]>,
    pub target: Target,
    /// Where to try next, last first.
    pub later: Vec<Target>,
    /// `None`: nobody is told (a CANCEL, or what a failed-over INVITE leaves behind).
    pub owner: Option<O>,
    pub timer: TimerId,
    pub cancel: Cancel,
    /// A provisional response beyond 100 came, so this target has taken the request.
    pub reached: bool,
    pub links: Option<Links>,
    /// An earlier attempt that must still acknowledge its 503.
    pub residue: Option<Id>,
}

impl<O> Entry<O> {
    pub fn is_reliable(&self) -> bool {
        self.target.to.protocol.is_reliable()
    }

    pub fn write(&self, out: &mut Outbox) {
        out.push(self.target.to, |bytes| text::write_request(bytes, &self.text, &self.target, self.branch));
    }
}

/// All client transactions of one shard. `O` is what the user remembers with each.
#[derive(Debug)]
pub struct Clients<O> {
    pub(super) entries: Slab<Entry<O>>,
    pub(super) wheel: Wheel<u32>,
    pub(super) ways: Ways,
    pub(super) timers: Timers,
    pub(super) index: Index,
    shard: Shard,
    limit: usize,
    rng: Rng,
    fired: Vec<u32>,
}

impl<O: Copy> Clients<O> {
    /// An empty table. All branches follow from `seed`.
    pub fn new(now: Moment, timers: Timers, shard: Shard, seed: u64) -> Clients<O> {
        let mut rng = Rng::seeded(seed);
        Clients {
            entries: Slab::new(),
            wheel: super::table::wheel(now),
            ways: Ways::new(rng.next_u64()),
            timers,
            index: Index::default(),
            shard,
            limit: limits::CLIENT_TRANSACTIONS,
            rng,
            fired: Vec::new(),
        }
    }

    /// Sends a request. `text` is all of it but Via and Contact, which each target brings along. When the first target
    /// does not answer, refuses with 503 or cannot be reached, the `later` ones are tried in order, each with a branch
    /// of its own.
    ///
    /// # Errors
    /// When too many are alive already; nothing was sent.
    pub fn send(
        &mut self,
        now: Moment,
        owner: O,
        text: &[u8],
        first: Target,
        mut later: Vec<Target>,
        out: &mut Outbox,
    ) -> Result<ClientTx, Full> {
        later.reverse();
        let method = method_of(text);
        let state = self.start(now, method, first.to.protocol.is_reliable());
        // A lone request over a connection is never sent again, so it is not kept.
        let keep = method == Method::Invite || !first.to.protocol.is_reliable() || !later.is_empty();
        let entry = Entry {
            state,
            method,
            branch: Branch { shard: self.shard, index: NO_TRANSACTION, random: self.rng.next_u64() },
            text: Box::default(),
            target: first,
            later,
            owner: Some(owner),
            timer: TimerId::NONE,
            cancel: Cancel::None,
            reached: false,
            links: None,
            residue: None,
        };
        let id = self.insert(entry)?;
        let Some(entry) = self.entries.get_mut(id) else { return Err(Full) };
        entry.branch.index = id.index;
        out.push(entry.target.to, |bytes| text::write_request(bytes, text, &entry.target, entry.branch));
        if keep {
            entry.text = text.into();
        }
        Ok(ClientTx(id))
    }

    /// Sends a request that has no transaction: the ACK of a 2xx. The dialog keeps the bytes (they are the outbox's
    /// last) and sends them again for each repetition of that 2xx.
    pub fn send_alone(&mut self, text: &[u8], target: &Target, out: &mut Outbox) {
        let branch = Branch { shard: self.shard, index: NO_TRANSACTION, random: self.rng.next_u64() };
        out.push(target.to, |bytes| text::write_request(bytes, text, target, branch));
    }

    /// Forgets a request: its user has stopped waiting (`qualify_timeout`). Late responses are strays. An INVITE is
    /// not forgotten but cancelled, see [`Clients::cancel`].
    pub fn abandon(&mut self, tx: ClientTx) {
        if self.entries.get(tx.0).is_some_and(|entry| entry.method != Method::Invite) {
            self.remove(tx.0);
        }
    }

    /// Whose it is, while it lives.
    pub fn owner(&self, tx: ClientTx) -> Option<O> {
        self.entries.get(tx.0)?.owner
    }

    /// Where it was sent, while it lives.
    pub fn destination(&self, tx: ClientTx) -> Option<Destination> {
        Some(self.entries.get(tx.0)?.target.to)
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

    /// When [`Clients::expire`] is due.
    pub fn next_deadline(&self) -> Option<Moment> {
        self.wheel.next_deadline()
    }

    /// Replaces the values of timers; those that run keep theirs.
    pub fn set_timers(&mut self, timers: Timers) {
        self.timers = timers;
    }

    /// At most so many at once: this shard's share of [`limits::CLIENT_TRANSACTIONS`].
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

impl<O: Copy> Clients<O> {
    pub(super) fn start(&self, now: Moment, method: Method, reliable: bool) -> State {
        match method {
            Method::Invite => State::Invite(ClientInvite::start(now, reliable, &self.timers)),
            _ => State::Other(Client::start(now, reliable, &self.timers)),
        }
    }

    pub(super) fn random(&mut self) -> u64 {
        self.rng.next_u64()
    }

    pub(super) fn insert(&mut self, entry: Entry<O>) -> Result<Id, Full> {
        if self.entries.len() >= self.limit {
            return Err(Full);
        }
        let id = self.entries.insert(entry);
        self.link(id);
        self.schedule(id);
        Ok(id)
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

    /// Makes the running timer that of the present state.
    pub(super) fn schedule(&mut self, id: Id) {
        let Some(entry) = self.entries.get_mut(id) else { return };
        self.wheel.cancel(entry.timer);
        let deadline = match entry.state {
            State::Invite(state) => state.deadline(),
            State::Other(state) => Some(state.deadline()),
        };
        entry.timer = match deadline {
            Some(at) => self.wheel.insert(at, id.index),
            None => TimerId::NONE,
        };
    }

    pub(super) fn remove(&mut self, id: Id) {
        self.unlink(id);
        let Some(entry) = self.entries.remove(id) else { return };
        self.wheel.cancel(entry.timer);
        // Responses find the CANCEL by way of its INVITE.
        if let Cancel::Sent(cancel) = entry.cancel {
            self.remove(cancel);
        }
    }

    fn fire(&mut self, now: Moment, index: u32, out: &mut Outbox, events: &mut Vec<Event<O>>) {
        // A timer is cancelled with its transaction, so there is one.
        let Some((id, entry)) = self.entries.at(index) else { return };
        let resend = match entry.state {
            State::Invite(state) => match state.fire(now, &self.timers) {
                client_invite::Fired::Waits(_) => return self.schedule(id),
                client_invite::Fired::Resend(next) => State::Invite(next),
                client_invite::Fired::TimedOut => return self.timed_out(now, id, TimerName::B, out, events),
                client_invite::Fired::Over => return self.remove(id),
            },
            State::Other(state) => match state.fire(now, &self.timers) {
                client::Fired::Waits(_) => return self.schedule(id),
                client::Fired::Resend(next) => State::Other(next),
                client::Fired::TimedOut => return self.timed_out(now, id, TimerName::F, out, events),
                client::Fired::Over => return self.remove(id),
            },
        };
        if let Some(entry) = self.entries.get(id) {
            entry.write(out);
        }
        self.enter(id, Next::State(resend));
    }

    fn timed_out(
        &mut self,
        now: Moment,
        id: Id,
        timer: TimerName,
        out: &mut Outbox,
        events: &mut Vec<Event<O>>,
    ) {
        let tx = ClientTx(id);
        if let Some((owner, to)) = self.fail_over(now, id, out) {
            return events.push(Event::FailedOver { tx, owner, to, why: Failover::Timeout });
        }
        let owner = self.entries.get(id).and_then(|entry| entry.owner);
        self.remove(id);
        events.extend(owner.map(|owner| Event::TimedOut { tx, owner, timer }));
    }
}

fn method_of(text: &[u8]) -> Method {
    let end = memchr::memchr(b' ', text).unwrap_or(text.len());
    Method::from_token(&text[..end])
}
