//! `core show channels`, `bridge show all`, `dialplan show`, `core show hints`.

use super::columns::{cell, clock, left, right};
use crate::admin::shape::{Answer, CoreChannels};
use crate::switch::view::{BridgeView, ChannelView, Reply};

/// `core show channels` and `core show calls`. A second reply, the status, gives the count of calls so far.
pub(super) fn channels(out: &mut String, replies: &[Reply], form: CoreChannels) {
    let mut all: Vec<&ChannelView> = match replies.first() {
        Some(Reply::Channels(all)) => all.iter().collect(),
        _ => Vec::new(),
    };
    // Oldest first: the id is the second of its birth and a running number.
    all.sort_by_key(|one| {
        let (secs, number) = one.unique_id.split_once('.').unwrap_or((&one.unique_id, ""));
        (secs.parse::<u64>().unwrap_or(0), number.parse::<u64>().unwrap_or(0))
    });
    match form {
        CoreChannels::Table => {
            table_line(out, "Channel", "Location", "State", "Application(Data)");
            all.iter().copied().for_each(|one| table_row(out, one));
        }
        CoreChannels::Verbose => {
            verbose_header(out);
            all.iter().copied().for_each(|one| verbose_row(out, one));
        }
        CoreChannels::Concise => return all.iter().copied().for_each(|one| concise(out, one)),
        CoreChannels::Count | CoreChannels::Calls => {}
    }
    if form != CoreChannels::Calls {
        counted(out, all.len() as u64, "active channel", "");
    }
    // A called leg runs no dialplan of its own; every other channel is a call.
    let calls = all.iter().filter(|one| one.application != "AppDial").count() as u64;
    counted(out, calls, "active call", "");
    let processed = replies.iter().find_map(|reply| match reply {
        Reply::Status(status) => status.counters.iter().find(|(name, _)| *name == "calls").map(|(_, n)| *n),
        _ => None,
    });
    if let Some(processed) = processed {
        counted(out, processed, "call", " processed");
    }
}

fn counted(out: &mut String, count: u64, noun: &str, after: &str) {
    let plural = if count == 1 { "" } else { "s" };
    out.push_str(&format!("{count} {noun}{plural}{after}\n"));
}

fn table_line(out: &mut String, name: &str, location: &str, state: &str, application: &str) {
    cell(out, name, 64);
    out.push(' ');
    cell(out, location, 32);
    out.push(' ');
    cell(out, state, 7);
    out.push(' ');
    cell(out, application, 30);
    out.push('\n');
}

fn table_row(out: &mut String, one: &ChannelView) {
    let location = match one.extension.as_str() {
        "" => "(None)".to_owned(),
        extension => format!("{extension}@{}:{}", one.context, one.priority),
    };
    let application = match one.application.as_str() {
        "" => "(None)".to_owned(),
        application => format!("{application}({})", one.data),
    };
    table_line(out, &one.name, &location, one.state, &application);
}

/// Column widths of `core show channels verbose`; the priority is right-justified.
const VERBOSE: [isize; 12] = [80, 24, 24, 4, 7, 12, 25, 15, 8, 11, 11, 20];

fn verbose_header(out: &mut String) {
    let names = [
        "Channel",
        "Context",
        "Extension",
        "Prio",
        "State",
        "Application",
        "Data",
        "CallerID",
        "Duration",
        "Accountcode",
        "PeerAccount",
        "BridgeID",
    ];
    verbose_line(out, names);
}

fn verbose_row(out: &mut String, one: &ChannelView) {
    let (priority, time) = (one.priority.to_string(), clock(one.duration_secs));
    verbose_line(
        out,
        [
            &one.name,
            &one.context,
            &one.extension,
            &priority,
            one.state,
            &one.application,
            &one.data,
            &one.caller.1,
            &time,
            &one.account_code,
            "",
            &one.bridge,
        ],
    );
}

fn verbose_line(out: &mut String, fields: [&str; 12]) {
    for (place, (text, width)) in fields.into_iter().zip(VERBOSE).enumerate() {
        if place > 0 {
            out.push(' ');
        }
        match place {
            3 => right(out, text, width.unsigned_abs()),
            _ => cell(out, text, width),
        }
    }
    out.push('\n');
}

/// Fields between `!`, as tools split them; AMA flags are always 3 (documentation).
fn concise(out: &mut String, one: &ChannelView) {
    let fields = [
        one.name.as_str(),
        &one.context,
        &one.extension,
        &one.priority.to_string(),
        one.state,
        &one.application,
        &one.data,
        &one.caller.1,
        &one.account_code,
        "",
        "3",
        &one.duration_secs.to_string(),
        &one.bridge,
        &one.unique_id,
    ];
    left(out, &fields.join("!"), 0);
    out.push('\n');
}

