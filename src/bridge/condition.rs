//! The conditions of direct media and of relaying, each with its name, its help and what a failure says.

use super::facts::Feature;
use crate::base::ids::Name;
use std::fmt;

/// One condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Condition {
    /// Exactly two channels are in the bridge.
    TwoParties,
    /// The bridge is no conference.
    PlainBridge,
    /// Both legs are in the same bridge, with no Local channel between.
    OneBridge,
    /// Both legs are answered.
    Answered,
    /// Both legs have agreed on audio and told where it goes.
    MediaOnBoth,
    /// No T.38 in this call.
    NoFax,
    /// Neither endpoint encrypts media.
    NoEncryption,
    /// No video runs.
    NoVideo,
    /// `direct_media` is on for both endpoints.
    DirectMediaAllowed,
    /// Each endpoint's access list permits the other's address.
    AclPermits,
    /// Nothing of this kind needs the media of either leg.
    NotUsed(Feature),
    /// The server listens for no digits that travel with the media.
    NoDigitHooks,
    /// Digits travel the same way on both legs.
    SameDigits,
    /// A codec both legs agreed on.
    CommonCodec,
    /// Payload numbers of that codec and of events are the same on both legs.
    SameNumbers,
    /// Packets are equally long on both legs.
    SamePackets,
    /// No NAT before an endpoint with `disable_direct_media_on_nat`.
    NoNat,
    /// Each phone can reach the other's address.
    Reachable,
    /// Neither phone moved its address again and again while being redirected.
    AddressSettled,
    /// Neither phone refused to be redirected in this call.
    Accepted,
}

impl Condition {
    /// All of them, in the order they are told.
    pub fn all() -> impl Iterator<Item = Condition> {
        use Condition::*;
        let before = [TwoParties, PlainBridge, OneBridge, Answered, MediaOnBoth, DirectMediaAllowed];
        let after = [
            NoDigitHooks,
            CommonCodec,
            SameNumbers,
            SamePackets,
            SameDigits,
            NoFax,
            NoEncryption,
            NoVideo,
            AclPermits,
            NoNat,
            Reachable,
            AddressSettled,
            Accepted,
        ];
        before.into_iter().chain(Feature::ALL.map(NotUsed)).chain(after)
    }

