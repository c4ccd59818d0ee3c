//! NOTIFYs of subscriptions: sent one at a time, and what comes back.

use super::PUBSUB;
use crate::base::time::Now;
use crate::pubsub::{Ended, Gone, Life, Next, Notifying, Resource, SlotId, package};
use crate::sip::wire::{Header, Message, Uri};
use crate::switch::Switch;
use crate::switch::io::Actions;
use crate::switch::requests::Owner;
use crate::switch::route::{Known, Routed, Targets, Way};
use crate::switch::view::Level;
use std::io::Write as _;

impl Switch {
    /// What a subscription watches changed.
    pub(super) fn tell_subscription(&mut self, now: Now, id: SlotId, out: &mut Actions) {
        self.stop_gathering(id);
        let Some(subscription) = self.lamps.subscriptions.get_mut(id) else { return };
        let next = subscription.change();
        self.go_on(now, id, next, out);
    }

    /// A subscription shall end, with a last NOTIFY that says why.
    pub(super) fn end_subscription(&mut self, now: Now, id: SlotId, why: Ended, out: &mut Actions) {
        let Some(subscription) = self.lamps.subscriptions.get_mut(id) else { return };
        let next = subscription.end(why);
        self.go_on(now, id, next, out);
    }

    fn go_on(&mut self, now: Now, id: SlotId, next: Next, out: &mut Actions) {
        match next {
            Next::Rest => {}
            Next::Notify => self.notify(now, id, out),
            Next::Remove(why) => self.lose_subscription(now, id, why, out),
        }
    }

    /// Forgets a subscription and says why.
    pub(super) fn lose_subscription(&mut self, now: Now, id: SlotId, why: Gone, out: &mut Actions) {
        let Some(subscription) = self.forget_subscription(now, id) else { return };
        match subscription.notifying {
            Notifying::Seeking { route } => self.routes.forget(route),
            Notifying::Sent { tx, .. } => self.transactions.clients.abandon(tx),
            Notifying::Idle => {}
        }
        let level = if why == Gone::Finished { Level::Debug } else { Level::Notice };
        self.ears.log(out, level, PUBSUB, || {
            format!(
                "Subscription of endpoint '{}' to {}/{} is removed: {why}",
                subscription.endpoint,
                subscription.resource,
                subscription.package.name()
            )
        });
    }

    /// Sends a NOTIFY, once its way is known.
    pub(super) fn notify(&mut self, now: Now, id: SlotId, out: &mut Actions) {
        let targets = match self.seek_subscriber(now, id, out) {
            Ok(Routed::Wait(route)) => {
                if let Some(subscription) = self.lamps.subscriptions.get_mut(id) {
                    subscription.notifying = Notifying::Seeking { route };
                }
                return;
            }
            Ok(Routed::Now(targets)) => Ok(targets),
            Err(why) => Err(why),
        };
        self.notify_routed(now, id.number(), targets, out);
    }

    fn seek_subscriber(&mut self, now: Now, id: SlotId, out: &mut Actions) -> Result<Routed, String> {
        let subscription = self.lamps.subscriptions.get(id).ok_or("it is gone")?;
        let endpoint =
            self.directory.endpoint(&subscription.endpoint).cloned().ok_or("its endpoint is gone")?;
        let way = subscription.way;
        let hop = subscription.dialog.next_hop().to_vec();
        let known = Known { flow: way.flow, transport: way.transport, source: way.source };
        let hop = Uri::parse(&hop).map_err(|fault| fault.to_string())?;
        let way = Way { hop, transport: &endpoint.options.transport, known: Some(known), contact_user: "" };
        self.route(now, &way, Owner::Notify(id.number()), out)
    }

    /// The way of a NOTIFY is known, or why there is none.
    pub(in crate::switch) fn notify_routed(
        &mut self,
        now: Now,
        number: u64,
        targets: Result<Targets, String>,
        out: &mut Actions,
    ) {
        let id = SlotId::from_number(number);
        if self.lamps.subscriptions.get(id).is_none() {
            return;
        }
        let sent = targets.and_then(|targets| self.send_notify(now, id, targets, b"", out));
        if let Err(why) = sent {
            let whom = self.lamps.subscriptions.get(id).map(subscription_name).unwrap_or_default();
            self.ears.log(out, Level::Warning, PUBSUB, || format!("No NOTIFY to {whom}: {why}"));
            self.notify_failed(now, number, out);
        }
    }

