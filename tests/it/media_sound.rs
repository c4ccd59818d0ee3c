//! Opened sound through the media threads over loopback: files and tones played, recordings written, rooms in which
//! codecs, rates and packet lengths differ, with loss and jitter.

pub use crate::shared::sound::{sine, tone, write_wav};
use jackfield::bridge::*;
use jackfield::codec::{Coding, Decoder, Encoder, ToneList, Wishes};
use jackfield::media::{Directories, Media};
use jackfield::rtp::packet::Header;
use jackfield::rtp::{Digit, DtmfEvent, SourceRules};
use std::f64::consts::TAU;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::Receiver;

/// Longest wait for anything.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub struct World {
    pub media: Media,
    pub events: Receiver<MediaEvent>,
    pub range: PortRange,
    pub dir: PathBuf,
    pub next: u64,
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// A phone that speaks one codec.
pub struct Phone {
    pub socket: UdpSocket,
    pub port: PortId,
    pub to: SocketAddr,
    pub coding: Coding,
    pub encoder: Encoder,
    pub decoder: Decoder,
    pub ms: u32,
    pub sequence: u16,
    pub at: usize,
    /// What came and was not asked for yet: a socket holds only so many packets.
    got: (Vec<i16>, Vec<Header>),
}

impl World {
    pub fn new() -> World {
        World::with_threads(1)
    }

    pub fn with_threads(threads: usize) -> World {
        static NEXT: AtomicU16 = AtomicU16::new(26_000);
        static DIRS: AtomicU32 = AtomicU32::new(0);
        let first = NEXT.fetch_add(20, Ordering::Relaxed);
        let number = DIRS.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("jackfield-sound-{}-{number}", std::process::id()));
        std::fs::create_dir_all(dir.join("sounds")).expect("writable");
        let directories = Directories { data: dir.clone(), monitor: dir.join("monitor") };
        let (media, events) =
            Media::start_waking(threads, 42, (Arc::new(|| ()), Arc::new(|| ())), directories)
                .expect("starts");
        World { media, events, range: PortRange { first, last: first + 19 }, dir, next: 0 }
    }

    /// A phone with a port of its own; `affinity` picks its thread.
    pub fn phone(&mut self, coding: Coding, ms: u16, affinity: u64) -> Phone {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        socket.set_read_timeout(Some(PATIENCE)).expect("set");
        let port = PortId(self.next);
        self.next += 1;
        let open = Open {
            port,
            affinity,
            bind: IpAddr::from([127, 0, 0, 1]),
            range: self.range,
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
        payloads.set(101, PayloadUse::Event { clock_rate: 8000 });
        let aim = Aim {
            remote: Whereto::At(socket.local_addr().expect("bound")),
            rtcp: None,
            rtcp_mux: false,
            send: true,
            receive: true,
            held: false,
            payloads,
            events: Some((101, 8000)),
            clock_rate: coding.clock_rate(),
            udptl: false,
            coding: Some(StreamCoding {
                receive: vec![(96, coding)],
                send_number: 96,
                send: coding,
                packet_ms: ms,
                wishes: Wishes::default(),
            }),
        };
        self.media.submit(Plan::Aim { port, aim: Box::new(aim) });
        Phone {
            socket,
            port,
            to: rtp,
            coding,
            encoder: Encoder::new(coding),
            decoder: Decoder::new(coding),
            ms: u32::from(ms),
            sequence: 0,
            at: 0,
            got: Default::default(),
        }
    }

    pub fn order(&mut self, phone: &Phone, order: SoundOrder) {
        self.media.submit(Plan::Sound { port: phone.port, order: Box::new(order) });
    }

    pub fn enter(&mut self, phone: &Phone, room: u64) {
        self.order(phone, SoundOrder::Enter { room: RoomId(room), seat: Seat::FULL });
    }

    pub fn play(&mut self, phone: &Phone, id: u64, name: &str) {
        let pieces = name.split('&').map(|name| Piece::Prompt(name.into())).collect();
        let source = SoundSource::Files(Box::new(FileOrder { pieces, repeat: false, language: "en".into() }));
        self.order(phone, SoundOrder::Play { id: SoundId(id), source, over: Over::Replaces });
    }

    /// The next event that `pick` knows.
    pub fn event<T>(&mut self, pick: impl Fn(MediaEvent) -> Option<T>) -> T {
        let until = clock() + PATIENCE;
        while clock() < until {
            match self.events.try_recv() {
                Ok(event) => {
                    if let Some(found) = pick(event) {
                        return found;
                    }
                }
                Err(_) => std::thread::sleep(Duration::from_millis(2)),
            }
        }
        panic!("no such event");
    }

    pub fn end_of(&mut self, sound: u64) -> SoundEnd {
        self.event(|event| match event {
            MediaEvent::SoundEnded { id: SoundId(id), end, .. } if id == sound => Some(end),
            _ => None,
        })
    }
}

