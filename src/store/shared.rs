//! Contacts in a `ps_contacts` table that others use too, without waiting for it.
//!
//! ```text
//! commit ──► our journal (durable, acknowledged) ──► ps_contacts: at once after a pause, under load every 250 ms,
//!                                                    newest state of each contact
//! ```
//! So a lock that another program holds on its database, a full disk there, a missing table or file stop no REGISTER:
//! the journal keeps what the table has not got. Measured, a refresh costs a quarter of what a row of its own per
//! change would.

use super::committer::{Backend, Recovered, Tended};
use super::fault::Fault;
use super::journal::{Journal, Loaded, Target};
use super::ps_contacts::PsContacts;
use super::ps_write::AorLookup;
use super::record::Names;
use super::states::{self, Key, Latest};
use super::watch::ForeignCommits;
use crate::base::time::WallTime;
use crate::registrar::binding::{Binding, ContactChange};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long changes gather before they go to the table together, while they keep coming.
pub const MIRROR_GAP: Duration = Duration::from_millis(250);
/// Pause between attempts while the table cannot be written.
const RETRY: Duration = Duration::from_millis(250);

/// The table.
enum Table {
    Open(Box<PsContacts>),
    /// It could not be opened yet.
    Closed(AorLookup),
}

/// Whose fault it is.
enum Trouble {
    /// Our journal's.
    Own(Fault),
    /// The shared table's.
    Theirs(Fault),
}

/// See the module.
pub struct Shared {
    journal: Journal,
    table: Table,
    database: PathBuf,
    table_name: String,
    foreign_commits: Arc<ForeignCommits>,
    fault: Option<Fault>,
    /// When the table was last written, or tried in vain.
    last_write: WallTime,
    names: Names,
    notes: Vec<String>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("journal", &self.journal)
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

impl Shared {
    /// Opens our journal at `own` and the table in `database`, and reads every contact. A database that cannot be
    /// opened now is opened later; then its contacts come as foreign changes.
    ///
    /// # Errors
    /// As [`Journal::open`].
    pub fn open(
        own: &Path,
        database: &Path,
        table_name: &str,
        aors: AorLookup,
        now: WallTime,
    ) -> Result<(Shared, Loaded), Fault> {
        let (mut journal, mut loaded) = Journal::open(own, now)?;
        journal.own_nothing(&loaded.bindings)?;
        let mut store = Shared {
            journal,
            table: Table::Closed(aors),
            database: database.to_owned(),
            table_name: table_name.to_owned(),
            foreign_commits: Arc::default(),
            fault: None,
            last_write: WallTime(0),
            names: Names::default(),
            notes: Vec::new(),
        };
        match store.open_table() {
            Ok(theirs) => store.merge(theirs, &mut loaded),
            Err(fault) => {
                loaded.notes.push(format!("contacts are shared later: {fault}"));
                store.foreign_commits.set_blind(true);
                store.fault = Some(fault);
            }
        }
        Ok((store, loaded))
    }

    /// Counts commits by others to the database, for a [`super::watch::Watch`] on the same file.
    pub fn foreign_commits(&self) -> Arc<ForeignCommits> {
        self.foreign_commits.clone()
    }

    fn open_table(&mut self) -> Result<Loaded, Fault> {
        let Table::Closed(aors) = &self.table else { return Ok(Loaded::default()) };
        let (aors, count) = (aors.clone(), self.foreign_commits.clone());
        let (table, loaded) = PsContacts::open(&self.database, &self.table_name, aors, count)?;
        self.table = Table::Open(Box::new(table));
        Ok(loaded)
    }

