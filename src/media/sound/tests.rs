//! The path of a frame in virtual time: packets of one phone through jitter buffer, decoder, room and encoder to the
//! other, over a network that loses and delays as a seed says.

use super::leg::{Leg, Said};
use super::saying::{Packet, Way};
use crate::base::rng::Rng;
use crate::base::time::Moment;
use crate::bridge::{RoomId, Seat, StreamCoding};
use crate::codec::{Coding, Decoder, Encoder, MAX_PACKET, MAX_PAYLOAD, MAX_RATE, Wishes};
use crate::rtp::{Header, JitterRules};
use std::f64::consts::TAU;

/// What a network does to packets.
#[derive(Clone, Copy, Debug, Default)]
struct Weather {
    seed: u64,
    loss_percent: u32,
    jitter_ms: u32,
    /// Nothing arrives between these milliseconds; all of it then.
    stall: Option<(u32, u32)>,
}

const CALM: Weather = Weather { seed: 1, loss_percent: 0, jitter_ms: 0, stall: None };
/// D2: 5 % loss, 40 ms of jitter.
const STORM: Weather = Weather { loss_percent: 5, jitter_ms: 40, ..CALM };

const ALL: [Coding; 10] = [
    Coding::Ulaw,
    Coding::Alaw,
    Coding::G722,
    Coding::Gsm,
    Coding::G726,
    Coding::G726Aal2,
    Coding::Opus(48_000),
    Coding::Linear(8_000),
    Coding::Linear(16_000),
    Coding::Linear(48_000),
];
const PTIMES: [u32; 5] = [10, 20, 30, 40, 60];

/// What the other phone got.
#[derive(Default)]
struct Got {
    packets: Vec<(u32, u32)>,
    samples: Vec<i16>,
}

struct Phone {
    decoder: Decoder,
    got: Got,
    payload: [u8; MAX_PAYLOAD],
}

impl Way for Phone {
    fn timestamp(&self, now: Moment) -> u32 {
        (now.0 / 125) as u32
    }

    fn payload(&mut self) -> &mut [u8] {
        &mut self.payload
    }

    fn send(&mut self, _: Moment, packet: Packet) {
        let mut out = [0; MAX_PACKET];
        let count = self.decoder.decode(&self.payload[..packet.bytes], &mut out);
        self.got.packets.push((packet.timestamp, count as u32));
        self.got.samples.extend_from_slice(&out[..count]);
    }
}

fn leg(coding: Coding, ms: u32) -> Leg {
    let coding = StreamCoding {
        receive: vec![(96, coding)],
        send_number: 96,
        send: coding,
        packet_ms: ms as u16,
        wishes: Wishes::default(),
    };
    Leg::new(Some(&coding), JitterRules::default())
}

/// Both in one room, as `settle_rate` has it; its rate.
fn seat(legs: &mut [Leg]) -> u32 {
    let wanted = legs.iter().filter_map(Leg::own_rate).max().unwrap_or(MAX_RATE);
    legs.iter_mut().for_each(|leg| leg.fit(wanted));
    let rate = legs.iter().map(|leg| leg.rate).max().expect("not empty");
    legs.iter_mut().for_each(|leg| leg.sit(RoomId(1), Seat::FULL, rate));
    rate
}

/// A tone's packets with their times of arrival, in that order.
fn spoken(from: Coding, ms: u32, hertz: f64, millis: u32, weather: Weather) -> Vec<(u64, Header, Vec<u8>)> {
    let ms = from.packet_ms(ms);
    let (mut encoder, mut random) = (Encoder::new(from), Rng::seeded(weather.seed));
    let (count, rate) = (from.samples(ms), from.sample_rate());
    let (mut packets, mut lost_ms) = (Vec::new(), 0);
    for n in 0..millis / ms {
        let start = n as usize * count;
        let tone = |at: usize| (8000.0 * (TAU * hertz * at as f64 / f64::from(rate)).sin()) as i16;
        let samples: Vec<i16> = (start..start + count).map(tone).collect();
        let mut payload = vec![0; 4096];
        let length = encoder.encode(&samples, &mut payload);
        payload.truncate(length);
        let mut arrival = u64::from(n * ms) * 1000 + random.below(u64::from(weather.jitter_ms) * 1000 + 1);
        if let Some((from, until)) = weather.stall
            && (u64::from(from) * 1000..u64::from(until) * 1000).contains(&arrival)
        {
            arrival = u64::from(until) * 1000;
        }
        let timestamp = n * ms * (from.clock_rate() / 1000);
        let header = Header { marker: n == 0, payload_type: 96, sequence: n as u16, timestamp, ssrc: 7 };
        // More than 120 ms at once cannot be made up by anybody.
        let lost = random.below(100) < u64::from(weather.loss_percent) && lost_ms + ms <= 120;
        lost_ms = if lost { lost_ms + ms } else { 0 };
        if !lost {
            packets.push((arrival, header, payload));
        }
    }
    packets.sort_by_key(|(arrival, header, _)| (*arrival, header.sequence));
    packets
}

