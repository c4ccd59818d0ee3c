//! T.38 through the server: offered to the other phone as it came, answered as it answered, refused without harm.

use super::basic::answered;
use super::phone::*;
use crate::world::World;
use jackfield::bridge::{MediaEvent, Plan, PortId, SoundOrder};
use jackfield::switch::io::Input;
use jackfield::switch::view::Event;
use std::time::Duration;

const DIAL: &str = "[phones]\nexten => _X00,1,Dial(PJSIP/${EXTEN},20)\nexten => fax,1,Dial(PJSIP/300,20)\n";
const LINES: &str = "a=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\na=T38FaxRateManagement:transferredTCF\r\n\
    a=T38FaxMaxBuffer:1024\r\na=T38FaxMaxDatagram:238\r\na=T38FaxUdpEC:t38UDPRedundancy\r\n";

fn image(port: u16, lines: &str) -> String {
    format!(
        "v=0\r\no=- 1 {port} IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=image {port} udptl t38\r\n{lines}"
    )
}

fn reinvite(world: &mut World, ok: &str, cseq: u32, body: &str) -> Vec<String> {
    let branch = format!("r{cseq}");
    let text = request("INVITE", "sip:200@127.0.0.1:5060", ("c1", &branch, cseq), header(ok, "To"), body);
    world.datagram(CALLER, text.as_bytes())
}

fn ack(world: &mut World, ok: &str, cseq: u32) {
    let text = request("ACK", "sip:200@127.0.0.1:5060", ("c1", "ax", cseq), header(ok, "To"), "");
    world.datagram(CALLER, text.as_bytes());
}

/// Hangs up, and looks for what is left.
fn over(world: &mut World, ok: &str, cseq: u32) {
    let bye = request("BYE", "sip:200@127.0.0.1:5060", ("c1", "b9", cseq), header(ok, "To"), "");
    let sent = world.datagram(CALLER, bye.as_bytes());
    let bye = the(&sent, "BYE sip:phone@127.0.0.1:6200").to_owned();
    world.datagram(CALLED, reply(&bye, "200 OK", CALLED, "").as_bytes());
    for _ in 0..80 {
        world.wait(Duration::from_millis(500));
    }
    assert_eq!(leftovers(world), (0, 0, 0), "channels, dialogs, transactions");
    assert_eq!(world.open_ports(), 0, "ports");
}

fn said(world: &World, words: &str) -> bool {
    world.events.iter().any(|event| matches!(event, Event::Log { text, .. } if text.contains(words)))
}

fn aimed_at_fax(world: &World) -> usize {
    world.plans.iter().filter(|plan| matches!(plan, Plan::Aim { aim, .. } if aim.udptl)).count()
}

