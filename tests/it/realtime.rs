//! Objects of tables: Asterisk's three files and the TOML table lead to the same objects, tables of other versions are
//! read, and changed rows come to what reading everything again would come to.

use jackfield::base::time::WallTime;
use jackfield::config::{Finding, Kind, Object, Objects, Severity};
use jackfield::server::realtime::{Read, read};
use jackfield::store::map::Contacts;
use jackfield::store::schema;
use jackfield::store::watch::Happened;
use rusqlite::Connection;
use std::path::{Path, PathBuf};

const SORCERY: &str = "[res_pjsip]\nendpoint=realtime,ps_endpoints\nauth=realtime,ps_auths\naor=realtime,ps_aors\n\
    contact=realtime,ps_contacts\n[res_pjsip_endpoint_identifier_ip]\nidentify=realtime,ps_endpoint_id_ips\n";
const EXTCONFIG: &str = "[settings]\nps_endpoints => sqlite3,asterisk\nps_auths => sqlite3,asterisk\n\
    ps_aors => sqlite3,asterisk\nps_contacts => sqlite3,asterisk\nps_endpoint_id_ips => sqlite3,asterisk\n";
const SQLITE: &str = "[asterisk]\ndbfile => realtime.db\n";
const PHONE: &str = "
    INSERT INTO ps_endpoints (id, aors, auth, context, disallow, allow) VALUES ('100', '100', '100', 'x', 'all', 'ulaw');
    INSERT INTO ps_auths (id, auth_type, username, password) VALUES ('100', 'userpass', '100', 'secret');
    INSERT INTO ps_aors (id, max_contacts) VALUES ('100', 2);
    INSERT INTO ps_endpoint_id_ips (id, endpoint, match) VALUES ('i', '100', '192.0.2.0/24');";

/// A folder with these files, removed at the end.
struct Dir(PathBuf);

