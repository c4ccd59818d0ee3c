//! Phones made of text: what the tests of calls send and what they look for.

pub use crate::shared::message::*;
use crate::world::World;
use jackfield::base::time::Now;
use jackfield::config::conf;
use jackfield::config::files::MemoryFiles;
use jackfield::config::origin::Sources;
use jackfield::dialplan::{Dialplan, Surroundings, line, load};
use jackfield::switch::io::Input;
use jackfield::switch::view::{ChannelView, Command, Kind, Reply};
use std::sync::Arc;
use std::time::Duration;

pub const CALLER: &str = "127.0.0.1:6100";
pub const CALLED: &str = "127.0.0.1:6200";
pub const THIRD: &str = "127.0.0.1:6300";

/// Three phones without passwords, known by their addresses; `options` stand in each endpoint.
pub fn office(options: &str, dialplan: &str) -> World {
    office_beside("", options, dialplan)
}

/// The same with further objects.
pub fn office_beside(objects: &str, options: &str, dialplan: &str) -> World {
    let mut world = World::with(&format!("{objects}{}", office_text(options)));
    set_dialplan(&mut world, dialplan);
    world
}

/// Their `pjsip.conf`.
pub fn office_text(options: &str) -> String {
    let mut text = String::from("[transport-udp]\ntype=transport\nprotocol=udp\nbind=127.0.0.1:5060\n");
    for (name, at) in [("100", CALLER), ("200", CALLED), ("300", THIRD)] {
        text.push_str(&format!(
            "[{name}]\ntype=endpoint\ncontext=phones\ndisallow=all\nallow=ulaw,alaw\naors={name}\n{options}\n\
             [{name}]\ntype=aor\ncontact=sip:{name}@{at}\n\
             [id{name}]\ntype=identify\nendpoint={name}\nmatch={at}\n"
        ));
    }
    text
}

pub fn set_dialplan(world: &mut World, text: &str) -> Vec<String> {
    let plan = plan_of(text, world.now);
    world.handle(Input::Dialplan(plan))
}

/// An `extensions.conf`, which must be without faults.
pub fn plan_of(text: &str, now: Now) -> Arc<Dialplan> {
    let files = MemoryFiles::new().with("extensions.conf", text);
    let (mut sources, mut findings) = (Sources::new(), Vec::new());
    let tree = conf::read(&files, "extensions.conf", &mut sources, &mut findings);
    let around = Surroundings {
        sources: &sources,
        zones: Arc::default(),
        environment: &|_| None,
        done: &|_| true,
        now,
    };
    let loaded = load(&line::sections(&tree), &around);
    assert!(loaded.findings.is_empty(), "{:?}", loaded.findings);
    Arc::new(loaded.dialplan)
}

/// A description with audio at that port; `codecs` as payload numbers.
pub fn sdp(address: &str, port: u16, codecs: &str, more: &str) -> String {
    let maps: String = codecs
        .split(' ')
        .map(|number| match number {
            "0" => "a=rtpmap:0 PCMU/8000\r\n",
            "8" => "a=rtpmap:8 PCMA/8000\r\n",
            "9" => "a=rtpmap:9 G722/8000\r\n",
            "101" => "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n",
            _ => "",
        })
        .collect();
    format!(
        "v=0\r\no=- 1 {port} IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP {codecs}\r\n{maps}{more}"
    )
}

/// The messages whose first line begins so.
pub fn those<'t>(sent: &'t [String], start: &str) -> Vec<&'t str> {
    sent.iter().map(String::as_str).filter(|text| text.starts_with(start)).collect()
}

/// The one message whose first line begins so.
pub fn the<'t>(sent: &'t [String], start: &str) -> &'t str {
    let found = those(sent, start);
    assert_eq!(found.len(), 1, "one '{start}' was expected among\n{}", sent.join("\n---\n"));
    found[0]
}

/// An INVITE of the caller's.
pub fn invite(exten: &str, cseq: u32, branch: &str, body: &str) -> String {
    request(
        "INVITE",
        &format!("sip:{exten}@127.0.0.1:5060"),
        ("c1", branch, cseq),
        &format!("<sip:{exten}@127.0.0.1>"),
        body,
    )
}

/// A request of the caller's.
pub fn request(
    method: &str,
    uri: &str,
    (call, branch, cseq): (&str, &str, u32),
    to: &str,
    body: &str,
) -> String {
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    format!(
        "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {CALLER};rport;branch=z9hG4bK{branch}\r\nMax-Forwards: 70\r\n\
         From: \"Ann\" <sip:100@127.0.0.1>;tag=ann\r\nTo: {to}\r\nCall-ID: {call}\r\nCSeq: {cseq} {method}\r\n\
         Contact: <sip:100@{CALLER}>\r\n{kind}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A response to a request of ours, as the phone at `at` gives it.
pub fn reply(request: &str, status: &str, at: &str, body: &str) -> String {
    let to = header(request, "To");
    let to = if to.contains(";tag=") || status.starts_with("100") {
        to.to_owned()
    } else {
        format!("{to};tag=t{}", &at[10..])
    };
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    format!(
        "SIP/2.0 {status}\r\nVia: {}\r\nFrom: {}\r\nTo: {to}\r\nCall-ID: {}\r\nCSeq: {}\r\n\
         Contact: <sip:phone@{at}>\r\nAllow: INVITE, ACK, BYE, CANCEL, UPDATE\r\n{kind}Content-Length: {}\r\n\r\n{body}",
        header(request, "Via"),
        header(request, "From"),
        header(request, "Call-ID"),
        header(request, "CSeq"),
        body.len()
    )
}

pub fn channels(world: &mut World) -> Vec<ChannelView> {
    match world.show(Kind::Channel, None) {
        Reply::Channels(all) => all,
        other => panic!("{other:?}"),
    }
}

/// Channels, dialogs and transactions that are left.
pub fn leftovers(world: &mut World) -> (usize, usize, usize) {
    let channels = channels(world).len();
    match world.command(Command::Status) {
        Reply::Status(status) => (channels, status.dialogs, status.transactions),
        other => panic!("{other:?}"),
    }
}

/// After every timer has run out there is no channel, dialog, transaction or port.
pub fn nothing_is_left(world: &mut World) {
    for _ in 0..80 {
        world.wait(Duration::from_millis(500));
    }
    assert_eq!(leftovers(world), (0, 0, 0), "channels, dialogs, transactions");
    assert_eq!(world.open_ports(), 0, "ports");
}
