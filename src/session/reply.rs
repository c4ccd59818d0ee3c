//! Responses to the peer's requests.

use super::events::Effect;
use super::types::{Cx, InDialog};
use crate::config::model::Endpoint;
use crate::config::model::endpoint_words::{Rel100, Timers};
use crate::sip::flow::Destination;
use crate::sip::method::Method;
use crate::sip::transaction::ServerTx;
use crate::sip::wire::{Header, Message, ViaStamp, Writer};

/// What we answer to in a dialog, and announce, in Asterisk's order.
pub const ALLOW: &str = "OPTIONS, REGISTER, SUBSCRIBE, NOTIFY, PUBLISH, INVITE, ACK, BYE, CANCEL, UPDATE, PRACK, MESSAGE, INFO, REFER";

/// The Supported value for an endpoint; `norefersub` as the global option says.
pub(super) fn supported(endpoint: &Endpoint, norefersub: bool) -> &'static str {
    let all = match (endpoint.options.rel100 == Rel100::No, endpoint.options.timers == Timers::No) {
        (false, false) => "100rel, timer, replaces, norefersub",
        (false, true) => "100rel, replaces, norefersub",
        (true, false) => "timer, replaces, norefersub",
        (true, true) => "replaces, norefersub",
    };
    if norefersub { all } else { all.trim_end_matches(", norefersub") }
}

/// A request of the peer that has no final answer yet: what its responses are made from.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub tx: ServerTx,
    pub to: Destination,
    pub method: Method,
    pub cseq: u32,
    /// Via, Call-ID, From, To with our tag, CSeq.
    head: Box<[u8]>,
}

/// One response.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reply<'a> {
    pub code: u16,
    /// Empty: the RFC's phrase.
    pub reason: &'a str,
    /// Whole header lines.
    pub lines: &'a [u8],
    /// Content-Type and body.
    pub body: Option<(&'a str, &'a [u8])>,
}

impl<'a> Reply<'a> {
    pub fn code(code: u16) -> Reply<'a> {
        Reply { code, ..Reply::default() }
    }

    pub fn with(code: u16, lines: &'a [u8]) -> Reply<'a> {
        Reply { code, lines, ..Reply::default() }
    }
}

impl Asked {
    /// `tag` stands in To when the request has none.
    pub fn new(
        (tx, to): (ServerTx, Destination),
        request: &Message<'_>,
        stamp: ViaStamp,
        tag: &[u8],
        cseq: u32,
    ) -> Asked {
        let mut text = Vec::with_capacity(512);
        let started = Writer::response(&mut text, request, stamp, (200, ""), Some(tag));
        drop(started);
        let line = memchr::memchr(b'\n', &text).map_or(0, |newline| newline + 1);
        let method = request.method().unwrap_or(Method::Other);
        Asked { tx, to, method, cseq, head: text[line..].into() }
    }

    /// For a request inside a dialog; `None` for an ACK.
    pub fn of(request: &InDialog<'_>, endpoint: &Endpoint) -> Option<Asked> {
        let stamp = ViaStamp { source: request.arrival.source, force_rport: endpoint.options.force_rport };
        let cseq = request.envelope.cseq.number;
        Some(Asked::new((request.tx?, request.to), request.message, stamp, b"", cseq))
    }

    /// Writes a response.
    pub fn write(&self, user_agent: &str, reply: Reply<'_>) -> Vec<u8> {
        let mut text = Vec::with_capacity(1024);
        let mut writer = Writer::bare_response(&mut text, reply.code, reply.reason);
        writer.lines(&self.head).lines(reply.lines).header(Header::Server, user_agent.as_bytes());
        match reply.body {
            Some((content_type, body)) => writer.finish_with_body(content_type, body),
            None => writer.finish(),
        }
        text
    }

    /// Pushes a response in the transaction.
    pub fn respond(&self, cx: &mut Cx<'_>, reply: Reply<'_>) {
        let text = self.write(cx.user_agent, reply);
        cx.effects.push(Effect::Respond { tx: self.tx, code: reply.code, to: self.to, text });
    }
}

/// Appends one header line.
pub(super) fn line(lines: &mut Vec<u8>, header: Header, value: &[u8]) {
    lines.extend_from_slice(header.name().as_bytes());
    lines.extend_from_slice(b": ");
    lines.extend_from_slice(value);
    lines.extend_from_slice(b"\r\n");
}

/// The lines that every 2xx to INVITE or UPDATE has.
pub(super) fn target_lines(cx: &Cx<'_>, lines: &mut Vec<u8>, endpoint: &Endpoint, contact: &str) {
    line(lines, Header::Allow, ALLOW.as_bytes());
    line(lines, Header::Contact, contact.as_bytes());
    line(lines, Header::Supported, supported(endpoint, cx.norefersub).as_bytes());
}

/// The media type of descriptions.
pub(super) const SDP: &str = "application/sdp";
