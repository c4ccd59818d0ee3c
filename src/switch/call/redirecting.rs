//! Who sent a call elsewhere: Diversion (RFC 5806) and History-Info (RFC 7044), in and out (`behaviour-session` 6.5).

use super::channel::{Party, Redirecting};
use super::identity::{address, party_of};
use crate::config::model::Endpoint;
use crate::sip::wire::{Header, Message, NameAddr, Params};

/// Reasons of Diversion, and the cause that stands for each in History-Info (RFC 4458, RFC 7544). The first of a cause
/// is the one it is read as.
const REASONS: [(&str, u16); 10] = [
    ("unconditional", 302),
    ("user-busy", 486),
    ("no-answer", 408),
    ("deflection", 480),
    ("unavailable", 503),
    ("unknown", 404),
    ("time-of-day", 404),
    ("do-not-disturb", 404),
    ("follow-me", 404),
    ("out-of-service", 404),
];

/// What redirected the call of a request or response: Diversion, else History-Info.
pub(super) fn redirecting_of(message: &Message<'_>) -> Redirecting {
    let diverted = of_diversion(message.values(Header::Diversion));
    diverted.or_else(|| of_history(message)).unwrap_or_default()
}

/// Diversion values: the topmost redirected last, the bottom-most first.
pub(super) fn of_diversion<'m>(values: impl Iterator<Item = &'m [u8]>) -> Option<Redirecting> {
    let mut values = values.filter_map(|value| NameAddr::parse(value).ok());
    let first = values.next()?;
    let reason = first.params.value(b"reason").unwrap_or(b"unknown");
    let reason = String::from_utf8_lossy(reason).trim_matches('"').to_owned();
    let (mut orig, mut count) = (party_of(&first), 1);
    for value in values {
        orig = party_of(&value);
        count += 1;
    }
    Some(Redirecting { from: party_of(&first), orig, to: Party::default(), reason, count })
}

/// The last entry with a cause is where the call was sent, the one before it who sent it there.
fn of_history(message: &Message<'_>) -> Option<Redirecting> {
    let entries: Vec<NameAddr<'_>> =
        message.values(Header::HistoryInfo).filter_map(|value| NameAddr::parse(value).ok()).collect();
    let causes: Vec<Option<u16>> = entries.iter().map(cause_of).collect();
    let at = causes.iter().rposition(Option::is_some)?;
    // A cause in the Reason of an entry tells why that one was left.
    let (from, to) = if at > 0 && entries[at].uri().is_ok_and(|uri| uri.params.has(b"cause")) {
        (at - 1, Some(at))
    } else {
        (at, Some(at + 1).filter(|next| *next < entries.len()))
    };
    let reason =
        REASONS.iter().find(|(_, cause)| Some(*cause) == causes[at]).map_or("unknown", |(word, _)| *word);
    let count = u32::try_from(causes.iter().flatten().count()).unwrap_or(u32::MAX);
    Some(Redirecting {
        from: party_of(&entries[from]),
        orig: party_of(&entries[0]),
        to: to.map(|to| party_of(&entries[to])).unwrap_or_default(),
        reason: reason.to_owned(),
        count,
    })
}

/// `;cause=302` of its URI, or `?Reason=SIP%3Bcause%3D302`.
fn cause_of(entry: &NameAddr<'_>) -> Option<u16> {
    let uri = entry.uri().ok()?;
    let number = |text: &[u8]| std::str::from_utf8(text).ok()?.parse().ok();
    if let Some(cause) = uri.params.value(b"cause") {
        return number(cause);
    }
    uri.headers.split(|b| *b == b'&').find_map(|header| {
        let (name, value) = header.split_at(memchr::memchr(b'=', header)?);
        if !name.eq_ignore_ascii_case(b"Reason") {
            return None;
        }
        let value = crate::sip::wire::text::percent_decode(&value[1..]);
        let end = memchr::memchr(b';', &value)?;
        number(Params(&value[end..]).value(b"cause")?)
    })
}

