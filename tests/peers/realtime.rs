//! Realtime tables that `sqlite3` writes while phones register: what it does takes effect at once, and whatever it does
//! to the database stops nobody who is known.

use crate::client::{Phone, Registrants};
use crate::tree::{Process, Tree, poll, text_of};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How soon a row takes effect.
const SOON: Duration = Duration::from_millis(250);

/// Asterisk's own files; nothing of them is changed for us.
const SORCERY: &str = "\
[res_pjsip]
endpoint=realtime,ps_endpoints
auth=realtime,ps_auths
aor=realtime,ps_aors
domain_alias=realtime,ps_domain_aliases
[res_pjsip_endpoint_identifier_ip]
identify=realtime,ps_endpoint_id_ips
";
const EXTCONFIG: &str = "\
[settings]
ps_endpoints => sqlite3,asterisk
ps_auths => sqlite3,asterisk
ps_aors => sqlite3,asterisk
ps_domain_aliases => sqlite3,asterisk
ps_endpoint_id_ips => sqlite3,asterisk
ps_contacts => sqlite3,asterisk
";

/// A tree whose objects are rows.
struct Realtime {
    tree: Tree,
    database: PathBuf,
}

impl Realtime {
    /// `init` makes the tables.
    fn new(name: &str, sorcery: &str, init: impl FnOnce(&Tree, &Path)) -> Realtime {
        let tree = Tree::new(name, "");
        let database = tree.dir.join("realtime.sqlite3");
        let write = |name: &str, text: &str| std::fs::write(tree.dir.join(name), text).expect("written");
        write("sorcery.conf", &format!("{SORCERY}{sorcery}"));
        write("extconfig.conf", EXTCONFIG);
        write(
            "res_config_sqlite3.conf",
            &format!("[asterisk]\ndbfile => {}\ndebug=no\n", database.display()),
        );
        init(&tree, &database);
        Realtime { tree, database }
    }

    fn with_own_schema(name: &str, sorcery: &str) -> Realtime {
        Realtime::new(name, sorcery, |tree, database| {
            let made = tree.command().args(["schema", "init"]).arg(database).output().expect("runs");
            assert!(made.status.success(), "{}", text_of(&made));
        })
    }

    fn sql(&self, sql: &str) -> String {
        sqlite3(&self.database, sql)
    }

    fn add_phone(&self, name: &str) {
        self.sql(&phone(name));
    }

    /// Waits until the database is said to be in this state.
    fn wait_for_store(&self, words: &str) -> String {
        let mut last = String::new();
        let seen = poll(|| {
            last = self.tree.show(&["status"]);
            last.lines().find(|line| line.contains("realtime") && line.contains(words)).map(str::to_owned)
        });
        seen.unwrap_or_else(|| panic!("show status never said '{words}':\n{last}\n{}", self.tree.log()))
    }

    fn phone(&self, name: &str) -> Phone {
        let server = self.tree.target([127, 0, 0, 1].into(), false);
        Phone::new(server, name, &format!("secret{name}"))
    }
}

fn phone(name: &str) -> String {
    format!(
        "BEGIN;
         INSERT INTO ps_endpoints (id, aors, auth, context, disallow, allow) VALUES ('{name}', '{name}', '{name}', 'x', 'all', 'ulaw');
         INSERT INTO ps_auths (id, auth_type, username, password) VALUES ('{name}', 'userpass', '{name}', 'secret{name}');
         INSERT INTO ps_aors (id, max_contacts, remove_existing) VALUES ('{name}', 2, 'yes');
         COMMIT;"
    )
}

/// Runs the `sqlite3` program.
fn sqlite3(database: &Path, sql: &str) -> String {
    let mut command = Command::new("sqlite3");
    command.arg("-cmd").arg(".timeout 5000").arg(database).arg(sql);
    match command.output() {
        Ok(output) => {
            assert!(output.status.success(), "{sql}: {}", text_of(&output));
            text_of(&output)
        }
        Err(error) => panic!("sqlite3 cannot be started ({error}); install it with: apt-get install sqlite3"),
    }
}

/// The time from the start of `done` until `until` is true.
fn took(done: impl FnOnce(), mut until: impl FnMut() -> bool) -> Duration {
    #[expect(clippy::disallowed_methods, reason = "a bound in real time is what is tested")]
    let began = Instant::now();
    done();
    let seen = poll(|| until().then_some(()));
    assert!(seen.is_some(), "it never took effect");
    began.elapsed()
}

