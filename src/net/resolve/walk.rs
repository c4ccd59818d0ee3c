//! The walk of RFC 3263 4.1 and 4.2 through the records of a name.

use super::Wanted;
use super::source::{Answer, DnsFault, Kind, Record, Source, Srv};
use crate::base::limits;
use crate::sip::flow::Protocol;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::IpAddr;

/// What the walk found: enough to order targets any number of times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Services, best first.
    pub services: Vec<Service>,
    /// Addresses of every host in them, IPv6 before IPv4.
    pub addresses: BTreeMap<String, Vec<IpAddr>>,
    /// How long all of it holds.
    pub ttl_secs: u64,
}

/// One way to reach the name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Over which protocol.
    pub protocol: Protocol,
    /// Its servers; one without priority where there is no SRV.
    pub servers: Vec<Srv>,
}

/// Collects answers: the shortest time to live counts, and the last fault.
struct Walk<'a> {
    source: &'a dyn Source,
    ttl_secs: u64,
    fault: Option<DnsFault>,
}

impl Walk<'_> {
    async fn ask(&mut self, name: &str, kind: Kind) -> Vec<Record> {
        match self.source.lookup(name, kind).await {
            Ok(Answer { records, ttl_secs }) => {
                self.ttl_secs = self.ttl_secs.min(ttl_secs);
                records
            }
            Err(fault) => {
                self.fault = Some(fault);
                Vec::new()
            }
        }
    }

    async fn servers(&mut self, name: &str) -> Option<Vec<Srv>> {
        let records = self.ask(name, Kind::Srv).await;
        let servers: Vec<Srv> = records
            .into_iter()
            .filter_map(|record| match record {
                Record::Srv(srv) => Some(srv),
                _ => None,
            })
            .take(limits::DNS_TARGETS)
            .collect();
        (!servers.is_empty()).then_some(servers)
    }

    async fn addresses(&mut self, host: &str, (v4, v6): (bool, bool)) -> Vec<IpAddr> {
        let mut list = Vec::new();
        for (wanted, kind) in [(v6, Kind::Aaaa), (v4, Kind::A)] {
            if wanted {
                let records = self.ask(host, kind).await;
                list.extend(records.into_iter().filter_map(|record| match record {
                    Record::Address(address) => Some(address),
                    _ => None,
                }));
            }
        }
        list.truncate(limits::DNS_TARGETS);
        list
    }
}

/// Looks up everything that may be needed to reach `wanted`. A fault is told only when nothing at all was found;
/// parts that fail are left out.
pub async fn walk(source: &dyn Source, wanted: &Wanted) -> Result<Found, DnsFault> {
    let mut walk = Walk { source, ttl_secs: *limits::DNS_TTL_SECS.end(), fault: None };
    let mut found = Found::default();
    if let Some(found) = literal(wanted) {
        return Ok(found);
    }
    let mut refused = false;
    if wanted.port.is_none() {
        if wanted.naptr {
            found.services = pointed(&mut walk, wanted).await;
        }
        if found.services.is_empty() {
            for protocol in without_pointer(wanted) {
                let name = format!("{}.{}", srv_prefix(protocol), wanted.host);
                if let Some(servers) = walk.servers(&name).await {
                    found.services.push(Service { protocol, servers });
                }
            }
        }
        // A lone "." says that the service is not offered here (RFC 2782); then there is nothing to fall back to.
        refused = !found.services.is_empty();
        for service in &mut found.services {
            service.servers.retain(|srv| !srv.target.is_empty());
        }
        found.services.retain(|service| !service.servers.is_empty());
    }
    if found.services.is_empty() && !refused {
        found.services.push(direct(wanted));
    }
    let hosts: Vec<String> =
        found.services.iter().flat_map(|s| &s.servers).map(|srv| srv.target.clone()).collect();
    for host in hosts.into_iter().take(limits::DNS_TARGETS) {
        if let Entry::Vacant(place) = found.addresses.entry(host) {
            let list = walk.addresses(place.key(), wanted.families).await;
            place.insert(list);
        }
    }
    found.ttl_secs = walk.ttl_secs;
    let nothing = found.addresses.values().all(Vec::is_empty);
    match walk.fault {
        Some(fault) if nothing => Err(fault),
        _ => Ok(found),
    }
}

