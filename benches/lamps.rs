//! What 20,000 subscriptions to 2,000 hints cost (C6): memory of each, processor time of each NOTIFY with its answer, and
//! that a restart has them all. `cargo bench --bench lamps`.
#![allow(clippy::print_stdout, clippy::disallowed_methods, missing_docs)]

#[path = "../tests/it/calls/phone.rs"]
#[allow(dead_code, reason = "shared with the tests of calls")]
mod phone;
#[path = "../tests/shared/mod.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod shared;
#[path = "../tests/it/world/mod.rs"]
#[allow(dead_code, reason = "shared with the tests of everything else")]
mod world;

use jackfield::pubsub::Kept;
use jackfield::switch::io::{Actions, Input};
use jackfield::switch::view::{Command, Reply};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::UdpSocket;
use std::time::Duration;
use world::World;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SUBSCRIPTIONS: usize = 20_000;
const HINTS: usize = 2_000;

fn main() {
    let mut world = office();
    let empty = resident();
    let kept = subscribe_all(&mut world);
    let rows: usize = kept
        .values()
        .map(|kept| match kept {
            Kept::Subscription(stored) => stored.packet.len() + 400,
            _ => 0,
        })
        .sum();
    // Every transaction ends, and what only it needed.
    (0..100).for_each(|_| drop(world.wait(Duration::from_millis(500))));
    let each = resident().saturating_sub(empty + rows) / SUBSCRIPTIONS;
    let Reply::Status(status) = world.command(Command::Status) else { panic!("status") };
    assert_eq!((status.dialogs, status.transactions), (SUBSCRIPTIONS, 0));
    println!("{SUBSCRIPTIONS} subscriptions to {HINTS} hints: {each} bytes each (limit 2048)");
    for round in 0..3 {
        let state = if round % 2 == 0 { "INUSE" } else { "NOT_INUSE" };
        let (notify, send, answer) = change_all(&mut world, state);
        println!(
            "each NOTIFY: {notify} ns to decide and write, {send} ns to send, {answer} ns for its 200: {} ns (limit 30000)",
            notify + send + answer
        );
        assert!(notify + send + answer < 30_000);
    }
    assert!(each < 2_048);
    restart(kept, world.now);
}

fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<usize>().ok()).expect("a number") * 1024
}

fn processor_nanos() -> u64 {
    let usage = getrusage(UsageWho::RUSAGE_SELF).expect("Linux");
    u64::try_from((usage.user_time() + usage.system_time()).num_microseconds()).expect("positive") * 1_000
}

fn office() -> World {
    let mut text = String::from(
        "[transport-udp]\ntype=transport\nprotocol=udp\nbind=127.0.0.1:5060\n\
         [watchers]\ntype=endpoint\ncontext=phones\nallow=ulaw\n[any]\ntype=identify\nendpoint=watchers\nmatch=127.0.0.0/8\n",
    );
    for n in 5_000..5_000 + HINTS {
        writeln!(
            text,
            "[{n}]\ntype=endpoint\ncontext=phones\nallow=ulaw\naors={n}\n[{n}]\ntype=aor\nmax_contacts=1"
        )
        .expect("a String");
    }
    let mut world = World::with(&text);
    phone::set_dialplan(&mut world, "[phones]\nexten => _[56]XXX,hint,PJSIP/${EXTEN}&Custom:d${EXTEN}\n");
    world
}

fn subscribe_all(world: &mut World) -> HashMap<u64, Kept> {
    let mut kept = HashMap::new();
    for n in 0..SUBSCRIPTIONS {
        let sent = world.datagram(&format!("127.0.0.1:{}", 10_000 + n / 10), subscribe(n).as_bytes());
        assert!(sent[0].starts_with("SIP/2.0 200"), "{}", sent[0]);
        for notify in &sent[1..] {
            let (from, answer) = answer(notify);
            world.datagram(&from, answer.as_bytes());
        }
        world.now = world.now.later(Duration::from_millis(5));
        world.events.clear();
        for one in world.kept.drain(..) {
            keep(&mut kept, one);
        }
    }
    kept
}

/// As the store does.
fn keep(kept: &mut HashMap<u64, Kept>, one: Kept) {
    match one {
        Kept::Subscription(stored) => drop(kept.insert(stored.id, Kept::Subscription(stored))),
        Kept::Progress { id, cseq, expires, contact, version } => {
            if let Some(Kept::Subscription(stored)) = kept.get_mut(&id) {
                (stored.cseq, stored.expires, stored.contact, stored.version) =
                    (cseq, expires, contact, version);
            }
        }
        Kept::Forget { id } => drop(kept.remove(&id)),
        _ => {}
    }
}

