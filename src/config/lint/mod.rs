//! What loads, but hardly works as meant: the pitfalls of the troubleshooting guides, each with its way out. Errors of
//! single objects are found on compiling; here objects are looked at together, and beside the files around them.

mod aors;
mod auths;
mod dialplan;
mod endpoints;
mod identifies;
mod modules;
mod transports;

use std::collections::{HashMap, HashSet};

pub use dialplan::Dialplan;
pub use modules::unloaded;

use super::finding::{Finding, Severity};
use super::model::{Endpoint, Object};
use super::objects::Objects;
use super::origin::{Origin, Sources};
use crate::base::ids::Name;
use crate::base::limits;

/// What is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The objects.
    pub objects: &'a Objects,
    /// The names of their sources and of the files below.
    pub sources: &'a Sources,
    /// `extensions.conf`, if there is one whose contexts are all known.
    pub dialplan: Option<&'a Dialplan>,
    /// Modules that `modules.conf` keeps from loading.
    pub unloaded: &'a HashSet<String>,
}

/// Everything there is to say.
pub fn lint(subject: Subject<'_>) -> Vec<Finding> {
    let mut lint = Lint::new(subject);
    transports::look(&mut lint);
    endpoints::look(&mut lint);
    aors::look(&mut lint);
    auths::look(&mut lint);
    identifies::look(&mut lint);
    modules::look(&mut lint);
    if let Some(dialplan) = subject.dialplan {
        dialplan::look(&mut lint, dialplan);
    }
    lint.findings
}

/// Findings, with each rule told in full only for the first few objects: a thousand phones of one template share its
/// faults.
struct Lint<'a> {
    subject: Subject<'a>,
    objects: &'a Objects,
    findings: Vec<Finding>,
    /// How often each rule has spoken.
    said: HashMap<&'static str, usize>,
    /// Endpoints by the aors they name.
    endpoints_of_aor: HashMap<&'a Name, Vec<&'a Endpoint>>,
}

/// Findings per rule; the last one says that there are more.
const PER_RULE: usize = 100;

impl<'a> Lint<'a> {
    fn new(subject: Subject<'a>) -> Lint<'a> {
        let mut endpoints_of_aor: HashMap<&Name, Vec<&Endpoint>> = HashMap::new();
        for endpoint in subject.objects.endpoints.values() {
            for aor in endpoint.aors.iter() {
                endpoints_of_aor.entry(aor).or_default().push(endpoint);
            }
        }
        Lint {
            subject,
            objects: subject.objects,
            findings: Vec::new(),
            said: HashMap::new(),
            endpoints_of_aor,
        }
    }

    /// The endpoints in the order of the files.
    fn endpoints(&self) -> Vec<&'a Endpoint> {
        sorted(self.objects.endpoints.values().map(|endpoint| &**endpoint))
    }

    fn say<T: Object>(
        &mut self,
        severity: Severity,
        code: &'static str,
        object: &T,
        option: &str,
        message: String,
    ) -> Said<'_> {
        let at = object.origin_of(option).filter(|at| at.is_known()).unwrap_or_else(|| object.at());
        let mut finding = Finding::new(severity, code, at, message).about(T::KIND, object.name());
        if T::specs().index(option).is_some() {
            finding = finding.option(option);
        }
        self.push(finding)
    }

    fn warn<T: Object>(
        &mut self,
        code: &'static str,
        object: &T,
        option: &str,
        message: impl Into<String>,
    ) -> Said<'_> {
        self.say(Severity::Warning, code, object, option, message.into())
    }

    fn note<T: Object>(
        &mut self,
        code: &'static str,
        object: &T,
        option: &str,
        message: impl Into<String>,
    ) -> Said<'_> {
        self.say(Severity::Note, code, object, option, message.into())
    }

    /// Whether a rule has not yet spoken too often. For rules whose words cost a search.
    fn wants(&self, code: &str) -> bool {
        self.said.get(code).is_none_or(|said| *said < PER_RULE)
    }

    fn push(&mut self, mut finding: Finding) -> Said<'_> {
        let said = self.said.entry(finding.code).or_default();
        *said += 1;
        if *said > PER_RULE || self.findings.len() >= limits::FINDINGS {
            return Said(None);
        }
        if *said == PER_RULE {
            finding.message.push_str(" (this is not said of any further object)");
        }
        self.findings.push(finding);
        Said(self.findings.last_mut())
    }
}

/// A finding just made, to which help may be added.
struct Said<'a>(Option<&'a mut Finding>);

impl Said<'_> {
    fn help(self, help: impl Into<String>) {
        if let Some(finding) = self.0 {
            finding.help = Some(help.into());
        }
    }
}

/// Objects in the order in which they were written, so that what is said of the first is said of the first.
fn sorted<'a, T: Object>(objects: impl Iterator<Item = &'a T>) -> Vec<&'a T> {
    let mut objects: Vec<&T> = objects.collect();
    objects.sort_by(|a, b| (a.at(), a.name()).cmp(&(b.at(), b.name())));
    objects
}

/// A place in words, and an object's.
fn place(subject: &Subject<'_>, at: Origin) -> String {
    subject.sources.place(at).to_string()
}

/// Whether some identify section leads to this endpoint.
fn endpoints_with_identify(objects: &Objects) -> HashSet<&Name> {
    objects.identifies.values().map(|identify| &identify.endpoint).collect()
}

/// Whether a name is one of those that catch requests nobody else is found for.
fn is_anonymous(name: &str) -> bool {
    name == "anonymous" || name.starts_with("anonymous@")
}
