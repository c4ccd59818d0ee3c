//! Which way media takes: one pure function over all conditions. Run again whenever a fact changes; somebody acts only
//! when the answer differs.

use super::condition::{Condition, Culprit, Fault, Verdict};
use super::direct::Rtcp;
use super::facts::*;
use crate::sdp::{Codec, Encryption, RtpStream};
use std::fmt;
use std::net::SocketAddr;

/// The three ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Technology {
    /// The phones talk without us.
    Direct,
    /// Packets pass through us unopened.
    Relay,
    /// Sound passes through us: mixed, converted, recorded.
    Core,
}

impl Technology {
    /// Asterisk's name of the bridge technology.
    pub fn asterisk_name(self) -> &'static str {
        match self {
            Technology::Direct | Technology::Relay => "native_rtp",
            Technology::Core => "simple_bridge",
        }
    }
}

impl fmt::Display for Technology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Technology::Direct => "direct",
            Technology::Relay => "relay",
            Technology::Core => "core",
        })
    }
}

/// Why a technology was chosen: every condition with its outcome.
#[derive(Clone, Debug, PartialEq)]
pub struct Why {
    /// All conditions, in order.
    pub judged: Vec<(Condition, Verdict)>,
    /// What direct media would use, as far as it is known: also where it is not chosen.
    pub direct: Option<DirectMedia>,
}

/// What the phones are told for direct media.
#[derive(Clone, Debug, PartialEq)]
pub struct DirectMedia {
    /// For each leg, the address of the other one it shall send to.
    pub targets: [SocketAddr; 2],
    /// Where each of these takes its reports.
    pub rtcp: [Rtcp; 2],
    /// Codecs whose numbers agree on both legs, in the first leg's order.
    pub codecs: Vec<Codec>,
}

impl Why {
    /// The conditions that do not hold.
    pub fn failed(&self) -> impl Iterator<Item = (Condition, &Fault)> {
        self.judged.iter().filter_map(|(condition, verdict)| match verdict {
            Verdict::Fail(fault) => Some((*condition, &**fault)),
            _ => None,
        })
    }
}

impl fmt::Display for Why {
    /// One line: what keeps the media from going direct.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut failed = self.failed().map(|(_, fault)| &fault.says).peekable();
        if failed.peek().is_none() {
            return f.write_str("every condition of direct media holds");
        }
        while let Some(says) = failed.next() {
            f.write_str(says)?;
            if failed.peek().is_some() {
                f.write_str("; ")?;
            }
        }
        Ok(())
    }
}

/// How often a phone may move its address while being redirected.
pub const MOVES_ALLOWED: u8 = 3;

/// Chooses the technology of a bridge.
pub fn choose(facts: &Facts) -> (Technology, Why) {
    let judged: Vec<_> = Condition::all().map(|condition| (condition, judge(condition, facts))).collect();
    let mut technology = Technology::Direct;
    for (condition, verdict) in &judged {
        if let Verdict::Fail(fault) = verdict {
            if fault.needs_core || !condition.is_excused_by_relay() {
                technology = Technology::Core;
                break;
            }
            technology = Technology::Relay;
        }
    }
    let direct = pair(facts).and_then(|(a, b)| {
        let codecs = same_numbers(a.audio.as_ref()?, b.audio.as_ref()?);
        Some(DirectMedia {
            targets: [told(a, b)?, told(b, a)?],
            rtcp: [reports(a, b), reports(b, a)],
            codecs,
        })
    });
    (technology, Why { judged, direct })
}

