//! Features by digits: who may, what is passed on, transfers by code, and that direct media comes back for them and goes
//! again.

use super::desk::Desk;
use super::phone::{CALLED, CALLER, THIRD};

const DIAL: &str = "[phones]\nexten => _X00,1,Dial(PJSIP/${EXTEN},20,tThH)\n same => n,Hangup()\nexten => 2,1,NoOp()\n\
    exten => 555,1,Wait(60)\nexten => 556,1,Busy()\n";
const ATTENDED: (&str, &str) = (
    "features.conf",
    "[featuremap]\nblindxfer => ##\natxfer => *2\n[general]\natxferabort=*1\natxfercomplete=*3\n",
);

/// A direct call from 100 to 200, whose digits come by INFO.
fn direct(files: &[(&str, &str)], dialplan: &str) -> Desk {
    let mut desk = Desk::new(["dtmf_mode=info"; 3], dialplan);
    desk.services(files);
    desk.call(CALLER, "200");
    assert_eq!(desk.both(), ["127.0.0.1:7200", "127.0.0.1:7000"], "direct media stands");
    desk.changed();
    desk
}

fn is_home(told: &str) -> bool {
    !["127.0.0.1:7000", "127.0.0.1:7200", "127.0.0.1:7300"].contains(&told)
}

/// S1-50, D1: a blind transfer by code on a direct call: the media comes in, the prompts are heard, it goes out again.
#[test]
fn a_blind_transfer_takes_direct_media_in_and_gives_it_back() {
    let mut desk = direct(&[], DIAL);
    desk.press_by_info(CALLED, "#");
    assert!(desk.both().iter().all(|told| is_home(told)), "{:?}", desk.both());
    assert_eq!((desk.hears(CALLED), desk.hears(CALLER)), (vec!["pbx-transfer".into()], vec!["moh/".into()]));
    assert_eq!(
        desk.failed("PJSIP/200-00000001"),
        ["media not needed by a transfer by code"],
        "explain direct-media names it"
    );
    desk.played(CALLED);
    assert_eq!(desk.hears(CALLED), ["tone"], "the dial tone");
    desk.press_by_info(CALLED, "30");
    assert_eq!(desk.hears(CALLED), Vec::<String>::new());
    desk.press_by_info(CALLED, "0");
    assert_eq!(desk.hears(CALLER), Vec::<String>::new());
    assert_eq!(desk.told(CALLER), "127.0.0.1:7300", "direct with the third");
    assert_eq!(desk.told(THIRD), "127.0.0.1:7000");
    assert_eq!(desk.alive(), ["PJSIP/100-00000000", "PJSIP/300-00000002"]);
    desk.bye(CALLER);
    desk.ends_clean();
}

/// The caller transfers (`T`): the called side goes to the extension, the caller is hung up.
#[test]
fn the_caller_transfers_the_called_side() {
    let mut desk = direct(&[], DIAL);
    desk.press_by_info(CALLER, "#300");
    assert_eq!(desk.alive(), ["PJSIP/200-00000001", "PJSIP/300-00000002"]);
    assert_eq!(desk.told(CALLED), "127.0.0.1:7300");
    desk.bye(THIRD);
    desk.ends_clean();
}

/// A wrong extension may be dialled again; after transferdialattempts both talk again, directly.
#[test]
fn a_wrong_extension_is_asked_for_again() {
    let mut desk = direct(&[("features.conf", "[general]\ntransferdialattempts=2\n")], DIAL);
    desk.press_by_info(CALLED, "#99");
    assert_eq!(desk.hears(CALLED), ["pbx-invalid"]);
    desk.played(CALLED);
    assert_eq!(desk.hears(CALLED), ["tone"]);
    // Nothing dialled for three seconds is wrong, too.
    desk.wait(2_900);
    assert_eq!(desk.hears(CALLED), ["tone"]);
    desk.wait(200);
    assert_eq!(desk.hears(CALLED), ["privacy-incorrect"]);
    desk.press_by_info(CALLED, "1");
    desk.played(CALLED);
    assert_eq!(desk.both(), ["127.0.0.1:7200", "127.0.0.1:7000"], "direct again");
    assert_eq!(desk.hears(CALLER), Vec::<String>::new());
    // An extension that could be longer is taken when the time is over, or at once with `#`.
    desk.press_by_info(CALLED, "#2");
    desk.wait(2_000);
    assert_eq!(desk.alive().len(), 2);
    desk.press_by_info(CALLED, "#");
    desk.ends_clean();
}

