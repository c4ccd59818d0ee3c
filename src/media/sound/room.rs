//! A room: legs that hear each other, what is played to all of them, and what is recorded of them.
//!
//! Members that say nothing hear the same. In a room of three or more that is made once for each rate and, where a
//! coding has no memory, encoded once for each coding.

use super::Leg;
use super::player::{Played, Player};
use super::recorder::Recorder;
use super::saying::Saying;
use crate::bridge::{MediaEvent, PortId, SoundEnd, SoundId};
use crate::codec::{Coding, FRAME_MS, MAX_FRAME, Mix, Resampler};
use crate::media::ear::Ear;

/// Members from which on it is worth while to make once what several hear.
const SHARED_FROM: usize = 3;

/// One room.
#[derive(Debug)]
pub(super) struct Room {
    /// Samples a second: the most of its members.
    pub rate: u32,
    /// Slots.
    pub members: Vec<usize>,
    /// Somebody speaks to one member only, this frame.
    pub whispers: bool,
    pub mix: Box<Mix>,
    /// What one member hears, this frame.
    pub own: Box<[i16; MAX_FRAME]>,
    heard: Vec<Heard>,
    /// With those who are told of their ends.
    players: Vec<(Player, (PortId, Ear))>,
    recorders: Vec<Recorder>,
}

/// What those hear who say nothing, at one rate and in one coding.
#[derive(Debug)]
struct Heard {
    rate: u32,
    resampler: Option<Resampler>,
    samples: Box<[i16; MAX_FRAME]>,
    /// Encodings of one frame, of codings without a memory.
    encoded: Vec<Encoded>,
}

#[derive(Debug)]
struct Encoded {
    coding: Coding,
    bytes: Box<[u8; 2 * MAX_FRAME]>,
    /// 0: not made, this frame.
    length: usize,
}

/// Samples of one frame.
fn frame_of(rate: u32) -> usize {
    (rate / 1000 * FRAME_MS) as usize
}

impl Room {
    pub fn new(rate: u32) -> Room {
        Room {
            rate,
            members: Vec::with_capacity(4),
            whispers: false,
            mix: Box::default(),
            own: Box::new([0; MAX_FRAME]),
            heard: Vec::new(),
            players: Vec::new(),
            recorders: Vec::new(),
        }
    }

    /// Two members and nothing else: what one says, the other hears.
    pub fn is_pair(&self) -> bool {
        self.members.len() == 2 && self.players.is_empty() && self.recorders.is_empty()
    }

    /// Samples of one frame.
    pub fn samples(&self) -> usize {
        frame_of(self.rate)
    }

    /// Prepares for members of these rates and codings.
    pub fn settle(&mut self, rate: u32, members: &[(u32, Option<Coding>)]) {
        self.rate = rate;
        self.heard.clear();
        let many = members.len() >= SHARED_FROM;
        for (own, coding) in members.iter().filter(|_| many) {
            let at = match self.heard.iter().position(|heard| heard.rate == *own) {
                Some(at) => at,
                None => {
                    let resampler = (*own != rate).then(|| Resampler::new(rate, *own));
                    let samples = Box::new([0; MAX_FRAME]);
                    self.heard.push(Heard { rate: *own, resampler, samples, encoded: Vec::new() });
                    self.heard.len() - 1
                }
            };
            let encoded = &mut self.heard[at].encoded;
            if let Some(coding) = coding.filter(|coding| coding.has_no_memory())
                && encoded.iter().all(|encoded| encoded.coding != coding)
            {
                encoded.push(Encoded { coding, bytes: Box::new([0; 2 * MAX_FRAME]), length: 0 });
            }
        }
        self.players.iter_mut().for_each(|(player, _)| player.follow(rate));
        self.recorders.iter_mut().for_each(|recorder| recorder.follow(rate));
    }

