//! What becomes of a dialplan, of hold and of a transfer when a call changes its partner.

use super::desk::Desk;
use super::phone::*;
use super::sounds::playing;

const PLAN: &str = "[phones]\nexten => 200,1,Dial(PJSIP/200,20)\n same => n,Hangup(21)\nexten => 300,1,Dial(PJSIP/300,20)\n\
    exten => 88,1,Pickup()\n same => n,Hangup(21)\nexten => 89,1,PickupChan(PJSIP/200,p)\n same => n,Hangup(21)\n\
    exten => 700,1,Playback(hello)\n same => n,Hangup(21)\n";

fn desk(options: &str) -> Desk {
    let options = format!("direct_media=no\ncall_group=1\npickup_group=1\n{options}");
    Desk::new([&options, &options, &options], PLAN)
}

fn byes(desk: &Desk, at: &str) -> Vec<String> {
    let sent = desk.sent.iter().filter(|text| text.starts_with("BYE") && text.contains(at));
    sent.map(|text| header(text, "Reason").to_owned()).collect()
}

/// `Pickup()` and `PickupChan(…,p)` hold the call they took until it ends, and end with it.
#[test]
fn a_call_that_was_picked_up_stays() {
    for exten in ["88", "89"] {
        let mut desk = desk("");
        desk.phone(CALLED).rings = true;
        desk.call(CALLER, "200");
        desk.call(THIRD, exten);
        desk.wait(1_000);
        assert_eq!((desk.world.joins(), byes(&desk, THIRD).len()), (1, 0), "{exten}");
        desk.bye(CALLER);
        assert_eq!(byes(&desk, THIRD), ["Q.850;cause=16"], "{exten}");
    }
}

/// An attended transfer takes a caller from his Dial: when the new call ends, so does his, for there is no `g`. Who was
/// held is held no more, and hears music again when he is.
#[test]
fn a_caller_who_was_transferred_ends_with_his_new_call() {
    let mut desk = desk("");
    desk.call(CALLER, "200");
    desk.reinvite(CALLED, "a=sendonly\r\n");
    desk.phone(CALLED).more.clear();
    desk.phone(CALLED).audio.set_port(7210);
    desk.call(CALLED, "300");
    let replaces = desk.replaces(CALLED, 1);
    let lines = format!("Refer-To: <sip:300@127.0.0.1?Replaces={replaces}>\r\n");
    desk.request(CALLED, 0, "REFER", &lines, "");
    assert!(playing(&desk.world).is_empty(), "nobody is held any more");
    desk.bye(THIRD);
    assert_eq!(byes(&desk, CALLER), ["Q.850;cause=16"], "not the next priority's 21");
}

/// A blind transfer to an extension that plays at once has come to its end when it plays.
#[test]
fn a_transfer_to_what_plays_is_told_as_done() {
    let mut desk = desk("refer_blind_progress=yes");
    desk.call(CALLER, "200");
    desk.request(CALLED, usize::MAX, "REFER", "Refer-To: <sip:700@127.0.0.1>\r\n", "");
    let told: Vec<&str> =
        desk.sent.iter().filter(|text| text.starts_with("NOTIFY")).map(|text| body(text).trim()).collect();
    assert!(told.last().is_some_and(|last| last.starts_with("SIP/2.0 200")), "{told:?}");
}

/// A re-INVITE cannot take another call's place.
#[test]
fn a_reinvite_replaces_nothing() {
    let mut desk = desk("");
    desk.call(CALLER, "200");
    let description = desk.description(CALLER);
    desk.sent.clear();
    let lines = "Replaces: x;to-tag=1;from-tag=2\r\n";
    desk.request(CALLER, usize::MAX, "INVITE", lines, &description);
    assert!(desk.sent.iter().any(|text| text.starts_with("SIP/2.0 488")), "{:?}", desk.sent);
}
