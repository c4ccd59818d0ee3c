//! `If ElseIf Else EndIf ExitIf`: blocks inside one extension.
//!
//! ```text
//! If(no) ─► the next ElseIf (judged), Else (entered) or EndIf of the block
//! ElseIf, Else reached from above: the block before it was entered, so ─► behind EndIf
//! ```

use super::super::arguments::is_true;
use super::super::pattern::Mode;
use super::super::plan::{Hit, Query, Wanted};
use super::super::scope::{Place, Scope};
use super::flow::Flow;
use super::{App, Kind};

/// `If(condition)`, and `ElseIf(condition)` where it is its turn.
pub(super) fn if_(scope: &mut Scope<'_>, app: &'static App, condition: &str) -> Flow {
    let here = scope.memory.place.clone();
    let turn = scope.memory.choosing.take_if(|place| *place == here).is_some();
    if app.kind == Kind::ElseIf && !turn {
        return leave(scope, app);
    }
    if is_true(condition) {
        return Flow::Next;
    }
    let Some((kind, priority)) = next_of_block(scope, &here, &[Kind::ElseIf, Kind::Else, Kind::EndIf]) else {
        return Flow::failed(app, "there is no EndIf after it");
    };
    let to = Place { priority, ..here };
    if kind != Kind::EndIf {
        scope.memory.choosing = Some(to.clone());
    }
    Flow::Jump(to)
}

/// `Else`
pub(super) fn else_(scope: &mut Scope<'_>, app: &'static App) -> Flow {
    let here = scope.memory.place.clone();
    match scope.memory.choosing.take_if(|place| *place == here) {
        Some(_) => Flow::Next,
        None => leave(scope, app),
    }
}

/// `ExitIf`, and what was not chosen: behind the block.
pub(super) fn leave(scope: &mut Scope<'_>, app: &'static App) -> Flow {
    let here = scope.memory.place.clone();
    match next_of_block(scope, &here, &[Kind::EndIf]) {
        Some((_, end)) => Flow::Jump(Place { priority: end.saturating_add(1), ..here }),
        None => Flow::failed(app, "there is no EndIf after it"),
    }
}

/// The first of these applications behind `place` that belongs to the same block.
fn next_of_block(scope: &Scope<'_>, place: &Place, wanted: &[Kind]) -> Option<(Kind, i32)> {
    let caller = scope.host.caller_number();
    let query = Query { context: &place.context, exten: &place.exten, caller: &caller, now: scope.now.wall };
    let mut unexpanded = |text: &str| text.to_owned();
    let hit = scope.plan.look(query, Mode::Match, Wanted::Priority(place.priority), &mut unexpanded);
    let Ok(Hit::Line { extension, .. }) = hit else { return None };
    let mut depth = 0u32;
    for line in extension.priorities.iter().filter(|line| line.number > place.priority) {
        match line.known.map(|app| app.kind) {
            Some(Kind::If) => depth += 1,
            Some(kind) if depth == 0 && wanted.contains(&kind) => return Some((kind, line.number)),
            Some(Kind::EndIf) => depth = depth.checked_sub(1)?,
            _ => {}
        }
    }
    None
}