    /// Their rows under our pending states.
    fn merge(&mut self, theirs: Loaded, ours: &mut Loaded) {
        ours.notes.extend(theirs.notes);
        let pending = self.journal.pending();
        // Of ours there are few: what the table did not get in time.
        let mut whole: HashMap<Key, Binding> =
            ours.bindings.drain(..).map(|binding| ((binding.aor.clone(), binding.hash), binding)).collect();
        let mut bindings = theirs.bindings;
        bindings.retain_mut(|binding| {
            let key = (binding.aor.clone(), binding.hash);
            match pending.get(&key) {
                Some(Latest::Put { .. } | Latest::Remove) => return false,
                Some(Latest::Refresh { expires, cseq }) => {
                    (binding.expires, binding.cseq) = (*expires, *cseq);
                }
                None => {}
            }
            whole.remove(&key);
            true
        });
        bindings.extend(whole.into_values());
        ours.bindings = bindings;
    }

    /// Whether changes may go to the table: enough time has passed (or the clock was set).
    fn is_due(&self, now: WallTime) -> bool {
        let gap = if self.fault.is_some() { RETRY } else { MIRROR_GAP };
        u128::from(now.0.abs_diff(self.last_write.0)) >= gap.as_micros()
    }

    /// One step towards a table that has everything. True when there is more to do at once.
    fn mirror(&mut self, now: WallTime) -> Result<bool, Trouble> {
        let Table::Open(_) = &self.table else { return Ok(false) };
        if !self.journal.is_folding() {
            if self.journal.pending().is_empty() || !self.is_due(now) {
                return Ok(false);
            }
            self.journal.begin_fold().map_err(Trouble::Own)?;
            self.last_write = now;
        }
        let Table::Open(table) = &mut self.table else { return Ok(false) };
        let (names, mut theirs) = (&mut self.names, None);
        let mut write = |some: &[(Key, Latest)]| {
            let changes: Vec<_> = some.iter().filter_map(|(key, state)| change(key, state, names)).collect();
            let written = table.commit(&changes, now);
            theirs = written.clone().err();
            written
        };
        let folded = self.journal.fold_slice(&mut Target::Elsewhere(&mut write));
        let more = folded.map_err(|fault| theirs.map_or(Trouble::Own(fault), Trouble::Theirs))?;
        Ok(more || (!self.journal.pending().is_empty() && self.is_due(now)))
    }

    /// A foreign change that ours will overwrite is none.
    fn counts(&self, foreign: &ContactChange) -> bool {
        let key = match foreign {
            ContactChange::Put(binding) => (binding.aor.clone(), binding.hash),
            ContactChange::Refresh { aor, hash, .. } | ContactChange::Remove { aor, hash } => {
                (aor.clone(), *hash)
            }
        };
        let ours = self.journal.pending().get(&key).or_else(|| self.journal.folding(&key));
        match (ours, foreign) {
            (None, _) => true,
            (Some(Latest::Refresh { .. }), ContactChange::Refresh { .. }) => false,
            (Some(Latest::Refresh { .. }), _) => true,
            (Some(_), _) => false,
        }
    }

    /// What the table's own housekeeping finds.
    fn tend_table(&mut self, now: WallTime, tended: &mut Tended) -> Result<(), Fault> {
        if let Table::Closed(_) = self.table {
            let theirs = self.open_table()?;
            tended.notes.extend(theirs.notes);
            let puts = theirs.bindings.into_iter().map(|binding| ContactChange::Put(Box::new(binding)));
            tended.foreign.extend(puts.filter(|change| self.counts(change)));
        }
        let Table::Open(table) = &mut self.table else { return Ok(()) };
        if let Some(fault) = &self.fault {
            tended.notes.extend(table.recover(fault, now)?.notes);
        }
        let theirs = table.tend(now)?;
        tended.more |= theirs.more;
        tended.notes.extend(theirs.notes);
        tended.foreign.extend(theirs.foreign.into_iter().filter(|change| self.counts(change)));
        Ok(())
    }

