//! What can go wrong with a database file, in words, and since when.

use crate::base::time::WallTime;
use rusqlite::{Connection, Error, ErrorCode};
use serde::Serialize;
use std::fmt;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The kinds of fault that are handled differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// Another connection holds the lock: wait and try again.
    Locked,
    /// Disk, quota or page limit is full: wait and try again.
    Full,
    /// The content is damaged: set the file aside and start a new one, keeping what can be read.
    Corrupt,
    /// The file is gone, or another one stands in its place.
    Gone,
    /// A sound database, but not one that we may write: another program's, or of a newer version.
    Foreign,
    /// A table or column without which nothing works is missing.
    Schema,
    /// Everything else: I/O errors, permissions.
    Io,
}

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What to do about it.
    pub kind: FaultKind,
    /// For the log and `show status`.
    pub words: String,
}

impl Fault {
    /// A fault of this kind.
    pub fn new(kind: FaultKind, words: impl Into<String>) -> Fault {
        Fault { kind, words: words.into() }
    }

    /// The same fault, with what was being done before the words.
    #[must_use]
    pub fn while_doing(mut self, what: &str) -> Fault {
        self.words = format!("{what}: {}", self.words);
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl std::error::Error for Fault {}

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        let kind = match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => FaultKind::Locked,
            Some(ErrorCode::DiskFull) => FaultKind::Full,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => FaultKind::Corrupt,
            _ => FaultKind::Io,
        };
        Fault { kind, words: error.to_string() }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Fault {
        let kind = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => FaultKind::Full,
            io::ErrorKind::NotFound => FaultKind::Gone,
            _ => FaultKind::Io,
        };
        Fault { kind, words: error.to_string() }
    }
}

/// Whether a database serves, and if not, since when and why. What was read before keeps serving.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum Health {
    /// All is well.
    #[default]
    Working,
    /// It fails; tried again until it works.
    Failing {
        /// Since when.
        since: WallTime,
        /// The latest reason.
        why: String,
    },
}

impl Health {
    /// Notes a fault: keeps the time of the first one, takes the words of the latest.
    pub fn fail(&mut self, now: WallTime, fault: &Fault) {
        match self {
            Health::Working => *self = Health::Failing { since: now, why: fault.words.clone() },
            Health::Failing { why, .. } => {
                if *why != fault.words {
                    why.clone_from(&fault.words);
                }
            }
        }
    }

    /// Whether all is well.
    pub fn is_working(&self) -> bool {
        *self == Health::Working
    }
}

/// Which file a path names at the moment: unlike the path, this changes when the file is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileIdentity {
    device: u64,
    inode: u64,
}

impl FileIdentity {
    /// The file behind `path`.
    pub fn of(path: &Path) -> io::Result<FileIdentity> {
        let found = path.metadata()?;
        Ok(FileIdentity { device: found.dev(), inode: found.ino() })
    }
}

/// `path` with `suffix` after its last component: SQLite's side files (`-wal`, `-shm`), set-aside copies.
pub fn beside(path: &Path, suffix: &str) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// The wall clock.
pub fn wall_now() -> WallTime {
    #[expect(
        clippy::disallowed_methods,
        reason = "the store is an edge: it stamps faults and set-aside files"
    )]
    let now = SystemTime::now();
    let since = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    WallTime(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}

/// A single text or number answered by a pragma or query.
pub(crate) fn ask<T: rusqlite::types::FromSql>(conn: &Connection, sql: &str) -> Result<T, Fault> {
    Ok(conn.query_row(sql, [], |row| row.get(0))?)
}

/// `name` as an SQL identifier.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_remembers_the_first_time_and_the_latest_words() {
        let mut health = Health::default();
        health.fail(WallTime::from_secs(5), &Fault::new(FaultKind::Full, "disk full"));
        health.fail(WallTime::from_secs(9), &Fault::new(FaultKind::Io, "read-only"));
        assert_eq!(health, Health::Failing { since: WallTime::from_secs(5), why: "read-only".into() });
        let json = serde_json::to_string(&health).expect("plain data");
        assert!(json.starts_with(r#"{"state":"failing","since":"#), "{json}");
    }

    #[test]
    fn identifiers_survive_quotes() {
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
    }
}
