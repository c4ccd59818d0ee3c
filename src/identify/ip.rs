//! `identify` sections by source address: longest prefix first, exclusions and ports inside a section by its own
//! order.

use crate::base::ids::Name;
use crate::config::model::identify::{HeaderMatch, Pattern};
use foldhash::fast::RandomState;
use ipnet::IpNet;
use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};

/// One address entry of `match`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The network; a bare address is one with all bits.
    pub net: IpNet,
    /// Only this source port, when written.
    pub port: Option<u16>,
    /// `!`: this network is not meant.
    pub exclude: bool,
}

/// One `type=identify` object.
#[derive(Clone, Debug)]
pub struct Section {
    /// Its name.
    pub name: Name,
    /// The endpoint it leads to.
    pub endpoint: Name,
    /// Address rules in order, resolved host names among them; the last that applies decides.
    pub rules: Vec<Rule>,
    /// `match_header`.
    pub header: Option<HeaderMatch>,
    /// `match_request_uri`.
    pub request_uri: Option<Pattern>,
}

impl Section {
    /// The rule that decides for a source: the last one that applies.
    pub fn deciding_rule(&self, source: SocketAddr) -> Option<&Rule> {
        let ip = source.ip().to_canonical();
        self.rules
            .iter()
            .rev()
            .find(|rule| rule.net.contains(&ip) && rule.port.is_none_or(|port| port == source.port()))
    }

    /// Whether the section means that source.
    pub fn means(&self, source: SocketAddr) -> bool {
        self.deciding_rule(source).is_some_and(|rule| !rule.exclude)
    }
}

/// All sections, with an index from prefix to section.
#[derive(Clone, Debug, Default)]
pub struct Sections {
    /// Sorted by name.
    all: Vec<Section>,
    by_prefix: HashMap<IpNet, Vec<u32>, RandomState>,
    /// Prefix lengths in use, longest first.
    v4_lengths: Vec<u8>,
    v6_lengths: Vec<u8>,
}

impl Sections {
    /// Builds the index. The order of `sections` does not matter.
    pub fn new(mut sections: Vec<Section>) -> Sections {
        sections.sort_by(|a, b| a.name.cmp(&b.name));
        let mut by_prefix: HashMap<IpNet, Vec<u32>, RandomState> = HashMap::default();
        let (mut v4, mut v6) = (BTreeSet::new(), BTreeSet::new());
        for (place, section) in sections.iter().enumerate() {
            for rule in section.rules.iter().filter(|rule| !rule.exclude) {
                let net = rule.net.trunc();
                let places = by_prefix.entry(net).or_default();
                let place = u32::try_from(place).expect("there are fewer sections than 2^32");
                if places.last() != Some(&place) {
                    places.push(place);
                }
                match net {
                    IpNet::V4(_) => v4.insert(net.prefix_len()),
                    IpNet::V6(_) => v6.insert(net.prefix_len()),
                };
            }
        }
        let longest_first = |lengths: BTreeSet<u8>| lengths.into_iter().rev().collect();
        Sections { all: sections, by_prefix, v4_lengths: longest_first(v4), v6_lengths: longest_first(v6) }
    }

    /// Sorted by name.
    pub fn all(&self) -> &[Section] {
        &self.all
    }

    /// The section for a source: longest matching prefix; among equals one whose rule names the port, then the first
    /// by name.
    pub fn find(&self, source: SocketAddr) -> Option<&Section> {
        let ip = source.ip().to_canonical();
        let lengths = match ip {
            IpAddr::V4(_) => &self.v4_lengths,
            IpAddr::V6(_) => &self.v6_lengths,
        };
        for length in lengths {
            let net =
                IpNet::new(ip, *length).expect("the length comes from a network of this family").trunc();
            let Some(places) = self.by_prefix.get(&net) else { continue };
            let found = places.iter().map(|place| &self.all[*place as usize]).filter(|s| s.means(source));
            let by_port = |s: &&Section| s.deciding_rule(source).is_none_or(|rule| rule.port.is_none());
            // min_by_key keeps the first of equals, and places rise with names.
            if let Some(section) = found.min_by_key(by_port) {
                return Some(section);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(name: &str, rules: &[&str]) -> Section {
        let rules = rules
            .iter()
            .map(|text| {
                let (exclude, text) = text.strip_prefix('!').map_or((false, *text), |t| (true, t));
                let (net, port) = text.split_once('#').map_or((text, None), |(n, p)| (n, p.parse().ok()));
                Rule { net: net.parse().expect("a network"), port, exclude }
            })
            .collect();
        let endpoint = format!("{name}-endpoint").as_str().into();
        Section { name: name.into(), endpoint, rules, header: None, request_uri: None }
    }

    fn found(sections: &Sections, source: &str) -> Option<String> {
        sections.find(source.parse().expect("an address")).map(|s| s.name.to_string())
    }

    /// S4-35: carol has 10.0.0.0/8 and david 10.24.16.36/32; the more specific wins whatever the names.
    #[test]
    fn the_most_specific_network_wins_and_names_break_ties() {
        let sections = Sections::new(vec![
            section("carol", &["10.0.0.0/8", "!10.1.0.0/16"]),
            section("zed", &["10.24.16.36/32"]),
            section("b", &["192.0.2.0/24"]),
            section("a", &["192.0.2.0/24"]),
            section("port", &["192.0.2.0/24#5080"]),
            section("six", &["2001:db8::/32"]),
        ]);
        for (source, want) in [
            ("10.24.16.36:5060", Some("zed")),
            ("10.24.16.37:5060", Some("carol")),
            ("10.1.2.3:5060", None),
            ("192.0.2.7:5060", Some("a")),
            ("192.0.2.7:5080", Some("port")),
            ("[2001:db8::5]:5060", Some("six")),
            ("[::ffff:10.9.9.9]:5060", Some("carol")),
            ("[2001:db9::5]:5060", None),
        ] {
            assert_eq!(found(&sections, source).as_deref(), want, "{source}");
        }
    }

    /// Against the plain rule: of all sections that mean the source, the longest prefix, then the port, then the name.
    #[test]
    fn the_index_agrees_with_a_linear_search() {
        use crate::base::rng::Rng;
        for seed in 0..200 {
            let mut rng = Rng::seeded(seed);
            let mut all = Vec::new();
            for n in 0..rng.below(12) {
                let rules: Vec<String> = (0..1 + rng.below(3))
                    .map(|_| {
                        let bang = if rng.below(4) == 0 { "!" } else { "" };
                        format!("{bang}10.0.{}.{}/{}", rng.below(3), rng.below(4), 20 + rng.below(13))
                    })
                    .collect();
                all.push(section(&format!("s{n}"), &rules.iter().map(String::as_str).collect::<Vec<_>>()));
            }
            let sections = Sections::new(all.clone());
            for _ in 0..50 {
                let source: SocketAddr =
                    format!("10.0.{}.{}:5060", rng.below(3), rng.below(5)).parse().expect("an address");
                let length = |s: &Section| {
                    let nets = s.rules.iter().filter(|r| !r.exclude && r.net.contains(&source.ip()));
                    nets.map(|r| r.net.prefix_len()).max().unwrap_or(0)
                };
                let want = sections
                    .all()
                    .iter()
                    .filter(|s| s.means(source))
                    .max_by_key(|s| (length(s), std::cmp::Reverse(s.name.clone())));
                let got = sections.find(source);
                assert_eq!(got.map(|s| &s.name), want.map(|s| &s.name), "seed {seed} {source}");
            }
        }
    }
}
