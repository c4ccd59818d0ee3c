//! `type=domain_alias`: a second name for a domain.

use super::object::flat_object;
use super::provenance::Provenance;
use crate::base::ids::Name;
use crate::config::value::scalar::Text;
use crate::config::value::spec::options;

options! {
    struct
    /// A second name for a domain: the section's name is the alias.
    #[derive(Clone, Debug, PartialEq)]
    DomainAlias {
        /// The alias.
        name: Name = Name::default();
        /// Where it was written.
        provenance: Provenance = Provenance::default();
    }
    OPTIONS: DomainAlias, DomainAlias::this, DomainAlias::this_mut;

    /// The real domain.
    Obeyed "domain" domain: Name = Name::default(), Text;
}

flat_object!(DomainAlias, DomainAlias, [OPTIONS], {});
