//! One server per tree: who holds the run directory's lock file runs on it. The kernel frees it when the process ends,
//! however it ends.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The file's name in the run directory; it holds the process id, as tools expect of a `.pid` file.
pub const FILE: &str = "jackfield.pid";

/// Holds a tree until it is dropped.
#[derive(Debug)]
pub struct TreeLock {
    file: File,
    path: PathBuf,
}

/// Why a tree could not be had.
#[derive(Debug)]
pub enum LockFault {
    /// Another server runs on it.
    Held {
        /// The lock file.
        path: PathBuf,
        /// Whose, as far as the file tells.
        pid: Option<u32>,
    },
    /// The file cannot be written.
    Io {
        /// The lock file.
        path: PathBuf,
        /// The system's words.
        error: io::Error,
    },
}

impl fmt::Display for LockFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LockFault::Held { path, pid: Some(pid) } => {
                write!(
                    f,
                    "process {pid} already serves this tree ({} is locked); stop it first",
                    path.display()
                )
            }
            LockFault::Held { path, pid: None } => {
                write!(f, "another process already serves this tree ({} is locked)", path.display())
            }
            LockFault::Io { path, error } => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for LockFault {}

impl TreeLock {
    /// Takes the tree whose run directory this is, and writes our process id into the file.
    ///
    /// # Errors
    /// Another process holds it, or the file cannot be written.
    pub fn take(run_dir: &Path) -> Result<TreeLock, LockFault> {
        let path = run_dir.join(FILE);
        let io = |error| LockFault::Io { path: path.clone(), error };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o644)
            .open(&path)
            .map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let _ = Read::take(&mut file, 32).read_to_string(&mut text);
                return Err(LockFault::Held { path, pid: text.trim().parse().ok() });
            }
            Err(TryLockError::Error(error)) => return Err(io(error)),
        }
        let write = |file: &mut File| {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())
        };
        write(&mut file).map_err(io)?;
        Ok(TreeLock { file, path })
    }
}

impl Drop for TreeLock {
    fn drop(&mut self) {
        // The file stays: removing it could take the lock away from a successor that has it open. Empty means nobody.
        if let Err(error) = self.file.set_len(0) {
            debug_assert!(false, "{}: {error}", self.path.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_server_is_refused_by_name_and_a_successor_is_not() {
        let dir = std::env::temp_dir().join(format!("jackfield-lock-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a directory");
        let first = TreeLock::take(&dir).expect("free");
        let fault = TreeLock::take(&dir).expect_err("held").to_string();
        assert!(
            fault.starts_with(&format!("process {} already serves this tree", std::process::id())),
            "{fault}"
        );
        drop(first);
        drop(TreeLock::take(&dir).expect("free again"));
        let nowhere = TreeLock::take(&dir.join("none")).expect_err("no directory");
        assert!(matches!(nowhere, LockFault::Io { .. }));
        std::fs::remove_dir_all(&dir).expect("removed");
    }
}
