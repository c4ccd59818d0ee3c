//! Lines of `extensions.conf` in a context of their own: loaded, looked up, shown, and a call run through them to its end;
//! what comes of each action is drawn from the input. And the text as the arguments of what takes any.
#![no_main]

use jackfield::base::time::{Moment, Now, WallTime};
use jackfield::config::files::MemoryFiles;
use jackfield::config::{Sources, conf};
use jackfield::dialplan::apps::bridge::BridgeOptions;
use jackfield::dialplan::apps::dial::{Dial, GosubResult, Jump};
use jackfield::dialplan::apps::originate::Originate;
use jackfield::dialplan::host::{Level, Unavailable};
use jackfield::dialplan::timing::Timing;
use jackfield::dialplan::{
    self, Action, DialStatus, Dialled, Dialplan, Host, Outcome, Place, Program, Query, Step, Surroundings, line,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A channel without a switch.
#[derive(Default)]
struct Channel {
    globals: BTreeMap<String, String>,
    seed: u64,
}

impl Host for Channel {
    fn builtin(&self, name: &str) -> Option<String> {
        (name == "CHANNEL").then(|| "PJSIP/100-00000000".to_owned())
    }

    fn caller_number(&self) -> String {
        "4930123".to_owned()
    }

    fn is_up(&self) -> bool {
        true
    }

    fn global(&self, name: &str) -> Option<String> {
        self.globals.get(name).cloned()
    }

    fn set_global(&mut self, name: &str, value: Option<&str>) {
        match value {
            Some(value) if self.globals.len() < 100 => drop(self.globals.insert(name.into(), value.into())),
            _ => drop(self.globals.remove(name)),
        }
    }

    fn read(&mut self, _function: &str, arguments: &str) -> Result<String, Unavailable> {
        Ok(arguments.to_owned())
    }

    fn write(&mut self, _function: &str, _arguments: &str, _value: &str) -> Result<(), Unavailable> {
        Ok(())
    }

    fn random(&mut self) -> u64 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.seed
    }

    fn verbosity(&self) -> u8 {
        3
    }

    fn say(&mut self, _level: Level, _text: &str) {}
}

fn outcome(action: &Action, chance: u64) -> Outcome {
    match (action, chance % 8) {
        (_, 0) => Outcome::HungUp,
        (Action::Dial(_), n) => {
            let statuses = [DialStatus::Answer, DialStatus::Busy, DialStatus::NoAnswer, DialStatus::ChanUnavail];
            Outcome::Dialled(Box::new(Dialled::unanswered(statuses[n as usize % 4])))
        }
        (Action::WaitDigit { .. }, 1 | 2) => Outcome::TimedOut,
        (Action::WaitDigit { .. }, n) => Outcome::Digit(char::from(b"0123456789*#"[n as usize])),
        (_, 1) => Outcome::Unsupported,
        (_, 2) => Outcome::Status("X".into()),
        _ => Outcome::Done,
    }
}

fn run(plan: &Dialplan, exten: &str, seed: u64) {
    let mut host = Channel { seed, ..Channel::default() };
    let mut now = Now { at: Moment(0), wall: WallTime::from_secs(1_770_026_400) };
    let mut program = Program::new(Place::new("in", exten, 1));
    for step in 0..2_000 {
        now = now.later(Duration::from_millis(host.random() % 3_000));
        if step == 40 {
            program.hung_up();
        }
        match program.step(now, plan, &mut host) {
            Step::Do(action) => {
                let chance = host.random() >> 33;
                program.resume(outcome(&action, chance));
            }
            Step::Finished(end) => return drop(end.to_string()),
            Step::Yield => {}
            Step::Waiting => panic!("the outcome was told"),
        }
    }
    panic!("after the hangup a dialplan comes to its end");
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (_, faults) = Dial::parse(text);
    drop(faults);
    let _ = (BridgeOptions::parse(text), Jump::parse(text), GosubResult::parse(text), Originate::parse(text).is_ok());
    let timing = Timing::parse(text, &mut Vec::new());
    let _ = timing.holds(WallTime::from_secs(1_770_026_400), &Default::default());
    let file = format!("[in]\n{text}\n[globals]\nT=PJSIP/gw\n");
    let files = MemoryFiles::new().with("extensions.conf", file.as_bytes());
    let (mut sources, mut findings) = (Sources::new(), Vec::new());
    let tree = conf::read(&files, "extensions.conf", &mut sources, &mut findings);
    let around = Surroundings {
        sources: &sources,
        zones: Arc::default(),
        environment: &|_| None,
        done: &|name| !name.contains('('),
        now: Now::default(),
    };
    let loaded = dialplan::load(&line::sections(&tree), &around);
    for finding in findings.iter().chain(&loaded.findings) {
        let _ = finding.text(&sources).to_string();
    }
    let plan = &loaded.dialplan;
    let dialled = text.split(['>', ',']).nth(1).unwrap_or("1").trim();
    for exten in ["1", "s", dialled] {
        let query = Query { context: "in", exten, caller: "1", now: WallTime(0) };
        let _ = (plan.find(query), plan.hint("in", exten, WallTime(0)));
        run(plan, exten, bytes.len() as u64);
    }
    let _ = dialplan::show::text(plan, dialplan::show::Shown::default());
});
