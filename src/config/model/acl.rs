//! `type=acl`, which applies to all SIP requests, and the named lists of `acl.conf`.

use std::sync::Arc;

use super::object::flat_object;
use super::provenance::Provenance;
use crate::base::ids::Name;
use crate::config::objects::Objects;
use crate::config::value::access::{Access, Deny, NamedLists, Permit, Rule, Rules};
use crate::config::value::spec::options;

/// Lists that every request must pass; failing one gives 403.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Acl {
    /// Its name.
    pub name: Name,
    /// Lists on the source address.
    pub source: Access,
    /// Lists on the addresses in Contact.
    pub contact: Access,
    /// Where it was written.
    pub provenance: Provenance,
}

options! {
    own
    /// The options of an acl.
    OPTIONS: Acl, Acl::this, Acl::this_mut;

    /// Named source lists of acl.conf; all must pass.
    Obeyed "acl" source, NamedLists;
    /// Named Contact lists of acl.conf.
    Obeyed "contact_acl" contact, NamedLists;
    /// Contact addresses refused.
    Obeyed "contact_deny" contact, Deny;
    /// Contact addresses allowed.
    Obeyed "contact_permit" contact, Permit;
    /// Source addresses refused.
    Obeyed "deny" source, Deny;
    /// Source addresses allowed; the last matching rule wins.
    Obeyed "permit" source, Permit;
}

flat_object!(Acl, Acl, [OPTIONS], {
    /// A list with a slip of the pen refuses everybody; Asterisk then refuses all of IPv4.
    fn stand_in(name: &Name) -> Option<Self> {
        let mut acl = Acl::blank(name.clone());
        for net in ["0.0.0.0/0", "::/0"] {
            acl.source.own.0.push(Rule { permit: false, net: net.parse().expect("a constant network") });
        }
        Some(acl)
    }

    fn resolved(&self, objects: &Objects) -> Option<Self> {
        let source = self.source.resolved(&objects.named_acls);
        let contact = self.contact.resolved(&objects.named_acls);
        if source.is_none() && contact.is_none() {
            return None;
        }
        Some(Acl {
            source: source.unwrap_or_else(|| self.source.clone()),
            contact: contact.unwrap_or_else(|| self.contact.clone()),
            ..self.clone()
        })
    }
});

/// A section of `acl.conf`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NamedAcl {
    /// Its name.
    pub name: Name,
    /// Its rules.
    pub rules: Rules,
    /// Where it was written.
    pub provenance: Provenance,
}

options! {
    own
    /// The options of a named list.
    NAMED: NamedAcl, NamedAcl::this, NamedAcl::this_mut;

    /// Addresses refused.
    Obeyed "deny" rules, Deny;
    /// Addresses allowed.
    Obeyed "permit" rules, Permit;
}

flat_object!(NamedAcl, NamedAcl, [NAMED], {});

impl NamedAcl {
    /// The rules, to be shared by those who name this list.
    pub fn shared_rules(&self) -> Arc<Rules> {
        Arc::new(self.rules.clone())
    }
}
