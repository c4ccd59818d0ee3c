//! A3: with the recordings' configuration in the recordings' state, the `show` commands print what was recorded, call
//! by call through the whole way: configuration, registrations, switch, command language, printers.

use crate::calls::phone::{header, request, sdp, set_dialplan, the};
use crate::world::{Ask, PROBE, World};
use jackfield::admin::cli::{self, Parsed};
use jackfield::admin::{self, Format};
use jackfield::bridge::{MediaEvent, Plan, PortReport};
use jackfield::switch::io::Input;
use jackfield::switch::view::{Command, EndpointView, Kind, Reply};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// Commands whose answers do not depend on calls or outbound registrations, which [`IN_A_CALL`] has.
const COMMANDS: &[&str] = &[
    "pjsip show endpoints like ^b",
    "pjsip show endpoint alice",
    "pjsip show endpoint trunk",
    "pjsip show endpoint lost",
    "pjsip show endpoint nosuch",
    "pjsip show aors",
    "pjsip list aors",
    "pjsip show aor bob",
    "pjsip show aor trunk",
    "pjsip show aor lost",
    "pjsip show aor nosuch",
    "pjsip show contact lost/sip:lost@127.0.0.1:6074",
    "pjsip show contacts",
    "pjsip list contacts",
    "pjsip show contact nosuch",
    "pjsip show auths",
    "pjsip list auths",
    "pjsip show identifies",
    "pjsip list identifies",
    "pjsip show identify trunk",
    "pjsip show transports",
    "pjsip list transports",
    "pjsip show transport nosuch",
    "pjsip show identifiers",
];

/// Commands whose answers tell of the call that ran when they were recorded.
const IN_A_CALL: &[&str] = &[
    "pjsip show endpoints",
    "pjsip list endpoints",
    "pjsip show endpoint erin",
    "pjsip show channels",
    "pjsip list channels",
    "pjsip show channel PJSIP/erin-00000000",
    "pjsip show channelstats",
    "core show channels",
    "core show channels concise",
    "core show channels verbose",
    "core show calls",
];

fn recorded() -> Option<BTreeMap<String, String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/reference/recordings/cli.txt");
    let text = std::fs::read_to_string(path).ok()?;
    let sections = text.split("##### ").skip(1).filter_map(|section| section.split_once('\n'));
    Some(sections.map(|(command, answer)| (command.trim().to_owned(), answer.to_owned())).collect())
}

fn recorded_state() -> World {
    let mut world = registered();
    answer_qualifies(&mut world);
    world
}

/// The phones of the recording, registered.
fn registered() -> World {
    let mut world = World::with(&format!("{PROBE}\n[reg-out](acct)\nusername=me\npassword=mepw\n"));
    for (user, password, contacts) in [
        ("alice", "alicepw", "Contact: <sip:alice@127.0.0.1:7101>\r\nExpires: 600\r\n"),
        (
            "bob",
            "bobpw",
            "Contact: <sip:bob@127.0.0.1:7201>\r\nContact: <sip:bob@127.0.0.1:7202;transport=udp>\r\n",
        ),
        ("rex", "rexpw", "Contact: <sip:rex@127.0.0.1:7301>\r\n"),
    ] {
        assert_eq!(
            world.statuses(&Ask::new("REGISTER", user, password).lines(contacts)),
            "401 Unauthorized / 200 OK"
        );
    }
    world
}

/// Six seconds in which the trunk answers its OPTIONS.
fn answer_qualifies(world: &mut World) {
    for _ in 0..60 {
        for text in world.wait(Duration::from_millis(100)) {
            if text.starts_with("OPTIONS sip:127.0.0.1:6070 ") {
                let kept = ["Via:", "From:", "To:", "Call-ID:", "CSeq:"];
                let lines = text.lines().filter(|line| kept.iter().any(|name| line.starts_with(name)));
                let head = lines.collect::<Vec<_>>().join("\r\n");
                world.now = world.now.later(Duration::from_micros(378));
                let answer = format!("SIP/2.0 200 OK\r\n{head}\r\nContent-Length: 0\r\n\r\n");
                world.datagram("127.0.0.1:6070", answer.as_bytes());
            }
        }
    }
}

const ERIN: &str = "127.0.0.1:7500";
const CALLEE: &str = "127.0.0.1:6070";

/// A response of the callee's.
fn answer(invite: &str, status: &str, body: &str) -> String {
    let lines =
        ["Via", "From", "Call-ID", "CSeq"].map(|name| format!("{name}: {}\r\n", header(invite, name)));
    format!(
        "SIP/2.0 {status}\r\n{}To: {};tag=callee\r\nContact: <sip:callee@{CALLEE}>\r\nContent-Type: application/sdp\r\n\
         Content-Length: {}\r\n\r\n{body}",
        lines.concat(),
        header(invite, "To"),
        body.len()
    )
}

