//! Transfers: REFER and the NOTIFYs that tell how it goes (RFC 3515, RFC 4488), both roles.

use super::events::*;
use super::reply::{Asked, Reply, line, target_lines};
use super::requests::{Draft, Purpose};
use super::types::*;
use super::{Session, Stage};
use crate::sip::method::Method;
use crate::sip::status::reason_phrase;
use crate::sip::wire::{Header, Message, NameAddr};

/// A transfer the peer asks for, to be answered with [`Session::answer_refer`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refer {
    /// The URI of Refer-To, its headers included.
    pub target: Box<[u8]>,
    /// The whole value of Refer-To (`SIPREFERTOHDR`).
    pub refer_to: Box<[u8]>,
    /// Refer-To's `Replaces` header, escapes decoded: an attended transfer.
    pub replaces: Option<Box<[u8]>>,
    /// Referred-By.
    pub referred_by: Option<Box<[u8]>>,
    /// Whether NOTIFYs are wanted; `Refer-Sub: false` wants the final code in the answer.
    pub subscribes: bool,
    /// The whole REFER, for `GET_TRANSFERRER_DATA` and vendor headers.
    pub text: Box<[u8]>,
}

/// What a session remembers of transfers.
#[derive(Debug, Default)]
pub(super) struct Transfers {
    /// A REFER that waits for its answer.
    asked: Option<(Asked, bool)>,
    /// We tell the peer how its transfer goes; with the `id` of its Event, from the second one on.
    notifies: Option<Option<u32>>,
    /// REFERs that made a subscription.
    count: u32,
    /// We asked for a transfer and are told how it goes.
    listens: bool,
    /// A NOTIFY has no answer yet; what is to be said then, of which only the latest counts.
    busy: bool,
    next: Option<(u16, String, bool)>,
}

/// Seconds a transfer may take.
const EXPIRES_SECS: u32 = 600;

impl Session {
    pub(super) fn hear_refer(&mut self, cx: &mut Cx<'_>, request: &InDialog<'_>, asked: &Asked) {
        let refuse = |cx: &mut Cx<'_>, code| asked.respond(cx, Reply::code(code));
        if !self.endpoint.options.allow_transfer {
            return refuse(cx, 603);
        }
        if let Err(unfit) = super::check::required(request.message) {
            return asked.respond(cx, Reply::with(unfit.code, &unfit.lines));
        }
        if self.transfers.asked.is_some() {
            return refuse(cx, 491);
        }
        let Some(refer) = read(request.message) else { return refuse(cx, 400) };
        self.transfers.asked = Some((asked.clone(), refer.subscribes));
        cx.events.push(Event::Refer(refer));
    }

    /// Answers the REFER of [`Event::Refer`]. 202 starts the NOTIFYs, see [`Session::notify_sipfrag`]; with
    /// `Refer-Sub: false` the final code goes here.
    pub fn answer_refer(&mut self, cx: &mut Cx<'_>, code: u16) -> Done {
        let Some((asked, subscribes)) = self.transfers.asked.take() else {
            return Err(NotNow::NothingPending);
        };
        let mut lines = Vec::new();
        if (200..300).contains(&code) {
            if subscribes {
                line(&mut lines, Header::Expires, EXPIRES_SECS.to_string().as_bytes());
                self.transfers.notifies = Some((self.transfers.count > 0).then_some(asked.cseq));
                self.transfers.count += 1;
            } else {
                lines.extend_from_slice(b"Refer-Sub: false\r\n");
            }
            target_lines(cx, &mut lines, &self.endpoint, &self.contact);
        }
        asked.respond(cx, Reply::with(code, &lines));
        self.settle(cx);
        Ok(())
    }

