//! Subscriptions that live: what they are told as calls go on, how they are refreshed, and how they end.

use super::watcher::*;
use crate::world::{Ask, World};
use jackfield::switch::io::Input;
use jackfield::switch::view::{Command, Reply};
use std::time::Duration;

fn ring(world: &mut World) -> (Vec<String>, String) {
    let sent =
        world.datagram(CALLER, invite("200", 1, "i1", &sdp("127.0.0.1", 7000, "8 0 101", "")).as_bytes());
    let out = the(&sent, "INVITE sip:200@127.0.0.1:6200").to_owned();
    (sent, out)
}

/// C1, S4-162: the lamp follows a call from idle through ringing to in use and back.
#[test]
fn a_lamp_follows_a_call() {
    let mut world = desk("", HINTS);
    let (ok, first) = watch(&mut world, "200", "w1", "Event: dialog\r\nExpires: 600\r\n");
    assert_eq!((header(&ok, "Expires"), header(&ok, "Contact")), ("600", "<sip:127.0.0.1:5060>"));
    assert_eq!(header(&first, "Event"), "dialog");
    assert_eq!(header(&first, "Subscription-State"), "active;expires=600");
    assert_eq!(header(&first, "Content-Type"), "application/dialog-info+xml");
    assert!(first.starts_with("NOTIFY sip:400@127.0.0.1:6400 SIP/2.0\r\n"), "{first}");
    assert!(body(&first).contains("version=\"0\" state=\"full\" entity=\"sip:200@127.0.0.1\""), "{first}");
    assert!(body(&first).contains("<state>terminated</state>"), "{first}");
    let (_, out) = ring(&mut world);
    let sent = world.datagram(CALLED, reply(&out, "180 Ringing", CALLED, "").as_bytes());
    let early = the(&sent, "NOTIFY").to_owned();
    assert!(body(&early).contains("version=\"1\""), "{early}");
    assert!(
        body(&early).contains("<dialog id=\"200\" direction=\"recipient\">\n<state>early</state>"),
        "{early}"
    );
    assert!(body(&early).contains("<identity display=\"Ann\">sip:100@127.0.0.1</identity>"), "{early}");
    accept(&mut world, &early);
    let sent = world
        .datagram(CALLED, reply(&out, "200 OK", CALLED, &sdp("127.0.0.1", 7200, "8 101", "")).as_bytes());
    let confirmed = the(&sent, "NOTIFY").to_owned();
    assert!(body(&confirmed).contains("<state>confirmed</state>"), "{confirmed}");
    accept(&mut world, &confirmed);
    let ok = the(&sent, "SIP/2.0 200").to_owned();
    world.datagram(
        CALLER,
        request("ACK", "sip:200@127.0.0.1:5060", ("c1", "a1", 1), header(&ok, "To"), "").as_bytes(),
    );
    let bye = request("BYE", "sip:200@127.0.0.1:5060", ("c1", "b1", 2), header(&ok, "To"), "");
    let sent = world.datagram(CALLER, bye.as_bytes());
    let over = the(&sent, "NOTIFY").to_owned();
    assert!(body(&over).contains("<state>terminated</state>"), "{over}");
}

