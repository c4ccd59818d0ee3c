//! A3: with the recordings' configuration in the recordings' state, the `show` commands print what was recorded, call
//! by call through the whole way: configuration, registrations, switch, command language, printers.

use crate::world::{Ask, PROBE, World};
use jackfield::admin::cli::{self, Parsed};
use jackfield::admin::{self, Format};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// Commands whose answers do not depend on calls or outbound registrations, which the recording had too.
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

fn recorded() -> Option<BTreeMap<String, String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/reference/recordings/cli.txt");
    let text = std::fs::read_to_string(path).ok()?;
    let sections = text.split("##### ").skip(1).filter_map(|section| section.split_once('\n'));
    Some(sections.map(|(command, answer)| (command.trim().to_owned(), answer.to_owned())).collect())
}

fn recorded_state() -> World {
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
    world
}

fn printed(world: &mut World, command: &str) -> String {
    match cli::parse(command, Format::PLAIN) {
        Parsed::Text(answer) => answer.text,
        Parsed::Ask(commands, shape) => {
            let replies = commands.into_iter().map(|command| world.command(command)).collect();
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
    let Some(recorded) = recorded() else { return };
    let mut world = recorded_state();
    let mut wrong = Vec::new();
    for command in COMMANDS {
        let want = masked(recorded.get(*command).unwrap_or_else(|| panic!("{command} is recorded")));
        let got = masked(&printed(&mut world, command));
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
