//! SIPp registers with a password over UDP and TCP, IPv4 and IPv6, and `show endpoints` shows the contact.

use crate::tree::{PHONES, Process, Tree, poll, read};
use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process::{Command, Stdio};

/// Registers user 100 and then keeps its socket open until it is ended.
const SCENARIO: &str = r#"<?xml version="1.0" encoding="ISO-8859-1"?>
<scenario name="register">
  <send retrans="500"><![CDATA[
    REGISTER sip:[remote_ip]:[remote_port] SIP/2.0
    Via: SIP/2.0/[transport] [local_ip]:[local_port];rport;branch=[branch]
    Max-Forwards: 70
    From: <sip:100@[remote_ip]>;tag=[call_number]
    To: <sip:100@[remote_ip]>
    Call-ID: [call_id]
    CSeq: 1 REGISTER
    Contact: <sip:100@[local_ip]:[local_port];transport=[transport]>
    Expires: 600
    Content-Length: 0

  ]]></send>
  <recv response="401" auth="true"/>
  <send retrans="500"><![CDATA[
    REGISTER sip:[remote_ip]:[remote_port] SIP/2.0
    Via: SIP/2.0/[transport] [local_ip]:[local_port];rport;branch=[branch]
    Max-Forwards: 70
    From: <sip:100@[remote_ip]>;tag=[call_number]
    To: <sip:100@[remote_ip]>
    Call-ID: [call_id]
    CSeq: 2 REGISTER
    Contact: <sip:100@[local_ip]:[local_port];transport=[transport]>
    Expires: 600
    [authentication username=100 password=PASSWORD]
    Content-Length: 0

  ]]></send>
  <recv response="STATUS"/>
  <pause milliseconds="PAUSE"/>
</scenario>
"#;

/// SIPp on its way; its words go to `sipp.log` of the tree.
fn sipp(tree: &Tree, address: IpAddr, mode: &str, (password, status, pause): (&str, u16, u32)) -> Process {
    let scenario = SCENARIO
        .replace("PASSWORD", password)
        .replace("STATUS", &status.to_string())
        .replace("PAUSE", &pause.to_string());
    let path = tree.dir.join("register.xml");
    std::fs::write(&path, scenario).expect("written");
    let log = File::create(tree.dir.join("sipp.log")).expect("writable");
    let mut command = Command::new("sipp");
    command
        .arg(tree.target(address, false).to_string())
        .args(["-m", "1", "-nostdin", "-timeout", "60s", "-t", mode, "-i"])
        .arg(if address.is_ipv6() { "[::1]".to_owned() } else { address.to_string() })
        .arg("-sf")
        .arg(&path)
        .current_dir(&tree.dir)
        .env("TERM", "dumb")
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a second handle"))
        .stderr(log);
    Process::peer(&mut command, "sip-tester")
}

fn registers(name: &str, address: IpAddr, mode: &str) {
    let mut tree = Tree::new(name, PHONES);
    tree.start();
    let mut peer = sipp(&tree, address, mode, ("secret100", 200, 50_000));
    let host = if address.is_ipv6() { "@[::1]:".to_owned() } else { format!("@{address}:") };
    tree.wait_for_endpoints(&["Contact:", "100/sip:100", &host]);
    assert!(
        peer.0.try_wait().expect("ours").is_none(),
        "SIPp is content: {}",
        read(&tree.dir.join("sipp.log"))
    );
    assert!(tree.show(&["endpoints"]).contains("Endpoint:  101"));
}

const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

#[test]
fn sipp_registers_over_udp_on_ipv4() {
    registers("sipp-udp4", V4, "u1");
}

#[test]
fn sipp_registers_over_udp_on_ipv6() {
    registers("sipp-udp6", V6, "u1");
}

#[test]
fn sipp_registers_over_tcp_on_ipv4() {
    registers("sipp-tcp4", V4, "t1");
}

#[test]
fn sipp_registers_over_tcp_on_ipv6() {
    registers("sipp-tcp6", V6, "t1");
}

#[test]
fn sipp_with_a_wrong_password_is_challenged_again_and_not_shown() {
    let mut tree = Tree::new("sipp-wrong", PHONES);
    tree.start();
    let mut peer = sipp(&tree, V4, "u1", ("wrong", 401, 0));
    let status = peer.ended().expect("it ends");
    assert!(status.success(), "{}\n{}", read(&tree.dir.join("sipp.log")), tree.log());
    assert!(!tree.show(&["endpoints"]).contains("100/sip:"));
    tree.wait_for_log("failed for '127.0.0.1:");
}

#[test]
fn a_contact_registered_by_sipp_is_there_after_kill_9_and_restart() {
    let mut tree = Tree::new("sipp-restart", PHONES);
    tree.start();
    let _peer = sipp(&tree, V4, "u1", ("secret100", 200, 50_000));
    let before = tree.wait_for_endpoints(&["Contact:", "100/sip:100@127.0.0.1:"]);
    tree.kill();
    assert!(tree.socket().exists(), "it had no time to tidy up");
    tree.start();
    let after = tree.wait_for_endpoints(&["Contact:", "100/sip:100@127.0.0.1:"]);
    assert_eq!(before.split_whitespace().nth(1), after.split_whitespace().nth(1));
}

/// With `rewrite_contact` a contact is its connection; nobody could reach it afterwards.
#[test]
fn a_contact_that_is_its_tcp_connection_goes_with_it() {
    let mut tree = Tree::new("sipp-closed", PHONES);
    tree.start();
    let peer = sipp(&tree, V4, "t1", ("secret100", 200, 50_000));
    tree.wait_for_endpoints(&["Contact:", "100/sip:100@127.0.0.1:"]);
    drop(peer);
    let gone = poll(|| (!tree.show(&["endpoints"]).contains("100/sip:")).then_some(()));
    assert!(gone.is_some(), "{}\n{}", tree.show(&["endpoints"]), tree.log());
}
