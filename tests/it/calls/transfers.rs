//! REFER and INVITE with Replaces through the whole switch.

use super::phone::*;
use crate::world::World;
use std::time::Duration;

const DIAL: &str = "[phones]\nexten => 200,1,Dial(PJSIP/200,20)\nexten => 300,1,Dial(PJSIP/300,20)\n\
    exten => 600,1,Answer()\n same => n,Echo()\nexten => 601,1,Busy()\nexten => 602,1,Wait(1)\n";

fn dial(world: &mut World, exten: &str) -> String {
    let sent =
        world.datagram(CALLER, invite(exten, 1, "i1", &sdp("127.0.0.1", 7000, "0 101", "")).as_bytes());
    the(&sent, &format!("INVITE sip:{exten}@")).to_owned()
}

fn pick_up(world: &mut World, out: &str, at: &str, port: u16) -> Vec<String> {
    world.datagram(at, reply(out, "200 OK", at, &sdp("127.0.0.1", port, "0 101", "")).as_bytes())
}

/// 100 calls 200, who answers; the INVITE that 200 got, and the 200 that 100 got.
fn up(world: &mut World) -> (String, String) {
    let out = dial(world, "200");
    let sent = pick_up(world, &out, CALLED, 7200);
    let ok = the(&sent, "SIP/2.0 200").to_owned();
    let ack = request("ACK", "sip:200@127.0.0.1:5060", ("c1", "a1", 1), header(&ok, "To"), "");
    world.datagram(CALLER, ack.as_bytes());
    (out, ok)
}

fn tag(value: &str) -> &str {
    value.split(";tag=").nth(1).expect("a tag")
}

/// A request of the phone at 200 in the dialog of the INVITE it got.
fn from_called(out: &str, method: &str, cseq: u32, lines: &str) -> String {
    format!(
        "{method} sip:100@127.0.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP {CALLED};branch=z9hG4bK{method}{cseq}\r\n\
         From: {};tag=t6200\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {cseq} {method}\r\n\
         Contact: <sip:phone@{CALLED}>\r\n{lines}Content-Length: 0\r\n\r\n",
        header(out, "To"),
        header(out, "From"),
        header(out, "Call-ID"),
    )
}

/// An INVITE of the phone at 300 with further lines.
fn third_invites(lines: &str) -> String {
    let body = sdp("127.0.0.1", 7300, "0 101", "");
    format!(
        "INVITE sip:nobody@127.0.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP {THIRD};branch=z9hG4bKt{}\r\n\
         From: <sip:300@127.0.0.1>;tag=eve\r\nTo: <sip:nobody@127.0.0.1>\r\nCall-ID: c3\r\nCSeq: 1 INVITE\r\n\
         Contact: <sip:300@{THIRD}>\r\n{lines}Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
        lines.len(),
        body.len()
    )
}

fn bye(world: &mut World, sent: &[String], start: &str, at: &str) {
    let bye = the(sent, start);
    world.datagram(at, reply(bye, "200 OK", at, "").as_bytes());
}

/// RFC 3891: the caller's dialog is replaced; he gets a BYE, the called side talks to who replaced him.
#[test]
fn an_invite_replaces_the_caller() {
    let mut world = office("direct_media=no", DIAL);
    let (_, ok) = up(&mut world);
    let line = format!("Replaces: c1;to-tag={};from-tag=ann\r\n", tag(header(&ok, "To")));
    let sent = world.datagram(THIRD, third_invites(&line).as_bytes());
    let taken = the(&sent, "SIP/2.0 200").to_owned();
    assert!(body(&taken).contains("RTP/AVP 0 101"), "{taken}");
    bye(&mut world, &sent, "BYE sip:100@127.0.0.1:6100", CALLER);
    let ack = third_invites("")
        .replace("INVITE", "ACK")
        .replace("To: <sip:nobody@127.0.0.1>", &format!("To: {}", header(&taken, "To")));
    world.datagram(THIRD, ack.as_bytes());
    let names: Vec<_> = channels(&mut world).into_iter().map(|c| (c.name, c.state)).collect();
    assert_eq!(names, [("PJSIP/200-00000001".into(), "Up"), ("PJSIP/300-00000002".into(), "Up")]);
    // It ends like any call: 300 hangs up, and 200 with it.
    let bye_third = ack.replace("ACK", "BYE").replace("CSeq: 1", "CSeq: 2").replace("z9hG4bKt", "z9hG4bKb");
    let sent = world.datagram(THIRD, bye_third.as_bytes());
    the(&sent, "SIP/2.0 200");
    bye(&mut world, &sent, "BYE sip:phone@127.0.0.1:6200", CALLED);
    nothing_is_left(&mut world);
}

