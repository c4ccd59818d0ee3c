//! What rings and answers: the early dialogs of our INVITE and its 2xx, of which the first wins (RFC 3261 13.2.2).

use super::cause::Cause;
use super::check;
use super::events::{Effect, Event};
use super::reply::{SDP, line};
use super::requests::{Draft, Purpose};
use super::target::rewrite;
use super::types::*;
use super::{Session, Stage};
use crate::sdp::Description;
use crate::sip::dialog::Fork;
use crate::sip::dialog::rel100::{RAck, Receiver, Reception};
use crate::sip::dialog::session_timer;
use crate::sip::flow::Arrival;
use crate::sip::method::Method;
use crate::sip::outbox::Outbox;
use crate::sip::status::reason_phrase;
use crate::sip::wire::{Envelope, Header, Message};

impl Session {
    /// 1xx to the INVITE.
    pub(super) fn invite_provisional(
        &mut self,
        cx: &mut Cx<'_>,
        code: u16,
        message: &Message<'_>,
        envelope: &Envelope<'_>,
        arrival: &Arrival,
    ) {
        if self.is_ending() {
            // Hung up before the INVITE had a transaction (its hop was being looked up): now there is one to cancel.
            // Where one was cancelled already, this is nothing new.
            let extra = self.reason_lines(self.last_cause);
            cx.effects.extend(self.invite_id().map(|id| Effect::Cancel { id, extra }));
            return;
        }
        if code == 100 || !matches!(self.stage, Stage::Calling | Stage::Early { .. }) {
            return;
        }
        self.peer.note(message);
        let Some(caller) = &mut self.caller else { return };
        let heard = match caller.forks.hear(message, envelope, &mut Outbox::default()) {
            Fork::Early { dialog, new } => {
                if new {
                    rewrite(dialog, message, arrival, &self.endpoint);
                }
                Some(dialog.id().clone())
            }
            // No To tag: it rings, and nothing can be sent inside.
            Fork::None => None,
            _ => return,
        };
        let mut reliable = false;
        let tag: Box<[u8]> = heard.as_ref().map(|id| id.key().remote_tag.into()).unwrap_or_default();
        if let Some(id) = heard {
            self.enter(cx, id);
            match self.reception(&tag, message) {
                Reception::Unreliable => {}
                Reception::Repeated | Reception::TooEarly => return,
                Reception::Acknowledge(rack) => {
                    reliable = true;
                    self.prack(cx, &tag, rack);
                }
            }
        }
        if let Some(line) = self.peer.identity(message, &self.endpoint) {
            cx.events.push(Event::ConnectedLine(line));
        }
        self.early(cx, code, tag, description_of(message).and_then(Result::ok), reliable);
    }

    fn reception(&mut self, tag: &[u8], message: &Message<'_>) -> Reception {
        let Some(caller) = &mut self.caller else { return Reception::Unreliable };
        let at = match caller.receivers.iter().position(|(known, _)| **known == *tag) {
            Some(at) => at,
            None => {
                caller.receivers.push((tag.into(), Receiver::default()));
                caller.receivers.len() - 1
            }
        };
        caller.receivers[at].1.receive(message, caller.cseq)
    }

    pub(super) fn prack(&mut self, cx: &mut Cx<'_>, tag: &[u8], rack: RAck) {
        let mut draft = Draft::new(Method::Prack);
        let value = format!("{} {} {}", rack.rseq, rack.cseq, rack.method);
        line(&mut draft.lines, Header::Rack, value.as_bytes());
        self.send_draft(cx, tag, draft, Purpose::Prack);
    }

