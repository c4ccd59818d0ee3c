//! The enumerations among an endpoint's options.

use crate::config::value::spec::{Codec, Cx, Fault};
use crate::config::value::words::{Word, unknown, words};
use crate::config::value::{lists, scalar};

words! {
    /// `dtmf_mode`.
    DtmfMode {
        /// RFC 4733 events in RTP.
        Rfc4733 = "rfc4733",
        /// Tones in the audio.
        Inband = "inband",
        /// SIP INFO.
        Info = "info",
        /// RFC 4733 if the peer offers it, tones otherwise.
        Auto = "auto",
        /// RFC 4733 if the peer offers it, INFO otherwise.
        AutoInfo = "auto_info",
        /// None at all.
        None = "none",
    }
}

words! {
    /// `100rel`: reliable provisional responses (RFC 3262).
    Rel100 {
        /// Supported, used when the peer asks.
        Yes = "yes" | "true" | "y" | "t" | "1" | "on",
        /// Neither offered nor accepted.
        No = "no" | "false" | "n" | "f" | "0" | "off",
        /// Demanded of the peer.
        Required = "required",
        /// Used when the peer says that it supports them.
        PeerSupported = "peer_supported",
    }
}

words! {
    /// `timers`: session timers (RFC 4028).
    Timers {
        /// Supported.
        Yes = "yes" | "true" | "y" | "t" | "1" | "on",
        /// Not supported.
        No = "no" | "false" | "n" | "f" | "0" | "off",
        /// Demanded of the peer.
        Required = "required",
        /// Used whatever the peer says.
        Always = "always" | "forced",
    }
}

words! {
    /// `direct_media_method` and `connected_line_method`.
    RefreshMethod {
        /// A re-INVITE.
        Invite = "invite" | "reinvite",
        /// An UPDATE.
        Update = "update",
    }
}

words! {
    /// `direct_media_glare_mitigation`: which side waits before it moves the media.
    GlareMitigation {
        /// None waits.
        None = "none",
        /// Only outgoing legs send; an incoming leg refrains the first time.
        Outgoing = "outgoing",
        /// The mirror of `outgoing`.
        Incoming = "incoming",
    }
}

words! {
    /// `callerid_privacy`: the presentation of the caller's number (Q.951 values as numbers).
    Presentation {
        /// Allowed, not screened.
        AllowedNotScreened = "allowed_not_screened" | "0",
        /// Allowed, passed screening.
        AllowedPassedScreen = "allowed_passed_screen" | "allowed_passed_screened" | "1",
        /// Allowed, failed screening.
        AllowedFailedScreen = "allowed_failed_screen" | "allowed_failed_screened" | "2",
        /// Allowed, network number.
        Allowed = "allowed" | "3",
        /// Prohibited, not screened.
        ProhibNotScreened = "prohib_not_screened" | "32",
        /// Prohibited, passed screening.
        ProhibPassedScreen = "prohib_passed_screen" | "prohib_passed_screened" | "33",
        /// Prohibited, failed screening.
        ProhibFailedScreen = "prohib_failed_screen" | "prohib_failed_screened" | "34",
        /// Prohibited, network number.
        Prohib = "prohib" | "35",
        /// The number is not available.
        Unavailable = "unavailable" | "67",
    }
}

impl Presentation {
    /// Whether the number may be shown.
    pub fn is_allowed(self) -> bool {
        matches!(
            self,
            Presentation::AllowedNotScreened
                | Presentation::AllowedPassedScreen
                | Presentation::AllowedFailedScreen
                | Presentation::Allowed
        )
    }
}

words! {
    /// `identify_by`.
    IdentifyBy {
        /// By the user part of From.
        Username = "username",
        /// By the user name of the credentials.
        AuthUsername = "auth_username",
        /// By the source address.
        Ip = "ip",
        /// By a header.
        Header = "header",
        /// By the request URI.
        RequestUri = "request_uri",
    }
}

