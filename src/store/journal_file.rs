//! The journal's SQLite file: opening, reading, copying, setting aside.

use super::fault::{Fault, FaultKind, FileIdentity, ask, beside};
use super::record::{self, Names};
use super::states::{Key, Latest, States, absorb};
use crate::base::ids::Name;
use crate::base::time::WallTime;
use rusqlite::{Connection, OpenFlags, Row};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Marks the file as ours ("JkFd").
const APPLICATION_ID: i32 = 0x4a6b_4664;
/// Format of the file.
const VERSION: i32 = 1;
/// A file up to this size is checked page by page when opened (about a second per GiB); a larger one is judged by what
/// is read of it, which is all but its free pages.
const CHECKED_BYTES: u64 = 64 << 20;

const SCHEMA: &str = "
    CREATE TABLE contacts (
        aor TEXT NOT NULL, hash BLOB NOT NULL, expires INTEGER NOT NULL, cseq INTEGER NOT NULL,
        record BLOB NOT NULL, sum INTEGER NOT NULL, PRIMARY KEY (aor, hash)
    ) WITHOUT ROWID;
    CREATE TABLE journal (seq INTEGER PRIMARY KEY, changes BLOB NOT NULL);";

/// The open file, and which file it was when it was opened.
#[derive(Debug)]
pub(super) struct OpenFile {
    pub(super) conn: Connection,
    identity: FileIdentity,
    wal_identity: FileIdentity,
}

impl OpenFile {
    /// Opens or creates the file, for this process alone.
    pub(super) fn connect(path: &Path) -> Result<OpenFile, Fault> {
        make_folder_of(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(path, flags)?;
        // A predecessor may still be closing; afterwards the file is ours and nobody can lock us out.
        conn.busy_timeout(Duration::from_secs(2))?;
        conn.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        prepare(&conn).map_err(|fault| match fault.kind {
            FaultKind::Locked => Fault::new(FaultKind::Locked, "in use by another process"),
            _ => fault,
        })?;
        conn.busy_timeout(Duration::ZERO)?;
        let identity = FileIdentity::of(path)?;
        Ok(OpenFile { conn, identity, wal_identity: FileIdentity::of(&beside(path, "-wal"))? })
    }

    /// Whether path and write-ahead log still name the files that we write to.
    pub(super) fn in_place(&self, path: &Path) -> bool {
        FileIdentity::of(path).is_ok_and(|now| now == self.identity)
            && FileIdentity::of(&beside(path, "-wal")).is_ok_and(|now| now == self.wal_identity)
    }

    /// Looks at every page of a file that is not too large for it.
    pub(super) fn check(&self, path: &Path) -> Result<(), Fault> {
        if path.metadata().is_ok_and(|found| found.len() > CHECKED_BYTES) {
            return Ok(());
        }
        let verdict: String = ask(&self.conn, "PRAGMA quick_check(1)")?;
        if verdict == "ok" { Ok(()) } else { Err(Fault::new(FaultKind::Corrupt, verdict)) }
    }

    /// Writes everything to a new file beside `path`, durably.
    pub(super) fn copy_beside(&self, path: &Path) -> Result<(), Fault> {
        let copy = rescue_copy(path);
        make_folder_of(path)?;
        remove_if_there(&copy)?;
        self.conn.execute("VACUUM INTO ?1", [copy.to_string_lossy()])?;
        fs::File::open(&copy)?.sync_all()?;
        Ok(())
    }

    /// Calls `each` for every row of the table, in key order.
    pub(super) fn read_table(
        &self,
        each: &mut dyn FnMut(Key, Latest) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        read_table(&self.conn, "ASC", each)
    }

    /// The newest states in the journal, and its size in bytes.
    pub(super) fn read_journal(&self, names: &mut Names) -> Result<(States, u64), Fault> {
        let (mut states, mut bytes) = (States::default(), 0);
        let mut statement = self.conn.prepare("SELECT changes FROM journal ORDER BY seq")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let changes = row.get_ref(0)?.as_blob().map_err(|_| damaged_row())?;
            absorb_row(changes, &mut states, names)?;
            bytes += changes.len() as u64;
        }
        Ok((states, bytes))
    }
}

/// Where [`OpenFile::copy_beside`] writes.
fn rescue_copy(path: &Path) -> PathBuf {
    beside(path, ".rescue")
}

