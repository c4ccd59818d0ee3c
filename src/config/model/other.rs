//! Kinds of objects that are legal in `pjsip.conf` and with which nothing is done yet: their options are checked by
//! name and kept as text, so that nothing that is written is lost or passed over in silence.

use super::provenance::Provenance;
use crate::base::ids::Name;
use crate::config::kind::Kind;

/// An object of such a kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Other {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: Name,
    /// Its settings in order, as written.
    pub settings: Vec<(Name, Name)>,
    /// Where it was written.
    pub provenance: Provenance,
}

impl Other {
    /// The last value of a setting; `None` when it is not written.
    pub fn setting(&self, option: &str) -> Option<&str> {
        let last = self.settings.iter().rev().find(|(key, _)| key.eq_ignore_ascii_case(option));
        last.map(|(_, value)| &**value)
    }
}

/// The options of a kind without a type of its own, without `type`; `None` for a kind that has one.
pub fn legal_options(kind: Kind) -> Option<&'static [&'static str]> {
    Some(match kind {
        Kind::OutboundPublish => &[
            "@body",
            "@context",
            "@device_state",
            "@device_state_filter",
            "@exten",
            "@mailbox_state",
            "@mailbox_state_filter",
            "event",
            "expiration",
            "from_uri",
            "max_auth_attempts",
            "multi_user",
            "outbound_auth",
            "outbound_proxy",
            "server_uri",
            "to_uri",
            "transport",
        ],
        Kind::InboundPublication => &["endpoint"],
        Kind::AsteriskPublication => &[
            "device_state",
            "device_state_filter",
            "devicestate_publish",
            "mailbox_state",
            "mailbox_state_filter",
            "mailboxstate_publish",
        ],
        Kind::ResourceList => {
            &["event", "full_state", "list_item", "notification_batch_interval", "resource_display_name"]
        }
        Kind::SubscriptionPersistence => &[
            "contact_uri",
            "cseq",
            "endpoint",
            "expires",
            "generator_data",
            "local_name",
            "local_port",
            "packet",
            "prune_on_boot",
            "src_name",
            "src_port",
            "tag",
            "transport_key",
        ],
        Kind::Phoneprov => &["MAC", "PROFILE", "endpoint"],
        _ => return None,
    })
}

/// Whether an option is legal for such a kind. Some take names nobody can list: events, template variables.
pub fn is_legal(kind: Kind, option: &str) -> bool {
    let known = legal_options(kind).unwrap_or_default().iter().any(|name| name.eq_ignore_ascii_case(option));
    match kind {
        Kind::InboundPublication => known || option.to_ascii_lowercase().starts_with("event_"),
        Kind::Phoneprov => true,
        _ => known,
    }
}

/// Options without which such an object does not load.
pub fn required(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::OutboundPublish => &["server_uri", "event"],
        Kind::ResourceList => &["event", "list_item"],
        Kind::Phoneprov => &["endpoint", "MAC", "PROFILE"],
        _ => &[],
    }
}
