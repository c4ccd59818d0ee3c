//! `Transfer` and pickup: channels that change their partner.

use super::channel::{ChannelId, Doing, Side, State};
use super::redirecting;
use crate::base::time::Now;
use crate::dialplan::action::PickupTarget;
use crate::dialplan::{Outcome, Place};
use crate::session::State as SessionState;
use crate::sip::wire::Uri;
use crate::switch::Switch;
use crate::switch::io::Actions;
use std::time::Duration;

/// How long `Transfer` waits to be told how it went: 202, and then nothing, must not hold the call for ever.
const TOLD_WITHIN: Duration = Duration::from_secs(180);

impl Switch {
    /// Sends a channel to a place of the dialplan, out of its bridge and whatever it does.
    pub(super) fn send_to(&mut self, now: Now, id: ChannelId, place: Place, out: &mut Actions) {
        self.detach(now, id, out);
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        channel.send_to(place);
        channel.is_kept = true;
        self.calls.work.push_back(super::Work::Run(id));
        self.calls.touched.insert(id);
    }

    /// Takes a channel out of its bridge and its `Dial` without ending either side's call.
    pub(super) fn detach(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        self.leave_service(now, id, out);
        self.leave_subroutine(now, id, out);
        self.leave_rooms(now, id, out);
        self.stop_doing(id, out);
        let other = self.partner(id);
        for leg in [Some(id), other].into_iter().flatten() {
            if let Some(channel) = self.calls.channels.get_mut(&leg) {
                channel.is_kept = true;
            }
        }
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        let side = channel.side;
        if !channel.is_caller() {
            channel.side = Side::Called(None);
        }
        if let Doing::Dialling(dialling) = std::mem::take(&mut channel.doing) {
            self.hush(id, out);
            self.end_legs(now, &dialling, 16, out);
            self.end_unjoined(now, &dialling, 16, out);
            if let Some(answered) = &dialling.answered
                && let Some(leg) = self.calls.channels.get_mut(&answered.channel)
            {
                leg.side = Side::Called(None);
            }
        }
        self.leave_bridge(now, id, out);
        // The caller of a transferred called leg is the one who transferred it: his Dial is over.
        if let Side::Called(Some(caller)) = side
            && let Some(caller) = self.calls.channels.get_mut(&caller)
            && let Doing::Dialling(_) = caller.doing
        {
            caller.doing = Doing::Nothing;
        }
    }

    /// A channel sends its partner away and leaves: what put it into the bridge does not go on meanwhile.
    pub(super) fn leaves_soon(&mut self, id: ChannelId) {
        if let Some(channel) = self.calls.channels.get_mut(&id)
            && let Doing::Bridged = channel.doing
        {
            channel.doing = Doing::Nothing;
        }
    }

    /// `Transfer`: 302 before the answer, REFER after it.
    pub(super) fn transfer(
        &mut self,
        now: Now,
        id: ChannelId,
        (technology, target): (Option<String>, &str),
        out: &mut Actions,
    ) -> Option<Outcome> {
        let refused = |protocol| Some(Outcome::Transferred { status: "FAILURE", protocol });
        if technology.as_deref().is_some_and(|technology| !technology.eq_ignore_ascii_case("PJSIP")) {
            return refused(0);
        }
        let uri = match (Uri::parse(target.as_bytes()), self.locate(target)) {
            (Ok(uri), _) if uri.is_sip() => target.to_owned(),
            (_, Ok(located)) => located.uri,
            _ => return refused(0),
        };
        let contact = format!("<{uri}>");
        let channel = self.calls.channels.get(&id)?;
        if channel.state != State::Up {
            let host = channel.way.local.to_string();
            let lines = redirecting::lines(&channel.endpoint, &channel.redirecting, &host);
            let done = self
                .with_session(now, id, out, |session, cx| session.redirect(cx, contact.as_bytes(), &lines));
            return match done {
                Some(Ok(())) => Some(Outcome::Transferred { status: "SUCCESS", protocol: 302 }),
                _ => refused(0),
            };
        }
        let by = channel
            .session
            .as_ref()
            .and_then(|session| session.dialog())
            .map(|dialog| dialog.local().to_vec());
        let by = by.unwrap_or_default();
        let done =
            self.with_session(now, id, out, |session, cx| session.refer(cx, contact.as_bytes(), &by, b""));
        match done {
            Some(Ok(())) => self.wait(id, Doing::Transferring(now.at + TOLD_WITHIN)),
            _ => refused(0),
        }
    }

