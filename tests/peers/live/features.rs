//! What parties of a call do with it by digits: hold, applications, transfers, parking.

use super::phone::{MUSIC, SPOKEN};
use super::{From, Keys, Phone, Stage, endpoint};

const DIALPLAN: &str = "[phones]\ninclude => parkedcalls\nexten => _3XX,1,Set(__DYNAMIC_FEATURES=tell#say)\n \
    same => n,Dial(PJSIP/${EXTEN},20,tTkK)\n";
const FILES: &[(&str, &str)] = &[
    (
        "features.conf",
        "[general]\nfeaturedigittimeout=700\ntransferannouncesound=short\nxfersound=short\n[featuremap]\nblindxfer => #1\n\
         atxfer => *2\nparkcall => #72\n[applicationmap]\ntell => 9,peer,Playback,note\nsay => 8,self,Playback,note,default\n",
    ),
    ("res_parking.conf", "[default]\nparkext=700\nparkpos=701-709\n"),
];

fn three(stage: &Stage, number: u32) -> [Phone; 3] {
    [(0, 500.0), (1, 1_150.0), (2, 1_750.0)].map(|(more, hertz)| stage.phone(number + more, hertz))
}

/// S1-43: the held party hears music and not the phone that holds; taken back, both hear each other directly.
fn music_on_hold(stage: &Stage) {
    let [ann, bob, _] = three(stage, 301);
    stage.direct(&ann, &bob);
    for _ in 0..2 {
        ann.reinvite("sendonly");
        bob.hears(From::Server, &[MUSIC]);
        ann.hears_nothing();
        stage.explains(&bob, "music or an announcement");
        ann.reinvite("sendrecv");
        stage.is_direct(&ann, &bob);
    }
    // Held by the other side, which then hangs up.
    bob.reinvite("sendonly");
    ann.hears(From::Server, &[MUSIC]);
    bob.hang_up();
    stage.ends(&[&ann, &bob]);
}

/// An application on the other party's channel, then on one's own with music for the other.
fn applications(stage: &Stage) {
    let [ann, bob, _] = three(stage, 304);
    stage.direct(&ann, &bob);
    ann.press(Keys::Info, "9");
    bob.hears(From::Server, &[SPOKEN]);
    stage.explains(&ann, "music or an announcement");
    stage.is_direct(&ann, &bob);
    ann.press(Keys::Info, "8");
    ann.hears(From::Server, &[SPOKEN]);
    bob.hears(From::Server, &[MUSIC]);
    stage.is_direct(&ann, &bob);
    stage.ends(&[&ann, &bob]);
}

/// S1-50: who transfers hears the prompt, the other music; then the two others talk directly.
fn blind_transfer(stage: &Stage) {
    let [ann, bob, eve] = three(stage, 307);
    stage.direct(&ann, &bob);
    bob.press(Keys::Info, "#1");
    ann.hears(From::Server, &[MUSIC]);
    bob.hears(From::Server, &[SPOKEN]);
    stage.explains(&ann, "a transfer by code");
    bob.press(Keys::Info, "309");
    stage.is_direct(&ann, &eve);
    bob.is_idle();
    stage.ends(&[&ann, &bob, &eve]);
}

/// The target is asked first: who consults hears him, the other one music; hanging up puts them through.
fn attended_transfer(stage: &Stage) {
    let [ann, bob, eve] = three(stage, 310);
    stage.direct(&ann, &bob);
    eve.only_rings();
    bob.press(Keys::Info, "*2");
    ann.hears(From::Server, &[MUSIC]);
    bob.hears(From::Server, &[SPOKEN]);
    bob.press(Keys::Info, "312");
    eve.answer();
    bob.hears(From::Server, &[1_750.0]);
    eve.hears(From::Server, &[1_150.0]);
    ann.hears(From::Server, &[MUSIC]);
    stage.explains(&ann, "a transfer by code");
    stage.explains(&eve, "a transfer by code");
    bob.hang_up();
    eve.hears(From::Server, &[SPOKEN]);
    stage.is_direct(&ann, &eve);
    stage.ends(&[&ann, &bob, &eve]);
}

/// The target hangs up while he is asked: both talk directly again.
fn consultation_fails(stage: &Stage) {
    let [ann, bob, eve] = three(stage, 313);
    stage.direct(&ann, &bob);
    ann.press(Keys::Info, "*2");
    bob.hears(From::Server, &[MUSIC]);
    ann.press(Keys::Info, "315");
    ann.hears(From::Server, &[1_750.0]);
    eve.hang_up();
    stage.is_direct(&ann, &bob);
    stage.ends(&[&ann, &bob, &eve]);
}

/// S1-43: parked by code, who is parked hears music; whoever takes him talks to him directly.
fn parking(stage: &Stage) {
    let [ann, bob, eve] = three(stage, 316);
    stage.direct(&ann, &bob);
    bob.press(Keys::Info, "#72");
    ann.hears(From::Server, &[MUSIC]);
    stage.explains(&ann, "Park()");
    bob.is_idle();
    eve.call("701");
    stage.is_direct(&ann, &eve);
    stage.ends(&[&ann, &bob, &eve]);
}

/// One of two in a direct call is transferred by REFER, the other one is left alone.
fn refer(stage: &Stage) {
    let [ann, bob, eve] = three(stage, 319);
    stage.direct(&ann, &bob);
    bob.refer("321");
    stage.is_direct(&ann, &eve);
    bob.hang_up();
    stage.ends(&[&ann, &bob, &eve]);
}

#[test]
fn features_by_digits_come_and_go_in_mid_call() {
    let objects: String = (301..=321).map(|number| endpoint(number, "phones", "")).collect();
    Stage::new("features", &objects, DIALPLAN, FILES).play(&[
        ("music_on_hold", music_on_hold),
        ("applications", applications),
        ("blind_transfer", blind_transfer),
        ("attended_transfer", attended_transfer),
        ("consultation_fails", consultation_fails),
        ("parking", parking),
        ("refer", refer),
    ]);
}
