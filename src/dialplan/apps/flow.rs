//! Applications that only move through the dialplan, or change what it remembers.

use super::super::action::Action;
use super::super::arguments::{is_true, nth, split, split_raw};
use super::super::end::End;
use super::super::host::Level;
use super::super::pattern::Mode;
use super::super::plan::{Query, Wanted};
use super::super::scope::{Exception, Frame, Place, Scope};
use super::super::timing::Timing;
use super::{App, Kind, branches, cause, execute, loops};
use crate::base::limits::GOSUB_FRAMES;

/// What running an application leads to.
#[derive(Debug)]
pub(in crate::dialplan) enum Flow {
    /// The next priority.
    Next,
    /// That place.
    Jump(Place),
    /// An action; its outcome decides.
    Do(Action),
    /// Wait for further digits, then go to the extension they make.
    Collect {
        /// What is there already.
        digits: String,
        /// Whether it was there before the caller pressed anything.
        given: bool,
    },
    /// What comes next is decided already.
    Stay,
    /// The end of the run.
    End(End),
    /// `TryExec(application)`: whatever comes of it, the dialplan goes on.
    Try(Box<Flow>),
}

impl Flow {
    pub(super) fn failed(app: &'static App, why: impl Into<String>) -> Flow {
        Flow::End(End::Failed { application: app.name, why: why.into() })
    }
}

/// Runs an application with its expanded arguments.
pub(in crate::dialplan) fn perform(scope: &mut Scope<'_>, app: &'static App, text: &str, depth: u32) -> Flow {
    match app.kind {
        Kind::NoOp => Flow::Next,
        Kind::Set => set(scope, text),
        Kind::MSet => set_many(scope, text),
        Kind::Goto => go(scope, app, text),
        Kind::GotoIf => go_if(scope, app, text),
        Kind::GotoIfTime => go_if_time(scope, app, text),
        Kind::Gosub => gosub(scope, app, text),
        Kind::GosubIf => gosub_if(scope, app, text),
        Kind::Return => return_(scope, app, text),
        Kind::StackPop => stack_pop(scope),
        Kind::While => loops::while_(scope, app, text),
        Kind::EndWhile | Kind::ContinueWhile => loops::loop_back(scope, app),
        Kind::If | Kind::ElseIf => branches::if_(scope, app, text),
        Kind::Else => branches::else_(scope, app),
        Kind::EndIf => Flow::Next,
        Kind::ExitIf => branches::leave(scope, app),
        Kind::ExitWhile => loops::loop_out(scope, app),
        Kind::Exec => execute::execute(scope, app, text, depth),
        Kind::TryExec => execute::try_execute(scope, app, text, depth),
        Kind::ExecIf => execute::execute_if(scope, app, text, depth),
        Kind::ExecIfTime => execute::execute_if_time(scope, app, text, depth),
        Kind::Verbose => verbose(scope, text),
        Kind::Log => log(scope, text),
        Kind::Hangup => {
            let cause = cause::parse(text);
            if cause.is_none() && !text.trim().is_empty() && text.trim() != "0" {
                scope.warn(&format!("Hangup({text}): that is no hangup cause; the channel's own is used"));
            }
            Flow::End(End::Hangup { application: app.name, cause })
        }
        Kind::RaiseException => raise(scope, text),
        Kind::ClearHash => clear_hash(scope, text),
        Kind::ImportVar => import_variable(scope, text),
        _ => super::channel::perform(scope, app, text),
    }
}

fn set(scope: &mut Scope<'_>, text: &str) -> Flow {
    match text.split_once('=') {
        Some((name, value)) => {
            if name.contains(' ') && !name.contains('(') {
                scope.warn(&format!("Set({text}): the blank belongs to the variable's name, '{name}'"));
            }
            scope.assign(name, value);
        }
        None => scope.warn(&format!("Set({text}): there is no '='; nothing is set")),
    }
    Flow::Next
}

fn set_many(scope: &mut Scope<'_>, text: &str) -> Flow {
    for pair in split(text, ',', 100) {
        match pair.split_once('=') {
            Some((name, value)) => scope.assign(name.trim(), value),
            None => scope.warn(&format!("MSet: there is no '=' in '{pair}'; nothing is set")),
        }
    }
    Flow::Next
}

fn go(scope: &mut Scope<'_>, app: &'static App, text: &str) -> Flow {
    match target(scope, text) {
        Ok(place) => Flow::Jump(place),
        Err(why) => Flow::failed(app, why),
    }
}

