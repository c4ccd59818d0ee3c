//! What lights lamps after a restart: subscriptions (in Asterisk's `ps_subscription_persistence`), mailboxes and states
//! that were set. Written some time after, in groups, by a thread of its own; nobody waits for it.
//!
//! ```text
//! shard ── push ──► pending (newest per key) ──► thread: one transaction per fifth of a second
//! ```

use super::fault::{Fault, FaultKind, wall_now};
use crate::base::time::WallTime;
use crate::pubsub::Kept;
use rusqlite::{Connection, Transaction, params};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How long changes are gathered before they are written.
const GATHER: Duration = Duration::from_millis(200);
/// How long to wait after a failure.
const RETRY: Duration = Duration::from_secs(5);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Subscription(u64),
    Mailbox(Box<str>),
    Device(Box<str>),
    Presence(Box<str>),
}

#[derive(Debug, Default)]
struct Shared {
    pending: Mutex<Pending>,
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct Pending {
    newest: HashMap<Key, Kept>,
    closing: bool,
}

/// The running store. Dropping it writes what waits and closes it.
#[derive(Debug)]
pub struct LampStore {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// The way in.
#[derive(Clone, Debug)]
pub struct LampWriter(Arc<Shared>);

impl LampStore {
    /// Opens the file, reads what it holds, and starts the thread. `complain` gets a sentence for whatever goes wrong,
    /// and when it works again. A damaged file is set aside as `<path>.damaged-<seconds>`; one that cannot be opened now
    /// is tried again by the thread. So calls are never kept waiting by a lamp.
    ///
    /// # Errors
    /// No thread started.
    pub fn open(
        path: &Path,
        mut complain: impl FnMut(String) + Send + 'static,
    ) -> Result<(LampStore, Vec<Kept>), Fault> {
        let opened = match open_and_read(path, &mut complain) {
            Err(fault) if fault.kind == FaultKind::Corrupt => {
                let aside = set_aside(path);
                complain(format!("{} is damaged ({fault}); {aside}", path.display()));
                open_and_read(path, &mut complain)
            }
            other => other,
        };
        let (conn, kept) = match opened {
            Ok((conn, kept)) => (Some(conn), kept),
            Err(fault) => {
                complain(format!("Subscriptions and mailboxes are not kept in {}: {fault}", path.display()));
                (None, Vec::new())
            }
        };
        let shared = Arc::new(Shared::default());
        let file = File { path: path.to_owned(), conn };
        let theirs = Arc::clone(&shared);
        let thread =
            thread::Builder::new().name("lamps".into()).spawn(move || run(file, &theirs, complain))?;
        Ok((LampStore { shared, thread: Some(thread) }, kept))
    }

    /// A way in.
    pub fn writer(&self) -> LampWriter {
        LampWriter(Arc::clone(&self.shared))
    }
}

impl Drop for LampStore {
    fn drop(&mut self) {
        lock(&self.shared).closing = true;
        self.shared.arrived.notify_all();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing left to write.
            let _ = thread.join();
        }
    }
}

impl LampWriter {
    /// Notes one thing; an older one of the same name that waits is replaced.
    pub fn push(&self, kept: Kept) {
        let mut pending = lock(&self.0);
        let idle = pending.newest.is_empty();
        follow(&mut pending.newest, kept);
        drop(pending);
        if idle {
            self.0.arrived.notify_one();
        }
    }
}

fn lock(shared: &Shared) -> MutexGuard<'_, Pending> {
    // The map is whole between any two steps.
    shared.pending.lock().unwrap_or_else(PoisonError::into_inner)
}

fn key(kept: &Kept) -> Key {
    match kept {
        Kept::Mailbox { name, .. } | Kept::ForgetMailbox { name } => Key::Mailbox((**name).into()),
        Kept::Device { name, .. } => Key::Device((**name).into()),
        Kept::Presence { name, .. } => Key::Presence((**name).into()),
        Kept::Subscription(stored) => Key::Subscription(stored.id),
        Kept::Progress { id, .. } | Kept::Forget { id } => Key::Subscription(*id),
    }
}

