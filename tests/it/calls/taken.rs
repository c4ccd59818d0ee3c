//! Channels that are taken from what they do, and channels whose place another one takes: nothing of it is left behind.

use super::desk::Desk;
use super::phone::{CALLED, CALLER, THIRD};
use super::seats::room;
use jackfield::bridge::{Plan, SoundOrder};
use jackfield::switch::view::{Command, Reply};

const PLAN: &str = "[phones]\ninclude => parkedcalls\nexten => _[1-3]00,1,Dial(PJSIP/${EXTEN},20,tTkK)\n same => n,Hangup(21)\n\
    exten => 21,1,Answer(0,i)\n same => n,MusicOnHold()\nexten => 22,1,Answer(0,i)\n same => n,Record(a.wav,,,q)\n\
    exten => 23,1,Answer(0,i)\n same => n,Echo()\nexten => 24,1,Answer(0,i)\n same => n,Busy()\n\
    exten => 3,1,Bridge(PJSIP/100-00000000)\n\
    exten => 4,1,ChannelRedirect(PJSIP/100-00000000,phones,5,1)\nexten => 5,1,Wait(50)\n\
    exten => 6,1,ConfBridge(six)\nexten => 7,1,Answer(0,i)\n same => n,Playback(menu)\n\
    exten => 8,1,Answer(0,i)\n same => n,Originate(PJSIP/300,exten,phones,5,1)\n same => n,Hangup(17)\n\
    exten => 9,1,ConfBridge(nine,,pin)\n\
    exten => 10,1,Dial(Local/11@phones/n)\nexten => 11,1,Park(,r)\n\
    exten => *8,1,Pickup()\n[parkedcalls]\n";

fn desk(lot: &str) -> Desk {
    let lots = format!("[default]\nparkext=700\nparkpos=701-702\n{lot}");
    let mut desk = Desk::new(["dtmf_mode=info\ncall_group=1\npickup_group=1"; 3], PLAN);
    desk.services(&[
        ("features.conf", "[featuremap]\nblindxfer => #1\natxfer => *2\nparkcall => #72\n[general]\natxfernoanswertimeout=5\n\
            [applicationmap]\nask => 8,peer,Playback,who\n"),
        ("res_parking.conf", &lots),
        ("confbridge.conf", "[pin]\ntype=user\npin=42\n"),
    ]);
    desk
}

fn nothing() -> Vec<String> {
    Vec::new()
}

fn bye_to(desk: &Desk, at: &str) -> bool {
    desk.sent.iter().any(|text| text.starts_with("BYE") && text.contains(at))
}

/// Whether a phone is recorded, or hears itself.
fn is_used(desk: &mut Desk, at: &str) -> bool {
    let its = desk.port_of(at);
    let mut used = false;
    for plan in &desk.world.plans {
        match plan {
            Plan::Sound { port, order } if *port == its => match **order {
                SoundOrder::Record { .. } => used = true,
                SoundOrder::Stop { .. } => used = false,
                _ => {}
            },
            Plan::Join { a, b, .. } if *a == its && *b == its => used = true,
            Plan::Unjoin { port } if *port == its => used = false,
            _ => {}
        }
    }
    used
}

/// `Bridge` and `ChannelRedirect` end what the other channel hears, says and records.
#[test]
fn an_application_that_a_channel_is_taken_from_ends() {
    for exten in ["21", "22", "23", "24"] {
        for taker in ["3", "4"] {
            let mut desk = desk("");
            desk.call(CALLER, exten);
            assert!(is_used(&mut desk, CALLER) || desk.hears(CALLER).len() == 1, "{exten}");
            desk.call(THIRD, taker);
            assert_eq!(desk.hears(CALLER), nothing(), "{exten} {taker}");
            assert!(!is_used(&mut desk, CALLER), "{exten} {taker}");
            if taker == "3" {
                assert_eq!(desk.told(CALLER), "127.0.0.1:7300", "{exten}: they talk");
            }
            desk.bye(CALLER);
            if taker == "3" {
                desk.bye(THIRD);
            }
            desk.ends_clean();
        }
    }
}

