//! `import` and `export`: a configuration in any form gives the same objects.

use jackfield::config::{Objects, load};
use jackfield::server::convert::{Form, Job, SourceForm, run};
use jackfield::store::files::ConfigDir;
use std::fs;
use std::path::{Path, PathBuf};

/// A directory of the test's own, gone at its end.
struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Dir {
        let dir = std::env::temp_dir().join(format!("jackfield-convert-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).expect("a directory");
        Dir(dir)
    }

    fn below(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn job(source: &Path, form: Form, into: &Path) -> Job {
    Job {
        source: source.to_owned(),
        from: None,
        form,
        into: Some(into.to_owned()),
        force: false,
        partial: false,
        notes: false,
    }
}

/// What it printed, or why it did nothing; then what it said.
fn convert(job: &Job) -> (Result<String, String>, String) {
    let (mut out, mut words) = (Vec::new(), Vec::new());
    let done = run(job, &mut out, &mut words);
    (done.map(|()| String::from_utf8(out).expect("text")), String::from_utf8(words).expect("text"))
}

#[track_caller]
fn good(job: &Job) -> String {
    let (done, words) = convert(job);
    assert!(done.is_ok(), "{done:?}\n{words}");
    words
}

fn objects(dir: &Path) -> Objects {
    load(&ConfigDir::new(dir), None).objects
}

#[track_caller]
fn same(a: &Objects, b: &Objects) {
    let plan = a.plan(b);
    assert!(plan.is_empty(), "{plan}");
}

fn manifest(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Every way from one form to another and back to `.conf`.
fn round(name: &str, source: &Path) {
    let dir = Dir::new(name);
    let first = objects(source);
    assert!(!first.endpoints.is_empty());
    let (toml, tables) = (dir.below("toml"), dir.below("tables"));
    good(&job(source, Form::Toml, &toml));
    same(&first, &objects(&toml));
    good(&job(&toml, Form::Sqlite, &tables));
    assert!(objects(&tables).endpoints.is_empty(), "they are in the database, not in the file beside it");
    for (from, into) in [(&toml, "conf-1"), (&tables, "conf-2")] {
        let into = dir.below(into);
        good(&job(from, Form::Conf, &into));
        same(&first, &objects(&into));
        // What was written by us is read without a word.
        let words = good(&Job { notes: true, ..job(&into, Form::Toml, &dir.below("again")) });
        assert!(!words.contains("error[") && !words.contains("warning["), "{words}");
        fs::remove_dir_all(dir.below("again")).expect("removed");
    }
    // The database alone has the objects that tables hold.
    let alone = dir.below("alone");
    good(&job(&tables.join("pjsip.sqlite"), Form::Toml, &alone));
    let alone = objects(&alone);
    assert_eq!(alone.endpoints.len(), first.endpoints.len());
    assert_eq!((alone.aors.len(), alone.auths.len()), (first.aors.len(), first.auths.len()));
}

#[test]
fn the_quickstart_example_goes_round() {
    round("quickstart", &manifest("config-examples/quickstart"));
}

#[test]
fn the_configuration_of_the_recordings_goes_round() {
    let dir = Dir::new("probe-source");
    fs::write(dir.below("pjsip.conf"), crate::world::PROBE).expect("written");
    round("probe", &dir.0);
}

#[test]
fn nothing_is_overwritten_unless_told_and_then_the_old_one_stays() {
    let (dir, source) = (Dir::new("force"), manifest("config-examples/quickstart"));
    fs::write(dir.below("pjsip.conf"), "; mine\n").expect("written");
    let to_conf = job(&source, Form::Conf, &dir.0);
    let why = convert(&to_conf).0.expect_err("it is there");
    assert!(why.contains("pjsip.conf exists") && why.contains("--force"), "{why}");
    assert_eq!(fs::read_to_string(dir.below("pjsip.conf")).expect("there"), "; mine\n");
    good(&Job { force: true, ..to_conf });
    assert_eq!(fs::read_to_string(dir.below("pjsip.conf.old")).expect("kept"), "; mine\n");
    let names: Vec<_> = fs::read_dir(&dir.0).expect("list").map(|e| e.expect("entry").file_name()).collect();
    assert!(names.iter().all(|name| !name.to_string_lossy().ends_with(".new")), "{names:?}");

    let to_tables = job(&source, Form::Sqlite, &dir.below("t"));
    good(&to_tables);
    let why = convert(&Job { force: false, ..to_tables.clone() }).0.expect_err("it is there");
    assert!(why.contains("exists"), "{why}");
    let words = good(&Job { force: true, ..to_tables });
    assert!(words.contains("rows put into"), "{words}");
}

#[test]
fn a_source_with_faults_is_refused_unless_they_may_be_left_out() {
    let dir = Dir::new("partial");
    let text = "[a]\ntype=aor\nmax_contacts=1\n[b]\ntype=aor\nmax_contacts=many\n";
    fs::write(dir.below("pjsip.conf"), text).expect("written");
    let to_toml = job(&dir.0, Form::Toml, &dir.below("new"));
    let (done, words) = convert(&to_toml);
    assert!(done.expect_err("a fault").contains("--partial"));
    assert!(words.contains("pjsip.conf:6:14: error[") && words.contains("'many'"), "{words}");
    assert!(!dir.below("new").exists(), "nothing was written");
    good(&Job { partial: true, ..to_toml });
    assert_eq!(objects(&dir.below("new")).aors.len(), 1);
}

#[test]
fn what_would_not_come_back_the_same_is_not_written() {
    let dir = Dir::new("differs");
    // A line break cannot be written in a .conf file.
    let text = "[aor.a]\nmax_contacts = 1\nvoicemail_extension = \"a\\nb\"\n";
    fs::write(dir.below("pjsip.toml"), text).expect("written");
    let why = convert(&job(&dir.below("pjsip.toml"), Form::Conf, &dir.below("new"))).0.expect_err("lossy");
    assert!(why.contains("would differ") && why.contains("aor 'a'"), "{why}");
    assert_eq!(fs::read_dir(dir.below("new")).map(Iterator::count).unwrap_or_default(), 0);
}

#[test]
fn mapping_files_of_the_administrator_are_left_alone() {
    let dir = Dir::new("mapping");
    fs::write(dir.below("extconfig.conf"), "[settings]\nvoicemail => odbc,x\n").expect("written");
    let words = good(&job(&manifest("config-examples/quickstart"), Form::Sqlite, &dir.0));
    assert!(
        words.contains("extconfig.conf is yours") && words.contains("ps_aors => sqlite3,pjsip"),
        "{words}"
    );
    let kept = fs::read_to_string(dir.below("extconfig.conf")).expect("there");
    assert!(kept.contains("voicemail => odbc,x"));
}

/// S1-1 … S1-5: the words are tested beside the importer; here, that the command gives one on every line.
#[test]
fn sip_conf_becomes_objects_with_a_word_on_every_line() {
    let dir = Dir::new("sip");
    let text = "[general]\nbindport=5070\nmatchexterniplocally=yes\n[200]\ntype=friend\nhost=dynamic\nsecret=abc\n\
                context=internal\ncanreinvite=nonat\n";
    fs::write(dir.below("sip.conf"), text).expect("written");
    let words = good(&job(&dir.below("sip.conf"), Form::Conf, &dir.below("new")));
    for line in [2, 3, 6, 7, 8, 9] {
        assert!(words.contains(&format!("sip.conf:{line}:")), "line {line}: {words}");
    }
    assert!(words.contains("canreinvite=nonat becomes"), "{words}");
    let objects = objects(&dir.below("new"));
    assert!(objects.endpoints.contains_key("200") && objects.aors.contains_key("200"));
    let printed = Job { into: None, ..job(&dir.below("sip.conf"), Form::Toml, &dir.0) };
    let text = convert(&printed).0.expect("printed");
    assert!(text.contains("[endpoint.\"200\"]") && text.contains("disable_direct_media_on_nat"), "{text}");
}

#[test]
fn a_source_of_any_name_can_be_said_what_it_is() {
    let dir = Dir::new("from");
    fs::write(dir.below("phones.txt"), "[a]\ntype=aor\nmax_contacts=1\n").expect("written");
    let to_toml = job(&dir.below("phones.txt"), Form::Toml, &dir.below("new"));
    good(&Job { from: Some(SourceForm::Conf), ..to_toml });
    assert!(objects(&dir.below("new")).aors.contains_key("a"));
    let missing = convert(&job(&dir.below("none.conf"), Form::Toml, &dir.below("x"))).0.expect_err("none");
    assert!(missing.contains("none.conf"), "{missing}");
    fs::write(dir.below("junk.db"), "SQLite format 3\0 and then nothing of the kind").expect("written");
    assert!(convert(&job(&dir.below("junk.db"), Form::Toml, &dir.below("y"))).0.is_err());
}