/// S4-126, S1-37: without direct media the relay hears the digits; those that are no code are passed on, late but whole.
#[test]
fn the_relay_hears_codes_and_passes_the_rest() {
    let mut desk = Desk::new(["direct_media=no"; 3], DIAL);
    desk.services(&[("features.conf", "[featuremap]\nblindxfer => ##\ndisconnect => *0\n")]);
    desk.call(CALLER, "200");
    assert_eq!(
        desk.failed("PJSIP/100-00000000"),
        ["direct_media=yes on both", "no digits to listen for in the media"]
    );
    desk.press(CALLED, "1");
    assert_eq!(desk.digits_to(CALLER), "1");
    desk.press(CALLED, "#");
    assert_eq!(desk.digits_to(CALLER), "1", "it may become a code");
    desk.press(CALLED, "5");
    assert_eq!(desk.digits_to(CALLER), "1#5");
    desk.press(CALLED, "*");
    desk.wait(900);
    assert_eq!(desk.digits_to(CALLER), "1#5");
    desk.wait(200);
    assert_eq!(desk.digits_to(CALLER), "1#5*", "featuredigittimeout is over");
    // The caller's are heard as well.
    desk.press(CALLER, "7#*0");
    assert_eq!(desk.digits_to(CALLED), "7#");
    desk.ends_clean();
}

/// `h`, `H`: `*` ends the call; without the letter it is a digit.
#[test]
fn the_disconnect_code_is_for_who_may() {
    let plan = "[phones]\nexten => 200,1,Dial(PJSIP/200,20,H)\n";
    let mut desk = Desk::new(["direct_media=no"; 3], plan);
    desk.call(CALLER, "200");
    desk.press(CALLED, "*");
    // Nobody listens to this side: the relay passes its events by itself.
    assert_eq!((desk.alive().len(), desk.digits_to(CALLER)), (2, String::new()));
    desk.press(CALLER, "*");
    desk.ends_clean();
}

/// `BRIDGE_FEATURES` adds letters, `FEATUREMAP()` changes a code for one channel, and both are explained.
#[test]
fn variables_and_functions_change_what_digits_do() {
    let plan = "[phones]\nexten => 200,1,Set(BRIDGE_FEATURES=H)\n same => n,Set(FEATUREMAP(disconnect)=99)\n\
        same => n,Set(FEATURE(featuredigittimeout)=200)\n\
        same => n,Verbose(${FEATUREMAP(disconnect)}${FEATURE(featuredigittimeout)}${FEATUREMAP(blindxfer)})\n\
        same => n,Dial(PJSIP/200,20)\n";
    let mut desk = Desk::new([""; 3], plan);
    desk.call(CALLER, "200");
    assert_eq!(desk.failed("PJSIP/100-00000000"), ["no digits to listen for in the media"]);
    desk.press(CALLER, "*9");
    assert_eq!(desk.digits_to(CALLED), "*");
    desk.wait(250);
    assert_eq!(desk.digits_to(CALLED), "*9");
    desk.press(CALLER, "99");
    desk.ends_clean();
}

/// An attended transfer by code: consult, and hang up to complete it. Media comes in and goes out at each step.
#[test]
fn an_attended_transfer_is_completed_by_hanging_up() {
    let mut desk = direct(&[ATTENDED], DIAL);
    desk.phone(THIRD).rings = true;
    desk.press_by_info(CALLED, "*2300");
    assert!(desk.both().iter().all(|told| is_home(told)), "{:?}", desk.both());
    assert_eq!((desk.hears(CALLED), desk.hears(CALLER)), (vec!["tone".into()], vec!["moh/".into()]));
    assert!(desk.failed("PJSIP/100-00000000").contains(&"media not needed by a transfer by code".to_owned()));
    desk.answer_ringing(THIRD);
    assert_eq!((desk.hears(CALLED), desk.hears(CALLER)), (vec![], vec!["moh/".into()]));
    assert!(desk.failed("PJSIP/200-00000001").contains(&"media not needed by a transfer by code".to_owned()));
    desk.bye(CALLED);
    assert_eq!(desk.hears(THIRD), ["beep"], "xfersound");
    desk.played(THIRD);
    assert_eq!(desk.hears(CALLER), Vec::<String>::new());
    assert_eq!((desk.told(CALLER), desk.told(THIRD)), ("127.0.0.1:7300".into(), "127.0.0.1:7000".into()));
    assert_eq!(desk.alive(), ["PJSIP/100-00000000", "PJSIP/300-00000002"]);
    desk.bye(THIRD);
    desk.ends_clean();
}