    fn failed(&mut self, fault: Fault, now: WallTime) {
        if self.fault.is_none() {
            self.notes.push(format!("contacts cannot be shared, the journal keeps them: {fault}"));
        }
        self.foreign_commits.set_blind(true);
        self.fault = Some(fault);
        self.last_write = now;
    }
}

impl Backend for Shared {
    fn commit(&mut self, changes: &[ContactChange], now: WallTime) -> Result<(), Fault> {
        self.journal.commit(changes, now)?;
        // After a pause the row stands in the table before the REGISTER is answered. What fails here does not concern
        // the REGISTER; housekeeping tries again and tells.
        if self.fault.is_none()
            && !self.journal.is_folding()
            && let Err(Trouble::Theirs(fault)) = self.mirror(now)
        {
            self.failed(fault, now);
        }
        Ok(())
    }

    fn tend(&mut self, now: WallTime) -> Result<Tended, Fault> {
        self.journal.must_be_in_place()?;
        let mut tended = Tended::default();
        if self.fault.is_none() || self.is_due(now) {
            let worked = match self.tend_table(now, &mut tended) {
                Ok(()) => self.mirror(now),
                Err(fault) => Err(Trouble::Theirs(fault)),
            };
            match worked {
                Ok(more) => {
                    tended.more |= more;
                    if let Some(fault) = self.fault.take() {
                        self.foreign_commits.set_blind(false);
                        self.notes.push(format!("contacts are shared again, after: {fault}"));
                    }
                }
                Err(Trouble::Own(fault)) => return Err(fault),
                Err(Trouble::Theirs(fault)) => self.failed(fault, now),
            }
        }
        if self.fault.is_some() && self.journal.is_long() {
            self.journal.compact()?;
        }
        tended.notes.append(&mut self.notes);
        tended.fault.clone_from(&self.fault);
        Ok(tended)
    }

    fn recover(&mut self, fault: &Fault, now: WallTime) -> Result<Recovered, Fault> {
        self.journal.recover(fault, now)
    }
}

/// A state as a change; none for one whose record cannot be read (it was sound when it was written).
fn change((aor, hash): &Key, state: &Latest, names: &mut Names) -> Option<ContactChange> {
    let (aor, hash) = (aor.clone(), *hash);
    Some(match state {
        Latest::Put { .. } => {
            ContactChange::Put(Box::new(states::binding((aor, hash), state, names).ok().flatten()?))
        }
        Latest::Refresh { expires, cseq } => {
            ContactChange::Refresh { aor, hash, expires: *expires, cseq: *cseq }
        }
        Latest::Remove => ContactChange::Remove { aor, hash },
    })
}

#[cfg(test)]
mod tests {
    use super::super::fault::{FaultKind, ask};
    use super::super::ps_columns::AorColumns;
    use super::super::record::tests::binding;
    use super::super::schema;
    use super::super::testing::Folder;
    use super::*;
    use rusqlite::Connection;

    fn at(millis: u64) -> WallTime {
        WallTime(1_600_000_000_000_000 + millis * 1_000)
    }

    fn open(folder: &Folder, now: WallTime) -> (Shared, Loaded) {
        let aors: AorLookup = Arc::new(|_| AorColumns::default());
        let (own, theirs) = (folder.path("contacts.sqlite"), folder.path("realtime.sqlite3"));
        Shared::open(&own, &theirs, "ps_contacts", aors, now).expect("opens")
    }

    fn database(folder: &Folder) -> Connection {
        schema::migrate(&folder.path("realtime.sqlite3")).expect("migrates");
        Connection::open(folder.path("realtime.sqlite3")).expect("a second program")
    }

    fn rows(other: &Connection) -> i64 {
        ask(other, "SELECT count(*) FROM ps_contacts").expect("sql")
    }

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

    /// Housekeeping until there is nothing to do at once; what others changed, and the last fault.
    fn tend(store: &mut Shared, now: WallTime) -> (Vec<ContactChange>, Option<Fault>) {
        let mut foreign = Vec::new();
        loop {
            let tended = store.tend(now).expect("our own file is well");
            foreign.extend(tended.foreign);
            if !tended.more {
                return (foreign, tended.fault);
            }
        }
    }

