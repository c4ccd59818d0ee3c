//! Sending qualify's OPTIONS and hearing what comes back (behaviour of `pjsip_options.c`).

use super::Switch;
use super::counters::Counter;
use super::identity::Identity;
use super::io::Actions;
use super::requests::Owner;
use super::route::{Known, Routed, Targets, Way};
use super::view::Level;
use crate::authenticate::outbound::Answers;
use crate::base::ids::Name;
use crate::base::time::Now;
use crate::config::Kind;
use crate::config::model::Endpoint;
use crate::outbound::qualify::{Changed, ContactKey, Status};
use crate::sip::flow::Destination;
use crate::sip::transaction::ClientTx;
use crate::sip::wire::{Header, Message, Scheme, Uri, Writer};
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::sync::Arc;

const OPTIONS: &str = "res_pjsip/pjsip_options.c";

/// Pings that are out, by their number and by whom they ask.
#[derive(Debug, Default)]
pub(super) struct Pings {
    out: HashMap<u64, Ping, RandomState>,
    of: HashMap<ContactKey, u64, RandomState>,
    last: u64,
}

#[derive(Debug)]
struct Ping {
    contact: ContactKey,
    /// DNS is asked.
    route: Option<u64>,
    tx: Option<ClientTx>,
    /// Where it went.
    to: Option<Destination>,
    answers: Answers,
}

impl Pings {
    fn begin(&mut self, contact: &ContactKey) -> u64 {
        self.last += 1;
        let ping =
            Ping { contact: contact.clone(), route: None, tx: None, to: None, answers: Answers::default() };
        self.out.insert(self.last, ping);
        self.of.insert(contact.clone(), self.last);
        self.last
    }

    fn end(&mut self, number: u64) -> Option<Ping> {
        let ping = self.out.remove(&number)?;
        self.of.remove(&ping.contact);
        Some(ping)
    }
}

/// What is needed of a contact to ping it.
pub(super) struct Pinged {
    pub uri: String,
    pub path: String,
    pub known: Option<Known>,
    endpoint: Option<Arc<Endpoint>>,
}

impl Switch {
    /// Pings whoever is due and notes who did not answer in time.
    pub(super) fn qualify_due(&mut self, now: Now, out: &mut Actions) {
        let (mut ask, mut silent) = (Vec::new(), Vec::new());
        self.qualify.expire(now.at, &mut ask, &mut silent);
        for key in silent {
            self.abandon_ping(&key);
            self.contact_failed(now, &key, out);
        }
        for key in ask {
            self.abandon_ping(&key);
            let ping = self.pings.begin(&key);
            match self.seek_ping(now, ping, &key, out) {
                Ok(Routed::Now(targets)) => self.ping_routed(now, ping, Ok(targets), out),
                Ok(Routed::Wait(token)) => {
                    if let Some(ping) = self.pings.out.get_mut(&ping) {
                        ping.route = Some(token);
                    }
                }
                Err(why) => self.ping_routed(now, ping, Err(why), out),
            }
        }
    }

    /// The way to a contact.
    fn seek_ping(
        &mut self,
        now: Now,
        ping: u64,
        key: &ContactKey,
        out: &mut Actions,
    ) -> Result<Routed, String> {
        let contact = self.pinged(key).ok_or("it is gone")?;
        // Asterisk pings on behalf of an endpoint, and none means no ping.
        let endpoint = contact.endpoint.as_deref().ok_or("no endpoint lists the aor")?;
        let route = self.route_of(key, &contact, endpoint);
        // The connection leads to whoever registered, not to a proxy of ours.
        let known = contact.known.filter(|_| route == contact.path);
        let hop = Uri::parse(first_uri(&route).unwrap_or(&contact.uri).as_bytes());
        let way = Way {
            hop: hop.map_err(|fault| fault.to_string())?,
            transport: &endpoint.options.transport,
            known,
            contact_user: from_user(endpoint),
        };
        self.route(now, &way, Owner::Qualify(ping), out)
    }

