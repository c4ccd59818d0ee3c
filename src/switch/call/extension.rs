//! Transfers by code: the extension is dialled while the other party hears music.
//!
//! ```text
//! code ─► prompt ─► dial tone ─ digits ─┬─ complete ──► blind: the other party goes there, who dialled is hung up
//!                      ▲                │               attended: it is called first (`consult`)
//!                      └── once more ◄──┴─ wrong, or nothing for transferdigittimeout
//! ```

use super::channel::ChannelId;
use super::features::FEATURES;
use super::service::What;
use crate::base::limits::TRANSFER_DIGITS;
use crate::base::time::Now;
use crate::dialplan::pattern::Mode;
use crate::dialplan::plan::Wanted;
use crate::dialplan::{Match, Place, Query};
use crate::switch::Switch;
use crate::switch::io::Actions;
use crate::switch::view::Level;

impl Switch {
    /// A transfer was asked for by code.
    pub(super) fn begin_transfer(&mut self, now: Now, id: ChannelId, attended: bool, out: &mut Actions) {
        let Some(other) = self.partner(id) else { return };
        self.hold_for(other, true, out);
        self.begin_service(id, What::Extension { attended, digits: String::new(), attempt: 1 });
        let announce = self.features_of(id).sounds.announce.clone();
        if !self.play_for_service(id, &[announce], out) {
            self.extension_prompted(now, id, out);
        }
    }

    /// A party hears music while the other one is busy, or no more.
    pub(super) fn hold_for(&mut self, id: ChannelId, on: bool, out: &mut Actions) {
        let Some(phone) = self.media_of(id) else { return };
        let held = self.calls.channels.get(&phone).is_some_and(|channel| channel.is_told_to_hold);
        // A phone that its partner's phone holds hears its music already, and goes on hearing it.
        if !held {
            self.hold_music(phone, on.then_some(""), out);
        }
    }

    /// The prompt is over: the dial tone, and patience for the first digit.
    pub(super) fn extension_prompted(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        let patience = self.features_of(id).transfer_digits;
        let Some(service) = self.service_mut(id) else { return };
        let What::Extension { digits, attempt, .. } = &service.what else { return };
        let (begun, given_up) = (!digits.is_empty(), *attempt == 0);
        service.until = Some(now.at + patience);
        self.calls.touched.insert(id);
        if given_up {
            return self.transfer_given_up(id, out);
        }
        if !begun {
            self.play_tone(id, "dial", out);
        }
    }

    /// A digit of the extension.
    pub(super) fn extension_digit(&mut self, now: Now, id: ChannelId, digit: char, out: &mut Actions) {
        let Some(service) = self.service_mut(id) else { return };
        let What::Extension { digits, attempt, .. } = &mut service.what else { return };
        if *attempt == 0 {
            return;
        }
        if digit != '#' && digits.len() < TRANSFER_DIGITS {
            digits.push(digit);
        }
        if let Some(prompt) = service.playing.take() {
            self.stop_sound(id, prompt, out);
        }
        self.hush(id, out);
        self.extension_dialled(now, id, digit == '#', out);
    }

    /// Goes on at once when the extension is complete; `late`: with what there is.
    pub(super) fn extension_dialled(&mut self, now: Now, id: ChannelId, late: bool, out: &mut Actions) {
        let patience = self.features_of(id).transfer_digits;
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        let context = channel.transfer_context();
        let (caller, name) = (channel.caller.number.clone(), channel.name.clone());
        let Some(service) = channel.service.as_deref_mut() else { return };
        let What::Extension { attended, digits, .. } = &service.what else { return };
        let (attended, exten) = (*attended, digits.clone());
        let query = Query { context: &context, exten: &exten, caller: &caller, now: now.wall };
        let mut as_it_is = |text: &str| text.to_owned();
        let more = self.calls.plan.look(query, Mode::MatchMore, Wanted::Priority(1), &mut as_it_is).is_ok();
        if more && !late {
            service.until = Some(now.at + patience);
            self.calls.touched.insert(id);
            return;
        }
        if exten.is_empty() || self.calls.plan.find(query) != Match::Found {
            self.ears.log(out, Level::Notice, FEATURES, || match exten.is_empty() {
                true => format!("{name}: no extension was dialled to transfer to"),
                false => {
                    format!("{name}: there is no extension '{exten}' in context '{context}' to transfer to")
                }
            });
            return self.extension_wrong(now, id, out);
        }
        let place = Place::new(&context, &exten, 1);
        match attended {
            true => self.consult(now, id, place, out),
            false => self.transfer_blindly(now, id, place, out),
        }
    }

    /// The extension was wrong: once more, or back to the call.
    fn extension_wrong(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        let features = self.features_of(id);
        let (attempts, retry, invalid) =
            (features.dial_attempts, features.sounds.retry.clone(), features.sounds.invalid.clone());
        self.hush(id, out);
        let Some(service) = self.service_mut(id) else { return };
        let What::Extension { digits, attempt, .. } = &mut service.what else { return };
        digits.clear();
        let again = *attempt < attempts;
        // None is left: what plays now is the last of it.
        *attempt = if again { *attempt + 1 } else { 0 };
        let sound = if again { retry } else { invalid };
        if !self.play_for_service(id, &[sound], out) {
            self.extension_prompted(now, id, out);
        }
    }

    /// Nobody is transferred: both talk again.
    fn transfer_given_up(&mut self, id: ChannelId, out: &mut Actions) {
        self.end_service(id, out);
        if let Some(other) = self.partner(id) {
            self.hold_for(other, false, out);
        }
    }

    /// The other party goes to an extension; who sent it there is hung up.
    fn transfer_blindly(&mut self, now: Now, id: ChannelId, place: Place, out: &mut Actions) {
        self.end_service(id, out);
        let Some(other) = self.partner(id) else { return };
        self.hold_for(other, false, out);
        let caller = self.calls.channels.get(&other).map(|other| other.caller.number.clone());
        if let Some(lot) = self.parks_into(now, &place, &caller.unwrap_or_default()) {
            return self.park_partner(now, id, &lot, out);
        }
        let name = self.calls.channels.get(&id).map(|channel| channel.name.clone()).unwrap_or_default();
        self.decided(id, || format!("{name} transfers to {}@{}", place.exten, place.context));
        self.ears.log(out, Level::Verbose, FEATURES, || {
            format!("{name} transfers its partner to {}@{}", place.exten, place.context)
        });
        self.leaves_soon(id);
        self.send_to(now, other, place, out);
        self.set_variables(other, [("BLINDTRANSFER", &*name)], out);
        self.hang_up(now, id, 16, out);
    }
}
