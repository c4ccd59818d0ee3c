//! The price of reading and writing messages: nanoseconds for each operation.
//!
//! `cargo bench --bench wire` prints the table. For instructions, which do not depend on what else the machine does:
//! `cargo test --release --test it wire::gates -- --nocapture`, which runs itself under callgrind.

#[path = "../tests/it/wire/ops.rs"]
mod ops;

use jackfield::sip::wire::{Index, Uri};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Best of several rounds: the others were disturbed.
#[expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a bench measures real time and prints it"
)]
fn time(name: &str, mut run: impl FnMut() -> usize) {
    let mut best = f64::MAX;
    let mut rounds = 1_u32;
    for _ in 0..40 {
        let start = Instant::now();
        for _ in 0..rounds {
            black_box(run());
        }
        let took = start.elapsed();
        best = best.min(took.as_nanos() as f64 / f64::from(rounds));
        if took < Duration::from_millis(5) {
            rounds = rounds.saturating_mul(2);
        }
    }
    println!("{name:<44} {best:>9.1} ns");
}

#[expect(clippy::print_stdout, reason = "the table is what a bench is for")]
fn println_header(text: &str) {
    println!("{text}");
}

fn main() {
    let (register, invite, response) = (ops::register(), ops::invite(), ops::long_response());
    let mut index = Index::default();
    println_header(&format!(
        "REGISTER {} B, INVITE {} B, 200 {} B",
        register.len(),
        invite.len(),
        response.len()
    ));
    time("REGISTER: scan", || index.scan(black_box(&register)).map_or(0, |m| m.bytes().len()));
    time("REGISTER: scan and every typed view", || ops::read_register(&mut index, black_box(&register)));
    time("INVITE with SDP: scan", || index.scan(black_box(&invite)).map_or(0, |m| m.body().len()));
    time("INVITE with SDP: scan and envelope", || {
        index.scan(black_box(&invite)).map_or(0, |m| m.envelope().map_or(0, |e| e.call_id.len()))
    });
    time("200, 8 Via, 6 Record-Route: scan, envelope", || {
        index.scan(black_box(&response)).map_or(0, |m| m.envelope().map_or(0, |e| e.call_id.len()))
    });
    time("REGISTER: cut from a stream", || match ops::cut(black_box(&register)) {
        jackfield::sip::wire::frame::Frame::Message(length) => length,
        _ => 0,
    });
    let mut out = Vec::with_capacity(2048);
    let mut scanned = Index::default();
    scanned.scan(&register).expect("the sample is sound");
    time("401 to the REGISTER: print", || ops::answer(&scanned, black_box(&register), &mut out));
    let (a, b) = (
        &b"sip:john.doe@10.24.16.37:5060;ob;transport=tcp"[..],
        &b"sip:john.doe@10.24.16.37:5060;transport=TCP;ob"[..],
    );
    time("contact URIs: parse both, compare", || {
        let same =
            Uri::parse(black_box(a)).ok().zip(Uri::parse(black_box(b)).ok()).is_some_and(|(a, b)| a.same(&b));
        usize::from(same)
    });
    for (name, bytes) in ops::junk() {
        time(&format!("junk, {} B: {name}", bytes.len()), || {
            usize::from(index.scan(black_box(&bytes)).is_err())
        });
    }
}
