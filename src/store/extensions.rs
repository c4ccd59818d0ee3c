//! Dialplans in SQLite: the rows of `switch => Realtime/…`, and `extensions.conf` as a whole in a table (Asterisk's
//! static realtime). Tables are read whole; a thread looks every 50 ms whether they changed.
//!
//! A database that is locked, damaged or gone changes nothing: what was read serves on, and what was missed is found
//! when it is back.

use super::fault::{Fault, FaultKind, ask, quoted};
use super::map::{SQLITE3_CONF, database};
use super::schema;
use super::watch::POLL_EVERY;
use crate::base::limits::EXTENSION_ROWS;
use crate::config::conf::read_optional;
use crate::config::files::Files;
use crate::config::finding::Finding;
use crate::config::mapping::Mappings;
use crate::config::origin::Sources;
use crate::dialplan::realtime::Row;
use foldhash::fast::FixedState;
use rusqlite::{Connection, OpenFlags};
use std::fmt::Write as _;
use std::hash::{BuildHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How long a look waits for another program's lock.
const LOCK_PATIENCE: Duration = Duration::from_millis(100);

/// A table that dialplans come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The family that switches name; `extensions.conf` for the file as a table.
    pub family: String,
    /// The database file.
    pub path: PathBuf,
    /// The table.
    pub table: String,
}

impl Wanted {
    /// Whether it holds a file rather than extensions.
    pub fn is_file(&self) -> bool {
        self.family.ends_with(".conf")
    }
}

/// The tables that these families are mapped to by `extconfig.conf`; a family that is not mapped, or cannot be, is told.
pub fn wanted(
    families: &[String],
    (files, root): (&dyn Files, &Path),
    sources: &mut Sources,
    findings: &mut Vec<Finding>,
) -> Vec<Wanted> {
    let mut quiet = Vec::new();
    let mappings = Mappings::read(files, sources, &mut quiet);
    let names = read_optional(files, SQLITE3_CONF, sources, &mut quiet);
    let mut found = Vec::new();
    for name in families {
        let Some(family) = mappings.families.get(name) else { continue };
        match database(family, names.as_ref()) {
            Ok(path) => {
                found.push(Wanted {
                    family: name.clone(),
                    path: root.join(path),
                    table: family.table.clone(),
                });
            }
            Err(fault) => findings.push(*fault),
        }
    }
    found
}

/// What a table holds.
#[derive(Clone, Debug)]
pub enum Content {
    /// Rows of extensions.
    Rows(Vec<Row>),
    /// The text of a file.
    Text(String),
}

/// What was read, and a hash to know it by.
#[derive(Clone, Debug)]
pub struct Read {
    /// The content.
    pub content: Content,
    /// Of all of it.
    pub print: u64,
}

/// Reads a table whole.
///
/// # Errors
/// The database cannot be opened or read, or the table lacks what is needed.
pub fn read(wanted: &Wanted) -> Result<Read, Fault> {
    let conn = open(&wanted.path)?;
    read_with(&conn, wanted).map_err(|fault| fault.while_doing(&wanted.path.display().to_string()))
}

fn open(path: &Path) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(LOCK_PATIENCE)?;
    Ok(conn)
}

fn read_with(conn: &Connection, wanted: &Wanted) -> Result<Read, Fault> {
    let mut hasher = FixedState::default().build_hasher();
    let content = match wanted.is_file() {
        true => Content::Text(read_file(conn, wanted)?),
        false => Content::Rows(read_rows(conn, wanted)?),
    };
    match &content {
        Content::Text(text) => text.hash(&mut hasher),
        Content::Rows(rows) => {
            for row in rows {
                (&row.context, &row.exten, row.priority, &row.application, &row.arguments).hash(&mut hasher);
            }
        }
    }
    Ok(Read { content, print: hasher.finish() })
}

