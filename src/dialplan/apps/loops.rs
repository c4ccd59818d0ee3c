//! `While EndWhile ContinueWhile ExitWhile`.

use super::super::arguments::is_true;
use super::super::pattern::Mode;
use super::super::plan::{Hit, Query, Wanted};
use super::super::scope::{Place, Scope};
use super::flow::Flow;
use super::{App, Kind};
use crate::base::limits::GOSUB_FRAMES;

pub(super) fn while_(scope: &mut Scope<'_>, app: &'static App, text: &str) -> Flow {
    let here = scope.memory.place.clone();
    let first = scope.memory.frames.last().map_or(0, |frame| frame.loops);
    let open = scope.memory.loops[first..].iter().rposition(|place| *place == here).map(|at| at + first);
    if is_true(text) {
        match open {
            // Coming back to a While closes the loops that were left by a jump inside it.
            Some(at) => scope.memory.loops.truncate(at + 1),
            None if scope.memory.loops.len() >= GOSUB_FRAMES => {
                return Flow::failed(app, "too many open loops");
            }
            None => scope.memory.loops.push(here),
        }
        return Flow::Next;
    }
    if let Some(at) = open {
        scope.memory.loops.truncate(at);
    }
    match end_of_loop(scope, &here) {
        Some(end) => Flow::Jump(Place { priority: end.saturating_add(1), ..here }),
        None => Flow::failed(app, "there is no EndWhile after it"),
    }
}

/// The innermost loop of the current subroutine.
fn innermost(scope: &Scope<'_>) -> Option<Place> {
    let first = scope.memory.frames.last().map_or(0, |frame| frame.loops);
    scope.memory.loops[first..].last().cloned()
}

pub(super) fn loop_back(scope: &mut Scope<'_>, app: &'static App) -> Flow {
    match innermost(scope) {
        Some(place) => Flow::Jump(place),
        None => Flow::failed(app, "there is no While before it"),
    }
}

pub(super) fn loop_out(scope: &mut Scope<'_>, app: &'static App) -> Flow {
    let Some(place) = innermost(scope) else { return Flow::failed(app, "there is no While before it") };
    scope.memory.loops.pop();
    match end_of_loop(scope, &place) {
        Some(end) => Flow::Jump(Place { priority: end.saturating_add(1), ..place }),
        None => Flow::failed(app, "there is no EndWhile after it"),
    }
}

/// The priority of the `EndWhile` that belongs to the `While` at `place`.
fn end_of_loop(scope: &Scope<'_>, place: &Place) -> Option<i32> {
    let caller = scope.host.caller_number();
    let query = Query { context: &place.context, exten: &place.exten, caller: &caller, now: scope.now.wall };
    let mut unexpanded = |text: &str| text.to_owned();
    let hit = scope.plan.look(query, Mode::Match, Wanted::Priority(place.priority), &mut unexpanded);
    let Ok(Hit::Line { extension, .. }) = hit else { return None };
    let mut depth = 0u32;
    for line in extension.priorities.iter().filter(|line| line.number > place.priority) {
        match line.known.map(|app| app.kind) {
            Some(Kind::While) => depth += 1,
            Some(Kind::EndWhile) if depth == 0 => return Some(line.number),
            Some(Kind::EndWhile) => depth -= 1,
            _ => {}
        }
    }
    None
}
