//! Realtime tables in the running server: read with the files at start and at each reload, then watched by a thread
//! of their own. A row that another program writes is compiled there and handed to the switch between two messages.

use super::runtime::{InForce, Server};
use super::shard::Order;
use super::{names, zone};
use crate::admin::log_line::iso;
use crate::config::load::{Loaded, Loader};
use crate::config::rows::{Applied, Gone, Rows};
use crate::config::{Draft, Finding, Objects, Sources};
use crate::store::committer::Report;
use crate::store::contacts::ContactStore;
use crate::store::fault::{Fault, Health, wall_now};
use crate::store::files::ConfigDir;
use crate::store::journal::Loaded as Stored;
use crate::store::map::{Contacts, RealtimeMap};
use crate::store::ps_columns::AorColumns;
use crate::store::ps_write::AorLookup;
use crate::store::shared::Shared;
use crate::store::watch::{ForeignCommits, Happened, Watch};
use crate::store::watcher::{News, Watcher};
use crate::switch::view::Level;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::Notify;

/// The origin of log lines.
const ORIGIN: &str = "res_config_sqlite3.c";

/// What runs.
#[derive(Debug, Default)]
pub struct Realtime {
    /// What changed rows are judged by.
    rows: Mutex<Rows>,
    watcher: Mutex<Option<Watcher>>,
    /// Where contacts are kept, and what the contact store tells the watch on the same file.
    pub contacts: ContactTable,
    /// A reload for the sake of tables was asked for and has not begun.
    reload_wanted: AtomicBool,
    reload: Notify,
}

/// A database into which contacts are written, too.
#[derive(Clone, Debug, Default)]
pub struct ContactTable {
    /// What the mapping said at start; it holds until the end.
    pub wanted: Contacts,
    commits: Option<(PathBuf, Arc<ForeignCommits>)>,
}

/// Files and tables, read together.
#[derive(Debug)]
pub struct Read {
    /// What they say.
    pub loaded: Loaded,
    /// Watches on the tables, from the moment they were read.
    pub watches: Vec<Watch>,
    /// Where contacts shall be kept.
    pub contacts: Contacts,
}

/// Reads the files of a directory and the tables that they map. A table that cannot be read is among the findings; then
/// what is absent stays as `last_good` has it.
pub fn read(dir: &Path, last_good: Option<&Objects>) -> Read {
    let files = ConfigDir::new(dir);
    let mut loader = Loader::new(&files, last_good);
    let map = loader
        .resolve(|mappings, sources, findings| RealtimeMap::read(mappings, &files, dir, sources, findings));
    if map.incomplete {
        loader.mark_incomplete();
    }
    let mut watches = map.watches();
    for (watch, database) in watches.iter_mut().zip(&map.databases) {
        let at = database.tables.first().map(|wanted| wanted.at()).unwrap_or_default();
        watch.expect().into_iter().for_each(|(kind, rows)| loader.reserve(kind, rows));
        let result = watch.read_all(wall_now(), &mut |draft| loader.row(draft));
        for note in watch.take_notes() {
            loader.report_one(Finding::warning("unknown-column", at, note));
        }
        if let Err(fault) = result {
            loader.mark_incomplete();
            let message = format!("{} cannot be read: {fault}", watch.path().display());
            let help = "tables are read again as soon as that works";
            loader.report_one(Finding::error("unreadable-table", at, message).help(help));
        }
    }
    Read { loaded: loader.finish(), watches, contacts: map.contacts }
}

/// Opens the contact store where the mapping wants it, behind our own file in `state_dir` in any case.
///
/// # Errors
/// Our own file cannot be opened, or no thread can be started.
pub fn open_contacts(
    wanted: Contacts,
    own: &Path,
    current: &Arc<Mutex<InForce>>,
    report: impl FnMut(Report) + Send + 'static,
) -> Result<(ContactStore, Stored, ContactTable), Fault> {
    let Contacts::Shared { path, table } = &wanted else {
        let (store, stored) = ContactStore::open(own, report)?;
        return Ok((store, stored, ContactTable { wanted, commits: None }));
    };
    let (shared, stored) = Shared::open(own, path, table, aor_lookup(current.clone()), wall_now())?;
    let commits = Some((path.clone(), shared.foreign_commits()));
    let store = ContactStore::start(shared, report)?;
    Ok((store, stored, ContactTable { wanted, commits }))
}

