//! Calls that come in: the INVITE, its provisional and final answers, their PRACKs and the ACK (RFC 3261 13.3).

use super::cause::Cause;
use super::check::{self, Unfit};
use super::events::*;
use super::media::Media;
use super::offered::warning;
use super::places::Places;
use super::reply::{ALLOW, Asked, Reply, SDP, line, target_lines};
use super::requests::carry;
use super::target::rewrite;
use super::types::*;
use super::{Session, Stage};
use crate::base::time::Moment;
use crate::sdp::{Direction, Proposal};
use crate::sip::dialog::rel100::Sender;
use crate::sip::dialog::repeat::Accepted;
use crate::sip::dialog::session_timer::Answer;
use crate::sip::dialog::{Dialog, Role};
use crate::sip::flow::Protocol;
use crate::sip::mint;
use crate::sip::wire::{Header, ViaStamp, Writer};
use std::time::Duration;

/// What only the side that was called has, until its final answer.
#[derive(Debug)]
pub(super) struct Callee {
    pub asked: Asked,
    /// Record-Route lines, which dialog-making responses repeat.
    routes: Vec<u8>,
    /// The sender of reliable provisional responses, where they are to be reliable.
    pub reliable: Option<Sender>,
    timer: Answer,
    /// When the INVITE's own Expires is over (RFC 3261 13.3.1).
    pub expires: Option<Moment>,
    /// Streams of an offer of ours that wait for a place, when the INVITE had none.
    pub places: Option<Places>,
    /// The description sent already: an answer stays the same, an offer waits for its answer.
    body: Option<Vec<u8>>,
    /// Our offer was answered by a PRACK, so that the 2xx has no description.
    settled: bool,
    pub ringing: bool,
    /// A 183 with description waits for places.
    pub progress: Option<Vec<u8>>,
    /// The 2xx waits for places or for a PRACK.
    answer: Option<AnswerWith>,
}

impl Session {
    /// Takes an INVITE: 100 goes out, its offer is looked at, places are asked for.
    ///
    /// # Errors
    /// When it must be refused; the response is pushed.
    pub fn incoming(cx: &mut Cx<'_>, incoming: Incoming<'_>) -> Result<Session, Refused> {
        let mut tag = Vec::with_capacity(16);
        mint::tag(cx.shard, cx.rng, &mut tag);
        let Incoming { request, envelope, endpoint, arrival, .. } = &incoming;
        let stamp = ViaStamp { source: arrival.source, force_rport: endpoint.options.force_rport };
        let asked = Asked::new((incoming.tx, incoming.to), request, stamp, &tag, envelope.cseq.number);
        let first = cx.effects.len();
        match Session::admitted(cx, &incoming, &tag, asked.clone()) {
            Ok(session) => {
                let mut text = Vec::with_capacity(512);
                let mut writer = Writer::response(&mut text, request, stamp, (100, ""), None);
                writer.header(Header::Server, cx.user_agent.as_bytes());
                writer.finish();
                let (tx, to) = (incoming.tx, incoming.to);
                cx.effects.insert(first, Effect::Respond { tx, code: 100, to, text });
                Ok(session)
            }
            Err(unfit) => {
                asked.respond(cx, Reply::with(unfit.code, &unfit.lines));
                Err(Refused { code: unfit.code, why: unfit.why.into() })
            }
        }
    }