/// The table's columns must be there.
fn check(conn: &Connection, table: &str, needed: &[&str]) -> Result<(), Fault> {
    let columns = schema::columns(conn, table)?;
    if columns.is_empty() {
        return Err(Fault::new(FaultKind::Schema, format!("there is no table {table}")));
    }
    let missing: Vec<&str> = needed
        .iter()
        .copied()
        .filter(|name| !columns.iter().any(|(column, _)| column.eq_ignore_ascii_case(name)))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Fault::new(FaultKind::Schema, format!("table {table} has no column {}", missing.join(", "))))
}

fn read_rows(conn: &Connection, wanted: &Wanted) -> Result<Vec<Row>, Fault> {
    check(conn, &wanted.table, &["context", "exten", "priority", "app", "appdata"])?;
    let sql = format!(
        "SELECT CAST(context AS TEXT), CAST(exten AS TEXT), CAST(priority AS INTEGER), CAST(app AS TEXT),
                CAST(COALESCE(appdata, '') AS TEXT)
         FROM {} WHERE context IS NOT NULL AND exten IS NOT NULL AND app IS NOT NULL ORDER BY 1, 2, 3 LIMIT {}",
        quoted(&wanted.table),
        EXTENSION_ROWS + 1
    );
    let mut statement = conn.prepare(&sql)?;
    let rows = statement.query_map([], |row| {
        let text = |at: usize| -> rusqlite::Result<String> {
            let bytes = row.get_ref(at)?.as_bytes().unwrap_or_default();
            Ok(String::from_utf8_lossy(bytes).into_owned())
        };
        Ok(Row::new(&text(0)?, &text(1)?, row.get::<_, Option<i32>>(2)?.unwrap_or(0), &text(3)?, &text(4)?))
    })?;
    let rows: Vec<Row> = rows.collect::<Result<_, _>>()?;
    if rows.len() > EXTENSION_ROWS {
        let words = format!("table {} has more than {EXTENSION_ROWS} rows", wanted.table);
        return Err(Fault::new(FaultKind::Schema, words));
    }
    Ok(rows)
}

/// Static realtime: one row per line, in the order of Asterisk's query.
fn read_file(conn: &Connection, wanted: &Wanted) -> Result<String, Fault> {
    check(
        conn,
        &wanted.table,
        &["cat_metric", "var_metric", "filename", "category", "var_name", "var_val", "commented"],
    )?;
    let sql = format!(
        "SELECT cat_metric, category, var_name, COALESCE(var_val, '') FROM {}
         WHERE filename = ?1 AND CAST(commented AS INTEGER) = 0 AND category IS NOT NULL AND var_name IS NOT NULL
         ORDER BY cat_metric DESC, var_metric ASC, category, var_name",
        quoted(&wanted.table)
    );
    let mut statement = conn.prepare(&sql)?;
    let mut rows = statement.query([&wanted.family])?;
    let (mut text, mut last) = (String::new(), None);
    while let Some(row) = rows.next()? {
        let (metric, category): (Option<i64>, String) = (row.get(0)?, row.get(1)?);
        let (name, value): (String, String) = (row.get(2)?, row.get(3)?);
        let one_line = |text: &str| text.replace(['\r', '\n'], " ");
        if last.as_ref() != Some(&(metric, category.clone())) {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "[{}]", one_line(&category));
            last = Some((metric, category));
        }
        // A semicolon in a value begins no comment here.
        let _ = writeln!(text, "{} => {}", one_line(&name), one_line(&value).replace(';', "\\;"));
    }
    Ok(text)
}

/// What the thread tells.
#[derive(Debug)]
pub enum News {
    /// The rows of a family are these now.
    Rows {
        /// The family.
        family: String,
        /// All of them.
        rows: Vec<Row>,
    },
    /// A file in a table is another one now.
    File,
    /// For the log.
    Note(String),
}

