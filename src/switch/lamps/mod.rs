//! Lamps: where subscriptions, calls, contacts and the dialplan's hints meet.
//!
//! ```text
//! SUBSCRIBE ─ subscribe ─► Subscriptions ─ notify ─► Clients::send ─ answered ─► next, or removed
//! channel, contact, custom state, presence, mailbox ─ changed ─► Index ─ told ─► notify
//! ```
//! What happens during one input is collected and told once, when the input is done with.

mod describe;
mod devices;
mod explain;
mod keep;
mod lists;
mod mailboxes;
mod notify;
mod publish;
mod published;
mod remote;
mod resources;
mod show;
mod states;
mod subscribe;
mod unsolicited;

use super::Switch;
use super::io::Actions;
use crate::authenticate::outbound::Answers;
use crate::base::device::DeviceState;
use crate::base::ids::{FlowId, Name};
use crate::base::limits;
use crate::base::rng::Rng;
use crate::base::time::{Moment, Now};
use crate::config::Kind;
use crate::pubsub::publish::Publications;
use crate::pubsub::{
    Ended, Gone, Index, Kept, Mailboxes, Presence, Resource, SlotId, StoredSubscription, Subscription,
    Subscriptions,
};
use devices::Devices;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Duration;

pub(in crate::switch) use describe::Published as Ends;
pub(in crate::switch) use devices::Shown;
pub(in crate::switch) use published::{Item, Published};

const PUBSUB: &str = "res_pjsip_pubsub.c";

/// Everything that lights lamps.
#[derive(Debug)]
pub(super) struct Lamps {
    subscriptions: Subscriptions,
    index: Index,
    mailboxes: Mailboxes,
    /// Channels by endpoint, as far as lamps see them.
    pub devices: Devices,
    /// `Custom:` devices.
    custom: BTreeMap<Name, DeviceState>,
    /// `CustomPresence:` providers.
    presences: BTreeMap<Name, Presence>,
    /// Devices to look at when the present input is done with.
    dirty: BTreeSet<Name>,
    /// Subscriptions to be told then.
    told: BTreeSet<u64>,
    /// More wait than one turn tells: when the next turn is, and where it goes on.
    next_turn: Option<(Moment, u64)>,
    /// Subscriptions of the last life whose hint, endpoint or transport is not there yet.
    waiting: Vec<StoredSubscription>,
    /// Challenges of NOTIFYs that are being answered.
    answers: HashMap<u64, Answers, foldhash::fast::RandomState>,
    /// Who is told of mailboxes.
    listeners: mailboxes::Listeners,
    /// NOTIFYs nobody asked for.
    sent: unsolicited::Sent,
    /// What other servers publish with us.
    publications: Publications,
    /// What they said.
    remote: remote::Remote,
    /// What we publish with other servers.
    pub published: Published,
    /// Lists that gather changes, and until when.
    batches: BTreeSet<(Moment, SlotId)>,
    gathering: BTreeSet<SlotId>,
    /// Why each endpoint's last SUBSCRIBE to a resource was refused.
    refused: HashMap<(Name, Name), (u16, String), foldhash::fast::RandomState>,
    /// Subscriptions by the connection they came by.
    flows: HashMap<FlowId, BTreeSet<u64>, foldhash::fast::RandomState>,
    /// Subscriptions of the last life that are to be told of the present state, and when.
    restored: VecDeque<(Moment, SlotId)>,
    /// What is to be written down when the present input is done with.
    kept: Vec<Kept>,
    /// Where bodies are written.
    body: String,
}

