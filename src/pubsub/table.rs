//! All subscriptions, found by their dialogs, and when each ends.

use super::slots::{SlotId, Slots};
use super::subscription::Subscription;
use crate::base::limits;
use crate::base::time::Moment;
use crate::base::wheel::{TimerId, Wheel};
use crate::sip::dialog::{DialogKey, Directory};
use std::time::Duration;

/// All subscriptions of one switch.
#[derive(Debug)]
pub struct Subscriptions {
    all: Slots<(TimerId, Subscription)>,
    dialogs: Directory<SlotId>,
    wheel: Wheel<SlotId>,
    fired: Vec<SlotId>,
}

/// There are as many as there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl Subscriptions {
    /// None yet.
    pub fn new(now: Moment, seed: u64) -> Subscriptions {
        Subscriptions {
            all: Slots::default(),
            dialogs: Directory::new(seed),
            wheel: Wheel::new(now, Duration::from_millis(100), 65_536),
            fired: Vec::new(),
        }
    }

    /// Enters one; its timer runs from now on.
    ///
    /// # Errors
    /// As many as [`limits::SUBSCRIPTIONS`] are alive.
    pub fn insert(&mut self, subscription: Subscription) -> Result<SlotId, Full> {
        if self.all.len() >= limits::SUBSCRIPTIONS {
            return Err(Full);
        }
        let dialog = subscription.dialog.id().clone();
        let expires = subscription.expires;
        let id = self.all.insert((TimerId::NONE, subscription));
        if self.dialogs.insert(dialog, id).is_err() {
            self.all.remove(id);
            return Err(Full);
        }
        self.set_timer(id, expires);
        Ok(id)
    }

    /// By its dialog.
    pub fn find(&self, key: &DialogKey<'_>) -> Option<SlotId> {
        self.dialogs.find(key)
    }

    /// One.
    pub fn get(&self, id: SlotId) -> Option<&Subscription> {
        self.all.get(id).map(|(_, subscription)| subscription)
    }

    /// One, to be changed. After a change of `expires`, [`Subscriptions::reschedule`].
    pub fn get_mut(&mut self, id: SlotId) -> Option<&mut Subscription> {
        self.all.get_mut(id).map(|(_, subscription)| subscription)
    }

    /// Its `expires` is another.
    pub fn reschedule(&mut self, id: SlotId) {
        if let Some(expires) = self.get(id).map(|subscription| subscription.expires) {
            self.set_timer(id, expires);
        }
    }

    /// Takes one out.
    pub fn remove(&mut self, id: SlotId) -> Option<Subscription> {
        let (timer, subscription) = self.all.remove(id)?;
        self.wheel.cancel(timer);
        self.dialogs.remove(subscription.dialog.id());
        Some(subscription)
    }

    /// Those whose time is over, at most `limit` of them.
    pub fn expire(&mut self, now: Moment, limit: usize) -> Vec<SlotId> {
        let mut fired = std::mem::take(&mut self.fired);
        fired.clear();
        self.wheel.expire(now, limit, &mut fired);
        fired.retain(|id| self.get(*id).is_some_and(|subscription| subscription.expires <= now));
        fired
    }

    /// When [`Subscriptions::expire`] has something to do.
    pub fn next_deadline(&self) -> Option<Moment> {
        self.wheel.next_deadline()
    }

    /// All, in the order of their places.
    pub fn iter(&self) -> impl Iterator<Item = (SlotId, &Subscription)> {
        self.all.iter().map(|(id, (_, subscription))| (id, subscription))
    }

    /// How many are alive.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    fn set_timer(&mut self, id: SlotId, at: Moment) {
        let Some((timer, _)) = self.all.get_mut(id) else { return };
        self.wheel.cancel(*timer);
        *timer = self.wheel.insert(at, id);
    }
}
