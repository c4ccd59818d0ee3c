//! The peer's re-INVITE and UPDATE: answered by the session alone, from its capabilities, its places and what it is
//! willing to do. T.38 is the call layer's to decide.

use super::check;
use super::events::*;
use super::reply::{Asked, Reply, SDP, line, target_lines};
use super::target::rewrite;
use super::types::*;
use super::{Session, Stage};
use crate::base::time::Moment;
use crate::sdp::answer::{fax_parameters, is_fax};
use crate::sdp::{Attributes, Description};
use crate::sip::dialog::session_timer::Answer;
use crate::sip::method::Method;
use crate::sip::transaction::ServerTx;
use crate::sip::wire::Header;
use std::time::Duration;

/// An offer of the peer that waits for places, or for a decision about T.38.
#[derive(Debug)]
pub(super) struct Offered {
    asked: Asked,
    /// `None`: the request is a PRACK, which has no timer.
    timer: Option<Answer>,
    /// T.38 is offered: the description, and until when somebody may decide.
    fax: Option<(Box<Description>, Moment)>,
}

/// How long the call layer may think about T.38, as in Asterisk.
const FAX_DECISION: Duration = Duration::from_secs(5);

impl Session {
    /// A re-INVITE.
    pub(super) fn hear_reinvite(&mut self, cx: &mut Cx<'_>, request: &InDialog<'_>) {
        let Some(asked) = Asked::of(request, &self.endpoint) else { return };
        // A call that stands cannot take another one's place (behaviour of res_pjsip_refer).
        if request.message.header(Header::Replaces).is_some() {
            return asked.respond(cx, Reply::code(488));
        }
        // Our own INVITE or offer is on its way: glare (RFC 3261 14.2). A re-INVITE that comes before the ACK of our 2xx
        // stands for it (RFC 5407 3.1.5), unless that ACK brings an answer.
        let ours = self.requests.iter().any(|request| request.draft.method == Method::Invite);
        if ours || self.media.awaits_answer() {
            return asked.respond(cx, Reply::code(491));
        }
        if self.offered.is_some() || !matches!(self.stage, Stage::Up) {
            return self.try_later(cx, &asked);
        }
        let checked = check::required(request.message)
            .and_then(|()| check::timer(request.message, &self.endpoint))
            .and_then(|timer| Ok((timer, check::description(request.message, &self.endpoint)?)));
        let (timer, description) = match checked {
            Ok(checked) => checked,
            Err(unfit) => return asked.respond(cx, Reply::with(unfit.code, &unfit.lines)),
        };
        if self.accepted.take().is_some() {
            self.establish(cx);
        }
        self.refresh_target(cx, request);
        match description {
            Some(description) => self.hear_offer(cx, asked, description, Some(timer)),
            None => {
                // All we are willing to do, whether the peer holds us or not; that is seen from the ACK (S3-34 … S3-36).
                let proposals = self.media.full_proposals();
                let willing = self.media.willing();
                let body = self.media.write_offer(proposals, willing);
                self.respond_offered(cx, &asked, Some(timer), Some(&body));
            }
        }
    }

    /// An UPDATE (RFC 3311).
    pub(super) fn hear_update(&mut self, cx: &mut Cx<'_>, request: &InDialog<'_>) {
        let Some(asked) = Asked::of(request, &self.endpoint) else { return };
        let checked = check::required(request.message)
            .and_then(|()| check::timer(request.message, &self.endpoint))
            .and_then(|timer| Ok((timer, check::description(request.message, &self.endpoint)?)));
        let (timer, description) = match checked {
            Ok(checked) => checked,
            Err(unfit) => return asked.respond(cx, Reply::with(unfit.code, &unfit.lines)),
        };
        if description.is_some() {
            if self.media.awaits_answer() {
                return asked.respond(cx, Reply::code(491));
            }
            if self.offered.is_some() || !self.media.is_idle() {
                return self.try_later(cx, &asked);
            }
        }
        self.refresh_target(cx, request);
        match description {
            Some(description) => self.hear_offer(cx, asked, description, Some(timer)),
            None => self.respond_offered(cx, &asked, Some(timer), None),
        }
    }

    /// A request before the one before it was answered (RFC 3261 14.2, RFC 3311 5.2).
    fn try_later(&mut self, cx: &mut Cx<'_>, asked: &Asked) {
        let mut lines = Vec::new();
        line(&mut lines, Header::RetryAfter, cx.rng.below(11).to_string().as_bytes());
        asked.respond(cx, Reply::with(500, &lines));
    }

    fn refresh_target(&mut self, cx: &mut Cx<'_>, request: &InDialog<'_>) {
        self.peer.note(request.message);
        let tag = request.envelope.from.tag().unwrap_or_default();
        let endpoint = self.endpoint.clone();
        if let Some(dialog) = self.dialog_of(tag) {
            dialog.refresh_target(request.message);
            rewrite(dialog, request.message, &request.arrival, &endpoint);
        }
        if let Some(line) = self.peer.identity(request.message, &self.endpoint) {
            cx.events.push(Event::ConnectedLine(line));
        }
    }

