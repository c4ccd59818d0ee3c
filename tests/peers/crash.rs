//! `kill -9` at any moment loses no contact that a 200 acknowledged.

use crate::client::Registrants;
use crate::tree::{Tree, poll};
use jackfield::base::rng::Rng;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

const SEED: u64 = 20_260;
const KILLS: usize = 3;
const AORS: u32 = 100;
/// Unanswered REGISTERs at a time; several share a commit.
const AT_ONCE: usize = 24;

fn open_phones() -> String {
    let user = |n| format!("[u{n}]\ntype=endpoint\naors=u{n}\n[u{n}]\ntype=aor\nmax_contacts=100\n");
    (0..AORS).map(user).collect()
}

#[test]
fn kill_9_under_a_stream_of_registers_loses_no_acknowledged_contact() {
    let mut tree = Tree::new("crash", &open_phones());
    let mut rng = Rng::seeded(SEED);
    let mut phones = Registrants::new(tree.target(IpAddr::V4(Ipv4Addr::LOCALHOST), false), AORS);
    for round in 0..=KILLS {
        tree.start();
        let shown = contacts(&tree);
        for n in &phones.granted {
            assert!(
                shown.contains(&format!("sip:n{n}@127.0.0.1:")),
                "seed {SEED}, round {round}: contact {n} was acknowledged with 200 and is gone after kill -9; \
                 {} were acknowledged\n{}",
                phones.granted.len(),
                tree.log()
            );
        }
        if round == KILLS {
            return;
        }
        let enough = phones.granted.len() + 50 + rng.below(300) as usize;
        let reached = poll(|| {
            phones.fill(AT_ONCE);
            while phones.granted.len() < enough && phones.hear() {
                phones.fill(AT_ONCE);
            }
            if phones.granted.len() < enough {
                phones.retransmit();
            }
            (phones.granted.len() >= enough).then_some(())
        });
        assert!(reached.is_some(), "no answers any more in round {round}:\n{}", tree.log());
        // In the middle of what is on its way.
        std::thread::sleep(Duration::from_micros(rng.below(3_000)));
        tree.kill();
        phones.forget();
    }
}

fn contacts(tree: &Tree) -> String {
    let output = tree.command().args(["--json", "show", "contacts"]).output().expect("runs");
    assert!(output.status.success(), "{}", crate::tree::text_of(&output));
    String::from_utf8(output.stdout).expect("JSON is text")
}
