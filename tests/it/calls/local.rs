//! Local channels, and calls that nobody made.

use super::phone::*;
use crate::world::World;
use jackfield::bridge::{Plan, PortId};
use jackfield::switch::view::{Command, Event, OriginateTo, Reply};
use std::time::Duration;

const PLAN: &str = "[phones]\n\
    exten => 20,1,Set(_colour=blue)\n same => n,Dial(Local/200@inner,20,g)\n same => n,Hangup(21)\n\
    exten => 21,1,Dial(Local/200@inner/n,20)\n\
    exten => 22,1,Dial(Local/999@inner,20)\n same => n,Hangup(21)\n\
    exten => 23,1,Dial(Local/486@inner,20)\n same => n,Hangup(21)\n\
    exten => 24,1,Dial(Local/echo@inner/n,20)\n\
    exten => 25,1,Dial(Local/25@phones,20)\n same => n,Hangup(21)\n\
    exten => 26,1,Dial(Local/200@inner&Local/300@inner,20)\n\
    exten => 27,1,Dial(Local/wait@inner,20)\n same => n,Hangup(21)\n\
    exten => 28,1,Dial(Local/chain@inner,20)\n\
    [inner]\n\
    exten => 200,1,Set(seen=${colour})\n same => n,Dial(PJSIP/200,20,b(head^s^1(${seen})))\n\
    exten => 300,1,Dial(PJSIP/300,20)\n\
    exten => 486,1,Busy()\n\
    exten => chain,1,Dial(Local/200@inner,20)\n\
    exten => wait,1,Answer()\n same => n,WaitExten(9)\n\
    exten => 5,1,Dial(PJSIP/200,20)\n\
    exten => echo,1,Answer()\n same => n,Echo()\n\
    [head]\nexten => s,1,Set(PJSIP_HEADER(add,X-Colour)=${ARG1}-${colour})\n same => n,Return()\n";

fn dial(world: &mut World, exten: &str) -> Vec<String> {
    world.datagram(CALLER, invite(exten, 1, "i1", &sdp("127.0.0.1", 7000, "0 101", "")).as_bytes())
}

fn pick_up(world: &mut World, out: &str, at: &str) -> Vec<String> {
    world.datagram(at, reply(out, "200 OK", at, &sdp("127.0.0.1", 7200, "0 101", "")).as_bytes())
}

fn bye_of_caller(world: &mut World, ok: &str) -> Vec<String> {
    let ack = request("ACK", "sip:200@127.0.0.1:5060", ("c1", "a1", 1), header(ok, "To"), "");
    world.datagram(CALLER, ack.as_bytes());
    let bye = request("BYE", "sip:200@127.0.0.1:5060", ("c1", "b1", 2), header(ok, "To"), "");
    world.datagram(CALLER, bye.as_bytes())
}

fn names(world: &mut World) -> Vec<String> {
    channels(world).into_iter().map(|channel| channel.name).collect()
}

/// Without `/n` the Local channel goes when both its halves are in bridges; caller id, inherited variables and early
/// ringing came through it.
#[test]
fn a_local_channel_is_optimised_away() {
    let mut world = office("direct_media=no", PLAN);
    let sent = dial(&mut world, "20");
    let out = the(&sent, "INVITE sip:200@127.0.0.1:6200").to_owned();
    assert!(header(&out, "From").starts_with("\"Ann\" <sip:100@"), "{out}");
    assert_eq!(header(&out, "X-Colour"), "blue-", "one underscore reaches the Local channel and no further");
    assert_eq!(
        names(&mut world),
        [
            "PJSIP/100-00000000",
            "Local/200@inner-00000000;1",
            "Local/200@inner-00000000;2",
            "PJSIP/200-00000001"
        ]
    );
    let sent = world.datagram(CALLED, reply(&out, "180 Ringing", CALLED, "").as_bytes());
    the(&sent, "SIP/2.0 180");
    let sent = pick_up(&mut world, &out, CALLED);
    let ok = the(&sent, "SIP/2.0 200").to_owned();
    assert_eq!(names(&mut world), ["PJSIP/100-00000000", "PJSIP/200-00000001"]);
    assert_eq!(world.joins(), 1);
    let sent = bye_of_caller(&mut world, &ok);
    let bye = the(&sent, "BYE sip:phone@127.0.0.1:6200");
    world.datagram(CALLED, reply(bye, "200 OK", CALLED, "").as_bytes());
    nothing_is_left(&mut world);
}