    /// A provisional response that counts.
    fn early(
        &mut self,
        cx: &mut Cx<'_>,
        code: u16,
        tag: Box<[u8]>,
        description: Option<Description>,
        reliable: bool,
    ) {
        let Some(caller) = &mut self.caller else { return };
        if code == 199 {
            return;
        }
        if !tag.is_empty() {
            caller.last_tag = Some(tag.clone());
        }
        let described = description.is_some();
        if let Some(description) = description
            && caller.may_describe(&tag, &self.endpoint, cx)
        {
            let first = self.media.agreement().is_none();
            // One that cannot be used is no early media; the 2xx decides.
            if let Ok(change) = self.media.take_first_answer(&description, reliable) {
                caller.described_by = Some(tag);
                caller.reliable = reliable;
                if !first && change.is_change() {
                    cx.events.push(Event::Media(change));
                }
            }
        }
        let media = self.media.agreement().is_some();
        self.stage = Stage::Early { media };
        match code {
            180 if !described => cx.events.push(Event::Ringing),
            183 if !described && self.endpoint.options.ignore_183_without_sdp => {}
            180 | 183 => cx.events.push(Event::Progress { media }),
            181 | 182 => cx.events.push(Event::Forwarded { code }),
            _ if described => cx.events.push(Event::Progress { media }),
            _ => {}
        }
    }

    /// A 2xx to the INVITE: the first, one of another fork, or one seen before.
    pub(super) fn success(
        &mut self,
        cx: &mut Cx<'_>,
        message: &Message<'_>,
        envelope: &Envelope<'_>,
        arrival: &Arrival,
    ) {
        let (cseq, tag) = (envelope.cseq.number, envelope.to.tag().unwrap_or_default());
        if self.acknowledge_again(cx, tag, cseq) {
            return;
        }
        let ending = self.is_ending();
        let Some(caller) = self.caller.as_mut().filter(|caller| caller.cseq == cseq) else { return };
        let credentials = caller.credentials.clone();
        match caller.forks.hear(message, envelope, &mut Outbox::default()) {
            Fork::Won(dialog) => {
                rewrite(dialog, message, arrival, &self.endpoint);
                let dialog = dialog.clone();
                self.enter(cx, dialog.id().clone());
                self.dialog = Some(dialog);
                self.acknowledge(cx, tag, cseq, &credentials);
                self.won(cx, tag, message);
            }
            Fork::Lost(dialog) => {
                rewrite(dialog, message, arrival, &self.endpoint);
                let id = dialog.id().clone();
                caller.lingers.get_or_insert(cx.now.at + cx.timers.b);
                self.enter(cx, id);
                self.acknowledge(cx, tag, cseq, &credentials);
                self.send_bye(cx, tag, Cause::ELSEWHERE);
            }
            Fork::Unusable(_) if !ending => {
                // It cannot be acknowledged: nobody knows where.
                self.fail(cx, 500, "Bad Contact header", None);
            }
            _ => {}
        }
    }

    fn won(&mut self, cx: &mut Cx<'_>, tag: &[u8], message: &Message<'_>) {
        if self.is_ending() {
            // The CANCEL crossed it.
            let cause = self.last_cause;
            return self.end(cx, cause);
        }
        let Some(caller) = &mut self.caller else { return };
        let known = caller.described_by.as_deref() == Some(tag);
        let several = self.endpoint.options.accept_multiple_sdp_answers && cx.accept_multiple_sdp_answers;
        let settled = known && caller.reliable && !several;
        let early = self.media.agreement().is_some();
        let change = match description_of(message) {
            Some(Ok(description)) if !settled => self.media.take_first_answer(&description, true).ok(),
            None if !known => None,
            _ => Some(Default::default()),
        };
        self.media.end_first();
        let Some(change) = change else {
            self.fail(cx, 488, reason_phrase(488), None);
            return self.end(cx, Cause::NO_MEDIA);
        };
        let Some(caller) = &mut self.caller else { return };
        if caller.forks.dialogs().count() > 1 {
            caller.lingers = Some(cx.now.at + cx.timers.b);
        }
        let proposal = caller.proposal;
        self.stage = Stage::Up;
        if let Some(proposal) = proposal {
            let timer = session_timer::accepted(&check::wish(&self.endpoint), &proposal, message);
            self.set_timer(cx.now.at, timer);
        }
        if early && change.is_change() {
            cx.events.push(Event::Media(change));
        }
        if let Some(line) = self.peer.identity(message, &self.endpoint) {
            cx.events.push(Event::ConnectedLine(line));
        }
        cx.events.push(Event::Answered);
    }
}

/// The description of a response.
pub(super) fn description_of(message: &Message<'_>) -> Option<Result<Description, crate::sdp::SdpError>> {
    message.part(SDP).map(|part| Description::parse(part.body))
}
