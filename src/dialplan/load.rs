//! `extensions.conf` → [`Dialplan`]: contexts, extensions, priorities, labels, includes, switches, hints, globals.
//!
//! A line that cannot be read is left out and told; the rest of the file counts. Where Asterisk would drop a line without
//! a word, or load what can never work, a finding says so.

use super::apps;
use super::arguments::is_true;
use super::check;
use super::functions;
use super::host::{Host, Level, Unavailable};
use super::line::{Findings, Line, Section, meant, right};
use super::pattern::Exten;
use super::plan::{Context, Dialplan, Extension, General, HINT, Include, Priority, Switch};
use super::scope::{Memory, Place, Scope};
use super::timing::Timing;
use super::zone::Zones;
use crate::base::time::Now;
use crate::config::finding::Finding;
use crate::config::origin::{Origin, Sources};
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

mod exten;

/// What loading needs from outside.
pub struct Surroundings<'a> {
    /// The names of the files the lines stand in.
    pub sources: &'a Sources,
    /// Time zones that includes may name, and the machine's own.
    pub zones: Arc<Zones>,
    /// The environment, for `${ENV(…)}` in `[globals]`.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
    /// Both clocks, for `${EPOCH}` and `${STRFTIME(…)}` in `[globals]`.
    pub now: Now,
}

/// A loaded dialplan, and what is wrong with it.
#[derive(Debug)]
pub struct Loaded {
    /// The dialplan, without the lines that cannot be read.
    pub dialplan: Dialplan,
    /// Faults and suspicions by place.
    pub findings: Vec<Finding>,
}

/// Loads the sections of an `extensions.conf`.
pub fn load(sections: &[Section<'_>], around: &Surroundings<'_>) -> Loaded {
    let mut loader = Loader {
        contexts: Vec::new(),
        by_name: HashMap::new(),
        globals: Globals { values: Vec::new(), environment: around.environment, said: Vec::new() },
        plan: Dialplan {
            zones: around.zones.clone(),
            sources: Arc::new(around.sources.clone()),
            ..Dialplan::default()
        },
        findings: Findings::default(),
        now: around.now,
    };
    for section in sections.iter().filter(|section| section.name.eq_ignore_ascii_case("general")) {
        section.lines.iter().for_each(|line| loader.general(line));
    }
    for section in sections.iter().filter(|section| section.name.eq_ignore_ascii_case("globals")) {
        for line in &section.lines {
            let value = loader.expand(line.value, line.value_at);
            loader.globals.set(line.key, &value);
        }
    }
    for section in sections {
        if !section.name.eq_ignore_ascii_case("general") && !section.name.eq_ignore_ascii_case("globals") {
            loader.context(section);
        }
    }
    loader.finish()
}

/// A context while it is read.
struct Draft {
    name: Arc<str>,
    at: Origin,
    extensions: BTreeMap<Key, Vec<Priority>>,
    includes: Vec<Include>,
    switches: Vec<Switch>,
    ignore_patterns: Vec<(Arc<str>, Origin)>,
    auto_hints: bool,
}

/// An extension and the callers it is for, in matching order.
#[derive(Clone)]
struct Key {
    exten: Exten,
    caller: Option<Exten>,
}

impl Ord for Key {
    fn cmp(&self, other: &Key) -> Ordering {
        self.exten.order(&other.exten).then_with(|| match (&self.caller, &other.caller) {
            (None, None) => Ordering::Equal,
            // With a caller before without one.
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => a.order(b),
        })
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Key) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Key) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Key {}

struct Loader<'a> {
    contexts: Vec<Draft>,
    by_name: HashMap<Arc<str>, usize>,
    globals: Globals<'a>,
    /// The dialplan under construction: zones, settings, sources.
    plan: Dialplan,
    findings: Findings,
    now: Now,
}

/// What a section remembers from line to line.
#[derive(Default)]
struct Last {
    /// The extension `same` means.
    exten: Option<String>,
    /// The priority `n` follows.
    priority: Option<i32>,
}

const GENERAL: [&str; 7] = [
    "static",
    "writeprotect",
    "autofallthrough",
    "extenpatternmatchnew",
    "clearglobalvars",
    "overrideswitch",
    "userscontext",
];
const DIRECTIVES: [&str; 8] =
    ["exten", "same", "include", "switch", "lswitch", "eswitch", "ignorepat", "autohints"];