/// The branch a condition chooses, cut at the first `?` and the first `:` after it. Empty: none.
fn branch(condition: bool, branches: &str) -> &str {
    let (yes, no) = branches.split_once(':').unwrap_or((branches, ""));
    if condition { yes } else { no }.trim()
}

fn go_if(scope: &mut Scope<'_>, app: &'static App, text: &str) -> Flow {
    let (condition, branches) = text.split_once('?').unwrap_or((text, ""));
    match branch(is_true(condition), branches) {
        "" => Flow::Next,
        label => go(scope, app, label),
    }
}

pub(super) fn timing_holds(scope: &mut Scope<'_>, times: &str) -> bool {
    let mut faults = Vec::new();
    let timing = Timing::parse(times, &mut faults);
    for fault in &faults {
        scope.warn(fault);
    }
    timing.holds(scope.now.wall, &scope.plan.zones)
}

fn go_if_time(scope: &mut Scope<'_>, app: &'static App, text: &str) -> Flow {
    let Some((times, branches)) = text.split_once('?') else {
        return Flow::failed(app, "the form is GotoIfTime(times,weekdays,mdays,months[,zone]?[a][:b])");
    };
    let holds = timing_holds(scope, times);
    match branch(holds, branches) {
        "" => Flow::Next,
        label => go(scope, app, label),
    }
}

/// `[[context,]exten,]priority`, the priority a number, `+n`, `-n` or a label.
pub(in crate::dialplan) fn target(scope: &mut Scope<'_>, text: &str) -> Result<Place, String> {
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    let here = scope.memory.place.clone();
    let (context, exten, priority) = match parts[..] {
        [priority] => ("", "", priority),
        [exten, priority] => ("", exten, priority),
        [context, exten, priority, ..] => (context, exten, priority),
        [] => ("", "", ""),
    };
    let context = if context.is_empty() { here.context.clone() } else { context.into() };
    let exten = if exten.is_empty() { here.exten.clone() } else { exten.into() };
    let relative = match priority.as_bytes().first() {
        Some(b'+') => 1,
        Some(b'-') => -1,
        _ => 0,
    };
    let digits = if relative == 0 { priority } else { &priority[1..] };
    if let Ok(number) = digits.parse::<i32>() {
        let priority = if relative == 0 { number } else { here.priority.saturating_add(relative * number) };
        if priority < 1 {
            return Err(format!("priority '{}' of '{text}' is below 1", priority));
        }
        return Ok(Place { context, exten, priority });
    }
    let caller = scope.host.caller_number();
    let query = Query { context: &context, exten: &exten, caller: &caller, now: scope.now.wall };
    let found = scope.plan.look(query, Mode::Match, Wanted::Label(priority), &mut |text| text.to_owned());
    match found.map(|hit| hit.number()) {
        Ok(priority) => Ok(Place { context, exten, priority }),
        Err(miss) => Err(format!("'{priority}' is no priority or label of {exten}@{context}: {miss}")),
    }
}

fn gosub(scope: &mut Scope<'_>, app: &'static App, text: &str) -> Flow {
    if scope.memory.frames.len() >= GOSUB_FRAMES {
        return Flow::failed(app, format!("more than {GOSUB_FRAMES} subroutines that have not returned"));
    }
    let (label, arguments) = match text.split_once('(') {
        Some((label, rest)) => (label, rest.rsplit_once(')').map_or(rest, |(arguments, _)| arguments)),
        None => (text, ""),
    };
    let place = match target(scope, label) {
        Ok(place) => place,
        Err(why) => return Flow::failed(app, why),
    };
    if !exists(scope, &place) {
        return Flow::failed(app, format!("there is no {place}"));
    }
    let here = &scope.memory.place;
    let back = Place { priority: here.priority.saturating_add(1), ..here.clone() };
    match enter(scope, back, &split_raw(arguments, ',', 100)) {
        Ok(()) => Flow::Jump(place),
        Err(why) => Flow::failed(app, why),
    }
}

/// Opens a frame: `ARG1` … and `ARGC` are local to it, and further arguments of the caller's frame are hidden.
pub(in crate::dialplan) fn enter(
    scope: &mut Scope<'_>,
    back: Place,
    arguments: &[String],
) -> Result<(), String> {
    let memory = &mut *scope.memory;
    let outer = memory.frames.last().map_or(0, |frame| frame.arguments);
    let mut frame =
        Frame { back, locals: Vec::new(), arguments: arguments.len().max(outer), loops: memory.loops.len() };
    let hidden = (arguments.len()..outer).map(|at| (format!("ARG{}", at + 1), ""));
    let given = arguments.iter().enumerate().map(|(at, value)| (format!("ARG{}", at + 1), value.as_str()));
    let count = arguments.len().to_string();
    for (name, value) in given.chain(hidden).chain([("ARGC".to_owned(), count.as_str())]) {
        memory.variables.push(&name, value).map_err(|why| why.to_string())?;
        frame.locals.push(name.into());
    }
    memory.frames.push(frame);
    Ok(())
}

