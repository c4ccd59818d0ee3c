//! T.38 between two legs: what one phone offers, the other is offered; what the other answers, the one is answered.
//! Fax packets then pass unread, with their redundancy or error correction. The server itself makes none.
//!
//! ```text
//! A: re-INVITE m=image ─ FaxOffered ─▶ a port for B ─ re-INVITE m=image ─▶ B
//! A: 200 with B's m=image, or 488  ◀── ReofferDone ─────────────────────── B answers
//! A or B goes back to audio ─ Media(fax ended) ─▶ re-INVITE with audio ─▶ the other
//! ```

use super::channel::{Channel, ChannelId};
use super::join::Join;
use super::ports::SlotState;
use crate::base::time::Now;
use crate::bridge::Path;
use crate::config::model::Endpoint;
use crate::config::model::endpoint_words::T38ErrorCorrection;
use crate::dialplan::{Match, Place, Query};
use crate::sdp::answer::is_fax;
use crate::sdp::{
    Attributes, CodecKind, Description, Direction, Format, Local, MediaKind, Proposal, RtpStream, Translation,
};
use crate::session::{RefreshWith, Reoffer, Reoffered, Why};
use crate::switch::Switch;
use crate::switch::io::Actions;
use crate::switch::view::Level;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

const FILE: &str = "res_pjsip_t38.c";

/// A leg that is asked for T.38 since the other one was.
#[derive(Debug)]
pub(super) struct FaxAsked {
    /// Whose phone offered it.
    from: ChannelId,
    /// Which `m=` line is the fax.
    stream: usize,
    parameters: Attributes,
    /// What becomes of each `m=` line of the offer.
    lines: Vec<Line>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Fax,
    /// As it is now.
    Kept,
    Removed,
}

impl Channel {
    /// `T38State` of Asterisk's manager, and `CHANNEL(pjsip,t38state)`.
    pub fn fax_state(&self) -> &'static str {
        let agreement = self.session.as_ref().and_then(|session| session.agreement());
        match () {
            () if agreement.is_some_and(|agreement| agreement.fax().is_some()) => "ENABLED",
            () if self.fax.is_some() => "LOCAL_REINVITE",
            () if self.had_fax => "REJECTED",
            () => "DISABLED",
        }
    }

    /// `fax_detect`: whether it may turn out to be a fax machine that calls us.
    pub fn may_be_fax(&self) -> bool {
        let options = &self.endpoint.options;
        let sent = self.program.as_ref().is_some_and(|program| &*program.place().exten == "fax");
        options.fax_detect && self.is_caller() && self.is_up() && self.program.is_some() && !sent
    }

    fn fax_agreed(&self) -> Option<Attributes> {
        Some(self.session.as_ref()?.agreement()?.fax()?.attributes.clone())
    }
}

impl Switch {
    /// A phone offers T.38: its partner is asked (S3-23). Without one that takes it, it gets 488 and the call goes on
    /// (S3-24).
    pub(super) fn fax_offered(
        &mut self,
        now: Now,
        id: ChannelId,
        (parameters, offer): (Attributes, &Description),
        out: &mut Actions,
    ) {
        let asked = match self.goes_to_fax_extension(now, id, out) {
            true => Err("it goes to the extension 'fax'".to_owned()),
            false => self.ask_for_fax(now, id, (parameters, offer), out),
        };
        if let Err(why) = asked {
            self.refuse_fax(now, id, &why, out);
        }
    }

    fn refuse_fax(&mut self, now: Now, id: ChannelId, why: &str, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get(&id) else { return };
        let name = channel.name.clone();
        let asked = self.with_session(now, id, out, |session, cx| session.refuse_fax(cx));
        if asked.is_some_and(|done| done.is_ok()) {
            self.ears.log(out, Level::Notice, FILE, || format!("{name}: its T.38 offer is declined: {why}"));
        }
    }

