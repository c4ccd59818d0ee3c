//! Identification by a user name: From, credentials, or `anonymous`.

use super::chain::{Directory, Identifier, Trace};
use crate::base::ids::Name;

/// The names to try for a user at a host, in Asterisk's order; the first that exists decides, even if it then turns
/// out not to want this identifier.
pub(super) struct Candidates<'a> {
    pub user: &'a str,
    pub host: &'a str,
    /// `domain` of the transport it came by.
    pub transport_domain: Option<&'a str>,
    /// `disable_multi_domain`: only the bare user.
    pub bare_only: bool,
}

impl Candidates<'_> {
    /// The first endpoint that exists.
    pub fn find<D: Directory>(&self, directory: &D, trace: &mut Trace, by: Identifier) -> Option<Name> {
        if self.user.is_empty() {
            return None;
        }
        if !self.bare_only && directory.has_domains() {
            let mut name = String::with_capacity(self.user.len() + self.host.len() + 1);
            let alias = directory.domain_alias(self.host);
            for domain in [Some(self.host), alias, self.transport_domain].into_iter().flatten() {
                if domain.is_empty() {
                    continue;
                }
                name.clear();
                name.push_str(self.user);
                name.push('@');
                name.push_str(domain);
                if let Some(found) = directory.endpoint(&name) {
                    return Some(found);
                }
                trace.pass(by, || format!("no endpoint named '{name}'"));
            }
        }
        let found = directory.endpoint(self.user);
        if found.is_none() {
            trace.pass(by, || format!("no endpoint named '{}'", self.user));
        }
        found
    }
}
