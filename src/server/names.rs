//! Names to addresses for the switch: its own questions, and the host names that options name.

use super::shard::{Order, Resolved};
use crate::base::ids::Name;
use crate::config::{AnyObject, Change, Kind, Objects};
use crate::net::resolve::{Resolver, Route};
use crate::net::wait::Waker;
use crate::switch::io::Resolve;
use crate::switch::view::Level;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};

/// The switch's way to the resolver.
#[derive(Debug)]
pub struct Names {
    /// The resolver.
    pub resolver: Resolver,
    /// Where questions run.
    pub runtime: Handle,
    /// The way back.
    pub orders: mpsc::Sender<Order>,
    /// Wakes the switch.
    pub waker: Waker,
    /// Open transports.
    pub routes: Arc<[Route]>,
}

impl Names {
    /// Other transports are open now.
    pub fn set_routes(&mut self, routes: Vec<Route>) {
        self.routes = routes.into();
    }

    /// Resolves a question. What the cache knows is the result; else the answer comes as [`Order::Resolved`].
    pub fn resolve(&self, token: u64, question: Resolve) -> Option<Resolved> {
        let host = question.host.clone();
        if let Some(known) = self.resolver.known(&question, &self.routes) {
            return Some(Resolved { token, found: known.map_err(|fault| fault.to_string()), host });
        }
        let (resolver, routes) = (self.resolver.clone(), Arc::clone(&self.routes));
        let (orders, waker) = (self.orders.clone(), self.waker.clone());
        self.runtime.spawn(async move {
            let found = resolver.resolve(&question, &routes).await;
            let found = found.map_err(|fault| fault.to_string());
            if orders.send(Order::Resolved(Resolved { token, found, host })).await.is_ok() {
                waker.wake();
            }
        });
        None
    }
}

/// Host names of options, and what they are there for.
pub type Hosts = BTreeMap<Name, HostUse>;

/// What a host name is there for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostUse {
    /// Whether SRV records count.
    pub srv: bool,
    /// The option and the object, where it is not the `match` of an identify section.
    pub option: Option<String>,
}

/// The host names that a configuration's identify sections match by, and those it wants to be known by: `media_address`
/// and `external_*_address`. SRV counts where an identify section asks for it and no port is written.
pub fn hosts_of(objects: &Objects) -> Hosts {
    let mut hosts = Hosts::new();
    for identify in objects.identifies.values() {
        for (host, port) in identify.hosts() {
            hosts.entry(host.clone()).or_default().srv |= identify.srv_lookups && port.is_none();
        }
    }
    let mut advertised = |written: &Name, option: &str, object: &Name| {
        if !written.is_empty() && written.parse::<IpAddr>().is_err() && !hosts.contains_key(written) {
            let option = Some(format!("{option} of '{object}'"));
            hosts.insert(written.clone(), HostUse { srv: false, option });
        }
    };
    for transport in objects.transports.values() {
        advertised(&transport.external_media_address, "external_media_address", &transport.name);
        advertised(&transport.external_signaling_address, "external_signaling_address", &transport.name);
    }
    for endpoint in objects.endpoints.values() {
        advertised(&endpoint.options.media_address, "media_address", &endpoint.name);
    }
    hosts
}

/// Whether a change may change [`hosts_of`].
pub fn concerns_hosts(change: &Change) -> bool {
    match change {
        Change::Put(AnyObject::Endpoint(endpoint)) => !endpoint.options.media_address.is_empty(),
        other => matches!(other.kind(), Kind::Identify | Kind::Transport),
    }
}

