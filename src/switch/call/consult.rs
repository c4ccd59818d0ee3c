//! Attended transfer by code: who transfers talks to the target first, while the other party hears music.
//!
//! ```text
//! T ── P        T ── P        T ── C        P ── C        T transfers, P is transferred, C is the target
//!   dials ─►     C rings ─►  P waits  ─►   T is gone      (T hangs up, or atxfercomplete)
//!                  │             ├─ C hangs up, atxferabort ─► T ── P again
//!                  │             ├─ atxferswap ─► T ── P, C waits
//!                  │             └─ atxferthreeway ─► all three (`threeway`)
//!                  ├─ busy, no answer ─► T ── P again, and a sound
//!                  └─ T hangs up ─► P is stranded and waits for C (`stranded`)
//! ```

use super::announce::Limits;
use super::channel::{Channel, ChannelId, Doing, Side};
use super::features::{FEATURES, allow};
use super::join::Bridge;
use super::service::What;
use super::threeway::Three;
use crate::base::ids::Name;
use crate::base::time::Now;
use crate::bridge::Feature;
use crate::dialplan::apps::dial::DialOptions;
use crate::dialplan::{Outcome, Place};
use crate::switch::Switch;
use crate::switch::io::Actions;
use crate::switch::view::Level;

/// An attended transfer under way, at who transfers.
#[derive(Debug)]
pub(super) struct Consult {
    pub transferee: ChannelId,
    /// The bridge it began in: its legs, letters, and where they are written.
    pub bridge: ([ChannelId; 2], DialOptions, Option<Name>),
    /// What the channel's dialplan waits for: the call it began in.
    pub doing: Doing,
    pub stage: Stage,
}

#[derive(Debug)]
pub(super) enum Stage {
    /// The target is called.
    Calling(ChannelId),
    /// They talk; the transferee waits.
    Talking,
    /// The target waits instead; what its bridge's letters were.
    Swapped(ChannelId, Box<DialOptions>),
    /// All three talk.
    Together(Box<Three>),
}

impl Consult {
    pub fn is_answered(&self) -> bool {
        !matches!(self.stage, Stage::Calling(_))
    }
}

impl Switch {
    pub(super) fn consult_mut(&mut self, id: ChannelId) -> Option<&mut Consult> {
        match &mut self.service_mut(id)?.what {
            What::Consult(consult) => Some(consult),
            _ => None,
        }
    }

    /// A channel waits for who consults, or no more.
    pub(super) fn set_waiting(&mut self, id: ChannelId, transferer: Option<ChannelId>, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        let before = std::mem::replace(&mut channel.transferred_by, transferer);
        match (before, transferer) {
            (None, Some(_)) => channel.needs_media(Feature::Transfer),
            (Some(_), None) => channel.needs_media_no_more(Feature::Transfer),
            _ => {}
        }
        self.hold_for(id, transferer.is_some(), out);
    }

    /// The extension is dialled: its target is called, and the bridge is left for that.
    pub(super) fn consult(&mut self, now: Now, id: ChannelId, place: Place, out: &mut Actions) {
        self.end_service(id, out);
        let Some(transferee) = self.partner(id) else { return };
        let resource = format!("{}@{}", place.exten, place.context);
        let leg = match self.place_leg(now, Some(id), ("LOCAL", &resource), out) {
            Ok(leg) => leg,
            Err((_, why)) => {
                self.ears
                    .log(out, Level::Warning, FEATURES, || format!("{resource} cannot be called: {why}"));
                self.hold_for(transferee, false, out);
                return self.transfer_fails(id, out);
            }
        };
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        let Some(bridge) = channel.bridge else { return };
        let doing = std::mem::take(&mut channel.doing);
        let name = channel.name.clone();
        let Some(Bridge { legs, options, place, .. }) = self.dissolve(now, bridge, out) else { return };
        if let Some(called) = self.calls.channels.get_mut(&leg) {
            called.caller.number = called.dialled.to_string();
        }
        self.ears.log(out, Level::Verbose, FEATURES, || format!("{name} consults {resource}"));
        self.set_waiting(transferee, Some(id), out);
        let consult =
            Consult { transferee, bridge: (legs, options, place), doing, stage: Stage::Calling(leg) };
        self.begin_service(id, What::Consult(Box::new(consult)));
        let patience = self.features_of(id).attended_no_answer;
        if let Some(service) = self.service_mut(id) {
            service.until = Some(now.at + patience);
        }
        self.calls.touched.insert(id);
    }

