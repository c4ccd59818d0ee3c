//! What to do when: group commit, retry, what is reported. Time is an argument here; the thread in
//! [`super::contacts`] supplies it.
//!
//! ```text
//!              changes             commit fails                      patience over
//!   Working ───────────► commit ─────────────────► Failing (retry) ───────────────► Failing, told
//!      ▲                   │ ok: Committed             │  ok: Committed                │ each newcomer is told at once
//!      └───────────────────┴───────────────────────────┴───────────────────────────────┘
//! ```
//! A change that could not be committed is kept, newest state per contact, and is part of every further attempt: what
//! is on disk is always what memory was at some moment, and once the disk is well again it is what memory is.
//! `Failed` means "not on disk now, do not acknowledge", never "forgotten".

use super::fault::{Fault, Health};
use crate::base::ids::Name;
use crate::base::limits::STORE_GROUP;
use crate::base::time::{Moment, Now, WallTime};
use crate::registrar::binding::ContactChange;
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Duration;

/// Time from one commit's start to the next one's, when changes keep coming: a commit costs 60 to 130 µs of CPU (most
/// of it the disk flush) however much it carries, so under load it carries what two milliseconds bring. A change that
/// comes after a pause is committed at once.
pub const COMMIT_GAP: Duration = Duration::from_millis(2);
/// How long changes wait for a failing disk before they are reported as failed; well below a phone's first
/// retransmission timeouts have run up, and above any short lock.
pub const PATIENCE: Duration = Duration::from_millis(500);
/// First and longest time between two attempts of a failing commit.
const RETRY_FIRST: Duration = Duration::from_millis(10);
const RETRY_LONGEST: Duration = Duration::from_secs(1);
/// Housekeeping comes at least this often: changes by other programs, a deleted file.
pub const TEND_EVERY: Duration = Duration::from_millis(50);

/// Where contacts are kept.
pub trait Backend: Send {
    /// Makes all the changes durable, in order, in one transaction.
    ///
    /// # Errors
    /// None of them is durable, or it is not known; they will be tried again.
    fn commit(&mut self, changes: &[ContactChange], now: WallTime) -> Result<(), Fault>;

    /// One bounded piece of housekeeping (a few milliseconds).
    ///
    /// # Errors
    /// It could not be done; it will be tried again.
    fn tend(&mut self, now: WallTime) -> Result<Tended, Fault>;

    /// Does what helps after `fault`, before the next attempt: reopen, set a damaged file aside, copy a deleted one.
    ///
    /// # Errors
    /// It did not help yet.
    fn recover(&mut self, fault: &Fault, now: WallTime) -> Result<Recovered, Fault>;
}

/// What housekeeping found.
#[derive(Debug, Default)]
pub struct Tended {
    /// There is more to do at once.
    pub more: bool,
    /// What others changed.
    pub foreign: Vec<ContactChange>,
    /// Worth a log line.
    pub notes: Vec<String>,
    /// Something is out of order that stops no commit: a shared table cannot be reached.
    pub fault: Option<Fault>,
}

/// What recovery did.
#[derive(Debug, Default)]
pub struct Recovered {
    /// Contacts that were on disk may be missing now.
    pub incomplete: bool,
    /// Worth a log line.
    pub notes: Vec<String>,
}

/// What the store tells. `shard` is the number given to [`super::contacts::ContactStore::writer`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// Every change of this shard up to this number is on disk.
    Committed {
        /// Whose.
        shard: u16,
        /// The last number.
        sequence: u64,
    },
    /// Changes of this shard up to this number are not on disk now. They are kept and written as soon as that works;
    /// then `Committed` comes as well.
    Failed {
        /// Whose.
        shard: u16,
        /// The last number.
        sequence: u64,
        /// Why.
        why: String,
    },
    /// Another node or program changed these contacts.
    Changed(Vec<ContactChange>),
    /// Stored contacts may be lost (a damaged file, only partly readable): all bindings shall be put once more.
    PutAll {
        /// What happened.
        why: String,
    },
    /// For the log.
    Note(String),
}

/// The newest number of a shard, and up to where it was told a failure.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    newest: u64,
    committed: u64,
    told: u64,
}

#[derive(Debug)]
struct Failing {
    since: Moment,
    next_try: Moment,
    pause: Duration,
    fault: Fault,
}

/// Counters for `show status`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counters {
    /// Changes made durable since start.
    pub changes: u64,
    /// Transactions they took.
    pub commits: u64,
    /// Attempts that failed.
    pub failures: u64,
    /// Changes that wait for a failing disk, newest state per contact.
    pub waiting: usize,
}