/// S3-23, D4: the m-line and its attributes pass as they are in both directions, fax packets are joined, and the call
/// goes back to audio at its old ports.
#[test]
fn a_fax_passes_through_and_the_call_goes_back_to_audio() {
    let mut world = office("direct_media=no\nt38_udptl=yes", DIAL);
    let (_, ok) = answered(&mut world);
    let audio = header_port(&ok);
    let joins = world.joins();
    let sent = reinvite(&mut world, &ok, 2, &image(7010, LINES));
    let offer = the(&sent, "INVITE sip:phone@127.0.0.1:6200").to_owned();
    assert_eq!(body(&offer).matches("m=").count(), 1, "{offer}");
    assert!(body(&offer).contains(" udptl t38\r\n") && body(&offer).ends_with(LINES), "{offer}");
    assert!(!body(&offer).contains("m=image 7010 "), "the packets pass through us: {offer}");
    let answer = image(7210, "a=T38FaxVersion:0\r\na=T38FaxMaxDatagram:400\r\n");
    let sent = world.datagram(CALLED, reply(&offer, "200 OK", CALLED, &answer).as_bytes());
    the(&sent, "ACK sip:phone@127.0.0.1:6200");
    let taken = the(&sent, "SIP/2.0 200").to_owned();
    assert!(body(&taken).contains("m=image "), "{taken}");
    assert!(body(&taken).ends_with("a=T38FaxVersion:0\r\na=T38FaxMaxDatagram:400\r\n"), "{taken}");
    ack(&mut world, &ok, 2);
    assert_eq!((aimed_at_fax(&world), world.joins()), (2, joins + 1));
    // The same offer again, as a session timer sends it: nobody else is bothered.
    let sent = reinvite(&mut world, &ok, 3, &image(7010, LINES));
    assert!(body(the(&sent, "SIP/2.0 200")).contains("m=image "));
    assert!(those(&sent, "INVITE").is_empty(), "{sent:?}");
    ack(&mut world, &ok, 3);
    // Back to audio.
    let sent = reinvite(&mut world, &ok, 4, &sdp("127.0.0.1", 7000, "8 101", ""));
    let back = the(&sent, "SIP/2.0 200").to_owned();
    assert_eq!(header_port(&back), audio, "{back}");
    ack(&mut world, &ok, 4);
    let offer = the(&sent, "INVITE sip:phone@127.0.0.1:6200").to_owned();
    assert!(body(&offer).contains("m=audio "), "{offer}");
    let answer = sdp("127.0.0.1", 7200, "8 101", "");
    let sent = world.datagram(CALLED, reply(&offer, "200 OK", CALLED, &answer).as_bytes());
    the(&sent, "ACK sip:phone@127.0.0.1:6200");
    let rests: Vec<bool> = world
        .plans
        .iter()
        .filter_map(|plan| match plan {
            Plan::Direct { on, .. } => Some(*on),
            _ => None,
        })
        .collect();
    assert_eq!(rests, [true, true, false, false], "the ports of the sound rest meanwhile");
    over(&mut world, &ok, 5);
}

fn header_port(text: &str) -> String {
    let line = body(text).lines().find(|line| line.starts_with("m=audio ")).expect("audio");
    line.split(' ').nth(1).expect("a port").to_owned()
}

/// A stream that goes and comes back has its port again: ten rounds open no further one.
#[test]
fn a_stream_that_comes_back_has_its_port_again() {
    let mut world = office("direct_media=no", DIAL);
    let (_, ok) = answered(&mut world);
    let (ports, audio) = (world.open_ports(), header_port(&ok));
    for round in 0..10 {
        for (cseq, port) in [(2 + 2 * round, 0), (3 + 2 * round, 7000)] {
            let sent = reinvite(&mut world, &ok, cseq, &sdp("127.0.0.1", port, "8 101", ""));
            let answer = the(&sent, "SIP/2.0 200").to_owned();
            if port != 0 {
                assert_eq!(header_port(&answer), audio, "round {round}: {answer}");
            }
            ack(&mut world, &ok, cseq);
            assert_eq!(world.open_ports(), ports, "round {round}");
        }
    }
    over(&mut world, &ok, 30);
}

/// S3-24: refused by the other phone, which is 488 for who offered; the call goes on.
#[test]
fn a_refused_fax_leaves_the_call_alone() {
    let mut world = office("direct_media=no\nt38_udptl=yes", DIAL);
    let (_, ok) = answered(&mut world);
    let sent = reinvite(&mut world, &ok, 2, &image(7010, LINES));
    let offer = the(&sent, "INVITE sip:phone@127.0.0.1:6200").to_owned();
    let sent = world.datagram(CALLED, reply(&offer, "488 Not Acceptable Here", CALLED, "").as_bytes());
    the(&sent, "SIP/2.0 488");
    assert!(those(&sent, "BYE").is_empty());
    assert!(said(&world, "the other side answered 488"));
    ack(&mut world, &ok, 2);
    // Audio can be negotiated as before.
    let sent = reinvite(&mut world, &ok, 3, &sdp("127.0.0.1", 7002, "8 101", ""));
    the(&sent, "SIP/2.0 200");
    ack(&mut world, &ok, 3);
    over(&mut world, &ok, 4);
}