    fn send_notify(
        &mut self,
        now: Now,
        id: SlotId,
        targets: Targets,
        more: &[u8],
        out: &mut Actions,
    ) -> Result<(), String> {
        let mut body = std::mem::take(&mut self.lamps.body);
        body.clear();
        let described = self.write_body(id, &mut body).ok_or("it is gone")?;
        let mut text = std::mem::take(&mut self.scratch);
        text.clear();
        let last = self.write_notify(now, id, (&described.kind, &body), more, &mut text);
        let (first, owner) = (targets.first.to.remote, Owner::Notify(id.number()));
        let clients = &mut self.transactions.clients;
        let sent = clients.send(now.at, owner, &text, targets.first, targets.later, &mut out.outbox);
        self.scratch = text;
        self.lamps.body = body;
        self.keep_refresh(id);
        let tx = sent.map_err(|_| "too many transactions are alive")?;
        self.told(out, first);
        if let Some(subscription) = self.lamps.subscriptions.get_mut(id) {
            subscription.notifying = Notifying::Sent { tx, last, again: described.more };
        }
        Ok(())
    }

    /// Everything of a NOTIFY but Via and Contact. Whether it is the last one.
    fn write_notify(
        &mut self,
        now: Now,
        id: SlotId,
        (kind, body): (&str, &str),
        more: &[u8],
        text: &mut Vec<u8>,
    ) -> bool {
        let global = &self.directory.objects.global;
        let Some(subscription) = self.lamps.subscriptions.get_mut(id) else { return true };
        let left = subscription.left_secs(now.at);
        let (life, is_list) = (subscription.life, matches!(subscription.watches, Resource::List(_)));
        let event = std::mem::take(&mut subscription.event);
        let mut writer = subscription.dialog.request(text, "NOTIFY", global.max_forwards);
        writer.header(Header::Event, &event);
        writer.begin(Header::SubscriptionState.name());
        let state = writer.raw();
        match life {
            Life::Active => write!(state, "active;expires={left}").expect("writing to a Vec cannot fail"),
            Life::Ending(why) => {
                state.extend_from_slice(b"terminated");
                if let Some(reason) = why.reason() {
                    state.extend_from_slice(b";reason=");
                    state.extend_from_slice(reason.as_bytes());
                }
            }
        }
        writer.end();
        if is_list {
            writer.header(Header::Require, b"eventlist");
        }
        writer
            .header(Header::AllowEvents, package::ALLOW_EVENTS)
            .header(Header::UserAgent, global.user_agent.as_bytes())
            .lines(more);
        writer.finish_with_body(kind, body.as_bytes());
        subscription.event = event;
        life != Life::Active
    }

    /// A response to a NOTIFY.
    pub(in crate::switch) fn notify_answered(
        &mut self,
        now: Now,
        number: u64,
        message: &Message<'_>,
        out: &mut Actions,
    ) {
        let Some(code) = message.status().filter(|code| *code >= 200) else { return };
        let id = SlotId::from_number(number);
        if matches!(code, 401 | 407) && self.notify_again(now, id, message, out) {
            return;
        }
        self.lamps.answers.remove(&number);
        let Some(subscription) = self.lamps.subscriptions.get_mut(id) else { return };
        let next = subscription.answered(code);
        self.go_on(now, id, next, out);
    }

    /// Answers the challenge to a NOTIFY with the endpoint's `outbound_auth`. `false`: the challenge is its answer.
    fn notify_again(&mut self, now: Now, id: SlotId, challenge: &Message<'_>, out: &mut Actions) -> bool {
        let Some(subscription) = self.lamps.subscriptions.get(id) else { return false };
        let Some(endpoint) = self.directory.endpoint(&subscription.endpoint).cloned() else { return false };
        if endpoint.extra().outbound_auth.iter().next().is_none() {
            return false;
        }
        let mut answers = self.lamps.answers.remove(&id.number()).unwrap_or_default();
        let uri = subscription.dialog.line_uri().to_vec();
        let logins = self.directory.logins(&endpoint);
        if let Err(stop) = answers.hear(challenge, (b"NOTIFY", &uri), logins, &mut self.rng) {
            let name = &endpoint.name;
            self.ears.log(out, Level::Warning, PUBSUB, || {
                format!("Challenge to a NOTIFY to endpoint '{name}' not answered: {stop}")
            });
            return false;
        }
        let lines = answers.lines();
        self.lamps.answers.insert(id.number(), answers);
        match self.seek_subscriber(now, id, out) {
            Ok(Routed::Now(targets)) => self.send_notify(now, id, targets, &lines, out).is_ok(),
            Ok(Routed::Wait(token)) => {
                // It was known a moment ago and is asked for anew: the challenge stands as the answer.
                self.routes.forget(token);
                false
            }
            Err(_) => false,
        }
    }

    /// A NOTIFY got no answer, or could not be sent: nobody listens any more (RFC 6665 4.2.2).
    pub(in crate::switch) fn notify_failed(&mut self, now: Now, number: u64, out: &mut Actions) {
        let id = SlotId::from_number(number);
        self.lamps.answers.remove(&number);
        let Some(subscription) = self.lamps.subscriptions.get_mut(id) else { return };
        let next = subscription.unanswered();
        self.go_on(now, id, next, out);
    }
}

fn subscription_name(subscription: &crate::pubsub::Subscription) -> String {
    format!("endpoint '{}' about {}", subscription.endpoint, subscription.resource)
}
