//! The search for an extension: own extensions, switches, then includes, depth first.

use super::{Context, Dialplan, Expand, Extension, Hit, Miss, Priority, Query, Wanted};
use crate::base::limits::INCLUDED_CONTEXTS;
use crate::dialplan::pattern::{Exten, Mode, Reach};
use crate::dialplan::realtime::Target;

pub(super) fn search<'p>(
    plan: &'p Dialplan,
    query: Query<'_>,
    mode: Mode,
    wanted: Wanted<'_>,
    by_text: bool,
    expand: Expand<'_>,
) -> Result<Hit<'p>, Miss> {
    let named =
        query.exten.strip_prefix('_').filter(|_| by_text).and_then(|_| Exten::parse(query.exten).ok());
    let mut search = Search { plan, query, mode, wanted, named, visited: Vec::new(), miss: Miss::NoContext };
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
    /// The pattern the query names by its text.
    named: Option<Exten>,
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
            let mut reach = extension.exten.reach(self.query.exten, self.mode);
            if self.named.as_ref().is_some_and(|named| named.order(&extension.exten).is_eq()) {
                reach = Reach::Yes;
            }
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

#[cfg(test)]
mod tests {
    use super::super::{HINT, Match};
    use super::*;
    use crate::base::time::WallTime;
    use crate::dialplan::load::tests::{load, load_with_findings};
    use crate::dialplan::realtime::{Row, Table};
    use std::sync::Arc;

    /// 2026-02-02, a Monday, at this hour.
    fn at(hour: u64) -> WallTime {
        WallTime::from_secs(1_769_990_400 + hour * 3600)
    }