/// A tone from one phone to the other; with frames made up at once where the server itself was late.
fn pass(from: (Coding, u32), to: (Coding, u32), hertz: f64, millis: u32, weather: Weather) -> Got {
    let mut legs = [leg(from.0, from.1), leg(to.0, to.1)];
    let rate = seat(&mut legs);
    let samples = (rate / 50) as usize;
    let mut phone = Phone { decoder: Decoder::new(to.0), got: Got::default(), payload: [0; MAX_PAYLOAD] };
    let mut arriving = spoken(from.0, from.1, hertz, millis, weather).into_iter().peekable();
    let mut ended = Vec::new();
    let [speaker, hearer] = &mut legs;
    for now in (0..=u64::from(millis) * 1000).step_by(20_000) {
        while let Some((came, header, payload)) = arriving.next_if(|(came, ..)| *came <= now) {
            speaker.packet(Moment(came), header, &payload);
        }
        speaker.listen(Moment(now), |news| panic!("{news:?}"));
        hearer.listen(Moment(now), |news| panic!("{news:?}"));
        let sitting = speaker.sitting.as_ref().expect("seated");
        let silence = [0; crate::codec::MAX_FRAME];
        let room = if sitting.speaks { &speaker.given()[..samples] } else { &silence[..samples] };
        assert!(hearer.speak(Said::Room(room), &mut ended));
        let frame = hearer.frame_samples();
        let saying = hearer.saying.as_mut().expect("a coding");
        saying.frame(Moment(now), &hearer.said[..frame], &mut phone);
    }
    phone.got
}

fn tone(samples: &[i16], hertz: f64, rate: u32) -> f64 {
    let (mut re, mut im) = (0.0, 0.0);
    for (at, sample) in samples.iter().enumerate() {
        let turn = TAU * hertz * at as f64 / f64::from(rate);
        re += f64::from(*sample) * turn.cos();
        im += f64::from(*sample) * turn.sin();
    }
    2.0 * (re * re + im * im).sqrt() / samples.len().max(1) as f64
}

/// Frequency and level of what came out, the longest gap in milliseconds, and how much of the time the tone was there.
fn judge(from: (Coding, u32), to: (Coding, u32), millis: u32, weather: Weather) {
    const HERTZ: f64 = 1100.0;
    let got = pass(from, to, HERTZ, millis, weather);
    let what = format!("{from:?} to {to:?} in {weather:?}");
    let rate = to.0.sample_rate();
    let step = to.0.clock_rate() / 1000 * to.0.packet_ms(to.1);
    assert!(got.packets.windows(2).all(|two| two[1].0 == two[0].0 + step), "{what}: {:?}", got.packets);
    let sent = got.samples.len() as u32 * 1000 / rate;
    assert!(sent + to.1 + 20 >= millis, "{what}: {sent} ms of {millis} were sent");
    let window = (rate / 100) as usize;
    // The delay of the jitter buffer, a packet at each end, and what coders need to begin.
    let levels: Vec<f64> =
        got.samples.chunks_exact(window).skip(16).map(|part| tone(part, HERTZ, rate)).collect();
    let mut sorted = levels.clone();
    sorted.sort_by(f64::total_cmp);
    let median = sorted[sorted.len() / 2];
    // A pulse train renders a pure tone only roughly.
    let rough = [from.0, to.0].contains(&Coding::Gsm);
    let right = if rough { 5800.0..10_200.0 } else { 7000.0..9000.0 };
    assert!(right.contains(&median), "{what}: the level is {median}");
    let gap = levels.split(|level| *level >= 1000.0).map(<[f64]>::len).max().unwrap_or(0) * 10;
    let quiet = levels.iter().position(|level| *level < 1000.0).unwrap_or(0);
    let around = &levels[quiet.saturating_sub(20)..(quiet + 20).min(levels.len())];
    assert!(gap <= 40, "{what}: a gap of {gap} ms from {} ms: {around:.0?}", quiet * 10);
    let heard = levels.iter().filter(|level| **level >= 3000.0).count();
    assert!(heard * 10 >= levels.len() * 9, "{what}: {heard} of {} were loud: {levels:.0?}", levels.len());
}