    /// A stable word for JSON and for searching.
    pub fn name(self) -> &'static str {
        match self {
            Condition::TwoParties => "two-parties",
            Condition::PlainBridge => "plain-bridge",
            Condition::OneBridge => "one-bridge",
            Condition::Answered => "answered",
            Condition::MediaOnBoth => "media-on-both",
            Condition::NoFax => "no-fax",
            Condition::NoEncryption => "no-encryption",
            Condition::NoVideo => "no-video",
            Condition::DirectMediaAllowed => "direct-media-allowed",
            Condition::AclPermits => "acl-permits",
            Condition::NotUsed(_) => "not-used",
            Condition::NoDigitHooks => "no-digit-hooks",
            Condition::SameDigits => "same-digits",
            Condition::CommonCodec => "common-codec",
            Condition::SameNumbers => "same-payload-numbers",
            Condition::SamePackets => "same-packet-time",
            Condition::NoNat => "no-nat",
            Condition::Reachable => "reachable",
            Condition::AddressSettled => "address-settled",
            Condition::Accepted => "redirection-accepted",
        }
    }

    /// Why it is a condition, in a sentence or two.
    pub fn help(self) -> &'static str {
        match self {
            Condition::TwoParties => {
                "With one channel there is nobody to talk to, with three somebody must mix: the server stays in the path."
            }
            Condition::PlainBridge => {
                "A conference mixes the sound of its members, even when there are only two."
            }
            Condition::OneBridge => {
                "Two bridges joined by a Local channel are two calls; neither knows the other's phone. \
                 They become one when the Local channel is optimised away."
            }
            Condition::Answered => {
                "Media is moved by a request within an established call. Before the answer the server relays."
            }
            Condition::MediaOnBoth => "Each phone is sent the other's audio address; so both must have one.",
            Condition::NoFax => {
                "A call that has, had or asks for T.38 stays here: the fax may need conversion or a way back."
            }
            Condition::NoEncryption => "The keys of each leg are known to its phone and the server only.",
            Condition::NoVideo => "Video of a call keeps its audio here too, so that both take the same way.",
            Condition::DirectMediaAllowed => {
                "One endpoint with direct_media=no is enough: neither phone gets a request to redirect its media."
            }
            Condition::AclPermits => {
                "An access list names the addresses that an endpoint may exchange media with directly."
            }
            Condition::NotUsed(_) => "What listens to, records or changes the sound needs it here.",
            Condition::NoDigitHooks => {
                "Digits sent as RTP events or tones bypass the server together with the media; \
                 with dtmf_mode=info they do not."
            }
            Condition::SameDigits => {
                "A phone that sends digits as RTP events cannot be understood by one that wants them as INFO or tones."
            }
            Condition::CommonCodec => "Nobody stands between the phones to convert one codec into another.",
            Condition::SameNumbers => {
                "Dynamic payload numbers are agreed leg by leg. Where they differ, the phones would hear silence, \
                 or lose digits."
            }
            Condition::SamePackets => {
                "Packets of another length than agreed are dropped by some phones and distorted by others."
            }
            Condition::NoNat => {
                "With disable_direct_media_on_nat=yes an endpoint whose media comes through a NAT keeps its media here."
            }
            Condition::Reachable => {
                "A private address cannot be reached from outside its network: the call would be silent in one direction."
            }
            Condition::AddressSettled => {
                "A phone that answers each redirection with another address cannot be followed."
            }
            Condition::Accepted => {
                "A phone that refuses to be redirected stays here for the whole call, so that hold and transfer work."
            }
        }
    }

    /// Whether a packet relay can do without it. What is not excused needs the core.
    pub fn is_excused_by_relay(self) -> bool {
        match self {
            Condition::TwoParties
            | Condition::PlainBridge
            | Condition::OneBridge
            | Condition::MediaOnBoth
            | Condition::NoEncryption => false,
            Condition::NotUsed(feature) => feature.is_served_by_relay(),
            _ => true,
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Condition::TwoParties => "exactly two channels in the bridge",
            Condition::PlainBridge => "no conference",
            Condition::OneBridge => "both legs in one bridge",
            Condition::Answered => "both legs answered",
            Condition::MediaOnBoth => "audio on both legs",
            Condition::NoFax => "no T.38",
            Condition::NoEncryption => "no media encryption",
            Condition::NoVideo => "no video",
            Condition::DirectMediaAllowed => "direct_media=yes on both",
            Condition::AclPermits => "access lists permit it",
            Condition::NotUsed(feature) => return write!(f, "media not needed by {}", feature.as_str()),
            Condition::NoDigitHooks => "no digits to listen for in the media",
            Condition::SameDigits => "digits sent the same way",
            Condition::CommonCodec => "a codec in common",
            Condition::SameNumbers => "same payload numbers",
            Condition::SamePackets => "same packet time",
            Condition::NoNat => "no NAT where that forbids it",
            Condition::Reachable => "each phone can reach the other",
            Condition::AddressSettled => "addresses stay where they are",
            Condition::Accepted => "redirection not refused",
        })
    }
}

/// How a condition turned out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Pass,
    /// It does not.
    Fail(Box<Fault>),
    /// It cannot be told yet, and why.
    Unknown(&'static str),
}

/// Why a condition does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What is the case: `bob has direct_media=no`.
    pub says: String,
    /// Whose setting or doing it is.
    pub culprit: Culprit,
    /// The smallest change that would let it pass.
    pub remedy: String,
    /// A relay cannot help either, although it usually could.
    pub needs_core: bool,
}

/// Who is behind a fault.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Culprit {
    /// `endpoint bob`, `channel PJSIP/bob-00000001`, `bridge`.
    pub object: String,
    /// The option or application, where it is one.
    pub option: Option<&'static str>,
    /// Where that is written; `None` for a default, or where nothing is written.
    pub place: Option<Name>,
}

impl fmt::Display for Culprit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.object)?;
        if let Some(option) = self.option {
            write!(f, " {option}")?;
        }
        match (&self.place, self.option) {
            (Some(place), _) => write!(f, " ({place})"),
            (None, Some(_)) => f.write_str(" (default)"),
            (None, None) => Ok(()),
        }
    }
}
