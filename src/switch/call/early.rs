//! `directrtpsetup`: media around us from the first INVITE (S1-33, S1-45, S1-49).
//!
//! ```text
//!   caller ── INVITE, its address ──▶ us ── INVITE, the caller's address ──▶ called phone
//!   caller ◀─ 183 or 200, the called phone's address ── us ◀── 183 or 200, its address ──┘
//! ```
//! Both endpoints must have the option, and nothing that is known by then may stand against direct media. What the phones
//! were told so is known to the bridge that follows: it sends no re-INVITE that would say the same (S1-34).

use super::channel::{Channel, ChannelId, Doing, State};
use super::facts::limit_of;
use super::features::hooks_of;
use super::redirect::place_of;
use crate::bridge::{self, BridgeKind, Condition, Facts, Leg, Place, Rtcp, Target, Technology};
use crate::dialplan::apps::dial::DialOptions;
use crate::sdp::{self, Format, MediaKind, RtpStream, Situation};
use crate::switch::Switch;
use std::net::SocketAddr;

impl Switch {
    /// The caller's address for the first offer to a channel that calls for him; `None`: ours goes in.
    pub(super) fn early_target(&self, called: ChannelId, streams: &[MediaKind]) -> Option<Target> {
        let caller = self.calls.channels.get(&self.caller_side(called)?)?;
        let leg = self.calls.channels.get(&called)?;
        let wanted = |channel: &Channel| channel.endpoint.options.direct_rtp_setup;
        let plain = caller.state != State::Up && !caller.early_media && streams == [MediaKind::Audio];
        if !(wanted(caller) && wanted(leg) && plain) {
            return None;
        }
        let facts = self.early_facts(caller, leg, None)?;
        // Of the called phone only its signalling is known; that it has no media yet is no fault.
        let (_, why) = bridge::choose(&facts);
        if why.failed().any(|(condition, _)| condition != Condition::MediaOnBoth) {
            return None;
        }
        let (place, audio) = (facts.legs[0].place, facts.legs[0].audio.as_ref()?);
        // Behind a NAT its own address is of use to its neighbours only; who they are is not known before the answer.
        let at = place.described.filter(|_| !place.is_behind_nat())?;
        let rtcp = match &audio.remote {
            remote if remote.rtcp_mux => Rtcp::Multiplexed,
            remote if remote.rtcp_port != remote.port.wrapping_add(1) => Rtcp::Port(remote.rtcp_port),
            _ => Rtcp::NextPort,
        };
        Some(Target::Peer(at, rtcp))
    }

    /// A called phone that was offered the caller's address has described its own: the caller's answer names that, when
    /// all conditions hold.
    pub(super) fn early_answer(&mut self, caller: ChannelId, called: ChannelId) {
        let (Some(a), Some(b)) = (self.calls.channels.get(&caller), self.calls.channels.get(&called)) else {
            return;
        };
        if b.told == Target::Ours || a.told != Target::Ours || a.early_media || a.state == State::Up {
            return;
        }
        let only = b.agreed_formats();
        let Some(facts) = self.early_facts(a, b, only.as_deref()) else { return };
        let (technology, why) = bridge::choose(&facts);
        let Some(direct) = why.direct.filter(|_| technology == Technology::Direct) else { return };
        let (at, rtcp) = (direct.targets[0], direct.rtcp[0]);
        let Some(stream) = a.session.as_ref().and_then(|session| {
            let offer = session.offer()?;
            offer.media.iter().position(|media| media.kind == MediaKind::Audio && !media.is_disabled())
        }) else {
            return;
        };
        let Some(channel) = self.calls.channels.get_mut(&caller) else { return };
        let Some(session) = channel.session.as_mut() else { return };
        // Without a port of ours the media could not come back: then it goes the common way.
        if session.local(stream).is_some() {
            session.set_local(stream, place_of(at, rtcp));
            channel.told = Target::Peer(at, rtcp);
        }
    }

    /// The facts of a bridge that is to be, with a caller that is not answered yet. `only`: the codecs his answer will be
    /// limited to.
    fn early_facts(&self, caller: &Channel, called: &Channel, only: Option<&[Format]>) -> Option<Facts> {
        let Doing::Dialling(dialling) = &caller.doing else { return None };
        let options = &dialling.dial.options;
        if options.subroutine.is_some() || options.announce.is_some() || dialling.screening.is_some() {
            // Somebody may have to be heard before both are joined.
            return None;
        }
        let capabilities = super::capability::of(&caller.endpoint);
        let situation = Situation { only, ..Situation::default() };
        let answer = sdp::answer(caller.session.as_ref()?.offer()?, &capabilities, &situation).ok()?;
        let agreement = called.session.as_ref().and_then(|session| session.agreement());
        let theirs = agreement.and_then(|agreement| agreement.audio().cloned());
        let ours = answer.agreement.audio()?.clone();
        let has_video = [Some(&answer.agreement), agreement]
            .map(|agreed| agreed.is_some_and(|agreed| agreed.first(&MediaKind::Video).is_some()));
        let a = self.early_leg(caller, Some(ours), options, has_video[0]);
        let b = self.early_leg(called, theirs, options, has_video[1]);
        let denied = [self.acl_denies(caller, &b.place), self.acl_denies(called, &a.place)];
        let mut legs = vec![a, b];
        for (leg, denied) in legs.iter_mut().zip(denied) {
            leg.acl_denies = denied;
        }
        Some(Facts { legs, kind: BridgeKind::Basic, local_channel: None })
    }

    fn early_leg(
        &self,
        channel: &Channel,
        audio: Option<RtpStream>,
        options: &DialOptions,
        has_video: bool,
    ) -> Leg {
        let mut uses = channel.uses.clone();
        uses.extend(limit_of(options, channel.is_caller(), None));
        let mut place = self.media_place(channel, audio.as_ref());
        if audio.is_none() {
            // A guess for whether the phones can reach each other: where it is called. The port is nobody's.
            let ip = channel.way.remote.ip();
            place = Place { described: Some(SocketAddr::new(ip, 9)), ..place };
        }
        Leg {
            hooks: hooks_of(options, channel.is_caller(), self.features_of(channel.id), None),
            is_outgoing: !channel.is_caller(),
            fax: channel.fax_so_far(),
            has_video,
            place,
            audio,
            uses,
            ..self.configured_leg(&channel.endpoint, channel.name.clone(), channel.dtmf_mode())
        }
    }

    /// A caller was answered on its own, after a called phone's address was described to it: its media comes back, unless
    /// a bridge takes it over at once.
    pub(super) fn answered_alone(&mut self, id: ChannelId) {
        if self.calls.channels.get(&id).is_some_and(|channel| channel.told != Target::Ours) {
            self.calls.homeward.push(id);
        }
    }
}
