//! The store of registered contacts: a thread that commits changes in groups and reports what is on disk.
//!
//! ```text
//!  shard ── push, push, flush ──► inbox (bounded) ──► thread: commit one group per wake-up ──► report(Committed …)
//! ```
//! A flush never waits: when the inbox is full, the changes stay with their shard, in order, until the next one.

use super::committer::{Backend, Committer, Counters, Report};
use super::fault::{Fault, Health, wall_now};
use super::journal::{Journal, Loaded};
use crate::base::limits::STORE_QUEUE;
use crate::base::time::{Moment, Now};
use crate::registrar::binding::ContactChange;
use serde::Serialize;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long closing tries to write what is still waiting.
const CLOSE_PATIENCE: Duration = Duration::from_secs(3);

/// State of the store, for `show status`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Whether it works, else since when not and why.
    pub health: Health,
    /// What it did.
    pub counters: Counters,
}

/// A running store. Dropping it closes it.
#[derive(Debug)]
pub struct ContactStore {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// One shard's way in.
#[derive(Debug)]
pub struct Writer {
    shared: Arc<Shared>,
    shard: u16,
    held: Vec<(u64, ContactChange)>,
}

#[derive(Debug, Default)]
struct Shared {
    inbox: Mutex<Inbox>,
    arrived: Condvar,
    status: Mutex<Status>,
}

#[derive(Debug, Default)]
struct Inbox {
    changes: Vec<(u16, u64, ContactChange)>,
    asleep: bool,
    closing: bool,
}

impl ContactStore {
    /// Opens our own file (see [`Journal::open`]) and starts the thread. `report` runs on that thread and should only
    /// pass on what it gets.
    ///
    /// # Errors
    /// As [`Journal::open`]; or no thread can be started.
    pub fn open(
        path: &Path,
        report: impl FnMut(Report) + Send + 'static,
    ) -> Result<(ContactStore, Loaded), Fault> {
        let (journal, loaded) = Journal::open(path, wall_now())?;
        Ok((ContactStore::start(journal, report)?, loaded))
    }

    /// Starts the thread around any back end.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn start(
        backend: impl Backend + 'static,
        report: impl FnMut(Report) + Send + 'static,
    ) -> Result<ContactStore, Fault> {
        let shared = Arc::new(Shared::default());
        let worker = Worker::new(shared.clone(), backend, report);
        let thread = thread::Builder::new().name("contacts".into()).spawn(move || worker.run())?;
        Ok(ContactStore { shared, thread: Some(thread) })
    }

    /// The way in for a shard; its number comes back in reports.
    pub fn writer(&self, shard: u16) -> Writer {
        Writer { shared: self.shared.clone(), shard, held: Vec::new() }
    }

    /// Whether it works, and what it did.
    pub fn status(&self) -> Status {
        lock(&self.shared.status).clone()
    }

    /// Writes what is waiting, for at most three seconds, and closes the file. Writers no longer reach anything.
    ///
    /// # Errors
    /// Why changes could not be written; how many, is in the words.
    pub fn close(mut self) -> Result<(), Fault> {
        self.stop();
        let status = self.status();
        match status.health {
            Health::Failing { why, .. } if status.counters.waiting > 0 => {
                let words = format!("{} contact changes are not on disk: {why}", status.counters.waiting);
                Err(Fault::new(super::fault::FaultKind::Io, words))
            }
            _ => Ok(()),
        }
    }

    fn stop(&mut self) {
        lock(&self.shared.inbox).closing = true;
        self.shared.arrived.notify_one();
        if let Some(thread) = self.thread.take() {
            // The thread cannot panic; if it did, its changes were never acknowledged.
            let _ = thread.join();
        }
    }
}

impl Drop for ContactStore {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Writer {
    /// Adds a change to those that the next [`Writer::flush`] hands over. Numbers rise.
    pub fn push(&mut self, sequence: u64, change: ContactChange) {
        self.held.push((sequence, change));
    }