/// C1, S3-12: who is put on hold by a re-INVITE shows as held in every form, and as talking when taken back.
#[test]
fn a_lamp_follows_a_call_on_hold() {
    for (event, held, talking) in [
        ("dialog", "pname=\"+sip.rendering\" pval=\"no\"", "<state>confirmed</state>"),
        ("presence", "<note>On hold</note>", "<note>On the phone</note>"),
    ] {
        let mut world = desk("", HINTS);
        let (_, out) = ring(&mut world);
        let sent = world
            .datagram(CALLED, reply(&out, "200 OK", CALLED, &sdp("127.0.0.1", 7200, "8 101", "")).as_bytes());
        let to = header(the(&sent, "SIP/2.0 200"), "To").to_owned();
        let ask = |world: &mut World, method: &str, cseq: u32, body: &str| {
            let branch = format!("{method}{cseq}");
            world.datagram(
                CALLER,
                request(method, "sip:200@127.0.0.1:5060", ("c1", &branch, cseq), &to, body).as_bytes(),
            )
        };
        ask(&mut world, "ACK", 1, "");
        let (_, first) = watch(&mut world, "200", "w1", &format!("Event: {event}\r\n"));
        assert!(body(&first).contains(talking) && !body(&first).contains(held), "{first}");
        for (cseq, way, there) in [(2, "a=sendonly\r\n", true), (3, "a=sendrecv\r\n", false)] {
            let sent = ask(&mut world, "INVITE", cseq, &sdp("127.0.0.1", 7000, "8 101", way));
            the(&sent, "SIP/2.0 200");
            let notify = the(&sent, "NOTIFY").to_owned();
            assert_eq!(body(&notify).contains(held), there, "{notify}");
            ask(&mut world, "ACK", cseq, "");
            accept(&mut world, &notify);
        }
    }
}

/// A lamp that everybody watches is told in turns, and everybody is told once.
#[test]
fn a_popular_lamp_is_no_burst() {
    let mut world = desk("", HINTS);
    for n in 0..600 {
        watch(&mut world, "900", &format!("w{n}"), "Event: dialog\r\n");
    }
    let command = Command::SetDeviceState { device: "Custom:night".into(), state: "INUSE".into() };
    let mut turns = vec![world.handle(Input::Command { token: 1, command })];
    turns.extend((0..4).map(|_| world.wait(Duration::from_millis(10))));
    let counts: Vec<usize> = turns.iter().map(|sent| those(sent, "NOTIFY").len()).collect();
    assert_eq!(counts, [256, 256, 88, 0, 0]);
    let calls: std::collections::BTreeSet<&str> =
        turns.iter().flatten().map(|text| header(text, "Call-ID")).collect();
    assert_eq!(calls.len(), 600);
}

/// One NOTIFY is out at a time; what changes meanwhile is one further NOTIFY with the newest state.
#[test]
fn notifies_wait_for_each_other() {
    let mut world = desk("", HINTS);
    let sent = world.datagram(WATCHER, subscribe("200", ("w1", 1), "", "Event: presence\r\n").as_bytes());
    let first = the(&sent, "NOTIFY").to_owned();
    let (sent, out) = ring(&mut world);
    assert!(those(&sent, "NOTIFY").is_empty());
    let sent = world.datagram(CALLED, reply(&out, "180 Ringing", CALLED, "").as_bytes());
    assert!(those(&sent, "NOTIFY").is_empty());
    let sent = accept(&mut world, &first);
    let second = the(&sent, "NOTIFY");
    assert!(body(second).contains("<note>Ringing</note>"), "{second}");
    assert!(accept(&mut world, second).is_empty());
}

/// A refresh gives more time and the full state; Expires: 0 ends it; afterwards nothing is left.
#[test]
fn refreshed_and_ended_by_the_watcher() {
    let mut world = desk("", HINTS);
    let (ok, _) = watch(&mut world, "300", "w1", "Event: dialog;id=7\r\nExpires: 60\r\n");
    let tag = our_tag(&ok);
    world.wait(Duration::from_secs(50));
    let more = "Event: dialog;id=7\r\nExpires: 120\r\n";
    let sent = world.datagram(WATCHER, subscribe("300", ("w1", 2), &tag, more).as_bytes());
    assert_eq!(header(the(&sent, "SIP/2.0 200"), "Expires"), "120");
    let notify = the(&sent, "NOTIFY").to_owned();
    assert_eq!(
        (header(&notify, "Event"), header(&notify, "Subscription-State")),
        ("dialog;id=7", "active;expires=120")
    );
    accept(&mut world, &notify);
    match world.command(Command::Subscriptions { outbound: false }) {
        Reply::Subscriptions(all) => {
            assert_eq!((all.len(), all[0].resource.as_str(), all[0].expires_secs), (1, "300", 120));
        }
        other => panic!("{other:?}"),
    }
    // Not in order, and of another id.
    let sent =
        world.datagram(WATCHER, subscribe("300", ("w1", 1), &tag, more).replace("w11", "x").as_bytes());
    the(&sent, "SIP/2.0 500");
    let sent = world.datagram(WATCHER, subscribe("300", ("w1", 3), &tag, "Event: dialog\r\n").as_bytes());
    the(&sent, "SIP/2.0 481");
    let end = "Event: dialog;id=7\r\nExpires: 0\r\n";
    let sent = world.datagram(WATCHER, subscribe("300", ("w1", 4), &tag, end).as_bytes());
    assert_eq!(header(the(&sent, "SIP/2.0 200"), "Expires"), "0");
    let last = the(&sent, "NOTIFY").to_owned();
    assert_eq!(header(&last, "Subscription-State"), "terminated");
    accept(&mut world, &last);
    let sent = world.datagram(WATCHER, subscribe("300", ("w1", 5), &tag, more).as_bytes());
    the(&sent, "SIP/2.0 481");
    settle(&mut world);
    assert_eq!(leftovers(&mut world), (0, 0, 0));
}

