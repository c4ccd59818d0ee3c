//! Conferences: `ConfBridge`, its profiles and menus, and what an administrator does with them.
//!
//! ```text
//! ConfBridge ─ profiles ─ pin? ─ name? ─ locked, full? ─► party ─ settle ─► in the room, muted or not, or waiting with music
//!                                                  │ digits ─► menu      ▲ somebody came, left, was muted, is marked
//!                                                  └ left, kicked, hung up, time over ─► CONFBRIDGE_RESULT
//! ```
//! A party is in no bridge of two: its media is always here (S4-111). One room of the media threads is one conference.

mod come;
mod fields;
mod go;
mod keys;
mod naming;
mod order;
mod page;
mod seats;

use super::channel::{Channel, ChannelId};
use crate::base::time::{Moment, Now};
use crate::bridge::{FileOrder, Over, Piece, RoomId, Seat, SoundEnd, SoundId, SoundSource};
use crate::config::services::{BridgeProfile, Menu, MenuAction, UserProfile};
use crate::switch::Switch;
use crate::switch::io::Actions;
use std::collections::VecDeque;
use std::sync::Arc;

const APP: &str = "app_confbridge.c";

/// One conference; it lives as long as it has parties.
#[derive(Debug)]
pub(super) struct Conference {
    pub unique_id: String,
    pub made: Now,
    pub profile: Arc<BridgeProfile>,
    room: RoomId,
    /// In the order they came, those that wait for a marked one included.
    pub members: Vec<ChannelId>,
    locked: bool,
    /// All but administrators are muted.
    muted: bool,
    recording: Option<SoundId>,
    /// Recorded although its profile does not say so, or to another file.
    record: Option<String>,
}

/// A channel in `ConfBridge`.
#[derive(Debug)]
pub(super) struct Attending {
    pub conference: String,
    user: UserProfile,
    bridge: Arc<BridgeProfile>,
    menu: Option<Arc<Menu>>,
    stage: Stage,
    muted: bool,
    /// What it was told of the room: its seat there; `None` outside.
    seated: Option<Seat>,
    /// Its menu took it elsewhere for a while.
    away: bool,
    music: bool,
    /// What the menu added to its loudness: talking, listening.
    volume: (i32, i32),
    /// When its time is over.
    until: Option<Moment>,
    keys: Keys,
    /// What it said as its name: a file below the sounds, without its extension.
    name_file: Option<String>,
    /// `Page`: whom it called; those who have not answered when it goes are called no more.
    paged: Vec<ChannelId>,
}

/// How far a party is.
#[derive(Debug, PartialEq, Eq)]
enum Stage {
    /// It is asked for the pin: what it pressed, which attempt this is, and until when.
    Pin { digits: String, attempt: u32, until: Option<Moment> },
    /// It says its name.
    Naming(naming::Naming),
    /// It is a member.
    Member,
    /// It hears why it does not stay; then its dialplan goes on with this result.
    Leaving(&'static str),
}

/// What a party presses.
#[derive(Debug, Default)]
struct Keys {
    typed: String,
    until: Option<Moment>,
    /// Plays to it alone.
    playing: Option<SoundId>,
    /// Digits are not looked at while this plays.
    deaf: bool,
    /// What its menu does after what plays.
    rest: VecDeque<MenuAction>,
}

/// What `CONFBRIDGE()` set for a channel.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    user: Option<UserProfile>,
    bridge: Option<BridgeProfile>,
    menu: Option<Menu>,
}

impl Attending {
    /// When it has something to do.
    pub fn next_deadline(&self) -> Option<Moment> {
        let pin = match &self.stage {
            Stage::Pin { until, .. } => *until,
            Stage::Naming(naming) => naming.until(),
            Stage::Member | Stage::Leaving(_) => None,
        };
        [self.until, self.keys.until, pin].into_iter().flatten().min()
    }

