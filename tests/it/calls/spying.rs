//! What takes direct media down in mid-call and gives it back: `ChanSpy`, `ExtenSpy`, `VOLUME`, `TALK_DETECT` (D1).

use super::phone::*;
use super::rooms::{come, conference, explained, nothing_is_left, said, type_in};
use crate::world::World;
use jackfield::bridge::*;
use jackfield::codec::Gain;
use jackfield::switch::io::Input;
use std::time::Duration;

const PLAN: &str = "[phones]\nexten => 200,1,Dial(PJSIP/200)\nexten => 555,1,ChanSpy(PJSIP/100,qX)\n same => n,Verbose(over)\n\
    exten => 556,1,ChanSpy(PJSIP/100,wv(2))\nexten => 557,1,ChanSpy(PJSIP/1,qBdx(9))\n same => n,Verbose(over)\n\
    exten => 558,1,ExtenSpy(200,qoES)\n same => n,Verbose(over)\nexten => 559,1,ChanSpy(PJSIP/9,qS)\n same => n,Verbose(nobody)\n\
    exten => 7,1,Verbose(seven)\n same => n,Answer(0,i)\n same => n,Wait(60)\n";

/// Answers re-INVITEs of both phones; the ports of the descriptions they held, caller's first, each change once.
fn told(world: &mut World, sent: Vec<String>) -> (Vec<u16>, Vec<u16>) {
    let (mut caller, mut called) = (Vec::new(), Vec::new());
    let mut sent = sent;
    for _ in 0..8 {
        let mut more = Vec::new();
        for invite in those(&sent, "INVITE") {
            let port = body(invite).split("m=audio ").nth(1).and_then(|rest| rest.split(' ').next());
            let port: u16 = port.expect("audio").parse().expect("a port");
            let (at, own) = if invite.contains("@127.0.0.1:6100 ") { (CALLER, 7000) } else { (CALLED, 7200) };
            if at == CALLER {
                caller.push(port)
            } else {
                called.push(port)
            }
            let answer = reply(invite, "200 OK", at, &sdp("127.0.0.1", own, "8 101", ""));
            more.extend(world.datagram(at, answer.as_bytes()));
        }
        sent = more;
    }
    (caller, called)
}

/// Whether both phones were told once to send to the server.
fn are_ours(caller: &[u16], called: &[u16]) -> bool {
    matches!((caller, called), ([a], [b]) if *a >= 20_000 && *b >= 20_000)
}

/// A call whose media goes between the phones.
fn direct(world: &mut World) -> String {
    let sent =
        world.datagram(CALLER, invite("200", 1, "i1", &sdp("127.0.0.1", 7000, "8 101", "")).as_bytes());
    let out = the(&sent, "INVITE sip:200@127.0.0.1:6200").to_owned();
    let mut sent = world
        .datagram(CALLED, reply(&out, "200 OK", CALLED, &sdp("127.0.0.1", 7200, "8 101", "")).as_bytes());
    let ok = the(&sent, "SIP/2.0 200").to_owned();
    let ack = request("ACK", "sip:200@127.0.0.1:5060", ("c1", "a1", 1), header(&ok, "To"), "");
    sent.extend(world.datagram(CALLER, ack.as_bytes()));
    assert_eq!(told(world, sent), (vec![7200], vec![7000]), "direct");
    ok
}

/// The third phone calls that extension; the others do as they are told.
fn listen_in(world: &mut World, exten: &str) -> super::rooms::Call {
    let call = come(world, 2, exten);
    told(world, call.sent.clone());
    call
}

fn ended(world: &mut World, ok: &str) {
    let bye = request("BYE", "sip:200@127.0.0.1:5060", ("c1", "b1", 2), header(ok, "To"), "");
    let sent = world.datagram(CALLER, bye.as_bytes());
    for bye in those(&sent, "BYE sip:phone@127.0.0.1:6200") {
        world.datagram(CALLED, reply(bye, "200 OK", CALLED, "").as_bytes());
    }
    told(world, sent);
}

/// What a spy's port was told last.
fn spies(call: &super::rooms::Call, world: &World) -> Option<Spy> {
    let last = call.orders(world).rev().find_map(|order| match order {
        SoundOrder::Spy(spy) => Some(spy.as_deref().cloned()),
        _ => None,
    });
    last.flatten()
}

