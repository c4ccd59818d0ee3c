//! Resource lists: made from their sections when subscribed to, told in batches (`behaviour-pubsub` 7).

use super::describe::uri_of;
use super::resources::Found;
use super::subscribe::{Asked, Refusal};
use crate::base::ids::Name;
use crate::base::limits;
use crate::base::time::Now;
use crate::config::Kind;
use crate::config::model::Endpoint;
use crate::pubsub::list::{self, Describe, Written, instance};
use crate::pubsub::{Ended, Leaf, Life, List, ListConfig, Member, Resource, SlotId, Subscription};
use crate::switch::Switch;
use crate::switch::io::Actions;
use std::collections::HashSet;
use std::hash::{BuildHasher, Hasher};

/// What is found of one list while it is made.
struct Making<'a> {
    endpoint: &'a Endpoint,
    asked: &'a Asked,
    /// Lists and resources seen already: loops and duplicates are left out.
    seen: HashSet<Name>,
    leaves: usize,
}

impl Switch {
    /// The section of a list, when there is one of that name for exactly that event.
    pub(super) fn list_config(&self, name: &str, event: &str) -> Option<ListConfig> {
        let other = self.directory.objects.others.get(&(Kind::ResourceList, Name::from(name)))?;
        let settings = other.settings.iter().map(|(name, value)| (&**name, &**value));
        Some(ListConfig::read(settings)).filter(|config| *config.event == *event)
    }

    /// A list with every member that this endpoint may watch; `None`: there is no list of that name.
    pub(super) fn find_list(
        &self,
        now: Now,
        endpoint: &Endpoint,
        asked: &Asked,
    ) -> Option<Result<Found, Refusal>> {
        let config = self.list_config(&asked.resource, asked.package.name())?;
        let name = Name::from(asked.resource.as_str());
        let mut making = Making { endpoint, asked, seen: HashSet::from([name.clone()]), leaves: 0 };
        let (list, hints) = self.make_list(now, (name, &config), &mut making);
        if list.leaves().is_empty() {
            let why = format!(
                "Resource list '{}' has no member that endpoint '{}' may watch",
                asked.resource, endpoint.name
            );
            return Some(Err(Refusal::new(500, why)));
        }
        Some(Ok(Found::List(list, hints)))
    }

    /// The list, and what its leaves watch in the same order.
    fn make_list(
        &self,
        now: Now,
        (name, config): (Name, &ListConfig),
        making: &mut Making<'_>,
    ) -> (List, Vec<Found>) {
        let (mut members, mut all) = (Vec::new(), Vec::new());
        for item in &config.items {
            if !making.seen.insert(item.clone()) || making.leaves >= limits::LIST_MEMBERS {
                continue;
            }
            if let Some(inner) = self.list_config(item, making.asked.package.name()) {
                let (list, found) = self.make_list(now, (item.clone(), &inner), making);
                if !list.members.is_empty() {
                    members.push(Member::List(Box::new(list)));
                    all.extend(found);
                }
                continue;
            }
            let asked = Asked { resource: item.to_string(), ..*making.asked };
            let Ok(found) = self.find_leaf(now, making.endpoint, &asked) else { continue };
            making.leaves += 1;
            let display = match &found {
                Found::Hint(what) if config.display_names && !what.display.is_empty() => what.display.clone(),
                _ => item.clone(),
            };
            let watches = Resource::Mailboxes { names: Box::default(), account: Name::default() };
            let id = instance(item);
            members.push(Member::Leaf(Box::new(Leaf {
                name: item.clone(),
                display,
                watches,
                id,
                told: None,
            })));
            all.push(found);
        }
        (List { name, full_state: config.full_state, version: 0, members }, all)
    }

    /// Begins to watch every leaf of a list.
    pub(super) fn watch_list(&mut self, id: SlotId, list: &mut List, found: Vec<Found>) {
        let mut found = found.into_iter();
        self.watch_members(id, &mut list.members, &mut found);
    }

    fn watch_members(&mut self, id: SlotId, members: &mut [Member], found: &mut dyn Iterator<Item = Found>) {
        for member in members {
            match member {
                Member::Leaf(leaf) => {
                    if let Some(found) = found.next() {
                        leaf.watches = self.watch_found(id, found);
                    }
                }
                Member::List(list) => self.watch_members(id, &mut list.members, found),
            }
        }
    }

