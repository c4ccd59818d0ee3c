//! Parking: by application, by code, by transfer; taken, given back, refused; lamps; and where the media is meanwhile.

use super::desk::Desk;
use super::phone::{CALLED, CALLER, THIRD};
use jackfield::switch::view::{Command, Reply};

const DIAL: &str = "[phones]\ninclude => parkedcalls\nexten => _[1-3]00,1,Dial(PJSIP/${EXTEN},20,tTkK)\nexten => 9,1,Park(,t(3)c(phones,555,1))\n\
    exten => 555,1,Answer(0,i)\n same => n,Hangup(19)\nexten => 8,1,Park(nowhere)\n same => n,Hangup(21)\n\
    exten => 7,1,ParkAndAnnounce(default,,vm-extension:PARKED,PJSIP/300)\n[parkedcalls]\n";
const CODES: (&str, &str) = ("features.conf", "[featuremap]\nparkcall => #72\n");

fn lots(more: &str) -> [(&str, &str); 2] {
    [CODES, ("res_parking.conf", more)]
}

fn desk(lot: &str) -> Desk {
    let text = format!("[default]\nparkext=700\nparkpos=701-702\n{lot}");
    let mut desk = Desk::new(["dtmf_mode=info"; 3], DIAL);
    desk.services(&lots(&text));
    desk
}

/// A direct call from 100 to 200.
fn direct(lot: &str) -> Desk {
    let mut desk = desk(lot);
    desk.call(CALLER, "200");
    assert_eq!(desk.both(), ["127.0.0.1:7200", "127.0.0.1:7000"], "direct media stands");
    desk
}

fn shown(desk: &mut Desk) -> String {
    match desk.world.command(Command::Parking { lot: Some("default".into()) }) {
        Reply::Done(text) => text,
        other => panic!("{other:?}"),
    }
}

fn state(desk: &mut Desk, device: &str) -> String {
    match desk.world.command(Command::Hints) {
        Reply::Hints(all) => all
            .into_iter()
            .find(|hint| hint.hint == device)
            .map(|hint| hint.state.to_string())
            .unwrap_or_default(),
        other => panic!("{other:?}"),
    }
}

/// S1-43, S1-50, D1: parked by code out of a direct call: the media comes in, music plays, `explain` says why; taken, the
/// media goes out again.
#[test]
fn a_call_is_parked_by_code_and_taken() {
    let mut desk = direct("");
    desk.press_by_info(CALLED, "#72");
    assert_eq!(desk.hears(CALLED), ["digits/7&digits/0&digits/1"], "the space is said to who parked");
    assert_eq!(desk.hears(CALLER), ["moh/"]);
    let text = shown(&mut desk);
    for line in [
        "  Space               :  701",
        "  Channel             :  PJSIP/100-00000000",
        "  Parker Dial String  :  PJSIP/200",
    ] {
        assert!(text.lines().any(|shown| shown == line), "{text}");
    }
    let why = desk.failed("PJSIP/100-00000000");
    assert!(why.contains(&"media not needed by Park()".to_owned()), "{why:?}");
    desk.played(CALLED);
    assert_eq!(desk.alive(), ["PJSIP/100-00000000"], "who parked is hung up");
    assert!(!["127.0.0.1:7200"].contains(&&*desk.told(CALLER)), "its media is here");
    desk.call(THIRD, "701");
    assert_eq!(
        (desk.told(CALLER), desk.told(THIRD)),
        ("127.0.0.1:7300".into(), "127.0.0.1:7000".into()),
        "direct again"
    );
    assert_eq!(desk.hears(CALLER), Vec::<String>::new());
    assert!(shown(&mut desk).contains("(none)"));
    desk.bye(THIRD);
    assert_eq!(desk.alive(), Vec::<String>::new());
    desk.ends_clean();
}

/// A blind transfer by code to the lot's extension, and by REFER: who transferred is who parked.
#[test]
fn a_transfer_to_the_lot_parks() {
    let mut desk = direct("");
    desk.press_by_info(CALLER, "#700");
    assert_eq!(desk.hears(CALLER), ["digits/7&digits/0&digits/1"]);
    assert_eq!(desk.hears(CALLED), ["moh/"]);
    desk.played(CALLER);
    assert!(shown(&mut desk).contains("Parker Dial String  :  PJSIP/100"));
    desk.call(THIRD, "701");
    desk.bye(CALLED);
    desk.ends_clean();
    let mut desk = direct("");
    desk.request(CALLED, usize::MAX, "REFER", "Refer-To: <sip:700@127.0.0.1>\r\n", "");
    assert!(shown(&mut desk).contains("Parker Dial String  :  PJSIP/200"), "{}", shown(&mut desk));
    assert_eq!(desk.hears(CALLER), ["moh/"], "nothing is said to who was transferred");
    desk.bye(CALLER);
    desk.ends_clean();
}

