//! What the contact store costs: CPU of the whole process (user + system, flushes included) per change, by group size;
//! reading everything back; reading realtime tables. `cargo bench --bench store [-- FOLDER [ROWS]]`.
#![allow(clippy::print_stdout, clippy::disallowed_methods, missing_docs)]

use jackfield::base::ids::{FlowId, Name};
use jackfield::base::rng::Rng;
use jackfield::base::time::WallTime;
use jackfield::config::kind::Kind;
use jackfield::config::origin::SourceId;
use jackfield::registrar::binding::{Binding, ContactChange};
use jackfield::store::committer::{Backend, Report};
use jackfield::store::contacts::{ContactStore, Writer};
use jackfield::store::journal::Journal;
use jackfield::store::ps_columns::AorColumns;
use jackfield::store::realtime::Wanted;
use jackfield::store::schema;
use jackfield::store::shared::Shared;
use jackfield::store::watch::Watch;
use nix::sys::resource::{UsageWho, getrusage};
use rusqlite::{Connection, params_from_iter};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::Instant;

const CONTACTS: u32 = 50_000;

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let folder = arguments.next().map_or_else(|| std::env::temp_dir().join("jackfield-bench"), PathBuf::from);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("the folder is writable");
    own_file(&folder.join("contacts.sqlite"));
    let rows = arguments.next().map_or(200_000, |rows| rows.parse().expect("a number of rows"));
    realtime(&folder.join("realtime.sqlite3"), rows);
    shared_table(&folder);
    std::fs::remove_dir_all(&folder).expect("was there");
}

/// Endpoints (147 columns), aors and auths: read whole, then compared row by row, then looked at idly.
fn realtime(path: &Path, rows: u32) {
    for steps in [&schema::STEPS[..1], schema::STEPS] {
        let _ = std::fs::remove_file(path);
        fill(path, steps.len() > 1, rows);
        let tables = [(Kind::Endpoint, "ps_endpoints"), (Kind::Aor, "ps_aors"), (Kind::Auth, "ps_auths")];
        let wanted = tables.map(|(kind, table)| Wanted { kind, table: table.into(), source: SourceId(1) });
        println!("realtime, {rows} rows in each of 3 tables, change log: {}", steps.len() > 1);
        let mut watch = Watch::new(path, wanted.to_vec());
        let mut settings = 0;
        let before = memory_kib();
        measure("read an object of three rows", rows as usize, || {
            watch.read_all(WallTime(0), &mut |draft| settings += draft.settings.len()).expect("reads");
        });
        println!("  {settings} settings; {} KiB kept to know changes by", memory_kib() - before);
        measure("look, nothing changed", 10_000, || {
            (0..10_000).for_each(|_| assert!(watch.look(WallTime(0)).is_none()));
        });
        let other = Connection::open(path).expect("opens");
        measure("one row changed by another program", 3, || {
            for n in 0..3 {
                other
                    .execute("UPDATE ps_aors SET max_contacts = ?1 WHERE id = 'user7'", [10 + n])
                    .expect("sql");
                assert!(watch.look(WallTime(0)).is_some());
            }
        });
    }
    let _ = std::fs::remove_file(path);
}

fn fill(path: &Path, logged: bool, rows: u32) {
    schema::migrate(path).expect("migrates");
    let mut conn = Connection::open(path).expect("opens");
    if !logged {
        let drop_triggers: Vec<String> = conn
            .prepare("SELECT 'DROP TRIGGER ' || name FROM sqlite_master WHERE type = 'trigger'")
            .and_then(|mut all| all.query_map([], |row| row.get(0))?.collect())
            .expect("sql");
        drop_triggers.iter().for_each(|sql| conn.execute_batch(sql).expect("sql"));
    }
    let transaction = conn.transaction().expect("begins");
    for n in 0..rows {
        let user = format!("user{n}");
        let run = |sql: &str, values: &[&str]| {
            transaction.prepare_cached(sql).expect("sql").execute(params_from_iter(values)).expect("sql");
        };
        run(
            "INSERT INTO ps_endpoints (id, transport, aors, auth, context, disallow, allow, direct_media, callerid)
             VALUES (?1, 'transport-udp', ?1, ?1, 'internal', 'all', 'ulaw,alaw', 'no', ?2)",
            &[&user, "Someone <100>"],
        );
        run("INSERT INTO ps_aors (id, max_contacts, remove_existing) VALUES (?1, 1, 'yes')", &[&user]);
        run(
            "INSERT INTO ps_auths (id, auth_type, username, password) VALUES (?1, 'userpass', ?1, 'secret')",
            &[&user],
        );
    }
    transaction.commit().expect("commits");
}

