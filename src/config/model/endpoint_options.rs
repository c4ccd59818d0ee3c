//! The options of an endpoint that many endpoints have in common. Equal sets are shared.

use std::sync::Arc;

use super::endpoint::Endpoint;
use super::endpoint_words::{
    CodecPreference, CodecPrefs, DtlsSetup, DtlsVerify, DtmfMode, FingerprintHash, GlareMitigation,
    IdentifyBy, IncomingOfferPref, MediaEncryption, OldStirShaken, Operation, OutgoingOfferPref,
    Presentation, RedirectMethod, RedirectedMethod, RefreshMethod, Rel100, SecurityNegotiation,
    T38ErrorCorrection, Timers, Verification,
};
use super::uri_check::SipUri;
use crate::base::ids::Name;
use crate::config::value::access::{Access, Deny, NamedLists, Permit};
use crate::config::value::codecs::{Allow, CodecList, Disallow};
use crate::config::value::lists::{Groups, NamedGroups, SomeOf, TextList};
use crate::config::value::scalar::{Between, CapitalYesNo, Text, Tos, Truth, Uint, YesNo};
use crate::config::value::spec::options;
use crate::config::value::words::OneOf;

fn shared(endpoint: &Endpoint) -> &EndpointOptions {
    &endpoint.options
}

fn shared_mut(endpoint: &mut Endpoint) -> &mut EndpointOptions {
    Arc::make_mut(&mut endpoint.options)
}