    /// Hands over what was pushed; once per wake-up of the shard, after all its messages. Returns how many changes
    /// stay here because the store's queue is full; they go with the next flush.
    pub fn flush(&mut self) -> usize {
        if self.held.is_empty() {
            return 0;
        }
        let mut inbox = lock(&self.shared.inbox);
        let room = STORE_QUEUE.saturating_sub(inbox.changes.len()).min(self.held.len());
        let shard = self.shard;
        inbox.changes.extend(self.held.drain(..room).map(|(sequence, change)| (shard, sequence, change)));
        let wake = std::mem::take(&mut inbox.asleep);
        drop(inbox);
        if wake {
            self.shared.arrived.notify_one();
        }
        self.held.len()
    }
}

/// The thread.
struct Worker<B, R> {
    shared: Arc<Shared>,
    committer: Committer<B>,
    report: R,
    began: Instant,
    taken: Vec<(u16, u64, ContactChange)>,
}

impl<B: Backend, R: FnMut(Report)> Worker<B, R> {
    fn new(shared: Arc<Shared>, backend: B, report: R) -> Worker<B, R> {
        let committer = Committer::new(backend, Moment(0));
        Worker { shared, committer, report, began: instant(), taken: Vec::new() }
    }

    fn run(mut self) {
        let mut closing_since: Option<Moment> = None;
        loop {
            let closing = self.gather();
            self.commit_all();
            self.publish();
            let now = self.now();
            if !closing {
                continue;
            }
            let since = *closing_since.get_or_insert(now.at);
            let inbox_empty = lock(&self.shared.inbox).changes.is_empty();
            if inbox_empty && (self.committer.is_settled() || now.at.since(since) > CLOSE_PATIENCE) {
                return;
            }
        }
    }

    /// Waits for changes or for the next deadline, then takes what is there. True when the store is being closed.
    fn gather(&mut self) -> bool {
        let mut inbox = lock(&self.shared.inbox);
        while inbox.changes.is_empty() && !inbox.closing {
            let wait = self.committer.next_deadline().since(self.moment());
            if wait.is_zero() {
                break;
            }
            inbox.asleep = true;
            let waited = self.shared.arrived.wait_timeout(inbox, wait);
            inbox = waited.unwrap_or_else(PoisonError::into_inner).0;
            inbox.asleep = false;
        }
        let closing = inbox.closing;
        if closing || inbox.changes.is_empty() {
            let pause = self.committer.next_deadline().since(self.moment());
            std::mem::swap(&mut inbox.changes, &mut self.taken);
            drop(inbox);
            if closing && self.taken.is_empty() {
                thread::sleep(pause);
            }
            return closing;
        }
        // Under load, let a group come together.
        let now = self.moment();
        let gap = self.committer.commit_at(now).since(now);
        if !gap.is_zero() {
            drop(inbox);
            thread::sleep(gap);
            inbox = lock(&self.shared.inbox);
        }
        std::mem::swap(&mut inbox.changes, &mut self.taken);
        inbox.closing
    }

    /// Commits what was taken, in groups of bounded size.
    fn commit_all(&mut self) {
        let mut taken = std::mem::take(&mut self.taken);
        let mut rest = taken.drain(..);
        loop {
            for (shard, sequence, change) in rest.by_ref().take(self.committer.room()) {
                self.committer.take(shard, sequence, change);
            }
            let now = self.now();
            self.committer.work(now, &mut self.report);
            if rest.len() == 0 {
                break;
            }
        }
        drop(rest);
        self.taken = taken;
    }

    fn publish(&self) {
        let mut status = lock(&self.shared.status);
        status.counters = self.committer.counters;
        if status.health != self.committer.health {
            status.health.clone_from(&self.committer.health);
        }
    }

    fn moment(&self) -> Moment {
        Moment(u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    fn now(&self) -> Now {
        Now { at: self.moment(), wall: wall_now() }
    }
}

fn instant() -> Instant {
    #[expect(
        clippy::disallowed_methods,
        reason = "the store's thread is an edge: it keeps its own deadlines"
    )]
    Instant::now()
}

/// A panic elsewhere must not stop the store: what the lock guards is whole at every moment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
