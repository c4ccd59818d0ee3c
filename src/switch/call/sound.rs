//! Sound that the server itself makes for a channel: players and tones, and what becomes of them.
//!
//! ```text
//! start ─ audio port aimed? ─ yes ─▶ Plan::Sound
//!              └ not yet ─▶ waiting ─ aim ─▶ Plan::Sound
//! MediaEvent::SoundEnded ─▶ the application that waits for it (`prompt`), or just forgotten
//! ```

use super::channel::{Channel, ChannelId};
use super::ports::SlotState;
use crate::base::limits;
use crate::base::time::{Moment, Now};
use crate::bridge::{
    FileOrder, Listening, MediaEvent, Over, Piece, Plan, PortId, SoundEnd, SoundId, SoundOrder, SoundSource,
    TalkRules,
};
use crate::codec::ToneList;
use crate::config::model::endpoint_words::DtmfMode;
use crate::config::services::{MusicMode, Services};
use crate::sdp::MediaKind;
use crate::switch::Switch;
use crate::switch::io::{Action, Actions};
use crate::switch::view::Level;
use std::sync::Arc;

/// What sounds on a channel.
#[derive(Debug, Default)]
pub(super) struct ChannelSound {
    /// Orders that wait until its audio is agreed on.
    pub waiting: Vec<SoundOrder>,
    /// When those that somebody waits for are given up.
    pub patience: Option<Moment>,
    /// Tones and music that go on until something else is heard.
    pub background: Option<SoundId>,
    /// Recordings that run beside the dialplan.
    pub recordings: Vec<super::record::Recording>,
    /// Music plays because the other side holds the call.
    pub is_held: bool,
    /// What its sound is listened to for.
    pub listening: Listening,
    /// What is heard in mid-call beside all that.
    pub chimes: Vec<SoundId>,
    /// `VOLUME()`, and what a conference's menu added: what comes from it, what goes to it.
    pub volume: (f32, f32),
    /// `AGC()`, in the same order.
    pub levels: (Option<u16>, Option<u16>),
    /// `VOLUME(…,p)`: digits change it.
    pub volume_keys: bool,
    /// `TALK_DETECT(set)`
    pub talk_detect: Option<TalkRules>,
    /// Sounds that nobody named: a file of them that is not there is no news.
    unnamed: Vec<SoundId>,
    /// Sounds that ended before they began: told in the next round.
    unheard: Vec<(SoundId, SoundEnd)>,
}

/// What an order begins.
pub(super) fn begins(order: &SoundOrder) -> Option<SoundId> {
    match order {
        SoundOrder::Play { id, .. } | SoundOrder::Record { id, .. } => Some(*id),
        _ => None,
    }
}

impl ChannelSound {
    /// Nobody asked for this sound by its name.
    pub fn not_missed(&mut self, sound: SoundId) {
        if self.unnamed.len() < crate::base::limits::PLAYERS_PER_PORT {
            self.unnamed.push(sound);
        }
    }
}

impl Channel {
    /// Its phone's digits are tones: `dtmf_mode=inband`, and `auto` where no events are agreed.
    pub fn presses_tones(&self) -> bool {
        let events = self.audio().is_some_and(|audio| !audio.events.is_empty());
        match self.dtmf_mode() {
            DtmfMode::Inband => true,
            DtmfMode::Auto => !events,
            _ => false,
        }
    }

    /// Its audio port, when it is open and its codec is one we can make.
    pub fn opened_port(&self) -> Option<PortId> {
        self.audio_port().filter(|(_, opens)| *opens).map(|(port, _)| port)
    }

    fn audio_port(&self) -> Option<(PortId, bool)> {
        let slot = self.slots.iter().find(|slot| {
            slot.kind == MediaKind::Audio && matches!(slot.state, SlotState::Open { .. } | SlotState::Opening)
        })?;
        let aim = slot.aim.as_ref()?;
        Some((slot.port, aim.coding.is_some()))
    }
}

