//! Listening in: a leg hears another one, and may be heard by it over everything else.

use super::leg::Leg;
use crate::base::time::Moment;
use crate::bridge::{PortId, Sides, Spy};
use crate::codec::{Gain, MAX_FRAME, Resampler};
use crate::media::worker::Worker;

/// What a spying leg keeps.
#[derive(Debug)]
pub(in crate::media) struct Tap {
    order: Spy,
    gain: Gain,
    /// From the target's rate to the spy's.
    from: Rates,
    /// From the spy's rate to those of who hears it, in the order's order.
    to: Vec<Rates>,
}

/// A resampler between two rates, made anew when one of them changes.
#[derive(Debug, Default)]
struct Rates {
    rates: (u32, u32),
    resampler: Option<Resampler>,
}

impl Rates {
    fn process<'a>(&mut self, rates: (u32, u32), samples: &'a [i16], out: &'a mut [i16]) -> &'a [i16] {
        if self.rates != rates {
            self.rates = rates;
            self.resampler = (rates.0 != rates.1).then(|| Resampler::new(rates.0, rates.1));
        }
        match &mut self.resampler {
            Some(resampler) => {
                let made = resampler.process(samples, out);
                &out[..made]
            }
            None => samples,
        }
    }
}

impl Tap {
    pub fn new(order: Spy) -> Tap {
        let gain = Gain::of_steps(order.volume);
        let to = order.whispers.iter().map(|_| Rates::default()).collect();
        Tap { order, gain, from: Rates::default(), to }
    }

    /// What the spy hears of its target, at the spy's rate; empty when it hears nothing.
    pub fn hear<'a>(&'a mut self, target: &Leg, rate: u32, buffers: &'a mut Buffers) -> &'a [i16] {
        let frame = target.frame_samples();
        let own = &mut buffers.0[..frame];
        let said = target.unwhispered();
        match self.order.hears {
            None => return &[],
            Some(Sides::Heard) => own.copy_from_slice(&target.heard[..frame]),
            Some(Sides::Said) => own.copy_from_slice(&said[..frame]),
            Some(Sides::Mixed | Sides::Stereo) => {
                for ((out, heard), said) in own.iter_mut().zip(&target.heard[..]).zip(said) {
                    *out = heard.saturating_add(*said);
                }
            }
        }
        self.gain.apply(own);
        self.from.process((target.rate, rate), own, &mut buffers.1[..])
    }

    /// What the spy says to one leg, added to what that one hears.
    fn whisper(
        &mut self,
        heard: &[i16],
        from: u32,
        (to, rate): (PortId, u32),
        out: &mut [i16],
        buffer: &mut [i16],
    ) {
        for (whispers, rates) in self.order.whispers.iter().zip(&mut self.to) {
            if *whispers == to {
                let samples = rates.process((from, rate), heard, buffer);
                out.iter_mut().zip(samples).for_each(|(out, s)| *out = out.saturating_add(*s));
            }
        }
    }
}

/// Room for two frames.
#[derive(Debug)]
pub(in crate::media) struct Buffers([i16; MAX_FRAME], [i16; MAX_FRAME]);

impl Default for Buffers {
    fn default() -> Buffers {
        Buffers([0; MAX_FRAME], [0; MAX_FRAME])
    }
}

impl Worker {
    /// A port spies on another one from now on, or no more.
    pub(super) fn spy(&mut self, now: Moment, index: usize, order: Option<Box<Spy>>) {
        if let Some(leg) = self.slots.get(index).and_then(|port| port.leg.as_deref_mut()) {
            leg.tap = order.map(|order| Box::new(Tap::new(*order)));
        }
        self.settle_taps(now);
    }

    /// Marks the legs that are spied on, and opens those that were not yet.
    pub(super) fn settle_taps(&mut self, now: Moment) {
        let had = !self.floor.taps.is_empty();
        self.floor.taps.clear();
        let active = std::mem::take(&mut self.floor.active);
        let mut wanted: Vec<(PortId, bool)> = Vec::new();
        for index in &active {
            let Some(tap) = self.leg_at(*index).and_then(|leg| leg.tap.as_deref()) else { continue };
            wanted.push((tap.order.target, false));
            wanted.extend(tap.order.whispers.iter().map(|port| (*port, true)));
            self.floor.taps.push(*index);
        }
        self.floor.active = active;
        if !had && self.floor.taps.is_empty() {
            return;
        }
        for index in self.floor.active.clone() {
            if let Some(leg) = self.slots.get(index).and_then(|port| port.leg.as_deref_mut()) {
                leg.set_tapped(None);
            }
        }
        for (port, whispered) in wanted {
            let Some(index) = self.by_id.get(&port).copied() else { continue };
            self.open_leg(now, index);
            if let Some(leg) = self.slots.get(index).and_then(|port| port.leg.as_deref_mut()) {
                leg.set_tapped(Some(whispered));
            }
        }
        for index in self.floor.active.clone() {
            self.set_sound_gate(index);
        }
    }

    fn leg_at(&mut self, index: usize) -> Option<&Leg> {
        self.slots.get(index)?.leg.as_deref()
    }

    /// What spies say to this leg; whether any does. The leg is not in its port meanwhile.
    pub(super) fn add_taps(&mut self, to: PortId, leg: &mut Leg) -> bool {
        let mut any = false;
        let taps = std::mem::take(&mut self.floor.taps);
        for index in &taps {
            let Some(spy) = self.slots.get(*index).and_then(|port| port.leg.as_deref_mut()) else { continue };
            let Some(mut tap) = spy.tap.take() else { continue };
            if tap.order.whispers.contains(&to) {
                let (frame, rate) = (leg.frame_samples(), leg.rate);
                let heard = &spy.heard[..spy.frame_samples()];
                tap.whisper(heard, spy.rate, (to, rate), &mut leg.said[..frame], &mut self.floor.spare.0);
                any = true;
            }
            spy.tap = Some(tap);
        }
        self.floor.taps = taps;
        any
    }

    /// What a spying leg hears, in its place of a room.
    pub(super) fn hear_tap(&mut self, leg: &mut Leg) {
        let Some(mut tap) = leg.tap.take() else { return };
        let target = self.by_id.get(&tap.order.target).copied();
        let target = target.and_then(|index| self.slots.get(index)).and_then(|port| port.leg.as_deref());
        let frame = leg.frame_samples();
        leg.said[..frame].fill(0);
        if let Some(target) = target {
            let samples = tap.hear(target, leg.rate, &mut self.floor.spare);
            leg.said[..samples.len().min(frame)].copy_from_slice(&samples[..samples.len().min(frame)]);
        }
        leg.tap = Some(tap);
    }
}
