//! Sending qualify's OPTIONS and hearing what comes back (behaviour of `pjsip_options.c`).

use super::Switch;
use super::counters::Counter;
use super::io::Actions;
use super::view::Level;
use crate::base::ids::{FlowId, Name};
use crate::base::time::Now;
use crate::config::Kind;
use crate::config::model::Endpoint;
use crate::outbound::qualify::{Changed, ContactKey, Status};
use crate::sip::mint::{self, Shard};
use crate::sip::transaction::{Event, Heard};
use crate::sip::wire::{Header, Message, Uri, Writer};
use std::sync::Arc;

const OPTIONS: &str = "res_pjsip/pjsip_options.c";

/// Whose a request of ours is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// A ping, by its number in `Switch::pings`.
    Qualify(u64),
}

/// What is needed of a contact to ping it.
struct Pinged {
    uri: String,
    path: String,
    flow: FlowId,
    endpoint: Option<Arc<Endpoint>>,
}

impl Switch {
    /// Pings whoever is due and notes who did not answer in time.
    pub(super) fn qualify_due(&mut self, now: Now, out: &mut Actions) {
        let (mut ask, mut changed) = (Vec::new(), Vec::new());
        self.qualify.expire(now.at, &mut ask, &mut changed);
        for key in ask {
            if let Err(why) = self.ping(now, &key, out) {
                let text = || format!("Unable to qualify a contact of AOR '{}': {why}", key.0);
                self.ears.log(out, Level::Warning, OPTIONS, text);
                changed.extend(self.qualify.failed(now.at, &key));
            }
        }
        for change in changed {
            self.status_changed(&change, out);
        }
    }

    fn ping(&mut self, now: Now, key: &ContactKey, out: &mut Actions) -> Result<(), String> {
        let contact = self.pinged(key).ok_or("it is gone")?;
        // Asterisk pings on behalf of an endpoint, and none means no ping.
        let endpoint = contact.endpoint.as_deref().ok_or("no endpoint lists the aor")?;
        let uri = Uri::parse(contact.uri.as_bytes()).map_err(|fault| fault.to_string())?;
        let proxy = self.proxy_of(key, endpoint);
        let route = if proxy.is_empty() { contact.path.as_str() } else { &proxy };
        let first_hop = first_uri(route);
        let next = match first_hop {
            Some(text) => Uri::parse(text.as_bytes()).map_err(|fault| fault.to_string())?,
            None => uri,
        };
        let from_user = &endpoint.extra().from_user;
        let user: &str = if from_user.is_empty() { &endpoint.name } else { from_user };
        let target = self.target(&next, contact.flow, Some(endpoint), user)?;
        let text = self.options_text(&uri, (user, endpoint, route), &target.sent_by);
        let ping = self.next_ping;
        self.next_ping += 1;
        let sent = self.transactions.clients.send(
            now.at,
            Owner::Qualify(ping),
            &text,
            target.clone(),
            Vec::new(),
            &mut out.outbox,
        );
        sent.map_err(|_| "too many transactions are alive")?;
        self.told(out, target.to.remote);
        self.counters.count(Counter::QualifySent);
        self.pings.insert(ping, key.clone());
        Ok(())
    }

    /// Everything of the request but Via and Contact.
    fn options_text(
        &mut self,
        uri: &Uri<'_>,
        (user, endpoint, route): (&str, &Endpoint, &str),
        sent_by: &str,
    ) -> Vec<u8> {
        let mut text = Vec::with_capacity(512);
        let mut bare = Vec::with_capacity(uri.raw.len());
        crate::sip::nat::write_without_internal(&mut bare, uri);
        let global = Arc::clone(&self.directory.objects.global);
        let own_host = sent_by.rsplit_once(':').map_or(sent_by, |(host, _)| host);
        let domain = &endpoint.options.from_domain;
        let host: &str = if domain.is_empty() { own_host } else { domain };
        let (mut tag, mut call_id) = (Vec::new(), Vec::new());
        mint::tag(Shard(0), &mut self.rng, &mut tag);
        mint::call_id(&mut self.rng, &mut call_id);
        let cseq = 1 + self.rng.below(65_000);
        let mut writer = Writer::request(&mut text, b"OPTIONS", &bare);
        writer
            .pieces(Header::From, &[b"<sip:", user.as_bytes(), b"@", host.as_bytes(), b">;tag=", &tag])
            .pieces(Header::To, &[b"<", &bare, b">"])
            .header(Header::CallId, &call_id)
            .pieces(Header::CSeq, &[cseq.to_string().as_bytes(), b" OPTIONS"]);
        if !route.is_empty() {
            writer.header(Header::Route, route.as_bytes());
        }
        writer
            .number(Header::MaxForwards, u64::from(global.max_forwards))
            .header(Header::UserAgent, global.user_agent.as_bytes());
        writer.finish();
        text
    }

