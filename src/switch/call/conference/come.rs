//! Coming into a conference: profiles, pin, limits, greetings.

use super::super::channel::{ChannelId, Doing};
use super::{APP, Attending, Conference, Keys, Stage};
use crate::base::limits;
use crate::base::time::Now;
use crate::bridge::RoomId;
use crate::config::services::{BridgeProfile, DEFAULT_BRIDGE, DEFAULT_MENU, DEFAULT_USER, Menu, UserProfile};
use crate::dialplan::Outcome;
use crate::dialplan::arguments::{nth, split};
use crate::switch::Switch;
use crate::switch::io::Actions;
use crate::switch::view::Level;
use std::sync::Arc;
use std::time::Duration;

/// How long each digit of a pin is waited for.
pub(super) const PIN_WAIT: Duration = Duration::from_secs(7);
/// How often a pin is asked for.
const PIN_ATTEMPTS: u32 = 3;
/// Most digits of a pin.
const PIN_DIGITS: usize = 40;

/// What a channel comes with.
struct Coming {
    name: String,
    bridge: Arc<BridgeProfile>,
    user: UserProfile,
    menu: Option<Arc<Menu>>,
}

impl Switch {
    /// `ConfBridge(conference[,bridge profile[,user profile[,menu]]])`
    pub(in super::super) fn conf_bridge(
        &mut self,
        now: Now,
        id: ChannelId,
        arguments: &str,
        out: &mut Actions,
    ) -> Option<Outcome> {
        let coming = match self.coming(id, arguments) {
            Ok(coming) => coming,
            Err(why) => {
                let name = self.calls.channels.get(&id)?.name.clone();
                self.ears.log(out, Level::Error, APP, || format!("{name}: ConfBridge: {why}"));
                return Some(Outcome::Status("FAILED".into()));
            }
        };
        // Its menu may have sent it here out of another one: it is in one at a time.
        self.leave_conference(now, id, out);
        self.transfer_progress(now, id, 200, out);
        if coming.user.answer {
            self.answer_channel(now, id, None, out);
        }
        self.hush(id, out);
        let asks = !coming.user.pin.is_empty();
        let until = (coming.user.timeout_secs > 0)
            .then(|| now.at + Duration::from_secs(u64::from(coming.user.timeout_secs)));
        let channel = self.calls.channels.get_mut(&id)?;
        channel.doing = Doing::Conference;
        channel.attending = Some(Box::new(Attending {
            conference: coming.name,
            muted: coming.user.startmuted,
            user: coming.user,
            bridge: coming.bridge,
            menu: coming.menu,
            stage: Stage::Pin { digits: String::new(), attempt: 1, until: None },
            seated: None,
            away: false,
            music: false,
            volume: (0, 0),
            until,
            keys: Keys::default(),
            name_file: None,
            paged: Vec::new(),
        }));
        self.calls.touched.insert(id);
        match asks {
            true => self.ask_pin(now, id, "get_pin", out),
            false => self.let_in(now, id, out),
        }
        None
    }

    fn coming(&self, id: ChannelId, arguments: &str) -> Result<Coming, String> {
        let parts = split(arguments, ',', 4);
        let part = |at| nth(&parts, at).trim();
        let name = part(0).to_owned();
        if name.is_empty() {
            return Err("it needs the name of a conference".to_owned());
        }
        let channel = self.calls.channels.get(&id).ok_or("the channel is gone")?;
        let wishes = channel.wishes.as_deref();
        let known = &self.services.conferences;
        let bridge = match (part(1), wishes.and_then(|wishes| wishes.bridge.as_ref())) {
            ("", Some(own)) => Arc::new(own.clone()),
            ("", None) => known
                .bridges
                .get(DEFAULT_BRIDGE)
                .cloned()
                .unwrap_or_else(|| Arc::new(BridgeProfile::named(DEFAULT_BRIDGE))),
            (name, _) => known
                .bridges
                .get(name)
                .cloned()
                .ok_or_else(|| format!("there is no bridge profile '{name}'"))?,
        };
        let user = match (part(2), wishes.and_then(|wishes| wishes.user.as_ref())) {
            ("", Some(own)) => own.clone(),
            ("", None) => known
                .users
                .get(DEFAULT_USER)
                .map_or_else(|| UserProfile::named(DEFAULT_USER), |u| (**u).clone()),
            (name, _) => {
                let found =
                    known.users.get(name).ok_or_else(|| format!("there is no user profile '{name}'"))?;
                (**found).clone()
            }
        };
        let menu = match (part(3), wishes.and_then(|wishes| wishes.menu.as_ref())) {
            ("", Some(own)) => Some(Arc::new(own.clone())),
            ("", None) => known.menus.get(DEFAULT_MENU).cloned(),
            (name, _) => {
                Some(known.menus.get(name).cloned().ok_or_else(|| format!("there is no menu '{name}'"))?)
            }
        };
        Ok(Coming { name, bridge, user, menu })
    }

