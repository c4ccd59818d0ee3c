//! Local channels (`Local/exten@context[/n]`): two halves, made together. The first is called like a phone; the second
//! runs the dialplan that its extension names, as a caller does. What the second tells its caller, the first says.
//!
//! ```text
//! A ── bridge ── Local/…;1 ═ Local/…;2 ── bridge ── B      with /n: it stays, and A's packets are relayed to B
//! A ───────────────── bridge ─────────────────── B         without: both halves go once both are in bridges
//! ```
//! A half has no ports: what it would play or hear is played to and heard from the phone behind it
//! ([`Switch::media_of`]).

use super::Work;
use super::announce::Limits;
use super::channel::{Channel, ChannelId, Doing, Side, State, Way};
use super::features::allow;
use super::join::{Bridge, BridgeId};
use crate::base::ids::{FlowId, TransportId};
use crate::base::limits;
use crate::base::time::Now;
use crate::config::model::Endpoint;
use crate::dialplan::apps::dial::DialOptions;
use crate::dialplan::{Match, Place, Query};
use crate::session::{By, Cause, Event};
use crate::switch::Switch;
use crate::switch::io::Actions;
use crate::switch::view::Level;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

const CHAN_LOCAL: &str = "core_local.c";

/// Half of a Local channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Local {
    /// The other half.
    pub peer: ChannelId,
    /// Whether this is the half that runs the dialplan (`;2`).
    pub is_second: bool,
    /// Whether it goes once both halves are in bridges (no `/n`).
    pub optimises: bool,
}

/// `exten@context[/options]`
struct Resource<'t> {
    exten: &'t str,
    context: &'t str,
    options: &'t str,
}

impl<'t> Resource<'t> {
    fn parse(text: &'t str) -> Resource<'t> {
        let (place, options) = text.rsplit_once('/').unwrap_or((text, ""));
        let (exten, context) = place.split_once('@').unwrap_or((place, "default"));
        Resource {
            exten: if exten.is_empty() { "s" } else { exten },
            context: if context.is_empty() { "default" } else { context },
            options,
        }
    }
}

impl Switch {
    /// Makes both halves of a Local channel for `caller`. The extension is looked up, and its dialplan begins, once the
    /// first half is called.
    ///
    /// # Errors
    /// The hangup cause, and why in words.
    pub(super) fn place_local(
        &mut self,
        now: Now,
        caller: Option<ChannelId>,
        resource: &str,
        out: &mut Actions,
    ) -> Result<ChannelId, (u8, String)> {
        if self.calls.channels.len() + 2 > limits::CHANNELS {
            return Err((42, "too many channels are alive".into()));
        }
        let resource_read = Resource::parse(resource);
        let Resource { options, .. } = resource_read;
        if let Some(undone) = options.chars().find(|letter| *letter != 'n') {
            self.ears.log(out, Level::Warning, CHAN_LOCAL, || {
                format!("Local/{resource}: option {undone} is not obeyed by this version")
            });
        }
        let halves = self.local_pair(now, caller, resource_read);
        self.introduce(caller, halves[0]);
        let linked = self.calls.channels.get(&halves[0]).map(|first| first.linked_id.clone());
        if let (Some(second), Some(linked)) = (self.calls.channels.get_mut(&halves[1]), linked) {
            second.linked_id = linked;
        }
        self.calls.work.push_back(Work::CallOut(halves[0]));
        Ok(halves[0])
    }

    /// A Local channel that is up: its first half stands in for somebody, its second runs a dialplan. `None`: too many
    /// channels are alive.
    pub(super) fn local_up(&mut self, now: Now, resource: &str) -> Option<[ChannelId; 2]> {
        if self.calls.channels.len() + 2 > limits::CHANNELS {
            return None;
        }
        let halves = self.local_pair(now, None, Resource::parse(resource));
        for half in halves {
            if let Some(half) = self.calls.channels.get_mut(&half) {
                half.state = State::Up;
                half.answered = Some(now.at);
            }
        }
        Some(halves)
    }

    /// Both halves, the one that is called first.
    fn local_pair(
        &mut self,
        now: Now,
        caller: Option<ChannelId>,
        Resource { exten, context, options }: Resource<'_>,
    ) -> [ChannelId; 2] {
        let mut endpoint = Endpoint::default();
        endpoint.name = format!("{exten}@{context}").into();
        Arc::make_mut(&mut endpoint.options).context = context.into();
        let endpoint = Arc::new(endpoint);
        let nowhere = Way {
            transport: TransportId(0),
            flow: FlowId::DATAGRAM,
            remote: SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0),
            local: Ipv4Addr::UNSPECIFIED.into(),
        };
        let first = ChannelId(self.calls.next_channel);
        let second = ChannelId(first.0 + 1);
        self.calls.next_channel += 2;
        let name = format!("Local/{exten}@{context}-{:08x}", self.calls.next_local);
        self.calls.next_local = self.calls.next_local.wrapping_add(1);
        let halves = [(first, ";1", Side::Called(caller)), (second, ";2", Side::Caller)];
        for (id, half, side) in halves {
            self.add_channel(now, id, (format!("{name}{half}"), endpoint.clone()), (nowhere, side));
        }
        for (id, peer) in [(first, second), (second, first)] {
            let Some(channel) = self.calls.channels.get_mut(&id) else { continue };
            let is_second = id == second;
            channel.local = Some(Local { peer, is_second, optimises: !options.contains('n') });
            channel.dialled = exten.into();
            self.calls.touched.insert(id);
        }
        [first, second]
    }

