//! Opened sound on a media thread: legs, rooms and the clock that moves them, a frame every 20 ms. Once something is
//! begun, a frame allocates nothing and takes no lock.
//!
//! ```text
//! every 20 ms:  each leg: jitter buffer ─▶ decode ─▶ heard
//!               each room: sum of what its legs give, its players ─▶ its recorders
//!               each leg: sum less its own, players ─▶ said ─▶ recorders ─▶ encode ─▶ socket
//!               each spying leg: heard and said of its target ─▶ said ─▶ encode ─▶ socket
//! ```

mod hearing;
mod leg;
mod orders;
mod player;
mod recorder;
mod room;
mod saying;
mod tap;

pub(super) use leg::Leg;
pub(super) use player::Played;

use super::worker::Worker;
use crate::base::time::Moment;
use crate::bridge::{MediaEvent, PortId, RoomId, SoundEnd, SoundId};
use crate::codec::{FRAME_MS, MAX_FRAME};
use leg::{News, Said};
use room::Room;
use saying::ByPort;
use std::collections::HashMap;
use std::time::Duration;

/// A thread that was late makes up for it, so that nothing said and nothing recorded is missing; but what is too slow for
/// good shall not be ever later: what is older than this is left out.
const MOST_LATE: Duration = Duration::from_millis(500);
/// Frames made up before sockets are looked at again.
const AT_ONCE: u32 = 5;
const FRAME: Duration = Duration::from_millis(FRAME_MS as u64);

/// All opened sound of one thread.
#[derive(Debug, Default)]
pub(super) struct Floor {
    rooms: HashMap<RoomId, Room, foldhash::fast::RandomState>,
    /// Slots of ports with a leg.
    active: Vec<usize>,
    /// When the next frame is due; `None` while there is no leg.
    pub next_frame: Option<Moment>,
    ended: Vec<(SoundId, SoundEnd)>,
    /// Slots of ports that spy on others.
    taps: Vec<usize>,
    spare: Box<tap::Buffers>,
}

impl Worker {
    /// Runs the frames that are due.
    pub(super) fn frames(&mut self, now: Moment) {
        for _ in 0..AT_ONCE {
            let Some(due) = self.floor.next_frame.filter(|due| *due <= now) else { return };
            let due = if now.since(due) > MOST_LATE { now } else { due };
            self.frame(now);
            self.floor.next_frame = (!self.floor.active.is_empty()).then(|| due + FRAME);
        }
    }

    fn frame(&mut self, now: Moment) {
        let active = std::mem::take(&mut self.floor.active);
        for index in &active {
            self.listen(now, *index);
        }
        let mut rooms = std::mem::take(&mut self.floor.rooms);
        for room in rooms.values_mut() {
            self.sum(room);
        }
        // Spies come last: they hear what was said to others.
        for index in &active {
            if !self.floor.taps.contains(index) {
                self.speak(now, *index, &mut rooms);
            }
        }
        let taps = std::mem::take(&mut self.floor.taps);
        for index in &taps {
            self.speak(now, *index, &mut rooms);
        }
        self.floor.taps = taps;
        self.floor.rooms = rooms;
        self.floor.active = active;
        self.drop_idle();
    }

    fn listen(&mut self, now: Moment, index: usize) {
        let Some(port) = self.slots.get(index) else { return };
        let Some(mut leg) = port.leg.take() else { return };
        let id = port.id;
        let (events, outgoing) = (&port.events, &mut self.outgoing);
        leg.listen(now, |news| {
            let event = match news {
                News::Digit(event) => MediaEvent::Digit { port: id, event },
                News::FaxTone => MediaEvent::FaxTone { port: id },
                News::Talking(on, lasted) => MediaEvent::Talking { port: id, on, lasted },
            };
            outgoing.tell(events, event);
        });
        port.leg = Some(leg);
    }

    fn sum(&mut self, room: &mut Room) {
        if room.is_pair() {
            // Each of two hears the other: there is nothing to sum.
            return;
        }
        let samples = room.samples();
        room.mix.begin(samples);
        room.whispers = false;
        for index in &room.members {
            let leg = self.slots.get(*index).and_then(|port| port.leg.as_deref());
            let Some(leg) = leg.filter(|leg| leg.sitting.as_ref().is_some_and(|sitting| sitting.speaks))
            else {
                continue;
            };
            match leg.is_in_sum() {
                true => room.mix.add(&leg.given()[..samples]),
                false => room.whispers = true,
            }
        }
        let outgoing = &mut self.outgoing;
        room.play(|ear, event| outgoing.tell(ear, event));
        room.close();
    }

