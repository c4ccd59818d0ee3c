//! `extensions.conf` → [`Dialplan`]: contexts, extensions, priorities, labels, includes, switches, hints, globals.
//!
//! A line that cannot be read is left out and told; the rest of the file counts. Where Asterisk would drop a line without
//! a word, or load what can never work, a finding says so.

use super::apps;
use super::arguments::is_true;
use super::check;
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
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

mod exten;
mod host;

use host::Globals;

/// What loading needs from outside.
pub struct Surroundings<'a> {
    /// The names of the files the lines stand in.
    pub sources: &'a Sources,
    /// Time zones that includes may name, and the machine's own.
    pub zones: Arc<Zones>,
    /// The environment, for `${ENV(…)}` in `[globals]`.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
    /// Whether the switch does this: a function that needs it, or an application that is known by name only. What it
    /// does not do is told.
    pub done: &'a dyn Fn(&str) -> bool,
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
        names: HashSet::new(),
        done: around.done,
        now: around.now,
    };
    for section in sections.iter().filter(|section| section.name.eq_ignore_ascii_case("general")) {
        section.lines.iter().for_each(|line| loader.general(line));
    }
    for section in sections.iter().filter(|section| section.name.eq_ignore_ascii_case("globals")) {
        for line in &section.lines {
            let value = loader.expand(&line.value, line.value_at);
            loader.globals.set(&line.key, &value);
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
    /// Application names, each once.
    names: HashSet<Arc<str>>,
    done: &'a dyn Fn(&str) -> bool,
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
        let yes = truth(&line.value);
        match line.key.to_ascii_lowercase().as_str() {
            "static" => general.is_static = yes,
            "writeprotect" => general.write_protect = yes,
            "autofallthrough" => general.auto_fall_through = yes,
            "extenpatternmatchnew" => general.new_pattern_match = yes,
            "clearglobalvars" => general.clear_global_vars = yes,
            "overrideswitch" => {
                general.override_switch = Some((&*line.value).into()).filter(|v: &Arc<str>| !v.is_empty())
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
                self.findings.add(meant(finding, &line.key, GENERAL));
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
        let name: Arc<str> = (&*section.name).into();
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
                    let pattern = self.expand(&line.value, line.value_at);
                    self.contexts[index].ignore_patterns.push((pattern.into(), line.at));
                }
                "autohints" => self.contexts[index].auto_hints = truth(&line.value),
                _ => {
                    let message = format!("no directive '{}' in a context; the line is ignored", line.key);
                    let finding = Finding::error("unknown-directive", line.at, message);
                    self.findings.add(meant(finding, &line.key, DIRECTIVES));
                }
            }
        }
    }

    /// The same text once: a dialplan of a million lines names few applications.
    fn shared(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.names.get(text) {
            return known.clone();
        }
        let new: Arc<str> = text.into();
        self.names.insert(new.clone());
        new
    }

    fn include(&mut self, index: usize, line: &Line<'_>) {
        let text = self.expand(&line.value, line.value_at);
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
            self.expand(&line.value, line.value_at)
        } else {
            line.value.to_string()
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

#[cfg(test)]
pub(super) mod tests;