    fn query<'a>(context: &'a str, exten: &'a str, caller: &'a str) -> Query<'a> {
        Query { context, exten, caller, now: at(12) }
    }

    /// The arguments of the line found.
    fn found(plan: &Dialplan, query: Query<'_>, wanted: Wanted<'_>) -> Result<String, Miss> {
        plan.look(query, Mode::Match, wanted, &mut |text| text.to_owned()).map(|hit| match hit {
            Hit::Line { priority, .. } => priority.arguments.to_string(),
            Hit::Row(row) => format!("row {}", row.arguments),
        })
    }

    fn first(plan: &Dialplan, context: &str, exten: &str) -> Result<String, Miss> {
        found(plan, query(context, exten, ""), Wanted::Priority(1))
    }

    /// S4-75 … S4-77: found, incomplete (484), not found, and how far the search came.
    #[test]
    fn what_a_call_dialled_is_found_incomplete_or_not_there() {
        let plan = load(
            "[in]\nexten => 100,1,NoOp()\nexten => _91X.,1,NoOp()\nexten => _8XX!,1,NoOp()\nexten => 200,2,NoOp()\nexten => 200,1,NoOp()\n\
             exten => 300,hint,PJSIP/300\n",
        );
        let table = [
            ("100", Match::Found),
            ("1-00", Match::Found),
            ("10", Match::CouldMatchMore),
            ("", Match::CouldMatchMore),
            ("1000", Match::NotFound(Miss::NoExtension)),
            ("91", Match::CouldMatchMore),
            ("911", Match::CouldMatchMore),
            ("9112", Match::Found),
            ("7", Match::NotFound(Miss::NoExtension)),
            ("8", Match::CouldMatchMore),
            ("812", Match::Found),
            ("8129", Match::Found),
            ("300", Match::NotFound(Miss::NoPriority)),
            ("_91X.", Match::NotFound(Miss::NoExtension)),
        ];
        for (exten, expected) in table {
            assert_eq!(plan.find(query("in", exten, "")), expected, "{exten}");
        }
        assert_eq!(plan.find(query("im", "100", "")), Match::NotFound(Miss::NoContext));
        assert!(first(&plan, "in", "_91x.").is_ok(), "a dialplan may name the pattern");
        assert!(plan.hint("in", "_91X.", at(12)).is_none());
    }

    #[test]
    fn an_own_pattern_hides_an_exact_match_of_an_include() {
        let plan = load(
            "[in]\nexten => _X.,1,NoOp(own)\ninclude => more\n[more]\nexten => 100,1,NoOp(exact)\nexten => a,1,NoOp(a)\n",
        );
        assert_eq!(first(&plan, "in", "100").as_deref(), Ok("own"));
        assert_eq!(first(&plan, "in", "a").as_deref(), Ok("a"));
    }

    #[test]
    fn includes_are_searched_depth_first_once_each_and_in_their_time() {
        let plan = load(
            "[in]\ninclude => a\ninclude => night,22:00-06:00,*,*,*\ninclude => b\n[a]\ninclude => c\ninclude => in\n\
             [b]\nexten => 1,1,NoOp(b)\nexten => 2,1,NoOp(b)\n[c]\nexten => 1,1,NoOp(c)\n[night]\nexten => 2,1,NoOp(night)\n",
        );
        assert_eq!(first(&plan, "in", "1").as_deref(), Ok("c"));
        assert_eq!(first(&plan, "in", "2").as_deref(), Ok("b"));
        let late = Query { now: at(23), ..query("in", "2", "") };
        assert_eq!(found(&plan, late, Wanted::Priority(1)).as_deref(), Ok("night"));
        assert_eq!(first(&plan, "in", "9"), Err(Miss::NoExtension));
    }

    #[test]
    fn a_thousand_includes_are_searched_up_to_the_limit() {
        let mut text = String::new();
        for n in 0..1_000 {
            text += &format!("[c{n}]\ninclude => c{}\nexten => x{n},1,NoOp()\n", n + 1);
        }
        let plan = load_with_findings(&text).0;
        assert!(first(&plan, "c0", "x127").is_ok());
        assert_eq!(first(&plan, "c0", "x128"), Err(Miss::NoExtension));
    }

    #[test]
    fn the_callers_number_chooses_among_lines_of_one_extension() {
        let plan = load(
            "[in]\nexten => 100,1,NoOp(any)\nexten => 100/555,1,NoOp(exact)\nexten => 100/_55X,1,NoOp(pattern)\nexten => 100/,1,NoOp(none)\n",
        );
        for (caller, line) in
            [("555", "exact"), ("556", "pattern"), ("777", "any"), ("", "none"), ("5-55", "exact")]
        {
            assert_eq!(
                found(&plan, query("in", "100", caller), Wanted::Priority(1)).as_deref(),
                Ok(line),
                "{caller}"
            );
        }
    }

    #[test]
    fn labels_and_hints_are_looked_up_like_priorities() {
        let plan = load(
            "[in]\nexten => 1,1,NoOp()\n same => n(there),NoOp(label)\nexten => _X,hint,PJSIP/a(Name)\n",
        );
        assert_eq!(found(&plan, query("in", "1", ""), Wanted::Label("there")).as_deref(), Ok("label"));
        assert_eq!(found(&plan, query("in", "1", ""), Wanted::Label("nowhere")), Err(Miss::NoLabel));
        assert_eq!(found(&plan, query("in", "1", ""), Wanted::Priority(3)), Err(Miss::NoPriority));
        assert_eq!(found(&plan, query("in", "1", ""), Wanted::Priority(HINT)).as_deref(), Ok("Name"));
    }

    #[test]
    fn an_early_match_stops_the_collection_of_digits() {
        let plan = load(
            "[in]\nexten => _9!,1,NoOp()\nexten => _91234,1,NoOp()\ninclude => more\n[more]\nexten => 95,1,NoOp()\n",
        );
        let more = |plan: &Dialplan| {
            plan.look(query("in", "912", ""), Mode::MatchMore, Wanted::Priority(1), &mut |text| {
                text.to_owned()
            })
            .is_ok()
        };
        // `_91234` sorts before `_9!` and is asked first.
        assert!(more(&plan));
        let plan = load("[in]\nexten => _9!,1,NoOp()\ninclude => more\n[more]\nexten => 9123,1,NoOp()\n");
        assert!(!more(&plan));
    }

    #[test]
    fn a_realtime_switch_answers_after_own_extensions_and_before_includes() {
        let plan = load(
            "[in]\nexten => 1,1,NoOp(own)\nswitch => Realtime/@fam\ninclude => more\n[more]\nexten => _X,1,NoOp(include)\n\
             [dyn]\neswitch => Realtime/${C}@fam\n",
        );
        assert_eq!(first(&plan, "in", "2").as_deref(), Ok("include"), "a family without a table has no rows");
        let rows = [
            Row::new("in", "1", 1, "NoOp", "a"),
            Row::new("in", "2", 1, "NoOp", "b"),
            Row::new("x", "3", 1, "NoOp", "c"),
        ];
        let plan = plan.with_realtime("fam", Arc::new(Table::new(rows).0));
        assert_eq!(first(&plan, "in", "1").as_deref(), Ok("own"));
        assert_eq!(first(&plan, "in", "2").as_deref(), Ok("row b"));
        assert_eq!(first(&plan, "in", "4").as_deref(), Ok("include"));
        let mut expand = |text: &str| text.replace("${C}", "x");
        assert!(plan.look(query("dyn", "3", ""), Mode::Match, Wanted::Priority(1), &mut expand).is_ok());
        let mut overridden = plan.clone();
        overridden.general.override_switch = Some("Realtime/@fam".into());
        assert_eq!(first(&overridden, "in", "1").as_deref(), Ok("row a"));
    }

    #[test]
    fn a_written_place_is_resolved_from_where_the_caller_is() {
        use crate::dialplan::Place;
        use crate::dialplan::apps::dial::Jump;
        let plan = load("[in]\nexten => 100,1,NoOp()\n same => n(x),NoOp()\n[sub]\nexten => s,1,NoOp()\n");
        let here = Place::new("in", "100", 1);
        let resolve =
            |text| plan.resolve(&Jump::parse(text), &here, "", at(12)).map(|place| place.to_string());
        assert_eq!(resolve("x").as_deref(), Ok("in,100,2"));
        assert_eq!(resolve("sub^s^1(a)").as_deref(), Ok("sub,s,1"));
        assert_eq!(resolve("100^2").as_deref(), Ok("in,100,2"));
        assert_eq!(resolve("sub^s^y").unwrap_err(), "sub,s,y: the extension has no such label");
    }
}