    /// Sends a ping whose way is known; a contact without one cannot be reached.
    pub(super) fn ping_routed(
        &mut self,
        now: Now,
        ping: u64,
        targets: Result<Targets, String>,
        out: &mut Actions,
    ) {
        let Some(key) = self.pings.out.get(&ping).map(|ping| ping.contact.clone()) else { return };
        let sent = targets.and_then(|targets| self.send_ping(now, ping, &key, targets, out));
        if let Err(why) = sent {
            let text = || format!("Unable to qualify a contact of AOR '{}': {why}", key.0);
            self.ears.log(out, Level::Warning, OPTIONS, text);
            self.ping_failed(now, ping, out);
        }
    }

    fn send_ping(
        &mut self,
        now: Now,
        ping: u64,
        key: &ContactKey,
        targets: Targets,
        out: &mut Actions,
    ) -> Result<(), String> {
        let contact = self.pinged(key).ok_or("it is gone")?;
        let endpoint = contact.endpoint.as_deref().ok_or("no endpoint lists the aor")?;
        let uri = Uri::parse(contact.uri.as_bytes()).map_err(|fault| fault.to_string())?;
        let hop = hop_of(&uri, &self.route_of(key, &contact, endpoint));
        let Targets { first, later } = targets;
        let host = self.interface_host(&first.to);
        let identity = self.identity(endpoint, &host);
        let text = self.options_text(&uri, (&hop, &key.0), &identity, b"");
        let to = first.to;
        let owner = Owner::Qualify(ping);
        let sent = self.transactions.clients.send(now.at, owner, &text, first, later, &mut out.outbox);
        let tx = sent.map_err(|_| "too many transactions are alive")?;
        self.told(out, to.remote);
        self.counters.count(Counter::QualifySent);
        if let Some(ping) = self.pings.out.get_mut(&ping) {
            (ping.route, ping.tx, ping.to) = (None, Some(tx), Some(to));
        }
        Ok(())
    }

    /// A final response to a ping.
    pub(super) fn ping_answered(&mut self, now: Now, ping: u64, message: &Message<'_>, out: &mut Actions) {
        let Some(code) = message.status().filter(|code| *code >= 200) else { return };
        if matches!(code, 401 | 407) && self.ping_again(now, ping, message, out) {
            return;
        }
        let Some(ping) = self.pings.end(ping) else { return };
        if let Some(change) = self.qualify.answered(now.at, &ping.contact, code) {
            self.status_changed(&change, out);
        }
    }

    /// Answers the challenge to a ping with the endpoint's `outbound_auth`. `false`: the challenge is its answer.
    fn ping_again(&mut self, now: Now, number: u64, challenge: &Message<'_>, out: &mut Actions) -> bool {
        let Some(Ping { contact: key, to: Some(to), answers, .. }) = self.pings.out.get_mut(&number) else {
            return false;
        };
        let (key, to, mut answers) = (key.clone(), *to, std::mem::take(answers));
        let Some(contact) = self.pinged(&key) else { return false };
        let (Some(endpoint), Ok(uri)) = (contact.endpoint.clone(), Uri::parse(contact.uri.as_bytes())) else {
            return false;
        };
        if endpoint.extra().outbound_auth.iter().next().is_none() {
            return false;
        }
        let route = self.route_of(&key, &contact, &endpoint);
        let hop = hop_of(&uri, &route);
        let logins = self.directory.logins(&endpoint);
        if let Err(stop) = answers.hear(challenge, (b"OPTIONS", &hop.request_uri), logins, &mut self.rng) {
            let text = || format!("Challenge to the qualify of AOR '{}' not answered: {stop}", key.0);
            self.ears.log(out, Level::Warning, OPTIONS, text);
            return false;
        }
        let says = (uri.scheme == Scheme::Sips, from_user(&endpoint));
        let (Some(target), Some(identity)) = (self.target_at(to, says), Identity::next(challenge)) else {
            return false;
        };
        let text = self.options_text(&uri, (&hop, &key.0), &identity, &answers.lines());
        let clients = &mut self.transactions.clients;
        let owner = Owner::Qualify(number);
        let Ok(tx) = clients.send(now.at, owner, &text, target, Vec::new(), &mut out.outbox) else {
            return false;
        };
        self.told(out, to.remote);
        if let Some(ping) = self.pings.out.get_mut(&number) {
            (ping.tx, ping.answers) = (Some(tx), answers);
        }
        true
    }