/// C7: a NOTIFY that is lost is sent again; when nobody answers, or with 481, the subscription goes.
#[test]
fn lost_watchers_are_forgotten() {
    for refusal in ["", "481 Gone", "489 No", "408 Late"] {
        let mut world = desk("", HINTS);
        let sent = world.datagram(WATCHER, subscribe("200", ("w1", 1), "", "Event: dialog\r\n").as_bytes());
        let first = the(&sent, "NOTIFY").to_owned();
        if refusal.is_empty() {
            let again = settle(&mut world);
            assert!(again.len() > 5 && again.iter().all(|text| *text == first), "{}", again.len());
        } else {
            world.datagram(WATCHER, reply(&first, refusal, WATCHER, "").as_bytes());
            settle(&mut world);
        }
        assert_eq!(leftovers(&mut world), (0, 0, 0), "{refusal}");
    }
    // Busy is no reason to forget it.
    let mut world = desk("", HINTS);
    let sent = world.datagram(WATCHER, subscribe("200", ("w1", 1), "", "Event: dialog\r\n").as_bytes());
    let first = the(&sent, "NOTIFY").to_owned();
    world.datagram(WATCHER, reply(&first, "500 Busy", WATCHER, "").as_bytes());
    settle(&mut world);
    assert_eq!(leftovers(&mut world), (0, 1, 0));
}

/// Not refreshed in time, or its hint taken away: told so, then gone.
#[test]
fn timeouts_and_lost_hints_are_told() {
    let mut world = desk("", HINTS);
    watch(&mut world, "200", "w1", "Event: dialog\r\nExpires: 30\r\n");
    watch(&mut world, "300", "w2", "Event: dialog\r\n");
    world.wait(Duration::from_millis(29_900));
    let sent = world.wait(Duration::from_millis(200));
    let over = the(&sent, "NOTIFY").to_owned();
    assert_eq!(header(&over, "Subscription-State"), "terminated;reason=timeout");
    accept(&mut world, &over);
    let sent = set_dialplan(&mut world, "[phones]\nexten => 200,hint,PJSIP/200\n");
    let gone = the(&sent, "NOTIFY").to_owned();
    assert_eq!(header(&gone, "Subscription-State"), "terminated;reason=noresource");
    accept(&mut world, &gone);
    settle(&mut world);
    assert_eq!(leftovers(&mut world), (0, 0, 0));
}