/// S1-26, S4-116, D1: a call goes directly; somebody listens in, and both phones send here; `explain` names `ChanSpy`;
/// he hangs up, and they talk directly again.
#[test]
fn a_spied_call_comes_in_and_goes_out_again() {
    let mut world = conference("", PLAN);
    let ok = direct(&mut world);
    let before = world.plans.len();
    let id = "spy".to_owned();
    let body = sdp("127.0.0.1", 7300, "8 101", "");
    let mut sent =
        world.datagram(THIRD, super::rooms::from(2, "INVITE", "555", (&id, 1, ""), &body).as_bytes());
    let answered = the(&sent, "SIP/2.0 200").to_owned();
    let to_tag = header(&answered, "To").split_once(";tag=").expect("a tag").1.to_owned();
    sent.extend(world.datagram(THIRD, super::rooms::from(2, "ACK", "555", (&id, 1, &to_tag), "").as_bytes()));
    let (caller, called) = told(&mut world, sent);
    assert!(are_ours(&caller, &called), "{caller:?} {called:?}");
    let (_, failed) = explained(&mut world, "PJSIP/100-00000000");
    assert!(
        failed.iter().any(|culprit| culprit.contains("ChanSpy()") && culprit.contains("555@phones:1")),
        "{failed:?}"
    );
    let port = world.plans[before..].iter().find_map(|plan| match plan {
        Plan::Open(open) => Some(open.port),
        _ => None,
    });
    let spy = super::rooms::Call { who: 2, id, to_tag, port: port.expect("a port"), sent: Vec::new() };
    let entered: Vec<PortId> = world.plans[before..]
        .iter()
        .filter_map(|plan| match plan {
            Plan::Sound { port, order } if matches!(**order, SoundOrder::Enter { .. }) => Some(*port),
            _ => None,
        })
        .collect();
    assert_eq!(entered, [PortId(0), PortId(1)], "both are in a room");
    let wanted = Spy { target: PortId(0), hears: Some(Sides::Mixed), whispers: vec![], volume: 0 };
    assert_eq!(spies(&spy, &world), Some(wanted));
    let (verdict, _) = explained(&mut world, "PJSIP/300-00000002");
    assert!(verdict.contains("ChanSpy"), "{verdict}");
    let sent = spy.bye(&mut world);
    the(&sent, "SIP/2.0 200");
    assert_eq!(spies(&spy, &world), None);
    let (caller, called) = told(&mut world, sent);
    assert_eq!((caller, called), (vec![7200], vec![7000]), "direct again");
    ended(&mut world, &ok);
    nothing_is_left(&mut world);
}

/// Whisper and barge, by option and by digit; louder; the next one; a digit that ends it; whom to speak to follows who
/// comes into the bridge and who leaves it.
#[test]
fn a_spy_whispers_barges_and_goes() {
    let mut world = conference("", PLAN);
    let ok = direct(&mut world);
    let spy = listen_in(&mut world, "556");
    let with = |whispers: &[PortId], volume| {
        Some(Spy { target: PortId(0), hears: Some(Sides::Mixed), whispers: whispers.to_vec(), volume })
    };
    assert_eq!(spies(&spy, &world), with(&[PortId(0)], 2));
    assert_eq!(spy.hears_all(&world), ["beep&spy-pjsip&digits/1&digits/0&digits/0"]);
    spy.press(&mut world, "#");
    assert_eq!(spies(&spy, &world), with(&[PortId(0)], 3));
    let sent = spy.bye(&mut world);
    told(&mut world, sent);
    let spy = listen_in(&mut world, "557");
    assert_eq!(spies(&spy, &world), with(&[PortId(0), PortId(1)], 0), "barges in");
    spy.press(&mut world, "4");
    assert_eq!(spies(&spy, &world), with(&[], 0));
    spy.press(&mut world, "5");
    assert_eq!(spies(&spy, &world), with(&[PortId(0)], 0));
    spy.press(&mut world, "6");
    // The called one hangs up, and so does the caller: nobody is left to be heard, and it goes on looking.
    ended(&mut world, &ok);
    assert_eq!(spies(&spy, &world), None);
    let again = come(&mut world, 0, "7");
    world.wait(Duration::from_millis(600));
    let wanted = Spy { target: again.port, hears: Some(Sides::Mixed), whispers: vec![again.port], volume: 0 };
    assert_eq!(spies(&spy, &world), Some(wanted), "a channel in no bridge has nobody else");
    let sent = spy.press(&mut world, "9");
    assert!(said(&world, "over"));
    world.datagram(THIRD, reply(the(&sent, "BYE"), "200 OK", THIRD, "").as_bytes());
    again.bye(&mut world);
    nothing_is_left(&mut world);
}

