//! A phone behind a NAT, in network namespaces of the test's own: it registers, is called, and both sides are heard (B5).
//!
//! ```text
//! phone 192.168.7.2 ── 192.168.7.1 router 203.0.113.2 ── 203.0.113.1 server and the other phone
//! ```

use crate::phone::{Desk, Phone, hear_each_other, inside};
use crate::tree::{Process, Tree, poll};
use std::process::{Command, Stdio};

/// A namespace, alive as long as its sleeper.
struct Network(Process);

impl Network {
    fn new() -> Network {
        let mut command = Command::new("unshare");
        command.args(["-n", "sleep", "300"]).stdin(Stdio::null());
        let network = Network(Process::peer(&mut command, "util-linux"));
        let own = std::fs::read_link("/proc/self/ns/net").expect("a kernel with namespaces");
        let path = format!("/proc/{}/ns/net", network.id());
        let apart = poll(|| (std::fs::read_link(&path).ok()? != own).then_some(()));
        assert!(apart.is_some(), "unshare -n made no network");
        network
    }

    fn id(&self) -> u32 {
        self.0.0.id()
    }

    /// Runs shell lines inside.
    fn run(&self, lines: &str) {
        let output = inside(Some(self.id()), "sh").args(["-ec", lines]).output().expect("a shell");
        assert!(output.status.success(), "{lines}\n{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Whether the kernel gives us network namespaces with NAT; says why not.
fn possible() -> bool {
    let try_out =
        "ip link add a0 type veth peer name b0 && iptables -t nat -A POSTROUTING -o a0 -j MASQUERADE";
    let output = Command::new("unshare").args(["-n", "sh", "-ec", try_out]).output();
    match output {
        Ok(output) if output.status.success() => true,
        Ok(output) => {
            let why = String::from_utf8_lossy(&output.stderr);
            eprintln!(
                "NOT TESTED: this kernel refuses network namespaces, veth or NAT (root is needed): {why}"
            );
            false
        }
        Err(error) => {
            panic!("unshare cannot be started ({error}); install it with: apt-get install util-linux")
        }
    }
}

#[test]
fn a_phone_behind_a_nat_is_called_and_heard() {
    if !possible() {
        return;
    }
    let (server, router, home) = (Network::new(), Network::new(), Network::new());
    server.run("ip link set lo up");
    home.run("ip link set lo up");
    router.run(&format!(
        "ip link add rs type veth peer name sr; ip link set sr netns {}\n\
         ip link add rp type veth peer name pr; ip link set pr netns {}\n\
         ip addr add 203.0.113.2/24 dev rs; ip link set rs up; ip addr add 192.168.7.1/24 dev rp; ip link set rp up\n\
         echo 1 > /proc/sys/net/ipv4/ip_forward; iptables -t nat -A POSTROUTING -o rs -j MASQUERADE",
        server.id(),
        home.id()
    ));
    server.run("ip addr add 203.0.113.1/24 dev sr; ip link set sr up");
    home.run("ip addr add 192.168.7.2/24 dev pr; ip link set pr up; ip route add default via 192.168.7.1");
    let mut objects = String::from("[udp]\ntype=transport\nprotocol=udp\nbind=203.0.113.1:5060\n");
    for number in [100, 101] {
        objects += &format!(
            "[{number}]\ntype=endpoint\ncontext=phones\ndisallow=all\nallow=ulaw\nauth={number}\naors={number}\n\
             direct_media=no\nrtp_symmetric=yes\nforce_rport=yes\nrewrite_contact=yes\n\
             [{number}]\ntype=auth\nusername={number}\npassword=secret{number}\n\
             [{number}]\ntype=aor\nmax_contacts=1\n"
        );
    }
    let mut tree = Tree::new("call-natted", "");
    std::fs::write(tree.dir.join("pjsip.conf"), objects).expect("written");
    std::fs::write(tree.dir.join("extensions.conf"), "[phones]\nexten => _10X,1,Dial(PJSIP/${EXTEN},30)\n")
        .expect("written");
    let mut command = inside(Some(server.id()), env!("CARGO_BIN_EXE_jackfield"));
    command.arg("-C").arg(&tree.dir).arg("run");
    tree.start_command(command);
    let desk = Desk {
        dir: &tree.dir,
        number: 100,
        hertz: 440.0,
        server: "203.0.113.1:5060",
        address: "192.168.7.2",
        account: "",
        network: Some(home.id()),
    };
    let behind = Phone::start(desk);
    let outside =
        Desk { number: 101, hertz: 1_000.0, address: "203.0.113.1", network: Some(server.id()), ..desk };
    let mut before = Phone::start(outside);
    // Its contact is where the NAT lets packets in, whatever the phone believes.
    tree.wait_for_endpoints(&["Contact:", "100/sip:100"]);
    let rewritten = poll(|| {
        let shown = tree.command().args(["--json", "-x", "pjsip show contacts"]).output().expect("runs");
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        shown.contains("@203.0.113.2:").then_some(())
    });
    assert!(rewritten.is_some(), "{}", tree.log());
    tree.wait_for_endpoints(&["Contact:", "101/sip:101"]);
    before.type_in("/dial sip:100@203.0.113.1:5060");
    hear_each_other((&before, 1_000.0), (&behind, 440.0), || tree.log());
    before.type_in("/hangup");
    let gone = poll(|| {
        let text = tree.command().args(["-x", "core show channels"]).output().expect("runs");
        String::from_utf8_lossy(&text.stdout).contains("0 active channels").then_some(())
    });
    assert!(gone.is_some(), "{}\n{}", tree.log(), behind.log());
}
