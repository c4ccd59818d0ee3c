//! Who sits in which room of the media threads: three that talk after an attended transfer, and Local channels, which sit
//! with the ports of the phone behind them.

use super::desk::Desk;
use super::phone::{CALLED, CALLER, THIRD};
use jackfield::bridge::{Plan, PortId, RoomId, Seat, SoundOrder, Spy};
use jackfield::switch::io::Input;
use jackfield::switch::view::{Command, OriginateTo, Reply};

const DIAL: &str = "[phones]\nexten => _X00,1,Dial(PJSIP/${EXTEN},20,tTH)\n same => n,Hangup()\nexten => 6,1,ConfBridge(six)\n\
    exten => 7,1,Dial(Local/6@phones/n)\nexten => 8,1,Dial(Local/9@phones)\nexten => 9,1,BridgeWait(hall)\n\
    exten => 5,1,ChanSpy(Local/6@phones,q)\nexten => 4,1,Dial(Local/5@phones)\n\
    exten => 3,1,MixMonitor(a.wav)\n same => n,Dial(Local/300@phones/n)\n";

fn desk(options: &str) -> Desk {
    let mut desk = Desk::new([options; 3], DIAL);
    desk.services(&[("features.conf", "[featuremap]\natxfer => *2\n")]);
    desk
}

/// The room that a phone's port is in, and its seat there.
pub fn room(desk: &mut Desk, at: &str) -> Option<(RoomId, Seat)> {
    let its = desk.port_of(at);
    room_of(desk, its)
}

fn room_of(desk: &Desk, its: PortId) -> Option<(RoomId, Seat)> {
    let mut room = None;
    for plan in &desk.world.plans {
        match plan {
            Plan::Sound { port, order } if *port == its => match &**order {
                SoundOrder::Enter { room: to, seat } => room = Some((*to, *seat)),
                SoundOrder::Leave => room = None,
                _ => {}
            },
            Plan::Join { a, b, .. } if [*a, *b].contains(&its) => room = None,
            _ => {}
        }
    }
    room
}

/// A direct call of the first two; the second consults with the third, then all three talk.
fn three(by_info: &str) -> Desk {
    let mut desk = desk(by_info);
    desk.call(CALLER, "200");
    press(&mut desk, CALLED, "*2300");
    assert_eq!(desk.hears(CALLER), ["moh/"]);
    press(&mut desk, CALLED, "*3");
    desk
}

fn press(desk: &mut Desk, at: &str, digits: &str) {
    match desk.world.plans.iter().any(|plan| matches!(plan, Plan::Direct { on: true, .. })) {
        true => desk.press_by_info(at, digits),
        false => desk.press(at, digits),
    }
}

/// `atxferthreeway`: all three are in one room, both who talked hear the sound, digits go to both others, `explain` and
/// the list of bridges say so; who transferred leaves, and the other two talk directly.
#[test]
fn a_transferer_takes_both_into_one_call() {
    let mut desk = three("dtmf_mode=info");
    let rooms = [CALLER, CALLED, THIRD].map(|at| room(&mut desk, at));
    assert!(rooms[0].is_some_and(|(_, seat)| seat == Seat::FULL), "{rooms:?}");
    assert!(rooms.iter().all(|room| *room == rooms[0]), "{rooms:?}");
    let heard = [CALLER, CALLED, THIRD].map(|at| desk.hears(at).join(" "));
    assert_eq!(heard, ["", "beep", "beep"], "the music is over, xfersound");
    desk.played(CALLED);
    desk.played(THIRD);
    for name in ["PJSIP/100-00000000", "PJSIP/200-00000001", "PJSIP/300-00000002"] {
        let failed = desk.failed(name);
        assert!(failed.contains(&"exactly two channels in the bridge".to_owned()), "{failed:?}");
    }
    let Reply::Bridges(bridges) = desk.world.command(Command::Bridges) else { panic!("bridges") };
    assert_eq!((bridges.len(), bridges[0].technology, bridges[0].channels.len()), (1, "softmix", 3));
    desk.sent.clear();
    desk.press_by_info(THIRD, "7");
    let told: Vec<&String> = desk.sent.iter().filter(|text| text.contains("Signal=7")).collect();
    let to_itself = told.iter().any(|text| text.starts_with("INFO sip:phone@127.0.0.1:6300"));
    assert!(told.len() == 2 && !to_itself, "{told:?}");
    desk.bye(CALLED);
    assert_eq!((desk.told(CALLER), desk.told(THIRD)), ("127.0.0.1:7300".into(), "127.0.0.1:7000".into()));
    assert!([CALLER, CALLED, THIRD].iter().all(|at| room(&mut desk, at).is_none()));
    assert_eq!(desk.hears(THIRD), Vec::<String>::new(), "the sound came once");
    assert_eq!(desk.alive(), ["PJSIP/100-00000000", "PJSIP/300-00000002"]);
    desk.bye(THIRD);
    desk.ends_clean();
}