    fn admitted(
        cx: &mut Cx<'_>,
        incoming: &Incoming<'_>,
        tag: &[u8],
        asked: Asked,
    ) -> Result<Session, Unfit> {
        let Incoming { request, envelope, endpoint, arrival, .. } = incoming;
        let checked = check::invite(request, endpoint)?;
        let over_tls = matches!(arrival.protocol, Protocol::Tls | Protocol::Wss);
        let first_cseq = cx.rng.below(0x7fff) as u32 + 1;
        let mut dialog = Dialog::from_request(request, envelope, tag, over_tls, first_cseq)
            .map_err(|fault| Unfit::new(400, fault.to_string()))?;
        rewrite(&mut dialog, request, arrival, endpoint);
        let mut media = Media::new(incoming.media.clone(), cx.rng.next_u64());
        let (mut places, mut needed) = (None, Vec::new());
        match checked.offer {
            Some(offer) => {
                needed = media.take_offer(offer, None).map_err(|why| {
                    let mut unfit = Unfit::new(488, why.to_string());
                    warning(&mut unfit.lines, &unfit.why);
                    unfit
                })?;
            }
            None => {
                let missing = media.kinds();
                if missing.is_empty() {
                    return Err(Unfit::new(488, "no offer, and the endpoint allows no codec"));
                }
                needed.clone_from(&missing);
                places = Some(Places { missing, found: Vec::new() });
            }
        }
        let mut routes = Vec::new();
        for value in request.values(Header::RecordRoute) {
            line(&mut routes, Header::RecordRoute, value);
        }
        let callee = Callee {
            reliable: checked.reliable.then(|| Sender::new(asked.cseq, cx.rng.next_u64())),
            asked,
            routes,
            timer: checked.timer,
            expires: request
                .number(Header::Expires)
                .flatten()
                .map(|secs| cx.now.at + Duration::from_secs(u64::from(secs))),
            places,
            body: None,
            settled: false,
            ringing: false,
            progress: None,
            answer: None,
        };
        let mut session = Session::new(Role::Uas, endpoint.clone(), incoming.contact.clone(), media);
        session.invite = request.bytes().into();
        session.peer.note(request);
        // Whom the INVITE names is known to whoever routes it; only a change of it is told.
        session.peer.identity(request, endpoint);
        let id = dialog.id().clone();
        session.enter(cx, id);
        session.dialog = Some(dialog);
        session.stage = Stage::Incoming(Box::new(callee));
        if !needed.is_empty() {
            cx.events.push(Event::PortsNeeded { streams: needed });
        }
        Ok(session)
    }

    /// Says that the call proceeds. 100 went out when the INVITE came and is repeated by its transaction, so there is
    /// nothing to send.
    pub fn trying(&mut self, _cx: &mut Cx<'_>) -> Done {
        self.callee().map(|_| ())
    }

    /// Says that it rings.
    pub fn ring(&mut self, cx: &mut Cx<'_>, with: RingWith, extra: &[u8]) -> Done {
        match with {
            RingWith::Plain180 => self.provisional(cx, 180, extra),
            RingWith::Progress183 => self.progress(cx, extra),
        }
    }

    /// Sends 183 with our description, so that early media can flow; waits for places where they are missing.
    pub fn progress(&mut self, cx: &mut Cx<'_>, extra: &[u8]) -> Done {
        self.provisional(cx, 183, extra)
    }

    /// Says that the call is being forwarded.
    pub fn forwarded(&mut self, cx: &mut Cx<'_>, extra: &[u8]) -> Done {
        self.provisional(cx, 181, extra)
    }

    fn provisional(&mut self, cx: &mut Cx<'_>, code: u16, extra: &[u8]) -> Done {
        let waits = self.media.waits_for_places();
        let callee = self.callee()?;
        callee.ringing |= code != 181;
        if code == 183 && (waits || callee.waits_for_places()) {
            callee.progress = Some(extra.to_vec());
            return Ok(());
        }
        let body = if code == 183 { self.first_body(cx) } else { Ok(None) };
        let done = body.map(|body| self.send_provisional(cx, code, extra, body));
        self.settle(cx);
        done
    }