    /// Tells the peer how its transfer goes. A final code, or `last`, ends the telling.
    pub fn notify_sipfrag(&mut self, cx: &mut Cx<'_>, code: u16, reason: &str, last: bool) -> Done {
        let Some(id) = self.transfers.notifies else { return Err(NotNow::NothingPending) };
        if self.is_ending() {
            return Err(NotNow::Over);
        }
        let reason = if reason.is_empty() { reason_phrase(code) } else { reason };
        let reason: String = reason.chars().filter(|c| !c.is_control()).collect();
        if self.transfers.busy {
            self.transfers.next = Some((code, reason, last));
            return Ok(());
        }
        let body = format!("SIP/2.0 {code} {reason}\r\n");
        let mut draft = Draft::with_body(Method::Notify, "message/sipfrag;version=2.0", body.as_bytes());
        let event = id.map_or("refer".into(), |id| format!("refer;id={id}"));
        line(&mut draft.lines, Header::Event, event.as_bytes());
        let over = last || code >= 200;
        let state = if over {
            "terminated;reason=noresource".into()
        } else {
            format!("active;expires={}", EXPIRES_SECS - 1)
        };
        line(&mut draft.lines, Header::SubscriptionState, state.as_bytes());
        line(&mut draft.lines, Header::AllowEvents, b"message-summary, presence, dialog, refer");
        if over {
            self.transfers.notifies = None;
        }
        self.send_in_call(cx, draft, Purpose::Notify).ok_or(NotNow::NoDialog)?;
        self.transfers.busy = true;
        Ok(())
    }

    /// A NOTIFY of ours was answered: the next one follows. A peer that does not know the subscription is told nothing
    /// more.
    pub(super) fn notify_final(&mut self, cx: &mut Cx<'_>, code: u16) {
        self.transfers.busy = false;
        if matches!(code, 481 | 489) {
            self.transfers.notifies = None;
        }
        if let Some((code, reason, last)) = self.transfers.next.take() {
            // The call may be over by now; then nobody waits for it.
            let _ = self.notify_sipfrag(cx, code, &reason, last);
        }
        // Also when the peer knows of no subscription: nothing more will be told.
        if self.transfers.notifies.is_none() && !self.transfers.busy {
            cx.events.push(Event::TransferTold);
        }
    }

    /// Asks the peer to go to `refer_to` (a whole value, Replaces and all). [`Event::ReferProgress`] tells how it goes.
    pub fn refer(&mut self, cx: &mut Cx<'_>, refer_to: &[u8], referred_by: &[u8], extra: &[u8]) -> Done {
        match &self.stage {
            Stage::Up => {}
            Stage::Ending(_) | Stage::Ended => return Err(NotNow::Over),
            _ => return Err(NotNow::NotAnswered),
        }
        let mut draft = Draft::new(Method::Refer);
        line(&mut draft.lines, Header::ReferTo, refer_to);
        if !referred_by.is_empty() {
            line(&mut draft.lines, Header::ReferredBy, referred_by);
        }
        draft.lines.extend_from_slice(extra);
        self.send_in_call(cx, draft, Purpose::Refer).ok_or(NotNow::NoDialog)?;
        self.transfers.listens = true;
        Ok(())
    }

    /// The REFER of ours has its answer.
    pub(super) fn refer_final(&mut self, cx: &mut Cx<'_>, code: u16, response: Option<&Message<'_>>) {
        let unsubscribed = response.is_some_and(|response| {
            response.other(b"Refer-Sub").any(|value| value.eq_ignore_ascii_case(b"false"))
        });
        let over = code >= 300 || unsubscribed;
        if over {
            self.transfers.listens = false;
            cx.events.push(Event::ReferProgress { code: if code < 300 { 200 } else { code }, over });
        }
    }

