//! Contacts in a `ps_contacts` table that other programs read and write too: each change is a row, written through
//! before it is acknowledged; what others change is noticed and passed on.

use super::committer::{Backend, Recovered, Tended};
use super::fault::{Fault, FaultKind, FileIdentity, ask, quoted};
use super::journal::Loaded;
use super::ps_columns::Shape;
use super::ps_row::Spelling;
use super::ps_write::{AorLookup, carry_over, write};
use super::record::Names;
use super::states::Key;
use super::watch::ForeignCommits;
use crate::base::ids::Name;
use crate::base::limits::STORE_SCAN_SLICE;
use crate::base::time::WallTime;
use crate::registrar::binding::{Binding, ContactChange};
use foldhash::fast::RandomState;
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long one attempt waits for another program's lock.
const LOCK_PATIENCE: Duration = Duration::from_millis(20);
/// Share of the time that comparing the table may take: after a comparison, this many times its duration must pass.
const SCAN_PAUSE: u64 = 4;
/// A comparison that seems to have taken longer saw the clock being set.
const LONGEST_SCAN_MICROS: u64 = 60_000_000;
/// KiB of pages kept in memory by this connection, where the table needs as many (16 MiB hold 50,000 contacts).
const CACHE_KIB: i64 = 65_536;

/// What we know of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    print: u64,
    expires_secs: u64,
    /// The comparison in which it was last found or written.
    seen: u32,
}

type Rows = HashMap<Key, Known, RandomState>;

/// A comparison of the table with what we know, slice by slice.
#[derive(Debug)]
struct Scan {
    after: Value,
    began: WallTime,
}

/// See the module.
pub struct PsContacts {
    path: PathBuf,
    table: String,
    conn: Connection,
    identity: FileIdentity,
    shape: Shape,
    aors: AorLookup,
    known: Rows,
    names: Names,
    data_version: i64,
    foreign_commits: Arc<ForeignCommits>,
    scan: Option<Scan>,
    round: u32,
    scan_wanted: bool,
    /// When the last comparison ended, and how long none shall follow.
    scanned: WallTime,
    pause: u64,
}

impl std::fmt::Debug for PsContacts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PsContacts")
            .field("path", &self.path)
            .field("table", &self.table)
            .finish_non_exhaustive()
    }
}

impl PsContacts {
    /// Opens the table and reads every contact. The file and the table must exist. `foreign_commits` is raised whenever
    /// another connection than this one has committed something to the file, so that a reader of the same file can
    /// tell whether it changed otherwise than by contacts.
    ///
    /// # Errors
    /// The file cannot be opened or is locked, or the table lacks `id`, `uri` or `expiration_time`.
    pub fn open(
        path: &Path,
        table: &str,
        aors: AorLookup,
        foreign_commits: Arc<ForeignCommits>,
    ) -> Result<(PsContacts, Loaded), Fault> {
        let mut loaded = Loaded::default();
        let (conn, identity, shape) = connect(path, table, &mut loaded.notes)?;
        let mut store = PsContacts {
            path: path.to_owned(),
            table: table.to_owned(),
            data_version: data_version(&conn)?,
            conn,
            identity,
            shape,
            aors,
            known: Rows::default(),
            names: Names::default(),
            foreign_commits,
            scan: None,
            round: 0,
            scan_wanted: false,
            scanned: WallTime(0),
            pause: 0,
        };
        store.load(&mut loaded)?;
        Ok((store, loaded))
    }

