//! `Dial` with `P`, `p`, `N` and `n`: a caller says his name, and who answers decides.

use super::phone::*;
use super::sounds::{ended, files, playing, press, recordings};
use crate::world::World;
use jackfield::bridge::{MediaEvent, PortId, PromptOrder, SoundEnd};
use jackfield::switch::io::Input;
use jackfield::switch::view::{Command, DatabaseOrder, Event, Reply};
use std::time::Duration;

const CALLER_PORT: PortId = PortId(0);
const CALLED_PORT: PortId = PortId(1);

/// The number tells how the `Dial` ended.
fn plan(options: &str) -> String {
    format!(
        "[phones]\nexten => 200,1,Dial(PJSIP/200,20,{options})\n same => n,Goto(${{DIALSTATUS}})\n \
         same => n(NOANSWER),Hangup(21)\n same => n(TORTURE),Hangup(22)\n same => n(DONTCALL),Hangup(17)\n \
         same => n(ANSWER),Hangup(24)\n same => n(CANCEL),Hangup(25)\n"
    )
}

fn rings(world: &mut World) -> Vec<String> {
    world.datagram(CALLER, invite("200", 1, "i1", &sdp("127.0.0.1", 7000, "0 101", "")).as_bytes())
}

/// What was asked last of the files, and the answer to it.
fn looked_up(world: &mut World, found: bool) -> (String, Vec<String>) {
    let Some(PromptOrder::Find { token, name, .. }) = world.prompts.pop() else {
        panic!("{:?}", world.prompts)
    };
    (name.into(), world.handle(Input::Media(MediaEvent::PromptFound { token, found })))
}

/// The sound ordered last ends; what it was, and what is sent then.
fn heard(world: &mut World, port: PortId) -> (Vec<String>, Vec<String>) {
    let (at, id, source) = playing(world).pop().expect("something plays");
    assert_eq!(at, port);
    (files(&source), ended(world, (at, id), SoundEnd::Done))
}

fn acknowledge(world: &mut World, ok: &str) {
    let ack = request("ACK", "sip:200@127.0.0.1:5060", ("c1", "a1", 1), header(ok, "To"), "");
    world.datagram(CALLER, ack.as_bytes());
}

/// The called phone answers.
fn picked_up(world: &mut World, sent: &[String]) {
    let out = the(sent, "INVITE sip:200@127.0.0.1:6200").to_owned();
    let body = sdp("127.0.0.1", 7200, "0 101", "");
    world.datagram(CALLED, reply(&out, "200 OK", CALLED, &body).as_bytes());
}

/// A caller with an introduction on disk; the called phone is asked.
fn asked(options: &str) -> World {
    let mut world = office("direct_media=no", &plan(options));
    assert!(those(&rings(&mut world), "INVITE").is_empty());
    let (name, sent) = looked_up(&mut world, true);
    assert_eq!(name, "priv-callerintros/100");
    picked_up(&mut world, &sent);
    assert_eq!(world.joins(), 0, "nobody is joined yet");
    world
}

fn kept(world: &World) -> Vec<(String, Option<String>)> {
    world
        .stored
        .iter()
        .map(|change| (change.key.to_string(), change.value.as_deref().map(str::to_owned)))
        .collect()
}

