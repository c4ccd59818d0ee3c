//! Why a REGISTER was refused: one value for the answer, the log line and the operator.

use std::fmt;

/// A refused REGISTER. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The endpoint lists no aor.
    NoAors,
    /// The To URI is no sip or sips URI.
    ToScheme,
    /// No aor of the endpoint has the name in To.
    AorNotFound,
    /// `max_contacts` of the aor is 0.
    NotPermitted,
    /// The Contacts break a rule.
    BadContacts(&'static str),
    /// A Contact that is no sip or sips URI.
    ContactScheme,
    /// Path without `Supported: path` (RFC 3327 5.3).
    PathNotSupported,
    /// More contacts than `max_contacts`.
    TooMany {
        /// The limit.
        max_contacts: u32,
        /// Who holds the slots, a line each.
        holders: Vec<String>,
    },
    /// An older CSeq of the Call-ID that made the contact (RFC 3261 10.3 step 7).
    OutOfOrder,
    /// The store cannot take the change now.
    Unavailable,
}

impl Refusal {
    /// Status code and reason phrase (empty: the RFC's).
    pub fn status(&self) -> (u16, &'static str) {
        match self {
            Refusal::NoAors | Refusal::NotPermitted | Refusal::TooMany { .. } => (403, ""),
            Refusal::ToScheme | Refusal::ContactScheme => (416, ""),
            Refusal::AorNotFound => (404, ""),
            Refusal::BadContacts(_) => (400, ""),
            Refusal::PathNotSupported => (420, ""),
            Refusal::OutOfOrder => (500, "CSeq Out Of Order"),
            Refusal::Unavailable => (503, ""),
        }
    }

    /// The word Asterisk's security events use.
    pub fn security_word(&self) -> &'static str {
        match self {
            Refusal::NoAors => "registrar_attempt_without_configured_aors",
            Refusal::ToScheme => "registrar_invalid_uri_in_to_received",
            Refusal::AorNotFound => "registrar_requested_aor_not_found",
            Refusal::NotPermitted => "registrar_attempt_without_registration_permitted",
            Refusal::BadContacts(_) | Refusal::ContactScheme => "registrar_invalid_contacts_provided",
            Refusal::PathNotSupported => "registrar_path_not_supported",
            Refusal::TooMany { .. } => "registrar_attempt_exceeds_maximum_configured_contacts",
            Refusal::OutOfOrder => "registrar_out_of_order",
            Refusal::Unavailable => "registrar_store_unavailable",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::NoAors => f.write_str("the endpoint has no aors"),
            Refusal::ToScheme => f.write_str("To is no SIP URI"),
            Refusal::AorNotFound => f.write_str("To names no aor of the endpoint"),
            Refusal::NotPermitted => f.write_str("max_contacts of the aor is 0"),
            Refusal::BadContacts(why) => f.write_str(why),
            Refusal::ContactScheme => f.write_str("a Contact is no SIP URI"),
            Refusal::PathNotSupported => f.write_str("Path without Supported: path"),
            Refusal::TooMany { max_contacts, .. } => write!(f, "would exceed max_contacts={max_contacts}"),
            Refusal::OutOfOrder => f.write_str("older CSeq than the one that made the contact"),
            Refusal::Unavailable => f.write_str("the contact store takes no change now"),
        }
    }
}
