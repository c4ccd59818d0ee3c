//! Identify sections: networks that overlap, that are everything, that hardly are meant.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use super::{Lint, place};
use crate::config::model::{Identify, Object};
use crate::config::value::network::Match;

/// One network of one section.
#[derive(Clone, Copy)]
struct Claim<'a> {
    net: IpNet,
    port: Option<u16>,
    identify: &'a Identify,
}

pub(super) fn look(lint: &mut Lint<'_>) {
    let objects = lint.objects;
    let mut claims: Vec<Claim<'_>> = Vec::new();
    for identify in objects.identifies.values().map(|identify| &**identify) {
        for entry in &identify.matches {
            match entry {
                Match::Net { net, port, negated: false } => {
                    unlikely(lint, identify, *net);
                    claims.push(Claim { net: *net, port: *port, identify });
                }
                Match::Net { .. } => {}
                // S4-38.
                Match::Host { host, .. } => {
                    let message =
                        format!("'{host}' is resolved in the background; requests match once it is");
                    lint.note("host-name", identify, "match", message);
                }
            }
        }
    }
    overlaps(lint, claims);
}

/// S4-41.
fn unlikely(lint: &mut Lint<'_>, identify: &Identify, net: IpNet) {
    if net.prefix_len() == 0 {
        let message =
            format!("match={net} is every address: all requests are taken for '{}'", identify.endpoint);
        lint.warn("matches-everything", identify, "match", message)
            .help("a single host is /32, everything is /0");
        return;
    }
    let last_octet = match net.addr() {
        IpAddr::V4(address) => address.octets()[3],
        IpAddr::V6(_) => 1,
    };
    if net.prefix_len() == net.max_prefix_len() && last_octet == 0 {
        let message = format!("match={net} is one address only, and looks like a network's");
        lint.warn("looks-like-network", identify, "match", message)
            .help(format!("write {}/24 for the network", net.addr()));
    }
}

/// S4-35: two sections for one address. The more specific one wins here; in Asterisk the first name does.
fn overlaps(lint: &mut Lint<'_>, mut claims: Vec<Claim<'_>>) {
    // A network sorts directly before those within it, so the open ones form a stack.
    claims.sort_by_key(|claim| (claim.net.addr(), claim.net.prefix_len()));
    let mut open: Vec<Claim<'_>> = Vec::new();
    for claim in claims {
        open.retain(|outer| outer.net.contains(&claim.net));
        for outer in &open {
            if conflict(outer, &claim) {
                tell(lint, outer, &claim);
            }
        }
        // A long run of the same network says nothing new.
        if open.len() < MAX_OPEN {
            open.push(claim);
        }
    }
}

/// Networks that may lie around one another and still be compared each with each.
const MAX_OPEN: usize = 64;

fn conflict(outer: &Claim<'_>, inner: &Claim<'_>) -> bool {
    let ports_meet = outer.port.is_none() || inner.port.is_none() || outer.port == inner.port;
    // An address with a port beside one without is a distinction made on purpose.
    let same_care = outer.port.is_some() == inner.port.is_some() || outer.net != inner.net;
    outer.identify.endpoint != inner.identify.endpoint
        && ports_meet
        && same_care
        && decides(outer.identify, inner.net.addr(), inner.port.or(outer.port).unwrap_or(5060))
}

/// Whether a section, with its exclusions, takes this source.
fn decides(identify: &Identify, address: IpAddr, port: u16) -> bool {
    let source = SocketAddr::new(address, port);
    let last = identify.matches.iter().rev().find(|entry| entry.covers(source));
    matches!(last, Some(Match::Net { negated: false, .. }))
}

fn tell(lint: &mut Lint<'_>, outer: &Claim<'_>, inner: &Claim<'_>) {
    let (a, b) = (outer.identify, inner.identify);
    let at = place(&lint.subject, a.origin_of("match").unwrap_or_else(|| a.at()));
    let first = if a.name <= b.name { a } else { b };
    if outer.net == inner.net {
        let message = format!(
            "{} is claimed for endpoint '{}', and by '{}' at {at} for '{}': '{}' wins, because its name comes first",
            inner.net, b.endpoint, a.name, a.endpoint, first.name
        );
        lint.warn("overlapping-identify", b, "match", message)
            .help("let one of them go, or tell them apart by port or match_header");
        return;
    }
    let mut message = format!(
        "{} for endpoint '{}' lies within {} of '{}' at {at} for '{}': '{}' wins, because it is more specific",
        inner.net, b.endpoint, outer.net, a.name, a.endpoint, b.name
    );
    if first.name == a.name {
        message.push_str(&format!("; in Asterisk '{}' would, because its name comes first", a.name));
    }
    lint.warn("overlapping-identify", b, "match", message)
        .help(format!("exclude it from the other: match={},!{}", outer.net, inner.net));
}
