//! Who is told whom he talks to: caller ids, connected lines, Diversion, and forwarding.

use super::phone::*;
use crate::world::World;

const DIAL: &str = "[phones]\nexten => _X00,1,Dial(PJSIP/${EXTEN},20)\n same => n,Hangup(17)\n\
    exten => 700,1,Dial(PJSIP/200,20,i)\nexten => 701,1,Answer()\n same => n,Dial(PJSIP/200,20)\n\
    exten => 702,1,Set(__SIPFROMDOMAIN=other.example)\n same => n,Dial(PJSIP/200,20)\n\
    exten => 703,1,Set(CONNECTEDLINE(num)=777)\n same => n,Ringing()\n same => n,Wait(1)\n";

/// An INVITE of 100 with further lines; what 200 was sent.
fn dial(world: &mut World, exten: &str, lines: &str) -> (Vec<String>, String) {
    let text = invite(exten, 1, "i1", &sdp("127.0.0.1", 7000, "0 101", ""))
        .replace("Max-Forwards: 70\r\n", &format!("Max-Forwards: 70\r\nAllow: INVITE, UPDATE\r\n{lines}"));
    let sent = world.datagram(CALLER, text.as_bytes());
    let out = those(&sent, "INVITE sip:200@127.0.0.1:6200");
    let out = out.first().map(|text| (*text).to_owned()).unwrap_or_default();
    (sent, out)
}

fn pick_up(world: &mut World, out: &str, lines: &str) -> Vec<String> {
    let answer = reply(out, "200 OK", CALLED, &sdp("127.0.0.1", 7200, "0 101", ""));
    world.datagram(CALLED, answer.replace("Contact:", &format!("{lines}Contact:")).as_bytes())
}

fn acknowledge(world: &mut World, sent: &[String], exten: &str) -> String {
    let ok = those(sent, "SIP/2.0 200").into_iter().find(|ok| header(ok, "Call-ID") == "c1").expect("a 200");
    let ack = request("ACK", &format!("sip:{exten}@127.0.0.1:5060"), ("c1", "a1", 1), header(ok, "To"), "");
    world.datagram(CALLER, ack.as_bytes());
    ok.to_owned()
}

/// A request of the phone at 200 in the dialog of the INVITE it got.
fn from_called(out: &str, method: &str, lines: &str) -> String {
    format!(
        "{method} sip:100@127.0.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP {CALLED};branch=z9hG4bK{method}\r\n\
         From: {};tag=t6200\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: 9 {method}\r\n\
         Contact: <sip:phone@{CALLED}>\r\n{lines}Content-Length: 0\r\n\r\n",
        header(out, "To"),
        header(out, "From"),
        header(out, "Call-ID"),
    )
}

/// `trust_id_inbound`, `trust_id_outbound`, `send_pai`, `send_rpid`: a private number reaches who is trusted with it.
#[test]
fn identity_passes_as_far_as_it_is_trusted() {
    let said = "P-Asserted-Identity: \"Ann\" <sip:+4930@h>\r\nPrivacy: id\r\n";
    let mut world = office("trust_id_inbound=yes\nsend_pai=yes\nsend_rpid=yes\ntrust_id_outbound=yes", DIAL);
    let (_, out) = dial(&mut world, "200", said);
    assert_eq!(header(&out, "P-Asserted-Identity"), "\"Ann\" <sip:+4930@127.0.0.1>");
    assert_eq!(header(&out, "Privacy"), "id");
    assert!(header(&out, "Remote-Party-ID").ends_with("party=calling;privacy=full;screen=no"));
    assert!(header(&out, "From").starts_with("\"Anonymous\" <sip:anonymous@anonymous.invalid>"), "{out}");
    let mut world = office("trust_id_inbound=yes\nsend_pai=yes\nsend_rpid=yes", DIAL);
    let (_, out) = dial(&mut world, "200", said);
    assert!(!out.contains("Identity:") && !out.contains("Party-ID:") && !out.contains("4930"), "{out}");
    let mut world = office("send_pai=yes", DIAL);
    let (_, out) = dial(&mut world, "200", said);
    assert_eq!(header(&out, "P-Asserted-Identity"), "\"Ann\" <sip:100@127.0.0.1>", "nobody believed it");
}

/// Who answers is named in the 200 to the caller, by his `callerid`; `send_connected_line=no` names nobody.
#[test]
fn the_answer_names_who_answers() {
    for (option, named) in [("yes", true), ("no", false)] {
        let options = format!("send_pai=yes\ncallerid=\"Desk\" <555>\nsend_connected_line={option}");
        let mut world = office(&options, DIAL);
        let (_, out) = dial(&mut world, "200", "");
        let sent = pick_up(&mut world, &out, "");
        let ok = acknowledge(&mut world, &sent, "200");
        assert_eq!(ok.contains("P-Asserted-Identity: \"Desk\" <sip:555@127.0.0.1>"), named, "{ok}");
    }
}

