//! One pass over a message's bytes: start line, header fields, body, as offsets. Nothing is copied or allocated once
//! the [`Index`] is warm.

use super::header::{Header, KINDS};
use super::message::Message;
use super::text;
use crate::base::limits;
use crate::sip::method::Method;
use std::fmt;
use std::ops::Range;

/// What is wrong with a message. Said by kind and header, never with a copy of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Not SIP at all: no such start line. Nothing to answer.
    NotSip,
    /// The bytes end before the header section does.
    Truncated,
    /// A version other than SIP/2.0 (505).
    Version,
    /// The request URI is broken (400; RFC 4475 3.1.2.8).
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
    Request { method: Method, method_text: Span, uri: Span, version: Span },
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
///
/// A second Content-Type makes two bodies of one; a second Refer-To (RFC 3515 2.4.1) or Replaces (RFC 3891 3) is refused
/// by their own RFCs.
const SINGLE: [Header; 11] = [
    Header::From,
    Header::To,
    Header::CallId,
    Header::CSeq,
    Header::ContentLength,
    Header::MaxForwards,
    Header::Expires,
    Header::ContentType,
    Header::Event,
    Header::ReferTo,
    Header::Replaces,
];

/// CR and LF bytes skipped before a start line.
const LEADING_BLANKS: usize = 32;

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
        // RFC 3261 7.5: empty lines before the start line are ignored; a datagram full of them is none of SIP's.
        let blank = bytes.iter().take(LEADING_BLANKS).take_while(|b| matches!(b, b'\r' | b'\n')).count();
        let mut at = self.start_line(bytes, blank)?;
        // A wrong version is remembered, but the headers are read on, to be able to answer 505.
        let mut fault = match self.start_fault(bytes) {
            Some(fault) => Err(fault),
            None => Ok(()),
        };
        let mut lines = 0;
        loop {
            let line = logical_line(bytes, at).ok_or(Fault::Truncated)?;
            if line.end == at {
                at = line.next;
                break;
            }
            lines += 1;
            if lines > limits::HEADERS {
                return Err(Fault::TooMany);
            }
            if let Err(bad) = self.header_line(bytes, at, &line) {
                fault = fault.and(Err(bad));
            }
            at = line.next;
        }
        self.body = Span::new(at, bytes.len());
        fault?;
        self.singles()?;
        self.content_length(bytes)
    }

    fn start_line(&mut self, bytes: &[u8], begin: usize) -> Result<usize, Fault> {
        let newline = begin + memchr::memchr(b'\n', &bytes[begin..]).ok_or(Fault::NotSip)?;
        let mut end = newline;
        // RFC 4475 3.1.2.10: blanks at the end are forgiven, and so is the CR before the LF.
        while end > begin && text::is_space(bytes[end - 1]) {
            end -= 1;
        }
        let line = &bytes[begin..end];
        if memchr::memchr(b'\r', line).is_some() {
            return Err(Fault::NotSip);
        }
        if line.len() > 8 && text::same(&line[..4], b"SIP/") {
            let (code, reason) = status_line(line)?;
            self.start = StartIndex::Response { code, reason: Span::new(begin + reason, end) };
        } else {
            let method_end = memchr::memchr(b' ', line).ok_or(Fault::NotSip)?;
            let version = memchr::memrchr(b' ', line).ok_or(Fault::NotSip)?;
            if !text::is_token(&line[..method_end])
                || version <= method_end
                || !line[version + 1..].get(..4).is_some_and(|v| text::same(v, b"SIP/"))
            {
                return Err(Fault::NotSip);
            }
            // RFC 4475 3.1.2.9: more than one blank on either side of the URI is forgiven too, as phones are that
            // send it.
            let (mut from, mut to) = (begin + method_end + 1, begin + version);
            while from < to && bytes[from] == b' ' {
                from += 1;
            }
            while to > from && bytes[to - 1] == b' ' {
                to -= 1;
            }
            self.start = StartIndex::Request {
                method: Method::from_token(&line[..method_end]),
                method_text: Span::new(begin, begin + method_end),
                uri: Span::new(from, to),
                version: Span::new(begin + version + 1, end),
            };
        }
        self.started = true;
        Ok(newline + 1)
    }

    /// Faults of a start line whose message can still be answered.
    fn start_fault(&self, bytes: &[u8]) -> Option<Fault> {
        let StartIndex::Request { uri, version, .. } = self.start else { return None };
        if !text::same(version.of(bytes), b"SIP/2.0") {
            return Some(Fault::Version);
        }
        let uri = uri.of(bytes);
        // Its grammar is checked by who reads it; blanks (RFC 4475 3.1.2.8) would make another request line of it.
        (uri.is_empty() || memchr::memchr2(b' ', b'\t', uri).is_some()).then_some(Fault::RequestUri)
    }

    fn header_line(&mut self, bytes: &[u8], at: usize, line: &Line) -> Result<(), Fault> {
        let (name, value) = split_line(&bytes[at..line.end]).ok_or(Fault::Line)?;
        if line.bare_cr {
            return Err(Fault::Line);
        }
        let header = Header::from_name(&bytes[at..at + name]);
        self.slots.push(Slot {
            header,
            next: 0,
            name: Span::new(at, at + name),
            value: Span::new(at + value.start, at + value.end),
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

/// Where one header line ends, folded continuations included (RFC 3261 7.3.1).
pub(super) struct Line {
    /// Where its text ends.
    pub end: usize,
    /// Where the next line starts.
    pub next: usize,
    /// Whether a CR stands in it that no LF follows. Some readers take that for a line end and see another message than
    /// we do, so such a line is refused.
    pub bare_cr: bool,
}

/// The header line at `at`; an empty one ends there. `None` when no line end follows.
pub(super) fn logical_line(bytes: &[u8], at: usize) -> Option<Line> {
    let (mut from, mut bare_cr) = (at, false);
    loop {
        let end = from + memchr::memchr2(b'\r', b'\n', bytes.get(from..)?)?;
        let next = if bytes[end] == b'\n' {
            end + 1
        } else if *bytes.get(end + 1)? == b'\n' {
            end + 2
        } else {
            bare_cr = true;
            from = end + 1;
            continue;
        };
        if end == at || !matches!(bytes.get(next), Some(b' ' | b'\t')) {
            return Some(Line { end, next, bare_cr });
        }
        from = next;
    }
}

/// Where the name of a header line ends and where its value stands, white space around it taken off; `None` when it is
/// no header field.
pub(super) fn split_line(line: &[u8]) -> Option<(usize, Range<usize>)> {
    let name = line.iter().position(|b| !text::is_token_byte(*b)).filter(|end| *end > 0)?;
    let mut colon = name;
    while matches!(line.get(colon), Some(b' ' | b'\t')) {
        colon += 1;
    }
    if line.get(colon) != Some(&b':') {
        return None;
    }
    let (mut start, mut end) = (colon + 1, line.len());
    while start < end && text::is_space(line[start]) {
        start += 1;
    }
    while end > start && text::is_space(line[end - 1]) {
        end -= 1;
    }
    Some((name, start..end))
}