impl Phone {
    /// 20 ms of the digit 5: two tones in one packet of G.711.
    fn press_five(&mut self) {
        let (samples, rate, at) = (160, 8000.0, self.at);
        let both: Vec<i16> = (at..at + samples)
            .map(|at| {
                let turn = TAU * at as f64 / rate;
                (5000.0 * ((turn * 770.0).sin() + (turn * 1336.0).sin())) as i16
            })
            .collect();
        let mut payload = [0; 160];
        self.encoder.encode(&both, &mut payload);
        let sequence = self.sequence;
        let header = Header { marker: false, payload_type: 96, sequence, timestamp: at as u32, ssrc: 7 };
        let mut packet = [0; 172];
        header.build(&payload, &mut packet).expect("fits");
        self.socket.send_to(&packet, self.to).expect("sends");
        (self.at, self.sequence) = (at + samples, self.sequence + 1);
        self.collect();
    }

    /// Sends one packet of a tone; `skip`: it is lost on the way.
    pub fn speak(&mut self, hertz: f64, skip: bool) {
        let rate = self.coding.sample_rate();
        let count = self.coding.samples(self.ms);
        let samples: Vec<i16> = (self.at..self.at + count)
            .map(|at| if hertz == 0.0 { 0.0 } else { 8000.0 * (TAU * hertz * at as f64 / f64::from(rate)).sin() } as i16)
            .collect();
        let timestamp = (self.at as u64 * u64::from(self.coding.clock_rate()) / u64::from(rate)) as u32;
        self.at += count;
        let mut payload = [0; 2048];
        let length = self.encoder.encode(&samples, &mut payload);
        let header = Header { marker: false, payload_type: 96, sequence: self.sequence, timestamp, ssrc: 7 };
        self.sequence += 1;
        if !skip {
            let mut packet = [0; 2100];
            let length = header.build(&payload[..length], &mut packet).expect("fits");
            self.socket.send_to(&packet[..length], self.to).expect("sends");
        }
        self.collect();
    }

    /// Waits until so many milliseconds of sound came.
    fn heard_at_least(&mut self, ms: u32) -> (Vec<i16>, Vec<Header>) {
        let until = clock() + PATIENCE;
        let (mut samples, mut headers) = self.heard();
        while (samples.len() as u32) < self.coding.sample_rate() / 1000 * ms {
            assert!(clock() < until, "{} ms did not come", ms);
            std::thread::yield_now();
            let more = self.heard();
            samples.extend(more.0);
            headers.extend(more.1);
        }
        (samples, headers)
    }

    /// What came so far, decoded, with the headers.
    pub fn heard(&mut self) -> (Vec<i16>, Vec<Header>) {
        self.collect();
        std::mem::take(&mut self.got)
    }

    fn collect(&mut self) {
        self.socket.set_nonblocking(true).expect("set");
        let (mut packet, mut out) = ([0; 4096], [0; 5760]);
        while let Ok(length) = self.socket.recv(&mut packet) {
            let header = Header::read(&packet[..length]).expect("RTP");
            if header.payload_type == 96 {
                let count = self.decoder.decode(&packet[12..length], &mut out);
                self.got.0.extend_from_slice(&out[..count]);
                self.got.1.push(header);
            }
        }
    }
}

fn write_coded(path: &Path, coding: Coding, samples: &[i16]) {
    let mut bytes = vec![0; samples.len() * 2];
    let length = Encoder::new(coding).encode(samples, &mut bytes);
    std::fs::write(path, &bytes[..length]).expect("written");
}

#[expect(clippy::disallowed_methods, reason = "the phones of this test keep the pace of real ones")]
pub fn clock() -> Instant {
    Instant::now()
}

/// Sleeps until `at`: this file keeps the pace of phones.
pub fn until(at: Instant) {
    std::thread::sleep(at.saturating_duration_since(clock()));
}

