//! Carrying out what `bridge::direct` decides: phones are told where their media goes, and what they make of it.

use super::channel::{Channel, ChannelId};
use super::join::BridgeId;
use crate::base::time::Now;
use crate::bridge::direct::{Step, Target};
use crate::bridge::{self, Direct, Method, Plan, Rtcp};
use crate::config::model::endpoint_words::RefreshMethod;
use crate::sdp::{Declined, Format, Local, MediaKind, Outcome, Stream};
use crate::session::{RefreshWith, Reoffer, Reoffered, Why as ReofferWhy};
use crate::sip::method::Method as SipMethod;
use crate::switch::Switch;
use crate::switch::io::{Action, Actions};
use crate::switch::view::Level;
use std::net::SocketAddr;

impl Switch {
    /// Brings the media of channels back that lost their partner and live on. Those that are hung up too are spared
    /// the request, and so are those that have another partner by now: his bridge goes on from what they were told.
    pub(super) fn bring_home(&mut self, now: Now, out: &mut Actions) {
        for id in std::mem::take(&mut self.calls.homeward) {
            let Some(channel) = self.calls.channels.get_mut(&id) else { continue };
            if channel.hung_up || channel.bridge.is_some() || channel.told == Target::Ours {
                continue;
            }
            channel.told = Target::Ours;
            let step = Direct::step_home(self.leg_method(id));
            self.redirect_media(now, id, &step, out);
        }
    }

    /// Remembers what the phones of a bridge that ends were told.
    pub(super) fn keep_told(&mut self, legs: [ChannelId; 2], direct: &Direct) {
        for (at, leg) in legs.into_iter().enumerate() {
            let Some(channel) = self.calls.channels.get_mut(&leg) else { continue };
            channel.told = direct.target(at);
            channel.redirect_at = None;
            if channel.told != Target::Ours {
                self.calls.homeward.push(leg);
            }
        }
    }

    /// Tells the media threads that a channel's audio takes another way, or comes back.
    pub(super) fn media_bypasses(&self, id: ChannelId, on: bool, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get(&id) else { return };
        let stream = channel.audio_position();
        for slot in channel.slots.iter().filter(|slot| Some(slot.stream) == stream) {
            out.queue.push(Action::Media(Plan::Direct { port: slot.port, on }));
        }
    }

    /// With which method a channel's phone is redirected.
    fn leg_method(&self, id: ChannelId) -> Method {
        let Some(channel) = self.calls.channels.get(&id) else { return Method::Invite };
        let update = channel.endpoint.options.direct_media_method == RefreshMethod::Update;
        let allowed = channel.session.as_ref().is_some_and(|session| session.peer_allows(SipMethod::Update));
        if update && allowed { Method::Update } else { Method::Invite }
    }

    /// Tells a phone where its audio goes from now on, or has that ready for its next offer. What else it has stays
    /// here.
    pub(super) fn redirect_media(&mut self, now: Now, id: ChannelId, step: &Step, out: &mut Actions) {
        let other = self.partner(id).and_then(|other| self.calls.channels.get(&other)?.agreed_formats());
        let Some(channel) = self.calls.channels.get(&id) else { return };
        let Some(stream) = channel.audio_position() else { return };
        let own = self.local_of(channel, stream, &MediaKind::Audio);
        let (local, formats, home) = match step.target {
            Target::Ours => (own, None, None),
            Target::Peer(at, rtcp) => (Some(place_of(at, rtcp)), Some(step.codecs.clone()), own),
        };
        let name = channel.name.clone();
        self.ears.log(out, Level::Verbose, "chan_pjsip.c", || match step.target {
            Target::Peer(at, _) if step.quiet => {
                format!("{name}: its media goes to {at} directly once the other server asks for it")
            }
            Target::Peer(at, _) => format!("{name}: its media goes to {at} directly"),
            Target::Ours => format!("{name}: its media comes back here"),
        });
        let Some(local) = local else { return };
        self.media_bypasses(id, step.target != Target::Ours, out);
        // Its own offers are answered alike: with that place, and with codecs the other phone has.
        let only = formats.as_ref().map(|codecs| codecs.iter().copied().map(Format::of).collect());
        if let Some(session) = self.calls.channels.get_mut(&id).and_then(|channel| channel.session.as_mut()) {
            session.set_only(only.or(other));
            // At once, so that after glare the other server's offer brings what ours could not (S2-6).
            session.set_local(stream, local.clone());
            session.set_home(home.map(|home| (stream, home)));
            if step.quiet {
                return;
            }
        }
        let method = match step.method {
            bridge::Method::Invite => RefreshWith::Invite,
            bridge::Method::Update => RefreshWith::Update,
        };
        let reoffer = Reoffer {
            locals: vec![(stream, local)],
            formats: formats.map(|codecs| codecs.into_iter().map(Format::of).collect()),
            ..Reoffer::new(method, ReofferWhy::DirectMedia)
        };
        let done = self.with_session(now, id, out, |session, cx| session.reoffer(cx, reoffer));
        if let Some(Err(why)) = done {
            self.ears.log(out, Level::Debug, "chan_pjsip.c", || format!("{name}: media not moved: {why}"));
        }
    }

