//! `kill -9` at any moment loses no contact that a 200 acknowledged.
//!
//! Every run kills 3 times. `JACKFIELD_KILLS=50 JACKFIELD_REGISTERS_PER_SEC=5000 cargo test --release --test peers kill_9`
//! is the long form; it prints how much was acknowledged.
#![allow(clippy::print_stderr, reason = "figures of the long form")]

use crate::client::Registrants;
use crate::tree::Tree;
use jackfield::base::rng::Rng;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

const SEED: u64 = 20_260;
const AORS: u32 = 2_000;

fn open_phones() -> String {
    let user = |n| {
        format!("[u{n}]\ntype=endpoint\naors=u{n}\n[u{n}]\ntype=aor\nmax_contacts=1\nremove_existing=yes\n")
    };
    (0..AORS).map(user).collect()
}

fn setting(name: &str, default: u32) -> u32 {
    let Ok(text) = std::env::var(name) else { return default };
    text.parse().unwrap_or_else(|_| panic!("{name} is a number, not '{text}'"))
}

#[test]
fn kill_9_under_a_stream_of_registers_loses_no_acknowledged_contact() {
    let (kills, rate) = (setting("JACKFIELD_KILLS", 3), setting("JACKFIELD_REGISTERS_PER_SEC", 1_000));
    let mut tree = Tree::new("crash", &open_phones());
    let mut rng = Rng::seeded(SEED);
    let mut phones = Registrants::new(tree.target(IpAddr::V4(Ipv4Addr::LOCALHOST), false), AORS);
    let (mut acknowledged, mut busy) = (0, Duration::ZERO);
    for round in 0..=kills {
        tree.start();
        let shown = contacts(&tree);
        for (user, newest) in &phones.granted {
            // A later one may be there: committed, but not yet acknowledged when the server died.
            assert!(
                shown.get(user).is_some_and(|there| there >= newest),
                "seed {SEED}, round {round}: contact {newest} of u{user} was acknowledged with 200 and is gone after \
                 kill -9; there is {:?}; {acknowledged} were acknowledged\n{}",
                shown.get(user),
                tree.log()
            );
        }
        if round == kills {
            break;
        }
        // The last bit falls into the middle of a commit.
        let lasts = Duration::from_micros(200_000 + rng.below(800_000));
        let before = phones.answered;
        phones.register_for(lasts, rate);
        tree.kill();
        phones.forget();
        assert!(phones.answered > before, "no answers in round {round}:\n{}", tree.log());
        acknowledged += phones.answered - before;
        busy += lasts;
    }
    eprintln!(
        "{kills} kills, {rate} REGISTER/s asked for: {acknowledged} acknowledged in {:.1} s ({:.0}/s), 0 lost",
        busy.as_secs_f64(),
        f64::from(acknowledged) / busy.as_secs_f64()
    );
}

/// The contact of each user, by its number.
fn contacts(tree: &Tree) -> BTreeMap<u32, u32> {
    let output = tree.command().args(["--json", "show", "contacts"]).output().expect("runs");
    assert!(output.status.success(), "{}", crate::tree::text_of(&output));
    let text = String::from_utf8(output.stdout).expect("JSON is text");
    let numbers = text.split("sip:n").skip(1).filter_map(|rest| rest.split('@').next()?.parse::<u32>().ok());
    numbers.map(|n| (n % AORS, n)).collect()
}