/// The target leaves, or who was transferred, by hanging up or by the disconnect code: the others go on as two.
#[test]
fn one_of_three_leaves() {
    for (who, stay) in [(CALLER, [CALLED, THIRD]), (THIRD, [CALLER, CALLED])] {
        let mut desk = three("dtmf_mode=info");
        desk.played(CALLED);
        desk.played(THIRD);
        desk.bye(who);
        assert!(stay.iter().all(|at| room(&mut desk, at).is_none()), "{who}");
        let audio = |at: &str| at.replace(":6", ":7").replace("7100", "7000");
        assert_eq!(desk.told(stay[0]), audio(stay[1]), "{who}");
        assert_eq!(desk.told(stay[1]), audio(stay[0]), "{who}");
        assert_eq!(desk.alive().len(), 2, "{who}");
        desk.bye(stay[1]);
        desk.ends_clean();
    }
    let mut desk = three("direct_media=no");
    desk.press(CALLER, "5*");
    assert_eq!((desk.digits_to(CALLED), desk.digits_to(THIRD)), ("5".into(), "5".into()));
    assert_eq!(desk.alive(), ["PJSIP/200-00000001", "PJSIP/300-00000002"], "H of Dial: he leaves");
    desk.bye(CALLED);
    desk.ends_clean();
}

/// After a swap it works as well; while the target rings there is nobody to join. A codec that is not opened here is no
/// call of three: the consultation goes on.
#[test]
fn three_after_a_swap_and_none_too_early() {
    let mut desk = desk("dtmf_mode=info");
    desk.call(CALLER, "200");
    desk.phone(THIRD).rings = true;
    desk.press_by_info(CALLED, "*2300*3");
    assert!(room(&mut desk, CALLED).is_none());
    desk.answer_ringing(THIRD);
    desk.press_by_info(CALLED, "*4");
    assert_eq!(desk.hears(THIRD), ["moh/"]);
    desk.press_by_info(CALLED, "*3");
    let rooms = [CALLER, CALLED, THIRD].map(|at| room(&mut desk, at));
    assert!(rooms[0].is_some() && rooms.iter().all(|room| *room == rooms[0]), "{rooms:?}");
    assert_eq!(desk.hears(THIRD), ["beep"]);
    desk.bye(CALLED);
    desk.bye(CALLER);
    desk.ends_clean();
}

fn originate(desk: &mut Desk, resource: &str, application: &str, data: &str) {
    let to = OriginateTo::Application { name: application.into(), data: data.into() };
    let command = Command::Originate { technology: "LOCAL".into(), resource: resource.into(), to };
    let sent = desk.world.handle(Input::Command { token: 1, command });
    desk.deliver(sent);
}

/// A phone comes into a conference through a Local channel, as caller and as called: it is in the room itself, its digits
/// and its end are the party's, and `explain` says why its media is here.
#[test]
fn a_local_channel_attends_a_conference() {
    for exten in ["7", "originated"] {
        let mut desk = desk("");
        desk.call(THIRD, "6");
        match exten {
            "7" => desk.call(CALLER, "7"),
            _ => originate(&mut desk, "100@phones", "ConfBridge", "six"),
        }
        assert_eq!(room(&mut desk, CALLER), room(&mut desk, THIRD), "{exten}");
        assert!(room(&mut desk, CALLER).is_some(), "{exten}");
        let text = super::rooms::type_in(&mut desk.world, "confbridge list six");
        assert!(text.contains("Local/"), "{text}");
        desk.bye(CALLER);
        assert_eq!(desk.alive(), ["PJSIP/300-00000000"], "{exten}");
        desk.bye(THIRD);
        desk.ends_clean();
    }
}

