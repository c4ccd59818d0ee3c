//! `BridgeWait`: a bridge in which parties wait, each by itself, and announcers speak to all of them.

use super::channel::{ChannelId, Doing};
use crate::base::limits;
use crate::base::time::{Moment, Now};
use crate::bridge::{RoomId, Seat, SoundSource};
use crate::dialplan::Outcome;
use crate::dialplan::arguments::{letters, nth, split};
use crate::switch::Switch;
use crate::switch::io::Actions;
use crate::switch::view::Level;
use std::time::Duration;

const APP: &str = "app_bridgewait.c";

/// A holding bridge; it lives as long as somebody is in it.
#[derive(Debug)]
pub(super) struct HoldingBridge {
    pub unique_id: String,
    pub made: Now,
    room: RoomId,
    pub members: Vec<ChannelId>,
}

/// A channel in `BridgeWait`.
#[derive(Debug)]
pub(super) struct Held {
    pub bridge: String,
    announces: bool,
    entertainment: Entertainment,
    /// It is entertained now.
    entertained: bool,
    pub until: Option<Moment>,
}

/// What who waits hears while nobody announces.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Entertainment {
    /// `m`: music of a class, `r`: ringing, or `s`, `h`, `n`: nothing.
    Music(String),
    Ringing,
    Nothing,
}

impl Switch {
    /// `BridgeWait([name][,participant|announcer][,options])`
    pub(super) fn bridge_wait(
        &mut self,
        now: Now,
        id: ChannelId,
        arguments: &str,
        out: &mut Actions,
    ) -> Option<Outcome> {
        let parts = split(arguments, ',', 3);
        let name = match nth(&parts, 0).trim() {
            "" => "default",
            name => name,
        };
        let channel = self.calls.channels.get(&id)?;
        let channel_name = channel.name.clone();
        let announces = match nth(&parts, 1).trim() {
            "" | "participant" => Ok(false),
            "announcer" => Ok(true),
            other => Err(format!("'{other}' is neither participant nor announcer")),
        };
        let wanted = announces.and_then(|announces| Ok((announces, options(now, nth(&parts, 2))?)));
        let (announces, (answers, entertainment, until)) = match wanted {
            Ok(wanted) => wanted,
            Err(why) => return self.cannot_wait(&channel_name, &why, out),
        };
        let there = self.calls.holding.get(name).map_or(0, |bridge| bridge.members.len());
        if there >= limits::CONFERENCE_PARTIES
            || (there == 0 && self.calls.holding.len() >= limits::CONFERENCES)
        {
            return self.cannot_wait(&channel_name, "too many channels wait", out);
        }
        if answers {
            self.transfer_progress(now, id, 200, out);
            self.answer_channel(now, id, None, out);
        }
        self.hush(id, out);
        if there == 0 {
            let room = RoomId(self.calls.next_sound);
            self.calls.next_sound += 1;
            let unique_id = crate::base::digits::uuid(self.rng.next_u64(), self.rng.next_u64());
            let bridge = HoldingBridge { unique_id, made: now, room, members: Vec::new() };
            self.calls.holding.insert(name.to_owned(), bridge);
        }
        let bridge = self.calls.holding.get_mut(name)?;
        bridge.members.push(id);
        let (room, unique_id) = (bridge.room, bridge.unique_id.clone());
        self.ears.log(out, Level::Verbose, "bridge_channel.c", || {
            format!("Channel {channel_name} joined 'holding_bridge' base-bridge <{unique_id}>")
        });
        let channel = self.calls.channels.get_mut(&id)?;
        channel.held = Some(Box::new(Held {
            bridge: name.to_owned(),
            announces,
            entertainment,
            entertained: false,
            until,
        }));
        let seat = if announces { Seat::SPEAKER } else { Seat::LISTENER };
        self.sit(id, room, seat, out);
        self.entertain(name, out);
        self.calls.touched.insert(id);
        self.wait(id, Doing::Held)
    }

