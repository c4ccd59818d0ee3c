//! Services that meet in one call: each begins and ends in its own time, and direct media comes back with the last.

use super::phone::{MUSIC, SPOKEN};
use super::{From, Keys, Phone, Stage, endpoint};
use crate::tree::poll;

const DIALPLAN: &str = "[phones]\ninclude => parkedcalls\nexten => _6XX,1,Set(__DYNAMIC_FEATURES=rec#stop#tell)\n \
    same => n,Dial(PJSIP/${EXTEN},20,tTkKxXhH)\nexten => _56XX,1,Answer()\n same => n,ChanSpy(PJSIP/${EXTEN:1}-,q)\n\
    exten => 8,1,ConfBridge(room)\n";
const FILES: &[(&str, &str)] = &[
    (
        "features.conf",
        "[general]\nfeaturedigittimeout=700\ntransferannouncesound=short\nxfersound=short\n[featuremap]\nblindxfer => #1\n\
         atxfer => *2\nparkcall => #72\nautomixmon => *3\ndisconnect => *0\n[applicationmap]\nrec => 7,self,MixMonitor,asked.wav\n\
         stop => 8,self,StopMixMonitor\ntell => 9,peer,Playback,note\n",
    ),
    (
        "res_parking.conf",
        "[default]\nparkext=700\nparkpos=701-709\nparkingtime=2\nparkedcalltransfers=both\n",
    ),
    ("confbridge.conf", "[default_user]\ntype=user\nannounce_only_user=no\n"),
];

fn three(stage: &Stage, number: u32) -> [Phone; 3] {
    [(0, 500.0), (1, 1_150.0), (2, 1_750.0)].map(|(more, hertz)| stage.phone(number + more, hertz))
}

/// Recorded by an application, held and taken back, listened to, and each ended in another order.
fn recorded_held_and_spied(stage: &Stage) {
    let [ann, bob, eve] = three(stage, 601);
    stage.direct(&ann, &bob);
    ann.press(Keys::Info, "7");
    ann.hears(From::Server, &[1_150.0]);
    stage.explains(&ann, "MixMonitor()");
    bob.reinvite("sendonly");
    ann.hears(From::Server, &[MUSIC]);
    bob.hears_nothing();
    eve.call("5601");
    eve.is_up();
    bob.reinvite("sendrecv");
    ann.hears(From::Server, &[1_150.0]);
    bob.hears(From::Server, &[500.0]);
    eve.hears(From::Server, &[500.0, 1_150.0]);
    ann.press(Keys::Info, "8");
    stage.explains(&ann, "ChanSpy()");
    eve.hears(From::Server, &[500.0, 1_150.0]);
    // Held while only the spy keeps the sound here.
    ann.reinvite("sendonly");
    bob.hears(From::Server, &[MUSIC]);
    eve.hang_up();
    eve.is_idle();
    bob.hears(From::Server, &[MUSIC]);
    ann.reinvite("sendrecv");
    stage.is_direct(&ann, &bob);
    let path = stage.tree.dir.join("run/monitor/asked.wav");
    assert!(poll(|| path.is_file().then_some(())).is_some(), "{path:?}\n{}", stage.tree.log());
    stage.ends(&[&ann, &bob, &eve]);
}

/// Both hold, and take it back one after the other.
fn both_hold(stage: &Stage) {
    let [ann, bob, _] = three(stage, 604);
    stage.direct(&ann, &bob);
    ann.reinvite("sendonly");
    bob.hears(From::Server, &[MUSIC]);
    bob.reinvite("sendonly");
    bob.hears_nothing();
    ann.reinvite("sendrecv");
    ann.hears(From::Server, &[MUSIC]);
    bob.reinvite("sendrecv");
    stage.is_direct(&ann, &bob);
    ann.reinvite("inactive");
    bob.hears(From::Server, &[MUSIC]);
    ann.reinvite("sendrecv");
    stage.is_direct(&ann, &bob);
    // A code ends the call.
    bob.press(Keys::Info, "*0");
    ann.is_idle();
    stage.ends(&[&ann, &bob]);
}

