//! What is watched: devices, the hints that list them, and who watches each hint. One device's change costs the work of
//! its own hints and their watchers, however many others there are.

use super::presence::Presence;
use super::slots::{SlotId, Slots};
use crate::base::device::{DeviceState, ExtensionState};
use crate::base::ids::Name;
use std::collections::{BTreeSet, HashMap};

/// A watched hint.
pub type HintId = SlotId;

/// What a hint is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    /// Context asked in.
    pub context: Name,
    /// The extension.
    pub exten: Name,
    /// Devices of the hint.
    pub devices: Vec<Name>,
    /// `CustomPresence:x`
    pub presence: Option<Name>,
    /// The name in parentheses.
    pub display: Name,
}

#[derive(Debug)]
struct Device {
    name: Name,
    state: DeviceState,
    hints: Vec<HintId>,
}

#[derive(Debug)]
struct Hint {
    what: Watched,
    devices: Vec<SlotId>,
    state: DeviceState,
    presence: Presence,
    watchers: Vec<u64>,
}

/// Devices, hints and watchers.
#[derive(Debug, Default)]
pub struct Index {
    devices: Slots<Device>,
    device_of: HashMap<Name, SlotId, foldhash::fast::RandomState>,
    hints: Slots<Hint>,
    hint_of: HashMap<(Name, Name), HintId, foldhash::fast::RandomState>,
    /// Hints by presence provider.
    presences: HashMap<Name, Vec<HintId>, foldhash::fast::RandomState>,
}

/// Where the index asks for what it does not hold.
pub trait Source {
    /// The state of a device now.
    fn device(&self, name: &str) -> DeviceState;
    /// A presence now.
    fn presence(&self, provider: &str) -> Presence;
}

impl Index {
    /// The hint of an extension, if it is watched.
    pub fn find(&self, context: &Name, exten: &Name) -> Option<HintId> {
        self.hint_of.get(&(context.clone(), exten.clone())).copied()
    }

    /// Adds a watcher to a hint, which is made if nobody watched it yet.
    pub fn watch(&mut self, what: Watched, watcher: u64, source: &impl Source) -> HintId {
        let id = match self.find(&what.context, &what.exten) {
            Some(id) => id,
            None => self.make(what, source),
        };
        if let Some(hint) = self.hints.get_mut(id) {
            hint.watchers.push(watcher);
        }
        id
    }

    /// Takes a watcher away. A hint that nobody watches is forgotten.
    pub fn unwatch(&mut self, id: HintId, watcher: u64) {
        let Some(hint) = self.hints.get_mut(id) else { return };
        if let Some(at) = hint.watchers.iter().position(|known| *known == watcher) {
            hint.watchers.swap_remove(at);
        }
        if hint.watchers.is_empty() {
            self.forget(id);
        }
    }

    /// Whether anybody watches a device.
    pub fn watches(&self, device: &str) -> bool {
        self.device_of.contains_key(device)
    }

    /// Notes a device's new state and collects whoever must be told. While its hint rings a change of the device is told
    /// even if the hint's state stays: another caller may ring.
    pub fn device_changed(&mut self, device: &str, state: DeviceState, told: &mut BTreeSet<u64>) {
        let Some(id) = self.device_of.get(device).copied() else { return };
        let Some(entry) = self.devices.get_mut(id) else { return };
        entry.state = state;
        let hints = std::mem::take(&mut entry.hints);
        for hint in &hints {
            self.settle(*hint, told);
        }
        if let Some(entry) = self.devices.get_mut(id) {
            entry.hints = hints;
        }
    }

    /// Notes a new presence and collects whoever must be told.
    pub fn presence_changed(&mut self, provider: &str, presence: &Presence, told: &mut BTreeSet<u64>) {
        for id in self.presences.get(provider).into_iter().flatten() {
            let Some(hint) = self.hints.get_mut(*id) else { continue };
            if hint.presence != *presence {
                hint.presence = presence.clone();
                told.extend(hint.watchers.iter().copied());
            }
        }
    }