/// Erin calls 609, which is the callee's: the INVITE that the callee got, and what Erin's side is sent for it.
fn erin_calls(world: &mut World, call: &str) -> String {
    set_dialplan(world, "[probe]\nexten => 609,1,Dial(PJSIP/callee,20)\n");
    let offer = request(
        "INVITE",
        "sip:609@127.0.0.1:5060",
        (call, call, 1),
        "<sip:609@127.0.0.1>",
        &sdp("127.0.0.1", 7000, "0", ""),
    );
    let offer = offer.replace("\"Ann\" <sip:100@", "<sip:erin@").replace("127.0.0.1:6100", ERIN);
    let sent = world.datagram(ERIN, offer.as_bytes());
    the(&sent, "INVITE sip:callee@").to_owned()
}

fn in_a_call() -> World {
    let mut world = registered();
    let invite = erin_calls(&mut world, "e1");
    world.datagram(CALLEE, answer(&invite, "200 OK", &sdp("127.0.0.1", 7200, "0", "")).as_bytes());
    answer_qualifies(&mut world);
    world
}

fn endpoint(world: &mut World, name: &str) -> EndpointView {
    match world.show(Kind::Endpoint, Some(name)) {
        Reply::Endpoints(mut all) => all.pop().expect("it is there"),
        other => panic!("{other:?}"),
    }
}

/// Every state that a device can have shows in `pjsip show endpoints`, and in the counts that metrics are made of.
#[test]
fn endpoints_show_their_calls_from_ringing_to_the_end() {
    let mut world = registered();
    let seen = |world: &mut World, name: &str| {
        let view = endpoint(world, name);
        assert_eq!(view.active_channels, view.channels.len());
        let channels: Vec<String> =
            view.channels.iter().map(|channel| format!("{} {}", channel.name, channel.state)).collect();
        format!("{} {}", view.state, channels.join(" "))
    };
    let count = |world: &mut World, state: &str| match world.command(Command::EndpointStates) {
        Reply::EndpointStates(all) => all.iter().find(|(its, _)| *its == state).map_or(0, |(_, n)| *n),
        other => panic!("{other:?}"),
    };
    assert_eq!(seen(&mut world, "erin"), "Unavailable ");
    let invite = erin_calls(&mut world, "e1");
    assert_eq!(seen(&mut world, "erin"), "In use PJSIP/erin-00000000 Ring");
    assert_eq!(seen(&mut world, "callee"), "Not in use PJSIP/callee-00000001 Down");
    world.datagram(CALLEE, answer(&invite, "180 Ringing", "").as_bytes());
    assert_eq!(seen(&mut world, "callee"), "Ringing PJSIP/callee-00000001 Ringing");
    let sent = world.datagram(CALLEE, answer(&invite, "200 OK", &sdp("127.0.0.1", 7200, "0", "")).as_bytes());
    let to = header(the(&sent, "SIP/2.0 200"), "To").to_owned();
    assert_eq!(seen(&mut world, "erin"), "In use PJSIP/erin-00000000 Up");
    assert_eq!(seen(&mut world, "callee"), "In use PJSIP/callee-00000001 Up");
    assert_eq!(count(&mut world, "In use"), 2);
    let again = |world: &mut World, cseq: u32, direction: &str| {
        let body = sdp("127.0.0.1", 7000, "0", direction);
        let text = request("INVITE", "sip:609@127.0.0.1:5060", ("e1", &format!("e{cseq}"), cseq), &to, &body);
        world.datagram(
            ERIN,
            text.replace("\"Ann\" <sip:100@", "<sip:erin@").replace("127.0.0.1:6100", ERIN).as_bytes(),
        );
    };
    let ack = request("ACK", "sip:609@127.0.0.1:5060", ("e1", "ea", 1), &to, "");
    world.datagram(
        ERIN,
        ack.replace("\"Ann\" <sip:100@", "<sip:erin@").replace("127.0.0.1:6100", ERIN).as_bytes(),
    );
    again(&mut world, 2, "a=sendonly\r\n");
    assert_eq!(seen(&mut world, "callee"), "On Hold PJSIP/callee-00000001 Up");
    assert_eq!(count(&mut world, "On Hold"), 1);
    let gone = request("BYE", "sip:609@127.0.0.1:5060", ("e1", "e9", 9), &to, "");
    world.datagram(
        ERIN,
        gone.replace("\"Ann\" <sip:100@", "<sip:erin@").replace("127.0.0.1:6100", ERIN).as_bytes(),
    );
    assert_eq!(seen(&mut world, "erin"), "Unavailable ");
    assert_eq!(seen(&mut world, "callee"), "Not in use ");
    assert_eq!(count(&mut world, "In use"), 0);
    // device_state_busy_at
    world.reload(&PROBE.replace("[callee](ep)\n", "[callee](ep)\ndevice_state_busy_at=1\n"));
    let invite = erin_calls(&mut world, "e2");
    world.datagram(CALLEE, answer(&invite, "180 Ringing", "").as_bytes());
    assert!(seen(&mut world, "callee").starts_with("Busy PJSIP/callee"));
}

