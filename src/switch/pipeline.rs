//! From bytes to an admitted request: the order of `behaviour-identify-auth` 1. Only who is admitted gets a transaction.
//!
//! ```text
//! bytes ─ scan ─ envelope ─ acl objects ─ URIs ─ dialog ─ identify ─ endpoint acl ─ maintenance ─ digest ─► transaction ─ method
//!           400      400      403          416     481     nobody: 401   401           503          401        replay
//! ```

use super::Switch;
use super::counters::Counter;
use super::guard::bans::Offence;
use super::guard::thin::Nuisance;
use super::inbound::{Admitted, Inbound};
use super::io::Actions;
use super::methods::SUPPORTED;
use super::unidentified;
use super::view::Level;
use crate::authenticate::inbound::{Presented, verify, verify_nobody};
use crate::authenticate::{Shape, Verdict, Why};
use crate::base::time::Now;
use crate::config::model::Endpoint;
use crate::identify::{Found, Identifier, Request, Trace};
use crate::sip::flow::Arrival;
use crate::sip::method::Method;
use crate::sip::wire::{Contact, Fault, Header, Index, Message, ViaStamp, Writer};
use std::sync::Arc;
use std::time::Duration;

/// The file a line about identification or authentication is known by in Asterisk's log.
pub(super) const DISTRIBUTOR: &str = "res_pjsip/pjsip_distributor.c";

impl Switch {
    /// One whole message came in.
    pub(super) fn receive(&mut self, now: Now, arrival: Arrival, bytes: &[u8], out: &mut Actions) {
        self.counters.count(Counter::Received);
        if self.guard.bans.bars(now.at, arrival.source.ip()) {
            return self.barred(&arrival, out);
        }
        if self.ears.messages() {
            self.ears.message(out, now.wall, (false, arrival.protocol, arrival.source), bytes);
        }
        // The index leaves self while borrowed; its memory comes back at the end.
        let mut index = std::mem::take(&mut self.index);
        match index.scan(bytes) {
            Ok(message) => {
                let protocol = arrival.protocol.via_token();
                self.trace.received(now.wall, protocol, arrival.source, &message, bytes);
                self.received(now, arrival, message, out);
            }
            Err(fault) => self.faulty(&index, arrival, bytes, fault, out),
        }
        self.index = index;
    }

    fn received(&mut self, now: Now, arrival: Arrival, message: Message<'_>, out: &mut Actions) {
        match message.method() {
            Some(_) => self.request(now, arrival, message, out),
            None => self.hear_response(now, (&message, &arrival), out),
        }
    }

    /// A message that cannot be read whole: answered where there is enough of it to answer to.
    fn faulty(&mut self, index: &Index, arrival: Arrival, bytes: &[u8], fault: Fault, out: &mut Actions) {
        let Some(message) = index.faulty(bytes) else {
            self.counters.count(Counter::Junk);
            return;
        };
        self.malformed(arrival, &message, fault, out);
    }

    fn malformed(&mut self, arrival: Arrival, message: &Message<'_>, fault: Fault, out: &mut Actions) {
        self.counters.count(Counter::Malformed);
        self.offend(&arrival, Offence::Malformed, out);
        if self.tells(&arrival, Nuisance::Malformed) {
            self.ears.log(out, Level::Warning, "res_pjsip.c", || {
                format!("Malformed message from {}:{}: {fault}", arrival.protocol, arrival.source)
            });
        }
        let Some(status) = fault.status() else { return };
        if message.method().is_none_or(|method| method == Method::Ack) {
            return;
        }
        // The answer needs the top Via to find its way and From, Call-ID and CSeq to be known by; what is there is
        // copied as it is, what is not makes it impossible to answer.
        let needed = [Header::Via, Header::From, Header::To, Header::CallId, Header::CSeq];
        if needed.iter().any(|header| message.header(*header).is_none()) {
            return;
        }
        let stamp = ViaStamp { source: arrival.source, force_rport: true };
        let agent = self.directory.objects.global.user_agent.clone();
        out.outbox.push(arrival.back(), |bytes| {
            let mut writer =
                Writer::response(bytes, message, stamp, (status, &fault.to_string()), Some(b"malformed"));
            writer.header(Header::Server, agent.as_bytes());
            writer.finish();
        });
        self.told(out, arrival.source);
    }

