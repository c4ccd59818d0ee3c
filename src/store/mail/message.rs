//! The text file of a message: `[message]` and its lines, as app_voicemail writes them.

use super::said::Clock;
use crate::config::services::{Mailbox, VoicemailZone};
use crate::voicemail::{Message, MessageFacts};
use std::hash::{BuildHasher, Hasher};

/// The value of a line.
pub(super) fn value<'t>(text: &'t str, name: &str) -> &'t str {
    let of = |line: &'t str| line.split_once('=').filter(|(known, _)| known.trim() == name);
    text.lines().filter(|line| !line.starts_with(';')).find_map(of).map_or("", |(_, value)| value.trim())
}

/// What tells a message apart from the others of its mailbox: its `msg_id`, or all that is written of it.
pub(super) fn key(text: &str) -> String {
    match value(text, "msg_id") {
        "" => {
            let mut hash = foldhash::fast::FixedState::default().build_hasher();
            hash.write(text.as_bytes());
            format!("#{:016x}", hash.finish())
        }
        id => id.to_owned(),
    }
}

/// What a caller hears of a message.
pub(super) fn told(
    text: &str,
    folder: &'static str,
    clock: &mut Clock,
    zone: Option<&VoicemailZone>,
) -> Message {
    let origtime = value(text, "origtime").parse::<i64>().ok();
    Message {
        key: key(text),
        folder,
        number: number_of(value(text, "callerid")),
        received: origtime.map_or_else(Vec::new, |secs| clock.said(secs, zone)),
        duration_secs: value(text, "duration").parse().unwrap_or(0),
    }
}

/// The number in `"Name" <number>`.
fn number_of(callerid: &str) -> String {
    let inside = callerid.rsplit_once('<').map_or(callerid, |(_, rest)| rest.trim_end_matches('>'));
    inside.chars().filter(|c| c.is_ascii_digit() || matches!(c, '*' | '#')).collect()
}

/// `"Name" <number>`, or what there is of it.
pub(super) fn caller(facts: &MessageFacts) -> String {
    match (facts.caller_name.as_str(), facts.caller_number.as_str()) {
        ("", "") => "Unknown".to_owned(),
        ("", number) => number.to_owned(),
        (name, "") => one_line(name),
        (name, number) => format!("\"{}\" <{}>", one_line(name), one_line(number)),
    }
}

/// Nothing of it can begin a line of its own.
pub(super) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The text of a new message.
pub(super) fn write(facts: &MessageFacts, mailbox: &Mailbox, clock: &mut Clock) -> String {
    let secs = i64::try_from(facts.origtime).unwrap_or(0);
    let lines = [
        ("origmailbox", mailbox.name.clone()),
        ("context", facts.context.clone()),
        ("macrocontext", String::new()),
        ("exten", facts.exten.clone()),
        ("rdnis", if facts.rdnis.is_empty() { "unknown".to_owned() } else { facts.rdnis.clone() }),
        ("priority", facts.priority.clone()),
        ("callerchan", facts.channel.clone()),
        ("callerid", caller(facts)),
        ("origdate", clock.date("%a %b %e %r %Z %Y", secs, "UTC")),
        ("origtime", facts.origtime.to_string()),
        ("category", String::new()),
        ("msg_id", format!("{}-{:08x}", facts.origtime, facts.serial)),
        ("flag", facts.flag.to_owned()),
        ("duration", facts.duration_secs.to_string()),
    ];
    let mut text = String::from(";\n; Message Information file\n;\n[message]\n");
    for (name, value) in lines {
        text.push_str(&format!("{name}={}\n", one_line(&value)));
    }
    text
}

/// The same message as a new one, with an id of its own.
pub(super) fn renewed(text: &str, now_secs: u64, serial: u64) -> String {
    let mut lines: Vec<String> =
        text.lines().filter(|line| !line.starts_with("msg_id=")).map(str::to_owned).collect();
    lines.push(format!("msg_id={now_secs}-{serial:08x}"));
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_they_are_written() {
        let files = crate::config::files::MemoryFiles::new().with("voicemail.conf", "[default]\n200 => 1\n");
        let services = crate::config::services::Services::read(
            &files,
            &mut crate::config::origin::Sources::new(),
            &mut Vec::new(),
        );
        let mailbox = services.voicemail.find("200", "").expect("there");
        let facts = MessageFacts {
            context: "phones".into(),
            exten: "200".into(),
            priority: "2".into(),
            channel: "PJSIP/100-00000001".into(),
            caller_name: "Al\nmsg_id=7".into(),
            caller_number: "100".into(),
            origtime: 1_795_298_400,
            duration_secs: 5,
            serial: 1,
            ..MessageFacts::default()
        };
        let text = write(&facts, mailbox, &mut Clock::default());
        assert_eq!(key(&text), "1795298400-00000001", "{text}");
        assert_eq!(value(&text, "callerid"), "\"Al msg_id=7\" <100>");
        assert_eq!(value(&text, "origdate"), "Sat Nov 21 10:00:00 PM UTC 2026");
        assert_eq!(value(&text, "rdnis"), "unknown");
        let message = told(&text, "INBOX", &mut Clock::default(), None);
        assert_eq!((message.number.as_str(), message.duration_secs), ("100", 5));
        assert_ne!(key(&renewed(&text, 9, 2)), key(&text));
        let old = "[message]\norigtime=1\ncallerid=Unknown\n";
        assert!(key(old).starts_with('#') && key(old) == key(old));
        assert_eq!(number_of("Unknown"), "");
    }
}
