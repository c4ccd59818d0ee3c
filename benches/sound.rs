//! What it costs to convert sound: CPU of the media thread per call, beside the cost of the codecs alone (D3: at most 1.3
//! times); then 200 recordings at once. `cargo bench --bench sound [-- CALLS [SECONDS [ROW]]]`, ROW a part of a row's name.
//! Packets go over loopback, so the cost in the core holds the system's for each packet in and out; a second figure is
//! that of the same calls relayed as they are, which is the price of the packets themselves. From law to law of G.711
//! nothing is opened: the relay looks each byte up, and that is what is measured.
#![allow(clippy::print_stdout, reason = "figures")]

use jackfield::bridge::*;
use jackfield::codec::{Coding, Decoder, Encoder, MAX_PACKET, Wishes};
use jackfield::media::{Directories, Media};
use jackfield::rtp::SourceRules;
use jackfield::rtp::packet::Header;
use jackfield::sdp::{Law, Translation};
use std::f64::consts::TAU;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::Path as File;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::Receiver;

/// Frames of a tone that are sent again and again.
const LOOP: usize = 50;

#[expect(clippy::disallowed_methods, reason = "a bench reads the clock")]
fn clock() -> Instant {
    Instant::now()
}

/// A second of speech-like sound as packets of 20 ms.
fn packets(coding: Coding) -> Vec<Vec<u8>> {
    let (count, rate) = (coding.samples(20), f64::from(coding.sample_rate()));
    let mut encoder = Encoder::new(coding);
    let voice = |at: usize| -> i16 {
        let t = at as f64 / rate;
        let loud = 2_500.0 * (TAU * 2.0 * t).sin().powi(2);
        (1..12).map(|h| loud / f64::from(h) * (TAU * 140.0 * f64::from(h) * t).sin()).sum::<f64>() as i16
    };
    let frame = |n: usize| {
        let samples: Vec<i16> = (n * count..(n + 1) * count).map(voice).collect();
        let mut payload = vec![0; 4096];
        let length = encoder.encode(&samples, &mut payload);
        payload.truncate(length);
        payload
    };
    (0..LOOP).map(frame).collect()
}

/// Microseconds of one call and second: both directions decoded and encoded, nothing else.
fn alone(a: Coding, b: Coding) -> f64 {
    let rate = [a, b].into_iter().filter(|c| !matches!(c, Coding::Opus(_))).map(Coding::sample_rate).max();
    let at = |coding: Coding| coding.at_rate(rate.unwrap_or(48_000));
    let mut spent = Duration::ZERO;
    // The least of several seconds: what disturbs a machine is no cost of ours. So below.
    for (from, to) in [(a, b), (b, a)] {
        let wire = packets(from);
        let (mut decoder, mut encoder) = (Decoder::new(at(from)), Encoder::new(at(to)));
        let (mut samples, mut payload) = (vec![0; MAX_PACKET], vec![0; 4096]);
        let count = at(to).samples(20);
        let mut least = Duration::MAX;
        for _ in 0..8 {
            let begun = clock();
            for packet in &wire {
                decoder.decode(packet, &mut samples);
                encoder.encode(&samples[..count], &mut payload);
            }
            least = least.min(begun.elapsed());
        }
        spent += least;
    }
    spent.as_secs_f64() * 1e6
}

/// Nanoseconds that threads of that name ran.
fn ran(name: &str) -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux").flatten();
    let times = tasks.filter_map(|task| {
        let comm = std::fs::read_to_string(task.path().join("comm")).ok()?;
        let schedstat = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        comm.starts_with(name).then(|| schedstat.split(' ').next()?.parse::<u64>().ok())?
    });
    times.sum()
}

struct Phone {
    socket: UdpSocket,
    port: PortId,
    to: SocketAddr,
    wire: Arc<Vec<Vec<u8>>>,
    step: u32,
}

struct World {
    media: Media,
    events: Receiver<MediaEvent>,
    phones: Vec<Phone>,
}

impl World {
    fn new(dir: &File) -> World {
        let directories = Directories { data: dir.into(), monitor: dir.into() };
        let (media, events) =
            Media::start_waking(1, 7, (Arc::new(|| ()), Arc::new(|| ())), directories).expect("starts");
        World { media, events, phones: Vec::new() }
    }

