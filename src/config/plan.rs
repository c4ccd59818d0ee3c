//! What a reload would do, before it does it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use super::kind::Kind;
use super::model::Other;
use super::objects::{AnyObject, Change, Objects, Stored, Table, VisitKinds, visit_kinds};
use crate::base::ids::Name;

/// What happens to one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// It is new.
    Added,
    /// It goes.
    Removed,
    /// These options get other values.
    Changed(Vec<OptionChange>),
    /// Its new version is bad; the last good one stays.
    Kept,
}

/// One option's old and new value, as `pjsip show` prints them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionChange {
    /// The option.
    pub option: &'static str,
    /// Before; several values joined by commas.
    pub from: String,
    /// After.
    pub to: String,
}

/// The difference between two configurations.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// What to hand to those who hold the old one.
    pub changes: Vec<Change>,
    /// The same for people, by kind and name.
    pub deeds: Vec<(Kind, Name, Deed)>,
    /// Objects that say the same at another place.
    pub moved: usize,
}

/// Options whose values are never printed in a plan.
const SECRETS: &[&str] = &["md5_cred", "oauth_secret", "password", "password_digest", "refresh_token"];

impl Objects {
    /// What must change to get from this configuration to `new`.
    pub fn plan(&self, new: &Objects) -> Plan {
        let mut planner = Planner { old: self, new, plan: Plan::default() };
        visit_kinds(&mut planner);
        planner.compare_others();
        planner.plan
    }
}

struct Planner<'a> {
    old: &'a Objects,
    new: &'a Objects,
    plan: Plan,
}

impl VisitKinds for Planner<'_> {
    fn visit<T: Stored>(&mut self) {
        let (old, new) = (T::table(self.old), T::table(self.new));
        let mut names: BTreeSet<&Name> = BTreeSet::new();
        for object in new.all() {
            match old.named(object.name()) {
                Some(before) if Arc::ptr_eq(before, object) => {}
                _ => {
                    names.insert(object.name());
                }
            }
        }
        names.extend(old.all().map(|object| object.name()).filter(|name| new.named(name).is_none()));
        for name in names {
            self.compare::<T>(name, old.named(name), new.named(name));
        }
        for (kind, name) in self.new.kept.iter().filter(|(kind, _)| *kind == T::KIND) {
            self.plan.deeds.push((*kind, name.clone(), Deed::Kept));
        }
    }
}

impl Planner<'_> {
    /// Objects of kinds without a type of their own, by their settings.
    fn compare_others(&mut self) {
        let (old, new) = (&self.old.others, &self.new.others);
        for ((kind, name), object) in new {
            let deed = match old.get(&(*kind, name.clone())) {
                Some(before) if settings(before) == settings(object) => continue,
                Some(_) => Deed::Changed(Vec::new()),
                None => Deed::Added,
            };
            self.plan.changes.push(Change::Put(AnyObject::Other(object.clone())));
            self.plan.deeds.push((*kind, name.clone(), deed));
        }
        for (kind, name) in old.keys().filter(|key| !new.contains_key(key)) {
            self.plan.changes.push(Change::Remove(*kind, name.clone()));
            self.plan.deeds.push((*kind, name.clone(), Deed::Removed));
        }
    }

    fn compare<T: Stored>(&mut self, name: &Name, old: Option<&Arc<T>>, new: Option<&Arc<T>>) {
        let deed = match (old, new) {
            (None, None) => return,
            (None, Some(new)) => {
                self.plan.changes.push(Change::Put(T::any(new.clone())));
                Deed::Added
            }
            (Some(_), None) => {
                self.plan.changes.push(Change::Remove(T::KIND, name.clone()));
                Deed::Removed
            }
            (Some(old), Some(new)) if old == new => {
                self.plan.changes.push(Change::Moved(T::any(new.clone())));
                self.plan.moved += 1;
                return;
            }
            (Some(old), Some(new)) => {
                self.plan.changes.push(Change::Put(T::any(new.clone())));
                Deed::Changed(option_changes(&**old, &**new))
            }
        };
        self.plan.deeds.push((T::KIND, name.clone(), deed));
    }
}

/// The settings of an object of such a kind; values that are repeated say the same as values in one line.
fn settings(object: &Other) -> BTreeMap<String, Vec<&str>> {
    let mut all: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (name, value) in &object.settings {
        all.entry(name.to_ascii_lowercase()).or_default().extend(value.split(',').map(str::trim));
    }
    all
}

fn option_changes<T: Stored>(old: &T, new: &T) -> Vec<OptionChange> {
    let mut changes = Vec::new();
    for spec in T::specs().iter() {
        let (mut from, mut to) = (Vec::new(), Vec::new());
        (spec.print)(old, &mut from);
        (spec.print)(new, &mut to);
        if from != to {
            let shown = |lines: Vec<String>| {
                if SECRETS.contains(&spec.name) { "(secret)".to_owned() } else { lines.join(",") }
            };
            changes.push(OptionChange { option: spec.name, from: shown(from), to: shown(to) });
        }
    }
    changes
}

impl Plan {
    /// Whether nothing an operator would notice changes.
    pub fn is_empty(&self) -> bool {
        self.deeds.is_empty()
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.deeds.is_empty() {
            return f.write_str("nothing changes\n");
        }
        for (kind, name, deed) in &self.deeds {
            match deed {
                Deed::Added => writeln!(f, "+ {kind} '{name}'")?,
                Deed::Removed => writeln!(f, "- {kind} '{name}'")?,
                Deed::Kept => writeln!(f, "! {kind} '{name}': new version is bad, the last good one stays")?,
                Deed::Changed(options) => {
                    writeln!(f, "~ {kind} '{name}'")?;
                    for change in options {
                        writeln!(f, "    {}: '{}' -> '{}'", change.option, change.from, change.to)?;
                    }
                }
            }
        }
        Ok(())
    }
}
