//! Issue 3, B2, end to end: what keeps the media of a call here, or lets it go, through a whole switch.

use super::desk::{Desk, audio_of, tree};
use super::phone::{CALLED, CALLER, THIRD, body, invite, reply, sdp, the};
use jackfield::bridge::Feature;
use jackfield::switch::view::Event;

const DIAL: &str = "[phones]\nexten => _X00,1,Dial(PJSIP/${EXTEN},20)\n same => n,Hangup()\n";
const DIRECT: [&str; 2] = ["127.0.0.1:7200", "127.0.0.1:7000"];
const HERE: [&str; 2] = ["127.0.0.1:20000", "127.0.0.1:20002"];
const CHANNEL: &str = "PJSIP/100-00000000";

fn call(options: [&str; 3]) -> Desk {
    let mut desk = Desk::new(options, DIAL);
    desk.call(CALLER, "200");
    desk
}

#[track_caller]
fn stays(desk: &mut Desk, condition: &str) {
    assert_eq!(desk.both(), HERE, "{condition}");
    assert_eq!(desk.changed(), [""; 0], "{condition}: nobody is sent a re-INVITE");
    assert_eq!(desk.failed(CHANNEL), [condition]);
}

#[track_caller]
fn is_direct(desk: &mut Desk) {
    assert_eq!(desk.both(), DIRECT);
    assert_eq!(desk.failed(CHANNEL), [""; 0]);
}

/// S1-16, S1-17, S1-31, S1-32, S1-39, S1-40, S1-41, S1-56, S4-110: our own addresses first, then each phone's to the other one,
/// in two dialogs.
#[test]
fn plain_phones_are_redirected_once_each() {
    let mut desk = call(["", "", ""]);
    is_direct(&mut desk);
    let mut changes = desk.changed();
    changes.sort();
    assert_eq!(changes, ["INVITE 6100 127.0.0.1:7200", "INVITE 6200 127.0.0.1:7000"]);
    let invites: Vec<_> = desk.sent.iter().filter(|text| text.starts_with("INVITE")).collect();
    assert_eq!(audio_of(body(invites[0])).map(|at| at.port()), Some(20_002), "the first INVITE names us");
    let ids: std::collections::BTreeSet<_> =
        invites.iter().map(|text| super::phone::header(text, "Call-ID")).collect();
    assert_eq!(ids.len(), 2);
    desk.wait(60_000);
    assert_eq!(desk.changed(), [""; 0]);
}

/// S1-7, S1-10, S1-18, S4-110: one `direct_media=no` is enough.
#[test]
fn one_side_is_enough_to_keep_media_here() {
    for options in [["direct_media=no", "", ""], ["", "direct_media=no", ""]] {
        stays(&mut call(options), "direct_media=yes on both");
    }
    stays(&mut call(["direct_media=no", "direct_media=no", ""]), "direct_media=yes on both");
}

/// S1-12, S1-13: UPDATE where the phone allows it, a re-INVITE where it does not.
#[test]
fn update_in_place_of_reinvite() {
    let mut desk = call(["direct_media_method=update", "", ""]);
    is_direct(&mut desk);
    let mut changes = desk.changed();
    changes.sort();
    assert_eq!(changes, ["INVITE 6200 127.0.0.1:7000", "UPDATE 6100 127.0.0.1:7200"]);
    let mut desk = Desk::new(["", "direct_media_method=update", ""], DIAL);
    desk.phone(CALLED).allow = "INVITE, ACK, BYE";
    desk.call(CALLER, "200");
    is_direct(&mut desk);
    assert!(desk.changed().iter().all(|change| change.starts_with("INVITE")));
}

