//! Calls we make: the INVITE, its forks, its answers (RFC 3261 13.2).

use super::auth;
use super::cause::Cause;
use super::check;
use super::events::*;
use super::media::Media;
use super::reply::{ALLOW, SDP, supported};
use super::requests::{Draft, Purpose, Request};
use super::types::*;
use super::{Session, Stage};
use crate::base::time::Moment;
use crate::config::model::endpoint_words::{RedirectMethod, Rel100};
use crate::sdp::Direction;
use crate::sip::answers::{Answers, Subject};
use crate::sip::dialog::rel100::Receiver;
use crate::sip::dialog::session_timer::{self, Proposal};
use crate::sip::dialog::{Forks, Role};
use crate::sip::flow::Arrival;
use crate::sip::method::Method;
use crate::sip::mint;
use crate::sip::status::reason_phrase;
use crate::sip::transaction::Target;
use crate::sip::wire::{Contact, Envelope, Header, Message, Start, Writer};

/// What only the calling side has.
#[derive(Debug)]
pub(super) struct Caller {
    uri: Box<[u8]>,
    routes: Vec<Box<[u8]>>,
    /// With our tag.
    from: Vec<u8>,
    to: Box<[u8]>,
    call_id: Vec<u8>,
    pub targets: Vec<Target>,
    pub forks: Forks,
    /// The INVITE on its way.
    invite: RequestId,
    pub cseq: u32,
    pub proposal: Option<Proposal>,
    /// Authorization lines of the INVITE, which its ACK repeats (RFC 3261 22.1).
    pub credentials: Vec<u8>,
    pub receivers: Vec<(Box<[u8]>, Receiver)>,
    /// The early dialog heard last.
    pub last_tag: Option<Box<[u8]>>,
    /// Whose description is in force.
    pub described_by: Option<Box<[u8]>>,
    /// It came reliably, so that UPDATE may change it before the answer.
    pub reliable: bool,
    redirects: u8,
    /// When no further fork can answer.
    pub lingers: Option<Moment>,
    secure: bool,
    path: bool,
}

/// Redirections followed by one call (`redirect_method=uri_pjsip`).
const REDIRECTS: u8 = 5;

impl Session {
    /// The Call-ID of a call we make; empty for one that came in.
    pub fn own_call_id(&self) -> &[u8] {
        self.caller.as_ref().map_or(&[], |caller| &caller.call_id)
    }

    /// Calls.
    pub fn outgoing(cx: &mut Cx<'_>, outgoing: Outgoing) -> Session {
        let mut from = outgoing.from.to_vec();
        from.extend_from_slice(b";tag=");
        mint::tag(cx.shard, cx.rng, &mut from);
        let mut call_id = Vec::with_capacity(36);
        mint::call_id(cx.rng, &mut call_id);
        let empty = outgoing.proposals.is_empty();
        let mut media = Media::new(outgoing.media, cx.rng.next_u64());
        let body = media.write_first_offer(outgoing.proposals, Direction::SendRecv);
        let cseq = cx.rng.below(0x7fff) as u32 + 1;
        let caller = Caller {
            forks: Forks::new(&outgoing.request_uri, outgoing.secure),
            uri: outgoing.request_uri,
            routes: outgoing.routes,
            from,
            to: outgoing.to,
            call_id,
            targets: outgoing.targets,
            invite: RequestId(0),
            cseq: cseq - 1,
            proposal: session_timer::propose(&check::wish(&outgoing.endpoint), None),
            credentials: Vec::new(),
            receivers: Vec::new(),
            last_tag: None,
            described_by: None,
            reliable: false,
            redirects: 0,
            lingers: None,
            secure: outgoing.secure,
            path: outgoing.path,
        };
        let mut session = Session::new(Role::Uac, outgoing.endpoint, outgoing.contact, media);
        session.stage = Stage::Calling;
        session.auths = outgoing.auths;
        session.caller = Some(Box::new(caller));
        let mut draft = Draft::with_body(Method::Invite, SDP, &body);
        draft.lines = outgoing.extra;
        if empty {
            session.fail(cx, 500, "No stream to offer", None);
            session.settle(cx);
        } else {
            session.send_invite(cx, draft, Answers::default(), Hop::First);
        }
        session
    }

