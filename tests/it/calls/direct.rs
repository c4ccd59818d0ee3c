//! Direct media: when it goes up, what each phone is told, and when it comes back.

use super::basic::answered;
use super::phone::*;
use crate::world::World;
use jackfield::switch::view::{Command, DirectMediaQuestion, Reply};

const DIAL: &str =
    "[phones]\nexten => _X00,1,Dial(PJSIP/${EXTEN},20)\nexten => _X01,1,Dial(PJSIP/200,20,t)\n";

fn bridge_why(world: &mut World) -> String {
    match world.command(Command::Bridges) {
        Reply::Bridges(all) => all.into_iter().map(|bridge| bridge.why).collect(),
        other => panic!("{other:?}"),
    }
}

/// S1: with every condition holding, each phone is sent a re-INVITE that names the other's address.
#[test]
fn media_goes_between_the_phones() {
    let mut world = office("", DIAL);
    let sent =
        world.datagram(CALLER, invite("200", 1, "i1", &sdp("127.0.0.1", 7000, "8 101", "")).as_bytes());
    let out = the(&sent, "INVITE sip:200@127.0.0.1:6200").to_owned();
    let mut sent = world
        .datagram(CALLED, reply(&out, "200 OK", CALLED, &sdp("127.0.0.1", 7200, "8 101", "")).as_bytes());
    let ok = the(&sent, "SIP/2.0 200").to_owned();
    let ack = request("ACK", "sip:200@127.0.0.1:5060", ("c1", "a1", 1), header(&ok, "To"), "");
    sent.extend(world.datagram(CALLER, ack.as_bytes()));
    let to_called = the(&sent, "INVITE sip:phone@127.0.0.1:6200").to_owned();
    assert!(body(&to_called).contains("m=audio 7000 "), "{to_called}");
    let to_caller = the(&sent, "INVITE sip:100@127.0.0.1:6100").to_owned();
    assert!(body(&to_caller).contains("m=audio 7200 "), "{to_caller}");
    assert_eq!(bridge_why(&mut world), "every condition of direct media holds");
    // Both agree; one hangs up: the other is not bothered with media any more, it gets its BYE.
    let sent = world.datagram(
        CALLED,
        reply(&to_called, "200 OK", CALLED, &sdp("127.0.0.1", 7200, "8 101", "")).as_bytes(),
    );
    the(&sent, "ACK");
    let sent = world.datagram(
        CALLER,
        reply(&to_caller, "200 OK", CALLER, &sdp("127.0.0.1", 7000, "8 101", "")).as_bytes(),
    );
    the(&sent, "ACK");
    let bye = request("BYE", "sip:200@127.0.0.1:5060", ("c1", "b1", 2), header(&ok, "To"), "");
    let sent = world.datagram(CALLER, bye.as_bytes());
    the(&sent, "BYE sip:phone@127.0.0.1:6200");
}

/// `direct_media=no` on either side, or an option of `Dial` that listens for digits: relay, and it is said why.
#[test]
fn what_keeps_media_here_is_named() {
    let mut world = office("direct_media=no", DIAL);
    answered(&mut world);
    assert!(bridge_why(&mut world).contains("100 has direct_media=no"));
    let mut world = office("", DIAL);
    let sent =
        world.datagram(CALLER, invite("201", 1, "i1", &sdp("127.0.0.1", 7000, "8 101", "")).as_bytes());
    let out = the(&sent, "INVITE sip:200@127.0.0.1:6200").to_owned();
    let sent = world
        .datagram(CALLED, reply(&out, "200 OK", CALLED, &sdp("127.0.0.1", 7200, "8 101", "")).as_bytes());
    assert!(those(&sent, "INVITE").is_empty());
    let why = bridge_why(&mut world);
    assert!(why.contains("blindxfer") || why.contains(" t"), "{why}");
    let question = DirectMediaQuestion::Call { channel: "PJSIP/100-00000000".into() };
    let Reply::Explanation(explained) = world.command(Command::ExplainDirectMedia(question)) else {
        panic!("an explanation was asked for")
    };
    let failed: Vec<_> =
        explained.steps.iter().filter(|s| s.outcome == "fail").map(|s| s.what.as_str()).collect();
    assert_eq!(failed, ["no digits to listen for in the media"]);
}

/// S1-46, S4-132, S4-133: two endpoints are judged without a call, by every condition.
#[test]
fn a_call_that_could_be_is_explained() {
    let mut world = office("direct_media=no", DIAL);
    let between = |options: &str| DirectMediaQuestion::Between {
        caller: "100".into(),
        callee: "200".into(),
        dial_options: options.into(),
    };
    let Reply::Explanation(explained) = world.command(Command::ExplainDirectMedia(between("t"))) else {
        panic!("an explanation was asked for")
    };
    let failed: Vec<_> =
        explained.steps.iter().filter(|s| s.outcome == "fail").map(|s| s.what.as_str()).collect();
    assert_eq!(failed, ["direct_media=yes on both", "no digits to listen for in the media"]);
    assert!(explained.steps.iter().any(|step| step.culprit.contains("pjsip.conf:")), "{explained:?}");
    let unknown =
        DirectMediaQuestion::Between { caller: "x".into(), callee: "200".into(), dial_options: "".into() };
    assert!(matches!(world.command(Command::ExplainDirectMedia(unknown)), Reply::Refused(_)));
}
