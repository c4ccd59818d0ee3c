//! The state of each device (`behaviour-session` 10, `behaviour-pubsub` 6).

use crate::base::device::DeviceState;
use crate::base::ids::Name;
use crate::dialplan::plan::{Match, Query};
use crate::pubsub::{Presence, Source};
use crate::switch::Switch;
use std::collections::{BTreeMap, HashMap};

/// What lamps see of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::switch) enum Shown {
    /// Not yet called.
    Down,
    /// It rings.
    Ringing,
    /// Calling, or in a call.
    Used,
    /// The other side holds.
    Held,
}

/// Channels by endpoint, oldest first: no lamp looks at calls of others.
#[derive(Debug, Default)]
pub(in crate::switch) struct Devices {
    channels: HashMap<Name, BTreeMap<u64, Shown>, foldhash::fast::RandomState>,
}

impl Devices {
    /// Notes what a channel shows now; `None`: it is over.
    pub fn set(&mut self, endpoint: &Name, channel: u64, shown: Option<Shown>) {
        match shown {
            Some(shown) => {
                self.channels.entry(endpoint.clone()).or_default().insert(channel, shown);
            }
            None => {
                let Some(channels) = self.channels.get_mut(endpoint) else { return };
                channels.remove(&channel);
                if channels.is_empty() {
                    self.channels.remove(endpoint);
                }
            }
        }
    }

    /// Channels of an endpoint, oldest first.
    pub fn of(&self, endpoint: &str) -> impl Iterator<Item = (u64, Shown)> {
        self.channels.get(endpoint).into_iter().flatten().map(|(id, shown)| (*id, *shown))
    }
}

impl Switch {
    /// What a channel shows is another, or it is over.
    pub(in crate::switch) fn channel_shows(&mut self, endpoint: &Name, channel: u64, shown: Option<Shown>) {
        self.lamps.devices.set(endpoint, channel, shown);
        self.lamps.touch_endpoint(endpoint);
    }

    /// The state of a device by the name a hint has for it.
    pub(in crate::switch) fn state_of_device(&self, device: &str) -> DeviceState {
        // What other servers say of a device of theirs, or of one that both know, counts as much.
        self.lamps.remote.with(device, self.state_here(device))
    }

    /// The state of a device of this server's.
    pub(super) fn state_here(&self, device: &str) -> DeviceState {
        let Some((kind, name)) = kind_of(device) else { return DeviceState::Invalid };
        match kind {
            Kind::Pjsip => self.state_of_endpoint(name),
            Kind::Custom => self.lamps.custom.get(name).copied().unwrap_or(DeviceState::Unknown),
            Kind::Mailbox => match self.lamps.mailboxes.of(&crate::pubsub::mailbox::full_name(name)).new {
                0 => DeviceState::NotInUse,
                _ => DeviceState::InUse,
            },
            Kind::Park => self.state_of_space(name),
            Kind::Local => {
                let name = name.split('/').next().unwrap_or_default();
                let (exten, context) = name.split_once('@').unwrap_or((name, "default"));
                let query = Query { context, exten, caller: "", now: self.now.wall };
                match self.calls.plan().find(query) {
                    Match::Found => DeviceState::NotInUse,
                    _ => DeviceState::Invalid,
                }
            }
        }
    }

    /// By its channels; without any, by whether it can be reached.
    pub(in crate::switch) fn state_of_endpoint(&self, name: &str) -> DeviceState {
        let Some(endpoint) = self.directory.endpoint(name) else { return DeviceState::Invalid };
        let channels = || self.lamps.devices.of(name).map(|(_, shown)| shown);
        let busy_at = endpoint.options.device_state_busy_at as usize;
        if busy_at > 0 && channels().filter(|shown| *shown != Shown::Down).count() >= busy_at {
            return DeviceState::Busy;
        }
        if channels().next().is_some() {
            return DeviceState::aggregate(channels().map(|shown| match shown {
                Shown::Down => DeviceState::NotInUse,
                Shown::Ringing => DeviceState::Ringing,
                Shown::Used => DeviceState::InUse,
                Shown::Held => DeviceState::OnHold,
            }));
        }
        match endpoint.aors.iter().any(|aor| self.aor_reachable(aor)) {
            true => DeviceState::NotInUse,
            false => DeviceState::Unavailable,
        }
    }
}

impl Source for Switch {
    fn device(&self, name: &str) -> DeviceState {
        self.state_of_device(name)
    }

    fn presence(&self, provider: &str) -> Presence {
        custom_presence(provider).and_then(|name| self.lamps.presences.get(name)).cloned().unwrap_or_default()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Pjsip,
    Custom,
    Mailbox,
    Local,
    Park,
}

/// What kind of device a name means, and the rest of the name.
pub(super) fn kind_of(device: &str) -> Option<(Kind, &str)> {
    let kinds = [
        ("PJSIP/", Kind::Pjsip),
        ("Custom:", Kind::Custom),
        ("MWI:", Kind::Mailbox),
        ("Local/", Kind::Local),
        ("park:", Kind::Park),
    ];
    kinds.into_iter().find_map(|(prefix, kind)| {
        let (start, rest) = device.split_at_checked(prefix.len())?;
        start.eq_ignore_ascii_case(prefix).then_some((kind, rest))
    })
}

/// `x` of `CustomPresence:x`.
pub(super) fn custom_presence(provider: &str) -> Option<&str> {
    let (start, rest) = provider.split_at_checked("CustomPresence:".len())?;
    start.eq_ignore_ascii_case("CustomPresence:").then_some(rest)
}

/// A device's name with its prefix as it is usually written.
pub(super) fn canonical(device: &str) -> Name {
    match kind_of(device) {
        Some((Kind::Pjsip, rest)) => format!("PJSIP/{rest}").into(),
        Some((Kind::Custom, rest)) => format!("Custom:{rest}").into(),
        Some((Kind::Mailbox, rest)) => format!("MWI:{}", crate::pubsub::mailbox::full_name(rest)).into(),
        Some((Kind::Park, rest)) => format!("park:{}", with_lot(rest)).into(),
        Some((Kind::Local, rest)) => format!("Local/{rest}").into(),
        None => device.into(),
    }
}

/// The same for a presence provider.
pub(super) fn canonical_presence(provider: &str) -> Name {
    custom_presence(provider).map_or_else(|| provider.into(), |rest| format!("CustomPresence:{rest}").into())
}

/// `701@default` of `701`.
fn with_lot(space: &str) -> String {
    if space.contains('@') { space.to_owned() } else { format!("{space}@default") }
}
