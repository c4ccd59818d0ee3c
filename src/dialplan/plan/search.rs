//! The search for an extension: own extensions, switches, then includes, depth first.

use super::{Context, Dialplan, Expand, Extension, Hit, Miss, Priority, Query, Wanted};
use crate::base::limits::INCLUDED_CONTEXTS;
use crate::dialplan::pattern::{Mode, Reach};
use crate::dialplan::realtime::Target;

pub(super) fn search<'p>(
    plan: &'p Dialplan,
    query: Query<'_>,
    mode: Mode,
    wanted: Wanted<'_>,
    expand: Expand<'_>,
) -> Result<Hit<'p>, Miss> {
    let mut search = Search { plan, query, mode, wanted, visited: Vec::new(), miss: Miss::NoContext };
    match search.context(query.context, expand) {
        Some(Some(hit)) => Ok(hit),
        _ => Err(search.miss),
    }
}

struct Search<'p, 'q> {
    plan: &'p Dialplan,
    query: Query<'q>,
    mode: Mode,
    wanted: Wanted<'q>,
    visited: Vec<&'p str>,
    miss: Miss,
}

/// `None`: look on. `Some(None)`: the answer is no, and final.
type Verdict<'p> = Option<Option<Hit<'p>>>;

impl<'p> Search<'p, '_> {
    fn context(&mut self, name: &str, expand: Expand<'_>) -> Verdict<'p> {
        if self.visited.len() >= INCLUDED_CONTEXTS
            || self.visited.iter().any(|seen| seen.eq_ignore_ascii_case(name))
        {
            return None;
        }
        let context = self.plan.context(name)?;
        self.miss = self.miss.max(Miss::NoExtension);
        if let Some(name_and_data) = &self.plan.general.override_switch {
            let (name, data) = name_and_data.split_once('/').unwrap_or((name_and_data, ""));
            if let Some(row) = self.switch(context, name, &expand(data)) {
                return Some(Some(row));
            }
        }
        let own = self.extensions(context);
        if own.is_some() {
            return own;
        }
        for switch in &context.switches {
            let data = if switch.evaluated { expand(&switch.data) } else { switch.data.to_string() };
            if let Some(row) = self.switch(context, &switch.name, &data) {
                return Some(Some(row));
            }
        }
        self.visited.push(&context.name);
        for include in &context.includes {
            if include.timing.as_ref().is_none_or(|timing| timing.holds(self.query.now, &self.plan.zones)) {
                let found = self.context(&include.context, expand);
                if matches!(found, Some(Some(_))) {
                    return found;
                }
            }
        }
        None
    }

    fn extensions(&mut self, context: &'p Context) -> Verdict<'p> {
        let (literals, patterns) = context.extensions.split_at(context.literals);
        let digits: Vec<u8> = self.query.exten.bytes().filter(|c| *c != b'-').collect();
        let first = literals.partition_point(|e| e.exten.literal().is_some_and(|text| text < &digits[..]));
        let whole = self.mode == Mode::Match;
        let near = literals[first..].iter().take_while(|e| {
            e.exten
                .literal()
                .is_some_and(|text| if whole { text == digits } else { text.starts_with(&digits) })
        });
        for extension in near.chain(patterns) {
            let reach = extension.exten.reach(self.query.exten, self.mode);
            if reach == Reach::No || !extension.is_for(self.query.caller) {
                continue;
            }
            if reach == Reach::Early && self.mode == Mode::MatchMore {
                return Some(None);
            }
            self.miss = self.miss.max(Miss::NoPriority);
            if let Some(priority) = extension.priority(self.wanted) {
                return Some(Some(Hit::Line { context, extension, priority }));
            }
            if matches!(self.wanted, Wanted::Label(_)) {
                self.miss = self.miss.max(Miss::NoLabel);
            }
            if self.plan.general.new_pattern_match && self.mode == Mode::Match {
                break;
            }
        }
        None
    }

    fn switch(&self, context: &Context, name: &str, data: &str) -> Option<Hit<'p>> {
        if !name.eq_ignore_ascii_case("Realtime") {
            return None;
        }
        let target = Target::parse(data);
        let table = self.plan.realtime.get(target.family.as_str())?;
        let Wanted::Priority(priority) = self.wanted else { return None };
        let context = target.context.as_deref().unwrap_or(&context.name);
        table.find(context, self.query.exten, priority, self.mode, target.patterns).map(Hit::Row)
    }
}

impl Extension {
    /// Whether a caller with this number may use it.
    fn is_for(&self, caller: &str) -> bool {
        match &self.caller {
            None => true,
            Some(pattern) if caller.is_empty() => pattern.text().is_empty(),
            Some(pattern) => pattern.reach(caller, Mode::Match) != Reach::No,
        }
    }

    /// The line wanted, if it has it.
    pub fn priority(&self, wanted: Wanted<'_>) -> Option<&Priority> {
        match wanted {
            Wanted::Priority(number) => {
                let at = self.priorities.binary_search_by_key(&number, |p| p.number).ok()?;
                Some(&self.priorities[at])
            }
            Wanted::Label(label) => self.priorities.iter().find(|p| p.label.as_deref() == Some(label)),
        }
    }
}