    /// A ping went to its next target.
    pub(super) fn ping_moved(&mut self, ping: u64, to: Destination) {
        if let Some(ping) = self.pings.out.get_mut(&ping) {
            ping.to = Some(to);
        }
    }

    /// A ping got no answer, or could not be sent.
    pub(super) fn ping_failed(&mut self, now: Now, ping: u64, out: &mut Actions) {
        if let Some(ping) = self.pings.end(ping) {
            self.contact_failed(now, &ping.contact, out);
        }
    }

    fn contact_failed(&mut self, now: Now, key: &ContactKey, out: &mut Actions) {
        if let Some(change) = self.qualify.failed(now.at, key) {
            self.status_changed(&change, out);
        }
    }

    /// Nobody waits for this contact's answer any more: nothing is sent again, a late answer is a stray.
    fn abandon_ping(&mut self, key: &ContactKey) {
        let number = self.pings.of.get(key).copied();
        let Some(ping) = number.and_then(|number| self.pings.end(number)) else { return };
        if let Some(token) = ping.route {
            self.routes.forget(token);
        }
        if let Some(tx) = ping.tx {
            self.transactions.clients.abandon(tx);
        }
    }

    /// Everything of the request but Via and Contact; `more` are whole header lines.
    fn options_text(
        &self,
        uri: &Uri<'_>,
        (hop, aor): (&Hop, &Name),
        identity: &Identity,
        more: &[u8],
    ) -> Vec<u8> {
        let mut text = Vec::with_capacity(512);
        let global = &self.directory.objects.global;
        let mut writer = Writer::request(&mut text, b"OPTIONS", &hop.request_uri);
        writer
            .header(Header::From, &identity.from)
            .pieces(Header::To, &[b"<", &without_internal(uri), b">"])
            .header(Header::CallId, &identity.call_id)
            .pieces(Header::CSeq, &[identity.cseq.to_string().as_bytes(), b" OPTIONS"]);
        for route in &hop.routes {
            writer.header(Header::Route, route);
        }
        if self.supports_path(aor) {
            writer.header(Header::Supported, b"path");
        }
        writer
            .number(Header::MaxForwards, u64::from(global.max_forwards))
            .header(Header::UserAgent, global.user_agent.as_bytes())
            .lines(more);
        writer.finish();
        text
    }

    /// A new one, on behalf of an endpoint.
    fn identity(&mut self, endpoint: &Endpoint, own_host: &str) -> Identity {
        self.identity_of(from_user(endpoint), endpoint, own_host)
    }

    fn status_changed(&mut self, change: &Changed, out: &mut Actions) {
        let (aor, _) = &change.contact;
        self.contacts_touch(aor);
        self.ears.log(out, Level::Verbose, OPTIONS, || {
            let uri = self.pinged(&change.contact).map(|contact| contact.uri).unwrap_or_default();
            let rtt = match change.after {
                Status::Available(rtt) => format!("  RTT: {:.3} msec", rtt.as_secs_f64() * 1e3),
                _ => String::new(),
            };
            format!("Contact {aor}/{uri} is now {}.{rtt}", change.after.long())
        });
    }