/// A recorded call is transferred: the sound of the two that are left is right, and it ends with the call.
fn recorded_and_transferred(stage: &Stage) {
    let [ann, bob, eve] = three(stage, 607);
    stage.direct(&ann, &bob);
    ann.press(Keys::Info, "*3");
    bob.hears(From::Server, &[500.0]);
    bob.press(Keys::Info, "*2");
    ann.hears(From::Server, &[MUSIC]);
    bob.hears(From::Server, &[SPOKEN]);
    bob.press(Keys::Info, "609");
    bob.hears(From::Server, &[1_750.0]);
    eve.hears(From::Server, &[1_150.0]);
    // The target holds who asks him, and comes back.
    eve.reinvite("sendonly");
    bob.hears(From::Server, &[MUSIC]);
    eve.reinvite("sendrecv");
    bob.hears(From::Server, &[1_750.0]);
    bob.hang_up();
    ann.hears_either(&eve, &[1_750.0]);
    eve.hears_either(&ann, &[500.0]);
    stage.ends(&[&ann, &bob, &eve]);
}

/// Nobody takes a parked call: it comes back to who parked it, and is direct again; then it is transferred.
fn parked_and_given_back(stage: &Stage) {
    let [ann, bob, eve] = three(stage, 610);
    stage.direct(&ann, &bob);
    bob.press(Keys::Info, "#72");
    ann.hears(From::Server, &[MUSIC]);
    bob.is_idle();
    stage.is_direct(&ann, &bob);
    bob.press(Keys::Info, "#1");
    bob.hears(From::Server, &[SPOKEN]);
    bob.press(Keys::Info, "612");
    stage.is_direct(&ann, &eve);
    stage.ends(&[&ann, &bob, &eve]);
}

/// A party of a conference holds it: it hears nothing, the others hear each other, and it is back when it resumes.
fn a_conference_is_held(stage: &Stage) {
    let [ann, bob, eve] = three(stage, 613);
    for phone in [&ann, &bob, &eve] {
        phone.call("8");
    }
    eve.hears(From::Server, &[500.0, 1_150.0]);
    ann.reinvite("inactive");
    ann.hears_nothing();
    bob.hears(From::Server, &[1_750.0]);
    eve.hears(From::Server, &[1_150.0]);
    ann.reinvite("sendrecv");
    ann.hears(From::Server, &[1_150.0, 1_750.0]);
    bob.hears(From::Server, &[500.0, 1_750.0]);
    stage.ends(&[&ann, &bob, &eve]);
}

/// What is played to one party while it is held, and after.
fn told_while_held(stage: &Stage) {
    let [ann, bob, _] = three(stage, 616);
    stage.direct(&ann, &bob);
    bob.reinvite("sendonly");
    ann.hears(From::Server, &[MUSIC]);
    bob.press(Keys::Info, "9");
    ann.hears(From::Server, &[SPOKEN]);
    ann.hears(From::Server, &[MUSIC]);
    bob.reinvite("sendrecv");
    stage.is_direct(&ann, &bob);
    stage.ends(&[&ann, &bob]);
}

/// A phone transfers with Replaces what it asked about in a second call.
fn attended_by_refer(stage: &Stage) {
    let [ann, bob, eve] = three(stage, 619);
    stage.direct(&ann, &bob);
    bob.reinvite("sendonly");
    ann.hears(From::Server, &[MUSIC]);
    bob.call("621");
    bob.hears(From::Phone(&eve), &[1_750.0]);
    eve.hears(From::Phone(&bob), &[1_150.0]);
    bob.refer_to_call(0, 1);
    stage.is_direct(&ann, &eve);
    bob.hang_up();
    bob.hang_up();
    stage.ends(&[&ann, &bob, &eve]);
}

#[test]
fn services_meet_in_one_call() {
    let objects: String = (601..=621).map(|number| endpoint(number, "phones", "")).collect();
    Stage::new("together", &objects, DIALPLAN, FILES).play(&[
        ("recorded_held_and_spied", recorded_held_and_spied),
        ("both_hold", both_hold),
        ("recorded_and_transferred", recorded_and_transferred),
        ("parked_and_given_back", parked_and_given_back),
        ("a_conference_is_held", a_conference_is_held),
        ("told_while_held", told_while_held),
        ("attended_by_refer", attended_by_refer),
    ]);
}
