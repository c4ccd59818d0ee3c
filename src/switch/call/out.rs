//! Calling somebody: the way is sought, then ports are opened, then the INVITE goes out.

use super::channel::{Channel, ChannelId, Side, State, Way};
use super::pjsip_fields::with_params;
use super::place::Located;
use super::ports::SlotState;
use super::subroutine::Then;
use super::{capability, identity};
use crate::base::ids::{FlowId, TransportId};
use crate::base::time::Now;
use crate::sdp::{CodecKind, Direction, Encryption, Format, MediaKind, Proposal};
use crate::session::{Credentials, MediaSetup, Outgoing, Session};
use crate::sip::flow::{Arrival, Protocol};
use crate::sip::nat;
use crate::sip::transaction::Target;
use crate::sip::wire::Uri;
use crate::switch::Switch;
use crate::switch::advertise::interface_towards;
use crate::switch::io::Actions;
use crate::switch::requests::Owner;
use crate::switch::route::{Routed, Targets, Way as Sought};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

/// A call that is being placed.
#[derive(Debug)]
pub(super) struct Placing {
    /// The request URI.
    request_uri: Vec<u8>,
    /// Route values.
    routes: Vec<Box<[u8]>>,
    /// Where it goes, once known.
    targets: Vec<Target>,
    /// What each stream offers.
    streams: Streams,
}

/// Streams to offer, and with which codecs.
type Streams = Vec<(MediaKind, Vec<Format>)>;

