//! One leg whose sound is opened up: what is heard from it, what is said to it, and all that hangs on it.

mod detect;
mod recode;

use super::hearing::Hearing;
use super::player::{Played, Player};
use super::recorder::{BEEP_MS, Recorder};
use super::saying::Saying;
use super::tap::Tap;
use crate::base::time::Moment;
use crate::bridge::{Listening, Over, PortId, RoomId, Seat, SoundEnd, SoundId, StreamCoding};
use crate::codec::{
    AutoGain, FRAME_MS, FaxToneDetector, Gain, MAX_FRAME, Resampler, ToneDetector, ToneGenerator, ToneList,
};
use crate::rtp::{DtmfEvent, Header, JitterRules};
use std::time::Duration;

/// A place in a room.
#[derive(Debug)]
pub(super) struct Sitting {
    pub room: RoomId,
    pub seat: Seat,
    /// Its own sound at the room's rate, where that is another one.
    given: Box<[i16; MAX_FRAME]>,
    /// Whether its sound is more than silence, this frame.
    pub speaks: bool,
    /// To the room's rate and back, where they differ.
    up: Option<Resampler>,
    down: Option<Resampler>,
    /// Samples a second of the leg and the room.
    pub rates: (u32, u32),
}

/// One leg.
#[derive(Debug)]
pub(in crate::media) struct Leg {
    /// Samples a second of all its sound.
    pub rate: u32,
    frame: usize,
    coding: Option<StreamCoding>,
    rules: JitterRules,
    pub(super) hearing: Option<Hearing>,
    pub(super) saying: Option<Saying>,
    pub heard: Box<[i16; MAX_FRAME]>,
    pub said: Box<[i16; MAX_FRAME]>,
    /// Whether `heard` is more than silence because nothing comes.
    pub heard_any: bool,
    pub(super) sitting: Option<Sitting>,
    pub(super) players: Vec<Player>,
    pub(super) recorders: Vec<Recorder>,
    pub listening: Listening,
    pub gains: (Gain, Gain),
    /// What comes and what goes is brought to a level.
    pub levels: (Option<AutoGain>, Option<AutoGain>),
    detector: ToneDetector,
    fax_detector: FaxToneDetector,
    to_detector: Option<Resampler>,
    pressed: Option<Duration>,
    talking: bool,
    talk_lasted: Duration,
    quiet: Duration,
    beep: Option<ToneGenerator>,
    scratch: Box<[i16; MAX_FRAME]>,
    /// It spies on another one.
    pub(super) tap: Option<Box<Tap>>,
    /// It is spied on: what is said to it, without what spies whisper.
    plain: Option<Box<[i16; MAX_FRAME]>>,
    /// A spy may whisper to it.
    whispered: bool,
}

/// Where it comes from what is said to a leg.
#[derive(Clone, Copy, Debug)]
pub(super) enum Said<'a> {
    /// Nobody says anything.
    Nothing,
    /// Its room, at the room's rate.
    Room(&'a [i16]),
    /// It is in `said` already.
    Written,
}

/// What a leg has to tell of a frame.
#[derive(Debug, PartialEq)]
pub(super) enum News {
    /// A digit as tones.
    Digit(DtmfEvent),
    /// A calling fax machine.
    FaxTone,
    /// Talking began or ended; how long the other state lasted.
    Talking(bool, Duration),
}

impl Leg {
    /// A leg before anything hangs on it. Without a coding it neither hears nor speaks, but keeps time.
    pub fn new(coding: Option<&StreamCoding>, rules: JitterRules) -> Leg {
        let rate = coding.map_or(8_000, |coding| coding.send.sample_rate());
        Leg {
            coding: coding.cloned(),
            rules,
            rate,
            frame: (rate / 1000 * FRAME_MS) as usize,
            hearing: coding.map(|coding| Hearing::new(coding, rate, rules)),
            saying: coding.map(Saying::new),
            heard: Box::new([0; MAX_FRAME]),
            said: Box::new([0; MAX_FRAME]),
            heard_any: false,
            sitting: None,
            players: Vec::new(),
            recorders: Vec::new(),
            listening: Listening::default(),
            gains: (Gain::UNITY, Gain::UNITY),
            levels: (None, None),
            detector: ToneDetector::default(),
            fax_detector: FaxToneDetector::default(),
            to_detector: (rate != 8_000).then(|| Resampler::new(rate, 8_000)),
            pressed: None,
            talking: false,
            talk_lasted: Duration::ZERO,
            quiet: Duration::ZERO,
            beep: None,
            scratch: Box::new([0; MAX_FRAME]),
            tap: None,
            plain: None,
            whispered: false,
        }
    }

