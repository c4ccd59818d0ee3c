//! INFO: digits, hook flash, recording, picture updates, as Asterisk reads them.

use super::Session;
use super::events::Event;
use super::reply::{Asked, Reply, line};
use super::types::{Cx, InDialog};
use crate::sip::wire::Header;
use crate::sip::wire::multipart::is_media_type;

pub(super) const DTMF_RELAY: &str = "application/dtmf-relay";
const ACCEPT: &str =
    "application/dtmf-relay, application/dtmf, application/hook-flash, application/media_control+xml";
/// Milliseconds of a digit that does not say how long it was pressed.
const DURATION_MS: u32 = 100;

/// An INFO of the peer.
pub(super) fn hear(session: &Session, cx: &mut Cx<'_>, request: &InDialog<'_>, asked: &Asked) {
    let code = judge(session, cx, request);
    if code == 415 {
        let mut lines = Vec::new();
        line(&mut lines, Header::Accept, ACCEPT.as_bytes());
        return asked.respond(cx, Reply::with(415, &lines));
    }
    asked.respond(cx, Reply::code(code));
}

fn judge(session: &Session, cx: &mut Cx<'_>, request: &InDialog<'_>) -> u16 {
    let message = request.message;
    if let Some(record) = message.other(b"Record").next() {
        return recording(session, cx, record);
    }
    let content_type = message.header(Header::ContentType).unwrap_or_default();
    let body = message.body();
    if body.is_empty() && (content_type.is_empty() || is_known(content_type)) {
        return 200;
    }
    if is_media_type(content_type, "application/hook-flash") {
        // Asterisk answers 500 here and flashes all the same; a phone that is told the truth does not flash twice.
        cx.events.push(Event::Flash);
        return 200;
    }
    if is_media_type(content_type, "application/media_control+xml") {
        if body.windows(19).any(|word| word == b"picture_fast_update") {
            cx.events.push(Event::FastUpdate);
        }
        return 200;
    }
    let relay = is_media_type(content_type, DTMF_RELAY);
    if !relay && !is_media_type(content_type, "application/dtmf") {
        return 415;
    }
    match if relay { relayed(body) } else { symbol(body).map(|symbol| (symbol, DURATION_MS)) } {
        Some((Symbol::Digit(digit), duration_ms)) => cx.events.push(Event::Digit { digit, duration_ms }),
        Some((Symbol::Flash, _)) => cx.events.push(Event::Flash),
        None => return 500,
    }
    200
}

fn is_known(content_type: &[u8]) -> bool {
    ACCEPT.split(", ").any(|known| is_media_type(content_type, known))
}

/// `Record: on` and `off` (Digium phones).
fn recording(session: &Session, cx: &mut Cx<'_>, value: &[u8]) -> u16 {
    if !session.endpoint.options.one_touch_recording {
        return 403;
    }
    let on = value.eq_ignore_ascii_case(b"on");
    if !on && !value.eq_ignore_ascii_case(b"off") {
        return 400;
    }
    // Its code is missing, or the call does not allow it.
    if !session.may_record[usize::from(!on)] {
        return 403;
    }
    cx.events.push(Event::Record(on));
    200
}

impl Session {
    /// Says whether the peer may turn recording on, and off, by INFO: the call decides. Without, 403.
    pub fn set_may_record(&mut self, may: [bool; 2]) {
        self.may_record = may;
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Symbol {
    Digit(char),
    Flash,
}

/// `Signal=5`, `Duration=160`, one per line.
fn relayed(body: &[u8]) -> Option<(Symbol, u32)> {
    let (mut found, mut duration_ms) = (None, None);
    for row in body.split(|b| matches!(b, b'\r' | b'\n')) {
        let Some(equals) = memchr::memchr(b'=', row) else { continue };
        let (name, value) = (row[..equals].trim_ascii(), row[equals + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"Signal") {
            found = symbol(value);
        } else if name.eq_ignore_ascii_case(b"Duration") {
            duration_ms = crate::sip::wire::text::number(value).filter(|ms| *ms > 0);
        }
    }
    found.map(|symbol| (symbol, duration_ms.unwrap_or(DURATION_MS)))
}

/// A digit, or the number of an RFC 4733 event.
fn symbol(value: &[u8]) -> Option<Symbol> {
    match value.trim_ascii() {
        [digit @ (b'0'..=b'9' | b'*' | b'#')] => Some(Symbol::Digit(char::from(*digit))),
        [digit @ (b'A'..=b'D' | b'a'..=b'd')] => Some(Symbol::Digit(char::from(digit.to_ascii_uppercase()))),
        b"!" | b"16" => Some(Symbol::Flash),
        b"10" => Some(Symbol::Digit('*')),
        b"11" => Some(Symbol::Digit('#')),
        [b'1', digit @ b'2'..=b'5'] => Some(Symbol::Digit(char::from(digit - b'2' + b'A'))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_read_in_all_their_forms() {
        let digit = |d| Some(Symbol::Digit(d));
        assert_eq!(symbol(b"5"), digit('5'));
        assert_eq!(symbol(b" d\r\n"), digit('D'));
        assert_eq!((symbol(b"10"), symbol(b"11"), symbol(b"12")), (digit('*'), digit('#'), digit('A')));
        assert_eq!((symbol(b"15"), symbol(b"16"), symbol(b"17")), (digit('D'), Some(Symbol::Flash), None));
        assert_eq!((symbol(b"!"), symbol(b""), symbol(b"E")), (Some(Symbol::Flash), None, None));
        assert_eq!(relayed(b"Signal=5\r\nDuration=160\r\n"), Some((Symbol::Digit('5'), 160)));
        assert_eq!(relayed(b" signal = # \nduration=x"), Some((Symbol::Digit('#'), 100)));
        assert_eq!(relayed(b"Duration=160\r\n"), None);
    }
}