impl Switch {
    /// Plays something to a channel. Its end is told as `MediaEvent::SoundEnded` in any case.
    pub(super) fn play(
        &mut self,
        id: ChannelId,
        source: SoundSource,
        over: Over,
        out: &mut Actions,
    ) -> SoundId {
        let sound = SoundId(self.calls.next_sound);
        self.calls.next_sound += 1;
        self.order_sound(id, SoundOrder::Play { id: sound, source, over }, out);
        sound
    }

    /// Orders something of a channel's sound, now or when its audio is agreed on.
    pub(super) fn order_sound(&mut self, id: ChannelId, order: SoundOrder, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        let what = begins(&order);
        if channel.local.is_some() {
            return self.lend_sound(id, what, order, out);
        }
        match channel.audio_port() {
            Some((port, true)) => {
                out.queue.push(Action::Media(Plan::Sound { port, order: Box::new(order) }));
            }
            Some((_, false)) => {
                self.refuse_sound(id, what, "its codec passes through this server but is not made here")
            }
            None if channel.sound.waiting.len() < limits::PLAYERS_PER_PORT => {
                channel.sound.patience = Some(self.now.at + super::patience::PATIENCE);
                channel.sound.waiting.push(order);
                self.calls.touched.insert(id);
            }
            None => self.refuse_sound(id, what, "too many sounds wait for its audio"),
        }
    }

    /// What half of a Local channel would play or hear is played to, and heard from, the phone behind it. Without one it
    /// waits for one.
    fn lend_sound(&mut self, id: ChannelId, what: Option<SoundId>, order: SoundOrder, out: &mut Actions) {
        if let Some(phone) = self.media_of(id) {
            if let Some(sound) = what {
                self.calls.lent.insert(sound, (id, phone));
            }
            return self.order_sound(phone, order, out);
        }
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        if channel.sound.waiting.len() < limits::PLAYERS_PER_PORT {
            channel.sound.patience = Some(self.now.at + super::patience::PATIENCE);
            channel.sound.waiting.push(order);
            self.calls.touched.insert(id);
        } else {
            self.refuse_sound(id, what, "too many sounds wait for a phone behind it");
        }
    }

    /// A sound that cannot begin: its end is told with the next round of work.
    pub(super) fn refuse_sound(&mut self, id: ChannelId, what: Option<SoundId>, why: &str) {
        if let Some(sound) = what {
            self.unheard(id, sound, SoundEnd::Failed(why.to_owned()));
        }
    }

    fn unheard(&mut self, id: ChannelId, sound: SoundId, end: SoundEnd) {
        if let Some(channel) = self.calls.channels.get_mut(&id) {
            channel.sound.unheard.push((sound, end));
            self.calls.work.push_back(super::Work::Unsound(id));
        }
    }

    /// The halves of Local channels in a bridge have a phone behind them now: what waited for it goes out.
    pub(super) fn sound_through(&mut self, legs: [ChannelId; 2], out: &mut Actions) {
        for leg in legs {
            let half = self.calls.channels.get(&leg).and_then(|channel| channel.local);
            let Some(peer) = half.and_then(|half| self.calls.channels.get_mut(&half.peer)) else { continue };
            let peer_id = peer.id;
            for order in std::mem::take(&mut peer.sound.waiting) {
                self.order_sound(peer_id, order, out);
            }
        }
    }

    /// A half is gone: what a phone played for it ends.
    pub(super) fn return_sounds(&mut self, id: ChannelId, out: &mut Actions) {
        let of_it = |(sound, (half, phone)): (&SoundId, &(ChannelId, ChannelId))| {
            (*half == id).then_some((*sound, *phone))
        };
        let lent: Vec<_> = self.calls.lent.iter().filter_map(of_it).collect();
        for (sound, phone) in lent {
            self.calls.lent.remove(&sound);
            self.stop_sound(phone, sound, out);
        }
    }

