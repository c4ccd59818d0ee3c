//! Asterisk's layouts, byte for byte where its own are recorded.

mod calls;
mod columns;
mod conferences;
mod core;
mod history;
mod ladder;
mod lamps;
mod machine;
mod notes;
mod objects;
mod options;
mod server;

pub use machine::{
    CoreSettings, Module, MonitorView, TaskView, core_settings, duration_words, modules, scheduled_tasks,
    transport_monitors, uptime,
};

use super::shape::{Answer, Layout, Shape};
use crate::switch::view::{Kind, Options, Reply, SubscriptionView};

/// What is printed when a list is empty.
const NOTHING: &str = "No objects found.\n\n";

/// The text of `replies`.
pub(super) fn print(replies: &[Reply], shape: &Shape) -> Answer {
    let Some(first) = replies.first() else {
        return Answer::bad("No answer.\n");
    };
    match first {
        Reply::Refused(why) => return refused(why, shape),
        Reply::Done(said) if said.is_empty() => return Answer::good(""),
        Reply::Done(said) => return Answer::good(format!("{said}\n")),
        _ => {}
    }
    let mut out = String::new();
    match &shape.layout {
        Layout::List(kind) => return list(first, *kind, false),
        Layout::Show(kind) => {
            let mut answer = list(first, *kind, true);
            // Asterisk's own command prints its table and nothing else.
            if shape.line.trim_start().starts_with("show ") {
                notes::registrations(&mut answer.text, first);
            }
            return answer;
        }
        Layout::One { kind, name, notes } => {
            let mut answer = one(first, *kind, name);
            if *notes && !answer.failed {
                notes::print(&mut answer.text, first);
            }
            return answer;
        }
        Layout::Settings => settings(&mut out, replies),
        Layout::Qualify => qualify(&mut out, first),
        Layout::Identifiers => server::identifiers(&mut out, first),
        Layout::Unidentified => server::unidentified(&mut out, first),
        Layout::Maintenance => server::maintenance(&mut out, first),
        Layout::Bans => server::bans(&mut out, first),
        Layout::Trace { whole } => return ladder::print(first, *whole),
        Layout::History(pick) => return history::print(first, pick, shape),
        Layout::ChannelStats => calls::stats(&mut out, first),
        Layout::Subscriptions => calls::subscriptions(&mut out, first),
        Layout::SubscriptionList => calls::subscription_list(&mut out, first),
        Layout::Subscription { call_id } => return calls::subscription(first, call_id),
        Layout::CoreChannels(form) => core::channels(&mut out, replies, *form),
        Layout::CoreChannel { name } => return core::channel(first, name),
        Layout::Conferences { one } => conferences::list(&mut out, first, *one),
        Layout::Bridges => core::bridges(&mut out, first),
        Layout::Dialplan => {
            if let Reply::Dialplan(shown) = first {
                out.push_str(&shown.text);
            }
        }
        Layout::Hints => core::hints(&mut out, first),
        Layout::Hint { name } => return lamps::hint(first, name),
        Layout::Publications => lamps::publications(&mut out, first),
        Layout::Mailboxes => lamps::mailboxes(&mut out, first),
        Layout::States => lamps::states(&mut out, first),
        Layout::Status => server::status(&mut out, first),
        Layout::Explanation => {
            if let Reply::Explanation(explanation) = first {
                super::explain::print(&mut out, explanation, shape.format.colour());
            }
        }
        Layout::Order => {}
    }
    Answer::good(out)
}

/// An order that was not carried out, in the two lines Asterisk has for it.
pub(super) fn refused(why: &str, shape: &Shape) -> Answer {
    Answer::bad(format!("{why}\nCommand '{}' failed.\n", shape.line))
}

/// A line per object, or blocks with what hangs below each.
fn list(reply: &Reply, kind: Kind, deep: bool) -> Answer {
    let mut body = String::new();
    let count = bodies(&mut body, reply, deep);
    if count == 0 {
        return Answer::good(NOTHING);
    }
    let mut out = header(kind, deep);
    out.push_str(&body);
    out.push_str(&format!("\nObjects found: {count}\n\n"));
    Answer::good(out)
}

/// One object with its option table.
fn one(reply: &Reply, kind: Kind, name: &str) -> Answer {
    let mut body = String::new();
    if bodies(&mut body, reply, true) == 0 {
        return Answer::bad(format!("Unable to find object {name}.\n\n"));
    }
    let mut out = header(kind, true);
    out.push_str(&body);
    if let Some(options) = options_of(reply)
        && !options.is_empty()
    {
        out.push('\n');
        options::table(&mut out, options);
    }
    out.push('\n');
    Answer::good(out)
}

