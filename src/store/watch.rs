//! What other programs change in realtime tables, noticed while the server runs.
//!
//! ```text
//! every 50 ms   is the file still the one we opened?    `PRAGMA data_version`: did another connection commit?
//!               no  → nothing more: some microseconds
//!               yes → tables with our triggers: the new entries of `jackfield_changes` name the rows
//!                     other tables: read again, each row's hash compared with the one known
//! ```
//! A database that is locked, damaged or gone changes nothing: what was read from it keeps serving, [`Watch::health`]
//! says since when, and what was missed is found when it is back.

use super::compare::{
    Compared, Known, Prints, Watched, compare_tables, is_logged, newest_log_entry, snapshot, version,
};
use super::fault::{Fault, FaultKind, FileIdentity, Health, ask, quoted};
use super::realtime::{RowPrint, Table, Wanted};
use crate::base::time::WallTime;
use crate::config::draft::Draft;
use crate::config::kind::Kind;
use crate::config::rows::Gone;
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// How often a database is looked at.
pub const POLL_EVERY: Duration = Duration::from_millis(50);
/// How long a look waits for another program's lock.
const LOCK_PATIENCE: Duration = Duration::from_millis(100);
/// Longest pause between attempts to open a database that cannot be read.
const PAUSE_LONGEST: Duration = Duration::from_secs(1);

/// What a look found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happened {
    /// These rows are new or different, or gone.
    Rows {
        /// New or different.
        changed: Vec<Draft<'static>>,
        /// Gone.
        removed: Vec<Gone>,
    },
    /// Too much changed to be told row by row, or it is not known what: all tables shall be read again.
    Reload {
        /// For the log.
        why: String,
    },
}

/// One database and the tables of it that count.
#[derive(Debug)]
pub struct Watch {
    path: PathBuf,
    wanted: Vec<Wanted>,
    open: Option<Open>,
    foreign_commits: Option<Arc<ForeignCommits>>,
    health: Health,
    notes: Vec<String>,
    /// No attempt to open before this, and how long the next pause will be.
    closed_until: WallTime,
    pause: Duration,
}

/// What the contact writer of a file tells its readers: how often others have committed to it. A reader cannot tell by
/// itself, because to it every registration is a change by another connection.
#[derive(Debug, Default)]
pub struct ForeignCommits {
    count: AtomicU64,
    blind: AtomicBool,
}

impl ForeignCommits {
    /// Another program has committed something.
    pub(super) fn raise(&self) {
        self.count.fetch_add(1, Ordering::Release);
    }

    /// Whether the writer cannot see the file at the moment; then it commits nothing either.
    pub(super) fn set_blind(&self, blind: bool) {
        self.blind.store(blind, Ordering::Release);
    }

    /// How often others have committed, if that is known.
    pub fn count(&self) -> Option<u64> {
        (!self.blind.load(Ordering::Acquire)).then(|| self.count.load(Ordering::Acquire))
    }
}

#[derive(Debug)]
struct Open {
    conn: Connection,
    identity: FileIdentity,
    schema_version: i64,
    /// `data_version`, or the writer's count.
    version: (bool, i64),
    log_seq: i64,
    tables: Vec<Watched>,
    /// A table that is not there or cannot serve; looked for again when the schema changes.
    missing: Option<Fault>,
}

impl Watch {
    /// A watch on these tables of a database. Nothing is opened yet.
    pub fn new(path: &Path, wanted: Vec<Wanted>) -> Watch {
        Watch {
            path: path.to_owned(),
            wanted,
            open: None,
            foreign_commits: None,
            health: Health::Working,
            notes: Vec::new(),
            closed_until: WallTime(0),
            pause: POLL_EVERY,
        }
    }

    /// For a file into which our own contact store writes as well.
    #[must_use]
    pub fn beside_writer(mut self, foreign_commits: Arc<ForeignCommits>) -> Watch {
        self.foreign_commits = Some(foreign_commits);
        self
    }

    /// The database.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it can be read, else since when not and why.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// What is worth a log line since the last call.
    pub fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    /// How many rows the tables have, as far as that can be told now.
    pub fn expect(&self) -> Vec<(Kind, usize)> {
        let Ok(conn) = Connection::open_with_flags(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY) else {
            return Vec::new();
        };
        let count = |wanted: &Wanted| {
            let rows: i64 = ask(&conn, &format!("SELECT count(*) FROM {}", quoted(&wanted.table))).ok()?;
            Some((wanted.kind, usize::try_from(rows).ok()?))
        };
        self.wanted.iter().filter_map(count).collect()
    }

