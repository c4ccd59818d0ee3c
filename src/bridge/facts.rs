//! What the choice of a bridge's technology depends on: plain data about two legs, gathered by the switch.

use crate::base::ids::Name;
use crate::sdp::{Encryption, RtpStream};
use std::net::{IpAddr, SocketAddr};

/// Everything about one bridge.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// Its channels, in the order they joined.
    pub legs: Vec<Leg>,
    /// What kind of bridge it is.
    pub kind: BridgeKind,
    /// A Local channel that stands between this bridge and another one, if any.
    pub local_channel: Option<Name>,
}

/// Kinds of bridges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BridgeKind {
    /// Two parties: `Dial`, `Bridge`, a transfer's result.
    Basic,
    /// A conference or another bridge that wants all media, and the application that made it.
    Mixing {
        /// `ConfBridge`, `MeetMe`, `Page`, …
        application: &'static str,
    },
}

/// A setting with the place it comes from: `pjsip.conf:42`, `ps_endpoints row alice`; `None` for a default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setting<T> {
    /// Its value.
    pub value: T,
    /// Where it is written.
    pub place: Option<Name>,
}

impl<T> Setting<T> {
    /// A default: written nowhere.
    pub fn default_of(value: T) -> Setting<T> {
        Setting { value, place: None }
    }
}

/// One leg.
#[derive(Clone, Debug, PartialEq)]
pub struct Leg {
    /// Its channel's name.
    pub channel: Name,
    /// Its endpoint's name.
    pub endpoint: Name,
    /// Whether it is answered.
    pub is_up: bool,
    /// Whether we called it, as opposed to it calling us.
    pub is_outgoing: bool,
    /// `direct_media`.
    pub direct_media: Setting<bool>,
    /// `disable_direct_media_on_nat`.
    pub disable_on_nat: Setting<bool>,
    /// `direct_media_glare_mitigation`.
    pub glare_mitigation: Setting<GlareMitigation>,
    /// `direct_media_method`.
    pub method: Setting<Method>,
    /// `media_encryption`.
    pub media_encryption: Setting<Encryption>,
    /// `dtmf_mode` in force on this channel.
    pub dtmf_mode: Setting<DtmfMode>,
    /// What keeps the media of this leg here.
    pub uses: Vec<Use>,
    /// Digits of this leg that the server listens for.
    pub hooks: Vec<DigitHook>,
    /// An access list of this leg that forbids the other leg's address, and where it is written.
    pub acl_denies: Option<Setting<Name>>,
    /// Its agreed audio.
    pub audio: Option<RtpStream>,
    /// Whether video runs.
    pub has_video: bool,
    /// T.38 in this call.
    pub fax: Fax,
    /// Where its media is.
    pub place: Place,
    /// The other side has put the call on hold.
    pub is_held_by_it: bool,
    /// Its last answer to a direct media request, if that was a refusal other than 491.
    pub refused: Option<u16>,
    /// How often its answers to our direct media requests moved its address.
    pub moves: u8,
    /// Whether it allows UPDATE.
    pub allows_update: bool,
}

/// How far T.38 is on a leg.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fax {
    /// It was never asked for.
    #[default]
    Never,
    /// It runs, or is being asked for.
    Runs,
    /// It ran before, or was refused.
    Over,
}

/// Where the media of a leg is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Address in its description.
    pub described: Option<SocketAddr>,
    /// Where its packets come from, once any came.
    pub source: Option<SocketAddr>,
    /// Where its signalling comes from.
    pub signalling: Option<IpAddr>,
    /// Whether `source` (or `signalling`, before any packet) is inside a `local_net` of its transport, or there is none.
    pub is_local: bool,
    /// `rtp_symmetric`.
    pub symmetric: bool,
}

impl Place {
    /// The address the other phone is told: the one in the description, or the learned one of a symmetric stream.
    pub fn address(&self) -> Option<SocketAddr> {
        if self.symmetric { self.source.or(self.described) } else { self.described }
    }

    /// Where it is seen from: its packets' source, else its signalling's.
    pub fn seen_at(&self) -> Option<IpAddr> {
        self.source.map(|s| s.ip()).or(self.signalling)
    }

    /// Whether a NAT is between it and us: its packets come from another address than it describes, or it describes a
    /// private one and is seen outside our own networks.
    pub fn is_behind_nat(&self) -> bool {
        let Some(described) = self.described.map(|d| d.ip()) else { return false };
        let differs = self.source.is_some_and(|source| source.ip() != described);
        let private_from_outside = is_private(described)
            && self.seen_at().is_some_and(|seen| seen != described && !(self.is_local && is_private(seen)));
        differs || private_from_outside
    }
}

/// Whether an address is of no use outside its own network (RFC 1918, 6598, 3927, 4193, loopback, link-local).
pub fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            ip.is_private() || ip.is_loopback() || ip.is_link_local() || (a == 100 && (64..128).contains(&b))
        }
        IpAddr::V6(ip) => {
            let first = ip.segments()[0];
            ip.is_loopback() || first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfe80
        }
    }
}

