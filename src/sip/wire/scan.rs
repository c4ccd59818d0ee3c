//! One pass over a message's bytes: start line, header fields, body, as offsets. Nothing is copied or allocated once
//! the [`Index`] is warm.

use super::header::{Header, KINDS};
use super::message::Message;
use super::text;
use crate::base::limits;
use crate::sip::method::Method;
use std::fmt;

/// What is wrong with a message. Said by kind and header, never with a copy of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Not SIP at all: no such start line. Nothing to answer.
    NotSip,
    /// The bytes end before the header section does.
    Truncated,
    /// A version other than SIP/2.0 (505).
    Version,
    /// The request URI is broken (400; RFC 4475 3.1.2.10).
    RequestUri,
    /// A line that is no header field.
    Line,
    /// A header that may stand once stands twice.
    Repeated(Header),
    /// A header every message must have is missing.
    Missing(Header),
    /// A header's value breaks its grammar or range.
    Value(Header),
    /// CSeq names another method than the request line (RFC 4475 3.1.2.17).
    CSeqMethod,
    /// Content-Length says more than there is (RFC 4475 3.1.2.2).
    BodyShort,
    /// More header fields than [`limits::HEADERS`] (431 has no SIP code; answered 400).
    TooMany,
    /// Longer than [`limits::MESSAGE_BYTES`] (513).
    TooLong,
}

impl Fault {
    /// The status a request with this fault is answered with; `None` when no answer makes sense.
    pub fn status(self) -> Option<u16> {
        match self {
            Fault::NotSip | Fault::Truncated => None,
            Fault::Version => Some(505),
            Fault::TooLong => Some(513),
            _ => Some(400),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::NotSip => f.write_str("not SIP"),
            Fault::Truncated => f.write_str("Message Cut Off"),
            Fault::Version => f.write_str("Version Not Supported"),
            Fault::RequestUri => f.write_str("Bad Request-URI"),
            Fault::Line => f.write_str("Bad Header Line"),
            Fault::Repeated(h) => write!(f, "Repeated {} header", h.name()),
            Fault::Missing(h) => write!(f, "Missing {} header", h.name()),
            Fault::Value(h) => write!(f, "Bad {} header", h.name()),
            Fault::CSeqMethod => f.write_str("CSeq Method Differs From Request"),
            Fault::BodyShort => f.write_str("Content-Length Exceeds Body"),
            Fault::TooMany => f.write_str("Too Many Headers"),
            Fault::TooLong => f.write_str("Message Too Large"),
        }
    }
}

/// A span of the message.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Span {
    pub start: u16,
    pub end: u16,
}

impl Span {
    fn new(start: usize, end: usize) -> Span {
        debug_assert!(start <= end && end <= limits::MESSAGE_BYTES, "scan checks the length first");
        Span { start: start as u16, end: end as u16 }
    }

    pub fn of(self, bytes: &[u8]) -> &[u8] {
        &bytes[usize::from(self.start)..usize::from(self.end)]
    }
}

/// One header field line: its kind, where its name and value stand, and the next field of the same kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub header: Header,
    /// 1-based index of the next slot of the same kind; 0 for none.
    pub next: u16,
    pub name: Span,
    pub value: Span,
}

/// What a start line says.
#[derive(Clone, Copy, Debug)]
pub(super) enum StartIndex {
    Request { method: Method, method_text: Span, uri: Span },
    Response { code: u16, reason: Span },
}

/// Offsets of one scanned message. Reusable: scanning again clears it and keeps its memory.
#[derive(Clone, Debug)]
pub struct Index {
    pub(super) start: StartIndex,
    pub(super) slots: Vec<Slot>,
    /// 1-based index of each kind's first slot; 0 for none.
    pub(super) first: [u16; KINDS],
    last: [u16; KINDS],
    pub(super) body: Span,
    /// Whether the start line was read, so that faults after it can be answered.
    started: bool,
}

