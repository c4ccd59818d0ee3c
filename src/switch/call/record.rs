//! Recording: `Record`, `MixMonitor`, `StopMixMonitor`, `Monitor`, `StopMonitor`.

use super::channel::ChannelId;
use crate::base::time::Now;
use crate::bridge::{Feature, Record, RecordPlace, Sides, SoundEnd, SoundId, SoundOrder, Use};
use crate::dialplan::Outcome;
use crate::dialplan::sound::{MixMonitor, RecordCall};
use crate::switch::Switch;
use crate::switch::io::Actions;

/// A recording that runs beside the dialplan.
#[derive(Debug)]
pub(super) struct Recording {
    pub sound: SoundId,
    /// What `StopMixMonitor` knows it by: all files of one `MixMonitor` share it.
    pub id: String,
    pub feature: Feature,
}

impl Switch {
    /// Begins a recording.
    pub(super) fn record(&mut self, id: ChannelId, record: Record, out: &mut Actions) -> SoundId {
        let sound = SoundId(self.calls.next_sound);
        self.calls.next_sound += 1;
        self.order_sound(id, SoundOrder::Record { id: sound, record: Box::new(record) }, out);
        sound
    }

    /// `MixMonitor`, `Monitor`: begins, and the dialplan goes on. The bridge's media comes in for it.
    pub(super) fn mix_monitor(
        &mut self,
        id: ChannelId,
        order: MixMonitor,
        out: &mut Actions,
    ) -> Option<Outcome> {
        let name = format!("{:#x}", self.calls.next_sound);
        if !self.begin_monitor(id, &order, &name, out) {
            return Some(Outcome::Done);
        }
        let mut set = vec![("MIXMONITOR_FILENAME".to_owned(), order.file)];
        set.extend(order.id_variable.map(|variable| (variable, name)));
        Some(Outcome::Variables { set, then: Box::new(Outcome::Done) })
    }

    /// Begins a recording beside the dialplan, under that name; `false`: there is nothing to write to.
    pub(super) fn begin_monitor(
        &mut self,
        id: ChannelId,
        order: &MixMonitor,
        name: &str,
        out: &mut Actions,
    ) -> bool {
        let feature = if order.is_monitor { Feature::Monitor } else { Feature::MixMonitor };
        let whole = if order.stereo { Sides::Stereo } else { Sides::Mixed };
        let files = [
            (Some(&order.file), whole),
            (order.heard.as_ref(), Sides::Heard),
            (order.said.as_ref(), Sides::Said),
        ];
        let mut begun = Vec::new();
        for (path, sides) in files {
            let Some(path) = path.filter(|path| !path.is_empty()) else { continue };
            let record = Record {
                path: path.as_str().into(),
                place: RecordPlace::Monitor,
                sides,
                append: order.append,
                only_bridged: order.only_bridged,
                silence: None,
                most: None,
                // One beep is enough.
                beep: order.beep.filter(|_| begun.is_empty()),
                volumes: order.volumes,
                // The program runs when the first file is complete.
                then: order.command.as_deref().filter(|_| begun.is_empty()).map(Box::from),
                lost_unended: false,
            };
            begun.push(self.record(id, record, out));
        }
        let Some(channel) = self.calls.channels.get_mut(&id).filter(|_| !begun.is_empty()) else {
            return false;
        };
        let place = channel.place().map(|at| format!("{}@{}:{}", at.exten, at.context, at.priority).into());
        channel.uses.push(Use { feature, place });
        let recordings = begun.into_iter().map(|sound| Recording { sound, id: name.to_owned(), feature });
        channel.sound.recordings.extend(recordings);
        if let Some(bridge) = channel.bridge {
            self.choose_later(bridge);
        }
        true
    }

    /// `StopMixMonitor`, `StopMonitor`.
    pub(super) fn stop_monitor(
        &mut self,
        id: ChannelId,
        which: &str,
        feature: Feature,
        out: &mut Actions,
    ) -> Option<Outcome> {
        let channel = self.calls.channels.get(&id)?;
        let meant = channel
            .sound
            .recordings
            .iter()
            .filter(|r| r.feature == feature && (which.is_empty() || r.id == which));
        for sound in meant.map(|recording| recording.sound).collect::<Vec<_>>() {
            self.stop_sound(id, sound, out);
        }
        Some(Outcome::Done)
    }

    /// A recording's file is complete: what kept the media here for it is over.
    pub(super) fn recording_over(&mut self, id: ChannelId, sound: SoundId) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        let Some(at) = channel.sound.recordings.iter().position(|recording| recording.sound == sound) else {
            return;
        };
        let ended = channel.sound.recordings.remove(at);
        if channel.sound.recordings.iter().any(|recording| recording.id == ended.id) {
            return;
        }
        if let Some(at) = channel.uses.iter().position(|used| used.feature == ended.feature) {
            channel.uses.remove(at);
        }
        if let Some(bridge) = channel.bridge {
            self.choose_later(bridge);
        }
    }

    /// `Record`, after its beep.
    pub(super) fn begin_record(&mut self, id: ChannelId, call: &RecordCall, out: &mut Actions) -> SoundId {
        let record = Record {
            path: call.file.as_str().into(),
            place: RecordPlace::Sounds,
            sides: Sides::Heard,
            append: call.append,
            only_bridged: false,
            silence: call.silence,
            most: call.most,
            beep: None,
            volumes: (0, 0),
            then: None,
            lost_unended: !call.keep,
        };
        self.record(id, record, out)
    }

    /// `Record` ended: its variables.
    pub(super) fn record_over(
        &mut self,
        _now: Now,
        id: ChannelId,
        call: &RecordCall,
        pressed: Option<char>,
        end: &SoundEnd,
    ) {
        let status = match (end, pressed) {
            (SoundEnd::Failed(_), _) => "ERROR",
            (SoundEnd::Silence, _) => "SILENCE",
            (SoundEnd::Done, _) => "TIMEOUT",
            (SoundEnd::Stopped, Some('0')) if call.operator => "OPERATOR",
            (SoundEnd::Stopped, _) => "DTMF",
        };
        let name = call.file.rsplit_once('.').map_or(call.file.as_str(), |(name, _)| name);
        let set = vec![("RECORDED_FILE".to_owned(), name.to_owned())];
        self.resume(id, Outcome::Variables { set, then: Box::new(Outcome::Status(status.into())) });
    }
}
