//! What is said into a call by its own rules: `A` of `Dial` before both sides are joined; the words of `L` while they are,
//! before the time is over, and when it is.
//!
//! ```text
//! answered ─ A ─ both heard to their end ─▶ U, D, the bridge ─ LIMIT_CONNECT_FILE
//!                                              ├─ warning, and again ─ LIMIT_WARNING_FILE
//!                                              └─ the time is over ─── LIMIT_TIMEOUT_FILE ─▶ the end
//! ```

use super::channel::{Channel, ChannelId, Doing, Side, State};
use super::facts::limit_of;
use super::join::written_at;
use crate::base::time::{Moment, Now};
use crate::bridge::{Over, SoundId, Use};
use crate::dialplan::Outcome;
use crate::dialplan::action::Indication;
use crate::dialplan::apps::dial::{DialOptions, Sides};
use crate::dialplan::sound::number_files;
use crate::switch::Switch;
use crate::switch::io::Actions;
use crate::switch::view::Level;
use std::time::Duration;

const APP_DIAL: &str = "app_dial.c";

/// How long an announcement or last words may take.
const LAST_WORDS: Duration = Duration::from_secs(60);

/// When a bridged call ends by itself (options `L` and `S`), and what is said before. Kept by the channel whose
/// application set it.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    ends: Moment,
    /// When the next warning is due.
    warns: Option<Moment>,
    repeat: Option<Duration>,
    /// Who hears it.
    hears: Sides,
    /// `LIMIT_WARNING_FILE`; `timeleft`: the time that is left, in words.
    warning: String,
    /// `LIMIT_TIMEOUT_FILE`; empty for none.
    last: String,
    /// Last words that are being said.
    saying: Vec<(ChannelId, SoundId)>,
    /// What keeps the media here for the words of `L` (S4-122): it goes where the limit goes, into another bridge.
    pub keeps: Option<Use>,
}

impl Limits {
    /// When something is due.
    pub fn next(&self) -> Moment {
        match self.saying.is_empty() {
            true => self.warns.map_or(self.ends, |at| at.min(self.ends)),
            false => self.ends + LAST_WORDS,
        }
    }

    /// The one of two that ends first.
    pub fn stricter(one: Option<Box<Limits>>, two: Option<Box<Limits>>) -> Option<Box<Limits>> {
        one.into_iter().chain(two).min_by_key(|limits| limits.ends)
    }
}

/// So long before the end the first warning comes. One that lies before the call comes as often later as `repeat` says.
fn first_warning(most: Duration, warn: Option<Duration>, repeat: Option<Duration>) -> Option<Duration> {
    let warn = warn?;
    let Some(beyond) = warn.checked_sub(most).filter(|beyond| !beyond.is_zero()) else { return Some(warn) };
    let step = repeat?.as_millis().max(1);
    let steps = u32::try_from(beyond.as_millis().div_ceil(step)).ok()?;
    let first = warn.checked_sub(repeat?.checked_mul(steps)?)?;
    Some(first).filter(|first| !first.is_zero())
}

/// `1 minute and 30 seconds`, as files.
fn time_left(left: Duration) -> Vec<String> {
    let secs = (left.as_millis() + 500) / 1000;
    let mut files = vec!["vm-youhave".to_owned()];
    for (number, unit) in [(secs / 60, "queue-minutes"), (secs % 60, "queue-seconds")] {
        if number > 0 {
            files.extend(number_files(i64::try_from(number).unwrap_or(i64::MAX)));
            files.push(unit.to_owned());
        }
    }
    files
}

