//! Tones in Asterisk's writing (`indications.conf`, `PlayTones`): `440+480/2000,0/4000`, `!950/330,!1400/330`.
//!
//! ```text
//! list = part,part…    part = [!]sound[/milliseconds]    sound = hertz | hertz+hertz | hertz*hertz | 0
//! ```
//! Parts with `!` are played once, the others again and again; `*` modulates the first tone by the second; a part
//! without a time never ends.

use std::f64::consts::TAU;
use std::fmt;

/// A list of tones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToneList {
    parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    hertz: (u32, u32),
    modulates: bool,
    /// 0: for ever.
    millis: u32,
    once: bool,
}

/// What is wrong with a list of tones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToneFault {
    /// The part that cannot be read.
    pub part: String,
}

impl fmt::Display for ToneFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is no tone: the form is [!]hertz[+hertz|*hertz][/milliseconds]", self.part)
    }
}

impl std::error::Error for ToneFault {}

/// Parts of one list; a longer one is no tone but a tune.
const MOST_PARTS: usize = 64;
/// Asterisk's size of each of the two tones of a part.
const SIZE: f64 = 7219.0;

impl ToneList {
    /// Reads a list.
    ///
    /// # Errors
    /// A part that is no tone.
    pub fn parse(text: &str) -> Result<ToneList, ToneFault> {
        let mut parts = Vec::new();
        for part in text.split(['|', ',']).map(str::trim).filter(|part| !part.is_empty()) {
            let fault = || ToneFault { part: part.to_owned() };
            if parts.len() == MOST_PARTS {
                return Err(fault());
            }
            let (once, rest) = part.strip_prefix('!').map_or((false, part), |rest| (true, rest));
            let (sound, millis) = match rest.split_once('/') {
                Some((sound, time)) => (sound, time.trim().parse().map_err(|_| fault())?),
                None => (rest, 0),
            };
            let hertz = |text: &str| {
                text.trim().parse::<u32>().ok().filter(|hertz| *hertz < 20_000).ok_or_else(fault)
            };
            let (modulates, hertz) = match (sound.split_once('+'), sound.split_once('*')) {
                (Some((a, b)), _) => (false, (hertz(a)?, hertz(b)?)),
                (None, Some((a, b))) => (true, (hertz(a)?, hertz(b)?)),
                (None, None) => (false, (hertz(sound)?, 0)),
            };
            parts.push(Part { hertz, modulates, millis, once });
        }
        if parts.is_empty() { Err(ToneFault { part: text.to_owned() }) } else { Ok(ToneList { parts }) }
    }

    /// One tone of a time: a beep.
    pub fn beep(hertz: u32, millis: u32) -> ToneList {
        ToneList { parts: vec![Part { hertz: (hertz, 0), modulates: false, millis, once: true }] }
    }

    /// Whether it ends by itself.
    pub fn ends(&self) -> bool {
        self.parts.iter().all(|part| part.once && part.millis > 0)
    }
}

/// Plays a list.
#[derive(Clone, Debug)]
pub struct ToneGenerator {
    list: ToneList,
    rate: f64,
    at: usize,
    /// Samples of the part that were played.
    played: u64,
    /// Phases of the two tones, in turns.
    turns: [f64; 2],
    over: bool,
}

impl ToneGenerator {
    /// Plays `list` at so many samples a second.
    pub fn new(list: ToneList, rate: u32) -> ToneGenerator {
        let over = list.parts.is_empty();
        ToneGenerator { list, rate: f64::from(rate.max(1)), at: 0, played: 0, turns: [0.0; 2], over }
    }

    /// Writes the next samples; false when the list ended before they were full. The rest is silence.
    pub fn fill(&mut self, out: &mut [i16]) -> bool {
        for sample in out.iter_mut() {
            *sample = if self.over { 0 } else { self.next() };
        }
        !self.over
    }

    fn next(&mut self) -> i16 {
        let part = self.list.parts[self.at];
        let size = |turn: f64| SIZE * (TAU * turn).sin();
        let (first, second) = (self.turns[0], self.turns[1]);
        let value = match part {
            Part { hertz: (0, 0), .. } => 0.0,
            Part { modulates: true, .. } => size(first) * (1.0 + 0.9 * (TAU * second).sin()),
            Part { hertz: (_, 0), .. } => size(first),
            _ => size(first) + size(second),
        };
        for (turn, hertz) in self.turns.iter_mut().zip([part.hertz.0, part.hertz.1]) {
            *turn = (*turn + f64::from(hertz) / self.rate).fract();
        }
        self.played += 1;
        if part.millis > 0 && self.played as f64 * 1000.0 >= f64::from(part.millis) * self.rate {
            self.advance();
        }
        value.clamp(-32_768.0, 32_767.0) as i16
    }

    fn advance(&mut self) {
        self.played = 0;
        self.turns = [0.0; 2];
        self.at += 1;
        if self.at == self.list.parts.len() {
            match self.list.parts.iter().position(|part| !part.once) {
                Some(again) => self.at = again,
                None => {
                    self.at = 0;
                    self.over = true;
                }
            }
        }
    }
}
