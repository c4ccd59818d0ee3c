//! A conference of 50: what mixing costs beside the codecs' own work (D3: at most 1.3 times), and what a party costs a
//! media thread with its sockets. `cargo bench --bench mix`.

#![expect(clippy::print_stdout, reason = "a benchmark tells its figures")]

use jackfield::bridge::*;
use jackfield::codec::{Coding, Decoder, Encoder, Mix};
use jackfield::media::Media;
use jackfield::rtp::SourceRules;
use jackfield::rtp::packet::Header;
use std::hint::black_box;
use std::net::{IpAddr, UdpSocket};
use std::time::{Duration, Instant};

const PARTIES: usize = 50;
/// Frames measured: a minute of sound.
const FRAMES: usize = 3_000;

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn clock() -> Instant {
    Instant::now()
}

fn main() {
    println!("{PARTIES} parties, microseconds a frame of 20 ms");
    for coding in [Coding::Ulaw, Coding::G722] {
        for voices in [PARTIES, 3] {
            pure(coding, voices);
        }
    }
    for voices in [PARTIES, 3] {
        sockets(voices);
    }
}

/// Some speech-like noise.
fn sound(samples: usize) -> Vec<i16> {
    let mut seed = 1u32;
    (0..samples)
        .map(|_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 18) as i16 - 8_192
        })
        .collect()
}

/// Decoders, a mix and encoders, without packets; beside the same decoders and encoders alone.
fn pure(coding: Coding, voices: usize) {
    let samples = coding.samples(20);
    let mut payload = vec![0; 2 * samples];
    let length = Encoder::new(coding).encode(&sound(samples), &mut payload);
    let mut decoders: Vec<Decoder> = (0..PARTIES).map(|_| Decoder::new(coding)).collect();
    let mut encoders: Vec<Encoder> = (0..PARTIES).map(|_| Encoder::new(coding)).collect();
    let mut decoded = vec![vec![0i16; samples]; PARTIES];
    let mut bytes = vec![0u8; 2 * samples];
    let begun = clock();
    for _ in 0..FRAMES {
        for ((decoder, encoder), decoded) in decoders.iter_mut().zip(&mut encoders).zip(&mut decoded) {
            decoder.decode(&payload[..length], decoded);
            black_box(encoder.encode(decoded, &mut bytes));
        }
    }
    let alone = begun.elapsed();
    let mut mix = Box::new(Mix::default());
    let mut own = vec![0i16; samples];
    let mut shared = vec![0u8; 2 * samples];
    let begun = clock();
    for _ in 0..FRAMES {
        mix.begin(samples);
        for (decoder, decoded) in decoders.iter_mut().zip(&mut decoded) {
            decoder.decode(&payload[..length], decoded);
        }
        decoded.iter().take(voices).for_each(|voice| mix.add(voice));
        mix.close();
        for (encoder, decoded) in encoders.iter_mut().zip(&decoded).take(voices) {
            mix.others(decoded, &mut own);
            black_box(encoder.encode(&own, &mut bytes));
        }
        // Those who say nothing hear the same: encoded once where the coding has no memory.
        if coding.has_no_memory() && voices < PARTIES {
            black_box(encoders[PARTIES - 1].encode(mix.all(), &mut shared));
        } else {
            for encoder in encoders.iter_mut().skip(voices) {
                black_box(encoder.encode(mix.all(), &mut bytes));
            }
        }
    }
    let mixed = begun.elapsed();
    let each = |time: Duration| time.as_secs_f64() * 1e6 / FRAMES as f64;
    println!(
        "{coding:?}, {voices} talk: codecs alone {:.1}, with mixing {:.1}: {:.2} times",
        each(alone),
        each(mixed),
        mixed.as_secs_f64() / alone.as_secs_f64()
    );
}

/// The same through a media thread over loopback: its own processor time for each party.
fn sockets(voices: usize) {
    let (mut media, _events) = Media::start(1, 1).expect("threads start");
    let range = PortRange { first: 30_000, last: 30_999 };
    let mut payloads = Payloads::default();
    payloads.set(0, PayloadUse::Media { clock_rate: 8000 });
    let mut phones = Vec::new();
    for number in 0..PARTIES as u64 {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        socket.set_nonblocking(true).expect("set");
        let port = PortId(number);
        let opened = media.submit(Plan::Open(Box::new(Open {
            port,
            affinity: 0,
            bind: IpAddr::from([127, 0, 0, 1]),
            range,
            rules: SourceRules::default(),
            rtcp_port: false,
            tos: 0,
            timers: Timers { report: Duration::ZERO, ..Timers::default() },
        })));
        let Some(MediaEvent::Opened { rtp, .. }) = opened else { panic!("no port: {opened:?}") };
        let aim = Aim {
            remote: Whereto::At(socket.local_addr().expect("bound")),
            rtcp: None,
            rtcp_mux: false,
            send: true,
            receive: true,
            held: false,
            payloads: payloads.clone(),
            events: None,
            clock_rate: 8000,
            udptl: false,
            coding: Some(StreamCoding {
                receive: vec![(0, Coding::Ulaw)],
                send_number: 0,
                send: Coding::Ulaw,
                packet_ms: 20,
                wishes: Default::default(),
            }),
        };
        media.submit(Plan::Aim { port, aim: Box::new(aim) });
        let order = SoundOrder::Enter { room: RoomId(1), seat: Seat::FULL };
        media.submit(Plan::Sound { port, order: Box::new(order) });
        phones.push((socket, rtp));
    }
    let mut payload = [0u8; 160];
    Encoder::new(Coding::Ulaw).encode(&sound(160), &mut payload);
    let (mut packet, mut heard) = ([0; 172], 0u64);
    let mut turn = |sequence: u16| {
        for (socket, to) in phones.iter().take(voices) {
            let header = Header {
                marker: false,
                payload_type: 0,
                sequence,
                timestamp: u32::from(sequence) * 160,
                ssrc: 9,
            };
            let length = header.build(&payload, &mut packet).expect("fits");
            let _ = socket.send_to(&packet[..length], to);
        }
        for (socket, _) in &phones {
            while socket.recv(&mut [0; 256]).is_ok() {
                heard += 1;
            }
        }
    };
    let begun = clock();
    let mut before = None;
    let frames = 300u16;
    for sequence in 0..frames + 50 {
        std::thread::sleep(
            (begun + Duration::from_millis(20) * u32::from(sequence)).saturating_duration_since(clock()),
        );
        turn(sequence);
        if sequence == 50 {
            before = thread_time();
        }
    }
    let (Some(before), Some(after)) = (before, thread_time()) else {
        return println!("the time of a thread cannot be read here");
    };
    let each = (after - before).as_secs_f64() * 1e6 / f64::from(frames) / PARTIES as f64;
    println!("media thread, {voices} talk: {each:.2} a party and frame, {heard} packets heard");
}

/// Processor time of the media thread so far, from the system's scheduler statistics.
fn thread_time() -> Option<Duration> {
    let tasks = std::fs::read_dir("/proc/self/task").ok()?;
    for task in tasks.flatten() {
        let name = std::fs::read_to_string(task.path().join("comm")).ok()?;
        if name.trim().starts_with("media") {
            let stat = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
            return Some(Duration::from_nanos(stat.split_whitespace().next()?.parse().ok()?));
        }
    }
    None
}
