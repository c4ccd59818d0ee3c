//! SUBSCRIBE: what is refused and why, what is taken on, refreshes and ends (`behaviour-pubsub` 1, 2).

use super::PUBSUB;
use crate::base::ids::{FlowId, Name};
use crate::base::limits;
use crate::base::time::Now;
use crate::config::model::Endpoint;
use crate::pubsub::{
    BodyType, Ended, Life, Notifying, Package, Resource, SlotId, Subscription, Way, package,
};
use crate::sip::dialog::{Dialog, DialogKey, Incoming};
use crate::sip::flow::{Arrival, Protocol};
use crate::sip::method::Method;
use crate::sip::mint::{self, Shard};
use crate::sip::nat::{self, Rewrite};
use crate::sip::transaction::Received;
use crate::sip::wire::{Header, Message, NameAddr, Params, ViaStamp, Writer};
use crate::switch::Switch;
use crate::switch::inbound::{Admitted, Inbound};
use crate::switch::io::Actions;
use crate::switch::view::Level;

/// Why a SUBSCRIBE is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub code: u16,
    /// For the log; empty for nothing to say.
    pub why: String,
    pub level: Level,
    pub origin: &'static str,
}

impl Refusal {
    pub fn new(code: u16, why: impl Into<String>) -> Refusal {
        Refusal { code, why: why.into(), level: Level::Warning, origin: PUBSUB }
    }
}

/// What a SUBSCRIBE asks for, once it is sound.
pub(super) struct Asked {
    pub package: Package,
    pub body: BodyType,
    pub secs: u32,
    pub resource: String,
    /// Whether the phone can read lists (RFC 4662).
    pub eventlist: bool,
}

/// What is granted to whoever asks for no time.
const DEFAULT_SECS: u32 = 3600;

impl Switch {
    /// A SUBSCRIBE outside any dialog.
    pub(in crate::switch) fn subscribe(&mut self, now: Now, admitted: &Admitted<'_, '_>, out: &mut Actions) {
        let mut request = *admitted.request();
        if !self.begin(now, &mut request, out) {
            return;
        }
        let endpoint = admitted.endpoint();
        let taken = self
            .asked(&request.message, endpoint)
            .and_then(|asked| self.take_subscription(now, (&request, endpoint), asked));
        match taken {
            Ok(id) => {
                self.grant(now, id, &request, out);
                self.notify(now, id, out);
            }
            Err(refusal) => self.refuse_subscribe(&request, endpoint, &refusal, out),
        }
    }

    /// The checks of `behaviour-pubsub` 1, in its order.
    pub(super) fn asked(&self, message: &Message<'_>, endpoint: &Endpoint) -> Result<Asked, Refusal> {
        let name = &endpoint.name;
        if !endpoint.options.allow_subscribe {
            return Err(Refusal::new(
                603,
                format!("Endpoint '{name}' may not subscribe (allow_subscribe=no)"),
            ));
        }
        let uri = message.uri().ok().filter(|uri| uri.is_sip());
        let uri = uri.ok_or_else(|| Refusal::new(416, "Its request URI is no SIP URI"))?;
        let secs = match message.number(Header::Expires) {
            None => DEFAULT_SECS,
            Some(Some(0)) => {
                return Err(Refusal::new(
                    400,
                    format!("Subscription of '{name}' for 0 seconds: nothing is polled"),
                ));
            }
            Some(Some(secs)) => secs,
            Some(None) => return Err(Refusal::new(400, "Its Expires is no number")),
        };
        let least = endpoint.options.sub_min_expiry_secs;
        if secs < least {
            return Err(Refusal::new(
                423,
                format!("Endpoint '{name}' asked for {secs} s, less than sub_min_expiry={least}"),
            ));
        }
        let event = message.header(Header::Event).unwrap_or_default();
        let word = event.split(|b| *b == b';').next().unwrap_or_default().trim_ascii();
        let shown = String::from_utf8_lossy(word);
        let package = Package::named(word).ok_or_else(|| {
            Refusal::new(489, format!("No registered subscribe handler for event {shown} from {name}"))
        })?;
        let body = package.negotiate(message.values(Header::Accept)).ok_or_else(|| {
            let accept: Vec<_> = message.values(Header::Accept).map(String::from_utf8_lossy).collect();
            Refusal::new(
                489,
                format!("No body of event {shown} is any of '{}' that {name} accepts", accept.join(", ")),
            )
        })?;
        let mut resource = uri.user_text();
        if self.directory.objects.global.ignore_uri_user_options
            && let Some(at) = resource.find(';')
        {
            resource.truncate(at);
        }
        let eventlist = message.has_token(Header::Supported, b"eventlist")
            || message.has_token(Header::Require, b"eventlist");
        Ok(Asked { package, body, secs, resource, eventlist })
    }

