//! `Goto`, `Gosub` and their conditional forms: whether the place they name exists.

use super::super::apps::Kind;
use super::super::line::{Findings, meant};
use super::super::pattern::Mode;
use super::super::plan::{Context, Dialplan, Extension, Miss, Priority, Query, Wanted};
use crate::base::time::Now;
use crate::config::finding::Finding;

/// Judges the targets one priority names.
pub(super) fn of(
    plan: &Dialplan,
    context: &Context,
    extension: &Extension,
    line: &Priority,
    now: Now,
    findings: &mut Findings,
) {
    let Some(app) = line.known else { return };
    let text = &*line.arguments;
    let targets: Vec<&str> = match app.kind {
        Kind::Goto => vec![text],
        Kind::Gosub => vec![label(text)],
        Kind::GotoIf | Kind::GotoIfTime => branches(text).collect(),
        Kind::GosubIf => branches(text).map(label).collect(),
        _ => return,
    };
    for target in
        targets.into_iter().map(str::trim).filter(|target| !target.is_empty() && !target.contains('$'))
    {
        judge(plan, context, extension, line, target, now, findings);
    }
}

/// A label without the arguments of the subroutine.
fn label(text: &str) -> &str {
    text.split('(').next().unwrap_or_default()
}

/// The two targets after the `?`, where the condition leaves no doubt about which `?` that is.
fn branches(text: &str) -> impl Iterator<Item = &str> {
    let (mut depth, mut cut) = (0i32, None);
    for (at, c) in text.char_indices() {
        match c {
            '{' | '[' | '(' => depth += 1,
            '}' | ']' | ')' => depth -= 1,
            '?' if depth <= 0 => {
                cut = Some(at + 1);
                break;
            }
            _ => {}
        }
    }
    let after = cut.map_or("", |at| &text[at..]);
    let plain = if after.contains('$') { "" } else { after };
    plain.split(':').take(2)
}

fn judge(
    plan: &Dialplan,
    context: &Context,
    extension: &Extension,
    line: &Priority,
    target: &str,
    now: Now,
    findings: &mut Findings,
) {
    let parts: Vec<&str> = target.split(',').map(str::trim).collect();
    let (to, exten, priority) = match parts[..] {
        [priority] => ("", "", priority),
        [exten, priority] => ("", exten, priority),
        [to, exten, priority, ..] => (to, exten, priority),
        [] => return,
    };
    // A context that is included runs under another name; a pattern runs under the number dialled.
    let to = if to.is_empty() { &*context.name } else { to };
    let relative = priority.starts_with(['+', '-']);
    if relative {
        return;
    }
    let wanted = priority.parse().map_or(Wanted::Label(priority), Wanted::Priority);
    if exten.is_empty() {
        if extension.priority(wanted).is_none() && !extension.exten.is_pattern() && extension.caller.is_none()
        {
            let message =
                format!("'{target}': extension '{}' has no such priority or label", extension.exten.text());
            let labels = extension.priorities.iter().filter_map(|line| line.label.as_deref());
            findings.add(meant(Finding::error("jump", line.at, message), priority, labels));
        }
        return;
    }
    let query = Query { context: to, exten, caller: "", now: now.wall };
    let Err(miss) = plan.look(query, Mode::Match, wanted, &mut |text| text.to_owned()) else { return };
    // Switches, callers and times may yet have what is not there now.
    let unsure = plan.context(to).is_some_and(|context| {
        let callers = context.extensions.iter().any(|extension| extension.caller.is_some());
        callers
            || !context.switches.is_empty()
            || context.includes.iter().any(|include| include.timing.is_some())
    });
    if miss == Miss::NoContext {
        let message = format!("'{target}': there is no context '{to}'");
        let names = plan.contexts().map(|context| &*context.name);
        findings.add(meant(Finding::error("unknown-context", line.at, message), to, names));
    } else if !unsure {
        findings.warn("jump", line.at, format!("'{target}': {miss}"));
    }
}