/// `ChannelRedirect` out of a call: who is left behind hears no silence; it ends as if the other one had hung up.
#[test]
fn who_is_left_behind_by_a_redirect_is_hung_up() {
    let mut desk = desk("");
    desk.call(CALLER, "200");
    desk.call(THIRD, "4");
    assert!(bye_to(&desk, "127.0.0.1:6200"));
    assert_eq!(desk.alive(), ["PJSIP/100-00000000"]);
    desk.bye(CALLER);
    desk.ends_clean();
    // The called side of the call.
    let mut desk = self::desk("");
    desk.call(CALLED, "100");
    desk.sent.clear();
    desk.call(THIRD, "4");
    assert_eq!(desk.alive().len(), 2, "that was another channel");
    desk.bye(CALLED);
    desk.ends_clean();
}

/// Transferred while an application of features.conf runs on it: it goes there with nothing left of the application.
#[test]
fn a_transfer_takes_a_channel_out_of_an_application_of_features_conf() {
    let plan = "[phones]\nexten => 200,1,Set(__DYNAMIC_FEATURES=ask)\n same => n,Dial(PJSIP/200,20,tT)\n same => n,Hangup(21)\n\
        exten => 300,1,Dial(PJSIP/300,20,g)\n same => n,NoOp()\n";
    let mut desk = Desk::new(["dtmf_mode=info"; 3], plan);
    desk.services(&[("features.conf", "[applicationmap]\nask => 8,peer,Playback,who\n")]);
    desk.call(CALLER, "200");
    desk.press_by_info(CALLED, "8");
    assert_eq!(desk.hears(CALLER), ["who"]);
    desk.request(CALLED, usize::MAX, "REFER", "Refer-To: <sip:300@127.0.0.1>\r\n", "");
    assert_eq!(desk.hears(CALLER), nothing());
    assert_eq!((desk.told(CALLER), desk.told(THIRD)), ("127.0.0.1:7300".into(), "127.0.0.1:7000".into()));
    desk.sent.clear();
    desk.bye(THIRD);
    assert!(bye_to(&desk, "127.0.0.1:6100"), "no other dialplan goes on");
    assert_eq!(desk.alive(), nothing());
    desk.ends_clean();
}

fn shown(desk: &mut Desk) -> String {
    match desk.world.command(Command::Parking { lot: Some("default".into()) }) {
        Reply::Done(text) => text,
        other => panic!("{other:?}"),
    }
}

/// Another phone takes a parked one's place (INVITE with Replaces): it has the space and the music, whoever parked it.
#[test]
fn a_parked_call_is_taken_over_by_another_phone() {
    for called in [false, true] {
        let mut desk = desk("");
        match called {
            false => {
                desk.call(CALLER, "700");
                desk.played(CALLER);
            }
            true => {
                desk.call(CALLED, "100");
                desk.press_by_info(CALLED, "#72");
                desk.played(CALLED);
            }
        }
        assert_eq!(desk.hears(CALLER), ["moh/"], "{called}");
        desk.call_replacing(THIRD, CALLER, 0);
        assert_eq!(desk.hears(THIRD), ["moh/"], "{called}");
        assert!(shown(&mut desk).contains("PJSIP/300-"), "{called}: {}", shown(&mut desk));
        assert_eq!(desk.alive().len(), 1);
        desk.call(CALLED, "701");
        assert_eq!(desk.hears(THIRD), nothing());
        assert_eq!(
            (desk.told(THIRD), desk.told(CALLED)),
            ("127.0.0.1:7200".into(), "127.0.0.1:7300".into()),
            "{called}: they talk"
        );
        assert!(shown(&mut desk).contains("(none)"));
        desk.bye(CALLED);
        desk.ends_clean();
    }
}

/// Taken over while its `Originate` waits for the answer: the new one goes on with it.
#[test]
fn who_waits_for_an_originated_call_is_taken_over() {
    let mut desk = desk("");
    desk.phone(THIRD).rings = true;
    desk.call(CALLER, "8");
    desk.call_replacing(CALLED, CALLER, 0);
    desk.sent.clear();
    desk.answer_ringing(THIRD);
    assert!(bye_to(&desk, "127.0.0.1:6200"), "its dialplan goes on to Hangup: {:?}", desk.sent);
    desk.bye(THIRD);
    desk.ends_clean();
}

