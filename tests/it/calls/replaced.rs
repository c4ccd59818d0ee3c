//! Replaces, in an INVITE or a REFER, of a call that is no bridge of two: a conference's party, a parked call, music, a
//! waiting room, a spy; and of calls that cannot be replaced just then.

use super::desk::Desk;
use super::phone::{CALLED, CALLER, THIRD};
use super::rooms::type_in;
use jackfield::bridge::{Plan, Seat, SoundOrder};
use jackfield::switch::view::Level;

const DIAL: &str = "[phones]\ninclude => parkedcalls\nexten => _X00,1,Dial(PJSIP/${EXTEN},20,tTkK)\n same => n,Hangup()\n\
    exten => 6,1,ConfBridge(six,,,keys)\n same => n,Verbose(left ${CONFBRIDGE_RESULT})\n\
    exten => 7,1,Answer(0,i)\n same => n,MusicOnHold(default,30)\n same => n,Verbose(music over)\n same => n,Hangup()\n\
    exten => 8,1,BridgeWait(hall,,S(20))\n same => n,Verbose(waited)\n\
    exten => 9,1,ChanSpy(PJSIP/3,qS)\n same => n,Verbose(spied)\n\
    exten => 4,1,Park(,s)\n same => n,Hangup()\nexten => 3,1,Transfer(300)\n same => n,Verbose(went ${TRANSFERSTATUS} ${TRANSFERSTATUSPROTOCOL})\n same => n,Wait(1)\n[parkedcalls]\n";

fn desk(options: &str) -> Desk {
    let mut desk = Desk::new([options; 3], DIAL);
    desk.services(&[
        ("features.conf", "[featuremap]\natxfer => *2\nparkcall => #72\n"),
        ("res_parking.conf", "[default]\nparkext=700\nparkpos=701-702\nparkingtime=40\n"),
        ("confbridge.conf", "[keys]\ntype=menu\n1=toggle_mute\n8=leave_conference\n"),
    ]);
    desk.world.switch.ears().level = Level::Verbose;
    desk
}