    /// The first half is called: the second begins its dialplan, with the first one's variables and caller.
    pub(super) fn local_call(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        let Some(local) = channel.local.filter(|local| !local.is_second) else { return };
        let (exten, context) = (channel.dialled.to_string(), channel.endpoint.options.context.clone());
        let (caller, redirecting) = (channel.connected.clone(), channel.redirecting.clone());
        let (variables, forwards_left) = (channel.variables.clone(), channel.forwards_left);
        let query = Query { context: &context, exten: &exten, caller: &caller.number, now: now.wall };
        if self.calls.plan.find(query) != Match::Found {
            let why = format!("No such extension/context {exten}@{context} while calling Local channel");
            return self.leg_failed(now, id, (3, why), out);
        }
        let Some(second) = self.calls.channels.get_mut(&local.peer).filter(|second| !second.hung_up) else {
            return;
        };
        second.caller = caller;
        second.redirecting = redirecting;
        second.forwards_left = forwards_left;
        second.variables = variables;
        second.state = State::Ring;
        second.send_to(Place::new(&context, &exten, 1));
        self.calls.work.push_back(Work::Run(local.peer));
        self.calls.touched.insert(local.peer);
    }

    /// What the second half tells its caller, said by the first as if a phone had sent it. Whether it is such a half.
    pub(super) fn say_locally(&mut self, id: ChannelId, event: Event) -> bool {
        let Some(local) = self.calls.channels.get(&id).and_then(|channel| channel.local) else {
            return false;
        };
        if local.is_second {
            self.calls.work.push_back(Work::Event(local.peer, event));
        }
        true
    }

    /// One half is gone: so is the other.
    pub(super) fn local_gone(&mut self, id: ChannelId, cause: u8, out: &mut Actions) {
        let Some(local) = self.calls.channels.get(&id).and_then(|channel| channel.local) else { return };
        self.return_sounds(id, out);
        let event = Event::HungUp { cause: Cause(cause), by: By::Bye };
        self.calls.work.push_back(Work::Event(local.peer, event));
    }

    /// The channel whose ports carry what this one plays and hears: itself, or the phone behind a Local channel.
    /// `None` while there is none.
    pub(super) fn media_of(&self, id: ChannelId) -> Option<ChannelId> {
        let mut at = id;
        // Every half leads to another call; their number is bounded as forwards are.
        for _ in 0..=limits::CALL_STEPS {
            let Some(local) = self.calls.channels.get(&at)?.local else { return Some(at) };
            at = self.heard_by(local.peer)?;
        }
        None
    }

    /// Whom a half is connected with on its own side: in its bridge, by early media, or the caller that it rings for.
    fn heard_by(&self, half: ChannelId) -> Option<ChannelId> {
        let channel = self.calls.channels.get(&half)?;
        let alive = |id: &ChannelId| self.calls.channels.get(id).is_some_and(|channel| !channel.hung_up);
        // Once it is answered, only its bridge leads on: who called it may talk to somebody else.
        let rings_for = || self.caller_side(half).filter(|_| channel.state != State::Up);
        let early = channel.early.or(channel.periodic.of).filter(alive);
        self.partner(half).or(early).or_else(rings_for)
    }

    /// The Local channel that stands in a bridge, if one does.
    pub(super) fn local_in(&self, bridge: &Bridge) -> Option<&Channel> {
        let channels = bridge.legs.iter().filter_map(|leg| self.calls.channels.get(leg));
        channels.into_iter().find(|channel| channel.local.is_some())
    }

    /// Takes a Local channel out from between two bridges, once both its halves are in one and nothing needs them.
    pub(super) fn optimise(&mut self, now: Now, id: BridgeId, out: &mut Actions) {
        let Some(bridge) = self.calls.bridges.get(&id) else { return };
        let Some(half) = self.local_in(bridge) else { return };
        let Some(local) = half.local.filter(|local| local.optimises) else { return };
        let (one, two) = if local.is_second { (local.peer, half.id) } else { (half.id, local.peer) };
        let wanted =
            |id| self.calls.channels.get(&id).is_some_and(|half| half.is_up() && half.uses.is_empty());
        let bridges = [one, two].map(|id| self.calls.channels.get(&id).and_then(|half| half.bridge));
        let [Some(first), Some(second)] = bridges else { return };
        let (Some(a), Some(b)) = (self.partner(one), self.partner(two)) else { return };
        if first == second || !wanted(one) || !wanted(two) {
            return;
        }
        let mut options = DialOptions::default();
        let mut place = None;
        for (at, half) in [(first, one), (second, two)] {
            let Some(bridge) = self.dissolve(now, at, out) else { return };
            if half == one {
                (options, place) = (bridge.options, bridge.place);
            } else {
                // What the called side may do is what the inner Dial allows it.
                allow(&mut options, false, &bridge.options, false);
            }
        }
        self.inherit_call(a, one, (b, two));
        self.inherit_call(b, two, (a, one));
        let name = self.calls.channels.get(&one).map(|one| one.name.clone());
        self.ears.log(out, Level::Verbose, CHAN_LOCAL, || {
            format!("{}: optimised away", name.as_deref().unwrap_or_default().trim_end_matches(";1"))
        });
        for half in [one, two] {
            if let Some(half) = self.calls.channels.get_mut(&half) {
                half.doing = Doing::Nothing;
                half.side = if half.id == one { Side::Called(None) } else { half.side };
            }
            self.channel_gone(now, half, 16, out);
        }
        self.bridge_up(now, [a, b], (options, place), out);
    }

