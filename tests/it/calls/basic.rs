//! Setting up, refusing, cancelling and ending calls.

use super::phone::*;
use crate::world::World;
use jackfield::bridge::Plan;
use jackfield::switch::view::{Command, Reply, Traced};
use std::time::Duration;

const DIAL: &str = "[phones]\nexten => _X00,1,Dial(PJSIP/${EXTEN},20)\n same => n,Hangup()\n\
    exten => 700,1,Dial(PJSIP/200&PJSIP/300,20)\n same => n,Hangup()\n\
    exten => 600,1,Answer()\n same => n,Echo()\nexten => 601,1,Busy()\nexten => 602,1,Congestion()\n\
    exten => 603,1,Hangup(21)\nexten => 55512,1,NoOp()\n\
    exten => 604,1,Dial(PJSIP/200,20,g)\n same => n,Answer(0,i)\n same => n,Wait(5)\n";

fn ring(world: &mut World) -> (Vec<String>, String) {
    let sent =
        world.datagram(CALLER, invite("200", 1, "i1", &sdp("127.0.0.1", 7000, "8 0 101", "")).as_bytes());
    let out = the(&sent, "INVITE sip:200@127.0.0.1:6200").to_owned();
    (sent, out)
}

/// A call from 100 to 200 that is answered; the INVITE that 200 got, and the 200 that 100 got.
pub fn answered(world: &mut World) -> (String, String) {
    let (_, out) = ring(world);
    world.datagram(CALLED, reply(&out, "180 Ringing", CALLED, "").as_bytes());
    let sent = world
        .datagram(CALLED, reply(&out, "200 OK", CALLED, &sdp("127.0.0.1", 7200, "8 101", "")).as_bytes());
    the(&sent, "ACK sip:phone@127.0.0.1:6200");
    let ok = the(&sent, "SIP/2.0 200").to_owned();
    let ack = request("ACK", "sip:200@127.0.0.1:5060", ("c1", "a1", 1), header(&ok, "To"), "");
    world.datagram(CALLER, ack.as_bytes());
    (out, ok)
}

/// B1, S1-1, S1-30, S1-42: an INVITE is answered, media is relayed, either side hangs up, nothing stays.
#[test]
fn a_call_is_set_up_relayed_and_ended() {
    let mut world = office("direct_media=no", DIAL);
    let (sent, out) = ring(&mut world);
    the(&sent, "SIP/2.0 100");
    // What both allow, in the order of the caller's endpoint (incoming_call_offer_pref=local); RFC 4733 beside.
    assert!(body(&out).contains("m=audio 20002 RTP/AVP 0 8 101"), "{out}");
    assert_eq!(header(&out, "From").split(";tag=").next(), Some("\"Ann\" <sip:100@127.0.0.1>"));
    let sent = world.datagram(CALLED, reply(&out, "180 Ringing", CALLED, "").as_bytes());
    the(&sent, "SIP/2.0 180");
    let sent = world
        .datagram(CALLED, reply(&out, "200 OK", CALLED, &sdp("127.0.0.1", 7200, "8 101", "")).as_bytes());
    the(&sent, "ACK sip:phone@127.0.0.1:6200");
    let ok = the(&sent, "SIP/2.0 200").to_owned();
    // What the called side took, and nothing it would have to be converted from.
    assert!(body(&ok).contains("RTP/AVP 8 101"), "{ok}");
    assert_eq!(world.joins(), 1);
    let ack = request("ACK", "sip:200@127.0.0.1:5060", ("c1", "a1", 1), header(&ok, "To"), "");
    assert!(world.datagram(CALLER, ack.as_bytes()).is_empty());
    let names: Vec<_> = channels(&mut world).into_iter().map(|c| (c.name, c.state, c.application)).collect();
    assert_eq!(
        names,
        [
            ("PJSIP/100-00000000".into(), "Up", "Dial".into()),
            ("PJSIP/200-00000001".into(), "Up", "AppDial".into())
        ]
    );
    let bye = request("BYE", "sip:200@127.0.0.1:5060", ("c1", "b1", 2), header(&ok, "To"), "");
    let sent = world.datagram(CALLER, bye.as_bytes());
    the(&sent, "SIP/2.0 200");
    let bye = the(&sent, "BYE sip:phone@127.0.0.1:6200");
    assert_eq!(header(bye, "Reason"), "Q.850;cause=16");
    world.datagram(CALLED, reply(bye, "200 OK", CALLED, "").as_bytes());
    nothing_is_left(&mut world);
}