    /// The sound that says that a transfer failed.
    pub(super) fn transfer_fails(&mut self, id: ChannelId, out: &mut Actions) {
        let sound = self.features_of(id).sounds.transfer_failed.clone();
        self.chime(id, &sound, out);
    }

    /// Whether `leg` is called for a transfer of, or by, `caller`.
    pub(super) fn calls_for_transfer(&self, caller: ChannelId, leg: ChannelId) -> bool {
        let service = self.calls.channels.get(&caller).and_then(|channel| channel.service.as_ref());
        match service.map(|service| &service.what) {
            Some(What::Consult(consult)) => matches!(consult.stage, Stage::Calling(called) if called == leg),
            Some(What::Stranded(stranded)) => stranded.leg == Some(leg),
            _ => false,
        }
    }

    /// Who is called for a transfer rings, or has early media.
    pub(super) fn target_rings(&mut self, caller: ChannelId, leg: ChannelId, media: bool, out: &mut Actions) {
        let sounds = self.calls.channels.get(&caller).is_some_and(|c| c.sound.background.is_some());
        if media {
            self.hush(caller, out);
            self.aim(leg, out);
            self.join_early(caller, leg, out);
        } else if !sounds {
            self.play_tone(caller, "ring", out);
        }
    }

    /// Who is called for a transfer answered.
    pub(super) fn target_answered(&mut self, now: Now, caller: ChannelId, leg: ChannelId, out: &mut Actions) {
        self.hush(caller, out);
        let Some(service) = self.service_mut(caller) else { return };
        service.until = None;
        match &mut service.what {
            What::Consult(consult) => {
                consult.stage = Stage::Talking;
                self.bridge_up(now, [caller, leg], (DialOptions::default(), None), out);
            }
            What::Stranded(_) => {
                self.rescued(now, caller, leg, out);
            }
            What::Extension { .. } | What::LastWords => {}
        }
    }

    /// Who is called for a transfer cannot be had.
    pub(super) fn target_failed(&mut self, now: Now, caller: ChannelId, out: &mut Actions) {
        match self.service_mut(caller).map(|service| &service.what) {
            Some(What::Consult(_)) => self.consultation_failed(now, caller, out),
            Some(What::Stranded(_)) => self.recall(now, caller, out),
            _ => {}
        }
    }

    /// The target did not answer in time.
    pub(super) fn consultation_due(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        if self.consult_mut(id).is_some_and(|consult| !consult.is_answered()) {
            self.consultation_failed(now, id, out);
        }
    }

    fn consultation_failed(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        let Some(What::Consult(consult)) = self.end_service(id, out) else { return };
        if let Stage::Calling(leg) = consult.stage {
            self.let_go(now, leg, out);
        }
        self.bridge_again(now, id, *consult, out);
        self.transfer_fails(id, out);
    }

    /// Hangs up a channel that was called for a transfer; nobody waits for it any more.
    pub(super) fn let_go(&mut self, now: Now, leg: ChannelId, out: &mut Actions) {
        if let Some(channel) = self.calls.channels.get_mut(&leg)
            && !channel.is_caller()
        {
            channel.side = Side::Called(None);
        }
        self.hang_up(now, leg, 16, out);
    }