impl Lamps {
    /// No subscriptions, nothing known.
    pub fn new(now: Moment, seed: u64) -> Lamps {
        Lamps {
            subscriptions: Subscriptions::new(now, seed),
            index: Index::default(),
            mailboxes: Mailboxes::default(),
            devices: Devices::default(),
            custom: BTreeMap::new(),
            presences: BTreeMap::new(),
            dirty: BTreeSet::new(),
            told: BTreeSet::new(),
            next_turn: None,
            waiting: Vec::new(),
            answers: HashMap::default(),
            listeners: mailboxes::Listeners::default(),
            sent: unsolicited::Sent::default(),
            publications: Publications::starting_at(Rng::seeded(seed).next_u64() >> 24),
            remote: remote::Remote::default(),
            published: Published::default(),
            batches: BTreeSet::new(),
            gathering: BTreeSet::new(),
            refused: HashMap::default(),
            flows: HashMap::default(),
            restored: VecDeque::new(),
            kept: Vec::new(),
            body: String::new(),
        }
    }

    /// How many subscriptions are alive.
    pub fn subscriptions(&self) -> usize {
        self.subscriptions.len()
    }

    /// When [`Switch::lamps_due`] has something to do.
    pub fn next_deadline(&self) -> Option<Moment> {
        let restored = self.restored.front().map(|(at, _)| *at);
        let batch = self.batches.first().map(|(at, _)| *at);
        let publications = self.publications.next_deadline();
        let turn = self.next_turn.map(|(at, _)| at);
        let all =
            [self.subscriptions.next_deadline(), self.listeners.next, restored, batch, publications, turn];
        all.into_iter().flatten().min()
    }

    /// A subscription's way leads over another connection than before.
    fn moved(&mut self, id: SlotId, before: FlowId, after: FlowId) {
        if before == after {
            return;
        }
        if let Some(ids) = self.flows.get_mut(&before) {
            ids.remove(&id.number());
            if ids.is_empty() {
                self.flows.remove(&before);
            }
        }
        if after.is_connection() {
            self.flows.entry(after).or_default().insert(id.number());
        }
    }

    /// A device may be in another state.
    pub fn touch(&mut self, device: &str) {
        self.published.touch(device);
        if self.index.watches(device) {
            self.dirty.insert(device.into());
        }
    }

    /// Whether anybody looks at devices at all.
    pub fn is_watched(&self) -> bool {
        !self.subscriptions.is_empty() || self.published.wants_devices() || self.published.has_hints()
    }

    /// Who is told in this turn: of many some, round and round.
    fn turn(&mut self, now: Moment) -> Vec<u64> {
        let from = match self.next_turn {
            Some((at, _)) if at > now => return Vec::new(),
            Some((_, from)) => from,
            None => 0,
        };
        if self.told.len() <= limits::LAMPS_PER_TURN {
            self.next_turn = None;
            return std::mem::take(&mut self.told).into_iter().collect();
        }
        let round = self.told.range(from..).chain(self.told.range(..from));
        let some: Vec<u64> = round.take(limits::LAMPS_PER_TURN).copied().collect();
        for number in &some {
            self.told.remove(number);
        }
        let last = some.last().map_or(0, |number| number.saturating_add(1));
        self.next_turn = Some((now + Duration::from_millis(limits::LAMP_TURN_MILLIS), last));
        some
    }

    /// An endpoint's calls, contacts or options changed.
    pub fn touch_endpoint(&mut self, endpoint: &str) {
        if self.is_watched() {
            self.touch(&format!("PJSIP/{endpoint}"));
        }
    }
}

impl Switch {
    /// Tells of all that changed during the input that is done with now.
    pub(super) fn light(&mut self, now: Now, out: &mut Actions) {
        if self.lamps.listeners.next.is_some_and(|at| at <= now.at) {
            self.unsolicited_due(now, out);
        }
        self.publish_changes(now, out);
        if self.lamps.dirty.is_empty() && self.lamps.told.is_empty() {
            return self.write_down(out);
        }
        let dirty = std::mem::take(&mut self.lamps.dirty);
        let mut told = std::mem::take(&mut self.lamps.told);
        for device in &dirty {
            let state = self.state_of_device(device);
            self.lamps.index.device_changed(device, state, &mut told);
        }
        self.lamps.told = told;
        for number in self.lamps.turn(now.at) {
            if self.publish_hint(now, number, out) {
                continue;
            }
            let id = SlotId::from_number(number);
            if !self.gathers(now, id) {
                self.tell_subscription(now, id, out);
            }
        }
        self.write_down(out);
    }