impl Dir {
    fn new(name: &str, files: &[(&str, &str)]) -> Dir {
        let dir = std::env::temp_dir().join(format!("jackfield-realtime-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).expect("the temporary folder is writable");
        for (name, text) in files {
            std::fs::write(dir.join(name), text).expect("written");
        }
        Dir(dir)
    }

    fn asterisk(name: &str) -> Dir {
        Dir::new(
            name,
            &[("sorcery.conf", SORCERY), ("extconfig.conf", EXTCONFIG), ("res_config_sqlite3.conf", SQLITE)],
        )
    }

    fn database(&self) -> Connection {
        let path = self.0.join("realtime.db");
        schema::migrate(&path).expect("migrates");
        Connection::open(path).expect("opens")
    }

    fn read(&self, last_good: Option<&Objects>) -> Read {
        read(&self.0, last_good)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn grave(findings: &[Finding]) -> Vec<String> {
    findings.iter().filter(|f| f.severity != Severity::Note).map(|f| f.message.clone()).collect()
}

/// S4-42, S4-44.
#[test]
fn asterisks_files_and_toml_give_the_same_objects() {
    let asterisk = Dir::asterisk("files");
    asterisk.database().execute_batch(PHONE).expect("sql");
    let toml = Dir::new(
        "toml",
        &[(
            "pjsip.toml",
            "[realtime]\ndatabase = \"realtime.db\"\nendpoint = true\nauth = \"ps_auths\"\naor = true\n\
             contact = true\nglobal = false\n[realtime.identify]\ntable = \"ps_endpoint_id_ips\"\n",
        )],
    );
    toml.database().execute_batch(PHONE).expect("sql");
    for dir in [&asterisk, &toml] {
        let Read { loaded, watches, contacts } = dir.read(None);
        assert_eq!(grave(&loaded.findings), Vec::<String>::new());
        let objects = &loaded.objects;
        assert_eq!(objects.endpoints["100"].option("context").as_deref(), Some("x"));
        assert_eq!(objects.aors["100"].option("max_contacts").as_deref(), Some("2"));
        assert_eq!(objects.auths["100"].option("username").as_deref(), Some("100"));
        assert_eq!(objects.identifies["i"].option("endpoint").as_deref(), Some("100"));
        let context = objects.endpoints["100"].origin_of("context").expect("it was set");
        assert!(objects.sources.place(context).to_string().starts_with("ps_endpoints"));
        assert_eq!(watches.len(), 1);
        let path = dir.0.join("realtime.db").components().collect::<PathBuf>();
        let Contacts::Shared { path: shared, table } = contacts else { panic!("{contacts:?}") };
        assert_eq!((shared.components().collect::<PathBuf>(), table.as_str()), (path, "ps_contacts"));
    }
}

#[test]
fn a_mistake_in_toml_is_told_and_the_rest_is_used() {
    let dir = Dir::new(
        "toml-faults",
        &[(
            "pjsip.toml",
            "[realtime]\nendpiont = true\naor = true\n[realtime.auth]\ndatabase = \"realtime.db\"\nname = \"x\"\n",
        )],
    );
    dir.database().execute_batch(PHONE).expect("sql");
    let loaded = dir.read(None).loaded;
    let told = grave(&loaded.findings);
    assert!(told.iter().any(|told| told.contains("'endpiont' is no type of object")), "{told:?}");
    assert!(told.iter().any(|told| told.contains("no database is named for aor")), "{told:?}");
    assert!(told.iter().any(|told| told.contains("[realtime.auth] has no 'name'")), "{told:?}");
    assert!(loaded.objects.auths.contains_key("100"));
}

/// Tables of an older version lack columns, of a newer one have more; of these the strange ones are named once.
#[test]
fn tables_of_other_versions_are_read() {
    let dir = Dir::asterisk("versions");
    let conn = Connection::open(dir.0.join("realtime.db")).expect("opens");
    conn.execute_batch(
        "CREATE TABLE ps_endpoints (id VARCHAR(40) NOT NULL UNIQUE, aors VARCHAR(200), auth VARCHAR(40),
             context VARCHAR(40), tenant INTEGER, colour TEXT);
         CREATE TABLE ps_auths (id TEXT, auth_type TEXT, username TEXT, password TEXT);
         CREATE TABLE ps_aors (id TEXT, max_contacts INTEGER);
         CREATE TABLE ps_contacts (id TEXT, uri TEXT, expiration_time TEXT);
         CREATE TABLE ps_endpoint_id_ips (id TEXT, endpoint TEXT, match TEXT);
         INSERT INTO ps_endpoints VALUES ('100', '100', '100', 'x', 7, 'red'), ('101', '100', '100', NULL, 8, 'blue');
         INSERT INTO ps_auths VALUES ('100', 'userpass', '100', 'secret');
         INSERT INTO ps_aors VALUES ('100', 1);",
    )
    .expect("sql");
    let loaded = dir.read(None).loaded;
    assert_eq!(loaded.objects.endpoints.len(), 2);
    assert_eq!(loaded.objects.endpoints["101"].option("direct_media").as_deref(), Some("true"));
    let told = grave(&loaded.findings);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("columns of ps_endpoints that are no options of endpoint"), "{told:?}");
    assert!(told[0].ends_with("tenant, colour"), "{told:?}");
}

/// A database that is not there hides no object of the files, and removes none on reload.
#[test]
fn an_unreadable_database_takes_nothing_away() {
    let dir = Dir::asterisk("gone");
    dir.database().execute_batch(PHONE).expect("sql");
    let before = dir.read(None).loaded.objects;
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(dir.0.join(format!("realtime.db{suffix}")));
    }
    let Read { loaded, .. } = dir.read(Some(&before));
    assert!(
        grave(&loaded.findings).iter().any(|told| told.contains("cannot be read")),
        "{:?}",
        loaded.findings
    );
    assert!(loaded.objects.endpoints.contains_key("100"));
    assert!(before.plan(&loaded.objects).changes.is_empty());
    assert!(dir.read(None).loaded.objects.endpoints.is_empty());
}

fn look(read: &mut Read) -> (Vec<String>, Vec<String>) {
    let happened = read.watches[0].look(WallTime::from_secs(1_700_000_000));
    let Some(Happened::Rows { changed, removed }) = happened else { panic!("{happened:?}") };
    let loaded = &mut read.loaded;
    let applied = loaded.rows.apply(&mut loaded.objects, &changed, &removed);
    assert_eq!(applied.whole, None);
    let mut changes: Vec<_> = applied.changes.iter().map(|change| format!("{change:?}")).collect();
    changes.iter_mut().for_each(|change| change.truncate(40));
    (changes, grave(&applied.findings))
}

/// Whatever happens to rows one by one, the objects are those that reading everything again gives.
#[test]
fn changes_come_to_what_reading_again_gives() {
    for logged in [true, false] {
        let dir = Dir::asterisk(if logged { "logged" } else { "compared" });
        let conn = dir.database();
        if !logged {
            for table in ["ps_endpoints", "ps_auths", "ps_aors", "ps_endpoint_id_ips"] {
                drop_triggers(&conn, table);
            }
        }
        conn.execute_batch(PHONE).expect("sql");
        let mut there = dir.read(None);
        let steps = [
            "INSERT INTO ps_aors (id, max_contacts) VALUES ('101', 3)",
            "UPDATE ps_endpoints SET callerid = 'A <1>', allow = 'alaw,ulaw' WHERE id = '100'",
            "INSERT INTO ps_endpoints (id, aors) VALUES ('101', '101'); DELETE FROM ps_endpoint_id_ips",
            "UPDATE ps_auths SET id = '102' WHERE id = '100'",
            "DELETE FROM ps_endpoints WHERE id = '100'; UPDATE ps_aors SET mailboxes = 'm' WHERE id = '101'",
        ];
        for step in steps {
            conn.execute_batch(step).expect("sql");
            let (changes, findings) = look(&mut there);
            assert!(!changes.is_empty(), "{step}");
            assert_eq!(findings, Vec::<String>::new(), "{step}");
            let again = dir.read(Some(&there.loaded.objects)).loaded.objects;
            let plan = there.loaded.objects.plan(&again);
            assert!(plan.changes.is_empty(), "after {step}:\n{plan}");
        }
    }
}

fn drop_triggers(conn: &Connection, table: &str) {
    let mut all =
        conn.prepare("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?1").expect("sql");
    let names: Vec<String> =
        all.query_map([table], |row| row.get(0)).expect("sql").map(Result::unwrap).collect();
    names.iter().for_each(|name| conn.execute_batch(&format!("DROP TRIGGER {name}")).expect("sql"));
}

/// A bad row keeps what was there, or is absent when there was nothing; others of the same transaction count.
#[test]
fn a_bad_row_harms_no_other() {
    let dir = Dir::asterisk("bad");
    let conn = dir.database();
    conn.execute_batch(PHONE).expect("sql");
    let mut there = dir.read(None);
    conn.execute_batch(
        "BEGIN; UPDATE ps_aors SET max_contacts = 'many' WHERE id = '100';
         INSERT INTO ps_aors (id, max_contacts) VALUES ('101', 'few'), ('102', 1); COMMIT",
    )
    .expect("sql");
    let (changes, findings) = look(&mut there);
    assert_eq!((changes.len(), findings.len()), (1, 2), "{changes:?} {findings:?}");
    let objects = &there.loaded.objects;
    assert_eq!(objects.aors["100"].option("max_contacts").as_deref(), Some("2"));
    assert!(objects.kept.contains(&(Kind::Aor, "100".into())));
    assert!(!objects.aors.contains_key("101") && objects.aors.contains_key("102"));
    conn.execute_batch("DELETE FROM ps_aors WHERE id <> '102'").expect("sql");
    let (changes, _) = look(&mut there);
    assert_eq!(changes.len(), 1, "only 100 was there: {changes:?}");
    assert!(there.loaded.objects.kept.is_empty());
}

/// Where `sorcery.conf` lists files and tables, the first one that has a name gives it.
#[test]
fn back_ends_are_asked_in_order() {
    let conf = "[100]\ntype=aor\nmax_contacts=7\n[file]\ntype=aor\n";
    let aor = |objects: &Objects| objects.aors["100"].option("max_contacts").unwrap_or_default();
    for (order, first) in [
        ("aor=realtime,ps_aors\naor=config,pjsip.conf,criteria=type=aor\n", "2"),
        ("aor=config,pjsip.conf,criteria=type=aor\naor=realtime,ps_aors\n", "7"),
    ] {
        let dir = Dir::new(
            &format!("order-{first}"),
            &[
                ("sorcery.conf", &*format!("[res_pjsip]\n{order}")),
                ("extconfig.conf", EXTCONFIG),
                ("res_config_sqlite3.conf", SQLITE),
                ("pjsip.conf", conf),
            ],
        );
        let conn = dir.database();
        conn.execute_batch(PHONE).expect("sql");
        let mut there = dir.read(None);
        assert_eq!(grave(&there.loaded.findings), Vec::<String>::new());
        assert_eq!(aor(&there.loaded.objects), first);
        assert!(there.loaded.objects.aors.contains_key("file"));
        conn.execute_batch("UPDATE ps_aors SET max_contacts = 3 WHERE id = '100'").expect("sql");
        let (changes, _) = look(&mut there);
        assert_eq!(changes.len(), usize::from(first == "2"), "a row behind a section changes nothing");
        conn.execute_batch("DELETE FROM ps_aors").expect("sql");
        look(&mut there);
        assert_eq!(aor(&there.loaded.objects), "7");
    }
}

/// A row of `ps_globals` or `ps_transports` concerns everything.
#[test]
fn rows_that_govern_others_ask_for_a_reload() {
    let dir = Dir::new(
        "globals",
        &[
            ("sorcery.conf", "[res_pjsip]\nglobal=realtime,ps_globals\ntransport=realtime,ps_transports\n"),
            (
                "extconfig.conf",
                "[settings]\nps_globals => sqlite3,asterisk\nps_transports => sqlite3,asterisk\n",
            ),
            ("res_config_sqlite3.conf", SQLITE),
        ],
    );
    let conn = dir.database();
    conn.execute_batch(
        "INSERT INTO ps_globals (id, default_realm) VALUES ('global', 'one');
         INSERT INTO ps_transports (id, protocol, bind) VALUES ('udp', 'udp', '127.0.0.1:5060')",
    )
    .expect("sql");
    let mut there = dir.read(None);
    assert_eq!(&*there.loaded.objects.global.default_realm, "one");
    assert!(there.loaded.objects.transports.contains_key("udp"));
    conn.execute_batch("UPDATE ps_globals SET default_realm = 'two'").expect("sql");
    let happened = there.watches[0].look(WallTime::from_secs(1));
    let Some(Happened::Rows { changed, removed }) = happened else { panic!("{happened:?}") };
    let applied = there.loaded.rows.apply(&mut there.loaded.objects, &changed, &removed);
    assert_eq!(applied.whole, Some(Kind::Global));
    assert_eq!(&*dir.read(None).loaded.objects.global.default_realm, "two");
}

/// The example tree loads as its README says, and its rows give two phones.
#[test]
fn the_example_loads() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("config-examples/realtime");
    let dir = Dir::new("example", &[]);
    for name in ["pjsip.conf", "sorcery.conf", "extconfig.conf", "res_config_sqlite3.conf"] {
        std::fs::copy(example.join(name), dir.0.join(name)).expect("it is part of the example");
    }
    let path = dir.0.join("realtime.sqlite3");
    schema::migrate(&path).expect("migrates");
    let rows = std::fs::read_to_string(example.join("phones.sql")).expect("it is part of the example");
    Connection::open(path).expect("opens").execute_batch(&rows).expect("sql");
    let Read { loaded, contacts, .. } = dir.read(None);
    assert_eq!(grave(&loaded.findings), Vec::<String>::new());
    let mut names: Vec<_> = loaded.objects.endpoints.keys().map(|name| &**name).collect();
    names.sort_unstable();
    assert_eq!(names, ["200", "201", "trunk"]);
    assert!(matches!(contacts, Contacts::Shared { .. }));
}

