//! What one endpoint may negotiate, as plain values, and the rules about RTP profiles.

use super::codec::{Codec, CodecKind, Format};
use super::description::{Media, Profile, Transport};
use super::preference::{OfferPreference, StreamPreference};
use std::fmt;

/// What an endpoint allows. Built from its options by whoever knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// `allow`/`disallow`: codecs of every kind, most wanted first.
    pub formats: Vec<Format>,
    /// How an offer we receive meets `formats`.
    pub incoming: CodecChoice,
    /// How an offer we make is joined from `formats` and the calling leg's codecs.
    pub outgoing: CodecChoice,
    /// Whether RFC 4733 events are spoken: `dtmf_mode` rfc4733, auto or auto_info.
    pub telephone_event: bool,
    /// `max_audio_streams`.
    pub max_audio_streams: usize,
    /// `max_video_streams`.
    pub max_video_streams: usize,
    /// `t38_udptl`.
    pub fax: bool,
    /// Profile and encryption options.
    pub profile: ProfileRules,
    /// `rtcp_mux`.
    pub rtcp_mux: bool,
    /// Numbers of the other leg: offered here too, where they are free, so that packets need no renumbering.
    pub numbers: Vec<(Numbered, u8)>,
    /// `use_ptime`: send packets as long as the peer's `a=ptime` asks.
    pub use_ptime: bool,
}

/// What has no payload number of its own (RFC 3551 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbered {
    /// A codec.
    Codec(Codec),
    /// RFC 4733 events at this clock rate, in hertz.
    Events(u32),
}

impl Default for Capabilities {
    /// Asterisk's defaults, with no codec allowed.
    fn default() -> Capabilities {
        Capabilities {
            formats: Vec::new(),
            incoming: CodecChoice::Call(OfferPreference::INCOMING),
            outgoing: CodecChoice::Call(OfferPreference::OUTGOING),
            telephone_event: true,
            max_audio_streams: 1,
            max_video_streams: 1,
            fax: false,
            profile: ProfileRules::default(),
            rtcp_mux: false,
            numbers: Vec::new(),
            use_ptime: false,
        }
    }
}

impl Capabilities {
    /// The allowed formats of one kind, in order.
    pub fn of_kind(&self, kind: CodecKind) -> Vec<Format> {
        self.formats.iter().filter(|f| f.codec.kind() == kind).cloned().collect()
    }

    /// How many streams of a kind may be active at once.
    pub fn max_streams(&self, kind: CodecKind) -> usize {
        match kind {
            CodecKind::Audio => self.max_audio_streams,
            CodecKind::Video => self.max_video_streams,
            CodecKind::Text | CodecKind::Image => 1,
        }
    }

    /// The formats to offer for one kind, given what the calling leg wants; without a calling leg, all of them.
    pub fn offered(&self, kind: CodecKind, wanted: Option<&[Format]>) -> Vec<Format> {
        let local = self.of_kind(kind);
        match wanted {
            Some(wanted) => self.outgoing.choose(&local, wanted),
            None => local,
        }
    }
}

/// Which options decide about codecs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodecChoice {
    /// `incoming_call_offer_pref`, `outgoing_call_offer_pref`, `preferred_codec_only`.
    Call(OfferPreference),
    /// `codec_prefs_*`, once somebody has set them.
    Stream(StreamPreference),
}

impl CodecChoice {
    /// The stream's codecs from what the endpoint allows and what came from the other side.
    pub fn choose(self, local: &[Format], remote: &[Format]) -> Vec<Format> {
        match self {
            CodecChoice::Call(preference) => preference.choose(local, remote),
            CodecChoice::Stream(preference) => preference.choose(local, remote),
        }
    }
}

/// How RTP is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Encryption {
    /// Not at all.
    #[default]
    None,
    /// Keys in `a=crypto` (RFC 4568).
    Sdes,
    /// Keys from DTLS (RFC 5764).
    Dtls,
}

impl Encryption {
    /// The word of `media_encryption`.
    pub fn as_str(self) -> &'static str {
        match self {
            Encryption::None => "no",
            Encryption::Sdes => "sdes",
            Encryption::Dtls => "dtls",
        }
    }
}

/// Profile options of an endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProfileRules {
    /// `media_encryption`.
    pub encryption: Encryption,
    /// `media_encryption_optimistic`.
    pub optimistic: bool,
    /// `use_avpf`.
    pub use_avpf: bool,
    /// `force_avp`.
    pub force_avp: bool,
    /// `media_use_received_transport`.
    pub use_received_transport: bool,
}

/// Why an offered profile is not taken. The whole description is refused then, as Asterisk does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProfileMismatch {
    /// The offer has feedback and `use_avpf` is off, or the other way round.
    Feedback {
        /// What was offered.
        offered: Profile,
    },
    /// The offer implies another encryption than `media_encryption` asks.
    Encryption {
        /// What was offered.
        offered: Profile,
        /// What that implies.
        implied: Encryption,
        /// What the endpoint asks.
        required: Encryption,
    },
}