/// See the module's picture.
#[derive(Debug)]
pub struct Committer<B> {
    backend: B,
    group: Vec<ContactChange>,
    /// Length of `group` after it was last reduced to the newest state per contact.
    reduced: usize,
    shards: Vec<Progress>,
    failing: Option<Failing>,
    next_tend: Moment,
    last_start: Option<Moment>,
    /// Since when it fails, for the outside.
    pub health: Health,
    /// What was done.
    pub counters: Counters,
}

impl<B: Backend> Committer<B> {
    /// Around an opened back end.
    pub fn new(backend: B, now: Moment) -> Committer<B> {
        Committer {
            backend,
            group: Vec::new(),
            reduced: 0,
            shards: Vec::new(),
            failing: None,
            next_tend: now + TEND_EVERY,
            last_start: None,
            health: Health::Working,
            counters: Counters::default(),
        }
    }

    /// Takes a change over.
    pub fn take(&mut self, shard: u16, sequence: u64, change: ContactChange) {
        let index = usize::from(shard);
        if self.shards.len() <= index {
            self.shards.resize(index + 1, Progress::default());
        }
        self.shards[index].newest = sequence;
        self.group.push(change);
    }

    /// How many changes may be taken before the next [`Committer::work`].
    pub fn room(&self) -> usize {
        if self.failing.is_some() { usize::MAX } else { STORE_GROUP.saturating_sub(self.group.len()) }
    }

    /// Whether everything taken is durable.
    pub fn is_settled(&self) -> bool {
        self.group.is_empty()
    }

    /// When changes that arrive at `now` may be committed: at once, or a gap after the last commit's start.
    pub fn commit_at(&self, now: Moment) -> Moment {
        self.last_start.map_or(now, |start| (start + COMMIT_GAP).max(now))
    }

    /// When [`Committer::work`] has something to do without new changes.
    pub fn next_deadline(&self) -> Moment {
        match &self.failing {
            None if !self.group.is_empty() => Moment(0),
            None => self.next_tend,
            Some(failing) => {
                let patience = failing.since + PATIENCE;
                let untold = self.shards.iter().any(|shard| shard.newest > shard.told.max(shard.committed));
                if untold { failing.next_try.min(patience) } else { failing.next_try }
            }
        }
    }

    /// Does what is due: a commit, a retry, housekeeping, reports.
    pub fn work(&mut self, now: Now, report: &mut impl FnMut(Report)) {
        if self.failing.as_ref().is_none_or(|failing| now.at >= failing.next_try) && !self.group.is_empty() {
            self.attempt(now, report);
        }
        if self.failing.is_some() {
            self.reduce();
            self.tell(now, report);
        } else if now.at >= self.next_tend {
            self.tend(now, report);
        }
        self.counters.waiting = self.group.len();
    }

    fn attempt(&mut self, now: Now, report: &mut impl FnMut(Report)) {
        self.last_start = Some(now.at);
        let recovered = match &self.failing {
            Some(failing) => self.backend.recover(&failing.fault, now.wall),
            None => Ok(Recovered::default()),
        };
        let recovered = match recovered {
            Ok(recovered) => recovered,
            Err(fault) => return self.failed(now, fault),
        };
        recovered.notes.into_iter().for_each(|note| report(Report::Note(note)));
        if recovered.incomplete {
            let why = self.failing.as_ref().map_or_else(String::new, |failing| failing.fault.words.clone());
            report(Report::PutAll { why });
        }
        if let Err(fault) = self.backend.commit(&self.group, now.wall) {
            return self.failed(now, fault);
        }
        self.counters.commits += 1;
        self.counters.changes += self.group.len() as u64;
        self.group.clear();
        self.reduced = 0;
        if let Some(failing) = self.failing.take() {
            report(Report::Note(format!("contacts are stored again, after: {}", failing.fault)));
            // Housekeeping says whether all else is well.
            self.health = Health::Working;
            self.next_tend = now.at;
        }
        for (shard, progress) in (0..).zip(&mut self.shards) {
            if progress.newest > progress.committed {
                progress.committed = progress.newest;
                report(Report::Committed { shard, sequence: progress.newest });
            }
        }
    }

    fn failed(&mut self, now: Now, fault: Fault) {
        self.counters.failures += 1;
        self.health.fail(now.wall, &fault);
        let (since, pause) = match &self.failing {
            Some(failing) => (failing.since, (failing.pause * 2).min(RETRY_LONGEST)),
            None => (now.at, RETRY_FIRST),
        };
        self.failing = Some(Failing { since, next_try: now.at + pause, pause, fault });
    }

    /// Tells each shard once of every number that has waited long enough.
    fn tell(&mut self, now: Now, report: &mut impl FnMut(Report)) {
        let Some(failing) = &self.failing else { return };
        if now.at.since(failing.since) < PATIENCE {
            return;
        }
        for (shard, progress) in (0..).zip(&mut self.shards) {
            if progress.newest > progress.told.max(progress.committed) {
                progress.told = progress.newest;
                report(Report::Failed { shard, sequence: progress.newest, why: failing.fault.words.clone() });
            }
        }
    }

