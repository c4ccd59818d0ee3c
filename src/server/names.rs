//! Names to addresses for the switch: its own questions, and the host names of identify sections.

use super::shard::{Order, Resolved};
use crate::base::ids::Name;
use crate::config::Objects;
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

/// Host names of identify sections, and whether SRV records count for each.
pub type Hosts = BTreeMap<Name, bool>;

/// The host names that a configuration's identify sections match by. SRV counts where it is asked for and no port is
/// written.
pub fn hosts_of(objects: &Objects) -> Hosts {
    let mut hosts = Hosts::new();
    for identify in objects.identifies.values() {
        for (host, port) in identify.hosts() {
            *hosts.entry(host.clone()).or_default() |= identify.srv_lookups && port.is_none();
        }
    }
    hosts
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
        for (name, srv) in wanted.clone() {
            let resolver = resolver.clone();
            looks.spawn(async move { (resolver.addresses(&name, srv).await, name) });
        }
        while let Some(look) = looks.join_next().await {
            let Ok((answer, name)) = look else { continue };
            let answer = match answer {
                Ok(answer) => answer,
                Err(fault) => {
                    next = next.min(Duration::from_secs(5));
                    complain(&mut told, &name, &fault.to_string(), &say);
                    continue;
                }
            };
            next = next.min(answer.fresh_for.max(Duration::from_secs(1)));
            match &answer.stale {
                None => drop(told.remove(&name)),
                Some(fault) => complain(&mut told, &name, &fault.to_string(), &say),
            }
            if answer.addresses.is_empty() && answer.stale.is_none() {
                complain(&mut told, &name, "it has no address", &say);
            }
            let before = known.get(&name);
            if before != Some(&answer.addresses) {
                let text = list(&answer.addresses);
                say(Level::Notice, format!("Identify host '{name}' is {text} (was {})", was(before)));
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
fn complain(told: &mut BTreeMap<Name, String>, name: &Name, why: &str, say: &impl Fn(Level, String)) {
    if told.get(name).is_none_or(|before| before != why) {
        // Asterisk's words.
        say(Level::Warning, format!("Identify: address '{name}' does not resolve to addresses: {why}"));
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