words! {
    /// `media_encryption`.
    MediaEncryption {
        /// None.
        No = "no" | "none",
        /// SRTP with keys in SDP (RFC 4568).
        Sdes = "sdes",
        /// DTLS-SRTP (RFC 5764).
        Dtls = "dtls",
    }
}

words! {
    /// `t38_udptl_ec`.
    T38ErrorCorrection {
        /// None.
        None = "none",
        /// Forward error correction.
        Fec = "fec",
        /// Redundancy.
        Redundancy = "redundancy",
    }
}

words! {
    /// `dtls_setup`.
    DtlsSetup {
        /// We connect.
        Active = "active",
        /// We wait.
        Passive = "passive",
        /// Either.
        Actpass = "actpass",
    }
}

words! {
    /// `dtls_fingerprint`.
    FingerprintHash {
        /// SHA-256.
        Sha256 = "SHA-256",
        /// SHA-1.
        Sha1 = "SHA-1",
    }
}

words! {
    /// `dtls_verify`. Asterisk prints any check as `Yes`.
    DtlsVerify {
        /// Nothing is checked.
        No = "No" | "false" | "n" | "f" | "0" | "off",
        /// Fingerprint and certificate.
        Yes = "Yes" | "true" | "y" | "t" | "1" | "on",
        /// The fingerprint.
        Fingerprint = "fingerprint",
        /// The certificate.
        Certificate = "certificate",
    }
}

words! {
    /// `redirect_method`: how the Contact of a 3xx is followed.
    RedirectMethod {
        /// Its user part becomes an extension.
        User = "user",
        /// The URI is dialled by the core.
        UriCore = "uri_core",
        /// The URI is dialled within the SIP stack.
        UriPjsip = "uri_pjsip",
    }
}

words! {
    /// `follow_redirect_methods`: methods other than INVITE whose 3xx is followed.
    RedirectedMethod {
        /// MESSAGE.
        Message = "message",
    }
}

words! {
    /// `incoming_call_offer_pref`.
    IncomingOfferPref {
        /// Common codecs in our order.
        Local = "local",
        /// The first common codec in our order.
        LocalFirst = "local_first",
        /// Common codecs in their order.
        Remote = "remote",
        /// The first common codec in their order.
        RemoteFirst = "remote_first",
    }
}

words! {
    /// `outgoing_call_offer_pref`.
    OutgoingOfferPref {
        /// Common codecs in our order.
        Local = "local",
        /// All codecs, ours first.
        LocalMerge = "local_merge",
        /// The first common codec in our order.
        LocalFirst = "local_first",
        /// Common codecs in the caller's order.
        Remote = "remote",
        /// All codecs, the caller's first.
        RemoteMerge = "remote_merge",
        /// The first common codec in the caller's order.
        RemoteFirst = "remote_first",
    }
}

words! {
    /// `security_negotiation`.
    SecurityNegotiation {
        /// None.
        No = "no" | "none" | "false" | "n" | "f" | "0" | "off",
        /// mediasec headers.
        Mediasec = "mediasec",
    }
}

words! {
    /// Whose codecs come first.
    Prefer {
        /// Those of the other side.
        Pending = "pending",
        /// Those configured.
        Configured = "configured",
    }
}

words! {
    /// How two codec lists are joined.
    Operation {
        /// What both have.
        Intersect = "intersect",
        /// All of either.
        Union = "union",
        /// Only the preferred side's.
        OnlyPreferred = "only_preferred",
        /// Only the other side's.
        OnlyNonpreferred = "only_nonpreferred",
    }
}

words! {
    /// How much of the result is kept.
    Keep {
        /// All of it.
        All = "all",
        /// The first codec.
        First = "first",
    }
}

words! {
    /// Whether codecs that need transcoding may be added.
    Transcode {
        /// They may.
        Allow = "allow",
        /// They may not.
        Prevent = "prevent",
    }
}