options! {
    struct
    /// The options of an endpoint that many endpoints have in common.
    #[derive(Clone, Debug, PartialEq, Eq, Hash)]
    EndpointOptions {
        /// Lists on the source address: `permit`, `deny`, `acl`.
        access: Access = Access::default();
        /// Lists on the addresses in Contact: `contact_permit`, `contact_deny`, `contact_acl`.
        contact_access: Access = Access::default();
        /// Lists on the other phone's address when media would go direct: `directmedia_permit`, `directmedia_deny`,
        /// `directmedia_acl`.
        direct_media_access: Access = Access::default();
    }
    SHARED: Endpoint, shared, shared_mut;

    /// Reliable provisional responses.
    Obeyed "100rel" rel100: Rel100 = Rel100::Yes, OneOf;
    /// Accept changed SDP from the same To tag while early.
    Obeyed "accept_multiple_sdp_answers" accept_multiple_sdp_answers: bool = false, Truth;
    /// One MWI NOTIFY for all mailboxes, else one each.
    Obeyed "aggregate_mwi" aggregate_mwi: bool = true, Truth;
    /// Codecs in order of preference.
    Obeyed "allow" codecs: CodecList = CodecList::default(), Allow;
    /// 484 for partial numbers; off gives 404.
    Obeyed "allow_overlap" allow_overlap: bool = true, Truth;
    /// Accept SUBSCRIBE; otherwise 603.
    Obeyed "allow_subscribe" allow_subscribe: bool = true, Truth;
    /// Accept REFER.
    Obeyed "allow_transfer" allow_transfer: bool = true, Truth;
    /// OPTIONS answered without authentication.
    Obeyed "allow_unauthenticated_options" allow_unauthenticated_options: bool = false, Truth;
    /// Do not change the codec we send to follow the one we receive.
    Later "asymmetric_rtp_codec" asymmetric_rtp_codec: bool = false, Truth;
    /// Bind RTP sockets to media_address as well.
    Obeyed "bind_rtp_to_media_address" bind_rtp_to_media_address: bool = false, Truth;
    /// BUNDLE streams on one transport.
    Later "bundle" bundle: bool = false, Truth;
    /// Numeric pickup groups the device belongs to, as bits.
    Obeyed "call_group" call_group: u64 = 0, Groups;
    /// Presentation of callerid.
    Obeyed "callerid_privacy" callerid_privacy: Presentation = Presentation::AllowedNotScreened, OneOf;
    /// Codec preference in answers we receive.
    Later "codec_prefs_incoming_answer" codec_prefs_incoming_answer: CodecPrefs = CodecPrefs::new(Operation::Intersect), CodecPreference<true>;
    /// Codec preference in offers we receive.
    Later "codec_prefs_incoming_offer" codec_prefs_incoming_offer: CodecPrefs = CodecPrefs::new(Operation::Intersect), CodecPreference<false>;
    /// Codec preference in answers we send.
    Later "codec_prefs_outgoing_answer" codec_prefs_outgoing_answer: CodecPrefs = CodecPrefs::new(Operation::Intersect), CodecPreference<true>;
    /// Codec preference in offers we send.
    Later "codec_prefs_outgoing_offer" codec_prefs_outgoing_offer: CodecPrefs = CodecPrefs::new(Operation::Union), CodecPreference<true>;
    /// Request used for identity updates.
    Obeyed "connected_line_method" connected_line_method: RefreshMethod = RefreshMethod::Invite, OneOf;
    /// Dialplan context for inbound calls.
    Obeyed "context" context: Name = Name::from("default"), Text;
    /// 802.1p class of audio.
    Later "cos_audio" cos_audio: u8 = 0, Between<0, 7>;
    /// 802.1p class of video.
    Later "cos_video" cos_video: u8 = 0, Between<0, 7>;
    /// Channels at which the device state is BUSY; 0 is never.
    Obeyed "device_state_busy_at" device_state_busy_at: u32 = 0, Uint;
    /// Allow re-INVITEing media to flow end to end.
    Obeyed "direct_media" direct_media: bool = true, Truth;
    /// Which leg direction waits before moving media.
    Obeyed "direct_media_glare_mitigation" direct_media_glare_mitigation: GlareMitigation = GlareMitigation::None, OneOf;
    /// Request used to move media.
    Obeyed "direct_media_method" direct_media_method: RefreshMethod = RefreshMethod::Invite, OneOf;
    /// Media goes direct from the first INVITE, where both endpoints have this and nothing stands against it. chan_sip's.
    Obeyed "directrtpsetup" direct_rtp_setup: bool = false, Truth;
    /// No direct media when this endpoint's media is behind NAT.
    Obeyed "disable_direct_media_on_nat" disable_direct_media_on_nat: bool = false, Truth;
    /// Self-signed DTLS certificate per call.
    Missed "dtls_auto_generate_cert" dtls_auto_generate_cert: bool = false, CapitalYesNo;
    /// DTLS CA file.
    Missed "dtls_ca_file" dtls_ca_file: Name = Name::default(), Text;
    /// DTLS CA directory.
    Missed "dtls_ca_path" dtls_ca_path: Name = Name::default(), Text;
    /// DTLS certificate.
    Missed "dtls_cert_file" dtls_cert_file: Name = Name::default(), Text;
    /// DTLS ciphers.
    Missed "dtls_cipher" dtls_cipher: Name = Name::default(), Text;
    /// Fingerprint hash offered.
    Missed "dtls_fingerprint" dtls_fingerprint: FingerprintHash = FingerprintHash::Sha256, OneOf;
    /// DTLS key.
    Missed "dtls_private_key" dtls_private_key: Name = Name::default(), Text;
    /// DTLS renegotiation period in seconds; 0 is off.
    Missed "dtls_rekey" dtls_rekey_secs: u32 = 0, Uint;
    /// DTLS role offered.
    Missed "dtls_setup" dtls_setup: DtlsSetup = DtlsSetup::Active, OneOf;
    /// Which DTLS checks are made.
    Missed "dtls_verify" dtls_verify: DtlsVerify = DtlsVerify::No, Verification;
    /// How DTMF is sent and detected.
    Obeyed "dtmf_mode" dtmf_mode: DtmfMode = DtmfMode::Rfc4733, OneOf;
    /// Detect CNG and jump to the fax extension.
    Obeyed "fax_detect" fax_detect: bool = false, Truth;
    /// Fax detection period after answer in seconds; 0 is always.
    Obeyed "fax_detect_timeout" fax_detect_timeout_secs: u32 = 0, Uint;
    /// Accept new SDP from a different To tag while early.
    Obeyed "follow_early_media_fork" follow_early_media_fork: bool = true, Truth;
    /// Methods other than INVITE whose 3xx is followed.
    Obeyed "follow_redirect_methods" follow_redirect_methods: Box<[RedirectedMethod]> = Box::default(), SomeOf;
    /// Write RTP/AVP or AVPF even with DTLS.
    Obeyed "force_avp" force_avp: bool = false, Truth;
    /// Answer to source address and port as if rport were given.
    Obeyed "force_rport" force_rport: bool = true, Truth;
    /// From domain on requests to this endpoint.
    Obeyed "from_domain" from_domain: Name = Name::default(), Text;
    /// Treat G726-32 as AAL2 packed.
    Later "g726_non_standard" g726_non_standard: bool = false, Truth;
    /// Geolocation profile for incoming calls.
    Later "geoloc_incoming_call_profile" geoloc_incoming_call_profile: Name = Name::default(), Text;
    /// Geolocation profile for outgoing calls.
    Later "geoloc_outgoing_call_profile" geoloc_outgoing_call_profile: Name = Name::default(), Text;
    /// Offer and answer ICE.
    Later "ice_support" ice_support: bool = false, Truth;
    /// By which identifiers this endpoint may be found.
    Obeyed "identify_by" identify_by: Box<[IdentifyBy]> = Box::new([IdentifyBy::Username, IdentifyBy::Ip]), SomeOf;
    /// Drop a 183 that lacks SDP instead of signalling progress.
    Obeyed "ignore_183_without_sdp" ignore_183_without_sdp: bool = false, Truth;
    /// Ring tone in 183 media instead of 180.
    Obeyed "inband_progress" inband_progress: bool = false, Truth;
    /// Codec order for offers we receive.
    Obeyed "incoming_call_offer_pref" incoming_call_offer_pref: IncomingOfferPref = IncomingOfferPref::Local, OneOf;
    /// Prompt language of the channel.
    Obeyed "language" language: Name = Name::default(), Text;
    /// Audio streams allowed per session.
    Obeyed "max_audio_streams" max_audio_streams: u32 = 1, Uint;
    /// Video streams allowed per session.
    Obeyed "max_video_streams" max_video_streams: u32 = 1, Uint;
    /// Address placed in SDP.
    Obeyed "media_address" media_address: Name = Name::default(), Text;
    /// SRTP key exchange required.
    Missed "media_encryption" media_encryption: MediaEncryption = MediaEncryption::No, OneOf;
    /// Offer SRTP, accept plain RTP.
    Missed "media_encryption_optimistic" media_encryption_optimistic: bool = false, Truth;
    /// Answer with the media profile found in the offer.
    Obeyed "media_use_received_transport" media_use_received_transport: bool = false, Truth;
    /// Context for MESSAGE outside dialogs; empty means context.
    Obeyed "message_context" message_context: Name = Name::default(), Text;
    /// Send hold onward instead of playing music.
    Obeyed "moh_passthrough" moh_passthrough: bool = false, Truth;
    /// Music class suggested to the peer when put on hold.
    Obeyed "moh_suggest" moh_suggest: Name = Name::from("default"), Text;
    /// From user of unsolicited MWI.
    Obeyed "mwi_from_user" mwi_from_user: Name = Name::default(), Text;
    /// A SUBSCRIBE for the same mailbox stops unsolicited MWI.
    Obeyed "mwi_subscribe_replaces_unsolicited" mwi_subscribe_replaces_unsolicited: bool = false, YesNo;
    /// Named pickup groups the device belongs to.
    Obeyed "named_call_group" named_call_group: Box<[Name]> = Box::default(), NamedGroups;
    /// Named groups it may pick up.
    Obeyed "named_pickup_group" named_pickup_group: Box<[Name]> = Box::default(), NamedGroups;
    /// dialog-info state early when in use and ringing.
    Obeyed "notify_early_inuse_ringing" notify_early_inuse_ringing: bool = false, Truth;
    /// React to the Record INFO header.
    Obeyed "one_touch_recording" one_touch_recording: bool = false, Truth;
    /// Route of requests to this endpoint.
    Obeyed "outbound_proxy" outbound_proxy: Name = Name::default(), SipUri;
    /// Codec order for offers we send.
    Obeyed "outgoing_call_offer_pref" outgoing_call_offer_pref: OutgoingOfferPref = OutgoingOfferPref::RemoteMerge, OneOf;
    /// Context checked for partial matches.
    Obeyed "overlap_context" overlap_context: Name = Name::default(), Text;
    /// Numeric groups it may pick up, as bits.
    Obeyed "pickup_group" pickup_group: u64 = 0, Groups;
    /// Old form of incoming_call_offer_pref=local_first.
    Obeyed "preferred_codec_only" preferred_codec_only: bool = false, Truth;
    /// Feature run by Record: off.
    Obeyed "record_off_feature" record_off_feature: Name = Name::from("automixmon"), Text;
    /// Feature run by Record: on.
    Obeyed "record_on_feature" record_on_feature: Name = Name::from("automixmon"), Text;
    /// How the Contact of a 3xx is followed.
    Obeyed "redirect_method" redirect_method: RedirectMethod = RedirectMethod::User, OneOf;
    /// Report blind transfer progress in NOTIFY.
    Obeyed "refer_blind_progress" refer_blind_progress: bool = true, Truth;
    /// Replace the host of Contact and Record-Route by the source address.
    Obeyed "rewrite_contact" rewrite_contact: bool = false, Truth;
    /// Send connected line updates before answer.
    Obeyed "rpid_immediate" rpid_immediate: bool = false, Truth;
    /// RTP and RTCP on one port.
    Obeyed "rtcp_mux" rtcp_mux: bool = false, Truth;
    /// RTP stack; there is one.
    Moot "rtp_engine" rtp_engine: Name = Name::from("asterisk"), Text;
    /// Use IPv6 for RTP when the address family is undecided.
    Obeyed "rtp_ipv6" rtp_ipv6: bool = false, Truth;
    /// Comfort-noise packet period in seconds when idle; 0 is off.
    Obeyed "rtp_keepalive" rtp_keepalive_secs: u32 = 0, Uint;
    /// Last RTP port; 0 leaves it to rtp.conf.
    Obeyed "rtp_port_end" rtp_port_end: u16 = 0, Between<0, 65535>;
    /// First RTP port; 0 leaves it to rtp.conf.
    Obeyed "rtp_port_start" rtp_port_start: u16 = 0, Between<0, 65535>;
    /// Send RTP to where RTP came from.
    Obeyed "rtp_symmetric" rtp_symmetric: bool = false, Truth;
    /// Hang up after so many seconds without RTP; 0 is never.
    Obeyed "rtp_timeout" rtp_timeout_secs: u32 = 0, Uint;
    /// The same while on hold.
    Obeyed "rtp_timeout_hold" rtp_timeout_hold_secs: u32 = 0, Uint;
    /// User name in the o= line.
    Obeyed "sdp_owner" sdp_owner: Name = Name::from("-"), Text;
    /// The s= line.
    Obeyed "sdp_session" sdp_session: Name = Name::from("Asterisk"), Text;
    /// Negotiation headers in the manner of RFC 3329.
    Later "security_negotiation" security_negotiation: SecurityNegotiation = SecurityNegotiation::No, OneOf;
    /// Send advice-of-charge bodies.
    Later "send_aoc" send_aoc: bool = false, Truth;
    /// Send identity updates inside a call.
    Obeyed "send_connected_line" send_connected_line: bool = true, YesNo;
    /// Add Diversion on forwarded calls.
    Obeyed "send_diversion" send_diversion: bool = true, Truth;
    /// Add History-Info on forwarded calls.
    Obeyed "send_history_info" send_history_info: bool = false, Truth;
    /// Add P-Asserted-Identity.
    Obeyed "send_pai" send_pai: bool = false, Truth;
    /// Add Remote-Party-ID.
    Obeyed "send_rpid" send_rpid: bool = false, Truth;
    /// Offer a 32-bit SRTP tag.
    Missed "srtp_tag_32" srtp_tag_32: bool = false, Truth;
    /// Without effect; stir_shaken_profile took its place.
    Moot "stir_shaken" stir_shaken: bool = false, OldStirShaken;
    /// STIR/SHAKEN profile.
    Missed "stir_shaken_profile" stir_shaken_profile: Name = Name::default(), Text;
    /// A SUBSCRIBE for fewer seconds gets 423.
    Obeyed "sub_min_expiry" sub_min_expiry_secs: u32 = 0, Uint;
    /// Context of presence hints; empty means context.
    Obeyed "subscribe_context" subscribe_context: Name = Name::default(), Text;
    /// No hold music when the peer sends sendonly.
    Obeyed "suppress_moh_on_sendonly" suppress_moh_on_sendonly: bool = false, Truth;
    /// Leave out Reason: Q.850.
    Obeyed "suppress_q850_reason_headers" suppress_q850_reason_headers: bool = false, Truth;
    /// Bind UDPTL to media_address.
    Obeyed "t38_bind_udptl_to_media_address" t38_bind_udptl_to_media_address: bool = false, Truth;
    /// Allow T.38.
    Obeyed "t38_udptl" t38_udptl: bool = false, Truth;
    /// UDPTL error correction.
    Obeyed "t38_udptl_ec" t38_udptl_ec: T38ErrorCorrection = T38ErrorCorrection::None, OneOf;
    /// IPv6 UDPTL.
    Obeyed "t38_udptl_ipv6" t38_udptl_ipv6: bool = false, Truth;
    /// FaxMaxDatagram; 0 takes the peer's.
    Obeyed "t38_udptl_maxdatagram" t38_udptl_maxdatagram: u32 = 0, Uint;
    /// Symmetric UDPTL.
    Obeyed "t38_udptl_nat" t38_udptl_nat: bool = false, Truth;
    /// Tenant id of channels.
    Obeyed "tenantid" tenantid: Name = Name::default(), Text;
    /// Session timer policy.
    Obeyed "timers" timers: Timers = Timers::Yes, OneOf;
    /// Min-SE in seconds.
    Obeyed "timers_min_se" timers_min_se_secs: u32 = 90, Uint;
    /// Session-Expires proposed, in seconds.
    Obeyed "timers_sess_expires" timers_sess_expires_secs: u32 = 1800, Uint;
    /// Tone zone of the channel.
    Obeyed "tone_zone" tone_zone: Name = Name::default(), Text;
    /// Type-of-service byte of audio.
    Obeyed "tos_audio" tos_audio: u8 = 0, Tos;
    /// Type-of-service byte of video.
    Obeyed "tos_video" tos_video: u8 = 0, Tos;
    /// Transport pinned for requests to this endpoint.
    Obeyed "transport" transport: Name = Name::default(), Text;
    /// Believe identity updates inside a call.
    Obeyed "trust_connected_line" trust_connected_line: bool = true, YesNo;
    /// Take the caller id from P-Asserted-Identity or Remote-Party-ID.
    Obeyed "trust_id_inbound" trust_id_inbound: bool = false, Truth;
    /// Send private identity data to this peer.
    Obeyed "trust_id_outbound" trust_id_outbound: bool = false, Truth;
    /// Use the feedback profile RTP/AVPF or SAVPF.
    Obeyed "use_avpf" use_avpf: bool = false, Truth;
    /// Obey ptime of the peer.
    Obeyed "use_ptime" use_ptime: bool = false, Truth;
    /// Append user=phone when the user is a number.
    Obeyed "user_eq_phone" user_eq_phone: bool = false, Truth;
    /// Message-Account user in unsolicited MWI.
    Obeyed "voicemail_extension" voicemail_extension: Name = Name::default(), Text;
    /// Turns on what browsers need: dtls, ice, avpf, bundle, rtcp_mux.
    Missed "webrtc" webrtc: bool = false, YesNo;
    /// Mechanisms of security_negotiation.
    Later "security_mechanisms" security_mechanisms: Box<[Name]> = Box::default(), TextList;
}

options! {
    own
    /// Options that share a field with another one.
    JOINED: Endpoint, shared, shared_mut;

    /// Remove codecs; order relative to allow matters.
    Obeyed "disallow" codecs, Disallow;
    /// Named source lists of acl.conf.
    Obeyed "acl" access, NamedLists;
    /// Source addresses refused.
    Obeyed "deny" access, Deny;
    /// Source addresses allowed.
    Obeyed "permit" access, Permit;
    /// Named Contact lists of acl.conf.
    Obeyed "contact_acl" contact_access, NamedLists;
    /// Contact addresses refused at REGISTER.
    Obeyed "contact_deny" contact_access, Deny;
    /// Contact addresses allowed at REGISTER.
    Obeyed "contact_permit" contact_access, Permit;
    /// Named lists of acl.conf on who may exchange media with it directly. Ours, after chan_sip's.
    Obeyed "directmedia_acl" direct_media_access, NamedLists;
    /// Addresses with which it exchanges no media directly.
    Obeyed "directmedia_deny" direct_media_access, Deny;
    /// Addresses with which it may exchange media directly.
    Obeyed "directmedia_permit" direct_media_access, Permit;
}
