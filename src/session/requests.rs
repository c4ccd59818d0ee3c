//! Requests of ours: written, sent, challenged, answered.

use super::auth;
use super::events::{Effect, Event, Hop};
use super::reoffer::Running;
use super::types::{Cx, Failure, RequestId};
use super::{Session, Stage};
use crate::base::time::Moment;
use crate::sip::answers::{Answers, Subject};
use crate::sip::dialog::repeat::SentAck;
use crate::sip::dialog::{Dialog, rel100};
use crate::sip::flow::Arrival;
use crate::sip::method::Method;
use crate::sip::outbox::Outbox;
use crate::sip::wire::{Envelope, Header, Message, Writer};
use std::time::Duration;

/// A request as it is written again after a challenge: all that is not the dialog's.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub method: Method,
    /// Whole header lines.
    pub lines: Vec<u8>,
    pub content_type: Box<str>,
    pub body: Vec<u8>,
}

impl Draft {
    pub fn new(method: Method) -> Draft {
        Draft { method, lines: Vec::new(), content_type: "".into(), body: Vec::new() }
    }

    pub fn with_body(method: Method, content_type: &str, body: &[u8]) -> Draft {
        Draft { content_type: content_type.into(), body: body.to_vec(), ..Draft::new(method) }
    }

    /// Ends a request whose first lines `writer` has written.
    pub fn finish(&self, mut writer: Writer<'_>, credentials: &[u8], user_agent: &str) {
        writer.lines(&self.lines).header(Header::UserAgent, user_agent.as_bytes()).lines(credentials);
        if self.body.is_empty() && self.content_type.is_empty() {
            writer.finish();
        } else {
            writer.finish_with_body(&self.content_type, &self.body);
        }
    }

    fn write(&self, dialog: &mut Dialog, credentials: &[u8], cx: &Cx<'_>) -> Vec<u8> {
        let mut text = Vec::with_capacity(1024);
        let writer = dialog.request(&mut text, self.method.token(), cx.max_forwards);
        self.finish(writer, credentials, cx.user_agent);
        text
    }
}

/// What a request is for.
#[derive(Debug)]
pub(super) enum Purpose {
    /// The INVITE that makes the call; its text is the caller's.
    Invite,
    /// A re-INVITE or UPDATE.
    Reoffer(Box<Running>),
    /// Acknowledges a reliable provisional response.
    Prack,
    /// Ends a dialog.
    Bye,
    /// A transfer we ask for.
    Refer,
    /// Tells about a transfer the peer asked for.
    Notify,
    /// The call layer's own.
    Other,
}

/// A request of ours without final response.
#[derive(Debug)]
pub(super) struct Request {
    pub id: RequestId,
    pub cseq: u32,
    pub purpose: Purpose,
    pub draft: Draft,
    /// The remote tag of its dialog.
    pub tag: Box<[u8]>,
    pub tries: Answers,
    /// Authorization lines it carries.
    pub credentials: Vec<u8>,
    /// Its reliable provisional responses (re-INVITE).
    pub receiver: rel100::Receiver,
    /// When a re-INVITE is cancelled that got provisional responses only.
    pub until: Option<Moment>,
}

/// How long a re-INVITE may be under way. No timer of a transaction ends one that got a provisional response, and until
/// its end nothing else can be agreed on.
const REINVITE_PATIENCE: Duration = Duration::from_secs(60);

/// The ACK of a 2xx, kept to be sent again.
#[derive(Debug)]
pub(super) struct KeptAck {
    tag: Box<[u8]>,
    cseq: u32,
    sent: Option<SentAck>,
}

/// ACKs kept: one for each fork that may answer, and those of the last re-INVITEs.
const ACKS: usize = crate::base::limits::FORKS + 4;

impl Session {
    pub(super) fn next_id(&mut self) -> RequestId {
        self.next_request += 1;
        RequestId(self.next_request)
    }

    /// Sends a request in the dialog with that remote tag; `None` when there is no such dialog.
    pub(super) fn send_draft(
        &mut self,
        cx: &mut Cx<'_>,
        tag: &[u8],
        draft: Draft,
        purpose: Purpose,
    ) -> Option<RequestId> {
        self.send_again(cx, tag, draft, purpose, Answers::default(), Vec::new())
    }

