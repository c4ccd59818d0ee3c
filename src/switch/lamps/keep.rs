//! What is written down of lamps, and how a new life of the server goes on with it (`behaviour-pubsub` 3).

use super::PUBSUB;
use super::subscribe::Identity;
use crate::base::ids::{FlowId, TransportId};
use crate::base::limits;
use crate::base::time::Now;
use crate::pubsub::{Kept, SlotId, StoredSubscription};
use crate::sip::flow::Arrival;
use crate::sip::wire::Index;
use crate::switch::Switch;
use crate::switch::inbound::Inbound;
use crate::switch::io::{Action, Actions};
use crate::switch::view::Level;
use std::time::Duration;

/// What a stored subscription lacks.
enum Missing {
    /// Its time is over, or its connection.
    Time,
    /// Its hint, endpoint or transport: it may come, as where a table could not be read at the start.
    Thing,
}

/// NOTIFYs that may have gone out after the last one that was written down: the next one's number is above theirs.
const UNWRITTEN_NOTIFIES: u32 = 1_000;

impl Switch {
    /// Hands out what is to be written down.
    pub(super) fn write_down(&mut self, out: &mut Actions) {
        for kept in self.lamps.kept.drain(..) {
            out.queue.push(Action::Keep(Box::new(kept)));
        }
    }

