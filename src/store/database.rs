//! The file of the dialplan's key store: Asterisk's `astdb.sqlite3`, with its table. A thread of its own writes what
//! changed; what cannot be written is kept, newest value per key, and tried again.

use super::fault::{Fault, FaultKind};
use crate::dialplan::database::Change;
use rusqlite::{Connection, TransactionBehavior, params};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Time between two attempts to write to a disk that fails.
const RETRY: Duration = Duration::from_secs(1);
/// How long a writer waits for another program's lock.
const PATIENCE: Duration = Duration::from_millis(500);

/// Key and value.
pub type Entry = (Box<str>, Box<str>);

/// Keys that changed, with what they are now.
type Pending = BTreeMap<Box<str>, Option<Box<str>>>;

#[derive(Debug, Default)]
struct Shared {
    inbox: Mutex<Inbox>,
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct Inbox {
    changes: Pending,
    closing: bool,
}

/// A running store. Dropping it writes what waits and ends its thread.
#[derive(Debug)]
pub struct DatabaseStore {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl DatabaseStore {
    /// Opens or creates the file and reads every entry. `tell` gets a sentence when writing begins to fail, and when it
    /// works again; it runs on the store's thread.
    ///
    /// # Errors
    /// The file cannot be opened, is no database, or no thread can be started.
    pub fn open(
        path: &Path,
        tell: impl FnMut(String) + Send + 'static,
    ) -> Result<(DatabaseStore, Vec<Entry>), Fault> {
        let opened = connect(path).and_then(|conn| read(&conn).map(|entries| (conn, entries)));
        let (conn, entries) = opened.map_err(|fault| fault.while_doing(&path.display().to_string()))?;
        let shared = Arc::new(Shared::default());
        let worker = Worker { shared: shared.clone(), conn, tell };
        let thread = thread::Builder::new().name("database".into()).spawn(move || worker.run())?;
        Ok((DatabaseStore { shared, thread: Some(thread) }, entries))
    }

    /// Hands a change over; it never waits.
    pub fn push(&self, change: Change) {
        lock(&self.shared.inbox).changes.insert(change.key, change.value);
        self.shared.arrived.notify_one();
    }
}

impl Drop for DatabaseStore {
    fn drop(&mut self) {
        lock(&self.shared.inbox).closing = true;
        self.shared.arrived.notify_one();
        if let Some(thread) = self.thread.take() {
            // The thread cannot panic; if it did, there is nobody left to tell.
            let _ = thread.join();
        }
    }
}

fn connect(path: &Path) -> Result<Connection, Fault> {
    let conn = Connection::open(path)?;
    conn.busy_timeout(PATIENCE)?;
    conn.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    conn.pragma_update(None, "synchronous", "NORMAL")?;
    conn.execute_batch(
        "CREATE TABLE IF NOT EXISTS astdb (key VARCHAR(256), value VARCHAR(256), PRIMARY KEY(key))",
    )?;
    Ok(conn)
}

fn read(conn: &Connection) -> Result<Vec<Entry>, Fault> {
    let mut statement = conn.prepare("SELECT key, value FROM astdb WHERE key IS NOT NULL ORDER BY key")?;
    let rows = statement.query_map([], |row| {
        let (key, value): (String, Option<String>) = (row.get(0)?, row.get(1)?);
        Ok((key.into_boxed_str(), value.unwrap_or_default().into_boxed_str()))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

struct Worker<T> {
    shared: Arc<Shared>,
    conn: Connection,
    tell: T,
}

impl<T: FnMut(String)> Worker<T> {
    fn run(mut self) {
        let mut held = Pending::new();
        let mut failing = false;
        loop {
            let closing = self.gather(&mut held, failing);
            match write(&mut self.conn, &held) {
                Ok(()) => {
                    held.clear();
                    if std::mem::take(&mut failing) {
                        (self.tell)("The database is written again".to_owned());
                    }
                }
                Err(fault) => {
                    if !std::mem::replace(&mut failing, true) {
                        (self.tell)(format!("The database cannot be written, changes are kept: {fault}"));
                    }
                    if closing {
                        (self.tell)(format!("{} changes of the database are not on disk", held.len()));
                    }
                }
            }
            if closing {
                return;
            }
        }
    }

    /// Waits for changes, or for the next attempt, and takes them. True when the store closes.
    fn gather(&mut self, held: &mut Pending, failing: bool) -> bool {
        let mut inbox = lock(&self.shared.inbox);
        while inbox.changes.is_empty() && !inbox.closing {
            if failing {
                let waited = self.shared.arrived.wait_timeout(inbox, RETRY);
                inbox = waited.unwrap_or_else(PoisonError::into_inner).0;
                break;
            }
            inbox = self.shared.arrived.wait(inbox).unwrap_or_else(PoisonError::into_inner);
        }
        held.append(&mut inbox.changes);
        inbox.closing
    }
}

fn write(conn: &mut Connection, changes: &Pending) -> Result<(), Fault> {
    if changes.is_empty() {
        return Ok(());
    }
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for (key, value) in changes {
        let done = match value {
            Some(value) => transaction
                .prepare_cached("INSERT OR REPLACE INTO astdb (key, value) VALUES (?1, ?2)")?
                .execute(params![&**key, &**value]),
            None => transaction.prepare_cached("DELETE FROM astdb WHERE key = ?1")?.execute(params![&**key]),
        };
        done.map_err(|error| Fault::new(FaultKind::Io, error.to_string()))?;
    }
    Ok(transaction.commit()?)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(key: &str, value: Option<&str>) -> Change {
        Change { key: key.into(), value: value.map(Into::into) }
    }

    #[test]
    fn what_is_put_is_there_after_a_restart() {
        let path = std::env::temp_dir().join(format!("jackfield-astdb-{}.sqlite3", std::process::id()));
        let silent = |text: String| panic!("{text}");
        let (store, entries) = DatabaseStore::open(&path, silent).expect("opens");
        assert!(entries.is_empty());
        store.push(change("/CFIM/100", Some("200")));
        store.push(change("/CFIM/101", Some("300")));
        store.push(change("/CFIM/101", None));
        drop(store);
        let (store, entries) = DatabaseStore::open(&path, silent).expect("opens again");
        assert_eq!(entries, [("/CFIM/100".into(), "200".into())]);
        drop(store);
        std::fs::remove_file(&path).expect("there");
        for side in ["-wal", "-shm"] {
            // SQLite removes them itself when the last connection closes.
            let _ = std::fs::remove_file(super::super::fault::beside(&path, side));
        }
    }

    #[test]
    fn a_file_that_is_no_database_is_refused() {
        let path = std::env::temp_dir().join(format!("jackfield-astdb-no-{}.sqlite3", std::process::id()));
        std::fs::write(&path, b"something else that is long enough to be looked at").expect("writable");
        assert!(DatabaseStore::open(&path, |_| {}).is_err());
        std::fs::remove_file(&path).expect("there");
    }
}
