//! How calls end: hanging up in every state, BYE, CANCEL, and what is left to wait for.

use super::cause::Cause;
use super::events::*;
use super::reply::{ALLOW, Asked, Reply, line};
use super::requests::{Draft, Purpose};
use super::types::*;
use super::{Session, Stage};
use crate::base::time::Moment;
use crate::sip::dialog::DialogId;
use crate::sip::method::Method;
use crate::sip::transaction::ServerTx;
use crate::sip::wire::Header;

/// A call being ended.
#[derive(Debug)]
pub(super) struct Ending {
    /// A BYE that waits for an ACK of the peer (RFC 3261 15) or for the end of our own re-INVITE; at that moment it goes
    /// out in any case.
    bye: Option<(Cause, Moment)>,
}

impl Session {
    pub(super) fn is_ending(&self) -> bool {
        matches!(self.stage, Stage::Ending(_) | Stage::Ended)
    }

    /// Ends the call in whatever way is right now: a refusal, CANCEL, or BYE, with Reason.
    pub fn hangup(&mut self, cx: &mut Cx<'_>, cause: Cause) -> Done {
        match &self.stage {
            Stage::Ending(_) | Stage::Ended => return Err(NotNow::Over),
            Stage::Incoming(_) => return self.reject(cx, cause.status(), "", Some(cause), b""),
            Stage::Calling | Stage::Early { .. } => {
                self.last_cause = cause;
                if let Some(id) = self.invite_id() {
                    cx.effects.push(Effect::Cancel { id, extra: self.reason_lines(cause) });
                }
                self.over(cx);
            }
            Stage::Up => self.end(cx, cause),
        }
        self.settle(cx);
        Ok(())
    }

    /// Our Reason header lines.
    pub(super) fn reason_lines(&self, cause: Cause) -> Vec<u8> {
        let mut lines = Vec::new();
        cause.write_reason(!self.endpoint.options.suppress_q850_reason_headers, &mut lines);
        lines
    }

    /// Ends a confirmed dialog with BYE as soon as one may be sent.
    pub(super) fn end(&mut self, cx: &mut Cx<'_>, cause: Cause) {
        self.close_offered(cx, 487);
        self.close_queue(cx);
        self.stage = Stage::Ending(Ending { bye: Some((cause, cx.now.at + cx.timers.b)) });
        self.timer = None;
        self.try_bye(cx);
    }

    /// Nothing more is to be sent; what is outstanding ends by itself.
    pub(super) fn over(&mut self, cx: &mut Cx<'_>) {
        self.close_offered(cx, 487);
        self.close_queue(cx);
        if !matches!(self.stage, Stage::Ended) {
            self.stage = Stage::Ending(Ending { bye: None });
        }
        self.timer = None;
    }

    fn try_bye(&mut self, cx: &mut Cx<'_>) {
        let Stage::Ending(Ending { bye: Some((cause, guard)) }) = self.stage else { return };
        let invites = self.requests.iter().any(|request| request.draft.method == Method::Invite);
        if (self.accepted.is_some() || invites) && cx.now.at < guard {
            return;
        }
        self.stage = Stage::Ending(Ending { bye: None });
        self.accepted = None;
        self.cancel_reinvites(cx);
        if let Some(tag) = self.remote_tag() {
            self.send_bye(cx, &tag, cause);
        }
    }

    pub(super) fn send_bye(&mut self, cx: &mut Cx<'_>, tag: &[u8], cause: Cause) {
        let mut draft = Draft::new(Method::Bye);
        draft.lines = self.reason_lines(cause);
        self.send_draft(cx, tag, draft, Purpose::Bye);
    }

    /// The moment a waiting BYE goes out in any case.
    pub(super) fn bye_guard(&self) -> Option<Moment> {
        match &self.stage {
            Stage::Ending(ending) => ending.bye.map(|(_, guard)| guard),
            _ => None,
        }
    }

