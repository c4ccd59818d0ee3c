//! Options of `Dial` and digits in a bridge.

use super::phone::*;
use crate::world::World;
use jackfield::bridge::{MediaEvent, Plan, PortId};
use jackfield::rtp::{Digit, DtmfEvent};
use jackfield::switch::io::Input;
use jackfield::switch::view::Event;
use std::time::Duration;

fn ring(world: &mut World, exten: &str) -> String {
    let sent =
        world.datagram(CALLER, invite(exten, 1, "i1", &sdp("127.0.0.1", 7000, "0 101", "")).as_bytes());
    the(&sent, "INVITE sip:200@127.0.0.1:6200").to_owned()
}

fn pick_up(world: &mut World, out: &str) -> Vec<String> {
    world.datagram(CALLED, reply(out, "200 OK", CALLED, &sdp("127.0.0.1", 7200, "0 101", "")).as_bytes())
}

fn up(world: &mut World, exten: &str) -> (String, String) {
    let out = ring(world, exten);
    let sent = pick_up(world, &out);
    let ok = the(&sent, "SIP/2.0 200").to_owned();
    let ack = request("ACK", "sip:200@127.0.0.1:5060", ("c1", "a1", 1), header(&ok, "To"), "");
    world.datagram(CALLER, ack.as_bytes());
    (out, ok)
}

/// A digit on a port, pressed and released; the caller's is port 0, the called side's port 1.
fn press(world: &mut World, port: u64, digit: char) -> Vec<String> {
    let digit = Digit::from_char(digit).expect("a digit");
    let event = DtmfEvent::End { digit, duration: Duration::from_millis(100) };
    world.handle(Input::Media(MediaEvent::Digit { port: PortId(port), event }))
}

/// `b`: a subroutine on the called channel sets headers of its INVITE; `B`: one on the caller runs first.
#[test]
fn predial_subroutines_run_before_the_invite() {
    let dialplan = "[phones]\nexten => 200,1,Dial(PJSIP/200,20,b(sub^head^1(blue))B(sub^who^1))\n\
        [sub]\nexten => head,1,Set(PJSIP_HEADER(add,X-Colour)=${ARG1})\n same => n,Return()\n\
        exten => who,1,Set(CALLERID(num)=4930)\n same => n,Return()\n";
    let mut world = office("", dialplan);
    let out = ring(&mut world, "200");
    assert_eq!(header(&out, "X-Colour"), "blue");
    assert!(header(&out, "From").starts_with("\"Ann\" <sip:4930@"), "{out}");
}

/// `U`: the called side's subroutine decides whether both are joined.
#[test]
fn a_screening_subroutine_decides() {
    let dialplan = "[phones]\nexten => 200,1,Dial(PJSIP/200,20,U(screen))\n same => n,Hangup(21)\n\
        exten => 300,1,Dial(PJSIP/200,20,U(refuse))\n same => n,Hangup(21)\n\
        [screen]\nexten => s,1,NoOp(fine)\n same => n,Return()\n\
        [refuse]\nexten => s,1,Set(GOSUB_RESULT=CONTINUE)\n same => n,Return()\n";
    let mut world = office("direct_media=no", dialplan);
    let (_, ok) = up(&mut world, "200");
    assert!(ok.contains("200 OK"));
    let mut world = office("direct_media=no", dialplan);
    let sent =
        world.datagram(CALLER, invite("300", 1, "i1", &sdp("127.0.0.1", 7000, "0 101", "")).as_bytes());
    let out = the(&sent, "INVITE sip:200@127.0.0.1:6200").to_owned();
    let sent = pick_up(&mut world, &out);
    the(&sent, "BYE sip:phone@127.0.0.1:6200");
    the(&sent, "SIP/2.0 403");
}

const FEATURES: &str = "[phones]\nexten => 200,1,Dial(PJSIP/200,20,tH)\nexten => 300,1,Dial(PJSIP/300,20)\n";

