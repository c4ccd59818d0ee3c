//! Requests inside dialogs, ACK and CANCEL, and the responses to our own requests, to the sessions they belong to.

use super::channel::ChannelId;
use crate::base::time::Now;
use crate::session::{Failure, InDialog, RequestId};
use crate::sip::dialog::DialogKey;
use crate::sip::flow::Arrival;
use crate::sip::method::Method;
use crate::sip::nat;
use crate::sip::transaction::{Received, ServerTx};
use crate::sip::wire::{Message, Writer};
use crate::switch::Switch;
use crate::switch::inbound::Inbound;
use crate::switch::io::Actions;
use crate::switch::requests::Owner;

impl Switch {
    /// A request with a To tag: 481 when it is in no dialog of ours.
    pub(in crate::switch) fn in_dialog(&mut self, now: Now, mut inbound: Inbound<'_>, out: &mut Actions) {
        if let Some(id) = self.subscription_of(&inbound) {
            return self.in_subscription(now, id, inbound, out);
        }
        let Some(id) = self.dialog_of(&inbound) else { return self.refuse(&inbound, (481, ""), out) };
        if let Some(channel) = self.calls.channels.get(&id) {
            inbound.force_rport = channel.endpoint.options.force_rport;
        }
        let before = out.outbox.len();
        let received =
            self.transactions.servers.receive(now.at, &inbound.message, &inbound.envelope, &mut out.outbox);
        self.told_since(before, out);
        match received {
            Received::New(tx) => self.hand_over(now, id, &inbound, Some(tx), out),
            Received::Merged => self.refuse(&inbound, (482, ""), out),
            Received::Full => self.overloaded(&inbound, out),
            Received::Retransmission { .. }
            | Received::Cancel { .. }
            | Received::StrayCancel
            | Received::Ack
            | Received::AckAbsorbed => {}
        }
    }

    /// An ACK: for a 2xx of a session, or for a transaction.
    pub(in crate::switch) fn hear_ack(&mut self, now: Now, inbound: &Inbound<'_>, out: &mut Actions) {
        let received =
            self.transactions.servers.receive(now.at, &inbound.message, &inbound.envelope, &mut out.outbox);
        if received == Received::Ack
            && let Some(id) = self.dialog_of(inbound)
        {
            self.hand_over(now, id, inbound, None, out);
        }
    }

    /// A CANCEL: 200 and 487 where its INVITE is, else 481.
    pub(in crate::switch) fn hear_cancel(&mut self, now: Now, inbound: &Inbound<'_>, out: &mut Actions) {
        let before = out.outbox.len();
        let received =
            self.transactions.servers.receive(now.at, &inbound.message, &inbound.envelope, &mut out.outbox);
        self.told_since(before, out);
        let (cancel, of) = match received {
            Received::Cancel { cancel, of } => (cancel, of),
            Received::StrayCancel => return self.refuse(inbound, (481, ""), out),
            _ => return,
        };
        match self.transactions.servers.owner(of) {
            Some(Owner::Call(id, _)) if self.calls.channels.contains_key(&ChannelId(id)) => {
                self.cancel_session(now, (ChannelId(id), of), inbound, cancel, out);
            }
            // Answered before, or a request that cannot be cancelled (RFC 3261 9.2).
            _ => self.respond(now, inbound, cancel, (200, ""), out),
        }
    }

    fn cancel_session(
        &mut self,
        now: Now,
        (id, of): (ChannelId, ServerTx),
        inbound: &Inbound<'_>,
        cancel: ServerTx,
        out: &mut Actions,
    ) {
        let (to, _) = nat::response_destination(&inbound.envelope.via, &inbound.arrival, inbound.force_rport);
        let request = InDialog {
            message: &inbound.message,
            envelope: &inbound.envelope,
            method: inbound.method,
            tx: Some(cancel),
            to,
            arrival: inbound.arrival,
        };
        let heard = self.with_session(now, id, out, |session, cx| session.cancelled(cx, &request, of));
        if heard.is_none() {
            self.respond(now, inbound, cancel, (200, ""), out);
        }
        self.settle(now, out);
    }

    fn dialog_of(&self, inbound: &Inbound<'_>) -> Option<ChannelId> {
        let envelope = &inbound.envelope;
        self.calls.dialogs.find(&DialogKey {
            call_id: envelope.call_id,
            local_tag: envelope.to.tag()?,
            remote_tag: envelope.from.tag().unwrap_or_default(),
        })
    }

