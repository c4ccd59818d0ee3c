//! `Exec TryExec ExecIf ExecIfTime`: applications named in an argument.

use super::super::arguments::{is_true, nth, split_raw};
use super::super::end::End;
use super::super::scope::{Scope, name_and_arguments};
use super::App;
use super::flow::{Flow, perform, timing_holds};
use crate::base::limits::EXPANSION_DEPTH;

/// `application(arguments)`, run in place of the one that names it.
pub(super) fn execute(scope: &mut Scope<'_>, app: &'static App, text: &str, depth: u32) -> Flow {
    if text.trim().is_empty() {
        return Flow::Next;
    }
    if depth >= EXPANSION_DEPTH {
        return Flow::failed(app, "it is nested too deep");
    }
    let (name, arguments) = name_and_arguments(text.trim());
    match super::find(name.trim()) {
        Some(found) => perform(scope, found, arguments, depth + 1),
        None => Flow::End(End::UnknownApplication(name.trim().to_owned())),
    }
}

pub(super) fn try_execute(scope: &mut Scope<'_>, app: &'static App, text: &str, depth: u32) -> Flow {
    Flow::Try(Box::new(execute(scope, app, text, depth)))
}

pub(super) fn execute_if(scope: &mut Scope<'_>, app: &'static App, text: &str, depth: u32) -> Flow {
    let parts = split_raw(text, '?', 2);
    let branches = split_raw(nth(&parts, 1), ':', 2);
    let chosen = nth(&branches, usize::from(!is_true(nth(&parts, 0).trim()))).to_owned();
    execute(scope, app, &chosen, depth)
}

pub(super) fn execute_if_time(scope: &mut Scope<'_>, app: &'static App, text: &str, depth: u32) -> Flow {
    let Some((times, command)) = text.split_once('?') else {
        return Flow::failed(
            app,
            "the form is ExecIfTime(times,weekdays,mdays,months[,zone]?application(arguments))",
        );
    };
    if timing_holds(scope, times) { execute(scope, app, command, depth) } else { Flow::Next }
}
