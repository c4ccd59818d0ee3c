//! MESSAGE outside and inside calls, and NOTIFYs that nobody subscribed to.

use super::registrar::told;
use crate::calls::phone::*;
use crate::world::World;
use jackfield::config::conf;
use jackfield::config::files::MemoryFiles;
use jackfield::config::notify::NotifyConf;
use jackfield::config::origin::Sources;
use jackfield::switch::io::Input;
use jackfield::switch::view::{Command, NotifyTarget, Reply};
use std::sync::Arc;
use std::time::Duration;

const PLAN: &str = "[phones]\nexten => _X00,1,Dial(PJSIP/${EXTEN})\n\
    exten => 700,1,Answer()\n same => n,ReceiveText(5)\n same => n,Log(NOTICE,got ${RECEIVETEXTSTATUS} ${RECEIVETEXTMESSAGE})\n\
     same => n,SendText(pong ${RECEIVETEXTMESSAGE})\n same => n,Log(NOTICE,sent ${SENDTEXTSTATUS})\n same => n,PJSIPNotify(,Event=x-done)\n same => n,Wait(5)\n\
    [texts]\nexten => _X00,1,Set(MESSAGE_DATA(X-Via)=office)\n\
     same => n,MessageSend(pjsip:${EXTEN},${MESSAGE(from)})\n same => n,Log(NOTICE,${MESSAGE_SEND_STATUS} ${MESSAGE(to)} ${MESSAGE_DATA(x-mood)} ${MESSAGE_DATA(PJSIP_TRANSPORT)} ${CHANNEL})\n\
    exten => 903,1,Wait(5)\n\
    exten => 901,1,MessageSend(smtp:someone)\n same => n,Log(NOTICE,status ${MESSAGE_SEND_STATUS})\n\
    exten => 902,1,MessageSend(pjsip:nobody)\n same => n,Log(NOTICE,status ${MESSAGE_SEND_STATUS})\n";

