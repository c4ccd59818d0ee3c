//! `type=global`: what holds for all.

use super::object::flat_object;
use super::provenance::Provenance;
use crate::base::ids::Name;
use crate::config::suggest;
use crate::config::value::Fault;
use crate::config::value::algorithms::{AlgorithmList, Algorithms};
use crate::config::value::lists::{TextList, parts};
use crate::config::value::scalar::{Int, NotEmpty, Text, Truth, Uint, YesNo};
use crate::config::value::spec::{Codec, Cx, options};
use crate::config::value::words::{OneOf, words};

words! {
    /// `taskprocessor_overload_trigger`.
    OverloadTrigger {
        /// Overload never refuses.
        None = "none",
        /// Any overload refuses.
        Global = "global",
        /// Only overload of SIP refuses.
        PjsipOnly = "pjsip_only",
    }
}

options! {
    struct
    /// What holds for all.
    #[derive(Clone, Debug, PartialEq)]
    Global {
        /// Its name.
        name: Name = Name::default();
        /// Where it was written.
        provenance: Provenance = Provenance::default();
    }
    OPTIONS: Global, Global::this, Global::this_mut;

    /// A re-INVITE without SDP is answered with all configured codecs.
    Obeyed "all_codecs_on_empty_reinvite" all_codecs_on_empty_reinvite: bool = false, Truth;
    /// Permit 180 after 183 was already sent.
    Obeyed "allow_sending_180_after_183" allow_sending_180_after_183: bool = false, Truth;
    /// Seconds between sweeps that delete expired contacts; 0 is off. Ours expire on their second.
    Moot "contact_expiration_check_interval" contact_expiration_check_interval_secs: u32 = 30, Uint;
    /// Start packet logging for all or one host.
    Obeyed "debug" debug: Name = Name::from("no"), NotEmpty;
    /// Algorithms accepted for auths that list none.
    Obeyed "default_auth_algorithms_uac" default_auth_algorithms_uac: Algorithms = Algorithms::default(), AlgorithmList;
    /// Challenge algorithms for auths that list none.
    Obeyed "default_auth_algorithms_uas" default_auth_algorithms_uas: Algorithms = Algorithms::default(), AlgorithmList;
    /// User part of From and Contact when nothing better is known.
    Obeyed "default_from_user" default_from_user: Name = Name::from("asterisk"), NotEmpty;
    /// Endpoint used for sends outside dialogs when none is given.
    Obeyed "default_outbound_endpoint" default_outbound_endpoint: Name = Name::from("default_outbound_endpoint"), Text;
    /// Realm in challenges of auths without one.
    Obeyed "default_realm" default_realm: Name = Name::from("asterisk"), Text;
    /// Message-Account user in MWI bodies when aor and endpoint give none.
    Obeyed "default_voicemail_extension" default_voicemail_extension: Name = Name::default(), Text;
    /// Look up users by name only.
    Obeyed "disable_multi_domain" disable_multi_domain: bool = false, Truth;
    /// Identifiers in the order tried.
    Obeyed "endpoint_identifier_order" endpoint_identifier_order: Box<[Name]> = default_order(), IdentifierOrder;
    /// Cut the user part at the first semicolon.
    Obeyed "ignore_uri_user_options" ignore_uri_user_options: bool = false, Truth;
    /// Seconds between CRLF keep-alives on streams; 0 is off.
    Obeyed "keep_alive_interval" keep_alive_interval_secs: u32 = 90, Uint;
    /// Max-Forwards of our requests.
    Obeyed "max_forwards" max_forwards: u32 = 70, Uint;
    /// Upper bound in seconds of the random delay of the first qualify; 0 uses qualify_frequency.
    Obeyed "max_initial_qualify_time" max_initial_qualify_time_secs: u32 = 0, Uint;
    /// Skip the unsolicited MWI burst at start.
    Obeyed "mwi_disable_initial_unsolicited" mwi_disable_initial_unsolicited: bool = false, Truth;
    /// Queue marks of a task processor that does not exist here.
    Moot "mwi_tps_queue_high" mwi_tps_queue_high: u32 = 500, Uint;
    /// Queue marks of a task processor that does not exist here.
    Moot "mwi_tps_queue_low" mwi_tps_queue_low: i32 = -1, Int;
    /// Advertise norefersub.
    Obeyed "norefersub" norefersub: bool = true, YesNo;
    /// Context where an extension appears while its endpoint is reachable.
    Later "regcontext" regcontext: Name = Name::default(), Text;
    /// Raise ContactStatus also when a refresh changes nothing.
    Later "send_contact_status_on_update_registration" send_contact_status_on_update_registration: bool = false, YesNo;
    /// Which overload refuses new requests.
    Obeyed "taskprocessor_overload_trigger" taskprocessor_overload_trigger: OverloadTrigger = OverloadTrigger::Global, OneOf;
    /// Unmatched requests from one address before a security event; 0 is off.
    Obeyed "unidentified_request_count" unidentified_request_count: u32 = 5, Uint;
    /// Seconds in which they are counted.
    Obeyed "unidentified_request_period" unidentified_request_period_secs: u32 = 5, Uint;
    /// Seconds between sweeps of that table.
    Obeyed "unidentified_request_prune_interval" unidentified_request_prune_interval_secs: u32 = 30, Uint;
    /// User part of Contact from the caller's number.
    Obeyed "use_callerid_contact" use_callerid_contact: bool = false, YesNo;
    /// User-Agent of requests and Server of responses.
    Obeyed "user_agent" user_agent: Name = Name::from(concat!("Jackfield ", env!("CARGO_PKG_VERSION"))), Text;
}

/// The identifiers there are, by the names `endpoint_identifier_order` knows.
pub const IDENTIFIERS: &[&str] = &["ip", "username", "anonymous", "header", "request_uri", "auth_username"];

fn default_order() -> Box<[Name]> {
    ["ip", "username", "anonymous"].map(Name::from).into()
}

/// Reads `endpoint_identifier_order`. A name that is no identifier's is passed over, as in Asterisk, but told.
#[derive(Debug)]
pub struct IdentifierOrder;

impl Codec<Box<[Name]>> for IdentifierOrder {
    fn apply(field: &mut Box<[Name]>, text: &str, cx: &mut Cx) -> Result<(), Fault> {
        for (offset, wrong) in parts(text).filter(|(_, name)| !IDENTIFIERS.contains(name)) {
            let fault = Fault::new("bad-value", format!("there is no identifier '{wrong}'")).offset(offset);
            let help = match suggest::nearest(wrong, IDENTIFIERS.iter().copied()) {
                Some(near) => format!("did you mean '{near}'?"),
                None => format!("there are {}", IDENTIFIERS.join(", ")),
            };
            cx.remark(fault.help(help));
        }
        TextList::apply(field, text, cx)
    }

    fn print(field: &Box<[Name]>, lines: &mut Vec<String>) {
        TextList::print(field, lines);
    }
}

flat_object!(Global, Global, [OPTIONS], {});