    fn phone(&mut self, coding: Coding, wire: &Arc<Vec<Vec<u8>>>) -> PortId {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        socket.set_nonblocking(true).expect("set");
        let port = PortId(self.phones.len() as u64);
        let open = Open {
            port,
            affinity: 0,
            bind: IpAddr::from([127, 0, 0, 1]),
            range: PortRange { first: 40_000, last: 49_999 },
            rules: SourceRules::default(),
            rtcp_port: false,
            tos: 0,
            timers: Timers { report: Duration::ZERO, ..Timers::default() },
        };
        let Some(MediaEvent::Opened { rtp, .. }) = self.media.submit(Plan::Open(Box::new(open))) else {
            panic!("no port")
        };
        let mut payloads = Payloads::default();
        payloads.set(96, PayloadUse::Media { clock_rate: coding.clock_rate() });
        let coded = StreamCoding {
            receive: vec![(96, coding)],
            send_number: 96,
            send: coding,
            packet_ms: 20,
            wishes: Wishes::default(),
        };
        let aim = Aim {
            remote: Whereto::At(socket.local_addr().expect("bound")),
            rtcp: None,
            rtcp_mux: false,
            send: true,
            receive: true,
            held: false,
            payloads,
            events: None,
            clock_rate: coding.clock_rate(),
            udptl: false,
            coding: Some(coded),
        };
        self.media.submit(Plan::Aim { port, aim: Box::new(aim) });
        let step = coding.clock_rate() / 50;
        self.phones.push(Phone { socket, port, to: rtp, wire: Arc::clone(wire), step });
        port
    }

    /// Everybody speaks for so long; microseconds of the threads of that name in the cheapest second, and packets heard.
    fn talk(&mut self, seconds: u32, names: &[&str]) -> (f64, u64) {
        let mut heard = 0;
        let (mut before, mut least) = (None, u64::MAX);
        let begun = clock();
        for frame in 0..(seconds + 1) * 50 {
            // A second to settle.
            if frame > 0 && frame % 50 == 0 {
                let now: u64 = names.iter().map(|name| ran(name)).sum();
                least = before.map_or(least, |before| least.min(now - before));
                before = Some(now);
            }
            std::thread::sleep(
                (begun + Duration::from_millis(20) * frame).saturating_duration_since(clock()),
            );
            let mut packet = [0; 2048];
            for phone in &self.phones {
                let header = Header {
                    marker: frame == 0,
                    payload_type: 96,
                    sequence: frame as u16,
                    timestamp: frame * phone.step,
                    ssrc: 9,
                };
                let payload = &phone.wire[frame as usize % LOOP];
                let length = header.build(payload, &mut packet).expect("fits");
                phone.socket.send_to(&packet[..length], phone.to).expect("sent");
            }
            for phone in &self.phones {
                while phone.socket.recv(&mut packet).is_ok() {
                    heard += 1;
                }
            }
        }
        let now: u64 = names.iter().map(|name| ran(name)).sum();
        least = before.map_or(least, |before| least.min(now - before));
        (least as f64 / 1e3, heard)
    }

    fn end(mut self) {
        for phone in &self.phones {
            self.media.submit(Plan::Close { port: phone.port });
        }
        drop(self.media);
        while self.events.try_recv().is_ok() {}
    }
}

fn converted(a: Coding, b: Coding, calls: u64, seconds: u32, dir: &File) -> (f64, f64) {
    let mut cost = [0.0; 2];
    for (opened, cost) in [true, false].into_iter().zip(&mut cost) {
        let mut world = World::new(dir);
        let wires = [a, b].map(|coding| Arc::new(packets(coding)));
        for call in 0..calls {
            let ports = [world.phone(a, &wires[0]), world.phone(b, &wires[1])];
            if opened && (a, b) != (Coding::Ulaw, Coding::Alaw) {
                for port in ports {
                    let order = SoundOrder::Enter { room: RoomId(call), seat: Seat::FULL };
                    world.media.submit(Plan::Sound { port, order: Box::new(order) });
                }
            } else {
                let path = |law| {
                    let mut numbers = Translation::NOTHING;
                    match opened {
                        true => numbers.exchange(96, 96, law),
                        false => numbers.set(96, 96),
                    }
                    Box::new(Path { numbers })
                };
                let [a, b] = ports;
                let (a_to_b, b_to_a) = (path(Law::A), path(Law::Micro));
                world.media.submit(Plan::Join { a, b, a_to_b, b_to_a });
            }
        }
        let (micros, heard) = world.talk(seconds, &["media"]);
        assert!(heard * 10 > calls * 2 * u64::from(seconds) * 50 * 9, "{heard} packets came");
        *cost = micros / calls as f64;
        world.end();
    }
    (cost[0], cost[1])
}