    fn tend(&mut self, now: Now, report: &mut impl FnMut(Report)) {
        self.next_tend = now.at + TEND_EVERY;
        match self.backend.tend(now.wall) {
            Ok(tended) => {
                if tended.more {
                    self.next_tend = now.at;
                }
                if !tended.foreign.is_empty() {
                    report(Report::Changed(tended.foreign));
                }
                tended.notes.into_iter().for_each(|note| report(Report::Note(note)));
                match tended.fault {
                    Some(fault) => self.health.fail(now.wall, &fault),
                    None => self.health = Health::Working,
                }
            }
            Err(fault) => {
                self.health.fail(now.wall, &fault);
                match self.backend.recover(&fault, now.wall) {
                    Ok(recovered) => {
                        recovered.notes.into_iter().for_each(|note| report(Report::Note(note)));
                        if recovered.incomplete {
                            report(Report::PutAll { why: fault.words });
                        }
                    }
                    Err(again) => self.health.fail(now.wall, &again),
                }
            }
        }
    }

    /// Keeps only the newest state of each contact, when the group has doubled since that was last done.
    fn reduce(&mut self) {
        if self.group.len() < 2 * self.reduced + 1_024 {
            return;
        }
        let mut newest: HashMap<(Name, [u8; 16]), usize, RandomState> = HashMap::default();
        let mut kept: Vec<ContactChange> = Vec::new();
        for change in self.group.drain(..) {
            match newest.entry(key(&change)) {
                Entry::Vacant(place) => {
                    place.insert(kept.len());
                    kept.push(change);
                }
                Entry::Occupied(place) => supersede(&mut kept[*place.get()], change),
            }
        }
        self.reduced = kept.len();
        self.group = kept;
    }

    /// The back end, for its own questions.
    pub fn backend_mut(&mut self) -> &mut B {
        &mut self.backend
    }
}

fn key(change: &ContactChange) -> (Name, [u8; 16]) {
    match change {
        ContactChange::Put(binding) => (binding.aor.clone(), binding.hash),
        ContactChange::Refresh { aor, hash, .. } | ContactChange::Remove { aor, hash } => {
            (aor.clone(), *hash)
        }
    }
}

