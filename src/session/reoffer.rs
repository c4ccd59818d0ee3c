//! Our own re-INVITE and UPDATE: one at a time, queued behind what is under way, sent again after glare (RFC 3261 14.1).

use super::cause::Cause;
use super::check;
use super::events::*;
use super::forks::description_of;
use super::reply::{ALLOW, SDP, line, supported};
use super::requests::{Draft, Purpose, Request};
use super::target::rewrite;
use super::types::*;
use super::{Session, Stage};
use crate::base::limits;
use crate::base::time::Moment;
use crate::sdp::Proposal as Stream;
use crate::sip::dialog::Role;
use crate::sip::dialog::rel100::Reception;
use crate::sip::dialog::session_timer::{self, Proposal};
use crate::sip::flow::Arrival;
use crate::sip::method::Method;
use crate::sip::wire::{Header, Message};
use std::time::Duration;

/// A change that waits for its turn.
#[derive(Debug)]
pub(super) struct Queued {
    wanted: Reoffer,
    tries: u8,
    /// Session interval asked for by a 422.
    proposal: Option<Proposal>,
    /// The session timer's own: nobody is told how it ends.
    own: bool,
}

/// A change on its way.
#[derive(Debug)]
pub(super) struct Running {
    queued: Queued,
    described: bool,
    proposal: Option<Proposal>,
}

/// How often one change is sent before its last refusal counts: with the back-off of RFC 3261 14.1 two sides that
/// never agree stop after half a minute.
const TRIES: u8 = 10;

impl Session {
    /// Asks for a change of the session.
    pub fn reoffer(&mut self, cx: &mut Cx<'_>, wanted: Reoffer) -> Done {
        if self.is_ending() {
            return Err(NotNow::Over);
        }
        if self.queue.len() >= limits::SESSION_REOFFERS {
            return Err(NotNow::TooMany);
        }
        self.queue.push_back(Queued { wanted, tries: 0, proposal: None, own: false });
        self.settle(cx);
        Ok(())
    }

    /// The session timer's refresh.
    pub(super) fn refresh(&mut self) {
        let waits = self.queue.iter().any(|queued| queued.own);
        let runs = self
            .requests
            .iter()
            .any(|request| matches!(&request.purpose, Purpose::Reoffer(running) if running.queued.own));
        if !waits && !runs {
            let wanted = Reoffer::new(RefreshWith::Update, Why::Refresh);
            self.queue.push_front(Queued { wanted, tries: 0, proposal: None, own: true });
        }
    }

    /// Sends the next change, when nothing is under way.
    pub(super) fn pump(&mut self, cx: &mut Cx<'_>) {
        if self.retry_at.is_some_and(|at| cx.now.at < at) {
            return;
        }
        while let Some(next) = self.queue.front() {
            let Some(method) = self.method_now(next.wanted.method) else { return };
            self.retry_at = None;
            let Some(queued) = self.queue.pop_front() else { return };
            if let Some(queued) = self.send_reoffer(cx, queued, method) {
                done(cx, &queued, Reoffered::Ok);
            }
        }
    }

    /// The method a change can be sent with now; `None`: it waits.
    fn method_now(&self, wanted: RefreshWith) -> Option<Method> {
        let running = |request: &Request| matches!(request.purpose, Purpose::Reoffer(_));
        if self.offered.is_some() || !self.media.is_idle() || self.requests.iter().any(running) {
            return None;
        }
        let update = wanted == RefreshWith::Update && self.peer.allows(Method::Update);
        match &self.stage {
            Stage::Up if self.accepted.is_some() => None,
            Stage::Up => Some(if update { Method::Update } else { Method::Invite }),
            // Before the answer only UPDATE can change anything, and only what was agreed reliably (RFC 3311 5.1).
            Stage::Early { .. } => {
                let reliable = self.caller.as_ref().is_some_and(|caller| caller.reliable);
                (update && reliable).then_some(Method::Update)
            }
            Stage::Incoming(callee) => (update && callee.may_update()).then_some(Method::Update),
            _ => None,
        }
    }

    /// Sends it; gives it back when it would change nothing.
    fn send_reoffer(&mut self, cx: &mut Cx<'_>, queued: Queued, method: Method) -> Option<Queued> {
        let wanted = &queued.wanted;
        let bare = method == Method::Update && matches!(wanted.why, Why::Refresh | Why::ConnectedLine);
        let mut draft = Draft::new(method);
        if !bare {
            let willing = wanted.direction.unwrap_or(self.media.willing());
            let proposals = self.wanted_streams(wanted);
            let must = matches!(wanted.why, Why::Refresh | Why::ConnectedLine);
            if !must && self.media.says_nothing_new(&proposals) {
                return Some(queued);
            }
            draft = Draft::with_body(method, SDP, &self.media.write_offer(proposals, willing));
        }
        line(&mut draft.lines, Header::Allow, ALLOW.as_bytes());
        line(&mut draft.lines, Header::Supported, supported(&self.endpoint, cx.norefersub).as_bytes());
        let running = self.timer.as_ref().map(|timer| timer.agreed());
        let proposal =
            queued.proposal.or_else(|| session_timer::propose(&check::wish(&self.endpoint), running));
        if let Some(proposal) = &proposal {
            line(&mut draft.lines, Header::SessionExpires, proposal.header.to_string().as_bytes());
            line(&mut draft.lines, Header::MinSe, proposal.min_secs.to_string().as_bytes());
        }
        draft.lines.extend_from_slice(&wanted.extra);
        let running = Running { queued, described: !bare, proposal };
        self.send_in_call(cx, draft, Purpose::Reoffer(Box::new(running)));
        None
    }

