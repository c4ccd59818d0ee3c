//! NOTIFYs about mailboxes that nobody subscribed to: outside dialogs, one for each contact (`behaviour-pubsub` 5.2).

use super::mailboxes::Due;
use crate::authenticate::outbound::Answers;
use crate::base::ids::Name;
use crate::base::time::Now;
use crate::config::model::Endpoint;
use crate::outbound::qualify::ContactKey;
use crate::pubsub::mailbox::full_name;
use crate::pubsub::{body, package};
use crate::sip::flow::Destination;
use crate::sip::wire::{Header, Message, NameAddr, Scheme, Uri, Writer};
use crate::switch::Switch;
use crate::switch::identity::Identity;
use crate::switch::io::Actions;
use crate::switch::qualify::{Hop, hop_of, without_internal};
use crate::switch::requests::Owner;
use crate::switch::route::{Routed, Targets, Way};
use crate::switch::view::Level;
use std::collections::HashMap;
use std::sync::Arc;

const MWI: &str = "res_pjsip_mwi.c";

/// A NOTIFY on its way.
#[derive(Debug)]
pub(super) struct Unasked {
    endpoint: Name,
    contact: ContactKey,
    /// New and old messages, and who plays them.
    names: Box<[Name]>,
    to: Option<Destination>,
    answers: Answers,
}

/// NOTIFYs on their way, by number.
#[derive(Debug, Default)]
pub(super) struct Sent {
    out: HashMap<u64, Unasked, foldhash::fast::RandomState>,
    last: u64,
}

impl Switch {
    /// Sends some of what waits.
    pub(super) fn unsolicited_due(&mut self, now: Now, out: &mut Actions) {
        for due in self.lamps.listeners.take(now.at) {
            self.tell_endpoint(now, due, out);
        }
        let lost = std::mem::take(&mut self.lamps.listeners.lost);
        if lost > 0 {
            self.ears.log(out, Level::Warning, MWI, || {
                format!("{lost} unsolicited MWI NOTIFYs were not sent: too many wait")
            });
        }
    }

    fn tell_endpoint(&mut self, now: Now, due: Due, out: &mut Actions) {
        let Some(endpoint) = self.directory.endpoint(&due.endpoint).cloned() else { return };
        let all = endpoint.mailboxes.iter().map(|name| full_name(name));
        let names: Vec<Name> = all
            .filter(|name| due.mailbox.as_ref().is_none_or(|only| only == name))
            .filter(|name| !self.has_subscribed(&endpoint.name, name))
            .collect();
        if names.is_empty() {
            return;
        }
        let contacts = match due.contact {
            Some(contact) => vec![contact],
            None => endpoint.aors.iter().flat_map(|aor| self.contact_keys(aor)).collect(),
        };
        let groups: Vec<Box<[Name]>> = match endpoint.options.aggregate_mwi {
            true => vec![names.into()],
            false => names.into_iter().map(|name| Box::from([name])).collect(),
        };
        for contact in contacts {
            for names in &groups {
                self.tell_contact(now, &endpoint, (contact.clone(), names.clone()), out);
            }
        }
    }

    fn tell_contact(
        &mut self,
        now: Now,
        endpoint: &Arc<Endpoint>,
        (contact, names): (ContactKey, Box<[Name]>),
        out: &mut Actions,
    ) {
        self.lamps.sent.last += 1;
        let number = self.lamps.sent.last;
        let unasked = Unasked {
            endpoint: endpoint.name.clone(),
            contact,
            names,
            to: None,
            answers: Answers::default(),
        };
        let sought = self.seek_contact(now, (number, &unasked.contact), endpoint, out);
        self.lamps.sent.out.insert(number, unasked);
        match sought {
            Ok(Routed::Now(targets)) => self.unasked_routed(now, number, Ok(targets), out),
            Ok(Routed::Wait(_)) => {}
            Err(why) => self.unasked_routed(now, number, Err(why), out),
        }
    }