    fn take_subscription(
        &mut self,
        now: Now,
        (request, endpoint): (&Inbound<'_>, &Endpoint),
        asked: Asked,
    ) -> Result<SlotId, Refusal> {
        let mut tag = Vec::with_capacity(16);
        mint::tag(Shard(0), &mut self.rng, &mut tag);
        let first_cseq = self.rng.below(0x7fff) as u32 + 1;
        let stored = self.rng.next_u64() >> 1;
        let identity = Identity { tag: &tag, first_cseq, version: 0, stored };
        let id = self.enter_subscription(now, (request, endpoint), asked, &identity)?;
        self.keep_subscription(now, id, request);
        Ok(id)
    }

    /// Makes the subscription and begins to watch.
    pub(super) fn enter_subscription(
        &mut self,
        now: Now,
        (request, endpoint): (&Inbound<'_>, &Endpoint),
        asked: Asked,
        identity: &Identity<'_>,
    ) -> Result<SlotId, Refusal> {
        let message = &request.message;
        let found = self.find_resource(now, endpoint, &asked)?;
        let over_tls = matches!(request.arrival.protocol, Protocol::Tls | Protocol::Wss);
        let mut dialog =
            Dialog::from_request(message, &request.envelope, identity.tag, over_tls, identity.first_cseq)
                .map_err(|fault| Refusal::new(500, format!("No dialog: {fault}")))?;
        rewrite(&mut dialog, message, &request.arrival, endpoint);
        let agent = message.header(Header::UserAgent).unwrap_or_default();
        let is = |name: &[u8]| agent.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
        let time = std::time::Duration::from_secs(u64::from(asked.secs));
        let subscription = Subscription {
            endpoint: endpoint.name.clone(),
            dialog,
            package: asked.package,
            body: asked.body,
            event: event_of(message).into(),
            resource: asked.resource.as_str().into(),
            watches: Resource::Mailboxes { names: Box::default(), account: Name::default() },
            way: way_of(&request.arrival),
            expires: now.at + time,
            expires_wall: now.wall + time,
            version: identity.version,
            digium: is(b"digium") || is(b"sangoma"),
            life: Life::Active,
            notifying: Notifying::Idle,
            stored: identity.stored,
        };
        let id = self
            .lamps
            .subscriptions
            .insert(subscription)
            .map_err(|_| Refusal::new(503, "There are too many subscriptions"))?;
        let watches = self.watch_found(id, found);
        if let Some(subscription) = self.lamps.subscriptions.get_mut(id) {
            subscription.watches = watches;
        }
        self.lamps.moved(id, FlowId::DATAGRAM, request.arrival.flow);
        self.lamps.refused.remove(&(endpoint.name.clone(), Name::from(asked.resource.as_str())));
        Ok(id)
    }

    fn refuse_subscribe(
        &mut self,
        request: &Inbound<'_>,
        endpoint: &Endpoint,
        refusal: &Refusal,
        out: &mut Actions,
    ) {
        if self.lamps.refused.len() >= limits::REFUSALS {
            self.lamps.refused.clear();
        }
        let resource = request.message.uri().map(|uri| uri.user_text()).unwrap_or_default();
        if resource.len() <= limits::MAILBOX_NAME_BYTES {
            let key = (endpoint.name.clone(), Name::from(resource));
            self.lamps.refused.insert(key, (refusal.code, refusal.why.clone()));
        }
        if !refusal.why.is_empty() {
            self.ears.log(out, refusal.level, refusal.origin, || refusal.why.clone());
        }
        match refusal.code {
            503 => self.overloaded(request, out),
            423 => {
                let least = u64::from(endpoint.options.sub_min_expiry_secs);
                self.answer(request, (423, ""), out, |_, writer| {
                    writer.number(Header::MinExpires, least);
                });
            }
            489 => self.answer(request, (489, ""), out, |_, writer| {
                writer.header(Header::AllowEvents, package::ALLOW_EVENTS);
            }),
            code => self.refuse(request, (code, ""), out),
        }
    }

    /// The 200, with our tag and the time granted.
    fn grant(&mut self, now: Now, id: SlotId, request: &Inbound<'_>, out: &mut Actions) {
        let (Some(subscription), Some(tx)) = (self.lamps.subscriptions.get(id), request.transaction) else {
            return;
        };
        let (to, _) = nat::response_destination(&request.envelope.via, &request.arrival, request.force_rport);
        let key = subscription.dialog.id().key();
        let stamp = ViaStamp { source: request.arrival.source, force_rport: request.force_rport };
        let mut text = Vec::with_capacity(512);
        let mut writer = Writer::response(&mut text, &request.message, stamp, (200, ""), Some(key.local_tag));
        writer.copy(&request.message, Header::RecordRoute);
        writer.number(Header::Expires, subscription.left_secs(now.at));
        if let Some(contact) =
            self.target_at(to, (subscription.dialog.is_secure(), "")).and_then(|t| t.contact)
        {
            writer.header(Header::Contact, contact.as_bytes());
        }
        if matches!(subscription.watches, Resource::List(_)) {
            writer.header(Header::Require, b"eventlist");
        }
        writer.header(Header::AllowEvents, package::ALLOW_EVENTS);
        writer.header(Header::Server, self.directory.objects.global.user_agent.as_bytes());
        writer.finish();
        let servers = &mut self.transactions.servers;
        let sent =
            servers.respond(now.at, tx, 200, to, &mut out.outbox, |bytes| bytes.extend_from_slice(&text));
        if sent.is_ok() {
            self.told(out, to.remote);
        }
    }

    /// The subscription a request belongs to.
    pub(in crate::switch) fn subscription_of(&self, inbound: &Inbound<'_>) -> Option<SlotId> {
        self.lamps.subscriptions.find(&DialogKey::of_request(&inbound.envelope)?)
    }

    /// A request in a subscription's dialog: a refresh, or its end. It is not challenged again.
    pub(in crate::switch) fn in_subscription(
        &mut self,
        now: Now,
        id: SlotId,
        mut inbound: Inbound<'_>,
        out: &mut Actions,
    ) {
        let endpoint = self
            .lamps
            .subscriptions
            .get(id)
            .and_then(|subscription| self.directory.endpoint(&subscription.endpoint))
            .cloned();
        inbound.force_rport = endpoint.as_ref().is_none_or(|endpoint| endpoint.options.force_rport);
        let servers = &mut self.transactions.servers;
        let before = out.outbox.len();
        let received = servers.receive(now.at, &inbound.message, &inbound.envelope, &mut out.outbox);
        self.told_since(before, out);
        match received {
            Received::New(tx) => inbound.transaction = Some(tx),
            Received::Merged => return self.refuse(&inbound, (482, ""), out),
            Received::Full => return self.overloaded(&inbound, out),
            _ => return,
        }
        if inbound.method != Method::Subscribe {
            return self.answer(&inbound, (405, ""), out, |_, writer| {
                writer.header(Header::Allow, b"SUBSCRIBE");
            });
        }
        let Some(subscription) = self.lamps.subscriptions.get_mut(id) else { return };
        if subscription.dialog.receive(&inbound.envelope) == Incoming::OutOfOrder {
            return self.refuse(&inbound, (500, "CSeq out of order"), out);
        }
        let secs = match inbound.message.number(Header::Expires) {
            None => DEFAULT_SECS,
            Some(Some(secs)) => secs,
            Some(None) => return self.refuse(&inbound, (400, "Bad Expires"), out),
        };
        // Another event in this dialog would be another subscription (RFC 6665 4.5.2), which dialogs no longer share.
        if !same_event(&subscription.event, event_of(&inbound.message)) || subscription.life != Life::Active {
            return self.refuse(&inbound, (481, "Subscription does not exist"), out);
        }
        let Some(endpoint) = endpoint else { return self.refuse(&inbound, (404, ""), out) };
        subscription.dialog.refresh_target(&inbound.message);
        rewrite(&mut subscription.dialog, &inbound.message, &inbound.arrival, &endpoint);
        let before = std::mem::replace(&mut subscription.way, way_of(&inbound.arrival)).flow;
        subscription.refresh(now.at, now.wall, secs);
        self.lamps.subscriptions.reschedule(id);
        self.lamps.moved(id, before, inbound.arrival.flow);
        self.keep_refresh(id);
        self.grant(now, id, &inbound, out);
        if secs == 0 {
            self.end_subscription(now, id, Ended::Unsubscribed, out);
        } else {
            self.remake_list(now, id, out);
            self.tell_subscription(now, id, out);
        }
    }
}

/// What a subscription is known by.
pub(super) struct Identity<'a> {
    /// Our tag.
    pub tag: &'a [u8],
    /// Number of the first NOTIFY.
    pub first_cseq: u32,
    /// Version of its body.
    pub version: u32,
    /// Number of its row.
    pub stored: u64,
}

fn way_of(arrival: &Arrival) -> Way {
    Way { transport: arrival.transport, flow: arrival.flow, source: arrival.source, local: arrival.local }
}

/// Event's whole value.
fn event_of<'m>(message: &Message<'m>) -> &'m [u8] {
    message.header(Header::Event).unwrap_or_default().trim_ascii()
}

/// Whether two Event values name the same subscription: package and `id`.
fn same_event(one: &[u8], other: &[u8]) -> bool {
    let parts = |value: &[u8]| {
        let end = value.iter().position(|b| *b == b';').unwrap_or(value.len());
        let id = Params(&value[end..]).value(b"id").map(<[u8]>::to_vec);
        (value[..end].trim_ascii().to_vec(), id)
    };
    parts(one) == parts(other)
}

/// With `rewrite_contact`: the way to the subscriber goes to where its packet came from.
fn rewrite(dialog: &mut Dialog, message: &Message<'_>, arrival: &Arrival, endpoint: &Endpoint) {
    let rule = nat::rewrite_rule(message, arrival.protocol, endpoint.options.rewrite_contact);
    let (Rewrite::RecordRoute(address) | Rewrite::Contact(address)) = rule else { return };
    let Ok(uri) = NameAddr::uri(&address) else { return };
    let mut text = Vec::with_capacity(128);
    nat::write_rewritten(&mut text, &uri, arrival.source, arrival.protocol, false);
    match rule {
        Rewrite::RecordRoute(_) => {
            dialog.set_first_route(&text);
        }
        _ => dialog.set_target(&text),
    }
}
