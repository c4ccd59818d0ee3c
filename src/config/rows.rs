//! Rows of realtime tables beside objects of files: which of two of the same name holds, and what a changed row makes
//! of the configuration in force.
//!
//! `sorcery.conf` may list several back ends for a kind; the first that has an object of a name gives it, as in
//! Asterisk. What stands behind it comes forward when the first one goes.

use super::compile::compile_one;
use super::draft::Draft;
use super::finding::Finding;
use super::kind::Kind;
use super::mapping::{Backend, Mappings};
use super::model::{Aor, Auth, DomainAlias, Endpoint, Identify, Pool, Registration};
use super::objects::{AnyObject, Change, Objects, Stored, Table};
use super::origin::{SourceId, Sources};
use crate::base::ids::Name;
use crate::base::limits;
use std::collections::{BTreeMap, HashMap};

/// A row that is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gone {
    /// What it described.
    pub kind: Kind,
    /// Its table.
    pub source: SourceId,
    /// Its `id`.
    pub id: String,
}

/// What is known about rows besides the objects they became.
#[derive(Debug, Default)]
pub struct Rows {
    /// For kinds with several back ends: their tables in order; `None` stands for files.
    order: BTreeMap<Kind, Vec<Option<SourceId>>>,
    /// Objects of files that stand behind a row of the same name.
    behind: HashMap<(Kind, Name), AnyObject>,
    /// Rows that stand behind an object from elsewhere, so far.
    unread: usize,
    pool: Pool,
}

/// What changed rows come to.
#[derive(Debug, Default)]
pub struct Applied {
    /// What to hand to those who hold the configuration; it is in the objects already.
    pub changes: Vec<Change>,
    /// What is wrong with the rows.
    pub findings: Vec<Finding>,
    /// Objects whose rows were looked at: what was said about them before no longer holds.
    pub looked_at: Vec<(Kind, Name)>,
    /// A row of this kind governs more than itself: everything is to be read again.
    pub whole: Option<Kind>,
}

impl Rows {
    /// The order of back ends.
    pub fn new(mappings: &Mappings, sources: &mut Sources) -> Rows {
        let mut rows = Rows::default();
        for (kind, backends) in &mappings.backends {
            let place = |(backend, _): &(Backend, _)| match backend {
                Backend::Config { .. } => Some(None),
                Backend::Realtime { family } => {
                    let table = &mappings.families.get(family)?.table;
                    Some(Some(sources.intern(table)))
                }
                Backend::Astdb | Backend::Memory => None,
            };
            let places: Vec<_> = backends.iter().filter_map(place).collect();
            if places.len() > 1 {
                rows.order.insert(*kind, places);
            }
        }
        rows
    }

    /// The place of a source among a kind's back ends.
    fn place(&self, kind: Kind, source: SourceId) -> Option<usize> {
        let order = self.order.get(&kind)?;
        let table = order.iter().position(|place| *place == Some(source));
        table.or_else(|| order.iter().position(Option::is_none))
    }

    /// Of two objects of one name from two sources: whether the one from `new` goes before the one from `old`; `None`
    /// when both are of one back end.
    pub(super) fn goes_before(&self, kind: Kind, new: SourceId, old: SourceId) -> Option<bool> {
        let (new, old) = (self.place(kind, new)?, self.place(kind, old)?);
        (new != old).then_some(new < old)
    }

    /// An object gives way to a row that goes before it.
    pub(super) fn put_behind(&mut self, object: AnyObject) {
        self.behind.insert((object.kind(), object.name().clone()), object);
    }

    /// A row gives way to an object that goes before it.
    pub(super) fn count_unread(&mut self) {
        self.unread += 1;
    }

    /// How many rows stand behind objects from elsewhere.
    pub fn unread(&self) -> usize {
        self.unread
    }

    /// Compiles changed rows and puts them in force in `objects`; a bad one leaves its last good version there.
    pub fn apply(&mut self, objects: &mut Objects, changed: &[Draft<'_>], gone: &[Gone]) -> Applied {
        let mut applied = Applied::default();
        // Values that nothing uses any more go with the pool.
        if self.pool.endpoints.len() + self.pool.lines.len() > limits::REALTIME_CHANGES {
            self.pool = Pool::default();
        }
        for draft in changed {
            match draft.kind {
                Kind::Endpoint => self.put::<Endpoint>(objects, draft, &mut applied),
                Kind::Aor => self.put::<Aor>(objects, draft, &mut applied),
                Kind::Auth => self.put::<Auth>(objects, draft, &mut applied),
                Kind::Identify => self.put::<Identify>(objects, draft, &mut applied),
                Kind::DomainAlias => self.put::<DomainAlias>(objects, draft, &mut applied),
                Kind::Registration => self.put::<Registration>(objects, draft, &mut applied),
                kind => applied.whole = Some(kind),
            }
        }
        for gone in gone {
            match gone.kind {
                Kind::Endpoint => self.take::<Endpoint>(objects, gone, &mut applied),
                Kind::Aor => self.take::<Aor>(objects, gone, &mut applied),
                Kind::Auth => self.take::<Auth>(objects, gone, &mut applied),
                Kind::Identify => self.take::<Identify>(objects, gone, &mut applied),
                Kind::DomainAlias => self.take::<DomainAlias>(objects, gone, &mut applied),
                Kind::Registration => self.take::<Registration>(objects, gone, &mut applied),
                kind => applied.whole = Some(kind),
            }
        }
        // Names of single values are not worth keeping.
        self.pool.cx = Default::default();
        applied
    }

    fn put<T: Stored>(&mut self, objects: &mut Objects, draft: &Draft<'_>, applied: &mut Applied) {
        let name = Name::from(&*draft.id);
        let old = objects.named::<T>(&name).cloned();
        let before = old.as_ref().and_then(|old| self.goes_before(T::KIND, draft.at.source, old.at().source));
        if before == Some(false) {
            return;
        }
        applied.looked_at.push((T::KIND, name.clone()));
        if let Some(old) = &old {
            // So that what stays the same stays shared.
            T::clone(old).share(&mut self.pool);
        }
        match compile_one::<T>(draft, objects, &mut self.pool) {
            Ok((object, findings)) => {
                applied.findings.extend(findings);
                objects.kept.remove(&(T::KIND, name));
                if let Some(old) = old {
                    if before == Some(true) {
                        self.put_behind(T::any(old));
                    } else if old == object && old.provenance().same_place(object.provenance()) {
                        return;
                    }
                }
                T::table_mut(objects).put(object.clone());
                applied.changes.push(Change::Put(T::any(object)));
            }
            Err(findings) => {
                applied.findings.extend(findings);
                if old.is_some() {
                    objects.kept.insert((T::KIND, name));
                }
            }
        }
    }

    fn take<T: Stored>(&mut self, objects: &mut Objects, gone: &Gone, applied: &mut Applied) {
        let name = Name::from(gone.id.as_str());
        let key = (T::KIND, name.clone());
        match objects.named::<T>(&name) {
            Some(there) if there.at().source == gone.source => {}
            // It gave way to another one, or never loaded.
            Some(_) => return,
            None => {
                applied.looked_at.push(key);
                return;
            }
        }
        applied.looked_at.push(key.clone());
        objects.kept.remove(&key);
        let change = match self.behind.remove(&key) {
            Some(behind) => Change::Put(behind),
            None => Change::Remove(T::KIND, name),
        };
        objects.apply(&change);
        applied.changes.push(change);
    }
}