    fn send_again(
        &mut self,
        cx: &mut Cx<'_>,
        tag: &[u8],
        draft: Draft,
        purpose: Purpose,
        tries: Answers,
        credentials: Vec<u8>,
    ) -> Option<RequestId> {
        let id = self.next_id();
        let dialog = self.dialog_of(tag)?;
        let text = draft.write(dialog, &credentials, cx);
        let (cseq, hop) = (dialog.local_cseq(), Hop::Uri(dialog.next_hop().into()));
        cx.effects.push(Effect::Request { id, text, hop });
        let receiver = rel100::Receiver::default();
        let tag = tag.into();
        let until = (draft.method == Method::Invite).then(|| cx.now.at + REINVITE_PATIENCE);
        self.requests.push(Request { id, cseq, purpose, draft, tag, tries, credentials, receiver, until });
        Some(id)
    }

    /// The dialog with that remote tag.
    pub(super) fn dialog_of(&mut self, tag: &[u8]) -> Option<&mut Dialog> {
        match &mut self.dialog {
            Some(dialog) if dialog.id().key().remote_tag == tag => Some(dialog),
            _ => self.caller.as_mut()?.forks.dialog_mut(tag),
        }
    }

    /// The remote tag of the call's dialog, or of the early dialog heard last.
    pub(super) fn remote_tag(&self) -> Option<Box<[u8]>> {
        match &self.dialog {
            Some(dialog) => Some(dialog.id().key().remote_tag.into()),
            None => self.caller.as_ref()?.last_tag.clone(),
        }
    }

    /// Sends a request in the call's dialog.
    pub(super) fn send_in_call(
        &mut self,
        cx: &mut Cx<'_>,
        draft: Draft,
        purpose: Purpose,
    ) -> Option<RequestId> {
        let tag = self.remote_tag()?;
        self.send_draft(cx, &tag, draft, purpose)
    }

    /// Acknowledges a 2xx to the INVITE `cseq` in the dialog with that remote tag.
    pub(super) fn acknowledge(&mut self, cx: &mut Cx<'_>, tag: &[u8], cseq: u32, credentials: &[u8]) {
        let Some(dialog) = self.dialog_of(tag) else { return };
        let mut text = Vec::with_capacity(512);
        let writer = dialog.ack(&mut text, cseq, cx.max_forwards);
        Draft::new(Method::Ack).finish(writer, credentials, cx.user_agent);
        let hop = Hop::Uri(dialog.next_hop().into());
        cx.effects.push(Effect::Ack { text, hop, remote_tag: tag.into() });
        self.acks.retain(|ack| ack.cseq != cseq || *ack.tag != *tag);
        if self.acks.len() >= ACKS {
            self.acks.remove(0);
        }
        self.acks.push(KeptAck { tag: tag.into(), cseq, sent: None });
    }

    /// The ACK of [`Effect::Ack`] was sent; it is kept for repetitions of the 2xx.
    pub fn acknowledged(&mut self, remote_tag: &[u8], ack: SentAck) {
        let mut kept = self.acks.iter_mut().rev();
        if let Some(kept) = kept.find(|kept| *kept.tag == *remote_tag && kept.sent.is_none()) {
            kept.sent = Some(ack);
        }
    }

    /// A 2xx whose ACK was sent before: it is sent again. `false` when there was none.
    pub(super) fn acknowledge_again(&self, cx: &mut Cx<'_>, tag: &[u8], cseq: u32) -> bool {
        let Some(kept) = self.acks.iter().find(|ack| ack.cseq == cseq && *ack.tag == *tag) else {
            return false;
        };
        if let Some(sent) = &kept.sent {
            carry(cx, |out| sent.repeat(out));
        }
        true
    }