impl Switch {
    /// Makes a channel that calls `resource` for `caller`, or for nobody. What follows comes back through
    /// [`Switch::placing_routed`] and the ports' events; a failure after this as the leg's end.
    ///
    /// # Errors
    /// The hangup cause, and why in words.
    pub(super) fn place_call(
        &mut self,
        now: Now,
        caller: Option<ChannelId>,
        resource: &str,
        out: &mut Actions,
    ) -> Result<ChannelId, (u8, String)> {
        let located = self.locate(resource)?;
        if self.calls.channels.len() >= crate::base::limits::CHANNELS {
            return Err((42, "too many channels are alive".into()));
        }
        if capability::encryption(&located.endpoint) != Encryption::None {
            let why = format!(
                "media_encryption of endpoint '{}' is not served by this version",
                located.endpoint.name
            );
            return Err((58, why));
        }
        let streams = self.streams_for(caller, &located)?;
        let nowhere = Way {
            transport: TransportId(0),
            flow: FlowId::DATAGRAM,
            remote: SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0),
            local: Ipv4Addr::UNSPECIFIED.into(),
        };
        let id = self.new_channel(now, located.endpoint.clone(), nowhere, Side::Called(caller));
        self.introduce(caller, id);
        if let Some(channel) = self.calls.channels.get_mut(&id) {
            channel.called_at = located.contact.clone();
        }
        let placing = placing_of(&located, streams).map_err(|why| {
            self.discard(id);
            (3, why)
        })?;
        let hop = placing.hop();
        let routed = self.seek(now, id, (&hop, &located), out);
        if let Some(channel) = self.calls.channels.get_mut(&id) {
            channel.placing = Some(Box::new(placing));
        }
        self.calls.touched.insert(id);
        match routed {
            Ok(Routed::Now(targets)) => self.placing_targets(id, targets, out),
            Ok(Routed::Wait(_)) => {}
            Err(why) => {
                self.discard(id);
                return Err((3, why));
            }
        }
        Ok(id)
    }

    fn seek(
        &mut self,
        now: Now,
        id: ChannelId,
        (hop, located): (&[u8], &Located),
        out: &mut Actions,
    ) -> Result<Routed, String> {
        let uri = Uri::parse(hop).map_err(|fault| fault.to_string())?;
        let user = self.own_user(id);
        if let Some(channel) = self.calls.channels.get_mut(&id) {
            channel.own_user = user.as_str().into();
        }
        let way = Sought {
            hop: uri,
            transport: &located.endpoint.options.transport,
            known: located.known.filter(|_| !located.has_proxy()),
            contact_user: &user,
        };
        self.route(now, &way, Owner::Placing(id.0), out)
    }

    /// The user by which a channel's phone knows us when we called it: `contact_user` and its relatives.
    fn own_user(&self, id: ChannelId) -> String {
        let Some(channel) = self.calls.channels.get(&id) else { return String::new() };
        self.identity_towards(channel, "").contact_user
    }

    /// What identifies us in the INVITE of a channel; `host` is our address towards its phone.
    fn identity_towards(&self, channel: &Channel, host: &str) -> identity::Outbound {
        let global = &self.directory.objects.global;
        let caller = self.caller_side(channel.id).and_then(|caller| self.calls.channels.get(&caller));
        let inherited =
            caller.and_then(|caller| caller.program.as_ref()).map(|program| program.variables().inherited());
        let own = identity::Own {
            host,
            default_from_user: &global.default_from_user,
            from_domain: inherited.as_ref().and_then(|all| all.value("SIPFROMDOMAIN")).unwrap_or_default(),
            callerid_contact: global.use_callerid_contact,
        };
        identity::outbound(&channel.endpoint, &channel.connected, &channel.redirecting, &own)
    }

    /// Caller id, connected line and inherited variables of a new leg.
    pub(super) fn introduce(&mut self, caller: Option<ChannelId>, id: ChannelId) {
        let Some(from) = caller.and_then(|caller| self.calls.channels.get(&caller)) else { return };
        let (party, redirecting, dialled) =
            (from.caller.clone(), from.redirecting.clone(), from.dialled.clone());
        let (headers, variables) = (from.inherited_headers(), from.variables().inherited());
        let forwards_left = from.forwards_left.saturating_sub(1);
        let Some(leg) = self.calls.channels.get_mut(&id) else { return };
        leg.connected = party;
        leg.redirecting = redirecting;
        // The number that was called is the called side's own.
        leg.caller.number = dialled.to_string();
        leg.headers = headers;
        leg.variables = variables;
        leg.forwards_left = forwards_left;
    }

    /// The streams to offer: of each kind the caller has, what both can carry.
    fn streams_for(&self, caller: Option<ChannelId>, located: &Located) -> Result<Streams, (u8, String)> {
        let capabilities = capability::of(&located.endpoint);
        // A caller without media of its own (a Local channel that nobody called) takes what there is.
        let heard =
            caller.and_then(|caller| self.media_of(caller)).and_then(|id| self.calls.channels.get(&id));
        let theirs = heard.map_or_else(|| capabilities.formats.clone(), Channel::formats);
        let mut streams = Vec::new();
        for (kind, media) in [(CodecKind::Audio, MediaKind::Audio), (CodecKind::Video, MediaKind::Video)] {
            let offered: Vec<Format> = theirs.iter().filter(|f| f.codec.kind() == kind).cloned().collect();
            let formats = capability::offered(&capabilities, kind, &offered);
            if !formats.is_empty() {
                streams.push((media, formats));
            }
        }
        if streams.is_empty() {
            let list = |formats: &[Format]| {
                formats.iter().map(|format| format.codec.name()).collect::<Vec<_>>().join("|")
            };
            let why = format!(
                "no codec in common: the caller has ({}), endpoint '{}' allows ({})",
                list(&theirs),
                located.endpoint.name,
                list(&capabilities.formats)
            );
            return Err((58, why));
        }
        Ok(streams)
    }

    /// The way of a call that is being placed is known, or why there is none.
    pub(in crate::switch) fn placing_routed(
        &mut self,
        now: Now,
        channel: u64,
        targets: Result<Targets, String>,
        out: &mut Actions,
    ) {
        let id = ChannelId(channel);
        match targets {
            Ok(targets) => self.placing_targets(id, targets, out),
            Err(why) => self.leg_failed(now, id, (3, why), out),
        }
        self.settle(now, out);
    }

    fn placing_targets(&mut self, id: ChannelId, targets: Targets, out: &mut Actions) {
        let to = targets.first.to;
        let local = self.transports.get(&to.transport).map(|bound| interface_towards(bound, to.remote.ip()));
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        let Some(placing) = &mut channel.placing else { return };
        placing.targets = std::iter::once(targets.first).chain(targets.later).collect();
        let streams: Vec<_> = placing.streams.iter().map(|(kind, _)| kind.clone()).collect();
        channel.way = Way {
            transport: to.transport,
            flow: to.flow,
            remote: to.remote,
            local: local.unwrap_or(Ipv4Addr::LOCALHOST.into()),
        };
        for (at, kind) in streams.into_iter().enumerate() {
            self.open_port(id, at, kind, out);
        }
    }

    /// A port of a call that is being placed is open, or cannot be opened.
    pub(super) fn port_for_placing(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get(&id) else { return };
        if channel.slots.iter().any(|slot| slot.state == SlotState::Opening) {
            return;
        }
        let Some(placing) = &channel.placing else { return };
        let mut streams = placing.streams.iter().enumerate();
        if !streams.any(|(at, (kind, _))| self.local_of(channel, at, kind).is_some()) {
            return self.leg_failed(now, id, (42, "no RTP port is free".into()), out);
        }
        self.predial(now, id, out);
    }

    /// The subroutine of option `b`, if the `Dial` has one; then the channel calls.
    pub(super) fn predial(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        let subroutine = self.caller_side(id).and_then(|caller| {
            let caller = self.calls.channels.get(&caller)?;
            let super::channel::Doing::Dialling(dialling) = &caller.doing else { return None };
            Some((dialling.dial.options.predial_called.clone()?, caller.place()?))
        });
        let done = match subroutine {
            Some((jump, here)) => self.call_subroutine(now, id, (&jump, &here), Then::CallOut, out),
            None => Err(Then::CallOut),
        };
        if done.is_err() {
            self.call_out(now, id, out);
        }
    }

    pub(super) fn call_out(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        if self.calls.channels.get(&id).is_some_and(|channel| channel.local.is_some()) {
            return self.local_call(now, id, out);
        }
        let Some(placing) = self.calls.channels.get_mut(&id).and_then(|channel| channel.placing.take())
        else {
            return;
        };
        let streams: Vec<MediaKind> = placing.streams.iter().map(|(kind, _)| kind.clone()).collect();
        let early = self.early_target(id, &streams).unwrap_or_default();
        if let Some(channel) = self.calls.channels.get_mut(&id) {
            channel.told = early;
        }
        let Some(channel) = self.calls.channels.get(&id) else { return };
        let proposals = placing.streams.iter().enumerate().map(|(at, (kind, formats))| {
            let local = self.local_of(channel, at, kind);
            match local.map(|own| super::redirect::place_for(early, own)) {
                Some(local) => Proposal::Rtp {
                    kind: kind.clone(),
                    local,
                    formats: formats.clone(),
                    direction: Direction::SendRecv,
                },
                None => Proposal::Removed { kind: kind.clone() },
            }
        });
        let proposals = proposals.collect();
        let Some(outgoing) = self.outgoing(channel, *placing, proposals) else { return };
        let session = self.make_session(now, id, |cx| Session::outgoing(cx, outgoing), out);
        if let Some(channel) = self.calls.channels.get_mut(&id) {
            if let Some(session) = &session {
                let (linked, name) = (&channel.linked_id, &channel.name);
                self.trace.leg(now.wall, linked, name, &channel.endpoint.name, session.own_call_id());
            }
            channel.session = session.map(Box::new);
            channel.state = State::Down;
        }
        self.carry(now, id, out);
    }

    fn outgoing(&self, channel: &Channel, placing: Placing, proposals: Vec<Proposal>) -> Option<Outgoing> {
        let endpoint = &channel.endpoint;
        let first = placing.targets.first()?;
        let who = self.identity_towards(channel, &self.interface_host(&first.to));
        let mut extra = who.lines;
        extra.extend_from_slice(&self.transfer_lines(channel.id));
        for (name, value) in &channel.headers {
            extra.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        let contact = first.contact.clone()?;
        let secure = first.to.protocol == Protocol::Tls;
        let path = channel.called_at.as_ref().is_some_and(|(aor, _)| self.supports_path(aor));
        Some(Outgoing {
            to: [b"<", &placing.request_uri[..], b">"].concat().into(),
            request_uri: placing.request_uri.into(),
            routes: placing.routes,
            from: with_params(who.from, &channel.from_params).into(),
            contact,
            secure,
            path,
            targets: placing.targets,
            extra,
            proposals,
            media: self.media_setup_beside(channel),
            auths: self.credentials(channel),
            endpoint: Arc::clone(endpoint),
        })
    }

    /// Our side of the media, under the payload numbers of the caller's phone.
    fn media_setup_beside(&self, channel: &Channel) -> MediaSetup {
        let mut setup = self.media_setup(channel.id);
        let caller = self.caller_side(channel.id).and_then(|caller| self.calls.channels.get(&caller));
        setup.capabilities.numbers = caller.map(Channel::numbers).unwrap_or_default();
        setup
    }

    /// `outbound_auth`, as far as its objects exist.
    fn credentials(&self, channel: &Channel) -> Vec<Credentials> {
        self.directory.credentials(&channel.endpoint.extra().outbound_auth)
    }

    /// Our address on the transport a message came by, as its sender reaches it.
    pub(super) fn own_address(&self, arrival: &Arrival) -> IpAddr {
        let local = arrival.local.ip();
        if !local.is_unspecified() {
            return local;
        }
        let bound = self.transports.get(&arrival.transport);
        bound.map_or(local, |bound| interface_towards(bound, arrival.source.ip()))
    }
}

