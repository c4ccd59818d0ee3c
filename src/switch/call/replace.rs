//! INVITE with Replaces (RFC 3891): a new channel takes the place of one that is alive.
//!
//! ```text
//! the replaced one is …        the new one …
//!   answered, in a bridge ───► is answered and takes its place in the bridge
//!   answered, alone ─────────► is answered and goes on with its dialplan
//!   called by us, ringing ───► is answered and takes the call, as by pickup
//!   calling us, unanswered ──► 481      being hung up ──► 603      answered, and early-only ──► 486
//! ```

use super::channel::{Channel, ChannelId, Doing, Side};
use super::dial::Answered;
use crate::base::time::Now;
use crate::session::{AnswerWith, State as SessionState};
use crate::sip::dialog::DialogKey;
use crate::sip::wire::{Header, Message, Params};
use crate::switch::Switch;
use crate::switch::io::Actions;
use crate::switch::view::Level;

const REFER: &str = "res_pjsip_refer.c";

/// A Replaces value, tags as seen by who is asked to replace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Replaces<'m> {
    call_id: &'m [u8],
    to_tag: &'m [u8],
    from_tag: &'m [u8],
    early_only: bool,
}

impl<'m> Replaces<'m> {
    /// `None` without a Call-ID and both tags.
    pub fn read(value: &'m [u8]) -> Option<Replaces<'m>> {
        let end = memchr::memchr(b';', value).unwrap_or(value.len());
        let params = Params(&value[end..]);
        let call_id = value[..end].trim_ascii();
        let (to_tag, from_tag) = (params.value(b"to-tag")?, params.value(b"from-tag")?);
        let early_only = params.has(b"early-only");
        (!call_id.is_empty()).then_some(Replaces { call_id, to_tag, from_tag, early_only })
    }
}

impl Switch {
    /// The channel whose dialog a Replaces value names.
    pub(super) fn channel_of(&self, replaces: &Replaces<'_>) -> Option<ChannelId> {
        let find = |remote_tag| {
            let Replaces { call_id, to_tag: local_tag, .. } = *replaces;
            self.calls.dialogs.find(&DialogKey { call_id, local_tag, remote_tag })
        };
        // `0` is also how an absent tag is written (RFC 3891 6.1).
        let untagged = || if replaces.from_tag == b"0" { find(b"") } else { None };
        find(replaces.from_tag).or_else(untagged)
    }

    /// The channel that an INVITE replaces, if it does; else the status it is refused with, and why.
    pub(super) fn replaced_by(
        &self,
        message: &Message<'_>,
    ) -> Result<Option<ChannelId>, (u16, &'static str)> {
        let mut values = message.values(Header::Replaces);
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() || message.other(b"Join").next().is_some() {
            return Err((400, "it replaces several calls at once"));
        }
        let replaces = Replaces::read(value).ok_or((400, "its Replaces cannot be read"))?;
        let id = self.channel_of(&replaces).ok_or((481, "the call it replaces is none of ours"))?;
        let channel = self.calls.channels.get(&id).ok_or((481, "the call it replaces is over"))?;
        let state = channel.session.as_ref().map_or(SessionState::Ended, |session| session.state());
        match state {
            SessionState::Ending | SessionState::Ended => Err((603, "the call it replaces is over")),
            _ if channel.hung_up => Err((603, "the call it replaces is over")),
            _ if self.is_being_transferred(id) => Err((603, "the call it replaces is being transferred")),
            SessionState::Incoming { .. } => Err((481, "the call it replaces is not answered by us yet")),
            SessionState::Up { .. } if replaces.early_only => {
                Err((486, "the call it replaces is answered, and it wants an early one"))
            }
            SessionState::Up { .. } | SessionState::Calling | SessionState::Early { .. } => Ok(Some(id)),
        }
    }

    /// Answers a channel and puts it in the place of another one, which is hung up.
    pub(super) fn take_place(&mut self, now: Now, id: ChannelId, of: ChannelId, out: &mut Actions) {
        let Some(replaced) = self.calls.channels.get(&of) else {
            return self.reject(now, id, (481, 127), out);
        };
        let (early, left) = (!replaced.is_up(), replaced.name.clone());
        let name = self.calls.channels.get(&id).map(|channel| channel.name.clone()).unwrap_or_default();
        self.ears.log(out, Level::Verbose, REFER, || format!("{name} replaces {left}"));
        if early {
            match self.caller_side(of) {
                Some(_) => self.pick_up(now, id, of, out),
                None => self.reject(now, id, (481, 127), out),
            }
            return;
        }
        let taken = match self.partner(of) {
            Some(partner) => {
                self.swap(now, (id, of), partner, out);
                true
            }
            None => self.take_alone(now, id, of, out),
        };
        if taken {
            self.hang_up(now, of, 16, out);
        } else {
            self.reject(now, id, (481, 127), out);
        }
    }

    /// Whether a transfer by code is under way with a channel: it cannot be replaced in the middle of it.
    pub(super) fn is_being_transferred(&self, id: ChannelId) -> bool {
        let channel = self.calls.channels.get(&id);
        channel.is_some_and(|channel| channel.service.is_some() || channel.transferred_by.is_some())
    }

    /// Takes the place of a channel that is in no bridge: its parking space, or its dialplan. `false`: it has neither.
    pub(super) fn take_alone(&mut self, now: Now, id: ChannelId, of: ChannelId, out: &mut Actions) -> bool {
        if self.calls.channels.get(&of).is_some_and(|channel| channel.parked().is_some()) {
            self.answer_channel(now, id, None, out);
            self.take_space(of, id, out);
            return true;
        }
        self.take_dialplan(now, id, of, out)
    }

