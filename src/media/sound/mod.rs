//! Opened sound on a media thread: legs, rooms and the clock that moves them, a frame every 20 ms. Once something is
//! begun, a frame allocates nothing and takes no lock.
//!
//! ```text
//! every 20 ms:  each leg: jitter buffer ─▶ decode ─▶ heard
//!               each room: sum of what its legs give
//!               each leg: sum less its own, players ─▶ said ─▶ recorders ─▶ encode ─▶ socket
//! ```

mod hearing;
mod leg;
mod orders;
mod player;
mod recorder;
mod saying;

pub(super) use leg::Leg;
pub(super) use player::Played;

use super::worker::Worker;
use crate::base::time::Moment;
use crate::bridge::{MediaEvent, PortId, RoomId, SoundEnd, SoundId};
use crate::codec::{FRAME_MS, MAX_FRAME, add, subtract};
use leg::{News, Sitting};
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
}

/// Legs that hear each other.
#[derive(Debug)]
struct Room {
    /// Samples a second: the most of its members.
    rate: u32,
    /// Slots.
    members: Vec<usize>,
    /// Somebody speaks to one member only, this frame.
    whispers: bool,
    sum: Box<Sum>,
}

/// What all say, and what one of them hears.
#[derive(Debug)]
struct Sum {
    total: [i32; MAX_FRAME],
    own: [i16; MAX_FRAME],
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
        for index in &active {
            self.speak(now, *index, &mut rooms);
        }
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
                News::Talking(on, lasted) => MediaEvent::Talking { port: id, on, lasted },
            };
            outgoing.tell(events, event);
        });
        port.leg = Some(leg);
    }

    fn sum(&mut self, room: &mut Room) {
        let samples = (room.rate / 1000 * FRAME_MS) as usize;
        room.sum.total[..samples].fill(0);
        room.whispers = false;
        for index in &room.members {
            let leg = self.slots.get(*index).and_then(|port| port.leg.as_deref());
            let sitting = leg.and_then(|leg| leg.sitting.as_ref()).filter(|sitting| sitting.speaks);
            room.whispers |= sitting.is_some_and(|sitting| sitting.seat.only_to.is_some());
            if let Some(sitting) = sitting.filter(|sitting| sitting.seat.only_to.is_none()) {
                add(&mut room.sum.total[..samples], &sitting.given[..samples]);
            }
        }
    }

    fn speak(
        &mut self,
        now: Moment,
        index: usize,
        rooms: &mut HashMap<RoomId, Room, foldhash::fast::RandomState>,
    ) {
        let Some(port) = self.slots.get(index) else { return };
        let (id, Some(mut leg)) = (port.id, port.leg.take()) else { return };
        let mut ended = std::mem::take(&mut self.floor.ended);
        let room = leg.sitting.as_ref().and_then(|sitting| rooms.get_mut(&sitting.room));
        let bridged = room.as_ref().is_some_and(|room| room.members.len() > 1);
        let speaks = match room {
            Some(room) => {
                let samples = (room.rate / 1000 * FRAME_MS) as usize;
                let Sum { total, own } = &mut *room.sum;
                let in_total = |sitting: &&Sitting| sitting.speaks && sitting.seat.only_to.is_none();
                match leg.sitting.as_ref().filter(in_total) {
                    Some(sitting) => {
                        subtract(&total[..samples], &sitting.given[..samples], &mut own[..samples]);
                    }
                    None => subtract(&total[..samples], &SILENCE[..samples], &mut own[..samples]),
                }
                if room.whispers {
                    self.add_whispers(id, &room.members, &mut own[..samples]);
                }
                leg.speak(Some(&own[..samples]), &mut ended)
            }
            None => leg.speak(None, &mut ended),
        };
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
        port.leg = Some(leg);
        let events = &port.events;
        for (sound, end) in ended.drain(..) {
            self.outgoing.tell(events, MediaEvent::SoundEnded { port: id, id: sound, end });
        }
        self.floor.ended = ended;
    }
}

impl Worker {
    /// What others of a room say to this port alone.
    fn add_whispers(&mut self, to: PortId, members: &[usize], own: &mut [i16]) {
        for index in members {
            let leg = self.slots.get(*index).and_then(|port| port.leg.as_deref());
            let Some(sitting) = leg.and_then(|leg| leg.sitting.as_ref()) else { continue };
            if sitting.speaks && sitting.seat.only_to == Some(to) {
                own.iter_mut().zip(&sitting.given[..]).for_each(|(out, s)| *out = out.saturating_add(*s));
            }
        }
    }
}

static SILENCE: [i16; MAX_FRAME] = [0; MAX_FRAME];

#[cfg(test)]
mod tests;
