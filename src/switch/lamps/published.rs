//! What we publish with other servers: states of our own devices and mailboxes, and hints. Who is told, and when, is
//! `trunks::publications`'; here is what there is to tell.

use super::describe::Published as Ends;
use super::devices::canonical;
use crate::base::device::DeviceState;
use crate::base::ids::Name;
use crate::base::limits;
use crate::base::time::Now;
use crate::config::Kind;
use crate::config::model::{AsteriskPublication, OutboundPublish, PublishEvent};
use crate::pubsub::publish::Told;
use crate::pubsub::{BodyType, HintId};
use crate::switch::Switch;
use crate::switch::io::Actions;
use crate::switch::view::Level;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One thing to tell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::switch) enum Item {
    /// That we want to be told everything.
    Refresh,
    /// The state of a device.
    Device(Name),
    /// The counts of a mailbox.
    Mailbox(Name),
    /// A hint, by its number in [`Published`].
    Hint(u64),
}

/// The `type=asterisk-publication` sections, compiled.
pub(in crate::switch) type Handlers = BTreeMap<Name, Arc<AsteriskPublication>>;

/// A hint that is published.
#[derive(Clone, Debug)]
pub(in crate::switch) struct Hint {
    id: HintId,
    context: Name,
    /// The extension.
    pub exten: Name,
    /// The `type=outbound-publish` section.
    pub section: Name,
}

/// What is published, and what of it changed.
#[derive(Debug, Default)]
pub(in crate::switch) struct Published {
    handlers: Handlers,
    /// Who we are among servers.
    eid: Name,
    /// By the machine, when nothing is configured.
    machine: Name,
    devices: bool,
    mailboxes: bool,
    changed: BTreeSet<Name>,
    boxes: BTreeSet<Name>,
    /// Each device as it was last when anybody was told of it.
    known: BTreeMap<Name, DeviceState>,
    /// That there are too many was said.
    is_full: bool,
    hints: BTreeMap<u64, Hint>,
    /// Their numbers by section and extension.
    by_exten: BTreeMap<(Name, Name), Vec<u64>>,
    last: u64,
}

impl Published {
    /// A device may have changed.
    pub fn touch(&mut self, device: &str) {
        if self.devices {
            self.changed.insert(device.into());
        }
    }

    /// Whether states of devices are published.
    pub fn wants_devices(&self) -> bool {
        self.devices
    }

    /// Whether hints are.
    pub fn has_hints(&self) -> bool {
        !self.hints.is_empty()
    }

    /// Who we are among servers.
    pub fn eid(&self) -> &Name {
        &self.eid
    }

    /// The `type=asterisk-publication` section of that name.
    pub fn handler(&self, name: &str) -> Option<&Arc<AsteriskPublication>> {
        self.handlers.get(name)
    }

    /// All of them.
    pub fn handlers(&self) -> &Handlers {
        &self.handlers
    }

    /// A hint.
    pub fn hint(&self, number: u64) -> Option<&Hint> {
        self.hints.get(&number)
    }

    /// The hints of a section, all or those of one extension.
    pub fn hints_of(&self, section: &Name, exten: Option<&Name>) -> Vec<u64> {
        match exten {
            Some(exten) => self.by_exten.get(&(section.clone(), exten.clone())).cloned().unwrap_or_default(),
            None => {
                let all = self.by_exten.range((section.clone(), Name::default())..);
                all.take_while(|((name, _), _)| name == section)
                    .flat_map(|(_, numbers)| numbers.clone())
                    .collect()
            }
        }
    }

    /// A watched hint is no more. Whether it was one of these.
    pub(super) fn forget_hint(&mut self, number: u64) -> bool {
        self.take_hint(number).is_some()
    }

    fn put_hint(&mut self, number: u64, hint: Hint) {
        self.by_exten.entry((hint.section.clone(), hint.exten.clone())).or_default().push(number);
        self.hints.insert(number, hint);
    }

    fn take_hint(&mut self, number: u64) -> Option<Hint> {
        let hint = self.hints.remove(&number)?;
        let key = (hint.section.clone(), hint.exten.clone());
        if let Some(numbers) = self.by_exten.get_mut(&key) {
            numbers.retain(|known| *known != number);
            if numbers.is_empty() {
                self.by_exten.remove(&key);
            }
        }
        Some(hint)
    }