    fn sorted(mut bindings: Vec<Binding>) -> Vec<Binding> {
        bindings.sort_by(|a, b| a.aor.cmp(&b.aor));
        bindings
    }

    #[test]
    fn after_a_pause_the_row_is_there_before_the_answer_and_under_load_soon_after() {
        let folder = Folder::new();
        let other = database(&folder);
        let (mut store, _) = open(&folder, at(0));
        store.commit(&[put(1)], at(0)).expect("commits");
        assert_eq!(rows(&other), 1);
        store.commit(&[put(2)], at(10)).expect("commits");
        store.commit(&[put(3), refresh(2, 5)], at(20)).expect("commits");
        tend(&mut store, at(100));
        assert_eq!(rows(&other), 1, "they gather");
        tend(&mut store, at(250));
        assert_eq!(rows(&other), 3);
        let journal = Connection::open(folder.path("contacts.sqlite")).expect("opens");
        assert!(journal.query_row("SELECT 1 FROM journal", [], |_| Ok(())).is_err(), "locked by the store");
        drop(store);
        assert_eq!(ask::<i64>(&journal, "SELECT count(*) FROM journal").expect("sql"), 0);
        drop(journal);
        let mut two = stored(2);
        (two.expires, two.cseq) = (WallTime::from_secs(5), 99);
        assert_eq!(sorted(open(&folder, at(300)).1.bindings), [stored(1), two, stored(3)]);
    }

    #[test]
    fn what_the_table_did_not_get_before_a_crash_it_gets_after_the_restart() {
        let folder = Folder::new();
        let other = database(&folder);
        let (mut store, _) = open(&folder, at(0));
        store.commit(&[put(1), put(2)], at(0)).expect("commits");
        store.commit(&[put(3), remove(1), refresh(2, 5)], at(1)).expect("commits");
        assert_eq!(rows(&other), 2);
        let crashed = Folder::new();
        folder.copy_to(&crashed);
        let (mut store, loaded) = open(&crashed, at(1_000));
        let names: Vec<_> = sorted(loaded.bindings).iter().map(|b| (b.aor.to_string(), b.cseq)).collect();
        assert_eq!(names, [("user00002".into(), 99), ("user00003".into(), 3)]);
        assert!(tend(&mut store, at(1_000)).0.is_empty());
        let other = Connection::open(crashed.path("realtime.sqlite3")).expect("opens");
        let found: String =
            ask(&other, "SELECT group_concat(endpoint || expiration_time, ' ' ORDER BY id) FROM ps_contacts")
                .expect("sql");
        assert_eq!(found, format!("user000025 trunk{}", stored(3).expires.secs()));
    }

    #[test]
    fn a_locked_table_stops_no_registration() {
        let folder = Folder::new();
        let other = database(&folder);
        let (mut store, _) = open(&folder, at(0));
        store.commit(&[put(1)], at(0)).expect("commits");
        tend(&mut store, at(1));
        other.execute_batch("BEGIN EXCLUSIVE").expect("locks");
        for n in 0..20 {
            store
                .commit(&[put(n), refresh(1, n.into())], at(1_000 + u64::from(n) * 100))
                .expect("is durable");
            tend(&mut store, at(1_050 + u64::from(n) * 100));
        }
        let (_, fault) = tend(&mut store, at(4_000));
        assert_eq!(fault.map(|fault| fault.kind), Some(FaultKind::Locked));
        other.execute_batch("COMMIT").expect("unlocks");
        let (foreign, fault) = tend(&mut store, at(5_000));
        assert_eq!((foreign, fault), (vec![], None));
        assert_eq!(rows(&other), 20);
        assert_eq!(ask::<i64>(&other, "SELECT min(expiration_time) FROM ps_contacts").expect("sql"), 19);
    }

