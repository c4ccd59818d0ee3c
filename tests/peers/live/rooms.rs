//! Conferences into which the parties of a direct call come, and out of which two go on.

use super::phone::SPOKEN;
use super::{From, Keys, Phone, Stage, endpoint};
use crate::tree::poll;

const DIALPLAN: &str = "[phones]\nexten => _4XX,1,Dial(PJSIP/${EXTEN},20,tT)\nexten => 9,1,ConfBridge(room,,,keys)\n\
    exten => 8,1,ConfBridge(other,,told,keys)\n";
const FILES: &[(&str, &str)] = &[
    (
        "confbridge.conf",
        "[default_user]\ntype=user\nannounce_only_user=no\n[told]\ntype=user\nannouncement=note\nannounce_only_user=no\n\
         [keys]\ntype=menu\n*1=toggle_mute\n*5=playback(note)\n*8=leave_conference\n",
    ),
    ("features.conf", "[featuremap]\nblindxfer => #1\n[general]\ntransferannouncesound=\n"),
];

/// S4-111: a direct call is split: one is transferred into a conference in which the others are; three hear each other's
/// two tones; one is muted by the menu and heard again; one leaves and two stay; nobody is left with half a conference.
fn three_meet(stage: &Stage) {
    let tones = [500.0, 1_150.0, 1_750.0];
    let [ann, bob, eve] = [0, 1, 2].map(|at: u32| stage.phone(401 + at, tones[at as usize]));
    stage.direct(&ann, &bob);
    eve.call("9");
    eve.is_up();
    stage.explains(&eve, "ConfBridge");
    bob.press(Keys::Info, "#19");
    bob.is_idle();
    ann.hears(From::Server, &[1_750.0]);
    eve.hears(From::Server, &[500.0]);
    stage.explains(&ann, "ConfBridge");
    bob.call("9");
    let all: [&Phone; 3] = [&ann, &bob, &eve];
    let others = |own: usize, muted: Option<usize>| -> Vec<f64> {
        (0..3).filter(|at| *at != own && Some(*at) != muted).map(|at| tones[at]).collect()
    };
    for (at, phone) in all.iter().enumerate() {
        phone.hears(From::Server, &others(at, None));
    }
    ann.press(Keys::Info, "*1");
    for (at, phone) in all.iter().enumerate() {
        phone.hears(From::Server, &others(at, Some(0)));
    }
    ann.press(Keys::Info, "*1");
    for (at, phone) in all.iter().enumerate() {
        phone.hears(From::Server, &others(at, None));
    }
    // One hears an announcement of its menu, the others go on.
    bob.press(Keys::Info, "*5");
    bob.hears(From::Server, &[SPOKEN]);
    eve.hears(From::Server, &others(2, None));
    bob.hears(From::Server, &others(1, None));
    eve.press(Keys::Info, "*8");
    eve.is_idle();
    ann.hears(From::Server, &[1_150.0]);
    bob.hears(From::Server, &[500.0]);
    stage.ends(&[&ann, &bob, &eve]);
    let gone = poll(|| (!stage.type_in("confbridge list").contains("room ")).then_some(()));
    assert!(gone.is_some(), "{}", stage.type_in("confbridge list"));
}

/// Announced to who comes; kicked and muted from the command line; codecs of different rates.
fn ordered_from_the_command_line(stage: &Stage) {
    let ann = stage.phone_with(404, 500.0, "g722");
    let bob = stage.phone(405, 1_150.0);
    let eve = stage.phone_with(406, 1_750.0, "opus");
    for phone in [&ann, &bob, &eve] {
        phone.hears_roughly();
        phone.call("8");
        phone.hears(From::Server, &[SPOKEN]);
    }
    ann.hears(From::Server, &[1_150.0, 1_750.0]);
    bob.hears(From::Server, &[500.0, 1_750.0]);
    eve.hears(From::Server, &[500.0, 1_150.0]);
    stage.type_in(&format!("confbridge mute other {}", stage.channel(&eve)));
    ann.hears(From::Server, &[1_150.0]);
    stage.type_in(&format!("confbridge unmute other {}", stage.channel(&eve)));
    ann.hears(From::Server, &[1_150.0, 1_750.0]);
    stage.type_in(&format!("confbridge kick other {}", stage.channel(&bob)));
    bob.is_idle();
    ann.hears(From::Server, &[1_750.0]);
    eve.hears(From::Server, &[500.0]);
    stage.ends(&[&ann, &bob, &eve]);
}

#[test]
fn conferences_take_calls_in() {
    let objects: String = (401..=406).map(|number| endpoint(number, "phones", "")).collect();
    Stage::new("rooms", &objects, DIALPLAN, FILES).play(&[
        ("three_meet", three_meet),
        ("ordered_from_the_command_line", ordered_from_the_command_line),
    ]);
}
