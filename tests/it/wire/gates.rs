//! The price of a message, held: allocations everywhere, instructions where valgrind is on the machine.
//!
//! `cargo test --release --test it wire::gates -- --nocapture` shows the figures of an optimised build; in a debug build
//! the same tests hold looser figures, which still catch work that grew by half.

use super::ops;
use jackfield::sip::wire::Index;
use std::hint::black_box;
use std::process::Command;

/// A typed REGISTER may cost that many instructions.
const REGISTER_INSTRUCTIONS: u64 = if cfg!(debug_assertions) { 210_000 } else { 20_000 };
/// Of which the scan.
const SCAN_INSTRUCTIONS: u64 = if cfg!(debug_assertions) { 67_000 } else { 6_500 };
/// The 401 to it, printed.
const ANSWER_INSTRUCTIONS: u64 = if cfg!(debug_assertions) { 55_000 } else { 7_500 };
/// A datagram that is no message. At the three instructions a nanosecond of a slow machine this is 0.3 µs.
const JUNK_INSTRUCTIONS: u64 = if cfg!(debug_assertions) { 11_000 } else { 1_000 };

/// What the child process is to do, and how often.
const WORK: &str = "JACKFIELD_GATE_WORK";
const ROUNDS: &str = "JACKFIELD_GATE_ROUNDS";

fn run(work: &str, rounds: u64) -> usize {
    let mut index = Index::default();
    let register = ops::register();
    let mut out = Vec::with_capacity(2048);
    let junk = ops::junk();
    let mut sum = 0;
    for _ in 0..rounds {
        sum += match work {
            "register" => ops::read_register(&mut index, black_box(&register)),
            "answer" => {
                index.scan(black_box(&register)).expect("the sample is sound");
                ops::answer(&index, &register, &mut out)
            }
            "scan" => index.scan(black_box(&register)).expect("the sample is sound").bytes().len(),
            name => {
                let (_, bytes) = junk.iter().find(|(n, _)| *n == name).expect("a known work");
                usize::from(index.scan(black_box(bytes)).is_err())
            }
        };
    }
    sum
}

/// The child's side of [`instructions`]; by itself, one round of each work.
#[test]
fn worker() {
    let work = std::env::var(WORK).unwrap_or_else(|_| "register".into());
    let rounds = std::env::var(ROUNDS).ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    assert!(run(&work, rounds) > 0, "each work yields something");
}

/// Instructions of one round: the difference between many and few, so that starting up costs nothing.
/// `None` when there is no valgrind.
fn instructions(work: &str) -> Option<u64> {
    let few = collected(work, 10)?;
    let many = collected(work, 110)?;
    Some((many - few) / 100)
}

fn collected(work: &str, rounds: u64) -> Option<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe().expect("the test knows its own file"))
        .args(["--exact", "wire::gates::worker", "--test-threads=1"])
        .env(WORK, work)
        .env(ROUNDS, rounds.to_string())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "valgrind ran the worker: {text}");
    let line =
        text.lines().find_map(|line| line.split_once("Collected : ")).expect("callgrind tells its count");
    Some(line.1.trim().parse().expect("a number"))
}

fn hold(work: &str, count: Option<u64>, limit: u64) {
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    match count {
        Some(count) => {
            eprintln!("{work}: {count} instructions ({profile}, at most {limit})");
            assert!(count > 0 && count <= limit, "{work}: {count} instructions, {limit} allowed ({profile})");
        }
        None => eprintln!("{work}: instructions NOT measured, valgrind is not on this machine"),
    }
}

#[test]
fn a_typed_register_costs_few_instructions() {
    hold("register", instructions("register"), REGISTER_INSTRUCTIONS);
}

#[test]
fn a_printed_challenge_costs_few_instructions() {
    let scan = instructions("scan");
    hold("scan", scan, SCAN_INSTRUCTIONS);
    // Each round scans first, because a challenge is printed from what was scanned.
    let both = instructions("answer");
    hold("answer", both.zip(scan).map(|(both, scan)| both.saturating_sub(scan)), ANSWER_INSTRUCTIONS);
}

#[test]
fn junk_costs_next_to_nothing() {
    for (name, _) in ops::junk() {
        hold(name, instructions(name), JUNK_INSTRUCTIONS);
    }
}

#[test]
fn reading_and_answering_allocate_nothing() {
    let mut index = Index::default();
    let mut out = Vec::with_capacity(2048);
    let (register, invite, response) = (ops::register(), ops::invite(), ops::long_response());
    let junk = ops::junk();
    let info = allocation_counter::measure(|| {
        black_box(ops::read_register(&mut index, &register));
        black_box(ops::answer(&index, &register, &mut out));
        for bytes in [&invite, &response] {
            let message = index.scan(bytes).expect("the sample is sound");
            black_box(message.envelope().expect("the sample is sound").call_id.len());
        }
        black_box(ops::cut(&register));
        for (_, bytes) in &junk {
            black_box(index.scan(bytes).is_err());
        }
    });
    assert_eq!(info.count_total, 0, "{} bytes in {} allocations", info.bytes_total, info.count_total);
}