    /// A response to one of our requests.
    pub(super) fn hear_response(&mut self, now: Now, message: &Message<'_>, out: &mut Actions) {
        let heard = self.transactions.clients.receive(now.at, message, &mut out.outbox);
        let (Heard::Response { owner: Owner::Qualify(ping), .. }, Some(code)) = (heard, message.status())
        else {
            return;
        };
        if code < 200 {
            return;
        }
        let Some(key) = self.pings.remove(&ping) else { return };
        if let Some(change) = self.qualify.answered(now.at, &key, code) {
            self.status_changed(&change, out);
        }
    }

    /// Timers of transactions, and what broke.
    pub(super) fn transactions_due(&mut self, now: Now, out: &mut Actions) {
        let mut events = std::mem::take(&mut self.transaction_events);
        self.transactions.expire(now.at, crate::base::limits::BATCH * 16, &mut out.outbox, &mut events);
        for event in events.drain(..) {
            let (Event::TimedOut { owner, .. } | Event::TransportFailed { owner, .. }) = event else {
                continue;
            };
            let Owner::Qualify(ping) = owner;
            if let Some(key) = self.pings.remove(&ping)
                && let Some(change) = self.qualify.failed(now.at, &key)
            {
                self.status_changed(&change, out);
            }
        }
        self.transaction_events = events;
    }

    fn status_changed(&mut self, change: &Changed, out: &mut Actions) {
        let (aor, _) = &change.contact;
        self.ears.log(out, Level::Verbose, OPTIONS, || {
            let uri = self.pinged(&change.contact).map(|contact| contact.uri).unwrap_or_default();
            let rtt = match change.after {
                Status::Available(rtt) => format!("  RTT: {:.3} msec", rtt.as_secs_f64() * 1e3),
                _ => String::new(),
            };
            format!("Contact {aor}/{uri} is now {}.{rtt}", change.after.long())
        });
    }

    fn pinged(&self, (aor, hash): &ContactKey) -> Option<Pinged> {
        if let Some(binding) = self.registrar.contacts(aor).find(|binding| binding.hash == *hash) {
            return Some(Pinged {
                uri: binding.uri.to_string(),
                path: binding.path.to_string(),
                flow: binding.flow,
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
        Some(Pinged { uri, path, flow: FlowId::DATAGRAM, endpoint: self.first_endpoint(aor) })
    }

    fn first_endpoint(&self, aor: &Name) -> Option<Arc<Endpoint>> {
        let name = self.directory.users(Kind::Aor, aor).into_iter().min()?;
        self.directory.endpoint(&name).cloned()
    }

    /// The aor's outbound proxy, else the endpoint's.
    fn proxy_of(&self, key: &ContactKey, endpoint: &Endpoint) -> String {
        let of_aor =
            self.directory.aor(&key.0).map(|aor| aor.options.outbound_proxy.clone()).unwrap_or_default();
        let proxy = if of_aor.is_empty() { endpoint.options.outbound_proxy.clone() } else { of_aor };
        match proxy.is_empty() || proxy.starts_with('<') {
            true => proxy.to_string(),
            false => format!("<{proxy}>"),
        }
    }
}

/// The first URI of a Route value.
fn first_uri(route: &str) -> Option<&str> {
    let start = route.find('<')? + 1;
    let end = start + route[start..].find('>')?;
    Some(&route[start..end])
}
