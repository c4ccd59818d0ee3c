//! Writing into a directory: everything is prepared beside its place first, and moved there when all of it is good.

use crate::config::export::Row;
use crate::config::files::{FileFault, Files, MemoryFiles};
use crate::config::load::Loader;
use crate::config::{Objects, Sources};
use crate::store::fault::beside;
use crate::store::files::ConfigDir;
use crate::store::ps_objects;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

/// The directory, and what is about to be in it.
#[derive(Debug)]
pub(super) struct Place {
    dir: PathBuf,
    force: bool,
    /// Final names; each one's content is in `NAME.new` by now.
    prepared: Vec<PathBuf>,
    files: MemoryFiles,
    database: Option<Database>,
    said: Vec<String>,
}

#[derive(Debug)]
struct Database {
    path: PathBuf,
    /// Rows to be put into a database that is there; a new one is among the prepared files.
    rows: Option<Vec<Row>>,
}

impl Place {
    pub fn new(dir: &Path, force: bool) -> Result<Place, String> {
        fs::create_dir_all(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
        Ok(Place {
            dir: dir.to_owned(),
            force,
            prepared: Vec::new(),
            files: MemoryFiles::new(),
            database: None,
            said: Vec::new(),
        })
    }

    /// Prepares a file.
    pub fn file(&mut self, name: &str, text: &str) -> Result<(), String> {
        let path = self.dir.join(name);
        if path.exists() && !self.force {
            return Err(format!(
                "{} exists: nothing was written; --force replaces it and keeps the old one as {name}.old",
                path.display()
            ));
        }
        self.prepared.push(path.clone());
        self.files = std::mem::take(&mut self.files).with(name, text);
        write_new(&path, text).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Prepares a file of which the administrator may have his own: that one is left as it is, and he is told what to
    /// add.
    pub fn mapping(&mut self, name: &str, text: &str) -> Result<(), String> {
        if !self.dir.join(name).exists() {
            return self.file(name, text);
        }
        let same = fs::read_to_string(self.dir.join(name)).is_ok_and(|present| present == text);
        if !same {
            self.said.push(format!("{name} is yours and was left as it is; it needs these lines:\n{text}"));
        }
        Ok(())
    }

    /// Prepares a database. Rows go into one that is there, whose other rows and tables stay.
    pub fn database(&mut self, name: &str, rows: &[Row]) -> Result<(), String> {
        let path = self.dir.join(name);
        if path.exists() {
            if !self.force {
                return Err(format!(
                    "{} exists: nothing was written; --force puts the rows into it and replaces those of the same id",
                    path.display()
                ));
            }
            self.database = Some(Database { path, rows: Some(rows.to_vec()) });
            return Ok(());
        }
        let new = beside(&path, ".new");
        ps_objects::remove(&new);
        self.prepared.push(path.clone());
        self.database = Some(Database { path, rows: None });
        ps_objects::create(&new, rows).map_err(|fault| format!("{}: {}", new.display(), fault.words))?;
        own(&File::open(&new).map_err(|error| error.to_string())?, &self.dir);
        Ok(())
    }

    /// The objects that the directory will have.
    pub fn read_back(&self) -> Result<Objects, String> {
        let files = Overlay { new: &self.files, below: ConfigDir::new(&self.dir) };
        let mut loader = Loader::new(&files, None);
        if let Some(Database { path, rows }) = &self.database {
            let mut fault = None;
            match rows {
                Some(rows) => rows.iter().for_each(|row| loader.row(&row.draft())),
                None => {
                    let each = &mut |draft: &crate::config::Draft<'_>, _: &Sources| loader.row(draft);
                    fault = ps_objects::read(&beside(path, ".new"), &mut Sources::new(), each).err();
                }
            }
            if let Some(fault) = fault {
                return Err(fault.words);
            }
        }
        Ok(loader.finish().objects)
    }

    /// Moves everything to its place, and says what was done.
    pub fn commit(mut self) -> Result<Vec<String>, String> {
        let mut done = Vec::new();
        if let Some(Database { path, rows: Some(rows) }) = &self.database {
            ps_objects::put(path, rows, true)
                .map_err(|fault| format!("{}: {}", path.display(), fault.words))?;
            done.push(format!("{} rows put into {}", rows.len(), path.display()));
        }
        for path in std::mem::take(&mut self.prepared) {
            let moved = keep_old(&path).and_then(|()| fs::rename(beside(&path, ".new"), &path));
            moved.map_err(|error| format!("{}: {error}", path.display()))?;
            done.push(format!("{} written", path.display()));
        }
        // The names are on disk, too.
        let _ = File::open(&self.dir).and_then(|dir| dir.sync_all());
        done.append(&mut self.said);
        Ok(done)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for path in &self.prepared {
            ps_objects::remove(&beside(path, ".new"));
        }
    }
}

/// Writes `NAME.new`: passwords are in it, so others may not read it.
fn write_new(path: &Path, text: &str) -> std::io::Result<()> {
    let new = beside(path, ".new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o640).open(new)?;
    own(&file, path.parent().unwrap_or(path));
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Gives a file to the directory's owner, so that a server under its own user can read what root wrote.
fn own(file: &File, dir: &Path) {
    if let Ok(found) = dir.metadata() {
        // Only root may; anybody else writes his own files anyway.
        let _ = fchown(file, Some(found.uid()), Some(found.gid()));
    }
}

fn keep_old(path: &Path) -> std::io::Result<()> {
    if !path.exists() {
        return Ok(());
    }
    let old = beside(path, ".old");
    match fs::remove_file(&old) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // A link, so that there is no moment without the file.
    fs::hard_link(path, old)
}

/// What is new before what is there.
struct Overlay<'a> {
    new: &'a MemoryFiles,
    below: ConfigDir,
}

impl Files for Overlay<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileFault> {
        match self.new.read(path) {
            Err(FileFault::Missing) => self.below.read(path),
            read => read,
        }
    }

    fn expand(&self, pattern: &str) -> Result<Vec<String>, FileFault> {
        let mut all = self.below.expand(pattern)?;
        all.extend(self.new.expand(pattern)?);
        all.sort();
        all.dedup();
        Ok(all)
    }
}
