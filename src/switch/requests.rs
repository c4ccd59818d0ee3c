//! Requests that we send: whose each is, from the moment its way is sought until its transaction ends. What comes back
//! (a way, a response, silence) is handed to the room it belongs to.

use super::Switch;
use super::counters::Counter;
use super::io::Actions;
use super::route::Targets;
use super::trunks::Ended;
use crate::base::limits;
use crate::base::time::Now;
use crate::session::Failure;
use crate::sip::flow::Arrival;
use crate::sip::transaction::{Event, Heard};
use crate::sip::wire::Message;

/// Whose a request of ours is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// A subscription's NOTIFY, by its number.
    Notify(u64),
    /// That of an unasked NOTIFY about mailboxes, by its number.
    Unasked(u64),
    /// A ping's, by its number in `Switch::pings`.
    Qualify(u64),
    /// A session's: its channel's number, and the request's number within the session.
    Call(u64, u32),
    /// One outside any dialog, by its number in `Switch::trunks`.
    Sending(u64),
    /// That of a call which is being placed, by its channel's number: only its way is sought.
    Placing(u64),
    /// A name in a Contact that lists look at, by the number of the question: no request at all.
    ContactHost(u64),
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
            Owner::Call(channel, request) => self.session_routed(now, (channel, request), targets, out),
            Owner::Sending(number) => self.sending_routed(now, number, targets, out),
            Owner::Placing(channel) => self.placing_routed(now, channel, targets, out),
            Owner::Notify(number) => self.notify_routed(now, number, targets, out),
            Owner::Unasked(number) => self.unasked_routed(now, number, targets, out),
            Owner::ContactHost(number) => self.contact_host_found(now, number, targets, out),
        }
    }

    /// A response to one of our requests.
    pub(super) fn hear_response(
        &mut self,
        now: Now,
        (message, arrival): (&Message<'_>, &Arrival),
        out: &mut Actions,
    ) {
        self.counters.count(Counter::Responses);
        match self.transactions.clients.receive(now.at, message, &mut out.outbox) {
            Heard::Response { owner: Owner::Qualify(ping), .. } => {
                self.ping_answered(now, ping, message, out);
            }
            Heard::FailedOver { owner: Owner::Qualify(ping), to, .. } => self.ping_moved(ping, to),
            Heard::Response { owner: Owner::Call(channel, request), .. } => {
                self.session_response(now, (channel, request), (message, arrival), out);
            }
            Heard::Response { owner: Owner::Notify(number), .. } => {
                self.notify_answered(now, number, message, out);
            }
            Heard::Response { owner: Owner::Unasked(number), .. } => {
                self.unasked_answered(now, number, message, out);
            }
            Heard::FailedOver { owner: Owner::Unasked(number), to, .. } => self.unasked_moved(number, to),
            Heard::Response { owner: Owner::Sending(number), .. } => {
                self.sending_answered(now, number, (message, arrival), out);
            }
            Heard::FailedOver { owner: Owner::Sending(number), to, .. } => {
                self.sending_moved(number, to, Some(503), out);
            }
            // The next target is another address of the same peer; nothing to be told.
            Heard::FailedOver { .. }
            | Heard::Response { owner: Owner::Placing(_) | Owner::ContactHost(_), .. } => {}
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
                Event::TimedOut { owner: Owner::Sending(number), .. } => {
                    self.sending_ended(now, number, Ended::Silence, out);
                }
                Event::TransportFailed { owner: Owner::Sending(number), .. } => {
                    self.sending_ended(now, number, Ended::Unreachable, out);
                }
                Event::FailedOver { owner: Owner::Sending(number), to, .. } => {
                    self.sending_moved(number, to, None, out);
                }
                Event::TimedOut { owner: Owner::Call(channel, request), .. } => {
                    self.session_failed(now, (channel, request), Failure::Timeout, out);
                }
                Event::TransportFailed { owner: Owner::Call(channel, request), .. } => {
                    self.session_failed(now, (channel, request), Failure::Transport, out);
                }
                Event::TimedOut { owner: Owner::Unasked(number), .. }
                | Event::TransportFailed { owner: Owner::Unasked(number), .. } => self.unasked_failed(number),
                Event::FailedOver { owner: Owner::Unasked(number), to, .. } => self.unasked_moved(number, to),
                Event::TimedOut { owner: Owner::Notify(number), .. }
                | Event::TransportFailed { owner: Owner::Notify(number), .. } => {
                    self.notify_failed(now, number, out);
                }
                Event::FailedOver { .. }
                | Event::TimedOut { owner: Owner::Placing(_) | Owner::ContactHost(_), .. }
                | Event::TransportFailed { owner: Owner::Placing(_) | Owner::ContactHost(_), .. } => {}
                // A request that its room never answered; it has told its own reasons.
                Event::Unanswered { .. } | Event::AckMissing { .. } => {}
            }
        }
        self.transaction_events = events;
    }
}