/// `trust_connected_line`: what the called phone says of itself, in its 200 or later, reaches the caller, by UPDATE
/// where he takes it, else by `connected_line_method`; only when it changed.
#[test]
fn a_change_of_identity_reaches_the_other_phone() {
    let options = "trust_id_inbound=yes\nsend_pai=yes\ndirect_media=no";
    let mut world = office(options, DIAL);
    let (_, out) = dial(&mut world, "200", "");
    let sent = pick_up(&mut world, &out, "P-Asserted-Identity: \"Bob\" <sip:201@h>\r\n");
    let ok = acknowledge(&mut world, &sent, "200");
    assert_eq!(header(&ok, "P-Asserted-Identity"), "\"Bob\" <sip:201@127.0.0.1>");
    let said = "P-Asserted-Identity: \"Boss\" <sip:1@h>\r\n";
    let sent = world.datagram(CALLED, from_called(&out, "UPDATE", said).as_bytes());
    let update = the(&sent, "UPDATE sip:100@127.0.0.1:6100").to_owned();
    assert_eq!(header(&update, "P-Asserted-Identity"), "\"Boss\" <sip:1@127.0.0.1>");
    assert!(body(&update).is_empty());
    world.datagram(CALLER, format!("{}\r\n", reply(&update, "200 OK", CALLER, "").trim_end()).as_bytes());
    let again = from_called(&out, "UPDATE", said).replace("9 UPDATE", "10 UPDATE").replace("KUPDATE", "Ku2");
    assert!(those(&world.datagram(CALLED, again.as_bytes()), "UPDATE").is_empty(), "nothing new");
    for untrusted in ["trust_connected_line=no\ntrust_id_inbound=yes\nsend_pai=yes", "send_pai=yes"] {
        let mut world = office(&format!("{untrusted}\ndirect_media=no"), DIAL);
        let (_, out) = dial(&mut world, "200", "");
        let sent = pick_up(&mut world, &out, "");
        acknowledge(&mut world, &sent, "200");
        let sent = world.datagram(CALLED, from_called(&out, "UPDATE", said).as_bytes());
        assert!(those(&sent, "UPDATE").is_empty());
    }
    // A phone without UPDATE gets a re-INVITE with the description in force.
    let mut world = office(options, DIAL);
    let text = invite("200", 1, "i1", &sdp("127.0.0.1", 7000, "0", ""));
    let sent = world.datagram(CALLER, text.as_bytes());
    let out = the(&sent, "INVITE sip:200").to_owned();
    let sent = pick_up(&mut world, &out, "");
    acknowledge(&mut world, &sent, "200");
    let sent = world.datagram(CALLED, from_called(&out, "UPDATE", said).as_bytes());
    let again = the(&sent, "INVITE sip:100@127.0.0.1:6100");
    assert_eq!(header(again, "P-Asserted-Identity"), "\"Boss\" <sip:1@127.0.0.1>");
    assert!(body(again).contains("m=audio 20000 RTP/AVP 0"), "{again}");
}

/// A caller who was answered before anybody was called hears later who that is.
#[test]
fn an_answered_caller_is_told_by_update() {
    let mut world = office("send_rpid=yes\ndirect_media=no", DIAL);
    let (sent, _) = dial(&mut world, "701", "");
    acknowledge(&mut world, &sent, "701");
    let sent = world.wait(std::time::Duration::from_millis(600));
    let out = the(&sent, "INVITE sip:200").to_owned();
    let sent = pick_up(&mut world, &out, "");
    let update = the(&sent, "UPDATE sip:100@127.0.0.1:6100");
    assert_eq!(header(update, "Remote-Party-ID"), "<sip:701@127.0.0.1>;party=called;privacy=off;screen=no");
}

/// `rpid_immediate`: an update before the answer goes out in a provisional response of its own.
#[test]
fn an_early_update_waits_unless_it_is_wanted_at_once() {
    for (option, told) in [("yes", 1), ("no", 0)] {
        let options = format!("trust_id_inbound=yes\nsend_pai=yes\nrpid_immediate={option}");
        let mut world = office(&options, DIAL);
        let (_, out) = dial(&mut world, "200", "");
        let ringing = reply(&out, "180 Ringing", CALLED, "");
        world.datagram(CALLED, ringing.as_bytes());
        let ringing = ringing.replace("Contact:", "P-Asserted-Identity: <sip:201@h>\r\nContact:");
        let sent = world.datagram(CALLED, ringing.as_bytes());
        let own = those(&sent, "SIP/2.0 183");
        assert_eq!(own.len(), told, "{sent:?}");
        assert!(own.iter().all(|text| text.contains("P-Asserted-Identity: <sip:201@127.0.0.1>")), "{own:?}");
        let sent = pick_up(&mut world, &out, "");
        assert!(the(&sent, "SIP/2.0 200 OK").contains("<sip:201@127.0.0.1>"));
    }
    // What the dialplan set before it rang is in the 180.
    let mut world = office("send_pai=yes", DIAL);
    let (sent, _) = dial(&mut world, "703", "");
    assert_eq!(header(the(&sent, "SIP/2.0 180"), "P-Asserted-Identity"), "<sip:777@127.0.0.1>");
}

