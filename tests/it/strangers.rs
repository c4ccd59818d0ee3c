//! Strangers by the thousand: what they cost in log lines, memory and service, and how they are barred.

use crate::world::{Ask, PROBE, World, answer, status_of};
use jackfield::base::ids::{FlowId, TransportId};
use jackfield::base::limits;
use jackfield::config::files::MemoryFiles;
use jackfield::config::load::load;
use jackfield::sip::flow::{Arrival, Protocol};
use jackfield::switch::guard::shed::Backlog;
use jackfield::switch::io::{Action, Actions, Input};
use jackfield::switch::view::{Command, Event, Level, Reply};
use jackfield::switch::{Seed, Switch};
use std::net::Ipv4Addr;
use std::time::Duration;

const GUESSER: &str = "192.0.2.66:5060";

/// The probe's configuration with this `jackfield.conf`.
fn world_with(jackfield_conf: &str, more: &str) -> World {
    let mut world = World::with(PROBE);
    configure(&mut world, jackfield_conf, more);
    world
}

fn configure(world: &mut World, jackfield_conf: &str, more: &str) {
    let files = MemoryFiles::new()
        .with("pjsip.conf", format!("{PROBE}\n{more}"))
        .with("jackfield.conf", jackfield_conf)
        .with("acl.conf", "[office]\ndeny=0.0.0.0/0\npermit=198.51.100.0/24\n");
    let loaded = load(&files, Some(&world.objects));
    let plan = world.objects.plan(&loaded.objects);
    world.objects = loaded.objects;
    let sources = world.objects.sources.clone();
    world.handle(Input::Config { changes: &plan.changes, sources: &sources });
}

fn register<'a>(user: &'a str, password: &'a str, source: &'a str) -> Ask<'a> {
    Ask { source, ..Ask::new("REGISTER", user, password) }.lines("Contact: <sip:x@192.0.2.1>\r\n")
}

fn count(world: &mut World, name: &str) -> u64 {
    let Reply::Status(status) = world.command(Command::Status) else { panic!("a status") };
    status.counters.iter().find(|(counter, _)| *counter == name).expect("a counter").1
}

fn notices(world: &World, with: &str) -> Vec<String> {
    let texts = world.events.iter().filter_map(|event| match event {
        Event::Log { text, .. } if text.contains(with) => Some(text.clone()),
        _ => None,
    });
    texts.collect()
}

/// Issue 2, part 9: off by default, a threshold, a time, an end, and words about it.
#[test]
fn a_guesser_is_barred_for_a_while_once_bans_are_switched_on() {
    let mut world = World::with(PROBE);
    for _ in 0..50 {
        assert_eq!(world.statuses(&register("ghost", "x", GUESSER)), "401 Unauthorized / 401 Unauthorized");
    }
    assert_eq!(count(&mut world, "bans"), 0, "off by default");

    let mut world = world_with("[general]\nban=yes\nban_threshold=10\nban_time=60\n", "");
    let tries = (0..50).filter(|_| !world.ask(&register("ghost", "", GUESSER)).is_empty()).count();
    assert_eq!(tries, 5, "two points each; the fifth is answered, and the last");
    assert_eq!(notices(&world, "Barred"), ["Barred 192.0.2.66 for 60 s: names that do not exist"]);
    assert_eq!((count(&mut world, "bans"), count(&mut world, "barred_dropped")), (1, 45));
    assert_eq!(world.statuses(&register("alice", "alicepw", GUESSER)), "nothing", "whoever he says he is");
    let good = register("alice", "alicepw", "192.0.2.67:5060");
    assert_eq!(world.statuses(&good), "401 Unauthorized / 200 OK", "his neighbour is served");

    let Reply::Bans(bans) = world.command(Command::Bans) else { panic!("bans") };
    assert_eq!((bans.len(), bans[0].source.to_string().as_str(), bans[0].left_secs), (1, "192.0.2.66", 60));
    assert_eq!((bans[0].dropped, bans[0].reason), (46, "names that do not exist"));
    world.wait(Duration::from_secs(60));
    assert_eq!(world.statuses(&register("ghost", "", GUESSER)), "401 Unauthorized", "the minute is over");

    while !world.ask(&register("ghost", "", GUESSER)).is_empty() {}
    let unban = |source: &str| Command::Unban { source: Some(source.parse().expect("an address")) };
    assert!(matches!(world.command(unban("192.0.2.1")), Reply::Refused(_)));
    let Reply::Done(text) = world.command(unban("192.0.2.66")) else { panic!("done") };
    assert_eq!(text, "Lifted the ban on 192.0.2.66");
    assert_eq!(world.statuses(&register("ghost", "", GUESSER)), "401 Unauthorized");
}