/// Adds a newer state to those that wait.
fn follow(newest: &mut HashMap<Key, Kept>, next: Kept) {
    match (newest.get_mut(&key(&next)), next) {
        (Some(Kept::Subscription(stored)), Kept::Progress { cseq, expires, contact, version, .. }) => {
            (stored.cseq, stored.expires, stored.contact, stored.version) = (cseq, expires, contact, version);
        }
        // It never reached the disk.
        (Some(Kept::Subscription(_)), Kept::Forget { id }) => drop(newest.remove(&Key::Subscription(id))),
        // What is over makes no progress.
        (Some(Kept::Forget { .. }), Kept::Progress { .. }) => {}
        (Some(old), next) => *old = next,
        (None, next) => {
            newest.insert(key(&next), next);
        }
    }
}

/// The file, once it could be opened.
struct File {
    path: PathBuf,
    conn: Option<Connection>,
}

impl File {
    fn write(&mut self, batch: &HashMap<Key, Kept>) -> Result<(), Fault> {
        if self.conn.is_none() {
            self.conn = Some(connect(&self.path)?);
        }
        self.conn.as_mut().map_or(Ok(()), |conn| write(conn, batch))
    }
}

fn run(mut file: File, shared: &Shared, mut complain: impl FnMut(String)) {
    let mut failing = file.conn.is_none();
    if let Some(conn) = &file.conn
        && let Err(fault) = forget_ended(conn)
    {
        complain(format!("Subscriptions that ended while no server ran stay written down: {fault}"));
    }
    loop {
        let mut pending = lock(shared);
        while pending.newest.is_empty() && !pending.closing {
            pending = shared.arrived.wait(pending).unwrap_or_else(PoisonError::into_inner);
        }
        let pause = if failing { RETRY } else { GATHER };
        if !pending.closing {
            let waited = shared.arrived.wait_timeout_while(pending, pause, |pending| !pending.closing);
            pending = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let batch = std::mem::take(&mut pending.newest);
        let closing = pending.closing;
        drop(pending);
        match file.write(&batch) {
            Ok(()) if failing => {
                failing = false;
                complain("Subscriptions and mailboxes are written down again".to_owned());
            }
            Ok(()) => {}
            Err(fault) => {
                if !std::mem::replace(&mut failing, true) {
                    complain(format!("Subscriptions and mailboxes are not written down: {fault}"));
                }
                // What came meanwhile is newer.
                let mut pending = lock(shared);
                let newer = std::mem::replace(&mut pending.newest, batch);
                for (_, kept) in newer {
                    follow(&mut pending.newest, kept);
                }
            }
        }
        if closing {
            return;
        }
    }
}

fn connect(path: &Path) -> Result<Connection, Fault> {
    let conn = Connection::open(path)?;
    conn.busy_timeout(Duration::from_secs(2))?;
    conn.pragma_update(None, "journal_mode", "WAL")?;
    conn.pragma_update(None, "synchronous", "NORMAL")?;
    conn.execute_batch(
        "CREATE TABLE IF NOT EXISTS ps_subscription_persistence (
            id VARCHAR(40) PRIMARY KEY NOT NULL, packet BLOB, src_name VARCHAR(128), src_port INTEGER,
            transport_key VARCHAR(64), local_name VARCHAR(128), local_port INTEGER, cseq INTEGER,
            tag VARCHAR(128), endpoint VARCHAR(40), expires INTEGER, contact_uri VARCHAR(256),
            prune_on_boot INTEGER, generator_data TEXT) WITHOUT ROWID;
         CREATE TABLE IF NOT EXISTS mailbox (
            name TEXT PRIMARY KEY NOT NULL, new INTEGER NOT NULL, old INTEGER NOT NULL) WITHOUT ROWID;
         CREATE TABLE IF NOT EXISTS device_state (
            name TEXT PRIMARY KEY NOT NULL, state TEXT NOT NULL) WITHOUT ROWID;
         CREATE TABLE IF NOT EXISTS presence_state (
            name TEXT PRIMARY KEY NOT NULL, state TEXT NOT NULL, subtype TEXT NOT NULL, message TEXT NOT NULL)
            WITHOUT ROWID;",
    )?;
    Ok(conn)
}

fn write(conn: &mut Connection, batch: &HashMap<Key, Kept>) -> Result<(), Fault> {
    if batch.is_empty() {
        return Ok(());
    }
    let transaction = conn.transaction()?;
    for kept in batch.values() {
        write_one(&transaction, kept)?;
    }
    transaction.commit()?;
    Ok(())
}

