//! Applications that do something on the channel: each becomes one action for the switch.

use super::super::action::{Action, Hears, Indication, PickupTarget};
use super::super::arguments::{letters, nth, split};
use super::super::scope::Scope;
use super::bridge::BridgeOptions;
use super::dial::Dial;
use super::flow::Flow;
use super::originate::Originate;
use super::{App, Kind};
use crate::base::time::Moment;
use std::time::Duration;

/// The action of an application with its expanded arguments.
pub(in crate::dialplan) fn perform(scope: &mut Scope<'_>, app: &'static App, text: &str) -> Flow {
    let parts = split(text, ',', 8);
    match app.kind {
        Kind::Answer => answer(scope, &parts),
        Kind::Dial => dial(scope, text),
        Kind::Ringing => Flow::Do(Action::Indicate(Indication::Ringing)),
        Kind::Progress => Flow::Do(Action::Indicate(Indication::Progress)),
        Kind::Proceeding => Flow::Do(Action::Indicate(Indication::Proceeding)),
        Kind::Busy => refuse(scope, Indication::Busy, text),
        Kind::Congestion => refuse(scope, Indication::Congestion, text),
        Kind::Wait => match seconds(scope, app, text) {
            Some(wait) if !wait.is_zero() => Flow::Do(Action::Wait { until: scope.now.at + wait }),
            _ => Flow::Next,
        },
        Kind::WaitUntil => wait_until(scope, text),
        Kind::WaitExten => wait_exten(scope, app, &parts),
        Kind::WaitDigit => {
            let wait = seconds(scope, app, nth(&parts, 0));
            let until = wait.filter(|wait| !wait.is_zero()).map(|wait| scope.now.at + wait);
            Flow::Do(Action::WaitDigit { until, hears: Hears::Unchanged })
        }
        Kind::Incomplete => Flow::Do(Action::Incomplete { may_answer: !text.contains('n') }),
        Kind::Sound => super::sound::perform(scope, app, text),
        Kind::PlayTones => Flow::Do(Action::PlayTones { tones: text.to_owned() }),
        Kind::StopPlayTones => Flow::Do(Action::StopPlayTones),
        Kind::Echo => Flow::Do(Action::Echo { streams: None, kind: None }),
        Kind::StreamEcho => Flow::Do(Action::Echo {
            streams: Some(nth(&parts, 0).trim().parse().unwrap_or(0)),
            kind: parts.get(1).filter(|kind| !kind.is_empty()).cloned(),
        }),
        Kind::SendDtmf => send_dtmf(app, &parts),
        Kind::UserEvent => user_event(text),
        Kind::Transfer => transfer(app, text),
        Kind::Bridge => bridge(scope, app, &parts),
        Kind::Pickup => pickup(text),
        Kind::PickupChan => {
            let partial = nth(&parts, 1).contains('p');
            let channels = nth(&parts, 0).split('&').filter(|name| !name.is_empty());
            let target = |name: &str| PickupTarget::Channel { name: name.into(), partial };
            Flow::Do(Action::Pickup(channels.map(target).collect()))
        }
        Kind::Originate => match Originate::parse(text) {
            Ok((wanted, undone)) => {
                undone.iter().for_each(|what| scope.warn(what));
                Flow::Do(Action::Originate(Box::new(wanted)))
            }
            Err(why) => {
                scope.warn(&format!("Originate: {why}"));
                scope.assign("ORIGINATE_STATUS", "FAILED");
                Flow::Next
            }
        },
        Kind::PjsipHangup => pjsip_hangup(scope, app, text),
        Kind::SoftHangup => Flow::Do(Action::SoftHangup {
            channel: nth(&parts, 0).to_owned(),
            all: nth(&parts, 1).contains('a'),
        }),
        Kind::ChannelRedirect => match text.split_once(',') {
            Some((channel, target)) => {
                Flow::Do(Action::ChannelRedirect { channel: channel.to_owned(), target: target.to_owned() })
            }
            None => Flow::failed(app, "the form is ChannelRedirect(channel,[[context,]exten,]priority)"),
        },
        _ => Flow::Do(Action::Later { application: app, arguments: text.to_owned() }),
    }
}

/// Seconds with fractions; what is no number is told, and `None`.
fn seconds(scope: &mut Scope<'_>, app: &App, text: &str) -> Option<Duration> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    match text.parse::<f64>().map(|secs| Duration::try_from_secs_f64(secs.clamp(0.0, 1e9))) {
        Ok(Ok(wait)) => Some(wait),
        _ => {
            scope.warn(&format!("{}({text}): that is no number of seconds", app.name));
            None
        }
    }
}