fn judge(condition: Condition, facts: &Facts) -> Verdict {
    let fault = match condition {
        Condition::TwoParties => two_parties(facts),
        Condition::PlainBridge => match facts.kind {
            BridgeKind::Basic => None,
            BridgeKind::Mixing { application } => {
                let culprit = Culprit { object: "bridge".into(), option: Some(application), place: None };
                Some(fault(
                    format!("the bridge was made by {application}"),
                    culprit,
                    "call with Dial() or Bridge()",
                ))
            }
        },
        Condition::OneBridge => facts.local_channel.as_ref().map(|channel| {
            let culprit = Culprit { object: format!("channel {channel}"), option: None, place: None };
            let remedy = "dial the endpoint itself, or let the Local channel be optimised (no /n)";
            fault(format!("{channel} joins two bridges"), culprit, remedy)
        }),
        Condition::Answered => one_leg(facts, |leg| {
            (!leg.is_up).then(|| {
                fault(format!("{} is not answered", leg.channel), channel(leg), "wait for the answer")
            })
        }),
        Condition::NotUsed(feature) => one_leg(facts, |leg| used(leg, feature)),
        Condition::DirectMediaAllowed => one_leg(facts, |leg| {
            (!leg.direct_media.value).then(|| set(leg, "direct_media", "no", "yes", &leg.direct_media.place))
        }),
        Condition::NoEncryption => one_leg(facts, |leg| {
            let word = leg.media_encryption.value.as_str();
            (leg.media_encryption.value != Encryption::None)
                .then(|| set(leg, "media_encryption", word, "no", &leg.media_encryption.place))
        }),
        Condition::NoFax => one_leg(facts, |leg| {
            (leg.fax != Fax::Never).then(|| {
                fault(
                    format!("{} has or had T.38 in this call", leg.endpoint),
                    channel(leg),
                    "nothing during this call",
                )
            })
        }),
        Condition::NoVideo => one_leg(facts, |leg| {
            leg.has_video.then(|| {
                let culprit = endpoint(leg, "allow", &None);
                fault(
                    format!("{} has video", leg.endpoint),
                    culprit,
                    "disallow the video codecs of one endpoint",
                )
            })
        }),
        Condition::AclPermits => one_leg(facts, |leg| {
            leg.acl_denies.as_ref().map(|acl| {
                let culprit =
                    Culprit { object: format!("acl {}", acl.value), option: None, place: acl.place.clone() };
                let says = format!("acl {} of {} forbids the other address", acl.value, leg.endpoint);
                fault(says, culprit, "permit the address in that acl")
            })
        }),
        Condition::NoDigitHooks => one_leg(facts, hooked),
        Condition::NoNat => one_leg(facts, |leg| {
            (leg.disable_on_nat.value && leg.place.is_behind_nat()).then(|| {
                set(
                    leg,
                    "disable_direct_media_on_nat",
                    "yes and a NAT before it",
                    "no",
                    &leg.disable_on_nat.place,
                )
            })
        }),
        Condition::AddressSettled => one_leg(facts, |leg| {
            (leg.moves > MOVES_ALLOWED).then(|| {
                let says =
                    format!("{} moved its address {} times when it was redirected", leg.endpoint, leg.moves);
                fault(says, channel(leg), "direct_media=no for this device")
            })
        }),
        Condition::Accepted => one_leg(facts, |leg| {
            let code = leg.refused?;
            let says = format!("{} answered {code} when it was redirected", leg.endpoint);
            Some(fault(says, channel(leg), "direct_media=no for this device"))
        }),
        _ => return of_pair(condition, facts),
    };
    fault.map_or(Verdict::Pass, |fault| Verdict::Fail(Box::new(fault)))
}

