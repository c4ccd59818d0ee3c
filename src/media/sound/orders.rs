//! Orders about opened sound: entering rooms, players, recorders, listening.

use super::player::Player;
use super::recorder::Recorder;
use super::room::Room;
use super::{FRAME, Leg};
use crate::base::limits;
use crate::base::time::Moment;
use crate::bridge::{MediaEvent, Over, RoomId, Seat, SoundEnd, SoundId, SoundOrder, SoundSource};
use crate::codec::{AutoGain, Coding, MAX_RATE};
use crate::media::worker::Worker;

impl Worker {
    /// Carries out an order about a port's sound.
    pub(in crate::media) fn sound(&mut self, now: Moment, index: usize, order: SoundOrder) {
        match order {
            SoundOrder::Enter { room, seat } => {
                self.unjoin(index);
                let sitting = self.leg(index).and_then(|leg| leg.sitting.as_mut());
                if let Some(sitting) = sitting.filter(|sitting| sitting.room == room) {
                    // Another seat in the same room: what belongs to the room goes on.
                    sitting.seat = seat;
                    return;
                }
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
            SoundOrder::PlayRoom { id, source } => self.play_room(index, id, source),
            SoundOrder::RecordRoom { id, record } => self.record_room(now, index, id, record),
            SoundOrder::Spy(spy) => {
                self.open_leg(now, index);
                self.spy(now, index, spy);
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
                    leg.gains = (heard, said);
                }
            }
            SoundOrder::Level { heard, said } => {
                self.open_leg(now, index);
                if let Some(leg) = self.leg(index) {
                    leg.levels = (heard.map(AutoGain::to), said.map(AutoGain::to));
                }
            }
            SoundOrder::Remove { path, place } => self.files.remove(path, place),
        }
        self.drop_idle();
        self.set_sound_gate(index);
    }

    fn leg(&mut self, index: usize) -> Option<&mut Leg> {
        self.slots.get(index)?.leg.as_deref_mut()
    }

    /// Makes a leg where there is none, and starts the clock.
    pub(super) fn open_leg(&mut self, now: Moment, index: usize) {
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
        if let Some(leg) = self.leg(index) {
            // Those who spied on it may have stayed behind, or come after it.
            leg.set_tapped(None);
            self.floor.active.push(index);
            self.floor.next_frame.get_or_insert(now + FRAME);
        }
        if !self.floor.taps.is_empty() || self.leg(index).is_some_and(|leg| leg.tap.is_some()) {
            self.settle_taps(now);
        }
    }

    /// A port is leaving this thread, or closing.
    pub(in crate::media) fn forget_leg(&mut self, index: usize) {
        self.leave_room(index);
        self.floor.active.retain(|active| *active != index);
        if self.floor.taps.contains(&index) {
            // Whom it spied on is not opened for it any more.
            let now = self.now();
            self.settle_taps(now);
        }
    }

    /// Another coding was agreed.
    pub(in crate::media) fn recode(&mut self, index: usize) {
        let Some(port) = self.slots.get(index) else { return };
        let Some(mut leg) = port.leg.take() else { return };
        let coding = port.aim.as_ref().and_then(|aim| aim.coding.clone());
        leg.recode(coding.as_ref());
        let room = leg.sitting.as_ref().map(|sitting| sitting.room);
        port.leg = Some(leg);
        if let Some(room) = room {
            self.settle_rate(room);
        }
        self.set_sound_gate(index);
    }

    fn enter_room(&mut self, index: usize, id: RoomId, seat: Seat) {
        let Some(leg) = self.slots.get(index).and_then(|port| port.leg.as_deref_mut()) else { return };
        let rate = leg.rate;
        leg.sit(id, seat, rate);
        let room = self.floor.rooms.entry(id).or_insert_with(|| Room::new(rate));
        room.members.push(index);
        self.settle_rate(id);
    }

    fn leave_room(&mut self, index: usize) {
        let Some(sitting) = self.leg(index).and_then(|leg| leg.sitting.take()) else { return };
        let Some(room) = self.floor.rooms.get_mut(&sitting.room) else { return };
        room.members.retain(|member| *member != index);
        if !room.members.is_empty() {
            return self.settle_rate(sitting.room);
        }
        let outgoing = &mut self.outgoing;
        if let Some(room) = self.floor.rooms.remove(&sitting.room) {
            room.end(|ear, event| outgoing.tell(ear, event));
        }
    }

