//! The contact store's own file.
//!
//! ```text
//! commit   one row of `journal` per group: a page or two at the end of the file, one flush
//! fold     now and then, in slices between commits: the newest state of each contact of the older journal rows goes
//!          into `contacts`, then those rows are deleted
//! open     the table, with the journal replayed over it
//! ```
//! Why not write the table at once: measured, a refresh costs 1.7 µs in a group of 32 this way and 11 µs as an UPDATE,
//! because that dirties a page of its own; a bare append-only file with a flush costs the same 1.7 µs.
//!
//! Folding and deleting may stop anywhere: replaying old rows over newer table rows ends in the same state, because
//! the replay always runs to the newest row.

mod backend;

use super::committer::Recovered;
use super::fault::{Fault, FaultKind, ask};
use super::journal_file::{OpenFile, finish_interrupted_rescue, fold_one, move_copy_into_place, set_aside};
use super::record::{self, Names};
use super::states::{self, Key, Latest, States, absorb};
use crate::base::limits::{STORE_FOLD_SLICE, STORE_GROUP, STORE_JOURNAL_BYTES};
use crate::base::time::WallTime;
use crate::registrar::binding::{Binding, ContactChange};
use rusqlite::{TransactionBehavior, params};
use std::path::{Path, PathBuf};

/// Journal rows deleted per slice after a fold: a millisecond, because commits wait for it.
const DELETE_SLICE: i64 = 400;
/// Bytes of a contact's table row besides its record.
const ROW_BYTES: u64 = 50;

/// What was read at open.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Every stored contact, expired ones included.
    pub bindings: Vec<Binding>,
    /// Worth a log line: damage, what was set aside.
    pub notes: Vec<String>,
}

/// Where the content is.
#[derive(Debug)]
enum Place {
    /// In the open file.
    Open(OpenFile),
    /// The file was deleted under us; all of it is in the copy beside, which must be moved into place.
    Copied,
    /// It is damaged, and closed; it must be set aside.
    Damaged(Fault),
    /// The damaged file was set aside; this is what could be read of it, not yet in the new file.
    Salvaged(States),
}

/// Writes states to a table elsewhere, durably.
pub(super) type WriteStates<'a> = dyn FnMut(&[(Key, Latest)]) -> Result<(), Fault> + 'a;

/// Where folded states go.
pub(super) enum Target<'a> {
    /// Into the table of the same file.
    OwnTable,
    /// Written, durably, by this function.
    Elsewhere(&'a mut WriteStates<'a>),
}

/// A fold under way.
#[derive(Debug)]
struct Fold {
    /// Sorted by key, so that neighbours share pages.
    states: Vec<(Key, Latest)>,
    next: usize,
    /// The last journal row it covers.
    upto: i64,
    /// Size of those rows.
    bytes: u64,
}

/// See the module.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    place: Place,
    /// In the journal, not in the table, and not part of the fold under way.
    pending: States,
    fold: Option<Fold>,
    journal_bytes: u64,
    /// The journal is folded when it is larger than this.
    fold_bytes: u64,
    row: Vec<u8>,
    /// What a recovery has to tell once it is done.
    news: Recovered,
}

impl Journal {
    /// Opens or creates the file at `path` and reads every contact. A damaged file is set aside under
    /// `<path>.damaged-<seconds>`, and what can be read of it is kept.
    ///
    /// # Errors
    /// The file cannot be created or read, another process has it open, or it is another program's.
    pub fn open(path: &Path, now: WallTime) -> Result<(Journal, Loaded), Fault> {
        let opened = match finish_interrupted_rescue(path, now).and_then(|()| Journal::open_sound(path)) {
            Err(fault) if fault.kind == FaultKind::Corrupt => Journal::open_damaged(path, &fault, now),
            other => other,
        };
        opened.map_err(|fault| fault.while_doing(&path.display().to_string()))
    }

    fn open_sound(path: &Path) -> Result<(Journal, Loaded), Fault> {
        let file = OpenFile::connect(path)?;
        file.check(path)?;
        let mut journal = Journal::around(path, file);
        let loaded = journal.load()?;
        Ok((journal, loaded))
    }

