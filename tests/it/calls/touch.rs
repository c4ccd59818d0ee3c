//! One-touch recording by code and by INFO on a call whose media is direct.

use super::desk::Desk;
use super::phone::{CALLED, CALLER};
use super::sounds::recordings;
use jackfield::bridge::{MediaEvent, Plan, PortId, Sides, SoundEnd, SoundId, SoundOrder};
use jackfield::switch::io::Input;

const FEATURES: (&str, &str) =
    ("features.conf", "[general]\ncourtesytone=beep\n[featuremap]\nautomixmon => *3\nautomon => *5\n");

fn direct(options: &str, letters: &str) -> Desk {
    let plan = format!("[phones]\nexten => 200,1,Dial(PJSIP/200,20,{letters})\n");
    let options = format!("dtmf_mode=info\n{options}");
    let mut desk = Desk::new([&options; 3], &plan);
    desk.services(&[FEATURES]);
    desk.call(CALLER, "200");
    assert_eq!(desk.both(), ["127.0.0.1:7200", "127.0.0.1:7000"], "direct media stands");
    desk
}

/// Recordings that were told to stop.
fn stopped(desk: &Desk, (port, id): (PortId, SoundId)) -> bool {
    desk.world.plans.iter().any(|plan| match plan {
        Plan::Sound { port: its, order } => {
            *its == port && matches!(&**order, SoundOrder::Stop { id: it } if *it == id)
        }
        _ => false,
    })
}

/// The file of a stopped recording is complete.
fn complete(desk: &mut Desk, (port, id): (PortId, SoundId)) {
    let sent = desk.world.handle(Input::Media(MediaEvent::SoundEnded { port, id, end: SoundEnd::Stopped }));
    desk.deliver(sent);
}

fn beeps(desk: &mut Desk) {
    for at in [CALLER, CALLED] {
        assert_eq!(desk.hears(at), ["beep"], "courtesytone");
        desk.played(at);
    }
}

/// S4-129, D1: `x`: the code begins to record, the media comes in; the same code ends it, and the media goes out again.
#[test]
fn recording_by_code_takes_direct_media_in_and_gives_it_back() {
    for (code, letters, feature) in [("*3", "xX", "MixMonitor()"), ("*5", "wW", "Monitor()")] {
        let mut desk = direct("", letters);
        desk.press_by_info(CALLED, code);
        let begun = recordings(&desk.world);
        let (port, id, path, sides) = begun[0].clone();
        assert_eq!(begun.len(), 1);
        assert!(path.starts_with("auto-1800000") && path.ends_with("-200-100.wav"), "{path}");
        assert_eq!((sides, port), (Sides::Mixed, desk.port_of(CALLED)));
        beeps(&mut desk);
        assert_eq!(desk.failed("PJSIP/100-00000000"), [format!("media not needed by {feature}")]);
        assert!(!desk.both().contains(&"127.0.0.1:7000".to_owned()), "it is here");
        // The other side may end it as well.
        desk.press_by_info(CALLER, code);
        assert!(stopped(&desk, (port, id)));
        complete(&mut desk, (port, id));
        beeps(&mut desk);
        assert_eq!(desk.both(), ["127.0.0.1:7200", "127.0.0.1:7000"], "direct again");
        assert_eq!(recordings(&desk.world).len(), 1);
        desk.bye(CALLER);
        desk.ends_clean();
    }
}

fn answers(desk: &mut Desk, at: &str, value: &str) -> String {
    let before = desk.sent.len();
    desk.request(at, usize::MAX, "INFO", &format!("Record: {value}\r\n"), "");
    let answer =
        desk.sent[before..].iter().find(|text| text.starts_with("SIP/2.0") && text.contains(" INFO\r\n"));
    answer.expect("an answer")[8..11].to_owned()
}

/// `Record: on` and `off` by INFO: with one_touch_recording, a code, and the letter; else 403.
#[test]
fn recording_is_asked_for_by_info() {
    let mut desk = direct("one_touch_recording=yes", "x");
    assert_eq!(answers(&mut desk, CALLED, "on"), "200");
    let (port, id, ..) = recordings(&desk.world)[0].clone();
    beeps(&mut desk);
    assert_eq!(desk.failed("PJSIP/200-00000001"), ["media not needed by MixMonitor()"]);
    // Once more changes nothing.
    assert_eq!(answers(&mut desk, CALLED, "on"), "200");
    assert!(!stopped(&desk, (port, id)));
    assert_eq!(answers(&mut desk, CALLED, "off"), "200");
    assert!(stopped(&desk, (port, id)));
    complete(&mut desk, (port, id));
    beeps(&mut desk);
    assert_eq!(desk.both(), ["127.0.0.1:7200", "127.0.0.1:7000"], "direct again");
    // The caller has no letter X.
    assert_eq!(answers(&mut desk, CALLER, "on"), "403");
    desk.bye(CALLER);
    desk.ends_clean();
    for (options, letters) in [("", "xX"), ("one_touch_recording=yes\nrecord_on_feature=blindxfer", "xX")] {
        let mut desk = direct(options, letters);
        assert_eq!(answers(&mut desk, CALLED, "on"), "403", "{options}");
        assert!(recordings(&desk.world).is_empty());
    }
    let mut desk =
        direct("one_touch_recording=yes\nrecord_on_feature=automon\nrecord_off_feature=automon", "w");
    assert_eq!(answers(&mut desk, CALLED, "on"), "200");
    assert_eq!(recordings(&desk.world).len(), 1);
}