/// The called side hangs up after the optimisation: the outer Dial goes on with its `g`.
#[test]
fn the_outer_dial_goes_on_after_an_optimised_call() {
    let mut world = office("direct_media=no", PLAN);
    let sent = dial(&mut world, "20");
    let out = the(&sent, "INVITE sip:200@127.0.0.1:6200").to_owned();
    let sent = pick_up(&mut world, &out, CALLED);
    let ok = the(&sent, "SIP/2.0 200").to_owned();
    let ack = request("ACK", "sip:200@127.0.0.1:5060", ("c1", "a1", 1), header(&ok, "To"), "");
    world.datagram(CALLER, ack.as_bytes());
    let bye = format!(
        "BYE sip:100@127.0.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP {CALLED};branch=z9hG4bKbye\r\nFrom: {};tag=t6200\r\n\
         To: {}\r\nCall-ID: {}\r\nCSeq: 9 BYE\r\nContent-Length: 0\r\n\r\n",
        header(&out, "To"),
        header(&out, "From"),
        header(&out, "Call-ID"),
    );
    let sent = world.datagram(CALLED, bye.as_bytes());
    let bye = the(&sent, "BYE sip:100@127.0.0.1:6100");
    assert!(header(bye, "Reason").contains("cause=21"), "Hangup(21) after the Dial: {bye}");
    world.datagram(CALLER, reply(bye, "200 OK", CALLER, "").as_bytes());
    nothing_is_left(&mut world);
}

/// S4-131: two bridges that a Local channel joins keep their media here, relayed, though direct media is on; and say so.
#[test]
fn a_local_channel_that_stays_keeps_the_media_here() {
    let mut world = office("direct_media=yes", PLAN);
    let sent = dial(&mut world, "21");
    let out = the(&sent, "INVITE sip:200@127.0.0.1:6200").to_owned();
    let sent = pick_up(&mut world, &out, CALLED);
    assert!(those(&sent, "INVITE").is_empty(), "no re-INVITE");
    let ok = the(&sent, "SIP/2.0 200").to_owned();
    assert_eq!(names(&mut world).len(), 4);
    let joined = world.plans.iter().rev().find_map(|plan| match plan {
        Plan::Join { a, b, .. } => Some((*a, *b)),
        _ => None,
    });
    assert_eq!(joined, Some((PortId(0), PortId(1))), "the phones' own ports");
    match world.command(Command::Bridges) {
        Reply::Bridges(all) => {
            assert_eq!(all.len(), 2);
            assert!(all.iter().all(|bridge| bridge.why.contains("joins two bridges")), "{all:?}");
        }
        other => panic!("{other:?}"),
    }
    let sent = bye_of_caller(&mut world, &ok);
    let bye = the(&sent, "BYE sip:phone@127.0.0.1:6200");
    world.datagram(CALLED, reply(bye, "200 OK", CALLED, "").as_bytes());
    nothing_is_left(&mut world);
}

/// An extension that is not there, and one that is busy: the outer Dial has the status.
#[test]
fn a_local_channel_fails_as_its_dialplan_says() {
    let mut world = office("", PLAN);
    the(&dial(&mut world, "22"), "SIP/2.0 403");
    let said = world.events.iter().any(|event| match event {
        Event::Log { text, .. } => text.contains("No such extension/context 999@inner"),
        _ => false,
    });
    assert!(said, "{:?}", world.events);
    nothing_is_left(&mut world);
    let mut world = office("", PLAN);
    the(&dial(&mut world, "23"), "SIP/2.0 403");
    nothing_is_left(&mut world);
}