    fn wanted_streams(&self, wanted: &Reoffer) -> Vec<Stream> {
        if let Some(proposals) = &wanted.proposals {
            return proposals.clone();
        }
        let willing = wanted.direction.unwrap_or(self.media.willing());
        let mut streams = self.media.proposals(wanted.formats.as_deref(), willing);
        for (at, place) in &wanted.locals {
            if let Some(Stream::Rtp { local, .. } | Stream::Fax { local, .. }) = streams.get_mut(*at) {
                local.clone_from(place);
            }
        }
        streams
    }

    /// 1xx to a re-INVITE: one that came reliably is acknowledged.
    pub(super) fn reinvite_provisional(&mut self, cx: &mut Cx<'_>, at: usize, message: &Message<'_>) {
        let request = &mut self.requests[at];
        if request.draft.method != Method::Invite || message.status() == Some(100) {
            return;
        }
        if let Reception::Acknowledge(rack) = request.receiver.receive(message, request.cseq) {
            let tag = request.tag.clone();
            self.prack(cx, &tag, rack);
        }
    }

    /// The final response to a change of ours.
    pub(super) fn reoffer_final(
        &mut self,
        cx: &mut Cx<'_>,
        request: Request,
        message: &Message<'_>,
        arrival: &Arrival,
    ) {
        let code = message.status().unwrap_or(0);
        let Request { cseq, purpose, draft, tag, credentials, .. } = request;
        let Purpose::Reoffer(running) = purpose else { return };
        if code >= 300 {
            let after = message.number(Header::RetryAfter).flatten();
            let next = running
                .proposal
                .filter(|_| code == 422)
                .and_then(|before| session_timer::propose_after_422(&before, message));
            return self.refused(cx, *running, draft.method, (code, after, next));
        }
        let endpoint = self.endpoint.clone();
        if let Some(dialog) = self.dialog_of(&tag) {
            dialog.refresh_target(message);
            rewrite(dialog, message, arrival, &endpoint);
        }
        if draft.method == Method::Invite {
            self.acknowledge(cx, &tag, cseq, &credentials);
        }
        if self.is_ending() {
            self.media.give_up();
            return done(cx, &running.queued, Reoffered::Ended);
        }
        if let Some(proposal) = &running.proposal {
            let timer = session_timer::accepted(&check::wish(&self.endpoint), proposal, message);
            self.set_timer(cx.now.at, timer);
        }
        if let Some(line) = self.peer.identity(message, &self.endpoint) {
            cx.events.push(Event::ConnectedLine(line));
        }
        let mut result = Reoffered::Ok;
        if running.described {
            match description_of(message).and_then(Result::ok).map(|answer| self.media.take_answer(&answer)) {
                Some(Ok(change)) if change.is_change() => cx.events.push(Event::Media(change)),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => {
                    self.media.give_up();
                    result = Reoffered::Refused(488);
                }
            }
        }
        done(cx, &running.queued, result);
    }

    /// A change was refused: what was agreed holds, or it is tried again, or the call is gone.
    fn refused(
        &mut self,
        cx: &mut Cx<'_>,
        running: Running,
        method: Method,
        (code, retry_after, proposal): (u16, Option<u32>, Option<Proposal>),
    ) {
        if running.described {
            self.media.give_up();
        }
        let mut queued = running.queued;
        if self.is_ending() {
            return done(cx, &queued, Reoffered::Ended);
        }
        let wait = match code {
            491 => Some(self.back_off(cx)),
            500 => retry_after.filter(|secs| *secs <= 10).map(|secs| Duration::from_secs(u64::from(secs))),
            422 if proposal.is_some() => {
                queued.proposal = proposal;
                Some(Duration::ZERO)
            }
            405 | 501 if method == Method::Update && matches!(self.stage, Stage::Up) => {
                self.peer.forbid(Method::Update);
                Some(Duration::ZERO)
            }
            _ => None,
        };
        queued.tries += 1;
        if let Some(wait) = wait.filter(|_| queued.tries < TRIES) {
            self.retry_at = Some(cx.now.at + wait);
            self.queue.push_front(queued);
            return;
        }
        done(cx, &queued, Reoffered::Refused(code));
        // Before the answer it is the INVITE that decides.
        if matches!(code, 481 | 408) && matches!(self.stage, Stage::Up) {
            self.lose(cx, Cause::of_status(code), By::Timeout);
        }
    }

    /// A change of ours got no final response.
    pub(super) fn reoffer_failed(&mut self, cx: &mut Cx<'_>, request: Request, code: u16) {
        if let Purpose::Reoffer(running) = request.purpose {
            self.refused(cx, *running, request.draft.method, (code, None, None));
        }
    }

    /// How long we wait after glare: the owner of the Call-ID 2.1 … 4 s, the other 0 … 2 s, in steps of 10 ms.
    fn back_off(&self, cx: &mut Cx<'_>) -> Duration {
        Duration::from_millis(match self.role {
            Role::Uac => 2_100 + 10 * cx.rng.below(191),
            Role::Uas => 10 * cx.rng.below(201),
        })
    }

    /// Nothing of what waits will be sent.
    pub(super) fn close_queue(&mut self, cx: &mut Cx<'_>) {
        self.retry_at = None;
        for queued in self.queue.drain(..) {
            done(cx, &queued, Reoffered::Ended);
        }
    }

    /// When the next change may be tried again.
    pub(super) fn retry_deadline(&self) -> Option<Moment> {
        self.retry_at.filter(|_| !self.queue.is_empty())
    }
}

fn done(cx: &mut Cx<'_>, queued: &Queued, result: Reoffered) {
    if !queued.own {
        cx.events.push(Event::ReofferDone { why: queued.wanted.why, result });
    }
}