    fn cannot_wait(&mut self, channel: &str, why: &str, out: &mut Actions) -> Option<Outcome> {
        self.ears.log(out, Level::Error, APP, || format!("{channel}: BridgeWait: {why}"));
        Some(Outcome::Done)
    }

    /// Those who wait are entertained while nobody announces.
    fn entertain(&mut self, name: &str, out: &mut Actions) {
        let Some(bridge) = self.calls.holding.get(name) else { return };
        let members = bridge.members.clone();
        let held = |id: &ChannelId| self.calls.channels.get(id).and_then(|channel| channel.held.as_deref());
        let announced = members.iter().filter_map(held).any(|held| held.announces);
        for id in members {
            let Some(held) = self.calls.channels.get_mut(&id).and_then(|c| c.held.as_deref_mut()) else {
                continue;
            };
            let wanted = !announced && !held.announces;
            if std::mem::replace(&mut held.entertained, wanted) == wanted {
                continue;
            }
            let what = held.entertainment.clone();
            match (wanted, what) {
                (false, _) => self.hush(id, out),
                (true, Entertainment::Music(class)) => {
                    if let Some(music) = self.music(id, &class) {
                        self.play_behind(id, music, out);
                    }
                }
                (true, Entertainment::Ringing) => self.play_tone(id, "ring", out),
                (true, Entertainment::Nothing) => self.play_behind(id, SoundSource::Silence(None), out),
            }
        }
    }

    /// Takes a channel out of its holding bridge. Its dialplan is not told.
    pub(super) fn leave_holding(&mut self, id: ChannelId, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        let Some(held) = channel.held.take() else { return };
        let name = channel.name.clone();
        self.hush(id, out);
        self.stand_up(id, out);
        let Some(bridge) = self.calls.holding.get_mut(&held.bridge) else { return };
        bridge.members.retain(|member| *member != id);
        let (unique_id, empty) = (bridge.unique_id.clone(), bridge.members.is_empty());
        self.ears.log(out, Level::Verbose, "bridge_channel.c", || {
            format!("Channel {name} left 'holding_bridge' base-bridge <{unique_id}>")
        });
        match empty {
            true => drop(self.calls.holding.remove(&held.bridge)),
            false => self.entertain(&held.bridge, out),
        }
    }

    /// `S(secs)` is over.
    pub(super) fn holding_due(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        let held = self.calls.channels.get(&id).and_then(|channel| channel.held.as_deref());
        if held.is_some_and(|held| held.until.is_some_and(|until| until <= now.at)) {
            self.leave_holding(id, out);
            self.resume(id, Outcome::Done);
        }
    }
}

/// `e(m|r|s|h|n) m(class) S(secs) n`
fn options(now: Now, text: &str) -> Result<(bool, Entertainment, Option<Moment>), String> {
    let (mut answers, mut until) = (true, None);
    let (mut class, mut kind) = (String::new(), 'm');
    for option in letters(text).map_err(|_| format!("a parenthesis of '{text}' is not closed"))? {
        let argument = option.argument.unwrap_or_default();
        match option.letter {
            'n' => answers = false,
            'm' => class = argument,
            'e' => kind = argument.trim().chars().next().unwrap_or('m'),
            'S' => {
                let secs = argument.trim().parse::<f64>().ok().filter(|secs| *secs > 0.0);
                let secs = secs.ok_or_else(|| format!("S({argument}): that is no number of seconds"))?;
                until = Some(now.at + Duration::from_millis((secs.min(1e9) * 1000.0) as u64));
            }
            other => return Err(format!("there is no option {other}")),
        }
    }
    let entertainment = match kind {
        'm' => Entertainment::Music(class),
        'r' => Entertainment::Ringing,
        's' | 'h' | 'n' => Entertainment::Nothing,
        other => return Err(format!("e({other}): m, r, s, h and n are known")),
    };
    Ok((answers, entertainment, until))
}