/// S1-39: each kind of file is heard, at its own frequency, by a phone of each codec; the stream has no gap.
#[test]
fn files_of_every_kind_are_heard() {
    let mut world = World::new();
    let sounds = world.dir.join("sounds");
    write_wav(&sounds.join("one.wav"), 8000, &sine(500.0, 8000, 0.3));
    write_wav(&sounds.join("two.wav16"), 16_000, &sine(600.0, 16_000, 0.3));
    write_coded(&sounds.join("three.ulaw"), Coding::Ulaw, &sine(700.0, 8000, 0.3));
    write_coded(&sounds.join("four.alaw"), Coding::Alaw, &sine(800.0, 8000, 0.3));
    write_coded(&sounds.join("five.g722"), Coding::G722, &sine(900.0, 16_000, 0.3));
    let linear: Vec<u8> = sine(1000.0, 8000, 0.3).iter().flat_map(|sample| sample.to_le_bytes()).collect();
    std::fs::write(sounds.join("six.sln"), linear).expect("written");
    let mut phones: Vec<Phone> = [Coding::Ulaw, Coding::Alaw, Coding::G722, Coding::Linear(16_000)]
        .map(|c| world.phone(c, 20, 0))
        .into();
    for (id, phone) in phones.iter().enumerate() {
        world.play(phone, id as u64, "one&two&three&four&five&six&beep&silence/1");
    }
    for id in 0..phones.len() {
        assert_eq!(world.end_of(id as u64), SoundEnd::Done);
    }
    for phone in &mut phones {
        let (heard, headers) = phone.heard();
        let rate = phone.coding.sample_rate();
        assert!(headers[0].marker && headers[1..].iter().all(|header| !header.marker));
        let step = phone.coding.clock_rate() / 50;
        for pair in headers.windows(2) {
            let steps = (
                pair[1].sequence.wrapping_sub(pair[0].sequence),
                pair[1].timestamp.wrapping_sub(pair[0].timestamp),
            );
            assert_eq!(steps, (1, step));
        }
        // Where the sound begins; then each piece in its third of a second.
        let start = heard.iter().position(|sample| sample.abs() > 500).expect("sound");
        for (at, hertz) in [500.0, 600.0, 700.0, 800.0, 900.0, 1000.0].into_iter().enumerate() {
            let third = |n: f64| start + (f64::from(rate) * 0.3 * n) as usize;
            let piece = &heard[third(at as f64 + 0.2)..third(at as f64 + 0.8)];
            let level = tone(piece, hertz, rate);
            assert!((7000.0..9000.0).contains(&level), "{:?} {hertz}: {level}", phone.coding);
        }
    }
}

#[test]
fn what_cannot_be_played_is_told_and_what_plays_can_be_stopped() {
    let mut world = World::new();
    std::fs::write(world.dir.join("sounds/broken.wav"), b"RIFF nonsense").expect("written");
    let mut phone = world.phone(Coding::Alaw, 20, 0);
    world.play(&phone, 1, "missing");
    assert!(matches!(world.end_of(1), SoundEnd::Failed(why) if why.contains("'missing'")));
    world.play(&phone, 2, "broken");
    assert!(
        matches!(world.end_of(2), SoundEnd::Failed(why) if why.contains("broken.wav: that is no WAVE file"))
    );
    // Among others it is passed over, and nothing of them is cut.
    std::fs::write(world.dir.join("sounds/good.ulaw"), vec![0x10; 1_000]).expect("written");
    world.play(&phone, 5, "good&missing&broken&good&missing");
    assert_eq!(world.end_of(5), SoundEnd::Done);
    let loud = phone.heard_at_least(240).0.iter().filter(|sample| sample.abs() > 1000).count();
    assert_eq!(loud, 2_000);
    let source = SoundSource::Tones(ToneList::parse("425/480,0/480").expect("busy"));
    world.order(&phone, SoundOrder::Play { id: SoundId(3), source, over: Over::Replaces });
    phone.heard();
    let (mut heard, _) = phone.heard_at_least(560);
    world.order(&phone, SoundOrder::Stop { id: SoundId(3) });
    assert_eq!(world.end_of(3), SoundEnd::Stopped);
    heard.extend(phone.heard().0);
    let start = heard.iter().position(|sample| sample.abs() > 500).expect("a tone");
    assert!(tone(&heard[start..start + 3200], 425.0, 8000) > 6800.0);
    let pause = &heard[start + 3900..(start + 7600).min(heard.len())];
    assert!(pause.iter().all(|sample| sample.abs() < 50), "the pause of the busy tone");
    // The clock of this thread goes on for another phone, but not for this one.
    let other = world.phone(Coding::Alaw, 20, 0);
    let source = SoundSource::Silence(Some(Duration::from_millis(100)));
    world.order(&other, SoundOrder::Play { id: SoundId(4), source, over: Over::Replaces });
    assert_eq!(world.end_of(4), SoundEnd::Done);
    assert_eq!(phone.heard().1.len(), 0, "nothing is sent when nothing plays");
}