    /// A subscription was made by this request.
    pub(super) fn keep_subscription(&mut self, _now: Now, id: SlotId, request: &Inbound<'_>) {
        let Some(one) = self.lamps.subscriptions.get(id) else { return };
        let bytes = request.message.bytes();
        if bytes.len() > limits::STORED_SUBSCRIBE_BYTES {
            // It lives until the next restart.
            return;
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned().into_boxed_str();
        let stored = StoredSubscription {
            id: one.stored,
            packet: bytes.into(),
            source: request.arrival.source.to_string().into(),
            transport: self.transport_name(request.arrival.transport),
            local: request.arrival.local.to_string().into(),
            cseq: one.dialog.local_cseq(),
            tag: text(one.dialog.id().key().local_tag),
            endpoint: one.endpoint.clone(),
            expires: one.expires_wall,
            contact: text(one.dialog.target()),
            prune_on_boot: one.way.flow.is_connection(),
            version: one.version,
        };
        self.lamps.kept.push(Kept::Subscription(Box::new(stored)));
    }

    /// A subscription was refreshed or sent a NOTIFY.
    pub(super) fn keep_refresh(&mut self, id: SlotId) {
        let Some(one) = self.lamps.subscriptions.get(id) else { return };
        let kept = Kept::Progress {
            id: one.stored,
            cseq: one.dialog.local_cseq(),
            expires: one.expires_wall,
            contact: String::from_utf8_lossy(one.dialog.target()).into(),
            version: one.version,
        };
        self.lamps.kept.push(kept);
    }

    /// Takes up what the last life of this server wrote down, before the first message. Subscriptions are told of the
    /// present state, some at a time.
    pub fn restore_lamps(&mut self, now: Now, kept: Vec<Kept>, out: &mut Actions) {
        self.now = now;
        let mut stored = Vec::new();
        for one in kept {
            match one {
                Kept::Mailbox { name, counts } => drop(self.lamps.mailboxes.set(&name, counts)),
                Kept::Device { name, state } => drop(self.lamps.custom.insert(name, state)),
                Kept::Presence { name, presence } => drop(self.lamps.presences.insert(name, presence)),
                Kept::Subscription(one) => stored.push(*one),
                Kept::Progress { .. } | Kept::Forget { .. } | Kept::ForgetMailbox { .. } => {}
            }
        }
        let (told, gone) = self.take_up_all(now, stored);
        let waiting = self.lamps.waiting.len();
        if told + gone + waiting > 0 {
            self.ears.log(out, Level::Notice, PUBSUB, || {
                let wait = match waiting {
                    0 => String::new(),
                    n => format!("; {n} wait for their hint, endpoint or transport"),
                };
                format!("{told} subscriptions go on, {gone} are over since the last start{wait}")
            });
        }
        self.write_down(out);
    }

    /// What was missing may be there by now.
    pub(in crate::switch) fn take_up_waiting(&mut self, now: Now, out: &mut Actions) {
        if self.lamps.waiting.is_empty() {
            return;
        }
        let stored = std::mem::take(&mut self.lamps.waiting);
        let (told, _) = self.take_up_all(now, stored);
        if told > 0 {
            let left = self.lamps.waiting.len();
            self.ears.log(out, Level::Notice, PUBSUB, || {
                format!("{told} subscriptions of before the last start go on, {left} wait")
            });
        }
    }

    /// How many go on, and how many are over; the rest waits.
    fn take_up_all(&mut self, now: Now, all: Vec<StoredSubscription>) -> (usize, usize) {
        let mut index = std::mem::take(&mut self.index);
        let (mut told, mut gone) = (0usize, 0usize);
        for stored in all {
            match self.take_up(now, &stored, &mut index) {
                Ok(id) => {
                    let turn = u64::try_from(told / limits::MWI_PER_TURN).unwrap_or(0);
                    let at = now.at + Duration::from_millis(limits::MWI_TURN_MILLIS * turn);
                    self.lamps.restored.push_back((at, id));
                    told += 1;
                }
                Err(Missing::Time) => {
                    self.lamps.kept.push(Kept::Forget { id: stored.id });
                    gone += 1;
                }
                Err(Missing::Thing) => self.lamps.waiting.push(stored),
            }
        }
        self.index = index;
        (told, gone)
    }

    /// Goes on with one subscription.
    fn take_up(
        &mut self,
        now: Now,
        stored: &StoredSubscription,
        index: &mut Index,
    ) -> Result<SlotId, Missing> {
        let left = stored.expires.secs_after(now.wall);
        if stored.prune_on_boot || left == 0 {
            return Err(Missing::Time);
        }
        self.take_up_now(now, stored, left, index).ok_or(Missing::Thing)
    }

    fn take_up_now(
        &mut self,
        now: Now,
        stored: &StoredSubscription,
        left: u64,
        index: &mut Index,
    ) -> Option<SlotId> {
        let bound = self.transport_named(&stored.transport)?;
        let (transport, protocol) = (bound.id, self.protocol_of(bound)?);
        let message = index.scan(&stored.packet).ok()?;
        let envelope = message.envelope().ok()?;
        let endpoint = self.directory.endpoint(&stored.endpoint).cloned()?;
        let arrival = Arrival {
            transport: TransportId(transport.0),
            protocol,
            flow: FlowId::DATAGRAM,
            source: stored.source.parse().ok()?,
            local: stored.local.parse().ok()?,
        };
        let request = Inbound {
            arrival,
            message,
            envelope,
            method: message.method()?,
            from: envelope.from.uri().ok()?,
            force_rport: endpoint.options.force_rport,
            transaction: None,
        };
        let mut asked = self.asked(&message, &endpoint).ok()?;
        asked.secs = u32::try_from(left).unwrap_or(u32::MAX);
        let identity = Identity {
            tag: stored.tag.as_bytes(),
            first_cseq: stored.cseq.saturating_add(UNWRITTEN_NOTIFIES),
            version: stored.version,
            stored: stored.id,
        };
        let id = self.enter_subscription(now, (&request, &endpoint), asked, &identity).ok()?;
        if let Some(one) = self.lamps.subscriptions.get_mut(id) {
            one.dialog.set_target(stored.contact.as_bytes());
        }
        Some(id)
    }

    /// Tells restored subscriptions of the present state, some at a time.
    pub(super) fn restored_due(&mut self, now: Now, out: &mut Actions) {
        while let Some((at, id)) = self.lamps.restored.front().copied() {
            if at > now.at {
                break;
            }
            self.lamps.restored.pop_front();
            self.tell_subscription(now, id, out);
        }
    }
}
