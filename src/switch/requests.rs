//! Requests that we send: whose each is, from the moment its way is sought until its transaction ends. What comes back
//! (a way, a response, silence) is handed to the room it belongs to.

use super::Switch;
use super::io::Actions;
use super::route::Targets;
use crate::base::limits;
use crate::base::time::Now;
use crate::sip::transaction::{Event, Heard};
use crate::sip::wire::Message;

/// Whose a request of ours is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// A ping's, by its number in `Switch::pings`.
    Qualify(u64),
}

impl Switch {
    /// The way of a request is known, or why there is none.
    pub(super) fn routed(
        &mut self,
        now: Now,
        owner: Owner,
        targets: Result<Targets, String>,
        out: &mut Actions,
    ) {
        match owner {
            Owner::Qualify(ping) => self.ping_routed(now, ping, targets, out),
        }
    }

    /// A response to one of our requests.
    pub(super) fn hear_response(&mut self, now: Now, message: &Message<'_>, out: &mut Actions) {
        match self.transactions.clients.receive(now.at, message, &mut out.outbox) {
            Heard::Response { owner: Owner::Qualify(ping), .. } => {
                self.ping_answered(now, ping, message, out);
            }
            Heard::FailedOver { owner: Owner::Qualify(ping), to, .. } => self.ping_moved(ping, to),
            Heard::Absorbed | Heard::Stray => {}
        }
    }

    /// Timers of transactions, and what broke.
    pub(super) fn transactions_due(&mut self, now: Now, out: &mut Actions) {
        let mut events = std::mem::take(&mut self.transaction_events);
        self.transactions.expire(now.at, limits::BATCH * 16, &mut out.outbox, &mut events);
        for event in events.drain(..) {
            match event {
                Event::TimedOut { owner: Owner::Qualify(ping), .. }
                | Event::TransportFailed { owner: Owner::Qualify(ping), .. } => {
                    self.ping_failed(now, ping, out);
                }
                Event::FailedOver { owner: Owner::Qualify(ping), to, .. } => self.ping_moved(ping, to),
                // A request that its room never answered; it has told its own reasons.
                Event::Unanswered { .. } | Event::AckMissing { .. } => {}
            }
        }
        self.transaction_events = events;
    }
}