/// Both halves of several Local channels in a row go.
#[test]
fn a_chain_of_local_channels_is_optimised_away() {
    let mut world = office("direct_media=no", PLAN);
    let sent = dial(&mut world, "28");
    let out = the(&sent, "INVITE sip:200@127.0.0.1:6200").to_owned();
    assert_eq!(names(&mut world).len(), 6);
    let sent = pick_up(&mut world, &out, CALLED);
    let ok = the(&sent, "SIP/2.0 200").to_owned();
    assert_eq!(names(&mut world), ["PJSIP/100-00000000", "PJSIP/200-00000001"]);
    let sent = bye_of_caller(&mut world, &ok);
    let bye = the(&sent, "BYE sip:phone@127.0.0.1:6200");
    world.datagram(CALLED, reply(bye, "200 OK", CALLED, "").as_bytes());
    nothing_is_left(&mut world);
}

/// What an application behind a Local channel does is done at the phone.
#[test]
fn an_application_behind_a_local_channel_hears_the_phone() {
    let mut world = office("direct_media=no", PLAN);
    let sent = dial(&mut world, "24");
    let ok = the(&sent, "SIP/2.0 200").to_owned();
    world.wait(Duration::from_millis(600));
    let echoes = world.plans.iter().any(|plan| matches!(plan, Plan::Join { a, b, .. } if a == b));
    assert!(echoes, "{:?}", world.plans);
    bye_of_caller(&mut world, &ok);
    nothing_is_left(&mut world);
}

/// Calls that lead to themselves end.
#[test]
fn a_local_channel_that_dials_itself_ends() {
    let mut world = office("", PLAN);
    let sent = dial(&mut world, "25");
    the(&sent, "SIP/2.0 403");
    nothing_is_left(&mut world);
}

/// Two Local channels are called at once; the first to answer wins, the other is cancelled.
#[test]
fn local_channels_are_forked() {
    let mut world = office("direct_media=no", PLAN);
    let sent = dial(&mut world, "26");
    let first = the(&sent, "INVITE sip:200@127.0.0.1:6200").to_owned();
    let second = the(&sent, "INVITE sip:300@127.0.0.1:6300").to_owned();
    world.datagram(THIRD, reply(&second, "180 Ringing", THIRD, "").as_bytes());
    let sent = pick_up(&mut world, &first, CALLED);
    the(&sent, "CANCEL sip:300@127.0.0.1:6300");
    let ok = the(&sent, "SIP/2.0 200").to_owned();
    world.datagram(THIRD, reply(&second, "487 Request Terminated", THIRD, "").as_bytes());
    assert_eq!(names(&mut world).len(), 2);
    let sent = bye_of_caller(&mut world, &ok);
    let bye = the(&sent, "BYE sip:phone@127.0.0.1:6200");
    world.datagram(CALLED, reply(bye, "200 OK", CALLED, "").as_bytes());
    nothing_is_left(&mut world);
}

/// The caller gives up: so do all that it led to.
#[test]
fn a_cancelled_call_leaves_no_local_channel() {
    let mut world = office("direct_media=no", PLAN);
    let sent = dial(&mut world, "20");
    let out = the(&sent, "INVITE sip:200@127.0.0.1:6200").to_owned();
    world.datagram(CALLED, reply(&out, "180 Ringing", CALLED, "").as_bytes());
    let cancel = request("CANCEL", "sip:20@127.0.0.1:5060", ("c1", "i1", 1), "<sip:20@127.0.0.1>", "");
    let sent = world.datagram(CALLER, cancel.as_bytes());
    the(&sent, "CANCEL sip:200@127.0.0.1:6200");
    world.datagram(CALLED, reply(&out, "487 Request Terminated", CALLED, "").as_bytes());
    let ack = request("ACK", "sip:20@127.0.0.1:5060", ("c1", "i1", 1), "<sip:20@127.0.0.1>;tag=x", "");
    world.datagram(CALLER, ack.as_bytes());
    nothing_is_left(&mut world);
}