fn write_one(to: &Transaction<'_>, kept: &Kept) -> Result<(), Fault> {
    match kept {
        Kept::Mailbox { name, counts } => {
            to.prepare_cached("INSERT OR REPLACE INTO mailbox VALUES (?1, ?2, ?3)")?
                .execute(params![&**name, counts.new, counts.old])?;
        }
        Kept::ForgetMailbox { name } => {
            to.prepare_cached("DELETE FROM mailbox WHERE name = ?1")?.execute([&**name])?;
        }
        Kept::Device { name, state } => {
            to.prepare_cached("INSERT OR REPLACE INTO device_state VALUES (?1, ?2)")?
                .execute(params![&**name, state.word()])?;
        }
        Kept::Presence { name, presence } => {
            to.prepare_cached("INSERT OR REPLACE INTO presence_state VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![&**name, presence.state.word(), &*presence.subtype, &*presence.message])?;
        }
        Kept::Subscription(stored) => {
            let (src_name, src_port) = split(&stored.source);
            let (local_name, local_port) = split(&stored.local);
            to.prepare_cached(
                "INSERT OR REPLACE INTO ps_subscription_persistence
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
            )?
            .execute(params![
                id_text(stored.id),
                &*stored.packet,
                src_name,
                src_port,
                &*stored.transport,
                local_name,
                local_port,
                stored.cseq,
                &*stored.tag,
                &*stored.endpoint,
                seconds(stored.expires),
                &*stored.contact,
                stored.prune_on_boot,
                generator_data(stored.version),
            ])?;
        }
        Kept::Progress { id, cseq, expires, contact, version } => {
            to.prepare_cached(
                "UPDATE ps_subscription_persistence
                 SET cseq = ?2, expires = ?3, contact_uri = ?4, generator_data = ?5 WHERE id = ?1",
            )?
            .execute(params![
                id_text(*id),
                cseq,
                seconds(*expires),
                &**contact,
                generator_data(*version)
            ])?;
        }
        Kept::Forget { id } => {
            to.prepare_cached("DELETE FROM ps_subscription_persistence WHERE id = ?1")?
                .execute([id_text(*id)])?;
        }
    }
    Ok(())
}

fn id_text(id: u64) -> String {
    format!("{id:016x}")
}

pub(super) fn seconds(at: WallTime) -> i64 {
    i64::try_from(at.secs()).unwrap_or(i64::MAX)
}

fn generator_data(version: u32) -> String {
    format!("{{\"version\":{version}}}")
}

/// Host and port of `host:port`; the host of IPv6 keeps its brackets.
fn split(address: &str) -> (&str, u16) {
    let (host, port) = address.rsplit_once(':').unwrap_or((address, "0"));
    (host, port.parse().unwrap_or(0))
}

fn open_and_read(path: &Path, complain: &mut impl FnMut(String)) -> Result<(Connection, Vec<Kept>), Fault> {
    let conn = connect(path)?;
    let (kept, odd) = super::lamps_read::read(&conn)?;
    if odd > 0 {
        complain(format!("{odd} rows of {} are no such rows; they are passed over", path.display()));
    }
    Ok((conn, kept))
}

/// Gives a damaged file another name; what was done, in words.
fn set_aside(path: &Path) -> String {
    let name = |suffix: &str| PathBuf::from(format!("{}{suffix}", path.display()));
    let aside = name(&format!(".damaged-{}", wall_now().secs()));
    for suffix in ["-wal", "-shm"] {
        // Not there as a rule.
        let _ = std::fs::rename(name(suffix), PathBuf::from(format!("{}{suffix}", aside.display())));
    }
    match std::fs::rename(path, &aside) {
        Ok(()) => format!("it is set aside as {}", aside.display()),
        Err(error) => format!("it cannot be set aside: {error}"),
    }
}

/// Those whose time was over before the server started.
fn forget_ended(conn: &Connection) -> Result<(), Fault> {
    conn.execute("DELETE FROM ps_subscription_persistence WHERE expires < ?1", [seconds(wall_now())])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::device::DeviceState;
    use crate::pubsub::{Counts, Presence, StoredSubscription};

    fn stored(id: u64) -> StoredSubscription {
        StoredSubscription {
            id,
            packet: (*b"SUBSCRIBE sip:1@h SIP/2.0\r\n\r\n").into(),
            source: "192.0.2.1:5062".into(),
            transport: "udp".into(),
            local: "[::1]:5060".into(),
            cseq: 5,
            tag: "t".into(),
            endpoint: "100".into(),
            expires: WallTime::from_secs(wall_now().secs() + 600),
            contact: "sip:100@192.0.2.1".into(),
            prune_on_boot: false,
            version: 3,
        }
    }

    #[test]
    fn what_was_written_is_read_back_by_the_next_life() {
        let dir = std::env::temp_dir().join(format!("jackfield-lamps-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a directory");
        let path = dir.join("lamps.sqlite");
        let (store, kept) = LampStore::open(&path, |_| {}).expect("opens");
        assert!(kept.is_empty());
        let writer = store.writer();
        let over = StoredSubscription { expires: WallTime::from_secs(1), ..stored(3) };
        let presence = Presence::parse("away,x,y").expect("sound");
        for kept in [
            Kept::Subscription(Box::new(stored(1))),
            Kept::Subscription(Box::new(stored(2))),
            Kept::Subscription(Box::new(over)),
            Kept::Mailbox { name: "1@d".into(), counts: Counts { new: 1, old: 2 } },
            Kept::Device { name: "night".into(), state: DeviceState::Busy },
            Kept::Presence { name: "ann".into(), presence: presence.clone() },
        ] {
            writer.push(kept);
        }
        drop(store);
        let (store, kept) = LampStore::open(&path, |_| {}).expect("opens");
        assert_eq!(kept.len(), 5);
        assert!(kept.contains(&Kept::Subscription(Box::new(stored(1)))), "{kept:?}");
        assert!(kept.contains(&Kept::Presence { name: "ann".into(), presence }));
        let (expires, contact) = (WallTime::from_secs(wall_now().secs() + 900), "sip:100@192.0.2.2");
        let progress = Kept::Progress { id: 1, cseq: 9, expires, contact: contact.into(), version: 4 };
        store.writer().push(progress);
        store.writer().push(Kept::Forget { id: 2 });
        drop(store);
        let (_store, kept) = LampStore::open(&path, |_| {}).expect("opens");
        let wanted =
            StoredSubscription { cseq: 9, expires, contact: contact.into(), version: 4, ..stored(1) };
        let left: Vec<_> = kept.iter().filter(|kept| matches!(kept, Kept::Subscription(_))).collect();
        assert_eq!(left, [&Kept::Subscription(Box::new(wanted))]);
        std::fs::remove_dir_all(&dir).expect("removed");
    }

    /// Neither a damaged file nor an odd row nor one that cannot be opened keeps the server from starting.
    #[test]
    fn whatever_the_file_is_the_server_starts() {
        let dir = std::env::temp_dir().join(format!("jackfield-lamps-odd-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("writable");
        let said: Arc<Mutex<Vec<String>>> = Arc::default();
        let complain = |said: &Arc<Mutex<Vec<String>>>| {
            let said = Arc::clone(said);
            move |text| said.lock().expect("whole").push(text)
        };
        let path = dir.join("lamps.sqlite");
        std::fs::write(&path, vec![b'x'; 10_000]).expect("written");
        let (store, kept) = LampStore::open(&path, complain(&said)).expect("starts");
        assert!(kept.is_empty());
        assert!(said.lock().expect("whole")[0].contains(".damaged-"), "{said:?}");
        store.writer().push(Kept::Mailbox { name: "1@d".into(), counts: Counts { new: 1, old: 2 } });
        drop(store);
        let conn = Connection::open(&path).expect("opens");
        conn.execute_batch("INSERT INTO mailbox VALUES ('2@d', 'many', -1)").expect("written");
        drop(conn);
        let (store, kept) = LampStore::open(&path, complain(&said)).expect("starts");
        assert_eq!(kept.len(), 1);
        assert!(said.lock().expect("whole")[1].starts_with("1 rows of "), "{said:?}");
        drop(store);
        let (_, kept) = LampStore::open(&dir.join("nowhere/lamps.sqlite"), complain(&said)).expect("starts");
        assert!(kept.is_empty() && said.lock().expect("whole")[2].contains("are not kept in "), "{said:?}");
        std::fs::remove_dir_all(&dir).expect("removed");
    }

    /// While the disk fails, what came and went leaves nothing in memory.
    #[test]
    fn what_never_reached_the_disk_need_not_be_forgotten_there() {
        let mut newest = HashMap::new();
        follow(
            &mut newest,
            Kept::Subscription(Box::new(StoredSubscription { id: 7, ..StoredSubscription::default() })),
        );
        follow(&mut newest, Kept::Forget { id: 7 });
        assert!(newest.is_empty());
        follow(&mut newest, Kept::Forget { id: 8 });
        assert_eq!(newest.len(), 1);
    }
}
