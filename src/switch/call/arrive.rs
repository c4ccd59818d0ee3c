//! An INVITE outside any dialog becomes a channel with a dialplan running on it.

use super::channel::{Channel, ChannelId, Doing, Settings, Side, State, Way};
use super::place::Destination;
use super::{Work, capability, identity, redirecting};
use crate::base::party::plain;
use crate::base::time::Now;
use crate::base::{digits, limits};
use crate::config::model::Endpoint;
use crate::dialplan::variables::Variables;
use crate::dialplan::{Place, Program};
use crate::sdp::Encryption;
use crate::session::{Incoming, MediaSetup, Session};
use crate::sip::flow::Protocol;
use crate::sip::nat;
use crate::sip::transaction::ServerTx;
use crate::sip::wire::{Header, Scheme};
use crate::switch::Switch;
use crate::switch::inbound::Admitted;
use crate::switch::io::Actions;
use crate::switch::requests::Owner;
use crate::switch::view::Level;
use std::sync::Arc;

/// `CHANNEL(max_forwards)` of a new channel: how many calls in a row one may lead to (Asterisk's default).
const MAX_FORWARDS: u8 = 20;

const SESSION: &str = "res_pjsip_session.c";

/// What an INVITE wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arriving {
    /// An extension.
    Dials,
    /// The place of a channel.
    Replaces(ChannelId),
    /// A call that rings for its pickup groups.
    PicksUp,
}

impl Switch {
    /// An INVITE that passed identification and authentication, in its transaction.
    pub(in crate::switch) fn invite(
        &mut self,
        now: Now,
        admitted: &Admitted<'_, '_>,
        tx: ServerTx,
        out: &mut Actions,
    ) {
        let (inbound, endpoint) = (admitted.request(), admitted.endpoint());
        let Ok(uri) = inbound.message.uri() else { return };
        let exten = self.dialled_user(&uri);
        let caller = identity::caller_of(endpoint, &inbound.message, &inbound.envelope);
        let replaced = match self.replaced_by(&inbound.message) {
            Ok(replaced) => replaced,
            Err((code, why)) => {
                self.ears.log(out, Level::Notice, SESSION, || {
                    format!("{}: INVITE with Replaces refused with {code}: {why}", inbound.arrival.source)
                });
                return self.respond(now, inbound, tx, (code, ""), out);
            }
        };
        let arriving = match replaced {
            Some(replaced) => Arriving::Replaces(replaced),
            None if exten == self.services.features.pickup_exten => Arriving::PicksUp,
            None => Arriving::Dials,
        };
        // Who takes a call dials nobody.
        let destination = match arriving {
            Arriving::Replaces(_) | Arriving::PicksUp => Destination::Found(exten.clone()),
            Arriving::Dials => self.destination(now, endpoint, &exten, &caller.number),
        };
        match destination {
            Destination::Found(_) => {}
            Destination::Incomplete => return self.respond(now, inbound, tx, (484, ""), out),
            Destination::Missing(context) => {
                self.ears.log(out, Level::Notice, SESSION, || {
                    let (name, protocol) = (&endpoint.name, inbound.arrival.protocol.via_token());
                    let from = plain(inbound.arrival.source);
                    format!(
                        "{name}: Call ({protocol}:{from}) to extension '{exten}' rejected because extension not found \
                         in context '{context}'."
                    )
                });
                return self.respond(now, inbound, tx, (404, ""), out);
            }
        }
        if self.calls.channels.len() >= limits::CHANNELS {
            return self.respond(now, inbound, tx, (503, ""), out);
        }
        let secure = matches!(inbound.arrival.protocol, Protocol::Tls | Protocol::Wss);
        if uri.scheme == Scheme::Sips && !secure {
            return self.respond_with(now, inbound, tx, (480, ""), out, |writer| {
                writer.header(Header::Warning, b"381 SIP \"SIPS Required\"");
            });
        }
        if capability::encryption(endpoint) != Encryption::None {
            self.ears.log(out, Level::Warning, SESSION, || {
                format!(
                    "{}: media_encryption of endpoint '{}' is not served by this version: refused with 488",
                    inbound.arrival.source, endpoint.name
                )
            });
            return self.respond(now, inbound, tx, (488, ""), out);
        }
        self.admit_call(now, admitted, tx, (exten, caller, arriving), out);
    }

