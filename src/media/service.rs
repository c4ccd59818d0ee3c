//! What a port does by the clock: digits, sounds, reports, keep-alives, silence. One timer per port: the soonest of all.

use super::port::{Playing, Port};
use super::worker::Worker;
use crate::base::limits;
use crate::base::time::Moment;
use crate::bridge::{Aim, MediaEvent, Sound, Whereto};
use crate::rtp::{Digit, DtmfSender};
use std::sync::Arc;
use std::time::Duration;

/// Pause between two digits.
const BETWEEN_DIGITS: Duration = Duration::from_millis(60);
/// Payload type of comfort noise (RFC 3389), which keeps bindings open even where it was not agreed.
const COMFORT_NOISE: u8 = 13;

impl Worker {
    pub(super) fn aim(&mut self, now: Moment, index: usize, aim: Aim) {
        let random = self.random.below(1000);
        let Some(port) = self.slots.get(index) else { return };
        let first = port.aim.is_none();
        match aim.remote {
            Whereto::At(address) => {
                port.source.aim(now, address);
            }
            Whereto::Unknown => port.source.aim_unknown(now),
            Whereto::Nowhere => {}
        }
        port.out.set_clock_rate(aim.clock_rate);
        // An address learned from packets outlives a description that says the same as before.
        let same = |before: &Aim| before.rtcp == aim.rtcp && before.remote == aim.remote;
        if aim.rtcp.is_none() || !port.aim.as_ref().is_some_and(same) {
            port.rtcp_to = aim.rtcp;
        }
        let unheld = port.aim.as_ref().is_some_and(|before| before.held != aim.held);
        if first || unheld {
            port.heard = now;
            port.gate.silence_told = false;
        }
        if first && !port.timers.report.is_zero() {
            // Not all ports of a busy second report in the same later second.
            port.next_report = Some(now + port.timers.report + Duration::from_millis(random));
        }
        port.table.set_meanings(&aim.payloads);
        let recoded =
            port.leg.is_some() && port.aim.as_ref().is_none_or(|before| before.coding != aim.coding);
        port.aim = Some(aim);
        port.set_gate();
        if recoded {
            self.recode(index);
        }
    }

    pub(super) fn direct(&mut self, now: Moment, index: usize, on: bool) {
        let Some(port) = self.slots.get(index) else { return };
        port.direct = on;
        port.set_gate();
        port.heard = now;
        port.gate.silence_told = false;
        port.one_way_check = port.one_way_check.filter(|_| !on);
        port.out.forget_speaker();
    }

    pub(super) fn send_digit(&mut self, now: Moment, index: usize, digit: Digit, press: Duration) {
        let Some(port) = self.slots.get(index) else { return };
        if port.digits_waiting.len() < limits::DIGITS_QUEUED {
            port.digits_waiting.push_back((digit, press));
        }
        if port.digits_out.is_none() {
            self.next_digit(now, index);
        }
    }

    /// Begins the next waiting digit, or tells that none is left.
    fn next_digit(&mut self, now: Moment, index: usize) {
        let Some(port) = self.slots.get(index) else { return };
        let events = port.aim.as_ref().and_then(|aim| aim.events);
        match (port.digits_waiting.pop_front(), events) {
            (Some((digit, press)), Some((_, clock_rate))) => {
                let timestamp = port.out.timestamp_at(now);
                port.digits_out = Some(DtmfSender::new(now, digit, press, timestamp, clock_rate));
                port.set_gate();
            }
            // Nobody to take events: whoever ordered them knows from the agreement, and is told that it is over.
            _ => {
                port.digits_waiting.clear();
                port.digits_out = None;
                port.set_gate();
                port.out.forget_speaker();
                self.outgoing.tell(&port.events, MediaEvent::DigitsSent { port: port.id });
            }
        }
    }

    pub(super) fn play(&mut self, now: Moment, index: usize, sound: Arc<Sound>, repeat: bool) {
        let Some(port) = self.slots.get(index) else { return };
        port.playing = Some(Playing { sound, repeat, at: 0, next: now, timestamp: None });
        port.set_gate();
    }

    pub(super) fn stop_playing(&mut self, index: usize) {
        if let Some(port) = self.slots.get(index) {
            port.playing = None;
            port.set_gate();
            port.out.forget_speaker();
        }
    }

    /// Does all that is due on a port and sets its timer for what comes next.
    pub(super) fn service(&mut self, now: Moment, index: usize) {
        self.service_digits(now, index);
        self.service_sound(now, index);
        self.service_silence(now, index);
        let Some(port) = self.slots.get(index) else { return };
        if port.next_report.is_some_and(|at| at <= now) {
            port.next_report = Some(now + port.timers.report);
            self.send_report(now, index, false);
        }
        if let Some(at) = self.slots.get(index).and_then(next_due) {
            self.schedule(index, at);
        }
    }

    fn service_digits(&mut self, now: Moment, index: usize) {
        let Some(port) = self.slots.get(index) else { return };
        if let Some(event) = port.digits_in.tick(now, port.timers.digit) {
            self.outgoing.tell(&port.events, MediaEvent::Digit { port: port.id, event });
        }
        let Some(digit) = &mut port.digits_out else { return };
        let to = port.source.send_to().filter(|_| port.gate.send);
        let number = port.aim.as_ref().and_then(|aim| aim.events).map_or(101, |(number, _)| number);
        while let Some(event) = digit.poll(now) {
            let header = port.out.own(now, number, event.timestamp, event.marker, 16);
            let mut packet = [0; 16];
            let built = header.build(&event.payload, &mut packet);
            if let (Some(to), Some(length)) = (to, built)
                && port.rtp.send_to(&packet[..length], to).is_err()
            {
                port.counters.send_failed += 1;
            }
        }
        if digit.is_done() && digit.next() + BETWEEN_DIGITS <= now {
            self.next_digit(now, index);
        }
    }

