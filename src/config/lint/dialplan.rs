//! What `extensions.conf` says that concerns endpoints: contexts, hints, `Dial(SIP/…)`. The dialplan itself is read
//! elsewhere.

use std::collections::{BTreeMap, HashSet};

use regex::Regex;

use super::Lint;
use crate::config::conf::Tree;
use crate::config::finding::Finding;
use crate::config::objects::Objects;
use crate::config::origin::Origin;
use crate::config::suggest;

/// Contexts of `extensions.conf` with what they include, and whether they hold hints.
#[derive(Debug, Default)]
pub struct Dialplan {
    contexts: BTreeMap<String, Context>,
    dialled: Vec<Dialled>,
}

#[derive(Debug, Default)]
struct Context {
    includes: Vec<String>,
    hints: bool,
    /// A `switch`: extensions come from elsewhere.
    switched: bool,
}

/// A device that a line dials or hints at.
#[derive(Debug)]
struct Dialled {
    technology: Technology,
    name: String,
    at: Origin,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Technology {
    Sip,
    Pjsip,
}

impl Dialplan {
    /// Takes from a tree what matters here.
    pub fn of(tree: &Tree) -> Dialplan {
        let mut dialplan = Dialplan::default();
        let device = Regex::new(r"(?:^|[(&,@ ])(PJ)?SIP/([^,&)/@\s]+)(@?)").expect("a constant expression");
        for section in tree.sections().filter(|section| !section.is_template()) {
            if matches!(section.name(), "general" | "globals") {
                continue;
            }
            let context = dialplan.contexts.entry(section.name().to_owned()).or_default();
            for entry in section.entries() {
                match entry.name.to_ascii_lowercase().as_str() {
                    "include" => {
                        let name = entry.value.split([',', '|']).next().unwrap_or_default();
                        context.includes.push(name.trim().to_owned());
                    }
                    "exten" | "same" => {
                        context.hints |= is_hint(entry.name, entry.value);
                        for found in device.captures_iter(entry.value) {
                            // A name with a variable in it, or behind another endpoint's '@', is not known here.
                            if found[2].contains(['$', '{', '}']) || !found[3].is_empty() {
                                continue;
                            }
                            let technology =
                                if found.get(1).is_some() { Technology::Pjsip } else { Technology::Sip };
                            dialplan.dialled.push(Dialled {
                                technology,
                                name: found[2].to_owned(),
                                at: entry.at,
                            });
                        }
                    }
                    "switch" | "lswitch" | "eswitch" => context.switched = true,
                    "autohints" => context.hints |= crate::config::value::scalar::is_true(entry.value),
                    _ => {}
                }
            }
        }
        dialplan
    }

    /// Whether there is such a context.
    pub fn has(&self, context: &str) -> bool {
        self.contexts.contains_key(context)
    }

    /// The names of all contexts.
    pub fn contexts(&self) -> impl Iterator<Item = &str> {
        self.contexts.keys().map(String::as_str)
    }

    /// Whether there is any hint.
    pub fn has_hints(&self) -> bool {
        self.contexts.values().any(|context| context.hints)
    }

    /// Contexts with hints.
    pub fn contexts_with_hints(&self) -> impl Iterator<Item = &str> {
        self.contexts.iter().filter(|(_, context)| context.hints).map(|(name, _)| name.as_str())
    }

    /// Whether a hint can be found from a context through what it includes.
    pub fn reaches_hint(&self, context: &str) -> bool {
        let mut seen: HashSet<&str> = HashSet::new();
        let mut todo = vec![context];
        while let Some(name) = todo.pop() {
            let Some((name, context)) = self.contexts.get_key_value(name) else { continue };
            if context.hints || context.switched {
                return true;
            }
            if seen.insert(name) {
                todo.extend(context.includes.iter().map(String::as_str));
            }
        }
        false
    }
}

/// `exten => 100,hint,…` or `same => hint,…`.
fn is_hint(word: &str, value: &str) -> bool {
    let priority = value.split(',').nth(usize::from(word.eq_ignore_ascii_case("exten")));
    priority.is_some_and(|priority| priority.trim().eq_ignore_ascii_case("hint"))
}

pub(super) fn look(lint: &mut Lint<'_>, dialplan: &Dialplan) {
    let objects = lint.objects;
    for dialled in &dialplan.dialled {
        match dialled.technology {
            Technology::Sip => old_technology(lint, objects, dialled),
            Technology::Pjsip => unknown_endpoint(lint, objects, dialled),
        }
    }
}

/// S4-89, S4-90.
fn old_technology(lint: &mut Lint<'_>, objects: &Objects, dialled: &Dialled) {
    let name = &dialled.name;
    let message = format!("SIP/{name} is chan_sip's name for a device: there is no such channel type");
    let log = format!("No channel type registered for 'SIP' (SIP/{name})");
    let finding = Finding::warning("old-technology", dialled.at, message).log(log);
    let help = if objects.endpoints.contains_key(name.as_str()) {
        format!("write PJSIP/{name}")
    } else {
        format!("write PJSIP/{name}, and add an endpoint '{name}'")
    };
    lint.push(finding).help(help);
}

/// S4-87.
fn unknown_endpoint(lint: &mut Lint<'_>, objects: &Objects, dialled: &Dialled) {
    let name = dialled.name.as_str();
    if objects.endpoints.contains_key(name) || objects.endpoints.is_empty() || !lint.wants("no-such-endpoint")
    {
        return;
    }
    let log = format!("Unable to create PJSIP channel - endpoint '{name}' was not found");
    let message = format!("PJSIP/{name}: there is no endpoint '{name}'");
    let near = if name.bytes().all(|b| b.is_ascii_digit()) {
        None
    } else {
        suggest::nearest(name, objects.endpoints.keys().map(|name| &**name))
    };
    let help = near
        .map_or_else(|| format!("add an endpoint '{name}'"), |near| format!("did you mean PJSIP/{near}?"));
    lint.push(Finding::warning("no-such-endpoint", dialled.at, message).log(log)).help(help);
}
