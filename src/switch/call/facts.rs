//! The facts of a bridge, gathered from its channels, for `bridge::choose`.

use super::capability;
use super::channel::{Channel, ChannelId, Side};
use super::join::Bridge;
use crate::base::ids::Name;
use crate::base::time::Now;
use crate::bridge::{
    BridgeKind, DtmfMode, Facts, Fax, Feature, GlareMitigation, Leg, Method, Place, Setting, Use,
};
use crate::config::model::endpoint_words::{
    DtmfMode as ConfiguredDtmf, GlareMitigation as ConfiguredGlare, RefreshMethod,
};
use crate::config::model::{Endpoint, Object};
use crate::dialplan::apps::dial::DialOptions;
use crate::sip::method::Method as SipMethod;
use crate::switch::Switch;
use crate::switch::view::BridgeView;
use std::net::IpAddr;

impl Switch {
    /// The facts of a bridge. `None` when one of its channels is gone.
    pub(super) fn facts(&self, bridge: &Bridge) -> Option<Facts> {
        let mut legs = Vec::with_capacity(2);
        for (at, id) in bridge.legs.iter().enumerate() {
            let channel = self.calls.channels.get(&self.media_of(*id)?)?;
            legs.push(self.leg(channel, bridge, at));
        }
        let local_channel = self.local_in(bridge).map(|channel| channel.name.clone());
        Some(Facts { legs, kind: BridgeKind::Basic, local_channel })
    }

    /// The facts of a channel that is in more than a bridge of two: `ConfBridge`, `BridgeWait`, `ChanSpy` (S4-111).
    pub(super) fn room_facts(&self, channel: &Channel) -> Option<Facts> {
        let (application, members) = match (&channel.attending, &channel.held, &channel.spying) {
            (Some(attending), ..) => {
                let conference = self.calls.conferences.get(&attending.conference)?;
                ("ConfBridge", conference.members.clone())
            }
            (_, Some(held), _) => ("BridgeWait", self.calls.holding.get(&held.bridge)?.members.clone()),
            (.., Some(spying)) => ("ChanSpy", std::iter::once(channel.id).chain(spying.target).collect()),
            _ => ("atxferthreeway", self.three_with(channel.id)?.into()),
        };
        let leg = |id: &ChannelId| {
            let channel = self.calls.channels.get(&self.media_of(*id)?)?;
            let audio = channel.audio().cloned();
            let place = self.media_place(channel, audio.as_ref());
            let configured =
                self.configured_leg(&channel.endpoint, channel.name.clone(), channel.dtmf_mode());
            Some(Leg { is_up: channel.is_up(), audio, place, uses: channel.uses.clone(), ..configured })
        };
        let legs = members.iter().filter_map(leg).collect();
        Some(Facts { legs, kind: BridgeKind::Mixing { application }, local_channel: None })
    }

    /// Conferences and holding bridges, as bridges.
    pub(super) fn room_views(&self, now: Now) -> Vec<BridgeView> {
        let view = |id: &str, name: &str, members: &[ChannelId], made: Now, technology| BridgeView {
            id: id.to_owned(),
            name: name.to_owned(),
            channels: members
                .iter()
                .filter_map(|id| self.calls.channels.get(id))
                .map(|channel| channel.name.to_string())
                .collect(),
            kind: "base",
            technology,
            duration_secs: now.at.since(made.at).as_secs(),
            why: String::new(),
        };
        let conferences = self.calls.conferences.iter().map(|(name, conference)| {
            view(&conference.unique_id, name, &conference.members, conference.made, "softmix")
        });
        let holding = self.calls.holding.iter().map(|(name, bridge)| {
            view(&bridge.unique_id, name, &bridge.members, bridge.made, "holding_bridge")
        });
        let threes = self.threes().map(|(members, three)| {
            let name = self.calls.channels.get(&members[0]).map(|channel| &*channel.name);
            view(&three.unique_id, name.unwrap_or_default(), &members, three.made, "softmix")
        });
        conferences.chain(holding).chain(threes).collect()
    }