    /// The description of a 183: our answer, or our offer where it can be answered (a reliable response).
    pub(super) fn first_body(&mut self, cx: &mut Cx<'_>) -> Result<Option<Vec<u8>>, NotNow> {
        let Stage::Incoming(callee) = &self.stage else { return Err(NotNow::Over) };
        // What a PRACK acknowledges, or acknowledged, is not said twice (RFC 6337 3.1).
        if callee.settled || (callee.body.is_some() && callee.reliable.is_some()) {
            return Ok(None);
        }
        if callee.body.is_some() {
            return Ok(callee.body.clone());
        }
        let offerless = callee.places.is_some();
        if offerless && callee.reliable.is_none() {
            return Ok(None);
        }
        match self.describe(cx) {
            Some(body) => Ok(Some(body)),
            None => Err(NotNow::Over),
        }
    }

    /// Makes our first description. `None`: it cannot be made, and the call is refused.
    fn describe(&mut self, cx: &mut Cx<'_>) -> Option<Vec<u8>> {
        let Stage::Incoming(callee) = &mut self.stage else { return None };
        let body = match &mut callee.places {
            Some(places) => {
                let proposals = self.media.first_proposals(std::mem::take(&mut places.found));
                if proposals.iter().all(|proposal| matches!(proposal, Proposal::Removed { .. })) {
                    self.refuse_unmade(cx, 500);
                    return None;
                }
                self.media.write_offer(proposals, Direction::SendRecv)
            }
            None => match self.media.write_answer() {
                Ok((body, _)) => body,
                Err(_) => {
                    self.refuse_unmade(cx, 488);
                    return None;
                }
            },
        };
        callee.body = Some(body.clone());
        Some(body)
    }

    /// The call cannot be taken, for want of media.
    pub(super) fn refuse_unmade(&mut self, cx: &mut Cx<'_>, code: u16) {
        if let Stage::Incoming(callee) = &self.stage {
            callee.asked.respond(cx, Reply::with(code, &self.reason_lines(Cause::of_status(code))));
        }
        self.fail(cx, code, "", None);
    }

    pub(super) fn send_provisional(
        &mut self,
        cx: &mut Cx<'_>,
        code: u16,
        extra: &[u8],
        body: Option<Vec<u8>>,
    ) {
        let Stage::Incoming(callee) = &mut self.stage else { return };
        let mut lines = callee.routes.clone();
        line(&mut lines, Header::Contact, self.contact.as_bytes());
        line(&mut lines, Header::Allow, ALLOW.as_bytes());
        let rseq = callee.reliable.as_ref().map(Sender::next_rseq);
        if let Some(rseq) = rseq {
            line(&mut lines, Header::Require, b"100rel");
            line(&mut lines, Header::RSeq, rseq.to_string().as_bytes());
        }
        lines.extend_from_slice(extra);
        let body = body.as_deref().map(|body| (SDP, body));
        let text = callee.asked.write(cx.user_agent, Reply { code, reason: "", lines: &lines, body });
        let (tx, to) = (callee.asked.tx, callee.asked.to);
        match &mut callee.reliable {
            // When too many wait already it is left out: each says less than the next.
            Some(sender) => {
                let (now, timers, described) = (cx.now.at, cx.timers, body.is_some());
                carry(cx, |out| sender.send(now, to, &text, described, &timers, out));
            }
            None => cx.effects.push(Effect::Respond { tx, code, to, text }),
        }
    }

    /// Answers with 200; waits for places, and for the PRACK of a description sent before.
    pub fn answer(&mut self, cx: &mut Cx<'_>, with: AnswerWith) -> Done {
        let callee = self.callee()?;
        if callee.body.is_none() && with.only.is_some() {
            self.media.set_only(with.only.clone());
        }
        self.callee()?.answer = Some(with);
        self.try_answer(cx);
        self.settle(cx);
        Ok(())
    }