    fn load(&mut self, loaded: &mut Loaded) -> Result<(), Fault> {
        let count: i64 = ask(&self.conn, &format!("SELECT count(*) FROM {}", quoted(&self.table)))?;
        let count = usize::try_from(count).unwrap_or(0);
        self.known.reserve(count);
        loaded.bindings.reserve(count);
        let mut after = Value::Integer(i64::MIN);
        let (mut encoded, mut strange) = (0, 0);
        loop {
            let slice = self.read_slice(&after)?;
            strange += slice.strange;
            encoded += slice.encoded;
            for binding in slice.bindings {
                let known = self.of(&binding);
                self.known.insert((binding.aor.clone(), binding.hash), known);
                loaded.bindings.push(binding);
            }
            let Some(next) = slice.next else { break };
            after = next;
        }
        if encoded > 0 {
            self.shape.spelling = Spelling::Encoded;
            loaded.notes.push(format!("table {} spells ';' as ^3B; so do we", self.table));
        }
        if strange > 0 {
            loaded.notes.push(format!(
                "{strange} rows of {} are no contacts (id is not <aor>;@<md5>, or no uri); passed over",
                self.table
            ));
        }
        Ok(())
    }

    fn of(&self, binding: &Binding) -> Known {
        Known { print: self.shape.print(binding), expires_secs: binding.expires.secs(), seen: self.round }
    }

    fn read_slice(&mut self, after: &Value) -> Result<Slice, Fault> {
        let mut slice = Slice::default();
        let mut statement = self.conn.prepare_cached(&self.shape.select)?;
        let limit = i64::try_from(STORE_SCAN_SLICE).unwrap_or(i64::MAX);
        // Where the walk is by `id`, the number before all rows sorts before every text.
        let mut rows = statement.query((after, limit))?;
        let mut count = 0;
        while let Some(row) = rows.next()? {
            count += 1;
            if count == STORE_SCAN_SLICE {
                slice.next = Some(row.get(0)?);
            }
            match self.shape.read(row, &mut self.names) {
                Some((binding, spelling)) => {
                    slice.encoded += usize::from(spelling == Spelling::Encoded);
                    slice.bindings.push(binding);
                }
                None => slice.strange += 1,
            }
        }
        Ok(slice)
    }

    fn must_be_in_place(&self) -> Result<(), Fault> {
        match FileIdentity::of(&self.path) {
            Ok(now) if now == self.identity => Ok(()),
            Ok(_) => Err(Fault::new(FaultKind::Gone, format!("{} was replaced", self.path.display()))),
            Err(error) => {
                Err(Fault::new(FaultKind::Gone, format!("{} is gone: {error}", self.path.display())))
            }
        }
    }

    /// One slice of the comparison; true when there is more.
    fn compare(&mut self, now: WallTime, foreign: &mut Vec<ContactChange>) -> Result<bool, Fault> {
        let Some(scan) = &self.scan else { return Ok(false) };
        let after = scan.after.clone();
        let slice = self.read_slice(&after)?;
        for binding in slice.bindings {
            let fresh = self.of(&binding);
            match self.known.entry((binding.aor.clone(), binding.hash)) {
                Entry::Vacant(place) => {
                    place.insert(fresh);
                    foreign.push(ContactChange::Put(Box::new(binding)));
                }
                Entry::Occupied(mut place) => {
                    let old = std::mem::replace(place.get_mut(), fresh);
                    if old.print != fresh.print {
                        foreign.push(ContactChange::Put(Box::new(binding)));
                    } else if old.expires_secs != fresh.expires_secs {
                        let Binding { aor, hash, expires, cseq, .. } = binding;
                        foreign.push(ContactChange::Refresh { aor, hash, expires, cseq });
                    }
                }
            }
        }
        if let (Some(next), Some(scan)) = (slice.next, &mut self.scan) {
            scan.after = next;
            return Ok(true);
        }
        let round = self.round;
        self.known.retain(|(aor, hash), known| {
            let there = known.seen == round;
            if !there {
                foreign.push(ContactChange::Remove { aor: aor.clone(), hash: *hash });
            }
            there
        });
        if let Some(scan) = self.scan.take() {
            self.scanned = now;
            self.pause = now.0.saturating_sub(scan.began.0).min(LONGEST_SCAN_MICROS) * SCAN_PAUSE;
        }
        Ok(false)
    }

