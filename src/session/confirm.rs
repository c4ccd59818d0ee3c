//! What the peer acknowledges: reliable provisional responses by PRACK (RFC 3262), a 2xx by ACK.

use super::cause::Cause;
use super::check;
use super::events::{By, Event};
use super::forks::description_of;
use super::reply::{Asked, Reply};
use super::requests::carry;
use super::types::*;
use super::{Session, Stage};
use crate::sdp::Description;
use crate::sip::dialog::rel100::{Pracked, RAck};
use crate::sip::wire::{Header, Message};

impl Session {
    /// PRACK of a reliable provisional response. `None`: of none that is on its way.
    pub(super) fn hear_prack(&mut self, cx: &mut Cx<'_>, request: &InDialog<'_>) {
        let Some(asked) = Asked::of(request, &self.endpoint) else { return };
        let rack = request.message.header(Header::Rack).and_then(RAck::parse);
        let (now, timers) = (cx.now.at, cx.timers);
        let matched = match (&mut self.stage, rack) {
            (Stage::Incoming(callee), Some(rack)) => callee.reliable.as_mut().is_some_and(|sender| {
                carry(cx, |out| sender.prack(now, rack, &timers, out)) == Pracked::Matched
            }),
            _ => false,
        };
        if !matched {
            let reason = if rack.is_none() { "Bad RAck header" } else { "" };
            let code = if rack.is_none() { 400 } else { 481 };
            return asked.respond(cx, Reply { code, reason, ..Reply::default() });
        }
        match check::description(request.message, &self.endpoint) {
            Err(unfit) => asked.respond(cx, Reply::with(unfit.code, &unfit.lines)),
            Ok(None) => asked.respond(cx, Reply::code(200)),
            Ok(Some(description)) => self.describe_by_prack(cx, asked, description),
        }
        self.try_answer(cx);
    }

    /// A PRACK with a description: the answer to our offer, or an offer of its own (RFC 3262 5).
    fn describe_by_prack(&mut self, cx: &mut Cx<'_>, asked: Asked, description: Description) {
        if !self.media.awaits_answer() {
            return self.hear_offer(cx, asked, description, None);
        }
        match self.media.take_answer(&description) {
            Ok(_) => {
                asked.respond(cx, Reply::code(200));
                if let Stage::Incoming(callee) = &mut self.stage {
                    callee.settle();
                }
            }
            Err(_) => {
                asked.respond(cx, Reply::code(488));
                self.refuse_unmade(cx, 488);
            }
        }
    }

    /// ACK of a 2xx.
    pub(super) fn hear_ack(&mut self, cx: &mut Cx<'_>, message: &Message<'_>, cseq: u32) {
        if !self.accepted.as_ref().is_some_and(|accepted| accepted.is_acknowledged_by(cseq)) {
            return;
        }
        self.accepted = None;
        let offered = self.media.awaits_answer();
        let first = !std::mem::replace(&mut self.established, true);
        if offered && !self.is_ending() {
            let answer = description_of(message).and_then(Result::ok);
            match answer.map(|answer| self.media.take_answer(&answer)) {
                Some(Ok(change)) => {
                    if !first && change.is_change() {
                        cx.events.push(Event::Media(change));
                    }
                }
                // The first one leaves nothing to talk with; a later one leaves what was (S3-42).
                _ if first => return self.lose(cx, Cause::NO_MEDIA, By::NoMedia),
                _ => self.media.give_up(),
            }
        }
        if first && !self.is_ending() {
            cx.events.push(Event::Acknowledged);
        }
    }

    /// The ACK of our first 2xx came, or something that shows that the 2xx arrived.
    pub(super) fn establish(&mut self, cx: &mut Cx<'_>) {
        if !std::mem::replace(&mut self.established, true) && !self.is_ending() {
            cx.events.push(Event::Acknowledged);
        }
    }
}