#[test]
fn wrong_passwords_malformed_messages_and_refused_addresses_count_too() {
    let conf = "[general]\nban=yes\nban_threshold=10\n";
    let mut world = world_with(conf, "");
    let tries = (0..50).take_while(|_| !world.ask(&register("alice", "wrong", GUESSER)).is_empty()).count();
    assert_eq!(tries, 10, "a point for each pair of requests: the first of a pair is no offence");
    let tries = (0..50).take_while(|_| {
        !world.datagram("192.0.2.68:5060", b"REGISTER sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:a@h>\r\nCall-ID: 1\r\nCSeq: x REGISTER\r\n\r\n").is_empty()
    });
    assert_eq!(tries.count(), 10);
    let mut world = world_with(conf, "[all]\ntype=acl\ndeny=0.0.0.0/0\n");
    let tries = (0..50).take_while(|_| !world.ask(&register("alice", "", GUESSER)).is_empty()).count();
    assert_eq!(tries, 5);
}

/// The first configuration is taken over whole, not change by change.
#[test]
fn bans_hold_from_the_start() {
    let mut world = world_with("[general]\nban=yes\nban_threshold=2\n", "");
    let seed = Seed { now: world.now, random: 7, key: [7; 32], systemname: "".into() };
    world.switch = Switch::new(seed);
    world.switch.load(world.now, world.objects.clone(), &mut Actions::default());
    assert_eq!(world.statuses(&register("ghost", "", GUESSER)), "401 Unauthorized");
    assert_eq!(world.statuses(&register("ghost", "", GUESSER)), "nothing");
}

#[test]
fn a_barred_connection_is_closed() {
    let mut world = world_with("[general]\nban=yes\nban_threshold=1\n", "");
    world.ask(&register("ghost", "", GUESSER));
    let arrival = Arrival {
        transport: TransportId(0),
        protocol: Protocol::Tcp,
        flow: FlowId(9),
        source: "192.0.2.66:40000".parse().expect("an address"),
        local: "127.0.0.1:5060".parse().expect("an address"),
    };
    let mut out = Actions::default();
    world.switch.handle(world.now, Input::Sip { arrival, bytes: b"OPTIONS sip:h SIP/2.0\r\n\r\n" }, &mut out);
    world.switch.handle(world.now, Input::FlowOpened { arrival, inbound: true }, &mut out);
    assert!(out.outbox.is_empty());
    let closed = |action: &Action| matches!(action, Action::CloseFlow { flow: FlowId(9), .. });
    assert!(out.queue.len() == 2 && out.queue.iter().all(closed), "{:?}", out.queue);
}

/// Networks of ours, of trunks, and those the administrator names are never barred.
#[test]
fn who_is_known_is_never_barred() {
    let more = "[lan]\ntype=transport\nprotocol=udp\nbind=127.0.0.1:5099\nlocal_net=10.0.0.0/8\n\
                [carrier-id]\ntype=identify\nendpoint=alice\nmatch=203.0.113.7\n";
    let conf = "[general]\nban=yes\nban_threshold=2\nban_exempt=192.0.2.64/28\nban_exempt_acl=office\n";
    let mut world = world_with(conf, more);
    for (source, exempt) in [
        ("10.1.1.1:5060", true),
        ("203.0.113.7:5060", true),
        ("192.0.2.66:5060", true),
        ("198.51.100.9:5060", true),
        ("198.51.101.9:5060", false),
    ] {
        let answered =
            (0..20).filter(|_| !world.datagram(source, b"BAD sip:h SIP/2.0\r\nVia: x\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:a@h>\r\nCall-ID: 1\r\nCSeq: x BAD\r\n\r\n").is_empty());
        let answered = answered.count();
        assert_eq!(answered > 2, exempt, "{source}: {answered}");
    }
    configure(&mut world, "[general]\nban=no\n", more);
    assert!(!world.ask(&register("ghost", "", "198.51.101.9:5060")).is_empty(), "switched off, lifted");
}