    /// Reads every table whole, in one snapshot of the database; later looks tell what changed since. Returns the
    /// number of rows.
    ///
    /// # Errors
    /// The database or one of its tables cannot be read; some rows may have been handed over. Looks go on and tell
    /// when it is well.
    pub fn read_all(
        &mut self,
        now: WallTime,
        each: &mut (dyn FnMut(&Draft<'_>) + Send),
    ) -> Result<u64, Fault> {
        self.open = None;
        let read = match self.connect(&mut |draft, _| each(draft)) {
            Ok(count) => self.missing().map_or(Ok(count), Err),
            Err(fault) => Err(fault),
        };
        match &read {
            Ok(_) => self.health = Health::Working,
            Err(fault) => self.health.fail(now, fault),
        }
        read
    }

    /// Looks once: cheap when nothing happened, and never longer than a lock's patience when the database is locked.
    pub fn look(&mut self, now: WallTime) -> Option<Happened> {
        let (happened, fault) = match self.compare(now) {
            Ok(happened) => (happened, self.missing()),
            Err(fault) => (None, Some(fault)),
        };
        let path = self.path.display();
        match fault {
            None => {
                if let Health::Failing { why, .. } = std::mem::take(&mut self.health) {
                    self.notes.push(format!("{path} is read again, after: {why}"));
                }
            }
            Some(fault) => {
                if self.health.is_working() {
                    self.notes.push(format!("{path} cannot be read, what was read before serves: {fault}"));
                }
                self.health.fail(now, &fault);
            }
        }
        happened
    }

    fn missing(&self) -> Option<Fault> {
        self.open.as_ref().and_then(|open| open.missing.clone())
    }

    fn compare(&mut self, now: WallTime) -> Result<Option<Happened>, Fault> {
        let identity = FileIdentity::of(&self.path)?;
        let why = match &self.open {
            None => "it can be read now",
            Some(open) if open.identity != identity => "the file was replaced",
            Some(_) => "",
        };
        if !why.is_empty() {
            // Nothing is known of what differs.
            return self.connect_again(now, why);
        }
        let counted = self.foreign_commits.as_ref().and_then(|commits| commits.count());
        let Some(open) = &mut self.open else { return Ok(None) };
        let version = version(&open.conn, counted)?;
        if version == open.version {
            return Ok(None);
        }
        if ask::<i64>(&open.conn, "PRAGMA schema_version")? != open.schema_version {
            return self.connect_again(now, "its tables were altered");
        }
        let compared = snapshot(&open.conn, |conn| compare_tables(conn, &mut open.tables, &mut open.log_seq));
        let compared = match compared {
            Ok(compared) => compared,
            // A lock is met before anything is read.
            Err(fault) if fault.kind == FaultKind::Locked => return Err(fault),
            Err(fault) => {
                // Some tables may have been compared, and what was found in them is lost.
                self.open = None;
                return Err(fault);
            }
        };
        open.version = version;
        Ok(match compared {
            Compared::Same => None,
            Compared::Rows { changed, removed } => Some(Happened::Rows { changed, removed }),
            Compared::TooMuch => Some(self.reload("much was changed at once")),
        })
    }

    /// Opens and reads, with growing pauses while that fails: it may cost seconds.
    fn connect_again(&mut self, now: WallTime, why: &str) -> Result<Option<Happened>, Fault> {
        if self.open.is_none()
            && let Health::Failing { why, .. } = &self.health
            && now < self.closed_until
            && self.closed_until.0 - now.0 < 2 * PAUSE_LONGEST.as_micros() as u64
        {
            return Err(Fault::new(FaultKind::Io, why.clone()));
        }
        if let Err(fault) = self.connect(&mut |_, _| ()) {
            self.open = None;
            self.closed_until = now + self.pause;
            self.pause = (self.pause * 2).min(PAUSE_LONGEST);
            return Err(fault);
        }
        self.pause = POLL_EVERY;
        Ok(Some(self.reload(why)))
    }

    fn reload(&self, why: &str) -> Happened {
        Happened::Reload { why: format!("{}: {why}", self.path.display()) }
    }

    /// Opens the database and reads what must be known to tell later changes; `each` gets every row.
    fn connect(&mut self, each: &mut (dyn FnMut(&Draft<'_>, RowPrint) + Send)) -> Result<u64, Fault> {
        let identity = FileIdentity::of(&self.path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(&self.path, flags)?;
        conn.busy_timeout(LOCK_PATIENCE)?;
        conn.pragma_update(None, "query_only", true)?;
        let counted = self.foreign_commits.as_ref().and_then(|commits| commits.count());
        // Asked before the rows are read: a commit in between is looked at twice rather than never.
        let version = version(&conn, counted)?;
        let (mut notes, mut faults, mut count) = (Vec::new(), Vec::new(), 0);
        let wanted = &self.wanted;
        let (schema_version, log_seq, tables) = snapshot(&conn, |conn| {
            let mut tables = Vec::new();
            for wanted in wanted {
                match Table::probe(conn, wanted, &mut notes) {
                    Ok(table) => {
                        let mut prints = (!is_logged(conn, &wanted.table)?).then(Prints::default);
                        count += u64::from(table.read_ahead(conn, &mut |draft, print| {
                            if let Some(prints) = &mut prints {
                                prints
                                    .insert(print.id, Known { row: print.row, id: draft.id.as_ref().into() });
                            }
                            each(draft, print);
                        })?);
                        tables.push(Watched { table, prints });
                    }
                    // The other tables are read nevertheless.
                    Err(fault) if fault.kind == FaultKind::Schema => faults.push(fault),
                    Err(fault) => return Err(fault),
                }
            }
            Ok((ask(conn, "PRAGMA schema_version")?, newest_log_entry(conn)?, tables))
        })?;
        for note in notes {
            let note = format!("{}: {note}", self.path.display());
            if !self.notes.contains(&note) {
                self.notes.push(note);
            }
        }
        let missing = faults.into_iter().next();
        self.open = Some(Open { conn, identity, schema_version, version, log_seq, tables, missing });
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::super::schema;
    use super::super::testing::Folder;
    use super::super::watcher::{News, Watcher};
    use super::*;
    use crate::base::limits::REALTIME_CHANGES;
    use crate::config::origin::SourceId;
    use std::sync::mpsc;
    use std::time::Instant;

    const NOW: WallTime = WallTime(1_700_000_000_000_000);

    fn later(secs: u64) -> WallTime {
        NOW + Duration::from_secs(secs)
    }

    fn wanted() -> Vec<Wanted> {
        [(Kind::Endpoint, "ps_endpoints"), (Kind::Aor, "ps_aors")]
            .into_iter()
            .map(|(kind, table)| Wanted { kind, table: table.into(), source: SourceId(1) })
            .collect()
    }

    /// A database with our change log, or as Asterisk's own migrations make it.
    fn database(logged: bool) -> (Folder, PathBuf, Connection) {
        let folder = Folder::new();
        let path = folder.path("realtime.sqlite3");
        let steps = if logged { schema::STEPS } else { &schema::STEPS[..1] };
        let mut other = Connection::open(&path).expect("opens");
        other.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).expect("pragma");
        schema::migrate_connection(&mut other, steps).expect("migrates");
        other
            .execute_batch(
                "INSERT INTO ps_endpoints (id, aors) VALUES ('a', 'a'), ('b', 'b'), ('c', 'c');
                 INSERT INTO ps_aors (id, max_contacts) VALUES ('a', 1), ('b', 1)",
            )
            .expect("sql");
        (folder, path, other)
    }

    fn read(watch: &mut Watch) -> Result<Vec<String>, Fault> {
        let mut ids = Vec::new();
        watch.read_all(NOW, &mut |draft| ids.push(format!("{} {}", draft.kind, draft.id)))?;
        Ok(ids)
    }

    /// What a look found: changed rows as `kind id option=value …`, removed ones as `-kind id`.
    fn look(watch: &mut Watch, now: WallTime) -> Option<Vec<String>> {
        match watch.look(now)? {
            Happened::Reload { why } => {
                Some(vec![format!("reload: {}", why.rsplit(": ").next().unwrap_or_default())])
            }
            Happened::Rows { changed, removed } => {
                let changed = changed.iter().map(|draft| {
                    let settings: Vec<_> =
                        draft.settings.iter().map(|s| format!("{}={}", s.option, s.value)).collect();
                    format!("{} {} {}", draft.kind, draft.id, settings.join(" "))
                });
                let removed = removed.iter().map(|gone| format!("-{} {}", gone.kind, gone.id));
                let mut all: Vec<_> = changed.chain(removed).collect();
                all.sort();
                Some(all)
            }
        }
    }

    #[test]
    fn rows_that_another_program_inserts_changes_and_deletes_are_found() {
        for logged in [true, false] {
            let (_folder, path, other) = database(logged);
            let mut watch = Watch::new(&path, wanted());
            assert_eq!(
                read(&mut watch).expect("reads"),
                ["endpoint a", "endpoint b", "endpoint c", "aor a", "aor b"]
            );
            assert_eq!(look(&mut watch, NOW), None);
            other
                .execute_batch(
                    "BEGIN;
                     INSERT INTO ps_endpoints (id, context) VALUES ('d', 'x');
                     UPDATE ps_endpoints SET context = 'y' WHERE id = 'b';
                     UPDATE ps_endpoints SET context = NULL WHERE id = 'c';
                     DELETE FROM ps_endpoints WHERE id = 'a';
                     UPDATE ps_aors SET id = 'z' WHERE id = 'b';
                     COMMIT;",
                )
                .expect("sql");
            let mut expected = vec![
                "-aor b",
                "-endpoint a",
                "aor z max_contacts=1",
                "endpoint b aors=b context=y",
                "endpoint d context=x",
            ];
            if logged {
                // The log names a row that was written, though it says what it said.
                expected.insert(4, "endpoint c aors=c");
            }
            assert_eq!(look(&mut watch, NOW).expect("noticed"), expected, "logged: {logged}");
            assert_eq!(look(&mut watch, NOW), None, "told once");
            other.execute_batch("UPDATE ps_aors SET max_contacts = 9 WHERE id = 'z'").expect("sql");
            assert_eq!(look(&mut watch, NOW).expect("noticed"), ["aor z max_contacts=9"]);
            other
                .execute_batch("INSERT INTO ps_globals (id, user_agent) VALUES ('global', 'x')")
                .expect("sql");
            assert_eq!(look(&mut watch, NOW), None, "that table is not ours");
            assert!(watch.health().is_working() && watch.take_notes().is_empty());
        }
    }

    #[test]
    fn our_own_registrations_are_no_change() {
        let (_folder, path, other) = database(false);
        let commits = Arc::new(ForeignCommits::default());
        let mut watch = Watch::new(&path, wanted()).beside_writer(commits.clone());
        read(&mut watch).expect("reads");
        other.execute_batch("UPDATE ps_aors SET max_contacts = 7 WHERE id = 'a'").expect("sql");
        assert_eq!(look(&mut watch, NOW), None, "the writer has not seen a foreign commit");
        commits.raise();
        assert_eq!(look(&mut watch, NOW).expect("noticed"), ["aor a max_contacts=7"]);
        commits.set_blind(true);
        look(&mut watch, NOW);
        other.execute_batch("UPDATE ps_aors SET max_contacts = 8 WHERE id = 'a'").expect("sql");
        assert_eq!(look(&mut watch, NOW).expect("it looks for itself"), ["aor a max_contacts=8"]);
    }

    #[test]
    fn a_locked_database_blocks_nothing_and_what_was_missed_is_found() {
        for logged in [true, false] {
            let (_folder, path, other) = database(logged);
            other.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(())).expect("pragma");
            let mut watch = Watch::new(&path, wanted());
            read(&mut watch).expect("reads");
            other.execute_batch("BEGIN EXCLUSIVE; DELETE FROM ps_endpoints WHERE id = 'a'").expect("locks");
            assert_eq!(look(&mut watch, later(1)), None);
            assert_eq!(look(&mut watch, later(2)), None);
            assert!(
                matches!(watch.health(), Health::Failing { since, why } if *since == later(1) && why.contains("locked")),
                "{:?}",
                watch.health()
            );
            assert_eq!(watch.take_notes().len(), 1, "told once");
            other.execute_batch("COMMIT").expect("unlocks");
            assert_eq!(look(&mut watch, later(3)).expect("noticed"), ["-endpoint a"]);
            assert!(watch.health().is_working());
        }
    }

    #[test]
    fn a_deleted_database_serves_on_and_a_new_one_is_read_whole() {
        let (folder, path, other) = database(true);
        let mut watch = Watch::new(&path, wanted());
        read(&mut watch).expect("reads");
        drop(other);
        let side_files = ["realtime.sqlite3", "realtime.sqlite3-wal", "realtime.sqlite3-shm"];
        side_files.iter().for_each(|name| drop(std::fs::remove_file(folder.path(name))));
        assert_eq!(look(&mut watch, later(1)), None);
        assert!(!watch.health().is_working());
        schema::migrate(&path).expect("a new one");
        assert_eq!(look(&mut watch, later(5)).expect("noticed"), ["reload: the file was replaced"]);
        assert_eq!(look(&mut watch, later(6)), None);
        assert!(watch.health().is_working());
    }

    #[test]
    fn a_database_that_is_missing_or_damaged_at_start_is_read_when_it_is_well() {
        let folder = Folder::new();
        let path = folder.path("realtime.sqlite3");
        let mut watch = Watch::new(&path, wanted());
        assert_eq!(read(&mut watch).expect_err("missing").kind, FaultKind::Gone);
        std::fs::write(&path, vec![7; 8_192]).expect("writes");
        assert_eq!(look(&mut watch, later(1)), None);
        assert!(matches!(watch.health(), Health::Failing { since, .. } if *since == NOW));
        let built = folder.path("built");
        schema::migrate(&built).expect("migrates");
        std::fs::rename(&built, &path).expect("renames");
        assert_eq!(look(&mut watch, later(9)).expect("noticed"), ["reload: it can be read now"]);
    }

    #[test]
    fn a_missing_table_hides_no_other_and_is_read_when_it_comes() {
        let (_folder, path, other) = database(false);
        other.execute_batch("DROP TABLE ps_aors").expect("sql");
        let mut watch = Watch::new(&path, wanted());
        let mut ids = Vec::new();
        let fault = watch.read_all(NOW, &mut |draft| ids.push(draft.id.to_string())).expect_err("not all");
        assert_eq!(ids, ["a", "b", "c"]);
        assert!(fault.words.ends_with("there is no table ps_aors"), "{fault}");
        other.execute_batch("DELETE FROM ps_endpoints WHERE id = 'a'").expect("sql");
        assert_eq!(look(&mut watch, NOW).expect("noticed"), ["-endpoint a"]);
        assert!(!watch.health().is_working());
        other.execute_batch("CREATE TABLE ps_aors (id TEXT, max_contacts INTEGER)").expect("sql");
        assert_eq!(look(&mut watch, NOW).expect("noticed"), ["reload: its tables were altered"]);
        assert!(watch.health().is_working());
    }

    #[test]
    fn more_changes_than_can_be_told_one_by_one_ask_for_a_reload() {
        for logged in [true, false] {
            let (_folder, path, mut other) = database(logged);
            let mut watch = Watch::new(&path, wanted());
            read(&mut watch).expect("reads");
            let transaction = other.transaction().expect("begins");
            for n in 0..=REALTIME_CHANGES {
                let sql = "INSERT INTO ps_aors (id) VALUES (?1)";
                transaction.prepare_cached(sql).expect("sql").execute([format!("n{n}")]).expect("sql");
            }
            transaction.commit().expect("commits");
            assert_eq!(look(&mut watch, NOW).expect("noticed"), ["reload: much was changed at once"]);
            other.execute_batch("DELETE FROM ps_aors WHERE id = 'n1'").expect("sql");
            assert_eq!(look(&mut watch, NOW).expect("noticed"), ["-aor n1"], "and goes on");
        }
    }

    #[test]
    fn a_log_that_someone_emptied_is_not_trusted() {
        let (_folder, path, other) = database(true);
        let mut watch = Watch::new(&path, wanted());
        read(&mut watch).expect("reads");
        other
            .execute_batch(
                "DELETE FROM ps_aors WHERE id = 'a'; DELETE FROM jackfield_changes; DELETE FROM ps_endpoints",
            )
            .expect("sql");
        assert_eq!(look(&mut watch, NOW).expect("noticed"), ["reload: much was changed at once"]);
    }

    #[test]
    fn asterisks_own_columns_are_all_understood_or_known_to_mean_nothing() {
        let (_folder, path, _other) = database(true);
        let all = Kind::all()
            .filter_map(|kind| Some(Wanted { kind, table: kind.table()?.into(), source: SourceId(1) }))
            .collect();
        let mut watch = Watch::new(&path, all);
        watch.read_all(NOW, &mut |_| ()).expect("reads");
        assert_eq!(watch.take_notes(), Vec::<String>::new());
    }

    #[test]
    fn a_change_by_another_program_is_told_within_250_ms() {
        let (_folder, path, other) = database(true);
        let mut watch = Watch::new(&path, wanted());
        read(&mut watch).expect("reads");
        let (told, news) = mpsc::channel();
        let watcher = Watcher::start(vec![watch], move |news| drop(told.send(news))).expect("starts");
        let mut took = Vec::new();
        for n in 0..10 {
            other.execute("UPDATE ps_aors SET max_contacts = ?1 WHERE id = 'a'", [n]).expect("sql");
            #[expect(clippy::disallowed_methods, reason = "a bound in real time is what is tested")]
            let began = Instant::now();
            let news = news.recv_timeout(Duration::from_secs(5)).expect("notices");
            took.push(began.elapsed());
            let News::Happened(Happened::Rows { changed, .. }) = news else { panic!("{news:?}") };
            assert_eq!(changed[0].settings[0].value, n.to_string());
        }
        // One of ten may fall to a busy machine.
        took.sort();
        assert!(took[8] < Duration::from_millis(250), "{took:?}");
        assert_eq!(watcher.status(), [(path.clone(), Health::Working)]);
    }
}