    /// A channel's audio is agreed on: what waited for it goes out.
    pub(super) fn sound_aimed(&mut self, id: ChannelId, out: &mut Actions) {
        self.listen_for_tones(id, out);
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        if channel.sound.waiting.is_empty() || channel.audio_port().is_none() {
            return;
        }
        for order in std::mem::take(&mut channel.sound.waiting) {
            self.order_sound(id, order, out);
        }
    }

    /// Digits come as tones with `dtmf_mode=inband`, and with `auto` where no events are agreed: somebody must listen,
    /// unless they only pass from phone to phone. So with the tone of a fax machine.
    pub(super) fn listen_for_tones(&mut self, id: ChannelId, out: &mut Actions) {
        let passes = self.calls.channels.get(&id).is_some_and(|channel| channel.bridge.is_some())
            && !self.is_listened_to(id)
            && !self.is_mixed(id);
        // Who gets the digit as an event or by INFO must not hear it as a tone, too.
        let partner = self.partner(id).map(|partner| self.media_of(partner).unwrap_or(partner));
        let partner = partner.and_then(|partner| self.calls.channels.get(&partner));
        let mutes = partner.is_some_and(|partner| !partner.presses_tones());
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        let fax = !passes && channel.may_be_fax();
        let tones = !passes && channel.presses_tones();
        let mutes = tones && mutes;
        let opens = channel.audio_port().is_some_and(|(_, opens)| opens);
        let listening = &mut channel.sound.listening;
        if opens && (listening.tones, listening.mutes, listening.fax) != (tones, mutes, fax) {
            (listening.tones, listening.mutes, listening.fax) = (tones, mutes, fax);
            let order = SoundOrder::Listen(channel.sound.listening);
            self.order_sound(id, order, out);
        }
    }

    /// Tells the ends of sounds that could not begin.
    pub(super) fn unsound(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        for (sound, end) in std::mem::take(&mut channel.sound.unheard) {
            let id = self.calls.lent.remove(&sound).map_or(id, |(half, _)| half);
            self.mail_completed(now, sound, &end, out);
            self.sound_over(now, id, sound, end, out);
        }
    }

    /// Stops a player or recorder.
    pub(super) fn stop_sound(&mut self, id: ChannelId, sound: SoundId, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        let before = channel.sound.waiting.len();
        channel.sound.waiting.retain(|order| begins(order) != Some(sound));
        if channel.sound.waiting.len() < before {
            self.unheard(id, sound, SoundEnd::Stopped);
        } else if channel.audio_port().is_some() {
            self.order_sound(id, SoundOrder::Stop { id: sound }, out);
        } else if let Some((_, phone)) = self.calls.lent.get(&sound).copied().filter(|(half, _)| *half == id)
        {
            self.stop_sound(phone, sound, out);
        }
    }

    /// Stops the tone or music that goes on in the background.
    pub(super) fn hush(&mut self, id: ChannelId, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        if let Some(sound) = channel.sound.background.take() {
            self.stop_sound(id, sound, out);
        }
    }

    /// Starts something that goes on until something else is heard.
    pub(super) fn play_behind(&mut self, id: ChannelId, source: SoundSource, out: &mut Actions) {
        self.hush(id, out);
        let sound = self.play(id, source, Over::Replaces, out);
        if let Some(channel) = self.calls.channels.get_mut(&id) {
            channel.sound.background = Some(sound);
        }
    }

    /// A tone by its name in the channel's zone, or as a list.
    ///
    /// # Errors
    /// It is neither.
    pub(super) fn tone(&self, id: ChannelId, text: &str) -> Result<ToneList, String> {
        let channel = self.calls.channels.get(&id);
        // The endpoint's `tone_zone`, or what `CHANNEL(tonezone)` was set to.
        let zone = channel.map_or("", |channel| &channel.settings.tone_zone);
        match self.services.tone(zone, text.trim()) {
            Some(list) => Ok(list.clone()),
            None => ToneList::parse(text).map_err(|fault| fault.to_string()),
        }
    }