    /// Options of endpoints and aors changed, or they came and went.
    pub(super) fn watched_changed(
        &mut self,
        now: Now,
        touched: &super::directory::Touched,
        out: &mut Actions,
    ) {
        for endpoint in &touched.endpoints {
            self.mailboxes_changed(now, endpoint, out);
        }
        self.take_up_waiting(now, out);
        if !self.lamps.is_watched() {
            return;
        }
        for endpoint in &touched.endpoints {
            self.lamps.touch_endpoint(endpoint);
        }
        for aor in &touched.aors {
            self.contacts_touch(aor);
        }
    }

    /// Contacts of an aor came, went, or can be reached or not.
    pub(super) fn contacts_touch(&mut self, aor: &Name) {
        if !self.lamps.is_watched() {
            return;
        }
        for endpoint in self.directory.users(Kind::Aor, aor) {
            self.lamps.touch_endpoint(&endpoint);
        }
    }

    /// Subscriptions whose time is over.
    pub(super) fn lamps_due(&mut self, now: Now, out: &mut Actions) {
        for id in self.lamps.subscriptions.expire(now.at, limits::BATCH * 4) {
            self.end_subscription(now, id, Ended::Timeout, out);
        }
        self.unsolicited_due(now, out);
        self.restored_due(now, out);
        self.batches_due(now, out);
        self.publications_due(now);
    }

    /// A connection is gone, and the subscriptions that came by it.
    pub(super) fn lamps_flow_closed(&mut self, now: Now, flow: FlowId, out: &mut Actions) {
        for number in self.lamps.flows.remove(&flow).unwrap_or_default() {
            self.lose_subscription(now, SlotId::from_number(number), Gone::Closed, out);
        }
    }

    /// The dialplan is another: hints may be gone, or list other devices.
    pub(super) fn hints_changed(&mut self, now: Now, out: &mut Actions) {
        let mut index = std::mem::take(&mut self.lamps.index);
        let mut told = std::mem::take(&mut self.lamps.told);
        let look = |context: &Name, exten: &Name| self.hint_of(now, context, exten);
        let orphans = index.reload(look, self, &mut told);
        self.lamps.index = index;
        self.lamps.told = told;
        // A list is one watcher of many hints.
        for number in orphans.into_iter().collect::<BTreeSet<u64>>() {
            if self.lamps.published.forget_hint(number) {
                continue;
            }
            let id = SlotId::from_number(number);
            let list =
                self.lamps.subscriptions.get(id).is_some_and(|one| matches!(one.watches, Resource::List(_)));
            if list {
                self.remake_list(now, id, out);
                self.lamps.told.insert(number);
            } else {
                self.end_subscription(now, id, Ended::NoResource, out);
            }
        }
        self.publish_hints(now, out);
        self.take_up_waiting(now, out);
    }

    /// A subscription watches something no more.
    fn unwatch(&mut self, now: Now, id: SlotId, endpoint: &Name, watches: &Resource) {
        match watches {
            Resource::Hint(hint) => self.lamps.index.unwatch(*hint, id.number()),
            Resource::Mailboxes { names, .. } => self.stop_listening(now, id, (endpoint, names)),
            Resource::List(list) => {
                for leaf in list.leaves() {
                    self.unwatch(now, id, endpoint, &leaf.watches);
                }
            }
        }
    }

    /// Takes a subscription out, and whatever hangs on it.
    fn forget_subscription(&mut self, now: Now, id: SlotId) -> Option<Subscription> {
        let subscription = self.lamps.subscriptions.remove(id)?;
        self.lamps.answers.remove(&id.number());
        self.stop_gathering(id);
        self.unwatch(now, id, &subscription.endpoint, &subscription.watches);
        self.lamps.moved(id, subscription.way.flow, FlowId::DATAGRAM);
        self.lamps.kept.push(Kept::Forget { id: subscription.stored });
        Some(subscription)
    }
}
