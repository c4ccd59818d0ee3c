//! Admitted requests, by method.

use super::Switch;
use super::inbound::{Admitted, Inbound};
use super::io::Actions;
use crate::base::time::Now;
use crate::sip::method::Method;
use crate::sip::transaction::Received;
use crate::sip::wire::Header;

/// What we answer to, in pjproject's order.
pub(super) const ALLOW: &[u8] =
    b"OPTIONS, REGISTER, SUBSCRIBE, NOTIFY, PUBLISH, INVITE, ACK, BYE, CANCEL, UPDATE, PRACK, INFO, MESSAGE, REFER";

/// Bodies that we take or send.
const ACCEPT: &[u8] = b"application/simple-message-summary, application/pidf+xml, application/xpidf+xml, \
    application/cpim-pidf+xml, application/dialog-info+xml, application/sdp, message/sipfrag;version=2.0";

/// Extensions that may stand in Require.
pub(super) const SUPPORTED: [&str; 8] =
    ["path", "outbound", "100rel", "timer", "replaces", "norefersub", "histinfo", "eventlist"];

impl Switch {
    /// Hands an admitted request to its room.
    pub(super) fn dispatch(&mut self, now: Now, admitted: &Admitted<'_, '_>, out: &mut Actions) {
        match admitted.request().method {
            Method::Register => self.register(now, admitted, out),
            Method::Options => self.options(now, admitted, out),
            Method::Invite => self.new_invite(now, admitted, out),
            Method::Message => self.message(now, admitted, out),
            Method::Subscribe => self.subscribe(now, admitted, out),
            Method::Notify => self.hear_notify(now, admitted, out),
            Method::Publish => self.hear_publish(now, admitted, out),
            _ => self.answer(admitted.request(), (501, ""), out, |_, writer| {
                writer.header(Header::Allow, ALLOW);
            }),
        }
    }

    /// OPTIONS outside a dialog: what we can do (RFC 3261 11.2).
    fn options(&mut self, now: Now, admitted: &Admitted<'_, '_>, out: &mut Actions) {
        let inbound = admitted.request();
        let uri = inbound.message.uri().ok();
        let mut status = 200;
        if let Some(uri) = uri.filter(|uri| uri.user.is_some_and(|user| !user.is_empty())) {
            let exten = self.dialled_user(&uri);
            let found = self.destination(now, admitted.endpoint(), &exten, &inbound.from.user_text());
            if !matches!(found, super::call::Destination::Found(_)) {
                status = 404;
            }
        }
        self.answer(inbound, (status, ""), out, |switch, writer| {
            let supported: &[u8] = match switch.directory.objects.global.norefersub {
                true => b"100rel, timer, replaces, norefersub",
                false => b"100rel, timer, replaces",
            };
            writer
                .header(Header::Accept, ACCEPT)
                .header(Header::Allow, ALLOW)
                .header(Header::Supported, supported)
                .header(Header::AcceptEncoding, b"identity")
                .header(Header::AcceptLanguage, b"en");
        });
    }

    /// An INVITE outside a dialog, in its transaction.
    fn new_invite(&mut self, now: Now, admitted: &Admitted<'_, '_>, out: &mut Actions) {
        let inbound = admitted.request();
        let servers = &mut self.transactions.servers;
        match servers.receive(now.at, &inbound.message, &inbound.envelope, &mut out.outbox) {
            Received::New(tx) => self.invite(now, admitted, tx, out),
            Received::Merged => self.refuse(inbound, (482, ""), out),
            Received::Full => self.overloaded(inbound, out),
            Received::Retransmission { .. }
            | Received::Cancel { .. }
            | Received::StrayCancel
            | Received::Ack
            | Received::AckAbsorbed => {}
        }
    }

    /// Whether a request came before; what was answered then has gone out again.
    pub(super) fn repeated(&mut self, inbound: &Inbound<'_>, out: &mut Actions) -> bool {
        let before = out.outbox.len();
        let servers = &mut self.transactions.servers;
        let repeated = servers.is_repeated(&inbound.message, &inbound.envelope, &mut out.outbox);
        self.told_since(before, out);
        repeated
    }
}