/// Registers 500 times a second until it is told to end.
struct Load {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<u32>>,
}

impl Load {
    /// On ten aors whose endpoints ask for no password.
    fn on(realtime: &Realtime) -> Load {
        let mut registrants = Registrants::new(realtime.tree.target([127, 0, 0, 1].into(), false), 10);
        let stop = Arc::new(AtomicBool::new(false));
        let ended = stop.clone();
        let thread = std::thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                registrants.register_for(Duration::from_millis(100), 500);
            }
            registrants.answered
        });
        Load { stop, thread: Some(thread) }
    }

    fn rows() -> String {
        let rows = (0..10).map(|n| {
            format!(
                "INSERT INTO ps_endpoints (id, aors) VALUES ('u{n}', 'u{n}');
                 INSERT INTO ps_aors (id, max_contacts, remove_existing) VALUES ('u{n}', 5, 'yes');"
            )
        });
        rows.collect()
    }

    /// How many were granted.
    fn end(mut self) -> u32 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().expect("it runs until now").join().expect("every answer was a 200")
    }
}

/// A6: phones are added, changed and removed by another program; each takes effect within 250 ms, without a reload,
/// while others register: with our change log, without it, and with contacts written into the same file.
#[test]
fn rows_take_effect_within_250_ms() {
    for (name, foreign, sorcery) in [
        ("rows", false, ""),
        ("foreign-rows", true, ""),
        ("shared-rows", false, "[res_pjsip]\ncontact=realtime,ps_contacts\n"),
    ] {
        let mut realtime = Realtime::with_own_schema(name, sorcery);
        if foreign {
            // As Asterisk's own migrations leave it: no change log.
            let drop = realtime
                .sql("SELECT 'DROP TRIGGER ' || name || ';' FROM sqlite_master WHERE type = 'trigger'");
            realtime.sql(&drop);
        }
        realtime.add_phone("100");
        realtime.sql(&Load::rows());
        realtime.tree.start();
        let load = Load::on(&realtime);
        let mut known = realtime.phone("100");
        assert_eq!(known.register(), 200, "{}", realtime.tree.log());

        let mut worst = Vec::new();
        let mut times = |what: &'static str, time| worst.push((time, what));
        let mut new = realtime.phone("200");
        assert_eq!(new.register(), 401, "nobody tells a stranger who exists");
        times("added", took(|| realtime.add_phone("200"), || new.register() == 200));
        times(
            "password",
            took(
                || drop(realtime.sql("UPDATE ps_auths SET password = 'other' WHERE id = '200'")),
                || new.register() == 401,
            ),
        );
        new.set_password("other");
        assert_eq!(new.register(), 200);
        times(
            "limit",
            took(
                || drop(realtime.sql("UPDATE ps_aors SET max_contacts = 0 WHERE id = '200'")),
                || new.register() == 403,
            ),
        );
        assert_eq!(known.register(), 200, "others go on");
        times(
            "removed",
            took(
                || drop(realtime.sql("DELETE FROM ps_endpoints WHERE id = '100'")),
                || known.register() == 401,
            ),
        );
        assert!(load.end() > 10, "{}", realtime.tree.log());
        // One of them may fall to a busy machine.
        worst.sort();
        assert!(worst[2].0 < SOON, "{name}: {worst:?}\n{}", realtime.tree.log());
        let known = realtime.tree.show(&["endpoints"]);
        assert!(known.contains("200") && !known.contains("100/"), "{known}");
        assert_eq!(realtime.tree.terminate().code(), Some(0));
    }
}

/// A bad row keeps what was there, and is told with table and key; mended, it holds again.
#[test]
fn a_bad_row_keeps_its_last_good_version() {
    let mut realtime = Realtime::with_own_schema("bad-row", "");
    realtime.add_phone("100");
    realtime.tree.start();
    let mut phone = realtime.phone("100");
    assert_eq!(phone.register(), 200);
    realtime.sql("UPDATE ps_aors SET max_contacts = 'many' WHERE id = '100'");
    realtime.tree.wait_for_log("ps_aors: error[bad-number]: aor '100': max_contacts");
    assert_eq!(phone.register(), 200);
    assert!(realtime.tree.show(&["status"]).contains("aor '100'"));
    realtime.sql("UPDATE ps_aors SET max_contacts = 0 WHERE id = '100'");
    assert!(poll(|| (phone.register() == 403).then_some(())).is_some(), "{}", realtime.tree.log());
    assert!(!realtime.tree.show(&["status"]).contains("aor '100'"));
    assert_eq!(realtime.tree.log().matches("aor '100': max_contacts").count(), 1, "{}", realtime.tree.log());
}