    fn open_damaged(path: &Path, fault: &Fault, now: WallTime) -> Result<(Journal, Loaded), Fault> {
        let (mut loaded, mut names) = (Loaded::default(), Names::default());
        let salvaged = set_aside(path, fault, now, &mut loaded.notes)?;
        for (key, state) in &salvaged {
            loaded.bindings.extend(states::binding(key.clone(), state, &mut names).unwrap_or_default());
        }
        let mut journal = Journal::around(path, OpenFile::connect(path)?);
        journal.write_states(salvaged)?;
        Ok((journal, loaded))
    }

    fn around(path: &Path, file: OpenFile) -> Journal {
        Journal {
            path: path.to_owned(),
            place: Place::Open(file),
            pending: States::default(),
            fold: None,
            journal_bytes: 0,
            fold_bytes: STORE_JOURNAL_BYTES,
            row: Vec::new(),
            news: Recovered::default(),
        }
    }

    fn file(&mut self) -> Result<&mut OpenFile, Fault> {
        match &mut self.place {
            Place::Open(file) => Ok(file),
            Place::Copied | Place::Damaged(_) | Place::Salvaged(_) => {
                Err(Fault::new(FaultKind::Gone, format!("{} is not open", self.path.display())))
            }
        }
    }

    /// Reads everything: the journal into `pending`, the table with that over it.
    fn load(&mut self) -> Result<Loaded, Fault> {
        let (mut names, mut loaded, mut table_bytes) = (Names::default(), Loaded::default(), 0);
        let (pending, bytes) = self.file()?.read_journal(&mut names)?;
        self.file()?.read_table(&mut |key, mut state| {
            if let Latest::Put { record, .. } = &state {
                table_bytes += record.len() as u64 + ROW_BYTES;
            }
            match pending.get(&key) {
                None => {}
                Some(refresh @ Latest::Refresh { .. }) => state.follow(refresh.clone()),
                Some(Latest::Put { .. } | Latest::Remove) => return Ok(()),
            }
            loaded.bindings.extend(states::binding(key, &state, &mut names)?);
            Ok(())
        })?;
        for (key, state) in &pending {
            loaded.bindings.extend(states::binding(key.clone(), state, &mut names)?);
        }
        self.pending = pending;
        self.journal_bytes = bytes;
        self.fold_bytes = STORE_JOURNAL_BYTES.max(table_bytes / 4);
        Ok(loaded)
    }

    /// Appends states that came from elsewhere.
    fn write_states(&mut self, states: States) -> Result<(), Fault> {
        let mut entries = states.into_iter().peekable();
        while entries.peek().is_some() {
            record::begin_group(&mut self.row);
            let some: Vec<_> = entries.by_ref().take(STORE_FOLD_SLICE).collect();
            for ((aor, hash), state) in &some {
                record::write_entry(aor, hash, state.what(), &mut self.row);
            }
            self.append()?;
            some.into_iter().for_each(|(key, state)| absorb(&mut self.pending, key, state));
        }
        Ok(())
    }

    fn append(&mut self) -> Result<(), Fault> {
        let mut row = std::mem::take(&mut self.row);
        record::end_group(&mut row);
        let written = self.file().and_then(|file| {
            let mut insert = file.conn.prepare_cached("INSERT INTO journal (changes) VALUES (?1)")?;
            Ok(insert.execute(params![row])?)
        });
        self.row = row;
        written?;
        self.journal_bytes += self.row.len() as u64;
        Ok(())
    }

    fn commit_row(&mut self, changes: &[ContactChange]) -> Result<(), Fault> {
        record::begin_group(&mut self.row);
        for change in changes {
            record::write_change(change, &mut self.row);
        }
        self.append()?;
        self.must_be_in_place()?;
        let (mut changes, pending) = (changes.iter(), &mut self.pending);
        record::read_group(&self.row, |entry| {
            let aor = match changes.next() {
                Some(ContactChange::Put(binding)) => &binding.aor,
                Some(ContactChange::Refresh { aor, .. } | ContactChange::Remove { aor, .. }) => aor,
                None => return,
            };
            absorb(pending, (aor.clone(), entry.hash), entry.what.into());
        })
        .map_err(|_| Fault::new(FaultKind::Corrupt, "a journal row changed in memory"))
    }

