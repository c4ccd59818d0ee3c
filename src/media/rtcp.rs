//! RTCP of a port: what its other side reports, and our reports to it.

use super::worker::{PACKET_BYTES, Worker};
use crate::base::time::{Moment, WallTime};
use crate::rtp::rtcp::{self, Block, Ntp, Part, REPORT_BYTES, SenderInfo};
use std::net::SocketAddr;
use std::time::SystemTime;

impl Worker {
    pub(super) fn rtcp_readable(&mut self, now: Moment, index: usize) {
        let Some(port) = self.slots.get(index) else { return };
        let Some(socket) = &port.others.rtcp else { return };
        let Ok((length, from)) = socket.recv_from(&mut self.buffer[..]) else { return };
        self.rtcp_packet(now, index, length, from);
    }

    /// Reads a compound. Where it came from is no condition (it may well be another NAT binding), but only a report
    /// about our own stream, or by the source we hear, counts.
    pub(super) fn rtcp_packet(&mut self, now: Moment, index: usize, length: usize, from: SocketAddr) {
        let Some(port) = self.slots.get(index) else { return };
        if length == PACKET_BYTES || port.aim.is_none() {
            port.counters.dropped += 1;
            return;
        }
        let (own, heard) = (port.out.ssrc(), port.reception.ssrc());
        let (mut known, mut picture_wanted) = (false, false);
        let wall = Ntp::from_wall(wall_time());
        let reports = &mut port.reports;
        let whole = rtcp::read(&self.buffer[..length], |part| match part {
            Part::Sender { ssrc, ntp, .. } if Some(ssrc) == heard => {
                known = true;
                reports.last_sender_report = Some((ntp.middle(), now));
            }
            Part::Block(block) if block.numbers.ssrc == own => {
                known = true;
                if let Some(trip) = block.round_trip(wall) {
                    reports.round_trip = trip;
                }
                reports.block = Some(block);
            }
            Part::PictureWanted { ssrc } if ssrc == own => picture_wanted = true,
            _ => {}
        });
        if !whole && !known {
            port.counters.dropped += 1;
            return;
        }
        if known && port.source.is_symmetric() {
            port.rtcp_to = Some(from);
        }
        if picture_wanted {
            self.ask_for_picture(index);
        }
    }

    /// The other side of a join lost a picture: ask its speaker for a whole one.
    fn ask_for_picture(&mut self, index: usize) {
        let Some(port) = self.slots.get(index) else { return };
        let Some(peer) = port.peer else { return };
        let Some(peer) = self.slots.get(peer as usize) else { return };
        let (Some(wanted), Some(to)) = (peer.reception.ssrc(), peer.rtcp_to) else { return };
        let mut out = [0; REPORT_BYTES];
        let length = rtcp::write_picture_request(peer.out.ssrc(), wanted, &mut out);
        let socket = peer.others.rtcp.as_ref().filter(|_| !peer.gate.mux).unwrap_or(&peer.rtp);
        if socket.send_to(&out[..length], to).is_err() {
            peer.counters.send_failed += 1;
        }
    }

    /// Sends a report, if the port has anywhere to send it.
    pub(super) fn send_report(&mut self, now: Moment, index: usize, bye: bool) {
        let Some(port) = self.slots.get(index) else { return };
        let Some(to) = port.rtcp_to.filter(|_| !port.direct) else { return };
        let (packets, bytes) = port.out.totals();
        let sender = (packets > port.reports.sent_at_report).then(|| SenderInfo {
            ntp: Ntp::from_wall(wall_time()),
            timestamp: port.out.timestamp_at(now),
            packets,
            // Payload bytes: headers are of the fixed length, near enough.
            bytes: bytes.saturating_sub(packets * 12),
        });
        port.reports.sent_at_report = packets;
        let block = port.reception.report().map(|numbers| {
            let (last_report, delay) = match port.reports.last_sender_report {
                Some((middle, came)) => (middle, (now.since(came).as_micros() * 65_536 / 1_000_000) as u32),
                None => (0, 0),
            };
            Block { numbers, last_report, delay }
        });
        if sender.is_none() && block.is_none() {
            return;
        }
        let mut out = [0; REPORT_BYTES];
        let length = rtcp::write_report(port.out.ssrc(), sender, block, &port.cname, bye, &mut out);
        let socket = port.others.rtcp.as_ref().filter(|_| !port.gate.mux).unwrap_or(&port.rtp);
        if socket.send_to(&out[..length], to).is_err() {
            port.counters.send_failed += 1;
        }
    }

    /// The last report of a port, with a goodbye.
    pub(super) fn goodbye(&mut self, now: Moment, index: usize) {
        self.send_report(now, index, true);
    }
}

#[expect(clippy::disallowed_methods, reason = "reports carry the wall clock, and a media thread is an edge")]
fn wall_time() -> WallTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    WallTime(u64::try_from(since.as_micros()).unwrap_or(0))
}