/// `direct_media_glare_mitigation`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum GlareMitigation {
    /// Both legs send at once.
    #[default]
    None,
    /// Only legs we called send; a leg that called us refrains the first time.
    Outgoing,
    /// The mirror image.
    Incoming,
}

/// `direct_media_method`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Method {
    /// re-INVITE.
    #[default]
    Invite,
    /// UPDATE, where the phone allows it; else re-INVITE.
    Update,
}

/// `dtmf_mode` as it matters here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DtmfMode {
    /// RFC 4733 events (also `auto` and `auto_info` when negotiated).
    #[default]
    Rfc4733,
    /// Tones in the sound.
    Inband,
    /// SIP INFO.
    Info,
    /// Nothing.
    None,
}

impl DtmfMode {
    /// The option's word.
    pub fn as_str(self) -> &'static str {
        match self {
            DtmfMode::Rfc4733 => "rfc4733",
            DtmfMode::Inband => "inband",
            DtmfMode::Info => "info",
            DtmfMode::None => "none",
        }
    }

    /// Whether digits travel with the media.
    pub fn is_in_media(self) -> bool {
        matches!(self, DtmfMode::Rfc4733 | DtmfMode::Inband)
    }
}

/// Something that needs a leg's media here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// What it is.
    pub feature: Feature,
    /// Where it was asked for: `extensions.conf:17`, `AMI`, …
    pub place: Option<Name>,
}

/// What can need the media.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Feature {
    /// `Monitor()`.
    Monitor,
    /// `MixMonitor()`.
    MixMonitor,
    /// `ChanSpy()` and its relatives.
    ChanSpy,
    /// `JACK()`.
    Jack,
    /// `VOLUME()`.
    Volume,
    /// `TALK_DETECT()`.
    TalkDetect,
    /// `SPEEX()`.
    Speex,
    /// `DENOISE()`.
    Denoise,
    /// `AGC()`.
    Agc,
    /// `PITCH_SHIFT()`.
    PitchShift,
    /// `PERIODIC_HOOK()`.
    PeriodicHook,
    /// `FRAME_TRACE()`.
    FrameTrace,
    /// `Dial` option `L`: announcements of a time limit.
    TimeLimit,
    /// An ARI snoop channel.
    AriSnoop,
    /// `JITTERBUFFER()`.
    JitterBuffer,
    /// `FAXOPT(gateway)`.
    FaxGateway,
    /// Music on hold, an announcement, a tone.
    Playing,
    /// The progress reports of a blind transfer (`refer_blind_progress`).
    TransferProgress,
    /// A transfer by code: an extension is dialled, or somebody waits for who consults.
    Transfer,
    /// A parked call.
    Parking,
}

impl Feature {
    /// All of them.
    pub const ALL: [Feature; 20] = [
        Feature::Monitor,
        Feature::MixMonitor,
        Feature::ChanSpy,
        Feature::Jack,
        Feature::Volume,
        Feature::TalkDetect,
        Feature::Speex,
        Feature::Denoise,
        Feature::Agc,
        Feature::PitchShift,
        Feature::PeriodicHook,
        Feature::FrameTrace,
        Feature::TimeLimit,
        Feature::AriSnoop,
        Feature::JitterBuffer,
        Feature::FaxGateway,
        Feature::Playing,
        Feature::TransferProgress,
        Feature::Transfer,
        Feature::Parking,
    ];

    /// As an administrator writes or calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Feature::Monitor => "Monitor()",
            Feature::MixMonitor => "MixMonitor()",
            Feature::ChanSpy => "ChanSpy()",
            Feature::Jack => "JACK()",
            Feature::Volume => "VOLUME()",
            Feature::TalkDetect => "TALK_DETECT()",
            Feature::Speex => "SPEEX()",
            Feature::Denoise => "DENOISE()",
            Feature::Agc => "AGC()",
            Feature::PitchShift => "PITCH_SHIFT()",
            Feature::PeriodicHook => "PERIODIC_HOOK()",
            Feature::FrameTrace => "FRAME_TRACE()",
            Feature::TimeLimit => "Dial option L",
            Feature::AriSnoop => "ARI snoop",
            Feature::JitterBuffer => "JITTERBUFFER()",
            Feature::FaxGateway => "FAXOPT(gateway)",
            Feature::Playing => "music or an announcement",
            Feature::TransferProgress => "refer_blind_progress",
            Feature::Transfer => "a transfer by code",
            Feature::Parking => "Park()",
        }
    }

    /// Whether a packet relay can serve it: what only starts, stops or inserts packets.
    pub fn is_served_by_relay(self) -> bool {
        matches!(
            self,
            Feature::TimeLimit
                | Feature::Playing
                | Feature::TransferProgress
                | Feature::Transfer
                | Feature::Parking
        )
    }
}

/// A digit sequence of a leg that the server listens for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigitHook {
    /// Whose option it is: a letter of `Dial`'s or `Bridge`'s options, or a name of features.conf.
    pub option: Name,
    /// The function it serves: `blindxfer`, `disconnect`, `parkcall`, …
    pub function: &'static str,
    /// The digits of features.conf; `None` when the function has none, so that nobody listens.
    pub code: Option<Name>,
    /// Where the option is written: `extensions.conf:17`.
    pub place: Option<Name>,
}
