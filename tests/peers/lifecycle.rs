//! Starting, refusing, reloading and ending, as an operator does it.

use crate::tree::{PHONES, Process, Tree, text_of};
use std::io::Read;
use std::process::{Command, Stdio};

/// Runs a command that must end by itself; its success and words.
fn ends(command: &mut Command) -> (bool, String) {
    let mut process = Process(command.stderr(Stdio::piped()).spawn().expect("the program was built"));
    let status = process.ended().expect("it ends by itself");
    let mut words = String::new();
    process.0.stderr.take().expect("piped").read_to_string(&mut words).expect("text");
    (status.success(), words)
}

#[test]
fn a_second_server_on_the_same_tree_is_refused() {
    let mut tree = Tree::new("second", PHONES);
    tree.start();
    let (success, words) = ends(tree.command().arg("run"));
    assert!(!success, "two servers would fight over one contact store");
    assert!(words.contains(&format!("process {}", tree.pid())), "it names the first one: {words}");
    assert!(tree.show(&["endpoints"]).contains("Endpoint:  100"), "the first one goes on");
}

#[test]
fn sigterm_ends_the_server_and_takes_the_socket_away() {
    let mut tree = Tree::new("sigterm", PHONES);
    tree.start();
    assert!(tree.socket().exists());
    let status = tree.terminate();
    assert!(status.success(), "{status}\n{}", tree.log());
    assert!(!tree.socket().exists(), "a stale socket is left");
    let output = tree.command().args(["show", "status"]).output().expect("runs");
    let words = text_of(&output);
    assert!(!output.status.success() && words.contains("No server runs on this configuration"), "{words}");
    // The tree is free again.
    tree.start();
}

/// Broken objects stay out and are said with file and line; the others serve.
#[test]
fn a_broken_line_is_told_with_file_and_line_and_harms_no_other_object() {
    let broken = "[102]\ntype=aor\nmax_contacts=lots\n[103]\ntype=endpoint\naor=103\n";
    let mut tree = Tree::new("broken", &format!("{PHONES}{broken}"));
    tree.start();
    let conf = std::fs::read_to_string(tree.dir.join("pjsip.conf")).expect("written");
    for line in ["max_contacts=lots", "aor=103"] {
        let number = 1 + conf.lines().position(|l| l == line).expect("it is there");
        tree.wait_for_log(&format!("pjsip.conf:{number}"));
    }
    assert!(tree.log().contains("aors"), "the right name of 'aor' is told: {}", tree.log());
    let shown = tree.show(&["endpoints"]);
    assert!(shown.contains("Endpoint:  100") && shown.contains("Endpoint:  101"), "{shown}");
    assert!(!shown.contains("103"), "{shown}");
    // S4-21: what was said at start can be asked for later.
    let status = tree.show(&["status"]);
    assert!(status.contains("'aor'") && status.contains("did you mean 'aors'?"), "{status}");
}

#[test]
fn a_reload_with_a_mistake_keeps_the_last_good_version_of_that_object() {
    let mut tree = Tree::new("reload", PHONES);
    tree.start();
    let path = tree.dir.join("pjsip.conf");
    let good = std::fs::read_to_string(&path).expect("written");
    let bad = good.replacen("[100](place)\n", "[100](place)\nmax_contacts=lots\n", 1);
    std::fs::write(&path, format!("{bad}[102](phone)\naors=102\n[102](place)\n")).expect("writable");
    let words = text_of(&tree.command().arg("reload").output().expect("runs"));
    assert!(words.contains("pjsip.conf:"), "the mistake is told to who reloads: {words}");
    let shown = tree.show(&["endpoints"]);
    assert!(shown.contains("Endpoint:  102"), "what is new and right is there: {shown}\n{words}");
    assert!(tree.show(&["aor", "100"]).contains("100"), "what is broken now keeps its last version");
}

#[test]
fn a_tree_without_configuration_or_with_a_taken_port_is_refused_with_a_reason() {
    let mut tree = Tree::new("nothing", PHONES);
    let (success, words) = ends(
        Command::new(env!("CARGO_BIN_EXE_jackfield"))
            .args(["-C", "/nonexistent/jackfield", "--run-dir"])
            .arg(tree.dir.join("run"))
            .arg("run")
            .stdin(Stdio::null()),
    );
    assert!(!success && words.contains("there is no configuration in /nonexistent/jackfield"), "{words}");
    tree.start();
    let (success, words) = ends(tree.command().arg("--run-dir").arg(tree.dir.join("other")).arg("run"));
    assert!(!success && words.contains("no transport listens"), "{words}");
    assert!(words.contains(&tree.port.to_string()), "it names the port: {words}");
}

/// `core stop gracefully` ends a server without calls at once; `core abort shutdown` finds nothing to call off.
#[test]
fn a_graceful_stop_ends_an_idle_server() {
    let mut tree = Tree::new("graceful", PHONES);
    tree.start();
    let execute = |line: &str| {
        let output = tree.command().args(["-x", line]).output().expect("runs");
        (output.status.success(), text_of(&output))
    };
    assert!(execute("core abort shutdown").0);
    let (good, words) = execute("core stop gracefully");
    assert!(good && words.contains("Waiting for inactivity to perform halt"), "{words}");
    assert!(tree.ended().success());
    assert!(tree.log().contains("Draining: new requests are answered 503"), "{}", tree.log());
}