/// S3-25: T.38 is off on the other side: 488 at once, and the log names the endpoint and its option.
#[test]
fn t38_that_is_off_on_the_other_side_is_named() {
    let text = office_text("direct_media=no");
    let text = text.replacen("aors=100\n", "aors=100\nt38_udptl=yes\n", 1);
    let mut world = World::with(&text);
    set_dialplan(&mut world, DIAL);
    let (_, ok) = answered(&mut world);
    let sent = reinvite(&mut world, &ok, 2, &image(7010, LINES));
    the(&sent, "SIP/2.0 488");
    assert!(those(&sent, "INVITE").is_empty());
    assert!(said(&world, "endpoint '200' on the other side has t38_udptl=no"), "{:?}", world.events);
    ack(&mut world, &ok, 2);
    over(&mut world, &ok, 3);
}

/// The other phone thinks for longer than the five seconds there are: 488, and what it then takes is taken back.
#[test]
fn a_late_answer_is_taken_back() {
    let mut world = office("direct_media=no\nt38_udptl=yes", DIAL);
    let (_, ok) = answered(&mut world);
    let sent = reinvite(&mut world, &ok, 2, &image(7010, LINES));
    let offer = the(&sent, "INVITE sip:phone@127.0.0.1:6200").to_owned();
    world.datagram(CALLED, reply(&offer, "100 Trying", CALLED, "").as_bytes());
    let waited = (0..11).position(|_| {
        let sent = world.wait(Duration::from_millis(500));
        !those(&sent, "SIP/2.0 488").is_empty()
    });
    assert_eq!(waited, Some(9), "five seconds");
    ack(&mut world, &ok, 2);
    let answer = image(7210, "a=T38FaxVersion:0\r\n");
    let sent = world.datagram(CALLED, reply(&offer, "200 OK", CALLED, &answer).as_bytes());
    let back = the(&sent, "INVITE sip:phone@127.0.0.1:6200").to_owned();
    assert!(body(&back).contains("m=audio "), "{back}");
    world.datagram(CALLED, reply(&back, "200 OK", CALLED, &sdp("127.0.0.1", 7200, "8 101", "")).as_bytes());
    over(&mut world, &ok, 3);
}

/// `t38_udptl_ec` and `t38_udptl_maxdatagram` of a phone replace what it says of itself; all else passes.
#[test]
fn options_replace_what_a_phone_says() {
    let options = "direct_media=no\nt38_udptl=yes\nt38_udptl_ec=fec\nt38_udptl_maxdatagram=350";
    let mut world = office(options, DIAL);
    let (_, ok) = answered(&mut world);
    let sent = reinvite(&mut world, &ok, 2, &image(7010, LINES));
    let offer = the(&sent, "INVITE sip:phone@127.0.0.1:6200").to_owned();
    assert!(
        body(&offer).ends_with(
            "a=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\na=T38FaxRateManagement:transferredTCF\r\n\
             a=T38FaxMaxBuffer:1024\r\na=T38FaxUdpEC:t38UDPFEC\r\na=T38FaxMaxDatagram:350\r\n"
        ),
        "{offer}"
    );
    let opened = world.plans.iter().rev().find_map(|plan| match plan {
        Plan::Open(open) => Some(open.rules.symmetric),
        _ => None,
    });
    assert_eq!(opened, Some(false), "t38_udptl_nat=no");
    world.datagram(CALLED, reply(&offer, "488 No", CALLED, "").as_bytes());
    ack(&mut world, &ok, 2);
    over(&mut world, &ok, 3);
}