/// `ExtenSpy` with `o`, `E`; `X` goes to an extension; `S` ends at once when there is nobody.
#[test]
fn options_of_listening_in() {
    let mut world = conference("", PLAN);
    let body = sdp("127.0.0.1", 7300, "8 101", "");
    let sent =
        world.datagram(THIRD, super::rooms::from(2, "INVITE", "559", ("none", 1, ""), &body).as_bytes());
    assert!(said(&world, "nobody"));
    let ack = super::rooms::from(2, "ACK", "559", ("none", 1, ""), "");
    let tag = header(sent.last().expect("a response"), "To").split_once(";tag=").expect("a tag").1;
    world.datagram(
        THIRD,
        ack.replace("@127.0.0.1>\r\nCall-ID", &format!("@127.0.0.1>;tag={tag}\r\nCall-ID")).as_bytes(),
    );
    let ok = direct(&mut world);
    let one_way = listen_in(&mut world, "558");
    assert_eq!(spies(&one_way, &world).map(|spy| spy.hears), Some(Some(Sides::Heard)));
    let leaves = listen_in(&mut world, "555");
    assert!(spies(&leaves, &world).is_some());
    let sent = leaves.press(&mut world, "7");
    told(&mut world, sent);
    assert!(said(&world, "seven") && spies(&leaves, &world).is_none());
    world.events.clear();
    ended(&mut world, &ok);
    assert!(said(&world, "over"), "E: it ends with whom it heard");
    for call in [one_way, leaves] {
        let sent = call.bye(&mut world);
        told(&mut world, sent);
    }
    nothing_is_left(&mut world);
}

/// S4-118, S4-119, D1: `VOLUME()` and `TALK_DETECT()` set and taken away in mid-call, from the command line as a dialplan
/// would: the media comes in, and goes out again.
#[test]
fn what_listens_or_makes_louder_comes_and_goes_in_mid_call() {
    let mut world = conference("", PLAN);
    let ok = direct(&mut world);
    for (function, on, off, feature) in [
        ("VOLUME(TX)", "3", "0", "VOLUME()"),
        ("VOLUME(RX,p)", "-2.5", "1", "VOLUME()"),
        ("VOLUME(TX)", "0.5", "0", "VOLUME()"),
        ("AGC(rx)", "8000", "off", "AGC()"),
        ("TALK_DETECT(set)", "1000,300", "", "TALK_DETECT()"),
    ] {
        let set = |world: &mut World, name: &str, value: &str| -> Vec<String> {
            let order = jackfield::switch::view::VariableOrder::SetChannel {
                channel: "PJSIP/200-00000001".into(),
                name: name.into(),
                value: value.into(),
            };
            let command = jackfield::switch::view::Command::Variables(order);
            world.handle(Input::Command { token: 1, command })
        };
        let sent = set(&mut world, function, on);
        let (caller, called) = told(&mut world, sent);
        assert!(are_ours(&caller, &called), "{function}: {caller:?} {called:?}");
        let (_, failed) = explained(&mut world, "PJSIP/100-00000000");
        assert!(failed.iter().any(|culprit| culprit.contains(feature)), "{failed:?}");
        let sent = set(&mut world, &function.replace("set", "remove"), off);
        assert_eq!(told(&mut world, sent), (vec![7200], vec![7000]), "{function}: direct again");
    }
    let volumes: Vec<_> = world
        .plans
        .iter()
        .filter_map(|plan| match plan {
            Plan::Sound { port: PortId(1), order } => match **order {
                SoundOrder::Volume { heard, said } => Some((heard, said)),
                _ => None,
            },
            _ => None,
        })
        .collect();
    let wanted = [(0.0, 3.0), (0.0, 0.0), (-2.5, 0.0), (1.0, 0.0), (1.0, 0.5), (1.0, 0.0)];
    assert_eq!(volumes, wanted.map(|(heard, said)| (Gain::of_volume(heard), Gain::of_volume(said))));
    assert!(
        type_in(&mut world, "dialplan set chanvar PJSIP/200-00000001 VOLUME(XX) 3")
            .contains("neither TX nor RX")
    );
    ended(&mut world, &ok);
    nothing_is_left(&mut world);
}