/// What a contact's row copies from its aor, by the configuration in force at that moment.
fn aor_lookup(current: Arc<Mutex<InForce>>) -> AorLookup {
    Arc::new(move |name| {
        let aor = locked(&current).objects.aors.get(name).cloned();
        aor.map_or_else(AorColumns::default, |aor| AorColumns {
            qualify_frequency: aor.options.qualify_frequency_secs,
            qualify_timeout: aor.options.qualify_timeout.as_secs_f64(),
            qualify_2xx_only: aor.options.qualify_2xx_only,
            authenticate_qualify: aor.options.authenticate_qualify,
            outbound_proxy: aor.options.outbound_proxy.clone(),
        })
    })
}

impl Realtime {
    /// Before anything is watched.
    pub fn new(rows: Rows, contacts: ContactTable) -> Realtime {
        Realtime { rows: Mutex::new(rows), contacts, ..Realtime::default() }
    }

    /// Each database, and whether it can be read: `Ok`, or since when not, and why.
    pub fn status(&self) -> Vec<(String, String)> {
        let watched = locked(&self.watcher).as_ref().map(Watcher::status).unwrap_or_default();
        let named = |(path, health): (PathBuf, Health)| {
            (format!("realtime {}", path.display()), health_words(&health, "not read"))
        };
        watched.into_iter().map(named).collect()
    }
}

/// `Ok`, or since when it fails, and why.
pub fn health_words(health: &Health, fails: &str) -> String {
    match health {
        Health::Working => "Ok".to_owned(),
        Health::Failing { since, why } => {
            format!("{fails} since {}: {why}", iso(*since, zone::offset_secs(*since)))
        }
    }
}

impl Server {
    /// Watches these from now on.
    pub fn watch_tables(self: &Arc<Server>, watches: Vec<Watch>) {
        let watches: Vec<_> = watches.into_iter().map(|watch| self.beside_contacts(watch)).collect();
        if watches.is_empty() {
            return;
        }
        let server = Arc::downgrade(self);
        match Watcher::start(watches, move |news| hear(&server, news)) {
            Ok(watcher) => *locked(&self.realtime.watcher) = Some(watcher),
            Err(fault) => {
                let text = format!("Tables are not watched, changes need a reload: {fault}");
                self.say(Level::Error, ORIGIN, &text);
            }
        }
    }

    /// A watch on the file that contacts are written into must tell these writes from others'.
    fn beside_contacts(&self, watch: Watch) -> Watch {
        match &self.realtime.contacts.commits {
            Some((path, commits)) if path == watch.path() => watch.beside_writer(commits.clone()),
            _ => watch,
        }
    }

    /// Nothing is watched any more; a change that was being applied is done.
    pub fn stop_watching(&self) {
        let watcher = locked(&self.realtime.watcher).take();
        // Waits for the thread, with no lock held.
        drop(watcher);
    }

    /// What happened in tables while a reload was reading becomes part of what it read, before the watching goes on.
    /// True when it was too much, so that another reload is due.
    pub(super) fn catch_up(&self, read: &mut Read) -> bool {
        self.realtime.reload_wanted.store(false, Ordering::Release);
        let mut again = false;
        for watch in &mut read.watches {
            match watch.look(wall_now()) {
                Some(Happened::Rows { changed, removed }) => {
                    let Loaded { objects, findings, rows, .. } = &mut read.loaded;
                    let applied = rows.apply(objects, &changed, &removed);
                    again |= applied.whole.is_some();
                    amend(findings, &applied);
                }
                Some(Happened::Reload { .. }) => again = true,
                None => {}
            }
        }
        again
    }

