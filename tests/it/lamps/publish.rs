//! PUBLISH of other servers (`behaviour-pubsub` 8); S3-11, S3-12, S3-18: a server tells that a call is held, and the
//! lamp shows it.

use super::watcher::*;
use crate::world::{Ask, World};
use jackfield::switch::view::{Command, Event, Reply};
use std::time::Duration;

const OTHER: &str = "127.0.0.1:6500";

fn office_of() -> World {
    let mut world = World::with(&format!(
        "[transport-udp]\ntype=transport\nprotocol=udp\nbind=127.0.0.1:5060\n\
         [other]\ntype=endpoint\ncontext=phones\nallow=ulaw\n[id]\ntype=identify\nendpoint=other\nmatch={OTHER}\n\
         [400]\ntype=endpoint\ncontext=phones\nallow=ulaw\n[id400]\ntype=identify\nendpoint=400\nmatch={WATCHER}\n\
         [pub]\ntype=inbound-publication\nendpoint=other\nevent_asterisk-devicestate=take\nevent_asterisk-mwi=take\n\
         [half]\ntype=inbound-publication\nevent_asterisk-mwi=nobody\n\
         [take]\ntype=asterisk-publication\ndevice_state=yes\ndevice_state_filter=^PJSIP/\nmailbox_state=yes\n"
    ));
    set_dialplan(&mut world, "[phones]\nexten => 900,hint,PJSIP/remote\n");
    world
}

fn publish(world: &mut World, source: &str, name: &str, lines: &str, body: &str) -> Vec<String> {
    let uri = format!("sip:{name}@127.0.0.1:5060");
    let ask = Ask { uri: &uri, source, body, lines, ..Ask::new("PUBLISH", "other", "") };
    world.ask(&ask)
}

fn device(name: &str, state: &str) -> String {
    format!(
        "{{\"type\":\"devicestate\",\"device\":\"{name}\",\"state\":\"{state}\",\"cachable\":\"1\",\"eid\":\"02:00\"}}"
    )
}

const DEVICES: &str = "Event: asterisk-devicestate\r\nContent-Type: application/json\r\n";

/// The lamp follows a call on the other server: ringing, held, and dark when the publication ends.
#[test]
fn a_lamp_follows_another_server() {
    let mut world = office_of();
    let (_, first) = watch(&mut world, "900", "w1", "Event: presence\r\n");
    assert!(body(&first).contains("<note>Unavailable</note>"), "{first}");
    let sent = publish(&mut world, OTHER, "pub", DEVICES, &device("PJSIP/remote", "RINGING"));
    let ok = the(&sent, "SIP/2.0 200").to_owned();
    assert_eq!(header(&ok, "Expires"), "3600");
    accept(&mut world, the(&sent, "NOTIFY"));
    let tag = header(&ok, "SIP-ETag").to_owned();
    let more = format!("{DEVICES}SIP-If-Match: {tag}\r\nExpires: 60\r\n");
    let sent = publish(&mut world, OTHER, "pub", &more, &device("PJSIP/remote", "ONHOLD"));
    let ok = the(&sent, "SIP/2.0 200").to_owned();
    assert_ne!(header(&ok, "SIP-ETag"), tag);
    let held = the(&sent, "NOTIFY").to_owned();
    assert!(body(&held).contains("<note>On hold</note>"), "{held}");
    accept(&mut world, &held);
    // A tag that is no more, and one that another endpoint uses.
    let sent = publish(&mut world, OTHER, "pub", &more, &device("PJSIP/remote", "BUSY"));
    the(&sent, "SIP/2.0 412");
    let more = format!("{DEVICES}Expires: 60\r\nSIP-If-Match: {}\r\n", header(&ok, "SIP-ETag"));
    // It is gone, so there is nothing to add to; and another's is nobody else's.
    let sent = publish(&mut world, WATCHER, "pub", &more, "");
    the(&sent, "SIP/2.0 412");
    // What the filter leaves out changes nothing.
    let sent = publish(&mut world, OTHER, "pub", &more, &device("Custom:x", "BUSY"));
    the(&sent, "SIP/2.0 200");
    assert!(those(&sent, "NOTIFY").is_empty());
    world.wait(Duration::from_secs(59));
    let sent = world.wait(Duration::from_secs(2));
    assert!(
        those(&sent, "NOTIFY").iter().any(|text| body(text).contains("<note>Unavailable</note>")),
        "{sent:?}"
    );
}