    fn admit_call(
        &mut self,
        now: Now,
        admitted: &Admitted<'_, '_>,
        tx: ServerTx,
        (exten, caller, arriving): (String, super::channel::Party, Arriving),
        out: &mut Actions,
    ) {
        let (inbound, endpoint) = (admitted.request(), admitted.endpoint());
        let way = Way {
            transport: inbound.arrival.transport,
            flow: inbound.arrival.flow,
            remote: inbound.arrival.source,
            local: self.own_address(&inbound.arrival),
        };
        let id = self.new_channel(now, endpoint.clone(), way, Side::Caller);
        self.calls.processed += 1;
        let own = &endpoint.extra().contact_user;
        let user: &str = if own.is_empty() { &exten } else { own };
        let contact = self.target_at(inbound.arrival.back(), (false, user)).and_then(|target| target.contact);
        let contact = contact.unwrap_or_else(|| {
            String::from_utf8_lossy(&identity::address("", user, &digits::host_text(way.local), false)).into()
        });
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        channel.caller = caller;
        channel.redirecting = redirecting::redirecting_of(&inbound.message);
        channel.dialled = exten.as_str().into();
        channel.state = State::Ring;
        if arriving == Arriving::Dials {
            channel.program = Some(Program::new(Place::new(&endpoint.options.context, &exten, 1)));
        }
        let domain = inbound.message.uri().map(|uri| uri.host.to_string()).unwrap_or_default();
        let set = endpoint.extra().set_var.iter().map(|(name, value)| (&**name, &**value));
        self.set_variables(id, set.chain([("SIPDOMAIN", &*domain)]), out);
        let (to, _) = nat::response_destination(&inbound.envelope.via, &inbound.arrival, inbound.force_rport);
        let media = self.media_setup(id);
        let incoming = Incoming {
            request: &inbound.message,
            envelope: &inbound.envelope,
            tx,
            to,
            arrival: inbound.arrival,
            contact,
            endpoint: endpoint.clone(),
            media,
        };
        self.transactions.servers.set_owner(tx, Owner::Call(id.0, 0));
        let made = self.make_session(now, id, |cx| Session::incoming(cx, incoming), out);
        match made {
            Some(Ok(session)) => {
                if let Some(channel) = self.calls.channels.get_mut(&id) {
                    let (linked, name) = (&channel.linked_id, &channel.name);
                    let call_id = inbound.envelope.call_id;
                    self.trace.leg(now.wall, linked, name, &channel.endpoint.name, call_id);
                    channel.session = Some(Box::new(session));
                }
                self.carry(now, id, out);
                match arriving {
                    Arriving::Replaces(replaced) => self.take_place(now, id, replaced, out),
                    Arriving::PicksUp => self.pick_up_group(now, id, out),
                    Arriving::Dials => self.calls.work.push_back(Work::Run(id)),
                }
            }
            Some(Err(refused)) => {
                self.carry(now, id, out);
                self.ears.log(out, Level::Warning, SESSION, || {
                    format!(
                        "{}: INVITE refused with {}: {}",
                        inbound.arrival.source, refused.code, refused.why
                    )
                });
                self.discard(id);
            }
            None => {}
        }
        self.calls.touched.insert(id);
        self.settle(now, out);
    }

    /// A channel without session and dialplan.
    pub(super) fn new_channel(
        &mut self,
        now: Now,
        endpoint: Arc<Endpoint>,
        way: Way,
        side: Side,
    ) -> ChannelId {
        let id = ChannelId(self.calls.next_channel);
        self.calls.next_channel += 1;
        let name = format!("PJSIP/{}-{:08x}", endpoint.name, self.calls.next_name);
        self.calls.next_name = self.calls.next_name.wrapping_add(1);
        self.add_channel(now, id, (name, endpoint), (way, side))
    }

    /// A channel of that number and name.
    pub(super) fn add_channel(
        &mut self,
        now: Now,
        id: ChannelId,
        (name, endpoint): (String, Arc<Endpoint>),
        (way, side): (Way, Side),
    ) -> ChannelId {
        let unique_id: Box<str> = format!("{}.{}", self.started.wall.secs(), id.0).into();
        let linked_id = match side {
            Side::Called(Some(caller)) => {
                self.calls.channels.get(&caller).map(|caller| caller.linked_id.clone())
            }
            _ => None,
        };
        let settings = Settings {
            account_code: endpoint.extra().accountcode.to_string(),
            language: endpoint.options.language.to_string(),
            tone_zone: endpoint.options.tone_zone.to_string(),
            ..Settings::default()
        };
        let channel = Channel {
            id,
            name: name.into(),
            linked_id: linked_id.unwrap_or_else(|| unique_id.clone()),
            unique_id,
            made: now,
            answered: None,
            endpoint,
            way,
            session: None,
            requests: Vec::new(),
            waiting: Vec::new(),
            own_user: Box::default(),
            placing: None,
            slots: Vec::new(),
            state: State::Down,
            side,
            program: None,
            doing: Doing::Nothing,
            bridge: None,
            caller: Default::default(),
            connected: Default::default(),
            redirecting: Default::default(),
            dialled: Box::default(),
            settings,
            headers: Vec::new(),
            cause: 0,
            causes: Vec::new(),
            hangup_source: None,
            hung_up: false,
            ended: false,
            scheduled: None,
            digits: Vec::new(),
            inheritable: Vec::new(),
            early_media: false,
            is_told_to_hold: false,
            had_fax: false,
            fax: None,
            is_kept: false,
            watcher: None,
            is_leaving: false,
            uses: Vec::new(),
            told: Default::default(),
            redirect_at: None,
            moved: false,
            pressed: super::features::Pressed::default(),
            service: None,
            transferred_by: None,
            own_features: None,
            suspended: None,
            lamp: None,
            sound: Default::default(),
            trouble: None,
            text: None,
            local: None,
            early: None,
            variables: Variables::default(),
            forwards_left: MAX_FORWARDS,
            origin: None,
            periodic: Default::default(),
            seated: None,
            attending: None,
            wishes: None,
            held: None,
            spying: None,
            sending: None,
            hangup_place: None,
            calling: None,
            called_at: None,
            from_params: Vec::new(),
            next_offer: Vec::new(),
            response: None,
            groups: Vec::new(),
            shared: Vec::new(),
            steps: 0,
            limits: None,
            after_bridge: None,
        };
        self.calls.channels.insert(id, channel);
        id
    }

    /// Forgets a channel that never came to be.
    pub(super) fn discard(&mut self, id: ChannelId) {
        if let Some(channel) = self.calls.channels.get_mut(&id) {
            channel.program = None;
            channel.session = None;
            channel.hung_up = true;
            channel.ended = true;
        }
        self.calls.touched.insert(id);
    }

    /// Our side of a channel's media.
    pub(super) fn media_setup(&self, id: ChannelId) -> MediaSetup {
        let channel = &self.calls.channels[&id];
        MediaSetup {
            identity: self.sdp_identity(channel),
            capabilities: capability::of(&channel.endpoint),
            all_codecs_on_empty_reinvite: self.directory.objects.global.all_codecs_on_empty_reinvite,
        }
    }
}