    /// What is published by now.
    pub fn set_wants(&mut self, devices: bool, mailboxes: bool) {
        (self.devices, self.mailboxes) = (devices, mailboxes);
        if !devices {
            self.changed.clear();
            self.known.clear();
        }
    }
}

impl Switch {
    /// Who this machine is among servers that publish with each other, unless `entityid` says so.
    pub fn set_machine(&mut self, eid: Name) {
        self.lamps.published.machine = eid;
        self.handlers_changed();
    }

    /// Sections, `entityid` or `systemname` are others.
    pub(in crate::switch) fn handlers_changed(&mut self) {
        let others = &self.directory.objects.others;
        let all = others.values().filter(|other| other.kind == Kind::AsteriskPublication);
        let handlers = all.map(|other| (other.name.clone(), Arc::new(AsteriskPublication::read(other))));
        let published = &mut self.lamps.published;
        published.handlers = handlers.collect();
        let own = &self.directory.objects.asterisk.entityid;
        published.eid = match (own.is_empty(), published.machine.is_empty()) {
            (false, _) => own.clone(),
            (true, false) => published.machine.clone(),
            (true, true) => eid_of(&self.systemname),
        };
    }

    /// Tells of devices and mailboxes that changed during the input that is done with now.
    pub(super) fn publish_changes(&mut self, now: Now, out: &mut Actions) {
        if self.lamps.published.changed.is_empty() && self.lamps.published.boxes.is_empty() {
            return;
        }
        for device in std::mem::take(&mut self.lamps.published.changed) {
            let state = self.state_here(&device);
            let known = &mut self.lamps.published.known;
            if known.get(&device) == Some(&state) {
                continue;
            }
            if known.len() >= limits::PUBLISHED_DEVICES && !known.contains_key(&device) {
                if !std::mem::replace(&mut self.lamps.published.is_full, true) {
                    self.ears.log(out, Level::Warning, "res_pjsip_publish_asterisk.c", || {
                        let most = limits::PUBLISHED_DEVICES;
                        format!("'{device}' and further devices are not published: {most} are already")
                    });
                }
                continue;
            }
            known.insert(device.clone(), state);
            self.publish(now, PublishEvent::DeviceState, &Item::Device(device), out);
        }
        for mailbox in std::mem::take(&mut self.lamps.published.boxes) {
            self.publish(now, PublishEvent::Mwi, &Item::Mailbox(mailbox), out);
        }
    }

    /// The counts of a mailbox of ours changed, or it became another server's.
    pub(super) fn mailbox_counted(&mut self, mailbox: &Name, eid: Option<&Name>) {
        self.lamps.remote.counted_by(mailbox, eid);
        if eid.is_none() && self.lamps.published.mailboxes {
            self.lamps.published.boxes.insert(mailbox.clone());
        }
    }

    /// A watched hint of this number changed. Whether it is one that is published.
    pub(super) fn publish_hint(&mut self, now: Now, number: u64, out: &mut Actions) -> bool {
        if number & HINT == 0 || self.lamps.published.hint(number).is_none() {
            return false;
        }
        self.hint_changed(now, number, out);
        true
    }

    /// Everything that a section publishes.
    pub(in crate::switch) fn all_published(
        &mut self,
        config: &OutboundPublish,
        exten: Option<&Name>,
    ) -> Vec<Item> {
        match config.event {
            PublishEvent::DeviceState if !config.device_state => Vec::new(),
            PublishEvent::DeviceState => {
                let endpoints =
                    self.directory.objects.endpoints.keys().map(|name| canonical(&format!("PJSIP/{name}")));
                let custom = self.lamps.custom.keys().map(|name| Name::from(format!("Custom:{name}")));
                let all = endpoints.chain(custom).filter(|name| config.device_state_filter.passes(name));
                let mut all: Vec<Name> = all.take(limits::PUBLISHED_DEVICES).collect();
                all.sort_unstable();
                for device in &all {
                    let state = self.state_here(device);
                    self.lamps.published.known.insert(device.clone(), state);
                }
                all.into_iter().map(Item::Device).collect()
            }
            PublishEvent::Mwi if !config.mailbox_state => Vec::new(),
            PublishEvent::Mwi => {
                let all = self.lamps.mailboxes.iter().map(|(name, _)| name);
                let own = all.filter(|name| !self.lamps.remote.counts(name));
                own.filter(|name| config.mailbox_state_filter.passes(name))
                    .cloned()
                    .map(Item::Mailbox)
                    .collect()
            }
            PublishEvent::Presence | PublishEvent::Dialog => {
                self.lamps.published.hints_of(&config.name, exten).into_iter().map(Item::Hint).collect()
            }
        }
    }