    /// An acknowledged change must be found under this path after a restart, not in a file that has lost its name.
    pub(super) fn must_be_in_place(&mut self) -> Result<(), Fault> {
        let path = self.path.clone();
        if self.file()?.in_place(&path) {
            return Ok(());
        }
        Err(Fault::new(FaultKind::Gone, format!("{} was deleted or replaced", path.display())))
    }

    /// Moves what is pending into a fold; the one before must have ended.
    pub(super) fn begin_fold(&mut self) -> Result<(), Fault> {
        let upto: Option<i64> = ask(&self.file()?.conn, "SELECT max(seq) FROM journal")?;
        let mut states: Vec<_> = std::mem::take(&mut self.pending).into_iter().collect();
        states.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        self.fold = Some(Fold { states, next: 0, upto: upto.unwrap_or(0), bytes: self.journal_bytes });
        Ok(())
    }

    /// One slice of the fold: states into the table, then journal rows out. True when there is more.
    pub(super) fn fold_slice(&mut self, target: &mut Target<'_>) -> Result<bool, Fault> {
        let Some(mut fold) = self.fold.take() else { return Ok(false) };
        let done = self.file().and_then(|file| fold.slice(file, target));
        match done {
            Ok(true) => {
                self.journal_bytes = self.journal_bytes.saturating_sub(fold.bytes);
                Ok(false)
            }
            Ok(false) => {
                self.fold = Some(fold);
                Ok(true)
            }
            Err(fault) => {
                self.fold = Some(fold);
                Err(fault)
            }
        }
    }

    /// Rewrites the journal so that it holds the newest state of each contact once, and the table nothing. One
    /// transaction: a newer change must not come to stand before an older state.
    pub(super) fn compact(&mut self) -> Result<(), Fault> {
        self.pending = self.take_states();
        let (mut row, mut bytes) = (Vec::new(), 0);
        let entries: Vec<_> = self.pending.iter().collect();
        let Place::Open(file) = &mut self.place else { return Ok(()) };
        let transaction = file.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let upto: Option<i64> = ask(&transaction, "SELECT max(seq) FROM journal")?;
        for some in entries.chunks(STORE_GROUP) {
            record::begin_group(&mut row);
            for ((aor, hash), state) in some {
                record::write_entry(aor, hash, state.what(), &mut row);
            }
            record::end_group(&mut row);
            transaction.prepare_cached("INSERT INTO journal (changes) VALUES (?1)")?.execute(params![row])?;
            bytes += row.len() as u64;
        }
        transaction.execute("DELETE FROM journal WHERE seq <= ?1", [upto.unwrap_or(0)])?;
        transaction.execute("DELETE FROM contacts", [])?;
        transaction.commit()?;
        self.journal_bytes = bytes;
        self.fold_bytes = self.fold_bytes.max(bytes * 2);
        Ok(())
    }

    /// For a store whose table is elsewhere: everything in this file becomes pending, its own table is emptied.
    pub(super) fn own_nothing(&mut self, bindings: &[Binding]) -> Result<(), Fault> {
        for binding in bindings {
            let mut record = Vec::new();
            record::write_record(binding, &mut record);
            let (expires, cseq, record) = (binding.expires, binding.cseq, record.into());
            self.pending.insert((binding.aor.clone(), binding.hash), Latest::Put { expires, cseq, record });
        }
        self.compact()
    }

    /// States that have not reached their table, neither by a finished fold nor by the one under way.
    pub(super) fn pending(&self) -> &States {
        &self.pending
    }

    /// Whether a fold is under way.
    pub(super) fn is_folding(&self) -> bool {
        self.fold.is_some()
    }

    /// Whether the journal has grown so much that something must be done.
    pub(super) fn is_long(&self) -> bool {
        self.journal_bytes > self.fold_bytes
    }

    /// What the fold under way says of a contact.
    pub(super) fn folding(&self, key: &Key) -> Option<&Latest> {
        let fold = self.fold.as_ref()?;
        let at = fold.states.binary_search_by(|(other, _)| other.cmp(key)).ok()?;
        Some(&fold.states[at].1)
    }

    /// Every state in memory, the newer over the older.
    fn take_states(&mut self) -> States {
        let mut states = States::default();
        if let Some(fold) = self.fold.take() {
            states.extend(fold.states);
        }
        for (key, state) in std::mem::take(&mut self.pending) {
            absorb(&mut states, key, state);
        }
        states
    }