    /// Connects anew. If another file has taken the place of ours, contacts that only the old one had are written to it,
    /// because they were acknowledged; where both have a contact, the new file's row counts.
    fn reopen(&mut self, now: WallTime, notes: &mut Vec<String>) -> Result<(), Fault> {
        let mut news = Vec::new();
        let (mut conn, identity, mut shape) = connect(&self.path, &self.table, &mut news)?;
        shape.spelling = self.shape.spelling;
        if identity != self.identity {
            notes.append(&mut news);
            let mut old = Loaded::default();
            // An unreadable old file must not keep us from the new one.
            let read = self.load(&mut old);
            let living = old.bindings.iter().filter(|binding| binding.expires > now);
            let kept = carry_over(&mut conn, &shape, &self.aors, living)?;
            let rest = read.err().map_or_else(String::new, |fault| format!(", then: {fault}"));
            notes.push(format!(
                "{} was replaced; {kept} contacts were carried over{rest}",
                self.path.display()
            ));
        }
        (self.conn, self.identity, self.shape) = (conn, identity, shape);
        self.data_version = data_version(&self.conn)?;
        self.foreign_commits.raise();
        (self.scan, self.scan_wanted, self.pause) = (None, true, 0);
        Ok(())
    }
}

#[derive(Debug, Default)]
struct Slice {
    bindings: Vec<Binding>,
    strange: usize,
    encoded: usize,
    /// Where the next slice begins, when there may be one.
    next: Option<Value>,
}

impl Backend for PsContacts {
    fn commit(&mut self, changes: &[ContactChange], _: WallTime) -> Result<(), Fault> {
        let transaction = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for change in changes {
            let is_known = |aor: &Name, hash| self.known.contains_key(&(aor.clone(), hash));
            write(&transaction, &self.shape, &self.aors, &is_known, change)?;
        }
        transaction.commit()?;
        self.must_be_in_place()?;
        for change in changes {
            match change {
                ContactChange::Put(binding) => {
                    let known = self.of(binding);
                    self.known.insert((binding.aor.clone(), binding.hash), known);
                }
                ContactChange::Refresh { aor, hash, expires, .. } => {
                    if let Some(known) = self.known.get_mut(&(aor.clone(), *hash)) {
                        (known.expires_secs, known.seen) = (expires.secs(), self.round);
                    }
                }
                ContactChange::Remove { aor, hash } => drop(self.known.remove(&(aor.clone(), *hash))),
            }
        }
        Ok(())
    }

    fn tend(&mut self, now: WallTime) -> Result<Tended, Fault> {
        self.must_be_in_place()?;
        let version = data_version(&self.conn)?;
        if version != self.data_version {
            self.data_version = version;
            self.foreign_commits.raise();
            self.scan_wanted = true;
        }
        if self.scan.is_none() && self.scan_wanted && now.0.abs_diff(self.scanned.0) >= self.pause {
            self.scan_wanted = false;
            self.round = self.round.wrapping_add(1);
            self.scan = Some(Scan { after: Value::Integer(i64::MIN), began: now });
        }
        let mut tended = Tended::default();
        tended.more = self.compare(now, &mut tended.foreign)?;
        Ok(tended)
    }

    fn recover(&mut self, fault: &Fault, now: WallTime) -> Result<Recovered, Fault> {
        let mut recovered = Recovered::default();
        // A fault of the disk may have left the connection unusable; a new one is cheap.
        if matches!(fault.kind, FaultKind::Io | FaultKind::Corrupt | FaultKind::Schema)
            || self.must_be_in_place().is_err()
        {
            self.reopen(now, &mut recovered.notes)?;
        }
        Ok(recovered)
    }
}

