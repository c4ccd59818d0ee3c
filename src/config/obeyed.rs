//! Options and objects that are legal, but that this server does not obey (yet): said once each, at their first place,
//! so that nothing is accepted and then ignored in silence.

use std::collections::{BTreeMap, HashSet};

use super::compile::Compiler;
use super::finding::{Finding, Severity};
use super::kind::Kind;
use super::objects::{Stored, Table, VisitKinds, visit_kinds};
use super::origin::Origin;
use super::value::Status;
use crate::base::ids::Name;

impl Compiler<'_> {
    /// Tells what is not obeyed.
    pub(super) fn tell_unobeyed(&mut self) {
        let mut teller = Teller { compiler: self, found: BTreeMap::new() };
        visit_kinds(&mut teller);
        let found = teller.found;
        for ((kind, option), seen) in found {
            let finding = seen.finding(kind, option);
            self.report(finding);
        }
        self.tell_others();
    }

    /// One warning per kind with which nothing is done.
    fn tell_others(&mut self) {
        let mut seen: BTreeMap<Kind, (Origin, Name, usize)> = BTreeMap::new();
        let others = self.objects.others.iter().filter(|((kind, _), _)| !OBEYED.contains(kind));
        for ((kind, name), object) in others {
            let at = object.provenance.at();
            let entry = seen.entry(*kind).or_insert_with(|| (at, name.clone(), 0));
            entry.2 += 1;
        }
        for (kind, (at, name, count)) in seen {
            let message = format!("nothing is done with objects of this type yet{}", and_others(count));
            self.report(Finding::warning("not-yet-obeyed", at, message).about(kind, &name));
        }
    }
}

/// Kinds without a type of their own that are obeyed all the same.
const OBEYED: &[Kind] =
    &[Kind::ResourceList, Kind::OutboundPublish, Kind::InboundPublication, Kind::AsteriskPublication];

struct Teller<'a, 'g> {
    compiler: &'a Compiler<'g>,
    found: BTreeMap<(Kind, &'static str), Seen>,
}

struct Seen {
    status: Status,
    at: Origin,
    name: Name,
    value: String,
    count: usize,
}

impl VisitKinds for Teller<'_, '_> {
    fn visit<T: Stored>(&mut self) {
        let blank = T::blank(Name::default());
        let unobeyed: Vec<(usize, &str, Status)> = T::specs()
            .iter()
            .enumerate()
            .filter(|(_, spec)| spec.status != Status::Obeyed)
            .map(|(index, spec)| (index, spec.name, spec.status))
            .collect();
        // Objects that share their options and the pattern of their lines say the same.
        let mut shapes: HashSet<(usize, usize)> = HashSet::new();
        for object in T::table(&self.compiler.objects).all() {
            let shape = (object.shared_part(), object.provenance().pattern());
            if shape.0 != 0 && !shapes.insert(shape) {
                continue;
            }
            for (index, name, status) in &unobeyed {
                let Some(at) = object.provenance().of(*index) else { continue };
                let value = object.option(name).unwrap_or_default();
                if Some(&value) == blank.option(name).as_ref() {
                    continue;
                }
                let seen = self.found.entry((T::KIND, name)).or_insert_with(|| Seen {
                    status: *status,
                    at,
                    name: object.name().clone(),
                    value,
                    count: 0,
                });
                seen.count += 1;
                // The first place in the files, whatever the order of the table.
                if at < seen.at {
                    (seen.at, seen.name) = (at, object.name().clone());
                }
            }
        }
    }
}

impl Seen {
    fn finding(&self, kind: Kind, option: &str) -> Finding {
        let others = and_others(self.count);
        let (severity, code, message) = match self.status {
            Status::Missed => (
                Severity::Warning,
                "not-yet-obeyed",
                format!("{option}={} is not yet obeyed{others}", self.value),
            ),
            Status::Moot => {
                (Severity::Note, "nothing-to-govern", format!("{option} has nothing to govern here{others}"))
            }
            Status::Later | Status::Obeyed => (
                Severity::Note,
                "not-yet-obeyed",
                format!("{option}={} is not yet obeyed{others}", self.value),
            ),
        };
        Finding::new(severity, code, self.at, message).about(kind, &self.name).option(option)
    }
}

fn and_others(count: usize) -> &'static str {
    if count > 1 { ", here and elsewhere" } else { "" }
}