    /// The tables' order of a new configuration.
    pub(super) fn set_rows(&self, rows: Rows) {
        *locked(&self.realtime.rows) = rows;
    }

    /// Asks for a reload, once.
    pub(super) fn want_reload(&self, why: &str) {
        if self.realtime.reload_wanted.swap(true, Ordering::AcqRel) {
            return;
        }
        self.say(Level::Notice, ORIGIN, &format!("Realtime tables are read again: {why}"));
        self.realtime.reload.notify_one();
    }

    /// Reloads when tables ask for it.
    pub(super) async fn reload_for_tables(self: Arc<Server>) {
        loop {
            self.realtime.reload.notified().await;
            // What is wrong is in the log.
            self.reload(false, "").await;
        }
    }

    /// Puts changed rows in force.
    fn put_rows(&self, changed: &[Draft<'_>], gone: &[Gone]) {
        let mut rows = locked(&self.realtime.rows);
        let (mut applied, sources) = self.apply_rows(&mut rows, changed, gone);
        drop(rows);
        for finding in &applied.findings {
            let text = finding.text(&sources).to_string().replace('\n', ";");
            self.say(Level::Error, ORIGIN, &text);
        }
        if let Some(kind) = applied.whole {
            self.want_reload(&format!("a row of type {kind} changed"));
        }
        let changes = std::mem::take(&mut applied.changes);
        if changes.is_empty() {
            return;
        }
        let text = format!("Realtime: {} changed rows, {} removed", changed.len(), gone.len());
        self.say(Level::Verbose, ORIGIN, &text);
        if changes.iter().any(names::concerns_hosts) {
            // It fails only when nobody resolves names any more.
            self.hosts.send_replace(names::hosts_of(&self.lock().objects));
        }
        // It fails only when the switch is gone.
        let _ = self.orders.blocking_send(Order::Rows { changes, sources });
        self.waker.wake();
    }

    fn apply_rows(&self, rows: &mut Rows, changed: &[Draft<'_>], gone: &[Gone]) -> (Applied, Sources) {
        let mut current = self.lock();
        if let Some(objects) = Arc::get_mut(&mut current.objects) {
            let applied = rows.apply(objects, changed, gone);
            return (applied.noted_in(&mut current), current.objects.sources.clone());
        }
        // Somebody reads them. Only this thread changes them, or a reload that stopped it first; so the lock need not
        // be held while the tables are copied.
        let shared = current.objects.clone();
        drop(current);
        let mut objects = Objects::clone(&shared);
        drop(shared);
        let applied = rows.apply(&mut objects, changed, gone);
        let mut current = self.lock();
        current.objects = Arc::new(objects);
        (applied.noted_in(&mut current), current.objects.sources.clone())
    }
}

trait Noted {
    fn noted_in(self, current: &mut InForce) -> Self;
}

impl Noted for Applied {
    fn noted_in(self, current: &mut InForce) -> Applied {
        if !self.findings.is_empty() || !current.findings.is_empty() {
            let mut findings = current.findings.to_vec();
            amend(&mut findings, &self);
            current.findings = findings.into();
        }
        self
    }
}

/// What was said of rows that were looked at again is replaced.
fn amend(findings: &mut Vec<Finding>, applied: &Applied) {
    findings
        .retain(|finding| finding.object.as_ref().is_none_or(|object| !applied.looked_at.contains(object)));
    findings.extend(applied.findings.iter().cloned());
    findings.truncate(crate::base::limits::FINDINGS);
}

/// On the watcher's thread.
fn hear(server: &Weak<Server>, news: News) {
    // A server that is gone wants no news.
    let Some(server) = server.upgrade() else { return };
    match news {
        News::Note(text) => server.say(Level::Warning, ORIGIN, &text),
        News::Happened(Happened::Reload { why }) => server.want_reload(&why),
        News::Happened(Happened::Rows { changed, removed }) => server.put_rows(&changed, &removed),
    }
}

/// What these locks guard is whole at every moment.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