/// D2 over real sockets and two threads: codecs and packet lengths in a chain, with loss and jitter. Frequency, level and
/// how much of the sound comes through; how long a gap may be is judged in virtual time (`media::sound::tests`), since
/// the phones of this test stutter on a busy machine.
#[test]
fn a_tone_passes_between_any_two_codecs_with_loss_and_jitter() {
    let mut world = World::with_threads(2);
    let codings = [Coding::Ulaw, Coding::G726, Coding::G722, Coding::Opus(48_000), Coding::Linear(16_000)];
    let mut pairs = Vec::new();
    for (room, from) in codings.into_iter().enumerate() {
        let to = codings[(room + 1) % codings.len()];
        let (a, b) = (
            world.phone(from, [20, 30, 10, 20, 20][room], 0),
            world.phone(to, [30, 20, 20, 40, 20][room], 1),
        );
        // Entering moves the second one to the thread of the first.
        world.enter(&a, room as u64);
        world.enter(&b, room as u64);
        pairs.push((a, b));
    }
    // Each side speaks a tone of its own; packets are lost and late as a seed says.
    let mut seed = 7u64;
    let mut random = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as u32
    };
    let begun = clock();
    let mut due: Vec<(u64, usize, bool)> = Vec::new();
    for (pair, (a, b)) in pairs.iter().enumerate() {
        for (second, ms) in [(false, a.ms), (true, b.ms)] {
            let mut at = 0;
            while at < 3_000 {
                due.push((u64::from(at + random() % 40), pair, second));
                at += ms;
            }
        }
    }
    due.sort_unstable();
    for (at, pair, second) in due {
        until(begun + Duration::from_millis(at));
        let (a, b) = &mut pairs[pair];
        let (phone, hertz) = if second { (b, 700.0) } else { (a, 1100.0) };
        phone.speak(hertz, random() % 20 == 0);
    }
    for (a, b) in &mut pairs {
        let names = (a.coding, a.ms, b.coding, b.ms);
        for (phone, hertz) in [(b, 1100.0), (a, 700.0)] {
            let (heard, _) = phone.heard_at_least(2_900);
            let rate = phone.coding.sample_rate();
            let levels: Vec<f64> =
                heard.chunks_exact((rate / 50) as usize).map(|part| tone(part, hertz, rate)).collect();
            let loud: Vec<f64> = levels.iter().copied().filter(|level| *level > 1000.0).collect();
            // All that was not lost is heard, however late it came; what was lost is made up.
            let ms = loud.len() * 20;
            let quiet: Vec<usize> = (0..levels.len()).filter(|at| levels[*at] <= 1000.0).collect();
            assert!(
                ms >= 2_700,
                "{names:?} {hertz}: {ms} ms of 3000; {} windows, quiet at {quiet:?}",
                levels.len()
            );
            let mut sorted = loud;
            sorted.sort_by(f64::total_cmp);
            let median = sorted[sorted.len() / 2];
            assert!((7000.0..9000.0).contains(&median), "{names:?} {hertz}: {median}");
        }
    }
}

/// A prompt is looked for where it would be played from, and removed in all its formats; a name leads nowhere else.
#[test]
fn prompts_are_found_and_removed() {
    let mut world = World::new();
    let sounds = world.dir.join("sounds");
    for file in ["sounds/hello.wav", "sounds/hello.ulaw", "sounds/de/hallo.sln", "kept.wav"] {
        let path = world.dir.join(file);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, b"").expect("written");
    }
    let found = |world: &mut World, name: &str, language: &str| {
        let order = PromptOrder::Find { token: 7, name: name.into(), language: language.into() };
        assert_eq!(world.media.prompt(order), None);
        world.event(|event| match event {
            MediaEvent::PromptFound { token: 7, found } => Some(found),
            _ => None,
        })
    };
    assert!(found(&mut world, "hello", "en"));
    assert!(!found(&mut world, "hallo", "en"));
    assert!(found(&mut world, "hallo", "de_AT"));
    for name in ["hello", "../kept", "/tmp/kept"] {
        assert_eq!(world.media.prompt(PromptOrder::Remove { name: name.into() }), None);
    }
    assert!(!found(&mut world, "hello", "en"));
    assert!(!sounds.join("hello.ulaw").exists());
    assert!(world.dir.join("kept.wav").exists());
}