    /// A room has the rate of its best member, of those whose coding does not leave them the choice. Seats are taken anew
    /// where it changed.
    fn settle_rate(&mut self, id: RoomId) {
        let Some(room) = self.floor.rooms.get_mut(&id) else { return };
        let indexes = std::mem::take(&mut room.members);
        let own = indexes.iter().filter_map(|index| self.slots.get(*index)?.leg.as_ref()?.own_rate());
        let wanted = own.max().unwrap_or(MAX_RATE);
        let mut rate = 8_000;
        let mut members: Vec<(u32, Option<Coding>)> = Vec::with_capacity(indexes.len());
        for index in &indexes {
            let Some(leg) = self.leg(*index) else { continue };
            leg.fit(wanted);
            rate = leg.rate.max(rate);
            members.push((leg.rate, leg.saying.as_ref().map(|saying| saying.coding())));
        }
        for index in &indexes {
            let Some(leg) = self.leg(*index) else { continue };
            let own = leg.rate;
            if let Some(sitting) = leg.sitting.as_ref().filter(|sitting| sitting.rates != (own, rate)) {
                let seat = sitting.seat;
                leg.sit(id, seat, rate);
            }
        }
        if let Some(room) = self.floor.rooms.get_mut(&id) {
            room.members = indexes;
            room.settle(rate, &members);
        }
    }

    /// The room that a port is in, and who is told about what belongs to it.
    fn room_of(
        &mut self,
        index: usize,
    ) -> Option<(&mut Room, (crate::bridge::PortId, crate::media::ear::Ear))> {
        let port = self.slots.get(index)?;
        let room = port.leg.as_deref()?.sitting.as_ref()?.room;
        let whose = (port.id, port.events.clone());
        Some((self.floor.rooms.get_mut(&room)?, whose))
    }

    fn play_room(&mut self, index: usize, id: SoundId, source: SoundSource) {
        let files = self.files.clone();
        let Some((room, whose)) = self.room_of(index) else {
            return self.sound_failed(index, id, NO_ROOM.into());
        };
        let rate = room.rate;
        let player = match (room.hanging() < limits::PLAYERS_PER_PORT, source) {
            (false, _) => Err("too many sounds play at once".to_owned()),
            (true, SoundSource::Files(order)) => {
                files.read(*order, rate).map(|reading| Player::of_files(id, Over::Mixed, reading, rate))
            }
            (true, source) => {
                Player::new(id, Over::Mixed, &source, rate).ok_or_else(|| "nothing to play".to_owned())
            }
        };
        match player {
            Ok(player) => room.begin_player(player, whose),
            Err(why) => self.sound_failed(index, id, why),
        }
    }

    fn record_room(
        &mut self,
        now: Moment,
        index: usize,
        id: SoundId,
        mut record: Box<crate::bridge::Record>,
    ) {
        let files = self.files.clone();
        let Some((room, whose)) = self.room_of(index) else {
            return self.sound_failed(index, id, NO_ROOM.into());
        };
        let rate = room.rate;
        record.sides = crate::bridge::Sides::Heard;
        let writing = match room.hanging() >= limits::PLAYERS_PER_PORT {
            true => Err("too many recordings of one room".to_owned()),
            false => files.write(&record, rate, (whose.0, id, whose.1.clone())),
        };
        match writing {
            Ok(writing) => room.begin_recorder(Recorder::new(now, id, record, writing, rate)),
            Err(why) => self.sound_failed(index, id, why),
        }
    }

    fn sound_failed(&mut self, index: usize, id: SoundId, why: String) {
        let Some(port) = self.slots.get(index) else { return };
        let event = MediaEvent::SoundEnded { port: port.id, id, end: SoundEnd::Failed(why) };
        self.outgoing.tell(&port.events, event);
    }

    fn begin_player(&mut self, index: usize, id: SoundId, source: SoundSource, over: Over) {
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
            Err(why) => self.sound_failed(index, id, why),
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
            Err(why) => self.sound_failed(index, id, why),
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
        } else if let Some(sitting) = &leg.sitting
            && let Some(room) = self.floor.rooms.get_mut(&sitting.room)
        {
            let outgoing = &mut self.outgoing;
            room.stop(id, |ear, event| outgoing.tell(ear, event));
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
    pub(super) fn set_sound_gate(&mut self, index: usize) {
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

const NO_ROOM: &str = "the channel is in no room";
