//! Datagrams of a media port: the first byte of each is its length in words; RTP, RTCP and RFC 4733 views of them all,
//! and what remembers from one packet to the next.
#![no_main]

use jackfield::base::time::Moment;
use jackfield::rtp::continuity::Continuity;
use jackfield::rtp::dtmf::{DtmfReader, EventPayload};
use jackfield::rtp::packet::{Header, kind, payload};
use jackfield::rtp::rtcp::{self, Ntp, Part};
use jackfield::rtp::sequence::Reception;
use std::time::Duration;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (mut now, mut rest) = (Moment(1), bytes);
    let (mut reception, mut digits) = (Reception::default(), DtmfReader::default());
    let mut passed: Option<Continuity> = None;
    while let Some((words, tail)) = rest.split_first() {
        let (packet, tail) = tail.split_at(tail.len().min(4 * usize::from(*words)));
        rest = tail;
        now = now + Duration::from_micros(u64::from(*words) * 977);
        let _ = kind(packet);
        rtcp::read(packet, |part| {
            if let Part::Block(block) = part {
                let _ = block.round_trip(Ntp(now.0));
            }
        });
        let Some(header) = Header::read(packet) else { continue };
        let rate = [8_000, 16_000, 48_000, 90_000][usize::from(words % 4)];
        reception.packet(header.ssrc, header.sequence, packet.len());
        reception.arrival(now, header.timestamp, rate);
        let forward = passed
            .get_or_insert_with(|| Continuity::new(7, header.sequence, header.timestamp, rate))
            .pass(now, header, header.payload_type, packet.len());
        let mut copy = packet.to_vec();
        forward.write(&mut copy);
        assert_eq!(Header::read(&copy), Some(forward), "what was written is read");
        if let Some(event) = payload(packet).and_then(EventPayload::read) {
            digits.packet(now, header.timestamp, event, rate);
        }
        let _ = (digits.tick(now, Duration::from_millis(100)), digits.is_pressed(), reception.report());
    }
});