/// `core show channel X`: what is known of one channel, under Asterisk's names.
pub(super) fn channel(reply: &Reply, name: &str) -> Answer {
    let found = match reply {
        Reply::Channels(all) => all.iter().find(|one| one.name.eq_ignore_ascii_case(name)),
        _ => None,
    };
    let Some(one) = found else {
        return Answer::bad(format!("{name} is not a known channel\n"));
    };
    let unknown = |text: &str| if text.is_empty() { "(N/A)".to_owned() } else { text.to_owned() };
    let secs = one.duration_secs;
    let rows = [
        ("Name", one.name.clone()),
        ("Type", "PJSIP".to_owned()),
        ("UniqueID", one.unique_id.clone()),
        ("Caller ID", unknown(&one.caller.1)),
        ("Caller ID Name", unknown(&one.caller.0)),
        ("Connected Line ID", unknown(&one.connected.1)),
        ("Connected Line ID Name", unknown(&one.connected.0)),
        ("State", format!("{} ({})", one.state, state_number(one.state))),
        (
            "NativeFormats",
            if one.codecs.is_empty() { "(nothing)".into() } else { format!("({})", one.codecs.join("|")) },
        ),
        ("Elapsed Time", format!("{}h{}m{}s", secs / 3600, secs / 60 % 60, secs % 60)),
        ("Bridge ID", if one.bridge.is_empty() { "(Not bridged)".to_owned() } else { one.bridge.clone() }),
    ];
    let pbx = [
        ("Context", one.context.clone()),
        ("Extension", one.extension.clone()),
        ("Priority", one.priority.to_string()),
        ("Application", unknown(&one.application)),
        ("Data", if one.data.is_empty() { "(None)".to_owned() } else { one.data.clone() }),
    ];
    let mut out = String::from(" -- General --\n");
    rows.iter().for_each(|(name, value)| row(&mut out, name, value));
    out.push_str(" --   PBX   --\n");
    pbx.iter().for_each(|(name, value)| row(&mut out, name, value));
    Answer::good(out)
}

/// Asterisk's number of a channel state.
fn state_number(state: &str) -> usize {
    const STATES: [&str; 8] = ["Down", "Rsrvd", "OffHook", "Dialing", "Ring", "Ringing", "Up", "Busy"];
    STATES.iter().position(|name| *name == state).unwrap_or(0)
}

fn row(out: &mut String, name: &str, value: &str) {
    right(out, name, 15);
    out.push_str(": ");
    left(out, value, 0);
    out.push('\n');
}

/// `bridge show all`.
pub(super) fn bridges(out: &mut String, reply: &Reply) {
    let Reply::Bridges(all) = reply else { return };
    bridge_line(out, ["Bridge-ID", "Name", "Chans", "Type", "Technology", "Duration"]);
    for BridgeView { id, name, channels, kind, technology, duration_secs, .. } in all {
        let name = if name.is_empty() { "<unknown>" } else { name };
        bridge_line(out, [id, name, &channels.len().to_string(), kind, technology, &clock(*duration_secs)]);
    }
}

fn bridge_line(out: &mut String, [id, name, channels, kind, technology, duration]: [&str; 6]) {
    cell(out, id, 36);
    out.push(' ');
    cell(out, name, 36);
    out.push(' ');
    right(out, channels, 5);
    out.push(' ');
    cell(out, kind, 15);
    out.push(' ');
    cell(out, technology, 15);
    out.push(' ');
    left(out, duration, 0);
    out.push('\n');
}

/// One hint, as both commands show it.
pub(super) fn hint_line(out: &mut String, one: &crate::switch::view::HintView) {
    cell(out, &format!("{}@{}", one.extension, one.context), 30);
    out.push_str(": ");
    cell(out, &one.hint, 60);
    out.push_str("  State:");
    cell(out, one.state, 15);
    out.push_str(" Presence:");
    cell(out, one.presence, 15);
    out.push_str(" Watchers ");
    right(out, &one.watchers.to_string(), 2);
    out.push('\n');
}

/// `core show hints`.
pub(super) fn hints(out: &mut String, reply: &Reply) {
    let Reply::Hints(all) = reply else { return };
    if all.is_empty() {
        out.push_str("There are no registered dialplan hints\n");
        return;
    }
    out.push_str("\n    -= Registered Asterisk Dial Plan Hints =-\n");
    for one in all {
        hint_line(out, one);
    }
    out.push_str(&format!("----------------\n- {} hints registered\n", all.len()));
}
