//! Drafts become objects. All faults are found in one run; a bad object takes no good one down, and on reload its last
//! good version stays.

use std::collections::HashSet;
use std::sync::Arc;

use super::draft::Draft;
use super::finding::{Effect, Finding, Severity};
use super::kind::Kind;
use super::model::{
    Acl, Aor, Asterisk, Auth, Contact, DomainAlias, Endpoint, Global, Identify, Jackfield, NamedAcl, Other,
    Pool, Provenance, Registration, Rtp, System, Transport, other, publishing,
};
use super::objects::{Objects, Stored, Table, VisitKinds, visit_kinds};
use super::origin::{Origin, Sources};
use super::read::{read_object, unknown_option};
use super::rows::Rows;
use crate::base::ids::Name;
use crate::base::limits;

/// Compiles drafts that come from `sources`. `last_good` is the configuration in force, if there is one; its names of
/// sources must be part of `sources`, so begin a reload with a clone of them.
pub fn compile<'a>(
    drafts: impl IntoIterator<Item = Draft<'a>>,
    sources: Sources,
    last_good: Option<&Objects>,
) -> (Objects, Vec<Finding>) {
    let mut compiler = Compiler::new(last_good);
    for draft in drafts {
        compiler.add(&draft, &sources);
    }
    compiler.finish(sources)
}

/// Takes drafts one at a time, so that a million rows need not be in memory at once.
#[derive(Debug)]
pub struct Compiler<'g> {
    pub(super) last_good: Option<&'g Objects>,
    pub(super) objects: Objects,
    pub(super) findings: Vec<Finding>,
    pub(super) pool: Pool,
    /// Names of sections that say no type: a dangling name may mean one of them.
    pub(super) untyped: HashSet<Name>,
    /// Objects that did not load, and have no last good version.
    pub(super) failed: HashSet<(Kind, Name)>,
    pub(super) rows: Rows,
    incomplete: bool,
    dropped_findings: usize,
}