/// Diversion and History-Info lines for a request, 181 or 3xx (`send_diversion`, `send_history_info`).
pub(super) fn lines(endpoint: &Endpoint, redirecting: &Redirecting, own_host: &str) -> Vec<u8> {
    let (options, mut lines) = (&endpoint.options, Vec::new());
    if redirecting.count == 0 || redirecting.from.number.is_empty() {
        return lines;
    }
    let from = address(&redirecting.from.name, &redirecting.from.number, own_host, false);
    let reason = if redirecting.reason.is_empty() { "unknown" } else { &redirecting.reason };
    let plain = reason.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if options.send_diversion {
        let quote: &[u8] = if plain { b"" } else { b"\"" };
        let reason: String = reason.chars().filter(|c| !c.is_control() && *c != '"' && *c != '\\').collect();
        lines.extend_from_slice(
            &[b"Diversion: ", &from[..], b";reason=", quote, reason.as_bytes(), quote].concat(),
        );
        lines.extend_from_slice(b"\r\n");
    }
    if options.send_history_info {
        let cause = REASONS.iter().find(|(word, _)| *word == reason).map_or(404, |(_, cause)| *cause);
        lines.extend_from_slice(&[b"History-Info: ", &from[..], b";index=1\r\n"].concat());
        if !redirecting.to.number.is_empty() {
            let mut to = address(&redirecting.to.name, &redirecting.to.number, own_host, false);
            // Before the closing bracket: a parameter of the URI.
            to.pop();
            let end = format!(";cause={cause}>;index=1.1\r\n");
            lines.extend_from_slice(&[b"History-Info: ", &to[..], end.as_bytes()].concat());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::wire::Index;
    use std::sync::Arc;

    fn read(lines: &str) -> Redirecting {
        let text = format!("INVITE sip:x SIP/2.0\r\n{lines}\r\n");
        let mut index = Index::default();
        redirecting_of(&index.scan(text.as_bytes()).expect("sound"))
    }

    #[test]
    fn diversion_and_history_are_read() {
        let twice = read(
            "Diversion: \"B\" <sip:200@h>;reason=user-busy;counter=1\r\nDiversion: <sip:100@h>;reason=\"unconditional\"\r\n",
        );
        assert_eq!(
            (&*twice.from.number, &*twice.from.name, &*twice.reason, twice.count),
            ("200", "B", "user-busy", 2)
        );
        assert_eq!(twice.orig.number, "100");
        let history = read(
            "History-Info: <sip:100@h>;index=1, <sip:200@h;cause=302>;index=1.1, <sip:300@h;cause=486>;index=1.1.1\r\n",
        );
        assert_eq!(
            (&*history.from.number, &*history.to.number, &*history.reason),
            ("200", "300", "user-busy")
        );
        assert_eq!((&*history.orig.number, history.count), ("100", 2));
        let old =
            read("History-Info: <sip:100@h?Reason=SIP%3Bcause%3D408>;index=1,<sip:200@h>;index=1.1\r\n");
        assert_eq!((&*old.from.number, &*old.to.number, &*old.reason), ("100", "200", "no-answer"));
        for nothing in ["", "History-Info: <sip:100@h>;index=1\r\n", "Diversion: <<\r\n"] {
            assert_eq!(read(nothing), Redirecting::default(), "{nothing}");
        }
        assert_eq!(read("History-Info: <sip:100@h;cause=302>;index=1\r\n").from.number, "100");
    }

    #[test]
    fn diversion_and_history_are_written() {
        let mut endpoint = Endpoint::default();
        let party = |number: &str| Party { number: number.into(), ..Party::default() };
        let redirecting = Redirecting {
            from: party("100"),
            orig: party("100"),
            to: party("200"),
            reason: "no-answer".into(),
            count: 1,
        };
        let text = |endpoint: &Endpoint, redirecting: &Redirecting| {
            String::from_utf8(lines(endpoint, redirecting, "h")).expect("text")
        };
        assert_eq!(text(&endpoint, &redirecting), "Diversion: <sip:100@h>;reason=no-answer\r\n");
        let options = Arc::make_mut(&mut endpoint.options);
        (options.send_diversion, options.send_history_info) = (false, true);
        assert_eq!(
            text(&endpoint, &redirecting),
            "History-Info: <sip:100@h>;index=1\r\nHistory-Info: <sip:200@h;cause=408>;index=1.1\r\n"
        );
        assert_eq!(text(&endpoint, &Redirecting::default()), "");
        Arc::make_mut(&mut endpoint.options).send_diversion = true;
        let odd = Redirecting { reason: "a\"\r\nX: b".into(), ..redirecting };
        assert!(text(&endpoint, &odd).starts_with("Diversion: <sip:100@h>;reason=\"aX: b\"\r\n"));
    }
}