    /// A list is made anew, because it was refreshed and its section may be another, or a member is gone.
    pub(super) fn remake_list(&mut self, now: Now, id: SlotId, out: &mut Actions) {
        let Some(one) = self.lamps.subscriptions.get_mut(id) else { return };
        let (endpoint, package, body) = (one.endpoint.clone(), one.package, one.body);
        let asked = Asked { package, body, secs: 0, resource: one.resource.to_string(), eventlist: true };
        let Resource::List(old) = &one.watches else { return };
        let (old, version) = (old.clone(), old.version);
        let found = self.directory.endpoint(&endpoint).cloned().and_then(|endpoint| {
            match self.find_list(now, &endpoint, &asked) {
                Some(Ok(Found::List(list, found))) => Some((list, found)),
                _ => None,
            }
        });
        let Some((mut list, found)) = found else {
            return self.end_subscription(now, id, Ended::NoResource, out);
        };
        self.watch_list(id, &mut list, found);
        list.version = version;
        for leaf in old.leaves() {
            self.unwatch(now, id, &endpoint, &leaf.watches);
        }
        if let Some(one) = self.lamps.subscriptions.get_mut(id) {
            one.watches = Resource::List(Box::new(list));
        }
    }

    /// Whether a change of this subscription waits for others; then it is told later.
    pub(super) fn gathers(&mut self, now: Now, id: SlotId) -> bool {
        let Some(one) = self.lamps.subscriptions.get(id) else { return false };
        let (Resource::List(list), Life::Active) = (&one.watches, one.life) else { return false };
        let config = self.list_config(&list.name, one.package.name());
        let Some(batch) = config.map(|config| config.batch).filter(|batch| !batch.is_zero()) else {
            return false;
        };
        if self.lamps.gathering.insert(id) {
            self.lamps.batches.insert((now.at + batch, id));
        }
        true
    }

    /// A list is told now; what was gathered goes with it.
    pub(super) fn stop_gathering(&mut self, id: SlotId) {
        if self.lamps.gathering.remove(&id) {
            self.lamps.batches.retain(|(_, known)| *known != id);
        }
    }

    /// Batches whose time is over.
    pub(super) fn batches_due(&mut self, now: Now, out: &mut Actions) {
        while let Some((at, id)) = self.lamps.batches.first().copied().filter(|(at, _)| *at <= now.at) {
            self.lamps.batches.remove(&(at, id));
            self.lamps.gathering.remove(&id);
            self.tell_subscription(now, id, out);
        }
    }

    /// The body of a list.
    pub(super) fn write_list(
        &self,
        one: &Subscription,
        list: &mut List,
        seed: u64,
        out: &mut String,
    ) -> Written {
        let reliable = self
            .transports
            .get(&one.way.transport)
            .and_then(|bound| self.protocol_of(bound))
            .is_some_and(|protocol| protocol.is_reliable());
        let room = if reliable { list::STREAM_ROOM } else { list::DATAGRAM_ROOM };
        list::write(list, one.body, &Leaves { switch: self, one }, (seed, room), out)
    }
}

/// Writes the bodies of leaves.
struct Leaves<'a> {
    switch: &'a Switch,
    one: &'a Subscription,
}

impl Describe for Leaves<'_> {
    fn describe(&self, leaf: &Leaf, version: u32, out: &mut String) -> u64 {
        // What the body says without its number.
        let start = out.len();
        self.switch.write_resource(self.one, (&leaf.name, &leaf.watches), 0, out);
        let mut hasher = foldhash::fast::FixedState::with_seed(0).build_hasher();
        hasher.write(&out.as_bytes()[start..]);
        if version != 0 {
            out.truncate(start);
            self.switch.write_resource(self.one, (&leaf.name, &leaf.watches), version, out);
        }
        hasher.finish()
    }

    fn uri(&self, name: &str) -> String {
        let local = uri_of(self.one.dialog.local());
        format!("sip:{name}@{}", super::describe::host_of(&local))
    }
}
