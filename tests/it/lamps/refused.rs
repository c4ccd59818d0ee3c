//! SUBSCRIBEs that are refused: each with its code, and its line where there is one (`behaviour-pubsub` 1).

use super::watcher::*;
use crate::world::World;
use jackfield::switch::view::{Command, Event, Reply};

const GRANTED: &str = "";

/// S4-165, S4-166, S4-167, S4-168; C2: each with its code and its line.
#[test]
fn each_refusal_has_its_code_and_line() {
    let no_hint = |exten: &str, context: &str| {
        format!(
            "Extension {exten} does not exist or has no associated hint (endpoint '400', context '{context}')"
        )
    };
    let no_handler = |event: &str| format!("No registered subscribe handler for event {event} from 400");
    let cases = [
        (
            "allow_subscribe=no",
            "200",
            "Event: dialog\r\n",
            "603",
            "Endpoint '400' may not subscribe (allow_subscribe=no)",
        ),
        (
            "",
            "200",
            "Event: dialog\r\nExpires: 0\r\n",
            "400",
            "Subscription of '400' for 0 seconds: nothing is polled",
        ),
        ("", "200", "Event: dialog\r\nExpires: soon\r\n", "400", "Its Expires is no number"),
        (
            "sub_min_expiry=60",
            "200",
            "Event: dialog\r\nExpires: 59\r\n",
            "423",
            "Endpoint '400' asked for 59 s, less than sub_min_expiry=60",
        ),
        ("", "200", "", "489", &no_handler("")),
        ("", "200", "Event: Dialog\r\n", "489", &no_handler("Dialog")),
        ("", "200", "Event: conference\r\n", "489", &no_handler("conference")),
        (
            "",
            "200",
            "Event: dialog\r\nAccept: text/plain\r\n",
            "489",
            "No body of event dialog is any of 'text/plain' that 400 accepts",
        ),
        ("", "555", "Event: dialog\r\n", "404", &no_hint("555", "phones")),
        ("subscribe_context=elsewhere", "200", "Event: presence\r\n", "404", &no_hint("200", "elsewhere")),
        ("sub_min_expiry=60", "200", "Event: dialog\r\nExpires: 60\r\n", "200", GRANTED),
        ("", "200", "Event: dialog\r\nAccept: text/plain, application/pidf+xml\r\n", "200", GRANTED),
    ];
    for (options, exten, more, code, line) in cases {
        let mut world = desk(options, HINTS);
        let sent = world.datagram(WATCHER, subscribe(exten, ("w1", 1), "", more).as_bytes());
        let answer = the(&sent, "SIP/2.0 ");
        assert!(answer.starts_with(&format!("SIP/2.0 {code}")), "{options} {exten} {more}: {answer}");
        match code {
            "423" => assert_eq!(header(answer, "Min-Expires"), "60"),
            "489" => assert!(header(answer, "Allow-Events").contains("message-summary")),
            "200" => assert_eq!(those(&sent, "NOTIFY").len(), 1),
            _ => {}
        }
        assert_eq!(lines(&world).first().copied().unwrap_or_default(), line, "{options} {exten} {more}");
        assert_eq!(leftovers(&mut world).1, usize::from(code == "200"));
    }
    // What is no SIP URI, and a list that nobody of which may be watched.
    let mut world = desk("", HINTS);
    let text = subscribe("200", ("w1", 1), "", "Event: dialog\r\n")
        .replace("SUBSCRIBE sip:200@127.0.0.1:5060", "SUBSCRIBE tel:200");
    let sent = world.datagram(WATCHER, text.as_bytes());
    assert!(the(&sent, "SIP/2.0 ").starts_with("SIP/2.0 416"), "{sent:?}");
    let mut world = desk("\n[none]\ntype=resource_list\nevent=dialog\nlist_item=555,556", HINTS);
    let more = "Event: dialog\r\nSupported: eventlist\r\n";
    let sent = world.datagram(WATCHER, subscribe("none", ("w1", 1), "", more).as_bytes());
    assert!(the(&sent, "SIP/2.0 ").starts_with("SIP/2.0 500"), "{sent:?}");
    assert_eq!(lines(&world), ["Resource list 'none' has no member that endpoint '400' may watch"]);
}

fn lines(world: &World) -> Vec<&str> {
    let texts = world.events.iter().filter_map(|event| match event {
        Event::Log { text, .. } => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

/// `explain subscription`: why a lamp is dark, and what would light it.
#[test]
fn a_dark_lamp_is_explained() {
    let explain = |world: &mut World, endpoint: &str, exten: &str| match world
        .command(Command::ExplainSubscription { endpoint: endpoint.into(), exten: exten.into() })
    {
        Reply::Explanation(told) => told,
        other => panic!("{other:?}"),
    };
    let mut world = desk("", &format!("{HINTS}[other]\nexten => 555,hint,PJSIP/nobody\n"));
    let told = explain(&mut world, "40", "200");
    assert_eq!(told.advice, ["did you mean '400'?"]);
    let told = explain(&mut world, "400", "555");
    assert_eq!(told.verdict, "dark: SUBSCRIBE to 555 is answered 404, because there is no hint");
    assert_eq!(
        told.advice,
        ["context 'other' has a hint for 555: set subscribe_context=other on endpoint '400'"]
    );
    let told = explain(&mut world, "400", "900");
    assert_eq!(told.verdict, "dark: the phone has no subscription to it");
    assert!(told.advice[0].contains("devstate change Custom:night"), "{told:?}");
    let refused = subscribe("200", ("w9", 1), "", "Event: conference\r\n");
    world.datagram(WATCHER, refused.as_bytes());
    let told = explain(&mut world, "400", "200");
    assert!(told.steps.iter().any(|step| step.what.contains("refused with 489")), "{told:?}");
    assert!(told.advice[0].contains("dialog-info"), "{told:?}");
    watch(&mut world, "200", "w1", "Event: dialog\r\nExpires: 60\r\n");
    let told = explain(&mut world, "400", "200");
    assert_eq!(told.verdict, "lit as Idle: the phone is told");
    assert!(told.steps.iter().any(|step| step.culprit.contains("extensions.conf:")), "{told:?}");
    let mut world = desk("allow_subscribe=no", HINTS);
    let told = explain(&mut world, "400", "200");
    assert!(
        told.steps[1].culprit.starts_with("allow_subscribe=false of endpoint '400' at pjsip.conf:"),
        "{told:?}"
    );
}