/// Puts the copy in the place of a deleted or replaced file; no connection to the old one may be open any more,
/// because closing one removes `-wal` by name. May be repeated after a fault.
pub(super) fn move_copy_into_place(path: &Path, now: WallTime, notes: &mut Vec<String>) -> Result<(), Fault> {
    let copy = rescue_copy(path);
    if copy.exists() {
        remove_if_there(&beside(path, "-wal"))?;
        remove_if_there(&beside(path, "-shm"))?;
        if path.exists() {
            let aside = beside(path, &format!(".replaced-{}", now.secs()));
            fs::rename(path, &aside)?;
            notes.push(format!(
                "another file had taken the place of {}; it is now {}",
                path.display(),
                aside.display()
            ));
        }
        fs::rename(&copy, path)?;
        sync_folder_of(path)?;
    }
    notes.push(format!("{} had been deleted or replaced while in use; it was written anew", path.display()));
    Ok(())
}

/// The process may have ended between writing the copy and moving it.
pub(super) fn finish_interrupted_rescue(path: &Path, now: WallTime) -> Result<(), Fault> {
    if path.exists() || !rescue_copy(path).exists() {
        return Ok(());
    }
    move_copy_into_place(path, now, &mut Vec::new())
}

/// Renames a damaged file and returns every state that can still be read of it.
pub(super) fn set_aside(
    path: &Path,
    why: &Fault,
    now: WallTime,
    notes: &mut Vec<String>,
) -> Result<States, Fault> {
    let aside = free_name(path, now);
    for side_file in ["-wal", "-shm", ""] {
        match fs::rename(beside(path, side_file), beside(&aside, side_file)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    let (states, whole) = salvage(&aside);
    let contacts = states.values().filter(|state| matches!(state, Latest::Put { .. })).count();
    notes.push(format!(
        "{} was damaged ({why}); it is now {}; {contacts} contacts were read from it, {}",
        path.display(),
        aside.display(),
        if whole { "which is all" } else { "more may be lost" },
    ));
    Ok(states)
}

/// `<path>.damaged-<seconds>`, with a further number if that exists.
fn free_name(path: &Path, now: WallTime) -> PathBuf {
    let first = beside(path, &format!(".damaged-{}", now.secs()));
    (1..1_000)
        .map(|n| beside(&first, &format!("-{n}")))
        .fold(first.clone(), |found, next| if found.exists() { next } else { found })
}

/// Reads what can be read: tables from both ends, because a damaged page stops a walk; journal rows whose checksum
/// holds. Also says whether nothing was missed.
fn salvage(path: &Path) -> (States, bool) {
    let (mut states, mut names, mut whole) = (States::default(), Names::default(), true);
    let Ok(conn) = Connection::open(path) else { return (states, false) };
    for order in ["ASC", "DESC"] {
        let walked = read_table(&conn, order, &mut |key, state| {
            states.insert(key, state);
            Ok(())
        });
        if walked.is_ok() {
            break;
        }
        whole = false;
    }
    let mut journal: std::collections::BTreeMap<i64, Vec<u8>> = std::collections::BTreeMap::new();
    for order in ["ASC", "DESC"] {
        let walked = read_journal_rows(&conn, order, &mut journal);
        if walked.is_ok() {
            break;
        }
        whole = false;
    }
    for changes in journal.values() {
        whole &= absorb_row(changes, &mut states, &mut names).is_ok();
    }
    states.retain(|_, state| *state != Latest::Remove);
    (states, whole)
}

fn read_journal_rows(
    conn: &Connection,
    order: &str,
    journal: &mut std::collections::BTreeMap<i64, Vec<u8>>,
) -> Result<(), Fault> {
    let mut statement = conn.prepare(&format!("SELECT seq, changes FROM journal ORDER BY seq {order}"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        journal.insert(row.get(0)?, row.get(1)?);
    }
    Ok(())
}

fn read_table(
    conn: &Connection,
    order: &str,
    each: &mut dyn FnMut(Key, Latest) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let sql = format!(
        "SELECT aor, hash, expires, cseq, record, sum FROM contacts ORDER BY aor {order}, hash {order}"
    );
    let mut statement = conn.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let mut damage = None;
    while let Some(row) = rows.next()? {
        match read_row(row) {
            Some((key, state)) => each(key, state)?,
            None => damage = Some(Fault::new(FaultKind::Corrupt, "a contact row is damaged")),
        }
    }
    damage.map_or(Ok(()), Err)
}

fn read_row(row: &Row<'_>) -> Option<(Key, Latest)> {
    let aor = row.get_ref(0).ok()?.as_str().ok()?;
    let hash: [u8; 16] = row.get_ref(1).ok()?.as_blob().ok()?.try_into().ok()?;
    let expires = WallTime(u64::try_from(row.get_ref(2).ok()?.as_i64().ok()?).ok()?);
    let cseq = u32::try_from(row.get_ref(3).ok()?.as_i64().ok()?).ok()?;
    let record = row.get_ref(4).ok()?.as_blob().ok()?;
    let sum = row.get_ref(5).ok()?.as_i64().ok()?;
    if sum != row_sum(aor, &hash, record) {
        return None;
    }
    Some(((Name::from(aor), hash), Latest::Put { expires, cseq, record: record.into() }))
}

fn absorb_row(changes: &[u8], states: &mut States, names: &mut Names) -> Result<(), Fault> {
    record::read_group(changes, |entry| {
        absorb(states, (names.share(entry.aor), entry.hash), entry.what.into());
    })
    .map_err(|_| damaged_row())
}

fn damaged_row() -> Fault {
    Fault::new(FaultKind::Corrupt, "a journal row is damaged")
}

/// Writes one state into the table.
pub(super) fn fold_one(conn: &Connection, key: &Key, state: &Latest) -> Result<(), Fault> {
    let (aor, hash) = (&*key.0, &key.1);
    match state {
        Latest::Put { expires, cseq, record } => {
            let sql = "INSERT OR REPLACE INTO contacts VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let sum = row_sum(aor, hash, record);
            conn.prepare_cached(sql)?.execute((aor, hash, whole(*expires), cseq, &**record, sum))?;
        }
        Latest::Refresh { expires, cseq } => {
            let sql = "UPDATE contacts SET expires = ?3, cseq = ?4 WHERE aor = ?1 AND hash = ?2";
            conn.prepare_cached(sql)?.execute((aor, hash, whole(*expires), cseq))?;
        }
        Latest::Remove => {
            conn.prepare_cached("DELETE FROM contacts WHERE aor = ?1 AND hash = ?2")?.execute((aor, hash))?;
        }
    }
    Ok(())
}

fn whole(time: WallTime) -> i64 {
    i64::try_from(time.0).unwrap_or(i64::MAX)
}

fn row_sum(aor: &str, hash: &[u8; 16], record: &[u8]) -> i64 {
    record::checksum(&[aor.as_bytes(), hash, record]).cast_signed()
}

/// Makes sure that the file is ours and of our format; creates the tables in an empty one.
fn prepare(conn: &Connection) -> Result<(), Fault> {
    let objects: i64 = ask(conn, "SELECT count(*) FROM sqlite_master")?;
    let application: i32 = ask(conn, "PRAGMA application_id")?;
    let version: i32 = ask(conn, "PRAGMA user_version")?;
    if objects > 0 && application != APPLICATION_ID {
        return Err(Fault::new(FaultKind::Foreign, "not a contact store, but another program's database"));
    }
    if version > VERSION {
        let words = format!("written by a newer version (format {version}, this program knows {VERSION})");
        return Err(Fault::new(FaultKind::Foreign, words));
    }
    let mode: String = conn.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        return Err(Fault::new(
            FaultKind::Io,
            format!("the file system allows no write-ahead log (mode {mode})"),
        ));
    }
    conn.pragma_update(None, "synchronous", "FULL")?;
    // Short, because the commit that fills the log waits until all of it is in place: measured at 35,000 registrations a
    // second, p99 falls from 20 ms (4,000 pages) to 5 ms at the same CPU. A thread of its own that copies the log beside
    // the commits was tried, too: p99 on one core stayed what it was, within what two runs differ by.
    conn.pragma_update(None, "wal_autocheckpoint", 300)?;
    if objects == 0 {
        conn.execute_batch(&format!(
            "BEGIN IMMEDIATE; {SCHEMA} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}; COMMIT"
        ))?;
    }
    // An exclusive lock is taken by the first write; take it now, so that a second process fails at once.
    conn.execute_batch("BEGIN IMMEDIATE; COMMIT")?;
    Ok(())
}

fn make_folder_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => fs::create_dir_all(folder),
        _ => Ok(()),
    }
}

fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