fn connect(
    path: &Path,
    table: &str,
    notes: &mut Vec<String>,
) -> Result<(Connection, FileIdentity, Shape), Fault> {
    let opened = (|| {
        let identity = FileIdentity::of(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(path, flags)?;
        conn.busy_timeout(LOCK_PATIENCE)?;
        conn.pragma_update(None, "synchronous", "FULL")?;
        conn.pragma_update(None, "cache_size", -CACHE_KIB)?;
        conn.pragma_update(None, "wal_autocheckpoint", 8_000)?;
        conn.set_prepared_statement_cache_capacity(16);
        let mode: String = ask(&conn, "PRAGMA journal_mode")?;
        if mode != "wal" {
            notes.push(format!(
                "{} has journal mode {mode}: every commit costs several times what it would with PRAGMA journal_mode=WAL",
                path.display()
            ));
        }
        let shape = Shape::probe(&conn, table, notes)?;
        Ok((conn, identity, shape))
    })();
    opened.map_err(|fault: Fault| fault.while_doing(&path.display().to_string()))
}

fn data_version(conn: &Connection) -> Result<i64, Fault> {
    Ok(conn.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?)
}

#[cfg(test)]
mod tests {
    use super::super::committer::Report;
    use super::super::contacts::ContactStore;
    use super::super::ps_columns::AorColumns;
    use super::super::record::tests::binding;
    use super::super::schema;
    use super::super::testing::Folder;
    use super::*;
    use std::sync::mpsc;
    use std::time::Instant;

    const NOW: WallTime = WallTime(1_600_000_000_000_000);
    const OLD_TABLE: &str = "CREATE TABLE ps_contacts (id VARCHAR(255) NOT NULL UNIQUE, uri VARCHAR(255),
        expiration_time BIGINT, qualify_frequency INTEGER, user_agent VARCHAR(255), vendor TEXT)";

    fn aors() -> AorLookup {
        Arc::new(|aor| AorColumns {
            qualify_frequency: if aor == "user00001" { 60 } else { 0 },
            authenticate_qualify: true,
            ..AorColumns::default()
        })
    }

    fn database() -> (Folder, PathBuf, Connection) {
        let folder = Folder::new();
        let path = folder.path("realtime.sqlite3");
        schema::migrate(&path).expect("migrates");
        let other = Connection::open(&path).expect("a second program");
        (folder, path, other)
    }

    fn open(path: &Path) -> (PsContacts, Loaded) {
        PsContacts::open(path, "ps_contacts", aors(), Arc::default()).expect("opens")
    }

    /// A binding that survives the table: whole seconds.
    fn stored(n: u32) -> Binding {
        let mut binding = binding(n);
        binding.expires = WallTime::from_secs(binding.expires.secs());
        binding
    }

    fn put(n: u32) -> ContactChange {
        ContactChange::Put(Box::new(stored(n)))
    }

    fn refresh(n: u32, secs: u64) -> ContactChange {
        let Binding { aor, hash, .. } = binding(n);
        ContactChange::Refresh { aor, hash, expires: WallTime::from_secs(secs), cseq: 99 }
    }

    fn remove(n: u32) -> ContactChange {
        let Binding { aor, hash, .. } = binding(n);
        ContactChange::Remove { aor, hash }
    }

    fn foreign(store: &mut PsContacts) -> Vec<ContactChange> {
        let mut found = Vec::new();
        loop {
            let tended = store.tend(NOW).expect("tends");
            found.extend(tended.foreign);
            if !tended.more {
                return found;
            }
        }
    }

    #[test]
    fn a_row_is_what_asterisk_would_write() {
        let (_folder, path, other) = database();
        let (mut store, _) = open(&path);
        store.commit(&[put(1)], NOW).expect("commits");
        let row = other
            .query_row("SELECT * FROM ps_contacts", [], |row| {
                (0..22).map(|n| row.get::<_, Value>(n)).collect::<Result<Vec<_>, _>>()
            })
            .expect("a row");
        let (text, whole) = (|text: &str| Value::Text(text.into()), Value::Integer);
        let uri = "sip:user00001@10.0.0.1:1025;transport=udp";
        let expected = vec![
            text(&format!("user00001;@{:x}", md5::compute(uri))),
            text(uri),
            whole(1_700_000_001),
            whole(60),
            text(""),
            text(""),
            text("Example Phone 1.2"),
            Value::Real(3.0),
            text("pbx-1"),
            text("yes"),
            text("192.168.1.7"),
            whole(5060),
            text("1-4711@192.168.1.7"),
            text("user00001"),
            text("no"),
            text("false"),
            whole(1),
            whole(1),
            text("<urn:uuid:00000000-0000-1000-8000-000A95A0E128>"),
            whole(1),
            text("transport-udp"),
            text("[2001:db8::7]:5063"),
        ];
        assert_eq!(row, expected);
    }

    #[test]
    fn everything_is_read_back_at_start() {
        let (_folder, path, _other) = database();
        let (mut store, _) = open(&path);
        store.commit(&[put(1), put(2), put(3), refresh(1, 1_800_000_000), remove(2)], NOW).expect("commits");
        drop(store);
        let mut one = stored(1);
        (one.expires, one.cseq) = (WallTime::from_secs(1_800_000_000), 99);
        let (_, loaded) = open(&path);
        assert_eq!(loaded.bindings, [one, stored(3)]);
        assert!(loaded.notes.is_empty(), "{:?}", loaded.notes);
    }

    #[test]
    fn a_second_put_of_the_same_contact_updates_its_row() {
        let (_folder, path, other) = database();
        let (mut store, _) = open(&path);
        let mut changed = stored(1);
        changed.user_agent = "other".into();
        store.commit(&[put(1), ContactChange::Put(Box::new(changed.clone()))], NOW).expect("in one group");
        store.commit(&[put(1)], NOW).expect("in another");
        store.commit(&[ContactChange::Put(Box::new(changed.clone()))], NOW).expect("and again");
        assert_eq!(ask::<i64>(&other, "SELECT count(*) FROM ps_contacts").expect("sql"), 1);
        assert_eq!(open(&path).1.bindings, [changed]);
    }

    #[test]
    fn an_older_table_serves_and_what_it_lacks_is_named_once() {
        let folder = Folder::new();
        let path = folder.path("old.sqlite3");
        Connection::open(&path).expect("opens").execute_batch(OLD_TABLE).expect("sql");
        let (mut store, loaded) = open(&path);
        let lacks: Vec<_> = loaded.notes.iter().filter(|note| note.contains("lacks")).collect();
        assert!(
            lacks.len() == 1 && lacks[0].contains("via_addr") && lacks[0].contains("jf_cseq"),
            "{lacks:?}"
        );
        assert!(loaded.notes.iter().any(|note| note.contains("left alone: vendor")), "{:?}", loaded.notes);
        assert!(loaded.notes.iter().any(|note| note.contains("journal mode delete")), "{:?}", loaded.notes);
        store.commit(&[put(1), refresh(1, 5)], NOW).expect("commits");
        assert!(foreign(&mut store).is_empty());
        let loaded = open(&path).1.bindings;
        assert_eq!((&*loaded[0].uri, loaded[0].expires.secs(), loaded[0].q), (&*binding(1).uri, 5, 1000));
    }

    #[test]
    fn a_table_that_cannot_hold_contacts_is_refused_in_words() {
        let folder = Folder::new();
        let path = folder.path("bad.sqlite3");
        let fault = PsContacts::open(&path, "ps_contacts", aors(), Arc::default()).expect_err("no file");
        assert_eq!(fault.kind, FaultKind::Gone);
        let conn = Connection::open(&path).expect("opens");
        let fault = PsContacts::open(&path, "ps_contacts", aors(), Arc::default()).expect_err("no table");
        assert!(fault.words.ends_with("there is no table ps_contacts"), "{fault}");
        conn.execute_batch("CREATE TABLE ps_contacts (id TEXT, uri TEXT)").expect("sql");
        let fault = PsContacts::open(&path, "ps_contacts", aors(), Arc::default()).expect_err("no column");
        assert!(fault.words.ends_with("table ps_contacts has no column expiration_time"), "{fault}");
    }

    #[test]
    fn rows_changed_by_others_are_noticed_and_our_own_are_not() {
        let (_folder, path, other) = database();
        let (mut store, _) = open(&path);
        store.commit(&[put(1), put(2), put(3)], NOW).expect("commits");
        assert!(foreign(&mut store).is_empty());
        let id = |n| store_id(&stored(n));
        other
            .execute_batch(&format!(
                "UPDATE ps_contacts SET expiration_time = 5 WHERE id = '{}';
                 UPDATE ps_contacts SET user_agent = 'x' WHERE id = '{}';
                 DELETE FROM ps_contacts WHERE id = '{}';
                 INSERT INTO ps_contacts (id, uri, expiration_time) VALUES ('z;@{:032x}', 'sip:z@h', 7);
                 INSERT INTO ps_contacts (id, uri) VALUES ('static@@1', 'sip:x');",
                id(1),
                id(2),
                id(3),
                10,
            ))
            .expect("sql");
        // A commit of ours between theirs and the comparison hides nothing.
        store.commit(&[put(4)], NOW).expect("commits");
        let before = store.foreign_commits.count();
        let found = foreign(&mut store);
        assert_eq!(store.foreign_commits.count(), before.map(|count| count + 1));
        let Binding { aor, hash, cseq, .. } = stored(1);
        assert_eq!(found.len(), 4, "{found:?}");
        assert!(found.contains(&ContactChange::Refresh { aor, hash, expires: WallTime::from_secs(5), cseq }));
        assert!(found.contains(&remove(3)));
        let puts: Vec<_> = found
            .iter()
            .filter_map(|change| match change {
                ContactChange::Put(binding) => Some((&*binding.aor, &*binding.user_agent)),
                _ => None,
            })
            .collect();
        assert_eq!(puts, [("user00002", "x"), ("z", "")]);
        assert!(foreign(&mut store).is_empty(), "told once");
    }

    fn store_id(binding: &Binding) -> String {
        binding.id()
    }

    #[test]
    fn tables_larger_than_a_slice_are_walked_whole_with_and_without_rowid() {
        for suffix in ["", " WITHOUT ROWID"] {
            let folder = Folder::new();
            let path = folder.path("many.sqlite3");
            let other = Connection::open(&path).expect("opens");
            other
                .execute_batch(&format!(
                    "PRAGMA journal_mode = WAL;
                     CREATE TABLE ps_contacts (id TEXT PRIMARY KEY, uri TEXT, expiration_time INTEGER){suffix}"
                ))
                .expect("sql");
            let many = STORE_SCAN_SLICE as u32 * 2 + 10;
            let (mut store, _) = open(&path);
            store.commit(&(0..many).map(put).collect::<Vec<_>>(), NOW).expect("commits");
            assert_eq!(open(&path).1.bindings.len(), many as usize);
            let last = stored(many - 1).id();
            other.execute("DELETE FROM ps_contacts WHERE id = ?1", [last]).expect("sql");
            assert_eq!(foreign(&mut store), [remove(many - 1)], "{suffix}");
        }
    }

    #[test]
    fn tables_in_the_spelling_of_odbc_and_postgresql_are_read_and_written_so() {
        let (_folder, path, other) = database();
        let id = stored(1).id().replace(';', "^3B");
        other
            .execute(
                "INSERT INTO ps_contacts (id, uri, expiration_time) VALUES (?1, 'sip:a@h^3Btransport=tcp', 5)",
                [&id],
            )
            .expect("sql");
        let (mut store, loaded) = open(&path);
        assert_eq!(
            (&*loaded.bindings[0].aor, &*loaded.bindings[0].uri),
            ("user00001", "sip:a@h;transport=tcp")
        );
        store.commit(&[refresh(1, 9), put(2)], NOW).expect("commits");
        let count = "SELECT count(*) FROM ps_contacts WHERE id LIKE '%^3B@%' AND uri LIKE '%^3Btransport=%'";
        assert_eq!(ask::<i64>(&other, count).expect("sql"), 2);
        assert_eq!(ask::<i64>(&other, "SELECT min(expiration_time) FROM ps_contacts").expect("sql"), 9);
        assert!(foreign(&mut store).is_empty());
    }

    #[test]
    fn a_locked_database_is_waited_for_outside_the_request_path() {
        let (_folder, path, other) = database();
        let (mut store, _) = open(&path);
        other.execute_batch("BEGIN EXCLUSIVE").expect("locks");
        let fault = store.commit(&[put(1)], NOW).expect_err("locked");
        assert_eq!(fault.kind, FaultKind::Locked);
        store.recover(&fault, NOW).expect("nothing to reopen");
        other.execute_batch("COMMIT").expect("unlocks");
        store.commit(&[put(1)], NOW).expect("commits");
    }

    #[test]
    fn a_full_disk_refuses_and_recovers() {
        let (_folder, path, _other) = database();
        let (mut store, _) = open(&path);
        let pages: i64 = ask(&store.conn, "PRAGMA page_count").expect("pragma");
        let limit = |store: &PsContacts, pages: i64| {
            store.conn.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).expect("pragma");
        };
        limit(&store, pages);
        let many: Vec<_> = (0..500).map(put).collect();
        let fault = store.commit(&many, NOW).expect_err("full");
        assert_eq!(fault.kind, FaultKind::Full);
        assert!(open(&path).1.bindings.is_empty(), "all or nothing");
        limit(&store, 1_000_000);
        store.recover(&fault, NOW).expect("nothing to reopen");
        store.commit(&many, NOW).expect("commits");
        assert!(foreign(&mut store).is_empty());
        assert_eq!(open(&path).1.bindings.len(), 500);
    }

    #[test]
    fn a_deleted_database_is_waited_for_and_a_new_one_gets_what_was_acknowledged() {
        let (folder, path, other) = database();
        let (mut store, _) = open(&path);
        store.commit(&[put(1), put(2), refresh(2, 7)], NOW).expect("commits");
        drop(other);
        for side in ["realtime.sqlite3", "realtime.sqlite3-wal", "realtime.sqlite3-shm"] {
            std::fs::remove_file(folder.path(side)).expect("was there");
        }
        let fault = store.commit(&[put(3)], NOW).expect_err("must not be acknowledged");
        assert_eq!(fault.kind, FaultKind::Gone);
        assert!(store.tend(NOW).is_err());
        assert_eq!(store.recover(&fault, NOW).expect_err("still gone").kind, FaultKind::Gone);
        assert!(!path.exists(), "an administrator's file is his to make");

        let built = folder.path("new.sqlite3");
        schema::migrate(&built).expect("migrates");
        std::fs::rename(&built, &path).expect("renames");
        let recovered = store.recover(&fault, NOW).expect("recovers");
        assert!(recovered.notes[0].contains("contacts were carried over"), "{:?}", recovered.notes);
        store.commit(&[put(3)], NOW).expect("commits");
        assert!(foreign(&mut store).iter().all(|change| *change == remove(2)), "the expired one is gone");
        let mut names: Vec<_> = open(&path).1.bindings.into_iter().map(|b| b.aor.to_string()).collect();
        names.sort();
        assert_eq!(names, ["user00001", "user00003"]);
    }

    #[test]
    fn another_programs_change_is_reported_within_250_ms() {
        let (_folder, path, other) = database();
        let (backend, _) = open(&path);
        let (told, reports) = mpsc::channel();
        let store = ContactStore::start(backend, move |report| drop(told.send(report))).expect("starts");
        let mut writer = store.writer(0);
        let mut took = Vec::new();
        for n in 0..10u32 {
            writer.push(u64::from(n) + 1, put(n));
            writer.flush();
            let committed = reports.recv_timeout(Duration::from_secs(5)).expect("commits");
            assert_eq!(committed, Report::Committed { shard: 0, sequence: u64::from(n) + 1 });
            other.execute("DELETE FROM ps_contacts", []).expect("sql");
            #[expect(clippy::disallowed_methods, reason = "a bound in real time is what is tested")]
            let began = Instant::now();
            let changed = reports.recv_timeout(Duration::from_secs(5)).expect("notices");
            took.push(began.elapsed());
            assert_eq!(changed, Report::Changed(vec![remove(n)]));
        }
        // One of ten may fall to a busy machine.
        took.sort();
        assert!(took[8] < Duration::from_millis(250), "{took:?}");
        store.close().expect("closes");
    }
}
