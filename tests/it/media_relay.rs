//! Real packets over loopback through the media threads: relaying, renumbering, sources, digits, sounds, reports.

use jackfield::bridge::*;
use jackfield::codec::{ALAW_TO_ULAW, ULAW_TO_ALAW};
use jackfield::media::Media;
use jackfield::rtp::packet::Header;
use jackfield::rtp::rtcp::{self, Part};
use jackfield::rtp::{Digit, DtmfEvent, DtmfReader, EventPayload, SourceRules, StrictRtp};
use jackfield::sdp::{Law, Translation};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;
use tokio::sync::mpsc::Receiver;

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(5);

/// The media threads with two ports, and a phone for each.
struct World {
    media: Media,
    events: Receiver<MediaEvent>,
    ports: Vec<SocketAddr>,
}

/// A phone: a socket on loopback.
struct Phone(UdpSocket);

impl Phone {
    fn new() -> Phone {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        socket.set_read_timeout(Some(PATIENCE)).expect("set");
        Phone(socket)
    }

    fn address(&self) -> SocketAddr {
        self.0.local_addr().expect("bound")
    }

    fn send(&self, to: SocketAddr, header: Header, payload: &[u8]) {
        let mut packet = [0; 2048];
        let length = header.build(payload, &mut packet).expect("fits");
        self.0.send_to(&packet[..length], to).expect("sends");
    }

    /// A packet of sound of SSRC 7.
    fn speak(&self, to: SocketAddr, sequence: u16, payload_type: u8) {
        let timestamp = u32::from(sequence) * 160;
        self.send(
            to,
            Header { marker: false, payload_type, sequence, timestamp, ssrc: 7 },
            &[sequence as u8; 160],
        );
    }

    fn hear(&self) -> Option<(Header, Vec<u8>)> {
        let mut packet = [0; 2048];
        let length = self.0.recv(&mut packet).ok()?;
        Some((Header::read(&packet[..length])?, packet[12..length].to_vec()))
    }

    fn hears_nothing(&self) -> bool {
        self.0.set_nonblocking(true).expect("set");
        let silent = self.0.recv(&mut [0; 2048]).is_err();
        self.0.set_nonblocking(false).expect("set");
        silent
    }
}

fn range() -> PortRange {
    // Tests of this binary run side by side: each world has a range of its own.
    static NEXT: AtomicU16 = AtomicU16::new(23_000);
    let first = NEXT.fetch_add(20, Ordering::Relaxed);
    PortRange { first, last: first + 19 }
}

fn open(port: u64, range: PortRange) -> Open {
    Open {
        port: PortId(port),
        affinity: 0,
        bind: IpAddr::from([127, 0, 0, 1]),
        range,
        rules: SourceRules::default(),
        rtcp_port: true,
        tos: 0,
        timers: Timers { report: Duration::ZERO, ..Timers::default() },
    }
}

/// PCMU as 0, PCMA as 8, events as 101.
fn aim(phone: &Phone) -> Aim {
    let mut payloads = Payloads::default();
    payloads.set(0, PayloadUse::Media { clock_rate: 8000 });
    payloads.set(8, PayloadUse::Media { clock_rate: 8000 });
    payloads.set(101, PayloadUse::Event { clock_rate: 8000 });
    Aim {
        remote: Whereto::At(phone.address()),
        rtcp: None,
        rtcp_mux: false,
        send: true,
        receive: true,
        held: false,
        payloads,
        events: Some((101, 8000)),
        clock_rate: 8000,
        udptl: false,
        coding: None,
    }
}

fn path(pairs: &[(u8, u8)]) -> Box<Path> {
    let mut numbers = Translation::NOTHING;
    pairs.iter().for_each(|(from, to)| numbers.set(*from, *to));
    Box::new(Path { numbers })
}

impl World {
    /// One thread, ports 0 and 1 opened with `opens` applied to their options.
    fn new(change: impl Fn(&mut Open)) -> World {
        let (media, events) = Media::start(1, 42).expect("starts");
        let mut world = World { media, events, ports: Vec::new() };
        let range = range();
        for port in 0..2 {
            let mut options = open(port, range);
            change(&mut options);
            world.open(options);
        }
        world
    }

