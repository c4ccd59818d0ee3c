//! Seats in rooms of the media threads. Half of a Local channel sits with the ports of the phone behind it, and another
//! phone that comes there takes its seat.

use super::channel::ChannelId;
use super::join::{Bridge, BridgeId};
use super::sound::NOT_MADE;
use crate::base::time::Now;
use crate::bridge::{RoomId, Seat, SoundOrder};
use crate::dialplan::Outcome;
use crate::switch::Switch;
use crate::switch::io::Actions;
use crate::switch::view::Level;

/// A channel's seat: in a conference, a holding bridge, a call of three.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seated {
    room: RoomId,
    seat: Seat,
    /// Whose ports sit there; `None`: no phone is behind a Local channel yet.
    phone: Option<ChannelId>,
}

impl Switch {
    /// A channel takes a seat, or another one in the same room.
    pub(super) fn sit(&mut self, id: ChannelId, room: RoomId, seat: Seat, out: &mut Actions) {
        let phone = self.media_of(id);
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        let before = channel.seated.replace(Seated { room, seat, phone });
        let is_local = channel.local.is_some();
        if let Some(left) = before.and_then(|before| before.phone).filter(|left| Some(*left) != phone) {
            self.order_sound(left, SoundOrder::Leave, out);
        }
        if let Some(phone) = phone {
            self.order_sound(phone, SoundOrder::Enter { room, seat }, out);
        }
        if is_local && !self.calls.lent_seats.contains(&id) {
            self.calls.lent_seats.push(id);
        }
    }

    /// A channel leaves its seat.
    pub(super) fn stand_up(&mut self, id: ChannelId, out: &mut Actions) {
        let Some(seated) = self.calls.channels.get_mut(&id).and_then(|channel| channel.seated.take()) else {
            return;
        };
        if let Some(phone) = seated.phone {
            self.order_sound(phone, SoundOrder::Leave, out);
        }
        self.calls.lent_seats.retain(|half| *half != id);
    }

    /// Who is in a bridge changed: another phone may be behind a Local channel that sits somewhere.
    pub(super) fn seats_follow(&mut self, out: &mut Actions) {
        for at in 0..self.calls.lent_seats.len() {
            let Some(id) = self.calls.lent_seats.get(at).copied() else { return };
            let phone = self.media_of(id);
            let seated = self.calls.channels.get(&id).and_then(|channel| channel.seated);
            let Some(seated) = seated.filter(|seated| seated.phone != phone) else { continue };
            self.sit(id, seated.room, seated.seat, out);
        }
    }

    /// A phone whose codec is not made here was to sit in a room or to listen in: its application fails.
    pub(super) fn unseat(&mut self, now: Now, phone: ChannelId, out: &mut Actions) {
        let mut found = vec![phone];
        let behind = |id: &ChannelId| self.media_of(*id) == Some(phone);
        found.extend(self.calls.lent_seats.iter().chain(&self.calls.spies).copied().filter(behind));
        found.dedup();
        for id in found {
            let Some(channel) = self.calls.channels.get(&id) else { continue };
            let (name, attends) = (channel.name.clone(), channel.attending.is_some());
            let (holds, spies) = (channel.held.is_some(), channel.spying.is_some());
            if attends || holds || spies {
                self.ears.log(out, Level::Error, "bridge_softmix.c", || format!("{name}: {NOT_MADE}"));
            }
            if attends {
                self.farewell(now, id, None, "FAILED", out);
            } else if holds {
                self.leave_holding(id, out);
                self.resume(id, Outcome::Done);
            } else if spies {
                self.end_spying(id, out);
            }
        }
    }

    /// Another bridge between whose two sides the same phones talk: both bridges beside a Local channel that stays.
    pub(super) fn same_phones(&self, id: BridgeId, phones: [ChannelId; 2]) -> Option<RoomId> {
        let beside = |(other, bridge): (&BridgeId, &Bridge)| {
            let its = bridge.legs.map(|leg| self.media_of(leg));
            let same = its == phones.map(Some) || its == [Some(phones[1]), Some(phones[0])];
            (*other != id && same).then_some(bridge.room).flatten()
        };
        // Only a Local channel lets the same phones talk in two bridges.
        let local = self.calls.bridges.get(&id)?.legs != phones;
        local.then(|| self.calls.bridges.iter().find_map(|(id, bridge)| beside((id, bridge))))?
    }

    /// Takes the phones of a bridge out of its room, unless the bridge on the other side of a Local channel has them
    /// there, too.
    pub(super) fn leave_shared_room(&mut self, room: RoomId, legs: [ChannelId; 2], out: &mut Actions) {
        if self.calls.bridges.values().any(|bridge| bridge.room == Some(room)) {
            return;
        }
        for leg in legs {
            self.order_sound(self.media_of(leg).unwrap_or(leg), SoundOrder::Leave, out);
        }
    }
}