    fn seek_contact(
        &mut self,
        now: Now,
        (number, key): (u64, &ContactKey),
        endpoint: &Endpoint,
        out: &mut Actions,
    ) -> Result<Routed, String> {
        let contact = self.pinged(key).ok_or("the contact is gone")?;
        let route = self.route_of(key, &contact, endpoint);
        let known = contact.known.filter(|_| route == contact.path);
        let hop = crate::switch::qualify::first_uri(&route).unwrap_or(&contact.uri).to_owned();
        let user = self.mwi_user(endpoint);
        let way = Way {
            hop: Uri::parse(hop.as_bytes()).map_err(|fault| fault.to_string())?,
            transport: &endpoint.options.transport,
            known,
            contact_user: &user,
        };
        self.route(now, &way, Owner::Unasked(number), out)
    }

    /// The way of an unasked NOTIFY is known, or why there is none.
    pub(in crate::switch) fn unasked_routed(
        &mut self,
        now: Now,
        number: u64,
        targets: Result<Targets, String>,
        out: &mut Actions,
    ) {
        let sent = targets.and_then(|targets| self.send_unasked(now, number, targets, out));
        if let Err(why) = sent
            && let Some(unasked) = self.lamps.sent.out.remove(&number)
        {
            let endpoint = unasked.endpoint;
            self.ears.log(out, Level::Warning, MWI, || {
                format!("Unable to send unsolicited MWI NOTIFY to endpoint '{endpoint}': {why}")
            });
        }
    }

    fn send_unasked(
        &mut self,
        now: Now,
        number: u64,
        targets: Targets,
        out: &mut Actions,
    ) -> Result<(), String> {
        let unasked = self.lamps.sent.out.get(&number).ok_or("it is forgotten")?;
        let endpoint = self.directory.endpoint(&unasked.endpoint).cloned().ok_or("the endpoint is gone")?;
        let (key, names) = (unasked.contact.clone(), unasked.names.clone());
        let user = self.mwi_user(&endpoint);
        let host = self.interface_host(&targets.first.to);
        let identity = self.identity_of(&user, &endpoint, &host);
        let text = self.unasked_text((&key, &names), &endpoint, &identity, b"")?;
        let to = targets.first.to;
        let owner = Owner::Unasked(number);
        let clients = &mut self.transactions.clients;
        let sent = clients.send(now.at, owner, &text, targets.first, targets.later, &mut out.outbox);
        sent.map_err(|_| "too many transactions are alive")?;
        self.told(out, to.remote);
        if let Some(unasked) = self.lamps.sent.out.get_mut(&number) {
            unasked.to = Some(to);
        }
        Ok(())
    }

    /// Everything but Via and Contact; `more` are whole header lines.
    fn unasked_text(
        &self,
        (key, names): (&ContactKey, &[Name]),
        endpoint: &Endpoint,
        identity: &Identity,
        more: &[u8],
    ) -> Result<Vec<u8>, String> {
        let (uri, hop) = self.contact_hop(key, endpoint)?;
        let global = &self.directory.objects.global;
        let own = &endpoint.options.voicemail_extension;
        let account = if own.is_empty() { &global.default_voicemail_extension } else { own };
        let host = host_of(&identity.from);
        let account = if account.is_empty() { String::new() } else { format!("sip:{account}@{host}") };
        let mut summary = String::new();
        body::summary(&mut summary, self.lamps.mailboxes.sum(names.iter()), &account);
        let mut text = Vec::with_capacity(768);
        let mut writer = Writer::request(&mut text, b"NOTIFY", &hop.request_uri);
        writer
            .header(Header::From, &identity.from)
            .pieces(Header::To, &[b"<", &uri, b">"])
            .header(Header::CallId, &identity.call_id)
            .pieces(Header::CSeq, &[identity.cseq.to_string().as_bytes(), b" NOTIFY"])
            .header(Header::Event, b"message-summary");
        for route in &hop.routes {
            writer.header(Header::Route, route);
        }
        writer
            .header(Header::AllowEvents, package::ALLOW_EVENTS)
            .header(Header::SubscriptionState, b"terminated")
            .number(Header::MaxForwards, u64::from(global.max_forwards))
            .header(Header::UserAgent, global.user_agent.as_bytes())
            .lines(more);
        writer.finish_with_body("application/simple-message-summary", summary.as_bytes());
        Ok(text)
    }