impl Default for Index {
    fn default() -> Index {
        Index {
            start: StartIndex::Response { code: 0, reason: Span::default() },
            slots: Vec::with_capacity(48),
            first: [0; KINDS],
            last: [0; KINDS],
            body: Span::default(),
            started: false,
        }
    }
}

/// Header fields that may stand once only. A second From or Call-ID is how messages are smuggled past a proxy that
/// reads the other one.
const SINGLE: [Header; 7] = [
    Header::From,
    Header::To,
    Header::CallId,
    Header::CSeq,
    Header::ContentLength,
    Header::MaxForwards,
    Header::Expires,
];

impl Index {
    /// Reads one whole message: a datagram, or a frame cut by [`super::frame::Stream`].
    ///
    /// # Errors
    /// The first fault. What was read up to there stays in the index, so that [`Index::faulty`] can answer it.
    pub fn scan<'m>(&'m mut self, bytes: &'m [u8]) -> Result<Message<'m>, Fault> {
        self.read(bytes)?;
        Ok(Message { bytes, index: self })
    }

    /// The message as far as a failed [`Index::scan`] got, when its start line could be read.
    pub fn faulty<'m>(&'m self, bytes: &'m [u8]) -> Option<Message<'m>> {
        self.started.then_some(Message { bytes, index: self })
    }

    /// The message this index was made from. `bytes` must be the bytes that were scanned.
    pub fn message<'m>(&'m self, bytes: &'m [u8]) -> Message<'m> {
        Message { bytes, index: self }
    }

    fn read(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.slots.clear();
        self.first = [0; KINDS];
        self.last = [0; KINDS];
        self.body = Span::default();
        self.started = false;
        if bytes.len() > limits::MESSAGE_BYTES {
            return Err(Fault::TooLong);
        }
        // RFC 3261 7.5: empty lines before the start line are ignored.
        let begin = bytes.iter().position(|b| !matches!(b, b'\r' | b'\n')).ok_or(Fault::NotSip)?;
        let mut at = self.start_line(bytes, begin)?;
        // A wrong version is remembered, but the headers are read on, to be able to answer 505.
        let mut fault = match self.start_fault(bytes) {
            Some(fault) => Err(fault),
            None => Ok(()),
        };
        loop {
            let (line, next) = logical_line(bytes, at).ok_or(Fault::Truncated)?;
            if line.is_empty() {
                at = next;
                break;
            }
            if self.slots.len() >= limits::HEADERS {
                return Err(Fault::TooMany);
            }
            if let Err(bad) = self.header_line(bytes, at, line.len()) {
                fault = fault.and(Err(bad));
            }
            at = next;
        }
        self.body = Span::new(at, bytes.len());
        fault?;
        self.singles()?;
        self.content_length(bytes)
    }

    fn start_line(&mut self, bytes: &[u8], begin: usize) -> Result<usize, Fault> {
        let newline = begin + memchr::memchr(b'\n', &bytes[begin..]).ok_or(Fault::NotSip)?;
        let end = if newline > begin && bytes[newline - 1] == b'\r' { newline - 1 } else { newline };
        let line = &bytes[begin..end];
        if line.len() > 8 && line[..4].eq_ignore_ascii_case(b"SIP/") {
            let (code, reason) = status_line(line)?;
            self.start = StartIndex::Response { code, reason: Span::new(begin + reason, end) };
        } else {
            let method_end = memchr::memchr(b' ', line).ok_or(Fault::NotSip)?;
            let version = line.iter().rposition(|b| *b == b' ').ok_or(Fault::NotSip)?;
            if !text::is_token(&line[..method_end])
                || version <= method_end
                || !line[version + 1..].get(..4).is_some_and(|v| v.eq_ignore_ascii_case(b"SIP/"))
            {
                return Err(Fault::NotSip);
            }
            self.start = StartIndex::Request {
                method: Method::from_token(&line[..method_end]),
                method_text: Span::new(begin, begin + method_end),
                uri: Span::new(begin + method_end + 1, begin + version),
            };
        }
        self.started = true;
        Ok(newline + 1)
    }