    /// The body that tells of something as it is now, `local` and `remote` being the URIs of a hint's document.
    pub(in crate::switch) fn published_body(
        &self,
        config: &OutboundPublish,
        item: &Item,
        ends: &Ends<'_>,
    ) -> (&'static str, String) {
        let eid = self.lamps.published.eid.clone();
        let told = match item {
            Item::Refresh => Told::Refresh { eid },
            Item::Device(device) => {
                Told::Device { device: device.clone(), state: self.state_here(device), eid }
            }
            Item::Mailbox(name) => {
                Told::Mailbox { name: name.clone(), counts: self.lamps.mailboxes.of(name), eid }
            }
            Item::Hint(number) => {
                let kind = BodyType::named(&config.body).unwrap_or(BodyType::Pidf);
                let mut text = String::new();
                if let Some(hint) = self.lamps.published.hint(*number) {
                    self.write_published(kind, (&hint.exten, hint.id), ends, &mut text);
                }
                return (kind.name(), text);
            }
        };
        ("application/json", told.write())
    }

    /// Begins to watch the hints that a section publishes and stops with those it does not any more. Those that are new.
    pub(in crate::switch) fn watch_published(&mut self, now: Now, config: &OutboundPublish) -> Vec<u64> {
        let passes = |hint: &crate::dialplan::hints::Hint| {
            !hint.exten.starts_with('_')
                && config.context.passes(&hint.context)
                && config.exten.passes(&hint.exten)
        };
        let plan = self.calls.plan();
        let wanted: BTreeSet<(Name, Name)> = plan
            .hints()
            .filter(passes)
            .take(limits::PUBLISHED_DEVICES)
            .map(|hint| (Name::from(&*hint.context), Name::from(&*hint.exten)))
            .collect();
        let known = self.lamps.published.hints_of(&config.name, None);
        let mut standing = BTreeSet::new();
        for number in known {
            let Some(hint) = self.lamps.published.hints.get(&number) else { continue };
            let key = (hint.context.clone(), hint.exten.clone());
            if wanted.contains(&key) {
                standing.insert(key);
            } else {
                self.unwatch_published(number);
            }
        }
        let mut new = Vec::new();
        for (context, exten) in wanted.difference(&standing) {
            let Some(what) = self.hint_of(now, context, exten) else { continue };
            let published = &mut self.lamps.published;
            published.last += 1;
            let number = HINT | published.last;
            let mut index = std::mem::take(&mut self.lamps.index);
            let id = index.watch(what, number, self);
            self.lamps.index = index;
            let hint =
                Hint { id, context: context.clone(), exten: exten.clone(), section: config.name.clone() };
            self.lamps.published.put_hint(number, hint);
            new.push(number);
        }
        new
    }

    /// A section is gone: its hints are not watched for it any more.
    pub(in crate::switch) fn unwatch_section(&mut self, section: &Name) {
        for number in self.lamps.published.hints_of(section, None) {
            self.unwatch_published(number);
        }
    }

    fn unwatch_published(&mut self, number: u64) {
        if let Some(hint) = self.lamps.published.take_hint(number) {
            self.lamps.index.unwatch(hint.id, number);
        }
    }
}

/// Numbers of published hints among the watchers of hints have this bit; those of subscriptions never have.
const HINT: u64 = 1 << 63;

/// An EID made of a name: six octets of the kind that no manufacturer has.
fn eid_of(name: &str) -> Name {
    use std::hash::{BuildHasher, Hasher};
    let mut hasher = foldhash::fast::FixedState::with_seed(1).build_hasher();
    hasher.write(name.as_bytes());
    let [a, b, c, d, e, ..] = hasher.finish().to_be_bytes();
    format!("02:{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}").into()
}
