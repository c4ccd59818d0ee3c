//! Calls whose sound must pass through the server from the beginning: time limits that are announced, digits in the
//! sound, two codecs, a Local channel between.

use super::phone::{SPOKEN, clock};
use super::{From, Keys, Phone, Stage, endpoint};
use std::time::Duration;

const DIALPLAN: &str = "[phones]\nexten => _5XX,1,Dial(PJSIP/${EXTEN},20)\n\
    exten => _1XXX,1,Set(LIMIT_WARNING_FILE=short)\n same => n,Set(LIMIT_PLAYAUDIO_CALLEE=yes)\n \
    same => n,Dial(PJSIP/${EXTEN:1},20,L(3000:1800))\n\
    exten => _2XXX,1,Dial(PJSIP/${EXTEN:1},20,L(2000))\n\
    exten => _3XXX,1,Dial(PJSIP/${EXTEN:1},20,hHtT)\n\
    exten => _4XXX,1,Dial(Local/${EXTEN:1}@phones,20)\n\
    exten => _5XXX,1,Dial(Local/${EXTEN:1}@phones/n,20)\n";
const FEATURES: (&str, &str) = (
    "features.conf",
    "[general]\nfeaturedigittimeout=500\n[featuremap]\ndisconnect => *0\nblindxfer => #1\n",
);

fn two(stage: &Stage, number: u32) -> (Phone, Phone) {
    (stage.phone(number, 500.0), stage.phone(number + 1, 1_150.0))
}

/// `L`: both hear the warning at its time, and the call is cut when it is over.
fn limit_with_warning(stage: &Stage) {
    let (ann, bob) = two(stage, 501);
    ann.call("1502");
    ann.hears(From::Server, &[1_150.0]);
    stage.explains(&ann, "Dial option L");
    let began = clock();
    ann.hears(From::Server, &[SPOKEN]);
    ann.hears(From::Server, &[1_150.0]);
    ann.is_idle();
    bob.is_idle();
    let lasted = clock() - began;
    assert!((2_000..3_600).contains(&lasted.as_millis()), "{lasted:?}");
    for phone in [&ann, &bob] {
        let (at, heard) = phone.heard(SPOKEN).expect("the warning");
        let end = phone.last_packet().expect("it heard something");
        let left = end - at + heard;
        assert!((1_500..2_100).contains(&left.as_millis()), "{}: {left:?} before the end", phone.number);
        assert!((400..700).contains(&heard.as_millis()), "{heard:?}");
    }
    stage.ends(&[&ann, &bob]);
}

/// A limit that nobody is told of keeps the sound here, too.
fn limit_alone(stage: &Stage) {
    let (ann, bob) = two(stage, 503);
    let began = clock();
    ann.call("2504");
    ann.hears(From::Server, &[1_150.0]);
    ann.is_idle();
    bob.is_idle();
    let lasted = clock() - began;
    assert!((Duration::from_millis(1_900)..Duration::from_millis(3_500)).contains(&lasted), "{lasted:?}");
    stage.ends(&[&ann, &bob]);
}

/// S1-43, S4-126: digits as events are heard by the server and passed on as tones, and the other way round; a code ends
/// the call.
fn digits_in_the_sound(stage: &Stage) {
    let (ann, bob) = two(stage, 505);
    ann.call("3506");
    ann.hears(From::Server, &[1_150.0]);
    stage.explains(&ann, "digits");
    bob.press(Keys::Tones, "58");
    ann.until_digits("58");
    ann.hears(From::Server, &[1_150.0]);
    ann.press(Keys::Events, "7");
    bob.hears_key('7');
    bob.hears(From::Server, &[500.0]);
    bob.press(Keys::Tones, "*0");
    ann.is_idle();
    bob.is_idle();
    stage.ends(&[&ann, &bob]);
}

/// Digits by INFO of one reach the other as events, while the sound is direct or not.
fn digits_by_info(stage: &Stage) {
    let (ann, bob) = two(stage, 507);
    ann.call("508");
    bob.hears(From::Server, &[500.0]);
    ann.press(Keys::Info, "42");
    bob.until_digits("42");
    stage.ends(&[&ann, &bob]);
}

/// Two codecs that are not the same: each hears the other's tone at its pitch and as loud as it was.
fn codecs(stage: &Stage) {
    for (at, (one, other)) in [("ulaw", "g722"), ("opus", "ulaw"), ("g722", "opus")].into_iter().enumerate() {
        let number = 511 + 2 * at as u32;
        let ann = stage.phone_with(number, 500.0, one);
        let bob = stage.phone_with(number + 1, 1_150.0, other);
        if other == "opus" || one == "opus" {
            ann.hears_roughly();
            bob.hears_roughly();
        }
        ann.call(&(number + 1).to_string());
        ann.hears(From::Server, &[1_150.0]);
        bob.hears(From::Server, &[500.0]);
        stage.explains(&ann, "codec");
        // Held and taken back.
        ann.reinvite("sendonly");
        bob.hears(From::Server, &[super::phone::MUSIC]);
        ann.reinvite("sendrecv");
        bob.hears(From::Server, &[500.0]);
        ann.hears(From::Server, &[1_150.0]);
        stage.ends(&[&ann, &bob]);
    }
}

/// A Local channel goes away and leaves a direct call; with `/n` it stays, and so does the sound.
fn local_channels(stage: &Stage) {
    let (ann, bob) = two(stage, 517);
    ann.call("4518");
    stage.is_direct(&ann, &bob);
    stage.ends(&[&ann, &bob]);
    ann.call("5518");
    ann.hears(From::Server, &[1_150.0]);
    bob.hears(From::Server, &[500.0]);
    stage.explains(&ann, "Local");
    stage.ends(&[&ann, &bob]);
}

#[test]
fn calls_through_the_server_sound_right() {
    let more = |number: u32| match number {
        505 => "dtmf_mode=rfc4733",
        506 => "dtmf_mode=inband",
        508 => "dtmf_mode=rfc4733",
        _ => "",
    };
    let objects: String = (501..=518).map(|number| endpoint(number, "phones", more(number))).collect();
    Stage::new("ways", &objects, DIALPLAN, &[FEATURES]).play(&[
        ("limit_with_warning", limit_with_warning),
        ("limit_alone", limit_alone),
        ("digits_in_the_sound", digits_in_the_sound),
        ("digits_by_info", digits_by_info),
        ("codecs", codecs),
        ("local_channels", local_channels),
    ]);
}