    fn leg(&self, channel: &Channel, bridge: &Bridge, at: usize) -> Leg {
        let session = channel.session.as_ref();
        let agreement = session.and_then(|session| session.agreement());
        let has = |kind| agreement.is_some_and(|agreement| agreement.first(&kind).is_some());
        let other = self.calls.channels.get(&bridge.legs[1 - at]);
        let audio = agreement.and_then(|agreement| agreement.audio().cloned());
        let events = audio.as_ref().is_none_or(|audio| !audio.events.is_empty());
        let dtmf = match channel.dtmf_mode() {
            // What these are is known once it is agreed whether there are events.
            ConfiguredDtmf::Auto if !events => ConfiguredDtmf::Inband,
            ConfiguredDtmf::AutoInfo if !events => ConfiguredDtmf::Info,
            mode => mode,
        };
        Leg {
            is_up: channel.is_up(),
            is_outgoing: session.is_some_and(|session| session.role() == crate::sip::dialog::Role::Uac),
            hooks: self.hooks(bridge, at),
            acl_denies: other
                .and_then(|other| self.acl_denies(channel, &self.media_place(other, other.audio()))),
            has_video: has(crate::sdp::MediaKind::Video),
            fax: channel.fax_so_far(),
            place: self.media_place(channel, audio.as_ref()),
            is_held_by_it: session.is_some_and(|session| session.is_held_by_peer()),
            refused: bridge.direct.refusal(at),
            moves: bridge.direct.moves(at),
            allows_update: session.is_some_and(|session| session.peer_allows(SipMethod::Update)),
            audio,
            uses: self.uses(channel, bridge, at),
            ..self.configured_leg(&channel.endpoint, channel.name.clone(), dtmf)
        }
    }

    /// What the configuration alone says of a leg.
    pub(super) fn configured_leg(&self, endpoint: &Endpoint, name: Name, dtmf: ConfiguredDtmf) -> Leg {
        let options = &endpoint.options;
        Leg {
            channel: name,
            endpoint: endpoint.name.clone(),
            is_up: true,
            is_outgoing: false,
            direct_media: self.setting(endpoint, "direct_media", options.direct_media),
            disable_on_nat: self.setting(
                endpoint,
                "disable_direct_media_on_nat",
                options.disable_direct_media_on_nat,
            ),
            glare_mitigation: self.setting(
                endpoint,
                "direct_media_glare_mitigation",
                match options.direct_media_glare_mitigation {
                    ConfiguredGlare::None => GlareMitigation::None,
                    ConfiguredGlare::Outgoing => GlareMitigation::Outgoing,
                    ConfiguredGlare::Incoming => GlareMitigation::Incoming,
                },
            ),
            method: self.setting(
                endpoint,
                "direct_media_method",
                match options.direct_media_method {
                    RefreshMethod::Invite => Method::Invite,
                    RefreshMethod::Update => Method::Update,
                },
            ),
            media_encryption: self.setting(endpoint, "media_encryption", capability::encryption(endpoint)),
            dtmf_mode: self.setting(
                endpoint,
                "dtmf_mode",
                match dtmf {
                    ConfiguredDtmf::Rfc4733 | ConfiguredDtmf::Auto | ConfiguredDtmf::AutoInfo => {
                        DtmfMode::Rfc4733
                    }
                    ConfiguredDtmf::Inband => DtmfMode::Inband,
                    ConfiguredDtmf::Info => DtmfMode::Info,
                    ConfiguredDtmf::None => DtmfMode::None,
                },
            ),
            uses: Vec::new(),
            hooks: Vec::new(),
            acl_denies: None,
            audio: None,
            has_video: false,
            fax: Fax::Never,
            place: Place::default(),
            is_held_by_it: false,
            refused: None,
            moves: 0,
            allows_update: true,
        }
    }