    /// A packet came from the phone.
    pub fn packet(&mut self, now: Moment, header: Header, payload: &[u8]) {
        if let Some(hearing) = &mut self.hearing {
            hearing.packet(now, header, payload);
        }
    }

    /// Samples of one frame.
    pub fn frame_samples(&self) -> usize {
        self.frame
    }

    /// Takes a seat in a room of that rate.
    pub fn sit(&mut self, room: RoomId, seat: Seat, rate: u32) {
        let other = rate != self.rate;
        self.sitting = Some(Sitting {
            room,
            seat,
            given: Box::new([0; MAX_FRAME]),
            speaks: false,
            up: other.then(|| Resampler::new(self.rate, rate)),
            down: other.then(|| Resampler::new(rate, self.rate)),
            rates: (self.rate, rate),
        });
    }

    /// What it says in its room, at the room's rate, this frame.
    pub fn given(&self) -> &[i16; MAX_FRAME] {
        match self.sitting.as_ref().filter(|sitting| sitting.up.is_some()) {
            Some(sitting) => &sitting.given,
            None => &self.heard,
        }
    }

    /// Whether everybody in its room hears it, this frame.
    pub fn is_in_sum(&self) -> bool {
        self.sitting.as_ref().is_some_and(|sitting| sitting.speaks && sitting.seat.only_to.is_none())
    }

    /// Whether that member of its room hears it, this frame.
    pub fn is_heard_by(&self, port: PortId) -> bool {
        let only_to = |sitting: &Sitting| sitting.seat.only_to.is_none_or(|to| to == port);
        self.sitting.as_ref().is_some_and(|sitting| sitting.speaks && only_to(sitting))
    }

    /// Whether anything needs this leg.
    pub fn is_idle(&self) -> bool {
        self.sitting.is_none()
            && self.players.is_empty()
            && self.recorders.is_empty()
            && self.listening == Listening::default()
            && self.gains == (Gain::UNITY, Gain::UNITY)
            && self.levels == (None, None)
            && self.tap.is_none()
            && self.plain.is_none()
    }

    /// Whether what comes from the phone matters.
    pub fn listens(&self) -> bool {
        self.sitting.is_some()
            || !self.recorders.is_empty()
            || self.listening != Listening::default()
            || self.tap.is_some()
            || self.plain.is_some()
    }

    /// Whether it speaks to the phone in place of a join.
    pub fn speaks(&self) -> bool {
        self.sitting.is_some() || !self.players.is_empty() || self.tap.is_some() || self.whispered
    }

    /// It is spied on, by one that may whisper or not; `None`: by nobody any more.
    pub fn set_tapped(&mut self, tapped: Option<bool>) {
        match tapped {
            None => (self.plain, self.whispered) = (None, false),
            Some(whispered) => {
                self.plain.get_or_insert_with(|| Box::new([0; MAX_FRAME]));
                self.whispered |= whispered;
            }
        }
    }

    /// Keeps what is said for spies, before they whisper. Whether there are any.
    pub fn keep_plain(&mut self) -> bool {
        let frame = self.frame;
        let Some(plain) = &mut self.plain else { return false };
        plain[..frame].copy_from_slice(&self.said[..frame]);
        true
    }

    /// What is said to it, without whispers.
    pub fn unwhispered(&self) -> &[i16; MAX_FRAME] {
        self.plain.as_deref().unwrap_or(&self.said)
    }

    /// Whether nothing is added to what its room says, and nobody else wants to know that.
    pub fn hears_only_its_room(&self) -> bool {
        self.players.is_empty()
            && self.recorders.is_empty()
            && self.gains.1 == Gain::UNITY
            && self.levels.1.is_none()
            && self.beep.is_none()
            && self.plain.is_none()
            && self.tap.is_none()
    }

    /// Hears what everybody hears who says nothing: at its own rate already, made by `resampler`.
    pub fn hear_all(&mut self, samples: &[i16], resampler: Option<&Resampler>) {
        self.said[..self.frame].copy_from_slice(&samples[..self.frame]);
        let down = self.sitting.as_mut().and_then(|sitting| sitting.down.as_mut());
        if let (Some(down), Some(resampler)) = (down, resampler) {
            down.follow(resampler);
        }
    }