    /// The dialplan changed: `look` says what each hint is now. Those that are gone are forgotten and their watchers
    /// returned; watchers of those whose state changed are collected.
    pub fn reload(
        &mut self,
        look: impl Fn(&Name, &Name) -> Option<Watched>,
        source: &impl Source,
        told: &mut BTreeSet<u64>,
    ) -> Vec<u64> {
        let mut orphans = Vec::new();
        let ids: Vec<HintId> = self.hints.iter().map(|(id, _)| id).collect();
        for id in ids {
            let Some(hint) = self.hints.get(id) else { continue };
            match look(&hint.what.context, &hint.what.exten) {
                Some(what) if what == hint.what => {}
                Some(what) => self.replace(id, what, source, told),
                None => {
                    orphans.extend(hint.watchers.iter().copied());
                    self.forget(id);
                }
            }
        }
        orphans
    }

    /// What a watched hint shows.
    pub fn shows(&self, id: HintId) -> Option<(ExtensionState, &Presence, &Watched)> {
        let hint = self.hints.get(id)?;
        Some((hint.state.of_extension(), &hint.presence, &hint.what))
    }

    /// How many watch an extension.
    pub fn watchers(&self, context: &Name, exten: &Name) -> usize {
        let hint = self.find(context, exten).and_then(|id| self.hints.get(id));
        hint.map_or(0, |hint| hint.watchers.len())
    }

    /// Watched hints, in no order of meaning.
    pub fn hints(&self) -> impl Iterator<Item = (&Watched, usize)> {
        self.hints.iter().map(|(_, hint)| (&hint.what, hint.watchers.len()))
    }

    /// Devices that are watched.
    pub fn devices(&self) -> impl Iterator<Item = &Name> {
        self.devices.iter().map(|(_, device)| &device.name)
    }

    fn make(&mut self, what: Watched, source: &impl Source) -> HintId {
        let key = (what.context.clone(), what.exten.clone());
        let empty = Hint {
            what: what.clone(),
            devices: Vec::new(),
            state: DeviceState::Invalid,
            presence: Presence::default(),
            watchers: Vec::new(),
        };
        let id = self.hints.insert(empty);
        self.hint_of.insert(key, id);
        self.link(id, what, source);
        id
    }

    fn replace(&mut self, id: HintId, what: Watched, source: &impl Source, told: &mut BTreeSet<u64>) {
        let before = self.hints.get(id).map(|hint| (hint.state, hint.presence.clone()));
        self.unlink(id);
        self.link(id, what, source);
        let Some(hint) = self.hints.get(id) else { return };
        if before != Some((hint.state, hint.presence.clone())) {
            told.extend(hint.watchers.iter().copied());
        }
    }

    fn link(&mut self, id: HintId, what: Watched, source: &impl Source) {
        let mut devices = Vec::with_capacity(what.devices.len());
        for name in &what.devices {
            let device = match self.device_of.get(name) {
                Some(device) => *device,
                None => {
                    let state = source.device(name);
                    let device = self.devices.insert(Device { name: name.clone(), state, hints: Vec::new() });
                    self.device_of.insert(name.clone(), device);
                    device
                }
            };
            if !devices.contains(&device)
                && let Some(entry) = self.devices.get_mut(device)
            {
                entry.hints.push(id);
                devices.push(device);
            }
        }
        let presence = what.presence.as_ref().map(|provider| source.presence(provider)).unwrap_or_default();
        if let Some(provider) = &what.presence {
            self.presences.entry(provider.clone()).or_default().push(id);
        }
        let state = self.aggregate(&devices);
        if let Some(hint) = self.hints.get_mut(id) {
            (hint.what, hint.devices, hint.state, hint.presence) = (what, devices, state, presence);
        }
    }

    fn unlink(&mut self, id: HintId) {
        let Some(hint) = self.hints.get_mut(id) else { return };
        let devices = std::mem::take(&mut hint.devices);
        if let Some(provider) = hint.what.presence.take()
            && let Some(hints) = self.presences.get_mut(&provider)
        {
            hints.retain(|known| *known != id);
            if hints.is_empty() {
                self.presences.remove(&provider);
            }
        }
        for device in devices {
            let Some(entry) = self.devices.get_mut(device) else { continue };
            entry.hints.retain(|known| *known != id);
            if entry.hints.is_empty() {
                self.device_of.remove(&entry.name);
                self.devices.remove(device);
            }
        }
    }

