//! `jackfield import` and `jackfield export`: one configuration as `.conf`, TOML or SQLite tables, or out of the
//! `sip.conf` of chan_sip.
//!
//! ```text
//! source ─read─► objects ─render─► files, rows ─read again─► the same objects? ─► written, each file at once
//! ```
//! Nothing is lost in silence: a source with faults is refused unless told otherwise, and what is about to be written
//! is read back and compared before anything is. Comments are not carried over, and templates come out expanded.

mod form;
mod place;
mod source;

use crate::config::{Objects, Severity};
use form::Rendered;
use place::Place;
use source::Found;
use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};

pub use form::Form;
pub use source::SourceForm;

/// What to do.
#[derive(Clone, Debug)]
pub struct Job {
    /// A configuration directory, a file, or a database.
    pub source: PathBuf,
    /// What the source is, where its name and content do not tell.
    pub from: Option<SourceForm>,
    /// What it shall become.
    pub form: Form,
    /// The directory to write to; without one, it is printed.
    pub into: Option<PathBuf>,
    /// Files that are there are replaced (the old ones stay as `NAME.old`), rows that are there as well.
    pub force: bool,
    /// Objects that do not load are left out, instead of refusing the whole.
    pub partial: bool,
    /// Notes are printed too. For `sip.conf` they always are: a word on every line.
    pub notes: bool,
}

/// Does it. What was found and done goes to `words`, the result to `out` where it is to be printed.
///
/// # Errors
/// A sentence about why nothing was written.
pub fn run(job: &Job, out: &mut dyn Write, words: &mut dyn Write) -> Result<(), String> {
    let form = job.from.map_or_else(|| SourceForm::of(&job.source), Ok)?;
    let found = source::read(&job.source, form)?;
    let lost = tell(&found, (job, form), words).map_err(|error| error.to_string())?;
    if lost > 0 && !job.partial {
        return Err(format!(
            "{lost} errors: nothing was written; mend them, or leave out what does not load with --partial"
        ));
    }
    let rendered = form::render(&found.objects, job.form);
    match &job.into {
        None => print(&rendered, out).map_err(|error| error.to_string()),
        Some(dir) => write(&Target { dir, job, found: &found, rendered: &rendered }, words),
    }
}

/// Prints the findings; how many of them cost an object.
fn tell(found: &Found, (job, form): (&Job, SourceForm), words: &mut dyn Write) -> std::io::Result<usize> {
    let least = if job.notes || form == SourceForm::SipConf { Severity::Note } else { Severity::Warning };
    let mut lost = 0;
    for (severity, text) in &found.findings {
        lost += usize::from(*severity == Severity::Error);
        if *severity >= least {
            writeln!(words, "{text}")?;
        }
    }
    Ok(lost)
}

fn print(rendered: &Rendered, out: &mut dyn Write) -> std::io::Result<()> {
    let many = rendered.files.len() > 1;
    for (name, text) in &rendered.files {
        if many {
            writeln!(out, "{} {name}", if name.ends_with(".toml") { '#' } else { ';' })?;
        }
        out.write_all(text.as_bytes())?;
    }
    for row in &rendered.rows {
        let quote = |text: &str| format!("'{}'", text.replace('\'', "''"));
        let columns: Vec<String> = row.columns.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        let values: Vec<String> = row.columns.iter().map(|(_, value)| quote(value)).collect();
        let (columns, values) = (columns.join(", "), values.join(", "));
        writeln!(out, "INSERT INTO {} ({columns}) VALUES ({values});", row.table)?;
    }
    Ok(())
}

struct Target<'a> {
    dir: &'a Path,
    job: &'a Job,
    found: &'a Found,
    rendered: &'a Rendered,
}

fn write(target: &Target<'_>, words: &mut dyn Write) -> Result<(), String> {
    let Target { dir, job, found, rendered } = target;
    let mut place = Place::new(dir, job.force)?;
    for (name, text) in &rendered.files {
        place.file(name, text)?;
    }
    for (name, text) in &rendered.mapping {
        place.mapping(name, text)?;
    }
    if job.form == Form::Sqlite {
        place.database(form::DATABASE, &rendered.rows)?;
    }
    let back = place.read_back()?;
    if let Some(difference) = difference(&found.objects, &back) {
        return Err(format!(
            "nothing was written: read back from {}, the objects would differ\n{difference}",
            dir.display()
        ));
    }
    let done = place.commit()?;
    let mut text = done.iter().map(|line| format!("{line}\n")).collect::<String>();
    let objects = &found.objects;
    let _ = writeln!(
        text,
        "{} endpoints, {} aors, {} auths, {} identifies, {} transports, {} registrations",
        objects.endpoints.len(),
        objects.aors.len(),
        objects.auths.len(),
        objects.identifies.len(),
        objects.transports.len(),
        objects.registrations.len(),
    );
    words.write_all(text.as_bytes()).map_err(|error| error.to_string())
}

/// What of `source` is gone or different in `written`; more objects than in the source are no fault.
fn difference(source: &Objects, written: &Objects) -> Option<String> {
    use crate::config::plan::Deed;
    let mut plan = source.plan(written);
    plan.deeds.retain(|(.., deed)| matches!(deed, Deed::Removed | Deed::Changed(_)));
    let mut text = if plan.deeds.is_empty() { String::new() } else { plan.to_string() };
    for ((kind, name), other) in &source.others {
        let same =
            written.others.get(&(*kind, name.clone())).is_some_and(|back| back.settings == other.settings);
        if !same {
            let _ = writeln!(text, "~ {kind} '{name}'");
        }
    }
    Some(text).filter(|text| !text.is_empty())
}