    fn contact_hop(&self, key: &ContactKey, endpoint: &Endpoint) -> Result<(Vec<u8>, Hop), String> {
        let contact = self.pinged(key).ok_or("the contact is gone")?;
        let uri = Uri::parse(contact.uri.as_bytes()).map_err(|fault| fault.to_string())?;
        let hop = hop_of(&uri, &self.route_of(key, &contact, endpoint));
        Ok((without_internal(&uri), hop))
    }

    /// User of From and Contact: `mwi_from_user`, `from_user`, `default_from_user`.
    fn mwi_user(&self, endpoint: &Endpoint) -> String {
        let own = [&endpoint.options.mwi_from_user, &endpoint.extra().from_user];
        let own = own.into_iter().find(|user| !user.is_empty());
        own.unwrap_or(&self.directory.objects.global.default_from_user).to_string()
    }

    /// A response to an unasked NOTIFY.
    pub(in crate::switch) fn unasked_answered(
        &mut self,
        now: Now,
        number: u64,
        message: &Message<'_>,
        out: &mut Actions,
    ) {
        let Some(code) = message.status().filter(|code| *code >= 200) else { return };
        if matches!(code, 401 | 407) && self.unasked_again(now, number, message, out) {
            return;
        }
        let Some(unasked) = self.lamps.sent.out.remove(&number) else { return };
        if code >= 300 {
            self.ears.log(out, Level::Debug, MWI, || {
                format!("Endpoint '{}' refused an unsolicited MWI NOTIFY with {code}", unasked.endpoint)
            });
        }
    }

    /// Answers a challenge with the endpoint's `outbound_auth`. `false`: it stays refused.
    fn unasked_again(&mut self, now: Now, number: u64, challenge: &Message<'_>, out: &mut Actions) -> bool {
        let Some(unasked) = self.lamps.sent.out.get_mut(&number) else { return false };
        let mut answers = std::mem::take(&mut unasked.answers);
        let (key, names, to) = (unasked.contact.clone(), unasked.names.clone(), unasked.to);
        let Some(endpoint) = self.directory.endpoint(&unasked.endpoint).cloned() else { return false };
        let (Some(to), Ok((uri, hop))) = (to, self.contact_hop(&key, &endpoint)) else { return false };
        let logins = self.directory.logins(&endpoint);
        if let Err(stop) = answers.hear(challenge, (b"NOTIFY", &hop.request_uri), logins, &mut self.rng) {
            let name = &endpoint.name;
            self.ears.log(out, Level::Warning, MWI, || {
                format!("Challenge to an MWI NOTIFY to endpoint '{name}' not answered: {stop}")
            });
            return false;
        }
        let secure = Uri::parse(&uri).is_ok_and(|uri| uri.scheme == Scheme::Sips);
        let user = self.mwi_user(&endpoint);
        let (Some(target), Some(identity)) = (self.target_at(to, (secure, &user)), Identity::next(challenge))
        else {
            return false;
        };
        let Ok(text) = self.unasked_text((&key, &names), &endpoint, &identity, &answers.lines()) else {
            return false;
        };
        let clients = &mut self.transactions.clients;
        let owner = Owner::Unasked(number);
        if clients.send(now.at, owner, &text, target, Vec::new(), &mut out.outbox).is_err() {
            return false;
        }
        self.told(out, to.remote);
        if let Some(unasked) = self.lamps.sent.out.get_mut(&number) {
            unasked.answers = answers;
        }
        true
    }

    /// An unasked NOTIFY went to its next target.
    pub(in crate::switch) fn unasked_moved(&mut self, number: u64, to: Destination) {
        if let Some(unasked) = self.lamps.sent.out.get_mut(&number) {
            unasked.to = Some(to);
        }
    }

    /// An unasked NOTIFY got no answer: the next change tells again.
    pub(in crate::switch) fn unasked_failed(&mut self, number: u64) {
        self.lamps.sent.out.remove(&number);
    }
}

/// The host of a From value.
fn host_of(from: &[u8]) -> String {
    let address = NameAddr::parse(from).ok();
    address.and_then(|address| address.uri().ok()).map(|uri| uri.host.to_string()).unwrap_or_default()
}