/// `WaitUntil(epoch)`: seconds since 1970, with fractions. `WAITUNTILSTATUS` is OK, PAST or FAILURE.
fn wait_until(scope: &mut Scope<'_>, text: &str) -> Flow {
    let Some(until) = text.trim().parse::<f64>().ok().filter(|until| until.is_finite()) else {
        scope.warn(&format!("WaitUntil({text}): that is no time in seconds since 1970"));
        scope.assign("WAITUNTILSTATUS", "FAILURE");
        return Flow::Next;
    };
    let wall = scope.now.wall.0 as f64 / 1e6;
    if until <= wall {
        scope.assign("WAITUNTILSTATUS", "PAST");
        return Flow::Next;
    }
    scope.assign("WAITUNTILSTATUS", "OK");
    let wait = Duration::from_secs_f64((until - wall).min(1e9));
    Flow::Do(Action::Wait { until: scope.now.at + wait })
}

fn answer(scope: &mut Scope<'_>, parts: &[String]) -> Flow {
    let delay = match nth(parts, 0).trim() {
        "" => 0,
        text => text.parse().unwrap_or_else(|_| {
            scope.warn(&format!("Answer({text}): that is no number of milliseconds"));
            0
        }),
    };
    let delay = Duration::from_millis(delay).min(Duration::from_secs(3600));
    Flow::Do(Action::Answer { delay, at_once: nth(parts, 1).contains('i') })
}

fn dial(scope: &mut Scope<'_>, text: &str) -> Flow {
    let (dial, faults) = Dial::parse(text);
    for fault in faults {
        scope.warn(&format!("Dial: {fault}"));
    }
    for name in DIAL_VARIABLES {
        scope.assign(name, "");
    }
    if text.is_empty() {
        scope.assign("DIALSTATUS", "INVALIDARGS");
        scope.warn("Dial: there is nobody to dial");
        return Flow::Next;
    }
    if dial.targets.is_empty() {
        scope.assign("DIALSTATUS", "CHANUNAVAIL");
        return Flow::Next;
    }
    Flow::Do(Action::Dial(Box::new(dial)))
}

/// Variables a `Dial` empties before it begins.
const DIAL_VARIABLES: [&str; 11] = [
    "DIALSTATUS",
    "DIALEDPEERNAME",
    "DIALEDPEERNUMBER",
    "DIALEDTIME",
    "DIALEDTIME_MS",
    "ANSWEREDTIME",
    "ANSWEREDTIME_MS",
    "RINGTIME",
    "RINGTIME_MS",
    "PROGRESSTIME",
    "PROGRESSTIME_MS",
];

fn refuse(scope: &mut Scope<'_>, indication: Indication, text: &str) -> Flow {
    let wait = text
        .trim()
        .parse::<f64>()
        .ok()
        .and_then(|secs| Duration::try_from_secs_f64(secs.clamp(0.0, 1e9)).ok());
    let until = wait.filter(|wait| !wait.is_zero()).map(|wait| scope.now.at + wait);
    Flow::Do(Action::Refuse { indication, until })
}

fn wait_exten(scope: &mut Scope<'_>, app: &'static App, parts: &[String]) -> Flow {
    let wait = match nth(parts, 0) {
        "" => None,
        text => seconds(scope, app, text),
    };
    let wait = wait.unwrap_or(scope.memory.timeouts.response);
    let mut hears = Hears::Unchanged;
    for option in letters(nth(parts, 1)).unwrap_or_else(|read| read) {
        let argument = option.argument.unwrap_or_default();
        match option.letter {
            'm' => hears = Hears::Music(argument),
            'd' => hears = Hears::Tone(if argument.is_empty() { "dial".into() } else { argument }),
            other => scope.warn(&format!("WaitExten: there is no option {other}")),
        }
    }
    let until: Option<Moment> = Some(scope.now.at + wait);
    Flow::Do(Action::WaitDigit { until, hears })
}

fn send_dtmf(app: &'static App, parts: &[String]) -> Flow {
    let digits = nth(parts, 0);
    if digits.is_empty() {
        return Flow::failed(app, "there is nothing to send");
    }
    let millis = |at: usize, otherwise: u64| match nth(parts, at).trim().parse::<u64>() {
        Ok(ms) if ms > 0 => Duration::from_millis(ms.min(60_000)),
        _ => Duration::from_millis(otherwise),
    };
    Flow::Do(Action::SendDtmf {
        digits: digits.to_owned(),
        pause: millis(1, 250),
        length: millis(2, 100),
        channel: parts.get(3).filter(|name| !name.is_empty()).cloned(),
        answers: nth(parts, 4).contains('a'),
    })
}