/// Another phone comes to where the first one was: it has the seat, and the first one is out.
#[test]
fn the_seat_follows_the_phone_behind_a_local_channel() {
    let mut desk = desk("");
    originate(&mut desk, "100@phones", "ConfBridge", "six");
    let seat = room(&mut desk, CALLER).expect("a seat");
    assert_eq!(desk.hears(CALLER), ["conf-onlyperson"]);
    desk.request(CALLER, usize::MAX, "REFER", "Refer-To: <sip:300@127.0.0.1>\r\n", "");
    assert!(room(&mut desk, CALLER).is_none());
    // The Local channel's dialplan is over with its Dial: nobody is behind it.
    desk.bye(CALLER);
    desk.bye(THIRD);
    desk.ends_clean();
    let _ = seat;
    let mut desk = self::desk("");
    originate(&mut desk, "100@phones", "ConfBridge", "six");
    let seat = room(&mut desk, CALLER).expect("a seat");
    // The second phone takes the first one's call over.
    desk.call_replacing(CALLED, CALLER, 0);
    assert_eq!((room(&mut desk, CALLER), room(&mut desk, CALLED)), (None, Some(seat)));
    desk.bye(CALLED);
    desk.ends_clean();
}

/// `BridgeWait` and `ChanSpy` on Local channels, and a spy on one.
#[test]
fn a_local_channel_waits_and_listens_in() {
    let mut desk = desk("");
    desk.call(CALLER, "8");
    assert_eq!(room(&mut desk, CALLER).map(|(_, seat)| seat), Some(Seat::LISTENER));
    assert_eq!(desk.hears(CALLER), ["moh/"]);
    desk.bye(CALLER);
    desk.ends_clean();
    let mut desk = self::desk("");
    desk.call(CALLER, "7");
    desk.call(THIRD, "4");
    let (spied, spies) = (desk.port_of(CALLER), desk.port_of(THIRD));
    let ordered = |desk: &Desk| -> Option<Spy> {
        let last = desk.world.plans.iter().rev().find_map(|plan| match plan {
            Plan::Sound { port, order } if *port == spies => match &**order {
                SoundOrder::Spy(spy) => Some(spy.as_deref().cloned()),
                _ => None,
            },
            _ => None,
        });
        last.flatten()
    };
    assert_eq!(ordered(&desk).map(|spy| spy.target), Some(spied));
    desk.bye(CALLER);
    assert_eq!(ordered(&desk), None);
    desk.bye(THIRD);
    desk.ends_clean();
}

/// Both bridges beside a Local channel that stays have the same two phones: they are in one room, entered once, and stay
/// there until both bridges are done with it.
#[test]
fn two_bridges_beside_a_local_channel_share_a_room() {
    let mut desk = desk("");
    desk.call(CALLER, "3");
    let (one, two) = (desk.port_of(CALLER), desk.port_of(THIRD));
    assert!(room_of(&desk, one).is_some());
    assert_eq!(room_of(&desk, one), room_of(&desk, two));
    for its in [one, two] {
        let entered = desk.world.plans.iter().filter(|plan| match plan {
            Plan::Sound { port, order } => *port == its && matches!(**order, SoundOrder::Enter { .. }),
            _ => false,
        });
        assert_eq!(entered.count(), 1);
    }
    let Reply::Bridges(bridges) = desk.world.command(Command::Bridges) else { panic!("bridges") };
    assert_eq!(bridges.len(), 2);
    super::rooms::type_in(&mut desk.world, "mixmonitor stop PJSIP/100-00000000");
    desk.bye(THIRD);
    desk.ends_clean();
}
