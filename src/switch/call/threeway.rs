//! `atxferthreeway`: who consults takes both others into one room.
//!
//! ```text
//! T ── C, P waits ─ atxferthreeway ─► T, P and C hear each other ─┬─ T leaves ─► P ── C, as after a transfer
//!                                                                 ├─ C leaves ─► T ── P, as before it
//!                                                                 └─ P leaves ─► T ── C
//! ```
//! Their media is here as long as there are three of them. A code of features.conf that one of them may use is
//! `disconnect`; other digits go to both others.

use super::channel::{Channel, ChannelId};
use super::consult::{Consult, Stage};
use super::features::{FEATURES, PRESS, hooks_of};
use super::join::Bridge;
use super::service::What;
use crate::base::time::Now;
use crate::bridge::{DigitHook, Feature, RoomId, Seat};
use crate::dialplan::apps::dial::DialOptions;
use crate::switch::Switch;
use crate::switch::io::Actions;
use crate::switch::view::Level;

/// Three that talk; kept by who transfers.
#[derive(Debug)]
pub(super) struct Three {
    pub target: ChannelId,
    /// The letters between who transfers and the target.
    pub options: Box<DialOptions>,
    /// What an administrator knows it by.
    pub unique_id: String,
    pub made: Now,
}

impl Switch {
    /// `atxferthreeway`
    pub(super) fn join_three(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        let talks_to = self.partner(id);
        let Some(consult) = self.consult_mut(id) else { return };
        let (transferee, target) = match (&consult.stage, talks_to) {
            (Stage::Talking, Some(target)) => (consult.transferee, target),
            (Stage::Swapped(target, _), Some(_)) => (consult.transferee, *target),
            _ => return,
        };
        let legs = [id, transferee, target];
        let names = legs.map(|leg| self.calls.channels.get(&leg).map(|c| c.name.clone()).unwrap_or_default());
        if !self.can_open([id, transferee]) || !self.can_open([id, target]) {
            self.ears.log(out, Level::Warning, FEATURES, || {
                format!("{}: no call of three: a codec of {} is not opened here", names[0], names.join(", "))
            });
            return self.transfer_fails(id, out);
        }
        let bridge = self.calls.channels.get(&id).and_then(|channel| channel.bridge);
        let Some(Bridge { options, unique_id, made, .. }) = bridge.and_then(|at| self.dissolve(now, at, out))
        else {
            return;
        };
        let Some(consult) = self.consult_mut(id) else { return };
        let options = match std::mem::replace(&mut consult.stage, Stage::Talking) {
            Stage::Swapped(_, its) => its,
            _ => Box::new(options),
        };
        consult.stage = Stage::Together(Box::new(Three { target, options, unique_id, made }));
        for leg in [transferee, target] {
            let Some(channel) = self.calls.channels.get_mut(&leg) else { continue };
            if channel.transferred_by.replace(id).is_none() {
                channel.needs_media(Feature::Transfer);
            }
            self.hold_for(leg, false, out);
        }
        let room = RoomId(self.calls.next_sound);
        self.calls.next_sound += 1;
        let sound = self.features_of(id).sounds.transferred.clone();
        for leg in legs {
            self.sit(leg, room, Seat::FULL, out);
            if let Some(phone) = self.media_of(leg) {
                self.listen_for_tones(phone, out);
            }
        }
        self.decided(id, || {
            format!("{} joins {} and {}: their media stays here", names[0], names[1], names[2])
        });
        self.ears.log(out, Level::Verbose, FEATURES, || format!("{} talk together", names.join(", ")));
        for leg in [target, id] {
            self.chime(leg, &sound, out);
        }
    }

    /// The call of three that a channel is in: who transfers, who is transferred, the target.
    pub(super) fn three_with(&self, id: ChannelId) -> Option<[ChannelId; 3]> {
        let channel = self.calls.channels.get(&id)?;
        let transferer = channel.transferred_by.unwrap_or(id);
        let three = self.calls.channels.get(&transferer).and_then(together)?;
        Some([transferer, three.0.transferee, three.1.target])
    }

    /// All calls of three.
    pub(super) fn threes(&self) -> impl Iterator<Item = ([ChannelId; 3], &Three)> {
        let found = |channel| together(channel).map(|(consult, three)| (channel, consult, three));
        let all = self.calls.channels.values().filter_map(found);
        all.map(|(channel, consult, three)| ([channel.id, consult.transferee, three.target], three))
    }

    /// What the digits of one of three may ask for.
    pub(super) fn hooks_of_three(&self, id: ChannelId) -> Option<Vec<DigitHook>> {
        let [transferer, ..] = self.three_with(id)?;
        let (consult, three) = self.calls.channels.get(&transferer).and_then(together)?;
        let (legs, options, place) = &consult.bridge;
        let features = self.features_of(id);
        let mut hooks = match legs.iter().position(|leg| *leg == id) {
            Some(at) => hooks_of(options, at == 0, features, place.as_ref()),
            None => hooks_of(&three.options, false, features, None),
        };
        hooks.retain(|hook| hook.function == "disconnect");
        Some(hooks)
    }

    /// A digit that is no code goes to the other two.
    pub(super) fn digit_of_three(&mut self, now: Now, id: ChannelId, digit: char, out: &mut Actions) {
        let Some(three) = self.three_with(id) else { return };
        let tones = |leg| {
            let phone = self.media_of(leg).and_then(|phone| self.calls.channels.get(&phone));
            phone.is_some_and(Channel::presses_tones)
        };
        // Who takes tones hears those of who presses tones.
        let hears = |leg: &ChannelId| *leg != id && !(tones(id) && tones(*leg));
        let others: Vec<ChannelId> = three.into_iter().filter(hears).collect();
        for other in others {
            self.send_digit(now, other, digit, PRESS, out);
        }
    }

    /// A call of three is one no more: nobody waits for who transferred, and all leave the room.
    pub(super) fn part_three(&mut self, three: &Three, [id, transferee]: [ChannelId; 2], out: &mut Actions) {
        for leg in [id, transferee, three.target] {
            self.stand_up(leg, out);
        }
        for leg in [transferee, three.target] {
            self.set_waiting(leg, None, out);
        }
    }

    /// The target or who is transferred leaves a call of three: the other two go on.
    pub(super) fn one_of_three_leaves(
        &mut self,
        now: Now,
        (gone, transferer): (ChannelId, ChannelId),
        consult: Consult,
        out: &mut Actions,
    ) {
        let transferee = consult.transferee;
        let (target, options) = match &consult.stage {
            Stage::Together(three) => {
                self.part_three(three, [transferer, transferee], out);
                (three.target, (*three.options).clone())
            }
            _ => return,
        };
        if gone == target {
            return self.bridge_again(now, transferer, consult, out);
        }
        self.stays_with(transferer, (transferee, consult.doing), Some(target));
        self.bridge_up(now, [transferer, target], (options, None), out);
    }
}

/// The call of three that a channel keeps.
fn together(channel: &Channel) -> Option<(&Consult, &Three)> {
    match &channel.service.as_ref()?.what {
        What::Consult(consult) => match &consult.stage {
            Stage::Together(three) => Some((consult, three)),
            _ => None,
        },
        _ => None,
    }
}
