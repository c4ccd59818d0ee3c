//! Message lights: asked for, not asked for, and refused (C2, `behaviour-pubsub` 5).

use super::watcher::*;
use crate::world::{Ask, World};
use jackfield::switch::io::Input;
use jackfield::switch::view::{Command, Event, Level, Reply};
use std::time::Duration;

const SUMMARY: &str = "Event: message-summary\r\nAccept: application/simple-message-summary\r\n";

fn office_of(endpoint: &str, aor: &str, global: &str) -> World {
    World::with(&format!(
        "[global]\ntype=global\n{global}\n[transport-udp]\ntype=transport\nprotocol=udp\nbind=127.0.0.1:5060\n\
         [400]\ntype=endpoint\ncontext=phones\nallow=ulaw\naors=400\n{endpoint}\n\
         [400]\ntype=aor\nmax_contacts=1\n{aor}\n\
         [id400]\ntype=identify\nendpoint=400\nmatch={WATCHER}\n"
    ))
}

fn set(world: &mut World, name: &str, new: u32, old: u32) -> Vec<String> {
    world.handle(Input::Command { token: 1, command: Command::SetMailbox { name: name.into(), new, old } })
}

fn lines(world: &World, level: Level) -> Vec<&str> {
    let texts = world.events.iter().filter_map(|event| match event {
        Event::Log { text, level: at, .. } if *at == level => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

/// C2, S4-170, S4-171, S4-176, S4-178: several mailboxes count together; each change is told.
#[test]
fn a_subscription_counts_the_mailboxes_of_its_aor() {
    let aor = "mailboxes=100@default,200\nvoicemail_extension=8500";
    let mut world = office_of("", aor, "");
    set(&mut world, "100@default", 1, 2);
    // By the aor's name, by its voicemail_extension, and by no name at all.
    for (resource, call) in [("400", "m1"), ("8500", "m2")] {
        let (_, first) = watch(&mut world, resource, call, SUMMARY);
        assert_eq!(header(&first, "Content-Type"), "application/simple-message-summary");
        assert_eq!(
            body(&first),
            "Messages-Waiting: yes\r\nMessage-Account: sip:8500@127.0.0.1\r\nVoice-Message: 1/2 (0/0)\r\n"
        );
    }
    let sent = set(&mut world, "200@default", 3, 0);
    for notify in those(&sent, "NOTIFY") {
        assert!(body(notify).ends_with("Voice-Message: 4/2 (0/0)\r\n"), "{notify}");
        accept(&mut world, notify);
    }
    assert_eq!(those(&sent, "NOTIFY").len(), 2);
    assert!(set(&mut world, "200", 3, 0).is_empty(), "no change, no word");
    assert!(set(&mut world, "300@default", 3, 0).is_empty(), "nobody listens");
    let Reply::Mailboxes(all) = world.command(Command::Mailboxes { name: Some("200".into()) }) else {
        panic!()
    };
    assert_eq!((all[0].new, all[0].subscriptions), (3, 2));
    settle(&mut world);
    assert_eq!(leftovers(&mut world), (0, 2, 0));
}

/// S4-173, S4-174, S4-175, and each other refusal with its code and line.
#[test]
fn refusals_of_message_lights() {
    let cases = [
        (
            "",
            "mailboxes=1@d",
            "500",
            "404",
            Level::Warning,
            "Unable to locate aor 500. MWI subscription failed.",
        ),
        (
            "",
            "",
            "400",
            "404",
            Level::Warning,
            "AOR 400 has no configured mailboxes. MWI subscription failed.",
        ),
        (
            "mailboxes=1@d",
            "mailboxes=1@d",
            "400",
            "500",
            Level::Notice,
            "Endpoint '400' already configured for unsolicited MWI for mailbox '1@d'. Denying MWI subscription to 400",
        ),
    ];
    for (endpoint, aor, resource, code, level, line) in cases {
        let mut world = office_of(endpoint, aor, "");
        let sent = world.datagram(WATCHER, subscribe(resource, ("m1", 1), "", SUMMARY).as_bytes());
        assert!(the(&sent, "SIP/2.0").starts_with(&format!("SIP/2.0 {code}")), "{sent:?}");
        assert!(lines(&world, level).contains(&line), "{:?}", lines(&world, level));
        assert_eq!(leftovers(&mut world).1, 0);
    }
}

/// Without being asked: at each REGISTER and at each change, to every contact.
#[test]
fn registered_phones_are_told_unasked() {
    let endpoint = "mailboxes=1@d,2@d\nmwi_from_user=vm\nvoicemail_extension=*97";
    let mut world = office_of(endpoint, "", "");
    let register = Ask { source: WATCHER, ..Ask::new("REGISTER", "400", "") };
    let contact = format!("Contact: <sip:400@{WATCHER}>;expires=600\r\n");
    let sent = world.ask(&register.clone().lines(&contact));
    let first = the(&sent, "NOTIFY sip:400@127.0.0.1:6400").to_owned();
    assert!(header(&first, "From").starts_with("<sip:vm@127.0.0.1>;tag="), "{first}");
    assert_eq!(
        (header(&first, "Event"), header(&first, "Subscription-State")),
        ("message-summary", "terminated")
    );
    assert_eq!(
        body(&first),
        "Messages-Waiting: no\r\nMessage-Account: sip:*97@127.0.0.1\r\nVoice-Message: 0/0 (0/0)\r\n"
    );
    accept(&mut world, &first);
    let sent = set(&mut world, "1@d", 2, 0);
    assert!(body(the(&sent, "NOTIFY")).contains("Voice-Message: 2/0"));
    accept(&mut world, the(&sent, "NOTIFY"));
    world.wait(Duration::from_secs(1));
    let sent = world.ask(&register.lines(&contact));
    accept(&mut world, the(&sent, "NOTIFY"));
    settle(&mut world);
    assert_eq!(leftovers(&mut world), (0, 0, 0));
}

/// `aggregate_mwi=no`: one NOTIFY for each mailbox, and a change of one tells of that one.
#[test]
fn mailboxes_are_told_one_by_one() {
    let mut world = office_of(
        "mailboxes=1@d,2@d\naggregate_mwi=no",
        &format!("contact=sip:400@{WATCHER}"),
        "default_voicemail_extension=8500",
    );
    let sent = set(&mut world, "2@d", 5, 1);
    // The configuration was new: both were told when it came. Here only what changed.
    let notify = the(&sent, "NOTIFY");
    assert!(
        body(notify).contains("Message-Account: sip:8500@127.0.0.1\r\nVoice-Message: 5/1 (0/0)"),
        "{notify}"
    );
}

/// `mwi_subscribe_replaces_unsolicited`: the subscription is told, nobody else; afterwards it is as before.
#[test]
fn a_subscription_replaces_what_was_not_asked_for() {
    let mut world = office_of(
        "mailboxes=1@d\nmwi_subscribe_replaces_unsolicited=yes",
        &format!("mailboxes=1@d\ncontact=sip:400@{WATCHER}"),
        "",
    );
    world.wait(Duration::from_secs(1));
    let (ok, _) = watch(&mut world, "400", "m1", SUMMARY);
    let sent = set(&mut world, "1@d", 1, 0);
    let notify = the(&sent, "NOTIFY").to_owned();
    assert_eq!(header(&notify, "Call-ID"), "m1");
    accept(&mut world, &notify);
    let end = format!("{SUMMARY}Expires: 0\r\n");
    let sent = world.datagram(WATCHER, subscribe("400", ("m1", 2), &our_tag(&ok), &end).as_bytes());
    let sent: Vec<_> = sent.iter().cloned().chain(accept(&mut world, the(&sent, "NOTIFY"))).collect();
    let unasked: Vec<_> =
        those(&sent, "NOTIFY").into_iter().filter(|text| header(text, "Call-ID") != "m1").collect();
    assert_eq!(unasked.len(), 1, "told again: {sent:?}");
}

/// `incoming_mwi_mailbox`: a peer's NOTIFY becomes that mailbox's state; anything wrong is 404.
#[test]
fn a_peer_tells_of_a_mailbox() {
    for (option, body, code, new) in [
        ("incoming_mwi_mailbox=7@vm", "Messages-Waiting: yes\r\nVoice-Message: 3/1 (0/0)\r\n", "200", 3),
        ("incoming_mwi_mailbox=7@vm", "Voice-Message: many\r\n", "404", 0),
        ("incoming_mwi_mailbox=7", "Voice-Message: 3/1 (0/0)\r\n", "404", 0),
        ("", "Voice-Message: 3/1 (0/0)\r\n", "404", 0),
    ] {
        let mut world = office_of(option, "", "");
        let notify = Ask {
            source: WATCHER,
            body,
            lines: "Event: message-summary\r\nSubscription-State: terminated\r\n\
                Contact: <sip:p@127.0.0.1:6400>\r\nContent-Type: application/simple-message-summary\r\n",
            ..Ask::new("NOTIFY", "400", "")
        };
        let sent = world.ask(&notify);
        assert!(the(&sent, "SIP/2.0").starts_with(&format!("SIP/2.0 {code}")), "{option}: {sent:?}");
        let Reply::Mailboxes(all) = world.command(Command::Mailboxes { name: Some("7@vm".into()) }) else {
            panic!()
        };
        assert_eq!(all.first().map_or(0, |one| one.new), new);
    }
}
