//! The kinds of objects an administrator writes, under the names Asterisk gives them.

use std::fmt;

/// What a section, a TOML table or a row describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// `type=global`.
    Global,
    /// `type=system`.
    System,
    /// `type=transport`.
    Transport,
    /// `type=endpoint`.
    Endpoint,
    /// `type=aor`.
    Aor,
    /// `type=auth`.
    Auth,
    /// `type=identify`.
    Identify,
    /// `type=acl`: applies to all SIP requests.
    Acl,
    /// A section of `acl.conf`, named by the `acl` and `contact_acl` options of other objects.
    NamedAcl,
    /// `type=domain_alias`.
    DomainAlias,
    /// `type=contact`: written by the registrar, seldom by hand.
    Contact,
    /// `type=registration`.
    Registration,
    /// `type=outbound-publish`.
    OutboundPublish,
    /// `type=inbound-publication`.
    InboundPublication,
    /// `type=asterisk-publication`.
    AsteriskPublication,
    /// `type=resource_list`.
    ResourceList,
    /// `type=subscription_persistence`: written by the server only.
    SubscriptionPersistence,
    /// `type=phoneprov`.
    Phoneprov,
    /// `asterisk.conf`.
    Asterisk,
    /// `[general]` of `rtp.conf`.
    Rtp,
    /// `[general]` of `jackfield.conf`: what Asterisk has no option for.
    Jackfield,
    /// `type=wizard` of `pjsip_wizard.conf`.
    Wizard,
}

/// Every kind with its type name and its realtime table ("" where there is none).
const KINDS: &[(Kind, &str, &str)] = &[
    (Kind::Global, "global", "ps_globals"),
    (Kind::System, "system", "ps_systems"),
    (Kind::Transport, "transport", "ps_transports"),
    (Kind::Endpoint, "endpoint", "ps_endpoints"),
    (Kind::Aor, "aor", "ps_aors"),
    (Kind::Auth, "auth", "ps_auths"),
    (Kind::Identify, "identify", "ps_endpoint_id_ips"),
    (Kind::Acl, "acl", ""),
    (Kind::NamedAcl, "named_acl", ""),
    (Kind::DomainAlias, "domain_alias", "ps_domain_aliases"),
    (Kind::Contact, "contact", "ps_contacts"),
    (Kind::Registration, "registration", "ps_registrations"),
    (Kind::OutboundPublish, "outbound-publish", "ps_outbound_publishes"),
    (Kind::InboundPublication, "inbound-publication", "ps_inbound_publications"),
    (Kind::AsteriskPublication, "asterisk-publication", "ps_asterisk_publications"),
    (Kind::ResourceList, "resource_list", "ps_resource_list"),
    (Kind::SubscriptionPersistence, "subscription_persistence", "ps_subscription_persistence"),
    (Kind::Phoneprov, "phoneprov", ""),
    (Kind::Asterisk, "asterisk", ""),
    (Kind::Rtp, "rtp", ""),
    (Kind::Jackfield, "jackfield", ""),
    (Kind::Wizard, "wizard", ""),
];

impl Kind {
    /// Every kind.
    pub fn all() -> impl Iterator<Item = Kind> {
        KINDS.iter().map(|row| row.0)
    }

    fn row(self) -> &'static (Kind, &'static str, &'static str) {
        KINDS.iter().find(|row| row.0 == self).expect("KINDS has a row for every kind")
    }

    /// The value of `type=`.
    pub fn type_name(self) -> &'static str {
        self.row().1
    }

    /// The realtime table, where Asterisk has one.
    pub fn table(self) -> Option<&'static str> {
        Some(self.row().2).filter(|table| !table.is_empty())
    }

    /// Whether it is written in a file of its own rather than in `pjsip.conf`.
    pub fn has_own_file(self) -> bool {
        matches!(self, Kind::NamedAcl | Kind::Asterisk | Kind::Rtp | Kind::Jackfield | Kind::Wizard)
    }

    /// The kind that `pjsip.conf` calls `name` in its `type=`. Compared exactly, as Asterisk does.
    pub fn of_type(name: &str) -> Option<Kind> {
        KINDS.iter().find(|row| row.1 == name && !row.0.has_own_file()).map(|row| row.0)
    }

    /// The kind whose rows a realtime table holds.
    pub fn of_table(table: &str) -> Option<Kind> {
        KINDS.iter().find(|row| !row.2.is_empty() && row.2 == table).map(|row| row.0)
    }

    /// The kind a sorcery mapping or an extconfig family means: the type name.
    pub fn of_family(family: &str) -> Option<Kind> {
        Kind::of_table(family).or_else(|| Kind::of_type(family))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.type_name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_names() {
        assert_eq!(Kind::all().count(), KINDS.len());
        for kind in Kind::all() {
            assert!(!kind.type_name().is_empty());
            if let Some(table) = kind.table() {
                assert_eq!(Kind::of_table(table), Some(kind));
            }
        }
        assert_eq!(Kind::of_type("endpoint"), Some(Kind::Endpoint));
        assert_eq!(Kind::of_type("wizard"), None);
        assert_eq!(Kind::of_type("Endpoint"), None);
    }
}
