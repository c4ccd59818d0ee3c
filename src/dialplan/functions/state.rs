//! What the running dialplan remembers: `LOCAL LOCAL_PEEK STACK_PEEK EXCEPTION`, `CHANNEL` where it is about the
//! dialplan, and `EXTENSION_STATE`, which asks the devices of a hint.

use super::super::arguments::{nth, split};
use super::super::hints::DeviceState;
use super::super::scope::Scope;
use super::logic::hint_of;
use super::{Answer, told};

/// `LOCAL(name)`
pub(super) fn local(scope: &mut Scope<'_>, name: &str) -> Answer {
    Ok(scope.value(name).unwrap_or_default())
}

/// `LOCAL(name)=value`: until the subroutine returns; an older value of the name comes back then.
pub(super) fn set_local(scope: &mut Scope<'_>, name: &str, value: &str) -> Result<(), String> {
    let memory = &mut *scope.memory;
    let frame = memory.frames.last_mut().ok_or("there is no Gosub to be local to")?;
    if frame.locals.iter().any(|local| **local == *name) {
        return memory.variables.set(name, value).map_err(|why| why.to_string());
    }
    memory.variables.push(name, value).map_err(|why| why.to_string())?;
    frame.locals.push(name.trim_start_matches('_').into());
    Ok(())
}

/// `LOCAL_PEEK(n,name)`: the value `n` subroutines further out.
pub(super) fn local_peek(scope: &mut Scope<'_>, arguments: &str) -> Answer {
    let parts = split(arguments, ',', 2);
    let n: usize = nth(&parts, 0).parse().map_err(|_| "the form is LOCAL_PEEK(n,name)")?;
    Ok(scope.memory.variables.hidden(nth(&parts, 1), n).unwrap_or_default().to_owned())
}

/// `STACK_PEEK(n,which)`: where the n-th Gosub, counted from the innermost, returns to.
pub(super) fn stack_peek(scope: &mut Scope<'_>, arguments: &str) -> Answer {
    let parts = split(arguments, ',', 3);
    let n: usize = nth(&parts, 0).parse().map_err(|_| "the form is STACK_PEEK(n,which)")?;
    let frames = &scope.memory.frames;
    let frame = n.checked_sub(1).and_then(|n| frames.len().checked_sub(n + 1)).map(|at| &frames[at]);
    let place = &frame.ok_or_else(|| format!("there is no frame {n}"))?.back;
    Ok(match nth(&parts, 1).as_bytes().first() {
        None | Some(b'l') => place.to_string(),
        Some(b'c') => place.context.to_string(),
        Some(b'e') => place.exten.to_string(),
        Some(b'p') => place.priority.to_string(),
        Some(_) => return Err(format!("'{}' is none of l, c, e, p", nth(&parts, 1))),
    })
}

/// `EXCEPTION(reason|context|exten|priority)`
pub(super) fn exception(scope: &mut Scope<'_>, which: &str) -> Answer {
    let exception = scope.memory.exception.as_ref().ok_or("there was no exception")?;
    Ok(match which.to_ascii_lowercase().as_str() {
        "reason" => exception.reason.clone(),
        "context" => exception.place.context.to_string(),
        "exten" | "extension" => exception.place.exten.to_string(),
        "priority" => exception.place.priority.to_string(),
        _ => return Err(format!("'{which}' is none of reason, context, exten, priority")),
    })
}

/// `CHANNEL(item)`
pub(super) fn channel(scope: &mut Scope<'_>, item: &str) -> Answer {
    match item {
        "exten" => Ok(scope.memory.place.exten.to_string()),
        "context" => Ok(scope.memory.place.context.to_string()),
        "appname" => Ok(scope.memory.running.as_ref().map_or("", |(name, _)| name).to_owned()),
        "appdata" => Ok(scope.memory.running.as_ref().map_or("", |(_, data)| data).to_owned()),
        _ => scope.host.read("CHANNEL", item).map_err(|why| told(&why)),
    }
}