/// The called side hangs up: the caller's dialplan goes on, here to its end.
#[test]
fn the_called_side_hangs_up() {
    let mut world = office("direct_media=no", DIAL);
    let (out, ok) = answered(&mut world);
    let bye = format!(
        "BYE sip:200@127.0.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP {CALLED};branch=z9hG4bKx\r\nFrom: {};tag=t6200\r\n\
         To: {}\r\nCall-ID: {}\r\nCSeq: 9 BYE\r\nContent-Length: 0\r\n\r\n",
        header(&out, "To"),
        header(&out, "From"),
        header(&out, "Call-ID"),
    );
    let sent = world.datagram(CALLED, bye.as_bytes());
    the(&sent, "SIP/2.0 200");
    let bye = the(&sent, "BYE sip:100@127.0.0.1:6100");
    let done = format!("{}\r\n", reply(bye, "200 OK", CALLER, ""));
    world.datagram(CALLER, done.as_bytes());
    assert!(ok.contains("200 OK"));
    nothing_is_left(&mut world);
}

/// Each refusal of the called side becomes the caller's, through cause and DIALSTATUS (`behaviour-session` 3).
#[test]
fn refusals_reach_the_caller() {
    for (refusal, told) in [
        ("486 Busy Here", "486"),
        ("603 Decline", "403"),
        ("404 Not Found", "404"),
        ("480 Gone", "480"),
        ("503 No", "503"),
    ] {
        let mut world = office("", DIAL);
        let (_, out) = ring(&mut world);
        let sent = world.datagram(CALLED, reply(&out, refusal, CALLED, "").as_bytes());
        the(&sent, "ACK sip:200@127.0.0.1:6200");
        let refused = the(&sent, &format!("SIP/2.0 {told}")).to_owned();
        let ack = request("ACK", "sip:200@127.0.0.1:5060", ("c1", "i1", 1), header(&refused, "To"), "");
        world.datagram(CALLER, ack.as_bytes());
        nothing_is_left(&mut world);
    }
}

/// S3: CANCEL is answered 200, the INVITE 487; the called side is cancelled once it rings.
#[test]
fn a_cancelled_call_rings_no_more() {
    let mut world = office("", DIAL);
    let (_, out) = ring(&mut world);
    world.datagram(CALLED, reply(&out, "180 Ringing", CALLED, "").as_bytes());
    let cancel = request("CANCEL", "sip:200@127.0.0.1:5060", ("c1", "i1", 1), "<sip:200@127.0.0.1>", "");
    let sent = world.datagram(CALLER, cancel.as_bytes());
    the(&sent, "SIP/2.0 200");
    let gone = the(&sent, "SIP/2.0 487").to_owned();
    let cancel = the(&sent, "CANCEL sip:200@127.0.0.1:6200").to_owned();
    let ack = request("ACK", "sip:200@127.0.0.1:5060", ("c1", "i1", 1), header(&gone, "To"), "");
    world.datagram(CALLER, ack.as_bytes());
    world.datagram(CALLED, reply(&cancel, "200 OK", CALLED, "").as_bytes());
    let sent = world.datagram(CALLED, reply(&out, "487 Request Terminated", CALLED, "").as_bytes());
    the(&sent, "ACK sip:200@127.0.0.1:6200");
    nothing_is_left(&mut world);
}