/// The called side is replaced: the caller's Dial goes on with who replaced it, and ends with him.
#[test]
fn an_invite_replaces_the_called_side() {
    let dialplan = "[phones]\nexten => 200,1,Dial(PJSIP/200,20,g)\n same => n,Hangup(17)\n";
    let mut world = office("direct_media=no", dialplan);
    let (out, _) = up(&mut world);
    let line = format!(
        "Replaces: {};to-tag={};from-tag=t6200\r\nRequire: replaces\r\n",
        header(&out, "Call-ID"),
        tag(header(&out, "From"))
    );
    let sent = world.datagram(THIRD, third_invites(&line).as_bytes());
    let taken = the(&sent, "SIP/2.0 200").to_owned();
    bye(&mut world, &sent, "BYE sip:phone@127.0.0.1:6200", CALLED);
    let ack = third_invites("")
        .replace("INVITE", "ACK")
        .replace("To: <sip:nobody@127.0.0.1>", &format!("To: {}", header(&taken, "To")));
    world.datagram(THIRD, ack.as_bytes());
    assert_eq!(channels(&mut world).len(), 2);
    let bye_third = ack.replace("ACK", "BYE").replace("CSeq: 1", "CSeq: 2").replace("z9hG4bKt", "z9hG4bKb");
    let sent = world.datagram(THIRD, bye_third.as_bytes());
    let gone = the(&sent, "BYE sip:100@127.0.0.1:6100");
    assert_eq!(header(gone, "Reason"), "Q.850;cause=17", "the dialplan went on after Dial");
    bye(&mut world, &sent, "BYE sip:100@127.0.0.1:6100", CALLER);
    nothing_is_left(&mut world);
}

/// A call that rings is taken over by who knows its dialog; early-only takes nothing else.
#[test]
fn an_invite_replaces_a_call_that_rings() {
    let mut world = office("direct_media=no", DIAL);
    let out = dial(&mut world, "200");
    world.datagram(CALLED, reply(&out, "180 Ringing", CALLED, "").as_bytes());
    let early = format!(
        "Replaces: {};to-tag={};from-tag=t6200;early-only\r\n",
        header(&out, "Call-ID"),
        tag(header(&out, "From"))
    );
    let sent = world.datagram(THIRD, third_invites(&early).as_bytes());
    let cancel = the(&sent, "CANCEL sip:200@127.0.0.1:6200").to_owned();
    let answers = those(&sent, "SIP/2.0 200");
    assert_eq!(answers.len(), 2, "to the caller and to who replaced");
    let mut ok = answers.iter().filter(|ok| header(ok, "Call-ID") == "c1");
    let ok = (*ok.next().expect("the caller's")).to_owned();
    let third = (**answers.iter().find(|ok| header(ok, "Call-ID") == "c3").expect("his")).to_owned();
    world.datagram(CALLED, reply(&cancel, "200 OK", CALLED, "").as_bytes());
    world.datagram(CALLED, reply(&out, "487 Request Terminated", CALLED, "").as_bytes());
    let ack = request("ACK", "sip:200@127.0.0.1:5060", ("c1", "a1", 1), header(&ok, "To"), "");
    world.datagram(CALLER, ack.as_bytes());
    let ack = third_invites("")
        .replace("INVITE", "ACK")
        .replace("To: <sip:nobody@127.0.0.1>", &format!("To: {}", header(&third, "To")));
    world.datagram(THIRD, ack.as_bytes());
    assert_eq!(world.joins(), 1);
    // Whoever took it hangs up: so does the caller's Dial.
    let bye_third = ack.replace("ACK", "BYE").replace("CSeq: 1", "CSeq: 2").replace("z9hG4bKt", "z9hG4bKb");
    let sent = world.datagram(THIRD, bye_third.as_bytes());
    bye(&mut world, &sent, "BYE sip:100@127.0.0.1:6100", CALLER);
    nothing_is_left(&mut world);
}