fn said(desk: &Desk, what: &str) -> bool {
    super::rooms::said(&desk.world, what)
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

/// The seat of a conference goes to another phone, with what its menu had set; the dialplan goes on after it.
#[test]
fn a_seat_of_a_conference_is_taken_over() {
    let mut desk = desk("direct_media=no");
    desk.call(THIRD, "6");
    desk.call(CALLER, "6");
    desk.press(CALLER, "1");
    assert_eq!(seat(&mut desk, CALLER), Some(Seat::LISTENER));
    desk.played(CALLER);
    desk.call_replacing(CALLED, CALLER, 0);
    assert_eq!((seat(&mut desk, CALLER), seat(&mut desk, CALLED)), (None, Some(Seat::LISTENER)));
    assert_eq!(desk.alive(), ["PJSIP/300-00000000", "PJSIP/200-00000002"]);
    let list = type_in(&mut desk.world, "confbridge list six");
    assert!(list.contains("PJSIP/200-00000002") && !list.contains("PJSIP/100"), "{list}");
    desk.press(CALLED, "8");
    assert!(said(&desk, "left DTMF"));
    desk.bye(THIRD);
    desk.ends_clean();
}

/// Music, a waiting room and a spy begin anew for the phone that takes them over.
#[test]
fn what_plays_or_waits_begins_anew() {
    for (exten, heard) in [("7", "moh/"), ("8", "moh/"), ("9", "")] {
        let mut desk = desk("direct_media=no");
        desk.call(THIRD, "6");
        desk.played(THIRD);
        desk.call(CALLER, exten);
        let before = desk.world.plans.len();
        desk.call_replacing(CALLED, CALLER, 0);
        assert_eq!(desk.hears(CALLED).join(" "), heard, "{exten}");
        assert_eq!(desk.alive(), ["PJSIP/300-00000000", "PJSIP/200-00000002"], "{exten}");
        match exten {
            "8" => assert_eq!(seat(&mut desk, CALLED), Some(Seat::LISTENER)),
            "9" => {
                let its = desk.port_of(CALLED);
                let spies = desk.world.plans[before..].iter().any(|plan| match plan {
                    Plan::Sound { port, order } => {
                        *port == its && matches!(&**order, SoundOrder::Spy(Some(_)))
                    }
                    _ => false,
                });
                assert!(spies);
                desk.bye(THIRD);
                assert!(said(&desk, "spied"));
            }
            _ => {}
        }
        desk.wait(31_000);
        let over = ["music over", "waited", "spied"].iter().any(|text| said(&desk, text));
        assert!(over, "{exten}");
        if exten != "9" {
            desk.bye(THIRD);
        }
        desk.ends_clean();
    }
}

/// A parked call, parked by itself or by code (then without a dialplan): the other phone is parked there, hears the music,
/// and is taken or its time is over.
#[test]
fn a_parking_space_is_taken_over() {
    for by_code in [false, true] {
        let mut desk = desk("direct_media=no");
        match by_code {
            false => desk.call(CALLER, "4"),
            true => {
                desk.call(THIRD, "100");
                desk.press(THIRD, "#72");
                desk.played(THIRD);
            }
        }
        assert_eq!(desk.hears(CALLER), ["moh/"], "{by_code}");
        desk.call_replacing(CALLED, CALLER, 0);
        assert_eq!(desk.hears(CALLED), ["moh/"], "{by_code}");
        let lot = type_in(&mut desk.world, "parking show default");
        assert!(lot.contains("PJSIP/200-") && !lot.contains("PJSIP/100-"), "{lot}");
        desk.call(THIRD, "701");
        assert_eq!(desk.alive().len(), 2, "{by_code}: {:?}", desk.alive());
        assert_eq!(desk.hears(CALLED), Vec::<String>::new());
        assert!(!type_in(&mut desk.world, "parking show default").contains("PJSIP/200-"));
        desk.bye(THIRD);
        desk.ends_clean();
    }
}

/// A consultation by code cannot be replaced in the middle: 603, and it goes on.
#[test]
fn a_call_that_is_being_transferred_is_not_replaced() {
    let mut desk = desk("direct_media=no");
    desk.call(CALLER, "300");
    desk.sent.clear();
    desk.press(CALLER, "*26#");
    assert_eq!(desk.hears(THIRD), ["moh/"]);
    desk.call_replacing(CALLED, THIRD, 0);
    assert!(desk.sent.iter().any(|text| text.starts_with("SIP/2.0 603")));
    assert_eq!(desk.hears(THIRD), ["moh/"]);
    desk.bye(CALLER);
    desk.bye(THIRD);
    desk.ends_clean();
}

/// Attended transfer to or from a call that runs a dialplan: the partner is in the conference, through a Local channel,
/// whichever call the REFER comes in; the transferer is told and hung up.
#[test]
fn a_partner_is_transferred_into_a_conference() {
    for refer_in_conference in [false, true] {
        let mut desk = desk("direct_media=no");
        desk.call(THIRD, "6");
        desk.call(CALLER, "200");
        desk.call(CALLER, "6");
        let (refers, replaced) = if refer_in_conference { (1, 0) } else { (0, 1) };
        let replaces = desk.replaces(CALLER, replaced);
        let line = format!("Refer-To: <sip:x@127.0.0.1?Replaces={replaces}>\r\n");
        desk.request(CALLER, refers, "REFER", &line, "");
        assert!(seat(&mut desk, CALLED).is_some(), "{refer_in_conference}");
        let mut told = desk.sent.iter().filter(|text| text.starts_with("NOTIFY"));
        assert!(told.next_back().is_some_and(|text| text.contains("SIP/2.0 200")), "{:?}", desk.sent);
        let alive = desk.alive();
        assert!(alive.iter().all(|name| !name.starts_with("PJSIP/100")), "{alive:?}");
        let list = type_in(&mut desk.world, "confbridge list six");
        assert!(list.contains("Local/_attended@transfer-00000000;2"), "{list}");
        desk.bye(CALLED);
        assert_eq!(desk.alive(), ["PJSIP/300-00000000"]);
        desk.bye(THIRD);
        desk.ends_clean();
    }
}

/// A phone that was told to hold (`moh_passthrough`) is told to go on when a transfer gives it another partner; one that
/// heard music hears it no more.
#[test]
fn a_held_phone_is_resumed_by_a_transfer() {
    for options in ["direct_media=no\nmoh_passthrough=yes", "direct_media=no"] {
        let mut desk = desk(options);
        desk.call(CALLER, "200");
        desk.reinvite(CALLER, "a=sendonly\r\n");
        let passes = options.contains("moh_passthrough");
        let direction = |desk: &mut Desk| desk.phone(CALLED).last.contains("a=sendonly");
        assert_eq!((direction(&mut desk), desk.hears(CALLED).is_empty()), (passes, passes));
        desk.request(CALLER, usize::MAX, "REFER", "Refer-To: <sip:300@127.0.0.1>\r\n", "");
        assert!(!direction(&mut desk), "it may speak again");
        assert!(desk.hears(CALLED).is_empty());
        desk.bye(CALLED);
        desk.ends_clean();
    }
}

/// Who holds a call holds it also when another phone takes the held one's place.
#[test]
fn who_takes_a_held_call_over_hears_the_music() {
    let mut desk = desk("direct_media=no");
    desk.call(CALLER, "300");
    desk.reinvite(CALLER, "a=sendonly\r\n");
    assert_eq!(desk.hears(THIRD), ["moh/"]);
    desk.call_replacing(CALLED, THIRD, 0);
    assert_eq!((desk.hears(THIRD).join(""), desk.hears(CALLED)), (String::new(), vec!["moh/".to_owned()]));
    desk.reinvite(CALLER, "a=sendrecv\r\n");
    assert!(desk.hears(CALLED).is_empty());
    desk.bye(CALLER);
    desk.ends_clean();
}

/// `Transfer` by REFER that is accepted and of whose end nothing is ever heard: after three minutes the dialplan goes on.
#[test]
fn a_transfer_nobody_tells_the_end_of_is_given_up() {
    let mut desk = desk("direct_media=no");
    let plan = DIAL.replace("exten => 3,1,", "exten => 3,1,Answer()\n same => n,Wait(1)\n same => n,");
    super::phone::set_dialplan(&mut desk.world, &plan);
    desk.call(CALLER, "3");
    desk.wait(1_000);
    desk.wait(1_000);
    assert!(desk.sent.iter().any(|text| text.starts_with("REFER")), "{:?}", desk.world.events);
    desk.wait(178_000);
    assert!(!said(&desk, "went"));
    desk.wait(4_000);
    assert!(said(&desk, "went FAILURE 408"));
    desk.ends_clean();
}
