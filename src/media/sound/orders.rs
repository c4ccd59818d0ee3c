//! Orders about opened sound: entering rooms, players, recorders, listening.

use super::player::Player;
use super::recorder::Recorder;
use super::{FRAME, Leg, Room};
use crate::base::limits;
use crate::base::time::Moment;
use crate::bridge::{MediaEvent, RoomId, Seat, SoundEnd, SoundId, SoundOrder, SoundSource};
use crate::codec::{Gain, MAX_FRAME, MAX_RATE};
use crate::media::worker::Worker;

impl Worker {
    /// Carries out an order about a port's sound.
    pub(in crate::media) fn sound(&mut self, now: Moment, index: usize, order: SoundOrder) {
        match order {
            SoundOrder::Enter { room, seat } => {
                self.unjoin(index);
                self.leave_room(index);
                self.open_leg(now, index);
                self.enter_room(index, room, seat);
            }
            SoundOrder::Leave => self.leave_room(index),
            SoundOrder::Play { id, source, over } => {
                self.open_leg(now, index);
                self.begin_player(index, id, source, over);
            }
            SoundOrder::Record { id, record } => {
                self.open_leg(now, index);
                self.begin_recorder(now, index, id, record);
            }
            SoundOrder::Smooth(rules) => {
                if let Some(port) = self.slots.get(index) {
                    port.jitter = rules;
                    if let Some(leg) = &mut port.leg {
                        leg.smooth(rules);
                    }
                }
            }
            SoundOrder::Stop { id } => self.stop_sound(index, id),
            SoundOrder::Listen(listening) => {
                self.open_leg(now, index);
                if let Some(leg) = self.leg(index) {
                    leg.listening = listening;
                }
            }
            SoundOrder::Volume { heard, said } => {
                self.open_leg(now, index);
                if let Some(leg) = self.leg(index) {
                    leg.gains = (Gain::of_steps(heard), Gain::of_steps(said));
                }
            }
        }
        self.drop_idle();
        self.set_sound_gate(index);
    }

    fn leg(&mut self, index: usize) -> Option<&mut Leg> {
        self.slots.get(index)?.leg.as_deref_mut()
    }

    /// Makes a leg where there is none, and starts the clock.
    fn open_leg(&mut self, now: Moment, index: usize) {
        let Some(port) = self.slots.get(index) else { return };
        if port.leg.is_none() {
            let coding = port.aim.as_ref().and_then(|aim| aim.coding.as_ref());
            port.leg = Some(Box::new(Leg::new(coding, port.jitter)));
            self.floor.active.push(index);
        }
        self.floor.next_frame.get_or_insert(now + super::FRAME);
    }

    /// A port came from another thread, with its leg.
    pub(in crate::media) fn adopt_leg(&mut self, now: Moment, index: usize) {
        if self.leg(index).is_some() {
            self.floor.active.push(index);
            self.floor.next_frame.get_or_insert(now + FRAME);
        }
    }

    /// A port is leaving this thread, or closing.
    pub(in crate::media) fn forget_leg(&mut self, index: usize) {
        self.leave_room(index);
        self.floor.active.retain(|active| *active != index);
    }

    /// Another coding was agreed.
    pub(in crate::media) fn recode(&mut self, index: usize) {
        let Some(port) = self.slots.get(index) else { return };
        let Some(mut leg) = port.leg.take() else { return };
        let coding = port.aim.as_ref().and_then(|aim| aim.coding.clone());
        leg.recode(coding.as_ref());
        let sitting = leg.sitting.as_ref().map(|sitting| (sitting.room, sitting.seat));
        port.leg = Some(leg);
        if let Some((room, seat)) = sitting {
            self.leave_room(index);
            self.enter_room(index, room, seat);
        }
        self.set_sound_gate(index);
    }

    fn enter_room(&mut self, index: usize, id: RoomId, seat: Seat) {
        let Some(leg) = self.slots.get(index).and_then(|port| port.leg.as_deref_mut()) else { return };
        let rate = leg.rate;
        leg.sit(id, seat, rate);
        let room = self.floor.rooms.entry(id).or_insert_with(|| Room {
            rate,
            members: Vec::with_capacity(4),
            whispers: false,
            sum: Box::new(super::Sum { total: [0; MAX_FRAME], own: [0; MAX_FRAME] }),
        });
        room.members.push(index);
        self.settle_rate(id);
    }

    fn leave_room(&mut self, index: usize) {
        let Some(sitting) = self.leg(index).and_then(|leg| leg.sitting.take()) else { return };
        let Some(room) = self.floor.rooms.get_mut(&sitting.room) else { return };
        room.members.retain(|member| *member != index);
        if room.members.is_empty() {
            self.floor.rooms.remove(&sitting.room);
        } else {
            self.settle_rate(sitting.room);
        }
    }