/// What is found without asking anybody: the host is an address.
pub(super) fn literal(wanted: &Wanted) -> Option<Found> {
    let addresses = BTreeMap::from([(wanted.host.clone(), vec![wanted.address()?])]);
    Some(Found { services: vec![direct(wanted)], addresses, ttl_secs: *limits::DNS_TTL_SECS.end() })
}

/// The host itself, at its port or the protocol's.
fn direct(wanted: &Wanted) -> Service {
    let protocol = wanted.default_protocol();
    let port = wanted.port.unwrap_or(protocol.default_port());
    let server = Srv { priority: 0, weight: 0, port, target: wanted.host.clone() };
    Service { protocol, servers: vec![server] }
}

/// Services that NAPTR records point to, in their order.
async fn pointed(walk: &mut Walk<'_>, wanted: &Wanted) -> Vec<Service> {
    let records = walk.ask(&wanted.host, Kind::Naptr).await;
    let mut pointers: Vec<(u16, u16, Protocol, String)> = Vec::new();
    for record in records.into_iter().take(limits::DNS_TARGETS) {
        let Record::Naptr { order, preference, flags, service, replacement } = record else { continue };
        let protocol = match service.to_ascii_uppercase().as_str() {
            "SIP+D2U" => Protocol::Udp,
            "SIP+D2T" => Protocol::Tcp,
            "SIPS+D2T" => Protocol::Tls,
            _ => continue,
        };
        if flags.eq_ignore_ascii_case("s") && wanted.protocols.contains(&protocol) {
            pointers.push((order, preference, protocol, replacement));
        }
    }
    pointers.sort_by_key(|(order, preference, ..)| (*order, *preference));
    let mut services = Vec::new();
    for (.., protocol, name) in pointers {
        if let Some(servers) = walk.servers(&name).await {
            services.push(Service { protocol, servers });
        }
    }
    services
}

/// Protocols whose SRV records are asked for when no NAPTR names one. A `sip:` URI goes over TLS only where somebody
/// said so, unless we have nothing else.
fn without_pointer(wanted: &Wanted) -> impl Iterator<Item = Protocol> + '_ {
    let only_tls = wanted.protocols == [Protocol::Tls];
    wanted.protocols.iter().copied().filter(move |protocol| *protocol != Protocol::Tls || only_tls)
}

/// RFC 3263 4.1 and 4.2.
pub(super) fn srv_prefix(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Udp => "_sip._udp",
        Protocol::Tcp | Protocol::Ws => "_sip._tcp",
        Protocol::Tls | Protocol::Wss => "_sips._tcp",
    }
}

/// Every address that requests of `host` may come from: its own, and with `srv` those of its SIP servers.
pub(super) async fn walk_host(source: &dyn Source, host: &str, srv: bool) -> Result<Found, DnsFault> {
    let mut walk = Walk { source, ttl_secs: *limits::DNS_TTL_SECS.end(), fault: None };
    let mut found = Found::default();
    let mut hosts = vec![host.to_owned()];
    if srv {
        for protocol in [Protocol::Udp, Protocol::Tcp, Protocol::Tls] {
            let servers = walk.servers(&format!("{}.{host}", srv_prefix(protocol))).await;
            hosts.extend(
                servers.into_iter().flatten().map(|srv| srv.target).filter(|target| !target.is_empty()),
            );
        }
    }
    for host in hosts.into_iter().take(limits::DNS_TARGETS) {
        if let Entry::Vacant(place) = found.addresses.entry(host) {
            let list = walk.addresses(place.key(), (true, true)).await;
            place.insert(list);
        }
    }
    found.ttl_secs = walk.ttl_secs;
    // A part that failed may be the part that matters: who identifies by it keeps what it had.
    walk.fault.map_or(Ok(found), Err)
}