    /// Takes a channel's place beside `partner`.
    pub(super) fn swap(
        &mut self,
        now: Now,
        (id, of): (ChannelId, ChannelId),
        partner: ChannelId,
        out: &mut Actions,
    ) {
        let options = self.calls.channels.get(&of).and_then(|channel| channel.bridge);
        let options = options.and_then(|bridge| self.calls.bridges.get(&bridge)).map(|b| b.options.clone());
        let only = self.calls.channels.get(&partner).and_then(Channel::agreed_formats);
        let extra = self.connected_lines(now, id, partner, out);
        self.answer_channel(now, id, Some(AnswerWith { extra, only }), out);
        let side = self.calls.channels.get(&of).map(|channel| channel.side);
        // Who holds the call goes on holding it.
        let held = self.media_of(of).and_then(|phone| self.calls.channels.get(&phone));
        let holds = held.is_some_and(|held| held.is_told_to_hold);
        let limits =
            [partner, of].map(|leg| self.calls.channels.get_mut(&leg).and_then(|leg| leg.limits.take()));
        if side == Some(Side::Called(Some(partner))) && self.replace_leg(partner, of, id) {
            self.leave_bridge(now, of, out);
            self.join(now, partner, id, out);
        } else {
            self.detach(now, partner, out);
            for leg in [partner, id] {
                if let Some(channel) = self.calls.channels.get_mut(&leg) {
                    channel.doing = Doing::Bridged;
                    channel.is_kept = false;
                }
            }
            self.join(now, id, partner, out);
        }
        for (leg, limits) in [partner, id].into_iter().zip(limits) {
            if let Some(leg) = self.calls.channels.get_mut(&leg) {
                leg.limits = limits;
            }
        }
        self.introduce_each_other(now, [id, partner], out);
        if holds {
            self.hold_changed(now, partner, true, out);
        }
        let bridge = self.calls.channels.get(&id).and_then(|channel| channel.bridge);
        if let (Some(bridge), Some(options)) = (bridge.and_then(|b| self.calls.bridges.get_mut(&b)), options)
        {
            bridge.options = options;
        }
    }

    /// Puts a channel in the place of the leg that answered a caller's `Dial`, which goes on with it.
    pub(super) fn replace_leg(&mut self, caller: ChannelId, of: ChannelId, id: ChannelId) -> bool {
        let name = self.calls.channels.get(&id).map(|channel| channel.name.clone());
        let Some(Doing::Dialling(dialling)) = self.calls.channels.get_mut(&caller).map(|c| &mut c.doing)
        else {
            return false;
        };
        let Some(Answered { channel, name: answered, .. }) = &mut dialling.answered else { return false };
        if *channel != of {
            return false;
        }
        *channel = id;
        if let Some(name) = name {
            *answered = name;
        }
        for leg in dialling.legs.iter_mut().filter(|leg| leg.channel == Some(of)) {
            leg.channel = Some(id);
        }
        if let Some(replaced) = self.calls.channels.get_mut(&of) {
            replaced.side = Side::Called(None);
        }
        if let Some(channel) = self.calls.channels.get_mut(&id) {
            channel.side = Side::Called(Some(caller));
            channel.own_user = channel.dialled.clone();
        }
        true
    }

    /// Goes on with another channel's dialplan. `false`: it has none.
    fn take_dialplan(&mut self, now: Now, id: ChannelId, of: ChannelId, out: &mut Actions) -> bool {
        let Some(replaced) = self.calls.channels.get_mut(&of) else { return false };
        let Some(program) = replaced.program.take() else { return false };
        let (doing, suspended) = (std::mem::take(&mut replaced.doing), replaced.suspended.take());
        let digits = std::mem::take(&mut replaced.digits);
        if let Doing::Dialling(dialling) = &doing {
            for leg in dialling.ringing() {
                if let Some(leg) = self.calls.channels.get_mut(&leg) {
                    leg.side = Side::Called(Some(id));
                }
            }
        }
        match doing {
            Doing::Echo => self.unjoin_all(of, out),
            Doing::Held | Doing::Spying => self.leave_rooms(now, of, out),
            _ => {}
        }
        let over = matches!(doing, Doing::Nothing) && suspended.is_none();
        // What played, played to the other phone: this one hears it from the beginning; so it does with waiting, and with
        // listening in.
        let again = matches!(doing, Doing::Sounding(_) | Doing::Introducing(_) | Doing::Held | Doing::Spying);
        if let Some(channel) = self.calls.channels.get_mut(&id) {
            (channel.program, channel.doing, channel.suspended) = (Some(program), doing, suspended);
            channel.digits = digits;
        }
        self.take_seat(of, id, out);
        self.answer_channel(now, id, None, out);
        if over {
            self.resume(id, crate::dialplan::Outcome::Done);
        }
        if again && let Some(channel) = self.calls.channels.get_mut(&id) {
            channel.doing = Doing::Nothing;
            if let Some(program) = &mut channel.program {
                program.begin_again();
            }
            self.calls.work.push_back(super::Work::Run(id));
            self.calls.touched.insert(id);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_values_are_read() {
        let read = Replaces::read(b"c1@h ; from-tag=f;early-only; to-tag=t").expect("whole");
        assert_eq!((read.call_id, read.to_tag, read.from_tag), (&b"c1@h"[..], &b"t"[..], &b"f"[..]));
        assert!(read.early_only);
        assert!(!Replaces::read(b"c;to-tag=t;from-tag=f").expect("whole").early_only);
        for bad in ["", "c", "c;to-tag=t", "c;from-tag=f", ";to-tag=t;from-tag=f", "c;to-tag;from-tag=f"] {
            assert_eq!(Replaces::read(bad.as_bytes()), None, "{bad}");
        }
    }
}