/// `codec_prefs_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CodecPrefs {
    /// Whose codecs come first.
    pub prefer: Prefer,
    /// How the lists are joined.
    pub operation: Operation,
    /// How much is kept.
    pub keep: Keep,
    /// Whether transcoding is allowed for.
    pub transcode: Transcode,
}

impl CodecPrefs {
    /// The default with this operation.
    pub const fn new(operation: Operation) -> CodecPrefs {
        CodecPrefs { prefer: Prefer::Pending, operation, keep: Keep::All, transcode: Transcode::Allow }
    }
}

/// Reads `prefer: …, operation: …, keep: …, transcode: …`; parts left out keep their defaults.
#[derive(Debug)]
pub struct CodecPreference<const UNION: bool>;

impl<const UNION: bool> Codec<CodecPrefs> for CodecPreference<UNION> {
    fn apply(field: &mut CodecPrefs, text: &str, _: &mut Cx) -> Result<(), Fault> {
        let mut prefs = *field;
        for (offset, part) in lists::parts(text) {
            let (name, value) = part.split_once(':').ok_or_else(|| {
                Fault::new("bad-value", format!("'{part}' is not of the form name: value")).offset(offset)
            })?;
            let value = value.trim();
            let wrong = |fault: Fault| fault.offset(offset);
            match name.trim() {
                "prefer" => {
                    prefs.prefer = Prefer::of(value).ok_or_else(|| wrong(unknown::<Prefer>(value)))?
                }
                "operation" => {
                    prefs.operation =
                        Operation::of(value).ok_or_else(|| wrong(unknown::<Operation>(value)))?;
                }
                "keep" => prefs.keep = Keep::of(value).ok_or_else(|| wrong(unknown::<Keep>(value)))?,
                "transcode" => {
                    prefs.transcode =
                        Transcode::of(value).ok_or_else(|| wrong(unknown::<Transcode>(value)))?;
                }
                other => {
                    let message = format!("'{other}' is not one of prefer, operation, keep, transcode");
                    return Err(wrong(Fault::new("bad-value", message)));
                }
            }
        }
        if prefs.operation == Operation::Union && !UNION {
            return Err(Fault::new("bad-value", "operation 'union' makes no sense for an incoming offer"));
        }
        *field = prefs;
        Ok(())
    }

    fn print(field: &CodecPrefs, lines: &mut Vec<String>) {
        lines.push(format!(
            "prefer:{}, operation:{}, keep:{}, transcode:{}",
            field.prefer.word(),
            field.operation.word(),
            field.keep.word(),
            field.transcode.word()
        ));
    }
}

/// Reads `dtls_verify`, and prints it as Asterisk does: any check is `Yes`.
#[derive(Debug)]
pub struct Verification;

impl Codec<DtlsVerify> for Verification {
    fn apply(field: &mut DtlsVerify, text: &str, _: &mut Cx) -> Result<(), Fault> {
        *field = DtlsVerify::of(text).ok_or_else(|| unknown::<DtlsVerify>(text))?;
        Ok(())
    }

    fn print(field: &DtlsVerify, lines: &mut Vec<String>) {
        lines.push(if *field == DtlsVerify::No { "No" } else { "Yes" }.to_owned());
    }

    fn write(field: &DtlsVerify, lines: &mut Vec<String>) {
        lines.push(field.word().to_ascii_lowercase());
    }
}

/// Reads `stir_shaken`, which has given way to `stir_shaken_profile`.
#[derive(Debug)]
pub struct OldStirShaken;

impl Codec<bool> for OldStirShaken {
    fn apply(field: &mut bool, text: &str, cx: &mut Cx) -> Result<(), Fault> {
        *field = scalar::is_true(text);
        cx.remark(
            Fault::new("superseded-option", "'stir_shaken' has no effect any more")
                .help("use 'stir_shaken_profile'"),
        );
        Ok(())
    }

    fn print(field: &bool, lines: &mut Vec<String>) {
        lines.push(if *field { "yes" } else { "no" }.to_owned());
    }
}