    /// The two that talked before talk again.
    pub(super) fn bridge_again(&mut self, now: Now, id: ChannelId, consult: Consult, out: &mut Actions) {
        self.set_waiting(consult.transferee, None, out);
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        channel.doing = consult.doing;
        let (legs, options, place) = consult.bridge;
        if legs.iter().all(|leg| self.calls.channels.get(leg).is_some_and(|channel| !channel.hung_up)) {
            self.bridge_up(now, legs, (options, place), out);
        }
    }

    /// `atxfercomplete`
    pub(super) fn complete_consultation(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        self.consulter_leaves(now, id, out);
        self.hang_up(now, id, 16, out);
    }

    /// `atxferswap`: to the one that waits.
    pub(super) fn swap_consultation(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        let Some(talks_to) = self.partner(id) else { return };
        let bridge = self.calls.channels.get(&id).and_then(|channel| channel.bridge);
        let Some(Bridge { options, .. }) = bridge.and_then(|bridge| self.dissolve(now, bridge, out)) else {
            return;
        };
        let Some(consult) = self.consult_mut(id) else { return };
        let (transferee, before) = (consult.transferee, consult.bridge.clone());
        let stage = match consult.stage {
            Stage::Swapped(..) => Stage::Talking,
            _ => Stage::Swapped(talks_to, Box::new(options)),
        };
        let next = match std::mem::replace(&mut consult.stage, stage) {
            Stage::Swapped(target, options) => ([id, target], *options, None),
            _ => before,
        };
        let waited = if talks_to == transferee { next.0[1] } else { transferee };
        self.set_waiting(waited, None, out);
        self.set_waiting(talks_to, Some(id), out);
        let (legs, options, place) = next;
        self.bridge_up(now, legs, (options, place), out);
    }

    /// A channel hangs up or is sent elsewhere: what it or its transferer was at goes on without it.
    pub(super) fn leave_service(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        self.unpark(id, out);
        let Some(channel) = self.calls.channels.get(&id) else { return };
        let transferer = channel.transferred_by;
        match channel.service.as_ref().map(|service| &service.what) {
            Some(What::Consult(_)) => self.consulter_leaves(now, id, out),
            Some(What::Stranded(_)) => self.stranded_leaves(now, id, out),
            Some(What::Extension { .. } | What::LastWords) => drop(self.end_service(id, out)),
            None => {}
        }
        if let Some(transferer) = transferer {
            self.waiting_leaves(now, (id, transferer), out);
        }
    }

    /// Who transfers is gone: the others talk, or the one waits for the other.
    fn consulter_leaves(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        let talks_to = self.partner(id);
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        let (bridge, limits) = (channel.bridge, channel.limits.take());
        let Some(What::Consult(consult)) = self.end_service(id, out) else { return };
        let Consult { transferee, bridge: (legs, before, _), stage, .. } = *consult;
        let (left, mut told) = (bridge.and_then(|bridge| self.dissolve(now, bridge, out)), false);
        self.set_waiting(transferee, None, out);
        if let Some(transferee) = self.calls.channels.get_mut(&transferee) {
            // The time of a call does not become longer by a transfer.
            transferee.limits = Limits::stricter(transferee.limits.take(), limits);
        }
        let mut options = DialOptions::default();
        allow(&mut options, true, &before, legs[0] == transferee);
        let target = match stage {
            Stage::Calling(leg) => {
                allow(&mut options, false, &before, legs[0] == id);
                return self.strand(now, (id, transferee, leg), options, out);
            }
            Stage::Talking => {
                if let Some(left) = left {
                    allow(&mut options, false, &left.options, false);
                }
                talks_to
            }
            Stage::Swapped(target, its) => {
                self.set_waiting(target, None, out);
                allow(&mut options, false, &its, false);
                Some(target)
            }
            Stage::Together(three) => {
                told = true;
                self.part_three(&three, [id, transferee], out);
                allow(&mut options, false, &three.options, false);
                Some(three.target)
            }
        };
        let Some(target) = target else { return };
        let name = self.calls.channels.get(&id).map(|channel| channel.name.clone()).unwrap_or_default();
        self.decided(id, || format!("{name} completes the transfer"));
        self.take_over(transferee, id, target);
        self.bridge_up(now, [transferee, target], (options, None), out);
        self.introduce_each_other(now, [transferee, target], out);
        self.set_variables(transferee, [("ATTENDEDTRANSFER", &*name)], out);
        if !told {
            let sound = self.features_of(id).sounds.transferred.clone();
            self.chime(target, &sound, out);
        }
        self.end_unheard(now, [transferee, target], out);
    }