    fn speak(
        &mut self,
        now: Moment,
        index: usize,
        rooms: &mut HashMap<RoomId, Room, foldhash::fast::RandomState>,
    ) {
        let Some(port) = self.slots.get(index) else { return };
        let (id, Some(mut leg)) = (port.id, port.leg.take()) else { return };
        let mut room = leg.sitting.as_ref().and_then(|sitting| rooms.get_mut(&sitting.room));
        let heard_all = room.as_deref_mut().is_some_and(|room| self.hear_all(now, index, room, &mut leg));
        if !heard_all {
            self.speak_alone(now, (index, id), room, &mut leg);
        }
        if let Some(port) = self.slots.get(index) {
            port.leg = Some(leg);
        }
    }

    /// Gives a leg what several hear, where it is one of them. Whether it is.
    fn hear_all(&mut self, now: Moment, index: usize, room: &mut Room, leg: &mut Leg) -> bool {
        if room.whispers || !room::only_hears(leg) {
            return false;
        }
        let Some((samples, resampler)) = room.heard(leg.rate) else { return false };
        leg.hear_all(samples, resampler);
        let frame = leg.frame_samples();
        let (Some(port), Some(saying)) = (self.slots.get(index), &mut leg.saying) else { return true };
        let mut way = ByPort(port, &mut self.buffer[..]);
        match saying.takes_whole_frames(frame).then(|| room.encoded(saying, leg.rate)).flatten() {
            Some(bytes) => saying.send_encoded(now, bytes, &mut way),
            None => saying.frame(now, &leg.said[..frame], &mut way),
        }
        true
    }

    /// What is said to this leg and no other.
    fn speak_alone(
        &mut self,
        now: Moment,
        (index, id): (usize, PortId),
        room: Option<&mut Room>,
        leg: &mut Leg,
    ) {
        let mut ended = std::mem::take(&mut self.floor.ended);
        let bridged = room.as_ref().is_some_and(|room| room.members.len() > 1);
        let mut speaks = match room {
            _ if leg.tap.is_some() => {
                self.hear_tap(leg);
                leg.speak(Said::Written, &mut ended)
            }
            Some(room) if room.is_pair() => {
                let samples = room.samples();
                let other = room.members.iter().copied().find(|member| *member != index);
                let other = other.and_then(|other| self.slots.get(other)?.leg.as_deref());
                match other.filter(|other| other.is_heard_by(id)) {
                    Some(other) => leg.speak(Said::Room(&other.given()[..samples]), &mut ended),
                    None => leg.speak(Said::Room(&SILENCE[..samples]), &mut ended),
                }
            }
            Some(room) => {
                let samples = room.samples();
                let own = &mut room.own[..samples];
                match leg.is_in_sum() {
                    true => room.mix.others(&leg.given()[..samples], own),
                    false => own.copy_from_slice(room.mix.all()),
                }
                if room.whispers {
                    self.add_whispers(id, &room.members, own);
                }
                leg.speak(Said::Room(own), &mut ended)
            }
            None => leg.speak(Said::Nothing, &mut ended),
        };
        if leg.keep_plain() {
            speaks |= self.add_taps(id, leg);
        }
        leg.record(now, bridged);
        let Some(port) = self.slots.get(index) else { return };
        let frame = leg.frame_samples();
        if let Some(saying) = &mut leg.saying {
            match speaks {
                true => {
                    saying.frame(now, &leg.said[..frame], &mut ByPort(&mut *port, &mut self.buffer[..]));
                }
                false => saying.pause(),
            }
        }
        let events = &port.events;
        for (sound, end) in ended.drain(..) {
            self.outgoing.tell(events, MediaEvent::SoundEnded { port: id, id: sound, end });
        }
        self.floor.ended = ended;
    }
}

/// A frame of nothing.
static SILENCE: [i16; MAX_FRAME] = [0; MAX_FRAME];

impl Worker {
    /// What others of a room say to this port alone.
    fn add_whispers(&mut self, to: PortId, members: &[usize], own: &mut [i16]) {
        for index in members {
            let leg = self.slots.get(*index).and_then(|port| port.leg.as_deref());
            let Some(leg) = leg.filter(|leg| !leg.is_in_sum() && leg.is_heard_by(to)) else { continue };
            own.iter_mut().zip(&leg.given()[..]).for_each(|(out, s)| *out = out.saturating_add(*s));
        }
    }
}

#[cfg(test)]
mod tests;