    /// Faults of a start line whose message can still be answered.
    fn start_fault(&self, bytes: &[u8]) -> Option<Fault> {
        let StartIndex::Request { uri, .. } = self.start else { return None };
        let version = &bytes[usize::from(uri.end) + 1..];
        let version =
            &version[..version.iter().position(|b| matches!(b, b'\r' | b'\n')).unwrap_or(version.len())];
        if !version.eq_ignore_ascii_case(b"SIP/2.0") {
            return Some(Fault::Version);
        }
        let uri = uri.of(bytes);
        (uri.is_empty() || uri.iter().any(|b| *b <= b' ' || matches!(b, b'<' | b'>')))
            .then_some(Fault::RequestUri)
    }

    fn header_line(&mut self, bytes: &[u8], at: usize, len: usize) -> Result<(), Fault> {
        let line = &bytes[at..at + len];
        let colon = memchr::memchr(b':', line).ok_or(Fault::Line)?;
        let mut name_end = colon;
        while name_end > 0 && matches!(line[name_end - 1], b' ' | b'\t') {
            name_end -= 1;
        }
        if !text::is_token(&line[..name_end]) {
            return Err(Fault::Line);
        }
        let header = Header::from_name(&line[..name_end]);
        let (mut start, mut end) = (colon + 1, len);
        while start < end && text::is_space(line[start]) {
            start += 1;
        }
        while end > start && text::is_space(line[end - 1]) {
            end -= 1;
        }
        self.slots.push(Slot {
            header,
            next: 0,
            name: Span::new(at, at + name_end),
            value: Span::new(at + start, at + end),
        });
        let own = self.slots.len() as u16;
        let kind = header as usize;
        match self.last[kind] {
            0 => self.first[kind] = own,
            before => self.slots[usize::from(before) - 1].next = own,
        }
        self.last[kind] = own;
        Ok(())
    }

    fn singles(&self) -> Result<(), Fault> {
        for header in SINGLE {
            if self.first[header as usize] != self.last[header as usize] {
                return Err(Fault::Repeated(header));
            }
        }
        Ok(())
    }

    /// RFC 3261 18.3: a body longer than Content-Length is cut; a shorter one is a fault.
    fn content_length(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let first = self.first[Header::ContentLength as usize];
        if first == 0 {
            return Ok(());
        }
        let value = self.slots[usize::from(first) - 1].value.of(bytes);
        let length = text::number(value).ok_or(Fault::Value(Header::ContentLength))? as usize;
        let start = usize::from(self.body.start);
        if length > bytes.len() - start {
            return Err(Fault::BodyShort);
        }
        self.body = Span::new(start, start + length);
        Ok(())
    }
}

/// The code and where the reason phrase starts. `SIP/2.0 200` without a reason is read too; a code of other than three
/// digits, or outside 100–699, is not.
fn status_line(line: &[u8]) -> Result<(u16, usize), Fault> {
    let blank = memchr::memchr(b' ', line).ok_or(Fault::NotSip)?;
    if !line[..blank].eq_ignore_ascii_case(b"SIP/2.0") {
        return Err(Fault::Version);
    }
    let rest = &line[blank + 1..];
    let digits = rest.iter().position(|b| *b == b' ').unwrap_or(rest.len());
    let code = (digits == 3).then(|| text::number(&rest[..3])).flatten();
    match code {
        Some(code @ 100..=699) => Ok((code as u16, (blank + 1 + digits + 1).min(line.len()))),
        _ => Err(Fault::NotSip),
    }
}

/// The header line at `at` with its folded continuations (RFC 3261 7.3.1), without its line end, and where the next
/// starts. `None` when no line end follows.
fn logical_line(bytes: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let mut from = at;
    loop {
        let newline = from + memchr::memchr(b'\n', bytes.get(from..)?)?;
        let end = if newline > at && bytes[newline - 1] == b'\r' { newline - 1 } else { newline };
        let folded = end > at && matches!(bytes.get(newline + 1), Some(b' ' | b'\t'));
        if !folded {
            return Some((&bytes[at..end], newline + 1));
        }
        from = newline + 1;
    }
}
