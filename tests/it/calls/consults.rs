//! Attended transfers by code beside what else a call has: a time limit, hold, a target that plays something.

use super::desk::Desk;
use super::phone::{CALLED, CALLER, THIRD};

const CODES: (&str, &str) = (
    "features.conf",
    "[featuremap]\natxfer => *2\n[general]\natxferabort=*1\natxfercomplete=*3\natxferswap=*4\natxferthreeway=*5\n",
);

/// A call of 100 with 200, dialled with those letters; digits come by INFO.
fn call(letters: &str) -> Desk {
    let plan = format!(
        "[phones]\ninclude => parkedcalls\nexten => 200,1,Dial(PJSIP/200,20,{letters})\n same => n,Hangup(21)\n\
         exten => 300,1,Dial(PJSIP/300,20)\nexten => 8,1,Answer(0,i)\n same => n,MusicOnHold()\n\
         exten => 9,1,Answer(0,i)\n same => n,Playback(menu)\n same => n,Hangup(17)\n[parkedcalls]\n"
    );
    let mut desk = Desk::new(["dtmf_mode=info"; 3], &plan);
    desk.services(&[
        CODES,
        ("res_parking.conf", "[default]\nparkext=700\nparkpos=701-702\nparkingtime=20\n"),
    ]);
    desk.call(CALLER, "200");
    desk.changed();
    desk
}

fn nothing() -> Vec<String> {
    Vec::new()
}

/// `S` and `L` of a call end it while one of its sides consults, whoever that is and however far it is: all three.
#[test]
fn the_time_of_a_call_ends_it_with_the_consultation() {
    for (who, letters) in
        [(CALLER, "tTS(20)"), (CALLED, "tTS(20)"), (CALLER, "tTL(20000)"), (CALLED, "tTL(20000)")]
    {
        for (rings, then) in [(false, ""), (true, ""), (false, "*4"), (false, "*5")] {
            let mut desk = call(letters);
            desk.phone(THIRD).rings = rings;
            desk.wait(10_000);
            desk.press_by_info(who, "*2300");
            desk.press_by_info(who, then);
            assert_eq!(desk.alive().len(), if rings { 5 } else { 3 }, "{who} {rings} {then}");
            desk.wait(9_900);
            assert_ne!(desk.alive(), nothing(), "{who} {rings} {then}");
            desk.wait(200);
            assert_eq!(desk.alive(), nothing(), "{who} {rings} {then}");
            desk.ends_clean();
        }
    }
}

/// Who transferred is gone, or the target is: the time that the call was given is not longer for it.
#[test]
fn a_limit_is_kept_through_a_transfer() {
    for who in [CALLER, CALLED] {
        for rings in [false, true] {
            let mut desk = call("tTS(20)");
            desk.phone(THIRD).rings = rings;
            desk.wait(10_000);
            desk.press_by_info(who, "*2300");
            desk.bye(who);
            if rings {
                desk.wait(1_000);
                desk.answer_ringing(THIRD);
                desk.wait(8_900);
            } else {
                desk.wait(9_900);
            }
            assert_eq!(desk.alive().len(), 2, "{who} {rings}");
            desk.wait(200);
            assert_eq!(desk.alive(), nothing(), "{who} {rings}");
            desk.ends_clean();
        }
        let mut desk = call("tTS(20)");
        desk.press_by_info(who, "*2300");
        desk.bye(THIRD);
        desk.wait(19_900);
        assert_eq!(desk.alive().len(), 2);
        desk.wait(200);
        assert_eq!(desk.alive(), nothing(), "{who}");
        desk.ends_clean();
    }
}

/// He who waits for a target that never answers, when the time is over.
#[test]
fn the_time_of_a_call_ends_it_when_nobody_answers_a_transfer() {
    let mut desk = call("tTS(20)");
    desk.phone(THIRD).rings = true;
    desk.wait(10_000);
    desk.press_by_info(CALLED, "*2300");
    desk.bye(CALLED);
    desk.wait(10_100);
    assert_eq!(desk.alive(), nothing());
    desk.ends_clean();
}

/// S4-122: the words of `L` keep the media here after an attended transfer, too, and are heard there.
#[test]
fn warnings_are_heard_after_an_attended_transfer() {
    let mut desk = call("tL(60000:10000)");
    desk.press_by_info(CALLED, "*2300");
    desk.bye(CALLED);
    desk.played(THIRD);
    assert!(desk.failed("PJSIP/100-00000000").contains(&"media not needed by Dial option L".to_owned()));
    desk.wait(50_000);
    assert_eq!(desk.hears(CALLER), ["vm-youhave&digits/10&queue-seconds"]);
    desk.bye(CALLER);
    desk.ends_clean();
}