    pub(super) fn ask_pin(&mut self, now: Now, id: ChannelId, word: &str, out: &mut Actions) {
        let sound = self.say(id, word, out);
        let Some(attending) = self.attending_mut(id) else { return };
        attending.keys.playing = sound;
        if let Stage::Pin { digits, until, .. } = &mut attending.stage {
            digits.clear();
            *until = sound.is_none().then(|| now.at + PIN_WAIT);
        }
    }

    /// A digit of the pin; `#` ends it. `None`: nothing came in time.
    pub(super) fn pin_digit(&mut self, now: Now, id: ChannelId, digit: Option<char>, out: &mut Actions) {
        let Some(attending) = self.attending_mut(id) else { return };
        let wanted = attending.user.pin.clone();
        let playing = attending.keys.playing.take();
        let Stage::Pin { digits, attempt, until } = &mut attending.stage else { return };
        if let Some(digit) = digit.filter(|digit| *digit != '#') {
            digits.push(digit);
            *until = Some(now.at + PIN_WAIT);
        }
        let complete = matches!(digit, None | Some('#')) || *digits == wanted || digits.len() >= PIN_DIGITS;
        let (right, again) = (*digits == wanted, *attempt < PIN_ATTEMPTS);
        if complete && !right {
            *attempt += 1;
        }
        if let Some(sound) = playing {
            self.stop_sound(id, sound, out);
        }
        self.calls.touched.insert(id);
        match (complete, right, again) {
            (false, ..) => {}
            (true, true, _) => self.let_in(now, id, out),
            (true, false, true) => self.ask_pin(now, id, "invalid_pin", out),
            (true, false, false) => self.farewell(now, id, Some("invalid_pin"), "FAILED", out),
        }
    }

    /// Comes into the conference, or hears why not.
    pub(super) fn come_in(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        let Some(attending) = self.attending(id) else { return };
        let (name, admin, profile) =
            (attending.conference.clone(), attending.user.admin, attending.bridge.clone());
        let there = self.calls.conferences.get(&name);
        let full = there.is_some_and(|there| {
            let most = there.profile.max_members;
            (!admin && (there.locked || (most > 0 && there.members.len() >= most)))
                || there.members.len() >= limits::CONFERENCE_PARTIES
        });
        if full || (there.is_none() && self.calls.conferences.len() >= limits::CONFERENCES) {
            let channel =
                self.calls.channels.get(&id).map(|channel| channel.name.clone()).unwrap_or_default();
            self.ears.log(out, Level::Notice, APP, || {
                format!("Conference '{name}' is locked or full: {channel} does not come in")
            });
            return self.farewell(now, id, Some("locked"), "FAILED", out);
        }
        if there.is_none() {
            let room = RoomId(self.calls.next_sound);
            self.calls.next_sound += 1;
            let unique_id = crate::base::digits::uuid(self.rng.next_u64(), self.rng.next_u64());
            let conference = Conference {
                unique_id,
                made: now,
                profile,
                room,
                members: Vec::new(),
                locked: false,
                muted: false,
                recording: None,
                record: None,
            };
            self.calls.conferences.insert(name.clone(), conference);
        }
        if let Some(conference) = self.calls.conferences.get_mut(&name) {
            conference.members.push(id);
            let (unique_id, profile) = (conference.unique_id.clone(), conference.profile.clone());
            if let Some(attending) = self.attending_mut(id) {
                attending.stage = Stage::Member;
                attending.bridge = profile;
            }
            let channel =
                self.calls.channels.get(&id).map(|channel| channel.name.clone()).unwrap_or_default();
            self.decided(id, || format!("{channel} comes into conference {name}: its media stays here"));
            self.ears.log(out, Level::Verbose, "bridge_channel.c", || {
                format!("Channel {channel} joined 'softmix' base-bridge <{unique_id}>")
            });
        }
        self.listen_for_talk(id, out);
        self.settle_conference(&name, out);
        self.greet(id, &name, out);
    }