/// `fax_detect`: who offers T.38 goes to the extension `fax`; after `fax_detect_timeout` it does not.
#[test]
fn a_fax_machine_goes_to_its_extension() {
    for (timeout, goes) in [("", true), ("fax_detect_timeout=5", false)] {
        let mut world = office(&format!("direct_media=no\nt38_udptl=yes\nfax_detect=yes\n{timeout}"), DIAL);
        let (_, ok) = answered(&mut world);
        for _ in 0..12 {
            world.wait(Duration::from_millis(500));
        }
        let sent = reinvite(&mut world, &ok, 2, &image(7010, LINES));
        assert_eq!(those(&sent, "INVITE sip:300@127.0.0.1:6300").len(), usize::from(goes), "{sent:?}");
        assert_eq!(those(&sent, "BYE sip:phone@127.0.0.1:6200").len(), usize::from(goes), "{sent:?}");
        assert_eq!(those(&sent, "SIP/2.0 488").len(), usize::from(goes), "{sent:?}");
    }
}

/// `fax_detect`: the tone of a fax machine is listened for while a caller is answered and talks to nobody; it sends him to the
/// extension `fax`, within `fax_detect_timeout`.
#[test]
fn the_tone_of_a_fax_machine_is_listened_for() {
    let plan = "[phones]\nexten => 650,1,Answer()\n same => n,Wait(60)\nexten => 200,1,Answer()\n same => n,Dial(PJSIP/200)\n\
                exten => fax,1,NoOp(${FAXEXTEN})\n same => n,Dial(PJSIP/300)\n";
    let listens = |world: &World| {
        let orders = world.plans.iter().rev().filter_map(|plan| match plan {
            Plan::Sound { port: PortId(0), order } => Some(&**order),
            _ => None,
        });
        orders
            .filter_map(|order| match order {
                SoundOrder::Listen(listening) => Some(listening.fax),
                _ => None,
            })
            .next()
    };
    let called = |world: &mut World, exten: &str| {
        let offer = sdp("127.0.0.1", 7000, "0 101", "");
        let sent = world.datagram(CALLER, invite(exten, 1, "i1", &offer).as_bytes());
        let to = header(the(&sent, "SIP/2.0 200"), "To").to_owned();
        world.datagram(CALLER, request("ACK", "sip:650@127.0.0.1:5060", ("c1", "a1", 1), &to, "").as_bytes());
    };
    for (timeout, wait, goes) in
        [("", 20, true), ("fax_detect_timeout=5", 4, true), ("fax_detect_timeout=5", 6, false)]
    {
        let mut world = office(&format!("direct_media=no\nt38_udptl=yes\nfax_detect=yes\n{timeout}"), plan);
        called(&mut world, "650");
        assert_eq!(listens(&world), Some(true));
        for _ in 0..2 * wait {
            world.wait(Duration::from_millis(500));
        }
        let sent = world.handle(Input::Media(MediaEvent::FaxTone { port: PortId(0) }));
        assert_eq!(those(&sent, "INVITE sip:300@127.0.0.1:6300").len(), usize::from(goes), "{sent:?}");
        assert_eq!(listens(&world), Some(!goes), "once is enough");
    }
    // In a call with another phone nobody listens, and without the option nobody does at all.
    let mut world = office("direct_media=no\nt38_udptl=yes\nfax_detect=yes", plan);
    called(&mut world, "200");
    assert_eq!(listens(&world), Some(true));
    // `Answer` waits for the first packet, or so long.
    let sent = world.wait(Duration::from_secs(1));
    let out = the(&sent, "INVITE sip:200@127.0.0.1:6200").to_owned();
    world.datagram(CALLED, reply(&out, "200 OK", CALLED, &sdp("127.0.0.1", 7200, "0 101", "")).as_bytes());
    assert_eq!((world.joins(), listens(&world)), (1, Some(false)));
    let mut world = office("t38_udptl=yes", plan);
    called(&mut world, "650");
    assert_eq!(listens(&world), None);
}