/// A `ps_contacts` table with Asterisk's columns and index, in WAL mode, behind our journal.
fn shared_table(folder: &Path) {
    let database = folder.join("shared.sqlite3");
    schema::migrate(&database).expect("migrates");
    for contacts in [10_000, CONTACTS] {
        let bindings: Vec<Binding> = (0..contacts).map(binding).collect();
        let open = || {
            let aors = Arc::new(|_: &str| AorColumns::default());
            Shared::open(&folder.join("own.sqlite"), &database, "ps_contacts", aors, WallTime(0))
                .expect("opens")
        };
        let (told, reports) = mpsc::channel();
        let store = ContactStore::start(open().0, move |report| drop(told.send(report))).expect("starts");
        let (mut writer, mut sequence) = (store.writer(0), 0);
        println!("ps_contacts, {contacts} rows");
        measure("put, groups of 256", bindings.len(), || {
            for some in bindings.chunks(256) {
                let puts = some.iter().map(|b| ContactChange::Put(Box::new(b.clone())));
                commit(&mut writer, &reports, &mut sequence, puts);
            }
        });
        let mut rng = Rng::seeded(2);
        for group in [1, 8, 32, 256] {
            let groups = (400_000 / group).min(4_000);
            measure(&format!("refresh, groups of {group}"), groups * group, || {
                for _ in 0..groups {
                    let some =
                        (0..group).map(|_| refresh(&bindings[rng.below(u64::from(contacts)) as usize]));
                    commit(&mut writer, &reports, &mut sequence, some);
                }
            });
        }
        store.close().expect("closes");
        measure("open and read back", bindings.len(), || drop(open()));
    }
}

/// Our own file: puts, then refreshes of contacts drawn at random, in groups.
fn own_file(path: &Path) {
    let bindings: Vec<Binding> = (0..CONTACTS).map(binding).collect();
    let (told, reports) = mpsc::channel();
    let (store, _) = ContactStore::open(path, move |report| drop(told.send(report))).expect("opens");
    let (mut writer, mut sequence) = (store.writer(0), 0);
    let puts = |range: std::ops::Range<usize>| {
        bindings[range].iter().map(|b| ContactChange::Put(Box::new(b.clone())))
    };
    println!("own file, {CONTACTS} contacts");
    measure("put, groups of 256", CONTACTS as usize, || {
        for start in (0..bindings.len()).step_by(256) {
            let end = bindings.len().min(start + 256);
            commit(&mut writer, &reports, &mut sequence, puts(start..end));
        }
    });
    let mut rng = Rng::seeded(1);
    let alone = path.with_extension("alone");
    let (mut journal, _) = Journal::open(&alone, WallTime(0)).expect("opens");
    for group in [1, 8, 32, 256] {
        let groups = (400_000 / group).min(4_000);
        measure(&format!("refresh, groups of {group}, commit alone"), groups * group, || {
            for _ in 0..groups {
                let some: Vec<_> =
                    (0..group).map(|_| refresh(&bindings[rng.below(u64::from(CONTACTS)) as usize])).collect();
                journal.commit(&some, WallTime(0)).expect("commits");
            }
        });
    }
    drop(journal);
    for group in [1, 8, 32, 256] {
        let groups = (400_000 / group).min(4_000);
        let file = File::create(path.with_extension("floor")).expect("creates");
        file.write_all_at(&vec![1; 16 << 20], 0).and_then(|()| file.sync_all()).expect("writes");
        let row = vec![2; 45 * group];
        measure(&format!("floor: write and flush, groups of {group}"), groups * group, || {
            for at in 0..groups {
                file.write_all_at(&row, (at * row.len() % (15 << 20)) as u64).expect("writes");
                file.sync_data().expect("flushes");
            }
        });
    }
    for group in [1, 8, 32, 256] {
        let groups = (400_000 / group).min(4_000);
        measure(&format!("refresh, groups of {group}"), groups * group, || {
            for _ in 0..groups {
                let some = (0..group).map(|_| refresh(&bindings[rng.below(u64::from(CONTACTS)) as usize]));
                commit(&mut writer, &reports, &mut sequence, some);
            }
        });
    }
    // Many times the journal's limit, so that folding is part of the price.
    let changes = 2_000_000;
    measure("refresh, groups of 256, folds included", changes, || {
        for _ in 0..changes / 256 {
            let some = (0..256).map(|_| refresh(&bindings[rng.below(u64::from(CONTACTS)) as usize]));
            commit(&mut writer, &reports, &mut sequence, some);
        }
    });
    store.close().expect("closes");
    let before = memory_kib();
    let mut loaded = Vec::new();
    measure("open and read back", CONTACTS as usize, || {
        loaded = ContactStore::open(path, |_| ()).expect("opens").1.bindings;
    });
    println!("  {:.2} KiB of memory per contact read", (memory_kib() - before) as f64 / loaded.len() as f64);
}

