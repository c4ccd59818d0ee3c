//! What a leg's sound is listened to for: digits, fax machines, talking.

use super::{Leg, News, frame_time};
use crate::codec::level_of;
use crate::rtp::{Digit, DtmfEvent};
use std::time::Duration;

impl Leg {
    /// Tones: those of a calling fax machine, and digits.
    pub(super) fn detect(&mut self, tell: &mut impl FnMut(News)) {
        let heard = &self.heard[..self.frame];
        let samples = match &mut self.to_detector {
            Some(resampler) => {
                let count = resampler.process(heard, &mut self.scratch[..]);
                &self.scratch[..count]
            }
            None => heard,
        };
        if self.listening.fax && self.fax_detector.hear(samples) {
            tell(News::FaxTone);
        }
        if !self.listening.tones {
            return;
        }
        let pressed = &mut self.pressed;
        self.detector.hear(samples, |key, on| {
            let Some(digit) = Digit::from_char(key) else { return };
            if on {
                *pressed = Some(Duration::from_millis(26));
                tell(News::Digit(DtmfEvent::Begin(digit)));
            } else {
                let duration = pressed.take().unwrap_or_default();
                tell(News::Digit(DtmfEvent::End { digit, duration }));
            }
        });
        if let Some(pressed) = &mut self.pressed {
            *pressed += frame_time();
            if self.listening.mutes {
                self.heard[..self.frame].fill(0);
            }
        }
    }

    /// Begin and end of talking.
    pub(super) fn judge_talk(&mut self, mut tell: impl FnMut(News)) {
        let Some(rules) = self.listening.talk else { return };
        self.talk_lasted += frame_time();
        let loud = self.heard_any && level_of(&self.heard[..self.frame]) >= rules.threshold;
        self.quiet = if loud { Duration::ZERO } else { self.quiet + frame_time() };
        let now = if self.talking { self.quiet < rules.silence } else { loud };
        if now != self.talking {
            tell(News::Talking(now, std::mem::take(&mut self.talk_lasted)));
            self.talking = now;
        }
    }
}
