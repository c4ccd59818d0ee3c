//! Voicemail directories in Asterisk's layout: `CONTEXT/BOX/INBOX/msg0000.txt` is a new message, `…/Old/…` a heard one,
//! `…/Urgent/…` a new one too. Looked at from time to time; only a directory whose time stamp changed is read again.

use crate::base::limits;
use crate::pubsub::Counts;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What is known of a spool of mailboxes.
#[derive(Debug)]
pub struct Spool {
    root: PathBuf,
    boxes: BTreeMap<String, Known>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Known {
    stamps: [Option<SystemTime>; FOLDERS.len()],
    counts: Counts,
}

/// Folders, and whether their messages are new.
const FOLDERS: [(&str, bool); 3] = [("INBOX", true), ("Urgent", true), ("Old", false)];

impl Spool {
    /// The spool below `root`; nothing is read yet, and the directory need not be there.
    pub fn new(root: &Path) -> Spool {
        Spool { root: root.to_owned(), boxes: BTreeMap::new() }
    }

    /// Mailboxes whose counts changed since the last look, by name (`box@context`). One that is gone has none.
    pub fn look(&mut self) -> Vec<(String, Counts)> {
        let mut changed = Vec::new();
        let mut seen = BTreeMap::new();
        for context in folders(&self.root) {
            for mailbox in folders(&context) {
                let (Some(name), Some(context)) = (file_name(&mailbox), file_name(&context)) else {
                    continue;
                };
                if seen.len() >= limits::MAILBOXES {
                    break;
                }
                let name = format!("{name}@{context}");
                let before = self.boxes.remove(&name);
                let now = look_at(&mailbox, before.unwrap_or_default());
                // A mailbox is told of when it is first seen: what an earlier life wrote down of it may be wrong by now.
                if before.is_none_or(|before| before.counts != now.counts) {
                    changed.push((name.clone(), now.counts));
                }
                seen.insert(name, now);
            }
        }
        let gone = std::mem::replace(&mut self.boxes, seen);
        let had = gone.into_iter().filter(|(_, known)| known.counts != Counts::default());
        changed.extend(had.map(|(name, _)| (name, Counts::default())));
        changed
    }
}

fn look_at(mailbox: &Path, before: Known) -> Known {
    let stamp =
        |(folder, _): (&str, bool)| fs::metadata(mailbox.join(folder)).and_then(|m| m.modified()).ok();
    let stamps = FOLDERS.map(stamp);
    // A file that came within the clock's grain of the last look leaves the stamp as it was; such a folder is read again.
    let fresh = stamps.iter().flatten().any(|at| at.elapsed().is_ok_and(|age| age.as_secs() < 2));
    if stamps == before.stamps && !fresh {
        return before;
    }
    let mut counts = Counts::default();
    for (folder, new) in FOLDERS {
        let messages = messages(&mailbox.join(folder));
        if new { counts.new += messages } else { counts.old += messages }
    }
    Known { stamps, counts }
}

/// Files `msgNNNN.txt`: app_voicemail writes that one last, when the message is whole.
fn messages(folder: &Path) -> u32 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let names =
        entries.take(limits::MAILBOX_MESSAGES).filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let is_message = |name: &String| {
        let digits = name.strip_prefix("msg").and_then(|rest| rest.strip_suffix(".txt"));
        digits.is_some_and(|digits| digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit()))
    };
    u32::try_from(names.filter(is_message).count()).unwrap_or(u32::MAX)
}

fn folders(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(path) else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries
        .take(limits::MAILBOXES)
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|p| p.is_dir())
        .collect();
    found.sort_unstable();
    found
}

fn file_name(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_counted_as_they_come_and_go() {
        let root = std::env::temp_dir().join(format!("jackfield-spool-{}", std::process::id()));
        let inbox = root.join("default/100/INBOX");
        let old = root.join("default/100/Old");
        let mut spool = Spool::new(&root);
        assert!(spool.look().is_empty(), "no spool, no mailboxes");
        fs::create_dir_all(&inbox).expect("made");
        fs::create_dir_all(&old).expect("made");
        assert_eq!(spool.look(), [("100@default".to_owned(), Counts::default())]);
        assert!(spool.look().is_empty());
        for name in ["msg0000.txt", "msg0000.wav", "msg0001.txt", "msgx.txt", "greet.txt"] {
            fs::write(inbox.join(name), "").expect("written");
        }
        assert_eq!(spool.look(), [("100@default".to_owned(), Counts { new: 2, old: 0 })]);
        assert!(spool.look().is_empty());
        fs::rename(inbox.join("msg0001.txt"), old.join("msg0000.txt")).expect("moved");
        assert_eq!(spool.look(), [("100@default".to_owned(), Counts { new: 1, old: 1 })]);
        fs::remove_dir_all(&root).expect("removed");
        assert_eq!(spool.look(), [("100@default".to_owned(), Counts::default())]);
    }
}