    /// First half of a frame: what came from the phone.
    pub(super) fn listen(&mut self, now: Moment, mut tell: impl FnMut(News)) {
        let heard = &mut self.heard[..self.frame];
        self.heard_any = match &mut self.hearing {
            Some(hearing) => hearing.frame(now, heard),
            None => false,
        };
        if !self.heard_any {
            heard.fill(0);
        }
        if self.listening.tones || self.listening.fax {
            self.detect(&mut tell);
        }
        self.judge_talk(tell);
        if let (Some(level), true) = (&mut self.levels.0, self.heard_any) {
            level.apply(&mut self.heard[..self.frame]);
        }
        self.gains.0.apply(&mut self.heard[..self.frame]);
        let Leg { sitting, heard, frame, heard_any, talking, .. } = self;
        if let Some(sitting) = sitting {
            let spoke = sitting.speaks;
            sitting.speaks = *heard_any && sitting.seat.speaks && (*talking || !sitting.seat.only_talk);
            match &mut sitting.up {
                Some(up) if sitting.speaks => drop(up.process(&heard[..*frame], &mut sitting.given[..])),
                Some(up) if spoke => up.rest(),
                _ => {}
            }
        }
    }

    /// Second half: what is said to the phone, from its room or whom it spies on, and the players. What ended is pushed to
    /// `ended`. Whether there is anything to say.
    pub(super) fn speak(&mut self, from: Said<'_>, ended: &mut Vec<(SoundId, SoundEnd)>) -> bool {
        let frame = self.frame;
        let hears = self.sitting.as_ref().is_some_and(|sitting| sitting.seat.hears);
        let room = match from {
            Said::Room(room) if hears => Some(room),
            _ => None,
        };
        match (room, self.sitting.as_mut().and_then(|sitting| sitting.down.as_mut())) {
            (Some(room), Some(down)) => drop(down.process(room, &mut self.said[..])),
            (Some(room), None) => self.said[..frame].copy_from_slice(&room[..frame]),
            (None, _) if matches!(from, Said::Written) => {}
            (None, _) => self.said[..frame].fill(0),
        }
        let mut speaks = !matches!(from, Said::Nothing);
        self.players.retain_mut(|player| {
            let part = &mut self.scratch[..frame];
            let played = player.frame(part);
            let over = match played {
                Played::Waits => {
                    // A file that is being opened is silence already: nobody shall hear the rest before it.
                    part.fill(0);
                    None
                }
                Played::Frame => None,
                Played::Over(end) => Some(end),
            };
            speaks = true;
            match player.over {
                Over::Replaces if over.is_none() => self.said[..frame].copy_from_slice(part),
                _ => {
                    self.said[..frame].iter_mut().zip(part).for_each(|(out, s)| *out = out.saturating_add(*s))
                }
            }
            match over {
                Some(end) => {
                    ended.push((player.id, end));
                    false
                }
                None => true,
            }
        });
        if let Some(level) = &mut self.levels.1 {
            level.apply(&mut self.said[..frame]);
        }
        self.gains.1.apply(&mut self.said[..frame]);
        speaks
    }

    /// Third: recorders take both. Those that end by themselves do.
    pub fn record(&mut self, now: Moment, bridged: bool) {
        let frame = self.frame;
        let mut at = 0;
        while at < self.recorders.len() {
            let recorder = &mut self.recorders[at];
            if recorder.is_over() {
                self.recorders.remove(at);
                continue;
            }
            if recorder.next_beep.is_some_and(|due| due <= now) {
                recorder.next_beep =
                    recorder.order.beep.filter(|every| !every.is_zero()).map(|every| now + every);
                self.beep = Some(ToneGenerator::new(ToneList::beep(1400, BEEP_MS), self.rate));
            }
            let ends = match recorder.order.only_bridged && !bridged {
                true => None,
                false => recorder.frame(&self.heard[..frame], &self.said[..frame]),
            };
            match ends {
                Some(end) => self.recorders.remove(at).end(end),
                None => at += 1,
            }
        }
        if let Some(beep) = &mut self.beep {
            let more = beep.fill(&mut self.scratch[..frame]);
            let pairs = self.said[..frame].iter_mut().zip(&self.scratch[..frame]);
            pairs.for_each(|(out, s)| *out = out.saturating_add(*s / 4));
            if !more {
                self.beep = None;
            }
        }
    }
}

fn frame_time() -> Duration {
    Duration::from_millis(u64::from(FRAME_MS))
}
