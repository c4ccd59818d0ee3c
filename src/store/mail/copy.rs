//! Messages come to mailboxes: recorded ones, copies in other folders, forwarded ones.

use super::folder::{Folder, same};
use super::program::Program;
use super::{Work, Worker, letter, message};
use crate::config::services::{Mailbox, VoicemailSettings};
use crate::voicemail::{Answer, Changes, KeptWhere, NewMessage, Order};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

impl Worker {
    /// A recorded message for each of its mailboxes. A full one gets none, and that is said.
    pub(super) fn keep(&mut self, new: &NewMessage) -> Work {
        let mut work = Work::default();
        let recording = PathBuf::from(&new.file);
        let mut copies = 0;
        for mailbox in &new.to {
            let text = message::write(&new.facts, mailbox, &mut self.clock);
            let folder = if new.facts.flag == "Urgent" { "Urgent" } else { "INBOX" };
            let kept = self.put((mailbox, folder), std::slice::from_ref(&recording), &text);
            copies += usize::from(self.told((mailbox, folder), kept, &new.settings, &mut work));
        }
        // It is in the mailboxes now, or nowhere.
        let _ = fs::remove_file(&recording);
        work.answer = Some(Answer::Kept(copies));
        work
    }

    /// Copies sound files and adds a message of them.
    fn put(
        &self,
        (mailbox, folder): (&Mailbox, &str),
        sounds: &[PathBuf],
        text: &str,
    ) -> io::Result<Option<usize>> {
        let dir = self.dir(mailbox);
        let tmp = dir.join("tmp");
        fs::create_dir_all(&tmp)?;
        let mut own = Vec::new();
        for sound in sounds {
            let copy = tmp.join("copy").with_extension(sound.extension().unwrap_or_default());
            // One that was left there is no reason to lose this one.
            let _ = fs::remove_file(&copy);
            same(sound, &copy)?;
            own.push(copy);
        }
        let added = Folder::of(&dir.join(folder)).add(&own, text, mailbox.options.maxmsg);
        for left in own {
            // Those that were taken are gone from here.
            let _ = fs::remove_file(left);
        }
        added
    }

    /// Whether a new message is there; its owner is written to.
    fn told(
        &mut self,
        (mailbox, folder): (&Arc<Mailbox>, &'static str),
        kept: io::Result<Option<usize>>,
        settings: &Arc<VoicemailSettings>,
        work: &mut Work,
    ) -> bool {
        let name = mailbox.full_name();
        match kept {
            Ok(Some(number)) => {
                work.changed.push((mailbox.clone(), settings.clone()));
                if let Err(why) = self.write_to(mailbox, (folder, number), settings) {
                    work.said.push(format!("No mail about a message for {name}: {why}"));
                }
                true
            }
            Ok(None) => {
                work.said.push(format!("Mailbox {name} is full: a message for it is not kept"));
                false
            }
            Err(fault) => {
                work.said.push(format!("A message for {name} is not kept: {fault}"));
                false
            }
        }
    }

    fn write_to(
        &mut self,
        mailbox: &Arc<Mailbox>,
        (folder, number): (&'static str, usize),
        settings: &Arc<VoicemailSettings>,
    ) -> io::Result<()> {
        if mailbox.email.is_empty() && mailbox.pager.is_empty() {
            return Ok(());
        }
        let place = Folder::of(&self.dir(mailbox).join(folder));
        let text = place.read_text(number)?;
        let about = letter::About::new(&text, number, mailbox, &settings.letters, &mut self.clock);
        let sound = place.sounds(number)?.into_iter().next().filter(|_| mailbox.options.attach);
        for address in mailbox.email.split('|').map(str::trim).filter(|address| !address.is_empty()) {
            let input = about.mail(address, sound.as_deref())?;
            let changes = vec![Changes { folder, deleted: vec![message::key(&text)], ..Changes::default() }];
            let close = || Order::Close { mailbox: mailbox.clone(), changes, settings: settings.clone() };
            let then = mailbox.options.delete.then(close);
            self.programs.run(Program { command: settings.letters.command.clone(), input, then });
        }
        if !mailbox.pager.is_empty() {
            let input = about.page(&mailbox.pager);
            self.programs.run(Program { command: settings.letters.command.clone(), input, then: None });
        }
        Ok(())
    }

    /// A message that is there is copied.
    pub(super) fn copy(
        &mut self,
        mailbox: &Arc<Mailbox>,
        (folder, key): (&str, &str),
        to: KeptWhere,
        settings: &Arc<VoicemailSettings>,
    ) -> Work {
        let from = Folder::of(&self.dir(mailbox).join(folder));
        let read = from.find(key).and_then(|found| {
            let Some(number) = found else { return Ok(None) };
            Ok(Some((from.read_text(number)?, from.sounds(number)?)))
        });
        let (text, sounds) = match read {
            Ok(Some(found)) => found,
            Ok(None) => return Work::answer(Answer::Kept(0)),
            Err(fault) => return self.fault(mailbox, &fault),
        };
        let mut work = Work::default();
        let copies = match to {
            KeptWhere::Folder(name) => match self.put((mailbox, name), &sounds, &text) {
                Ok(number) => {
                    work.changed.push((mailbox.clone(), settings.clone()));
                    usize::from(number.is_some())
                }
                Err(fault) => return self.fault(mailbox, &fault),
            },
            KeptWhere::Boxes(boxes) => {
                let mut copies = 0;
                for (at, other) in boxes.iter().enumerate() {
                    let since = UNIX_EPOCH.elapsed().unwrap_or_default();
                    let serial = u64::from(since.subsec_nanos()) << 8 | at as u64 & 0xff;
                    let new = message::renewed(&text, since.as_secs(), serial);
                    let kept = self.put((other, "INBOX"), &sounds, &new);
                    copies += usize::from(self.told((other, "INBOX"), kept, settings, &mut work));
                }
                copies
            }
        };
        work.answer = Some(Answer::Kept(copies));
        work
    }
}

/// Whether a file is small enough to be sent.
pub(super) fn attachable(sound: &Path) -> io::Result<bool> {
    Ok(fs::metadata(sound)?.len() <= crate::base::limits::VOICEMAIL_ATTACHED_BYTES)
}