    /// Whether the open file must be given up: closed it then is, and what is to be done next is noted.
    fn give_up_file(&mut self, fault: &Fault) -> Result<(), Fault> {
        let Place::Open(file) = &self.place else { return Ok(()) };
        let mut damage = (fault.kind == FaultKind::Corrupt).then(|| fault.clone());
        if damage.is_none() && !file.in_place(&self.path) {
            match file.copy_beside(&self.path) {
                Ok(()) => self.place = Place::Copied,
                Err(fault) if fault.kind == FaultKind::Corrupt => damage = Some(fault),
                Err(fault) => return Err(fault),
            }
        }
        if let Some(damage) = damage {
            self.place = Place::Damaged(damage);
        }
        Ok(())
    }

    /// Goes on from whatever a recovery has reached; each step may be tried again.
    fn reopen(&mut self, now: WallTime) -> Result<(), Fault> {
        if let Place::Copied = self.place {
            move_copy_into_place(&self.path, now, &mut self.news.notes)?;
            self.place = Place::Open(OpenFile::connect(&self.path)?);
        }
        if let Place::Damaged(damage) = &self.place {
            let mut salvaged = set_aside(&self.path, damage, now, &mut self.news.notes)?;
            self.take_states().into_iter().for_each(|(key, state)| absorb(&mut salvaged, key, state));
            self.place = Place::Salvaged(salvaged);
            self.news.incomplete = true;
        }
        if let Place::Salvaged(salvaged) = &self.place {
            let mut fresh = Journal::around(&self.path, OpenFile::connect(&self.path)?);
            fresh.write_states(salvaged.clone())?;
            fresh.news = std::mem::take(&mut self.news);
            *self = fresh;
        }
        Ok(())
    }
}