/// Looks at tables until it is dropped.
#[derive(Debug)]
pub struct ExtensionWatch {
    shared: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

/// One table, as the thread knows it.
#[derive(Debug)]
struct Looked {
    wanted: Wanted,
    /// What is in force.
    print: Option<u64>,
    conn: Option<Connection>,
    version: i64,
    failing: bool,
}

impl ExtensionWatch {
    /// Starts looking. With each table comes the hash of what is in force, if anything. `tell` runs on the thread.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn start(
        wanted: Vec<(Wanted, Option<u64>)>,
        mut tell: impl FnMut(News) + Send + 'static,
    ) -> Result<ExtensionWatch, Fault> {
        let shared = Arc::new((Mutex::new(false), Condvar::new()));
        let theirs = shared.clone();
        let looked = |(wanted, print)| Looked { wanted, print, conn: None, version: 0, failing: false };
        let mut tables: Vec<Looked> = wanted.into_iter().map(looked).collect();
        let run = move || {
            while !stopped(&theirs) {
                for table in &mut tables {
                    table.look(&mut tell);
                }
            }
        };
        let thread = thread::Builder::new().name("extensions".into()).spawn(run)?;
        Ok(ExtensionWatch { shared, thread: Some(thread) })
    }
}

impl Drop for ExtensionWatch {
    fn drop(&mut self) {
        *lock(&self.shared.0) = true;
        self.shared.1.notify_one();
        // Whoever is told may hold the last handle.
        let own = thread::current().id();
        if let Some(thread) = self.thread.take().filter(|thread| thread.thread().id() != own) {
            // The thread writes nothing; however it ends, nothing is lost.
            let _ = thread.join();
        }
    }
}