/// Conditions that compare the two legs.
fn of_pair(condition: Condition, facts: &Facts) -> Verdict {
    let Some((a, b)) = pair(facts) else { return Verdict::Unknown("needs two legs") };
    if condition == Condition::MediaOnBoth {
        return [a, b]
            .into_iter()
            .find_map(without_media)
            .map_or(Verdict::Pass, |f| Verdict::Fail(Box::new(f)));
    }
    if condition == Condition::Reachable {
        return super::reach::reachable(a, b);
    }
    if condition == Condition::SameDigits {
        return digits_differ(a, b).map_or(Verdict::Pass, |f| Verdict::Fail(Box::new(f)));
    }
    let (Some(audio_a), Some(audio_b)) = (&a.audio, &b.audio) else {
        return Verdict::Unknown("needs audio on both legs");
    };
    let fault = match condition {
        Condition::CommonCodec => (audio_a.common_codecs(audio_b).next().is_none()).then(|| {
            let says = format!(
                "{} agreed on {}, {} on {}",
                a.endpoint,
                codecs(audio_a),
                b.endpoint,
                codecs(audio_b)
            );
            let fault = fault(says, endpoint(b, "allow", &None), "allow a codec on both endpoints");
            // From law to law of G.711 a relay knows the way: byte for byte.
            Fault { needs_core: !audio_a.differs_by_law(audio_b), ..fault }
        }),
        Condition::SameNumbers => numbers_differ(a, audio_a, b, audio_b),
        Condition::SamePackets => (audio_a.ptime_ms != audio_b.ptime_ms).then(|| {
            let (x, y) = (audio_a.ptime_ms, audio_b.ptime_ms);
            let says = format!("{} has packets of {x} ms, {} of {y} ms", a.endpoint, b.endpoint);
            fault(says, endpoint(b, "allow", &None), &format!("allow the codec with :{x} on {}", b.endpoint))
        }),
        _ => unreachable!("every other condition is judged leg by leg"),
    };
    fault.map_or(Verdict::Pass, |fault| Verdict::Fail(Box::new(fault)))
}

fn two_parties(facts: &Facts) -> Option<Fault> {
    let count = facts.legs.len();
    let culprit = Culprit { object: "bridge".into(), option: None, place: None };
    let channels = if count == 1 { "1 channel".into() } else { format!("{count} channels") };
    (count != 2)
        .then(|| fault(format!("{channels} in the bridge"), culprit, "two parties, no more and no less"))
}

fn without_media(leg: &Leg) -> Option<Fault> {
    let says = match (&leg.audio, leg.place.address()) {
        // A fax has its own way.
        (None, _) if leg.fax != Fax::Never => return None,
        (None, _) => format!("{} has no audio", leg.endpoint),
        (Some(_), None) => format!("{} has told no address for its audio", leg.endpoint),
        (Some(_), Some(_)) => return None,
    };
    Some(fault(says, channel(leg), "offer audio with an address"))
}

fn used(leg: &Leg, feature: Feature) -> Option<Fault> {
    let used = leg.uses.iter().find(|u| u.feature == feature)?;
    let object = format!("channel {}", leg.channel);
    let culprit = Culprit { object, option: Some(feature.as_str()), place: used.place.clone() };
    let says = format!("{} needs the media of {}", feature.as_str(), leg.channel);
    Some(fault(says, culprit, &format!("do without {}", feature.as_str())))
}

fn hooked(leg: &Leg) -> Option<Fault> {
    let mode = leg.dtmf_mode.value;
    let hook = leg.hooks.iter().find(|hook| hook.code.is_some()).filter(|_| mode.is_in_media())?;
    let code = hook.code.as_deref().unwrap_or_default();
    let says = format!(
        "option {} lets {} dial {code} for {}, and its digits come in the media (dtmf_mode={})",
        hook.option,
        leg.endpoint,
        hook.function,
        mode.as_str()
    );
    let object = format!("channel {}", leg.channel);
    let culprit = Culprit { object, option: Some(hook.function), place: hook.place.clone() };
    let remedy = format!("leave out option {}, or set dtmf_mode=info on {}", hook.option, leg.endpoint);
    // Tones must be listened to; events are read while they pass.
    Some(Fault { needs_core: mode == DtmfMode::Inband, ..fault(says, culprit, &remedy) })
}

fn digits_differ(a: &Leg, b: &Leg) -> Option<Fault> {
    let (x, y) = (a.dtmf_mode.value, b.dtmf_mode.value);
    if x == y || x == DtmfMode::None || y == DtmfMode::None {
        return None;
    }
    let says = format!("{} has dtmf_mode={}, {} has {}", a.endpoint, x.as_str(), b.endpoint, y.as_str());
    let culprit = endpoint(b, "dtmf_mode", &b.dtmf_mode.place);
    let remedy = format!("set dtmf_mode={} on {}", x.as_str(), b.endpoint);
    let needs_core = x == DtmfMode::Inband || y == DtmfMode::Inband;
    Some(Fault { needs_core, ..fault(says, culprit, &remedy) })
}