/// Of two that ring the first to answer wins; the other is cancelled as answered elsewhere.
#[test]
fn the_first_of_several_wins() {
    let mut world = office("direct_media=no", DIAL);
    let sent = world.datagram(CALLER, invite("700", 1, "i1", &sdp("127.0.0.1", 7000, "0", "")).as_bytes());
    let second = the(&sent, "INVITE sip:200@127.0.0.1:6200").to_owned();
    let third = the(&sent, "INVITE sip:300@127.0.0.1:6300").to_owned();
    world.datagram(CALLED, reply(&second, "180 Ringing", CALLED, "").as_bytes());
    world.datagram(THIRD, reply(&third, "180 Ringing", THIRD, "").as_bytes());
    let sent =
        world.datagram(THIRD, reply(&third, "200 OK", THIRD, &sdp("127.0.0.1", 7300, "0", "")).as_bytes());
    the(&sent, "ACK sip:phone@127.0.0.1:6300");
    let cancel = the(&sent, "CANCEL sip:200@127.0.0.1:6200");
    assert!(cancel.contains("Reason: SIP;cause=200;text=\"Call completed elsewhere\""), "{cancel}");
    the(&sent, "SIP/2.0 200");
}

/// Nobody answers: the called phone is cancelled when the time of `Dial` is over, and the caller is told.
#[test]
fn a_call_nobody_answers_ends() {
    let mut world = office("", DIAL);
    let (_, out) = ring(&mut world);
    world.datagram(CALLED, reply(&out, "180 Ringing", CALLED, "").as_bytes());
    assert!(those(&world.wait(Duration::from_millis(19_900)), "CANCEL").is_empty());
    let sent = world.wait(Duration::from_millis(200));
    the(&sent, "CANCEL sip:200@127.0.0.1:6200");
    the(&sent, "SIP/2.0 603");
}

/// `behaviour-session` 1 and 2: answers before any phone is called.
#[test]
fn the_dialplan_answers() {
    for (exten, status) in
        [("999", "404"), ("555", "484"), ("601", "486"), ("602", "503"), ("603", "403"), ("600", "200")]
    {
        let mut world = office("", DIAL);
        let sent =
            world.datagram(CALLER, invite(exten, 1, "i1", &sdp("127.0.0.1", 7000, "0", "")).as_bytes());
        let last = sent.last().expect("an answer");
        assert!(last.starts_with(&format!("SIP/2.0 {status}")), "{exten}: {last}");
    }
    let mut world = office("allow_overlap=no", DIAL);
    let sent = world.datagram(CALLER, invite("555", 1, "i1", &sdp("127.0.0.1", 7000, "0", "")).as_bytes());
    the(&sent, "SIP/2.0 404");
}

/// Echo joins the port with itself.
#[test]
fn echo_sends_media_back() {
    let mut world = office("", DIAL);
    let sent = world.datagram(CALLER, invite("600", 1, "i1", &sdp("127.0.0.1", 7000, "0", "")).as_bytes());
    let ok = the(&sent, "SIP/2.0 200").to_owned();
    let ack = request("ACK", "sip:600@127.0.0.1:5060", ("c1", "a1", 1), header(&ok, "To"), "");
    world.datagram(CALLER, ack.as_bytes());
    world.wait(Duration::from_millis(600));
    let echoes = world.plans.iter().filter(|plan| matches!(plan, Plan::Join { a, b, .. } if a == b)).count();
    assert_eq!(echoes, 1);
}

/// No codec in common: 488 to the caller (cause 58), and nobody is called.
#[test]
fn a_call_without_a_common_codec_is_refused() {
    let mut world = office("", DIAL);
    let sent = world.datagram(CALLER, invite("200", 1, "i1", &sdp("127.0.0.1", 7000, "9", "")).as_bytes());
    the(&sent, "SIP/2.0 488");
    assert!(those(&sent, "INVITE").is_empty());
}

