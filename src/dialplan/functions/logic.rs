//! `IF IFTIME ISNULL EXISTS SET EVAL GLOBAL DIALPLAN_EXISTS HINT`.

use super::super::arguments::{is_true, nth, split, unquoted};
use super::super::pattern::Mode;
use super::super::plan::{Hit, Query, Wanted};
use super::super::scope::Scope;
use super::super::timing::Timing;
use super::Answer;

/// `IF(condition?true[:false])`
pub(super) fn if_(_: &mut Scope<'_>, arguments: &str) -> Answer {
    let parts = split(arguments, '?', 2);
    let branches = split(nth(&parts, 1), ':', 2);
    if nth(&parts, 0).trim().is_empty() || branches.is_empty() {
        return Err("the form is IF(condition?[true][:false]), and the condition must not be empty".into());
    }
    let branch = usize::from(!is_true(parts[0].trim()));
    Ok(unquoted(nth(&branches, branch)).to_owned())
}

/// `IFTIME(times?true[:false])`
pub(super) fn if_time(scope: &mut Scope<'_>, arguments: &str) -> Answer {
    let (times, branches) = arguments.split_once('?').ok_or("the form is IFTIME(times?[true][:false])")?;
    let (yes, no) = branches.split_once(':').unwrap_or((branches, ""));
    let mut faults = Vec::new();
    let timing = Timing::parse(times, &mut faults);
    for fault in &faults {
        scope.warn(fault);
    }
    let holds = timing.holds(scope.now.wall, &scope.plan.zones);
    Ok(unquoted(if holds { yes } else { no }).to_owned())
}

pub(super) fn is_null(_: &mut Scope<'_>, text: &str) -> Answer {
    Ok(if text.is_empty() { "1" } else { "0" }.into())
}

pub(super) fn exists(_: &mut Scope<'_>, text: &str) -> Answer {
    Ok(if text.is_empty() { "0" } else { "1" }.into())
}

/// `SET(name=value)`: sets, and gives the value.
pub(super) fn set(scope: &mut Scope<'_>, arguments: &str) -> Answer {
    let (name, value) = arguments.split_once('=').ok_or("the form is SET(name=value)")?;
    let value = unquoted(value).to_owned();
    scope.assign(name.trim(), &value);
    Ok(value)
}

/// `EVAL(text)`: expands what the text expanded to.
pub(super) fn eval(scope: &mut Scope<'_>, text: &str) -> Answer {
    Ok(scope.expand(text))
}

pub(super) fn global(scope: &mut Scope<'_>, name: &str) -> Answer {
    Ok(scope.host.global(name).unwrap_or_default())
}

pub(super) fn set_global(scope: &mut Scope<'_>, name: &str, value: &str) -> Result<(), String> {
    scope.host.set_global(name, Some(value));
    Ok(())
}

/// `DIALPLAN_EXISTS(context[,exten[,priority]])`
pub(super) fn dialplan_exists(scope: &mut Scope<'_>, arguments: &str) -> Answer {
    let parts = split(arguments, ',', 3);
    let context = nth(&parts, 0);
    if context.is_empty() {
        return Err("the form is DIALPLAN_EXISTS(context[,exten[,priority]])".into());
    }
    if nth(&parts, 1).is_empty() && nth(&parts, 2).is_empty() {
        return Ok(u8::from(scope.plan.context(context).is_some()).to_string());
    }
    let exten = match nth(&parts, 1) {
        "" => scope.memory.place.exten.to_string(),
        exten => exten.to_owned(),
    };
    let wanted = match nth(&parts, 2) {
        "" => Wanted::Priority(1),
        text => text.parse().map_or(Wanted::Label(text), Wanted::Priority),
    };
    let caller = scope.host.caller_number();
    let query = Query { context, exten: &exten, caller: &caller, now: scope.now.wall };
    let found = scope.plan.look(query, Mode::Match, wanted, &mut |text| text.to_owned());
    Ok(u8::from(found.is_ok()).to_string())
}

/// `HINT(exten[@context][,n])`: the devices, or with `n` the name.
pub(super) fn hint(scope: &mut Scope<'_>, arguments: &str) -> Answer {
    let parts = split(arguments, ',', 2);
    let (exten, context) = nth(&parts, 0).split_once('@').unwrap_or((nth(&parts, 0), "default"));
    let hint = hint_of(scope, context, exten)?;
    Ok(if nth(&parts, 1).contains('n') { hint.1 } else { hint.0 })
}

/// Devices (expanded for the extension) and name of a hint.
pub(super) fn hint_of(scope: &mut Scope<'_>, context: &str, exten: &str) -> Result<(String, String), String> {
    let query = Query { context, exten, caller: "", now: scope.now.wall };
    match scope
        .plan
        .look(query, Mode::Match, Wanted::Priority(super::super::plan::HINT), &mut |text| text.to_owned())
    {
        Ok(Hit::Line { context, priority, .. }) => {
            let devices = super::super::hints::devices_of(priority, context, exten);
            Ok((devices, priority.arguments.to_string()))
        }
        _ => Err(format!("extension {exten}@{context} does not exist or has no hint")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Bench;

    #[test]
    fn choices_follow_the_condition() {
        Bench::new(&[("a", "1"), ("b", ""), ("x", "${a}")]).check(&[
            ("${IF($[${a} = 1]?yes:no)}", "yes"),
            ("${IF(0?yes:no)}", "no"),
            ("${IF(0?yes)}", ""),
            ("${IF(1?\"a:b\":no)}", "a:b"),
            ("${IF( 1 ? yes : no )}", "yes"),
            ("${IFTIME(09:00-17:00,mon-fri,*,*?open:closed)}", "open"),
            ("${IFTIME(*,sun,*,*?open:closed)}", "closed"),
            ("${ISNULL(${b})}${ISNULL(${a})}", "10"),
            ("${EXISTS(${b})}${EXISTS(${a})}", "01"),
            ("${x}", "${a}"),
            ("${EVAL(${x})}", "1"),
            ("${SET(c=5)}${c}", "55"),
        ]);
    }

    #[test]
    fn globals_are_shared_and_hidden_by_channel_variables() {
        let mut bench = Bench::new(&[]);
        bench.scope().assign("GLOBAL(TRUNK)", "PJSIP/gw");
        bench.check(&[("${TRUNK} ${GLOBAL(TRUNK)}", "PJSIP/gw PJSIP/gw")]);
        bench.scope().assign("TRUNK", "own");
        bench.check(&[("${TRUNK} ${GLOBAL(TRUNK)}", "own PJSIP/gw")]);
    }

    #[test]
    fn faults_are_told() {
        Bench::new(&[]).check_faulty(&[
            ("${IF(?a:b)}", ""),
            ("${IF(1)}", ""),
            ("${IFTIME(x)}", ""),
            ("${IFTIME(99:00-1:00,*,*,*?a:b)}", "b"),
            ("${SET(x)}", ""),
            ("${HINT(1@none)}", ""),
        ]);
    }
}