/// One contact's state after `next` follows `old`.
fn supersede(old: &mut ContactChange, next: ContactChange) {
    match (old, next) {
        (ContactChange::Put(binding), ContactChange::Refresh { expires, cseq, .. }) => {
            binding.expires = expires;
            binding.cseq = cseq;
        }
        // What is gone cannot be refreshed.
        (ContactChange::Remove { .. }, ContactChange::Refresh { .. }) => {}
        (old, next) => *old = next,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fault::FaultKind;
    use super::super::record::tests::binding;
    use super::*;

    /// A back end in memory that fails when told to.
    #[derive(Debug, Default)]
    struct Fake {
        rows: HashMap<(Name, [u8; 16]), (WallTime, u32)>,
        fault: Option<Fault>,
        attempts: usize,
        foreign: Vec<ContactChange>,
    }

    impl Backend for Fake {
        fn commit(&mut self, changes: &[ContactChange], _: WallTime) -> Result<(), Fault> {
            self.attempts += 1;
            if let Some(fault) = &self.fault {
                return Err(fault.clone());
            }
            for change in changes {
                let key = key(change);
                match change {
                    ContactChange::Put(binding) => {
                        self.rows.insert(key, (binding.expires, binding.cseq));
                    }
                    ContactChange::Refresh { expires, cseq, .. } => {
                        if let Some(row) = self.rows.get_mut(&key) {
                            *row = (*expires, *cseq);
                        }
                    }
                    ContactChange::Remove { .. } => {
                        self.rows.remove(&key);
                    }
                }
            }
            Ok(())
        }

        fn tend(&mut self, _: WallTime) -> Result<Tended, Fault> {
            Ok(Tended { foreign: std::mem::take(&mut self.foreign), ..Tended::default() })
        }

        fn recover(&mut self, _: &Fault, _: WallTime) -> Result<Recovered, Fault> {
            Ok(Recovered::default())
        }
    }

    fn at(millis: u64) -> Now {
        Now { at: Moment(millis * 1_000), wall: WallTime(1_000_000_000 + millis * 1_000) }
    }

    fn put(n: u32) -> ContactChange {
        ContactChange::Put(Box::new(binding(n)))
    }

    fn refresh(n: u32, cseq: u32) -> ContactChange {
        let binding = binding(n);
        ContactChange::Refresh {
            aor: binding.aor,
            hash: binding.hash,
            expires: WallTime(u64::from(cseq)),
            cseq,
        }
    }

    fn remove(n: u32) -> ContactChange {
        let binding = binding(n);
        ContactChange::Remove { aor: binding.aor, hash: binding.hash }
    }

    fn full() -> Fault {
        Fault::new(FaultKind::Full, "database or disk is full")
    }

    fn work(committer: &mut Committer<Fake>, now: Now) -> Vec<Report> {
        let mut reports = Vec::new();
        committer.work(now, &mut |report| reports.push(report));
        reports
    }

    #[test]
    fn all_waiting_changes_share_one_commit_and_each_shard_hears_its_last_number() {
        let mut committer = Committer::new(Fake::default(), Moment(0));
        committer.take(0, 1, put(1));
        committer.take(1, 7, put(2));
        committer.take(0, 2, refresh(1, 9));
        let reports = work(&mut committer, at(0));
        assert_eq!(
            reports,
            [Report::Committed { shard: 0, sequence: 2 }, Report::Committed { shard: 1, sequence: 7 }]
        );
        assert_eq!((committer.backend.attempts, committer.counters.changes), (1, 3));
        assert_eq!(committer.commit_at(Moment(200)), Moment(2_000), "the next group gathers for a gap");
        assert_eq!(committer.commit_at(Moment(5_000)), Moment(5_000), "after a pause it goes at once");
        assert!(work(&mut committer, at(1)).is_empty(), "nothing is reported twice");
    }

    #[test]
    fn a_short_fault_is_not_noticed_by_anyone() {
        let mut committer = Committer::new(Fake::default(), Moment(0));
        committer.backend.fault = Some(Fault::new(FaultKind::Locked, "database is locked"));
        committer.take(0, 1, put(1));
        assert!(work(&mut committer, at(0)).is_empty());
        assert_eq!(committer.next_deadline(), at(10).at);
        committer.backend.fault = None;
        assert!(matches!(
            work(&mut committer, at(10))[..],
            [Report::Note(_), Report::Committed { sequence: 1, .. }]
        ));
        assert!(committer.health.is_working());
    }

    #[test]
    fn a_long_fault_is_told_once_per_number_and_everything_is_written_when_it_ends() {
        let mut committer = Committer::new(Fake::default(), Moment(0));
        committer.backend.fault = Some(full());
        committer.take(0, 1, put(1));
        let (mut now, mut told) = (0, Vec::new());
        while now < 5_000 {
            told.extend(work(&mut committer, at(now)));
            now = (committer.next_deadline().0 / 1_000).max(now + 1);
        }
        assert_eq!(told, [Report::Failed { shard: 0, sequence: 1, why: full().words }]);
        assert!(committer.backend.attempts < 20, "{} attempts in 5 s", committer.backend.attempts);
        assert_eq!(committer.health, Health::Failing { since: at(0).wall, why: full().words });

        committer.take(0, 2, put(2));
        let told = work(&mut committer, at(5_000));
        assert_eq!(
            told,
            [Report::Failed { shard: 0, sequence: 2, why: full().words }],
            "newcomers hear at once"
        );

        committer.backend.fault = None;
        let now = committer.next_deadline();
        let told = work(&mut committer, Now { at: now, wall: at(6_000).wall });
        assert!(told.contains(&Report::Committed { shard: 0, sequence: 2 }), "{told:?}");
        assert_eq!(committer.backend.rows.len(), 2);
        assert!(committer.is_settled() && committer.health.is_working());
    }

    #[test]
    fn while_the_disk_fails_only_the_newest_state_of_each_contact_is_kept() {
        let mut committer = Committer::new(Fake::default(), Moment(0));
        committer.backend.fault = Some(full());
        let mut sequence = 0;
        for round in 0..100u32 {
            for n in 0..1_000 {
                sequence += 1;
                committer.take(0, sequence, if round == 0 { put(n) } else { refresh(n, round) });
            }
            work(&mut committer, at(u64::from(round) * 1_100));
        }
        committer.take(0, sequence + 1, remove(5));
        committer.take(0, sequence + 2, refresh(5, 1));
        assert!(committer.group.len() <= 2 * 1_000 + 1_024, "{}", committer.group.len());
        committer.backend.fault = None;
        let told = work(&mut committer, at(1_000_000));
        assert!(told.contains(&Report::Committed { shard: 0, sequence: sequence + 2 }), "{told:?}");
        assert_eq!(committer.backend.rows.len(), 999);
        assert!(committer.backend.rows.values().all(|row| *row == (WallTime(99), 99)));
    }

    #[test]
    fn changes_by_others_are_passed_on() {
        let mut committer = Committer::new(Fake::default(), Moment(0));
        committer.backend.foreign = vec![remove(3)];
        assert!(work(&mut committer, at(10)).is_empty());
        assert_eq!(work(&mut committer, at(60)), [Report::Changed(vec![remove(3)])]);
    }
}