/// `SIPFROMDOMAIN` names the host of From.
#[test]
fn a_variable_names_the_from_domain() {
    let mut world = office("from_domain=example.com", DIAL);
    let (_, out) = dial(&mut world, "702", "");
    assert!(header(&out, "From").starts_with("\"Ann\" <sip:100@other.example>"), "{out}");
}

fn redirect(out: &str, lines: &str) -> String {
    let moved = reply(out, "302 Moved", CALLED, "");
    let at = moved.find("Contact:").expect("one");
    let end = at + moved[at..].find("\r\n").expect("its end") + 2;
    format!("{}Contact: <sip:300@{THIRD}>\r\n{lines}{}", &moved[..at], &moved[end..])
}

/// `redirect_method`: to the extension, by the dial string, or by the session alone; 181 and Diversion tell of it.
#[test]
fn a_302_is_followed_as_the_endpoint_says() {
    for (method, called) in [
        ("user", "INVITE sip:300@127.0.0.1:6300"),
        ("uri_core", "INVITE sip:300@127.0.0.1:6300"),
        ("uri_pjsip", "INVITE sip:300@127.0.0.1:6300"),
    ] {
        let options = format!("redirect_method={method}\nsend_history_info=yes\ndirect_media=no");
        let mut world = office(&options, DIAL);
        let (_, out) = dial(&mut world, "200", "");
        let sent = world.datagram(CALLED, redirect(&out, "").as_bytes());
        let next = the(&sent, called).to_owned();
        let told = those(&sent, "SIP/2.0 181");
        if method == "uri_pjsip" {
            assert!(told.is_empty() && !next.contains("Diversion:"), "the dialplan never knew");
        } else {
            assert_eq!(header(told[0], "Diversion"), "<sip:200@127.0.0.1>;reason=unconditional");
            assert_eq!(header(&next, "Diversion"), "<sip:200@127.0.0.1>;reason=unconditional");
            assert!(next.contains("History-Info: <sip:200@127.0.0.1>;index=1\r\n"), "{next}");
            assert!(next.contains("History-Info: <sip:300@127.0.0.1;cause=302>;index=1.1\r\n"), "{next}");
        }
        let sent = world
            .datagram(THIRD, reply(&next, "200 OK", THIRD, &sdp("127.0.0.1", 7300, "0 101", "")).as_bytes());
        the(&sent, "SIP/2.0 200");
        assert_eq!(world.joins(), 1, "{method}");
    }
}

/// Diversion of the 302 goes on; option `i` follows nothing; a contact that is no SIP URI ends the forward.
#[test]
fn forwards_are_bounded_by_what_was_asked() {
    let mut world = office("redirect_method=uri_core", DIAL);
    let (_, out) = dial(&mut world, "200", "");
    let said = "Diversion: <sip:222@h>;reason=user-busy\r\n";
    let sent = world.datagram(CALLED, redirect(&out, said).as_bytes());
    assert_eq!(header(the(&sent, "INVITE sip:300"), "Diversion"), "<sip:222@127.0.0.1>;reason=user-busy");
    let mut world = office("redirect_method=uri_core", DIAL);
    let (_, out) = dial(&mut world, "700", "");
    let sent = world.datagram(CALLED, redirect(&out, "").as_bytes());
    assert!(those(&sent, "INVITE").is_empty());
    let mut world = office("redirect_method=uri_core", DIAL);
    let (_, out) = dial(&mut world, "200", "");
    let sent = world.datagram(CALLED, redirect(&out, "").replace("<sip:300", "<tel:300").as_bytes());
    the(&sent, "SIP/2.0 486");
}