    /// A room has the rate of its best member, of those whose coding does not leave them the choice. Seats are taken anew
    /// where it changed.
    fn settle_rate(&mut self, id: RoomId) {
        let Some(room) = self.floor.rooms.get_mut(&id) else { return };
        let members = std::mem::take(&mut room.members);
        let own = members.iter().filter_map(|index| self.slots.get(*index)?.leg.as_ref()?.own_rate());
        let wanted = own.max().unwrap_or(MAX_RATE);
        let mut rate = 8_000;
        let mut fitted = false;
        for index in &members {
            let Some(leg) = self.leg(*index) else { continue };
            let before = leg.rate;
            leg.fit(wanted);
            fitted |= leg.rate != before;
            rate = leg.rate.max(rate);
        }
        let Some(room) = self.floor.rooms.get_mut(&id) else { return };
        let changed = fitted || room.rate != rate;
        room.rate = rate;
        for index in &members {
            let Some(leg) = self.slots.get(*index).and_then(|port| port.leg.as_deref_mut()) else { continue };
            if (changed || leg.rate != rate)
                && let Some(sitting) = &leg.sitting
            {
                let seat = sitting.seat;
                leg.sit(id, seat, rate);
            }
        }
        if let Some(room) = self.floor.rooms.get_mut(&id) {
            room.members = members;
        }
    }

    fn begin_player(&mut self, index: usize, id: SoundId, source: SoundSource, over: crate::bridge::Over) {
        let files = self.files.clone();
        let Some(port) = self.slots.get(index) else { return };
        let Some(leg) = port.leg.as_deref_mut() else { return };
        let player = match (leg.players.len() < limits::PLAYERS_PER_PORT, source) {
            (false, _) => Err("too many sounds play at once".to_owned()),
            (true, SoundSource::Files(order)) => {
                files.read(*order, leg.rate).map(|reading| Player::of_files(id, over, reading, leg.rate))
            }
            (true, source) => {
                Player::new(id, over, &source, leg.rate).ok_or_else(|| "nothing to play".to_owned())
            }
        };
        match player {
            Ok(player) => leg.players.push(player),
            Err(why) => {
                let event = MediaEvent::SoundEnded { port: port.id, id, end: SoundEnd::Failed(why) };
                self.outgoing.tell(&port.events, event);
            }
        }
    }

    fn begin_recorder(&mut self, now: Moment, index: usize, id: SoundId, record: Box<crate::bridge::Record>) {
        let files = self.files.clone();
        let Some(port) = self.slots.get(index) else { return };
        let Some(leg) = port.leg.as_deref_mut() else { return };
        let full = leg.recorders.len() >= limits::RECORDERS_PER_PORT;
        let writing = match full {
            true => Err("too many recordings of one channel".to_owned()),
            false => files.write(&record, leg.rate, (port.id, id, port.events.clone())),
        };
        match writing {
            Ok(writing) => leg.recorders.push(Recorder::new(now, id, record, writing, leg.rate)),
            Err(why) => {
                let event = MediaEvent::SoundEnded { port: port.id, id, end: SoundEnd::Failed(why) };
                self.outgoing.tell(&port.events, event);
            }
        }
    }

    fn stop_sound(&mut self, index: usize, id: SoundId) {
        let Some(port) = self.slots.get(index) else { return };
        let Some(leg) = port.leg.as_deref_mut() else { return };
        if let Some(at) = leg.players.iter().position(|player| player.id == id) {
            leg.players.remove(at);
            let event = MediaEvent::SoundEnded { port: port.id, id, end: SoundEnd::Stopped };
            self.outgoing.tell(&port.events, event);
        } else if let Some(at) = leg.recorders.iter().position(|recorder| recorder.id == id) {
            // Its end is told when the file is complete.
            leg.recorders.remove(at).end(SoundEnd::Stopped);
        }
    }

    /// Takes legs away on which nothing hangs any more.
    pub(super) fn drop_idle(&mut self) {
        let mut at = 0;
        while let Some(index) = self.floor.active.get(at).copied() {
            let idle = self.leg(index).is_none_or(|leg| leg.is_idle());
            if idle {
                self.floor.active.swap_remove(at);
                if let Some(port) = self.slots.get(index) {
                    port.leg = None;
                    port.out.forget_speaker();
                }
            } else {
                at += 1;
            }
            self.set_sound_gate(index);
        }
        if self.floor.active.is_empty() {
            self.floor.next_frame = None;
        }
    }

    /// Tells the packets' path what the leg wants of it.
    fn set_sound_gate(&mut self, index: usize) {
        if let Some(port) = self.slots.get(index) {
            let leg = port.leg.as_deref();
            let (listens, speaks) = (leg.is_some_and(Leg::listens), leg.is_some_and(Leg::speaks));
            if port.gate.listens != listens || port.leg_speaks != speaks {
                port.gate.listens = listens;
                port.leg_speaks = speaks;
                port.set_gate();
            }
        }
    }
}