/// S1-20, S4-122, S4-126…S4-129: every letter of `Dial`, alone. `#` and `*` are listened for by `t T` and `h H`; parking
/// and recording by digits have no code without a features.conf, so nobody listens.
#[test]
fn each_letter_of_dial() {
    let hooks = "no digits to listen for in the media";
    let limit = format!("media not needed by {}", Feature::TimeLimit.as_str());
    for (letters, condition) in [
        ("t", Some(hooks)),
        ("T", Some(hooks)),
        ("h", Some(hooks)),
        ("H", Some(hooks)),
        ("k", None),
        ("K", None),
        ("w", None),
        ("W", None),
        ("x", None),
        ("X", None),
        ("L(60000:30000:10000)", Some(&*limit)),
        ("L(60000:30000)", Some(&*limit)),
        ("L(60000)", Some(&*limit)),
        ("g", None),
        ("r", None),
        ("c", None),
        ("i", None),
        ("S(60)", None),
    ] {
        let dialplan = format!("[phones]\nexten => 200,1,Dial(PJSIP/200,20,{letters})\n");
        let mut desk = Desk::new(["", "", ""], &dialplan);
        desk.call(CALLER, "200");
        match condition {
            Some(condition) => stays(&mut desk, condition),
            None => is_direct(&mut desk),
        }
    }
}

/// S1-27: with digits as INFO nobody needs to listen to the media.
#[test]
fn digits_as_info_let_media_go() {
    let dialplan = "[phones]\nexten => 200,1,Dial(PJSIP/200,20,tT)\n";
    let mut desk = Desk::new(["dtmf_mode=info", "dtmf_mode=info", ""], dialplan);
    desk.call(CALLER, "200");
    is_direct(&mut desk);
    // Digits that travel differently on the two legs are converted here.
    stays(&mut call(["dtmf_mode=info", "", ""]), "digits sent the same way");
}

/// S1-19, S1-55, S4-113: nobody converts, so a call without a common codec is not made; a phone that answers with other
/// numbers than the other one has stays here.
#[test]
fn codecs_must_be_in_common() {
    let mut desk = Desk::new(["", "disallow=all\nallow=alaw", ""], DIAL);
    desk.call(CALLER, "200");
    assert!(desk.sent.iter().any(|text| text.starts_with("SIP/2.0 488")), "{:?}", desk.sent);
    let mut desk = Desk::new(["", "", ""], DIAL);
    desk.phone(CALLED).codecs = "0 96";
    desk.call(CALLER, "200");
    assert_eq!(desk.both(), HERE);
    assert_eq!(desk.failed(CHANNEL), ["same payload numbers"]);
}

/// Packets of another length keep media here.
#[test]
fn packet_times_must_agree() {
    let mut desk = Desk::new(["allow=!all,ulaw:40", "", ""], DIAL);
    desk.call(CALLER, "200");
    stays(&mut desk, "same packet time");
}

/// S1-28, behaviour-media 1.1: with video, audio stays too.
#[test]
fn video_keeps_media_here() {
    let options = "allow=ulaw,alaw,h264";
    let mut desk = Desk::new([options, options, ""], DIAL);
    for (at, port) in [(CALLER, 7100), (CALLED, 7300)] {
        desk.phone(at).more = format!("m=video {port} RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\n");
    }
    desk.call(CALLER, "200");
    assert_eq!(desk.failed(CHANNEL), ["no video"]);
    assert_eq!(desk.changed(), [""; 0]);
    // The called phone declines it: the audio may go.
    let mut desk = Desk::new([options, options, ""], DIAL);
    desk.phone(CALLER).more = "m=video 7100 RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\n".into();
    desk.phone(CALLED).more = "m=video 0 RTP/AVP 99\r\n".into();
    desk.call(CALLER, "200");
    is_direct(&mut desk);
}

/// S3-23, S3-24, S3-25: a T.38 line that nobody takes is declined, and it is said which option did it; the audio of the
/// call goes on, directly.
#[test]
fn a_t38_line_is_declined_and_the_call_lives() {
    let mut desk = call(["", "", ""]);
    desk.changed();
    desk.reinvite(CALLER, "m=image 7010 udptl t38\r\na=T38FaxVersion:0\r\n");
    assert!(desk.phone(CALLER).last.contains("m=image 0 "), "{}", desk.phone(CALLER).last);
    let said = desk.world.events.iter().any(|event| match event {
        Event::Log { text, .. } => text.contains("endpoint '100' has t38_udptl=no"),
        _ => false,
    });
    assert!(said, "{:?}", desk.world.events);
    is_direct(&mut desk);
    assert_eq!(desk.changed(), [""; 0], "the other phone is left alone");
    desk.bye(CALLER);
    desk.wait(40_000);
    assert_eq!(super::phone::leftovers(&mut desk.world), (0, 0, 0));
}