/// `t`: the called side transfers its caller with `#` and an extension; digits do not reach the other phone by themselves.
#[test]
fn the_called_side_transfers_by_digits() {
    let mut world = office("", FEATURES);
    up(&mut world, "200");
    let joined = world.plans.iter().rev().find_map(|plan| match plan {
        Plan::Join { a_to_b, b_to_a, .. } => Some((a_to_b.numbers.get(101), b_to_a.numbers.get(101))),
        _ => None,
    });
    assert_eq!(joined, Some((None, None)), "both sides are listened to");
    assert!(press(&mut world, 1, '#').is_empty());
    for digit in ['3', '0'] {
        assert!(press(&mut world, 1, digit).is_empty());
    }
    let sent = press(&mut world, 1, '0');
    the(&sent, "BYE sip:phone@127.0.0.1:6200");
    the(&sent, "INVITE sip:300@127.0.0.1:6300");
}

/// `H`: the caller ends the call with `*`. Another digit is passed to the other phone.
#[test]
fn the_caller_hangs_up_by_digit() {
    let mut world = office("", FEATURES);
    up(&mut world, "200");
    press(&mut world, 0, '5');
    let passed = world.plans.iter().any(|plan| matches!(plan, Plan::SendDigit { port: PortId(1), .. }));
    assert!(passed, "{:?}", world.plans.last());
    let sent = press(&mut world, 0, '*');
    the(&sent, "BYE sip:phone@127.0.0.1:6200");
    the(&sent, "BYE sip:100@127.0.0.1:6100");
}

/// A wrong extension, and nothing dialled at all: the call goes on.
#[test]
fn a_transfer_to_nowhere_is_dropped() {
    let mut world = office("", FEATURES);
    up(&mut world, "200");
    press(&mut world, 1, '#');
    press(&mut world, 1, '9');
    assert_eq!(channels(&mut world).len(), 2);
    press(&mut world, 1, '#');
    assert!(those(&world.wait(Duration::from_secs(4)), "BYE").is_empty());
    assert_eq!(channels(&mut world).len(), 2);
}

/// S4: blind transfer by REFER from the called side: 202, NOTIFY, and the caller goes there.
#[test]
fn a_phone_transfers_by_refer() {
    let mut world = office("direct_media=no", FEATURES);
    let (out, _) = up(&mut world, "200");
    let refer = format!(
        "REFER sip:100@127.0.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP {CALLED};branch=z9hG4bKr\r\nFrom: {};tag=t6200\r\n\
         To: {}\r\nCall-ID: {}\r\nCSeq: 9 REFER\r\nContact: <sip:phone@{CALLED}>\r\n\
         Refer-To: <sip:300@127.0.0.1>\r\nReferred-By: <sip:200@127.0.0.1>\r\nContent-Length: 0\r\n\r\n",
        header(&out, "To"),
        header(&out, "From"),
        header(&out, "Call-ID"),
    );
    let sent = world.datagram(CALLED, refer.as_bytes());
    the(&sent, "SIP/2.0 202");
    let notify = the(&sent, "NOTIFY sip:phone@127.0.0.1:6200");
    assert_eq!(body(notify), "SIP/2.0 100 Trying");
    the(&sent, "INVITE sip:300@127.0.0.1:6300");
}

/// An option that is not obeyed is said when it is used, and leaves nobody in silence.
#[test]
fn options_that_are_not_obeyed_are_said() {
    let mut world = office("", "[phones]\nexten => 200,1,Dial(PJSIP/200,20,D(12)u(prohib))\n");
    let out = ring(&mut world, "200");
    let said = world.events.iter().any(|event| match event {
        Event::Log { text, .. } => text.contains("option(s) Du of Dial are not obeyed"),
        _ => false,
    });
    assert!(said, "{:?}", world.events);
    let sent = world.datagram(CALLED, reply(&out, "180 Ringing", CALLED, "").as_bytes());
    the(&sent, "SIP/2.0 180");
}
