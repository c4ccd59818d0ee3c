//! Music on hold: the classes of `musiconhold.conf`.

use super::channel::ChannelId;
use crate::bridge::{FileOrder, Piece, SoundSource};
use crate::config::services::MusicMode;
use crate::switch::Switch;

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
}