/// A call that the dialplan serves goes on with it on the new channel.
#[test]
fn an_invite_replaces_a_call_without_partner() {
    let mut world = office("direct_media=no", DIAL);
    let sent = world.datagram(CALLER, invite("600", 1, "i1", &sdp("127.0.0.1", 7000, "0", "")).as_bytes());
    let ok = the(&sent, "SIP/2.0 200").to_owned();
    let ack = request("ACK", "sip:600@127.0.0.1:5060", ("c1", "a1", 1), header(&ok, "To"), "");
    world.datagram(CALLER, ack.as_bytes());
    world.wait(Duration::from_millis(600));
    let line = format!("Replaces: c1;to-tag={};from-tag=ann\r\n", tag(header(&ok, "To")));
    let sent = world.datagram(THIRD, third_invites(&line).as_bytes());
    let taken = the(&sent, "SIP/2.0 200").to_owned();
    bye(&mut world, &sent, "BYE sip:100@127.0.0.1:6100", CALLER);
    let ack = third_invites("")
        .replace("INVITE", "ACK")
        .replace("To: <sip:nobody@127.0.0.1>", &format!("To: {}", header(&taken, "To")));
    world.datagram(THIRD, ack.as_bytes());
    let all = channels(&mut world);
    assert_eq!(
        all.iter().map(|c| (&*c.name, &*c.application)).collect::<Vec<_>>(),
        [("PJSIP/300-00000001", "Echo")]
    );
}

/// RFC 3891 3: what cannot be replaced, and how that is said.
#[test]
fn what_cannot_be_replaced_is_refused() {
    let mut world = office("direct_media=no", DIAL);
    let (_, ok) = up(&mut world);
    let known = format!("Replaces: c1;to-tag={};from-tag=ann", tag(header(&ok, "To")));
    for (case, (lines, status)) in [
        (format!("{known}\r\n{known}\r\n"), "400"),
        (format!("{known}\r\nJoin: c1;to-tag=a;from-tag=b\r\n"), "400"),
        ("Replaces: c1;from-tag=ann\r\n".to_owned(), "400"),
        ("Replaces: c1;to-tag=none;from-tag=ann\r\n".to_owned(), "481"),
        (format!("{known};early-only\r\n"), "486"),
    ]
    .into_iter()
    .enumerate()
    {
        let invite = third_invites(&lines).replace("Call-ID: c3", &format!("Call-ID: c3{case}"));
        let sent = world.datagram(THIRD, invite.as_bytes());
        let last = sent.last().expect("an answer");
        assert!(last.starts_with(&format!("SIP/2.0 {status}")), "{lines}: {last}");
    }
    assert_eq!(channels(&mut world).len(), 2, "the call stands");
    // A caller who was not answered yet has no call to be replaced.
    let mut world = office("", DIAL);
    let sent = world.datagram(CALLER, invite("200", 1, "i1", &sdp("127.0.0.1", 7000, "0", "")).as_bytes());
    let out = the(&sent, "INVITE sip:200").to_owned();
    let sent = world.datagram(CALLED, reply(&out, "180 Ringing", CALLED, "").as_bytes());
    let ringing = the(&sent, "SIP/2.0 180").to_owned();
    let line = format!("Replaces: c1;to-tag={};from-tag=ann\r\n", tag(header(&ringing, "To")));
    let sent = world.datagram(THIRD, third_invites(&line).as_bytes());
    the(&sent, "SIP/2.0 481");
}

