//! What each option of a peer becomes.

/// Which object takes an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum To {
    /// The endpoint, under this name, value as it is.
    Endpoint(&'static str),
    /// The aor, under this name, value as it is.
    Aor(&'static str),
    /// Worked out together with other options.
    Worked,
    /// Nothing, and nothing is lost.
    Nothing(&'static str),
    /// Nothing, and something is.
    Dropped(&'static str),
}

/// Options of peers, lower case.
pub(super) const PEER: &[(&str, To)] = &[
    ("type", To::Worked),
    ("host", To::Worked),
    ("port", To::Worked),
    ("secret", To::Worked),
    ("md5secret", To::Worked),
    ("remotesecret", To::Worked),
    ("username", To::Worked),
    ("defaultuser", To::Worked),
    ("insecure", To::Worked),
    ("nat", To::Worked),
    ("directmedia", To::Worked),
    ("canreinvite", To::Worked),
    ("qualify", To::Worked),
    ("qualifyfreq", To::Worked),
    ("dtmfmode", To::Worked),
    ("transport", To::Worked),
    ("sendrpid", To::Worked),
    ("encryption", To::Worked),
    ("dtlsenable", To::Worked),
    ("session-timers", To::Worked),
    ("progressinband", To::Worked),
    ("t38pt_udptl", To::Worked),
    ("mailbox", To::Worked),
    ("fullname", To::Worked),
    ("cid_number", To::Worked),
    ("callingpres", To::Worked),
    ("outboundproxy", To::Worked),
    ("match_auth_username", To::Worked),
    ("defaultip", To::Worked),
    ("call-limit", To::Worked),
    ("busylevel", To::Endpoint("device_state_busy_at")),
    ("context", To::Endpoint("context")),
    ("subscribecontext", To::Endpoint("subscribe_context")),
    ("outofcall_message_context", To::Endpoint("message_context")),
    ("callerid", To::Endpoint("callerid")),
    ("cid_tag", To::Endpoint("callerid_tag")),
    ("fromuser", To::Endpoint("from_user")),
    ("fromdomain", To::Endpoint("from_domain")),
    ("language", To::Endpoint("language")),
    ("accountcode", To::Endpoint("accountcode")),
    ("mohsuggest", To::Endpoint("moh_suggest")),
    ("vmexten", To::Endpoint("voicemail_extension")),
    ("unsolicited_mailbox", To::Endpoint("incoming_mwi_mailbox")),
    ("callgroup", To::Endpoint("call_group")),
    ("pickupgroup", To::Endpoint("pickup_group")),
    ("namedcallgroup", To::Endpoint("named_call_group")),
    ("namedpickupgroup", To::Endpoint("named_pickup_group")),
    ("disallow", To::Endpoint("disallow")),
    ("allow", To::Endpoint("allow")),
    ("preferred_codec_only", To::Endpoint("preferred_codec_only")),
    ("autoframing", To::Endpoint("use_ptime")),
    ("deny", To::Endpoint("deny")),
    ("permit", To::Endpoint("permit")),
    ("acl", To::Endpoint("acl")),
    ("contactdeny", To::Endpoint("contact_deny")),
    ("contactpermit", To::Endpoint("contact_permit")),
    ("contactacl", To::Endpoint("contact_acl")),
    ("directrtpsetup", To::Endpoint("directrtpsetup")),
    ("directmediadeny", To::Endpoint("directmedia_deny")),
    ("directmediapermit", To::Endpoint("directmedia_permit")),
    ("directmediaacl", To::Endpoint("directmedia_acl")),
    ("trustrpid", To::Endpoint("trust_id_inbound")),
    ("trust_id_outbound", To::Endpoint("trust_id_outbound")),
    ("rpid_update", To::Endpoint("rpid_immediate")),
    ("rpid_immediate", To::Endpoint("rpid_immediate")),
    ("send_diversion", To::Endpoint("send_diversion")),
    ("avpf", To::Endpoint("use_avpf")),
    ("force_avp", To::Endpoint("force_avp")),
    ("icesupport", To::Endpoint("ice_support")),
    ("rtcp_mux", To::Endpoint("rtcp_mux")),
    ("encryption_taglen", To::Worked),
    ("dtlsverify", To::Endpoint("dtls_verify")),
    ("dtlsrekey", To::Endpoint("dtls_rekey")),
    ("dtlscertfile", To::Endpoint("dtls_cert_file")),
    ("dtlsprivatekey", To::Endpoint("dtls_private_key")),
    ("dtlscipher", To::Endpoint("dtls_cipher")),
    ("dtlscafile", To::Endpoint("dtls_ca_file")),
    ("dtlscapath", To::Endpoint("dtls_ca_path")),
    ("dtlssetup", To::Endpoint("dtls_setup")),
    ("dtlsfingerprint", To::Endpoint("dtls_fingerprint")),
    ("rtptimeout", To::Endpoint("rtp_timeout")),
    ("rtpholdtimeout", To::Endpoint("rtp_timeout_hold")),
    ("rtpkeepalive", To::Endpoint("rtp_keepalive")),
    ("rtp_engine", To::Nothing("there is one RTP stack")),
    ("session-expires", To::Endpoint("timers_sess_expires")),
    ("session-minse", To::Endpoint("timers_min_se")),
    ("faxdetect", To::Worked),
    ("allowsubscribe", To::Endpoint("allow_subscribe")),
    ("allowtransfer", To::Endpoint("allow_transfer")),
    ("allowoverlap", To::Worked),
    ("usereqphone", To::Endpoint("user_eq_phone")),
    ("setvar", To::Endpoint("set_var")),
    ("tonezone", To::Endpoint("tone_zone")),
    ("g726nonstandard", To::Endpoint("g726_non_standard")),
    ("snom_aoc_enabled", To::Endpoint("send_aoc")),
    ("sdpowner", To::Endpoint("sdp_owner")),
    ("sdpsession", To::Endpoint("sdp_session")),
    ("media_address", To::Endpoint("media_address")),
    ("tos_audio", To::Endpoint("tos_audio")),
    ("tos_video", To::Endpoint("tos_video")),
    ("cos_audio", To::Endpoint("cos_audio")),
    ("cos_video", To::Endpoint("cos_video")),
    ("recordonfeature", To::Endpoint("record_on_feature")),
    ("recordofffeature", To::Endpoint("record_off_feature")),
    ("notifyearlyinuseringing", To::Endpoint("notify_early_inuse_ringing")),
    ("defaultexpiry", To::Aor("default_expiration")),
    ("maxexpiry", To::Aor("maximum_expiration")),
    ("minexpiry", To::Aor("minimum_expiration")),
    ("supportpath", To::Aor("support_path")),
    ("callcounter", To::Nothing("channels are always counted")),
    ("callevents", To::Nothing("events are always raised")),
    ("description", To::Nothing("a remark")),
    ("registertrying", To::Nothing("a REGISTER is answered at once")),
    ("ignoresdpversion", To::Nothing("a changed description is taken whatever its version")),
    ("constantssrc", To::Nothing("the SSRC is kept")),
    ("rfc2833compensate", To::Nothing("events are taken as they come")),
    ("subscribemwi", To::Nothing("a phone that subscribes is served")),
    ("buggymwi", To::Dropped("message counts are sent as RFC 3842 has them")),
    ("videosupport", To::Dropped("allow a video codec instead")),
    ("maxcallbitrate", To::Dropped("there is no limit on video")),
    ("textsupport", To::Dropped("allow a text codec instead")),
    ("mohinterpret", To::Dropped("set CHANNEL(musicclass) with set_var")),
    ("promiscredir", To::Worked),
    ("regexten", To::Dropped("regcontext of the global section names the extension as the endpoint")),
    ("amaflags", To::Dropped("set CHANNEL(amaflags) with set_var")),
    ("parkinglot", To::Dropped("set CHANNEL(parkinglot) with set_var")),
    ("disallowed_methods", To::Dropped("methods cannot be refused one by one")),
    ("session-refresher", To::Dropped("the refresher is negotiated")),
    ("timert1", To::Dropped("timers are set for all in the system section")),
    ("timerb", To::Dropped("timers are set for all in the system section")),
    ("useclientcode", To::Dropped("X-ClientCode is not read")),
    ("t38pt_usertpsource", To::Dropped("UDPTL follows t38_udptl_nat")),
    ("registersip", To::Dropped("users.conf is not read")),
];

/// What an option becomes.
pub(super) fn of(option: &str) -> Option<To> {
    let option = option.to_ascii_lowercase();
    PEER.iter().find(|(name, _)| *name == option).map(|(_, to)| *to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Kind;
    use crate::config::hints::option_names;

    #[test]
    fn every_option_goes_to_one_that_exists() {
        for (option, to) in PEER {
            let (kind, name) = match to {
                To::Endpoint(name) => (Kind::Endpoint, name),
                To::Aor(name) => (Kind::Aor, name),
                _ => continue,
            };
            assert!(option_names(kind).contains(name), "{option} goes to {name}");
        }
    }
}
