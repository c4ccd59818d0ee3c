//! Requests that a transaction makes from the one it was given: with its Via, its ACK, its CANCEL.
//!
//! A request is kept as text without topmost Via and Contact. Both depend on the way it goes, so they are put behind
//! the request line when it is sent: another target, or another branch, changes nothing else.

use super::clients::Target;
use crate::sip::mint::Branch;
use crate::sip::wire::{Header, Index, Message, Start, Writer};

/// Appends the whole request.
pub(super) fn write_request(out: &mut Vec<u8>, text: &[u8], target: &Target, branch: Branch) {
    let line_end = memchr::memchr(b'\n', text).map_or(0, |newline| newline + 1);
    debug_assert!(line_end > 0, "a request starts with its request line");
    out.extend_from_slice(&text[..line_end]);
    out.extend_from_slice(b"Via: SIP/2.0/");
    out.extend_from_slice(target.to.protocol.via_token().as_bytes());
    out.push(b' ');
    out.extend_from_slice(target.sent_by.as_bytes());
    out.extend_from_slice(b";rport;branch=");
    branch.write(out);
    out.extend_from_slice(b"\r\n");
    if let Some(contact) = &target.contact {
        out.extend_from_slice(b"Contact: ");
        out.extend_from_slice(contact.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(&text[line_end..]);
}

/// Appends the ACK of a non-2xx response to the INVITE `text` (RFC 3261 17.1.1.3): its request URI, Routes, From,
/// Call-ID and CSeq number, the response's To.
pub(super) fn write_ack(out: &mut Vec<u8>, text: &[u8], response: &Message<'_>, index: &mut Index) {
    write_companion(out, text, "ACK", response.header(Header::To), b"", index);
}

/// Appends the CANCEL of the INVITE `text` (RFC 3261 9.1), with whole header lines `extra` (Reason, …).
pub(super) fn write_cancel(out: &mut Vec<u8>, text: &[u8], extra: &[u8], index: &mut Index) {
    write_companion(out, text, "CANCEL", None, extra, index);
}

fn write_companion(
    out: &mut Vec<u8>,
    text: &[u8],
    method: &str,
    to: Option<&[u8]>,
    extra: &[u8],
    index: &mut Index,
) {
    // Our own text; were it broken, there would be nothing to acknowledge.
    let Ok(request) = index.scan(text) else { return };
    let Start::Request { uri, .. } = request.start() else { return };
    let mut writer = Writer::request(out, method.as_bytes(), uri);
    writer.copy(&request, Header::Route).copy(&request, Header::MaxForwards).copy(&request, Header::From);
    match to {
        Some(to) => writer.header(Header::To, to),
        None => writer.copy(&request, Header::To),
    };
    writer.copy(&request, Header::CallId);
    writer.begin(Header::CSeq.name());
    let number = request.cseq().map_or(0, |cseq| cseq.number);
    writer.raw().extend_from_slice(format!("{number} {method}").as_bytes());
    writer.end();
    writer.copy(&request, Header::UserAgent);
    writer.raw().extend_from_slice(extra);
    writer.finish();
}