/// `refer_blind_progress=yes`: what the transferred phone hears is told until it is answered; then comes the BYE.
#[test]
fn the_progress_of_a_blind_transfer_is_told() {
    let mut world = office("direct_media=no", DIAL);
    let (out, _) = up(&mut world);
    let refer = from_called(&out, "REFER", 9, "Refer-To: <sip:300@127.0.0.1>\r\n");
    let sent = world.datagram(CALLED, refer.as_bytes());
    the(&sent, "SIP/2.0 202");
    let trying = the(&sent, "NOTIFY").to_owned();
    assert_eq!(body(&trying), "SIP/2.0 100 Trying\r\n");
    assert!(header(&trying, "Subscription-State").starts_with("active"));
    let third = the(&sent, "INVITE sip:300@127.0.0.1:6300").to_owned();
    assert!(world.datagram(CALLED, reply(&trying, "200 OK", CALLED, "").as_bytes()).is_empty());
    let sent = world.datagram(THIRD, reply(&third, "180 Ringing", THIRD, "").as_bytes());
    let ringing = the(&sent, "NOTIFY").to_owned();
    assert_eq!(body(&ringing), "SIP/2.0 180 Ringing\r\n");
    // Answered before the NOTIFY is: the last word waits, and the BYE for that.
    let sent = pick_up(&mut world, &third, THIRD, 7300);
    assert!(those(&sent, "NOTIFY").is_empty() && those(&sent, "BYE").is_empty());
    let sent = world.datagram(CALLED, reply(&ringing, "200 OK", CALLED, "").as_bytes());
    let last = the(&sent, "NOTIFY").to_owned();
    assert_eq!(body(&last), "SIP/2.0 200 OK\r\n");
    assert!(header(&last, "Subscription-State").starts_with("terminated"));
    let sent = world.datagram(CALLED, reply(&last, "200 OK", CALLED, "").as_bytes());
    the(&sent, "BYE sip:phone@127.0.0.1:6200");
    assert_eq!(world.joins(), 2);
}

/// The transfer ends at Busy, or with a hangup: 486, 503.
#[test]
fn a_transfer_that_fails_is_told() {
    for (exten, said) in
        [("601", "SIP/2.0 486 Busy Here\r\n"), ("602", "SIP/2.0 503 Service Unavailable\r\n")]
    {
        let mut world = office("direct_media=no", DIAL);
        let (out, _) = up(&mut world);
        let refer = from_called(&out, "REFER", 9, &format!("Refer-To: <sip:{exten}@127.0.0.1>\r\n"));
        let sent = world.datagram(CALLED, refer.as_bytes());
        let trying = the(&sent, "NOTIFY").to_owned();
        let mut sent = world.datagram(CALLED, reply(&trying, "200 OK", CALLED, "").as_bytes());
        sent.extend(world.wait(Duration::from_secs(2)));
        assert_eq!(body(those(&sent, "NOTIFY")[0]), said);
    }
}

/// `refer_blind_progress=no` says 200 at once; `allow_transfer=no` refuses; nobody to transfer to is told.
#[test]
fn options_decide_about_transfers() {
    let mut world = office("direct_media=no\nrefer_blind_progress=no", DIAL);
    let (out, _) = up(&mut world);
    let refer = from_called(&out, "REFER", 9, "Refer-To: <sip:300@127.0.0.1>\r\n");
    let sent = world.datagram(CALLED, refer.as_bytes());
    let told = the(&sent, "NOTIFY").to_owned();
    assert_eq!(body(&told), "SIP/2.0 200 OK\r\n");
    the(
        &world.datagram(CALLED, reply(&told, "200 OK", CALLED, "").as_bytes()),
        "BYE sip:phone@127.0.0.1:6200",
    );
    let mut world = office("direct_media=no\nallow_transfer=no", DIAL);
    let (out, _) = up(&mut world);
    the(
        &world.datagram(CALLED, from_called(&out, "REFER", 9, "Refer-To: <sip:300@h>\r\n").as_bytes()),
        "SIP/2.0 603",
    );
    let mut world = office("direct_media=no", DIAL);
    let (out, _) = up(&mut world);
    let unsubscribed = from_called(&out, "REFER", 9, "Refer-To: <sip:999@h>\r\nRefer-Sub: false\r\n");
    let sent = world.datagram(CALLED, unsubscribed.as_bytes());
    the(&sent, "SIP/2.0 404");
    let sent = world.datagram(
        CALLED,
        unsubscribed.replace("999", "300").replace("9 REFER", "10 REFER").replace("REFER9", "R10").as_bytes(),
    );
    assert_eq!(header(the(&sent, "SIP/2.0 200"), "Refer-Sub"), "false");
    assert!(those(&sent, "NOTIFY").is_empty());
    the(&sent, "BYE sip:phone@127.0.0.1:6200");
}

