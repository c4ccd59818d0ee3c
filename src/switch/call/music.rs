//! Music on hold: which, to whom, and again after something else was heard.

use super::channel::ChannelId;
use crate::bridge::{FileOrder, Piece, SoundSource};
use crate::config::services::MusicMode;
use crate::switch::Switch;
use crate::switch::io::Actions;

impl Switch {
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

    /// Music to a channel that is held (`class` as the holder suggests), or no more. Its own class goes first. Direct
    /// media brings the held side home by itself, and leaves the holder's where it is.
    pub(super) fn hold_music(&mut self, id: ChannelId, class: Option<&str>, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        if class.is_none() && channel.is_told_to_hold {
            // Its partner's phone holds it, whatever else made it wait.
            return;
        }
        let plays = std::mem::replace(&mut channel.sound.is_held, class.is_some());
        let Some(class) = class else {
            if plays {
                self.hush(id, out);
            }
            return;
        };
        let own = channel.settings.music_class.clone();
        let class = if self.services.music.contains_key(&own) { &own } else { class };
        if let (false, Some(music)) = (plays, self.music(id, class)) {
            self.play_behind(id, music, out);
        }
    }

    /// Something else was heard by who is held: the music is heard again.
    pub(super) fn hold_music_again(&mut self, id: ChannelId, out: &mut Actions) {
        let holder = self.partner(id).and_then(|holder| self.calls.channels.get(&holder));
        let class = holder.map(|holder| holder.endpoint.options.moh_suggest.clone()).unwrap_or_default();
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        let busy = channel.suspended.is_some() || channel.service.is_some() || channel.bridge.is_none();
        if channel.sound.is_held && channel.sound.background.is_none() && !busy {
            channel.sound.is_held = false;
            self.hold_music(id, Some(&class), out);
        }
    }
}
