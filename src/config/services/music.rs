//! `musiconhold.conf`: what is played to who waits.

use super::{Services, truth};
use crate::config::conf::Tree;
use crate::config::finding::Finding;
use std::collections::BTreeMap;

/// A class of music.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Music {
    /// Where its sound comes from.
    pub mode: MusicMode,
    /// `announcement`: played before and between.
    pub announcement: Option<String>,
    /// `digit`: chooses this class.
    pub digit: Option<char>,
}

/// Where music comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MusicMode {
    /// The files of a directory.
    Files {
        /// Absolute, or relative to the data directory.
        directory: String,
        /// `sort=random`, `random=yes`: in an order drawn anew.
        shuffled: bool,
    },
    /// `mode=playlist`: these files, in this order.
    Playlist(Vec<String>),
}

pub(super) fn built_in() -> BTreeMap<String, Music> {
    let mode = MusicMode::Files { directory: "moh".to_owned(), shuffled: false };
    BTreeMap::from([("default".to_owned(), Music { mode, announcement: None, digit: None })])
}

pub(super) fn read(tree: &Tree, services: &mut Services, findings: &mut Vec<Finding>) {
    for section in tree.sections().filter(|s| !s.is_template() && s.name() != "general") {
        let value = |name: &str| section.entries().filter(|entry| entry.name == name).last();
        let text = |name: &str| value(name).map(|entry| entry.value.to_owned());
        let shuffled = text("sort").is_some_and(|sort| sort.starts_with("rand"))
            || text("random").is_some_and(|random| truth(&random));
        let mode = match text("mode").as_deref() {
            None | Some("files") => {
                let directory = text("directory").unwrap_or_else(|| "moh".to_owned());
                Some(MusicMode::Files { directory, shuffled })
            }
            Some("playlist") => {
                let entries = section.entries().filter(|entry| entry.name == "entry");
                Some(MusicMode::Playlist(entries.map(|entry| entry.value.to_owned()).collect()))
            }
            Some(other) => {
                let message = format!(
                    "class {}: mode={other} is not obeyed by this version (files and playlist are); it has no music",
                    section.name()
                );
                let at = value("mode").map_or(section.at(), |entry| entry.at);
                findings.push(Finding::warning("later-option", at, message));
                None
            }
        };
        for entry in section.entries() {
            let known = ["mode", "directory", "sort", "random", "announcement", "digit", "entry", "format"];
            if !known.contains(&entry.name) {
                let message =
                    format!("class {}: {} is not obeyed by this version", section.name(), entry.name);
                findings.push(Finding::note("later-option", entry.at, message));
            }
        }
        if let Some(mode) = mode {
            let digit = text("digit").and_then(|digit| digit.chars().next());
            let music = Music { mode, announcement: text("announcement"), digit };
            services.music.insert(section.name().to_owned(), music);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Services;
    use super::*;
    use crate::config::files::MemoryFiles;
    use crate::config::origin::Sources;

    #[test]
    fn classes_are_read_and_what_is_not_obeyed_is_said() {
        let text = "[default]\nmode=files\ndirectory=/srv/moh\nsort=random\n[queue]\nmode=playlist\nentry=a\nentry=b\n\
                    [stream]\nmode=custom\napplication=/usr/bin/mpg123\n";
        let files = MemoryFiles::new().with("musiconhold.conf", text);
        let (mut sources, mut findings) = (Sources::new(), Vec::new());
        let music = Services::read(&files, &mut sources, &mut findings).music;
        assert_eq!(music["default"].mode, MusicMode::Files { directory: "/srv/moh".into(), shuffled: true });
        assert_eq!(music["queue"].mode, MusicMode::Playlist(vec!["a".into(), "b".into()]));
        assert!(!music.contains_key("stream"));
        assert_eq!(findings.len(), 2);
    }
}