#[test]
fn mailboxes_of_another_server_are_taken() {
    let mut world = office_of();
    let lines = "Event: asterisk-mwi\r\nContent-Type: application/json\r\n";
    let text = "{\"type\":\"mailboxstate\",\"uniqueid\":\"7@vm\",\"new\":2,\"old\":1,\"eid\":\"02:00\"}";
    let sent = publish(&mut world, OTHER, "pub", lines, text);
    the(&sent, "SIP/2.0 200");
    let Reply::Mailboxes(all) = world.command(Command::Mailboxes { name: Some("7@vm".into()) }) else {
        panic!()
    };
    assert_eq!((all[0].new, all[0].old), (2, 1));
}

/// Every row of the table.
#[test]
fn each_refusal_has_its_code() {
    let state = device("PJSIP/remote", "BUSY");
    let cases = [
        (OTHER, "pub", "Content-Type: application/json\r\n", state.as_str(), "489"),
        (OTHER, "pub", "Event: presence\r\n", &state, "489"),
        (OTHER, "pub", "Event: asterisk-devicestate\r\nSIP-If-Match: x\r\n", &state, "400"),
        (OTHER, "pub", "Event: asterisk-devicestate\r\nSIP-If-Match: 7\r\n", &state, "412"),
        (OTHER, "pub", "Event: asterisk-devicestate\r\n", "", "400"),
        (OTHER, "nobody", DEVICES, &state, "404"),
        (WATCHER, "pub", DEVICES, &state, "403"),
        (OTHER, "half", DEVICES, &state, "404"),
        (OTHER, "half", "Event: asterisk-mwi\r\nContent-Type: application/json\r\n", &state, "404"),
        (OTHER, "pub", "Event: asterisk-devicestate\r\nContent-Type: text/plain\r\n", &state, "500"),
        (OTHER, "pub", DEVICES, "{", "500"),
        (OTHER, "pub", "Event: asterisk-mwi\r\nContent-Type: application/json\r\n", &state, "500"),
        (OTHER, "pub", &format!("{DEVICES}Expires: 4\r\n"), &state, "423"),
        (OTHER, "pub", &format!("{DEVICES}Expires: x\r\n"), &state, "400"),
        (OTHER, "pub", &format!("{DEVICES}Expires: 0\r\n"), &state, "200"),
    ];
    for (source, name, lines, body, code) in cases {
        let mut world = office_of();
        let sent = publish(&mut world, source, name, lines, body);
        let answer = the(&sent, "SIP/2.0");
        assert!(answer.starts_with(&format!("SIP/2.0 {code}")), "{name} {lines}: {sent:?}");
        let named = format!(
            "PUBLISH of endpoint '{}' refused with {code}: ",
            if source == OTHER { "other" } else { "400" }
        );
        let told = world
            .events
            .iter()
            .any(|event| matches!(event, Event::Log { text, .. } if text.contains(&named)));
        assert_eq!(told, code != "200", "{name} {lines}: {:?}", world.events);
        match code {
            "423" => assert_eq!(header(answer, "Min-Expires"), "5"),
            "489" => assert_eq!(header(answer, "Allow-Events"), "asterisk-devicestate, asterisk-mwi"),
            _ => {}
        }
    }
}

/// A server that comes back publishes anew; what its last life said goes with its old publication, and no more.
#[test]
fn a_publisher_that_begins_anew_keeps_its_lamps_lit() {
    let mut world = office_of();
    let (_, _) = watch(&mut world, "900", "w1", "Event: presence\r\n");
    let brief = format!("{DEVICES}Expires: 60\r\n");
    let sent = publish(&mut world, OTHER, "pub", &brief, &device("PJSIP/remote", "BUSY"));
    accept(&mut world, the(&sent, "NOTIFY"));
    world.wait(Duration::from_secs(30));
    let sent = publish(&mut world, OTHER, "pub", &brief, &device("PJSIP/remote", "BUSY"));
    assert!(those(&sent, "NOTIFY").is_empty(), "{sent:?}");
    assert!(those(&world.wait(Duration::from_secs(40)), "NOTIFY").is_empty());
    let Reply::Publications(all) = world.command(Command::Publications { outbound: false }) else { panic!() };
    assert_eq!((all.len(), all[0].name.as_str(), all[0].peer.as_str()), (1, "pub", "other"));
    let sent = world.wait(Duration::from_secs(30));
    assert!(body(the(&sent, "NOTIFY")).contains("<note>Unavailable</note>"));
}
