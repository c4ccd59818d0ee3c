//! `Page`, and extensions that run beside a call (`PERIODIC_HOOK`).

use super::desk::Desk;
use super::phone::{CALLED, CALLER, THIRD};
use super::rooms::{said, type_in};
use jackfield::bridge::{Over, Piece, Plan, Seat, SoundOrder, SoundSource};
use jackfield::switch::view::Level;

const DIAL: &str = "[phones]\n\
    exten => 5,1,Page(PJSIP/100&PJSIP/200&PJSIP/300&SIP/9,A(hello),20)\n same => n,Verbose(paged)\n same => n,Hangup()\n\
    exten => 6,1,Page(PJSIP/200&PJSIP/300,ds)\n\
    exten => 200,1,Set(id=${PERIODIC_HOOK(hooks,beep,10)})\n same => n,Dial(PJSIP/200)\n\
    exten => 300,1,Verbose(no ${PERIODIC_HOOK(hooks,beep,0)})\n same => n,Dial(PJSIP/300)\n\
    [hooks]\nexten => beep,1,Verbose(hook of ${HOOK_CHANNEL})\n same => n,Playback(beep)\n";

fn desk(options: &str) -> Desk {
    let mut desk = Desk::new([options; 3], DIAL);
    desk.services(&[]);
    desk.world.switch.ears().level = Level::Verbose;
    desk
}

fn seat(desk: &mut Desk, at: &str) -> Option<Seat> {
    let its = desk.port_of(at);
    let last = desk.world.plans.iter().rev().find_map(|plan| match plan {
        Plan::Sound { port, order } if *port == its => match &**order {
            SoundOrder::Enter { seat, .. } => Some(Some(*seat)),
            SoundOrder::Leave => Some(None),
            _ => None,
        },
        _ => None,
    });
    last.flatten()
}

/// The caller speaks, those who are called hear him; who pages is not called himself, and what cannot be called
/// is said; all ends with him, those who still ring included.
#[test]
fn phones_are_paged_and_go_with_the_caller() {
    let mut desk = desk("");
    desk.phone(THIRD).rings = true;
    desk.call(CALLER, "5");
    assert_eq!(desk.alive(), ["PJSIP/100-00000000", "PJSIP/200-00000001", "PJSIP/300-00000002"]);
    assert_eq!((seat(&mut desk, CALLER), seat(&mut desk, CALLED)), (Some(Seat::FULL), Some(Seat::LISTENER)));
    assert_eq!((desk.hears(CALLER), desk.hears(CALLED)), (vec!["hello".into()], vec!["hello".into()]));
    let invite = desk.sent.iter().find(|text| text.starts_with("INVITE sip:200@")).expect("an INVITE");
    assert!(said(&desk.world, "SIP/9 cannot be called"));
    assert!(super::phone::header(invite, "From").contains("100"), "{invite}");
    desk.bye(CALLER);
    assert!(desk.sent.iter().any(|text| text.starts_with("CANCEL sip:300@")), "{:?}", desk.alive());
    assert!(desk.sent.iter().any(|text| text.starts_with("BYE sip:phone@127.0.0.1:6200")));
    desk.ends_clean();
}

/// `d`: all may speak; `s`: who is in use is not called.
#[test]
fn a_page_of_two_ways_leaves_out_who_is_busy() {
    let mut desk = desk("");
    desk.call(THIRD, "5");
    let before = desk.alive().len();
    assert_eq!(before, 3, "{:?}", desk.alive());
    desk.bye(THIRD);
    desk.wait(1_000);
    assert!(desk.alive().is_empty(), "{:?}", desk.alive());
    desk.call(THIRD, "200");
    desk.call(CALLER, "6");
    assert_eq!(desk.alive().len(), 3, "both others are in use: {:?}", desk.alive());
    assert_eq!(desk.hears(CALLER), ["beep"]);
    desk.bye(CALLER);
    desk.bye(THIRD);
    desk.call(CALLER, "6");
    assert_eq!((seat(&mut desk, CALLED), seat(&mut desk, THIRD)), (Some(Seat::FULL), Some(Seat::FULL)));
    desk.bye(CALLER);
    desk.ends_clean();
}

