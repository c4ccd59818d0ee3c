//! baresip registers with a password over UDP, TCP and TLS, IPv4 and IPv6; when it quits it is gone.

use crate::tree::{PHONES, Process, Tree, poll, read};
use std::fs::File;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process::{Command, Stdio};

const CONFIG: &str = "\
module_path /usr/lib/baresip/modules
module stdio.so
module g711.so
module_tmp account.so
module_app menu.so
";

fn baresip(tree: &Tree, address: IpAddr, transport: &str) -> Process {
    baresip_with(tree, (address, transport), "")
}

/// The same with further lines of its configuration; its `contacts` are those that lie in its home already.
pub fn baresip_with(tree: &Tree, (address, transport): (IpAddr, &str), more: &str) -> Process {
    let home = tree.dir.join("phone");
    std::fs::create_dir_all(&home).expect("writable");
    let target = tree.target(address, transport == "tls");
    let account = format!("<sip:100@{target};transport={transport}>;auth_pass=secret100;regint=600\n");
    std::fs::write(home.join("accounts"), account).expect("written");
    // Over UDP it would send from the address of some other interface.
    let listen = match (transport, address) {
        ("udp", IpAddr::V4(_)) => "sip_listen 127.0.0.1:0\n",
        ("udp", IpAddr::V6(_)) => "sip_listen [::1]:0\n",
        _ => "",
    };
    std::fs::write(home.join("config"), format!("{listen}{CONFIG}{more}")).expect("written");
    let log = File::create(tree.dir.join("baresip.log")).expect("writable");
    let mut command = Command::new("baresip");
    command
        .arg(if address.is_ipv6() { "-6" } else { "-4" })
        .arg("-f")
        .arg(&home)
        .env("HOME", &home)
        .current_dir(&home)
        .stdin(Stdio::piped())
        .stdout(log.try_clone().expect("a second handle"))
        .stderr(log);
    Process::peer(&mut command, "baresip")
}

fn registers(address: IpAddr, transport: &str) {
    let family = if address.is_ipv6() { 6 } else { 4 };
    let mut tree = Tree::new(&format!("baresip-{transport}{family}"), PHONES).with_tls();
    tree.start();
    let mut phone = baresip(&tree, address, transport);
    let host = if address.is_ipv6() { "@[::1]:".to_owned() } else { format!("@{address}:") };
    let said = || read(&tree.dir.join("baresip.log"));
    let line = tree.wait_for_endpoints(&["Contact:", "100/sip:100", &host]);
    let content = poll(|| said().contains("registered successfully").then_some(()));
    assert!(content.is_some(), "baresip does not say that it is registered:\n{}", said());
    // A phone that quits takes its contact away first.
    phone.0.stdin.take().expect("piped").write_all(b"/quit\n").expect("it listens");
    assert!(phone.ended().is_some(), "baresip does not quit:\n{}", said());
    let gone = poll(|| (!tree.show(&["endpoints"]).contains("100/sip:")).then_some(()));
    assert!(gone.is_some(), "{line} is still there:\n{}\n{}", tree.show(&["endpoints"]), said());
}

const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

#[test]
fn baresip_registers_over_udp_on_ipv4() {
    registers(V4, "udp");
}

#[test]
fn baresip_registers_over_udp_on_ipv6() {
    registers(V6, "udp");
}

#[test]
fn baresip_registers_over_tcp_on_ipv4() {
    registers(V4, "tcp");
}

#[test]
fn baresip_registers_over_tcp_on_ipv6() {
    registers(V6, "tcp");
}

#[test]
fn baresip_registers_over_tls_on_ipv4() {
    registers(V4, "tls");
}

#[test]
fn baresip_registers_over_tls_on_ipv6() {
    registers(V6, "tls");
}