/// A forward (302) is dialled through the dialplan, as `Local/…` of the caller's context.
#[test]
fn a_forward_goes_through_the_dialplan() {
    let mut world = office(
        "direct_media=no",
        "[phones]\nexten => 200,1,Dial(PJSIP/200,20)\nexten => 5,1,Dial(PJSIP/300,20)\n",
    );
    let sent = dial(&mut world, "200");
    let out = the(&sent, "INVITE sip:200@127.0.0.1:6200").to_owned();
    let moved = reply(&out, "302 Moved Temporarily", CALLED, "")
        .replace("<sip:phone@127.0.0.1:6200>", "<sip:5@127.0.0.1>");
    let sent = world.datagram(CALLED, moved.as_bytes());
    the(&sent, "INVITE sip:300@127.0.0.1:6300");
}

fn originate(world: &mut World, resource: &str, to: OriginateTo) -> Vec<String> {
    let command = Command::Originate { technology: "PJSIP".into(), resource: resource.into(), to };
    world.handle(jackfield::switch::io::Input::Command { token: 1, command })
}

fn application(name: &str, data: &str) -> OriginateTo {
    OriginateTo::Application { name: name.into(), data: data.into() }
}

/// `channel originate`: a phone is called and, once it answers, runs an application, or an extension.
#[test]
fn a_call_is_originated() {
    let mut world = office("direct_media=no", PLAN);
    let sent = originate(&mut world, "200", application("Echo", ""));
    let out = the(&sent, "INVITE sip:200@127.0.0.1:6200").to_owned();
    let sent = pick_up(&mut world, &out, CALLED);
    the(&sent, "ACK sip:phone@127.0.0.1:6200");
    assert!(world.plans.iter().any(|plan| matches!(plan, Plan::Join { a, b, .. } if a == b)));
    let channel = channels(&mut world).remove(0);
    assert_eq!((channel.state, &*channel.application), ("Up", "Echo"));

    let mut world = office("direct_media=no", PLAN);
    let to = OriginateTo::Extension { context: "inner".into(), exten: "300".into(), priority: 1 };
    let sent = originate(&mut world, "200", to);
    let out = the(&sent, "INVITE sip:200@127.0.0.1:6200").to_owned();
    let sent = pick_up(&mut world, &out, CALLED);
    let other = the(&sent, "INVITE sip:300@127.0.0.1:6300").to_owned();
    let sent = pick_up(&mut world, &other, THIRD);
    the(&sent, "ACK sip:phone@127.0.0.1:6300");
    assert_eq!(world.joins(), 1);
}

/// Nobody answers: after 30 seconds the call is given up. A wrong application is refused with the nearest one.
#[test]
fn an_originated_call_is_given_up() {
    let mut world = office("", PLAN);
    let sent = originate(&mut world, "200", application("Echo", ""));
    let out = the(&sent, "INVITE sip:200@127.0.0.1:6200").to_owned();
    world.datagram(CALLED, reply(&out, "180 Ringing", CALLED, "").as_bytes());
    assert!(world.wait(Duration::from_secs(29)).is_empty());
    the(&world.wait(Duration::from_secs(2)), "CANCEL sip:200@127.0.0.1:6200");
    world.datagram(CALLED, reply(&out, "487 Request Terminated", CALLED, "").as_bytes());
    nothing_is_left(&mut world);
    let command = Command::Originate {
        technology: "PJSIP".into(),
        resource: "200".into(),
        to: application("Ehco", ""),
    };
    match world.command(command) {
        Reply::Refused(why) => assert!(why.contains("nearest: Echo"), "{why}"),
        other => panic!("{other:?}"),
    }
}

/// `Originate` tells how it went.
#[test]
fn the_application_originate_waits_for_the_answer() {
    let mut world = office(
        "direct_media=no",
        "[phones]\nexten => 1,1,Originate(PJSIP/200,app,Wait,3,,5)\n same => n,Hangup(${IF($[\"${ORIGINATE_STATUS}\"=\"BUSY\"]?17:21)})\n",
    );
    let sent = dial(&mut world, "1");
    let out = the(&sent, "INVITE sip:200@127.0.0.1:6200").to_owned();
    let sent = world.datagram(CALLED, reply(&out, "486 Busy Here", CALLED, "").as_bytes());
    the(&sent, "SIP/2.0 486");
    nothing_is_left(&mut world);
}