impl Fold {
    /// True when this was the last slice.
    fn slice(&mut self, file: &mut OpenFile, target: &mut Target<'_>) -> Result<bool, Fault> {
        if self.next < self.states.len() {
            let end = self.states.len().min(self.next + STORE_FOLD_SLICE);
            let some = &self.states[self.next..end];
            match target {
                Target::OwnTable => {
                    let transaction = file.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
                    some.iter().try_for_each(|(key, state)| fold_one(&transaction, key, state))?;
                    transaction.commit()?;
                }
                Target::Elsewhere(write) => write(some)?,
            }
            self.next = end;
            return Ok(false);
        }
        let transaction = file.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let first: Option<i64> = ask(&transaction, "SELECT min(seq) FROM journal")?;
        let end = first.map_or(self.upto, |first| self.upto.min(first.saturating_add(DELETE_SLICE)));
        transaction.prepare_cached("DELETE FROM journal WHERE seq <= ?1")?.execute([end])?;
        transaction.commit()?;
        Ok(end == self.upto)
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::binding;
    use super::super::testing::Folder;
    use super::*;
    use crate::base::rng::Rng;
    use crate::store::committer::Backend;
    use rusqlite::Connection;
    use std::collections::BTreeMap;
    use std::fs;

    const NOW: WallTime = WallTime(1_700_000_000_000_000);

    fn put(n: u32) -> ContactChange {
        ContactChange::Put(Box::new(binding(n)))
    }

    fn refresh(n: u32, secs: u64) -> ContactChange {
        let Binding { aor, hash, .. } = binding(n);
        ContactChange::Refresh { aor, hash, expires: WallTime::from_secs(secs), cseq: 99 }
    }

    fn remove(n: u32) -> ContactChange {
        let Binding { aor, hash, .. } = binding(n);
        ContactChange::Remove { aor, hash }
    }

    /// What a store must hold after these changes.
    #[derive(Debug, Default)]
    struct Model(BTreeMap<(String, [u8; 16]), Binding>);

    impl Model {
        fn apply(&mut self, change: &ContactChange) {
            match change {
                ContactChange::Put(binding) => {
                    self.0.insert((binding.aor.to_string(), binding.hash), (**binding).clone());
                }
                ContactChange::Refresh { aor, hash, expires, cseq } => {
                    if let Some(binding) = self.0.get_mut(&(aor.to_string(), *hash)) {
                        (binding.expires, binding.cseq) = (*expires, *cseq);
                    }
                }
                ContactChange::Remove { aor, hash } => {
                    self.0.remove(&(aor.to_string(), *hash));
                }
            }
        }

        fn sorted(self) -> Vec<Binding> {
            self.0.into_values().collect()
        }
    }

    fn sorted(mut bindings: Vec<Binding>) -> Vec<Binding> {
        bindings.sort_by(|a, b| (&a.aor, a.hash).cmp(&(&b.aor, b.hash)));
        bindings
    }

    fn open(folder: &Folder) -> (Journal, Loaded) {
        Journal::open(&folder.path("contacts.sqlite"), NOW).expect("opens")
    }

    fn tend_to_the_end(journal: &mut Journal) {
        while journal.tend(NOW).expect("tends").more {}
    }

    impl Journal {
        pub(in crate::store) fn fold_bytes_for_test(&mut self, bytes: u64) {
            self.fold_bytes = bytes;
        }

        pub(in crate::store) fn bytes_for_test(&self) -> u64 {
            self.journal_bytes
        }
    }

    #[test]
    fn what_was_committed_is_there_after_reopening() {
        let folder = Folder::new();
        let (mut journal, loaded) = open(&folder);
        assert!(loaded.bindings.is_empty());
        journal.commit(&[put(1), put(2), refresh(1, 5), remove(2), put(3)], NOW).expect("commits");
        drop(journal);
        let mut one = binding(1);
        (one.expires, one.cseq) = (WallTime::from_secs(5), 99);
        assert_eq!(sorted(open(&folder).1.bindings), [one, binding(3)]);
    }

    #[test]
    fn commits_are_flushed_and_logged_ahead() {
        let folder = Folder::new();
        let (mut journal, _) = open(&folder);
        let conn = &journal.file().expect("open").conn;
        assert_eq!(ask::<i64>(conn, "PRAGMA synchronous").expect("pragma"), 2);
        assert_eq!(ask::<String>(conn, "PRAGMA journal_mode").expect("pragma"), "wal");
    }

    #[test]
    fn any_order_of_changes_folds_and_reopenings_ends_in_the_same_state() {
        for seed in 0..30 {
            let (folder, mut rng, mut model) = (Folder::new(), Rng::seeded(seed), Model::default());
            let (mut journal, _) = open(&folder);
            for _ in 0..120 {
                let changes: Vec<_> = (0..1 + rng.below(20))
                    .map(|_| {
                        let n = rng.below(60) as u32;
                        match rng.below(4) {
                            0 => put(n),
                            1 => remove(n),
                            _ => refresh(n, rng.below(1_000_000)),
                        }
                    })
                    .collect();
                journal.commit(&changes, NOW).expect("commits");
                changes.iter().for_each(|change| model.apply(change));
                match rng.below(8) {
                    0 if journal.fold.is_none() => journal.begin_fold().expect("folds"),
                    1 | 2 => drop(journal.tend(NOW).expect("tends")),
                    3 if rng.below(4) == 0 => {
                        journal = {
                            drop(journal);
                            open(&folder).0
                        }
                    }
                    _ => {}
                }
            }
            drop(journal);
            assert_eq!(sorted(open(&folder).1.bindings), model.sorted(), "seed {seed}");
        }
    }

    #[test]
    fn a_large_journal_is_folded_in_slices_and_emptied() {
        let folder = Folder::new();
        let (mut journal, _) = open(&folder);
        journal.fold_bytes = 50_000;
        for n in (0..5_000).step_by(50) {
            journal.commit(&(n..n + 50).map(put).collect::<Vec<_>>(), NOW).expect("commits");
        }
        assert!(journal.tend(NOW).expect("tends").more, "5,000 contacts are more than a slice");
        journal.commit(&[refresh(7, 7)], NOW).expect("commits between slices");
        tend_to_the_end(&mut journal);
        assert_eq!(
            ask::<i64>(&journal.file().expect("open").conn, "SELECT count(*) FROM journal").expect("sql"),
            1
        );
        assert!(journal.journal_bytes < 100, "{}", journal.journal_bytes);
        drop(journal);
        let loaded = open(&folder).1.bindings;
        assert_eq!(loaded.len(), 5_000);
        assert_eq!(loaded.iter().find(|b| b.cseq == 99).map(|b| b.expires), Some(WallTime::from_secs(7)));
    }

    #[test]
    fn a_second_process_is_refused_in_words() {
        let folder = Folder::new();
        let (_journal, _) = open(&folder);
        let fault = Journal::open(&folder.path("contacts.sqlite"), NOW).expect_err("in use");
        assert_eq!(fault.kind, FaultKind::Locked);
        assert!(fault.words.ends_with("contacts.sqlite: in use by another process"), "{fault}");
    }

    #[test]
    fn a_full_disk_refuses_and_recovers() {
        let folder = Folder::new();
        let (mut journal, _) = open(&folder);
        journal.commit(&[put(0)], NOW).expect("commits");
        let pages: i64 = ask(&journal.file().expect("open").conn, "PRAGMA page_count").expect("pragma");
        let limit = |journal: &mut Journal, pages: i64| {
            let conn = &journal.file().expect("open").conn;
            conn.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).expect("pragma");
        };
        limit(&mut journal, pages + 2);
        let many: Vec<_> = (1..200).map(put).collect();
        let fault = journal.commit(&many, NOW).expect_err("full");
        assert_eq!(fault.kind, FaultKind::Full);
        journal.recover(&fault, NOW).expect("nothing to reopen");
        journal.commit(&[refresh(0, 9)], NOW).expect("what fits is still written");
        limit(&mut journal, 1_000_000);
        journal.commit(&many, NOW).expect("the disk is well again");
        drop(journal);
        assert_eq!(open(&folder).1.bindings.len(), 200);
    }

