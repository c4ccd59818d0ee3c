//! Mailboxes for calls: a thread that carries out what a call orders ([`crate::voicemail::Order`]), one order after the
//! other, so that no two ever renumber a folder at once; and a few threads that run mail programs.
//!
//! ```text
//! spool/voicemail/CONTEXT/BOX/INBOX/msg0000.wav   the words
//!                                  /msg0000.txt   who, when, how long: there last, gone first, and what counts
//!                            /tmp/…               what is being recorded
//!                            /unavail.wav …       greetings
//! ```
//! Whatever moment the program is killed at: a message that counts is whole, and a message that was whole still counts.

mod copy;
mod folder;
mod letter;
mod message;
mod password;
mod program;
mod said;

use crate::base::limits;
use crate::config::services::{Mailbox, VoicemailSettings};
use crate::voicemail::{Answer, Changes, Count, FOLDERS, Greetings, Opened, Order, Told};
use folder::Folder;
use program::{Program, Programs};
use said::Clock;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Recordings that nobody finished are removed after so long.
const FORGOTTEN: Duration = Duration::from_secs(24 * 3600);

/// What answers are given to: the order's token, and what came of it. Called on the thread.
pub type Tell = Box<dyn FnMut(Option<u64>, Told) + Send>;

/// A running thread. Dropping it carries out what waits, and ends it.
#[derive(Debug)]
pub struct MailStore {
    jobs: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
}

/// An order, and who asked.
#[derive(Debug)]
struct Job {
    token: Option<u64>,
    order: Order,
}