/// Until the next look; true when there shall be none.
fn stopped((stop, changed): &(Mutex<bool>, Condvar)) -> bool {
    let stop = lock(stop);
    if *stop {
        return true;
    }
    *changed.wait_timeout(stop, POLL_EVERY).unwrap_or_else(PoisonError::into_inner).0
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Looked {
    fn look(&mut self, tell: &mut impl FnMut(News)) {
        match self.changed() {
            Ok(None) => {}
            Ok(Some(read)) => {
                self.recovered(tell);
                if self.print.replace(read.print) == Some(read.print) {
                    return;
                }
                let family = self.wanted.family.clone();
                tell(match read.content {
                    Content::Rows(rows) => News::Rows { family, rows },
                    Content::Text(_) => News::File,
                });
            }
            Err(fault) => {
                self.conn = None;
                if !std::mem::replace(&mut self.failing, true) {
                    let (table, path) = (&self.wanted.table, self.wanted.path.display());
                    tell(News::Note(format!(
                        "{table} of {path} cannot be read, the last rows serve on: {fault}"
                    )));
                }
            }
        }
    }

    fn recovered(&mut self, tell: &mut impl FnMut(News)) {
        if std::mem::take(&mut self.failing) {
            let (table, path) = (&self.wanted.table, self.wanted.path.display());
            tell(News::Note(format!("{table} of {path} is read again")));
        }
    }

    /// The table, if anything was committed to its file since the last look, or the file is another one.
    fn changed(&mut self) -> Result<Option<Read>, Fault> {
        let fresh = self.conn.is_none() || !self.wanted.path.exists();
        if fresh {
            self.conn = Some(open(&self.wanted.path)?);
        }
        let Some(conn) = &self.conn else { return Ok(None) };
        let version: i64 = ask(conn, "PRAGMA data_version")?;
        if !fresh && version == self.version {
            return Ok(None);
        }
        let read = read_with(conn, &self.wanted)?;
        self.version = version;
        Ok(Some(read))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::files::MemoryFiles;
    use std::sync::mpsc;

    fn path(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("jackfield-extensions-{name}-{}.sqlite3", std::process::id()))
    }

    #[test]
    fn families_are_mapped_by_extconfig() {
        let files = MemoryFiles::new()
            .with("extconfig.conf", "[settings]\nextensions => sqlite3,asterisk\nother => odbc,x\n")
            .with(SQLITE3_CONF, "[asterisk]\ndbfile => my.db\n");
        let (mut sources, mut findings) = (Sources::new(), Vec::new());
        let families = ["extensions".to_owned(), "other".to_owned(), "none".to_owned()];
        let found = wanted(&families, (&files, Path::new("/etc/x")), &mut sources, &mut findings);
        let mapped =
            Wanted { family: "extensions".into(), path: "/etc/x/my.db".into(), table: "extensions".into() };
        assert_eq!(found, [mapped]);
        assert_eq!(findings.len(), 1, "{findings:?}");
    }

    /// A row that another program writes is told within 250 ms; so is the end of an unreadable time.
    #[test]
    fn changed_rows_are_told() {
        let path = path("watch");
        let conn = Connection::open(&path).expect("opens");
        conn.execute_batch(
            "CREATE TABLE extensions (id INTEGER PRIMARY KEY, context TEXT, exten TEXT, priority INTEGER, app TEXT, appdata TEXT);
             INSERT INTO extensions VALUES (1, 'in', '100', 1, 'Dial', 'PJSIP/100');",
        )
        .expect("sql");
        let wanted = Wanted { family: "extensions".into(), path: path.clone(), table: "extensions".into() };
        let first = read(&wanted).expect("read");
        let Content::Rows(rows) = &first.content else { panic!("rows") };
        assert_eq!((&*rows[0].exten, &*rows[0].arguments), ("100", "PJSIP/100"));
        let (sender, told) = mpsc::channel();
        let watch = ExtensionWatch::start(vec![(wanted, Some(first.print))], move |news| {
            // The receiver lives as long as the test.
            let _ = sender.send(news);
        });
        let watch = watch.expect("a thread");
        conn.execute_batch("UPDATE extensions SET appdata = 'PJSIP/200'").expect("sql");
        match told.recv_timeout(Duration::from_millis(2_000)) {
            Ok(News::Rows { family, rows }) => {
                assert_eq!((family.as_str(), &*rows[0].arguments), ("extensions", "PJSIP/200"));
            }
            other => panic!("{other:?}"),
        }
        drop(watch);
        std::fs::remove_file(&path).expect("there");
    }

    #[test]
    fn a_file_in_a_table_is_a_file() {
        let path = path("static");
        let conn = Connection::open(&path).expect("opens");
        conn.execute_batch(
            "CREATE TABLE ast_config (id INTEGER PRIMARY KEY, cat_metric INTEGER, var_metric INTEGER, filename TEXT,
                 category TEXT, var_name TEXT, var_val TEXT, commented INTEGER);
             INSERT INTO ast_config VALUES (1, 1, 2, 'extensions.conf', 'in', 'same', 'n,Hangup()', 0);
             INSERT INTO ast_config VALUES (2, 1, 1, 'extensions.conf', 'in', 'exten', '100,1,NoOp(a;b)', 0);
             INSERT INTO ast_config VALUES (3, 1, 3, 'extensions.conf', 'in', 'exten', '200,1,NoOp()', 1);
             INSERT INTO ast_config VALUES (4, 2, 1, 'extensions.conf', 'globals', 'A', '1', 0);
             INSERT INTO ast_config VALUES (5, 1, 1, 'queues.conf', 'x', 'y', 'z', 0);",
        )
        .expect("sql");
        let wanted =
            Wanted { family: "extensions.conf".into(), path: path.clone(), table: "ast_config".into() };
        let Content::Text(text) = read(&wanted).expect("read").content else { panic!("a text") };
        assert_eq!(text, "[globals]\nA => 1\n[in]\nexten => 100,1,NoOp(a\\;b)\nsame => n,Hangup()\n");
        std::fs::remove_file(&path).expect("there");
    }
}
