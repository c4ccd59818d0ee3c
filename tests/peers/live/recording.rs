//! Recording begun and ended in mid-call by code and by INFO: the file holds both sides.

use super::phone::clock;
use super::{From, Keys, Phone, Stage, endpoint};
use crate::shared::sound::{LOUD, tone};
use crate::tree::poll;
use jackfield::codec::wav::{HEADER_BYTES, WavHeader};
use std::path::PathBuf;
use std::time::Duration;

const DIALPLAN: &str = "[phones]\nexten => _2XX,1,Dial(PJSIP/${EXTEN},20,xXwW)\n";
const FEATURES: (&str, &str) = ("features.conf", "[featuremap]\nautomixmon => *3\nautomon => *5\n");

/// The only file of the calls of this phone.
fn file_of(stage: &Stage, called: &Phone) -> PathBuf {
    let folder = stage.tree.dir.join("run/monitor");
    let its = format!("-{}-", called.number);
    let files = || {
        let all = std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path());
        all.filter(|path| path.to_string_lossy().contains(&its)).collect::<Vec<_>>()
    };
    poll(|| files().pop()).unwrap_or_else(|| panic!("no file with {its} in {folder:?}\n{}", stage.tree.log()))
}

/// A finished recording of at least a second, in which both were heard all the time.
fn holds_both(path: &PathBuf) {
    let whole = poll(|| {
        let bytes = std::fs::read(path).ok()?;
        let header = WavHeader::read(&bytes).ok()?;
        (header.data_bytes as usize + HEADER_BYTES == bytes.len()).then_some(bytes)
    });
    let bytes = whole.unwrap_or_else(|| panic!("{path:?} is never complete"));
    let samples = samples_of(&bytes);
    assert!(samples.len() >= 8_000, "{} samples", samples.len());
    // What began it and what ended it is not the same moment for both sides.
    both_in(&samples[1_600..samples.len() - 1_600]);
}

fn samples_of(wav: &[u8]) -> Vec<i16> {
    wav[HEADER_BYTES..].chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect()
}

/// Both are heard all the time.
fn both_in(samples: &[i16]) {
    for part in samples.chunks_exact(1_600) {
        let levels = [500.0, 1_150.0].map(|hertz| tone(part, hertz, 8_000) / LOUD);
        assert!(levels.iter().all(|level| (0.84..1.19).contains(level)), "{levels:?}");
    }
}

/// Begins, is heard from the server, records a second, ends, is heard directly.
fn records(stage: &Stage, number: u32, feature: &str, begin: impl Fn(&Phone), end: impl Fn(&Phone, &Phone)) {
    let (ann, bob) = (stage.phone(number, 500.0), stage.phone(number + 1, 1_150.0));
    stage.direct(&ann, &bob);
    begin(&bob);
    ann.hears(From::Server, &[1_150.0]);
    bob.hears(From::Server, &[500.0]);
    stage.explains(&ann, feature);
    let path = file_of(stage, &bob);
    let enough = poll(|| std::fs::metadata(&path).is_ok_and(|file| file.len() > 20_000).then_some(()));
    assert!(enough.is_some(), "{path:?}\n{}", stage.tree.log());
    end(&ann, &bob);
    stage.is_direct(&ann, &bob);
    holds_both(&path);
    stage.ends(&[&ann, &bob]);
}

/// S4-129: `x`; the other side may end it.
fn mix_monitor_by_code(stage: &Stage) {
    records(
        stage,
        201,
        "MixMonitor()",
        |bob| bob.press(Keys::Info, "*3"),
        |ann, _| ann.press(Keys::Info, "*3"),
    );
}

/// `w`
fn monitor_by_code(stage: &Stage) {
    records(stage, 203, "Monitor()", |bob| bob.press(Keys::Info, "*5"), |_, bob| bob.press(Keys::Info, "*5"));
}

/// `Record: on` and `off`.
fn by_info(stage: &Stage) {
    let asks = |phone: &Phone, what: &str| assert_eq!(phone.info(&format!("Record: {what}\r\n"), ""), 200);
    records(stage, 205, "MixMonitor()", |bob| asks(bob, "on"), |_, bob| asks(bob, "off"));
}

/// Nobody ends it but the call itself: the file is complete all the same.
fn ended_by_the_call(stage: &Stage) {
    let (ann, bob) = (stage.phone(207, 500.0), stage.phone(208, 1_150.0));
    stage.direct(&ann, &bob);
    bob.press(Keys::Info, "*3");
    let path = file_of(stage, &bob);
    let enough = poll(|| std::fs::metadata(&path).is_ok_and(|file| file.len() > 20_000).then_some(()));
    assert!(enough.is_some(), "{path:?}\n{}", stage.tree.log());
    bob.hang_up();
    stage.ends(&[&ann, &bob]);
    holds_both(&path);
}

#[test]
fn recording_comes_and_goes_in_mid_call() {
    let objects: String =
        (201..=208).map(|number| endpoint(number, "phones", "one_touch_recording=yes")).collect();
    Stage::new("recording", &objects, DIALPLAN, &[FEATURES]).play(&[
        ("mix_monitor_by_code", mix_monitor_by_code),
        ("monitor_by_code", monitor_by_code),
        ("by_info", by_info),
        ("ended_by_the_call", ended_by_the_call),
    ]);
}

/// D5: `kill -9` in the middle of a recorded call: both sides are in the file up to its last second, and its header
/// tells of them.
#[test]
fn kill_9_leaves_both_sides_complete_to_the_last_second() {
    let objects: String = (209..=210).map(|number| endpoint(number, "phones", "")).collect();
    let mut stage = Stage::new("killed", &objects, DIALPLAN, &[FEATURES]);
    let (ann, bob) = (stage.phone(209, 500.0), stage.phone(210, 1_150.0));
    stage.direct(&ann, &bob);
    bob.press(Keys::Info, "*3");
    ann.hears(From::Server, &[1_150.0]);
    bob.hears(From::Server, &[500.0]);
    let (path, began) = (file_of(&stage, &bob), clock());
    let enough = poll(|| (began.elapsed() > Duration::from_millis(2_700)).then_some(()));
    assert!(enough.is_some(), "time passes");
    let lasted = began.elapsed();
    stage.tree.kill();
    let bytes = std::fs::read(&path).expect("it was there");
    let told = WavHeader::read(&bytes).expect("a WAVE file").data_bytes as usize;
    assert!(bytes.len() >= HEADER_BYTES + told, "{told} of {}", bytes.len());
    let seconds = told as f64 / 16_000.0;
    assert!(seconds >= lasted.as_secs_f64() - 1.0, "{seconds} s are told of, it was recorded for {lasted:?}");
    let samples = samples_of(&bytes[..HEADER_BYTES + told]);
    // What began it is not the same moment for both sides.
    both_in(&samples[3_200..]);
}