/// Registered, or not: a lamp shows who is gone differently from who is idle. S4-168: hints of patterns are made when
/// they are asked for.
#[test]
fn custom_devices_and_presence_are_seen() {
    let mut world = desk("", HINTS);
    let (_, first) = watch(&mut world, "900", "w1", "Event: presence\r\n");
    assert!(body(&first).contains("<note>Ready</note>"), "{first}");
    let set =
        |device: &str, state: &str| Command::SetDeviceState { device: device.into(), state: state.into() };
    for (state, note) in [("INUSE", "On the phone"), ("ONHOLD", "On hold"), ("UNAVAILABLE", "Unavailable")] {
        let sent = world.handle(Input::Command { token: 1, command: set("Custom:night", state) });
        let notify = the(&sent, "NOTIFY").to_owned();
        assert!(body(&notify).contains(&format!("<note>{note}</note>")), "{notify}");
        accept(&mut world, &notify);
    }
    // The same once more is no news.
    let sent = world.handle(Input::Command { token: 1, command: set("Custom:night", "UNAVAILABLE") });
    assert!(sent.is_empty());
    for (device, state) in [("Custom:night", "LOUD"), ("PJSIP/200", "INUSE")] {
        assert!(matches!(world.command(set(device, state)), Reply::Refused(_)), "{device} {state}");
    }
    let (_, first) = watch(&mut world, "355", "w2", "Event: dialog\r\n");
    assert!(body(&first).contains("<state>terminated</state>"), "{first}");
    let sent = world.handle(Input::Command { token: 1, command: set("Custom:lamp355", "BUSY") });
    assert!(body(the(&sent, "NOTIFY")).contains("<state>confirmed</state>"));
    let (_, first) = watch(&mut world, "700", "w3", "Event: presence\r\nUser-Agent: Digium D80\r\n");
    assert!(
        body(&first).contains("<digium_presence type=\"not_set\" subtype=\"\"></digium_presence>"),
        "{first}"
    );
    let away =
        Command::SetPresence { provider: "CustomPresence:seven".into(), presence: "away,,lunch".into() };
    let sent = world.handle(Input::Command { token: 1, command: away });
    let notify = the(&sent, "NOTIFY");
    assert!(
        body(notify).contains("<digium_presence type=\"away\" subtype=\"\">lunch</digium_presence>"),
        "{notify}"
    );
    let Reply::Hints(hints) = world.command(Command::Hints) else { panic!("hints") };
    let of = |exten: &str| {
        let hint = hints.iter().find(|hint| hint.extension == exten).expect("a hint");
        (hint.hint.as_str(), hint.state, hint.presence, hint.watchers)
    };
    assert_eq!(of("900"), ("Custom:night", "Unavailable", "not_set", 1));
    assert_eq!(of("355"), ("PJSIP/355&Custom:lamp355", "Busy", "not_set", 1));
    assert_eq!(of("700"), ("PJSIP/200&PJSIP/300,CustomPresence:seven", "Idle", "away", 1));
}

/// Who registers becomes idle, who is gone unavailable; C1: *unregistered* looks different from *idle*.
#[test]
fn registrations_are_seen() {
    let mut world = desk("", HINTS);
    let text = "[transport-udp]\ntype=transport\nprotocol=udp\nbind=127.0.0.1:5060\n\
        [200]\ntype=endpoint\ncontext=phones\nallow=ulaw\naors=200\n[200]\ntype=aor\nmax_contacts=1\n\
        [400]\ntype=endpoint\ncontext=phones\nallow=ulaw\naors=400\n[400]\ntype=aor\ncontact=sip:400@127.0.0.1:6400\n\
        [id400]\ntype=identify\nendpoint=400\nmatch=127.0.0.1:6400\n";
    world.reload(text);
    let (_, first) = watch(&mut world, "200", "w1", "Event: presence\r\n");
    assert!(body(&first).contains("<basic>closed</basic>"), "{first}");
    let register = Ask::new("REGISTER", "200", "").lines("Contact: <sip:200@127.0.0.1:6200>;expires=60\r\n");
    let sent = world.ask(&register);
    let there = the(&sent, "NOTIFY").to_owned();
    assert!(body(&there).contains("<basic>open</basic>"), "{there}");
    accept(&mut world, &there);
    world.wait(Duration::from_secs(59));
    let sent = world.wait(Duration::from_secs(2));
    assert!(body(the(&sent, "NOTIFY")).contains("<basic>closed</basic>"));
}
