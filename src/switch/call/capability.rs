//! What an endpoint may negotiate, from its options, and what its channel has agreed on.

use super::channel::Channel;
use crate::config::model::Endpoint;
use crate::config::model::endpoint_words::{DtmfMode, IncomingOfferPref, MediaEncryption, OutgoingOfferPref};
use crate::sdp::{
    Capabilities, Codec, CodecChoice, CodecKind, Encryption, Format, MediaKind, OfferPreference,
    ProfileRules, RtpStream,
};

/// The capabilities of an endpoint.
pub(super) fn of(endpoint: &Endpoint) -> Capabilities {
    let options = &endpoint.options;
    let formats = options.codecs.0.iter().filter_map(|allowed| {
        let codec = Codec::from_name(allowed.format.name())?;
        Some(Format { ptime_ms: allowed.ptime_ms, ..Format::of(codec) })
    });
    let limit = |most: u32| usize::try_from(most).unwrap_or(usize::MAX);
    Capabilities {
        formats: formats.collect(),
        incoming: CodecChoice::Call(incoming(endpoint)),
        outgoing: CodecChoice::Call(outgoing(options.outgoing_call_offer_pref)),
        telephone_event: matches!(options.dtmf_mode, DtmfMode::Rfc4733 | DtmfMode::Auto | DtmfMode::AutoInfo),
        max_audio_streams: limit(options.max_audio_streams),
        max_video_streams: limit(options.max_video_streams),
        fax: options.t38_udptl,
        profile: ProfileRules {
            encryption: encryption(endpoint),
            optimistic: options.media_encryption_optimistic,
            use_avpf: options.use_avpf,
            force_avp: options.force_avp,
            use_received_transport: options.media_use_received_transport,
        },
        rtcp_mux: options.rtcp_mux,
        numbers: Vec::new(),
        use_ptime: options.use_ptime,
    }
}

/// `media_encryption`
pub(super) fn encryption(endpoint: &Endpoint) -> Encryption {
    match endpoint.options.media_encryption {
        MediaEncryption::No => Encryption::None,
        MediaEncryption::Sdes => Encryption::Sdes,
        MediaEncryption::Dtls => Encryption::Dtls,
    }
}

/// `preferred_codec_only=yes` is the old word for `local_first`.
fn incoming(endpoint: &Endpoint) -> OfferPreference {
    match endpoint.options.incoming_call_offer_pref {
        IncomingOfferPref::Local if endpoint.options.preferred_codec_only => OfferPreference::LocalFirst,
        IncomingOfferPref::Local => OfferPreference::Local,
        IncomingOfferPref::LocalFirst => OfferPreference::LocalFirst,
        IncomingOfferPref::Remote => OfferPreference::Remote,
        IncomingOfferPref::RemoteFirst => OfferPreference::RemoteFirst,
    }
}

fn outgoing(preference: OutgoingOfferPref) -> OfferPreference {
    match preference {
        OutgoingOfferPref::Local => OfferPreference::Local,
        OutgoingOfferPref::LocalMerge => OfferPreference::LocalMerge,
        OutgoingOfferPref::LocalFirst => OfferPreference::LocalFirst,
        OutgoingOfferPref::Remote => OfferPreference::Remote,
        OutgoingOfferPref::RemoteMerge => OfferPreference::RemoteMerge,
        OutgoingOfferPref::RemoteFirst => OfferPreference::RemoteFirst,
    }
}

/// What to offer the called side: what its options make of the caller's codecs, less what the caller cannot carry and
/// what cannot be converted for it. When nothing is left there is no call, and both lists are in the log.
pub(super) fn offered(callee: &Capabilities, kind: CodecKind, caller: &[Format]) -> Vec<Format> {
    let mut formats = callee.offered(kind, Some(caller));
    let converts = kind == CodecKind::Audio && caller.iter().any(super::core::opens);
    let carries = |format: &Format| caller.iter().any(|theirs| theirs.codec == format.codec);
    formats.retain(|format| carries(format) || (converts && super::core::opens(format)));
    if formats.is_empty() && converts {
        // Options that keep only what is common would leave nothing: what can be converted is better.
        formats = callee.offered(kind, None);
        formats.retain(super::core::opens);
    }
    formats
}

impl Channel {
    /// The position of its audio among the `m=` lines.
    pub fn audio_position(&self) -> Option<usize> {
        let streams = &self.session.as_ref()?.agreement()?.streams;
        streams.iter().position(|stream| stream.kind == MediaKind::Audio && stream.is_active())
    }

    /// Its agreed audio.
    pub fn audio(&self) -> Option<&RtpStream> {
        self.session.as_ref()?.agreement()?.audio()
    }

    /// Codecs agreed on, the one in use first.
    pub fn codec_names(&self) -> Vec<&'static str> {
        self.audio().map(|audio| audio.formats.iter().map(|f| f.codec.name()).collect()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn formats(names: &[&str]) -> Vec<Format> {
        names.iter().filter_map(|name| Codec::from_name(name)).map(Format::of).collect()
    }

    #[test]
    fn the_called_side_is_offered_what_the_caller_can_carry() {
        let callee = Capabilities { formats: formats(&["alaw", "g722", "ulaw"]), ..Capabilities::default() };
        let chosen = offered(&callee, CodecKind::Audio, &formats(&["opus", "ulaw", "alaw"]));
        let names = |formats: &[Format]| formats.iter().map(|f| f.codec.name()).collect::<Vec<_>>();
        // What both have first, then what can be converted.
        assert_eq!(names(&chosen), ["ulaw", "alaw", "g722"]);
        assert_eq!(
            names(&offered(&callee, CodecKind::Audio, &formats(&["slin16"]))),
            ["alaw", "g722", "ulaw"]
        );
        assert!(offered(&callee, CodecKind::Audio, &formats(&["g729"])).is_empty());
    }
}
