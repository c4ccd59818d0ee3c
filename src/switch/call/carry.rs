//! Carrying out what sessions want: responses, requests, dialogs.

use super::Work;
use super::channel::{Channel, ChannelId};
use crate::base::time::Now;
use crate::session::{Cx, Effect, Failure, Hop, RequestId, Session};
use crate::sip::dialog::repeat::SentAck;
use crate::sip::flow::Destination;
use crate::sip::mint::Shard;
use crate::sip::transaction::{Target, Timers};
use crate::sip::wire::Uri;
use crate::switch::Switch;
use crate::switch::counters::Counter;
use crate::switch::io::Actions;
use crate::switch::requests::Owner;
use crate::switch::route::{Known, Routed, Targets, Way};
use std::sync::Arc;
use std::time::Duration;

impl Switch {
    /// Lends a context to something that makes or moves a session of a channel; what it wants is not carried out yet.
    pub(super) fn make_session<R>(
        &mut self,
        now: Now,
        id: ChannelId,
        then: impl FnOnce(&mut Cx<'_>) -> R,
        _out: &mut Actions,
    ) -> Option<R> {
        let global = Arc::clone(&self.directory.objects.global);
        let system = &self.directory.objects.system;
        let timers = self.timers();
        let (mut effects, mut events) =
            (std::mem::take(&mut self.calls.effects), std::mem::take(&mut self.calls.events));
        let mut cx = Cx {
            now,
            rng: &mut self.rng,
            shard: Shard(0),
            timers,
            user_agent: &global.user_agent,
            norefersub: global.norefersub,
            max_forwards: global.max_forwards,
            follow_early_media_fork: system.follow_early_media_fork,
            accept_multiple_sdp_answers: system.accept_multiple_sdp_answers,
            effects: &mut effects,
            events: &mut events,
        };
        let result = then(&mut cx);
        (self.calls.effects, self.calls.events) = (effects, events);
        self.calls.touched.insert(id);
        Some(result)
    }

    /// Calls a channel's session, then carries out what it wants. `None` when there is no session any more.
    pub(super) fn with_session<R>(
        &mut self,
        now: Now,
        id: ChannelId,
        out: &mut Actions,
        then: impl FnOnce(&mut Session, &mut Cx<'_>) -> R,
    ) -> Option<R> {
        let touches = |channel: &Channel| channel.endpoint.options.one_touch_recording;
        let may_record = match self.calls.channels.get(&id).is_some_and(touches) {
            true => self.may_record(id),
            false => [false; 2],
        };
        let mut session = self.calls.channels.get_mut(&id)?.session.take()?;
        session.set_may_record(may_record);
        let result = self.make_session(now, id, |cx| then(&mut session, cx), out);
        if let Some(channel) = self.calls.channels.get_mut(&id) {
            channel.session = Some(session);
        }
        self.carry(now, id, out);
        result
    }

    fn timers(&self) -> Timers {
        let system = &self.directory.objects.system;
        Timers {
            t1: Duration::from_millis(u64::from(system.timer_t1_ms)),
            b: Duration::from_millis(u64::from(system.timer_b_ms)),
            ..Timers::default()
        }
    }

    /// Carries out effects in order; events are queued.
    pub(super) fn carry(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        // An effect that fails makes new ones, which come after those of now. The end comes after what led to it.
        let mut over = false;
        for _ in 0..crate::base::limits::DNS_TARGETS {
            let mut effects = std::mem::take(&mut self.calls.effects);
            if effects.is_empty() {
                self.calls.effects = effects;
                break;
            }
            for effect in effects.drain(..) {
                over |= matches!(effect, Effect::Ended);
                self.carry_one(now, id, effect, out);
            }
            if self.calls.effects.is_empty() {
                self.calls.effects = effects;
            }
        }
        let mut events = std::mem::take(&mut self.calls.events);
        self.calls.work.extend(events.drain(..).map(|event| Work::Event(id, event)));
        self.calls.events = events;
        if over {
            self.calls.work.push_back(Work::Over(id));
        }
    }

    fn carry_one(&mut self, now: Now, id: ChannelId, effect: Effect, out: &mut Actions) {
        match effect {
            Effect::Respond { tx, code, to, text } => {
                let servers = &mut self.transactions.servers;
                let sent = servers.respond(now.at, tx, code, to, &mut out.outbox, |bytes| {
                    bytes.extend_from_slice(&text);
                });
                // One that comes too late has nobody to go to.
                if sent.is_ok() {
                    self.told(out, to.remote);
                }
            }
            Effect::Repeat { to, bytes } => {
                out.outbox.push_bytes(to, &bytes);
                self.told(out, to.remote);
            }
            Effect::Request { id: request, text, hop } => {
                self.send_request(now, id, (request, &text, hop), out)
            }
            Effect::Ack { text, hop, remote_tag } => {
                // An ACK that cannot be sent leaves the peer repeating its 2xx until it gives up and ends the call.
                if let Some(target) = self.ack_target(now, id, &hop, out) {
                    self.transactions.clients.send_alone(&text, &target, &mut out.outbox);
                    let ack = SentAck::new(target.to, out.outbox.last_bytes());
                    self.told(out, target.to.remote);
                    if let Some(session) = self.session_mut(id) {
                        session.acknowledged(&remote_tag, ack);
                    }
                }
            }
            Effect::Cancel { id: request, extra } => {
                let tx = self.calls.channels.get(&id).and_then(|channel| {
                    channel.requests.iter().find(|(known, _)| *known == request).map(|(_, tx)| *tx)
                });
                if let Some(channel) = self.calls.channels.get_mut(&id)
                    && let Some(at) = channel.waiting.iter().position(|(known, _)| *known == request)
                {
                    // It never went out: nobody is to be told.
                    channel.waiting.swap_remove(at);
                    self.request_failed_here(now, id, request, Failure::NoWay("cancelled".into()), out);
                } else if let Some(tx) = tx {
                    let before = out.outbox.len();
                    self.transactions.clients.cancel(now.at, tx, &extra, &mut out.outbox);
                    self.told_since(before, out);
                }
            }
            Effect::Enter(dialog) => {
                if self.calls.dialogs.insert(dialog, id).is_err() {
                    self.counters.count(Counter::Overloaded);
                }
            }
            Effect::Leave(dialog) => {
                self.calls.dialogs.remove(&dialog);
            }
            Effect::Ended => {}
        }
    }

    fn session_mut(&mut self, id: ChannelId) -> Option<&mut Session> {
        self.calls.channels.get_mut(&id)?.session.as_deref_mut()
    }

    fn send_request(
        &mut self,
        now: Now,
        id: ChannelId,
        (request, text, hop): (RequestId, &[u8], Hop),
        out: &mut Actions,
    ) {
        match self.targets_of(now, id, (request, &hop), out) {
            Ok(Routed::Now(targets)) => self.send_to_targets(now, id, (request, text), targets, out),
            Ok(Routed::Wait(_)) => {
                if let Some(channel) = self.calls.channels.get_mut(&id) {
                    channel.waiting.push((request, text.to_vec()));
                }
            }
            Err(why) => self.request_failed_here(now, id, request, Failure::NoWay(why), out),
        }
    }

    /// The way of a request that waited for DNS is known, or why there is none.
    pub(in crate::switch) fn session_routed(
        &mut self,
        now: Now,
        (channel, request): (u64, u32),
        targets: Result<Targets, String>,
        out: &mut Actions,
    ) {
        let (id, request) = (ChannelId(channel), RequestId(request));
        let Some(waiting) = self.calls.channels.get_mut(&id).map(|channel| &mut channel.waiting) else {
            return;
        };
        let Some(at) = waiting.iter().position(|(known, _)| *known == request) else { return };
        let (_, text) = waiting.swap_remove(at);
        match targets {
            Ok(targets) => self.send_to_targets(now, id, (request, &text), targets, out),
            Err(why) => self.request_failed_here(now, id, request, Failure::NoWay(why), out),
        }
        self.carry(now, id, out);
        self.settle(now, out);
    }

    fn send_to_targets(
        &mut self,
        now: Now,
        id: ChannelId,
        (request, text): (RequestId, &[u8]),
        targets: Targets,
        out: &mut Actions,
    ) {
        let remote = targets.first.to.remote;
        let owner = Owner::Call(id.0, request.0);
        let clients = &mut self.transactions.clients;
        match clients.send(now.at, owner, text, targets.first, targets.later, &mut out.outbox) {
            Ok(tx) => {
                self.told(out, remote);
                if let Some(channel) = self.calls.channels.get_mut(&id) {
                    channel.requests.retain(|(known, _)| *known != request);
                    channel.requests.push((request, tx));
                }
            }
            Err(_full) => {
                self.counters.count(Counter::Overloaded);
                self.request_failed_here(now, id, request, Failure::Transport, out);
            }
        }
    }

    /// The session hears of a failure at once; what it makes of it is carried out with the next round.
    fn request_failed_here(
        &mut self,
        now: Now,
        id: ChannelId,
        request: RequestId,
        failure: Failure,
        out: &mut Actions,
    ) {
        let Some(mut session) = self.calls.channels.get_mut(&id).and_then(|channel| channel.session.take())
        else {
            return;
        };
        self.make_session(now, id, |cx| session.failed(cx, request, failure), out);
        if let Some(channel) = self.calls.channels.get_mut(&id) {
            channel.session = Some(session);
        }
    }

    /// Where a request of a channel goes.
    fn targets_of(
        &mut self,
        now: Now,
        id: ChannelId,
        (request, hop): (RequestId, &Hop),
        out: &mut Actions,
    ) -> Result<Routed, String> {
        let channel = self.calls.channels.get(&id).ok_or("the call is over")?;
        match hop {
            Hop::First => {
                let mut targets =
                    channel.session.as_deref().map_or(&[][..], Session::targets).iter().cloned();
                let first = targets.next().ok_or("no target")?;
                Ok(Routed::Now(Targets { first, later: targets.collect() }))
            }
            Hop::Uri(uri) => {
                let uri = Uri::parse(uri).map_err(|fault| fault.to_string())?;
                let (way, user) = (channel.way, channel.contact_user());
                let endpoint = Arc::clone(&channel.endpoint);
                // The connection of who redirected us is not that of whom he names.
                let moved = channel.session.as_deref().is_some_and(Session::is_redirected);
                let known = Known { flow: way.flow, transport: way.transport, source: way.remote };
                let way = Way {
                    hop: uri,
                    transport: &endpoint.options.transport,
                    known: Some(known).filter(|_| !moved),
                    contact_user: &user,
                };
                self.route(now, &way, Owner::Call(id.0, request.0), out)
            }
        }
    }

    /// Where the ACK of a 2xx goes: it cannot wait for DNS, so behind a name it follows the way its 2xx came.
    fn ack_target(&mut self, now: Now, id: ChannelId, hop: &Hop, out: &mut Actions) -> Option<Target> {
        match self.targets_of(now, id, (RequestId(u32::MAX), hop), out) {
            Ok(Routed::Now(targets)) => Some(targets.first),
            Ok(Routed::Wait(token)) => {
                self.routes.forget(token);
                let channel = self.calls.channels.get(&id)?;
                let bound = self.transports.get(&channel.way.transport)?;
                let to = Destination {
                    transport: channel.way.transport,
                    protocol: self.protocol_of(bound)?,
                    flow: channel.way.flow,
                    remote: channel.way.remote,
                    local: None,
                };
                self.target_at(to, (false, &channel.contact_user()))
            }
            Err(_) => None,
        }
    }
}