fn text(exten: &str, cseq: u32, lines: &str, body: &str) -> String {
    format!(
        "MESSAGE sip:{exten}@127.0.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP {CALLER};rport;branch=z9hG4bKm{cseq}\r\n\
         Max-Forwards: 70\r\nFrom: \"Ann\" <sip:100@127.0.0.1>;tag=ann\r\nTo: <sip:{exten}@127.0.0.1>\r\nCall-ID: m{cseq}\r\n\
         CSeq: {cseq} MESSAGE\r\n{lines}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

const PLAIN: &str = "Content-Type: text/plain; charset=utf-8\r\nX-Mood: fine\r\n";

/// In, through `message_context`, and out to the other phone with the sender's name.
#[test]
fn a_message_goes_through_the_dialplan_to_another_phone() {
    let mut world = office("message_context=texts", PLAN);
    let sent = world.datagram(CALLER, text("200", 1, PLAIN, "hello\r\nyou").as_bytes());
    the(&sent, "SIP/2.0 202 Accepted");
    let out = the(&sent, "MESSAGE sip:200@127.0.0.1:6200 SIP/2.0").to_owned();
    assert_eq!(body(&out), "hello\r\nyou");
    assert_eq!(header(&out, "Content-Type"), "text/plain");
    assert!(header(&out, "From").starts_with("\"Ann\" <sip:100@127.0.0.1>;tag="), "{out}");
    assert_eq!(header(&out, "X-Via"), "office");
    assert!(!out.contains("X-Mood") && !out.contains("\r\nContact:"), "only what the dialplan set: {out}");
    assert_eq!(told(&world, "SUCCESS pjsip:200@127.0.0.1 fine UDP Message/ast_msg_queue"), 1);
    // Sent again, it is not delivered twice.
    let again = world.datagram(CALLER, text("200", 1, PLAIN, "hello\r\nyou").as_bytes());
    assert_eq!(those(&again, "MESSAGE").len(), 0);
    the(&again, "SIP/2.0 202");
    world.datagram(CALLED, reply(&out, "404 Not Found", CALLED, "").as_bytes());
    assert_eq!(told(&world, "MESSAGE to '200' failed: 404 Not Found"), 1);
    assert!(channels(&mut world).is_empty());
}

#[test]
fn a_message_that_cannot_be_taken_is_refused_with_its_code() {
    let mut world = office("message_context=texts", PLAN);
    let status = |world: &mut World, text: String| {
        let sent = world.datagram(CALLER, text.as_bytes());
        sent[0].lines().next().unwrap_or_default().to_owned()
    };
    assert_eq!(status(&mut world, text("555", 1, PLAIN, "x")), "SIP/2.0 404 Not Found");
    assert_eq!(told(&world, "extension '555' not found in context 'texts'"), 1);
    let html = "Content-Type: text/html\r\n";
    assert_eq!(status(&mut world, text("200", 2, html, "x")), "SIP/2.0 415 Unsupported Media Type");
    assert_eq!(status(&mut world, text("200", 3, "", "x")), "SIP/2.0 415 Unsupported Media Type");
    for (exten, cseq) in [("901", 4), ("902", 5)] {
        assert_eq!(status(&mut world, text(exten, cseq, PLAIN, "x")), "SIP/2.0 202 Accepted");
    }
    assert_eq!(told(&world, "MessageSend: 'smtp:someone' is not of the form pjsip:destination"), 1);
    assert_eq!(told(&world, "status INVALID_PROTOCOL"), 1);
    assert_eq!(told(&world, "MessageSend to 'pjsip:nobody'"), 1);
    assert_eq!(told(&world, "status INVALID_URI"), 1);
    // One that waits is no call: its sender is not in use.
    assert_eq!(status(&mut world, text("903", 7, PLAIN, "x")), "SIP/2.0 202 Accepted");
    assert_eq!(channels(&mut world).len(), 1);
    match world.show(jackfield::switch::view::Kind::Endpoint, Some("100")) {
        Reply::Endpoints(all) => assert_eq!(all[0].state, "Not in use"),
        other => panic!("{other:?}"),
    }
    // Without a context of their own, messages go where calls go.
    let mut world = office("", PLAN);
    assert_eq!(status(&mut world, text("555", 6, PLAIN, "x")), "SIP/2.0 404 Not Found");
}

/// `message send`, with a challenge that nothing fits.
#[test]
fn an_administrator_sends_a_message() {
    let mut world = office("", PLAN);
    let order = |to: &str| Command::Message {
        to: to.into(),
        from: "sip:desk@office.example".into(),
        body: "now".into(),
    };
    let sent = world.handle(Input::Command { token: 1, command: order("pjsip:300") });
    let out = the(&sent, "MESSAGE sip:300@127.0.0.1:6300").to_owned();
    assert!(header(&out, "From").starts_with("<sip:desk@office.example>;tag="));
    let challenge = reply(&out, "401 Unauthorized", THIRD, "")
        .replace("Content-Length", "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\nContent-Length");
    assert!(world.datagram(THIRD, challenge.as_bytes()).is_empty());
    assert_eq!(
        told(&world, "MESSAGE to '300' failed: 401 Unauthorized: no outbound_auth fits realm \"r\""),
        1
    );
    assert!(matches!(world.command(order("nobody")), Reply::Refused(_)));
}

/// `follow_redirect_methods=message`: a 3xx is followed, but never to where it came from.
#[test]
fn a_redirected_message_follows_where_the_endpoint_says_so() {
    let order = Command::Message { to: "300".into(), from: String::new(), body: "now".into() };
    let moved = |out: &str, to: &str| {
        let contact = format!("Contact: <sip:{to}>\r\nContent-Length");
        let found = reply(out, "302 Moved Temporarily", THIRD, "");
        let without = found.replace(&format!("Contact: <sip:phone@{THIRD}>\r\n"), "");
        without.replace("Content-Length", &contact)
    };
    for follows in [true, false] {
        let mut world = office(if follows { "follow_redirect_methods=message" } else { "" }, PLAN);
        let sent = world.handle(Input::Command { token: 1, command: order.clone() });
        let out = the(&sent, "MESSAGE sip:300@127.0.0.1:6300").to_owned();
        let sent = world.datagram(THIRD, moved(&out, "elsewhere@127.0.0.1:6200").as_bytes());
        if !follows {
            assert_eq!(told(&world, "MESSAGE to '300' failed: 302"), 1);
            continue;
        }
        let out = the(&sent, "MESSAGE sip:elsewhere@127.0.0.1:6200").to_owned();
        assert!(world.datagram(CALLED, moved(&out, "300@127.0.0.1:6300").as_bytes()).is_empty(), "a loop");
        assert_eq!(told(&world, "MESSAGE to '300' failed: 302"), 1);
    }
}

/// ReceiveText and SendText in a call; PJSIPNotify in its dialog; then text from leg to leg.
#[test]
fn text_inside_a_call_is_received_sent_and_passed_on() {
    let mut world = office("direct_media=no", PLAN);
    let sent = world.datagram(CALLER, invite("700", 1, "i1", &sdp("127.0.0.1", 7000, "0", "")).as_bytes());
    let ok = the(&sent, "SIP/2.0 200").to_owned();
    let to = header(&ok, "To").to_owned();
    let ack = request("ACK", "sip:700@127.0.0.1:5060", ("c1", "a1", 1), &to, "");
    world.datagram(CALLER, ack.as_bytes());
    world.wait(Duration::from_millis(600));
    let ping = request("MESSAGE", "sip:700@127.0.0.1:5060", ("c1", "t2", 2), &to, "ping")
        .replace("application/sdp", "text/plain");
    let sent = world.datagram(CALLER, ping.as_bytes());
    the(&sent, "SIP/2.0 202");
    let pong = the(&sent, "MESSAGE sip:100@").to_owned();
    assert_eq!(body(&pong), "pong ping");
    assert_eq!((told(&world, "got SUCCESS ping"), told(&world, "sent SUCCESS")), (1, 1));
    let mut all = world.datagram(CALLER, reply(&pong, "200 OK", CALLER, "").as_bytes());
    all.extend(sent);
    let notify = the(&all, "NOTIFY sip:100@").to_owned();
    assert_eq!((header(&notify, "Event"), header(&notify, "Subscription-State")), ("x-done", "terminated"));
    // Nobody waits: two phones in a bridge hear each other's text.
    let mut world = office("direct_media=no", PLAN);
    let (_, ok) = crate::calls::basic::answered(&mut world);
    let hello = request("MESSAGE", "sip:200@127.0.0.1:5060", ("c1", "t3", 2), header(&ok, "To"), "hello")
        .replace("application/sdp", "text/plain");
    let sent = world.datagram(CALLER, hello.as_bytes());
    the(&sent, "SIP/2.0 202");
    assert_eq!(body(the(&sent, "MESSAGE sip:phone@127.0.0.1:6200")), "hello");
}

fn with_notify(text: &str) -> World {
    let mut world = office("", PLAN);
    let files = MemoryFiles::new().with("pjsip_notify.conf", text);
    let (mut sources, mut findings) = (Sources::new(), Vec::new());
    let tree = conf::read(&files, "pjsip_notify.conf", &mut sources, &mut findings);
    let conf = NotifyConf::of(&tree, &mut findings);
    assert!(findings.is_empty(), "{findings:?}");
    world.handle(Input::NotifyConf(Arc::new(conf)));
    world
}

/// The example loads without a word.
#[test]
fn the_example_of_pjsip_notify_conf_is_sound() {
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config-examples/notify/pjsip_notify.conf");
    let mut world = with_notify(&std::fs::read_to_string(path).expect("the example"));
    let to = NotifyTarget::Endpoints(vec!["200".into()]);
    let order = Command::Notify { kind: "message-light".into(), to };
    let sent = world.handle(Input::Command { token: 1, command: order });
    let notify = the(&sent, "NOTIFY sip:200@127.0.0.1:6200");
    assert_eq!(header(notify, "Event"), "message-summary");
    assert_eq!(body(notify), "Messages-Waiting: no\r\n");
}

#[test]
fn notifys_of_the_file_go_to_endpoints_uris_and_channels() {
    let mut world = with_notify(
        "[reboot]\nEvent=>check-sync\\;reboot=true\n[note]\nEvent=x-note\nContent-Type=text/plain\nContent=one\nContent=two\n",
    );
    let order = |kind: &str, to| Command::Notify { kind: kind.into(), to };
    let both = NotifyTarget::Endpoints(vec!["200".into(), "300".into()]);
    let sent = world.handle(Input::Command { token: 1, command: order("Reboot", both) });
    for start in ["NOTIFY sip:200@127.0.0.1:6200 SIP/2.0", "NOTIFY sip:300@127.0.0.1:6300 SIP/2.0"] {
        let notify = the(&sent, start);
        assert_eq!(header(notify, "Event"), "check-sync;reboot=true");
        assert_eq!(header(notify, "Subscription-State"), "terminated");
        assert!(header(notify, "Contact").ends_with("@127.0.0.1:5060>"));
        assert_eq!(body(notify), "");
    }
    let answered = reply(the(&sent, "NOTIFY sip:200"), "481 No Subscription", CALLED, "");
    world.datagram(CALLED, answered.as_bytes());
    assert_eq!(told(&world, "NOTIFY to 'sip:200@127.0.0.1:6200' failed: 481 No Subscription"), 1);
    let refused = |reply| match reply {
        Reply::Refused(text) => text,
        other => panic!("{other:?}"),
    };
    let unknown = NotifyTarget::Endpoints(vec!["200".into()]);
    assert_eq!(
        refused(world.command(order("other", unknown))),
        "Unable to find notify type 'other' in pjsip_notify.conf (note, reboot)"
    );
    let nobody = NotifyTarget::Endpoints(vec!["999".into()]);
    assert_eq!(refused(world.command(order("note", nobody))), "Unable to retrieve endpoint 999");
    let uri = NotifyTarget::Uris(vec!["sip:x@192.0.2.1".into()]);
    assert!(refused(world.command(order("note", uri))).contains("default_outbound_endpoint"));
    let (_, _) = crate::calls::basic::answered(&mut world);
    let channel = NotifyTarget::Channels(vec!["PJSIP/200-00000001".into()]);
    let sent = world.handle(Input::Command { token: 1, command: order("note", channel) });
    let notify = the(&sent, "NOTIFY sip:phone@127.0.0.1:6200");
    assert_eq!((header(notify, "Content-Type"), body(notify)), ("text/plain", "one\r\ntwo\r\n"));
}