    /// A response to a request of ours.
    pub fn response(
        &mut self,
        cx: &mut Cx<'_>,
        id: RequestId,
        message: &Message<'_>,
        envelope: &Envelope<'_>,
        arrival: &Arrival,
    ) {
        // Too late for anything: the session is over, with everything that was its.
        let Some(code) = message.status().filter(|_| !matches!(self.stage, Stage::Ended)) else { return };
        match self.requests.iter().position(|request| request.id == id) {
            None if code < 300 && envelope.cseq.method == Method::Invite => {
                self.success(cx, message, envelope, arrival);
            }
            None => {}
            Some(at) if code < 200 => match self.requests[at].purpose {
                Purpose::Invite => self.invite_provisional(cx, code, message, envelope, arrival),
                _ => self.reinvite_provisional(cx, at, message),
            },
            Some(at) => {
                let request = self.requests.swap_remove(at);
                self.peer.note(message);
                let request = match code {
                    401 | 407 => self.authenticate(cx, request, message),
                    _ => Some(request),
                };
                if let Some(request) = request {
                    self.finished(cx, request, message, envelope, arrival);
                }
            }
        }
        self.settle(cx);
    }

    /// Sends a challenged request again with credentials; gives it back when it cannot be.
    fn authenticate(
        &mut self,
        cx: &mut Cx<'_>,
        mut request: Request,
        message: &Message<'_>,
    ) -> Option<Request> {
        if self.auths.is_empty() {
            return Some(request);
        }
        if matches!(request.purpose, Purpose::Invite) {
            return self.authenticate_invite(cx, request, message);
        }
        if self.is_ending() && !matches!(request.purpose, Purpose::Bye) {
            return Some(request);
        }
        let Some(uri) = self.dialog_of(&request.tag).map(|dialog| dialog.target().to_vec()) else {
            return Some(request);
        };
        let method = request.draft.method.token().as_bytes();
        let subject = Subject { method, uri: &uri, body: &request.draft.body };
        let Some(credentials) = auth::answer(&mut request.tries, &self.auths, message, subject, cx.rng)
        else {
            return Some(request);
        };
        let Request { tag, draft, purpose, tries, .. } = request;
        self.send_again(cx, &tag, draft, purpose, tries, credentials);
        None
    }

    /// A request of ours has its final response.
    fn finished(
        &mut self,
        cx: &mut Cx<'_>,
        request: Request,
        message: &Message<'_>,
        envelope: &Envelope<'_>,
        arrival: &Arrival,
    ) {
        let code = message.status().unwrap_or(0);
        match request.purpose {
            Purpose::Invite => self.invite_final(cx, request, message, envelope, arrival),
            Purpose::Reoffer(_) => self.reoffer_final(cx, request, message, arrival),
            Purpose::Prack | Purpose::Bye => {}
            Purpose::Refer => self.refer_final(cx, code, Some(message)),
            Purpose::Notify => self.notify_final(cx, code),
            Purpose::Other => cx.events.push(Event::RequestDone { id: request.id, code }),
        }
    }

    /// A request of ours gets no final response.
    pub fn failed(&mut self, cx: &mut Cx<'_>, id: RequestId, failure: Failure) {
        if let Some(at) = self.requests.iter().position(|request| request.id == id) {
            let request = self.requests.swap_remove(at);
            let code = if failure == Failure::Timeout { 408 } else { 503 };
            match request.purpose {
                Purpose::Invite => self.invite_failed(cx, code, &failure),
                Purpose::Reoffer(_) => self.reoffer_failed(cx, request, code),
                Purpose::Prack | Purpose::Bye => {}
                Purpose::Refer => self.refer_final(cx, code, None),
                Purpose::Notify => self.notify_final(cx, code),
                Purpose::Other => cx.events.push(Event::RequestDone { id: request.id, code }),
            }
        }
        self.settle(cx);
    }
}

/// Runs what sends by an outbox; what it sends becomes effects.
pub(super) fn carry<T>(cx: &mut Cx<'_>, with: impl FnOnce(&mut Outbox) -> T) -> T {
    let mut out = Outbox::default();
    let result = with(&mut out);
    for (to, bytes) in out.iter() {
        cx.effects.push(Effect::Repeat { to, bytes: bytes.to_vec() });
    }
    result
}
