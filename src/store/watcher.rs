//! The thread that looks at realtime databases.

use super::fault::{Fault, Health, wall_now};
use super::watch::{Happened, POLL_EVERY, Watch};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

/// What the thread tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// Something changed in a database.
    Happened(Happened),
    /// For the log.
    Note(String),
}

/// Looks at databases until it is dropped.
#[derive(Debug)]
pub struct Watcher {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    stop: Mutex<bool>,
    stopped: Condvar,
    status: Mutex<Vec<(PathBuf, Health)>>,
}

impl Watcher {
    /// Starts looking, every 50 ms. `tell` runs on the thread; while it waits, nothing is looked at.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn start(
        mut watches: Vec<Watch>,
        mut tell: impl FnMut(News) + Send + 'static,
    ) -> Result<Watcher, Fault> {
        let status = watches.iter().map(|watch| (watch.path().to_owned(), watch.health().clone())).collect();
        let shared =
            Arc::new(Shared { stop: Mutex::new(false), stopped: Condvar::new(), status: Mutex::new(status) });
        let theirs = shared.clone();
        let run = move || {
            while !theirs.wait() {
                for (index, watch) in watches.iter_mut().enumerate() {
                    let happened = watch.look(wall_now());
                    theirs.publish(index, watch.health());
                    watch.take_notes().into_iter().for_each(|note| tell(News::Note(note)));
                    if let Some(happened) = happened {
                        tell(News::Happened(happened));
                    }
                }
            }
        };
        let thread = thread::Builder::new().name("realtime".into()).spawn(run)?;
        Ok(Watcher { shared, thread: Some(thread) })
    }

    /// Each database, and whether it can be read.
    pub fn status(&self) -> Vec<(PathBuf, Health)> {
        lock(&self.shared.status).clone()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        *lock(&self.shared.stop) = true;
        self.shared.stopped.notify_one();
        // Whoever is told may hold the last handle.
        let own = thread::current().id();
        if let Some(thread) = self.thread.take().filter(|thread| thread.thread().id() != own) {
            // The thread writes nothing; however it ends, nothing is lost.
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// Until the next look; true when there shall be none.
    fn wait(&self) -> bool {
        let stop = lock(&self.stop);
        if *stop {
            return true;
        }
        let waited = self.stopped.wait_timeout(stop, POLL_EVERY);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn publish(&self, index: usize, health: &Health) {
        if let Some((_, shown)) = lock(&self.status).get_mut(index)
            && shown != health
        {
            shown.clone_from(health);
        }
    }
}

/// What the locks guard is whole at every moment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