fn subscribe(n: usize) -> String {
    let (exten, port) = (5000 + n % HINTS, 10_000 + n / 10);
    format!(
        "SUBSCRIBE sip:{exten}@127.0.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};rport;branch=z9hG4bK{n}\r\n\
         Max-Forwards: 70\r\nFrom: \"Watcher {n}\" <sip:w{n}@127.0.0.1>;tag=0123456789{n}\r\n\
         To: <sip:{exten}@127.0.0.1>\r\nCall-ID: 0123456789abcdef-{n}@127.0.0.1\r\nCSeq: 1 SUBSCRIBE\r\n\
         Contact: <sip:w{n}@127.0.0.1:{port}>\r\nEvent: dialog\r\nAccept: application/dialog-info+xml\r\n\
         User-Agent: a phone of some make, 1.2.3.4\r\nExpires: 3600\r\nContent-Length: 0\r\n\r\n"
    )
}

/// Where a NOTIFY went, and the 200 to it.
fn answer(notify: &str) -> (String, String) {
    let line = notify.lines().next().expect("a line");
    let to = line.split('@').nth(1).and_then(|rest| rest.split(' ').next()).expect("host:port").to_owned();
    let answer = phone::reply(notify, "200 OK", &to, "");
    (to, answer)
}

/// Each of the 2,000 hints changes, as by one call each; nanoseconds for each NOTIFY.
fn change_all(world: &mut World, state: &str) -> (u64, u64, u64) {
    let sink = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let to = sink.local_addr().expect("bound");
    let (mut deciding, mut sending, mut hearing, mut count) = (0, 0, 0, 0);
    // In portions, so that the clock of the system, which counts microseconds, is exact enough.
    for some in (0..HINTS).collect::<Vec<_>>().chunks(100) {
        let mut out = Actions::default();
        let from = processor_nanos();
        for n in some {
            let command =
                Command::SetDeviceState { device: format!("Custom:d{}", 5000 + n), state: state.into() };
            world.switch.handle(world.now, Input::Command { token: 1, command }, &mut out);
        }
        let decided = processor_nanos();
        for (_, bytes) in out.outbox.iter() {
            let _ = socket.send_to(bytes, to);
        }
        let sent = processor_nanos();
        let texts: Vec<String> =
            out.outbox.iter().map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned()).collect();
        count += texts.len() as u64;
        let answers: Vec<(String, String)> = texts.iter().map(|text| answer(text)).collect();
        let arrivals: Vec<_> = answers.iter().map(|(from, text)| (arrival(from), text.as_bytes())).collect();
        let begun = processor_nanos();
        for (arrival, bytes) in arrivals {
            world.switch.handle(world.now, Input::Sip { arrival, bytes }, &mut out);
        }
        hearing += processor_nanos() - begun;
        deciding += decided - from;
        sending += sent - decided;
        world.now = world.now.later(Duration::from_millis(500));
        drop(world.wait(Duration::ZERO));
        world.kept.clear();
        world.events.clear();
    }
    assert_eq!(count, SUBSCRIPTIONS as u64);
    // Every transaction ends before the next change.
    (0..100).for_each(|_| drop(world.wait(Duration::from_millis(500))));
    (deciding / count, sending / count, hearing / count)
}

fn arrival(from: &str) -> jackfield::sip::flow::Arrival {
    jackfield::sip::flow::Arrival {
        transport: jackfield::base::ids::TransportId(0),
        protocol: jackfield::sip::flow::Protocol::Udp,
        flow: jackfield::base::ids::FlowId::DATAGRAM,
        source: from.parse().expect("an address"),
        local: "127.0.0.1:5060".parse().expect("an address"),
    }
}

fn restart(kept: HashMap<u64, Kept>, now: jackfield::base::time::Now) {
    let mut after = office();
    after.now = now;
    let from = processor_nanos();
    after.switch.restore_lamps(after.now, kept.into_values().collect(), &mut Actions::default());
    println!("restored in {} ms", (processor_nanos() - from) / 1_000_000);
    let Reply::Status(status) = after.command(Command::Status) else { panic!("status") };
    assert_eq!(status.dialogs, SUBSCRIPTIONS, "a restart has them all");
}