/// The global option `norefersub` takes the extension from Supported.
#[test]
fn norefersub_is_announced_or_not() {
    for (option, there) in [("yes", true), ("no", false)] {
        let global = format!("[global]\ntype=global\nnorefersub={option}\n");
        let mut world = office_beside(&global, "", DIAL);
        let out = dial(&mut world, "200");
        assert_eq!(header(&out, "Supported").contains("norefersub"), there, "{out}");
    }
}

/// Attended transfer to a call of another server: `external_replaces` dials it with Replaces and Referred-By.
#[test]
fn a_call_of_another_server_is_replaced_there() {
    let dialplan = format!("{DIAL}exten => external_replaces,1,Dial(PJSIP/300/${{SIPREFERTOHDR}},20)\n");
    let lines = "Refer-To: <sip:bob@127.0.0.1:6300?Replaces=far%40h%3Bto-tag%3Dx%3Bfrom-tag%3Dy>\r\n\
                 Referred-By: <sip:200@127.0.0.1>\r\n";
    let mut world = office("direct_media=no", &dialplan);
    let (out, _) = up(&mut world);
    let sent = world.datagram(CALLED, from_called(&out, "REFER", 9, lines).as_bytes());
    the(&sent, "SIP/2.0 202");
    let far = the(&sent, "INVITE sip:bob@127.0.0.1:6300 SIP/2.0");
    assert_eq!(header(far, "Replaces"), "far@h;to-tag=x;from-tag=y");
    assert_eq!(header(far, "Referred-By"), "<sip:200@127.0.0.1>");
    // Without that extension there is no way there.
    let mut world = office("direct_media=no", DIAL);
    let (out, _) = up(&mut world);
    let sent = world.datagram(CALLED, from_called(&out, "REFER", 9, lines).as_bytes());
    assert_eq!(body(the(&sent, "NOTIFY")), "SIP/2.0 404 Not Found\r\n");
    assert_eq!(channels(&mut world).len(), 2, "the call goes on");
}

/// An INVITE with Replaces takes the place of a channel that plays: the new phone hears it from the beginning, and the
/// dialplan goes on after its end.
#[test]
fn an_invite_replaces_a_call_that_hears_something() {
    use super::sounds::playing;
    use jackfield::bridge::{MediaEvent, SoundEnd};
    use jackfield::switch::io::Input;
    let plan = "[phones]\nexten => 600,1,Playback(hello)\n same => n,Hangup(17)\n";
    let mut world = office("direct_media=no", plan);
    let sent =
        world.datagram(CALLER, invite("600", 1, "i1", &sdp("127.0.0.1", 7000, "0 101", "")).as_bytes());
    let ok = the(&sent, "SIP/2.0 200").to_owned();
    let ack = request("ACK", "sip:600@127.0.0.1:5060", ("c1", "a1", 1), header(&ok, "To"), "");
    world.datagram(CALLER, ack.as_bytes());
    let replaces = format!("Replaces: c1;to-tag={};from-tag=ann\r\n", tag(header(&ok, "To")));
    let sent = third_invites(&replaces);
    let sent = world.datagram(THIRD, sent.as_bytes());
    let answer = the(&sent, "SIP/2.0 200").to_owned();
    the(&sent, "BYE sip:100@127.0.0.1:6100");
    let ack = format!(
        "ACK sip:600@127.0.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP {THIRD};branch=z9hG4bKa3\r\nFrom: {}\r\nTo: {}\r\n\
         Call-ID: {}\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n",
        header(&answer, "From"),
        header(&answer, "To"),
        header(&answer, "Call-ID"),
    );
    world.datagram(THIRD, ack.as_bytes());
    let (port, id, _) = playing(&world).pop().expect("it plays again");
    assert_eq!(port.0, 1, "to the new phone");
    let sent = world.handle(Input::Media(MediaEvent::SoundEnded { port, id, end: SoundEnd::Done }));
    assert_eq!(header(the(&sent, "BYE sip:"), "Reason"), "Q.850;cause=17");
}