    /// Commits once; on a fault recovers and commits again, as the committer does.
    fn commit_through(journal: &mut Journal, changes: &[ContactChange]) -> (Fault, Recovered) {
        let fault = journal.commit(changes, NOW).expect_err("noticed");
        let recovered = journal.recover(&fault, NOW).expect("recovers");
        journal.commit(changes, NOW).expect("commits after recovery");
        (fault, recovered)
    }

    #[test]
    fn a_deleted_file_is_noticed_before_anything_is_acknowledged_and_written_anew() {
        for victim in ["contacts.sqlite", "contacts.sqlite-wal"] {
            let folder = Folder::new();
            let (mut journal, _) = open(&folder);
            journal.commit(&[put(1), put(2)], NOW).expect("commits");
            journal.begin_fold().expect("folds");
            tend_to_the_end(&mut journal);
            journal.commit(&[put(3)], NOW).expect("commits");
            fs::remove_file(folder.path(victim)).expect("was there");
            let (fault, recovered) = commit_through(&mut journal, &[put(4), refresh(1, 5)]);
            assert_eq!(fault.kind, FaultKind::Gone);
            assert!(!recovered.incomplete && !recovered.notes.is_empty());
            // As `kill -9` leaves it: nothing is closed.
            let copy = Folder::new();
            folder.copy_to(&copy);
            assert_eq!(open(&copy).1.bindings.len(), 4, "{victim}");
            drop(journal);
            assert_eq!(open(&folder).1.bindings.len(), 4, "{victim}");
        }
    }

    #[test]
    fn an_idle_store_notices_the_deletion_too() {
        let folder = Folder::new();
        let (mut journal, _) = open(&folder);
        journal.commit(&[put(1)], NOW).expect("commits");
        fs::remove_dir_all(folder.path("")).expect("the whole folder");
        let fault = journal.tend(NOW).expect_err("noticed");
        journal.recover(&fault, NOW).expect("recovers");
        drop(journal);
        assert_eq!(open(&folder).1.bindings, [binding(1)]);
    }

    #[test]
    fn a_file_put_in_its_place_is_moved_away_not_overwritten() {
        let folder = Folder::new();
        let (mut journal, _) = open(&folder);
        journal.commit(&[put(1)], NOW).expect("commits");
        fs::write(folder.path("new"), "precious").expect("writes");
        fs::rename(folder.path("new"), folder.path("contacts.sqlite")).expect("renames");
        commit_through(&mut journal, &[put(2)]);
        drop(journal);
        assert_eq!(open(&folder).1.bindings.len(), 2);
        let aside = folder.names().into_iter().find(|name| name.contains(".replaced-")).expect("kept");
        assert_eq!(fs::read(folder.path(&aside)).expect("reads"), b"precious");
    }