/// Microseconds a second of the media threads and the file thread for each recording, and of the same packets received
/// and not opened.
fn recorded(count: u64, seconds: u32, dir: &File) {
    let wire = Arc::new(packets(Coding::Ulaw));
    let mut world = World::new(dir);
    for _ in 0..count {
        world.phone(Coding::Ulaw, &wire);
    }
    let (received, _) = world.talk(seconds, &["media"]);
    world.end();
    let mut world = World::new(dir);
    for number in 0..count {
        let port = world.phone(Coding::Ulaw, &wire);
        let record = Record {
            path: format!("{number}.wav").into(),
            place: RecordPlace::Monitor,
            sides: Sides::Heard,
            append: false,
            only_bridged: false,
            silence: None,
            most: None,
            beep: None,
            volumes: (0, 0),
            then: None,
            lost_unended: false,
        };
        let order = SoundOrder::Record { id: SoundId(number), record: Box::new(record) };
        world.media.submit(Plan::Sound { port, order: Box::new(order) });
    }
    let files = ran("sound-files");
    let (micros, _) = world.talk(seconds, &["media"]);
    let files = (ran("sound-files") - files) as f64 / 1e3 / f64::from(seconds + 1);
    world.end();
    let bytes: u64 = (0..count)
        .map(|number| std::fs::metadata(dir.join(format!("{number}.wav"))).map_or(0, |file| file.len()))
        .sum();
    let whole = f64::from(seconds + 1) * 16_000.0 * count as f64;
    println!(
        "{count} recordings at once, µs per recording and second: {:.0} of the media thread, of which {:.0} to receive the \
         packets, and {:.0} of the file thread; {:.1} % of the sound is in the files",
        micros / count as f64,
        received / count as f64,
        files / count as f64,
        100.0 * bytes as f64 / whole
    );
}

fn main() {
    let mut args = std::env::args().skip(1).filter(|a| a != "--bench").filter_map(|a| a.parse::<u32>().ok());
    let (calls, seconds) = (u64::from(args.next().unwrap_or(30)), args.next().unwrap_or(4));
    let row =
        std::env::args().filter(|arg| arg.parse::<u32>().is_err()).nth(1).filter(|arg| arg != "--bench");
    let dir = std::env::temp_dir().join(format!("jackfield-bench-sound-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("writable");
    println!("µs per call and second ({calls} calls, one media thread)");
    println!(
        "codecs                 codecs alone   in the core   relayed   core/codecs   (core-relay)/codecs"
    );
    let opus = Coding::Opus(48_000);
    for (name, a, b) in [
        ("ulaw - alaw", Coding::Ulaw, Coding::Alaw),
        ("g722 - ulaw", Coding::G722, Coding::Ulaw),
        ("g726 - alaw", Coding::G726, Coding::Alaw),
        ("opus - ulaw (at 8 kHz)", opus, Coding::Ulaw),
        ("opus - g722 (16 kHz)", opus, Coding::G722),
    ] {
        if row.as_ref().is_some_and(|row| !name.contains(row.as_str())) {
            continue;
        }
        let own = alone(a, b);
        let (core, relay) = converted(a, b, calls, seconds, &dir);
        println!(
            "{name:<22} {own:>12.0} {core:>13.0} {relay:>9.0} {:>13.2} {:>21.2}",
            core / own,
            (core - relay) / own
        );
    }
    if row.is_none_or(|row| "recordings".contains(row.as_str())) {
        recorded(200, seconds, &dir);
    }
    let _ = std::fs::remove_dir_all(&dir);
}
