//! The path of a packet: from the socket it came on to the socket it leaves by. Nothing here allocates.

use super::table::Pass;
use super::worker::{PACKET_BYTES, Worker};
use crate::base::time::Moment;
use crate::bridge::{MediaEvent, PayloadUse};
use crate::rtp::packet::{self, Header, Kind};
use crate::rtp::{EventPayload, Verdict};
use std::net::SocketAddr;
use std::time::Duration;

/// Packets read from one socket per wake-up, where they come in bursts (pictures, fax). Sound comes one at a time, and
/// asking a second time would cost a system call for nothing.
const BURST: usize = 16;

impl Worker {
    pub(super) fn rtp_readable(&mut self, now: Moment, index: usize) {
        for _ in 0..BURST {
            let Some(port) = self.slots.get(index) else { return };
            let bursts = port.gate.bursts;
            // An error is an empty queue, or the network's word about a packet of ours: nothing to do for either.
            let Ok((length, from)) = port.rtp.recv_from(&mut self.buffer[..]) else { return };
            self.rtp_packet(now, index, length, from);
            if !bursts {
                return;
            }
        }
    }

    fn rtp_packet(&mut self, now: Moment, index: usize, length: usize, from: SocketAddr) {
        let Some(port) = self.slots.get(index) else { return };
        let packet = &mut self.buffer[..length];
        if !port.gate.aimed || length == PACKET_BYTES {
            port.counters.dropped += 1;
            return;
        }
        if port.gate.udptl {
            return self.udptl_packet(now, index, length, from);
        }
        let header = match (packet::kind(packet), Header::read(packet)) {
            (Kind::Rtp, Some(header)) => header,
            (Kind::Rtcp, _) if port.gate.mux => return self.rtcp_packet(now, index, length, from),
            _ => {
                port.counters.dropped += 1;
                return;
            }
        };
        match port.source.judge(now, from, header.sequence) {
            Verdict::Pass => {}
            Verdict::Drop => {
                port.counters.dropped += 1;
                port.counters.dropped_from = Some(from);
                return;
            }
            Verdict::Learned => self.learned(now, index, from),
        }
        let Some(port) = self.slots.get(index) else { return };
        port.heard = now;
        port.received += 1;
        port.reception.packet(header.ssrc, header.sequence, length);
        let (meaning, pass) = port.table.get(header.payload_type);
        let peer = port.peer.filter(|_| port.gate.receive);
        let again = std::mem::take(&mut port.gate.silence_told);
        match meaning {
            PayloadUse::Media { clock_rate } => port.reception.arrival(now, header.timestamp, clock_rate),
            PayloadUse::Event { clock_rate } => self.event_packet(now, index, &header, length, clock_rate),
            PayloadUse::Unknown => {}
        }
        let listened = self.listened(now, index, header, length);
        if again {
            // After a silence that was told: watch for the next one.
            self.service(now, index);
        }
        let passed = match (peer, pass) {
            (Some(peer), Some(pass)) => self.pass(now, peer as usize, header, pass, length),
            _ => false,
        };
        if !passed
            && !listened
            && let Some(port) = self.slots.get(index)
        {
            port.not_passed += 1;
        }
    }

    /// Gives a packet to who opens it; false when nobody does.
    #[inline]
    fn listened(&mut self, now: Moment, index: usize, header: Header, length: usize) -> bool {
        let Some(port) = self.slots.get(index).filter(|port| port.gate.listens && port.gate.receive) else {
            return false;
        };
        let (Some(leg), Some(payload)) = (&mut port.leg, packet::payload(&self.buffer[..length])) else {
            return false;
        };
        leg.packet(now, header, payload);
        true
    }

    /// Sends a packet by a joined port; false when it cannot or must not.
    #[inline]
    fn pass(&mut self, now: Moment, peer: usize, header: Header, pass: Pass, length: usize) -> bool {
        let Some(peer) = self.slots.get(peer) else { return false };
        if !peer.gate.send || peer.gate.speaking {
            return false;
        }
        let Some(to) = peer.source.send_to() else { return false };
        let packet = &mut self.buffer[..length];
        if let Some(table) = pass.exchange {
            let payload = packet::payload_range(packet).unwrap_or_default();
            packet[payload].iter_mut().for_each(|byte| *byte = table[usize::from(*byte)]);
        }
        peer.out.pass(now, header, pass.number, length).write(packet);
        if peer.rtp.send_to(packet, to).is_err() {
            peer.counters.send_failed += 1;
        }
        true
    }

    /// Ends a join, for both of its ports.
    pub(super) fn unjoin(&mut self, index: usize) {
        let Some(peer) = self.slots.get(index).and_then(|port| port.peer) else { return };
        for index in [index, peer as usize] {
            if let Some(port) = self.slots.get(index) {
                port.peer = None;
                port.table.set_path(None);
                port.out.forget_speaker();
                port.one_way_check = None;
            }
        }
    }

    fn learned(&mut self, now: Moment, index: usize, from: SocketAddr) {
        let Some(port) = self.slots.get(index) else { return };
        let moved = port.source.send_to() == Some(from) && port.source.described() != Some(from);
        if moved && let Some(aim) = &port.aim {
            let rtcp = if aim.rtcp_mux { from.port() } else { from.port().saturating_add(1) };
            port.rtcp_to = Some(SocketAddr::new(from.ip(), rtcp));
        }
        // With strictrtp=no two sources could take turns; once a second is enough to be told of it.
        if port.learned_told.is_none_or(|told| now.since(told) >= Duration::from_secs(1)) {
            port.learned_told = Some(now);
            let event =
                MediaEvent::Learned { port: port.id, source: from, described: port.source.described() };
            self.outgoing.tell(&port.events, event);
        }
    }

    fn event_packet(&mut self, now: Moment, index: usize, header: &Header, length: usize, clock_rate: u32) {
        let payload = packet::payload(&self.buffer[..length]).and_then(EventPayload::read);
        let (Some(port), Some(payload)) = (self.slots.get(index), payload) else { return };
        let events = port.digits_in.packet(now, header.timestamp, payload, clock_rate);
        let (id, stale) = (port.id, port.digits_in.is_pressed().then_some(now + port.timers.digit));
        for event in events.into_iter().flatten() {
            self.outgoing.tell(&port.events, MediaEvent::Digit { port: id, event });
        }
        if let Some(at) = stale {
            self.schedule(index, at);
        }
    }

    /// UDPTL has no sequence numbers that we read: a source is judged by the order of its packets alone.
    fn udptl_packet(&mut self, now: Moment, index: usize, length: usize, from: SocketAddr) {
        let Some(port) = self.slots.get(index) else { return };
        let sequence = (port.received + port.counters.dropped) as u16;
        match port.source.judge(now, from, sequence) {
            Verdict::Pass => {}
            Verdict::Drop => {
                port.counters.dropped += 1;
                port.counters.dropped_from = Some(from);
                return;
            }
            Verdict::Learned => self.learned(now, index, from),
        }
        let Some(port) = self.slots.get(index) else { return };
        port.heard = now;
        port.gate.silence_told = false;
        port.received += 1;
        let peer = port.peer.filter(|_| port.gate.receive);
        let sent = peer.and_then(|peer| self.slots.get(peer as usize)).and_then(|peer| {
            let to = peer.source.send_to().filter(|_| peer.gate.send && peer.gate.udptl)?;
            Some(peer.rtp.send_to(&self.buffer[..length], to).is_ok())
        });
        if sent != Some(true)
            && let Some(port) = self.slots.get(index)
        {
            port.not_passed += 1;
        }
    }
}
