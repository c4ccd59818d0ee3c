//! Sound files: one thread reads and writes them all, so that no media thread ever waits for a disk. Samples pass in
//! blocks through bounded rings; a block goes back when it is used, so that nothing is allocated while sound runs.
//!
//! ```text
//! media thread                          file thread
//!   Reading ◀── blocks of 100 ms ──────── Source ◀── open, decode, resample
//!           ─── empty ones ──────────────▶
//!   Writing ─── blocks of 100 ms ──────▶ Sink ──▶ encode, write, header every second
//!           ◀── empty ones ───────────────
//! ```

mod finder;
mod ring;
mod sink;
mod source;

pub use finder::Directories;
pub(super) use ring::{Reading, Writing};

use super::Watched;
use super::ear::Ear;
use crate::base::limits;
use crate::bridge::{FileOrder, MediaEvent, PortId, PromptOrder, Record, RecordPlace, SoundId};
use ring::{Filling, Taking};
use sink::Sink;
use source::Source;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often open files are looked after.
const LOOK: Duration = Duration::from_millis(20);

/// Whether there is a prompt does not depend on the rate it is wanted at.
const TELEPHONE_RATE: u32 = 8_000;

/// Something new to be read or written.
#[derive(Debug)]
enum Job {
    Read(Box<FileOrder>, u32, Filling),
    Write(Box<Record>, u32, Taking, (PortId, SoundId, Ear)),
    Remove(Box<str>, RecordPlace),
    Prompt(PromptOrder, Ear),
}

/// The way to the file thread.
#[derive(Clone, Debug)]
pub(super) struct Files {
    jobs: mpsc::SyncSender<Job>,
}

impl Files {
    /// Starts the thread. It ends, with all files complete, when the last handle is dropped.
    pub fn start(directories: Directories, watched: Watched) -> io::Result<(Files, JoinHandle<()>)> {
        let (jobs, receiver) = mpsc::sync_channel(limits::SOUND_JOBS);
        let directories = Arc::new(directories);
        let thread = std::thread::Builder::new().name("sound-files".into()).spawn(move || {
            let _watched = watched;
            run(&receiver, &directories);
        })?;
        Ok((Files { jobs }, thread))
    }

    /// Begins to read files for a leg of that rate.
    ///
    /// # Errors
    /// The thread has too much to do.
    pub fn read(&self, order: FileOrder, rate: u32) -> Result<Reading, String> {
        let (reading, filling) = ring::reading(rate);
        self.begin(Job::Read(Box::new(order), rate, filling))?;
        Ok(reading)
    }

    /// Begins to write a file of a leg of that rate.
    ///
    /// # Errors
    /// The thread has too much to do.
    pub fn write(
        &self,
        record: &Record,
        rate: u32,
        whose: (PortId, SoundId, Ear),
    ) -> Result<Writing, String> {
        let channels = if record.sides == crate::bridge::Sides::Stereo { 2 } else { 1 };
        let (writing, taking) = ring::writing(rate * channels);
        self.begin(Job::Write(Box::new(record.clone()), rate, taking, whose))?;
        Ok(writing)
    }

    /// Removes a recording, once what reads it by now has opened it. A thread that is too busy leaves it there.
    pub fn remove(&self, path: Box<str>, place: RecordPlace) {
        let _ = self.begin(Job::Remove(path, place));
    }

    /// Looks for a prompt, or removes it; a question's answer goes to `ear`.
    ///
    /// # Errors
    /// The thread has too much to do.
    pub fn prompt(&self, order: PromptOrder, ear: Ear) -> Result<(), String> {
        self.begin(Job::Prompt(order, ear))
    }

    fn begin(&self, job: Job) -> Result<(), String> {
        self.jobs
            .try_send(job)
            .map_err(|_| "the thread that reads and writes sound files is behind".to_owned())
    }
}

fn run(jobs: &mpsc::Receiver<Job>, directories: &Arc<Directories>) {
    let (mut sources, mut sinks): (Vec<Source>, Vec<Sink>) = (Vec::new(), Vec::new());
    let mut open = true;
    let mut removed = Vec::new();
    while open || !sinks.is_empty() {
        let first = if sources.is_empty() && sinks.is_empty() {
            jobs.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            jobs.recv_timeout(LOOK)
        };
        if first == Err(RecvTimeoutError::Disconnected) {
            open = false;
            sources.clear();
            // Those who recorded have ended too: what they left is written in the next look.
            std::thread::sleep(if sinks.is_empty() { Duration::ZERO } else { Duration::from_millis(1) });
        }
        for job in first.into_iter().chain(jobs.try_iter().take(limits::SOUND_JOBS)) {
            match job {
                Job::Read(order, rate, filling) => {
                    sources.push(Source::new(*order, rate, filling, Arc::clone(directories)));
                }
                Job::Write(record, rate, taking, whose) => {
                    sinks.push(Sink::new(*record, rate, taking, whose, directories));
                }
                Job::Remove(path, place) => removed.push(directories.recorded(&path, place)),
                Job::Prompt(PromptOrder::Find { token, name, language }, ear) => {
                    let found = directories.prompt(&name, &language, TELEPHONE_RATE).is_some();
                    // Whoever asked does not wait for ever: with no room for the answer it is as if there were none.
                    let _ = ear.try_send(MediaEvent::PromptFound { token, found });
                }
                Job::Prompt(PromptOrder::Remove { name }, _) => directories.remove_prompt(&name),
            }
        }
        sources.retain_mut(|source| !source.fill());
        for path in removed.drain(..) {
            // One that was never written is not there to be removed.
            let _ = std::fs::remove_file(path);
        }
        sinks.retain_mut(|sink| !sink.drain());
    }
}

impl PartialEq for Job {
    /// Jobs are compared only inside results of which the error matters.
    fn eq(&self, _: &Job) -> bool {
        false
    }
}