    /// What who comes hears, and what the others hear of it.
    fn greet(&mut self, id: ChannelId, name: &str, out: &mut Actions) {
        let Some(attending) = self.attending(id) else { return };
        let (user, bridge) = (attending.user.clone(), attending.bridge.clone());
        let waits = attending.seated.is_none();
        let count = self.members(name).count();
        let mut files = Vec::new();
        let mut named = true;
        let mut add = |word: &str, files: &mut Vec<String>| {
            named &= bridge.names_sound(word);
            files.push(bridge.sound(word).to_owned());
        };
        if !user.announcement.is_empty() {
            files.push(user.announcement.clone());
        }
        if waits && !user.quiet {
            add("wait_for_leader", &mut files);
        } else if count == 1 && user.announce_only_user && !user.quiet {
            add("only_person", &mut files);
        }
        if user.announce_count && count > 1 {
            add("there_are", &mut files);
            files.extend(number_files(count - 1));
            add("other_in_party", &mut files);
        }
        files.retain(|file| !file.is_empty());
        if !files.is_empty() {
            let sound = self.prompt_party(id, &files, named || !user.announcement.is_empty(), out);
            if let Some(attending) = self.attending_mut(id) {
                attending.keys.playing = Some(sound);
            }
        }
        if !user.quiet && !waits && count > 1 {
            match user.hear_own_join {
                true => {
                    let join = vec![bridge.sound("join").to_owned()];
                    self.tell_all(name, join, bridge.names_sound("join"), out);
                }
                false => {
                    let join = (bridge.sound("join"), bridge.names_sound("join"));
                    self.tell_others(name, id, join, out);
                }
            }
            if let Some(file) = self.attending(id).and_then(|attending| attending.name_file.clone()) {
                self.tell_name(name, &file, "has_joined", out);
            }
        }
        if user.announce_count_all.is_some_and(|more| count > more as usize) && count > 1 {
            let mut files = vec![bridge.sound("there_are").to_owned()];
            files.extend(number_files(count));
            files.push(bridge.sound("other_in_party").to_owned());
            self.tell_all(name, files, bridge.names_sound("there_are"), out);
        }
    }
}

/// A number as files of Asterisk's sound packages, up to 999.
pub(super) fn number_files(number: usize) -> Vec<String> {
    let digits = |name: usize| format!("digits/{name}");
    let mut files = Vec::new();
    let mut rest = number.min(999);
    if rest >= 100 {
        files.extend([digits(rest / 100), "digits/hundred".to_owned()]);
        rest %= 100;
    }
    if rest > 20 {
        files.push(digits(rest / 10 * 10));
        rest %= 10;
    }
    if rest > 0 || files.is_empty() {
        files.push(digits(rest));
    }
    files
}

#[cfg(test)]
mod tests {
    use super::number_files;

    #[test]
    fn numbers_are_said_by_the_files_of_the_sound_packages() {
        assert_eq!(number_files(0), ["digits/0"]);
        assert_eq!(number_files(17), ["digits/17"]);
        assert_eq!(number_files(20), ["digits/20"]);
        assert_eq!(number_files(42), ["digits/40", "digits/2"]);
        assert_eq!(number_files(300), ["digits/3", "digits/hundred"]);
        assert_eq!(number_files(121), ["digits/1", "digits/hundred", "digits/20", "digits/1"]);
    }
}