    #[test]
    fn a_rescue_that_was_interrupted_is_finished_at_the_next_start() {
        let folder = Folder::new();
        let (mut journal, _) = open(&folder);
        journal.commit(&[put(1)], NOW).expect("commits");
        fs::remove_file(folder.path("contacts.sqlite")).expect("was there");
        journal.give_up_file(&Fault::new(FaultKind::Gone, "gone")).expect("copies");
        assert!(folder.names().contains(&"contacts.sqlite.rescue".to_owned()));
        drop(journal);
        assert_eq!(open(&folder).1.bindings, [binding(1)]);
    }

    #[test]
    fn another_programs_database_is_left_alone() {
        let folder = Folder::new();
        let path = folder.path("contacts.sqlite");
        Connection::open(&path).expect("opens").execute_batch("CREATE TABLE t (x)").expect("sql");
        assert_eq!(Journal::open(&path, NOW).expect_err("foreign").kind, FaultKind::Foreign);
        assert_eq!(folder.names(), ["contacts.sqlite"]);
    }

    #[test]
    fn a_newer_format_is_left_alone() {
        let folder = Folder::new();
        drop(open(&folder));
        let path = folder.path("contacts.sqlite");
        Connection::open(&path).expect("opens").execute_batch("PRAGMA user_version = 2").expect("sql");
        let fault = Journal::open(&path, NOW).expect_err("newer");
        assert_eq!(fault.kind, FaultKind::Foreign);
        assert!(fault.words.contains("newer"), "{fault}");
    }

    #[test]
    fn a_file_of_junk_is_set_aside() {
        let folder = Folder::new();
        fs::write(folder.path("contacts.sqlite"), vec![b'x'; 10_000]).expect("writes");
        let (mut journal, loaded) = open(&folder);
        assert!(loaded.bindings.is_empty());
        assert!(loaded.notes[0].contains(".damaged-1700000000"), "{:?}", loaded.notes);
        journal.commit(&[put(1)], NOW).expect("works");
    }

    #[test]
    fn whatever_bytes_are_damaged_the_store_opens_and_keeps_what_it_can() {
        let original = Folder::new();
        let (mut journal, _) = open(&original);
        for n in (0..400).step_by(20) {
            journal.commit(&(n..n + 20).map(put).collect::<Vec<_>>(), NOW).expect("commits");
            if n == 200 {
                journal.begin_fold().expect("folds");
                tend_to_the_end(&mut journal);
            }
        }
        drop(journal);
        let whole = fs::read(original.path("contacts.sqlite")).expect("reads");
        let (mut rng, mut kept) = (Rng::seeded(7), 0);
        for round in 0..60 {
            let folder = Folder::new();
            let mut bytes = whole.clone();
            let page = 1 + rng.below(bytes.len() as u64 / 4096 - 1) as usize;
            let at = page * 4096 + rng.below(4096 - 64) as usize;
            bytes[at..at + 64].iter_mut().for_each(|byte| *byte = rng.next_u64() as u8);
            fs::write(folder.path("contacts.sqlite"), bytes).expect("writes");
            let (mut journal, loaded) = open(&folder);
            let known: Vec<Binding> = (0..400).map(binding).collect();
            for binding in &loaded.bindings {
                assert!(known.contains(binding), "round {round}: a binding that never was: {binding:?}");
            }
            kept += loaded.bindings.len();
            journal.commit(&[put(1_000)], NOW).expect("works");
            drop(journal);
            assert_eq!(open(&folder).1.bindings.len(), loaded.bindings.len() + 1, "round {round}");
        }
        assert!(kept > 60 * 400 * 8 / 10, "one damaged page of {} cost too much: {kept}", whole.len() / 4096);
    }

    #[test]
    fn damage_found_while_running_keeps_what_memory_still_knows() {
        let folder = Folder::new();
        let (mut journal, _) = open(&folder);
        journal.commit(&(0..50).map(put).collect::<Vec<_>>(), NOW).expect("commits");
        let recovered = journal.recover(&Fault::new(FaultKind::Corrupt, "disk image is malformed"), NOW);
        assert!(recovered.expect("recovers").incomplete);
        journal.commit(&[put(50)], NOW).expect("works");
        drop(journal);
        assert_eq!(open(&folder).1.bindings.len(), 51);
    }
}