    fn ask_for_fax(
        &mut self,
        now: Now,
        id: ChannelId,
        (parameters, offer): (Attributes, &Description),
        out: &mut Actions,
    ) -> Result<(), String> {
        let other = self.partner(id).and_then(|other| self.media_of(other)).ok_or("it talks to nobody")?;
        let from = self.calls.channels.get(&id).map(|channel| channel.endpoint.clone());
        let channel = self.calls.channels.get(&other).ok_or("it talks to nobody")?;
        if !channel.endpoint.options.t38_udptl {
            return Err(format!("endpoint '{}' on the other side has t38_udptl=no", channel.endpoint.name));
        }
        if channel.fax.is_some() || self.calls.channels.get(&id).is_some_and(|channel| channel.fax.is_some())
        {
            return Err("both sides offer it at once".to_owned());
        }
        if let Some(theirs) = channel.fax_agreed() {
            // It runs there already: this offer only repeats it.
            let theirs = told_as(theirs, &channel.endpoint);
            self.with_session(now, id, out, |session, cx| session.accept_fax(cx, theirs));
            return Ok(());
        }
        let stream = offer.media.iter().position(|media| !media.is_disabled() && is_fax(media));
        let stream = stream.ok_or("no m=image line can be taken")?;
        let current = channel.session.as_ref().and_then(|session| session.agreement());
        let kept = |at: usize, media: &crate::sdp::Media| {
            let same = current.and_then(|current| current.streams.get(at));
            !media.is_disabled() && same.is_some_and(|stream| stream.kind == media.kind && stream.is_active())
        };
        let lines = offer.media.iter().enumerate().map(|(at, media)| match () {
            () if at == stream => Line::Fax,
            () if kept(at, media) => Line::Kept,
            () => Line::Removed,
        });
        let lines = lines.collect();
        let parameters = match from {
            Some(from) => told_as(parameters, &from),
            None => parameters,
        };
        let ready = self.kept_local(other, stream, &MediaKind::Image).is_some();
        if let Some(channel) = self.calls.channels.get_mut(&other) {
            channel.fax = Some(Box::new(FaxAsked { from: id, stream, parameters, lines }));
        }
        if ready {
            self.offer_fax(now, other, out);
        } else {
            self.open_port(other, stream, MediaKind::Image, out);
        }
        Ok(())
    }

    /// Where the socket of a fax is bound: `t38_bind_udptl_to_media_address`, `t38_udptl_ipv6`, else as that of the sound.
    pub(super) fn fax_bind(&self, channel: &Channel) -> IpAddr {
        let options = &channel.endpoint.options;
        match self.directory.address(&options.media_address, channel.way.local) {
            Some(media) if options.t38_bind_udptl_to_media_address => media,
            None if options.t38_udptl_ipv6 => Ipv6Addr::UNSPECIFIED.into(),
            _ => self.media_bind(channel),
        }
    }

    /// Whether a port for a stream is on its way.
    pub(super) fn is_opening(&self, id: ChannelId, stream: usize, kind: &MediaKind) -> bool {
        self.calls.channels.get(&id).is_some_and(|channel| {
            let mut slots = channel.slots.iter();
            slots.any(|s| s.state == SlotState::Opening && s.stream == stream && s.kind == *kind)
        })
    }

    /// What a description says of a stream whose port is open from an earlier time.
    pub(super) fn kept_local(&self, id: ChannelId, stream: usize, kind: &MediaKind) -> Option<Local> {
        self.local_of(self.calls.channels.get(&id)?, stream, kind)
    }

