//! Requests of the peer inside the call's dialogs, and ours that are neither offers nor endings.

use super::Session;
use super::check;
use super::events::*;
use super::info;
use super::refer::is_refer_event;
use super::reply::{ALLOW, Asked, Reply, SDP, line, supported};
use super::requests::{Draft, Purpose};
use super::types::*;
use crate::sip::dialog::Incoming as Order;
use crate::sip::method::Method;
use crate::sip::wire::Header;
use crate::sip::wire::multipart::is_media_type;

/// A request of the call layer's own.
#[derive(Clone, Debug)]
pub struct Own<'a> {
    /// INFO, MESSAGE, NOTIFY, OPTIONS …
    pub method: Method,
    /// Content-Type; empty for no body.
    pub content_type: &'a str,
    /// The body.
    pub body: &'a [u8],
    /// Whole header lines.
    pub extra: &'a [u8],
}

impl Session {
    /// A request inside one of this session's dialogs.
    pub fn request(&mut self, cx: &mut Cx<'_>, request: &InDialog<'_>) {
        if request.method == Method::Ack {
            self.hear_ack(cx, request.message, request.envelope.cseq.number);
        } else if let Some(asked) = Asked::of(request, &self.endpoint) {
            self.sort(cx, request, &asked);
        }
        self.settle(cx);
    }

    fn sort(&mut self, cx: &mut Cx<'_>, request: &InDialog<'_>, asked: &Asked) {
        let tag = request.envelope.from.tag().unwrap_or_default();
        match self.dialog_of(tag).map(|dialog| dialog.receive(request.envelope)) {
            Some(Order::InOrder) => {}
            Some(Order::OutOfOrder) => return asked.respond(cx, Reply::code(500)),
            None => return asked.respond(cx, Reply::code(481)),
        }
        if request.method == Method::Bye {
            return self.hear_bye(cx, request);
        }
        if self.is_ending() {
            return asked.respond(cx, Reply::code(481));
        }
        match request.method {
            Method::Invite => self.hear_reinvite(cx, request),
            Method::Update => self.hear_update(cx, request),
            Method::Prack => self.hear_prack(cx, request),
            Method::Info => info::hear(self, cx, request, asked),
            Method::Message => self.hear_message(cx, request, asked),
            Method::Refer => self.hear_refer(cx, request, asked),
            Method::Notify => self.hear_notify(cx, request, asked),
            Method::Options => self.hear_options(cx, asked),
            Method::Subscribe if is_refer_event(request.message) => asked.respond(cx, Reply::code(481)),
            Method::Subscribe => {
                let mut lines = Vec::new();
                line(&mut lines, Header::AllowEvents, b"refer");
                asked.respond(cx, Reply::with(489, &lines));
            }
            method => {
                let mut lines = Vec::new();
                line(&mut lines, Header::Allow, ALLOW.as_bytes());
                let code = if method == Method::Other { 501 } else { 405 };
                asked.respond(cx, Reply::with(code, &lines));
            }
        }
    }

    fn hear_options(&mut self, cx: &mut Cx<'_>, asked: &Asked) {
        let mut lines = Vec::new();
        line(&mut lines, Header::Accept, SDP.as_bytes());
        line(&mut lines, Header::Allow, ALLOW.as_bytes());
        line(&mut lines, Header::Supported, supported(&self.endpoint, cx.norefersub).as_bytes());
        line(&mut lines, Header::AcceptEncoding, b"identity");
        line(&mut lines, Header::AcceptLanguage, b"en");
        asked.respond(cx, Reply::with(200, &lines));
    }

    fn hear_message(&mut self, cx: &mut Cx<'_>, request: &InDialog<'_>, asked: &Asked) {
        if let Err(unfit) = check::required(request.message) {
            return asked.respond(cx, Reply::with(unfit.code, &unfit.lines));
        }
        let content_type = request.message.header(Header::ContentType).unwrap_or_default();
        let lower = content_type.to_ascii_lowercase();
        if !lower.starts_with(b"text/") && !lower.starts_with(b"application/") {
            let mut lines = Vec::new();
            line(&mut lines, Header::Accept, b"text/*, application/*");
            return asked.respond(cx, Reply::with(415, &lines));
        }
        asked.respond(cx, Reply::code(202));
        let (content_type, body) = (content_type.into(), request.message.body().into());
        cx.events.push(Event::Text { content_type, body });
    }

    /// Sends a request of the call layer's own in the dialog; [`Event::RequestDone`] says how it was answered.
    pub fn send(&mut self, cx: &mut Cx<'_>, own: &Own<'_>) -> Result<RequestId, NotNow> {
        if self.is_ending() {
            return Err(NotNow::Over);
        }
        let mut draft = Draft::with_body(own.method, own.content_type, own.body);
        draft.lines = own.extra.to_vec();
        self.send_in_call(cx, draft, Purpose::Other).ok_or(NotNow::NoDialog)
    }

    /// Sends a digit by INFO (`dtmf_mode` info, auto_info): application/dtmf-relay.
    pub fn dtmf_info(&mut self, cx: &mut Cx<'_>, digit: char, duration_ms: u32) -> Result<RequestId, NotNow> {
        if !matches!(digit, '0'..='9' | '*' | '#' | 'A'..='D' | '!') {
            return Err(NotNow::NoSuchDigit);
        }
        let body = format!("Signal={digit}\r\nDuration={duration_ms}\r\n");
        let own =
            Own { method: Method::Info, content_type: info::DTMF_RELAY, body: body.as_bytes(), extra: b"" };
        self.send(cx, &own)
    }

    /// Sends hook flash: an INFO whatever `dtmf_mode` says.
    pub fn flash(&mut self, cx: &mut Cx<'_>) -> Result<RequestId, NotNow> {
        self.dtmf_info(cx, '!', 300)
    }

    /// Whether a body is text that a phone shows.
    pub(super) fn is_sipfrag(content_type: &[u8]) -> bool {
        is_media_type(content_type, "message/sipfrag")
    }
}
