//! The price of the dialplan: finding an extension, expanding arguments, running a priority.
//!
//! `cargo bench --bench dialplan` prints the table.

use jackfield::base::time::{Moment, Now, WallTime};
use jackfield::config::conf;
use jackfield::config::files::MemoryFiles;
use jackfield::config::origin::Sources;
use jackfield::dialplan::host::{Level, Unavailable};
use jackfield::dialplan::line::sections;
use jackfield::dialplan::{Dialplan, Host, Outcome, Place, Program, Query, Step, Surroundings, load};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A channel that has nothing.
struct NoChannel;

impl Host for NoChannel {
    fn builtin(&self, _: &str) -> Option<String> {
        None
    }
    fn caller_number(&self) -> String {
        String::new()
    }
    fn is_up(&self) -> bool {
        true
    }
    fn global(&self, _: &str) -> Option<String> {
        None
    }
    fn set_global(&mut self, _: &str, _: Option<&str>) {}
    fn read(&mut self, _: &str, _: &str) -> Result<String, Unavailable> {
        Err(Unavailable::Unsupported)
    }
    fn write(&mut self, _: &str, _: &str, _: &str) -> Result<(), Unavailable> {
        Err(Unavailable::Unsupported)
    }
    fn random(&mut self) -> u64 {
        4
    }
    fn verbosity(&self) -> u8 {
        0
    }
    fn say(&mut self, _: Level, _: &str) {}
}

fn plan(text: &str) -> Dialplan {
    let files = MemoryFiles::new().with("extensions.conf", text);
    let mut sources = Sources::new();
    let tree = conf::read(&files, "extensions.conf", &mut sources, &mut Vec::new());
    let around = Surroundings {
        sources: &sources,
        zones: Arc::default(),
        environment: &|_| None,
        done: &|_| true,
        now: Now::default(),
    };
    load(&sections(&tree), &around).dialplan
}

/// Best of several rounds: the others were disturbed.
#[expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a bench measures real time and prints it"
)]
fn time(name: &str, mut run: impl FnMut()) {
    let mut best = f64::MAX;
    let mut rounds = 1_u32;
    for _ in 0..40 {
        let start = Instant::now();
        for _ in 0..rounds {
            run();
        }
        let took = start.elapsed();
        best = best.min(took.as_nanos() as f64 / f64::from(rounds));
        if took < Duration::from_millis(5) {
            rounds = rounds.saturating_mul(2);
        }
    }
    println!("{name:<60} {best:>12.1} ns");
}

fn main() {
    let now = Now { at: Moment(0), wall: WallTime::from_secs(1_770_026_400) };
    for size in [10, 1_000, 100_000] {
        let mut text = String::from("[in]\ninclude => more\n[more]\n");
        for n in 0..size {
            text += &format!("exten => {n},1,Dial(PJSIP/{n},30)\n same => n,Hangup()\n");
        }
        time(&format!("load a context of {size} extensions"), || {
            black_box(plan(&text));
        });
        let plan = plan(&text);
        let query = |exten| Query { context: "in", exten, caller: "", now: now.wall };
        time(&format!("find one of {size} names, through an include"), || {
            black_box(plan.find(query("7")));
        });
        time(&format!("find none among {size} names"), || {
            black_box(plan.find(query("x")));
        });
    }
    let mut text = String::from("[in]\n");
    for n in 0..1_000 {
        text += &format!("exten => _{n}XXXX.,1,NoOp()\n");
    }
    let patterns = plan(&text);
    let query = Query { context: "in", exten: "999555123456", caller: "", now: now.wall };
    time("find the last of 1000 patterns", || {
        black_box(patterns.find(query));
    });

    for (name, line) in [
        ("NoOp()", "NoOp()"),
        ("NoOp(${EXTEN:1})", "NoOp(${EXTEN:1})"),
        ("Set(x=$[1 + 2 * 3])", "Set(x=$[1 + 2 * 3])"),
        ("GotoIf with a comparison, not taken", "GotoIf($[\"${DIALSTATUS}\" = \"BUSY\"]?busy)"),
        ("Set(x=$[\"${EXTEN}\" =~ \"^1[0-9]+$\"])", "Set(x=$[\"${EXTEN}\" =~ \"^1[0-9]+$\"])"),
        ("Set(x=${IF($[${LEN(${EXTEN})} > 3]?a:b)})", "Set(x=${IF($[${LEN(${EXTEN})} > 3]?a:b)})"),
    ] {
        // One priority more or less in a run of 100 is what one priority costs.
        let text = format!("[in]\nexten => 100,1,NoOp()\n{}", format!(" same => n,{line}\n").repeat(100));
        let plan = plan(&text);
        let mut per_run = f64::MAX;
        measure(&mut per_run, || {
            let mut program = Program::new(Place::new("in", "100", 1));
            assert!(matches!(program.step(now, &plan, &mut NoChannel), Step::Finished(_)));
        });
        print_per_priority(name, per_run / 101.0);
    }
    let plan =
        plan("[in]\nexten => _1XX,1,Answer()\n same => n,Dial(PJSIP/${EXTEN},30,tT)\n same => n,Hangup()\n");
    time("a call: Answer, Dial, Hangup, with its program made", || {
        let mut program = Program::new(Place::new("in", "123", 1));
        while let Step::Do(_) = black_box(program.step(now, &plan, &mut NoChannel)) {
            program.resume(Outcome::Done);
        }
    });
}

#[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
fn measure(best: &mut f64, mut run: impl FnMut()) {
    for _ in 0..200 {
        let start = Instant::now();
        for _ in 0..20 {
            run();
        }
        *best = best.min(start.elapsed().as_nanos() as f64 / 20.0);
    }
}

#[expect(clippy::print_stdout, reason = "the table is what a bench is for")]
fn print_per_priority(name: &str, nanos: f64) {
    println!("one priority: {name:<46} {nanos:>12.1} ns");
}