    /// The port of a leg that is asked is open, or cannot be: it is sent the offer.
    pub(super) fn offer_fax(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get(&id) else { return };
        let Some(asked) = &channel.fax else { return };
        let Some(local) = self.local_of(channel, asked.stream, &MediaKind::Image) else {
            return self.fax_not_taken(now, id, "no port is free for it", out);
        };
        let Some(session) = &channel.session else { return };
        let current = session.streams_in_use();
        let removed = |at: usize| match current.get(at) {
            Some(Proposal::Rtp { kind, .. } | Proposal::Removed { kind }) => {
                Proposal::Removed { kind: kind.clone() }
            }
            _ => Proposal::Removed { kind: MediaKind::Audio },
        };
        let proposals = asked.lines.iter().enumerate().map(|(at, line)| match line {
            Line::Fax => Proposal::Fax { local: local.clone(), parameters: asked.parameters.clone() },
            Line::Kept => current.get(at).cloned().unwrap_or_else(|| removed(at)),
            Line::Removed => removed(at),
        });
        let proposals = Some(proposals.collect());
        let reoffer = Reoffer { proposals, ..Reoffer::new(RefreshWith::Invite, Why::Fax) };
        let done = self.with_session(now, id, out, |session, cx| session.reoffer(cx, reoffer));
        if !matches!(done, Some(Ok(()))) {
            self.fax_not_taken(now, id, "the other side cannot be asked now", out);
        }
    }

    /// A leg that was asked cannot do it: who offered is refused, and both stay with what they have.
    fn fax_not_taken(&mut self, now: Now, id: ChannelId, why: &str, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        channel.had_fax = true;
        if let Some(asked) = channel.fax.take() {
            self.refuse_fax(now, asked.from, why, out);
        }
    }

    /// A leg answered an offer of T.38, or of audio after it.
    pub(super) fn fax_answered(&mut self, now: Now, id: ChannelId, result: Reoffered, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        let Some(asked) = &channel.fax else { return };
        let from = asked.from;
        let Some(theirs) = channel.fax_agreed().filter(|_| result == Reoffered::Ok) else {
            let why = match result {
                Reoffered::Refused(code) => format!("the other side answered {code}"),
                Reoffered::Ok => "the other side took no fax stream".to_owned(),
                Reoffered::Ended => "the other side hung up".to_owned(),
            };
            return self.fax_not_taken(now, id, &why, out);
        };
        channel.fax = None;
        let theirs = told_as(theirs, &channel.endpoint);
        let done = self.with_session(now, from, out, |session, cx| session.accept_fax(cx, theirs));
        if !matches!(done, Some(Ok(()))) {
            // It was refused for the time it took, or is gone: nobody sends fax to this one.
            self.back_to_audio(now, id, out);
        }
    }

    /// Fax ended on one leg: so it does on the other.
    pub(super) fn fax_ended(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        let Some(other) = self.partner(id).and_then(|other| self.media_of(other)) else { return };
        if self.calls.channels.get(&other).is_some_and(|other| other.fax_agreed().is_some()) {
            self.back_to_audio(now, other, out);
        }
    }

    /// Offers a leg audio again, with the codecs of its partner first.
    fn back_to_audio(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        let partner = self.partner(id).and_then(|other| self.media_of(other));
        let partner = partner.and_then(|other| self.calls.channels.get(&other));
        let codecs = partner.and_then(Channel::audio).map(formats_of);
        let Some(channel) = self.calls.channels.get(&id) else { return };
        let open = |slot: &&super::ports::Slot| {
            slot.kind == MediaKind::Audio && matches!(slot.state, SlotState::Open { .. })
        };
        let Some(stream) = channel.slots.iter().find(open).map(|slot| slot.stream) else { return };
        let Some(local) = self.local_of(channel, stream, &MediaKind::Audio) else { return };
        let capabilities = super::capability::of(&channel.endpoint);
        let formats = match &codecs {
            Some(codecs) => super::capability::offered(&capabilities, CodecKind::Audio, codecs),
            None => capabilities.offered(CodecKind::Audio, None),
        };
        let Some(session) = &channel.session else { return };
        let mut proposals: Vec<Proposal> = session.streams_in_use();
        for proposal in &mut proposals {
            if let Proposal::Fax { .. } = proposal {
                *proposal = Proposal::Removed { kind: MediaKind::Image };
            }
        }
        let audio = Proposal::Rtp { kind: MediaKind::Audio, local, formats, direction: Direction::SendRecv };
        match proposals.get_mut(stream) {
            Some(place) => *place = audio,
            None => return,
        }
        let reoffer = Reoffer { proposals: Some(proposals), ..Reoffer::new(RefreshWith::Invite, Why::Fax) };
        self.with_session(now, id, out, |session, cx| session.reoffer(cx, reoffer));
    }
}