/// The answer to `pjsip show channelstats` when every port tells these counters.
fn counted(world: &mut World, report: PortReport) -> Reply {
    let handed = world.plans.len();
    world.replies.clear();
    world.handle(Input::Command { token: 1, command: Command::ChannelStats });
    let asked = world.plans[handed..].iter().filter_map(|plan| match plan {
        Plan::Report { port } => Some(*port),
        _ => None,
    });
    let asked: Vec<_> = asked.collect();
    assert_eq!(asked.len(), 2);
    for port in asked {
        world.handle(Input::Media(MediaEvent::Report { port, report: Box::new(report) }));
    }
    world.replies.pop().expect("told when all ports have")
}

/// Both directions of `pjsip show channelstats`: what we counted, and what the phone reports of what we sent.
#[test]
fn channelstats_have_both_directions() {
    let mut world = in_a_call();
    let millis = Duration::from_millis;
    let report = PortReport {
        received: 300,
        lost: 3,
        jitter: millis(4),
        sent: 200,
        sent_lost: 50,
        sent_jitter: millis(6),
        round_trip: millis(7),
        ..PortReport::default()
    };
    let reply = counted(&mut world, report);
    let Parsed::Ask(_, shape) = cli::parse("pjsip show channelstats", Format::PLAIN) else {
        panic!("a question")
    };
    let text = admin::print(vec![reply], &shape).text;
    let line = text.lines().find(|line| line.contains("erin-00000000")).expect("erin's");
    assert!(
        line.ends_with("ulaw      300       3    1   0.004    200      50   25   0.006   0.007"),
        "{text}"
    );
}

#[test]
fn in_a_call_the_show_commands_print_what_was_recorded() {
    compare(&mut in_a_call(), IN_A_CALL);
}

fn printed(world: &mut World, command: &str) -> String {
    match cli::parse(command, Format::PLAIN) {
        Parsed::Text(answer) => answer.text,
        Parsed::Ask(commands, shape) => {
            let ask = |command| match command {
                Command::ChannelStats => counted(world, PortReport::default()),
                command => world.command(command),
            };
            let replies = commands.into_iter().map(ask).collect();
            admin::print(replies, &shape).text
        }
        Parsed::Server(..) => panic!("{command} is the server's"),
    }
}

/// What differs from run to run: round trips, times, and the port of the recording's transport.
fn masked(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        let mut line = line.trim_end().replace("127.0.0.1:6065", "127.0.0.1:5060");
        for name in ["expiration_time", "call_id"] {
            if line.trim_start().starts_with(name) {
                line = format!(" {name} : X");
            }
        }
        lines.push(line);
    }
    lines.join("\n").trim_end().to_owned()
}

#[test]
fn every_show_command_prints_what_was_recorded() {
    compare(&mut recorded_state(), COMMANDS);
}

fn compare(world: &mut World, commands: &[&str]) {
    let Some(recorded) = recorded() else { return };
    let bridges = match world.command(Command::Bridges) {
        Reply::Bridges(all) => all,
        other => panic!("{other:?}"),
    };
    let known = "3a3bd5b6-0d17-4f05-85ee-0138e4996451";
    let mut wrong = Vec::new();
    for command in commands {
        let want = masked(recorded.get(*command).unwrap_or_else(|| panic!("{command} is recorded")));
        let mut got = masked(&printed(world, command)).replace("1800000000.", "1795207462.");
        // Bridges are known by their whole id, its first twenty characters or its first eight.
        for (bridge, length) in bridges.iter().flat_map(|bridge| [36, 20, 8].map(|length| (bridge, length))) {
            got = got.replace(&bridge.id[..length], &known[..length]);
        }
        if got != want {
            let differing = got.lines().zip(want.lines()).find(|(a, b)| a != b);
            wrong.push(format!(
                "{command}: got/want {differing:?}, {} and {} lines",
                got.lines().count(),
                want.lines().count()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