    /// Sends the INVITE: the first time, with credentials, with another session interval, to another target.
    fn send_invite(&mut self, cx: &mut Cx<'_>, draft: Draft, tries: Answers, hop: Hop) {
        let id = self.next_id();
        let Some(caller) = &mut self.caller else { return };
        caller.invite = id;
        caller.cseq += 1;
        let mut text = Vec::with_capacity(1500);
        let mut writer = Writer::request(&mut text, b"INVITE", &caller.uri);
        for route in &caller.routes {
            writer.header(Header::Route, route);
        }
        writer
            .header(Header::From, &caller.from)
            .header(Header::To, &caller.to)
            .header(Header::CallId, &caller.call_id)
            .header(Header::CSeq, format!("{} INVITE", caller.cseq).as_bytes())
            .header(Header::Allow, ALLOW.as_bytes())
            .pieces(
                Header::Supported,
                &[
                    supported(&self.endpoint, cx.norefersub).as_bytes(),
                    if caller.path { b", histinfo, path" as &[u8] } else { b", histinfo" },
                ],
            );
        if let Some(proposal) = &caller.proposal {
            writer.header(Header::SessionExpires, proposal.header.to_string().as_bytes());
            writer.number(Header::MinSe, u64::from(proposal.min_secs));
        }
        let timer = caller.proposal.is_some_and(|proposal| proposal.require);
        match (self.endpoint.options.rel100 == Rel100::Required, timer) {
            (true, true) => writer.header(Header::Require, b"100rel, timer"),
            (true, false) => writer.header(Header::Require, b"100rel"),
            (false, true) => writer.header(Header::Require, b"timer"),
            (false, false) => &mut writer,
        };
        writer.number(Header::MaxForwards, cx.max_forwards.into());
        draft.finish(writer, &caller.credentials, cx.user_agent);
        let (cseq, receiver) = (caller.cseq, Receiver::default());
        cx.effects.push(Effect::Request { id, text, hop });
        let (tag, credentials) = (Box::default(), Vec::new());
        let purpose = Purpose::Invite;
        self.requests.push(Request {
            id,
            cseq,
            purpose,
            draft,
            tag,
            tries,
            credentials,
            receiver,
            until: None,
        });
    }

    /// 401 or 407 to the INVITE.
    pub(super) fn authenticate_invite(
        &mut self,
        cx: &mut Cx<'_>,
        mut request: Request,
        message: &Message<'_>,
    ) -> Option<Request> {
        if !matches!(self.stage, Stage::Calling | Stage::Early { .. }) {
            return Some(request);
        }
        let Some(caller) = &mut self.caller else { return Some(request) };
        let subject = Subject { method: b"INVITE", uri: &caller.uri, body: &request.draft.body };
        let Some(lines) = auth::answer(&mut request.tries, &self.auths, message, subject, cx.rng) else {
            return Some(request);
        };
        caller.credentials = lines;
        let hop = caller.hop();
        self.send_invite(cx, request.draft, request.tries, hop);
        None
    }