/// A log line per packet would fill the disk: 20 a minute for each source and kind, then a number.
#[test]
fn a_flood_from_one_source_has_twenty_lines_and_a_sum() {
    let mut world = World::with(PROBE);
    world.switch.ears().security = true;
    for _ in 0..5_000 {
        world.ask(&register("ghost", "", GUESSER));
    }
    let failed = world.events.iter().filter(|event| matches!(event, Event::RequestFailed(_))).count();
    let security = world.events.iter().filter(|event| matches!(event, Event::Security(_))).count();
    assert_eq!(failed as u32, limits::SOURCE_LINES_PER_MIN);
    assert_eq!(security as u32, 2 * limits::SOURCE_LINES_PER_MIN, "InvalidAccountID and ChallengeSent");
    world.events.clear();
    world.wait(Duration::from_secs(60));
    assert_eq!(
        notices(&world, "Suppressed"),
        [
            "Suppressed 4980 further lines about requests without a matching endpoint from 192.0.2.66 in the last \
             minute",
            "Suppressed 4980 further lines about challenges from 192.0.2.66 in the last minute",
        ]
    );
    world.events.clear();
    world.ask(&register("ghost", "", GUESSER));
    assert!(world.events.iter().any(|event| matches!(event, Event::RequestFailed(_))), "a new minute");
}

/// Issue 2, A7: memory flat under a flood of strangers. `JACKFIELD_STRANGERS` sets how many; one million is the size
/// for a release build.
#[test]
fn strangers_take_no_memory_beyond_their_tables() {
    let strangers: u32 =
        std::env::var("JACKFIELD_STRANGERS").map_or(100_000, |n| n.parse().expect("a number"));
    let mut world = world_with("[general]\nban=yes\n", "");
    world.switch.ears().security = true;
    let mut out = Actions::default();
    let mut flood = |world: &mut World, range: std::ops::Range<u32>| {
        let mut told = 0;
        for n in range {
            world.now = world.now.later(Duration::from_micros(20));
            let source = (Ipv4Addr::from(0x0b00_0000 + n), 5060).into();
            let arrival = Arrival {
                transport: TransportId(0),
                protocol: Protocol::Udp,
                flow: FlowId::DATAGRAM,
                source,
                local: "127.0.0.1:5060".parse().expect("an address"),
            };
            let text = format!(
                "REGISTER sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK{n}\r\nFrom: <sip:u{n}@h>;tag={n}\r\nTo: \
                 <sip:u{n}@h>\r\nCall-ID: {n}\r\nCSeq: 1 REGISTER\r\nAuthorization: Digest username=\"u{n}\", \
                 realm=\"asterisk\", nonce=\"{n}\", uri=\"sip:h\", response=\"0123456789abcdef0123456789abcdef\"\r\n\r\n"
            );
            world.switch.handle(world.now, Input::Sip { arrival, bytes: text.as_bytes() }, &mut out);
            assert!(!out.outbox.is_empty(), "each is answered, and phones are qualified meanwhile");
            told += out.queue.len();
            out.outbox.clear();
            out.queue.clear();
        }
        told
    };
    // The first fill the tables as far as they may be filled.
    let first = allocation_counter::measure(|| {
        flood(&mut world, 0..strangers / 2);
    });
    let mut told = 0;
    let second = allocation_counter::measure(|| told = flood(&mut world, strangers / 2..strangers));
    assert!(first.bytes_current < 32 << 20, "{first:?}");
    assert!(second.bytes_current < 8 << 20, "{second:?}");
    let minutes = 1 + strangers as usize / 2 / 50_000 / 60;
    assert!(told <= 3 * minutes * limits::STRANGER_LINES_PER_MIN as usize, "{told}");
    assert!(count(&mut world, "unidentified_requests") >= u64::from(strangers));
}