    /// A phone's own offer was answered: it knows now where its media goes.
    pub(super) fn offered_by_phone(&mut self, id: ChannelId, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        (channel.moved, channel.redirect_at) = (false, None);
        self.tell_declined_fax(id, out);
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        let Some(bridge) = channel.bridge.and_then(|bridge| self.calls.bridges.get_mut(&bridge)) else {
            return;
        };
        if let Some(at) = bridge.legs.iter().position(|leg| *leg == id) {
            bridge.direct.offered(at);
        }
    }

    /// A fax was offered and is not served: said with the option that would let it in (S3-25).
    fn tell_declined_fax(&self, id: ChannelId, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get(&id) else { return };
        let agreement = channel.session.as_ref().and_then(|session| session.agreement());
        let mut streams = agreement.map_or(&[][..], |agreement| &agreement.streams).iter();
        let off = |stream: &Stream| matches!(stream.outcome, Outcome::Declined { why: Declined::FaxOff, .. });
        if streams.any(off) {
            self.ears.log(out, Level::Warning, "res_pjsip_t38.c", || {
                format!(
                    "{}: T.38 was offered and declined: endpoint '{}' has t38_udptl=no",
                    channel.name, channel.endpoint.name
                )
            });
        }
    }

    /// A leg that refrained has waited long enough.
    pub(super) fn redirect_due(&mut self, now: Now, id: ChannelId) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        if channel.redirect_at.take_if(|at| *at <= now.at).is_none() {
            return;
        }
        let Some(id_of_bridge) = channel.bridge else { return };
        let Some(bridge) = self.calls.bridges.get_mut(&id_of_bridge) else { return };
        if let Some(at) = bridge.legs.iter().position(|leg| *leg == id) {
            bridge.direct.patience_over(at);
            self.choose_later(id_of_bridge);
        }
    }

    /// A phone took or refused a redirection; `moved`: its answer has another address than it had.
    pub(super) fn redirected(&mut self, bridge: BridgeId, leg: ChannelId, result: Reoffered, moved: bool) {
        let Some(bridge) = self.calls.bridges.get_mut(&bridge) else { return };
        let Some(at) = bridge.legs.iter().position(|id| *id == leg) else { return };
        match result {
            Reoffered::Refused(code) => {
                bridge.direct.refused(at, code);
                let before = bridge.direct.target(at);
                self.set_place(leg, before);
            }
            Reoffered::Ok if moved => bridge.direct.moved(at),
            Reoffered::Ok => bridge.direct.stayed(at),
            Reoffered::Ended => {}
        }
    }

    /// What a channel's own offers are answered with, without telling it.
    pub(super) fn set_place(&mut self, id: ChannelId, target: Target) {
        let Some(channel) = self.calls.channels.get(&id) else { return };
        let Some(stream) = channel.audio_position() else { return };
        let Some(own) = self.local_of(channel, stream, &MediaKind::Audio) else { return };
        if let Some(session) = self.calls.channels.get_mut(&id).and_then(|channel| channel.session.as_mut()) {
            session.set_home((target != Target::Ours).then(|| (stream, own.clone())));
            session.set_local(stream, place_for(target, own));
        }
    }

    /// Where a channel's media goes when it bypasses us.
    pub(super) fn direct_peer(&self, channel: &Channel) -> Option<SocketAddr> {
        let bridge = self.calls.bridges.get(&channel.bridge?)?;
        let at = bridge.legs.iter().position(|leg| *leg == channel.id)?;
        match bridge.direct.target(at) {
            Target::Peer(at, _) => Some(at),
            Target::Ours => None,
        }
    }
}

/// What a description says: our own place, or the other phone's.
pub(super) fn place_for(target: Target, own: Local) -> Local {
    match target {
        Target::Ours => own,
        Target::Peer(at, rtcp) => place_of(at, rtcp),
    }
}

/// What a description says of the other phone's address.
pub(super) fn place_of(at: SocketAddr, rtcp: Rtcp) -> Local {
    let rtcp_port = match rtcp {
        Rtcp::Port(port) => Some(port),
        Rtcp::NextPort | Rtcp::Multiplexed => None,
    };
    Local { rtcp_port, rtcp_mux: rtcp == Rtcp::Multiplexed, ..Local::at(at.ip(), at.port()) }
}
