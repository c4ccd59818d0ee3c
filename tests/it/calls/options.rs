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
    assert_eq!(body(notify), "SIP/2.0 100 Trying\r\n");
    the(&sent, "INVITE sip:300@127.0.0.1:6300");
}

/// Options with nothing to act on here are taken without a word, and leave nobody in silence.
#[test]
fn options_without_an_effect_are_no_news() {
    let mut world = office("", "[phones]\nexten => 200,1,Dial(PJSIP/200,20,CEA(hello)L(60000:5000))\n");
    let out = ring(&mut world, "200");
    let said = world.events.iter().any(|event| match event {
        Event::Log { text, .. } => text.contains("obeyed"),
        _ => false,
    });
    assert!(!said, "{:?}", world.events);
    let sent = world.datagram(CALLED, reply(&out, "180 Ringing", CALLED, "").as_bytes());
    the(&sent, "SIP/2.0 180");
}

/// The digits that media threads were told to send to a port.
fn sent_digits(world: &World, port: u64) -> String {
    let sent = world.plans.iter().filter_map(|plan| match plan {
        Plan::SendDigit { port: at, digit, .. } if at.0 == port => Some(digit.as_char()),
        _ => None,
    });
    sent.collect()
}

/// `D`: digits go to the called side one after the other, `w` pauses, and only then the caller is answered.
#[test]
fn digits_are_sent_before_the_caller_is_answered() {
    let mut world = office("direct_media=no", "[phones]\nexten => 200,1,Dial(PJSIP/200,20,D(1w2))\n");
    let out = ring(&mut world, "200");
    let sent = pick_up(&mut world, &out);
    assert!(those(&sent, "SIP/2.0 200").is_empty());
    assert_eq!(sent_digits(&world, 1), "1");
    assert!(those(&world.wait(Duration::from_millis(400)), "SIP/2.0").is_empty());
    assert_eq!(sent_digits(&world, 1), "1");
    let sent = world.wait(Duration::from_millis(900));
    assert_eq!(sent_digits(&world, 1), "12");
    let sent = [sent, world.wait(Duration::from_millis(400))].concat();
    the(&sent, "SIP/2.0 200");
    assert_eq!(world.joins(), 1);
}

/// `G`: both go their own ways after the answer.
#[test]
fn caller_and_called_are_split() {
    let dialplan = "[phones]\nexten => 200,1,Dial(PJSIP/200,20,G(after^s^1))\n\
        [after]\nexten => s,1,Goto(caller)\n same => 2,Wait(100)\n same => 10(caller),Wait(200)\n";
    let mut world = office("direct_media=no", dialplan);
    let (_, _) = up(&mut world, "200");
    let places: Vec<_> = channels(&mut world).into_iter().map(|c| (c.application, c.data)).collect();
    assert_eq!(places, [("Wait".into(), "200".into()), ("Wait".into(), "100".into())]);
    assert_eq!(world.joins(), 0);
}

fn bye_of_caller(world: &mut World, ok: &str) -> Vec<String> {
    let bye = request("BYE", "sip:200@127.0.0.1:5060", ("c1", "b1", 2), header(ok, "To"), "");
    world.datagram(CALLER, bye.as_bytes())
}

/// `F`: the called side goes on in the dialplan when the caller hangs up; with a place, there.
#[test]
fn the_called_side_goes_on() {
    let dialplan = "[phones]\nexten => 200,1,Dial(PJSIP/200,20,F)\n same => n,Wait(50)\n\
        exten => 201,1,Dial(PJSIP/200,20,F(after^s^1))\n[after]\nexten => s,1,Dial(PJSIP/300,20)\n";
    let mut world = office("direct_media=no", dialplan);
    let (_, ok) = up(&mut world, "200");
    let sent = bye_of_caller(&mut world, &ok);
    assert!(those(&sent, "BYE").is_empty());
    let left: Vec<_> = channels(&mut world).into_iter().map(|c| (c.name, c.application)).collect();
    assert_eq!(left, [("PJSIP/200-00000001".into(), "Wait".into())]);
    let sent = world.wait(Duration::from_secs(51));
    the(&sent, "BYE sip:phone@127.0.0.1:6200");

    let mut world = office("direct_media=no", dialplan);
    let (_, ok) = up(&mut world, "201");
    let sent = bye_of_caller(&mut world, &ok);
    the(&sent, "INVITE sip:300@127.0.0.1:6300");
}

/// `e`: the hangup extension runs for the called side too.
#[test]
fn the_hangup_extension_runs_for_the_called_side() {
    let dialplan = "[phones]\nexten => 200,1,Dial(PJSIP/200,20,e)\n\
        exten => h,1,Log(WARNING,over for ${CHANNEL(endpoint)})\n";
    let mut world = office("direct_media=no", dialplan);
    let (_, ok) = up(&mut world, "200");
    bye_of_caller(&mut world, &ok);
    for name in ["100", "200"] {
        let told = world.events.iter().any(
            |event| matches!(event, Event::Log { text, .. } if text.ends_with(&format!("over for {name}"))),
        );
        assert!(told, "{name}: {:?}", world.events);
    }
}

/// `f`, `s`, `u`: what a forwarded leg is told about the caller.
#[test]
fn a_forwarded_call_has_another_caller_id() {
    let dialplan =
        "[phones]\nexten => 200,1,Dial(PJSIP/200,20,f(4930)u(prohib))\nexten => 5,1,Dial(PJSIP/300,20)\n";
    let mut world = office("direct_media=no\nsend_pai=yes", dialplan);
    let out = ring(&mut world, "200");
    let moved = reply(&out, "302 Moved Temporarily", CALLED, "")
        .replace("<sip:phone@127.0.0.1:6200>", "<sip:5@127.0.0.1>");
    let sent = world.datagram(CALLED, moved.as_bytes());
    let forwarded = the(&sent, "INVITE sip:300@127.0.0.1:6300");
    assert!(header(forwarded, "From").contains("anonymous"), "{forwarded}");
    assert!(!forwarded.contains("sip:100@"), "{forwarded}");
}
