//! A leg that goes on with another coding, another rate, or another way to smooth its jitter.

use super::Leg;
use crate::bridge::StreamCoding;
use crate::codec::Coding;
use crate::rtp::JitterRules;

impl Leg {
    /// Another coding was agreed, or the same one shall have another rate: what hangs on the leg stays and follows. Its
    /// seat is to be taken anew.
    pub fn recode(&mut self, coding: Option<&StreamCoding>) {
        let mut before = std::mem::replace(self, Leg::new(coding, self.rules));
        if let (Some(hearing), Some(before)) = (&mut self.hearing, &mut before.hearing) {
            hearing.go_on_from(before);
        }
        if let (Some(saying), Some(before)) = (&mut self.saying, &before.saying) {
            saying.go_on_from(before);
        }
        self.players = before.players;
        self.recorders = before.recorders;
        if self.rate != before.rate {
            self.players.iter_mut().for_each(|player| player.follow(self.rate));
            self.recorders.iter_mut().for_each(|recorder| recorder.follow(self.rate));
        }
        self.sitting = before.sitting;
        self.listening = before.listening;
        self.gains = before.gains;
        self.levels = before.levels;
        self.detector = before.detector;
        self.fax_detector = before.fax_detector;
        self.pressed = before.pressed;
        self.talking = before.talking;
        self.talk_lasted = before.talk_lasted;
        self.quiet = before.quiet;
        self.tap = before.tap;
        self.plain = before.plain;
        self.whispered = before.whispered;
    }

    /// Other rules of its jitter buffer, from here on.
    pub fn smooth(&mut self, rules: JitterRules) {
        self.rules = rules;
        if let Some(hearing) = &mut self.hearing {
            hearing.jitter.set_rules(rules);
        }
    }

    /// The rate of its sound, where its coding does not leave the choice.
    pub fn own_rate(&self) -> Option<u32> {
        let elastic = self.coding.as_ref().is_some_and(|coding| matches!(coding.send, Coding::Opus(_)));
        (!elastic).then_some(self.rate)
    }

    /// Takes on a rate, as far as its coding leaves the choice: what is made for others need be no better than they are.
    pub fn fit(&mut self, rate: u32) {
        if let Some(coding) = self.coding.as_ref().map(|coding| coding.at_rate(rate))
            && coding.send.sample_rate() != self.rate
        {
            self.recode(Some(&coding));
        }
    }
}