/// S3's loop protection: two phones that forward to each other end the call after so many forwards, and leave nothing.
/// Both ways of following end: through the dialplan and to the contact itself.
#[test]
fn forwards_that_lead_in_circles_end() {
    let plan = "[phones]\nexten => 200,1,Dial(PJSIP/200,20)\n same => n,Hangup(21)\nexten => 300,1,Dial(PJSIP/300,20)\n";
    for method in ["user", "uri_core", "uri_pjsip"] {
        let mut world = office(&format!("direct_media=no\nredirect_method={method}"), plan);
        let (mut invites, mut ended) = (0, false);
        let mut todo = dial(&mut world, "200");
        while let Some(text) = todo.pop() {
            let (at, other) = match text.starts_with("INVITE sip:200@") {
                true => (CALLED, "<sip:300@127.0.0.1:6300>"),
                false => (THIRD, "<sip:200@127.0.0.1:6200>"),
            };
            ended |= text.starts_with("SIP/2.0 403");
            if text.starts_with("INVITE") {
                invites += 1;
                assert!(invites < 60, "{method}: it never ends");
                let moved = reply(&text, "302 Moved Temporarily", at, "")
                    .replace(&format!("<sip:phone@{at}>"), other);
                todo.extend(world.datagram(at, moved.as_bytes()));
            }
        }
        assert!(ended && invites > 1, "{method}: {invites} INVITEs");
        let ack = request("ACK", "sip:200@127.0.0.1:5060", ("c1", "i1", 1), "<sip:200@127.0.0.1>;tag=x", "");
        world.datagram(CALLER, ack.as_bytes());
        nothing_is_left(&mut world);
    }
}

/// `redirect_method=user` dials `Local/…` of `FORWARD_CONTEXT` even where no extension is: nothing else is tried.
#[test]
fn a_forward_to_an_extension_that_is_not_there_fails() {
    let plan = "[phones]\nexten => 200,1,Set(FORWARD_CONTEXT=away)\n same => n,Dial(PJSIP/200,20)\n same => n,Hangup(21)\n\
        exten => 300,1,Dial(PJSIP/300,20)\n[away]\nexten => 7,1,Dial(PJSIP/300,20)\n";
    for (user, reached) in [("300", false), ("7", true)] {
        let mut world = office("direct_media=no", plan);
        let sent = dial(&mut world, "200");
        let out = the(&sent, "INVITE sip:200@127.0.0.1:6200").to_owned();
        let moved = reply(&out, "302 Moved Temporarily", CALLED, "")
            .replace("<sip:phone@127.0.0.1:6200>", &format!("<sip:{user}@127.0.0.1>"));
        let sent = world.datagram(CALLED, moved.as_bytes());
        assert_eq!(those(&sent, "INVITE sip:300@").len(), usize::from(reached), "{sent:?}");
        assert_eq!(those(&sent, "SIP/2.0 403").len(), usize::from(!reached), "{sent:?}");
    }
}