/// A `sqlite3` that holds the database.
struct Holder {
    /// Ends with the holder.
    _process: Process,
}

impl Holder {
    fn of(database: &Path) -> Holder {
        let mut command = Command::new("sqlite3");
        command.arg(database).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = Process::peer(&mut command, "sqlite3");
        let child: &mut Child = &mut process.0;
        let stdin = child.stdin.as_mut().expect("piped");
        stdin.write_all(b"BEGIN EXCLUSIVE;\nSELECT 'held';\n").expect("it reads");
        stdin.flush().expect("it reads");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("it answers");
        assert_eq!(line.trim(), "held");
        Holder { _process: process }
    }
}

/// A7: a lock that another program holds on the database stops no registration of who is known, though contacts are
/// kept in it; `show status` says so, and what was registered meanwhile is in the table afterwards.
#[test]
fn a_locked_database_stops_no_registration() {
    let mut realtime = Realtime::with_own_schema("locked", "[res_pjsip]\ncontact=realtime,ps_contacts\n");
    // In WAL mode readers are never locked out.
    realtime.sql("PRAGMA journal_mode = DELETE");
    realtime.add_phone("100");
    realtime.tree.start();
    let mut phone = realtime.phone("100");
    assert_eq!(phone.register(), 200);
    let count = || realtime.sql("SELECT count(*) FROM ps_contacts WHERE id LIKE '100;@%'").trim().to_owned();
    assert!(poll(|| (count() == "1").then_some(())).is_some(), "{}", realtime.tree.log());

    let holder = Holder::of(&realtime.database);
    let mut other = realtime.phone("100");
    for _ in 0..20 {
        assert_eq!(phone.register(), 200, "{}", realtime.tree.log());
        assert_eq!(other.register(), 200, "{}", realtime.tree.log());
    }
    let said = realtime.wait_for_store("not read since");
    assert!(said.contains("locked"), "{said}");
    let json = realtime.tree.command().args(["--json", "show", "status"]).output().expect("runs");
    assert!(text_of(&json).contains("not read since"), "{}", text_of(&json));
    drop(holder);
    realtime.wait_for_store("Ok");
    assert!(poll(|| (count() == "2").then_some(())).is_some(), "{}", realtime.tree.log());
    assert_eq!(realtime.tree.log().matches("cannot be read, what was read before serves").count(), 1);
    assert_eq!(realtime.tree.terminate().code(), Some(0));
}

/// A7: so for a file that is gone, damaged, or another one by rename.
#[test]
fn a_vanished_database_stops_no_registration_and_a_new_one_is_taken() {
    let mut realtime = Realtime::with_own_schema("vanished", "");
    realtime.add_phone("100");
    realtime.tree.start();
    let mut phone = realtime.phone("100");
    assert_eq!(phone.register(), 200);
    let aside = realtime.tree.dir.join("aside.sqlite3");
    std::fs::rename(&realtime.database, &aside).expect("renamed");
    realtime.wait_for_store("not read since");
    assert_eq!(phone.register(), 200, "{}", realtime.tree.log());

    std::fs::write(&realtime.database, vec![7; 8_192]).expect("written");
    realtime.wait_for_store("not a database");
    assert_eq!(phone.register(), 200, "{}", realtime.tree.log());
    // A reload changes nothing about that.
    let reloaded = realtime.tree.command().arg("reload").output().expect("runs");
    assert!(text_of(&reloaded).contains("cannot be read"), "{}", text_of(&reloaded));
    assert_eq!(phone.register(), 200, "{}", realtime.tree.log());

    let next = realtime.tree.dir.join("next.sqlite3");
    let made = realtime.tree.command().args(["schema", "init"]).arg(&next).output().expect("runs");
    assert!(made.status.success(), "{}", text_of(&made));
    sqlite3(&next, &self::phone("100"));
    sqlite3(&next, &self::phone("300"));
    sqlite3(&next, "PRAGMA wal_checkpoint(TRUNCATE)");
    std::fs::rename(&next, &realtime.database).expect("renamed");
    let mut new = realtime.phone("300");
    assert!(poll(|| (new.register() == 200).then_some(())).is_some(), "{}", realtime.tree.log());
    realtime.wait_for_store("Ok");
    assert_eq!(phone.register(), 200);
}