impl Switch {
    /// A caller's fax tone was heard.
    pub(super) fn fax_tone(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        if !self.goes_to_fax_extension(now, id, out)
            && let Some(channel) = self.calls.channels.get(&id)
        {
            self.ears.log(out, Level::Notice, "chan_pjsip.c", || {
                format!(
                    "FAX CNG detected on {} but no fax extension in its context, or too late",
                    channel.name
                )
            });
        }
        self.listen_for_tones(id, out);
    }

    /// `fax_detect`: a caller that turns out to be a fax machine goes to the extension `fax`, where there is one.
    pub(super) fn goes_to_fax_extension(&mut self, now: Now, id: ChannelId, out: &mut Actions) -> bool {
        let Some(channel) = self.calls.channels.get(&id) else { return false };
        let options = &channel.endpoint.options;
        let timeout = Duration::from_secs(u64::from(options.fax_detect_timeout_secs));
        let in_time = timeout.is_zero() || channel.answered.is_some_and(|at| now.at.since(at) <= timeout);
        let Some(place) = channel.place().filter(|_| options.fax_detect && in_time && channel.is_caller())
        else {
            return false;
        };
        let caller = channel.caller.number.clone();
        let query = Query { context: &place.context, exten: "fax", caller: &caller, now: now.wall };
        if &*place.exten == "fax" || self.calls.plan.find(query) != Match::Found {
            return false;
        }
        let (name, partner) = (channel.name.clone(), self.partner(id));
        self.ears.log(out, Level::Verbose, "chan_pjsip.c", || {
            format!("Redirecting '{name}' to fax extension due to CNG detection or a T.38 offer")
        });
        if let Some(channel) = self.calls.channels.get_mut(&id) {
            // One variable more than a channel can hold is said when the dialplan reads it.
            let _ = channel.set_variable("FAXEXTEN", &place.exten);
        }
        self.send_to(now, id, Place::new(&place.context, "fax", 1), out);
        if let Some(partner) = partner {
            self.hang_up(now, partner, 16, out);
        }
        true
    }
}

/// What a phone's own fax parameters become for the other one: untouched (S3-23), but for what its endpoint sets.
fn told_as(mut parameters: Attributes, endpoint: &Endpoint) -> Attributes {
    let options = &endpoint.options;
    let correction = match options.t38_udptl_ec {
        T38ErrorCorrection::None => None,
        T38ErrorCorrection::Fec => Some("T38FaxUdpEC:t38UDPFEC".to_owned()),
        T38ErrorCorrection::Redundancy => Some("T38FaxUdpEC:t38UDPRedundancy".to_owned()),
    };
    let most = options.t38_udptl_maxdatagram;
    let most = (most != 0).then(|| format!("T38FaxMaxDatagram:{most}"));
    for text in correction.into_iter().chain(most) {
        let name = text.split(':').next().unwrap_or_default();
        parameters.0.retain(|attribute| !attribute.name().eq_ignore_ascii_case(name));
        parameters.push(&text);
    }
    parameters
}

/// The ports of two legs that agreed on T.38: packets pass as they are.
pub(super) fn join_of(a: &Channel, b: &Channel) -> Option<Join> {
    let port = |channel: &Channel| {
        let streams = &channel.session.as_ref()?.agreement()?.streams;
        let at = streams.iter().position(|stream| stream.fax().is_some())?;
        let open = |slot: &&super::ports::Slot| matches!(slot.state, SlotState::Open { .. });
        let mut slots = channel.slots.iter().filter(open);
        Some(slots.find(|slot| slot.stream == at && slot.kind == MediaKind::Image)?.port)
    };
    let nothing = || Path { numbers: Translation::NOTHING };
    Some(Join { kind: MediaKind::Image, ports: [port(a)?, port(b)?], paths: [nothing(), nothing()] })
}

fn formats_of(audio: &RtpStream) -> Vec<Format> {
    audio.formats.iter().map(|agreed| Format::of(agreed.codec)).collect()
}