    /// An offer inside the dialog.
    pub(super) fn hear_offer(
        &mut self,
        cx: &mut Cx<'_>,
        asked: Asked,
        description: Description,
        timer: Option<Answer>,
    ) {
        let fax = self.media.setup().capabilities.fax && asked.method == Method::Invite;
        let wanted = description.media.iter().find(|media| !media.is_disabled() && is_fax(media));
        if let Some(media) = wanted.filter(|_| fax) {
            let attributes = fax_parameters(media);
            let offer = Box::new(description);
            cx.events.push(Event::FaxOffered { attributes, offer: offer.clone() });
            let fax = Some((offer, cx.now.at + FAX_DECISION));
            self.offered = Some(Offered { asked, timer, fax });
            return;
        }
        self.take_offer(cx, Offered { asked, timer, fax: None }, description, None);
    }

    fn take_offer(
        &mut self,
        cx: &mut Cx<'_>,
        offered: Offered,
        description: Description,
        fax: Option<Attributes>,
    ) {
        match self.media.take_offer(description, fax) {
            Err(refusal) => refuse_offer(cx, &offered.asked, &refusal.to_string()),
            Ok(streams) => {
                let now = streams.is_empty();
                self.offered = Some(offered);
                if now {
                    self.answer_offered(cx);
                } else {
                    cx.events.push(Event::PortsNeeded { streams });
                }
            }
        }
    }

    /// All places are there: answers.
    pub(super) fn answer_offered(&mut self, cx: &mut Cx<'_>) {
        let Some(offered) = self.offered.take() else { return };
        match self.media.write_answer() {
            Err(refusal) => refuse_offer(cx, &offered.asked, &refusal.to_string()),
            Ok((body, change)) => {
                self.respond_offered(cx, &offered.asked, offered.timer, Some(&body));
                if let Stage::Incoming(callee) = &mut self.stage {
                    callee.settle();
                }
                if change.is_change() {
                    cx.events.push(Event::Media(change));
                }
                cx.events.push(Event::Offered);
            }
        }
    }

    /// 200 to a re-INVITE, UPDATE or PRACK.
    fn respond_offered(
        &mut self,
        cx: &mut Cx<'_>,
        asked: &Asked,
        timer: Option<Answer>,
        body: Option<&[u8]>,
    ) {
        let mut lines = Vec::new();
        if timer.is_some() {
            target_lines(cx, &mut lines, &self.endpoint, &self.contact);
        }
        if timer == Some(Answer::None) {
            // A 2xx that says nothing of a timer ends it (RFC 4028 9).
            self.timer = None;
        }
        if let Some(Answer::Timer { header, require, timer }) = timer {
            line(&mut lines, Header::SessionExpires, header.to_string().as_bytes());
            if require {
                line(&mut lines, Header::Require, b"timer");
            }
            if matches!(self.stage, Stage::Up) {
                self.set_timer(cx.now.at, Some(timer));
            }
        }
        let reply = Reply { code: 200, reason: "", lines: &lines, body: body.map(|body| (SDP, body)) };
        if asked.method == Method::Invite {
            let text = asked.write(cx.user_agent, reply);
            self.accept(cx, asked, text);
        } else {
            asked.respond(cx, reply);
        }
    }

    /// Takes the T.38 offer with these parameters: the other leg's answer.
    pub fn accept_fax(&mut self, cx: &mut Cx<'_>, parameters: Attributes) -> Done {
        self.decide_fax(cx, Some(parameters))
    }

    /// Takes no T.38: its stream is declined; when the offer has no other, it is refused (S3-24).
    pub fn refuse_fax(&mut self, cx: &mut Cx<'_>) -> Done {
        self.decide_fax(cx, None)
    }

    fn decide_fax(&mut self, cx: &mut Cx<'_>, parameters: Option<Attributes>) -> Done {
        let Some(mut offered) = self.offered.take_if(|offered| offered.fax.is_some()) else {
            return Err(NotNow::NothingPending);
        };
        if let Some((description, _)) = offered.fax.take() {
            self.take_offer(cx, offered, *description, parameters);
        }
        self.settle(cx);
        Ok(())
    }

    /// Until when somebody may decide about T.38.
    pub(super) fn fax_deadline(&self) -> Option<Moment> {
        self.offered.as_ref()?.fax.as_ref().map(|(_, until)| *until)
    }

    /// The transaction of the offer that waits.
    pub(super) fn offered_tx(&self) -> Option<ServerTx> {
        self.offered.as_ref().map(|offered| offered.asked.tx)
    }

    /// The offer that waits is answered with `code`: it was cancelled, or the call ends.
    pub(super) fn close_offered(&mut self, cx: &mut Cx<'_>, code: u16) {
        if let Some(offered) = self.offered.take() {
            offered.asked.respond(cx, Reply::code(code));
            self.media.give_up();
        }
    }
}

fn refuse_offer(cx: &mut Cx<'_>, asked: &Asked, why: &str) {
    let mut lines = Vec::new();
    warning(&mut lines, why);
    asked.respond(cx, Reply::with(488, &lines));
}

/// Warning 399 (RFC 3261 20.43): says what was wrong with a description.
pub(super) fn warning(lines: &mut Vec<u8>, why: &str) {
    let why: String = why.chars().map(|c| if matches!(c, '"' | '\\') { '\'' } else { c }).collect();
    line(lines, Header::Warning, format!("399 jackfield \"{why}\"").as_bytes());
}