/// The whole of it: prompt, beep, recording, thanks, the call; who answers hears it and takes the call with 1.
#[test]
fn an_unknown_caller_says_his_name() {
    let mut world = office("direct_media=no", &plan("P"));
    rings(&mut world);
    let (name, sent) = looked_up(&mut world, false);
    assert_eq!(name, "priv-callerintros/100");
    acknowledge(&mut world, the(&sent, "SIP/2.0 200"));
    assert_eq!(heard(&mut world, CALLER_PORT).0, ["priv-recordintro", "beep"]);
    let (port, recording, path, _) = recordings(&world).remove(0);
    assert_eq!((port, path.as_str()), (CALLER_PORT, "priv-callerintros/100.sln"));
    press(&mut world, CALLER_PORT, '5');
    press(&mut world, CALLER_PORT, '#');
    ended(&mut world, (port, recording), SoundEnd::Stopped);
    let (thanks, sent) = heard(&mut world, CALLER_PORT);
    assert_eq!(thanks, ["vm-dialout"]);
    picked_up(&mut world, &sent);
    assert_eq!(heard(&mut world, CALLED_PORT).0, ["priv-callpending"]);
    assert_eq!(heard(&mut world, CALLED_PORT).0, ["priv-callerintros/100"]);
    assert_eq!(files(&playing(&world).pop().expect("the menu").2), ["priv-callee-options"]);
    assert_eq!(world.joins(), 0);
    press(&mut world, CALLED_PORT, '1');
    assert_eq!(world.joins(), 1);
    assert_eq!(kept(&world), [("/privacy/200/100".to_owned(), Some("allow".to_owned()))]);
    assert!(world.prompts.is_empty(), "the introduction is kept: {:?}", world.prompts);
    // Digits are the other phone's again.
    press(&mut world, CALLED_PORT, '2');
    assert_eq!(channels(&mut world).len(), 2);
}

/// Each key says how the `Dial` ends, and what the database keeps with `P`; with `p` nothing is kept.
#[test]
fn each_key_has_its_end() {
    for (key, cause, value) in
        [('2', 21, "deny"), ('3', 22, "torture"), ('4', 17, "kill"), ('5', 21, "allow")]
    {
        for (options, family) in [("P(boss)", "boss"), ("p", "")] {
            if options == "p" && key == '5' {
                continue;
            }
            let mut world = asked(options);
            let sent = press(&mut world, CALLED_PORT, key);
            the(&sent, "BYE sip:phone@127.0.0.1:6200");
            let refused = those(&sent, "SIP/2.0 4").len() + those(&sent, "SIP/2.0 6").len();
            assert_eq!(refused, 1, "the caller was never answered: {sent:?}");
            let reason = sent.iter().find(|text| text.starts_with("SIP/2.0")).expect("a refusal");
            assert_eq!(header(reason, "Reason"), format!("Q.850;cause={cause}"), "{options} {key}");
            let expected = Some((format!("/privacy/{family}/100"), Some(value.to_owned())));
            assert_eq!(kept(&world), Vec::from_iter(expected.filter(|_| options != "p")), "{options} {key}");
        }
    }
}

/// A key that is no choice goes on to the next words; who says nothing is asked three times.
#[test]
fn who_says_nothing_is_asked_three_times() {
    let mut world = asked("p");
    press(&mut world, CALLED_PORT, '5');
    let mut words = Vec::new();
    let mut sent = Vec::new();
    while sent.is_empty() && words.len() < 20 {
        let (now, next) = heard(&mut world, CALLED_PORT);
        words.extend(now);
        sent = next;
    }
    let round = ["priv-callpending", "priv-callerintros/100", "screen-callee-options", "vm-sorry"];
    let all: Vec<_> = round.iter().cycle().skip(1).take(11).copied().collect();
    assert_eq!(words, all);
    the(&sent, "BYE sip:phone@127.0.0.1:6200");
    let said = world.events.iter().any(|event| match event {
        Event::Log { text, .. } => text.contains("no valid response from the callee"),
        _ => false,
    });
    assert!(said);
}

/// The called phone hangs up while it is asked: the call was not answered.
#[test]
fn who_hangs_up_while_asked_has_not_answered() {
    let mut world = office("direct_media=no", &plan("Pn(1)"));
    rings(&mut world);
    let (_, sent) = looked_up(&mut world, true);
    let out = the(&sent, "INVITE sip:200@127.0.0.1:6200").to_owned();
    let body = sdp("127.0.0.1", 7200, "0 101", "");
    world.datagram(CALLED, reply(&out, "200 OK", CALLED, &body).as_bytes());
    let bye = format!(
        "BYE sip:100@127.0.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP {CALLED};branch=z9hG4bKb\r\nFrom: {};tag=t6200\r\nTo: {}\r\n\
         Call-ID: {}\r\nCSeq: 9 BYE\r\nContent-Length: 0\r\n\r\n",
        header(&out, "To"),
        header(&out, "From"),
        header(&out, "Call-ID"),
    );
    let sent = world.datagram(CALLED, bye.as_bytes());
    let refused = sent.iter().find(|text| text.starts_with("SIP/2.0 4")).expect("the caller is refused");
    assert_eq!(header(refused, "Reason"), "Q.850;cause=21");
    assert_eq!(world.prompts, [PromptOrder::Remove { name: "priv-callerintros/100".into() }], "n(1)");
    nothing_is_left(&mut world);
}