    /// Sends the 200 that is wanted, when nothing stands in its way.
    pub(super) fn try_answer(&mut self, cx: &mut Cx<'_>) {
        let waits = self.media.waits_for_places();
        let Stage::Incoming(callee) = &mut self.stage else { return };
        let held = callee.reliable.as_ref().is_some_and(Sender::holds_2xx);
        if callee.answer.is_none() || waits || held || callee.waits_for_places() {
            return;
        }
        if callee.body.is_none() && !callee.settled && self.describe(cx).is_none() {
            return;
        }
        let Stage::Incoming(mut callee) = std::mem::replace(&mut self.stage, Stage::Up) else { return };
        if let Some(sender) = &mut callee.reliable {
            sender.stop();
        }
        let mut lines = std::mem::take(&mut callee.routes);
        target_lines(cx, &mut lines, &self.endpoint, &self.contact);
        if let Answer::Timer { header, require, timer } = callee.timer {
            line(&mut lines, Header::SessionExpires, header.to_string().as_bytes());
            if require {
                line(&mut lines, Header::Require, b"timer");
            }
            self.set_timer(cx.now.at, Some(timer));
        }
        lines.extend_from_slice(&callee.answer.take().unwrap_or_default().extra);
        let body = callee.body.as_deref().filter(|_| !callee.settled).map(|body| (SDP, body));
        let text = callee.asked.write(cx.user_agent, Reply { code: 200, reason: "", lines: &lines, body });
        self.accept(cx, &callee.asked, text);
        if let Some(dialog) = &mut self.dialog {
            dialog.confirm(None);
        }
    }

    /// Sends a 2xx to an INVITE, and repeats it until its ACK.
    pub(super) fn accept(&mut self, cx: &mut Cx<'_>, asked: &Asked, text: Vec<u8>) {
        self.accepted = Some(Accepted::new(cx.now.at, asked.cseq, asked.to, &text, &cx.timers));
        cx.effects.push(Effect::Respond { tx: asked.tx, code: 200, to: asked.to, text });
    }

    /// Refuses the call. `cause` is what Reason says; else that of the code. An empty phrase takes the RFC's.
    pub fn reject(
        &mut self,
        cx: &mut Cx<'_>,
        code: u16,
        reason: &str,
        cause: Option<Cause>,
        extra: &[u8],
    ) -> Done {
        let Stage::Incoming(callee) = &self.stage else { return self.callee().map(|_| ()) };
        let code = code.clamp(300, 699);
        let mut lines = Vec::new();
        line(&mut lines, Header::Allow, ALLOW.as_bytes());
        lines.extend_from_slice(&self.reason_lines(cause.unwrap_or(Cause::of_status(code))));
        lines.extend_from_slice(extra);
        callee.asked.respond(cx, Reply { code, reason, lines: &lines, body: None });
        self.over(cx);
        self.settle(cx);
        Ok(())
    }

    /// Sends the caller elsewhere: 302 with that Contact value.
    pub fn redirect(&mut self, cx: &mut Cx<'_>, contact: &[u8], extra: &[u8]) -> Done {
        let mut lines = Vec::new();
        line(&mut lines, Header::Contact, contact);
        lines.extend_from_slice(extra);
        self.reject(cx, 302, "", None, &lines)
    }

    fn callee(&mut self) -> Result<&mut Callee, NotNow> {
        match &mut self.stage {
            Stage::Incoming(callee) if callee.answer.is_some() => Err(NotNow::Answered),
            Stage::Incoming(callee) => Ok(callee),
            Stage::Up => Err(NotNow::Answered),
            Stage::Calling | Stage::Early { .. } => Err(NotNow::NotIncoming),
            Stage::Ending(_) | Stage::Ended => Err(NotNow::Over),
        }
    }
}

impl Callee {
    /// Another exchange followed the first one, so that the 2xx has no description.
    pub fn settle(&mut self) {
        self.settled = true;
    }

    /// Whether an exchange is complete before the answer, so that UPDATE may start another.
    pub fn may_update(&self) -> bool {
        self.answer.is_none()
            && self.reliable.as_ref().is_some_and(|sender| self.body.is_some() && !sender.holds_2xx())
    }

    pub fn waits_for_places(&self) -> bool {
        self.places.as_ref().is_some_and(|places| !places.missing.is_empty())
    }
}