impl MailStore {
    /// Starts the thread for the mailboxes below `spool`; `conf` is where `voicemail.conf` is.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn start(spool: PathBuf, conf: PathBuf, tell: Tell) -> io::Result<MailStore> {
        let (jobs, receiver) = mpsc::sync_channel(limits::VOICEMAIL_JOBS);
        let programs = Programs::start(jobs.clone());
        let worker = Worker { spool, conf, tell, programs, clock: Clock::default() };
        let thread =
            std::thread::Builder::new().name("voicemail".into()).spawn(move || worker.run(&receiver))?;
        Ok(MailStore { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Hands an order over; it never waits.
    ///
    /// # Errors
    /// There is too much to do: the answer is this.
    pub fn push(&self, token: u64, order: Order) -> Result<(), Told> {
        let Some(jobs) = &self.jobs else { return Ok(()) };
        let job = Job { token: Some(token), order };
        jobs.try_send(job).map_err(|fault| {
            let why = match fault {
                TrySendError::Full(_) => "the thread that reads and writes mailboxes is behind",
                TrySendError::Disconnected(_) => "the thread that reads and writes mailboxes has ended",
            };
            Told {
                answer: Some(Answer::Failed(why.to_owned())),
                counts: Vec::new(),
                said: vec![why.to_owned()],
            }
        })
    }
}

impl Drop for MailStore {
    fn drop(&mut self) {
        if let Some(jobs) = self.jobs.take() {
            // The programs' threads have senders of their own: the end is an order, too.
            let end = Job { token: None, order: Order::Discard { file: String::new() } };
            let _ = jobs.send(end);
        }
        if let Some(thread) = self.thread.take() {
            // The thread cannot panic; if it did, it said so.
            let _ = thread.join();
        }
    }
}

struct Worker {
    spool: PathBuf,
    conf: PathBuf,
    tell: Tell,
    programs: Programs,
    clock: Clock,
}

/// What one order leads to.
#[derive(Default)]
struct Work {
    answer: Option<Answer>,
    /// Mailboxes whose messages changed, and what is run then.
    changed: Vec<(Arc<Mailbox>, Arc<VoicemailSettings>)>,
    said: Vec<String>,
}

impl Work {
    fn answer(answer: Answer) -> Work {
        Work { answer: Some(answer), ..Work::default() }
    }

    fn failed(why: String) -> Work {
        Work { answer: Some(Answer::Failed(why.clone())), said: vec![why], ..Work::default() }
    }
}

impl Worker {
    fn run(mut self, jobs: &Receiver<Job>) {
        while let Ok(Job { token, order }) = jobs.recv() {
            if matches!(&order, Order::Discard { file } if file.is_empty()) {
                return self.programs.finish();
            }
            let Work { answer, changed, mut said } = self.carry_out(order);
            let mut counts = Vec::new();
            for (mailbox, settings) in changed {
                match self.count(&mailbox, &settings) {
                    Ok(count) => counts.push(count),
                    Err(fault) => said.push(fault),
                }
            }
            said.extend(self.programs.lost());
            if answer.is_some() || !counts.is_empty() || !said.is_empty() {
                (self.tell)(token, Told { answer, counts, said });
            }
        }
    }

    fn carry_out(&mut self, order: Order) -> Work {
        match order {
            Order::Greet(mailbox) => {
                let found = self.greetings(&mailbox);
                found
                    .map_or_else(|fault| self.fault(&mailbox, &fault), |g| Work::answer(Answer::Greetings(g)))
            }
            Order::Keep(message) => self.keep(&message),
            Order::Discard { file } => {
                // It may be gone, or never have been there.
                let _ = fs::remove_file(file);
                Work::default()
            }
            Order::Open { mailbox, folder, zone } => {
                let found = self.open(&mailbox, folder, zone.as_ref());
                found.map_or_else(
                    |fault| self.fault(&mailbox, &fault),
                    |opened| Work::answer(Answer::Opened(Box::new(opened))),
                )
            }
            Order::Find { mailbox, folder, key } => {
                let folder = Folder::of(&self.dir(&mailbox).join(folder));
                match folder.find(&key) {
                    Ok(found) => Work::answer(Answer::At(
                        found.map(|number| folder.base(number).to_string_lossy().into_owned()),
                    )),
                    Err(fault) => self.fault(&mailbox, &fault),
                }
            }
            Order::Copy { mailbox, folder, key, to, settings } => {
                self.copy(&mailbox, (folder, &key), to, &settings)
            }
            Order::Close { mailbox, changes, settings } => self.close(&mailbox, &changes, settings),
            Order::Install { mailbox, file, name } => match self.install(&mailbox, file.as_deref(), name) {
                Ok(()) => Work::answer(Answer::Done),
                Err(fault) => self.fault(&mailbox, &fault),
            },
            Order::Names(boxes) => {
                let named = |mailbox: &Arc<Mailbox>| {
                    let dir = self.dir(mailbox);
                    let stems = folder::stems(&dir).unwrap_or_default();
                    stems.contains("greet").then(|| dir.join("greet").to_string_lossy().into_owned())
                };
                Work::answer(Answer::Names(boxes.iter().map(named).collect()))
            }
            Order::Password { mailbox, password, settings } => {
                let dir = self.dir(&mailbox);
                match password::write((&self.conf, &dir), &mailbox, &password, settings.passwords) {
                    Ok(()) => Work::answer(Answer::Done),
                    Err(why) => Work::failed(format!("Password of {}: {why}", mailbox.full_name())),
                }
            }
        }
    }

    fn fault(&self, mailbox: &Mailbox, fault: &io::Error) -> Work {
        Work::failed(format!("Mailbox {}: {fault}", self.dir(mailbox).display()))
    }

    fn dir(&self, mailbox: &Mailbox) -> PathBuf {
        self.spool.join(&mailbox.context).join(&mailbox.name)
    }

    /// The messages of a mailbox, told; whoever wants to know it is told as well.
    fn count(&mut self, mailbox: &Arc<Mailbox>, settings: &VoicemailSettings) -> Result<Count, String> {
        let dir = self.dir(mailbox);
        let counted = super::voicemail::count(&dir);
        let [new, urgent, old] = counted.map_err(|fault| format!("{}: {fault}", dir.display()))?;
        if !settings.notify.is_empty() {
            let (context, name) = (&mailbox.context, &mailbox.name);
            let command = format!("{} {context} {name} {new} {old} {urgent}", settings.notify);
            self.programs.run(Program { command, input: Vec::new(), then: None });
        }
        Ok(Count { mailbox: mailbox.full_name(), new: new + urgent, old })
    }

    fn greetings(&self, mailbox: &Mailbox) -> io::Result<Greetings> {
        let dir = self.dir(mailbox);
        fs::create_dir_all(dir.join("tmp"))?;
        forget_old(&dir.join("tmp"));
        let names = folder::stems(&dir)?;
        Ok(Greetings {
            unavail: names.contains("unavail"),
            busy: names.contains("busy"),
            greet: names.contains("greet"),
            temp: names.contains("temp"),
            messages: Folder::of(&dir.join("INBOX")).numbers()?.len(),
            dir: dir.to_string_lossy().into_owned(),
        })
    }

    fn open(
        &mut self,
        mailbox: &Mailbox,
        folder: usize,
        zone: Option<&crate::config::services::VoicemailZone>,
    ) -> io::Result<Opened> {
        let dir = self.dir(mailbox);
        let greetings = self.greetings(mailbox)?;
        let [new, urgent, old] = super::voicemail::count(&dir)?;
        let named = FOLDERS[folder.min(FOLDERS.len() - 1)];
        let mut messages = Vec::new();
        let urgent_first = (folder == 0).then_some("Urgent");
        for name in urgent_first.into_iter().chain([named]) {
            for (_, text) in Folder::of(&dir.join(name)).read()? {
                messages.push(message::told(&text, name, &mut self.clock, zone));
            }
        }
        let counts = ((new + urgent) as usize, old as usize);
        Ok(Opened { greetings, secret: password::secret(&dir), counts, messages })
    }

    /// What a session leaves: deleted ones go, heard ones move, the rest closes up.
    fn close(
        &mut self,
        mailbox: &Arc<Mailbox>,
        changes: &[Changes],
        settings: Arc<VoicemailSettings>,
    ) -> Work {
        let dir = self.dir(mailbox);
        let mut work = Work::default();
        for change in changes {
            if let Err(fault) = self.close_folder(mailbox, &dir, change) {
                work.said.push(format!("{}: {fault}", dir.join(change.folder).display()));
            }
        }
        work.changed.push((mailbox.clone(), settings));
        work
    }

    fn close_folder(&mut self, mailbox: &Mailbox, dir: &Path, change: &Changes) -> io::Result<()> {
        let folder = Folder::of(&dir.join(change.folder));
        let old = Folder::of(&dir.join("Old"));
        for (number, text) in folder.read()? {
            let key = message::key(&text);
            if change.deleted.contains(&key) {
                folder.remove(number)?;
            } else if change.heard.contains(&key) {
                // A full folder loses its oldest message, as in app_voicemail.
                while old.numbers()?.len() >= mailbox.options.maxmsg.max(1) {
                    let Some(first) = old.numbers()?.first().copied() else { break };
                    old.remove(first)?;
                    old.close_up()?;
                }
                folder.transfer(number, &old)?;
            }
        }
        folder.close_up()
    }

    /// A greeting takes its place in one step; other formats of an older one go.
    fn install(&self, mailbox: &Mailbox, file: Option<&str>, name: &str) -> io::Result<()> {
        let dir = self.dir(mailbox);
        let mut kept = None;
        if let Some(file) = file.map(Path::new) {
            let extension = file.extension().unwrap_or_default();
            let place = dir.join(name).with_extension(extension);
            folder::synced(file)?;
            fs::rename(file, &place)?;
            kept = Some(place);
        }
        for path in folder::files_of(&dir, name)? {
            if Some(&path) != kept.as_ref() {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }
}

/// Recordings of a program that was killed.
fn forget_old(tmp: &Path) {
    let Ok(entries) = fs::read_dir(tmp) else { return };
    for entry in entries.flatten().take(limits::MAILBOX_MESSAGES) {
        let written = entry.metadata().and_then(|metadata| metadata.modified());
        let age = written.ok().and_then(|at| at.elapsed().ok());
        if age.is_some_and(|age| age > FORGOTTEN) {
            // What cannot be removed stays.
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests;
