//! From records to targets: which first, over which transport.

use super::Route;
use super::source::Srv;
use super::walk::Found;
use crate::base::ids::{FlowId, TransportId};
use crate::base::limits;
use crate::base::rng::Rng;
use crate::sip::flow::Destination;
use std::net::SocketAddr;

/// Targets in the order to try them: services as found, servers by priority and drawn weight (RFC 2782), addresses as
/// found. `pinned` restricts them to one transport; `preferred` is taken where it serves as well as others.
pub fn order(
    found: &Found,
    routes: &[Route],
    (pinned, preferred): (Option<TransportId>, Option<TransportId>),
    rng: &mut Rng,
) -> Vec<Destination> {
    let mut targets: Vec<Destination> = Vec::new();
    for service in &found.services {
        for server in draw(&service.servers, rng) {
            for address in found.addresses.get(&server.target).into_iter().flatten() {
                let fits = |route: &&Route| {
                    pinned.is_none_or(|id| id == route.transport)
                        && route.protocol == service.protocol
                        && if address.is_ipv4() { route.v4 } else { route.v6 }
                };
                let fitting = routes.iter().filter(fits);
                let route = fitting.min_by_key(|route| Some(route.transport) != preferred);
                let Some(route) = route else { continue };
                let to = Destination {
                    transport: route.transport,
                    protocol: service.protocol,
                    flow: FlowId::DATAGRAM,
                    remote: SocketAddr::new(*address, server.port),
                    local: None,
                };
                if targets.len() < limits::DNS_TARGETS && !targets.contains(&to) {
                    targets.push(to);
                }
            }
        }
    }
    targets
}

/// Servers in the order of RFC 2782: lower priority first; among equals, each next one is drawn with a chance in
/// proportion to its weight, those of weight 0 with a small one.
fn draw<'a>(servers: &'a [Srv], rng: &mut Rng) -> Vec<&'a Srv> {
    let mut left: Vec<&Srv> = servers.iter().collect();
    // Weight 0 in front, so that a draw of 0 can choose it.
    left.sort_by_key(|srv| (srv.priority, srv.weight));
    let mut drawn = Vec::with_capacity(left.len());
    while let Some(first) = left.first() {
        let group = left.iter().take_while(|srv| srv.priority == first.priority).count();
        let sum: u64 = left[..group].iter().map(|srv| u64::from(srv.weight)).sum();
        let mut chance = rng.below(sum + 1);
        let mut chosen = 0;
        for (index, srv) in left[..group].iter().enumerate() {
            chosen = index;
            let weight = u64::from(srv.weight);
            if chance <= weight {
                break;
            }
            chance -= weight;
        }
        drawn.push(left.remove(chosen));
    }
    drawn
}
