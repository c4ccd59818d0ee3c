//! Writing messages: into one buffer, header by header, the order that of the stack an administrator's tools know.
//! Header bytes that nobody changed are copied verbatim; folded values are put on one line.
//!
//! No value can end its own line. Whatever is written, whoever wrote it (a peer, a database row, a dialplan string), is
//! looked at once when its field is closed, and line ends in it become a space; a name keeps only token characters; a
//! request URI has them escaped. So nothing that passes through here can add a header or a second message.

use super::header::Header;
use super::message::Message;
use super::params::next_param;
use super::scan::{logical_line, split_line};
use super::text::{self, List};
use super::via::Via;
use crate::base::digits::{Decimal, push_decimal, push_ip};
use crate::sip::status;
use std::io::Write as _;
use std::net::SocketAddr;

/// How the topmost Via of a request is stamped in its responses (RFC 3261 18.2.1, RFC 3581).
#[derive(Clone, Copy, Debug)]
pub struct ViaStamp {
    /// The packet's source.
    pub source: SocketAddr,
    /// `force_rport`: answer as if the Via had an `rport` parameter.
    pub force_rport: bool,
}

/// A response or request being written at the end of a buffer. [`Writer::finish`] closes it; a writer dropped before
/// leaves a message without end, so every path finishes.
#[derive(Debug)]
#[must_use = "a message is whole only after finish()"]
pub struct Writer<'b> {
    out: &'b mut Vec<u8>,
    /// Where the value being written starts; between fields, where the last one ended.
    mark: usize,
    /// Whether a field is open.
    open: bool,
}

