//! How long sound may wait for audio that nobody agreed on yet.

use super::channel::ChannelId;
use super::sound::begins;
use crate::base::time::Now;
use crate::bridge::SoundOrder;
use crate::switch::Switch;
use std::time::Duration;

/// How long something that is waited for may itself wait for a channel's audio: longer than phones take to agree on it.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

impl Switch {
    /// What waited for audio that did not come is given up, if somebody waits for its end. A recording beside the
    /// dialplan, and music while it rings, may wait for the answer.
    pub(super) fn patience_due(&mut self, now: Now, id: ChannelId) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        if channel.sound.patience.is_none_or(|at| at > now.at) {
            return;
        }
        channel.sound.patience = None;
        let (sound, local) = (&mut channel.sound, channel.local.is_some());
        let (background, recordings) = (sound.background, &sound.recordings);
        let awaited = |order: &mut SoundOrder| match begins(order) {
            Some(id) => background != Some(id) && recordings.iter().all(|recording| recording.sound != id),
            None => false,
        };
        let given_up: Vec<_> = sound.waiting.extract_if(.., awaited).filter_map(|o| begins(&o)).collect();
        let why = if local { "no phone is behind it" } else { "no audio is agreed on" };
        for sound in given_up {
            self.refuse_sound(id, Some(sound), why);
        }
    }
}
