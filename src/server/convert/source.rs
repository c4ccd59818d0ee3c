//! Reading what is to be converted.

use crate::config::files::{FileFault, Files};
use crate::config::finding::sort;
use crate::config::load::{ACL_CONF, Loader, PJSIP_CONF, TOML_FILE};
use crate::config::{Compiler, Finding, Objects, Severity, Sources, compile, conf, import};
use crate::store::files::ConfigDir;
use crate::store::ps_objects;
use std::path::Path;

/// What a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceForm {
    /// A configuration directory: all its files, and the tables they name.
    Directory,
    /// A file like `pjsip.conf`, with what it includes and the `acl.conf` beside it.
    Conf,
    /// A file like `pjsip.toml`.
    Toml,
    /// A SQLite database with `ps_*` tables.
    Sqlite,
    /// The `sip.conf` of chan_sip.
    SipConf,
}

impl SourceForm {
    /// What the name and the first bytes tell.
    ///
    /// # Errors
    /// There is nothing to be read.
    pub(super) fn of(path: &Path) -> Result<SourceForm, String> {
        if path.is_dir() {
            return Ok(SourceForm::Directory);
        }
        let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(match () {
            () if bytes.starts_with(b"SQLite format 3\0") => SourceForm::Sqlite,
            () if name.ends_with(".toml") => SourceForm::Toml,
            () if name.starts_with("sip") && name.ends_with(".conf") => SourceForm::SipConf,
            () => SourceForm::Conf,
        })
    }
}

/// What was read.
#[derive(Debug)]
pub(super) struct Found {
    pub objects: Objects,
    /// What is wrong or worth knowing, ready to print.
    pub findings: Vec<(Severity, String)>,
}

impl Found {
    fn new(objects: Objects, mut findings: Vec<Finding>) -> Found {
        sort(&mut findings);
        findings.dedup();
        let text = |finding: &Finding| (finding.severity, finding.text(&objects.sources).to_string());
        let findings = findings.iter().map(text).collect();
        Found { objects, findings }
    }
}

/// Reads it.
///
/// # Errors
/// It cannot be read at all. Faults in it are among the findings.
pub(super) fn read(path: &Path, form: SourceForm) -> Result<Found, String> {
    match form {
        SourceForm::Directory => Ok(directory(path)),
        SourceForm::Conf => {
            let only = One::new(path, PJSIP_CONF)?;
            let loaded = Loader::new(&only, None).finish();
            Ok(Found::new(loaded.objects, loaded.findings))
        }
        SourceForm::Toml => {
            let only = One::new(path, TOML_FILE)?;
            let loaded = Loader::new(&only, None).finish();
            Ok(Found::new(loaded.objects, loaded.findings))
        }
        SourceForm::Sqlite => {
            let (mut sources, mut compiler) = (Sources::new(), Compiler::new(None));
            let each =
                &mut |draft: &crate::config::Draft<'_>, sources: &Sources| compiler.add(draft, sources);
            let notes = ps_objects::read(path, &mut sources, each).map_err(|fault| fault.words)?;
            let (objects, findings) = compiler.finish(sources);
            let mut found = Found::new(objects, findings);
            found.findings.extend(notes.into_iter().map(|note| (Severity::Warning, note)));
            Ok(found)
        }
        SourceForm::SipConf => {
            let (dir, name) = split(path)?;
            let (mut sources, mut findings) = (Sources::new(), Vec::new());
            let tree = conf::read(&ConfigDir::new(dir), name, &mut sources, &mut findings);
            let imported = import::sip_conf(&tree);
            findings.extend(imported.findings);
            let (objects, more) = compile(imported.drafts, sources, None);
            findings.extend(more);
            Ok(Found::new(objects, findings))
        }
    }
}

fn directory(dir: &Path) -> Found {
    let root = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    let loaded = crate::server::realtime::read(&root, None).loaded;
    Found::new(loaded.objects, loaded.findings)
}

fn split(path: &Path) -> Result<(&Path, &str), String> {
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| format!("{} names no file", path.display()))?;
    Ok((path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new(".")), name))
}

/// A directory of which one file counts, under another name.
struct One {
    dir: ConfigDir,
    /// Its own name.
    name: String,
    /// What it is read as.
    known_as: &'static str,
}

impl One {
    fn new(path: &Path, known_as: &'static str) -> Result<One, String> {
        let (dir, name) = split(path)?;
        Ok(One { dir: ConfigDir::new(dir), name: name.to_owned(), known_as })
    }
}

/// Files that are read by their names, not because another one includes them.
const KNOWN: &[&str] = &[
    "asterisk.conf",
    "extconfig.conf",
    "jackfield.conf",
    "pjsip.conf",
    "pjsip.toml",
    "pjsip_wizard.conf",
    "rtp.conf",
    "jackfield.conf",
    "sorcery.conf",
];

impl Files for One {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileFault> {
        if path == self.known_as {
            return self.dir.read(&self.name);
        }
        if path == ACL_CONF && self.known_as == TOML_FILE || KNOWN.contains(&path) {
            return Err(FileFault::Missing);
        }
        self.dir.read(path)
    }

    fn expand(&self, pattern: &str) -> Result<Vec<String>, FileFault> {
        self.dir.expand(pattern)
    }
}