/// Codecs that both phones would send under the number the other one expects.
fn same_numbers(a: &RtpStream, b: &RtpStream) -> Vec<Codec> {
    let same = |codec: &Codec| match (a.format(*codec), b.format(*codec)) {
        (Some(x), Some(y)) => x.receive == y.send && y.receive == x.send,
        _ => false,
    };
    a.common_codecs(b).filter(same).collect()
}

fn numbers_differ(a: &Leg, audio_a: &RtpStream, b: &Leg, audio_b: &RtpStream) -> Option<Fault> {
    let remedy =
        "let both endpoints use codecs with fixed numbers (ulaw, alaw, g722, g729), or the same numbers";
    let common: Vec<Codec> = audio_a.common_codecs(audio_b).collect();
    if let Some(codec) = common.first().filter(|_| same_numbers(audio_a, audio_b).is_empty()) {
        let number = |audio: &RtpStream| audio.format(*codec).map_or(0, |f| f.send);
        let (x, y) = (number(audio_a), number(audio_b));
        let says = format!("{codec} is payload {x} for {}, {y} for {}", a.endpoint, b.endpoint);
        return Some(fault(says, endpoint(b, "allow", &None), remedy));
    }
    for x in &audio_a.events {
        let Some(y) = audio_b.events.iter().find(|y| y.clock_rate == x.clock_rate) else { continue };
        if x.receive != y.send || y.receive != x.send {
            let (x, y) = (x.send, y.send);
            let says = format!("telephone-event is payload {x} for {}, {y} for {}", a.endpoint, b.endpoint);
            return Some(fault(says, channel(b), remedy));
        }
    }
    None
}

fn codecs(audio: &RtpStream) -> String {
    audio.formats.iter().map(|f| f.codec.name()).collect::<Vec<_>>().join(", ")
}

/// The address `leg` is told to send to. Two phones behind one NAT are told each other's own addresses: the way out
/// and back in again is closed on most NATs.
fn told(leg: &Leg, other: &Leg) -> Option<SocketAddr> {
    if super::reach::behind_one_nat(leg, other) { other.place.described } else { other.place.address() }
}

/// Where `leg` shall send its reports. They share the media's port only where both agreed to that.
fn reports(leg: &Leg, other: &Leg) -> Rtcp {
    let (Some(audio), Some(to)) = (&leg.audio, &other.audio) else { return Rtcp::NextPort };
    // A port that was learned says nothing of its neighbour.
    let described = told(leg, other) == other.place.described;
    match &to.remote {
        remote if remote.rtcp_mux && audio.remote.rtcp_mux => Rtcp::Multiplexed,
        remote if described && !remote.rtcp_mux && remote.rtcp_port != remote.port.wrapping_add(1) => {
            Rtcp::Port(remote.rtcp_port)
        }
        _ => Rtcp::NextPort,
    }
}

fn pair(facts: &Facts) -> Option<(&Leg, &Leg)> {
    match &facts.legs[..] {
        [a, b] => Some((a, b)),
        _ => None,
    }
}

fn one_leg(facts: &Facts, find: impl Fn(&Leg) -> Option<Fault>) -> Option<Fault> {
    facts.legs.iter().find_map(find)
}

pub(super) fn fault(says: String, culprit: Culprit, remedy: &str) -> Fault {
    Fault { says, culprit, remedy: remedy.to_owned(), needs_core: false }
}

fn set(
    leg: &Leg,
    option: &'static str,
    is: &str,
    wanted: &str,
    place: &Option<crate::base::ids::Name>,
) -> Fault {
    let says = format!("{} has {option}={is}", leg.endpoint);
    fault(says, endpoint(leg, option, place), &format!("set {option}={wanted} on {}", leg.endpoint))
}

pub(super) fn endpoint(leg: &Leg, option: &'static str, place: &Option<crate::base::ids::Name>) -> Culprit {
    Culprit { object: format!("endpoint {}", leg.endpoint), option: Some(option), place: place.clone() }
}

pub(super) fn channel(leg: &Leg) -> Culprit {
    Culprit { object: format!("channel {}", leg.channel), option: None, place: None }
}
