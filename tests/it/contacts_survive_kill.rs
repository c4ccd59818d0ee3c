//! A process that is killed at any moment loses no contact that it acknowledged.
//!
//! The test starts itself again as the process to be killed: a child commits through the store and writes each
//! acknowledged number to its standard output.

use jackfield::base::ids::{FlowId, Name};
use jackfield::base::rng::Rng;
use jackfield::base::time::WallTime;
use jackfield::registrar::binding::{Binding, ContactChange};
use jackfield::store::committer::Report;
use jackfield::store::contacts::ContactStore;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

const CHILD: &str = "JACKFIELD_TEST_STORE";
const ROUNDS: u64 = 40;
/// Contacts written by a child before it goes on refreshing them.
const CONTACTS: u64 = 300;

fn binding(n: u64) -> Binding {
    let aor = Name::from(format!("user{n}"));
    let uri = format!("sip:user{n}@192.0.2.1:5060");
    Binding {
        hash: *md5_of(n).as_bytes().first_chunk().expect("16 bytes"),
        uri: uri.into(),
        expires: WallTime::from_secs(1),
        q: 1000,
        endpoint: aor.clone(),
        call_id: "a@b".into(),
        cseq: 1,
        user_agent: "test".into(),
        path: "".into(),
        via: ("192.0.2.1".into(), 5060),
        instance: "".into(),
        reg_id: 0,
        transport: Name::from("udp"),
        source: ("192.0.2.1".parse().expect("address"), 5060),
        reg_server: Name::from(""),
        prune_on_boot: false,
        flow: FlowId::DATAGRAM,
        aor,
    }
}

/// Any 16 bytes that differ for each `n`.
fn md5_of(n: u64) -> String {
    format!("{n:016}")
}

/// Change `sequence` of a child: first all contacts are put, then each refresh says its own number in `expires`.
fn change(sequence: u64) -> ContactChange {
    let n = (sequence - 1) % CONTACTS;
    let Binding { aor, hash, .. } = binding(n);
    match sequence {
        ..=CONTACTS => {
            let mut binding = binding(n);
            binding.expires = WallTime::from_secs(sequence);
            ContactChange::Put(Box::new(binding))
        }
        _ => ContactChange::Refresh { aor, hash, expires: WallTime::from_secs(sequence), cseq: 2 },
    }
}

/// What the child does until it is killed: a few changes, flush, wait for the acknowledgement of some, say so.
fn be_the_child(path: &Path) {
    let (told, reports) = mpsc::channel();
    let report = move |report| drop(told.send(report));
    let (store, _) = ContactStore::open(path, report).expect("opens");
    let mut writer = store.writer(0);
    let mut out = std::io::stdout();
    let mut rng = Rng::seeded(u64::from(std::process::id()));
    let mut sequence = 0;
    loop {
        for _ in 0..1 + rng.below(24) {
            sequence += 1;
            writer.push(sequence, change(sequence));
        }
        writer.flush();
        for report in reports.try_iter().chain(reports.recv_timeout(Duration::from_secs(5)).ok()) {
            if let Report::Committed { sequence, .. } = report
                && writeln!(out, "acknowledged {sequence}").and_then(|()| out.flush()).is_err()
            {
                return;
            }
        }
    }
}

/// Kills a child after `acknowledged` lines of it were read and a little more time; returns the last number it said.
fn run_and_kill(path: &Path, lines: u64, pause: Duration) -> u64 {
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args([
            "--exact",
            "contacts_survive_kill::a_killed_process_loses_no_acknowledged_contact",
            "--nocapture",
        ])
        .env(CHILD, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    let mut output = BufReader::new(child.stdout.take().expect("piped")).lines();
    let number = |line: &str| line.strip_prefix("acknowledged ").and_then(|n| n.parse::<u64>().ok());
    let mut last = 0;
    let mut seen = 0;
    while seen < lines {
        let line = output.next().expect("the child writes until it is killed").expect("text");
        if let Some(n) = number(&line) {
            (last, seen) = (n, seen + 1);
        }
    }
    std::thread::sleep(pause);
    child.kill().expect("kills");
    child.wait().expect("ends");
    // What it said before it died counts too.
    output.map_while(Result::ok).filter_map(|line| number(&line)).fold(last, u64::max)
}

#[test]
fn a_killed_process_loses_no_acknowledged_contact() {
    if let Some(path) = std::env::var_os(CHILD) {
        return be_the_child(&PathBuf::from(path));
    }
    let folder = std::env::temp_dir().join(format!("jackfield-kill-{}", std::process::id()));
    let mut rng = Rng::seeded(4711);
    let mut acknowledged = 0;
    for round in 0..ROUNDS {
        let path = folder.join(format!("{round}")).join("contacts.sqlite");
        let last = run_and_kill(&path, 1 + rng.below(60), Duration::from_micros(rng.below(2_000)));
        acknowledged += last;
        let (store, loaded) = ContactStore::open(&path, |_| ()).expect("opens after the kill");
        assert!(loaded.notes.is_empty(), "{:?}", loaded.notes);
        drop(store);
        let found: HashMap<Name, u64> =
            loaded.bindings.iter().map(|b| (b.aor.clone(), b.expires.secs())).collect();
        for sequence in last.saturating_sub(CONTACTS - 1).max(1)..=last {
            let n = (sequence - 1) % CONTACTS;
            let stored = found.get(&binding(n).aor).copied().unwrap_or(0);
            assert!(
                stored >= sequence,
                "round {round}: change {sequence} of {last} was acknowledged, {stored} is stored"
            );
        }
    }
    assert!(acknowledged > ROUNDS, "the children did work");
    std::fs::remove_dir_all(&folder).expect("was there");
}