/// S1-11, S1-24, S1-25, S1-57, S4-130: a NAT, with `disable_direct_media_on_nat` and without.
#[test]
fn nat_keeps_media_here() {
    let reach = "each phone can reach the other";
    let nat = "no NAT where that forbids it";
    for (on, conditions) in [(false, vec![reach]), (true, vec![nat, reach])] {
        for at in 0..2 {
            let mut options = ["", "", ""];
            options[at] = if on { "disable_direct_media_on_nat=yes" } else { "" };
            let mut desk = Desk::with(&tree(options, "local_net=10.0.0.0/8", ""), DIAL);
            // Its description names a network of its own, its packets and its signalling come from elsewhere.
            desk.phone([CALLER, CALLED][at]).audio = "192.168.7.2:7000".parse().expect("an address");
            desk.call(CALLER, "200");
            assert_eq!(desk.both(), HERE);
            assert_eq!(desk.failed(CHANNEL), conditions);
        }
    }
    // Without a NAT the option changes nothing.
    is_direct(&mut call(["disable_direct_media_on_nat=yes", "disable_direct_media_on_nat=yes", ""]));
}

/// S1-6: who may exchange media directly with whom.
#[test]
fn lists_say_who_may_go_direct() {
    let acl = "access lists permit it";
    for options in [
        ["directmedia_deny=127.0.0.0/8", "", ""],
        ["", "directmedia_deny=0.0.0.0/0.0.0.0\ndirectmedia_permit=10.0.0.0/8", ""],
    ] {
        stays(&mut call(options), acl);
    }
    is_direct(&mut call(["directmedia_deny=0.0.0.0/0\ndirectmedia_permit=127.0.0.1", "", ""]));
    let explained = {
        let mut desk = call(["directmedia_deny=127.0.0.0/8", "", ""]);
        let question =
            jackfield::switch::view::DirectMediaQuestion::Call { channel: "PJSIP/200-00000001".into() };
        desk.world.command(jackfield::switch::view::Command::ExplainDirectMedia(question))
    };
    let text = format!("{explained:?}");
    assert!(text.contains("directmedia_deny (pjsip.conf:"), "{text}");
}

/// S1-22, S1-50, S3-6, S3-13, S3-16, S3-29: who is put on hold comes back here, to hear music; who holds stays. On resume
/// only the held one moves again. By either side.
#[test]
fn hold_and_resume_by_each_side() {
    for (holder, held, back, out) in [
        (CALLER, CALLED, "INVITE 6200 127.0.0.1:20002", "INVITE 6200 127.0.0.1:7000"),
        (CALLED, CALLER, "INVITE 6100 127.0.0.1:20000", "INVITE 6100 127.0.0.1:7200"),
    ] {
        for hold in ["a=sendonly\r\n", "a=inactive\r\n", "c=IN IP4 0.0.0.0\r\n"] {
            let mut desk = call(["", "", ""]);
            desk.changed();
            desk.reinvite(holder, hold);
            assert_eq!(desk.changed(), [back], "{hold}");
            assert_eq!(
                desk.told(holder),
                if holder == CALLER { HERE[0] } else { HERE[1] },
                "held it is silent"
            );
            desk.reinvite(holder, "");
            assert_eq!(desk.changed(), [out], "{hold}");
            is_direct(&mut desk);
            assert_eq!(desk.told(held), if held == CALLER { DIRECT[0] } else { DIRECT[1] });
        }
    }
}