/// With `g` the dialplan goes on after the called side hung up or refused.
#[test]
fn the_dialplan_goes_on_after_a_refusal() {
    let mut world = office("", DIAL);
    let sent = world.datagram(CALLER, invite("604", 1, "i1", &sdp("127.0.0.1", 7000, "0", "")).as_bytes());
    let out = the(&sent, "INVITE sip:200@127.0.0.1:6200").to_owned();
    let sent = world.datagram(CALLED, reply(&out, "486 Busy Here", CALLED, "").as_bytes());
    the(&sent, "SIP/2.0 200");
}

/// A retransmitted INVITE changes nothing but is answered again.
#[test]
fn a_repeated_invite_is_one_call() {
    let mut world = office("", DIAL);
    let (_, out) = ring(&mut world);
    world.datagram(CALLED, reply(&out, "180 Ringing", CALLED, "").as_bytes());
    let again =
        world.datagram(CALLER, invite("200", 1, "i1", &sdp("127.0.0.1", 7000, "8 0 101", "")).as_bytes());
    the(&again, "SIP/2.0 180");
    assert_eq!(channels(&mut world).len(), 2);
}

/// `channel request hangup` ends a call for both sides.
#[test]
fn an_administrator_hangs_up() {
    let mut world = office("direct_media=no", DIAL);
    answered(&mut world);
    let command = Command::Hangup { channel: Some("PJSIP/100-00000000".into()), cause: 17 };
    let Reply::Done(said) = world.command(command) else { panic!("done") };
    assert_eq!(said, "Requested Hangup on channel 'PJSIP/100-00000000'");
    assert_eq!(world.destinations.len(), 2, "a BYE to each");
    let unknown = Command::Hangup { channel: Some("PJSIP/1".into()), cause: 16 };
    assert!(matches!(world.command(unknown), Reply::Refused(_)));
}

/// S3-20: the last calls are remembered: both legs, what came and went, and why the media goes where it goes.
#[test]
fn a_call_can_be_traced_after_it_ended() {
    let mut world = office("direct_media=no", DIAL);
    let (_, ok) = answered(&mut world);
    let bye = request("BYE", "sip:200@127.0.0.1:5060", ("c1", "a1", 2), header(&ok, "To"), "");
    world.datagram(CALLER, bye.as_bytes());
    let Reply::Trace(view) = world.command(Command::Trace { key: "100".into() }) else {
        panic!("remembered")
    };
    let legs: Vec<&str> = view.legs.iter().map(|leg| leg.endpoint.as_str()).collect();
    assert_eq!(legs, ["100", "200"]);
    let steps = view.steps.iter().map(|step| match &step.what {
        Traced::Message { sent, label, .. } => format!("{} {label}", if *sent { '>' } else { '<' }),
        Traced::Decision(words) => words.clone(),
    });
    let steps: Vec<String> = steps.collect();
    for step in [
        "< INVITE (SDP)",
        "> INVITE (SDP)",
        "< 180",
        "> 180",
        "< 200 (SDP)",
        "> ACK",
        "> 200 (SDP)",
        "< BYE",
        "> BYE",
    ] {
        assert!(steps.iter().any(|other| other == step), "{step} in {steps:#?}");
    }
    let decided =
        |words: &str| assert!(steps.iter().any(|step| step.contains(words)), "{words} in {steps:#?}");
    decided("endpoint '100', identified by ip: identify 'id100'; it names no auth: not challenged");
    decided("[200@phones:1] Dial(PJSIP/200");
    decided("dials PJSIP/200");
    decided("media: relay");
    decided("ends (cause 16)");
    let refused = world.command(Command::Trace { key: "nobody".into() });
    assert!(matches!(&refused, Reply::Refused(why) if why.contains("PJSIP/200-")), "{refused:?}");
}
