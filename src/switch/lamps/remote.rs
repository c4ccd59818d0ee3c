//! What other servers say of devices and mailboxes, and by which publication each word came.

use crate::base::device::DeviceState;
use crate::base::ids::Name;
use crate::base::limits;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Word {
    state: DeviceState,
    /// The publication it came by.
    serial: u64,
}

/// States of devices by device and server; mailboxes that are counted elsewhere.
#[derive(Debug, Default)]
pub(super) struct Remote {
    devices: BTreeMap<Name, BTreeMap<Name, Word>>,
    /// What each publication said, to take it back.
    by_publication: BTreeMap<u64, BTreeSet<(Name, Name)>>,
    words: usize,
    mailboxes: BTreeMap<Name, Name>,
}

impl Remote {
    /// Notes what a server says of a device. `false`: there is no room.
    pub fn say(&mut self, (device, eid): (&Name, &Name), state: DeviceState, serial: u64) -> bool {
        let known = self.devices.get_mut(device).and_then(|servers| servers.get_mut(eid));
        match known {
            Some(word) if word.serial == serial => word.state = state,
            Some(word) => {
                // The same server with another publication: it began anew.
                *word = Word { state, serial };
                self.by_publication.entry(serial).or_default().insert((device.clone(), eid.clone()));
            }
            None if self.words >= limits::CUSTOM_STATES => return false,
            None => {
                self.words += 1;
                self.devices.entry(device.clone()).or_default().insert(eid.clone(), Word { state, serial });
                self.by_publication.entry(serial).or_default().insert((device.clone(), eid.clone()));
            }
        }
        true
    }

    /// A publication is over: what it said and nobody has said since is forgotten. The devices concerned.
    pub fn forget(&mut self, serial: u64) -> Vec<Name> {
        let said = self.by_publication.remove(&serial).unwrap_or_default();
        let mut changed = Vec::new();
        for (device, eid) in said {
            let Some(servers) = self.devices.get_mut(&device) else { continue };
            if servers.get(&eid).is_none_or(|word| word.serial != serial) {
                continue;
            }
            servers.remove(&eid);
            self.words -= 1;
            if servers.is_empty() {
                self.devices.remove(&device);
            }
            changed.push(device);
        }
        changed
    }

    /// A device here and everywhere.
    pub fn with(&self, device: &str, here: DeviceState) -> DeviceState {
        match self.devices.get(device) {
            None => here,
            Some(servers) => DeviceState::aggregate(servers.values().map(|word| word.state).chain([here])),
        }
    }

    /// Who counts a mailbox: another server, or we.
    pub fn counted_by(&mut self, mailbox: &Name, eid: Option<&Name>) {
        match eid {
            Some(eid) => drop(self.mailboxes.insert(mailbox.clone(), eid.clone())),
            None => drop(self.mailboxes.remove(mailbox)),
        }
    }

    /// Whether another server counts it.
    pub fn counts(&self, mailbox: &str) -> bool {
        self.mailboxes.contains_key(mailbox)
    }

    /// How many words of how many publications are known.
    #[cfg(test)]
    fn len(&self) -> (usize, usize) {
        (self.words, self.by_publication.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_began_anew_does_not_lose_what_it_said_since() {
        let mut all = Remote::default();
        let (device, eid) = (Name::from("PJSIP/1"), Name::from("02:00"));
        assert!(all.say((&device, &eid), DeviceState::InUse, 1));
        assert!(all.say((&device, &eid), DeviceState::Ringing, 2));
        assert!(all.say((&device, &"02:01".into()), DeviceState::OnHold, 1));
        assert_eq!(all.with("PJSIP/1", DeviceState::Invalid), DeviceState::RingInUse);
        // The first publication of the server's last life ends: only what nobody said again goes.
        assert_eq!(all.forget(1), [device]);
        assert_eq!(all.with("PJSIP/1", DeviceState::Invalid), DeviceState::Ringing);
        assert_eq!(all.forget(2).len(), 1);
        assert_eq!((all.with("PJSIP/1", DeviceState::Invalid), all.len()), (DeviceState::Invalid, (0, 0)));
    }
}