impl fmt::Display for ProfileMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProfileMismatch::Feedback { offered } if offered.has_feedback() => {
                write!(f, "offered {} but use_avpf=no", offered.as_str())
            }
            ProfileMismatch::Feedback { offered } => {
                write!(f, "offered {} but use_avpf=yes", offered.as_str())
            }
            ProfileMismatch::Encryption { offered, implied, required } => write!(
                f,
                "offered {} (media_encryption={}) but media_encryption={}",
                offered.as_str(),
                implied.as_str(),
                required.as_str()
            ),
        }
    }
}

impl ProfileRules {
    /// The encryption a section we take will use, or why we do not take it.
    pub fn accept(&self, media: &Media, profile: Profile) -> Result<Encryption, ProfileMismatch> {
        if !self.use_received_transport && profile.has_feedback() != self.use_avpf {
            return Err(ProfileMismatch::Feedback { offered: profile });
        }
        let (implied, by_choice) = match profile {
            Profile::DtlsSavp | Profile::DtlsSavpf => (Encryption::Dtls, false),
            Profile::Savp | Profile::Savpf => (Encryption::Sdes, false),
            Profile::Avp | Profile::Avpf if media.attributes.has("crypto") => (Encryption::Sdes, true),
            Profile::Avp | Profile::Avpf => (Encryption::None, false),
        };
        if implied == self.encryption {
            return Ok(implied);
        }
        if by_choice && self.encryption == Encryption::None {
            return Ok(Encryption::None);
        }
        if self.force_avp || self.optimistic {
            return Ok(implied);
        }
        Err(ProfileMismatch::Encryption { offered: profile, implied, required: self.encryption })
    }

    /// The transport of our own offers.
    pub fn offered(&self) -> Transport {
        let secure = match self.encryption {
            Encryption::None => false,
            Encryption::Sdes => !self.optimistic,
            Encryption::Dtls => true,
        };
        let dtls = self.encryption == Encryption::Dtls;
        Transport::Rtp(match (secure && !self.force_avp, dtls, self.use_avpf) {
            (false, _, false) => Profile::Avp,
            (false, _, true) => Profile::Avpf,
            (true, false, false) => Profile::Savp,
            (true, false, true) => Profile::Savpf,
            (true, true, false) => Profile::DtlsSavp,
            (true, true, true) => Profile::DtlsSavpf,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sdp::MediaKind;

    #[test]
    fn profiles_fit_or_say_why_not() {
        let mut media = Media::new(MediaKind::Audio, 4000, Transport::AVP);
        let plain = ProfileRules::default();
        assert_eq!(plain.accept(&media, Profile::Avp), Ok(Encryption::None));
        assert_eq!(
            plain.accept(&media, Profile::Savp).expect_err("encrypted").to_string(),
            "offered RTP/SAVP (media_encryption=sdes) but media_encryption=no"
        );
        assert_eq!(
            plain.accept(&media, Profile::Avpf).expect_err("feedback").to_string(),
            "offered RTP/AVPF but use_avpf=no"
        );
        let received = ProfileRules { use_received_transport: true, ..plain };
        assert_eq!(received.accept(&media, Profile::Avpf), Ok(Encryption::None));
        let sdes = ProfileRules { encryption: Encryption::Sdes, ..plain };
        assert!(sdes.accept(&media, Profile::Avp).is_err());
        assert_eq!(
            ProfileRules { optimistic: true, ..sdes }.accept(&media, Profile::Avp),
            Ok(Encryption::None)
        );
        media.attributes.push("crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x");
        assert_eq!(plain.accept(&media, Profile::Avp), Ok(Encryption::None));
        assert_eq!(sdes.accept(&media, Profile::Avp), Ok(Encryption::Sdes));
    }

    #[test]
    fn our_offers_name_the_profile_of_the_options() {
        let rules = |encryption, optimistic, use_avpf, force_avp| {
            let r =
                ProfileRules { encryption, optimistic, use_avpf, force_avp, use_received_transport: false };
            r.offered().as_str().to_owned()
        };
        assert_eq!(rules(Encryption::None, false, false, false), "RTP/AVP");
        assert_eq!(rules(Encryption::None, false, true, false), "RTP/AVPF");
        assert_eq!(rules(Encryption::Sdes, false, false, false), "RTP/SAVP");
        assert_eq!(rules(Encryption::Sdes, true, false, false), "RTP/AVP");
        assert_eq!(rules(Encryption::Dtls, false, true, false), "UDP/TLS/RTP/SAVPF");
        assert_eq!(rules(Encryption::Dtls, false, true, true), "RTP/AVPF");
    }
}