/// Longest time between two looks at the same names: addresses are refreshed by their time to live before that.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// Keeps the addresses of `hosts` fresh and tells the switch of every change; a name that cannot be resolved keeps what
/// it had. Runs until `hosts` is dropped.
pub async fn keep_hosts(
    resolver: Resolver,
    mut hosts: watch::Receiver<Hosts>,
    orders: mpsc::Sender<Order>,
    waker: Waker,
    say: impl Fn(Level, String),
) {
    let mut known: BTreeMap<Name, Vec<IpAddr>> = BTreeMap::new();
    let mut told: BTreeMap<Name, String> = BTreeMap::new();
    loop {
        let wanted = hosts.borrow_and_update().clone();
        known.retain(|name, _| wanted.contains_key(name));
        told.retain(|name, _| wanted.contains_key(name));
        let mut next = LOOK_AGAIN;
        // All at once, each told as it comes: a name that nobody answers for takes seconds, and holds up no other.
        let mut looks = tokio::task::JoinSet::new();
        for (name, HostUse { srv, .. }) in wanted.clone() {
            let resolver = resolver.clone();
            looks.spawn(async move { (resolver.addresses(&name, srv).await, name) });
        }
        while let Some(look) = looks.join_next().await {
            let Ok((answer, name)) = look else { continue };
            let answer = match answer {
                Ok(answer) => answer,
                Err(fault) => {
                    next = next.min(Duration::from_secs(5));
                    complain(&mut told, (&name, &wanted), &fault.to_string(), &say);
                    continue;
                }
            };
            next = next.min(answer.fresh_for.max(Duration::from_secs(1)));
            match &answer.stale {
                None => drop(told.remove(&name)),
                Some(fault) => complain(&mut told, (&name, &wanted), &fault.to_string(), &say),
            }
            if answer.addresses.is_empty() && answer.stale.is_none() {
                complain(&mut told, (&name, &wanted), "it has no address", &say);
            }
            let before = known.get(&name);
            if before != Some(&answer.addresses) {
                let text = list(&answer.addresses);
                let option = wanted.get(&name).and_then(|wanted| wanted.option.as_deref());
                let what =
                    option.map_or_else(|| "Identify host".to_owned(), |option| format!("{option}: host"));
                say(Level::Notice, format!("{what} '{name}' is {text} (was {})", was(before)));
                known.insert(name.clone(), answer.addresses.clone());
                if orders.send(Order::HostAddresses(vec![(name, answer.addresses)])).await.is_err() {
                    return;
                }
                waker.wake();
            }
        }
        tokio::select! {
            () = tokio::time::sleep(next), if !wanted.is_empty() => {}
            still = hosts.changed() => if still.is_err() { return },
        }
    }
}

/// Says a trouble once until it changes.
fn complain(
    told: &mut BTreeMap<Name, String>,
    (name, wanted): (&Name, &Hosts),
    why: &str,
    say: &impl Fn(Level, String),
) {
    if told.get(name).is_none_or(|before| before != why) {
        say(
            Level::Warning,
            match wanted.get(name).and_then(|wanted| wanted.option.as_deref()) {
                // Asterisk's words.
                None => format!("Identify: address '{name}' does not resolve to addresses: {why}"),
                Some(option) => format!(
                    "{option}: '{name}' does not resolve to addresses: {why}; it is not obeyed until it does"
                ),
            },
        );
        told.insert(name.clone(), why.to_owned());
    }
}

fn was(before: Option<&Vec<IpAddr>>) -> String {
    before.map_or_else(|| "unknown".to_owned(), |addresses| list(addresses))
}

fn list(addresses: &[IpAddr]) -> String {
    if addresses.is_empty() {
        return "nowhere".to_owned();
    }
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::files::MemoryFiles;
    use crate::config::origin::Sources;
    use crate::config::{self, conf, pjsip_conf};

    #[test]
    fn the_hosts_of_all_options_are_looked_up() {
        let text = "[udp]\ntype=transport\nbind=127.0.0.1\nexternal_media_address=media.example\n\
            external_signaling_address=sip.example\nlocal_net=10.0.0.0/8\n\
            [tcp]\ntype=transport\nprotocol=tcp\nbind=127.0.0.1\nexternal_media_address=192.0.2.1\n\
            [1]\ntype=endpoint\nmedia_address=rtp.example\n[2]\ntype=endpoint\nmedia_address=2001:db8::1\n\
            [i]\ntype=identify\nendpoint=1\nmatch=trunk.example\n";
        let files = MemoryFiles::new().with("pjsip.conf", text);
        let (mut sources, mut findings) = (Sources::new(), Vec::new());
        let tree = conf::read(&files, "pjsip.conf", &mut sources, &mut findings);
        let drafts = pjsip_conf::drafts(&tree, &sources, &mut findings);
        let (objects, _) = config::compile(drafts, sources, None);
        let hosts = hosts_of(&objects);
        let words = hosts.iter().map(|(name, wanted)| format!("{name} {} {:?}", wanted.srv, wanted.option));
        assert_eq!(
            words.collect::<Vec<_>>(),
            [
                "media.example false Some(\"external_media_address of 'udp'\")",
                "rtp.example false Some(\"media_address of '1'\")",
                "sip.example false Some(\"external_signaling_address of 'udp'\")",
                "trunk.example true None",
            ]
        );
    }
}