    pub(super) fn hear_notify(&mut self, cx: &mut Cx<'_>, request: &InDialog<'_>, asked: &Asked) {
        let message = request.message;
        if !is_refer_event(message) || !self.transfers.listens {
            return asked.respond(cx, Reply::code(481));
        }
        asked.respond(cx, Reply::code(200));
        let state = message.header(Header::SubscriptionState).unwrap_or_default();
        let ended = state.get(..10).is_some_and(|word| word.eq_ignore_ascii_case(b"terminated"));
        let content_type = message.header(Header::ContentType).unwrap_or_default();
        let code = Session::is_sipfrag(content_type).then(|| status_of(message.body())).flatten();
        let over = ended || code.is_some_and(|code| code >= 200);
        if over {
            self.transfers.listens = false;
        }
        // One that ends without a word says nothing about success.
        if let Some(code) = code.or(over.then_some(500)) {
            cx.events.push(Event::ReferProgress { code, over });
        }
    }
}

/// Whether an Event header names the refer package.
pub(super) fn is_refer_event(message: &Message<'_>) -> bool {
    let event = message.header(Header::Event).unwrap_or_default();
    let end = memchr::memchr(b';', event).unwrap_or(event.len());
    event[..end].trim_ascii().eq_ignore_ascii_case(b"refer")
}

/// `SIP/2.0 180 Ringing` → 180.
fn status_of(sipfrag: &[u8]) -> Option<u16> {
    let mut words = sipfrag.split(|b| b.is_ascii_whitespace());
    let version = words.next()?;
    let code = crate::sip::wire::text::number(words.next()?)?;
    let code = u16::try_from(code).ok().filter(|code| (100..700).contains(code));
    code.filter(|_| version.eq_ignore_ascii_case(b"SIP/2.0"))
}

/// `None` when there is no Refer-To to a SIP URI.
fn read(message: &Message<'_>) -> Option<Refer> {
    let value = message.header(Header::ReferTo)?;
    let address = NameAddr::parse(value).ok()?;
    let uri = address.uri().ok().filter(|uri| uri.is_sip())?;
    let replaces = uri.headers.split(|b| *b == b'&').find_map(|header| {
        let equals = memchr::memchr(b'=', header)?;
        let (name, value) = (&header[..equals], &header[equals + 1..]);
        name.eq_ignore_ascii_case(b"Replaces")
            .then(|| crate::sip::wire::text::percent_decode(value).into_boxed_slice())
    });
    let unsubscribed = message.other(b"Refer-Sub").any(|value| value.eq_ignore_ascii_case(b"false"));
    Some(Refer {
        target: address.uri_text.into(),
        refer_to: value.into(),
        replaces,
        referred_by: message.header(Header::ReferredBy).map(Into::into),
        subscribes: !unsubscribed,
        text: message.bytes().into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::wire::Index;

    #[test]
    fn a_refer_to_is_taken_apart() {
        let refer = |lines: &str| {
            let text = format!("REFER sip:x SIP/2.0\r\n{lines}\r\n");
            let mut index = Index::default();
            read(&index.scan(text.as_bytes()).expect("sound"))
        };
        let attended = refer(
            "Refer-To: \"B\" <sip:b@h?Replaces=c1%40h%3Bto-tag%3Dt%3Bfrom-tag%3Df&x=y>\r\nReferred-By: <sip:a@h>\r\n",
        )
        .expect("reads");
        assert_eq!(attended.replaces.as_deref(), Some(&b"c1@h;to-tag=t;from-tag=f"[..]));
        assert_eq!(attended.referred_by.as_deref(), Some(&b"<sip:a@h>"[..]));
        assert!(attended.subscribes);
        let blind = refer("Refer-To: sip:613@h\r\nRefer-Sub: False\r\n").expect("reads");
        assert_eq!((&*blind.target, blind.replaces, blind.subscribes), (&b"sip:613@h"[..], None, false));
        assert_eq!(refer("Refer-To: <tel:1>\r\n"), None);
        assert_eq!(refer("Refer-To: <<\r\n"), None);
        assert_eq!(refer(""), None);
        assert_eq!(status_of(b"SIP/2.0 200 OK"), Some(200));
        assert_eq!(
            (status_of(b"SIP/2.0 99 X"), status_of(b"HTTP/1.1 200 OK"), status_of(b"")),
            (None, None, None)
        );
    }
}