/// The caller consults, is put through by the code, and the called side talks to the target.
#[test]
fn a_caller_completes_an_attended_transfer_by_code() {
    let mut desk = direct(&[ATTENDED], DIAL);
    desk.press_by_info(CALLER, "*2300");
    assert_eq!(desk.hears(CALLED), ["moh/"]);
    desk.press_by_info(CALLER, "*3");
    desk.played(THIRD);
    assert_eq!(desk.alive(), ["PJSIP/200-00000001", "PJSIP/300-00000002"]);
    assert_eq!((desk.told(CALLED), desk.told(THIRD)), ("127.0.0.1:7300".into(), "127.0.0.1:7200".into()));
    desk.bye(CALLED);
    desk.ends_clean();
}

/// The target is busy, does not answer, hangs up, or is given up by `*1`: both talk again, directly.
#[test]
fn a_failed_consultation_leads_back() {
    for way in ["busy", "no answer", "hangs up", "abort", "abort ringing"] {
        let mut desk = direct(&[ATTENDED], DIAL);
        desk.phone(THIRD).rings = matches!(way, "no answer" | "abort ringing");
        desk.press_by_info(CALLED, if way == "busy" { "*2556" } else { "*2300" });
        match way {
            "no answer" => {
                desk.wait(14_800);
                assert_eq!(desk.hears(CALLER), ["moh/"]);
                desk.wait(400);
            }
            "hangs up" => desk.bye(THIRD),
            "abort" | "abort ringing" => desk.press_by_info(CALLED, "*1"),
            _ => {}
        }
        if !way.starts_with("abort") {
            assert_eq!(desk.hears(CALLED), ["beeperr"], "{way}");
            desk.played(CALLED);
        }
        assert_eq!(desk.both(), ["127.0.0.1:7200", "127.0.0.1:7000"], "{way}: direct again");
        assert_eq!(desk.hears(CALLER), Vec::<String>::new(), "{way}");
        assert_eq!(desk.alive(), ["PJSIP/100-00000000", "PJSIP/200-00000001"], "{way}");
        desk.bye(CALLER);
        desk.ends_clean();
    }
}

/// `atxferswap`: the transferer goes from one to the other; the one left out hears music.
#[test]
fn a_transferer_swaps_between_both() {
    let mut desk = direct(&[ATTENDED], DIAL);
    desk.press_by_info(CALLED, "*2300");
    assert_eq!((desk.hears(CALLER), desk.hears(THIRD)), (vec!["moh/".into()], vec![]));
    desk.press_by_info(CALLED, "*4");
    assert_eq!((desk.hears(CALLER), desk.hears(THIRD)), (vec![], vec!["moh/".into()]));
    desk.press_by_info(CALLED, "*4");
    assert_eq!((desk.hears(CALLER), desk.hears(THIRD)), (vec!["moh/".into()], vec![]));
    desk.press_by_info(CALLED, "*4");
    desk.bye(CALLED);
    desk.played(THIRD);
    assert_eq!((desk.told(CALLER), desk.told(THIRD)), ("127.0.0.1:7300".into(), "127.0.0.1:7000".into()));
    desk.bye(CALLER);
    desk.ends_clean();
}

/// Who waits hangs up: the other two stay together.
#[test]
fn a_transferee_that_hangs_up_leaves_the_consultation() {
    for swapped in [false, true] {
        let mut desk = direct(&[ATTENDED], DIAL);
        desk.press_by_info(CALLED, "*2300");
        if swapped {
            desk.press_by_info(CALLED, "*4");
        }
        desk.bye(CALLER);
        assert_eq!(desk.alive(), ["PJSIP/200-00000001", "PJSIP/300-00000002"], "{swapped}");
        assert_eq!((desk.told(CALLED), desk.told(THIRD)), ("127.0.0.1:7300".into(), "127.0.0.1:7200".into()));
        assert_eq!(desk.hears(THIRD), Vec::<String>::new());
        desk.bye(CALLED);
        desk.ends_clean();
    }
}