/// Hands over one group and waits until it is on disk.
fn commit(
    writer: &mut Writer,
    reports: &Receiver<Report>,
    sequence: &mut u64,
    changes: impl Iterator<Item = ContactChange>,
) {
    for change in changes {
        *sequence += 1;
        writer.push(*sequence, change);
    }
    writer.flush();
    for report in reports {
        match report {
            Report::Committed { sequence: done, .. } if done == *sequence => return,
            Report::Committed { .. } | Report::Note(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

fn refresh(binding: &Binding) -> ContactChange {
    static LATER: AtomicU64 = AtomicU64::new(1_700_000_000_000);
    let expires = WallTime(LATER.fetch_add(1, Ordering::Relaxed) * 1_000);
    ContactChange::Refresh { aor: binding.aor.clone(), hash: binding.hash, expires, cseq: 7 }
}

fn binding(n: u32) -> Binding {
    let aor = Name::from(format!("user{n:06}"));
    let uri = format!("sip:user{n:06}@10.{}.{}.{}:5060", n >> 16 & 255, n >> 8 & 255, n & 255);
    Binding {
        hash: *md5::compute(&uri),
        uri: uri.into(),
        expires: WallTime::from_secs(1_700_000_000),
        q: 1000,
        endpoint: aor.clone(),
        call_id: format!("{n:032x}@10.0.0.1").into(),
        cseq: 1,
        user_agent: "Example Phone T46 66.86.0.15".into(),
        path: "".into(),
        via: ("10.0.0.1".into(), 5060),
        instance: "".into(),
        reg_id: 0,
        transport: Name::from("transport-udp"),
        source: ("192.0.2.1".parse().expect("address"), 5060),
        reg_server: Name::from("pbx"),
        prune_on_boot: false,
        flow: FlowId::DATAGRAM,
        aor,
    }
}

/// Runs `work` and prints CPU and wall time per item.
fn measure(what: &str, items: usize, work: impl FnOnce()) {
    let (began, before) = (Instant::now(), cpu_micros());
    work();
    let (cpu, wall) = (cpu_micros() - before, began.elapsed().as_secs_f64() * 1e6);
    println!("  {what:42} {:8.2} us CPU each {:9.2} us wall each", cpu / items as f64, wall / items as f64);
}

fn cpu_micros() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_SELF).expect("getrusage");
    let micros = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 * 1e6 + time.tv_usec() as f64;
    micros(usage.user_time()) + micros(usage.system_time())
}

fn memory_kib() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("resident size");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number")
}