fn user_event(text: &str) -> Flow {
    let mut parts = split(text, ',', 100).into_iter();
    let name = parts.next().unwrap_or_default();
    let headers = parts.map(|part| match part.split_once(':') {
        Some((key, value)) => (key.trim().to_owned(), value.trim().to_owned()),
        None => (part, String::new()),
    });
    Flow::Do(Action::UserEvent { name, headers: headers.collect() })
}

fn transfer(app: &'static App, text: &str) -> Flow {
    if text.is_empty() {
        return Flow::failed(app, "there is nowhere to transfer to");
    }
    let (technology, target) = match text.split_once('/') {
        // A URI has its first slash, if any, after its scheme.
        Some((technology, target)) if technology.bytes().all(|c| c.is_ascii_alphanumeric()) => {
            (Some(technology.to_owned()), target)
        }
        _ => (None, text),
    };
    Flow::Do(Action::Transfer { technology, target: target.to_owned() })
}

fn bridge(scope: &mut Scope<'_>, app: &'static App, parts: &[String]) -> Flow {
    if nth(parts, 0).is_empty() {
        return Flow::failed(app, "there is no channel to bridge with");
    }
    let (options, faults) = BridgeOptions::parse(nth(parts, 1));
    for fault in faults {
        scope.warn(&format!("Bridge: {fault}"));
    }
    Flow::Do(Action::Bridge { channel: parts[0].clone(), options: Box::new(options) })
}

fn pickup(text: &str) -> Flow {
    if text.trim().is_empty() {
        return Flow::Do(Action::Pickup(vec![PickupTarget::Group]));
    }
    let targets =
        text.split('&').map(str::trim).filter(|target| !target.is_empty()).map(|target| {
            match target.split_once('@') {
                Some((mark, "PICKUPMARK")) => PickupTarget::Mark(mark.into()),
                Some((exten, context)) => {
                    PickupTarget::Extension { exten: exten.into(), context: Some(context.into()) }
                }
                None => PickupTarget::Extension { exten: target.into(), context: None },
            }
        });
    Flow::Do(Action::Pickup(targets.collect()))
}

fn pjsip_hangup(scope: &mut Scope<'_>, app: &'static App, text: &str) -> Flow {
    let status = match text.trim().parse::<u16>() {
        Ok(status) if (400..700).contains(&status) => Some(status),
        Ok(_) => None,
        Err(_) => named_status(text.trim()),
    };
    match status {
        Some(status) => Flow::Do(Action::PjsipHangup { status }),
        None => {
            scope.warn(&format!("{}({text}): that is no status from 400 to 699; 603 is sent", app.name));
            Flow::Do(Action::PjsipHangup { status: 603 })
        }
    }
}

/// A status by the name of its reason phrase: `BUSY_HERE`, `Busy Here`.
fn named_status(name: &str) -> Option<u16> {
    let wanted: String =
        name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    STATUS_NAMES.iter().find(|(_, known)| *known == wanted).map(|(status, _)| *status)
}

const STATUS_NAMES: &[(u16, &str)] = &[
    (400, "badrequest"),
    (401, "unauthorized"),
    (402, "paymentrequired"),
    (403, "forbidden"),
    (404, "notfound"),
    (405, "methodnotallowed"),
    (406, "notacceptable"),
    (407, "proxyauthenticationrequired"),
    (408, "requesttimeout"),
    (409, "conflict"),
    (410, "gone"),
    (413, "requestentitytoolarge"),
    (414, "requesturitoolong"),
    (415, "unsupportedmediatype"),
    (416, "unsupportedurischeme"),
    (420, "badextension"),
    (421, "extensionrequired"),
    (422, "sessiontimertoosmall"),
    (423, "intervaltoobrief"),
    (480, "temporarilyunavailable"),
    (481, "calltsxdoesnotexist"),
    (482, "loopdetected"),
    (483, "toomanyhops"),
    (484, "addressincomplete"),
    (485, "ambiguous"),
    (486, "busyhere"),
    (487, "requestterminated"),
    (488, "notacceptablehere"),
    (489, "badevent"),
    (491, "requestpending"),
    (493, "undecipherable"),
    (500, "internalservererror"),
    (501, "notimplemented"),
    (502, "badgateway"),
    (503, "serviceunavailable"),
    (504, "servertimeout"),
    (505, "versionnotsupported"),
    (513, "messagetoolarge"),
    (580, "preconditionfailure"),
    (600, "busyeverywhere"),
    (603, "decline"),
    (604, "doesnotexistanywhere"),
    (606, "notacceptableanywhere"),
];