impl<'b> Writer<'b> {
    /// Starts the response to `request`: status line, Vias, Call-ID, From, To (with `to_tag` when the request had
    /// none), CSeq. An empty `reason` takes the RFC's phrase.
    pub fn response(
        out: &'b mut Vec<u8>,
        request: &Message<'_>,
        stamp: ViaStamp,
        (code, reason): (u16, &str),
        to_tag: Option<&[u8]>,
    ) -> Writer<'b> {
        let mut writer = Writer::bare_response(out, code, reason);
        let mut top = true;
        for line in request.headers(Header::Via) {
            let mut values = List::new(line);
            for value in values.by_ref() {
                writer.begin(Header::Via.name());
                match Via::parse(value).filter(|_| top) {
                    Some(via) => stamped_via(writer.out, &via, stamp),
                    None => writer.out.extend_from_slice(value),
                }
                writer.end();
                top = false;
            }
            // A response that lost a Via never arrives, so what is more than we split stays together.
            if !values.rest().is_empty() {
                writer.header(Header::Via, values.rest());
            }
        }
        for header in [Header::CallId, Header::From, Header::To, Header::CSeq] {
            let Some(value) = request.header(header) else { continue };
            writer.begin(header.name());
            writer.out.extend_from_slice(value);
            if header == Header::To
                && let Some(tag) = to_tag
                && request.to().is_some_and(|to| to.tag().is_none())
            {
                push_all(writer.out, &[b";tag=", tag]);
            }
            writer.end();
        }
        writer
    }

    /// Starts a request line. Headers follow by the caller. Of `method` only token characters are kept; blanks and
    /// controls in `uri` are escaped.
    pub fn request(out: &'b mut Vec<u8>, method: &[u8], uri: &[u8]) -> Writer<'b> {
        push_token(out, method);
        out.push(b' ');
        if uri.iter().any(|b| *b <= b' ' || *b == 0x7f) {
            for b in uri {
                match b {
                    0..=b' ' | 0x7f => write!(out, "%{b:02X}").expect("writing to a Vec cannot fail"),
                    b => out.push(*b),
                }
            }
        } else {
            out.extend_from_slice(uri);
        }
        Writer::start_line(out, &[], b" SIP/2.0")
    }

    /// Starts a response to no request at hand. Headers, Vias included, follow by the caller.
    pub fn bare_response(out: &'b mut Vec<u8>, code: u16, reason: &str) -> Writer<'b> {
        let phrase = if reason.is_empty() { status::reason_phrase(code) } else { reason };
        Writer::start_line(out, &[b"SIP/2.0 ", &digits(code), b" "], phrase.as_bytes())
    }

    fn start_line(out: &'b mut Vec<u8>, pieces: &[&[u8]], last: &[u8]) -> Writer<'b> {
        push_all(out, pieces);
        let mark = out.len();
        out.extend_from_slice(last);
        let mut writer = Writer { out, mark, open: true };
        writer.end();
        writer
    }

    /// One header field.
    pub fn header(&mut self, header: Header, value: &[u8]) -> &mut Self {
        self.named(header.name(), value)
    }

    /// One header field by its text name.
    pub fn named(&mut self, name: &str, value: &[u8]) -> &mut Self {
        self.begin(name);
        self.out.extend_from_slice(value);
        self.end();
        self
    }

    /// One header field made of several pieces.
    pub fn pieces(&mut self, header: Header, pieces: &[&[u8]]) -> &mut Self {
        self.begin(header.name());
        push_all(self.out, pieces);
        self.end();
        self
    }

    /// One header field holding a number.
    pub fn number(&mut self, header: Header, value: u64) -> &mut Self {
        self.begin(header.name());
        push_decimal(self.out, value);
        self.end();
        self
    }

    /// Copies every field of that kind from `source`, one line each, as it was written.
    pub fn copy(&mut self, source: &Message<'_>, header: Header) -> &mut Self {
        for value in source.headers(header) {
            self.header(header, value);
        }
        self
    }

    /// Whole header lines, each ended by CRLF, made by another writer or by configuration. Lines that are none are left
    /// out.
    pub fn lines(&mut self, lines: &[u8]) -> &mut Self {
        self.close_stray();
        self.out.extend_from_slice(lines);
        self.close_stray();
        self
    }

    /// The name and `: ` of a field whose value the caller appends to [`Writer::raw`]; [`Writer::end`] closes it. Of the
    /// name only token characters are kept.
    pub fn begin(&mut self, name: &str) {
        self.close_stray();
        push_token(self.out, name.as_bytes());
        self.out.extend_from_slice(b": ");
        self.mark = self.out.len();
        self.open = true;
    }

    /// The buffer itself, to append a value to. What is appended outside [`Writer::begin`] and [`Writer::end`] must be
    /// whole header lines, as for [`Writer::lines`].
    pub fn raw(&mut self) -> &mut Vec<u8> {
        self.out
    }

    /// Closes a field opened with [`Writer::begin`].
    pub fn end(&mut self) {
        text::one_line(self.out, self.mark);
        self.out.extend_from_slice(b"\r\n");
        self.mark = self.out.len();
        self.open = false;
    }

    /// Closes a field left open. What was appended between two fields is kept as far as it is header lines.
    fn close_stray(&mut self) {
        if self.open {
            self.end();
        }
        if self.out.len() <= self.mark {
            return;
        }
        let stray = self.out.split_off(self.mark);
        let mut at = 0;
        while let Some(line) = logical_line(&stray, at) {
            let bytes = &stray[at..line.end];
            if !line.bare_cr && split_line(bytes).is_some() {
                self.out.extend_from_slice(bytes);
                text::one_line(self.out, self.mark);
                self.out.extend_from_slice(b"\r\n");
                self.mark = self.out.len();
            }
            at = line.next;
        }
    }

    /// Content-Length 0 and the empty line.
    pub fn finish(mut self) {
        self.close_stray();
        self.out.extend_from_slice(b"Content-Length:  0\r\n\r\n");
    }

    /// Content-Type, Content-Length, the empty line and the body.
    pub fn finish_with_body(mut self, content_type: &str, body: &[u8]) {
        self.header(Header::ContentType, content_type.as_bytes());
        self.finish_untyped(body);
    }

    /// Content-Length, the empty line and the body, whose Content-Type was written or is not known.
    pub fn finish_untyped(mut self, body: &[u8]) {
        self.close_stray();
        let length = Decimal::of(body.len() as u64);
        let blanks = 5usize.saturating_sub(length.as_bytes().len());
        push_all(self.out, &[b"Content-Length: ", &b"     "[..blanks], length.as_bytes(), b"\r\n\r\n"]);
        self.out.extend_from_slice(body);
    }
}

/// Appends `message` to `out` with every field name that has a short form in it (`[system] compact_headers`). Bytes that
/// are no message are appended as they are.
pub fn compact_headers(message: &[u8], out: &mut Vec<u8>) {
    let Some(newline) = memchr::memchr(b'\n', message) else {
        out.extend_from_slice(message);
        return;
    };
    let mut at = newline + 1;
    out.extend_from_slice(&message[..at]);
    while let Some(line) = logical_line(message, at).filter(|line| line.end > at) {
        let name = split_line(&message[at..line.end]).map_or(0, |(name, _)| name);
        match Header::from_name(&message[at..at + name]).compact() {
            Some(letter) => {
                out.push(letter as u8);
                out.extend_from_slice(&message[at + name..line.next]);
            }
            None => out.extend_from_slice(&message[at..line.next]),
        }
        at = line.next;
    }
    out.extend_from_slice(&message[at..]);
}

fn push_all(out: &mut Vec<u8>, pieces: &[&[u8]]) {
    for piece in pieces {
        out.extend_from_slice(piece);
    }
}

/// A name or method; what no token holds becomes `-`, and so does an empty one.
fn push_token(out: &mut Vec<u8>, token: &[u8]) {
    if text::is_token(token) {
        out.extend_from_slice(token);
    } else if token.is_empty() {
        out.push(b'-');
    } else {
        out.extend(token.iter().map(|b| if text::is_token_byte(*b) { *b } else { b'-' }));
    }
}

fn digits(code: u16) -> [u8; 3] {
    [b'0' + (code / 100 % 10) as u8, b'0' + (code / 10 % 10) as u8, b'0' + (code % 10) as u8]
}

/// The topmost Via with `rport` and `received` filled in: after sent-by, as pjproject prints them.
fn stamped_via(out: &mut Vec<u8>, via: &Via<'_>, stamp: ViaStamp) {
    let wants_rport = stamp.force_rport || via.rport().is_some();
    let wants_received = wants_rport || via.host.ip() != Some(stamp.source.ip());
    if !wants_received {
        out.extend_from_slice(via.raw);
        return;
    }
    push_all(out, &[b"SIP/2.0/", via.protocol_text, b" ", via.sent_by]);
    if wants_rport {
        out.extend_from_slice(b";rport=");
        push_decimal(out, u64::from(stamp.source.port()));
    }
    out.extend_from_slice(b";received=");
    push_ip(out, stamp.source.ip());
    let mut rest = via.params.0.strip_prefix(b";").unwrap_or_default();
    while !rest.is_empty() {
        let ((name, value), after) = next_param(rest);
        rest = after;
        if text::same(name, b"rport") || text::same(name, b"received") {
            continue;
        }
        push_all(out, &[b";", name]);
        if let Some(value) = value {
            push_all(out, &[b"=", value]);
        }
    }
}