    /// The ringing channel that a pickup is for.
    pub(super) fn ringing_for(&self, id: ChannelId, target: &PickupTarget) -> Option<ChannelId> {
        let picker = self.calls.channels.get(&id)?;
        let rings = |channel: &&super::channel::Channel| {
            let early = channel.session.as_ref().is_some_and(|session| {
                matches!(session.state(), SessionState::Calling | SessionState::Early { .. })
            });
            early && matches!(channel.side, Side::Called(Some(_)))
        };
        let mut ringing = self.calls.channels.values().filter(rings);
        let found = match target {
            PickupTarget::Group => {
                let groups = picker.endpoint.options.pickup_group;
                let named = &picker.endpoint.options.named_pickup_group;
                ringing.find(|channel| {
                    let options = &channel.endpoint.options;
                    options.call_group & groups != 0
                        || options.named_call_group.iter().any(|group| named.contains(group))
                })
            }
            PickupTarget::Extension { exten, context } => ringing.find(|channel| {
                let here = picker.program.as_ref().map(|program| &*program.place().context);
                let context = context.as_deref().or(here);
                let caller = self.caller_side(channel.id).and_then(|caller| self.calls.channels.get(&caller));
                caller.and_then(|caller| caller.program.as_ref()).is_some_and(|program| {
                    let place = program.place();
                    *place.exten == **exten && context.is_none_or(|context| *place.context == *context)
                })
            }),
            PickupTarget::Channel { name, partial } => ringing.find(|channel| {
                let known = if *partial { channel.name.get(..name.len()) } else { Some(&*channel.name) };
                known.is_some_and(|known| known.eq_ignore_ascii_case(name))
            }),
            PickupTarget::Mark(mark) => ringing.find(|channel| {
                let caller = self.caller_side(channel.id).and_then(|caller| self.calls.channels.get(&caller));
                caller
                    .and_then(|caller| caller.program.as_ref())
                    .is_some_and(|program| program.variables().value("PICKUPMARK") == Some(mark))
            }),
        };
        found.map(|channel| channel.id)
    }

    /// The pickup extension was dialled: 403 when nothing rings in the groups that this endpoint may pick up.
    pub(super) fn pick_up_group(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        match self.ringing_for(id, &PickupTarget::Group) {
            Some(ringing) => self.pick_up(now, id, ringing, out),
            None => self.reject(now, id, (403, 21), out),
        }
    }

    /// Gives a ringing call to another channel: that one is answered and takes the place of the leg that rang.
    pub(super) fn pick_up(&mut self, now: Now, id: ChannelId, ringing: ChannelId, out: &mut Actions) {
        let Some(caller) = self.caller_side(ringing) else { return };
        self.answer_channel(now, id, None, out);
        if self.calls_for_transfer(caller, ringing) {
            // He is called for somebody who was transferred.
            self.called_instead(caller, ringing, id, out);
        }
        let Some(channel) = self.calls.channels.get_mut(&caller) else { return };
        if let Doing::Dialling(dialling) = &mut channel.doing
            && let Some(leg) = dialling.legs.iter_mut().find(|leg| leg.channel == Some(ringing))
        {
            leg.channel = Some(id);
        }
        if let Some(leg) = self.calls.channels.get_mut(&ringing) {
            leg.side = Side::Called(None);
        }
        self.hang_up(now, ringing, 26, out);
        if let Some(picker) = self.calls.channels.get_mut(&id) {
            picker.doing = Doing::Bridged;
        }
        self.leg_answered(now, id, caller, out);
    }
}