    /// Halves that are bridged with each other, in a ring of any length, have no phone among them that would ever end
    /// them: they end now.
    pub(super) fn end_ring(&mut self, now: Now, id: BridgeId, out: &mut Actions) {
        let Some(first) = self.calls.bridges.get(&id).map(|bridge| bridge.legs[0]) else { return };
        let mut at = first;
        for _ in 0..limits::CALL_STEPS {
            let peer = self.calls.channels.get(&at).and_then(|channel| channel.local).map(|half| half.peer);
            let Some(next) = peer.and_then(|peer| self.partner(peer)) else { return };
            if next == first {
                let name = self.calls.channels.get(&first).map(|half| half.name.clone());
                self.ears.log(out, Level::Notice, CHAN_LOCAL, || {
                    let name = name.as_deref().unwrap_or_default();
                    format!("{name}: bridged with nobody but Local channels, in a ring: ended")
                });
                return self.hang_up(now, first, 16, out);
            }
            at = next;
        }
    }

    /// A transfer is complete. Where it joined Local channels that only run applications, nobody hears those and nobody
    /// would ever end them: they end now.
    pub(super) fn end_unheard(&mut self, now: Now, legs: [ChannelId; 2], out: &mut Actions) {
        if legs.iter().any(|leg| self.leads_to_somebody(*leg)) {
            return;
        }
        self.ears.log(out, Level::Notice, CHAN_LOCAL, || {
            "A transfer joined two Local channels without a phone behind either: ended".into()
        });
        self.hang_up(now, legs[0], 16, out);
    }

    fn leads_to_somebody(&self, leg: ChannelId) -> bool {
        let mut at = leg;
        for _ in 0..limits::CALL_STEPS {
            let Some(channel) = self.calls.channels.get(&at) else { return false };
            let Some(peer) = channel.local.and_then(|half| self.calls.channels.get(&half.peer)) else {
                return channel.local.is_none();
            };
            match self.partner(peer.id) {
                Some(next) => at = next,
                None => return self.awaits_somebody(peer),
            }
        }
        false
    }

    /// Whether what half of a Local channel runs is about phones.
    fn awaits_somebody(&self, half: &Channel) -> bool {
        match &half.doing {
            Doing::Dialling(_) | Doing::Introducing(_) | Doing::Originating | Doing::Parked(_) => true,
            Doing::Conference => self.meets_phones(half),
            _ => false,
        }
    }

    /// A channel's call goes on with `other` in the place of the half it was bridged with.
    fn inherit_call(
        &mut self,
        channel: ChannelId,
        half: ChannelId,
        (other, its_half): (ChannelId, ChannelId),
    ) {
        let limits = self.calls.channels.get_mut(&its_half).and_then(|half| half.limits.take());
        let other_side = self.calls.channels.get(&other).map(|other| other.side);
        let Some(this) = self.calls.channels.get_mut(&channel) else { return };
        let mut dials = false;
        if let Doing::Dialling(dialling) = &mut this.doing
            && let Some(answered) = dialling.answered.as_mut().filter(|answered| answered.channel == half)
        {
            answered.channel = other;
            for leg in dialling.legs.iter_mut().filter(|leg| leg.channel == Some(half)) {
                leg.channel = Some(other);
            }
            dials = true;
        }
        this.limits = Limits::stricter(this.limits.take(), limits);
        if this.side == Side::Called(Some(half)) {
            this.side = Side::Called(None);
        }
        if dials
            && other_side.is_some_and(|side| side != Side::Caller)
            && let Some(other) = self.calls.channels.get_mut(&other)
        {
            other.side = Side::Called(Some(channel));
        }
        self.calls.touched.insert(channel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_an_extension_a_context_and_options() {
        for (text, exten, context, options) in [
            ("100@in", "100", "in", ""),
            ("100@in/n", "100", "in", "n"),
            ("100", "100", "default", ""),
            ("100/n", "100", "default", "n"),
            ("@in", "s", "in", ""),
        ] {
            let read = Resource::parse(text);
            assert_eq!((read.exten, read.context, read.options), (exten, context, options), "{text}");
        }
    }
}
