//! One received request on its way through the rooms, and the answers it can get.

use super::Switch;
use super::counters::Counter;
use super::io::Actions;
use super::view::Event;
use super::view::Security;
use crate::base::time::Now;
use crate::config::model::Endpoint;
use crate::sip::flow::Arrival;
use crate::sip::method::Method;
use crate::sip::nat;
use crate::sip::transaction::{Received, ServerTx};
use crate::sip::wire::{Envelope, Header, Message, Uri, ViaStamp, Writer};
use std::sync::Arc;

/// A request whose envelope is whole. It owns nothing: everything borrows the datagram.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inbound<'m> {
    pub arrival: Arrival,
    pub message: Message<'m>,
    pub envelope: Envelope<'m>,
    pub method: Method,
    pub from: Uri<'m>,
    /// Answer to the packet's source whatever the Via says; `force_rport` of the endpoint, and yes for strangers, so
    /// that nobody can have our answers sent elsewhere.
    pub force_rport: bool,
    /// Its server transaction, through which its answers go; `None` while it is served without one.
    pub transaction: Option<ServerTx>,
}

/// A request that passed identification and authentication. Only the pipeline makes one, so no method can skip them.
#[derive(Debug)]
pub(super) struct Admitted<'a, 'm> {
    inbound: &'a Inbound<'m>,
    endpoint: Arc<Endpoint>,
}

impl<'a, 'm> Admitted<'a, 'm> {
    /// Only for `pipeline`.
    pub(super) fn new(inbound: &'a Inbound<'m>, endpoint: Arc<Endpoint>) -> Admitted<'a, 'm> {
        Admitted { inbound, endpoint }
    }

    /// The same request, once it has a transaction.
    pub fn within<'b>(&self, transacted: &'b Inbound<'m>) -> Admitted<'b, 'm> {
        debug_assert_eq!(transacted.message.bytes().as_ptr(), self.inbound.message.bytes().as_ptr());
        Admitted { inbound: transacted, endpoint: Arc::clone(&self.endpoint) }
    }

    pub fn request(&self) -> &'a Inbound<'m> {
        self.inbound
    }

    pub fn endpoint(&self) -> &Arc<Endpoint> {
        &self.endpoint
    }
}