    /// `target` is now whom the transferred channel talks to, in the place of `id`.
    pub(super) fn take_over(&mut self, transferee: ChannelId, id: ChannelId, target: ChannelId) {
        if self.replace_leg(transferee, id, target) {
            return;
        }
        for leg in [transferee, id, target] {
            if let Some(Channel { side: side @ Side::Called(_), .. }) = self.calls.channels.get_mut(&leg) {
                *side = Side::Called(None);
            }
        }
    }

    /// A party that waits for who consults is gone.
    fn waiting_leaves(&mut self, now: Now, (id, transferer): (ChannelId, ChannelId), out: &mut Actions) {
        self.set_waiting(id, None, out);
        let Some(What::Consult(consult)) = self.end_service(transferer, out) else { return };
        if let Stage::Together(_) = consult.stage {
            return self.one_of_three_leaves(now, (id, transferer), *consult, out);
        }
        let Consult { transferee, doing, stage, .. } = *consult;
        match stage {
            Stage::Calling(leg) => {
                self.let_go(now, leg, out);
                let Some(channel) = self.calls.channels.get_mut(&transferer) else { return };
                let (alone, joined) = (channel.program.is_none(), matches!(doing, Doing::Bridged));
                channel.doing = doing;
                if alone {
                    self.hang_up(now, transferer, 16, out);
                } else if joined {
                    self.resume(transferer, Outcome::Status("SUCCESS".into()));
                }
            }
            Stage::Talking => {
                let target = self.partner(transferer);
                self.stays_with(transferer, (transferee, doing), target);
            }
            // The target waited: the call is again what it was.
            Stage::Swapped(..) => {
                if let Some(channel) = self.calls.channels.get_mut(&transferer) {
                    channel.doing = doing;
                }
            }
            Stage::Together(_) => unreachable!("left to one_of_three_leaves"),
        }
    }

    /// Who transferred goes on with the target as with anybody he called: the transferee is gone.
    pub(super) fn stays_with(
        &mut self,
        id: ChannelId,
        (gone, doing): (ChannelId, Doing),
        target: Option<ChannelId>,
    ) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        if channel.side == Side::Called(Some(gone)) {
            channel.side = Side::Called(None);
        }
        channel.doing = doing;
        if let Some(target) = target {
            self.replace_leg(id, gone, target);
        }
    }

    /// The partner of a channel left their bridge; whether it goes on with who waits.
    pub(super) fn goes_on_with_waiting(&mut self, now: Now, id: ChannelId, out: &mut Actions) -> bool {
        match self.consult_mut(id).map(|consult| &consult.stage) {
            Some(Stage::Talking) => self.consultation_failed(now, id, out),
            Some(Stage::Swapped(..)) => {
                let Some(What::Consult(consult)) = self.end_service(id, out) else { return true };
                let Consult { transferee, doing, stage, .. } = *consult;
                let Stage::Swapped(target, options) = stage else { return true };
                self.set_waiting(target, None, out);
                self.stays_with(id, (transferee, doing), Some(target));
                self.bridge_up(now, [id, target], (*options, None), out);
            }
            Some(Stage::Calling(_) | Stage::Together(_)) | None => return false,
        }
        true
    }
}
