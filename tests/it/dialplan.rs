//! The dialplans of `config-examples`, and the page of the documentation about the dialplan.

use jackfield::base::time::Now;
use jackfield::config::conf;
use jackfield::config::files::MemoryFiles;
use jackfield::config::origin::Sources;
use jackfield::dialplan::line::Section;
use jackfield::dialplan::show::{Shown, json};
use jackfield::dialplan::{Dialplan, Surroundings, apps, functions, line, load, toml_file};
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file of that name below `config-examples`.
fn examples(name: &str) -> Vec<PathBuf> {
    let folders = std::fs::read_dir(root().join("config-examples")).expect("the examples").flatten();
    folders.map(|folder| folder.path().join(name)).filter(|path| path.is_file()).collect()
}

fn loaded(
    sections: &[Section<'_>],
    sources: &Sources,
    mut findings: Vec<jackfield::config::Finding>,
) -> Dialplan {
    let around = Surroundings {
        sources,
        zones: Arc::default(),
        environment: &|_| None,
        done: &|_| true,
        now: Now::default(),
    };
    let loaded = load(sections, &around);
    findings.extend(loaded.findings);
    let told: Vec<String> = findings.iter().map(|finding| finding.text(sources).to_string()).collect();
    assert_eq!(told, Vec::<String>::new());
    loaded.dialplan
}

fn from_conf(path: &Path) -> Dialplan {
    let files = MemoryFiles::new().with("extensions.conf", std::fs::read(path).expect("readable"));
    let (mut sources, mut findings) = (Sources::new(), Vec::new());
    let tree = conf::read(&files, "extensions.conf", &mut sources, &mut findings);
    loaded(&line::sections(&tree), &sources, findings)
}

fn from_toml(path: &Path) -> Dialplan {
    let text = std::fs::read_to_string(path).expect("readable");
    let (mut sources, mut findings) = (Sources::new(), Vec::new());
    let source = sources.intern("extensions.toml");
    let sections = toml_file::sections(&text, source, &mut findings).unwrap_or_default();
    loaded(&sections, &sources, findings)
}

#[test]
fn every_example_loads_without_a_finding() {
    let files = examples("extensions.conf");
    assert!(files.len() >= 2);
    for path in files {
        assert!(from_conf(&path).contexts().count() > 0, "{}", path.display());
    }
}

/// The same dialplan in both forms, but for the places.
#[test]
fn both_forms_say_the_same() {
    fn without_places(mut value: serde_json::Value) -> serde_json::Value {
        match &mut value {
            serde_json::Value::Object(fields) => {
                fields.remove("at");
                fields.iter_mut().for_each(|(_, field)| *field = without_places(field.take()));
            }
            serde_json::Value::Array(items) => {
                items.iter_mut().for_each(|item| *item = without_places(item.take()))
            }
            _ => {}
        }
        value
    }
    for path in examples("extensions.toml") {
        let toml = from_toml(&path);
        let conf = from_conf(&path.with_extension("conf"));
        assert_eq!(
            without_places(json(&toml, Shown::default())),
            without_places(json(&conf, Shown::default()))
        );
        assert_eq!(toml.globals, conf.globals);
    }
}

/// What the page says is done is done, and nothing is left out of it.
#[test]
fn the_documentation_names_every_application_and_function() {
    let page = std::fs::read_to_string(root().join("docs/dialplan.md")).expect("the page");
    let section = |title: &str| {
        let after =
            page.split(&format!("## {title}\n")).nth(1).unwrap_or_else(|| panic!("no section '{title}'"));
        after.split("\n## ").next().unwrap_or_default().to_owned()
    };
    let words =
        |text: &str| -> Vec<String> { text.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    let (done, later) = (words(&section("Applications")), words(&section("Applications known and not done")));
    for app in apps::all() {
        let undone = app.is_later() && !jackfield::switch::call::does(app.name);
        let (list, name) = if undone { (&later, "not done") } else { (&done, "done") };
        assert!(
            list.iter().any(|word| word == app.name),
            "{} is not among the applications {name}",
            app.name
        );
    }
    let (here, asked) =
        (words(&section("Functions")), words(&section("Functions of the channel and the switch")));
    for function in functions::all() {
        let list = if function.needs_host() { &asked } else { &here };
        assert!(list.iter().any(|word| word == function.name), "{}", function.name);
    }
}