    fn is_member(&self) -> bool {
        self.stage == Stage::Member
    }
}

impl Switch {
    /// Whether there are phones in the conference that a channel is in.
    pub(super) fn meets_phones(&self, channel: &Channel) -> bool {
        let name = channel.attending.as_deref().map(|attending| &attending.conference);
        let conference = name.and_then(|name| self.calls.conferences.get(name));
        let is_phone =
            |id: &ChannelId| self.calls.channels.get(id).is_some_and(|member| member.local.is_none());
        conference.is_some_and(|conference| conference.members.iter().any(is_phone))
    }

    fn attending(&self, id: ChannelId) -> Option<&Attending> {
        self.calls.channels.get(&id)?.attending.as_deref()
    }

    fn attending_mut(&mut self, id: ChannelId) -> Option<&mut Attending> {
        self.calls.channels.get_mut(&id)?.attending.as_deref_mut()
    }

    /// Members of a conference, with what they are.
    fn members<'s>(&'s self, name: &str) -> impl Iterator<Item = (&'s Channel, &'s Attending)> {
        let members = self.calls.conferences.get(name).map(|conference| &conference.members[..]);
        let channels = members.unwrap_or_default().iter().filter_map(|id| self.calls.channels.get(id));
        channels.filter_map(|channel| Some((channel, channel.attending.as_deref()?)))
    }

    /// Plays files to one party, over what it hears. Those that nobody named are not missed.
    fn prompt_party(&mut self, id: ChannelId, files: &[String], named: bool, out: &mut Actions) -> SoundId {
        let source = self.prompts(id, files, None);
        let sound = self.play(id, source, Over::Replaces, out);
        if let Some(channel) = self.calls.channels.get_mut(&id)
            && !named
        {
            channel.sound.not_missed(sound);
        }
        sound
    }

    /// Plays a sound of the profile to one party.
    fn say(&mut self, id: ChannelId, word: &str, out: &mut Actions) -> Option<SoundId> {
        let profile = self.attending(id)?.bridge.clone();
        let file = profile.sound(word).to_owned();
        (!file.is_empty()).then(|| self.prompt_party(id, &[file], profile.names_sound(word), out))
    }

    /// Plays files to all of a conference.
    fn tell_all(&mut self, name: &str, files: Vec<String>, named: bool, out: &mut Actions) {
        let mut members = self.members(name);
        let Some((id, language)) = members
            .find(|(_, attending)| attending.seated.is_some())
            .map(|(channel, _)| (channel.id, channel.settings.language.clone()))
        else {
            return;
        };
        drop(members);
        let pieces = files.iter().map(|file| Piece::Prompt(file.as_str().into())).collect();
        let order = FileOrder { pieces, repeat: false, language: language.as_str().into() };
        let sound = self.play_to_room(id, SoundSource::Files(Box::new(order)), out);
        if let Some(channel) = self.calls.channels.get_mut(&id)
            && !named
        {
            channel.sound.not_missed(sound);
        }
    }

    /// A sound that played to a party alone is over.
    pub(super) fn conference_played(
        &mut self,
        now: Now,
        id: ChannelId,
        sound: SoundId,
        end: &SoundEnd,
        out: &mut Actions,
    ) {
        let Some(attending) = self.attending_mut(id) else { return };
        if attending.keys.playing != Some(sound) {
            return;
        }
        attending.keys.playing = None;
        attending.keys.deaf = false;
        match &mut attending.stage {
            Stage::Pin { until, .. } => {
                *until = Some(now.at + come::PIN_WAIT);
                self.calls.touched.insert(id);
            }
            Stage::Naming(_) => self.naming_played(now, id, end, out),
            Stage::Leaving(result) => {
                let result = *result;
                self.end_attending(id, result);
            }
            Stage::Member if *end != SoundEnd::Stopped => self.go_on_with_menu(now, id, out),
            Stage::Member => {}
        }
    }
}
