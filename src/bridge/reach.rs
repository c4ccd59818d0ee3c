//! Whether two phones can reach each other's media address, judged from what their packets and descriptions show.

use super::choose::{channel, fault};
use super::condition::{Fault, Verdict};
use super::facts::{Leg, is_private};

/// Judges both directions.
pub(super) fn reachable(a: &Leg, b: &Leg) -> Verdict {
    if a.place.address().is_none() || b.place.address().is_none() {
        return Verdict::Unknown("needs an address of both legs");
    }
    if behind_one_nat(a, b) {
        return Verdict::Pass;
    }
    match blocked(a, b).or_else(|| blocked(b, a)) {
        Some(fault) => Verdict::Fail(Box::new(fault)),
        None => Verdict::Pass,
    }
}

/// Both phones are behind a NAT, and it is the same one.
pub(super) fn behind_one_nat(a: &Leg, b: &Leg) -> bool {
    a.place.is_behind_nat() && b.place.is_behind_nat() && a.place.seen_at() == b.place.seen_at()
}

/// Why `from` could not send to `to`.
fn blocked(from: &Leg, to: &Leg) -> Option<Fault> {
    let (source, target) = (from.place.address()?.ip(), to.place.address()?.ip());
    let remedy = "direct_media=no for one of them";
    if target.is_unspecified() {
        let says = format!("{} has told no address for its audio", to.endpoint);
        return Some(fault(says, channel(to), "resume the call"));
    }
    if source.is_ipv4() != target.is_ipv4() {
        let (x, y) = if source.is_ipv4() { ("IPv4", "IPv6") } else { ("IPv6", "IPv4") };
        let says = format!("{} speaks {x}, {} speaks {y}", from.endpoint, to.endpoint);
        return Some(fault(says, channel(to), remedy));
    }
    if to.place.is_behind_nat() {
        let seen = to.place.seen_at().map(|ip| format!(" (seen at {ip})")).unwrap_or_default();
        let described = to.place.described.map(|d| d.ip().to_string()).unwrap_or_default();
        let says = format!(
            "{} is behind a NAT: it describes {described}{seen}, where {} cannot send to",
            to.endpoint, from.endpoint
        );
        return Some(fault(says, channel(to), remedy));
    }
    if source.is_loopback() != target.is_loopback() {
        let says = format!("{target} of {} exists only on its own machine", to.endpoint);
        return Some(fault(says, channel(to), remedy));
    }
    // A private address that we see without a NAT is in a network of ours, and so reachable from its other private
    // addresses; from outside it is not.
    if is_private(target) && (!is_private(source) || from.place.is_behind_nat()) {
        let says = format!("{} cannot reach the private address {target} of {}", from.endpoint, to.endpoint);
        return Some(fault(says, channel(to), remedy));
    }
    None
}
