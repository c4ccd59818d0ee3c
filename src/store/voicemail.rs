//! Voicemail directories in Asterisk's layout: `CONTEXT/BOX/INBOX/msg0000.txt` is a new message, `…/Old/…` a heard one,
//! `…/Urgent/…` a new one too. Looked at from time to time; only a directory whose time stamp changed is read again.

use crate::base::limits;
use crate::pubsub::Counts;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What is known of a spool of mailboxes.
#[derive(Debug)]
pub struct Spool {
    root: PathBuf,
    boxes: BTreeMap<String, Known>,
    /// The first thing that could not be read at the last look.
    fault: Option<String>,
    news: bool,
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
        Spool { root: root.to_owned(), boxes: BTreeMap::new(), fault: None, news: false }
    }

    /// Mailboxes whose counts changed since the last look, by name (`box@context`). One that is gone has none; one that
    /// cannot be read keeps what was known of it.
    pub fn look(&mut self) -> Vec<(String, Counts)> {
        let mut changed = Vec::new();
        let mut seen = BTreeMap::new();
        let mut fault = None;
        for context in self.readable(&self.root, "", &mut seen, &mut fault) {
            let Some(name) = file_name(&context).map(str::to_owned) else { continue };
            for mailbox in self.readable(&context, &name, &mut seen, &mut fault) {
                let Some(own) = file_name(&mailbox) else { continue };
                if seen.len() >= limits::MAILBOXES {
                    break;
                }
                let name = format!("{own}@{name}");
                let before = self.boxes.remove(&name);
                let now = look_at(&mailbox, before.unwrap_or_default()).unwrap_or_else(|error| {
                    fault.get_or_insert(format!("{}: {error}", mailbox.display()));
                    before
                });
                // One that was never read is not known to be empty.
                let Some(now) = now else { continue };
                // A mailbox is told of when it is first seen: what an earlier life wrote down of it may be wrong by now.
                if before.is_none_or(|before| before.counts != now.counts) {
                    changed.push((name.clone(), now.counts));
                }
                seen.insert(name, now);
            }
        }
        let gone = std::mem::replace(&mut self.boxes, seen);
        let over = |(name, known): &(String, Known)| {
            known.counts != Counts::default() && !self.boxes.contains_key(name)
        };
        let had: Vec<(String, Known)> = gone.into_iter().filter(over).collect();
        changed.extend(had.into_iter().map(|(name, _)| (name, Counts::default())));
        self.news = fault != self.fault;
        self.fault = fault;
        changed
    }

    /// What cannot be read, when that is news; `None` within: all can be read again.
    pub fn fault(&self) -> Option<Option<&str>> {
        self.news.then_some(self.fault.as_deref())
    }

    /// The folders in a folder. When they cannot be listed, what is known of its mailboxes stands.
    fn readable(
        &self,
        path: &Path,
        context: &str,
        seen: &mut BTreeMap<String, Known>,
        fault: &mut Option<String>,
    ) -> Vec<PathBuf> {
        folders(path).unwrap_or_else(|error| {
            fault.get_or_insert(format!("{}: {error}", path.display()));
            let inside = |name: &str| context.is_empty() || name.ends_with(&format!("@{context}"));
            seen.extend(
                self.boxes
                    .iter()
                    .filter(|(name, _)| inside(name))
                    .map(|(name, known)| (name.clone(), *known)),
            );
            Vec::new()
        })
    }
}

/// The messages of one mailbox now: new, urgent, heard.
pub(super) fn count(mailbox: &Path) -> io::Result<[u32; 3]> {
    let mut counts = [0; FOLDERS.len()];
    for (count, (folder, _)) in counts.iter_mut().zip(FOLDERS) {
        *count = messages(&mailbox.join(folder))?;
    }
    Ok(counts)
}

fn look_at(mailbox: &Path, before: Known) -> io::Result<Option<Known>> {
    let mut stamps = [None; FOLDERS.len()];
    for (stamp, (folder, _)) in stamps.iter_mut().zip(FOLDERS) {
        *stamp = absent(fs::metadata(mailbox.join(folder)).and_then(|metadata| metadata.modified()))?;
    }
    // A file that came within the clock's grain of the last look leaves the stamp as it was; such a folder is read again.
    let fresh = stamps.iter().flatten().any(|at| at.elapsed().is_ok_and(|age| age.as_secs() < 2));
    if stamps == before.stamps && !fresh {
        return Ok(Some(before));
    }
    let mut counts = Counts::default();
    for (folder, new) in FOLDERS {
        let messages = messages(&mailbox.join(folder))?;
        if new { counts.new += messages } else { counts.old += messages }
    }
    Ok(Some(Known { stamps, counts }))
}

/// What is not there is no fault.
fn absent<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Files `msgNNNN.txt`: app_voicemail writes that one last, when the message is whole.
fn messages(folder: &Path) -> io::Result<u32> {
    let Some(entries) = absent(fs::read_dir(folder))? else { return Ok(0) };
    let mut count = 0;
    for entry in entries.take(limits::MAILBOX_MESSAGES) {
        let name = entry?.file_name();
        let digits = name.to_str().and_then(|name| name.strip_prefix("msg")?.strip_suffix(".txt"));
        count += u32::from(
            digits.is_some_and(|digits| digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit())),
        );
    }
    Ok(count)
}

fn folders(path: &Path) -> io::Result<Vec<PathBuf>> {
    let Some(entries) = absent(fs::read_dir(path))? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for entry in entries.take(limits::MAILBOXES) {
        let path = entry?.path();
        if path.is_dir() {
            found.push(path);
        }
    }
    found.sort_unstable();
    Ok(found)
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

    /// A spool that cannot be read for a while puts out no light.
    #[test]
    fn what_cannot_be_read_stands() {
        let root = std::env::temp_dir().join(format!("jackfield-spool-odd-{}", std::process::id()));
        let inbox = root.join("default/100/INBOX");
        fs::create_dir_all(&inbox).expect("made");
        fs::write(inbox.join("msg0000.txt"), "").expect("written");
        let mut spool = Spool::new(&root);
        assert_eq!(spool.look(), [("100@default".to_owned(), Counts { new: 1, old: 0 })]);
        assert_eq!(spool.fault(), None);
        // A file where a folder was: listing it fails, whoever asks.
        for place in ["default/100/INBOX", "default", ""] {
            let (path, aside) = (root.join(place), root.with_extension("aside"));
            let path = PathBuf::from(path.to_string_lossy().trim_end_matches('/'));
            fs::rename(&path, &aside).expect("moved");
            fs::write(&path, "").expect("written");
            let expected: &[(String, Counts)] = &[];
            let looked = spool.look();
            if place == "default" {
                // A context that is no folder is no context.
                assert_eq!(looked, [("100@default".to_owned(), Counts::default())]);
            } else {
                assert_eq!((looked.as_slice(), spool.fault().is_some()), (expected, true), "{place}");
            }
            fs::remove_file(&path).expect("removed");
            fs::rename(&aside, &path).expect("moved back");
            let again = spool.look();
            assert_eq!(again.len(), usize::from(place == "default"), "{place}: {again:?}");
        }
        fs::remove_dir_all(&root).expect("removed");
    }
}