/// `Playback`, `Record` and `MixMonitor` on a Local channel play to and hear the phone behind it; with `/n` for the whole
/// call, and what is asked before anybody hears it is heard once somebody does.
#[test]
fn a_local_channel_plays_and_records_through_the_phone() {
    use jackfield::bridge::{MediaEvent, SoundEnd, SoundOrder};
    use jackfield::switch::io::Input;
    let plan = "[phones]\nexten => 1,1,Dial(Local/menu@inner/n,20)\nexten => 2,1,Dial(Local/mon@inner,20)\n\
        [inner]\nexten => menu,1,Playback(hello)\n same => n,Record(note.wav,,,q)\n same => n,Hangup(17)\n\
        exten => mon,1,MixMonitor(call.wav)\n same => n,Dial(PJSIP/200,20)\n";
    let orders = |world: &World| -> Vec<(u64, &'static str)> {
        let named = world.plans.iter().filter_map(|plan| match plan {
            Plan::Sound { port, order } => Some((
                port.0,
                match &**order {
                    SoundOrder::Play { .. } => "play",
                    SoundOrder::Record { .. } => "record",
                    SoundOrder::Enter { .. } => "enter",
                    SoundOrder::Stop { .. } => "stop",
                    _ => return None,
                },
            )),
            _ => None,
        });
        named.collect()
    };
    let ended = |world: &mut World| {
        let last = world.plans.iter().rev().find_map(|plan| match plan {
            Plan::Sound { port, order } => match &**order {
                SoundOrder::Play { id, .. } | SoundOrder::Record { id, .. } => Some((*port, *id)),
                _ => None,
            },
            _ => None,
        });
        let (port, id) = last.expect("something sounds");
        world.handle(Input::Media(MediaEvent::SoundEnded { port, id, end: SoundEnd::Done }))
    };
    let mut world = office("direct_media=no", plan);
    let sent = dial(&mut world, "1");
    let ok = the(&sent, "SIP/2.0 200").to_owned();
    assert_eq!(orders(&world), [(0, "play")]);
    let ack = request("ACK", "sip:200@127.0.0.1:5060", ("c1", "a1", 1), header(&ok, "To"), "");
    world.datagram(CALLER, ack.as_bytes());
    ended(&mut world);
    assert_eq!(orders(&world), [(0, "play"), (0, "record")]);
    let sent = ended(&mut world);
    let bye = the(&sent, "BYE");
    assert_eq!(header(bye, "Reason"), "Q.850;cause=17");
    world.datagram(CALLER, reply(bye, "200 OK", CALLER, "").as_bytes());
    nothing_is_left(&mut world);
    // The caller leaves while it plays: the port is told to stop before it closes.
    let mut world = office("direct_media=no", plan);
    let sent = dial(&mut world, "1");
    let ok = the(&sent, "SIP/2.0 200").to_owned();
    bye_of_caller(&mut world, &ok);
    nothing_is_left(&mut world);
    // A recorded Local channel stays, and its sound is opened.
    let mut world = office("direct_media=no", plan);
    let sent = dial(&mut world, "2");
    let out = the(&sent, "INVITE sip:200@127.0.0.1:6200").to_owned();
    let sent = pick_up(&mut world, &out, CALLED);
    let ok = the(&sent, "SIP/2.0 200").to_owned();
    assert_eq!(names(&mut world).len(), 4, "not optimised away");
    let all = orders(&world);
    assert!(
        all.contains(&(0, "record")) && all.contains(&(0, "enter")) && all.contains(&(1, "enter")),
        "{all:?}"
    );
    let sent = bye_of_caller(&mut world, &ok);
    let bye = the(&sent, "BYE sip:phone@127.0.0.1:6200");
    world.datagram(CALLED, reply(bye, "200 OK", CALLED, "").as_bytes());
    nothing_is_left(&mut world);
}

/// Both halves of a Local channel in one bridge: nobody is left who could end it, so it ends by itself.
#[test]
fn a_ring_of_local_channels_ends() {
    for resource in ["555@phones/n", "555@phones"] {
        let mut world = office("", "[phones]\nexten => 555,1,Answer()\n same => n,Wait(600)\n");
        world.switch.ears().level = jackfield::switch::view::Level::Verbose;
        let to = application("Bridge", "Local/555@phones-00000000;2");
        let command = Command::Originate { technology: "Local".into(), resource: resource.into(), to };
        world.command(command);
        for _ in 0..10 {
            world.wait(Duration::from_millis(500));
        }
        assert_eq!(leftovers(&mut world), (0, 0, 0), "channels, dialogs, transactions");
        let ring =
            |event: &Event| matches!(event, Event::Log { text, .. } if text.contains("in a ring: ended"));
        assert!(world.events.iter().any(ring), "{resource}: {:#?}", world.events);
    }
}
