//! Extensions that no file has: those that parking lots bring.

use super::{Context, Dialplan, Extension, HINT, Priority};
use crate::config::origin::Origin;
use crate::dialplan::apps;
use crate::dialplan::pattern::Exten;
use std::sync::Arc;

/// One of them, with one line: an application at priority 1, or a hint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Added {
    /// Its context, which is made where there is none.
    pub context: String,
    /// Its name.
    pub exten: String,
    /// What it runs; `None`: the arguments are the devices of a hint.
    pub application: Option<&'static str>,
    /// The arguments.
    pub arguments: String,
}

impl Dialplan {
    /// The dialplan with these beside its own extensions; a line that a file has stays.
    pub fn with_added(&self, added: &[Added]) -> Dialplan {
        let mut plan = self.clone();
        for one in added {
            let Ok(exten) = Exten::parse(&one.exten) else { continue };
            let priority = Priority {
                number: if one.application.is_some() { 1 } else { HINT },
                label: None,
                application: one.application.unwrap_or(&one.arguments).into(),
                known: one.application.and_then(apps::find),
                arguments: if one.application.is_some() { one.arguments.as_str().into() } else { "".into() },
                expands: false,
                at: Origin::default(),
            };
            let at = plan.context_made(&one.context);
            let context = Arc::make_mut(&mut plan.contexts[at]);
            let extension = context.extension_made(exten);
            match extension.priorities.binary_search_by_key(&priority.number, |p| p.number) {
                Ok(_) => {}
                Err(at) => extension.priorities.insert(at, priority),
            }
        }
        plan
    }

    fn context_made(&mut self, name: &str) -> usize {
        if let Some(at) = self.by_name.get(name) {
            return *at;
        }
        let name: Arc<str> = name.into();
        self.contexts.push(Arc::new(Context {
            name: name.clone(),
            extensions: Vec::new(),
            literals: 0,
            includes: Vec::new(),
            switches: Vec::new(),
            ignore_patterns: Vec::new(),
            auto_hints: false,
        }));
        let at = self.contexts.len() - 1;
        self.by_name.insert(name, at);
        at
    }
}

impl Context {
    /// The extension of that name for every caller, made where there is none.
    fn extension_made(&mut self, exten: Exten) -> &mut Extension {
        // Literals stand before patterns, each in Asterisk's order; those for some callers before those for all.
        let at = self.extensions.partition_point(|other| {
            let order = other.exten.order(&exten);
            order.is_lt() || (order.is_eq() && other.caller.is_some())
        });
        let there = self.extensions.get(at).is_some_and(|other| other.exten.order(&exten).is_eq());
        if !there {
            self.literals += usize::from(!exten.is_pattern());
            self.extensions.insert(at, Extension { exten, caller: None, priorities: Vec::new() });
        }
        &mut self.extensions[at]
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Match, Query};
    use super::*;
    use crate::base::time::WallTime;
    use crate::dialplan::load::tests::load;

    #[test]
    fn extensions_are_added_in_order_and_files_win() {
        let plan = load(
            "[in]\ninclude => more\nexten => 5,1,NoOp()\n[more]\nexten => _7XX,1,NoOp()\nexten => 701,1,Busy()\n",
        );
        let added = |exten: &str, application| Added {
            context: "more".into(),
            exten: exten.into(),
            application,
            arguments: "park:x".into(),
        };
        let new = Added { context: "lot".into(), ..added("9", Some("Park")) };
        let plan = plan.with_added(&[
            added("702", Some("Park")),
            added("701", Some("Park")),
            added("700", Some("Park")),
            added("702", None),
            new,
        ]);
        let names: Vec<&str> =
            plan.context("more").expect("there").extensions.iter().map(|e| &**e.exten.text()).collect();
        assert_eq!(names, ["700", "701", "702", "_7XX"]);
        let app = |at: usize| {
            plan.context("more").expect("there").extensions[at]
                .priorities
                .last()
                .map(|p| p.application.to_string())
        };
        assert_eq!(
            (app(0).as_deref(), app(1).as_deref(), app(2).as_deref()),
            (Some("Park"), Some("Busy"), Some("Park"))
        );
        let query = |context, exten| Query { context, exten, caller: "", now: WallTime::from_secs(0) };
        for (context, exten) in [("in", "700"), ("in", "705"), ("lot", "9"), ("in", "5")] {
            assert_eq!(plan.find(query(context, exten)), Match::Found, "{exten}@{context}");
        }
        assert!(plan.hint("in", "702", WallTime::from_secs(0)).is_some());
    }
}
