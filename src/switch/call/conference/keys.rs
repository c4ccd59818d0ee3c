//! What a party presses: its menu, and digits that go through to the others.

use super::super::channel::ChannelId;
use super::super::subroutine::Then;
use super::come::number_files;
use super::{APP, Stage};
use crate::base::time::Now;
use crate::config::services::MenuAction;
use crate::dialplan::Place;
use crate::dialplan::apps::dial::Jump;
use crate::switch::Switch;
use crate::switch::io::Actions;
use crate::switch::view::Level;
use std::time::Duration;

/// How long further digits of a menu's entry are waited for.
const NEXT_DIGIT: Duration = Duration::from_secs(3);
/// Length of a digit that is passed on.
const PRESS: Duration = Duration::from_millis(160);
/// How loud the menu makes at most, in steps.
const LOUDEST: i32 = 4;

impl Switch {
    /// A digit of a party.
    pub(in super::super) fn conference_digit(
        &mut self,
        now: Now,
        id: ChannelId,
        digit: char,
        out: &mut Actions,
    ) {
        self.calls.touched.insert(id);
        let Some(attending) = self.attending_mut(id) else { return };
        match attending.stage {
            Stage::Pin { .. } => return self.pin_digit(now, id, Some(digit), out),
            Stage::Naming(_) => return self.naming_digit(now, id, Some(digit), out),
            Stage::Leaving(_) => return,
            Stage::Member if attending.keys.deaf => return,
            Stage::Member => {}
        }
        let Some(menu) = attending.menu.clone() else {
            let typed = digit.to_string();
            return self.pass_through(now, id, &typed, out);
        };
        let keys = &mut attending.keys;
        keys.typed.push(digit);
        if menu.entry(&keys.typed).is_none() && !menu.begins(&keys.typed) && keys.typed.len() > 1 {
            // It is the first digit of something else.
            keys.typed.clear();
            keys.typed.push(digit);
        }
        let typed = keys.typed.clone();
        if let Some(actions) = menu.entry(&typed) {
            keys.until = None;
            keys.rest = actions.iter().cloned().collect();
            let continues = actions.iter().any(|action| matches!(action, MenuAction::PlaybackAndContinue(_)));
            if !continues {
                keys.typed.clear();
            }
            let playing = keys.playing.take();
            if let Some(sound) = playing {
                self.stop_sound(id, sound, out);
            }
            return self.go_on_with_menu(now, id, out);
        }
        if menu.begins(&typed) {
            keys.until = Some(now.at + NEXT_DIGIT);
            return;
        }
        keys.typed.clear();
        self.pass_through(now, id, &typed, out);
    }

    /// Digits that mean nothing here go to the other parties, where that is wanted.
    fn pass_through(&mut self, now: Now, id: ChannelId, digits: &str, out: &mut Actions) {
        let Some(attending) = self.attending(id).filter(|attending| attending.user.dtmf_passthrough) else {
            return;
        };
        let name = attending.conference.clone();
        let others: Vec<ChannelId> =
            self.members(&name).map(|(channel, _)| channel.id).filter(|other| *other != id).collect();
        for (other, digit) in others.into_iter().flat_map(|other| digits.chars().map(move |d| (other, d))) {
            self.send_digit(now, other, digit, PRESS, out);
        }
    }

    /// Does what is left of a menu's entry, until something must be waited for.
    pub(super) fn go_on_with_menu(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        // Each turn takes one action; an entry has as many as its line had room for.
        while let Some(attending) = self.attending_mut(id)
            && attending.is_member()
            && !attending.away
            && attending.keys.playing.is_none()
        {
            let Some(action) = attending.keys.rest.pop_front() else {
                if attending.keys.until.is_none() {
                    attending.keys.typed.clear();
                }
                return;
            };
            self.menu_action(now, id, &action, out);
        }
    }