    /// Plays a tone of the zone in the background; what cannot be played is said.
    pub(super) fn play_tone(&mut self, id: ChannelId, text: &str, out: &mut Actions) {
        match self.tone(id, text) {
            Ok(list) => self.play_behind(id, SoundSource::Tones(list), out),
            Err(why) => {
                let name = self.calls.channels.get(&id).map(|channel| channel.name.clone());
                let name = name.unwrap_or_default();
                self.ears.log(out, Level::Warning, "indications.c", || format!("{name}: {why}"));
            }
        }
    }

    /// The files of prompts, in a channel's language.
    pub(super) fn prompts(&self, id: ChannelId, files: &[String], language: Option<&str>) -> SoundSource {
        let own = self.calls.channels.get(&id).map_or("", |channel| &channel.settings.language);
        SoundSource::Files(Box::new(FileOrder {
            pieces: files.iter().map(|name| Piece::Prompt(name.as_str().into())).collect(),
            repeat: false,
            language: language.unwrap_or(own).into(),
        }))
    }

    /// The music of a class; the channel's own, then `default`, where there is none of that name.
    pub(super) fn music(&self, id: ChannelId, class: &str) -> Option<SoundSource> {
        let channel = self.calls.channels.get(&id)?;
        let names = [class, &channel.settings.music_class, "default"];
        let music = names
            .into_iter()
            .filter(|name| !name.is_empty())
            .find_map(|name| self.services.music.get(name))?;
        let announcement = music.announcement.as_deref().map(|name| Piece::Prompt(name.into()));
        let pieces = match &music.mode {
            MusicMode::Files { directory, shuffled } => {
                vec![Piece::Directory { path: directory.as_str().into(), shuffled: *shuffled }]
            }
            MusicMode::Playlist(files) => {
                files.iter().map(|name| Piece::Prompt(name.as_str().into())).collect()
            }
        };
        Some(SoundSource::Files(Box::new(FileOrder {
            pieces: announcement.into_iter().chain(pieces).collect(),
            repeat: true,
            language: channel.settings.language.as_str().into(),
        })))
    }

    /// The media threads tell of opened sound.
    pub(super) fn sound_event(&mut self, now: Now, event: MediaEvent, out: &mut Actions) {
        let MediaEvent::SoundEnded { port, id: sound, end } = event else { return };
        let lent = self.calls.lent.remove(&sound).map(|(half, _)| half);
        self.mail_completed(now, sound, &end, out);
        if let Some(id) = lent.or_else(|| self.calls.ports.get(&port).copied()) {
            self.sound_over(now, id, sound, end, out);
        }
    }

    fn sound_over(&mut self, now: Now, id: ChannelId, sound: SoundId, end: SoundEnd, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        let unnamed = channel.sound.unnamed.iter().position(|unnamed| *unnamed == sound);
        if let Some(at) = unnamed {
            channel.sound.unnamed.remove(at);
        }
        if let SoundEnd::Failed(why) = &end {
            let name = channel.name.clone();
            let level = if unnamed.is_some() { Level::Debug } else { Level::Warning };
            self.ears.log(out, level, "file.c", || format!("{name}: {why}"));
        }
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        if channel.sound.background == Some(sound) {
            channel.sound.background = None;
        }
        self.recording_over(id, sound);
        self.chimed(id, sound);
        self.service_played(now, id, sound, out);
        self.space_said(id, sound, out);
        self.conference_played(now, id, sound, &end, out);
        self.announced(now, id, sound, out);
        self.mail_played(now, id, sound, &end, out);
        self.introduction_played(now, id, sound, out);
        self.screen_played(now, id, sound, out);
        self.prompt_played(now, id, sound, end, out);
        self.hold_music_again(id, out);
    }

    /// Takes other services over: tones, music, features, parking lots.
    pub(in crate::switch) fn set_services(&mut self, services: Arc<Services>) {
        self.calls.add_parking(&services);
        self.forget_passwords();
        self.services = services;
    }
}
