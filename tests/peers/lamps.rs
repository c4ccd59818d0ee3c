//! Watchers over loopback: SIPp follows a lamp and a message light through the real program, across a `kill -9`; and
//! xmllint judges every body that a lamp can have.

use crate::baresip::baresip_with;
use crate::tree::{PHONES, Process, Tree, free_port, read};
use jackfield::base::device::ExtensionState;
use jackfield::pubsub::Presence;
use jackfield::pubsub::body::{self, End, Facts};
use rusqlite::{Connection, OpenFlags};
use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

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

/// Waits until the subscription and the state of the lamp stand in the store.
fn written(tree: &Tree) {
    let path = tree.dir.join("run/lamps.sqlite");
    let there = crate::tree::poll(|| {
        let store = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?;
        let count = "SELECT (SELECT count(*) FROM ps_subscription_persistence) + \
            (SELECT count(*) FROM device_state WHERE state = 'INUSE')";
        let rows: u32 = store.query_row(count, [], |row| row.get(0)).ok()?;
        (rows == 2).then_some(())
    });
    assert!(there.is_some(), "nothing is written down:\n{}", tree.log());
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
    order(&tree, "devstate change Custom:night INUSE");
    let ended = peer.ended().expect("SIPp ends");
    assert!(ended.success(), "{}", read(&tree.dir.join("sipp.log")));
    written(&tree);
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

/// C1: a phone of another make believes what it is told: baresip watches an extension and says what it takes it for.
#[test]
fn baresip_sees_a_lamp_change() {
    let mut tree = Tree::new("lamp-baresip", PHONES);
    std::fs::write(tree.dir.join("extensions.conf"), "[phones]\nexten => 900,hint,Custom:night\n")
        .expect("written");
    let home = tree.dir.join("phone");
    std::fs::create_dir_all(&home).expect("writable");
    let contact = format!("\"Night\" <sip:900@127.0.0.1:{}>;presence=p2p\n", tree.port);
    std::fs::write(home.join("contacts"), contact).expect("written");
    tree.start();
    order(&tree, "devstate change Custom:night NOT_INUSE");
    let modules = "module_app contact.so\nmodule_app presence.so\n";
    let _phone = baresip_with(&tree, (IpAddr::V4(Ipv4Addr::LOCALHOST), "udp"), modules);
    subscribed(&tree);
    // It writes in colours.
    let said = || {
        let text = read(&tree.dir.join("baresip.log"));
        let mut parts = text.split('\u{1b}').map(str::to_owned);
        let first = parts.next().unwrap_or_default();
        first
            + &parts
                .map(|part| part.split_once('m').map_or(String::new(), |(_, rest)| rest.to_owned()))
                .collect::<String>()
    };
    for (state, words) in [
        ("INUSE", "changed status from Online to Busy"),
        ("UNAVAILABLE", "changed status from Busy to Offline"),
        ("NOT_INUSE", "changed status from Offline to Online"),
    ] {
        order(&tree, &format!("devstate change Custom:night {state}"));
        let seen = crate::tree::poll(|| said().contains(words).then_some(()));
        assert!(seen.is_some(), "baresip never said '{words}':\n{}\n{}", said(), tree.log());
    }
}

/// C4 over loopback: one Jackfield publishes, a lamp of another follows within 100 ms.
#[test]
#[expect(clippy::disallowed_methods, reason = "a bound in real time is what is tested")]
fn a_lamp_follows_another_jackfield() {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.set_read_timeout(Some(Duration::from_secs(10))).expect("positive");
    let own = socket.local_addr().expect("bound");
    let objects = "[peer]\ntype=endpoint\ncontext=none\nallow=ulaw\nauth=peer\n\
         [peer]\ntype=auth\nauth_type=userpass\nusername=peer\npassword=secret\n\
         [any]\ntype=identify\nendpoint=peer\nmatch=127.0.0.1\n\
         [states]\ntype=inbound-publication\nendpoint=peer\nevent_asterisk-devicestate=take\n\
         [take]\ntype=asterisk-publication\ndevice_state=yes\n";
    let mut here = tree_with("states-here", own.port(), objects, "02:00:00:00:00:01");
    here.start();
    let objects = format!(
        "[away]\ntype=outbound-publish\nserver_uri=sip:states@127.0.0.1:{}\nevent=asterisk-devicestate\noutbound_auth=peer\n\
         [peer]\ntype=auth\nauth_type=userpass\nusername=peer\npassword=secret\n",
        here.port
    );
    let mut there = tree_with("states-there", free_port(), &objects, "02:00:00:00:00:02");
    there.start();
    there.wait_for_log("Outbound publish 'away'");
    let subscribe = format!(
        "SUBSCRIBE sip:900@127.0.0.1:{} SIP/2.0\r\nVia: SIP/2.0/UDP {own};rport;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n\
         From: <sip:400@127.0.0.1>;tag=w\r\nTo: <sip:900@127.0.0.1>\r\nCall-ID: w\r\nCSeq: 1 SUBSCRIBE\r\n\
         Contact: <sip:400@{own}>\r\nEvent: presence\r\nExpires: 60\r\nContent-Length: 0\r\n\r\n",
        here.port
    );
    socket.send_to(subscribe.as_bytes(), ("127.0.0.1", here.port)).expect("sent");
    assert!(next_note(&socket).contains("<note>Ready</note>"));
    let mut fastest = Duration::MAX;
    for turn in 0..6 {
        let (state, note) =
            [("RINGING", "Ringing"), ("INUSE", "On the phone"), ("ONHOLD", "On hold")][turn % 3];
        let began = Instant::now();
        order(&there, &format!("devstate change Custom:night {state}"));
        let told = next_note(&socket);
        fastest = fastest.min(began.elapsed());
        assert!(told.contains(&format!("<note>{note}</note>")), "{told}\n{}\n{}", here.log(), there.log());
    }
    // The order's own process included.
    assert!(fastest < Duration::from_millis(100), "{fastest:?}");
}

fn tree_with(name: &str, port: u16, objects: &str, eid: &str) -> Tree {
    let tree = tree(name, port);
    let conf = tree.dir.join("pjsip.conf");
    std::fs::write(&conf, format!("{}{objects}", read(&conf))).expect("written");
    std::fs::write(tree.dir.join("asterisk.conf"), format!("[options]\nentityid = {eid}\n"))
        .expect("written");
    tree
}

/// The next NOTIFY, answered.
fn next_note(socket: &UdpSocket) -> String {
    let mut buffer = [0; 4096];
    for _ in 0..50 {
        let (length, from) = socket.recv_from(&mut buffer).expect("a NOTIFY within ten seconds");
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        if !text.starts_with("NOTIFY") {
            continue;
        }
        let kept = ["Via:", "From:", "To:", "Call-ID:", "CSeq:"];
        let lines = text.lines().filter(|line| kept.iter().any(|name| line.starts_with(name)));
        let lines: String = lines.map(|line| format!("{line}\r\n")).collect();
        let answer = format!("SIP/2.0 200 OK\r\n{lines}Content-Length: 0\r\n\r\n");
        socket.send_to(answer.as_bytes(), from).expect("sent");
        return text;
    }
    panic!("fifty messages and no NOTIFY");
}

/// C2: `jackfield mailbox` for scripts, and what it says without a server.
#[test]
fn scripts_set_and_show_mailboxes() {
    let mut tree = tree("scripts", free_port());
    let run = |tree: &Tree, words: &[&str]| {
        let output = tree.command().arg("mailbox").args(words).output().expect("runs");
        (output.status.code(), crate::tree::text_of(&output))
    };
    let (code, said) = run(&tree, &["set", "7@vm", "2"]);
    assert!(code == Some(1) && said.contains("No server runs on this configuration"), "{said}");
    tree.start();
    assert_eq!(run(&tree, &["set", "7@vm", "2", "1"]).0, Some(0));
    let (code, said) = run(&tree, &["show", "7@vm"]);
    assert!(code == Some(0) && said.contains("7@vm") && said.contains("1 mailboxes"), "{said}");
    let (_, said) = run(&tree, &["show", "--json"]);
    let all: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    assert!(said.contains("\"new\": 2") || said.contains("\"new\":2"), "{all}");
    let (code, said) = run(&tree, &["set", "@vm", "2"]);
    assert!(code == Some(1) && said.contains("is no name of a mailbox"), "{said}");
    let (code, said) = run(&tree, &["set", "7@vm", "many"]);
    assert!(code == Some(2) && said.contains("invalid value 'many'"), "{said}");
}