    fn forget(&mut self, id: HintId) {
        self.unlink(id);
        if let Some(hint) = self.hints.remove(id) {
            self.hint_of.remove(&(hint.what.context, hint.what.exten));
        }
    }

    fn aggregate(&self, devices: &[SlotId]) -> DeviceState {
        DeviceState::aggregate(devices.iter().filter_map(|id| Some(self.devices.get(*id)?.state)))
    }

    fn settle(&mut self, id: HintId, told: &mut BTreeSet<u64>) {
        let Some(hint) = self.hints.get(id) else { return };
        let state = self.aggregate(&hint.devices);
        let Some(hint) = self.hints.get_mut(id) else { return };
        let before = std::mem::replace(&mut hint.state, state);
        let (before, after) = (before.of_extension(), state.of_extension());
        if before != after || after.rings() {
            told.extend(hint.watchers.iter().copied());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pubsub::presence::PresenceState;
    use std::collections::BTreeMap;

    #[derive(Default)]
    struct Known(BTreeMap<&'static str, DeviceState>);

    impl Source for Known {
        fn device(&self, name: &str) -> DeviceState {
            self.0.get(name).copied().unwrap_or(DeviceState::NotInUse)
        }
        fn presence(&self, _: &str) -> Presence {
            Presence::default()
        }
    }

    fn hint(exten: &str, devices: &[&str], presence: Option<&str>) -> Watched {
        Watched {
            context: "c".into(),
            exten: exten.into(),
            devices: devices.iter().map(|name| Name::from(*name)).collect(),
            presence: presence.map(Name::from),
            display: Name::default(),
        }
    }

    fn change(index: &mut Index, device: &str, state: DeviceState) -> Vec<u64> {
        let mut told = BTreeSet::new();
        index.device_changed(device, state, &mut told);
        told.into_iter().collect()
    }

    #[test]
    fn only_watchers_of_changed_hints_are_told() {
        let (mut index, known) = (Index::default(), Known::default());
        let one = index.watch(hint("1", &["A", "B"], None), 10, &known);
        assert_eq!(index.watch(hint("1", &["A", "B"], None), 11, &known), one);
        index.watch(hint("2", &["B"], None), 20, &known);
        assert_eq!(change(&mut index, "A", DeviceState::InUse), [10, 11]);
        // The hint stays in use, the other is not concerned.
        assert_eq!(change(&mut index, "B", DeviceState::Unavailable), [20]);
        assert_eq!(change(&mut index, "C", DeviceState::InUse), [0; 0]);
        // Another caller may ring: told although the state is the same.
        assert_eq!(change(&mut index, "B", DeviceState::Ringing), [10, 11, 20]);
        assert_eq!(change(&mut index, "B", DeviceState::Ringing), [10, 11, 20]);
        assert_eq!(index.shows(one).map(|shown| shown.0), Some(ExtensionState::InUseRinging));
        index.unwatch(one, 10);
        index.unwatch(one, 11);
        assert!(index.shows(one).is_none() && !index.watches("A") && index.watches("B"));
    }

    #[test]
    fn presence_and_reloads_are_told() {
        let (mut index, known) = (Index::default(), Known::default());
        let one = index.watch(hint("1", &["A"], Some("CustomPresence:1")), 10, &known);
        let two = index.watch(hint("2", &["A"], None), 20, &known);
        let away = Presence { state: PresenceState::Away, ..Presence::default() };
        let mut told = BTreeSet::new();
        index.presence_changed("CustomPresence:1", &away, &mut told);
        assert_eq!(told.iter().copied().collect::<Vec<_>>(), [10]);
        // Extension 2 is gone, 1 watches another device.
        told.clear();
        let known = Known([("B", DeviceState::Busy)].into());
        let orphans =
            index.reload(|_, exten| (**exten == *"1").then(|| hint("1", &["B"], None)), &known, &mut told);
        assert_eq!((orphans, told.into_iter().collect::<Vec<_>>()), (vec![20], vec![10]));
        assert!(index.shows(two).is_none() && !index.watches("A"));
        assert_eq!(index.shows(one).map(|shown| shown.0), Some(ExtensionState::Busy));
    }
}
