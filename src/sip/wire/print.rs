//! Writing messages: into one buffer, header by header, the order that of the stack an administrator's tools know.
//! Header bytes that nobody changed are copied verbatim.

use super::header::Header;
use super::message::Message;
use super::via::Via;
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
        let phrase = if reason.is_empty() { status::reason_phrase(code) } else { reason };
        push_all(out, &[b"SIP/2.0 ", &digits(code), b" ", phrase.as_bytes(), b"\r\n"]);
        let mut top = true;
        for value in request.values(Header::Via) {
            match Via::parse(value).filter(|_| top) {
                Some(via) => stamped_via(out, &via, stamp),
                None => push_all(out, &[b"Via: ", value, b"\r\n"]),
            }
            top = false;
        }
        let mut writer = Writer { out };
        for header in [Header::CallId, Header::From, Header::To, Header::CSeq] {
            let Some(value) = request.header(header) else { continue };
            writer.begin(header.name());
            // Folded values are put on one line; all else is copied.
            unfold(writer.out, value);
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

    /// Starts a request line. Headers follow by the caller.
    pub fn request(out: &'b mut Vec<u8>, method: &[u8], uri: &[u8]) -> Writer<'b> {
        push_all(out, &[method, b" ", uri, b" SIP/2.0\r\n"]);
        Writer { out }
    }

    /// One header field.
    pub fn header(&mut self, header: Header, value: &[u8]) -> &mut Self {
        self.named(header.name(), value)
    }

    /// One header field by its text name.
    pub fn named(&mut self, name: &str, value: &[u8]) -> &mut Self {
        push_all(self.out, &[name.as_bytes(), b": ", value, b"\r\n"]);
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
        write!(self.out, "{value}").expect("writing to a Vec cannot fail");
        self.end();
        self
    }

    /// Copies every field of that kind from `source`, one line each, as it was written.
    pub fn copy(&mut self, source: &Message<'_>, header: Header) -> &mut Self {
        for value in source.headers(header) {
            self.begin(header.name());
            unfold(self.out, value);
            self.end();
        }
        self
    }

    /// The name and `: ` of a field whose value the caller appends to [`Writer::raw`]; [`Writer::end`] closes it.
    pub fn begin(&mut self, name: &str) {
        push_all(self.out, &[name.as_bytes(), b": "]);
    }

    /// The buffer itself, to append a value to.
    pub fn raw(&mut self) -> &mut Vec<u8> {
        self.out
    }

    /// Closes a field opened with [`Writer::begin`].
    pub fn end(&mut self) {
        self.out.extend_from_slice(b"\r\n");
    }

    /// Content-Length 0 and the empty line.
    pub fn finish(self) {
        self.out.extend_from_slice(b"Content-Length:  0\r\n\r\n");
    }

    /// Content-Type, Content-Length, the empty line and the body.
    pub fn finish_with_body(self, content_type: &str, body: &[u8]) {
        push_all(self.out, &[b"Content-Type: ", content_type.as_bytes(), b"\r\n"]);
        write!(self.out, "Content-Length: {:>5}\r\n\r\n", body.len()).expect("writing to a Vec cannot fail");
        self.out.extend_from_slice(body);
    }
}

fn push_all(out: &mut Vec<u8>, pieces: &[&[u8]]) {
    for piece in pieces {
        out.extend_from_slice(piece);
    }
}

fn digits(code: u16) -> [u8; 3] {
    [b'0' + (code / 100 % 10) as u8, b'0' + (code / 10 % 10) as u8, b'0' + (code % 10) as u8]
}

/// A value with its folds made single spaces (RFC 3261 7.3.1).
fn unfold(out: &mut Vec<u8>, value: &[u8]) {
    if memchr::memchr2(b'\r', b'\n', value).is_none() {
        out.extend_from_slice(value);
        return;
    }
    let mut blank = false;
    for b in value {
        match b {
            b'\r' | b'\n' => blank = true,
            b' ' | b'\t' if blank => {}
            b => {
                if std::mem::take(&mut blank) {
                    out.push(b' ');
                }
                out.push(*b);
            }
        }
    }
}

/// The topmost Via with `rport` and `received` filled in: after sent-by, as pjproject prints them.
fn stamped_via(out: &mut Vec<u8>, via: &Via<'_>, stamp: ViaStamp) {
    let wants_rport = stamp.force_rport || via.params.has(b"rport");
    let wants_received = wants_rport || via.host.ip() != Some(stamp.source.ip());
    if !wants_received {
        push_all(out, &[b"Via: ", via.raw, b"\r\n"]);
        return;
    }
    push_all(out, &[b"Via: SIP/2.0/", via.protocol_text, b" ", via.sent_by]);
    if wants_rport {
        write!(out, ";rport={}", stamp.source.port()).expect("writing to a Vec cannot fail");
    }
    write!(out, ";received={}", stamp.source.ip()).expect("writing to a Vec cannot fail");
    for (name, value) in via.params.iter() {
        if name.eq_ignore_ascii_case(b"rport") || name.eq_ignore_ascii_case(b"received") {
            continue;
        }
        push_all(out, &[b";", name]);
        if let Some(value) = value {
            push_all(out, &[b"=", value]);
        }
    }
    out.extend_from_slice(b"\r\n");
}
