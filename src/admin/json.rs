//! `--json`: the views themselves, with stable names. `docs/cli.md` lists them.

use super::shape::{Answer, Layout, Pick, Shape};
use crate::switch::view::{HistoryView, Reply};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// The replies as one JSON document with a line end.
pub(super) fn print(replies: &[Reply], shape: &Shape) -> Answer {
    let Some(first) = replies.first() else {
        return failed("no answer");
    };
    match first {
        Reply::Refused(why) => return failed(why),
        Reply::Done(said) => return good(json!({ "done": said })),
        _ => {}
    }
    match &shape.layout {
        Layout::One { name, .. } => one(first, name),
        Layout::CoreChannel { name } => one(first, name),
        Layout::History(pick) => history(first, pick),
        Layout::Subscription { call_id } => subscription(first, call_id),
        Layout::Settings => settings(replies),
        _ => {
            let (name, value) = whole(first);
            good(json!({ name: value }))
        }
    }
}

fn good(value: Value) -> Answer {
    Answer::good(format!("{}\n", tidy(value)))
}

fn failed(why: &str) -> Answer {
    Answer::bad(format!("{}\n", json!({ "error": why })))
}

/// A reply under the name of what it holds.
fn whole(reply: &Reply) -> (&'static str, Value) {
    match reply {
        Reply::Endpoints(all) => ("endpoints", value(all)),
        Reply::Aors(all) => ("aors", value(all)),
        Reply::Auths(all) => ("auths", value(all)),
        Reply::Contacts(all) => ("contacts", value(all)),
        Reply::Transports(all) => ("transports", value(all)),
        Reply::Identifies(all) => ("identifies", value(all)),
        Reply::Registrations(all) => ("registrations", value(all)),
        Reply::Channels(all) => ("channels", value(all)),
        Reply::Options(all) => {
            ("settings", tables(all.iter().map(|(name, options)| (name.as_str(), value(options)))))
        }
        Reply::Status(view) => ("status", value(view)),
        Reply::EndpointStates(all) => ("endpoint_states", value(all)),
        Reply::Unidentified(all) => ("unidentified_requests", value(all)),
        Reply::Explanation(view) => ("explanation", value(view)),
        Reply::History(all) => ("history", Value::Array(all.iter().map(entry).collect())),
        Reply::Trace(view) => ("trace", value(view)),
        Reply::Identifiers(all) => ("identifiers", value(all)),
        Reply::Timers(all) => ("scheduled_tasks", value(all)),
        Reply::Bans(all) => ("bans", value(all)),
        Reply::Maintenance(all) => ("maintenance", value(all)),
        Reply::ChannelStats(all) => ("channelstats", value(all)),
        Reply::Subscriptions(all) => ("subscriptions", value(all)),
        Reply::Conferences(all) => ("conferences", value(all)),
        Reply::Bridges(all) => ("bridges", value(all)),
        Reply::Dialplan(shown) => ("contexts", shown.contexts.clone()),
        Reply::Hints(all) => ("hints", value(all)),
        Reply::Publications(all) => ("publications", value(all)),
        Reply::Mailboxes(all) => ("mailboxes", value(all)),
        Reply::DeviceStates(all) => ("device_states", value(all)),
        Reply::PresenceStates(all) => ("presence_states", value(all)),
        Reply::Done(said) => ("done", value(said)),
        Reply::Refused(why) => ("error", value(why)),
    }
}

fn value<T: Serialize + ?Sized>(views: &T) -> Value {
    // Views hold strings, numbers, lists and string keys only, none of which serialisation can refuse.
    serde_json::to_value(views).unwrap_or(Value::Null)
}

/// The single object of a list: `{"endpoint": {…}}`.
fn one(reply: &Reply, name: &str) -> Answer {
    let (plural, mut list) = whole(reply);
    let singular = match plural {
        "identifies" => "identify",
        other => other.strip_suffix('s').unwrap_or(other),
    };
    match list.as_array_mut().filter(|list| !list.is_empty()) {
        Some(list) => good(json!({ singular: list.swap_remove(0) })),
        None => failed(&format!("Unable to find object {name}.")),
    }
}

fn subscription(reply: &Reply, call_id: &str) -> Answer {
    match reply {
        Reply::Subscriptions(all) => match all.iter().find(|one| one.call_id == call_id) {
            Some(found) => good(json!({ "subscription": value(found) })),
            None => failed(&format!("No subscription with Call-ID {call_id}.")),
        },
        _ => failed("no answer"),
    }
}

fn settings(replies: &[Reply]) -> Answer {
    let all = replies.iter().filter_map(|reply| match reply {
        Reply::Options(tables) => Some(tables.iter().map(|(name, options)| (name.as_str(), value(options)))),
        _ => None,
    });
    good(json!({ "settings": tables(all.flatten()) }))
}

fn tables<'a>(all: impl Iterator<Item = (&'a str, Value)>) -> Value {
    Value::Object(all.map(|(name, options)| (name.to_owned(), as_object(options))).collect())
}

fn history(reply: &Reply, pick: &Pick) -> Answer {
    let Reply::History(all) = reply else { return failed("no answer") };
    let chosen: Vec<Value> = match pick {
        Pick::All => all.iter().map(entry).collect(),
        Pick::Where(filter) => all.iter().filter(|one| filter.holds(one)).map(entry).collect(),
        Pick::Entry(number) => match all.iter().find(|one| one.number == *number) {
            Some(found) => vec![entry(found)],
            None => return failed(&format!("Entry '{number}' does not exist")),
        },
    };
    good(json!({ "history": chosen }))
}

/// A kept message: its bytes as text, bytes that are not UTF-8 as U+FFFD.
fn entry(view: &HistoryView) -> Value {
    json!({
        "number": view.number,
        "at": view.at,
        "sent": view.sent,
        "address": view.address,
        "protocol": view.protocol,
        "message": String::from_utf8_lossy(&view.message),
    })
}

/// Lists of name and value become objects, wherever they stand.
fn tidy(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.into_iter()
                .map(|(name, value)| {
                    let pairs =
                        matches!(name.as_str(), "options" | "objects" | "counters" | "stores" | "fields");
                    let value = if pairs { as_object(value) } else { tidy(value) };
                    (name, value)
                })
                .collect(),
        ),
        Value::Array(list) => Value::Array(list.into_iter().map(tidy).collect()),
        other => other,
    }
}

/// `[["a", 1], ["b", 2], ["b", 3]]` as `{"a": 1, "b": [2, 3]}`: an option that may be given several times is a list
/// when it was.
fn as_object(pairs: Value) -> Value {
    let Value::Array(list) = pairs else { return pairs };
    let mut map = Map::new();
    for pair in list {
        let Value::Array(pair) = pair else { continue };
        let mut pair = pair.into_iter();
        let (Some(Value::String(name)), Some(value)) = (pair.next(), pair.next()) else { continue };
        match map.get_mut(&name) {
            None => {
                map.insert(name, value);
            }
            Some(Value::Array(several)) => several.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    Value::Object(map)
}