/// S1-21, S1-22: with `direct_media=no` hold is still told, where `moh_passthrough` asks for it.
#[test]
fn hold_is_passed_on_without_direct_media() {
    let mut desk = call(["direct_media=no", "moh_passthrough=yes", ""]);
    desk.reinvite(CALLER, "a=sendonly\r\n");
    assert_eq!(desk.changed(), ["INVITE 6200 127.0.0.1:20002"]);
    assert!(desk.phone(CALLED).last.contains("a=sendonly"), "{}", desk.phone(CALLED).last);
    desk.phone(CALLED).more = "a=recvonly\r\n".into();
    desk.reinvite(CALLER, "");
    assert_eq!(desk.changed(), ["INVITE 6200 127.0.0.1:20002"]);
    assert!(desk.phone(CALLED).last.contains("a=sendrecv"), "{}", desk.phone(CALLED).last);
}

/// A phone that moves its media is followed by the other one (behaviour-media 1.2, UPDATE_RTP_PEER), again and again.
#[test]
fn a_phone_that_moves_is_followed() {
    let mut desk = call(["", "", ""]);
    desk.changed();
    for port in [7020, 7040, 7060, 7080, 7090, 7092] {
        desk.phone(CALLER).audio.set_port(port);
        desk.reinvite(CALLER, "");
        assert_eq!(desk.changed(), [format!("INVITE 6200 127.0.0.1:{port}")]);
        assert_eq!(desk.failed(CHANNEL), [""; 0]);
    }
}

/// S1-51, S3-42: a phone that refuses to be redirected stays as it was, and so does the call; the other one is brought
/// back.
#[test]
fn a_phone_that_refuses_stays_here() {
    let mut desk = Desk::new(["", "", ""], DIAL);
    desk.phone(CALLED).answers = 488;
    desk.call(CALLER, "200");
    let changes = desk.changed();
    assert_eq!(changes.last().map(String::as_str), Some("INVITE 6100 127.0.0.1:20000"), "{changes:?}");
    assert_eq!(desk.told(CALLER), HERE[0]);
    assert_eq!(desk.failed(CHANNEL), ["redirection not refused"]);
    assert_eq!(super::phone::channels(&mut desk.world).len(), 2);
}

/// The caller and the third phone talk directly; nothing is left when they end.
fn is_direct_with_third(mut desk: Desk) {
    assert_eq!([desk.told(CALLER), desk.told(THIRD)], ["127.0.0.1:7300", "127.0.0.1:7000"]);
    desk.bye(THIRD);
    super::phone::nothing_is_left(&mut desk.world);
}

/// S1-50: a blind transfer brings the transferred phone back, and its new call goes direct again.
#[test]
fn a_blind_transfer_comes_back_and_goes_direct_again() {
    let mut desk = call(["", "", ""]);
    desk.changed();
    desk.request(CALLED, usize::MAX, "REFER", "Refer-To: <sip:300@127.0.0.1>\r\n", "");
    let changes = desk.changed();
    assert_eq!(changes.first().map(String::as_str), Some("INVITE 6100 127.0.0.1:20000"), "{changes:?}");
    is_direct_with_third(desk);
}

/// S1-50: an attended transfer joins the two that remain, and they go direct.
#[test]
fn an_attended_transfer_ends_direct() {
    let mut desk = call(["", "", ""]);
    // The called phone holds the first call and makes a second one.
    desk.reinvite(CALLED, "a=sendonly\r\n");
    desk.phone(CALLED).more.clear();
    desk.phone(CALLED).audio.set_port(7210);
    desk.call(CALLED, "300");
    assert_eq!(desk.told(THIRD), "127.0.0.1:7210");
    let replaces = desk.replaces(CALLED, 1);
    desk.changed();
    let lines = format!("Refer-To: <sip:300@127.0.0.1?Replaces={replaces}>\r\n");
    desk.request(CALLED, 0, "REFER", &lines, "");
    is_direct_with_third(desk);
}

/// S4-131: a Local channel that stays joins two bridges; one that goes leaves a call like any other.
#[test]
fn a_local_channel_that_stays_keeps_media_here() {
    let dialplan = "[phones]\nexten => 200,1,Dial(PJSIP/200,20)\nexten => 801,1,Dial(Local/200@phones/n,20)\n\
        exten => 802,1,Dial(Local/200@phones,20)\n";
    let mut desk = Desk::new(["", "", ""], dialplan);
    desk.call(CALLER, "801");
    desk.wait(1_000);
    assert_eq!(desk.failed(CHANNEL), ["both legs in one bridge"]);
    assert_eq!(desk.changed(), [""; 0]);
    let mut desk = Desk::new(["", "", ""], dialplan);
    desk.call(CALLER, "802");
    desk.wait(1_000);
    is_direct(&mut desk);
    assert_eq!(desk.changed().len(), 2, "each is redirected once");
}