/// Phones that forward to each other: after twenty forwards the call ends.
#[test]
fn forwards_that_go_round_end() {
    for method in ["user", "uri_core", "uri_pjsip"] {
        let mut world = office(&format!("redirect_method={method}"), DIAL);
        let (_, out) = dial(&mut world, "200", "");
        let (mut out, mut rounds) = (out, 0);
        let refused = loop {
            let back = redirect(&out, "").replace(
                &format!("<sip:300@{THIRD}>"),
                if out.contains("sip:200@") && out.starts_with("INVITE sip:200") {
                    "<sip:300@127.0.0.1:6300>"
                } else {
                    "<sip:200@127.0.0.1:6200>"
                },
            );
            let at = if out.starts_with("INVITE sip:200") { CALLED } else { THIRD };
            let sent = world.datagram(at, back.as_bytes());
            match those(&sent, "INVITE").first() {
                Some(next) => out = (*next).to_owned(),
                None => break sent,
            }
            rounds += 1;
            assert!(rounds <= 20, "{method}");
        };
        assert!(
            refused.iter().any(|text| text.starts_with("SIP/2.0 4") || text.starts_with("SIP/2.0 3")),
            "{refused:?}"
        );
        assert!(rounds >= 5, "{method}: {rounds}");
    }
}

/// What a phone escapes in its names stays within the lines that we write of it.
#[test]
fn escaped_line_ends_add_no_line() {
    let evil = "1%40h%3E%0D%0AX-Evil:%20y%0D%0AX:%3Ca";
    let mut world = office_beside(
        BY_NUMBER,
        "trust_id_inbound=yes\nsend_pai=yes\nsend_rpid=yes\nsend_diversion=yes\nsend_history_info=yes",
        DIAL,
    );
    let text = invite("200", 1, "i1", &sdp("127.0.0.1", 7000, "0 101", ""))
        .replace("<sip:100@127.0.0.1>;tag", &format!("<sip:{evil}@127.0.0.1>;tag"))
        .replace("Max-Forwards: 70\r\n", &format!("Max-Forwards: 70\r\nDiversion: <sip:{evil}@h>\r\n"));
    let sent = world.datagram(CALLER, text.as_bytes());
    let out = the(&sent, "INVITE sip:200");
    assert!(out.lines().all(|line| !line.starts_with("X")), "{out}");
    assert!(out.contains("Diversion: <sip:1%40h%3EX-Evil"), "{out}");
    assert!(header(out, "Contact").starts_with("<sip:1%40h%3EX-Evil"), "{out}");
    assert!(header(out, "P-Asserted-Identity").contains("<sip:1%40h%3EX-Evil"), "{out}");
}

/// Our Contact has the caller's number.
const BY_NUMBER: &str = "[global]\ntype=global\nuse_callerid_contact=yes\n";

/// A number that is no user part as it stands is escaped in Contact, too.
#[test]
fn a_number_with_a_blank_is_escaped() {
    let plan = "[phones]\nexten => 200,1,Set(CALLERID(num)=+49 30)\n same => n,Dial(PJSIP/200)\n";
    let mut world = office_beside(BY_NUMBER, "", plan);
    let (_, out) = dial(&mut world, "200", "");
    assert!(header(&out, "Contact").starts_with("<sip:+49%2030@"), "{out}");
}

/// A 302 names an extension of the caller's context, not a context of its own choice.
#[test]
fn a_302_chooses_no_context() {
    let plan = "[phones]\nexten => 200,1,Dial(PJSIP/200)\n[trunk-out]\nexten => 0900,1,Dial(PJSIP/300)\n";
    for user in ["0900%40trunk-out", "0900%40trunk-out%2Fn", "0900/n"] {
        let mut world = office("redirect_method=user", plan);
        let (_, out) = dial(&mut world, "200", "");
        let moved = redirect(&out, "").replace("sip:300@", &format!("sip:{user}@"));
        let sent = world.datagram(CALLED, moved.as_bytes());
        assert!(those(&sent, "INVITE").is_empty(), "{user}: {sent:?}");
        the(&sent, "SIP/2.0 503");
    }
}

/// `redirect_method=uri_pjsip`: credentials stay with who asked for them.
#[test]
fn credentials_do_not_follow_a_302() {
    let auth = "[out]\ntype=auth\nusername=u\npassword=p\n";
    let mut world = office_beside(auth, "redirect_method=uri_pjsip\noutbound_auth=out", DIAL);
    let (_, out) = dial(&mut world, "200", "");
    let challenge = reply(&out, "401 Unauthorized", CALLED, "")
        .replace("CSeq", "WWW-Authenticate: Digest realm=\"r\",nonce=\"n\"\r\nCSeq");
    let sent = world.datagram(CALLED, challenge.as_bytes());
    let again = the(&sent, "INVITE sip:200").to_owned();
    assert!(again.contains("Authorization: Digest"));
    let sent = world.datagram(CALLED, redirect(&again, "").as_bytes());
    assert!(!the(&sent, "INVITE sip:300").contains("Authorization:"), "{sent:?}");
}
