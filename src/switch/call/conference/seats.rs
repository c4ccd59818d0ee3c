//! Who is in the room, who waits, who is heard, what is recorded: brought up to date after every change.

use super::super::channel::ChannelId;
use super::APP;
use crate::bridge::{Record, RecordPlace, Seat, Sides, SoundId, SoundOrder, SoundSource, TalkRules};
use crate::switch::Switch;
use crate::switch::io::Actions;
use crate::switch::view::Level;
use std::time::Duration;

impl Switch {
    /// Brings every party of a conference to where it belongs.
    pub(super) fn settle_conference(&mut self, name: &str, out: &mut Actions) {
        let Some(conference) = self.calls.conferences.get(name) else { return };
        let (members, all_muted, room) = (conference.members.clone(), conference.muted, conference.room);
        let marked = self.members(name).any(|(_, attending)| attending.user.marked);
        let waits = |attending: &super::Attending| attending.user.wait_marked && !marked;
        let present = self.members(name).filter(|(_, attending)| !waits(attending)).count();
        for id in members {
            let Some(attending) = self.attending_mut(id) else { continue };
            let waits = attending.user.wait_marked && !marked;
            let muted = attending.muted || (all_muted && !attending.user.admin);
            let seat = Seat { speaks: !muted, only_talk: attending.user.drop_silence, ..Seat::FULL };
            let wanted = (!waits && !attending.away).then_some(seat);
            let before = std::mem::replace(&mut attending.seated, wanted);
            let music = attending.user.music_when_empty && (waits || present == 1) && !attending.away;
            let played = std::mem::replace(&mut attending.music, music);
            let class = attending.user.music_class.clone();
            match wanted {
                _ if wanted == before => {}
                Some(seat) => self.sit(id, room, seat, out),
                None => self.stand_up(id, out),
            }
            match (played, music) {
                (false, true) => {
                    if let Some(music) = self.music(id, &class) {
                        self.play_behind(id, music, out);
                    }
                }
                (true, false) => self.hush(id, out),
                _ => {}
            }
        }
        self.record_conference(name, out);
    }

    /// Another phone came to where a party sits: it hears the music from the beginning.
    pub(in super::super) fn conference_follows(&mut self, id: ChannelId, out: &mut Actions) {
        if let Some(attending) = self.attending_mut(id).filter(|attending| attending.music) {
            attending.music = false;
            let name = attending.conference.clone();
            self.settle_conference(&name, out);
        }
    }

    /// Begins to record where it shall be and is not. The recording ends with the room.
    pub(super) fn record_conference(&mut self, name: &str, out: &mut Actions) {
        let seated = self.members(name).find(|(_, attending)| attending.seated.is_some());
        let seated = seated.map(|(channel, _)| channel.id);
        let next = SoundId(self.calls.next_sound);
        let Some(conference) = self.calls.conferences.get_mut(name) else { return };
        let Some(seated) = seated else {
            conference.recording = None;
            return;
        };
        if conference.recording.is_some() || !(conference.profile.record || conference.record.is_some()) {
            return;
        }
        let profile = conference.profile.clone();
        let own = conference.record.as_deref().filter(|file| !file.is_empty());
        let path =
            file_name(own.unwrap_or(&profile.record_file), name, conference.made.wall.secs(), &profile);
        conference.recording = Some(next);
        self.calls.next_sound += 1;
        let record = Record {
            path: path.as_str().into(),
            place: RecordPlace::Monitor,
            sides: Sides::Heard,
            append: profile.record_append,
            only_bridged: false,
            silence: None,
            most: None,
            beep: None,
            volumes: (profile.record_volume, 0),
            then: Some(profile.record_command.as_str()).filter(|command| !command.is_empty()).map(Box::from),
            lost_unended: false,
        };
        self.order_sound(seated, SoundOrder::RecordRoom { id: next, record: Box::new(record) }, out);
        self.ears.log(out, Level::Verbose, APP, || format!("Conference '{name}' is recorded to {path}"));
    }

    /// Ends the recording of a conference.
    pub(super) fn stop_recording(&mut self, name: &str, out: &mut Actions) -> bool {
        let seated = self.members(name).find(|(_, attending)| attending.seated.is_some());
        let seated = seated.map(|(channel, _)| channel.id);
        let Some(conference) = self.calls.conferences.get_mut(name) else { return false };
        conference.record = None;
        let Some(sound) = conference.recording.take() else { return false };
        // It is not begun again by the next who comes.
        let mut profile = (*conference.profile).clone();
        profile.record = false;
        conference.profile = profile.into();
        if let Some(seated) = seated {
            self.order_sound(seated, SoundOrder::Stop { id: sound }, out);
        }
        true
    }

    /// Plays something to the room that a channel is in.
    pub(in super::super) fn play_to_room(
        &mut self,
        id: ChannelId,
        source: SoundSource,
        out: &mut Actions,
    ) -> SoundId {
        let sound = SoundId(self.calls.next_sound);
        self.calls.next_sound += 1;
        self.order_sound(id, SoundOrder::PlayRoom { id: sound, source }, out);
        sound
    }

    /// Whether somebody talks matters for events, and for who is heard only while he does.
    pub(super) fn listen_for_talk(&mut self, id: ChannelId, out: &mut Actions) {
        let Some(attending) = self.attending(id) else { return };
        let user = &attending.user;
        let rules = (user.talk_events || user.drop_silence).then(|| TalkRules {
            threshold: user.talking_threshold,
            silence: Duration::from_millis(u64::from(user.silence_threshold_ms)),
        });
        if rules.is_some() {
            self.listen_to_talk(id, rules, out);
        }
    }

    /// A party of a conference begins or ends talking.
    pub(in super::super) fn conference_talk(&mut self, id: ChannelId, on: bool, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get(&id) else { return };
        let Some(attending) = channel.attending.as_deref().filter(|attending| attending.user.talk_events)
        else {
            return;
        };
        let (name, conference) = (channel.name.clone(), attending.conference.clone());
        let state = if on { "on" } else { "off" };
        self.ears.log(out, Level::Verbose, APP, || {
            format!("ConfbridgeTalking Conference={conference} Channel={name} TalkingStatus={state}")
        });
    }
}

/// `confbridge-NAME-TIME.wav`, or the file that was named, with the time before its extension. A name that leads
/// elsewhere loses what does: who names a conference shall not choose a directory.
fn file_name(
    named: &str,
    conference: &str,
    begun_secs: u64,
    profile: &crate::config::services::BridgeProfile,
) -> String {
    if named.is_empty() {
        let plain: String = conference.chars().map(|c| if c == '/' || c == '\0' { '_' } else { c }).collect();
        return format!("confbridge-{plain}-{begun_secs}.wav");
    }
    let (base, extension) =
        named.rsplit_once('.').filter(|(_, extension)| !extension.contains('/')).unwrap_or((named, "wav"));
    match profile.record_timestamp {
        true => format!("{base}-{begun_secs}.{extension}"),
        false => format!("{base}.{extension}"),
    }
}