    #[test]
    fn a_database_that_comes_later_brings_its_contacts_and_gets_ours() {
        let folder = Folder::new();
        let (mut store, loaded) = open(&folder, at(0));
        assert!(loaded.notes[0].starts_with("contacts are shared later"), "{:?}", loaded.notes);
        store.commit(&[put(1)], at(0)).expect("is durable");
        assert_eq!(tend(&mut store, at(300)).1.map(|fault| fault.kind), Some(FaultKind::Gone));
        let other = database(&folder);
        for binding in [stored(1), stored(2)] {
            let sql = "INSERT INTO ps_contacts (id, uri, expiration_time) VALUES (?1, ?2, 7)";
            other.execute(sql, (binding.id(), &*binding.uri)).expect("sql");
        }
        let (foreign, fault) = tend(&mut store, at(1_000));
        assert_eq!(fault, None);
        assert!(
            matches!(&foreign[..], [ContactChange::Put(binding)] if binding.uri == stored(2).uri),
            "what we know better is not foreign: {foreign:?}"
        );
        assert_eq!(
            ask::<i64>(&other, "SELECT max(expiration_time) FROM ps_contacts").expect("sql"),
            1_700_000_001
        );
    }

    #[test]
    fn changes_by_others_yield_to_ours_that_are_on_their_way() {
        let folder = Folder::new();
        let other = database(&folder);
        let (mut store, _) = open(&folder, at(0));
        store.commit(&[put(1), put(2), put(3)], at(0)).expect("commits");
        tend(&mut store, at(1));
        store.commit(&[put(1), refresh(2, 5)], at(2)).expect("commits");
        other.execute_batch("DELETE FROM ps_contacts").expect("sql");
        let (foreign, _) = tend(&mut store, at(100));
        assert_eq!(foreign.len(), 2, "{foreign:?}");
        assert!(foreign.contains(&remove(2)) && foreign.contains(&remove(3)));
        tend(&mut store, at(300));
        assert_eq!(rows(&other), 1, "ours was put again");
    }

    #[test]
    fn during_a_long_outage_the_journal_stays_small() {
        let folder = Folder::new();
        let (mut store, _) = open(&folder, at(0));
        store.journal.fold_bytes_for_test(20_000);
        for round in 0..200u64 {
            let changes: Vec<_> =
                (0..50).map(|n| if round == 0 { put(n) } else { refresh(n, round) }).collect();
            store.commit(&changes, at(round * 300)).expect("is durable");
            tend(&mut store, at(round * 300 + 1));
        }
        store.commit(&[remove(0)], at(100_000)).expect("is durable");
        assert!(store.journal.bytes_for_test() < 80_000, "{} bytes", store.journal.bytes_for_test());
        drop(store);
        let loaded = open(&folder, at(100_001)).1.bindings;
        assert_eq!(loaded.len(), 49);
        assert!(loaded.iter().all(|binding| binding.expires.secs() == 199));
    }

    #[test]
    fn contacts_of_our_own_file_move_to_the_table_when_it_is_configured() {
        let folder = Folder::new();
        let (mut own, _) = Journal::open(&folder.path("contacts.sqlite"), at(0)).expect("opens");
        own.commit(&[put(1), put(2)], at(0)).expect("commits");
        own.begin_fold().expect("folds");
        while own.fold_slice(&mut Target::OwnTable).expect("folds") {}
        own.commit(&[refresh(2, 5)], at(0)).expect("commits");
        drop(own);
        let other = database(&folder);
        let (mut store, loaded) = open(&folder, at(1_000));
        assert_eq!(loaded.bindings.len(), 2);
        tend(&mut store, at(1_000));
        assert_eq!(rows(&other), 2);
        assert_eq!(ask::<i64>(&other, "SELECT min(expiration_time) FROM ps_contacts").expect("sql"), 5);
        drop(store);
        assert_eq!(open(&folder, at(2_000)).1.bindings.len(), 2);
    }
}