fn leave(scope: &mut Scope<'_>) -> Option<Place> {
    let memory = &mut *scope.memory;
    let frame = memory.frames.pop()?;
    for name in frame.locals.iter().rev() {
        memory.variables.remove(name);
    }
    memory.loops.truncate(frame.loops);
    Some(frame.back)
}

fn gosub_if(scope: &mut Scope<'_>, app: &'static App, text: &str) -> Flow {
    let (condition, branches) = text.split_once('?').unwrap_or((text, ""));
    let parts = split_raw(branches, ':', 2);
    match nth(&parts, usize::from(!is_true(condition))).trim() {
        "" => Flow::Next,
        label => gosub(scope, app, label),
    }
}

fn return_(scope: &mut Scope<'_>, app: &'static App, value: &str) -> Flow {
    match leave(scope) {
        Some(back) => {
            scope.assign("GOSUB_RETVAL", value);
            // The frame of a run that is one subroutine returns to nowhere.
            if back.priority == 0 { Flow::End(End::Returned(value.to_owned())) } else { Flow::Jump(back) }
        }
        None => Flow::failed(app, "there is no Gosub to return from"),
    }
}

fn stack_pop(scope: &mut Scope<'_>) -> Flow {
    if leave(scope).is_none() {
        scope.warn("StackPop: there is no Gosub to forget");
    }
    Flow::Next
}

fn exists(scope: &Scope<'_>, place: &Place) -> bool {
    let caller = scope.host.caller_number();
    let query = Query { context: &place.context, exten: &place.exten, caller: &caller, now: scope.now.wall };
    scope.plan.look(query, Mode::Match, Wanted::Priority(place.priority), &mut |text| text.to_owned()).is_ok()
}

fn verbose(scope: &mut Scope<'_>, text: &str) -> Flow {
    let (level, text) = match text.split_once(',') {
        Some((level, rest)) => match level.trim().parse() {
            Ok(level) => (level, rest),
            Err(_) => (0, text),
        },
        None => (0, text),
    };
    scope.host.say(Level::Verbose(level), text);
    Flow::Next
}

fn log(scope: &mut Scope<'_>, text: &str) -> Flow {
    let (level, text) = text.split_once(',').unwrap_or((text, ""));
    let level = match level.trim().to_ascii_uppercase().as_str() {
        "ERROR" => Level::Error,
        "WARNING" => Level::Warning,
        "NOTICE" => Level::Notice,
        "DEBUG" => Level::Debug,
        "VERBOSE" => Level::Verbose(0),
        "DTMF" => Level::Dtmf,
        other => {
            scope.warn(&format!(
                "Log({other}): ERROR, WARNING, NOTICE, DEBUG, VERBOSE and DTMF are the levels"
            ));
            return Flow::Next;
        }
    };
    let place = &scope.memory.place;
    let line = format!("Ext. {}:{} @ {}: {text}", place.exten, place.priority, place.context);
    scope.host.say(level, &line);
    Flow::Next
}

fn raise(scope: &mut Scope<'_>, reason: &str) -> Flow {
    let here = scope.memory.place.clone();
    scope.memory.exception = Some(Exception { reason: reason.to_owned(), place: here.clone() });
    Flow::Jump(Place { exten: "e".into(), priority: 1, ..here })
}

fn clear_hash(scope: &mut Scope<'_>, table: &str) -> Flow {
    for key in super::super::functions::hash_keys_of(scope, table) {
        scope.memory.variables.remove(&format!("~HASH~{table}~{key}~"));
    }
    Flow::Next
}

/// `ImportVar(name=channel,variable)`
fn import_variable(scope: &mut Scope<'_>, text: &str) -> Flow {
    let parts = text.split_once('=').and_then(|(name, rest)| Some((name, rest.split_once(',')?)));
    match parts {
        Some((name, (channel, variable))) => {
            let value = scope.call(&format!("IMPORT({channel},{variable})")).unwrap_or_default();
            scope.assign(name, &value);
        }
        None => scope.warn(&format!("ImportVar({text}): the form is ImportVar(name=channel,variable)")),
    }
    Flow::Next
}