/// Design decision 11: OPTIONS first, calls that stand never; 503 with Retry-After, a line per interval.
#[test]
fn under_overload_the_least_needed_are_refused() {
    let mut world = World::with(PROBE);
    let good = register("alice", "alicepw", "192.0.2.67:5060");
    assert_eq!(world.statuses(&good), "401 Unauthorized / 200 OK");
    let behind = |world: &mut World, millis: u64| {
        let waited = Duration::from_millis(millis);
        world.switch.observe_backlog(Backlog { waited, ..Backlog::default() });
        let one = |world: &mut World, method: &str, user: &str, to: Option<&str>| {
            let lines = "Contact: <sip:x@192.0.2.1>\r\nEvent: presence\r\n";
            let ask = Ask { to, ..Ask::new(method, user, "").lines(lines) };
            let answers = world.ask(&ask);
            assert_eq!(answers[0].contains("\r\nRetry-After: "), status_of(&answers[0]).starts_with("503"));
            status_of(&answers[0]).starts_with("503")
        };
        [
            one(world, "OPTIONS", "alice", None),
            one(world, "SUBSCRIBE", "alice", None),
            one(world, "REGISTER", "bob", None),
            one(world, "REGISTER", "alice", None),
            one(world, "INVITE", "alice", None),
            one(world, "BYE", "alice", None),
            one(world, "BYE", "alice", Some("<sip:alice@127.0.0.1>;tag=1")),
        ]
        .iter()
        .take_while(|refused| **refused)
        .count()
    };
    let refused: Vec<usize> =
        [0, 100, 200, 300, 400, 600, 1_000, 5_000, 0].map(|millis| behind(&mut world, millis)).into();
    assert_eq!(refused, [0, 0, 1, 2, 3, 4, 5, 6, 0]);
    assert_eq!(count(&mut world, "overload_refused"), 21);
    world.wait(Duration::from_secs(10));
    let said = notices(&world, "Overload");
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].ends_with(
            "waited up to 5000 ms, 0 % of the connections' queue was full; refused with 503 in 10 s: 6 OPTIONS, 5 \
             SUBSCRIBE, 4 new REGISTER, 3 REGISTER, 2 INVITE, 1 BYE and CANCEL"
        ),
        "{said:?}"
    );
    assert!(world.events.iter().any(|event| matches!(event, Event::Log { level: Level::Warning, .. })));

    // A REGISTER that waits for its commit is not refused when it comes again.
    let mut world = World::with(PROBE);
    world.commit_at_once = false;
    let bob = register("bob", "bobpw", "192.0.2.68:5060");
    let challenged = world.datagram(bob.source, bob.text(101, "").as_bytes());
    let second = bob.text(102, &answer(&challenged[0], &bob, "bobpw", 1));
    assert!(world.datagram(bob.source, second.as_bytes()).is_empty(), "it waits");
    world.switch.observe_backlog(Backlog { waited: Duration::from_secs(9), queued_milli: 0 });
    assert!(world.datagram(bob.source, second.as_bytes()).is_empty(), "it still waits");
    assert_eq!(world.statuses(&bob), "503 Service Unavailable", "another one does not get in");

    let off = PROBE.replace("type=global\n", "type=global\ntaskprocessor_overload_trigger=none\n");
    let mut world = World::with(&off);
    let worst = Backlog { waited: Duration::from_secs(9), queued_milli: 1_000 };
    world.switch.observe_backlog(worst);
    assert_eq!(world.statuses(&Ask::new("OPTIONS", "ghost", "")), "401 Unauthorized", "switched off");
}