impl<'g> Compiler<'g> {
    /// Ready for drafts.
    pub fn new(last_good: Option<&'g Objects>) -> Compiler<'g> {
        Compiler {
            last_good,
            objects: Objects::new(),
            findings: Vec::new(),
            pool: Pool::default(),
            untyped: HashSet::new(),
            failed: HashSet::new(),
            rows: Rows::default(),
            incomplete: false,
            dropped_findings: 0,
        }
    }

    /// Some source could not be read in full: objects of the last good configuration that are absent now are kept
    /// instead of removed.
    pub fn mark_incomplete(&mut self) {
        self.incomplete = true;
    }

    /// Remembers a section that says no type.
    pub fn add_untyped(&mut self, name: &str) {
        let name = self.pool.cx.name(name);
        self.untyped.insert(name);
    }

    /// Room for so many more objects of a kind, so that tables need not grow step by step.
    pub fn reserve(&mut self, kind: Kind, count: usize) {
        match kind {
            Kind::Endpoint => {
                self.objects.endpoints.reserve(count);
                // Aors and auths mostly have the names of endpoints.
                self.pool.cx.reserve(count);
            }
            Kind::Aor => self.objects.aors.reserve(count),
            Kind::Auth => self.objects.auths.reserve(count),
            _ => {}
        }
    }

    /// Adds a fault found on the way here.
    pub fn report(&mut self, finding: Finding) {
        // Notes go first when there are too many findings: they are about nothing wrong.
        if self.findings.len() < limits::FINDINGS {
            self.findings.push(finding);
        } else {
            self.dropped_findings += 1;
        }
    }

    /// Takes one draft.
    pub fn add(&mut self, draft: &Draft<'_>, sources: &Sources) {
        match draft.kind {
            Kind::Global => self.build::<Global>(draft, sources),
            Kind::System => self.build::<System>(draft, sources),
            Kind::Transport => self.build::<Transport>(draft, sources),
            Kind::Endpoint => self.build::<Endpoint>(draft, sources),
            Kind::Aor => self.build::<Aor>(draft, sources),
            Kind::Auth => self.build::<Auth>(draft, sources),
            Kind::Identify => self.build::<Identify>(draft, sources),
            Kind::Acl => self.build::<Acl>(draft, sources),
            Kind::NamedAcl => self.build::<NamedAcl>(draft, sources),
            Kind::DomainAlias => self.build::<DomainAlias>(draft, sources),
            Kind::Registration => self.build::<Registration>(draft, sources),
            Kind::Contact => self.build::<Contact>(draft, sources),
            Kind::Asterisk => self.build::<Asterisk>(draft, sources),
            Kind::Rtp => self.build::<Rtp>(draft, sources),
            Kind::Jackfield => self.build::<Jackfield>(draft, sources),
            _ => self.keep_other(draft, sources),
        }
    }

    fn build<T: Stored>(&mut self, draft: &Draft<'_>, sources: &Sources) {
        let name = self.pool.cx.name(&draft.id);
        if self.is_duplicate::<T>(&name, draft.at, sources) {
            return;
        }
        let mut faults = Vec::new();
        let object = read_object::<T>(draft, &name, &mut self.pool, sources, &mut faults);
        let effect = match object {
            Some(object) => {
                self.put(object);
                Effect::Loaded
            }
            None => self.keep_last_good::<T>(&name, draft.at),
        };
        for mut finding in faults {
            finding.object = Some((T::KIND, name.clone()));
            if finding.severity == Severity::Error {
                finding.effect = effect;
            }
            self.report(finding);
        }
    }

    /// An object of a kind with which nothing is done yet.
    fn keep_other(&mut self, draft: &Draft<'_>, sources: &Sources) {
        let kind = draft.kind;
        let name = self.pool.cx.name(&draft.id);
        let mut findings = Vec::new();
        let mut good = true;
        for setting in draft.settings.iter().filter(|setting| !other::is_legal(kind, &setting.option)) {
            good &= unknown_option(kind, &name, setting, sources, &mut findings);
        }
        for setting in &draft.settings {
            let Some(message) = publishing::fault(kind, &setting.option, &setting.value) else { continue };
            good = false;
            let message = format!("{}: {message}", setting.option);
            findings.push(Finding::error("bad-value", setting.at, message).option(&setting.option));
        }
        let pairs = draft.settings.iter().map(|setting| (&*setting.option, &*setting.value));
        if let Some((option, why)) = publishing::conflict(kind, pairs.clone()) {
            good = false;
            findings.push(Finding::error("bad-value", draft.at, why.to_owned()).option(option));
        }
        for option in other::required(kind).iter().copied().chain(publishing::lacks(kind, pairs)) {
            if !draft.settings.iter().any(|setting| setting.option.eq_ignore_ascii_case(option)) {
                good = false;
                let message = format!("it has no {option}");
                findings.push(Finding::error("missing-option", draft.at, message).option(option));
            }
        }
        let effect = if good { Effect::Loaded } else { Effect::NotLoaded };
        for mut finding in findings {
            finding.effect = if finding.severity == Severity::Error { effect } else { Effect::Loaded };
            self.report(finding.about(kind, &name));
        }
        if good {
            let cx = &mut self.pool.cx;
            let settings = draft.settings.iter().map(|s| (cx.name(&s.option), cx.name(&s.value))).collect();
            let provenance = Provenance::new(draft.at, &[], &mut self.pool.lines);
            let object = Other { kind, name: name.clone(), settings, provenance };
            self.objects.others.insert((kind, name), Arc::new(object));
        }
    }

    fn is_duplicate<T: Stored>(&mut self, name: &Name, at: Origin, sources: &Sources) -> bool {
        let Some(first) = T::table(&self.objects).occupant(name) else { return false };
        match self.rows.goes_before(T::KIND, at.source, first.at().source) {
            Some(true) => {
                let first_name = first.name().clone();
                let behind = T::table_mut(&mut self.objects).take(&first_name);
                behind.into_iter().for_each(|first| self.rows.put_behind(T::any(first)));
                return false;
            }
            Some(false) => {
                self.rows.count_unread();
                return true;
            }
            None => {}
        }
        let first_at = sources.place(first.at());
        let message = format!("there is already one of that name, at {first_at}; this one is not read");
        let log = format!(
            "Config file '{}' could not be loaded; configuration contains a duplicate object: '{name}' of type '{}'",
            sources.name(at.source),
            T::KIND
        );
        let finding = Finding::error("duplicate-object", at, message)
            .about(T::KIND, name)
            .help(format!("to add lines to the first one, write [{name}](+)"))
            .log(log);
        self.report(finding);
        true
    }

    /// Puts an object into its table; its last good version, if that says the same at the same place.
    pub(super) fn put<T: Stored>(&mut self, object: T) {
        let same = self
            .last_good
            .and_then(|good| T::table(good).named(object.name()))
            .filter(|good| ***good == object && good.provenance().same_place(object.provenance()));
        let object = same.cloned().unwrap_or_else(|| Arc::new(object));
        T::table_mut(&mut self.objects).put(object);
    }

    fn keep_last_good<T: Stored>(&mut self, name: &Name, at: Origin) -> Effect {
        let Some(good) = self.last_good.and_then(|good| T::table(good).named(name)) else {
            self.failed.insert((T::KIND, name.clone()));
            if let Some(stand_in) = T::stand_in(name) {
                let message = "until it is mended, all addresses are refused";
                self.report(Finding::error("refuses-all", at, message).about(T::KIND, name));
                self.put(stand_in);
            }
            return Effect::NotLoaded;
        };
        T::table_mut(&mut self.objects).put(good.clone());
        self.objects.kept.insert((T::KIND, name.clone()));
        Effect::KeptLastGood
    }

    /// All drafts are in.
    pub fn finish(self, sources: Sources) -> (Objects, Vec<Finding>) {
        let (objects, findings, _) = self.finish_with_rows(sources);
        (objects, findings)
    }

    /// The same, with what later changes of rows need to know.
    pub(super) fn finish_with_rows(mut self, sources: Sources) -> (Objects, Vec<Finding>, Rows) {
        if self.incomplete {
            visit_kinds(&mut KeepAbsent(&mut self));
        }
        self.resolve();
        self.check_references();
        self.tell_unobeyed();
        if self.dropped_findings > 0 {
            let message = format!("{} more findings are not listed", self.dropped_findings);
            self.findings.push(Finding::error("too-many-findings", Origin::BUILT_IN, message));
        }
        super::finding::sort(&mut self.findings);
        self.objects.sources = sources;
        (self.objects, self.findings, self.rows)
    }
}

/// Compiles one row: what a realtime table's change needs. What it takes from other objects (named lists, default
/// algorithms) is filled in; nothing is said about names that nothing answers to.
pub fn compile_one<T: Stored>(
    draft: &Draft<'_>,
    objects: &Objects,
    pool: &mut Pool,
) -> Result<(Arc<T>, Vec<Finding>), Vec<Finding>> {
    let mut findings = Vec::new();
    let name = Name::from(&*draft.id);
    let object = read_object::<T>(draft, &name, pool, &objects.sources, &mut findings);
    for finding in &mut findings {
        finding.object = Some((T::KIND, name.clone()));
        if finding.severity == Severity::Error {
            finding.effect =
                if objects.named::<T>(&name).is_some() { Effect::KeptLastGood } else { Effect::NotLoaded };
        }
    }
    match object {
        Some(object) => {
            let mut object = object.resolved(objects).unwrap_or(object);
            object.share(pool);
            Ok((Arc::new(object), findings))
        }
        None => Err(findings),
    }
}

struct KeepAbsent<'a, 'g>(&'a mut Compiler<'g>);

impl VisitKinds for KeepAbsent<'_, '_> {
    fn visit<T: Stored>(&mut self) {
        let Some(good) = self.0.last_good else { return };
        for object in T::table(good).all() {
            if T::table(&self.0.objects).occupant(object.name()).is_none() {
                T::table_mut(&mut self.0.objects).put(object.clone());
                self.0.objects.kept.insert((T::KIND, object.name().clone()));
            }
        }
    }
}