pub(super) fn set_channel(scope: &mut Scope<'_>, item: &str, value: &str) -> Result<(), String> {
    let handlers = &mut scope.memory.hangup_handlers;
    match item {
        "hangup_handler_push" => {
            if handlers.len() >= crate::base::limits::GOSUB_FRAMES {
                return Err("too many hangup handlers".into());
            }
            handlers.push(value.to_owned());
        }
        "hangup_handler_pop" | "hangup_handler_wipe" => {
            if item.ends_with("wipe") {
                handlers.clear();
            } else {
                handlers.pop();
            }
            if !value.is_empty() {
                handlers.push(value.to_owned());
            }
        }
        _ => return scope.host.write("CHANNEL", item, value).map_err(|why| told(&why)),
    }
    Ok(())
}

/// `PJSIP_PARSE_URI_FROM(variable,part)`
pub(super) fn parse_uri_from(scope: &mut Scope<'_>, arguments: &str) -> Answer {
    let (name, part) = arguments.split_once(',').ok_or("the form is PJSIP_PARSE_URI_FROM(variable,part)")?;
    let uri = scope.value(name.trim()).unwrap_or_default();
    scope.host.read("PJSIP_PARSE_URI_FROM", &format!("{},{uri}", part.trim())).map_err(|why| told(&why))
}

/// `EXTENSION_STATE(exten[@context])`
pub(super) fn extension_state(scope: &mut Scope<'_>, arguments: &str) -> Answer {
    let (exten, context) = arguments.split_once('@').unwrap_or((arguments, "default"));
    let Ok((devices, _)) = hint_of(scope, context, exten) else { return Ok("UNKNOWN".into()) };
    let devices = devices.rsplit_once(',').map_or(devices.as_str(), |(devices, _)| devices);
    let mut states = Vec::new();
    for device in devices.split('&') {
        let state = scope.host.read("DEVICE_STATE", device).map_err(|why| told(&why))?;
        states.push(DeviceState::parse(&state));
    }
    Ok(DeviceState::aggregate(states).of_extension().word().to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::super::scope::{Exception, Frame, Place};
    use super::super::tests::Bench;

    #[test]
    fn frames_exceptions_and_handlers_are_read_from_memory() {
        let mut bench = Bench::new(&[("x", "outer")]);
        bench.memory.frames.push(Frame {
            back: Place::new("a", "1", 3),
            locals: Vec::new(),
            arguments: 0,
            loops: 0,
        });
        bench.memory.frames.push(Frame {
            back: Place::new("b", "2", 4),
            locals: Vec::new(),
            arguments: 0,
            loops: 0,
        });
        bench.memory.exception = Some(Exception { reason: "INVALID".into(), place: Place::new("c", "3", 5) });
        bench.scope().assign("LOCAL(x)", "inner");
        bench.scope().assign("LOCAL(x)", "changed");
        bench.check(&[
            ("${LOCAL(x)} ${LOCAL_PEEK(1,x)} ${LOCAL_PEEK(2,x)}", "changed outer "),
            ("${STACK_PEEK(1,l)} ${STACK_PEEK(2,c)} ${STACK_PEEK(1,e)} ${STACK_PEEK(1,p)}", "b,2,4 a 2 4"),
            ("${EXCEPTION(reason)} ${EXCEPTION(exten)} ${EXCEPTION(priority)}", "INVALID 3 5"),
            ("${CHANNEL(exten)}@${CHANNEL(context)}", "100@demo"),
        ]);
        for (item, value) in [("push", "a,s,1"), ("push", "b,s,1"), ("pop", "")] {
            bench.scope().assign(&format!("CHANNEL(hangup_handler_{item})"), value);
        }
        assert_eq!(bench.memory.hangup_handlers, ["a,s,1"]);
        bench.scope().assign("CHANNEL(hangup_handler_wipe)", "c,s,1");
        assert_eq!(bench.memory.hangup_handlers, ["c,s,1"]);
        bench.check_faulty(&[
            ("${STACK_PEEK(3,c)}", ""),
            ("${STACK_PEEK(0,c)}", ""),
            ("${EXCEPTION(x)}", ""),
        ]);
    }
}