    fn request(&mut self, now: Now, arrival: Arrival, message: Message<'_>, out: &mut Actions) {
        self.counters.count(Counter::Requests);
        let envelope = match message.envelope() {
            Ok(envelope) => envelope,
            Err(fault) => return self.malformed(arrival, &message, fault, out),
        };
        let (Some(method), Ok(from)) = (message.method(), envelope.from.uri()) else { return };
        let mut inbound =
            Inbound { arrival, message, envelope, method, from, force_rport: true, transaction: None };
        if self.guard.shedding.is_on() && self.sheds(now, &inbound, out) {
            return;
        }
        if self.acl_refuses(now, &inbound, out) || self.uris_refused(&inbound, out) {
            return;
        }
        // Without a dialog of ours there is nothing to end, cancel or acknowledge.
        match method {
            Method::Ack => return self.hear_ack(now, &inbound, out),
            Method::Cancel => return self.hear_cancel(now, &inbound, out),
            _ if inbound.envelope.to.tag().is_some() && method != Method::Register => {
                return self.in_dialog(now, inbound, out);
            }
            Method::Bye => return self.refuse(&inbound, (481, ""), out),
            // Seen before: its answer went out again, before anybody asks for credentials a second time.
            Method::Invite if self.repeated(&inbound, out) => return,
            _ => {}
        }
        if self.draining {
            return self.refuse_new(&inbound, out);
        }
        let Some(endpoint) = self.identify(now, &inbound, out) else {
            return self.challenge_nobody(now, &inbound, out);
        };
        inbound.force_rport = endpoint.options.force_rport;
        if !self.endpoint_acl_allows(now, &inbound, &endpoint, out) {
            return self.challenge_nobody(now, &inbound, out);
        }
        if self.in_maintenance(&inbound, &endpoint, out) {
            return;
        }
        if self.authenticated(now, &inbound, &endpoint, out) {
            self.dispatch(now, &Admitted::new(&inbound, endpoint), out);
        }
    }