/// Ports that a beep was mixed into since `from`.
fn beeps(desk: &Desk, from: usize) -> Vec<u64> {
    let port = |plan: &Plan| match plan {
        Plan::Sound { port, order } => match &**order {
            SoundOrder::Play { source: SoundSource::Files(files), over: Over::Mixed, .. } => {
                matches!(&files.pieces[0], Piece::Prompt(name) if &**name == "beep").then_some(port.0)
            }
            _ => None,
        },
        _ => None,
    };
    desk.world.plans[from..].iter().filter_map(port).collect()
}

fn ends_beeps(desk: &mut Desk, from: usize) {
    use jackfield::bridge::{MediaEvent, SoundEnd};
    let ends: Vec<_> = desk.world.plans[from..]
        .iter()
        .filter_map(|plan| match plan {
            Plan::Sound { port, order } => match &**order {
                SoundOrder::Play { id, over: Over::Mixed, .. } => Some((*port, *id)),
                _ => None,
            },
            _ => None,
        })
        .collect();
    for (port, id) in ends {
        let ended = MediaEvent::SoundEnded { port, id, end: SoundEnd::Done };
        let sent = desk.world.handle(jackfield::switch::io::Input::Media(ended));
        desk.deliver(sent);
    }
}

/// S4-121, D1: a hook takes direct media in and is named by `explain`; every ten seconds its extension runs and both sides
/// hear it beside the call; off, the media goes out again.
#[test]
fn a_hook_runs_beside_a_call() {
    let mut desk = desk("dtmf_mode=info");
    desk.call(CALLER, "200");
    assert_eq!(desk.failed("PJSIP/100-00000000"), ["media not needed by PERIODIC_HOOK()"]);
    let from = desk.world.plans.len();
    desk.wait(9_900);
    assert!(beeps(&desk, from).is_empty());
    desk.wait(200);
    let (a, b) = (desk.port_of(CALLER).0, desk.port_of(CALLED).0);
    let mut heard = beeps(&desk, from);
    heard.sort_unstable();
    assert_eq!(heard, [a, b]);
    assert!(said(&desk.world, "hook of PJSIP/100-00000000"));
    assert_eq!(desk.alive().len(), 4, "{:?}", desk.alive());
    ends_beeps(&mut desk, from);
    assert_eq!(desk.alive().len(), 2, "{:?}", desk.alive());
    // One that still runs is not run a second time.
    let from = desk.world.plans.len();
    desk.wait(10_100);
    desk.wait(10_100);
    assert_eq!(beeps(&desk, from).len(), 2);
    ends_beeps(&mut desk, from);
    let shown = type_in(&mut desk.world, "dialplan show chanvar PJSIP/100-00000000");
    let id = shown.lines().find_map(|line| line.strip_prefix("id=")).expect("an id").to_owned();
    let order = jackfield::switch::view::VariableOrder::SetChannel {
        channel: "PJSIP/100-00000000".into(),
        name: format!("PERIODIC_HOOK({id})"),
        value: "off".into(),
    };
    let command = jackfield::switch::view::Command::Variables(order);
    let sent = desk.world.handle(jackfield::switch::io::Input::Command { token: 1, command });
    desk.deliver(sent);
    assert_eq!(desk.both(), ["127.0.0.1:7200", "127.0.0.1:7000"], "direct");
    let from = desk.world.plans.len();
    desk.wait(30_000);
    assert!(beeps(&desk, from).is_empty());
    desk.bye(CALLER);
    desk.ends_clean();
}

/// A call that ends takes its hook along, also while it runs; an interval of nothing is refused.
#[test]
fn a_hook_ends_with_its_call() {
    let mut desk = desk("");
    desk.call(CALLER, "200");
    desk.wait(10_100);
    assert_eq!(desk.alive().len(), 4);
    desk.bye(CALLED);
    desk.ends_clean();
    desk.call(CALLER, "300");
    assert!(said(&desk.world, "no number of seconds"));
    desk.bye(CALLER);
    desk.ends_clean();
}