    /// A value with `pjsip.conf:42`, where it is written.
    fn setting<T>(&self, endpoint: &Endpoint, option: &str, value: T) -> Setting<T> {
        let sources = &self.directory.objects.sources;
        let place = endpoint.origin_of(option).map(|at| sources.place(at.at_column(0)).to_string().into());
        Setting { value, place }
    }

    pub(super) fn media_place(&self, channel: &Channel, audio: Option<&crate::sdp::RtpStream>) -> Place {
        let described = audio.and_then(|audio| {
            let ip = audio.remote.address.ip().filter(|_| !audio.remote.address.is_null())?;
            Some(std::net::SocketAddr::new(ip, audio.remote.port))
        });
        let stream = channel.audio_position();
        let slot = channel.slots.iter().find(|slot| Some(slot.stream) == stream);
        // Who holds with a null address has not moved (S3-17, S3-21).
        let described = described.or_else(|| audio.and(slot)?.described);
        let source = slot.and_then(|slot| slot.source);
        let signalling = channel.way.remote.ip();
        let seen = source.map_or(signalling, |source| source.ip());
        Place {
            described,
            source,
            signalling: Some(signalling),
            is_local: self.is_local(channel, seen),
            symmetric: channel.endpoint.options.rtp_symmetric,
        }
    }

    /// The list of a channel's endpoint that forbids media from its phone straight to the other one's addresses: that
    /// of its media, and where it is seen from (S1-6).
    pub(super) fn acl_denies(&self, channel: &Channel, place: &Place) -> Option<Setting<Name>> {
        let access = &channel.endpoint.options.direct_media_access;
        if access.is_empty() {
            return None;
        }
        let addresses = [place.address().map(|at| at.ip()), place.seen_at()];
        let list = addresses.into_iter().flatten().find_map(|ip| access.refused_by(ip))?;
        let option = if list.is_empty() { "directmedia_deny" } else { "directmedia_acl" };
        let name = if list.is_empty() { option } else { list };
        Some(self.setting(&channel.endpoint, option, name.into()))
    }

    /// Whether an address is inside a `local_net` of the channel's transport, or there is none.
    fn is_local(&self, channel: &Channel, ip: IpAddr) -> bool {
        let name = self.transport_name(channel.way.transport);
        let Some(transport) = self.directory.objects.transports.get(&name) else { return true };
        transport.local_net.is_empty() || transport.local_net.iter().any(|net| net.contains(&ip))
    }

    /// What needs a channel's media here.
    fn uses(&self, channel: &Channel, bridge: &Bridge, at: usize) -> Vec<Use> {
        let mut uses = channel.uses.clone();
        // What records a Local channel records the phone behind it.
        let half = self.calls.channels.get(&bridge.legs[at]).filter(|half| half.local.is_some());
        let peer = half.and_then(|half| self.calls.channels.get(&half.local?.peer));
        uses.extend(half.into_iter().chain(peer).flat_map(|half| half.uses.iter().cloned()));
        let limits = self.calls.channels.get(&bridge.legs[at]).and_then(|leg| leg.limits.as_deref());
        uses.extend(limits.and_then(|limits| limits.keeps.clone()));
        uses
    }

    /// The other channel of a channel's bridge.
    pub(super) fn partner(&self, id: ChannelId) -> Option<ChannelId> {
        let bridge = self.calls.bridges.get(&self.calls.channels.get(&id)?.bridge?)?;
        bridge.legs.iter().copied().find(|leg| *leg != id)
    }

    /// The caller's side of a called channel.
    pub(super) fn caller_side(&self, id: ChannelId) -> Option<ChannelId> {
        match self.calls.channels.get(&id)?.side {
            Side::Called(caller) => caller,
            Side::Caller => None,
        }
    }
}

/// The use that option `L` of `Dial` makes of the caller's media (S1-20, S4-122).
pub(super) fn limit_of(options: &DialOptions, caller: bool, place: Option<Name>) -> Option<Use> {
    let limited = caller && options.limit.is_some();
    limited.then_some(Use { feature: Feature::TimeLimit, place })
}
