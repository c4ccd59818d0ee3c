//! Digits in a bridge: those that a letter of `Dial` gives a meaning (`h H t T`), and those that are passed on.
//!
//! ```text
//! digit ─ hook's code? ─┬─ disconnect ─► the bridge ends
//!                       ├─ blindxfer ──► digits are collected ─ extension complete, or 3 s of silence ─► transfer
//!                       └─ no ─► passed to the other leg, as its dtmf_mode says
//! ```

use super::channel::{Channel, ChannelId};
use crate::base::time::{Moment, Now};
use crate::dialplan::{Match, Query};
use crate::switch::Switch;
use crate::switch::io::Actions;
use crate::switch::view::Level;
use std::time::Duration;

/// `transferdigittimeout` of features.conf without a file.
const TRANSFER_DIGITS: Duration = Duration::from_secs(3);
/// Length of a digit that is passed on.
const PRESS: Duration = Duration::from_millis(160);

/// An extension being dialled for a transfer.
#[derive(Clone, Debug)]
pub(super) struct Collecting {
    digits: String,
    pub until: Moment,
}

impl Switch {
    /// A digit in a bridge.
    pub(super) fn digit_in_bridge(&mut self, now: Now, id: ChannelId, digit: char, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        if let Some(collecting) = &mut channel.collecting {
            collecting.digits.push(digit);
            collecting.until = now.at + TRANSFER_DIGITS;
            return self.transfer_digits(now, id, false, out);
        }
        let name = channel.name.clone();
        match self.feature(id, digit) {
            Some("disconnect") => {
                self.ears
                    .log(out, Level::Verbose, "features.c", || format!("{name} ended the call by digit"));
                let called = [Some(id), self.partner(id)]
                    .into_iter()
                    .flatten()
                    .find(|leg| self.calls.channels.get(leg).is_some_and(|channel| !channel.is_caller()));
                self.hang_up(now, called.unwrap_or(id), 16, out);
            }
            Some("blindxfer") => {
                self.ears
                    .log(out, Level::Verbose, "features.c", || format!("{name} transfers: digits follow"));
                if let Some(channel) = self.calls.channels.get_mut(&id) {
                    let until = now.at + TRANSFER_DIGITS;
                    channel.collecting = Some(Collecting { digits: String::new(), until });
                }
            }
            _ => self.pass_digit(now, id, digit, out),
        }
    }

    /// The function that a digit has on a channel.
    fn feature(&self, id: ChannelId, digit: char) -> Option<&'static str> {
        let channel = self.calls.channels.get(&id)?;
        let bridge = self.calls.bridges.get(&channel.bridge?)?;
        let hooks = super::facts::hooks_of(&bridge.options, channel.is_caller(), None);
        let code = digit.to_string();
        hooks.iter().find(|hook| hook.code.as_deref() == Some(&code)).map(|hook| hook.function)
    }

    /// The relay passes RFC 4733 itself where both legs agreed on it and nobody listens; else we do.
    fn pass_digit(&mut self, now: Now, id: ChannelId, digit: char, out: &mut Actions) {
        use crate::config::model::endpoint_words::DtmfMode;
        let Some(other) = self.partner(id) else { return };
        if let Some(local) = self.calls.channels.get(&other).and_then(|other| other.local) {
            // What a half is told, the other half hears.
            return self.digit(now, local.peer, digit, out);
        }
        let Some(id) = self.media_of(id) else { return self.send_digit(now, other, digit, PRESS, out) };
        let by_info = |id| self.calls.channels.get(&id).is_some_and(|c| c.dtmf_mode() == DtmfMode::Info);
        let tones = |id| self.calls.channels.get(&id).is_some_and(Channel::presses_tones);
        if tones(id) && tones(self.media_of(other).unwrap_or(other)) {
            // What one hears of the other holds the tone already.
            return;
        }
        let agreed = self.digits_agreed(id) && self.digits_agreed(other);
        if by_info(id) || by_info(other) || !agreed || self.is_listened_to(id) || self.is_mixed(id) {
            self.send_digit(now, other, digit, PRESS, out);
        }
    }

    /// Whether a feature listens for digits of a channel.
    pub(super) fn is_listened_to(&self, id: ChannelId) -> bool {
        let Some(channel) = self.calls.channels.get(&id) else { return false };
        let Some(bridge) = channel.bridge.and_then(|bridge| self.calls.bridges.get(&bridge)) else {
            return false;
        };
        let hooks = super::facts::hooks_of(&bridge.options, channel.is_caller(), None);
        let other = bridge.legs.iter().find(|leg| **leg != id).and_then(|leg| self.calls.channels.get(leg));
        let behind = other.and_then(|other| other.local);
        // Behind a Local channel another bridge may listen.
        hooks.iter().any(|hook| hook.code.is_some())
            || behind.is_some_and(|local| self.is_listened_to(local.peer))
    }

    fn digits_agreed(&self, id: ChannelId) -> bool {
        let channel = self.calls.channels.get(&id);
        channel.and_then(Channel::audio).is_some_and(|audio| !audio.events.is_empty())
    }

    /// Goes on with a transfer: at once when the extension is complete, with what there is when the time is over.
    pub(super) fn transfer_digits(&mut self, now: Now, id: ChannelId, late: bool, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get(&id) else { return };
        let Some(collecting) = &channel.collecting else { return };
        let (exten, name) = (collecting.digits.clone(), channel.name.clone());
        let context = channel.transfer_context();
        let caller = channel.caller.number.clone();
        let query = Query { context: &context, exten: &exten, caller: &caller, now: now.wall };
        let found = self.calls.plan.find(query);
        if found == Match::CouldMatchMore && !late {
            return;
        }
        if let Some(channel) = self.calls.channels.get_mut(&id) {
            channel.collecting = None;
        }
        if found != Match::Found {
            self.ears.log(out, Level::Notice, "features.c", || {
                format!("{name}: there is no extension '{exten}' in context '{context}' to transfer to")
            });
            return;
        }
        let Some(other) = self.partner(id) else { return };
        self.send_to(now, other, crate::dialplan::Place::new(&context, &exten, 1), out);
        self.hang_up(now, id, 16, out);
    }
}
