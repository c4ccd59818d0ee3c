//! The `.conf` dialect, from text to sections.

use jackfield::config::conf::{Tree, read};
use jackfield::config::files::MemoryFiles;
use jackfield::config::{Finding, Sources};

fn parse(files: MemoryFiles) -> (Tree, Vec<Finding>) {
    let mut findings = Vec::new();
    let tree = read(&files, "a.conf", &mut Sources::new(), &mut findings);
    (tree, findings)
}

/// `name: a=1 b=2` per section, templates in parentheses.
fn shape(tree: &Tree) -> Vec<String> {
    let line = |section: jackfield::config::conf::Section<'_>| {
        let entries: Vec<String> = section.entries().map(|e| format!("{}={}", e.name, e.value)).collect();
        let name =
            if section.is_template() { format!("({})", section.name()) } else { section.name().to_owned() };
        format!("{name}: {}", entries.join(" "))
    };
    tree.sections().map(line).collect()
}

#[track_caller]
fn reads(text: &str, sections: &[&str]) {
    let (tree, findings) = parse(MemoryFiles::new().with("a.conf", text));
    assert_eq!(findings, []);
    assert!(tree.is_complete());
    assert_eq!(shape(&tree), sections);
}

#[test]
fn sections_templates_and_inheritance() {
    reads(
        "[t](!)\na=1\n[u](!)\nb=2\n[x](t,u)\nc=3\n[y](x)\na=9\n",
        &["(t): a=1", "(u): b=2", "x: a=1 b=2 c=3", "y: a=1 b=2 c=3 a=9"],
    );
    reads("[t](!)\na=1\n[t2](!,t)\nb=2\n[x](t2)\n", &["(t): a=1", "(t2): a=1 b=2", "x: a=1 b=2"]);
}

#[test]
fn a_template_changed_later_does_not_reach_back() {
    reads("[t](!)\na=1\n[x](t)\n[t](+)\nb=2\n[y](t)\n", &["(t): a=1 b=2", "x: a=1", "y: a=1 b=2"]);
}

#[test]
fn additions_go_to_the_first_section_that_fits() {
    reads("[x]\ntype=aor\n[x]\ntype=auth\n[x](+)\na=1\n", &["x: type=aor a=1", "x: type=auth"]);
    reads("[x]\ntype=aor\n[x]\ntype=auth\n[x](+type=auth)\na=1\n", &["x: type=aor", "x: type=auth a=1"]);
    reads("[x](!)\na=1\n[x](+TEMPLATES=restrict)\nb=2\n", &["(x): a=1 b=2"]);
    reads("[t](!)\nz=0\n[x]\na=1\n[x](+,t)\nb=2\n", &["(t): z=0", "x: a=1 z=0 b=2"]);
}

#[test]
fn assignments_in_every_form() {
    reads(
        "[x]\n a = 1 \nb=>2\nc => x => y\nd=\n\\#e=1\n\\[f]=2\ng = \"q\"\n",
        &["x: a=1 b=2 c=x => y d= #e=1 [f]=2 g=\"q\""],
    );
    reads("[x]\na=one\na+=two\nb += three\n", &["x: a=onetwo b=three"]);
    reads("[t](!)\na=one\n[x](t)\na+=two\n[y](t)\n", &["(t): a=one", "x: a=onetwo", "y: a=one"]);
}

#[test]
fn comments_in_every_form() {
    reads("; c\n[x] ; d\na=1;2\nb=1\\;2\n;-- block\nc=3\n--; d=4\n", &["x: a=1 b=1;2 d=4"]);
    reads("\u{feff}[x]\r\na=1\r\n", &["x: a=1"]);
}

#[test]
fn includes_keep_the_section_open_and_take_patterns() {
    let files = MemoryFiles::new()
        .with("a.conf", "[x]\n#include \"b.conf\"\nd=4\n#include <conf.d/*.conf>\n#tryinclude none.conf\n")
        .with("b.conf", "b=2\n[y]\nc=3\n")
        .with("conf.d/2.conf", "[q]\n")
        .with("conf.d/1.conf", "[p]\n");
    let (tree, findings) = parse(files);
    assert_eq!(findings, []);
    assert_eq!(shape(&tree), ["x: b=2", "y: c=3 d=4", "p: ", "q: "]);
}

#[test]
fn places_are_exact() {
    let (tree, _) = parse(MemoryFiles::new().with("a.conf", "\n  [x]\n   \u{e4}\u{f6} = v ; c\n"));
    let section = tree.section("x").expect("section");
    assert_eq!((section.at().line, section.at().column), (2, 3));
    let entry = section.entries().next().expect("entry");
    assert_eq!((entry.at.line, entry.at.column, entry.value_column), (3, 4, 9));
}

#[track_caller]
fn faults(text: &str, codes: &[&str]) -> Tree {
    let (tree, findings) = parse(MemoryFiles::new().with("a.conf", text));
    let got: Vec<&str> = findings.iter().map(|finding| finding.code).collect();
    assert_eq!(got, codes, "{findings:?}");
    tree
}

#[test]
fn faults_are_told_and_reading_goes_on() {
    let tree = faults(
        "a=1\nb=2\n[x\nc=3\n[y](t\n[z](t)\nd=4\nno equals\n#includ b\n#include none.conf\n[w] (t)\ne=5\n[v](+)\nf=6\n",
        &[
            "no-section",
            "no-bracket",
            "no-bracket",
            "no-such-template",
            "no-equals",
            "unknown-directive",
            "missing-file",
            "text-after-header",
            "no-such-section",
        ],
    );
    assert_eq!(shape(&tree), ["z: d=4", "w: e=5"]);
    assert!(!tree.is_complete());
    faults("[x]\n;-- never closed\na=1\n", &["open-comment"]);
    faults("[x]\n#exec /bin/true\n", &["exec-not-run"]);
    faults("[x]\n#include\n", &["no-file-name"]);
}

#[test]
fn loops_and_floods_end() {
    let files = MemoryFiles::new().with("a.conf", "#include b.conf\n").with("b.conf", "#include a.conf\n");
    assert_eq!(parse(files).1[0].code, "include-loop");
    let mut text = String::from("[s0](!)\na=1\nb=2\n");
    for level in 1..12 {
        let parents = vec![format!("s{}", level - 1); 20].join(",");
        text.push_str(&format!("[s{level}](!,{parents})\n"));
    }
    let (tree, findings) = parse(MemoryFiles::new().with("a.conf", text));
    assert_eq!(findings[0].code, "too-large");
    assert!(!tree.is_complete());
    let long = format!("[x]\na={}\nb=1\n", "x".repeat(70_000));
    let (tree, findings) = parse(MemoryFiles::new().with("a.conf", long));
    assert_eq!(findings[0].code, "line-too-long");
    assert_eq!(shape(&tree), ["x: b=1"]);
}