    fn menu_action(&mut self, now: Now, id: ChannelId, action: &MenuAction, out: &mut Actions) {
        let Some(attending) = self.attending_mut(id) else { return };
        let (name, admin) = (attending.conference.clone(), attending.user.admin);
        let for_admins = matches!(
            action,
            MenuAction::ToggleLock | MenuAction::ToggleMuteParticipants | MenuAction::KickLast
        );
        if for_admins && !admin {
            return self.menu_says(id, "error_menu", out);
        }
        match action {
            MenuAction::NoOp => {}
            MenuAction::ToggleMute => {
                attending.muted = !attending.muted;
                let word = if attending.muted { "muted" } else { "unmuted" };
                self.settle_conference(&name, out);
                self.menu_says(id, word, out);
            }
            MenuAction::Talking(step) => self.louder(id, *step, true, out),
            MenuAction::Listening(step) => self.louder(id, *step, false, out),
            MenuAction::Playback(files) | MenuAction::PlaybackAndContinue(files) => {
                attending.keys.deaf = matches!(action, MenuAction::Playback(_));
                let sound = self.prompt_party(id, files, true, out);
                if let Some(attending) = self.attending_mut(id) {
                    attending.keys.playing = Some(sound);
                }
            }
            MenuAction::DialplanExec { context, exten, priority } => {
                self.go_elsewhere(now, id, &Place::new(context, exten, *priority), out);
            }
            MenuAction::ToggleLock => {
                let Some(conference) = self.calls.conferences.get_mut(&name) else { return };
                conference.locked = !conference.locked;
                let word = if conference.locked { "locked_now" } else { "unlocked_now" };
                self.menu_says(id, word, out);
            }
            MenuAction::ToggleMuteParticipants => {
                let Some(conference) = self.calls.conferences.get_mut(&name) else { return };
                conference.muted = !conference.muted;
                let word = if conference.muted { "participants_muted" } else { "participants_unmuted" };
                let profile = conference.profile.clone();
                self.settle_conference(&name, out);
                self.tell_all(&name, vec![profile.sound(word).to_owned()], profile.names_sound(word), out);
            }
            MenuAction::ParticipantCount => {
                let (count, bridge) =
                    (self.members(&name).count(), self.attending(id).map(|a| a.bridge.clone()));
                let Some(bridge) = bridge else { return };
                let mut files = vec![bridge.sound("there_are").to_owned()];
                files.extend(number_files(count));
                files.push(bridge.sound("other_in_party").to_owned());
                let sound = self.prompt_party(id, &files, true, out);
                if let Some(attending) = self.attending_mut(id) {
                    attending.keys.playing = Some(sound);
                }
            }
            MenuAction::KickLast => {
                let last = self.members(&name).last().map(|(channel, last)| (channel.id, last.user.admin));
                match last {
                    Some((last, false)) if last != id => {
                        self.farewell(now, last, Some("kicked"), "KICKED", out)
                    }
                    _ => self.menu_says(id, "error_menu", out),
                }
            }
            MenuAction::Leave => self.farewell(now, id, None, "DTMF", out),
        }
    }

    fn menu_says(&mut self, id: ChannelId, word: &str, out: &mut Actions) {
        let sound = self.say(id, word, out);
        if let Some(attending) = self.attending_mut(id) {
            attending.keys.playing = sound;
        }
    }

    /// A step louder or softer; 0: as at the beginning.
    fn louder(&mut self, id: ChannelId, step: i32, talking: bool, out: &mut Actions) {
        let Some(attending) = self.attending_mut(id) else { return };
        let volume = if talking { &mut attending.volume.0 } else { &mut attending.volume.1 };
        let wanted = if step == 0 { 0 } else { (*volume + step).clamp(-LOUDEST, LOUDEST) };
        let by = wanted - std::mem::replace(volume, wanted);
        self.add_volume(id, if talking { (by, 0) } else { (0, by) }, out);
    }

    /// `dialplan_exec`: the party is out of the room until that dialplan ends.
    fn go_elsewhere(&mut self, now: Now, id: ChannelId, place: &Place, out: &mut Actions) {
        let Some(attending) = self.attending_mut(id) else { return };
        attending.away = true;
        let name = attending.conference.clone();
        self.settle_conference(&name, out);
        let jump = Jump {
            context: Some(place.context.to_string()),
            exten: Some(place.exten.to_string()),
            priority: place.priority.to_string(),
            arguments: Vec::new(),
        };
        if self.call_subroutine(now, id, (&jump, place), Then::Conference, out).is_err() {
            self.ears.log(out, Level::Warning, APP, || format!("dialplan_exec: there is no {place}"));
            if let Some(attending) = self.attending_mut(id) {
                attending.away = false;
            }
            self.settle_conference(&name, out);
        }
    }
}