impl Loader<'_> {
    fn general(&mut self, line: &Line<'_>) {
        let general: &mut General = &mut self.plan.general;
        let yes = truth(line.value);
        match line.key.to_ascii_lowercase().as_str() {
            "static" => general.is_static = yes,
            "writeprotect" => general.write_protect = yes,
            "autofallthrough" => general.auto_fall_through = yes,
            "extenpatternmatchnew" => general.new_pattern_match = yes,
            "clearglobalvars" => general.clear_global_vars = yes,
            "overrideswitch" => {
                general.override_switch = Some(line.value.into()).filter(|v: &Arc<str>| !v.is_empty())
            }
            "userscontext" => {
                let message = "userscontext belongs to users.conf, which is not read here";
                self.findings.warn("unsupported-option", line.at, message);
            }
            _ => {
                let finding = Finding::error(
                    "unknown-option",
                    line.at,
                    format!("no option '{}' in [general]", line.key),
                );
                self.findings.add(meant(finding, line.key, GENERAL));
            }
        }
    }

    /// `${}` and `$[]` with globals only, as everything outside of arguments is expanded.
    fn expand(&mut self, text: &str, at: Origin) -> String {
        if !text.contains('$') {
            return text.to_owned();
        }
        let mut memory = Memory::at(Place::new("", "", 0));
        let value = Scope::new(&mut memory, &self.plan, &mut self.globals, self.now).expand(text);
        for said in std::mem::take(&mut self.globals.said) {
            self.findings.warn("expansion", at, said);
        }
        value
    }

    fn context(&mut self, section: &Section<'_>) {
        let name: Arc<str> = section.name.into();
        let index = *self.by_name.entry(name.clone()).or_insert_with(|| {
            self.contexts.push(Draft {
                name,
                at: section.at,
                extensions: BTreeMap::new(),
                includes: Vec::new(),
                switches: Vec::new(),
                ignore_patterns: Vec::new(),
                auto_hints: false,
            });
            self.contexts.len() - 1
        });
        let mut last = Last::default();
        for line in &section.lines {
            match line.key.to_ascii_lowercase().as_str() {
                "exten" => self.exten(index, line, &mut last),
                key if key.starts_with("same") => self.same(index, line, &mut last),
                "include" => self.include(index, line),
                "switch" | "lswitch" | "eswitch" => self.switch(index, line),
                "ignorepat" => {
                    let pattern = self.expand(line.value, line.value_at);
                    self.contexts[index].ignore_patterns.push((pattern.into(), line.at));
                }
                "autohints" => self.contexts[index].auto_hints = truth(line.value),
                _ => {
                    let message = format!("no directive '{}' in a context; the line is ignored", line.key);
                    let finding = Finding::error("unknown-directive", line.at, message);
                    self.findings.add(meant(finding, line.key, DIRECTIVES));
                }
            }
        }
    }

    fn include(&mut self, index: usize, line: &Line<'_>) {
        let text = self.expand(line.value, line.value_at);
        let (context, times) = match text.split_once(',') {
            Some((context, times)) => (context.trim(), Some(times)),
            None => (text.trim(), None),
        };
        let mut faults = Vec::new();
        let timing = times.map(|times| Timing::parse(times, &mut faults));
        for fault in faults {
            self.findings.error("include-times", line.value_at, format!("include of '{context}': {fault}"));
        }
        if let Some(zone) = timing.as_ref().map(Timing::zone).filter(|zone| !self.plan.zones.has(zone)) {
            let message =
                format!("include of '{context}': there is no time zone '{zone}'; local time is used");
            self.findings.error("time-zone", line.value_at, message);
        }
        let include =
            Include { text: text.as_str().into(), context: context.into(), timing, at: line.value_at };
        let draft = &mut self.contexts[index];
        if draft.includes.iter().any(|known| known.text == include.text) {
            let message = format!("context '{}' already includes '{text}'", draft.name);
            self.findings.warn("duplicate-include", line.at, message);
            return;
        }
        draft.includes.push(include);
    }

    fn switch(&mut self, index: usize, line: &Line<'_>) {
        let text = if line.key.eq_ignore_ascii_case("switch") {
            self.expand(line.value, line.value_at)
        } else {
            line.value.to_owned()
        };
        let (name, data) = text.split_once('/').unwrap_or((&text, ""));
        if !name.eq_ignore_ascii_case("Realtime") {
            let message = format!("there is no switch '{name}' here; extensions behind it are not found");
            self.findings.add(meant(
                Finding::error("unknown-switch", line.value_at, message),
                name,
                ["Realtime"],
            ));
        }
        let evaluated = line.key.eq_ignore_ascii_case("eswitch");
        self.contexts[index].switches.push(Switch {
            name: name.into(),
            data: data.into(),
            evaluated,
            at: line.at,
        });
    }

    fn finish(mut self) -> Loaded {
        let drafts = std::mem::take(&mut self.contexts);
        let names: Vec<(Arc<str>, Origin)> =
            drafts.iter().map(|draft| (draft.name.clone(), draft.at)).collect();
        let contexts = drafts.into_iter().map(|draft| {
            let extensions: Vec<Extension> = draft
                .extensions
                .into_iter()
                .map(|(key, priorities)| Extension { exten: key.exten, caller: key.caller, priorities })
                .collect();
            Arc::new(Context {
                name: draft.name,
                literals: extensions.partition_point(|extension| !extension.exten.is_pattern()),
                extensions,
                includes: draft.includes,
                switches: draft.switches,
                ignore_patterns: draft.ignore_patterns,
                auto_hints: draft.auto_hints,
            })
        });
        self.plan.contexts = contexts.collect();
        self.plan.by_name = self.by_name;
        self.plan.globals = self.globals.values;
        check::whole(&self.plan, &names, self.now, &mut self.findings);
        Loaded { dialplan: self.plan, findings: self.findings.finish() }
    }
}

