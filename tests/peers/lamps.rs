//! Watchers over loopback: SIPp follows a lamp and a message light through the real program, across a `kill -9`; and
//! xmllint judges every body that a lamp can have.

use crate::tree::{Process, Tree, free_port, read};
use jackfield::base::device::ExtensionState;
use jackfield::pubsub::Presence;
use jackfield::pubsub::body::{self, End, Facts};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// C1: each body in each state is valid by the schemas of RFC 4235, 3863, 4479 and 4480.
#[test]
fn bodies_are_valid_by_the_schemas_of_their_rfcs() {
    use ExtensionState::*;
    let dir = std::env::temp_dir().join(format!("jackfield-schemas-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("writable");
    let presence = Presence::parse("away,lunch,<back & soon>").expect("sound");
    let caller = End { display: "\"Ann\" <1>".into(), uri: "sip:100@127.0.0.1".into() };
    let called = End { display: String::new(), uri: "sip:200@127.0.0.1".into() };
    let (mut dialogs, mut presences) = (Vec::new(), Vec::new());
    for (n, state) in
        [NotInUse, InUse, Busy, Unavailable, Ringing, InUseRinging, OnHold].into_iter().enumerate()
    {
        let facts = Facts {
            exten: "200",
            local: "sip:200@127.0.0.1",
            remote: "sip:400@127.0.0.1",
            state,
            presence: &presence,
            ringing: state.rings().then_some((&caller, &called)),
            early_beside_call: n % 2 == 1,
            digium: false,
            version: 7,
        };
        let write = |name: &str, write: fn(&mut String, &Facts<'_>)| -> PathBuf {
            let mut text = String::new();
            write(&mut text, &facts);
            let path = dir.join(format!("{name}{n}.xml"));
            std::fs::write(&path, text).expect("written");
            path
        };
        dialogs.push(write("dialog", body::dialog_info));
        presences.push(write("pidf", body::pidf));
        let xpidf = write("xpidf", body::xpidf);
        xmllint(&["--nonet", "--noout"], &[xpidf]);
    }
    let schemas = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/schemas");
    for (schema, files) in [("dialog-info.xsd", &dialogs), ("pidf.xsd", &presences)] {
        let schema = schemas.join(schema).to_string_lossy().into_owned();
        xmllint(&["--nonet", "--noout", "--schema", &schema], files);
    }
    std::fs::remove_dir_all(&dir).expect("removed");
}

fn xmllint(arguments: &[&str], files: &[PathBuf]) {
    let output = Command::new("xmllint").args(arguments).args(files).output();
    let output = output.expect("xmllint cannot be started; install it with: apt-get install libxml2-utils");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Subscribes, and ends when the awaited body has come.
const WATCHER: &str = r#"<?xml version="1.0" encoding="ISO-8859-1"?>
<scenario name="watcher">
  <send retrans="500"><![CDATA[
    SUBSCRIBE sip:RESOURCE@[remote_ip]:[remote_port] SIP/2.0
    Via: SIP/2.0/[transport] [local_ip]:[local_port];rport;branch=[branch]
    Max-Forwards: 70
    From: <sip:400@[remote_ip]>;tag=[call_number]
    To: <sip:RESOURCE@[remote_ip]>
    Call-ID: [call_id]
    CSeq: 1 SUBSCRIBE
    Contact: <sip:400@[local_ip]:[local_port]>
    Event: PACKAGE
    Expires: 600
    Content-Length: 0

  ]]></send>
  <recv response="200"/>
  <recv request="NOTIFY">
    <action><ereg regexp="FIRST" search_in="msg" check_it="true" assign_to="first"/></action>
  </recv>
  <send><![CDATA[
    SIP/2.0 200 OK
    [last_Via:]
    [last_From:]
    [last_To:]
    [last_Call-ID:]
    [last_CSeq:]
    Content-Length: 0

  ]]></send>
  <nop><action><log message="told [$first]"/></action></nop>
  <recv request="NOTIFY" timeout="30000">
    <action><ereg regexp="SECOND" search_in="msg" check_it="true" assign_to="second"/></action>
  </recv>
  <send><![CDATA[
    SIP/2.0 200 OK
    [last_Via:]
    [last_From:]
    [last_To:]
    [last_Call-ID:]
    [last_CSeq:]
    Content-Length: 0

  ]]></send>
  <nop><action><log message="told [$second]"/></action></nop>
</scenario>
"#;

fn watcher(
    tree: &Tree,
    port: u16,
    (resource, package): (&str, &str),
    (first, second): (&str, &str),
) -> Process {
    let scenario = WATCHER
        .replace("RESOURCE", resource)
        .replace("PACKAGE", package)
        .replace("FIRST", first)
        .replace("SECOND", second);
    let path = tree.dir.join(format!("{package}.xml"));
    std::fs::write(&path, scenario).expect("written");
    let log = File::create(tree.dir.join("sipp.log")).expect("writable");
    let mut command = Command::new("sipp");
    command
        .arg(format!("127.0.0.1:{}", tree.port))
        .args(["-m", "1", "-nostdin", "-timeout", "60s", "-i", "127.0.0.1", "-p", &port.to_string(), "-sf"])
        .arg(&path)
        .current_dir(&tree.dir)
        .env("TERM", "dumb")
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a second handle"))
        .stderr(log);
    Process::peer(&mut command, "sip-tester")
}

fn tree(name: &str, port: u16) -> Tree {
    let objects = format!(
        "[400]\ntype=endpoint\ncontext=phones\nallow=ulaw\naors=400\n[400]\ntype=aor\nmailboxes=7@vm\n\
         [id]\ntype=identify\nendpoint=400\nmatch=127.0.0.1:{port}\n"
    );
    let tree = Tree::new(name, &objects);
    std::fs::write(tree.dir.join("extensions.conf"), "[phones]\nexten => 900,hint,Custom:night\n")
        .expect("written");
    let conf = format!("[directories]\nastspooldir = {}\n", tree.dir.join("spool").display());
    std::fs::write(tree.dir.join("asterisk.conf"), conf).expect("written");
    tree
}

fn order(tree: &Tree, line: &str) {
    let output = tree.command().args(["-x", line]).output().expect("runs");
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stdout));
}

/// Waits until the server shows a subscription.
fn subscribed(tree: &Tree) {
    let there = crate::tree::poll(|| {
        let output = tree.command().args(["-x", "pjsip list subscriptions inbound"]).output().ok()?;
        String::from_utf8_lossy(&output.stdout).contains("1 active").then_some(())
    });
    assert!(there.is_some(), "no subscription: {}", read(&tree.dir.join("sipp.log")));
}

/// C1, C6: SIPp sees the lamp change, even by a server that was killed and started again meanwhile.
#[test]
fn a_watcher_follows_a_lamp_across_a_kill() {
    let port = free_port();
    let mut tree = tree("lamp", port);
    tree.start();
    let (idle, busy) = ("<state>terminated</state>", "<state>confirmed</state>");
    let mut peer = watcher(&tree, port, ("900", "dialog"), (idle, busy));
    subscribed(&tree);
    // Written down within a fifth of a second, and a little.
    std::thread::sleep(std::time::Duration::from_millis(600));
    order(&tree, "devstate change Custom:night INUSE");
    let ended = peer.ended().expect("SIPp ends");
    assert!(ended.success(), "{}", read(&tree.dir.join("sipp.log")));
    subscribed(&tree);
    std::thread::sleep(std::time::Duration::from_millis(600));
    tree.kill();
    tree.start();
    subscribed(&tree);
}

/// C2: a message that appears in a voicemail directory lights the message light.
#[test]
fn a_message_on_disk_lights_the_message_light() {
    let port = free_port();
    let mut tree = tree("voicemail", port);
    let inbox = tree.dir.join("spool/voicemail/vm/7/INBOX");
    std::fs::create_dir_all(&inbox).expect("writable");
    tree.start();
    let mut peer =
        watcher(&tree, port, ("400", "message-summary"), ("Voice-Message: 0/0", "Voice-Message: 1/0"));
    subscribed(&tree);
    std::fs::write(inbox.join("msg0000.txt"), "").expect("written");
    let ended = peer.ended().expect("SIPp ends");
    assert!(ended.success(), "{}", read(&tree.dir.join("sipp.log")));
}