    fn open(&mut self, options: Open) {
        match self.media.submit(Plan::Open(Box::new(options))) {
            Some(MediaEvent::Opened { rtp, rtcp_port, .. }) => {
                assert!(rtp.port() % 2 == 0 && rtcp_port.is_none_or(|p| p == rtp.port() + 1));
                self.ports.push(rtp);
            }
            other => panic!("{other:?}"),
        }
    }

    fn aim(&mut self, port: u64, aim: Aim) {
        self.media.submit(Plan::Aim { port: PortId(port), aim: Box::new(aim) });
    }

    fn join(&mut self, a_to_b: &[(u8, u8)], b_to_a: &[(u8, u8)]) {
        let (a, b) = (PortId(0), PortId(1));
        self.media.submit(Plan::Join { a, b, a_to_b: path(a_to_b), b_to_a: path(b_to_a) });
    }

    /// Two phones talking PCMU and events through ports 0 and 1.
    fn call(change: impl Fn(&mut Open)) -> (World, Phone, Phone) {
        let mut world = World::new(change);
        let (a, b) = (Phone::new(), Phone::new());
        world.aim(0, aim(&a));
        world.aim(1, aim(&b));
        world.join(&[(0, 0), (101, 101)], &[(0, 0), (101, 101)]);
        world.settled(0);
        (world, a, b)
    }

    /// The next event that `wanted` accepts; others are dropped.
    fn event<T>(&mut self, wanted: impl Fn(&MediaEvent) -> Option<T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("builds");
        runtime.block_on(async {
            loop {
                let event =
                    tokio::time::timeout(PATIENCE, self.events.recv()).await.expect("in time").expect("open");
                if let Some(found) = wanted(&event) {
                    return found;
                }
            }
        })
    }