fn header(kind: Kind, deep: bool) -> String {
    let mut out = String::from("\n");
    if matches!(kind, Kind::Acl | Kind::DomainAlias | Kind::Global | Kind::System) {
        // Objects that Asterisk has no table for: each is its name and its options.
        return out;
    }
    objects::legend(&mut out, kind, deep);
    out.extend(std::iter::repeat_n('=', 90));
    out.push_str("\n\n");
    out
}

/// The lines of every object; how many there were. Kinds with children end each block with a blank line.
fn bodies(out: &mut String, reply: &Reply, deep: bool) -> usize {
    match reply {
        Reply::Endpoints(all) => blocks(out, all, deep, |out, one| objects::endpoint(out, one, deep)),
        Reply::Aors(all) => blocks(out, all, deep, |out, one| objects::aor(out, one, 0, deep)),
        Reply::Identifies(all) => blocks(out, all, deep, |out, one| objects::identify(out, one, 0, deep)),
        Reply::Channels(all) => blocks(out, all, deep, |out, one| objects::channel(out, one, 0, deep)),
        Reply::Auths(all) => blocks(out, all, false, |out, one| objects::auth(out, one, "Auth", 0)),
        Reply::Contacts(all) => blocks(out, all, false, |out, one| objects::contact(out, one, 0)),
        Reply::Transports(all) => blocks(out, all, false, |out, one| objects::transport(out, one, 0)),
        Reply::Registrations(all) => blocks(out, all, false, server::registration),
        Reply::Options(all) => blocks(out, all, true, |out, (name, options)| {
            out.push(' ');
            columns::left(out, name, 0);
            out.push('\n');
            options::table(out, options);
        }),
        _ => 0,
    }
}

fn blocks<T>(out: &mut String, all: &[T], apart: bool, mut line: impl FnMut(&mut String, &T)) -> usize {
    for one in all {
        line(out, one);
        if apart {
            out.push('\n');
        }
    }
    all.len()
}

fn options_of(reply: &Reply) -> Option<&Options> {
    match reply {
        Reply::Endpoints(all) => all.first().map(|one| &one.options),
        Reply::Aors(all) => all.first().map(|one| &one.options),
        Reply::Auths(all) => all.first().map(|one| &one.options),
        Reply::Contacts(all) => all.first().map(|one| &one.options),
        Reply::Transports(all) => all.first().map(|one| &one.options),
        Reply::Identifies(all) => all.first().map(|one| &one.options),
        Reply::Registrations(all) => all.first().map(|one| &one.options),
        _ => None,
    }
}

/// `pjsip show settings`: the tables of `global` and `system`, one or several replies.
fn settings(out: &mut String, replies: &[Reply]) {
    for reply in replies {
        let Reply::Options(tables) = reply else { continue };
        for (name, options) in tables {
            let mut letters = name.chars();
            let first = letters.next().map(|c| c.to_ascii_uppercase());
            out.push('\n');
            out.extend(first.into_iter().chain(letters));
            out.push_str(" Settings:\n\n");
            options::table(out, options);
        }
    }
}

/// `pjsip show qualify …`: the qualify options of each aor.
fn qualify(out: &mut String, reply: &Reply) {
    let aors = match reply {
        Reply::Aors(aors) => aors.iter().collect::<Vec<_>>(),
        Reply::Endpoints(all) => all.iter().flat_map(|endpoint| &endpoint.aors).collect(),
        _ => Vec::new(),
    };
    if aors.is_empty() {
        out.push_str(NOTHING);
    }
    for aor in aors {
        out.push_str(&format!(" * AOR '{}'\n", aor.name));
        let wanted = ["qualify_frequency", "qualify_timeout", "authenticate_qualify", "qualify_2xx_only"];
        let rows: Options = aor
            .options
            .iter()
            .filter(|(name, _)| wanted.contains(name))
            .map(|row| (row.0, row.1.clone()))
            .collect();
        options::table(out, &rows);
        out.push('\n');
    }
}

/// `id/callerid` of a subscription: `<none>` without a number.
pub(super) fn caller_of(view: &SubscriptionView) -> String {
    match view.callerid_number.as_str() {
        "" => format!("{}/<none>", view.endpoint),
        number => format!("{}/{number}", view.endpoint),
    }
}
