//! The compiled dialplan: contexts, their extensions in matching order, and the search through includes and switches.

mod added;
mod search;

pub use added::Added;

use super::apps::App;
use super::apps::dial::Jump;
use super::pattern::{Exten, Mode};
use super::realtime::{Row, Table};
use super::scope::Place;
use super::timing::Timing;
use super::zone::Zones;
use crate::base::time::WallTime;
use crate::config::origin::{Origin, Sources};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

/// The priority number of a hint.
pub const HINT: i32 = -1;

/// A whole dialplan, immutable and shared. A reload makes a new one; running calls take their next priority from it.
#[derive(Clone, Debug, Default)]
pub struct Dialplan {
    /// `[general]`
    pub general: General,
    /// `[globals]`, expanded, in the order of the file.
    pub globals: Vec<(Arc<str>, Arc<str>)>,
    /// Time zones of includes and of the time functions.
    pub zones: Arc<Zones>,
    /// The names of the files its lines stand in.
    pub sources: Arc<Sources>,
    pub(super) contexts: Vec<Arc<Context>>,
    pub(super) by_name: HashMap<Arc<str>, usize>,
    pub(super) realtime: BTreeMap<Arc<str>, Arc<Table>>,
    /// The environment the server was started in, for `ENV()`.
    pub(super) environment: Arc<BTreeMap<String, String>>,
}

/// Settings of `[general]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct General {
    /// `autofallthrough`: out of priorities, the call ends by `DIALSTATUS`; otherwise it waits for an extension.
    pub auto_fall_through: bool,
    /// `clearglobalvars`: a reload forgets global variables that the file no longer sets.
    pub clear_global_vars: bool,
    /// `extenpatternmatchnew`: the best extension alone is asked for a priority; no other pattern stands in for it.
    pub new_pattern_match: bool,
    /// `overrideswitch`: asked before the extensions of any context (`Realtime/…`).
    pub override_switch: Option<Arc<str>>,
    /// `static` and `writeprotect`, which together forbid `dialplan save`.
    pub is_static: bool,
    /// `writeprotect`
    pub write_protect: bool,
}

impl Default for General {
    fn default() -> General {
        General {
            auto_fall_through: true,
            clear_global_vars: false,
            new_pattern_match: false,
            override_switch: None,
            is_static: false,
            write_protect: false,
        }
    }
}

/// One context.
#[derive(Clone, Debug)]
pub struct Context {
    /// Its name.
    pub name: Arc<str>,
    /// Its extensions in the order they are tried: literals, then patterns, most specific first.
    pub extensions: Vec<Extension>,
    /// How many of them are literals.
    pub(super) literals: usize,
    /// Contexts searched after its own extensions and switches.
    pub includes: Vec<Include>,
    /// Other sources of extensions.
    pub switches: Vec<Switch>,
    /// Digits that keep the dial tone.
    pub ignore_patterns: Vec<(Arc<str>, Origin)>,
    /// `autohints`: hints are made from device names.
    pub auto_hints: bool,
}

/// One extension, with what it does at each priority.
#[derive(Clone, Debug)]
pub struct Extension {
    /// The name or pattern.
    pub exten: Exten,
    /// The caller numbers it is for (`100/555XXXX`); `Some` of an empty name: callers without a number.
    pub caller: Option<Exten>,
    /// In ascending order of their numbers, the hint first.
    pub priorities: Vec<Priority>,
}

/// One line of an extension.
#[derive(Clone, Debug)]
pub struct Priority {
    /// Its number, or [`HINT`].
    pub number: i32,
    /// `n(label)`
    pub label: Option<Arc<str>>,
    /// The application as written; of a hint, the devices.
    pub application: Arc<str>,
    /// The application it names; `None` when there is none of that name.
    pub known: Option<&'static App>,
    /// What stands between its parentheses.
    pub arguments: Arc<str>,
    /// Whether the arguments hold `${` or `$[`.
    pub expands: bool,
    /// Where its line stands.
    pub at: Origin,
}

/// `include => context[,times]`
#[derive(Clone, Debug)]
pub struct Include {
    /// The text as written, times and all.
    pub text: Arc<str>,
    /// The context.
    pub context: Arc<str>,
    /// When it counts; `None`: always.
    pub timing: Option<Timing>,
    /// Where its line stands.
    pub at: Origin,
}

/// `switch => name/data`
#[derive(Clone, Debug)]
pub struct Switch {
    /// `Realtime` is the one that works here.
    pub name: Arc<str>,
    /// What follows the `/`.
    pub data: Arc<str>,
    /// `eswitch`: the data is expanded at each look-up, on the channel.
    pub evaluated: bool,
    /// Where its line stands.
    pub at: Origin,
}

/// What is looked for, and for whom.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// The context to begin in.
    pub context: &'a str,
    /// The extension dialled or jumped to.
    pub exten: &'a str,
    /// The caller's number, empty when there is none.
    pub caller: &'a str,
    /// The time, for includes that depend on it.
    pub now: WallTime,
}

/// Which line of the extension is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted<'a> {
    /// The one with this number.
    Priority(i32),
    /// The one with this label.
    Label(&'a str),
}

/// Why nothing was found, by how far the search came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Miss {
    /// There is no such context.
    NoContext,
    /// No extension matches.
    NoExtension,
    /// One matches, but lacks the priority.
    NoPriority,
    /// One matches, but lacks the label.
    NoLabel,
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Miss::NoContext => "there is no such context",
            Miss::NoExtension => "no extension of the context matches",
            Miss::NoPriority => "the extension has no such priority",
            Miss::NoLabel => "the extension has no such label",
        })
    }
}