/// In the middle of a transfer nobody is taken over: the phone that asks is refused, and the transfer goes on.
#[test]
fn who_waits_for_a_transfer_is_not_taken_over() {
    let mut desk = desk("");
    desk.call(CALLER, "200");
    desk.phone(THIRD).rings = true;
    desk.press_by_info(CALLED, "*2300");
    desk.bye(CALLED);
    assert_eq!(desk.hears(CALLER), ["tone"]);
    desk.call_replacing(CALLED, CALLER, 0);
    assert_eq!(desk.hears(CALLER), ["tone"]);
    desk.answer_ringing(THIRD);
    assert_eq!((desk.told(CALLER), desk.told(THIRD)), ("127.0.0.1:7300".into(), "127.0.0.1:7000".into()));
    desk.bye(CALLER);
    desk.ends_clean();
}

/// REFER with Replaces of a call that is in an application: who is transferred is in it from then on.
#[test]
fn an_attended_transfer_leads_into_an_application() {
    for exten in ["6", "7", "21", "23", "700"] {
        let mut desk = desk("");
        desk.call(CALLER, "200");
        desk.call(CALLED, exten);
        let seat = room(&mut desk, CALLED);
        assert_eq!(seat.is_some(), exten == "6");
        let replaces = desk.replaces(CALLED, 1);
        let lines = format!("Refer-To: <sip:x@127.0.0.1?Replaces={replaces}>\r\n");
        desk.request(CALLED, 0, "REFER", &lines, "");
        assert!(desk.sent.iter().any(|text| text.starts_with("SIP/2.0 202")), "{exten}");
        let left: Vec<String> = desk.alive().into_iter().filter(|name| !name.starts_with("Local/")).collect();
        assert_eq!(left, ["PJSIP/100-00000000"], "{exten}");
        match exten {
            "6" => {
                assert_eq!(room(&mut desk, CALLER), seat);
                assert_eq!(room(&mut desk, CALLED), None);
            }
            "7" => assert_eq!(desk.hears(CALLER), ["menu"]),
            "21" => assert_eq!(desk.hears(CALLER), ["moh/"]),
            "23" => assert!(is_used(&mut desk, CALLER)),
            "700" => {
                assert_eq!(desk.hears(CALLER), ["moh/"]);
                desk.call(CALLED, "701");
                assert_eq!(desk.hears(CALLER), nothing());
            }
            _ => unreachable!("all are named"),
        }
        desk.bye(CALLER);
        desk.ends_clean();
    }
}

/// A call that was taken from a lot, or picked up, is parked again: who parks hears the space before he is hung up.
#[test]
fn who_parks_a_parked_call_again_hears_the_space() {
    let mut desk = desk("parkedcallreparking=caller\n");
    desk.call(CALLER, "700");
    desk.played(CALLER);
    desk.call(THIRD, "701");
    desk.press_by_info(THIRD, "#72");
    assert_eq!(desk.hears(THIRD), ["digits/7&digits/0&digits/1"]);
    assert!(!bye_to(&desk, "127.0.0.1:6300"));
    desk.played(THIRD);
    assert!(bye_to(&desk, "127.0.0.1:6300"));
    assert_eq!(desk.hears(CALLER), ["moh/"]);
    desk.bye(CALLER);
    desk.ends_clean();
}

/// Behind a Local channel, too, ringing in the lot ends when the call is taken.
#[test]
fn ringing_in_the_lot_ends_behind_a_local_channel() {
    let mut desk = desk("");
    desk.call(CALLER, "10");
    desk.played(CALLER);
    assert_eq!(desk.hears(CALLER), ["tone"]);
    desk.call(THIRD, "701");
    assert_eq!(desk.hears(CALLER), nothing());
    desk.bye(THIRD);
    desk.ends_clean();
}

/// Nobody answered a transfer, who transferred is called back, and another one picks that up: they talk.
#[test]
fn a_transfer_that_comes_back_is_picked_up() {
    for transferer in [CALLED, CALLER] {
        let mut desk = desk("");
        desk.call(CALLER, "200");
        desk.phone(THIRD).rings = true;
        desk.press_by_info(transferer, "*2300");
        desk.bye(transferer);
        desk.phone(transferer).rings = true;
        desk.wait(5_100);
        assert_eq!(desk.alive().len(), 2, "called back");
        desk.call(THIRD, "*8");
        let other = if transferer == CALLED { CALLER } else { CALLED };
        assert_eq!(desk.told(other), "127.0.0.1:7300", "{transferer}");
        assert_eq!(desk.alive().len(), 2);
        desk.bye(THIRD);
        desk.ends_clean();
    }
}