    /// The URI of a contact.
    pub(super) fn uri_of(&self, key: &ContactKey) -> Option<String> {
        self.pinged(key).map(|contact| contact.uri)
    }

    pub(super) fn pinged(&self, (aor, hash): &ContactKey) -> Option<Pinged> {
        if let Some(binding) = self.registrar.contacts(aor).find(|binding| binding.hash == *hash) {
            return Some(Pinged {
                uri: binding.uri.to_string(),
                path: binding.path.to_string(),
                known: self.known(binding),
                endpoint: self
                    .directory
                    .endpoint(&binding.endpoint)
                    .cloned()
                    .or_else(|| self.first_endpoint(aor)),
            });
        }
        let config = self.directory.aor(aor)?;
        let uri = config.contact.iter().find(|uri| md5::compute(uri.as_bytes()).0 == *hash)?;
        let (uri, path) = (uri.to_string(), String::new());
        Some(Pinged { uri, path, known: None, endpoint: self.first_endpoint(aor) })
    }

    fn first_endpoint(&self, aor: &Name) -> Option<Arc<Endpoint>> {
        let name = self.directory.users(Kind::Aor, aor).into_iter().min()?;
        self.directory.endpoint(&name).cloned()
    }

    /// The Route of requests to a contact: the aor's outbound proxy, else the endpoint's, else the contact's Path.
    pub(super) fn route_of(&self, key: &ContactKey, contact: &Pinged, endpoint: &Endpoint) -> String {
        let of_aor = self.directory.aor(&key.0).map(|aor| &*aor.options.outbound_proxy).unwrap_or_default();
        let proxy = if of_aor.is_empty() { &*endpoint.options.outbound_proxy } else { of_aor };
        match proxy {
            "" => contact.path.clone(),
            named if named.starts_with('<') => named.to_owned(),
            bare => format!("<{bare}>"),
        }
    }
}

/// The request line's URI and the Route values.
pub(super) struct Hop {
    pub request_uri: Vec<u8>,
    pub routes: Vec<Vec<u8>>,
}

/// A strict router takes its place in the request line, and the target goes to the end (RFC 3261 12.2.1.1).
pub(super) fn hop_of(uri: &Uri<'_>, route: &str) -> Hop {
    let target = without_internal(uri);
    let Some(router) = first_uri(route).and_then(strict_router) else {
        let routes = if route.is_empty() { Vec::new() } else { vec![route.as_bytes().to_vec()] };
        return Hop { request_uri: target, routes };
    };
    let rest = route.split_once('>').map_or("", |(_, rest)| rest.trim_start_matches([',', ' ']));
    let mut routes = Vec::new();
    if rest.contains('<') {
        routes.push(rest.as_bytes().to_vec());
    }
    routes.push([&b"<"[..], &target, b">"].concat());
    Hop { request_uri: router.to_vec(), routes }
}

pub(super) fn without_internal(uri: &Uri<'_>) -> Vec<u8> {
    let mut bare = Vec::with_capacity(uri.raw.len());
    crate::sip::nat::write_without_internal(&mut bare, uri);
    bare
}

/// The user part of From and Contact: `from_user`, else the endpoint's name.
pub(super) fn from_user(endpoint: &Endpoint) -> &str {
    let from_user = &endpoint.extra().from_user;
    if from_user.is_empty() { &endpoint.name } else { from_user }
}

/// The first URI of a Route value.
pub(super) fn first_uri(route: &str) -> Option<&str> {
    let start = route.find('<')? + 1;
    let end = start + route[start..].find('>')?;
    Some(&route[start..end])
}

/// The first route's URI without headers, when it is no loose router.
fn strict_router(first: &str) -> Option<&[u8]> {
    let uri = Uri::parse(first.as_bytes()).ok()?;
    let end = uri.raw.len() - if uri.headers.is_empty() { 0 } else { uri.headers.len() + 1 };
    (!uri.params.has(b"lr")).then_some(&uri.raw[..end])
}