/// Three in a room hear the two others and not themselves; one that may not speak is not heard.
#[test]
fn three_in_a_room_hear_each_other() {
    let mut world = World::new();
    let mut phones = [
        world.phone(Coding::Ulaw, 20, 0),
        world.phone(Coding::G722, 20, 0),
        world.phone(Coding::Alaw, 20, 0),
    ];
    let tones = [500.0, 900.0, 1300.0];
    world.enter(&phones[0], 1);
    world.enter(&phones[1], 1);
    world.order(&phones[2], SoundOrder::Enter { room: RoomId(1), seat: Seat::LISTENER });
    let begun = clock();
    for packet in 0..60u32 {
        until(begun + Duration::from_millis(20 * u64::from(packet)));
        for (phone, hertz) in phones.iter_mut().zip(tones) {
            phone.speak(hertz, false);
        }
    }
    for (own, phone) in phones.iter_mut().enumerate() {
        let (heard, _) = phone.heard();
        let rate = phone.coding.sample_rate();
        let tail = &heard[heard.len() - rate as usize / 2..];
        for (other, hertz) in tones.into_iter().enumerate() {
            let level = tone(tail, hertz, rate);
            let expected = other != own && other != 2;
            assert!(if expected { level > 6500.0 } else { level < 400.0 }, "{own} hears {other} at {level}");
        }
    }
}

/// S1-37: a recording holds both sides while the room lives, is told when complete, and is there up to the last second
/// when nobody ends it.
#[test]
fn a_recording_holds_both_sides() {
    let mut world = World::new();
    let mut phones = [world.phone(Coding::Ulaw, 20, 0), world.phone(Coding::Alaw, 20, 0)];
    world.enter(&phones[0], 1);
    world.enter(&phones[1], 1);
    let record = |path: &str, sides| Record {
        path: path.into(),
        place: RecordPlace::Monitor,
        sides,
        append: false,
        only_bridged: false,
        silence: None,
        most: None,
        beep: None,
        volumes: (0, 0),
        then: None,
        lost_unended: false,
    };
    for (id, path, sides) in [
        (1, "both.wav", Sides::Mixed),
        (2, "stereo.wav", Sides::Stereo),
        (3, "sub/in.ulaw", Sides::Heard),
        (4, "x.mp3", Sides::Said),
        (5, "added.ulaw", Sides::Stereo),
        (6, "both.wav/no-directory.wav", Sides::Heard),
    ] {
        world
            .order(&phones[0], SoundOrder::Record { id: SoundId(id), record: Box::new(record(path, sides)) });
    }
    assert!(matches!(world.end_of(4), SoundEnd::Failed(why) if why.contains("x.mp3")));
    assert!(matches!(world.end_of(6), SoundEnd::Failed(why) if why.contains("no-directory.wav")));
    let begun = clock();
    for packet in 0..110u32 {
        until(begun + Duration::from_millis(20 * u64::from(packet)));
        phones[0].speak(600.0, false);
        phones[1].speak(1000.0, false);
    }
    // Nobody has ended it: at least 1.2 of the 2.2 seconds are there, header and all.
    let monitor = world.dir.join("monitor");
    let bytes = std::fs::read(monitor.join("both.wav")).expect("written");
    let header = jackfield::codec::wav::WavHeader::read(&bytes).expect("a WAVE file");
    assert!(header.data_bytes >= 16_000 && bytes.len() >= 44 + 2 * 9_600, "{header:?}, {}", bytes.len());
    for id in [1, 2, 3, 5] {
        world.order(&phones[0], SoundOrder::Stop { id: SoundId(id) });
        assert_eq!(world.end_of(id), SoundEnd::Stopped);
    }
    let samples = |name: &str| -> Vec<i16> {
        let bytes = std::fs::read(monitor.join(name)).expect("written");
        let header = jackfield::codec::wav::WavHeader::read(&bytes).expect("a WAVE file");
        assert_eq!(header.data_bytes as usize, bytes.len() - 44, "{name}");
        bytes[44..].chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect()
    };
    let both = samples("both.wav");
    let middle = &both[4_000..12_000];
    assert!(tone(middle, 600.0, 8000) > 7000.0 && tone(middle, 1000.0, 8000) > 7000.0);
    let stereo = samples("stereo.wav");
    let side =
        |at: usize| stereo.chunks_exact(2).skip(4_000).take(8_000).map(|two| two[at]).collect::<Vec<_>>();
    let levels = |side: &[i16]| (tone(side, 600.0, 8000) > 7000.0, tone(side, 1000.0, 8000) > 7000.0);
    assert_eq!((levels(&side(0)), levels(&side(1))), ((true, false), (false, true)));
    // Where only one channel can be written, both sides are in it.
    let bytes = std::fs::read(monitor.join("added.ulaw")).expect("written");
    let mut added = vec![0; bytes.len()];
    Decoder::new(Coding::Ulaw).decode(&bytes, &mut added);
    assert!((15_000..20_000).contains(&added.len()), "{}", added.len());
    assert_eq!(levels(&added[4_000..12_000]), (true, true));
    let length = std::fs::metadata(monitor.join("sub/in.ulaw")).expect("written").len();
    assert!((15_000..20_000).contains(&length), "{length}");
}

