//! What changes or listens to sound on its way: `VOLUME`, `TALK_DETECT`, `JITTERBUFFER`, `MixMonitor`, `ChanSpy`.

use super::{From, Keys, Phone, Stage, endpoint};
use crate::tree::poll;

const DIALPLAN: &str = "[phones]\nexten => _1XX,1,Dial(PJSIP/${EXTEN},20)\nexten => _51XX,1,Answer()\n \
    same => n,ChanSpy(PJSIP/${EXTEN:1}-,dq)\n";

/// Two phones in a direct call.
fn two(stage: &Stage, number: u32) -> (Phone, Phone) {
    let (ann, bob) = (stage.phone(number, 500.0), stage.phone(number + 1, 1_150.0));
    stage.direct(&ann, &bob);
    (ann, bob)
}

fn set(stage: &Stage, phone: &Phone, what: &str, value: &str) {
    let line = format!("dialplan set chanvar {} {what} \"{value}\"", stage.channel(phone));
    let said = stage.type_in(&line);
    assert!(!said.contains("rror") && !said.contains("no "), "{line}: {said}");
}

/// S4-118: what goes to the channel is four times as loud, then what comes from it a third as loud.
fn volume(stage: &Stage) {
    let (ann, bob) = two(stage, 101);
    set(stage, &bob, "VOLUME(TX)", "3");
    bob.hears_at(From::Server, &[(500.0, 3.0)]);
    ann.hears(From::Server, &[1_150.0]);
    stage.explains(&ann, "VOLUME()");
    set(stage, &bob, "VOLUME(RX)", "-4");
    ann.hears_at(From::Server, &[(1_150.0, 0.25)]);
    bob.hears_at(From::Server, &[(500.0, 3.0)]);
    set(stage, &bob, "VOLUME(TX)", "0");
    bob.hears(From::Server, &[500.0]);
    set(stage, &bob, "VOLUME(RX)", "1");
    stage.is_direct(&ann, &bob);
    stage.ends(&[&ann, &bob]);
}

/// S4-119: talking is noticed, and its end.
fn talk_detect(stage: &Stage) {
    let (ann, bob) = two(stage, 103);
    let channel = stage.channel(&bob);
    bob.says(false);
    set(stage, &bob, "TALK_DETECT(set)", "300,256");
    ann.hears(From::Server, &[]);
    stage.explains(&bob, "TALK_DETECT()");
    bob.says(true);
    ann.hears(From::Server, &[1_150.0]);
    let told = |what: &str| {
        let line = format!("ChannelTalking{what} Channel={channel}");
        let seen = poll(|| stage.tree.log().contains(&line).then_some(()));
        assert!(seen.is_some(), "'{line}' is not in\n{}", stage.tree.log());
    };
    told("Start");
    bob.says(false);
    told("Stop");
    bob.says(true);
    set(stage, &bob, "TALK_DETECT(remove)", "");
    stage.is_direct(&ann, &bob);
    stage.ends(&[&ann, &bob]);
}

/// S4-124: what comes from the channel is heard later by its delay, and as it was said.
fn jitter_buffer(stage: &Stage) {
    let (ann, bob) = two(stage, 105);
    set(stage, &bob, "JITTERBUFFER(fixed)", "200");
    ann.hears(From::Server, &[1_150.0]);
    bob.hears(From::Server, &[500.0]);
    stage.explains(&ann, "JITTERBUFFER()");
    set(stage, &bob, "JITTERBUFFER(disabled)", "");
    stage.is_direct(&ann, &bob);
    stage.ends(&[&ann, &bob]);
}

/// S1-26, S4-116: a third phone hears both; it whispers to one, then speaks to both; then it goes.
fn spy(stage: &Stage) {
    let (ann, bob) = two(stage, 107);
    let eve = stage.phone(109, 1_750.0);
    eve.call("5107");
    eve.hears(From::Server, &[500.0, 1_150.0]);
    ann.hears(From::Server, &[1_150.0]);
    bob.hears(From::Server, &[500.0]);
    stage.explains(&bob, "ChanSpy()");
    eve.press(Keys::Info, "5");
    ann.hears(From::Server, &[1_150.0, 1_750.0]);
    bob.hears(From::Server, &[500.0]);
    eve.hears(From::Server, &[500.0, 1_150.0]);
    eve.press(Keys::Info, "6");
    bob.hears(From::Server, &[500.0, 1_750.0]);
    ann.hears(From::Server, &[1_150.0, 1_750.0]);
    eve.press(Keys::Info, "4");
    ann.hears(From::Server, &[1_150.0]);
    bob.hears(From::Server, &[500.0]);
    eve.hang_up();
    stage.is_direct(&ann, &bob);
    stage.ends(&[&ann, &bob, &eve]);
}

#[test]
fn what_listens_and_what_changes_sound_comes_and_goes_in_mid_call() {
    let objects: String = (101..=109).map(|number| endpoint(number, "phones", "")).collect();
    let stage = Stage::new("loudness", &objects, DIALPLAN, &[]);
    stage.play(&[
        ("volume", volume),
        ("talk_detect", talk_detect),
        ("jitter_buffer", jitter_buffer),
        ("spy", spy),
    ]);
}