    /// Asks for a port's counters until they are as `wanted`: packets on the way arrive in their own time.
    fn until(&mut self, port: u64, wanted: impl Fn(&PortReport) -> bool) -> PortReport {
        for _ in 0..1000 {
            let report = self.settled(port);
            if wanted(&report) {
                return report;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("{:?}", self.settled(port));
    }

    /// Waits until all orders so far are carried out, and gives a port's counters.
    fn settled(&mut self, port: u64) -> PortReport {
        self.media.submit(Plan::Report { port: PortId(port) });
        self.event(|e| match e {
            MediaEvent::Report { port: p, report } if p.0 == port => Some(**report),
            _ => None,
        })
    }
}

/// S1-36, S1-42: packets pass both ways, under our own SSRC, payload untouched.
#[test]
fn two_phones_hear_each_other() {
    let (mut world, a, b) = World::call(|_| {});
    let mut ours = None;
    for n in 0..50 {
        a.speak(world.ports[0], 1000 + n, 0);
        let (header, payload) = b.hear().expect("heard");
        assert_eq!(payload, [(1000 + n) as u8; 160]);
        let (first, ssrc) = *ours.get_or_insert((header.sequence, header.ssrc));
        assert_eq!((header.sequence, header.ssrc, header.payload_type), (first.wrapping_add(n), ssrc, 0));
        assert_ne!(header.ssrc, 7);
        assert_eq!(header.marker, n == 0);
    }
    b.speak(world.ports[1], 1, 0);
    assert!(a.hear().is_some());
    let (a_port, b_port) = (world.settled(0), world.settled(1));
    assert_eq!((a_port.received, a_port.sent, a_port.lost), (50, 1, 0));
    assert_eq!((b_port.received, b_port.sent, b_port.sent_bytes), (1, 50, 50 * 172));
}

/// Dynamic numbers differ on the two legs; what the other side did not agree to stays here.
#[test]
fn payload_numbers_are_translated_and_strangers_stopped() {
    let (mut world, a, b) = World::call(|_| {});
    world.join(&[(0, 96)], &[]);
    world.settled(0);
    a.speak(world.ports[0], 1, 0);
    assert_eq!(b.hear().expect("heard").0.payload_type, 96);
    a.speak(world.ports[0], 2, 8);
    b.speak(world.ports[1], 1, 0);
    a.speak(world.ports[0], 3, 0);
    // One was stopped in between: the numbers show the gap, as the network's would.
    assert_eq!(b.hear().expect("heard").1[0], 3);
    world.until(0, |report| report.not_passed == 1);
    world.until(1, |report| report.not_passed == 1);
    assert!(a.hears_nothing());
}

/// The laws of G.711 are exchanged byte by byte: losses, numbers and times pass as they are, digits untouched, and neither
/// contributing sources nor padding are taken for sound.
#[test]
fn the_laws_of_g711_are_exchanged() {
    let (mut world, a, b) = World::call(|_| {});
    let (mut to_b, mut to_a) = (Translation::NOTHING, Translation::NOTHING);
    to_b.exchange(0, 8, Law::A);
    to_b.set(101, 96);
    to_a.exchange(8, 0, Law::Micro);
    let paths = [to_b, to_a].map(|numbers| Box::new(Path { numbers }));
    let [a_to_b, b_to_a] = paths;
    world.media.submit(Plan::Join { a: PortId(0), b: PortId(1), a_to_b, b_to_a });
    world.settled(0);
    let mut first = None;
    for n in [10u16, 11, 13, 14] {
        a.speak(world.ports[0], n, 0);
        let (header, payload) = b.hear().expect("heard");
        assert_eq!((header.payload_type, payload.len()), (8, 160));
        assert!(payload.iter().all(|byte| *byte == ULAW_TO_ALAW[usize::from(n)]), "{n}");
        let (sequence, timestamp) = *first.get_or_insert((header.sequence, header.timestamp));
        assert_eq!(header.sequence.wrapping_sub(sequence), n - 10);
        assert_eq!(header.timestamp.wrapping_sub(timestamp), u32::from(n - 10) * 160);
    }
    a.speak(world.ports[0], 15, 101);
    let (digit, payload) = b.hear().expect("passed");
    assert_eq!((digit.payload_type, &payload[..]), (96, &[15; 160][..]));
    b.speak(world.ports[1], 20, 8);
    let (header, payload) = a.hear().expect("heard");
    assert_eq!((header.payload_type, payload[0]), (0, ALAW_TO_ULAW[20]));
    // One contributing source, two bytes of sound, three of padding; then padding that cannot be.
    for (padding, sound) in [(3u8, [ULAW_TO_ALAW[7], ULAW_TO_ALAW[8]]), (99, [7, 8])] {
        let mut packet = [0; 64];
        let header = Header { marker: false, payload_type: 0, sequence: 16, timestamp: 0, ssrc: 7 };
        let length = header.build(&[1, 2, 3, 4, 7, 8, 0, 0, padding], &mut packet).expect("fits");
        packet[0] |= 0x21;
        a.0.send_to(&packet[..length], world.ports[0]).expect("sent");
        let (_, payload) = b.hear().expect("passed");
        assert_eq!(payload, [&[1, 2, 3, 4], &sound[..], &[0, 0, padding]].concat());
    }
}

/// The second speaker (a transfer) continues the stream of the first.
#[test]
fn a_new_partner_continues_the_stream() {
    let (mut world, a, b) = World::call(|_| {});
    let options = open(2, range());
    world.open(options);
    let c = Phone::new();
    world.aim(2, aim(&c));
    a.speak(world.ports[0], 500, 0);
    let before = b.hear().expect("heard").0;
    world.media.submit(Plan::Join {
        a: PortId(2),
        b: PortId(1),
        a_to_b: path(&[(0, 0)]),
        b_to_a: path(&[(0, 0)]),
    });
    world.settled(2);
    c.speak(world.ports[2], 40_000, 0);
    let after = b.hear().expect("heard").0;
    assert_eq!((after.ssrc, after.sequence), (before.ssrc, before.sequence.wrapping_add(1)));
    assert!(after.marker && after.timestamp.wrapping_sub(before.timestamp) < 8000);
    // The first partner is out.
    a.speak(world.ports[0], 501, 0);
    world.until(0, |report| report.not_passed == 1);
    assert!(b.hears_nothing());
}

/// S5-9: a phone behind a NAT is heard after probation, told, and answered where it really is.
#[test]
fn a_source_is_learned_and_answered_when_symmetric() {
    let (mut world, a, b) = World::call(|open| {
        open.rules =
            SourceRules { symmetric: true, strict: StrictRtp::SequenceOnly, ..SourceRules::default() };
    });
    let natted = Phone::new();
    for n in 0..4 {
        natted.speak(world.ports[0], n, 0);
    }
    let (source, described) = world.event(|e| match e {
        MediaEvent::Learned { port: PortId(0), source, described } => Some((*source, *described)),
        _ => None,
    });
    assert_eq!((source, described), (natted.address(), Some(a.address())));
    assert_eq!(b.hear().expect("the fourth passes").1[0], 3);
    b.speak(world.ports[1], 1, 0);
    assert!(natted.hear().is_some());
    assert!(a.hears_nothing());
    world.until(0, |report| (report.received, report.dropped) == (1, 3));
}

/// A stranger's packets change nothing once the phone was heard.
#[test]
fn a_stranger_is_not_relayed() {
    let (mut world, a, b) = World::call(|_| {});
    a.speak(world.ports[0], 1, 0);
    assert!(b.hear().is_some());
    let stranger = Phone::new();
    for n in 0..20 {
        stranger.speak(world.ports[0], n, 0);
    }
    stranger.0.send_to(b"OPTIONS sip:x SIP/2.0\r\n\r\n", world.ports[0]).expect("sends");
    stranger.0.send_to(&[0x80; 5], world.ports[0]).expect("sends");
    stranger.0.send_to(&[], world.ports[0]).expect("sends");
    world.until(0, |report| report.dropped == 23);
    assert!(b.hears_nothing());
}

/// Directions of the agreement hold: nothing to who will not receive, nothing from whom we do not take.
#[test]
fn hold_stops_packets_and_resume_starts_them() {
    let (mut world, a, b) = World::call(|_| {});
    world.aim(1, Aim { send: false, held: true, ..aim(&b) });
    world.settled(1);
    a.speak(world.ports[0], 1, 0);
    b.speak(world.ports[1], 1, 0);
    assert!(a.hear().is_some());
    world.until(0, |report| report.not_passed == 1);
    assert!(b.hears_nothing());
    world.aim(1, Aim { remote: Whereto::Nowhere, receive: false, ..aim(&b) });
    world.settled(1);
    b.speak(world.ports[1], 2, 0);
    world.until(1, |report| report.not_passed == 1);
    world.aim(1, aim(&b));
    world.settled(1);
    a.speak(world.ports[0], 2, 0);
    assert!(b.hear().is_some());
}

/// S1-37: digits pass and are told at the same time.
#[test]
fn digits_pass_and_are_told() {
    let (mut world, a, b) = World::call(|_| {});
    let press = |sequence, end, duration| {
        let payload = EventPayload { event: 5, end, volume: 10, duration };
        let header = Header { marker: sequence == 0, payload_type: 101, sequence, timestamp: 8000, ssrc: 7 };
        a.send(world.ports[0], header, &payload.to_bytes());
    };
    press(0, false, 160);
    press(1, false, 320);
    (2..5).for_each(|sequence| press(sequence, true, 800));
    let told: Vec<_> = (0..2)
        .map(|_| {
            world.event(|e| match e {
                MediaEvent::Digit { port: PortId(0), event } => Some(*event),
                _ => None,
            })
        })
        .collect();
    let digit = Digit::from_char('5').expect("digit");
    assert_eq!(
        told,
        [DtmfEvent::Begin(digit), DtmfEvent::End { digit, duration: Duration::from_millis(100) }]
    );
    for n in 0..5 {
        let (header, payload) = b.hear().expect("heard");
        assert_eq!((header.payload_type, EventPayload::read(&payload).expect("event").end), (101, n >= 2));
    }
    // A digit without any end is told after `dtmftimeout`.
    let payload = EventPayload { event: 1, end: false, volume: 10, duration: 160 };
    let header = Header { marker: true, payload_type: 101, sequence: 9, timestamp: 16_000, ssrc: 7 };
    a.send(world.ports[0], header, &payload.to_bytes());
    world.event(|e| matches!(e, MediaEvent::Digit { event: DtmfEvent::End { .. }, .. }).then_some(()));
}

#[test]
fn ordered_digits_are_sent_in_order_between_the_sound() {
    let (mut world, a, b) = World::call(|_| {});
    a.speak(world.ports[0], 1, 0);
    let before = b.hear().expect("heard").0;
    for digit in ['1', '#'].map(|c| Digit::from_char(c).expect("digit")) {
        world.media.submit(Plan::SendDigit { port: PortId(1), digit, press: Duration::from_millis(100) });
    }
    world.settled(1);
    // What is said meanwhile is not sent.
    a.speak(world.ports[0], 2, 0);
    let (mut reader, mut digits, mut last) = (DtmfReader::default(), String::new(), before);
    while digits.len() < 2 {
        let (header, payload) = b.hear().expect("heard");
        assert_eq!((header.payload_type, header.ssrc), (101, before.ssrc));
        assert_eq!(header.sequence, last.sequence.wrapping_add(1));
        last = header;
        let payload = EventPayload::read(&payload).expect("event");
        for event in reader.packet(Default::default(), header.timestamp, payload, 8000).into_iter().flatten()
        {
            if let DtmfEvent::End { digit, duration } = event {
                assert_eq!(duration, Duration::from_millis(100));
                digits.push(digit.as_char());
            }
        }
    }
    assert_eq!(digits, "1#");
    world.event(|e| matches!(e, MediaEvent::DigitsSent { port: PortId(1) }).then_some(()));
    // The repeated ends of the second digit, then sound again, in step.
    for n in 3..20 {
        a.speak(world.ports[0], n, 0);
    }
    let resumed = std::iter::from_fn(|| b.hear()).find(|(h, _)| h.payload_type == 0).expect("sound").0;
    assert!(resumed.marker && resumed.ssrc == before.ssrc);
}

#[test]
fn a_port_that_takes_no_events_says_so_at_once() {
    let (mut world, _a, b) = World::call(|_| {});
    world.aim(1, Aim { events: None, ..aim(&b) });
    let digit = Digit::from_char('1').expect("digit");
    world.media.submit(Plan::SendDigit { port: PortId(1), digit, press: Duration::from_millis(100) });
    world.event(|e| matches!(e, MediaEvent::DigitsSent { port: PortId(1) }).then_some(()));
    assert!(b.hears_nothing());
}

/// S1-50: music to a party instead of the other one, then the other one again.
#[test]
fn a_sound_is_played_in_time_and_told_at_its_end() {
    let (mut world, a, b) = World::call(|_| {});
    let sound = Sound {
        bytes: (0..=255).cycle().take(160 * 4 + 80).collect(),
        packet_bytes: 160,
        packet_time: Duration::from_millis(20),
        payload_type: 0,
        clock_rate: 8000,
    };
    world.media.submit(Plan::Play { port: PortId(1), sound: Arc::new(sound), repeat: false });
    world.settled(1);
    a.speak(world.ports[0], 1, 0);
    let heard: Vec<_> = (0..5).map(|_| b.hear().expect("heard")).collect();
    let lengths: Vec<_> = heard.iter().map(|(_, payload)| payload.len()).collect();
    assert_eq!(lengths, [160, 160, 160, 160, 80]);
    for pair in heard.windows(2) {
        assert_eq!(pair[1].0.timestamp.wrapping_sub(pair[0].0.timestamp), 160);
        assert_eq!(pair[1].0.sequence, pair[0].0.sequence.wrapping_add(1));
    }
    world.event(|e| matches!(e, MediaEvent::Played { port: PortId(1) }).then_some(()));
    a.speak(world.ports[0], 2, 0);
    assert_eq!(b.hear().expect("heard").1[0], 2);
}

#[test]
fn silence_is_told_once_and_again_after_sound() {
    let (mut world, a, _b) = World::call(|open| open.timers.silence = Duration::from_millis(60));
    let silent = |e: &MediaEvent| match e {
        MediaEvent::Silent { port: PortId(0), lasted, held } => Some((*lasted, *held)),
        _ => None,
    };
    let (lasted, held) = world.event(silent);
    assert!(lasted >= Duration::from_millis(60) && !held);
    a.speak(world.ports[0], 1, 0);
    assert!(world.event(silent).0 >= Duration::from_millis(60));
    // While the phones talk directly, silence here is as it should be.
    world.media.submit(Plan::Direct { port: PortId(0), on: true });
    world.media.submit(Plan::Direct { port: PortId(1), on: true });
    world.settled(0);
    std::thread::sleep(Duration::from_millis(150));
    world.settled(0);
    assert!(world.events.try_recv().is_err());
}

#[test]
fn a_quiet_port_keeps_its_binding_open() {
    let (world, a, _b) = World::call(|open| open.timers.keepalive = Duration::from_millis(50));
    let (header, payload) = a.hear().expect("comfort noise");
    assert_eq!((header.payload_type, &payload[..]), (13, &[127][..]));
    assert!(a.hear().is_some());
    drop(world);
}

/// Reports carry what both ends need: our name, our counts, their losses; theirs give us round trip and loss.
#[test]
fn reports_go_out_and_come_in() {
    let (mut world, a, b) = World::call(|open| open.timers.report = Duration::from_millis(50));
    let control = Phone::new();
    world.aim(1, Aim { rtcp: Some(control.address()), ..aim(&b) });
    world.settled(1);
    b.speak(world.ports[1], 10, 0);
    b.speak(world.ports[1], 12, 0);
    a.speak(world.ports[0], 1, 0);
    let ours = b.hear().expect("heard").0.ssrc;
    let mut packet = [0; 2048];
    let (mut sender, mut lost, mut named) = (None, None, false);
    for _ in 0..3 {
        let length = control.0.recv(&mut packet).expect("a report");
        rtcp::read(&packet[..length], |part| match part {
            Part::Sender { ssrc, packets, ntp, .. } if ssrc == ours => sender = Some((packets, ntp)),
            Part::Block(block) if block.numbers.ssrc == 7 => lost = Some(block.numbers.cumulative_lost),
            Part::Name { ssrc, cname } => named = ssrc == ours && cname.len() == 16,
            _ => {}
        });
        if sender.is_some() && lost.is_some() {
            break;
        }
    }
    let (packets, ntp) = sender.expect("we sent");
    assert_eq!((packets, lost, named), (1, Some(1), true));
    // The phone answers with a block about us.
    let numbers =
        jackfield::rtp::ReportNumbers { ssrc: ours, cumulative_lost: 3, jitter: 80, ..Default::default() };
    let block = rtcp::Block { numbers, last_report: ntp.middle(), delay: 0 };
    let mut out = [0; rtcp::REPORT_BYTES];
    let length = rtcp::write_report(7, None, Some(block), b"phone", false, &mut out);
    let to = SocketAddr::new(world.ports[1].ip(), world.ports[1].port() + 1);
    control.0.send_to(&out[..length], to).expect("sends");
    let report = world.until(1, |report| report.sent_lost == 3);
    assert_eq!((report.sent_jitter, report.lost), (Duration::from_millis(10), 1));
    assert!(report.round_trip > Duration::ZERO && report.round_trip < PATIENCE);
    // Closing says goodbye.
    world.media.submit(Plan::Close { port: PortId(1) });
    let mut gone = false;
    for _ in 0..50 {
        let length = control.0.recv(&mut packet).expect("a report");
        rtcp::read(&packet[..length], |part| gone |= part == Part::Bye { ssrc: ours });
        if gone {
            break;
        }
    }
    assert!(gone);
}

/// S5-8: one side is heard, the other never: told, with the place its packets really come from.
#[test]
fn one_way_audio_is_told_with_its_cause() {
    let (mut world, a, b) = World::call(|open| open.timers.one_way = Duration::from_millis(300));
    let elsewhere = Phone::new();
    let told = (0..250).find_map(|n| {
        b.speak(world.ports[1], n, 0);
        // Every other number: never a run, so never believed.
        elsewhere.speak(world.ports[0], 2 * n, 0);
        std::thread::sleep(Duration::from_millis(20));
        match world.events.try_recv() {
            Ok(MediaEvent::OneWay { port: PortId(0), dropped_from }) => Some(dropped_from),
            _ => None,
        }
    });
    assert_eq!(told, Some(Some(elsewhere.address())));
    drop(a);
}

/// An echo is a port joined with itself.
#[test]
fn a_port_joined_with_itself_echoes() {
    let mut world = World::new(|_| {});
    let a = Phone::new();
    world.aim(0, aim(&a));
    world.media.submit(Plan::Join {
        a: PortId(0),
        b: PortId(0),
        a_to_b: path(&[(0, 0)]),
        b_to_a: path(&[(0, 0)]),
    });
    world.settled(0);
    a.speak(world.ports[0], 5, 0);
    assert_eq!(a.hear().expect("echo").1[0], 5);
}

/// S3-23: fax packets pass as they are.
#[test]
fn fax_datagrams_pass_unread() {
    let mut world = World::new(|_| {});
    let (a, b) = (Phone::new(), Phone::new());
    world.aim(0, Aim::at_fax(a.address()));
    world.aim(1, Aim::at_fax(b.address()));
    world.join(&[], &[]);
    world.settled(0);
    for n in 0..5u8 {
        a.0.send_to(&[0, n, 1, 2, 3], world.ports[0]).expect("sends");
        let mut packet = [0; 64];
        let length = b.0.recv(&mut packet).expect("heard");
        assert_eq!(packet[..length], [0, n, 1, 2, 3]);
    }
    Phone::new().0.send_to(&[9; 9], world.ports[0]).expect("sends");
    world.until(0, |report| report.dropped == 1);
}

/// Calls that meet by a transfer may live on different threads; orders given meanwhile are not lost.
#[test]
fn ports_of_two_threads_can_be_joined() {
    let (media, events) = Media::start(2, 9).expect("starts");
    let mut world = World { media, events, ports: Vec::new() };
    let range = range();
    for port in 0..2 {
        world.open(Open { affinity: port, ..open(port, range) });
    }
    let (a, b) = (Phone::new(), Phone::new());
    world.aim(0, aim(&a));
    world.join(&[(0, 0)], &[(0, 0)]);
    world.aim(1, aim(&b));
    world.settled(1);
    for n in 0..10 {
        a.speak(world.ports[0], n, 0);
        b.speak(world.ports[1], n, 0);
        assert_eq!((a.hear().expect("heard").1[0], b.hear().expect("heard").1[0]), (n as u8, n as u8));
    }
    assert_eq!(world.media.open_ports(), 2);
    for port in 0..2 {
        world.media.submit(Plan::Close { port: PortId(port) });
        world.event(|e| {
            matches!(e, MediaEvent::Closed { port: p, report } if p.0 == port && report.sent == 10)
                .then_some(())
        });
    }
    assert_eq!(world.media.open_ports(), 0);
}

#[test]
fn ports_come_back_when_closed_and_failures_say_why() {
    let mut world = World::new(|open| open.range.last = open.range.first + 3);
    let third = Plan::Open(Box::new(Open {
        range: PortRange { first: world.ports[0].port() & !2, last: 0 },
        ..open(2, range())
    }));
    let Some(MediaEvent::OpenFailed { port: PortId(2), why }) = world.media.submit(third) else {
        panic!("opened")
    };
    assert!(why.to_string().starts_with("no free RTP port in "));
    world.media.submit(Plan::Close { port: PortId(0) });
    world.event(|e| matches!(e, MediaEvent::Closed { port: PortId(0), .. }).then_some(()));
    let freed = world.ports[0].port();
    world.open(open(3, PortRange { first: freed, last: freed + 1 }));
    assert_eq!(world.ports[2].port(), freed);
    // Orders for what is not there are ignored.
    world.media.submit(Plan::Report { port: PortId(77) });
    world.media.submit(Plan::Unjoin { port: PortId(0) });
    world.settled(3);
}