/// D2: every pair of codecs, each with every length of packets on both sides.
#[test]
fn a_tone_passes_between_any_two_codecs_and_packet_lengths() {
    for (x, from) in ALL.into_iter().enumerate() {
        for (y, to) in ALL.into_iter().enumerate() {
            for (n, ms) in PTIMES.into_iter().enumerate() {
                judge((from, ms), (to, PTIMES[(x + y + n) % 5]), 700, CALM);
            }
        }
    }
}

/// D2: with 5 % loss and 40 ms of jitter no gap is longer than 40 ms.
#[test]
fn loss_and_jitter_leave_no_gap_over_forty_milliseconds() {
    for (x, from) in ALL.into_iter().enumerate() {
        let to = ALL[(x * 3 + 1) % ALL.len()];
        for (n, ms) in PTIMES.into_iter().enumerate() {
            let weather = Weather { seed: (x * 5 + n) as u64 + 1, ..STORM };
            judge((from, ms), (to, PTIMES[(x + n) % 5]), 3_000, weather);
        }
    }
    for seed in 100..130 {
        for ms in PTIMES {
            judge((Coding::Ulaw, ms), (Coding::Alaw, 20), 3_000, Weather { seed, ..STORM });
        }
    }
}

/// A server that was stopped for a third of a second has all that came meanwhile, and loses none of it.
#[test]
fn what_came_while_we_were_late_is_heard() {
    let weather = Weather { stall: Some((1_000, 1_340)), ..CALM };
    let got = pass((Coding::Ulaw, 20), (Coding::Ulaw, 20), 1100.0, 4_000, weather);
    let loud = got.samples.chunks_exact(80).filter(|part| tone(part, 1100.0, 8000) > 6000.0).count() * 10;
    assert!(loud >= 3_500, "{loud} of 4000 ms");
}

/// Nothing is allocated for a frame, whatever the codecs and lengths of packets.
#[test]
fn a_frame_allocates_nothing() {
    for (x, from) in ALL.into_iter().enumerate() {
        let to = ALL[(x + 1) % ALL.len()];
        let mut legs = [leg(from, 20), leg(to, 40)];
        let samples = (seat(&mut legs) / 50) as usize;
        let packets = spoken(from, 20, 700.0, 5_000, STORM);
        let mut arriving = packets.iter().peekable();
        let [speaker, hearer] = &mut legs;
        struct Nobody([u8; MAX_PAYLOAD]);
        impl Way for Nobody {
            fn timestamp(&self, _: Moment) -> u32 {
                0
            }
            fn payload(&mut self) -> &mut [u8] {
                &mut self.0
            }
            fn send(&mut self, _: Moment, _: Packet) {}
        }
        let mut nobody = Nobody([0; MAX_PAYLOAD]);
        let mut ended = Vec::new();
        let mut turn = |now: u64| {
            while let Some((came, header, payload)) = arriving.next_if(|(came, ..)| *came <= now) {
                speaker.packet(Moment(*came), *header, payload);
            }
            speaker.listen(Moment(now), |_| ());
            hearer.speak(Said::Room(&speaker.given()[..samples]), &mut ended);
            let frame = hearer.frame_samples();
            hearer.saying.as_mut().expect("a coding").frame(Moment(now), &hearer.said[..frame], &mut nobody);
        };
        // Each place of the jitter buffer has held a packet.
        (0..200).for_each(|n| turn(n * 20_000));
        let info = allocation_counter::measure(|| (200..250).for_each(|n| turn(n * 20_000)));
        assert_eq!(info.count_total, 0, "{from:?} to {to:?}: {} bytes", info.bytes_total);
    }
}