impl Switch {
    /// Queues an answer. `extra` writes the headers between CSeq and Server.
    pub(super) fn answer(
        &mut self,
        inbound: &Inbound<'_>,
        status: (u16, &str),
        out: &mut Actions,
        extra: impl FnOnce(&mut Switch, &mut Writer<'_>),
    ) {
        // ACK is never answered (RFC 3261 17).
        if inbound.method == Method::Ack {
            return;
        }
        let (to, _) = nat::response_destination(&inbound.envelope.via, &inbound.arrival, inbound.force_rport);
        match inbound.transaction {
            None => out.outbox.push(to, |bytes| self.write_answer(inbound, status, bytes, extra)),
            Some(tx) => {
                let bytes = self.written_answer(inbound, status, extra);
                let write = |out: &mut Vec<u8>| out.extend_from_slice(&bytes);
                let sent =
                    self.transactions.servers.respond(self.now.at, tx, status.0, to, &mut out.outbox, write);
                self.scratch = bytes;
                if sent.is_err() {
                    // Answered already, or its sender has given up.
                    return;
                }
            }
        }
        self.told(out, to.remote);
    }

    /// An answer in the scratch buffer, which the caller puts back.
    pub(super) fn written_answer(
        &mut self,
        inbound: &Inbound<'_>,
        status: (u16, &str),
        extra: impl FnOnce(&mut Switch, &mut Writer<'_>),
    ) -> Vec<u8> {
        let mut bytes = std::mem::take(&mut self.scratch);
        bytes.clear();
        self.write_answer(inbound, status, &mut bytes, extra);
        bytes
    }

    /// Begins a server transaction for an admitted request, so that it is done once and answered alike each time it
    /// comes. `false`: it is dealt with.
    pub(super) fn begin(&mut self, now: Now, inbound: &mut Inbound<'_>, out: &mut Actions) -> bool {
        let servers = &mut self.transactions.servers;
        match servers.receive(now.at, &inbound.message, &inbound.envelope, &mut out.outbox) {
            Received::New(tx) => {
                inbound.transaction = Some(tx);
                return true;
            }
            Received::Retransmission { replayed, .. } => {
                self.counters.count(Counter::Retransmissions);
                if replayed {
                    self.told(out, inbound.arrival.source);
                }
            }
            Received::Merged => self.refuse(inbound, (482, ""), out),
            Received::Full => self.overloaded(inbound, out),
            // ACK and CANCEL never get here: the pipeline deals with them.
            Received::Cancel { .. } | Received::StrayCancel | Received::Ack | Received::AckAbsorbed => {}
        }
        false
    }

    /// Writes an answer at the end of `bytes`.
    pub(super) fn write_answer(
        &mut self,
        inbound: &Inbound<'_>,
        status: (u16, &str),
        bytes: &mut Vec<u8>,
        extra: impl FnOnce(&mut Switch, &mut Writer<'_>),
    ) {
        let stamp = ViaStamp { source: inbound.arrival.source, force_rport: inbound.force_rport };
        let tag = self.stateless_tag(inbound);
        let mut writer = Writer::response(bytes, &inbound.message, stamp, status, Some(&tag));
        extra(self, &mut writer);
        writer.header(Header::Server, self.directory.objects.global.user_agent.as_bytes());
        writer.finish();
    }

    /// A To tag that is the same for every answer to one request and its retransmissions (RFC 3261 8.2.7).
    fn stateless_tag(&self, inbound: &Inbound<'_>) -> [u8; 16] {
        let branch = inbound.envelope.via.branch().unwrap_or_default();
        let mut hash =
            self.nonces.request_hash(branch, inbound.envelope.call_id, inbound.envelope.cseq.number);
        let mut tag = [0u8; 16];
        for digit in &mut tag {
            *digit = b"0123456789abcdef"[(hash & 15) as usize];
            hash >>= 4;
        }
        tag
    }

    /// An answer without further headers.
    pub(super) fn refuse(&mut self, inbound: &Inbound<'_>, status: (u16, &str), out: &mut Actions) {
        self.answer(inbound, status, out, |_, _| {});
    }

    /// Refused because we are full: ask again in a while (RFC 3261 21.5.4).
    pub(super) fn overloaded(&mut self, inbound: &Inbound<'_>, out: &mut Actions) {
        self.counters.count(Counter::Overloaded);
        let after = 2 + self.rng.below(9);
        self.answer(inbound, (503, ""), out, |_, writer| {
            writer.number(Header::RetryAfter, after);
        });
    }

    /// Refused because the server is about to end: whoever has another server turns to it at once (RFC 3263 4.3).
    pub(super) fn refuse_new(&mut self, inbound: &Inbound<'_>, out: &mut Actions) {
        self.counters.count(Counter::DrainRefused);
        let after = 2 + self.rng.below(9);
        self.answer(inbound, (503, ""), out, |_, writer| {
            writer.number(Header::RetryAfter, after);
        });
    }

    /// A security event about a request, if anybody listens.
    pub(super) fn security(
        &self,
        inbound: &Inbound<'_>,
        out: &mut Actions,
        (event, account): (&'static str, &str),
        fields: impl FnOnce() -> Vec<(&'static str, String)>,
    ) {
        if self.ears.security {
            let event = Security {
                event,
                account: account.to_owned(),
                session: String::from_utf8_lossy(inbound.envelope.call_id).into_owned(),
                local: inbound.arrival.local,
                remote: inbound.arrival.source,
                protocol: inbound.arrival.protocol.via_token(),
                fields: fields(),
            };
            out.queue.push(super::io::Action::Event(Box::new(Event::Security(Box::new(event)))));
        }
    }

    /// Shows the message queued last to whoever listens.
    pub(super) fn told(&mut self, out: &mut Actions, to: std::net::SocketAddr) {
        if self.ears.messages() {
            let bytes = out.outbox.last_bytes().to_vec();
            let protocol =
                out.outbox.iter().last().map_or(crate::sip::flow::Protocol::Udp, |(to, _)| to.protocol);
            self.ears.message(out, self.now.wall, (true, protocol, to), &bytes);
        }
    }
}
