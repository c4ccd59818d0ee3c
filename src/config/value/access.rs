//! Access lists: in one list the last rule that speaks of an address decides, and nothing said means allowed; of
//! several lists all must allow.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use super::lists::{Names, parts};
use super::network::{network, unmapped, with_mask};
use super::spec::{Codec, Cx, Fault};
use crate::base::ids::Name;
use crate::config::model::NamedAcl;
use crate::config::objects::Sorted;

/// One rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rule {
    /// Whether it allows.
    pub permit: bool,
    /// The addresses it speaks of. Families never mix.
    pub net: IpNet,
}

/// Rules in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rules(pub Vec<Rule>);

impl Rules {
    /// Whether the last rule that speaks of the address allows it. An IPv4-mapped address is its IPv4 self.
    pub fn permits(&self, address: IpAddr) -> bool {
        self.deciding(address).is_none_or(|rule| rule.permit)
    }

    /// The rule that decides.
    pub fn deciding(&self, address: IpAddr) -> Option<&Rule> {
        let address = unmapped(address);
        self.0.iter().rev().find(|rule| rule.net.contains(&address))
    }

    fn add(&mut self, text: &str, permit: bool) -> Result<(), Fault> {
        for (offset, part) in parts(text) {
            let (permit, rest) = match part.strip_prefix('!') {
                Some(rest) => (!permit, rest.trim_start()),
                None => (permit, part),
            };
            let net = network(rest).map_err(|fault| fault.offset(offset))?;
            self.0.push(Rule { permit, net });
        }
        Ok(())
    }

    /// All rules in one line of `permit`, so that their order is kept.
    fn write(&self, lines: &mut Vec<String>) {
        let rules = self.0.iter().map(|rule| format!("{}{}", if rule.permit { "" } else { "!" }, rule.net));
        lines.push(rules.collect::<Vec<_>>().join(","));
    }

    fn print(&self, permit: bool, lines: &mut Vec<String>) {
        let before = lines.len();
        lines.extend(self.0.iter().filter(|rule| rule.permit == permit).map(|rule| with_mask(&rule.net)));
        if lines.len() == before {
            lines.push(String::new());
        }
    }
}

/// The rules of an object and the named lists it refers to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Access {
    /// Its own `permit` and `deny` lines, in order.
    pub own: Rules,
    /// The lists of `acl.conf` it names, as written.
    pub names: Names,
    /// Those lists, found. `None` for a name that does not exist: that one permits nobody, as in Asterisk.
    pub named: Vec<(Name, Option<Arc<Rules>>)>,
}

impl Access {
    /// Whether all lists allow the address.
    pub fn permits(&self, address: IpAddr) -> bool {
        self.refused_by(address).is_none()
    }

    /// The first list that does not allow the address: a name of `acl.conf`, or "" for the object's own rules.
    pub fn refused_by(&self, address: IpAddr) -> Option<&str> {
        if !self.own.permits(address) {
            return Some("");
        }
        let refuses = |rules: &Option<Arc<Rules>>| rules.as_ref().is_none_or(|rules| !rules.permits(address));
        self.named.iter().find(|(_, rules)| refuses(rules)).map(|(name, _)| &**name)
    }

    /// With the named lists filled in; `None` when there are none, or they are the same as before.
    pub fn resolved(&self, lists: &Sorted<NamedAcl>) -> Option<Access> {
        let named: Vec<(Name, Option<Arc<Rules>>)> = self
            .names
            .iter()
            .map(|name| (name.clone(), lists.get(name).map(|list| list.shared_rules())))
            .collect();
        (named != self.named).then(|| Access { named, ..self.clone() })
    }

    /// Whether there is any rule.
    pub fn is_empty(&self) -> bool {
        self.own.0.is_empty() && self.names.is_empty()
    }
}

/// `permit` lines.
#[derive(Debug)]
pub struct Permit;
/// `deny` lines.
#[derive(Debug)]
pub struct Deny;
/// Names of lists in `acl.conf`.
#[derive(Debug)]
pub struct NamedLists;

impl Codec<Access> for Permit {
    fn apply(field: &mut Access, text: &str, _: &mut Cx) -> Result<(), Fault> {
        field.own.add(text, true)
    }

    fn print(field: &Access, lines: &mut Vec<String>) {
        field.own.print(true, lines);
    }

    fn write(field: &Access, lines: &mut Vec<String>) {
        field.own.write(lines);
    }
}

impl Codec<Access> for Deny {
    fn apply(field: &mut Access, text: &str, _: &mut Cx) -> Result<(), Fault> {
        field.own.add(text, false)
    }

    fn print(field: &Access, lines: &mut Vec<String>) {
        field.own.print(false, lines);
    }

    /// `permit` says it all.
    fn write(_: &Access, _: &mut Vec<String>) {}
}

impl Codec<Rules> for Permit {
    fn apply(field: &mut Rules, text: &str, _: &mut Cx) -> Result<(), Fault> {
        field.add(text, true)
    }

    fn print(field: &Rules, lines: &mut Vec<String>) {
        field.print(true, lines);
    }

    fn write(field: &Rules, lines: &mut Vec<String>) {
        field.write(lines);
    }
}

impl Codec<Rules> for Deny {
    fn apply(field: &mut Rules, text: &str, _: &mut Cx) -> Result<(), Fault> {
        field.add(text, false)
    }

    fn print(field: &Rules, lines: &mut Vec<String>) {
        field.print(false, lines);
    }

    /// `permit` says it all.
    fn write(_: &Rules, _: &mut Vec<String>) {}
}

impl Codec<Access> for NamedLists {
    fn apply(field: &mut Access, text: &str, cx: &mut Cx) -> Result<(), Fault> {
        super::lists::MoreNames::apply(&mut field.names, text, cx)
    }

    fn print(field: &Access, lines: &mut Vec<String>) {
        lines.push(field.names.join(","));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("address")
    }

    #[test]
    fn the_last_rule_that_speaks_of_an_address_decides() {
        let mut access = Access::default();
        let mut cx = Cx::default();
        assert!(access.permits(ip("192.0.2.1")), "nothing said means allowed");
        Deny::apply(&mut access, "0.0.0.0/0.0.0.0", &mut cx).expect("rule");
        Permit::apply(&mut access, "10.0.0.0/255.0.0.0,!10.1.0.0/16", &mut cx).expect("rule");
        assert!(access.permits(ip("10.2.0.1")));
        assert!(!access.permits(ip("10.1.0.1")));
        assert!(!access.permits(ip("192.0.2.1")));
        assert!(access.permits(ip("::ffff:10.2.0.1")), "a mapped source is IPv4");
        assert!(!access.permits(ip("::ffff:192.0.2.1")));
        assert!(access.permits(ip("2001:db8::1")), "families never mix");
    }

    #[test]
    fn every_named_list_must_allow_and_a_missing_one_does_not() {
        let mut rules = Rules::default();
        Deny::apply(&mut rules, "10.0.0.0/8", &mut Cx::default()).expect("rule");
        let mut access = Access::default();
        access.named.push((Name::from("lan"), Some(Arc::new(rules))));
        assert!(access.permits(ip("192.0.2.1")));
        assert_eq!(access.refused_by(ip("10.0.0.1")), Some("lan"));
        access.named.push((Name::from("gone"), None));
        assert_eq!(access.refused_by(ip("192.0.2.1")), Some("gone"));
    }
}
