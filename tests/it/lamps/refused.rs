//! SUBSCRIBEs that are refused: each with its code, and its line where there is one (`behaviour-pubsub` 1).

use super::watcher::*;
use crate::world::World;
use jackfield::switch::view::{Command, Event, Reply};

/// S4-165, S4-166, S4-167, S4-168
#[test]
fn each_refusal_has_its_code() {
    let cases = [
        ("allow_subscribe=no", "200", "Event: dialog\r\n", "603"),
        ("", "200", "Event: dialog\r\nExpires: 0\r\n", "400"),
        ("sub_min_expiry=60", "200", "Event: dialog\r\nExpires: 59\r\n", "423"),
        ("", "200", "", "489"),
        ("", "200", "Event: Dialog\r\n", "489"),
        ("", "200", "Event: conference\r\n", "489"),
        ("", "200", "Event: dialog\r\nAccept: text/plain\r\n", "489"),
        ("", "555", "Event: dialog\r\n", "404"),
        ("subscribe_context=elsewhere", "200", "Event: presence\r\n", "404"),
        ("sub_min_expiry=60", "200", "Event: dialog\r\nExpires: 60\r\n", "200"),
        ("", "200", "Event: dialog\r\nAccept: text/plain, application/pidf+xml\r\n", "200"),
    ];
    for (options, exten, more, code) in cases {
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
        assert_eq!(leftovers(&mut world).1, usize::from(code == "200"));
    }
}

/// S4-167: the line says which extension, where it was sought and for whom.
#[test]
fn a_missing_hint_is_told() {
    let mut world = desk("", HINTS);
    world.datagram(WATCHER, subscribe("555", ("w1", 1), "", "Event: dialog\r\n").as_bytes());
    let lines: Vec<&str> = world
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Log { text, .. } => Some(text.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(
        lines,
        ["Extension 555 does not exist or has no associated hint (endpoint '400', context 'phones')"]
    );
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
