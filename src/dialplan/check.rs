//! What can be known to be wrong before a call: applications, functions, options, jumps and includes that name nothing.
//!
//! Only what is written out is judged; a text with `${}` in it may become anything.

mod arguments;
mod jumps;

use super::apps::{self, App};
use super::functions;
use super::line::{Findings, meant, right};
use super::plan::{Dialplan, Priority};
use crate::base::time::Now;
use crate::config::finding::Finding;
use crate::config::origin::Origin;
use std::sync::Arc;

/// Judges what one line says.
pub(super) struct Judge<'a> {
    pub(super) findings: &'a mut Findings,
    /// Whether the switch does an application or function of this name.
    pub(super) done: &'a dyn Fn(&str) -> bool,
}

impl Judge<'_> {
    /// Judges one priority. `value` is the line's text, `from` where the application begins in it, `at` the place of that.
    pub(super) fn priority(&mut self, priority: &Priority, value: &str, from: usize, at: Origin) {
        let Some(app) = priority.known else {
            let name = &priority.application;
            let message = format!("there is no application '{name}'; a call that comes here ends");
            let finding = Finding::error("unknown-application", at, message);
            self.findings.add(meant(finding, name, apps::all().iter().map(|app| app.name)));
            return;
        };
        self.later(app, at);
        let inside = value[from..].find('(').map_or(value.len(), |open| from + open + 1);
        let at = right(at, inside - from);
        self.functions_in(&priority.arguments, at);
        self.arguments(app, &priority.arguments, at);
    }

    /// An application known by name, which this switch may not do.
    fn later(&mut self, app: &App, at: Origin) {
        // Those that the dialplan hands over as actions of their own are asked for as `Name()`.
        let done = match app.is_later() {
            true => (self.done)(app.name),
            false => (self.done)(&format!("{}()", app.name)),
        };
        if done {
            return;
        }
        let effect = match app.status {
            Some((variable, failed)) => format!("the call goes on with {variable}={failed}"),
            None => "the call goes on without it".to_owned(),
        };
        let message = format!("{} is known, but not done by this version: {effect}", app.name);
        self.findings.warn("later-application", at, message);
    }

    /// Judges the names of the functions in a text, however deep they stand in each other.
    fn functions_in(&mut self, text: &str, at: Origin) {
        let mut from = 0;
        while let Some(open) = text[from..].find("${") {
            let begin = from + open + 2;
            from = begin;
            let end = text[begin..]
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .map_or(text.len(), |end| begin + end);
            if text[end..].starts_with('(') {
                self.function(&text[begin..end], &text[end + 1..], right(at, begin), false);
            }
        }
        let (opened, closed) = (text.matches("${").count() + braces(text), text.matches('}').count());
        if opened > closed {
            self.findings.error(
                "brace",
                at,
                "'${' without '}': everything up to the end is taken as the variable's name",
            );
        }
    }

    /// Judges one use of a function: that it exists, can be used so, and knows its first argument.
    fn function(&mut self, name: &str, rest: &str, at: Origin, written: bool) {
        let Some(function) = functions::find(name) else {
            let message = format!("there is no function '{name}'; it gives nothing");
            let finding = Finding::error("unknown-function", at, message);
            self.findings.add(meant(finding, name, functions::all().iter().map(|function| function.name)));
            return;
        };
        if function.needs_host() && !(self.done)(name) {
            let what = if written { "setting it has no effect" } else { "it gives nothing" };
            self.findings.warn(
                "later-function",
                at,
                format!("{name} is known, but not done by this version: {what}"),
            );
        }
        let item = rest.split([',', ')']).next().unwrap_or_default().trim();
        if name == "CHANNEL" && !(self.done)(&format!("CHANNEL({})", item.to_ascii_lowercase())) {
            let message = format!("CHANNEL({item}) is known, but not done by this version: it gives nothing");
            self.findings.warn("later-function", at, message);
        }
        if written && !function.is_writable() {
            self.findings.error("function-use", at, format!("{name} can be read, but not set"));
        }
        if !written && !function.is_readable() {
            self.findings.error("function-use", at, format!("{name} can be set, but gives no value"));
        }
        let first = rest.split([',', ')', ':']).next().unwrap_or_default().trim();
        if !function.first.is_empty() && !first.is_empty() && !first.contains(['$', '{', '(']) {
            // `number` may stand for `num` in every item that has it.
            let short = first.to_ascii_lowercase().replace("number", "num");
            let known = function.first.iter().any(|word| word.eq_ignore_ascii_case(&short));
            if !known {
                let message = format!("{name} has no item '{first}'");
                let finding = Finding::error("function-item", right(at, name.len() + 1), message);
                self.findings.add(meant(finding, first, function.first.iter().copied()));
            }
        }
    }
}

/// Judges what only the whole dialplan shows: includes and jumps.
pub(super) fn whole(plan: &Dialplan, names: &[(Arc<str>, Origin)], now: Now, findings: &mut Findings) {
    for context in plan.contexts() {
        for include in context.includes.iter().filter(|include| plan.context(&include.context).is_none()) {
            let message =
                format!("context '{}' includes '{}', which does not exist", context.name, include.context);
            let finding = Finding::error("unknown-context", include.at, message);
            findings.add(meant(finding, &include.context, names.iter().map(|(name, _)| &**name)));
        }
        for extension in &context.extensions {
            if let Some(first) =
                extension.priorities.iter().find(|line| line.number > 0).filter(|line| line.number > 1)
            {
                let message = format!(
                    "extension '{}' of context '{}' begins at priority {}: without a priority 1 nobody can dial it",
                    extension.exten.text(),
                    context.name,
                    first.number
                );
                findings.warn("no-priority-1", first.at, message);
            }
            for line in &extension.priorities {
                jumps::of(plan, context, extension, line, now, findings);
            }
        }
    }
}

/// Plain braces, which the expansion counts too.
fn braces(text: &str) -> usize {
    text.matches('{').count() - text.matches("${").count()
}