/// What the transferer held is held no more once he is gone: hold and its music work as before.
#[test]
fn hold_ends_with_who_held() {
    let mut desk = call("tT");
    desk.press_by_info(CALLED, "*2300");
    // The phone holds what it hears last, as phones do before they transfer.
    desk.reinvite(CALLED, "a=sendonly\r\n");
    assert_eq!(desk.hears(THIRD), ["moh/"]);
    desk.bye(CALLED);
    desk.played(THIRD);
    assert_eq!((desk.hears(CALLER), desk.hears(THIRD)), (nothing(), nothing()));
    desk.reinvite(CALLER, "a=sendonly\r\n");
    assert_eq!(desk.hears(THIRD), ["moh/"]);
    desk.reinvite(CALLER, "");
    assert_eq!(desk.hears(THIRD), nothing());
    desk.bye(CALLER);
    desk.ends_clean();
}

/// What an application behind the Local channel of a consultation plays goes where the call goes: to who is transferred,
/// and not to the transferer while he talks to the other one.
#[test]
fn what_the_target_plays_is_heard_by_who_is_there() {
    let mut desk = call("tT");
    desk.press_by_info(CALLED, "*28");
    assert_eq!((desk.hears(CALLER), desk.hears(CALLED)), (vec!["moh/".into()], vec!["moh/".into()]));
    desk.press_by_info(CALLED, "*4");
    assert_eq!((desk.hears(CALLER), desk.hears(CALLED)), (nothing(), nothing()), "they talk");
    desk.press_by_info(CALLED, "*4");
    assert_eq!((desk.hears(CALLER), desk.hears(CALLED)), (vec!["moh/".into()], vec!["moh/".into()]));
    desk.bye(CALLED);
    assert_eq!(desk.hears(CALLER).iter().filter(|file| *file == "moh/").count(), 1);
    desk.bye(CALLER);
    desk.ends_clean();
    // A prompt that ends: its dialplan goes on.
    let mut desk = call("tT");
    desk.press_by_info(CALLED, "*29");
    assert_eq!(desk.hears(CALLED), ["menu"]);
    desk.bye(CALLED);
    assert!(desk.hears(CALLER).contains(&"menu".to_owned()), "{:?}", desk.hears(CALLER));
    desk.played(CALLER);
    desk.ends_clean();
}

/// Parked by an attended transfer: who waits hears the music, and the phone that parked him is called back.
#[test]
fn an_attended_transfer_parks() {
    let mut desk = call("tT");
    desk.press_by_info(CALLED, "*2700");
    desk.played(CALLED);
    assert_eq!(desk.hears(CALLED), ["moh/"]);
    desk.bye(CALLED);
    assert_eq!(
        desk.hears(CALLER).iter().filter(|file| *file == "moh/").count(),
        1,
        "{:?}",
        desk.hears(CALLER)
    );
    desk.wait(20_100);
    assert_eq!(desk.both(), ["127.0.0.1:7200", "127.0.0.1:7000"], "called back, and they talk");
    desk.bye(CALLER);
    desk.ends_clean();
}

/// Limits of a Dial behind a Local channel that is optimised away, answered before or after it dials.
#[test]
fn limits_outlive_the_local_channel_they_were_set_on() {
    for answers in ["", "Answer(0,i)"] {
        let plan = format!(
            "[phones]\nexten => 1,1,Dial(Local/2@phones,20)\nexten => 2,1,NoOp()\n same => n,ExecIf($[\"{answers}\" != \"\"]?Answer(0,i))\n\
             same => n,Dial(PJSIP/200,20,wL(20000:5000))\n"
        );
        let mut desk = Desk::new(["dtmf_mode=info"; 3], &plan);
        desk.call(CALLER, "1");
        assert_eq!(desk.alive(), ["PJSIP/100-00000000", "PJSIP/200-00000001"]);
        for name in ["PJSIP/100-00000000", "PJSIP/200-00000001"] {
            let failed = desk.failed(name);
            assert!(
                failed.contains(&"media not needed by Dial option L".to_owned()),
                "{answers}: {failed:?}"
            );
        }
        desk.wait(20_100);
        assert_eq!(desk.alive(), nothing(), "{answers}");
        desk.ends_clean();
    }
}