    fn service_sound(&mut self, now: Moment, index: usize) {
        let Some(port) = self.slots.get(index) else { return };
        let Some(playing) = port.playing.as_mut() else { return };
        if port.digits_out.is_some() {
            // The digit has the stream; the sound goes on where it stopped.
            playing.next = playing.next.max(now);
            return;
        }
        // A thread that was late sends what is due, but never a long burst of it.
        if now.since(playing.next) > playing.sound.packet_time * 5 {
            playing.next = now;
        }
        while playing.next <= now {
            let rest = playing.sound.bytes.get(playing.at..).unwrap_or_default();
            if rest.is_empty() {
                if playing.repeat && !playing.sound.bytes.is_empty() {
                    playing.at = 0;
                    continue;
                }
                port.playing = None;
                port.set_gate();
                port.out.forget_speaker();
                self.outgoing.tell(&port.events, MediaEvent::Played { port: port.id });
                return;
            }
            let payload = &rest[..rest.len().min(playing.sound.packet_bytes.max(1))];
            let timestamp = playing.timestamp.unwrap_or_else(|| port.out.timestamp_at(now));
            let length = crate::rtp::packet::HEADER_BYTES + payload.len();
            let header =
                port.out.own(now, playing.sound.payload_type, timestamp, playing.timestamp.is_none(), length);
            let may_send = port.gate.send;
            if let (Some(to), Some(length)) =
                (port.source.send_to().filter(|_| may_send), header.build(payload, &mut self.buffer[..]))
                && port.rtp.send_to(&self.buffer[..length], to).is_err()
            {
                port.counters.send_failed += 1;
            }
            playing.at += payload.len();
            playing.next += playing.sound.packet_time.max(Duration::from_millis(1));
            let units =
                playing.sound.packet_time.as_micros() * u128::from(playing.sound.clock_rate) / 1_000_000;
            playing.timestamp = Some(timestamp.wrapping_add(units as u32));
        }
    }

    fn service_silence(&mut self, now: Moment, index: usize) {
        let Some(port) = self.slots.get(index) else { return };
        let limit = port.silence_limit();
        let lasted = now.since(port.heard);
        if !limit.is_zero() && lasted >= limit && !port.gate.silence_told {
            port.gate.silence_told = true;
            let held = port.aim.as_ref().is_some_and(|aim| aim.held);
            self.outgoing.tell(&port.events, MediaEvent::Silent { port: port.id, lasted, held });
        }
        if keepalive_at(port).is_some_and(|at| at <= now) {
            let timestamp = port.out.timestamp_at(now);
            let header = port.out.own(now, COMFORT_NOISE, timestamp, false, 13);
            let mut packet = [0; 13];
            // One byte of level: -127 dBov, silence.
            if let (Some(to), Some(length)) = (port.source.send_to(), header.build(&[127], &mut packet))
                && port.rtp.send_to(&packet[..length], to).is_err()
            {
                port.counters.send_failed += 1;
            }
            port.out.forget_speaker();
        }
        self.check_one_way(now, index);
    }

    fn check_one_way(&mut self, now: Moment, index: usize) {
        let Some(port) = self.slots.get(index) else { return };
        let Some((_, before)) = port.one_way_check.filter(|(at, _)| *at <= now) else { return };
        port.one_way_check = None;
        let deaf = port.received == before && port.gate.receive;
        let Some(peer) = port.peer.map(|peer| peer as usize).filter(|peer| deaf && *peer != index) else {
            return;
        };
        let peer_hears =
            self.slots.get(peer).is_some_and(|peer| now.since(peer.heard) < Duration::from_secs(1));
        if let Some(port) = self.slots.get(index).filter(|_| peer_hears) {
            let event = MediaEvent::OneWay { port: port.id, dropped_from: port.counters.dropped_from };
            self.outgoing.tell(&port.events, event);
        }
    }
}

fn keepalive_at(port: &Port) -> Option<Moment> {
    let may = port.gate.send && !port.gate.udptl && !port.gate.speaking;
    let idle = port.timers.keepalive;
    (may && !idle.is_zero()).then(|| port.out.last_sent().unwrap_or(port.heard) + idle)
}

/// When something is due on a port.
fn next_due(port: &mut Port) -> Option<Moment> {
    let limit = port.silence_limit();
    [
        port.digits_in.is_pressed().then(|| port.heard + port.timers.digit),
        port.digits_out
            .map(|digit| if digit.is_done() { digit.next() + BETWEEN_DIGITS } else { digit.next() }),
        port.playing.as_ref().filter(|_| port.digits_out.is_none()).map(|playing| playing.next),
        port.next_report,
        (!limit.is_zero() && !port.gate.silence_told).then(|| port.heard + limit),
        keepalive_at(port),
        port.one_way_check.map(|(at, _)| at),
    ]
    .into_iter()
    .flatten()
    .min()
}