/// The caller leaves while he is asked, and while the other one is: no call, no recording, no channel is left.
#[test]
fn a_caller_may_leave_at_any_time() {
    let mut world = office("direct_media=no", &plan("p"));
    rings(&mut world);
    let (_, sent) = looked_up(&mut world, false);
    let to = header(the(&sent, "SIP/2.0 200"), "To").to_owned();
    world.datagram(CALLER, request("ACK", "sip:200@127.0.0.1:5060", ("c1", "a1", 1), &to, "").as_bytes());
    world.datagram(CALLER, request("BYE", "sip:200@127.0.0.1:5060", ("c1", "b1", 2), &to, "").as_bytes());
    nothing_is_left(&mut world);

    let mut world = asked("p");
    let cancel = request("CANCEL", "sip:200@127.0.0.1:5060", ("c1", "i1", 1), "<sip:200@127.0.0.1>", "");
    let sent = world.datagram(CALLER, cancel.as_bytes());
    let bye = the(&sent, "BYE sip:phone@127.0.0.1:6200").to_owned();
    world.datagram(CALLED, reply(&bye, "200 OK", CALLED, "").as_bytes());
    nothing_is_left(&mut world);
}

/// What was chosen before is obeyed without a question; `N` lets in whoever shows a number; the file thread's silence is
/// no obstacle.
#[test]
fn the_database_decides() {
    let set = |value: &str| {
        let mut world = office("direct_media=no", &plan("P"));
        let order = DatabaseOrder::Put { key: "privacy/200/100".into(), value: value.into() };
        let Reply::Done(_) = world.command(Command::Database(order)) else { panic!("not stored") };
        world
    };
    for (value, cause) in [("deny", 21), ("torture", 22), ("KILL", 17)] {
        let sent = rings(&mut set(value));
        let refused = sent.iter().find(|text| text.starts_with("SIP/2.0 4") || text.starts_with("SIP/2.0 6"));
        assert_eq!(header(refused.expect("refused"), "Reason"), format!("Q.850;cause={cause}"), "{value}");
    }
    let mut world = set("allow");
    let sent = rings(&mut world);
    picked_up(&mut world, &sent);
    assert_eq!(world.joins(), 1);

    let mut world = office("direct_media=no", &plan("PN"));
    let sent = rings(&mut world);
    picked_up(&mut world, &sent);
    assert_eq!(world.joins(), 1, "N");

    let mut world = office("direct_media=no", &plan("p"));
    rings(&mut world);
    the(&world.wait(Duration::from_secs(3)), "SIP/2.0 200");
}

/// Who shows no number is asked each time, and his introduction goes with the call; so it does with `n`.
#[test]
fn introductions_that_are_not_kept() {
    let dialplan = plan("Pn").replace("200,1,", "200,1,Set(CALLERID(num)=)\n same => n,");
    let mut world = office("direct_media=no", &dialplan);
    the(&rings(&mut world), "SIP/2.0 200");
    assert!(world.prompts.is_empty(), "nothing is looked up");
    heard(&mut world, CALLER_PORT);
    let (port, recording, path, _) = recordings(&world).remove(0);
    assert!(path.starts_with("priv-callerintros/NOCALLERID_200PJSIP=100-"), "{path}");
    ended(&mut world, (port, recording), SoundEnd::Silence);
    let (_, sent) = heard(&mut world, CALLER_PORT);
    picked_up(&mut world, &sent);
    press(&mut world, CALLED_PORT, '1');
    assert_eq!(world.joins(), 1);
    assert_eq!(world.prompts, [PromptOrder::Remove { name: path.trim_end_matches(".sln").into() }]);

    let mut world = asked("pn");
    press(&mut world, CALLED_PORT, '1');
    assert_eq!(world.prompts, [PromptOrder::Remove { name: "priv-callerintros/100".into() }]);
}
