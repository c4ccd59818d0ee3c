//! `check`: everything that is wrong with a configuration directory, at once.

use std::fmt::Write;

use serde::Serialize;

use super::conf;
use super::files::Files;
use super::finding::{self, Finding, FindingJson, Severity};
use super::lint::{self, Dialplan, Subject};
use super::load::{Loaded, Loader};
use super::objects::Objects;

/// The outcome.
#[derive(Debug)]
pub struct Report {
    /// What was found, in the order of the files.
    pub findings: Vec<Finding>,
    /// The objects that load.
    pub objects: Objects,
}

/// Checks a directory. Rows of tables can be added to a [`Loader`] first; see [`check_loaded`].
pub fn check(files: &dyn Files) -> Report {
    check_loaded(files, Loader::new(files, None).finish())
}

/// Checks what was loaded, beside the files around it: `extensions.conf`, `modules.conf`.
pub fn check_loaded(files: &dyn Files, loaded: Loaded) -> Report {
    let Loaded { mut objects, mut findings, mappings, hints: _, rows: _ } = loaded;
    let mut sources = std::mem::take(&mut objects.sources);
    let modules = conf::read_optional(files, "modules.conf", &mut sources, &mut findings);
    let unloaded = modules.as_ref().map(lint::unloaded).unwrap_or_default();
    // Contexts may come from elsewhere, too; then a missing one is no fault.
    let elsewhere = ["extensions.ael", "extensions.lua"].iter().any(|name| files.read(name).is_ok())
        || mappings.families.contains_key("extensions.conf");
    let extensions = conf::read_optional(files, "extensions.conf", &mut sources, &mut findings);
    let dialplan = extensions.filter(|tree| tree.is_complete() && !elsewhere).map(|tree| Dialplan::of(&tree));
    let subject =
        Subject { objects: &objects, sources: &sources, dialplan: dialplan.as_ref(), unloaded: &unloaded };
    findings.extend(lint::lint(subject));
    finding::sort(&mut findings);
    findings.dedup();
    objects.sources = sources;
    Report { findings, objects }
}

/// How many of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Errors.
    pub errors: usize,
    /// Warnings.
    pub warnings: usize,
    /// Notes.
    pub notes: usize,
}

#[derive(Serialize)]
struct ReportJson<'a> {
    errors: usize,
    warnings: usize,
    notes: usize,
    findings: Vec<FindingJson<'a>>,
}

impl Report {
    /// How many of each.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for finding in &self.findings {
            match finding.severity {
                Severity::Error => counts.errors += 1,
                Severity::Warning => counts.warnings += 1,
                Severity::Note => counts.notes += 1,
            }
        }
        counts
    }

    /// The findings for people, of at least that severity; nothing when there is none.
    pub fn text(&self, least: Severity) -> String {
        let mut out = String::new();
        for finding in self.findings.iter().filter(|finding| finding.severity >= least) {
            let _ = writeln!(out, "{}", finding.text(&self.objects.sources));
        }
        let counts = self.counts();
        if !out.is_empty() {
            let _ = write!(out, "{} errors, {} warnings", counts.errors, counts.warnings);
            match counts.notes {
                0 => out.push('\n'),
                notes => {
                    let _ = writeln!(out, ", {notes} notes");
                }
            }
        }
        out
    }

    /// All findings for programs.
    pub fn json(&self) -> String {
        let findings = self.findings.iter().map(|finding| finding.json(&self.objects.sources)).collect();
        let Counts { errors, warnings, notes } = self.counts();
        let report = ReportJson { errors, warnings, notes, findings };
        serde_json::to_string(&report).unwrap_or_default()
    }

    /// The exit status: 0 when nothing is wrong, 1 for warnings where they are to count (`strict`), 2 for errors.
    pub fn exit_status(&self, strict: bool) -> u8 {
        let counts = self.counts();
        match (counts.errors, counts.warnings) {
            (0, 0) => 0,
            (0, _) => u8::from(strict),
            _ => 2,
        }
    }
}