/// The pin of a conference is asked for again when another phone takes the call over, and not for ever.
#[test]
fn a_pin_is_asked_for_on_the_new_phone() {
    let mut desk = desk("");
    desk.call(CALLER, "9");
    assert_eq!(desk.hears(CALLER), ["conf-getpin"]);
    desk.call_replacing(THIRD, CALLER, 0);
    assert_eq!(desk.hears(THIRD), ["conf-getpin"]);
    desk.press_by_info(THIRD, "42");
    assert!(room(&mut desk, THIRD).is_some());
    desk.bye(THIRD);
    desk.ends_clean();
}

/// Both halves of one Local channel are no call.
#[test]
fn a_local_channel_is_not_joined_with_itself() {
    let plan = "[phones]\nexten => 1,1,Dial(Local/100@phones/n)\nexten => 100,1,Dial(PJSIP/100)\n";
    let mut desk = Desk::new([""; 3], plan);
    desk.call(CALLER, "1");
    let replaces = desk.replaces(CALLER, 1);
    let lines = format!("Refer-To: <sip:x@127.0.0.1?Replaces={replaces}>\r\n");
    desk.request(CALLER, 0, "REFER", &lines, "");
    assert_eq!(desk.alive().len(), 4, "refused");
    desk.bye(CALLER);
    desk.ends_clean();
}

/// A limit goes along where both calls of a phone are put together by REFER.
#[test]
fn a_limit_is_kept_when_two_calls_are_put_together() {
    let plan = "[phones]\nexten => 200,1,Dial(PJSIP/200,20,S(20))\nexten => 300,1,Dial(PJSIP/300,20)\n";
    let mut desk = Desk::new([""; 3], plan);
    desk.call(CALLER, "200");
    desk.call(CALLED, "300");
    let replaces = desk.replaces(CALLED, 1);
    let lines = format!("Refer-To: <sip:x@127.0.0.1?Replaces={replaces}>\r\n");
    desk.request(CALLED, 0, "REFER", &lines, "");
    assert_eq!((desk.told(CALLER), desk.told(THIRD)), ("127.0.0.1:7300".into(), "127.0.0.1:7000".into()));
    desk.wait(19_900);
    assert_eq!(desk.alive().len(), 2);
    desk.wait(200);
    assert_eq!(desk.alive(), nothing());
    desk.ends_clean();
}

/// After the hangup an application that is for a call ends the extension: nothing waits for ever on a dead channel. What
/// only stops something, or calls others, is done.
#[test]
fn nothing_begins_on_a_channel_that_is_gone() {
    for application in [
        "ConfBridge(x)",
        "BridgeWait()",
        "ChanSpy()",
        "Park()",
        "ParkAndAnnounce(default,,a:PARKED,PJSIP/300)",
        "ParkedCall(default,701)",
    ] {
        let plan = format!(
            "[phones]\nexten => 1,1,Answer(0,i)\n same => n,Hangup()\nexten => h,1,{application}\n same => n,Originate(PJSIP/300,app,Wait,9)\n"
        );
        let mut desk = Desk::new([""; 3], &plan);
        desk.services(&[("res_parking.conf", "[default]\nparkext=700\nparkpos=701-702\nparkingtime=5\n")]);
        desk.call(CALLER, "1");
        desk.ends_clean();
        assert!(!desk.sent.iter().any(|text| text.starts_with("INVITE")), "{application}: nobody is called");
    }
    let plan = "[phones]\nexten => 1,1,Answer(0,i)\n same => n,MixMonitor(a.wav)\n same => n,Hangup()\n\
        exten => h,1,StopMixMonitor()\n same => n,StopMonitor()\n same => n,StopMusicOnHold()\n same => n,StopPlayTones()\n\
        same => n,Originate(PJSIP/300,exten,quiet,5,1)\n same => n,Originate(PJSIP/200,exten,quiet,5,1)\n\
        [quiet]\nexten => 5,1,Hangup()\n";
    let mut desk = Desk::new([""; 3], plan);
    desk.call(CALLER, "1");
    desk.wait(100);
    for at in ["6300", "6200"] {
        let called = desk.sent.iter().any(|text| text.starts_with("INVITE") && text.contains(at));
        assert!(called, "{at} is called back");
    }
    desk.ends_clean();
}
