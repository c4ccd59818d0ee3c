//! `directrtpsetup`: media around us from the first INVITE, without re-INVITEs before or after.

use super::desk::{Desk, audio_of};
use super::phone::{CALLED, CALLER, body, leftovers};

const DIAL: &str = "[phones]\nexten => _X00,1,Dial(PJSIP/${EXTEN},20)\n same => n,Hangup()\n\
    exten => 701,1,Dial(PJSIP/200&PJSIP/300,20)\nexten => 702,1,Dial(PJSIP/200,20,t)\n\
    exten => 703,1,Dial(PJSIP/200,5)\n same => n,Answer()\n same => n,Wait(5)\n\
    exten => 704,1,Answer()\n same => n,Dial(PJSIP/200,20)\n";
const ON: &str = "directrtpsetup=yes";
const DIRECT: [&str; 2] = ["127.0.0.1:7200", "127.0.0.1:7000"];

/// Where the first INVITE to the called phone took its media.
fn offered(desk: &Desk) -> Option<String> {
    let invite = desk.sent.iter().find(|text| text.starts_with("INVITE"))?;
    audio_of(body(invite)).map(|at| at.to_string())
}

fn ends(desk: &mut Desk) {
    desk.sent.clear();
    desk.bye(CALLER);
    assert!(desk.sent.iter().all(|text| !text.starts_with("INVITE")), "{:?}", desk.sent);
    desk.wait(40_000);
    assert_eq!(leftovers(&mut desk.world), (0, 0, 0));
    assert_eq!(desk.world.open_ports(), 0);
}

/// S1-33, S1-34, S1-45, S1-49: the INVITE names the caller's address, the answer the called phone's; no re-INVITE follows
/// the setup, none comes before the end.
#[test]
fn the_first_invite_sends_media_around_us() {
    for exten in ["200", "701"] {
        let mut desk = Desk::new([ON, ON, ON], DIAL);
        desk.phone("127.0.0.1:6300").rings = true;
        desk.call(CALLER, exten);
        assert_eq!(offered(&desk).as_deref(), Some("127.0.0.1:7000"));
        assert_eq!(desk.both(), DIRECT);
        assert_eq!(desk.failed("PJSIP/100-00000000"), [""; 0]);
        desk.wait(5_000);
        assert_eq!(desk.changed(), [""; 0]);
        ends(&mut desk);
    }
}

/// A hold brings the held one back, as ever, and resuming sends him away again.
#[test]
fn such_a_call_comes_back_when_it_must() {
    let mut desk = Desk::new([ON, ON, ""], DIAL);
    desk.call(CALLER, "200");
    desk.reinvite(CALLER, "a=sendonly\r\n");
    assert_eq!(desk.changed(), ["INVITE 6200 127.0.0.1:20002"]);
    desk.reinvite(CALLER, "");
    assert_eq!(desk.changed(), ["INVITE 6200 127.0.0.1:7000"]);
    assert_eq!(desk.both(), DIRECT);
    ends(&mut desk);
}

/// One endpoint without the option, or anything that stands against direct media before the answer: the common way.
#[test]
fn what_stands_against_it_is_seen_before() {
    for (options, exten, direct) in [
        ([ON, ""], "200", true),
        (["", ON], "200", true),
        ([ON, "directrtpsetup=yes\ndirect_media=no"], "200", false),
        ([ON, "directrtpsetup=yes\ndirectmedia_deny=0.0.0.0/0"], "200", false),
        ([ON, "directrtpsetup=yes\ndtmf_mode=info"], "200", false),
        ([ON, ON], "702", false),
        ([ON, ON], "704", true),
    ] {
        let mut desk = Desk::new([options[0], options[1], ""], DIAL);
        desk.call(CALLER, exten);
        // `Answer` waits for the first media.
        desk.wait(600);
        assert!(offered(&desk).is_some_and(|at| at.starts_with("127.0.0.1:2000")), "{options:?} {exten}");
        assert_eq!(desk.both() == DIRECT, direct, "{options:?} {exten}");
    }
}

/// The answer shows what could not be known: the caller is answered with our address, and only the called phone is told
/// so, once.
#[test]
fn an_answer_that_does_not_fit_brings_one_back() {
    let mut desk = Desk::new([ON, ON, ""], DIAL);
    desk.phone(CALLED).audio = "192.168.7.2:7200".parse().expect("an address");
    desk.call(CALLER, "200");
    assert_eq!(offered(&desk).as_deref(), Some("127.0.0.1:7000"));
    assert_eq!(desk.changed(), ["INVITE 6200 127.0.0.1:20002"]);
    assert_eq!(desk.both(), ["127.0.0.1:20000", "127.0.0.1:20002"]);
    ends(&mut desk);
}

/// Early media goes around us, too; when nobody answers then, and the dialplan does, it comes back.
#[test]
fn early_media_goes_around_us_and_comes_back() {
    let mut desk = Desk::new([ON, ON, ""], DIAL);
    desk.phone(CALLED).progresses = true;
    desk.call(CALLER, "703");
    let early = desk.sent.iter().find(|text| text.starts_with("SIP/2.0 183")).expect("183");
    assert_eq!(audio_of(body(early)).map(|at| at.port()), Some(7_200));
    desk.wait(5_100);
    desk.wait(100);
    assert_eq!(desk.changed(), ["INVITE 6100 127.0.0.1:20000"]);
    ends(&mut desk);
}

/// The called phone is offered the caller's numbers, so that digits need no renumbering (RFC 3551 3).
#[test]
fn payload_numbers_are_the_callers() {
    let mut desk = Desk::new(["", "", ""], DIAL);
    for at in [CALLER, CALLED] {
        desk.phone(at).codecs = "0 96";
    }
    desk.call(CALLER, "200");
    let invite = desk.sent.iter().find(|text| text.starts_with("INVITE")).expect("an INVITE");
    assert!(invite.contains("a=rtpmap:96 telephone-event/8000"), "{invite}");
    assert_eq!(desk.both(), DIRECT);
}
