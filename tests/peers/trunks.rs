//! C5: registering at a real Kamailio and at another Jackfield: granted, refused, lost, slow, redirected, with a wrong
//! password; what is shown of each, and recovery without a restart.

use crate::tree::{Forking, PHONES, Process, Tree, free_port, poll, read};
use std::fs::File;
use std::process::{Command, Stdio};

const KAMAILIO: &str = r#"#!KAMAILIO
debug=0
log_stderror=yes
children=2
auto_aliases=no
dns=no
rev_dns=no
listen=udp:127.0.0.1:PORT
listen=tcp:127.0.0.1:PORT
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/"
loadmodule "kex.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "auth.so"
loadmodule "cfgutils.so"
request_route {
    if (!is_method("REGISTER")) { sl_send_reply("405", "Method Not Allowed"); exit; }
    if ($tU == "lost") { exit; }
    if ($tU == "refused") { sl_send_reply("403", "Forbidden"); exit; }
    if ($tU == "busy") { append_to_reply("Retry-After: 77\r\n"); sl_send_reply("503", "Service Unavailable"); exit; }
    if ($tU == "moved") { append_to_reply("Contact: <sip:127.0.0.7:5099>\r\n"); sl_send_reply("302", "Moved Temporarily"); exit; }
    if (!pv_www_authenticate("kamailio", "secret", "0")) { www_challenge("kamailio", "1"); exit; }
    if ($tU == "slow") { usleep("900000"); }
    save("location");
    exit;
}
"#;

fn kamailio(tree: &Tree, port: u16) -> Forking {
    let config = tree.dir.join("kamailio.cfg");
    std::fs::write(&config, KAMAILIO.replace("PORT", &port.to_string())).expect("written");
    let work = tree.dir.join("kamailio");
    std::fs::create_dir_all(&work).expect("writable");
    let log = File::create(tree.dir.join("kamailio.log")).expect("writable");
    let mut command = Command::new("kamailio");
    command
        .args(["-DD", "-E", "-m", "64", "-M", "8", "-f"])
        .arg(&config)
        .arg("-w")
        .arg(&work)
        .arg("-Y")
        .arg(&work);
    command.arg("-P").arg(work.join("pid")).current_dir(&work).stdin(Stdio::null());
    command.stdout(log.try_clone().expect("a second handle")).stderr(log);
    Forking(Process::peer(&mut command, "kamailio"))
}

fn registration(name: &str, port: u16, options: &str) -> String {
    format!(
        "[{name}]\ntype=registration\nserver_uri=sip:127.0.0.1:{port}\nclient_uri=sip:{name}@127.0.0.1:{port}\n\
         outbound_auth={name}\nmax_random_initial_delay=0\nretry_interval=1\n{options}\n\
         [{name}]\ntype=auth\nauth_type=userpass\nusername={name}\npassword=secret\n"
    )
}

/// Waits until `show registration NAME` says all of this.
fn wait_for(tree: &Tree, name: &str, parts: &[&str]) -> String {
    let mut last = String::new();
    let found = poll(|| {
        last = tree.show(&["registration", name]);
        parts.iter().all(|part| last.contains(part)).then(|| last.clone())
    });
    found.unwrap_or_else(|| {
        panic!(
            "show registration {name} never said {parts:?}:\n{last}\n{}\n{}",
            tree.log(),
            read(&tree.dir.join("kamailio.log"))
        )
    })
}

#[test]
fn kamailio_grants_refuses_redirects_and_loses_registrations_and_each_says_why() {
    let port = free_port();
    let mut objects = String::new();
    for name in ["me", "slow", "refused", "moved", "busy", "lost"] {
        objects += &registration(name, port, "");
    }
    objects += &registration("tcp", port, "").replace(
        &format!("uri=sip:127.0.0.1:{port}\n"),
        &format!("uri=sip:127.0.0.1:{port}\\;transport=tcp\n"),
    );
    objects += &registration("wrong", port, "").replace("password=secret", "password=guess");
    let mut tree = Tree::new("trunk-kamailio", &objects);
    let peer = kamailio(&tree, port);
    tree.start();
    let by = format!("by 127.0.0.1:{port}");
    for name in ["me", "slow", "tcp"] {
        wait_for(&tree, name, &["Registered", "Granted for", &by]);
    }
    wait_for(
        &tree,
        "refused",
        &["Rejected", "403 Forbidden; given up (fatal_retry_interval=0, the default)"],
    );
    wait_for(
        &tree,
        "moved",
        &["Rejected", "302 Moved Temporarily to sip:127.0.0.7:5099: name it in server_uri"],
    );
    wait_for(&tree, "busy", &["Rejected", "the registrar said to come back after 77 s"]);
    wait_for(&tree, "wrong", &["Rejected", "the credentials for realm \"kamailio\" were refused; given up"]);
    wait_for(&tree, "lost", &["is out, unanswered yet"]);
    let all = tree.show(&["registrations"]);
    assert!(all.contains("Objects found: 8"), "{all}");
    assert!(all.contains(" * refused: 403 Forbidden; given up"), "{all}");
    // The connection breaks with its server; when it is back, so is the registration.
    drop(peer);
    wait_for(&tree, "tcp", &["Rejected", "again 1 s after it (retry_interval=1"]);
    let _peer = kamailio(&tree, port);
    wait_for(&tree, "tcp", &["Registered", "Granted for"]);
    tree.wait_for_log("its connection to 'sip:127.0.0.1");
}

/// A registrar that is not there yet, and one that never answers, are found when they come.
#[test]
fn a_registrar_that_comes_later_is_found_without_a_restart() {
    let port = free_port();
    // A REGISTER that nobody hears is given up after 6.4 s.
    let hasty = "[system]\ntype=system\ntimer_t1=100\ntimer_b=6400\n".to_owned();
    let mut tree = Tree::new("trunk-later", &(hasty + &registration("me", port, "")));
    tree.start();
    wait_for(&tree, "me", &["Rejected", "no answer", "retry 1 of 10"]);
    let _peer = kamailio(&tree, port);
    wait_for(&tree, "me", &["Registered"]);
    assert!(tree.terminate().success());
}

/// Two Jackfields: the trunk registers as a phone would, and its line is its own.
#[test]
fn another_jackfield_registers_here_and_leaves_when_it_ends() {
    let mut here = Tree::new("trunk-here", PHONES);
    here.start();
    let trunk = |user: &str, password: &str| {
        registration(user, here.port, &format!("contact_user={user}"))
            .replace("password=secret", &format!("password={password}"))
    };
    let objects = trunk("100", "secret100") + &trunk("101", "wrong");
    let mut there = Tree::new("trunk-there", &objects);
    there.start();
    here.wait_for_endpoints(&["Contact:", "100/sip:100@127.0.0.1:"]);
    wait_for(&there, "100", &["Registered"]);
    wait_for(&there, "101", &["Rejected", "the credentials for realm \"asterisk\" were refused"]);
    assert!(there.terminate().success());
    let gone = poll(|| (!here.show(&["endpoints"]).contains("100/sip:")).then_some(()));
    assert!(gone.is_some(), "it took its registration back:\n{}", here.log());
}
