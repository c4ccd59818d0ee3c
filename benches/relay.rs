//! The relay alone, to be loaded from outside: `relay FILE [THREADS]` with one line per call,
//! `LOCAL_A RELAY_A LOCAL_B RELAY_B` (ip:port each). A sends to RELAY_A and must be heard at LOCAL_B; B the other way.
//! Runs until its input ends or it is killed; then tells what it relayed.

use jackfield::bridge::*;
use jackfield::media::Media;
use jackfield::rtp::SourceRules;
use jackfield::sdp::Translation;
use std::io::Read;
use std::net::SocketAddr;

fn main() {
    // `cargo bench` passes `--bench`.
    let args: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let Some(file) = args.first() else {
        eprintln!("usage: relay FILE [THREADS]   (see the head of benches/relay.rs)");
        return;
    };
    let threads = args.get(1).and_then(|t| t.parse().ok()).unwrap_or(1);
    let text = std::fs::read_to_string(file).expect("the session file is readable");
    let _ = nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE, 65_536, 65_536);
    let (mut media, mut events) = Media::start(threads, 1).expect("threads start");
    let mut numbers = Translation::NOTHING;
    (0..=127).for_each(|n| numbers.set(n, n));
    let mut calls = 0u64;
    for line in text.lines() {
        let places: Vec<SocketAddr> = line.split_whitespace().map(|a| a.parse().expect("ip:port")).collect();
        let [local_a, relay_a, local_b, relay_b] = places[..] else { panic!("four addresses in {line:?}") };
        let (a, b) = (PortId(2 * calls), PortId(2 * calls + 1));
        for (port, relay, local) in [(a, relay_a, local_a), (b, relay_b, local_b)] {
            let event = media.submit(Plan::Open(Box::new(Open {
                port,
                affinity: calls,
                bind: relay.ip(),
                range: PortRange { first: relay.port(), last: relay.port() + 1 },
                rules: SourceRules::default(),
                rtcp_port: true,
                tos: 0,
                timers: Timers::default(),
            })));
            assert!(matches!(event, Some(MediaEvent::Opened { .. })), "{event:?}");
            let mut payloads = Payloads::default();
            payloads.set(0, PayloadUse::Media { clock_rate: 8000 });
            media.submit(Plan::Aim {
                port,
                aim: Box::new(Aim {
                    remote: Whereto::At(local),
                    rtcp: None,
                    rtcp_mux: false,
                    send: true,
                    receive: true,
                    held: false,
                    payloads,
                    events: None,
                    clock_rate: 8000,
                    udptl: false,
                    coding: None,
                }),
            });
        }
        let path = Box::new(Path { numbers });
        media.submit(Plan::Join { a, b, a_to_b: path.clone(), b_to_a: path });
        calls += 1;
    }
    eprintln!("{calls} calls on {threads} threads");
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    (0..2 * calls).for_each(|port| drop(media.submit(Plan::Close { port: PortId(port) })));
    drop(media);
    let mut relayed = 0;
    while let Ok(event) = events.try_recv() {
        if let MediaEvent::Closed { report, .. } = event {
            relayed += report.sent;
        }
    }
    eprintln!("relayed {relayed} packets");
}