/// A digit that goes on in another form is heard by nobody: only its first milliseconds, by which it is known, pass.
#[test]
fn a_digit_that_is_passed_on_is_not_heard() {
    for mutes in [false, true] {
        let mut world = World::new();
        let mut phones = [world.phone(Coding::Alaw, 20, 0), world.phone(Coding::Alaw, 20, 0)];
        world.enter(&phones[0], 1);
        world.enter(&phones[1], 1);
        world.order(&phones[0], SoundOrder::Listen(Listening { tones: true, mutes, ..Listening::default() }));
        let begun = clock();
        for packet in 0..50u32 {
            until(begun + Duration::from_millis(20 * u64::from(packet)));
            phones[0].press_five();
            phones[1].speak(500.0, false);
        }
        let (heard, _) = phones[1].heard();
        let level = tone(&heard[heard.len() - 4_000..], 770.0, 8_000);
        assert!(if mutes { level < 200.0 } else { level > 3_000.0 }, "muted {mutes}: {level}");
    }
}

/// S1-43: digits as tones are found, talking is told, a recording ends by silence.
#[test]
fn tones_talk_and_silence_are_noticed() {
    let mut world = World::new();
    let mut phone = world.phone(Coding::Alaw, 20, 0);
    let talk = Some(TalkRules { threshold: 256, silence: Duration::from_millis(200) });
    world.order(
        &phone,
        SoundOrder::Listen(Listening { tones: true, talk, fax: true, ..Listening::default() }),
    );
    let record = Record {
        path: "said.wav".into(),
        place: RecordPlace::Sounds,
        sides: Sides::Heard,
        append: false,
        only_bridged: false,
        silence: Some(Duration::from_millis(400)),
        most: None,
        beep: None,
        volumes: (0, 0),
        then: None,
        lost_unended: false,
    };
    let begun = clock();
    let mut recording = false;
    for packet in 0..75u32 {
        until(begun + Duration::from_millis(20 * u64::from(packet)));
        match packet {
            10..15 => {
                phone.press_five();
            }
            25..40 => {
                if !recording {
                    let record = Box::new(record.clone());
                    world.order(&phone, SoundOrder::Record { id: SoundId(9), record });
                    recording = true;
                }
                phone.speak(300.0, false);
            }
            45..70 => phone.speak(1100.0, false),
            _ => phone.speak(0.0, false),
        }
    }
    let digit = world.event(|event| match event {
        MediaEvent::Digit { event: DtmfEvent::End { digit, duration }, .. } => Some((digit, duration)),
        _ => None,
    });
    assert_eq!(digit.0, Digit::from_char('5').expect("a digit"));
    assert!((60..200).contains(&digit.1.as_millis()), "{digit:?}");
    let mut told = Vec::new();
    while told.len() < 2 {
        told.push(world.event(|event| match event {
            MediaEvent::Talking { on, .. } => Some(on),
            _ => None,
        }));
    }
    world.event(|event| matches!(event, MediaEvent::FaxTone { .. }).then_some(()));
    // The digit was loud, too; then silence, then talk.
    assert_eq!(told, [false, true]);
    assert_eq!(world.end_of(9), SoundEnd::Silence);
    assert!(world.dir.join("sounds/said.wav").is_file());
}