    fn hand_over(
        &mut self,
        now: Now,
        id: ChannelId,
        inbound: &Inbound<'_>,
        tx: Option<ServerTx>,
        out: &mut Actions,
    ) {
        let (to, _) = nat::response_destination(&inbound.envelope.via, &inbound.arrival, inbound.force_rport);
        if let Some(tx) = tx
            && inbound.method == Method::Invite
        {
            self.transactions.servers.set_owner(tx, Owner::Call(id.0, 0));
        }
        let request = InDialog {
            message: &inbound.message,
            envelope: &inbound.envelope,
            method: inbound.method,
            tx,
            to,
            arrival: inbound.arrival,
        };
        if let Some(channel) = self.calls.channels.get_mut(&id) {
            // The phone may have reconnected, or its NAT moved it.
            channel.way.transport = inbound.arrival.transport;
            channel.way.flow = inbound.arrival.flow;
            channel.way.remote = inbound.arrival.source;
        }
        let heard = self.with_session(now, id, out, |session, cx| session.request(cx, &request));
        if heard.is_none()
            && let Some(tx) = tx
        {
            self.respond(now, inbound, tx, (481, ""), out);
        }
        self.settle(now, out);
    }

    /// Answers a request in its transaction, without further headers.
    pub(in crate::switch) fn respond(
        &mut self,
        now: Now,
        inbound: &Inbound<'_>,
        tx: ServerTx,
        status: (u16, &str),
        out: &mut Actions,
    ) {
        self.respond_with(now, inbound, tx, status, out, |_| {});
    }

    /// The same with further headers.
    pub(in crate::switch) fn respond_with(
        &mut self,
        now: Now,
        inbound: &Inbound<'_>,
        tx: ServerTx,
        status: (u16, &str),
        out: &mut Actions,
        extra: impl FnOnce(&mut Writer<'_>),
    ) {
        let (to, _) = nat::response_destination(&inbound.envelope.via, &inbound.arrival, inbound.force_rport);
        let mut text = Vec::with_capacity(512);
        self.write_answer(inbound, status, &mut text, |_, writer| extra(writer));
        let servers = &mut self.transactions.servers;
        let sent = servers.respond(now.at, tx, status.0, to, &mut out.outbox, |bytes| {
            bytes.extend_from_slice(&text);
        });
        if sent.is_ok() {
            self.told(out, to.remote);
        }
    }

    /// A response to a request of a session.
    pub(in crate::switch) fn session_response(
        &mut self,
        now: Now,
        (channel, request): (u64, u32),
        (message, arrival): (&Message<'_>, &Arrival),
        out: &mut Actions,
    ) {
        let Ok(envelope) = message.envelope() else { return };
        let id = ChannelId(channel);
        if envelope.cseq.method_text == b"INVITE" {
            self.keep_response(id, message);
        }
        if message.status().is_some_and(|status| status >= 200) {
            self.request_over(id, request);
        }
        self.with_session(now, id, out, |session, cx| {
            session.response(cx, RequestId(request), message, &envelope, arrival);
        });
        self.settle(now, out);
    }

    /// A request of ours has had its last word: there is nothing of it to be cancelled any more.
    fn request_over(&mut self, id: ChannelId, request: u32) {
        if let Some(channel) = self.calls.channels.get_mut(&id) {
            channel.requests.retain(|(known, _)| known.0 != request);
        }
    }

    /// The 200 to a called channel's INVITE, where a subroutine before the bridge (`U`) may ask for its headers.
    fn keep_response(&mut self, id: ChannelId, message: &Message<'_>) {
        if message.status() != Some(200) {
            return;
        }
        let caller = self.caller_side(id).and_then(|caller| self.calls.channels.get(&caller));
        let asks = caller.is_some_and(|caller| match &caller.doing {
            super::channel::Doing::Dialling(dialling) => dialling.dial.options.subroutine.is_some(),
            _ => false,
        });
        if let Some(channel) =
            self.calls.channels.get_mut(&id).filter(|channel| asks && channel.response.is_none())
        {
            channel.response = Some(message.bytes().into());
        }
    }

    /// A request of a session got no answer.
    pub(in crate::switch) fn session_failed(
        &mut self,
        now: Now,
        (channel, request): (u64, u32),
        failure: Failure,
        out: &mut Actions,
    ) {
        let id = ChannelId(channel);
        self.request_over(id, request);
        self.with_session(now, id, out, |session, cx| session.failed(cx, RequestId(request), failure));
        self.settle(now, out);
    }
}