    /// The INVITE has its final response.
    pub(super) fn invite_final(
        &mut self,
        cx: &mut Cx<'_>,
        request: Request,
        message: &Message<'_>,
        envelope: &Envelope<'_>,
        arrival: &Arrival,
    ) {
        let code = message.status().unwrap_or(0);
        if code < 300 {
            return self.success(cx, message, envelope, arrival);
        }
        if self.is_ending() {
            return;
        }
        let Some(caller) = &mut self.caller else { return };
        if code == 422
            && let Some(next) =
                caller.proposal.and_then(|before| session_timer::propose_after_422(&before, message))
        {
            caller.proposal = Some(next);
            let hop = caller.hop();
            return self.send_invite(cx, request.draft, request.tries, hop);
        }
        if code < 400 {
            return self.redirected(cx, code, request, message);
        }
        let reason = match message.start() {
            Start::Response { reason, .. } => String::from_utf8_lossy(reason).into_owned(),
            Start::Request { .. } => String::new(),
        };
        self.fail(cx, code, &reason, Cause::of_reason(message));
    }

    fn redirected(&mut self, cx: &mut Cx<'_>, code: u16, request: Request, message: &Message<'_>) {
        let contacts: Vec<Box<[u8]>> = message
            .contacts()
            .filter_map(|contact| match contact {
                Ok(Contact::Address(address)) => Some(address.uri_text.into()),
                _ => None,
            })
            .collect();
        let Some(caller) = &mut self.caller else { return };
        let first = contacts.first().filter(|uri| {
            crate::sip::wire::Uri::parse(uri).is_ok_and(|uri| uri.is_sip()) && ***uri != *caller.uri
        });
        let follow = self.endpoint.options.redirect_method == RedirectMethod::UriPjsip;
        match first.cloned() {
            Some(uri) if follow && caller.redirects < REDIRECTS => {
                caller.redirects += 1;
                caller.forks = Forks::new(&uri, caller.secure);
                caller.uri = uri;
                caller.routes.clear();
                // They are for who asked for them, not for whom he names.
                caller.credentials.clear();
                let hop = caller.hop();
                self.send_invite(cx, request.draft, Answers::default(), hop);
            }
            Some(_) if !follow => {
                let diversion = message.values(Header::Diversion).map(Into::into).collect();
                cx.events.push(Event::Redirected { code, contacts, diversion });
                self.over(cx);
            }
            _ => self.fail(cx, code, reason_phrase(code), Cause::of_reason(message)),
        }
    }

    /// The INVITE got no final response.
    pub(super) fn invite_failed(&mut self, cx: &mut Cx<'_>, code: u16, failure: &Failure) {
        if self.is_ending() {
            return;
        }
        match failure {
            Failure::NoWay(why) => self.fail(cx, code, why, Some(Cause::NO_ROUTE)),
            _ => self.fail(cx, code, reason_phrase(code), None),
        }
    }

    /// The call never came to be.
    pub(super) fn fail(&mut self, cx: &mut Cx<'_>, code: u16, reason: &str, cause: Option<Cause>) {
        let cause = cause.unwrap_or(Cause::of_status(code));
        cx.events.push(Event::Failed { code, reason: reason.into(), cause });
        self.over(cx);
    }

    /// Whether the INVITE went on to where a 3xx said.
    pub fn is_redirected(&self) -> bool {
        self.caller.as_ref().is_some_and(|caller| caller.redirects > 0)
    }

    /// The INVITE on its way, to be cancelled.
    pub(super) fn invite_id(&self) -> Option<RequestId> {
        let id = self.caller.as_ref()?.invite;
        self.requests.iter().any(|request| request.id == id).then_some(id)
    }
}

impl Caller {
    fn hop(&self) -> Hop {
        if self.redirects == 0 { Hop::First } else { Hop::Uri(self.uri.clone()) }
    }

    /// Whether a description of that fork counts before the call is answered.
    pub fn may_describe(&self, tag: &[u8], endpoint: &crate::config::model::Endpoint, cx: &Cx<'_>) -> bool {
        let options = &endpoint.options;
        match &self.described_by {
            None => true,
            Some(by) if **by == *tag => {
                !self.reliable && options.accept_multiple_sdp_answers && cx.accept_multiple_sdp_answers
            }
            Some(_) => options.follow_early_media_fork && cx.follow_early_media_fork,
        }
    }
}