/// The transferer hangs up while the target rings: the other party waits for the answer.
#[test]
fn a_transfer_given_away_while_it_rings_waits_for_the_answer() {
    let mut desk = direct(&[ATTENDED], DIAL);
    desk.phone(THIRD).rings = true;
    desk.press_by_info(CALLED, "*2300");
    desk.bye(CALLED);
    assert_eq!(desk.hears(CALLER), ["tone"], "ringing instead of music");
    desk.answer_ringing(THIRD);
    assert_eq!((desk.told(CALLER), desk.told(THIRD)), ("127.0.0.1:7300".into(), "127.0.0.1:7000".into()));
    desk.bye(CALLER);
    desk.ends_clean();
}

/// Nobody answers: who transferred is called back, as often as atxfercallbackretries; with atxferdropcall nobody is.
#[test]
fn an_unanswered_transfer_comes_back() {
    let text = "[featuremap]\natxfer => *2\n[general]\natxfernoanswertimeout=5\natxferloopdelay=4\n";
    let mut desk = direct(&[("features.conf", text)], DIAL);
    desk.phone(THIRD).rings = true;
    desk.press_by_info(CALLED, "*2300");
    desk.bye(CALLED);
    desk.phone(CALLED).rings = true;
    desk.wait(5_100);
    assert_eq!(desk.alive(), ["PJSIP/100-00000000", "PJSIP/200-00000003"], "he is called back");
    desk.wait(5_100);
    assert_eq!(desk.alive(), ["PJSIP/100-00000000"], "a pause");
    desk.phone(CALLED).rings = false;
    desk.wait(4_100);
    assert_eq!(desk.both(), ["127.0.0.1:7200", "127.0.0.1:7000"]);
    // He may transfer as before.
    desk.press_by_info(CALLED, "#300");
    desk.bye(CALLER);
    desk.ends_clean();
    let mut desk = direct(&[("features.conf", &format!("{text}atxferdropcall=yes\n"))], DIAL);
    desk.phone(THIRD).rings = true;
    desk.press_by_info(CALLED, "*2300");
    desk.bye(CALLED);
    desk.wait(5_100);
    desk.ends_clean();
}

/// REFER and codes beside each other: what is dialled for a transfer ends with the bridge.
#[test]
fn a_party_that_leaves_ends_the_dialling_of_an_extension() {
    let mut desk = direct(&[], DIAL);
    desk.press_by_info(CALLED, "#3");
    desk.bye(CALLER);
    desk.ends_clean();
    let mut desk = direct(&[], DIAL);
    desk.press_by_info(CALLED, "#3");
    desk.bye(CALLED);
    desk.ends_clean();
}

/// `[applicationmap]`: who has the name in DYNAMIC_FEATURES runs the application; the media comes in for it and goes out
/// again; `peer` runs it on the other side.
#[test]
fn applications_of_features_conf_run_in_mid_call() {
    let conf = "[applicationmap]\nhello => 9,self,Playback,hello,default\nask => 8,peer,Playback,who\nbye => 77,peer,Hangup\n\
                [both]\nhello =>\nbye => 66\n";
    let plan = "[phones]\nexten => 200,1,Set(__DYNAMIC_FEATURES=ask#both)\n same => n,Dial(PJSIP/200,20)\n";
    let mut desk = direct(&[("features.conf", conf)], plan);
    desk.press_by_info(CALLED, "9");
    assert_eq!((desk.hears(CALLED), desk.hears(CALLER)), (vec!["hello".into()], vec!["moh/".into()]));
    assert_eq!(desk.failed("PJSIP/200-00000001"), ["media not needed by music or an announcement"]);
    desk.played(CALLED);
    assert_eq!(desk.hears(CALLER), Vec::<String>::new());
    assert_eq!(desk.both(), ["127.0.0.1:7200", "127.0.0.1:7000"], "direct again");
    // The caller's dialplan is in its Dial: it goes on there after the application.
    desk.press_by_info(CALLED, "8");
    assert_eq!((desk.hears(CALLED), desk.hears(CALLER)), (vec![], vec!["who".into()]));
    desk.played(CALLER);
    assert_eq!(desk.both(), ["127.0.0.1:7200", "127.0.0.1:7000"]);
    // The other side hangs up while one runs.
    desk.press_by_info(CALLER, "9");
    desk.bye(CALLED);
    assert_eq!(desk.alive(), ["PJSIP/100-00000000"]);
    desk.played(CALLER);
    desk.ends_clean();
    let mut desk = direct(&[("features.conf", conf)], plan);
    desk.press_by_info(CALLER, "66");
    desk.ends_clean();
}

