//! One draft becomes one object: each setting is applied, then all are looked at together. Every fault is told.

use super::draft::{Draft, Setting};
use super::finding::{Finding, Severity};
use super::hints;
use super::kind::Kind;
use super::model::{Object, Pool, Provenance};
use super::origin::{Origin, Sources};
use super::value::Fault;
use crate::base::ids::Name;
use crate::base::limits;

/// Reads all settings of a draft; `None` when one of them, or all of them together, will not do.
pub(super) fn read_object<T: Object>(
    draft: &Draft<'_>,
    name: &Name,
    pool: &mut Pool,
    sources: &Sources,
    findings: &mut Vec<Finding>,
) -> Option<T> {
    if name.is_empty() {
        findings.push(Finding::error("no-name", draft.at, "it has no name"));
        return None;
    }
    if draft.settings.len() > limits::SETTINGS_PER_OBJECT {
        let message =
            format!("{} settings; {} is the limit", draft.settings.len(), limits::SETTINGS_PER_OBJECT);
        findings.push(Finding::error("too-many-settings", draft.at, message));
        return None;
    }
    let mut object = T::blank(name.clone());
    let mut reading =
        Reading { set: Vec::with_capacity(draft.settings.len()), wrong: Vec::new(), good: true };
    for setting in &draft.settings {
        reading.apply(&mut object, setting, pool, sources, findings);
    }
    let provenance = Provenance::new(draft.at, &reading.set, &mut pool.lines);
    reading.settle(&mut object, draft.at, &provenance, findings);
    if !reading.good {
        return None;
    }
    object.share(pool);
    *object.provenance_mut() = provenance;
    Some(object)
}

/// How far an object has been read.
struct Reading {
    /// Options by number, and where they were set.
    set: Vec<(usize, Origin)>,
    /// Options whose values would not do: no further fault about them is worth a word.
    wrong: Vec<&'static str>,
    good: bool,
}

impl Reading {
    fn apply<T: Object>(
        &mut self,
        object: &mut T,
        setting: &Setting<'_>,
        pool: &mut Pool,
        sources: &Sources,
        findings: &mut Vec<Finding>,
    ) {
        let specs = T::specs();
        let found = specs.index(&setting.option).and_then(|index| Some((index, specs.get(index)?)));
        let Some((index, spec)) = found else {
            let harmless = unknown_option(T::KIND, object.name(), setting, sources, findings);
            self.fault::<T>(harmless, findings);
            return;
        };
        let result = (spec.apply)(object, &setting.value, &mut pool.cx);
        for remark in pool.cx.remarks.drain(..) {
            findings.push(value_finding(Severity::Warning, spec.name, setting, remark));
        }
        match result {
            Ok(()) => self.set.push((index, setting.at)),
            Err(fault) => {
                self.wrong.push(spec.name);
                let log = format!(
                    "Error parsing {}={} at line {} of {}",
                    spec.name,
                    setting.value,
                    setting.at.line,
                    sources.name(setting.at.source)
                );
                findings.push(value_finding(Severity::Error, spec.name, setting, fault).log(log));
                self.fault::<T>(false, findings);
            }
        }
    }

    /// What the options say together.
    fn settle<T: Object>(
        &mut self,
        object: &mut T,
        object_at: Origin,
        provenance: &Provenance,
        findings: &mut Vec<Finding>,
    ) {
        let mut faults = Vec::new();
        object.settle(&mut faults);
        for (option, fault) in faults {
            if self.wrong.contains(&option) {
                continue;
            }
            let at = T::specs().index(option).and_then(|index| provenance.of(index)).unwrap_or(object_at);
            let mut finding = Finding::error(fault.code, at, fault.message).option(option);
            finding.help = fault.help;
            finding.log = fault.log;
            findings.push(finding);
            self.fault::<T>(false, findings);
        }
    }

    /// The last finding keeps the object from loading, unless it is harmless or the object takes bad lines lightly.
    fn fault<T: Object>(&mut self, harmless: bool, findings: &mut [Finding]) {
        if T::lenient() {
            if let Some(last) = findings.last_mut() {
                last.severity = last.severity.min(Severity::Warning);
            }
        } else {
            self.good &= harmless;
        }
    }
}

fn value_finding(severity: Severity, option: &str, setting: &Setting<'_>, fault: Fault) -> Finding {
    let at = setting.value_at(fault.offset);
    let mut finding =
        Finding::new(severity, fault.code, at, format!("{option}: {}", fault.message)).option(option);
    finding.help = fault.help;
    finding
}

/// Whether the object may load all the same: `@` marks extended fields, which belong to others.
pub(super) fn unknown_option(
    kind: Kind,
    name: &Name,
    setting: &Setting<'_>,
    sources: &Sources,
    findings: &mut Vec<Finding>,
) -> bool {
    let option = &*setting.option;
    if option.starts_with('@') {
        let message = format!("extended field '{option}' is not used here");
        findings.push(Finding::note("extended-field", setting.at, message).option(option));
        return true;
    }
    let log = format!(
        "Could not find option suitable for category '{name}' named '{option}' at line {} of {}",
        setting.at.line,
        sources.name(setting.at.source)
    );
    let mut finding =
        Finding::error("unknown-option", setting.at, format!("type={kind} has no option '{option}'"))
            .option(option)
            .log(log);
    finding.help = hints::for_option(kind, option);
    findings.push(finding);
    false
}