/// Objects of files and rows side by side: the first back end of `sorcery.conf` that has a name gives it, and a row
/// that goes uncovers the file's object.
#[test]
fn files_and_tables_stand_side_by_side() {
    let mut realtime =
        Realtime::with_own_schema("both", "[res_pjsip]\naor=config,pjsip.conf,criteria=type=aor\n");
    let conf = realtime.tree.dir.join("pjsip.conf");
    let objects = "[100]\ntype=aor\nmax_contacts=0\n[200]\ntype=aor\nmax_contacts=1\n";
    std::fs::write(&conf, std::fs::read_to_string(&conf).expect("there") + objects).expect("written");
    realtime.add_phone("100");
    realtime.add_phone("200");
    realtime.sql("DELETE FROM ps_aors WHERE id = '200'");
    realtime.tree.start();
    let (mut both, mut file) = (realtime.phone("100"), realtime.phone("200"));
    assert_eq!((both.register(), file.register()), (200, 200), "{}", realtime.tree.log());
    let uncovered =
        took(|| drop(realtime.sql("DELETE FROM ps_aors WHERE id = '100'")), || both.register() == 403);
    assert!(uncovered < SOON * 4, "{uncovered:?}");
    realtime.sql("INSERT INTO ps_aors (id, max_contacts) VALUES ('100', 1), ('200', 0)");
    assert!(poll(|| (both.register() == 200 && file.register() == 403).then_some(())).is_some());
}

/// Rows that come while everything is read again are not lost, and none that was there goes away for a moment.
#[test]
fn a_reload_loses_no_row() {
    let mut realtime = Realtime::with_own_schema("reload", "");
    realtime.add_phone("100");
    realtime.tree.start();
    let mut known = realtime.phone("100");
    assert_eq!(known.register(), 200);
    for n in 0..10 {
        let mut reload = realtime.tree.command().arg("reload").stdout(Stdio::null()).spawn().expect("runs");
        let name = format!("n{n}");
        realtime.add_phone(&name);
        let mut new = realtime.phone(&name);
        assert!(poll(|| (new.register() == 200).then_some(())).is_some(), "{name}: {}", realtime.tree.log());
        assert_eq!(known.register(), 200, "{}", realtime.tree.log());
        assert!(reload.wait().expect("a child of ours").success(), "{}", realtime.tree.log());
    }
    let contacts = realtime.tree.show(&["contacts"]);
    for n in 0..10 {
        assert!(contacts.contains(&format!("n{n}/")), "n{n}: {contacts}");
    }
    assert!(!realtime.tree.log().contains("Removed contact"), "{}", realtime.tree.log());
}

/// `contact=realtime`: contacts that another program adds and removes come and go.
#[test]
fn contacts_of_others_come_and_go() {
    let mut realtime = Realtime::with_own_schema("contacts", "[res_pjsip]\ncontact=realtime,ps_contacts\n");
    realtime.add_phone("100");
    realtime.tree.start();
    let mut phone = realtime.phone("100");
    assert_eq!(phone.register(), 200);
    let rows = || realtime.sql("SELECT id FROM ps_contacts");
    assert!(poll(|| rows().starts_with("100;@").then_some(())).is_some(), "{}", realtime.tree.log());
    realtime.sql(
        "INSERT INTO ps_contacts (id, uri, expiration_time) VALUES ('100;@d3d9446802a44259755d38e6d163e820',
         'sip:other@192.0.2.7', strftime('%s', 'now') + 600)",
    );
    let shows = |uri: &str| realtime.tree.show(&["contacts"]).contains(uri);
    assert!(poll(|| shows("sip:other@192.0.2.7").then_some(())).is_some(), "{}", realtime.tree.log());
    realtime.sql("DELETE FROM ps_contacts WHERE uri = 'sip:other@192.0.2.7'");
    assert!(poll(|| (!shows("sip:other@192.0.2.7")).then_some(())).is_some(), "{}", realtime.tree.log());
    assert!(shows("sip:100@127.0.0.1"));
}