/// An application runs on a party that is held: its music comes back after it, and goes when it is taken back; so does
/// the music of a held party that waits for one.
#[test]
fn who_is_held_hears_his_music_again_after_an_application() {
    let conf = "[applicationmap]\nask => 8,peer,Playback,who\nhello => 9,self,Playback,hello,default\n";
    let plan = "[phones]\nexten => 200,1,Set(__DYNAMIC_FEATURES=ask#hello)\n same => n,Dial(PJSIP/200,20)\n";
    let mut desk = direct(&[("features.conf", conf)], plan);
    desk.reinvite(CALLED, "a=sendonly\r\n");
    assert_eq!(desk.hears(CALLER), ["moh/"]);
    desk.press_by_info(CALLED, "8");
    assert_eq!(desk.hears(CALLER), ["who"]);
    desk.played(CALLER);
    assert_eq!(desk.hears(CALLER), ["moh/"]);
    desk.press_by_info(CALLED, "9");
    desk.played(CALLED);
    assert_eq!(desk.hears(CALLER), ["moh/"]);
    desk.reinvite(CALLED, "");
    assert_eq!(desk.hears(CALLER), Vec::<String>::new());
    assert_eq!(desk.both(), ["127.0.0.1:7200", "127.0.0.1:7000"], "direct again");
    desk.bye(CALLER);
    desk.ends_clean();
}

/// Tones are listened to where a letter asks for them; a digit that is no code is heard as it is, and sent as an event to
/// who takes events.
#[test]
fn tones_in_the_sound_are_codes_too() {
    use jackfield::bridge::{Plan, SoundOrder};
    let mut desk = Desk::new(["dtmf_mode=inband", "", ""], DIAL);
    desk.call(CALLER, "200");
    let port = desk.port_of(CALLER);
    let listens = desk.world.plans.iter().any(|plan| match plan {
        Plan::Sound { port: its, order } => {
            *its == port && matches!(&**order, SoundOrder::Listen(to) if to.tones)
        }
        _ => false,
    });
    assert!(listens);
    desk.press(CALLER, "5");
    assert_eq!(desk.digits_to(CALLED), "5");
    desk.press(CALLER, "#300");
    assert_eq!(desk.alive(), ["PJSIP/200-00000001", "PJSIP/300-00000002"]);
    desk.bye(CALLED);
    desk.ends_clean();
    let mut desk = Desk::new(["dtmf_mode=inband"; 3], DIAL);
    desk.call(CALLER, "200");
    let before = desk.world.plans.len();
    desk.press(CALLER, "5");
    assert_eq!(desk.world.plans.len(), before, "they hear the tone already");
    desk.press(CALLER, "*");
    desk.ends_clean();
}

/// A reload takes other codes and another pickup extension over at once.
#[test]
fn a_reload_changes_codes() {
    let mut desk = direct(&[], DIAL);
    desk.services(&[("features.conf", "[featuremap]\nblindxfer => 00\n[general]\npickupexten=*7\n")]);
    desk.press_by_info(CALLED, "#");
    assert_eq!(desk.alive().len(), 2);
    desk.press_by_info(CALLED, "00300");
    assert_eq!(desk.alive(), ["PJSIP/100-00000000", "PJSIP/300-00000002"]);
    desk.call(CALLED, "*7");
    assert!(desk.sent.iter().any(|text| text.starts_with("SIP/2.0 403")), "nothing rings in its groups");
    desk.bye(CALLER);
    desk.ends_clean();
}