/// S1-53: each leg is told the address proper to its side.
#[test]
fn each_side_is_told_its_own_address() {
    let outside = "[out]\ntype=endpoint\ncontext=phones\ndisallow=all\nallow=ulaw\naors=out\n[out]\ntype=aor\n\
        contact=sip:out@9.9.9.9:5060\n[out]\ntype=identify\nendpoint=out\nmatch=9.9.9.9\n";
    let transport = "local_net=127.0.0.0/8\nexternal_media_address=198.51.100.5";
    let dialplan = "[phones]\nexten => 9,1,Dial(PJSIP/out,20)\n";
    let mut desk = Desk::with(&tree(["", "", ""], transport, outside), dialplan);
    let offer = sdp("127.0.0.1", 7000, "0 101", "");
    let sent = desk.world.datagram(CALLER, invite("9", 1, "i1", &offer).as_bytes());
    let out = the(&sent, "INVITE sip:out@9.9.9.9").to_owned();
    assert_eq!(audio_of(body(&out)).map(|at| at.ip().to_string()).as_deref(), Some("198.51.100.5"));
    let answer = reply(&out, "200 OK", "9.9.9.9:5060", &sdp("9.9.9.9", 7200, "0 101", ""));
    let sent = desk.world.datagram("9.9.9.9:5060", answer.as_bytes());
    let ok = the(&sent, "SIP/2.0 200");
    assert_eq!(audio_of(body(ok)).map(|at| at.ip().to_string()).as_deref(), Some("127.0.0.1"));
}

/// S1-15: `media_address` stands in what the phone of that endpoint is sent, and in nothing else.
#[test]
fn media_address_is_the_endpoints_own() {
    let mut desk = Desk::new(["direct_media=no", "media_address=192.0.2.7", ""], DIAL);
    desk.call(CALLER, "200");
    assert_eq!(desk.both(), ["127.0.0.1:20000", "192.0.2.7:20002"]);
}

/// The audio is not the first stream: it is the audio that moves.
#[test]
fn audio_behind_another_stream_is_redirected() {
    let mut desk = Desk::new(["", "", ""], DIAL);
    let first = "m=video 0 RTP/AVP 99\r\n";
    desk.phone(CALLER).before = first.into();
    desk.call(CALLER, "200");
    is_direct(&mut desk);
    assert!(desk.phone(CALLER).last.contains("m=video 0 "), "{}", desk.phone(CALLER).last);
}

/// RFC 5761, RFC 3605: reports go where the other phone takes them.
#[test]
fn reports_go_where_the_other_phone_takes_them() {
    let mux = "rtcp_mux=yes";
    for (options, lines, [caller, called]) in [
        ([mux, mux, ""], ["a=rtcp-mux\r\n", "a=rtcp-mux\r\n"], ["a=rtcp-mux", "a=rtcp-mux"]),
        ([mux, mux, ""], ["a=rtcp-mux\r\n", ""], ["", ""]),
        ([mux, "", ""], ["a=rtcp-mux\r\n", "a=rtcp-mux\r\n"], ["", ""]),
        (["", "", ""], ["a=rtcp:9001\r\n", ""], ["", "a=rtcp:9001"]),
    ] {
        let mut desk = Desk::new(options, DIAL);
        for (at, lines) in [(CALLER, lines[0]), (CALLED, lines[1])] {
            desk.phone(at).more = lines.into();
        }
        desk.call(CALLER, "200");
        is_direct(&mut desk);
        for (at, expected) in [(CALLER, caller), (CALLED, called)] {
            let last = &desk.phone(at).last;
            let said: Vec<&str> = last.lines().filter(|line| line.starts_with("a=rtcp")).collect();
            assert_eq!(said.join(" "), expected, "{options:?} {at}: {last}");
        }
    }
}