/// Nobody takes it: who parked it is called, with the letters of the lot, and they talk directly again.
#[test]
fn a_parked_call_comes_back_to_who_parked_it() {
    let mut desk = direct("parkingtime=20\ncomebackdialtime=5\nparkedcalltransfers=caller\n");
    desk.press_by_info(CALLED, "#72");
    desk.played(CALLED);
    desk.wait(19_900);
    assert_eq!(desk.alive(), ["PJSIP/100-00000000"]);
    desk.wait(200);
    assert_eq!(desk.alive(), ["PJSIP/100-00000000", "PJSIP/200-00000002"]);
    assert_eq!(desk.both(), ["127.0.0.1:7200", "127.0.0.1:7000"], "direct");
    // `t`: who parked may transfer.
    desk.press_by_info(CALLED, "#300");
    assert_eq!(desk.alive(), ["PJSIP/100-00000000", "PJSIP/300-00000003"]);
    desk.bye(CALLER);
    desk.ends_clean();
    // He does not answer: the call is over.
    let mut desk = direct("parkingtime=20\ncomebackdialtime=5\n");
    desk.press_by_info(CALLED, "#72");
    desk.played(CALLED);
    desk.phone(CALLED).rings = true;
    desk.wait(20_100);
    assert_eq!(desk.alive().len(), 2);
    desk.wait(5_100);
    desk.ends_clean();
}

/// `Park()` itself: the caller hears its space, then music; `t`, `c`; with comebacktoorigin=no it goes to the context.
#[test]
fn a_dialplan_parks_its_caller() {
    let mut desk = desk("");
    desk.call(CALLER, "9");
    assert_eq!(desk.hears(CALLER), ["digits/7&digits/0&digits/1"]);
    desk.played(CALLER);
    assert_eq!(desk.hears(CALLER), ["moh/"]);
    desk.wait(2_900);
    assert_eq!(desk.alive().len(), 1);
    desk.wait(200);
    assert!(
        desk.sent.iter().any(|text| text.starts_with("BYE") && text.contains("cause=19")),
        "c(phones,555,1)"
    );
    desk.ends_clean();
    let mut desk = self::desk("comebacktoorigin=no\ncomebackcontext=phones\nparkingtime=10\n");
    desk.call(CALLER, "700");
    desk.wait(10_100);
    // Neither PJSIP_100 nor s is there: hung up, and said so.
    assert!(desk.sent.iter().any(|text| text.starts_with("BYE")));
    desk.ends_clean();
}

/// A full lot takes nobody; a lot or space that is not there is refused; both talk on.
#[test]
fn what_cannot_be_parked_is_told() {
    let mut desk = desk("");
    desk.call(CALLER, "700");
    desk.call(THIRD, "700");
    assert!(shown(&mut desk).contains(":  702"));
    desk.call(CALLED, "700");
    assert_eq!(desk.hears(CALLED), ["pbx-parkingfailed"]);
    desk.bye(CALLED);
    desk.bye(THIRD);
    desk.bye(CALLER);
    desk.ends_clean();
    let mut desk = self::desk("");
    desk.call(CALLER, "8");
    assert_eq!(desk.hears(CALLER), ["pbx-parkingfailed"]);
    desk.bye(CALLER);
    desk.call(CALLER, "702");
    assert_eq!(desk.hears(CALLER), ["pbx-invalidpark"], "nobody is parked there");
    desk.bye(CALLER);
    desk.ends_clean();
    let mut desk = direct("parkpos=701-701\n");
    desk.call(THIRD, "700");
    desk.press_by_info(CALLED, "#72");
    assert_eq!(desk.hears(CALLED), ["pbx-parkingfailed"], "the lot is full");
    desk.played(CALLED);
    assert_eq!(desk.both(), ["127.0.0.1:7200", "127.0.0.1:7000"], "they talk on, directly");
    desk.bye(THIRD);
    desk.bye(CALLER);
    desk.ends_clean();
}

/// findslot=next, hints of the spaces, courtesy tones, and somebody who hangs up while parked.
#[test]
fn spaces_are_watched_and_given_in_turn() {
    let mut desk = desk("findslot=next\nparkinghints=yes\ncourtesytone=beep\nparkedplay=both\n");
    assert_eq!(state(&mut desk, "park:701@parkedcalls"), "Idle");
    desk.call(CALLER, "700");
    desk.played(CALLER);
    assert_eq!(state(&mut desk, "park:701@parkedcalls"), "InUse");
    desk.bye(CALLER);
    assert_eq!(state(&mut desk, "park:701@parkedcalls"), "Idle");
    desk.call(CALLER, "700");
    assert_eq!(state(&mut desk, "park:702@parkedcalls"), "InUse");
    desk.played(CALLER);
    desk.call(THIRD, "702");
    assert_eq!((desk.hears(CALLER), desk.hears(THIRD)), (vec!["beep".into()], vec!["beep".into()]));
    desk.played(CALLER);
    desk.played(THIRD);
    assert_eq!((desk.told(CALLER), desk.told(THIRD)), ("127.0.0.1:7300".into(), "127.0.0.1:7000".into()));
    desk.bye(CALLER);
    desk.ends_clean();
}

/// `ParkAndAnnounce` calls somebody and says the space.
#[test]
fn a_space_is_announced_to_somebody() {
    let mut desk = desk("");
    desk.call(CALLER, "7");
    assert_eq!(desk.hears(CALLER), ["moh/"]);
    assert_eq!(desk.hears(THIRD), ["vm-extension&digits/7&digits/0&digits/1"]);
    desk.played(THIRD);
    desk.bye(CALLER);
    desk.ends_clean();
}