impl Placing {
    /// Codecs of all streams.
    pub fn formats(&self) -> Vec<Format> {
        self.streams.iter().flat_map(|(_, formats)| formats.iter().cloned()).collect()
    }

    /// Offers these codecs in the stream of that kind.
    pub fn offer(&mut self, kind: &MediaKind, formats: Vec<Format>) {
        if let Some((_, offered)) = self.streams.iter_mut().find(|(known, _)| known == kind) {
            *offered = formats;
        }
    }

    /// The URI of the next hop.
    fn hop(&self) -> Vec<u8> {
        let route = self.routes.first().and_then(|route| {
            let address = crate::sip::wire::NameAddr::parse(route).ok()?;
            Some(address.uri_text.to_vec())
        });
        route.unwrap_or_else(|| self.request_uri.clone())
    }
}

fn placing_of(located: &Located, streams: Streams) -> Result<Placing, String> {
    let uri = Uri::parse(located.uri.as_bytes()).map_err(|fault| format!("{}: {fault}", located.uri))?;
    let mut bare = Vec::with_capacity(uri.raw.len());
    nat::write_without_internal(&mut bare, &uri);
    // Headers have no place in a request URI (RFC 3261 19.1.1).
    if !uri.headers.is_empty() {
        bare.truncate(memchr::memchr(b'?', &bare).unwrap_or(bare.len()));
    }
    let request_uri = match &located.user {
        Some(user) => {
            let bare = Uri::parse(&bare).map_err(|fault| fault.to_string())?;
            identity::with_user(&bare, user)
        }
        None => bare,
    };
    let mut routes = Vec::new();
    if located.has_proxy() {
        let proxy = &located.proxy;
        let value = if proxy.starts_with('<') { proxy.clone() } else { format!("<{proxy}>") };
        routes.push(value.into_bytes().into());
    }
    let path = crate::sip::wire::text::List::new(located.path.as_bytes());
    routes.extend(path.filter(|value| !value.is_empty()).map(Box::from));
    Ok(Placing { request_uri, routes, targets: Vec::new(), streams })
}