    /// BYE of the peer.
    pub(super) fn hear_bye(&mut self, cx: &mut Cx<'_>, request: &InDialog<'_>) {
        if let Some(asked) = Asked::of(request, &self.endpoint) {
            asked.respond(cx, Reply::code(200));
        }
        // Of a fork that lost, or after our own.
        let ours = self
            .dialog
            .as_ref()
            .is_some_and(|dialog| Some(dialog.id().key().remote_tag) == request.envelope.from.tag());
        if !ours {
            return;
        }
        self.accepted = None;
        let cause = Cause::of_reason(request.message).unwrap_or(Cause::NORMAL);
        match &mut self.stage {
            Stage::Ending(ending) => ending.bye = None,
            Stage::Ended => {}
            stage => {
                // A caller may end an early dialog with BYE too (RFC 3261 15).
                if let Stage::Incoming(callee) = stage {
                    callee.asked.respond(cx, Reply::code(487));
                }
                cx.events.push(Event::HungUp { cause, by: By::Bye });
                self.over(cx);
            }
        }
        self.cancel_reinvites(cx);
    }

    /// Our own re-INVITEs need not be answered any more, but must come to an end.
    /// Cancels re-INVITEs that got provisional responses only, for too long.
    pub(super) fn reinvites_due(&mut self, cx: &mut Cx<'_>) {
        for request in &mut self.requests {
            if request.until.take_if(|until| *until <= cx.now.at).is_some() {
                cx.effects.push(Effect::Cancel { id: request.id, extra: Vec::new() });
            }
        }
    }

    fn cancel_reinvites(&mut self, cx: &mut Cx<'_>) {
        let first = self.invite_id();
        let reinvites = self.requests.iter().filter(|request| request.draft.method == Method::Invite);
        for request in reinvites.filter(|request| Some(request.id) != first) {
            cx.effects.push(Effect::Cancel { id: request.id, extra: Vec::new() });
        }
    }

    /// A CANCEL of the INVITE whose transaction is `of`: the first one, or a re-INVITE.
    pub fn cancelled(&mut self, cx: &mut Cx<'_>, cancel: &InDialog<'_>, of: ServerTx) {
        let tag = self.local_tag();
        if let (Some(tx), Some(tag)) = (cancel.tx, tag) {
            let stamp = self.stamp(&cancel.arrival);
            let cseq = cancel.envelope.cseq.number;
            Asked::new((tx, cancel.to), cancel.message, stamp, &tag, cseq).respond(cx, Reply::code(200));
        }
        match &self.stage {
            Stage::Incoming(callee) if callee.asked.tx == of => {
                let said = Cause::of_reason(cancel.message);
                let mut lines = Vec::new();
                line(&mut lines, Header::Allow, ALLOW.as_bytes());
                lines.extend_from_slice(&self.reason_lines(said.unwrap_or(Cause(0))));
                // As Asterisk has it: nothing was said, and 487 is what the call ended with.
                let cause = said.unwrap_or(Cause::of_status(487));
                callee.asked.respond(cx, Reply::with(487, &lines));
                cx.events.push(Event::HungUp { cause, by: By::Cancel });
                self.over(cx);
            }
            _ if self.offered_tx() == Some(of) => self.close_offered(cx, 487),
            _ => {}
        }
        self.settle(cx);
    }

    /// Ends the call because the peer does not keep to it.
    pub(super) fn lose(&mut self, cx: &mut Cx<'_>, cause: Cause, by: By) {
        if !self.is_ending() {
            cx.events.push(Event::HungUp { cause, by });
            self.end(cx, cause);
        }
    }

    pub(super) fn enter(&mut self, cx: &mut Cx<'_>, id: DialogId) {
        if !self.entered.contains(&id) {
            cx.effects.push(Effect::Enter(id.clone()));
            self.entered.push(id);
        }
    }

    /// After everything that happened: sends what can be sent now, and ends when nothing is left to wait for.
    pub(super) fn settle(&mut self, cx: &mut Cx<'_>) {
        self.pump(cx);
        self.try_bye(cx);
        if self.media.take_oddity() {
            let what = "the description changed and its version did not go up";
            cx.events.push(Event::Oddity { endpoint: self.endpoint.name.clone(), what });
        }
        let Stage::Ending(Ending { bye: None }) = self.stage else { return };
        let lingers = self.caller.as_ref().and_then(|caller| caller.lingers);
        if self.requests.is_empty() && self.accepted.is_none() && lingers.is_none_or(|at| cx.now.at >= at) {
            self.stage = Stage::Ended;
            cx.effects.extend(self.entered.drain(..).map(Effect::Leave));
            cx.effects.push(Effect::Ended);
        }
    }
}