/// `switch => Realtime` finds the rows of the mapped table; without a mapping that is said, and `extensions.conf` may
/// itself be a table.
#[test]
fn extensions_come_from_tables() {
    use jackfield::base::time::Now;
    use jackfield::dialplan::{Match, Query};
    let text = "[in]\nexten => 1,1,NoOp()\nswitch => Realtime\n[other]\nswitch => Realtime/x@unmapped\n";
    let extconfig = "[settings]\nextensions => sqlite3,asterisk,my_extensions\n";
    let dir = Dir::new(
        "extensions",
        &[("extensions.conf", text), ("extconfig.conf", extconfig), ("res_config_sqlite3.conf", SQLITE)],
    );
    let conn = Connection::open(dir.0.join("realtime.db")).expect("opens");
    conn.execute_batch(
        "CREATE TABLE my_extensions (id INTEGER PRIMARY KEY, context, exten, priority, app, appdata);
         INSERT INTO my_extensions VALUES (1, 'in', 200, '1', 'Dial', 'PJSIP/200'), (2, 'in', '_3XX', 1, 'Dail', NULL);",
    )
    .expect("sql");
    let read = jackfield::server::dialplan::read(&dir.0, Now::default());
    assert!(read.is_complete, "{:?}", read.findings);
    let told: Vec<&str> = read.findings.iter().map(|finding| finding.code).collect();
    assert_eq!(told, ["unmapped-family", "realtime-row"]);
    let found = |exten: &str| {
        read.dialplan.find(Query { context: "in", exten, caller: "", now: WallTime(0) }) == Match::Found
    };
    assert!(found("1") && found("200") && found("345") && !found("400"));

    let extconfig = "[settings]\nextensions.conf => sqlite3,asterisk,ast_config\n";
    std::fs::write(dir.0.join("extconfig.conf"), extconfig).expect("written");
    conn.execute_batch(
        "CREATE TABLE ast_config (id INTEGER PRIMARY KEY, cat_metric INTEGER, var_metric INTEGER, filename TEXT,
             category TEXT, var_name TEXT, var_val TEXT, commented INTEGER);
         INSERT INTO ast_config VALUES (1, 0, 0, 'extensions.conf', 'in', 'exten', '500,1,NoOp()', 0);",
    )
    .expect("sql");
    let read = jackfield::server::dialplan::read(&dir.0, Now::default());
    assert!(read.is_complete && read.findings.is_empty(), "{:?}", read.findings);
    let query = Query { context: "in", exten: "500", caller: "", now: WallTime(0) };
    assert_eq!(read.dialplan.find(query), Match::Found);
    conn.execute_batch("DROP TABLE ast_config").expect("sql");
    assert!(!jackfield::server::dialplan::read(&dir.0, Now::default()).is_complete);
}