/// A line that was found.
#[derive(Clone, Copy, Debug)]
pub enum Hit<'p> {
    /// In an `extensions.conf` context.
    Line {
        /// The context it stands in, which an include may have led to.
        context: &'p Context,
        /// Its extension.
        extension: &'p Extension,
        /// The line.
        priority: &'p Priority,
    },
    /// In a realtime table.
    Row(&'p Row),
}

impl Hit<'_> {
    /// The priority number.
    pub fn number(&self) -> i32 {
        match self {
            Hit::Line { priority, .. } => priority.number,
            Hit::Row(row) => row.priority,
        }
    }
}

/// What an extension dialled by a call is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// It exists with priority 1.
    Found,
    /// It does not, but more digits could make one that does: 484 for an endpoint with `allow_overlap`.
    CouldMatchMore,
    /// It does not.
    NotFound(Miss),
}

/// Expands the data of an `eswitch`.
pub type Expand<'a> = &'a mut dyn FnMut(&str) -> String;

impl Dialplan {
    /// A context by its name, which is case-sensitive.
    pub fn context(&self, name: &str) -> Option<&Context> {
        self.by_name.get(name).map(|at| &*self.contexts[*at])
    }

    /// All contexts, in the order of the file.
    pub fn contexts(&self) -> impl DoubleEndedIterator<Item = &Context> {
        self.contexts.iter().map(|context| &**context)
    }

    /// What a call that dialled `exten` meets in `context`. `_X.` dialled is no pattern, but four characters.
    pub fn find(&self, query: Query<'_>) -> Match {
        let look =
            |mode| search::search(self, query, mode, Wanted::Priority(1), false, &mut |text| text.to_owned());
        match look(Mode::Match) {
            Ok(_) => Match::Found,
            Err(miss) => match look(Mode::MatchMore) {
                Ok(_) => Match::CouldMatchMore,
                Err(_) => Match::NotFound(miss),
            },
        }
    }

    /// The line wanted: own extensions, switches, then includes, depth first, each context once. A dialplan may name a
    /// pattern by its text (`Goto(_X.,1)`); what callers send goes through [`Dialplan::find`] first.
    pub fn look<'p>(
        &'p self,
        query: Query<'_>,
        mode: Mode,
        wanted: Wanted<'_>,
        expand: Expand<'_>,
    ) -> Result<Hit<'p>, Miss> {
        search::search(self, query, mode, wanted, true, expand)
    }

    /// The hint line for what a subscriber asked for.
    pub(super) fn hint_line(&self, query: Query<'_>) -> Result<Hit<'_>, Miss> {
        search::search(self, query, Mode::Match, Wanted::Priority(HINT), false, &mut |text| text.to_owned())
    }

    /// Where a place written `[[context^]exten^]priority` is, for a caller at `here`: the arguments of `Dial`'s options
    /// `b`, `B`, `F`, `G` and `U`. `Err`: why there is no such place.
    pub fn resolve(&self, jump: &Jump, here: &Place, caller: &str, now: WallTime) -> Result<Place, String> {
        let context = jump.context.as_deref().unwrap_or(&here.context);
        let exten = jump.exten.as_deref().unwrap_or(&here.exten);
        let wanted = jump.priority.parse().map_or(Wanted::Label(&jump.priority), Wanted::Priority);
        let query = Query { context, exten, caller, now };
        match self.look(query, Mode::Match, wanted, &mut |text| text.to_owned()) {
            Ok(hit) => Ok(Place::new(context, exten, hit.number())),
            Err(miss) => Err(format!("{context},{exten},{}: {miss}", jump.priority)),
        }
    }

    /// `ENV(name)`; empty for one that is not set.
    pub fn environment(&self, name: &str) -> String {
        self.environment.get(name).cloned().unwrap_or_default()
    }

    /// The dialplan with the environment that `ENV()` reads while calls run.
    pub fn with_environment(self, environment: Arc<BTreeMap<String, String>>) -> Dialplan {
        Dialplan { environment, ..self }
    }

    /// The dialplan with a realtime family's rows replaced.
    pub fn with_realtime(&self, family: &str, table: Arc<Table>) -> Dialplan {
        let mut plan = self.clone();
        plan.realtime.insert(family.into(), table);
        plan
    }

    /// The realtime families its switches read, each once.
    pub fn realtime_families(&self) -> Vec<String> {
        let switches = self.contexts().flat_map(|context| &context.switches);
        let realtime = switches.filter(|switch| switch.name.eq_ignore_ascii_case("Realtime"));
        let mut families: Vec<String> =
            realtime.map(|switch| super::realtime::Target::parse(&switch.data).family).collect();
        families.sort_unstable();
        families.dedup();
        families
    }

    /// The time zones its includes name, each once: what [`Dialplan::zones`] should hold.
    pub fn zones_wanted(&self) -> Vec<&str> {
        let timings = self
            .contexts()
            .flat_map(|context| &context.includes)
            .filter_map(|include| include.timing.as_ref());
        let mut zones: Vec<&str> = timings.map(Timing::zone).filter(|zone| !zone.is_empty()).collect();
        zones.sort_unstable();
        zones.dedup();
        zones
    }
}