    /// What is played to all; what ended is told.
    pub fn play(&mut self, mut tell: impl FnMut(&Ear, MediaEvent)) {
        let samples = self.samples();
        let Room { players, mix, own, .. } = self;
        players.retain_mut(|(player, (port, ear))| {
            let part = &mut own[..samples];
            let played = player.frame(part);
            if played == Played::Waits {
                return true;
            }
            mix.add(part);
            let Played::Over(end) = played else { return true };
            tell(ear, MediaEvent::SoundEnded { port: *port, id: player.id, end });
            false
        });
    }

    /// Everybody has spoken: what is heard by those who said nothing is made, and what is recorded.
    pub fn close(&mut self) {
        self.mix.close();
        let Room { heard, recorders, mix, .. } = self;
        for heard in heard {
            if let Some(resampler) = &mut heard.resampler {
                resampler.process(mix.all(), &mut heard.samples[..]);
            }
            heard.encoded.iter_mut().for_each(|encoded| encoded.length = 0);
        }
        let mut at = 0;
        while let Some(recorder) = recorders.get_mut(at) {
            match recorder.frame(mix.all(), mix.all()) {
                Some(end) => recorders.remove(at).end(end),
                None => at += 1,
            }
        }
    }

    /// What who says nothing hears at that rate, where it is made once for several.
    pub fn heard(&self, rate: u32) -> Option<(&[i16], Option<&Resampler>)> {
        let heard = self.heard.iter().find(|heard| heard.rate == rate)?;
        Some(match &heard.resampler {
            Some(resampler) => (&heard.samples[..frame_of(rate)], Some(resampler)),
            None => (self.mix.all(), None),
        })
    }

    /// The same as bytes of a coding, made when the first one asks.
    pub fn encoded(&mut self, saying: &mut Saying, rate: u32) -> Option<&[u8]> {
        let Room { heard, mix, .. } = self;
        let heard = heard.iter_mut().find(|heard| heard.rate == rate)?;
        let coding = saying.coding();
        let encoded = heard.encoded.iter_mut().find(|encoded| encoded.coding == coding)?;
        if encoded.length == 0 {
            let samples =
                if heard.resampler.is_some() { &heard.samples[..frame_of(rate)] } else { mix.all() };
            encoded.length = saying.encode(samples, &mut encoded.bytes[..]);
        }
        Some(&encoded.bytes[..encoded.length])
    }

    /// Something plays to all from now on.
    pub fn begin_player(&mut self, player: Player, whose: (PortId, Ear)) {
        self.players.push((player, whose));
    }

    /// All is recorded from now on.
    pub fn begin_recorder(&mut self, recorder: Recorder) {
        self.recorders.push(recorder);
    }

    /// How many sounds and recordings it has.
    pub fn hanging(&self) -> usize {
        self.players.len() + self.recorders.len()
    }

    /// Stops one of its sounds or recordings; whether it was one of them.
    pub fn stop(&mut self, id: SoundId, mut tell: impl FnMut(&Ear, MediaEvent)) -> bool {
        if let Some(at) = self.players.iter().position(|(player, _)| player.id == id) {
            let (_, (port, ear)) = self.players.remove(at);
            tell(&ear, MediaEvent::SoundEnded { port, id, end: SoundEnd::Stopped });
            return true;
        }
        let Some(at) = self.recorders.iter().position(|recorder| recorder.id == id) else { return false };
        // Its end is told when the file is complete.
        self.recorders.remove(at).end(SoundEnd::Stopped);
        true
    }

    /// The last member left.
    pub fn end(self, mut tell: impl FnMut(&Ear, MediaEvent)) {
        for (player, (port, ear)) in self.players {
            tell(&ear, MediaEvent::SoundEnded { port, id: player.id, end: SoundEnd::Stopped });
        }
        for recorder in self.recorders {
            recorder.end(SoundEnd::Stopped);
        }
    }
}

/// Whether a leg says nothing in its room and hears nothing else than everybody, this frame.
pub(super) fn only_hears(leg: &Leg) -> bool {
    let Some(sitting) = &leg.sitting else { return false };
    !sitting.speaks && sitting.seat.hears && leg.hears_only_its_room()
}