    /// Schemes we cannot serve, and dialog-creating requests without Contact.
    fn uris_refused(&mut self, inbound: &Inbound<'_>, out: &mut Actions) -> bool {
        let message = &inbound.message;
        let known = |uri: Option<crate::sip::wire::Uri<'_>>| {
            uri.is_some_and(|uri| uri.is_sip() || uri.scheme == crate::sip::wire::Scheme::Tel)
        };
        let to = inbound.envelope.to.uri().ok();
        if !known(message.uri().ok()) || !known(Some(inbound.from)) || !known(to) {
            self.refuse(inbound, (416, ""), out);
            return true;
        }
        for contact in message.contacts() {
            match contact {
                Ok(Contact::Star) => {}
                Ok(Contact::Address(address)) => match address.uri() {
                    Ok(uri) if uri.is_sip() => {}
                    Ok(_) => {
                        self.refuse(inbound, (416, ""), out);
                        return true;
                    }
                    Err(_) => {
                        self.refuse(inbound, (400, "Bad Contact header"), out);
                        return true;
                    }
                },
                Err(fault) => {
                    self.refuse(inbound, (400, &fault.to_string()), out);
                    return true;
                }
            }
        }
        if inbound.method.creates_dialog() && message.header(Header::Contact).is_none() {
            self.refuse(inbound, (400, "Missing Contact header"), out);
            return true;
        }
        self.extensions_refused(inbound, out)
    }

    /// Require (RFC 3261 8.2.2.3): an extension we do not know is refused by name.
    fn extensions_refused(&mut self, inbound: &Inbound<'_>, out: &mut Actions) -> bool {
        if matches!(inbound.method, Method::Ack | Method::Cancel) {
            return false;
        }
        let unknown: Vec<&[u8]> = inbound
            .message
            .values(Header::Require)
            .filter(|tag| !SUPPORTED.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(tag)))
            .collect();
        if unknown.is_empty() {
            return false;
        }
        let unknown = unknown.join(&b", "[..]);
        self.answer(inbound, (420, ""), out, |_, writer| {
            writer.header(Header::Unsupported, &unknown);
        });
        true
    }

    /// The endpoint that sent a request; tells and counts when there is none.
    fn identify(&mut self, now: Now, inbound: &Inbound<'_>, out: &mut Actions) -> Option<Arc<Endpoint>> {
        let mut trace = if self.ears.level <= Level::Debug { Trace::kept() } else { Trace::default() };
        let found = self.find_endpoint(inbound, &mut trace);
        self.tell_search(trace, out);
        self.judge_sender(inbound, found.as_ref());
        if let Some(found) = found {
            self.unidentified.clear(inbound.arrival.source.ip());
            return self.directory.endpoint(&found.endpoint).cloned();
        }
        self.counters.count(Counter::Unidentified);
        self.offend(&inbound.arrival, Offence::Unidentified, out);
        let policy = self.unidentified_policy();
        if let Some(tries) = self.unidentified.note(now, inbound.arrival.source.ip(), policy)
            && self.tells(&inbound.arrival, Nuisance::Unidentified)
        {
            self.security(inbound, out, ("InvalidAccountID", "<unknown>"), Vec::new);
            self.request_failed(inbound, out, ("No matching endpoint found", tries));
        }
        None
    }

    /// Runs the identifier chain.
    pub(super) fn find_endpoint(&self, inbound: &Inbound<'_>, trace: &mut Trace) -> Option<Found> {
        let to = inbound.envelope.to.uri().ok();
        let domain = self.transport_config(inbound.arrival.transport).map(|transport| &*transport.domain);
        let request = Request {
            message: &inbound.message,
            from: &inbound.from,
            to: to.as_ref(),
            source: inbound.arrival.source,
            transport_domain: domain.filter(|domain| !domain.is_empty()),
        };
        self.directory.chain.identify(&request, &self.directory, trace)
    }

    pub(super) fn unidentified_policy(&self) -> unidentified::Policy {
        let global = &self.directory.objects.global;
        unidentified::Policy {
            count: global.unidentified_request_count,
            period: Duration::from_secs(u64::from(global.unidentified_request_period_secs)),
            counting: global
                .endpoint_identifier_order
                .iter()
                .any(|name| **name == *Identifier::AuthUsername.name()),
        }
    }

    /// `pjsip set maintenance`: 503 before authentication. Un-REGISTER and un-SUBSCRIBE pass.
    fn in_maintenance(&mut self, inbound: &Inbound<'_>, endpoint: &Endpoint, out: &mut Actions) -> bool {
        if self.maintenance.is_empty() || !self.maintenance.contains(&endpoint.name) {
            return false;
        }
        let ending = matches!(inbound.method, Method::Register | Method::Subscribe)
            && inbound.message.number(Header::Expires) == Some(Some(0));
        if ending {
            return false;
        }
        self.answer(inbound, (503, ""), out, |_, writer| {
            writer.number(Header::RetryAfter, 300);
        });
        true
    }

    /// Digest. `true`: go on; otherwise it has been answered.
    fn authenticated(
        &mut self,
        now: Now,
        inbound: &Inbound<'_>,
        endpoint: &Arc<Endpoint>,
        out: &mut Actions,
    ) -> bool {
        let free = endpoint.options.allow_unauthenticated_options && inbound.method == Method::Options;
        if endpoint.auth.is_empty() || free {
            return true;
        }
        let presented = Presented {
            message: &inbound.message,
            envelope: &inbound.envelope,
            source: inbound.arrival.source.ip(),
            now: now.wall,
        };
        let nonces = &mut self.nonces;
        let accounts = self.directory.accounts(endpoint);
        let verdict = accounts.map(|accounts| verify(accounts, presented, nonces));
        match verdict {
            None => {
                if self.tells(&inbound.arrival, Nuisance::Credentials) {
                    self.ears.log(out, Level::Error, DISTRIBUTOR, || {
                        let name = &endpoint.name;
                        format!("Endpoint '{name}' names an auth that does not exist: refused with 500")
                    });
                }
                self.refuse(inbound, (500, ""), out);
                false
            }
            Some(Verdict::Admitted { account, .. }) => {
                self.judge_admitted(inbound, endpoint, account);
                self.counters.count(Counter::Authenticated);
                self.security(inbound, out, ("SuccessfulAuth", &endpoint.name), || {
                    vec![("UsingPassword", "1".to_owned())]
                });
                true
            }
            // The same request by another way used the same nonce count, and is no replay.
            Some(Verdict::Challenge { why: Why::Replay, .. })
                if self.transactions.servers.is_merged(&inbound.envelope) =>
            {
                self.refuse(inbound, (482, ""), out);
                false
            }
            Some(Verdict::Challenge { stale, why }) => {
                self.failed_credentials(inbound, &endpoint.name, &why, out);
                let shape = self.directory.shape(&endpoint.name).cloned();
                if let Some(shape) = shape {
                    self.challenge(now, inbound, &endpoint.name, (&shape, stale), out);
                }
                false
            }
        }
    }

    /// The 401. The same words for everybody.
    fn challenge(
        &mut self,
        now: Now,
        inbound: &Inbound<'_>,
        account: &str,
        (shape, stale): (&Shape, bool),
        out: &mut Actions,
    ) {
        self.counters.count(Counter::Challenged);
        let source = inbound.arrival.source.ip();
        self.answer(inbound, (401, ""), out, |switch, writer| {
            shape.write(writer, &switch.nonces, &mut switch.rng, (now.wall, source), stale);
        });
        self.tell_challenge(inbound, account, out);
    }

    /// Nobody matched, or an endpoint's acl did not: challenged like somebody, with work to match.
    fn challenge_nobody(&mut self, now: Now, inbound: &Inbound<'_>, out: &mut Actions) {
        self.counters.count(Counter::DummyChallenged);
        let name = inbound.from.user.unwrap_or_default();
        let shape = self.directory.shapes.draw(self.nonces.name_hash(name)).clone();
        if inbound.message.header(Header::Authorization).is_some()
            && let Some((realm, algorithm)) = shape.0.first()
        {
            let presented = Presented {
                message: &inbound.message,
                envelope: &inbound.envelope,
                source: inbound.arrival.source.ip(),
                now: now.wall,
            };
            verify_nobody(realm, *algorithm, presented, &mut self.nonces);
        }
        self.challenge(now, inbound, "<unknown>", (&shape, false), out);
    }
}