/// `yes`, `true`, `y`, `t`, `1`, `on`.
fn truth(text: &str) -> bool {
    ["yes", "true", "y", "t", "on"].iter().any(|word| word.eq_ignore_ascii_case(text))
        || (text != "no" && is_true_number(text))
}

fn is_true_number(text: &str) -> bool {
    text.parse::<i64>().is_ok() && is_true(text)
}

/// The host while loading: globals and the environment, no channel.
struct Globals<'a> {
    values: Vec<(Arc<str>, Arc<str>)>,
    environment: &'a dyn Fn(&str) -> Option<String>,
    said: Vec<String>,
}

impl Globals<'_> {
    fn set(&mut self, name: &str, value: &str) {
        self.values.retain(|(known, _)| **known != *name);
        self.values.push((name.into(), value.into()));
    }
}

impl Host for Globals<'_> {
    fn builtin(&self, _: &str) -> Option<String> {
        None
    }

    fn caller_number(&self) -> String {
        String::new()
    }

    fn is_up(&self) -> bool {
        false
    }

    fn global(&self, name: &str) -> Option<String> {
        self.values.iter().find(|(known, _)| **known == *name).map(|(_, value)| value.to_string())
    }

    fn set_global(&mut self, name: &str, value: Option<&str>) {
        match value {
            Some(value) => self.set(name, value),
            None => self.values.retain(|(known, _)| **known != *name),
        }
    }

    fn read(&mut self, function: &str, arguments: &str) -> Result<String, Unavailable> {
        match function {
            "ENV" => Ok((self.environment)(arguments).unwrap_or_default()),
            _ => Err(Unavailable::Failed("there is no channel while the dialplan loads".into())),
        }
    }

    fn write(&mut self, function: &str, _: &str, _: &str) -> Result<(), Unavailable> {
        let known = if functions::find(function).is_some() {
            "there is no channel"
        } else {
            "there is no such function"
        };
        Err(Unavailable::Failed(format!("{known} while the dialplan loads")))
    }

    fn random(&mut self) -> u64 {
        // A dialplan loads the same way each time.
        4
    }

    fn verbosity(&self) -> u8 {
        0
    }

    fn say(&mut self, level: Level, text: &str) {
        if matches!(level, Level::Warning | Level::Error) {
            // The place in front is that of no channel.
            self.said.push(text.trim_start_matches("[@:0] ").to_owned());
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::config::conf;
    use crate::config::files::MemoryFiles;
    use crate::dialplan::line::sections;

    /// Loads a text, with what its reader found.
    pub(crate) fn load_with_findings(text: &str) -> (Dialplan, Vec<String>) {
        let files = MemoryFiles::new().with("extensions.conf", text);
        let mut sources = Sources::new();
        let mut findings = Vec::new();
        let tree = conf::read(&files, "extensions.conf", &mut sources, &mut findings);
        let environment = |name: &str| (name == "HOME").then(|| "/root".to_owned());
        let around = Surroundings {
            sources: &sources,
            zones: Arc::default(),
            environment: &environment,
            now: Now::default(),
        };
        let loaded = super::load(&sections(&tree), &around);
        findings.extend(loaded.findings);
        let told = findings.iter().map(|finding| finding.text(&sources).to_string()).collect();
        (loaded.dialplan, told)
    }

    /// Loads a text that is without fault.
    pub(crate) fn load_clean(text: &str) -> Dialplan {
        let (plan, findings) = load_with_findings(text);
        assert_eq!(findings, Vec::<String>::new());
        plan
    }

    pub(crate) use load_clean as load;
}
