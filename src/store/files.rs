//! Configuration files on disk.

use std::fs;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use crate::config::files::{FileFault, Files, part_matches};

/// Bytes read at once of a large file.
const PIECE_BYTES: usize = 1 << 20;

/// A configuration directory. Relative paths lie below it; absolute ones are taken as they are.
#[derive(Clone, Debug)]
pub struct ConfigDir {
    root: PathBuf,
}

impl ConfigDir {
    /// The files below `root`.
    pub fn new(root: impl Into<PathBuf>) -> ConfigDir {
        ConfigDir { root: root.into() }
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn below(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }
}

impl Files for ConfigDir {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileFault> {
        fs::read(self.below(path)).map_err(|fault| fault_of(&fault))
    }

    fn pieces(&self, path: &str, each: &mut dyn FnMut(Vec<u8>, usize)) -> Result<(), FileFault> {
        let mut file = fs::File::open(self.below(path)).map_err(|fault| fault_of(&fault))?;
        let length = file.metadata().map_or(0, |found| usize::try_from(found.len()).unwrap_or(0));
        let mut piece = Vec::with_capacity(PIECE_BYTES.min(length + 1));
        loop {
            let before = piece.len();
            let limit = PIECE_BYTES as u64;
            let read = (&mut file).take(limit).read_to_end(&mut piece).map_err(|fault| fault_of(&fault))?;
            if read < PIECE_BYTES {
                each(piece, length);
                return Ok(());
            }
            // Without an end in sight the line goes on in the next piece.
            let Some(end) = piece[before..].iter().rposition(|byte| *byte == b'\n') else { continue };
            let rest = piece.split_off(before + end + 1);
            each(std::mem::replace(&mut piece, rest), length);
        }
    }

    /// Walks one path component at a time, so that `conf.d/*/pjsip.conf` works.
    fn expand(&self, pattern: &str) -> Result<Vec<String>, FileFault> {
        let absolute = pattern.starts_with('/');
        let mut found = vec![if absolute { "/".to_owned() } else { String::new() }];
        for part in pattern.split('/').filter(|part| !part.is_empty()) {
            let mut next = Vec::new();
            for base in &found {
                self.expand_part(base, part, &mut next)?;
            }
            found = next;
        }
        found.retain(|path| self.below(path).is_file());
        found.sort();
        Ok(found)
    }
}

impl ConfigDir {
    fn expand_part(&self, base: &str, part: &str, next: &mut Vec<String>) -> Result<(), FileFault> {
        let join = |name: &str| {
            if base.is_empty() || base == "/" { format!("{base}{name}") } else { format!("{base}/{name}") }
        };
        if !crate::config::files::is_pattern(part) {
            next.push(join(part));
            return Ok(());
        }
        let dir = self.below(base);
        let entries = match fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(fault) if matches!(fault.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(());
            }
            Err(fault) => return Err(fault_of(&fault)),
        };
        for entry in entries {
            let entry = entry.map_err(|fault| fault_of(&fault))?;
            // A name that is not UTF-8 cannot be written in a configuration either.
            if let Some(name) = entry.file_name().to_str().filter(|name| part_matches(part, name)) {
                next.push(join(name));
            }
        }
        Ok(())
    }
}

fn fault_of(fault: &std::io::Error) -> FileFault {
    match fault.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => FileFault::Missing,
        _ => FileFault::Unreadable(fault.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_and_patterns_expanded() {
        let root = std::env::temp_dir().join(format!("jackfield-files-{}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(root.join("conf.d/a")).expect("a directory");
        for name in ["pjsip.conf", "pjsip.aor.conf", "pjsip.auth.conf", "conf.d/a/x.conf", ".hidden.conf"] {
            fs::write(root.join(name), name).expect("a file");
        }
        let dir = ConfigDir::new(&root);
        assert_eq!(dir.read("pjsip.conf"), Ok(b"pjsip.conf".to_vec()));
        assert_eq!(dir.read("none.conf"), Err(FileFault::Missing));
        assert!(matches!(dir.read("conf.d"), Err(FileFault::Unreadable(_))));
        assert_eq!(dir.expand("pjsip.*.conf").expect("list"), ["pjsip.aor.conf", "pjsip.auth.conf"]);
        assert_eq!(dir.expand("conf.d/*/*.conf").expect("list"), ["conf.d/a/x.conf"]);
        assert_eq!(dir.expand("nowhere/*.conf").expect("list"), Vec::<String>::new());
        let absolute = format!("{}/pjsip.a*.conf", root.display());
        assert_eq!(dir.expand(&absolute).expect("list").len(), 2);
        fs::remove_dir_all(&root).expect("removed");
    }
}