fn split(files: &str) -> Vec<String> {
    files.split('&').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

impl Switch {
    /// `A`: something is played to who answered and to the caller. `false`: there is nothing to play.
    pub(super) fn announce(
        &mut self,
        now: Now,
        leg: ChannelId,
        caller: ChannelId,
        out: &mut Actions,
    ) -> bool {
        let announce = match self.calls.channels.get(&caller).map(|caller| &caller.doing) {
            Some(Doing::Dialling(dialling)) => dialling.dial.options.announce.clone(),
            _ => None,
        };
        let Some((called, calling)) = announce else { return false };
        let mut playing = Vec::new();
        for (id, files) in [(leg, split(&called)), (caller, split(&calling))] {
            if files.is_empty() {
                continue;
            }
            if id == caller && !self.has_state(caller, State::Up) {
                self.indicate(now, caller, Indication::Progress, out);
                self.aim(caller, out);
            }
            let source = self.prompts(id, &files, None);
            playing.push((id, self.play_over(id, source, out)));
        }
        let Some(Doing::Dialling(dialling)) = self.calls.channels.get_mut(&caller).map(|c| &mut c.doing)
        else {
            return false;
        };
        dialling.announced_by = (!playing.is_empty()).then_some(now.at + LAST_WORDS);
        dialling.announcing = playing;
        self.calls.touched.insert(caller);
        self.calls.channels.get(&caller).is_some_and(|channel| match &channel.doing {
            Doing::Dialling(dialling) => !dialling.announcing.is_empty(),
            _ => false,
        })
    }

    /// An announcement that is not heard to its end, by a phone without media perhaps, keeps nobody apart.
    pub(super) fn announcement_due(
        &mut self,
        now: Now,
        leg: ChannelId,
        caller: ChannelId,
        out: &mut Actions,
    ) {
        let Some(Doing::Dialling(dialling)) = self.calls.channels.get_mut(&caller).map(|c| &mut c.doing)
        else {
            return;
        };
        if dialling.announced_by.take_if(|at| *at <= now.at).is_none() {
            return;
        }
        for (id, sound) in std::mem::take(&mut dialling.announcing) {
            self.stop_sound(id, sound, out);
        }
        self.welcome(now, leg, caller, out);
    }

    /// A sound has ended: perhaps it is what a call waited for.
    pub(super) fn announced(&mut self, now: Now, id: ChannelId, sound: SoundId, out: &mut Actions) {
        let done = |list: &mut Vec<(ChannelId, SoundId)>| {
            let before = list.len();
            list.retain(|(_, known)| *known != sound);
            before > list.len() && list.is_empty()
        };
        let owner = match self.calls.channels.get(&id).map(|channel| channel.side) {
            Some(Side::Called(Some(caller))) => caller,
            _ => id,
        };
        if let Some(Doing::Dialling(dialling)) = self.calls.channels.get_mut(&owner).map(|c| &mut c.doing)
            && done(&mut dialling.announcing)
            && let Some(answered) = &dialling.answered
        {
            let leg = answered.channel;
            dialling.announced_by = None;
            return self.welcome(now, leg, owner, out);
        }
        for limited in [Some(id), self.partner(id)].into_iter().flatten() {
            let limits = self.calls.channels.get_mut(&limited).and_then(|channel| channel.limits.as_mut());
            if limits.is_some_and(|limits| done(&mut limits.saying)) {
                return self.time_is_over(now, limited, out);
            }
        }
    }

    /// `L` and `S`: the time of a call begins. Set before its bridge is made, so that a Local channel that is optimised
    /// away in that moment hands it on.
    pub(super) fn begin_limits(&mut self, now: Now, id: ChannelId, options: &DialOptions) {
        let Some(channel) = self.calls.channels.get_mut(&id).filter(|channel| !channel.hung_up) else {
            return;
        };
        let limit = options.limit;
        let most = [limit.map(|limit| limit.most), options.stop_after].into_iter().flatten().min();
        let Some(most) = most else { return };
        let place = channel.place().map(|at| written_at(&at));
        let variables = channel.variables();
        let set = |name: &str| variables.value(name).filter(|value| !value.is_empty());
        let mut hears = Sides {
            caller: set("LIMIT_PLAYAUDIO_CALLER").is_none_or(is_true_word),
            called: set("LIMIT_PLAYAUDIO_CALLEE").is_some_and(is_true_word),
        };
        hears.caller |= !hears.called;
        let first = limit.and_then(|limit| first_warning(most, limit.warn, limit.repeat));
        let file = |name: &str| limit.and_then(|_| set(name)).unwrap_or_default().to_owned();
        let limits = Limits {
            ends: now.at + most,
            warns: first.map(|first| now.at + most.saturating_sub(first)),
            repeat: limit.and_then(|limit| limit.repeat),
            hears,
            warning: set("LIMIT_WARNING_FILE").unwrap_or("timeleft").to_owned(),
            last: file("LIMIT_TIMEOUT_FILE"),
            saying: Vec::new(),
            keeps: limit_of(options, true, place),
        };
        channel.limits = Some(Box::new(limits));
        self.calls.touched.insert(id);
    }

    /// `LIMIT_CONNECT_FILE`: the bridge of a call with `L` is made.
    pub(super) fn limits_begun(&mut self, id: ChannelId, options: &DialOptions, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get(&id) else { return };
        let Some(limits) = channel.limits.as_deref().filter(|_| options.limit.is_some()) else { return };
        let connect = channel.variables().value("LIMIT_CONNECT_FILE").unwrap_or_default();
        let (hears, files) = (limits.hears, split(connect));
        self.say_to_sides(id, hears, &files, out);
    }

    /// Plays to the sides that shall hear it.
    fn say_to_sides(
        &mut self,
        id: ChannelId,
        hears: Sides,
        files: &[String],
        out: &mut Actions,
    ) -> Vec<(ChannelId, SoundId)> {
        if files.is_empty() {
            return Vec::new();
        }
        let sides = [(Some(id), hears.caller), (self.partner(id), hears.called)];
        let mut playing = Vec::new();
        for to in sides.into_iter().filter_map(|(to, hears)| to.filter(|_| hears)) {
            let source = self.prompts(to, files, None);
            // Who is held hears it beside the music.
            let music =
                self.calls.channels.get(&to).is_some_and(|channel| channel.sound.background.is_some());
            let over = if music { Over::Mixed } else { Over::Replaces };
            playing.push((to, self.play(to, source, over, out)));
        }
        playing
    }

    /// A warning, or the end.
    pub(super) fn limits_due(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        let Some(limits) = self.calls.channels.get_mut(&id).and_then(|channel| channel.limits.as_mut())
        else {
            return;
        };
        if limits.next() > now.at {
            return;
        }
        let hears = limits.hears;
        if limits.ends > now.at {
            let at = limits.warns.take().unwrap_or(limits.ends);
            limits.warns = limits.repeat.map(|step| at + step).filter(|next| *next < limits.ends);
            let files = match limits.warning.as_str() {
                "timeleft" => time_left(limits.ends.since(now.at)),
                file => split(file),
            };
            self.say_to_sides(id, hears, &files, out);
            return;
        }
        let waited = !limits.saying.is_empty();
        let files = split(&limits.last);
        let playing = if waited { Vec::new() } else { self.say_to_sides(id, hears, &files, out) };
        if playing.is_empty() {
            return self.time_is_over(now, id, out);
        }
        if let Some(limits) = self.calls.channels.get_mut(&id).and_then(|channel| channel.limits.as_mut()) {
            limits.saying = playing;
        }
    }

    /// The time of a call is over: as if the called side had hung up. A `Bridge` lets both go on.
    fn time_is_over(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        channel.limits = None;
        // Nobody is transferred out of a call whose time is over.
        self.call_off(now, id, out);
        let Some(channel) = self.calls.channels.get(&id) else { return };
        let name = channel.name.clone();
        let answered = match &channel.doing {
            Doing::Dialling(dialling) => dialling.answered.as_ref().map(|answered| answered.channel),
            _ => None,
        };
        self.ears.log(out, Level::Notice, APP_DIAL, || {
            format!("{name}: the time of the call is over (option L or S)")
        });
        if let Some(leg) = answered {
            self.hang_up(now, leg, 16, out);
            // Who was called back, or for, in the place of who answered may be gone already: the `Dial` is over all the same.
            return self.leg_ended(now, leg, id, 16, out);
        }
        self.leave_bridge(now, id, out);
        match self.calls.channels.get(&id) {
            Some(Channel { doing: Doing::Bridged, program: Some(_), .. }) => {
                self.resume(id, Outcome::Status("SUCCESS".into()));
            }
            _ => self.hang_up(now, id, 16, out),
        }
    }
}

/// Asterisk's words for true.
fn is_true_word(text: &str) -> bool {
    ["yes", "true", "y", "t", "1", "on"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_warning_lies_within_the_call() {
        let ms = Duration::from_millis;
        for (most, warn, repeat, first) in [
            (60_000, Some(10_000), None, Some(10_000)),
            (30_000, Some(60_000), Some(20_000), Some(20_000)),
            (30_000, Some(60_000), None, None),
            (30_000, Some(60_000), Some(60_000), None),
            (30_000, Some(30_000), None, Some(30_000)),
            (30_000, None, Some(5_000), None),
        ] {
            let found = first_warning(ms(most), warn.map(ms), repeat.map(ms));
            assert_eq!(found, first.map(ms), "{most} {warn:?} {repeat:?}");
        }
    }

    #[test]
    fn the_time_left_is_said_in_words() {
        let said = |ms| time_left(Duration::from_millis(ms)).join(" ");
        assert_eq!(said(65_000), "vm-youhave digits/1 queue-minutes digits/5 queue-seconds");
        assert_eq!(said(29_600), "vm-youhave digits/30 queue-seconds");
        assert_eq!(said(7_200_000), "vm-youhave digits/1 digits/hundred digits/20 queue-minutes");
    }
}
