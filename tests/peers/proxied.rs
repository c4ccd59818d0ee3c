//! Two baresips call each other through a Kamailio that is both sides' outbound proxy and records its route (B5).

use crate::phone::{Desk, Phone, hear_each_other};
use crate::tree::{Forking, Process, Tree, free_port, poll, read};
use std::fs::File;
use std::process::{Command, Stdio};

const ROUTES: &str = r#"
#!KAMAILIO
debug=0
log_stderror=yes
children=1
disable_tcp=yes
auto_aliases=no
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "xlog.so"
modparam("rr", "enable_full_lr", 1)
listen=udp:127.0.0.1:PORT

request_route {
    xlog("L_ALERT", "SAW $rm\n");
    if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
    if (is_method("CANCEL")) { if (t_check_trans()) { t_relay(); } exit; }
    if (is_method("INVITE")) { record_route(); }
    loose_route();
    if (is_method("ACK") && !has_totag()) { t_check_trans(); exit; }
    t_relay();
}
"#;

/// A proxy that ends, with its children, when its owner does.
struct Proxy(#[expect(dead_code, reason = "it is held, not asked")] Forking);

impl Proxy {
    fn start(tree: &Tree, port: u16) -> Proxy {
        let routes = tree.dir.join("kamailio.cfg");
        std::fs::write(&routes, ROUTES.trim_start().replace("PORT", &port.to_string())).expect("written");
        let log = File::create(tree.dir.join("kamailio.log")).expect("writable");
        let run = tree.dir.join("kamailio");
        std::fs::create_dir_all(&run).expect("writable");
        let mut command = Command::new("kamailio");
        command.args(["-DD", "-E", "-m", "64", "-M", "8", "-f"]).arg(&routes).arg("-Y").arg(&run);
        command.arg("-P").arg(run.join("pid")).stdin(Stdio::null());
        command.stdout(log.try_clone().expect("a second handle")).stderr(log);
        Proxy(Forking(Process::peer(&mut command, "kamailio")))
    }
}

#[test]
fn two_phones_hear_each_other_through_an_outbound_proxy() {
    let port = free_port();
    let mut objects = String::new();
    for number in [100, 101] {
        objects += &format!(
            "[{number}]\ntype=endpoint\ncontext=phones\ndisallow=all\nallow=ulaw\nauth={number}\naors={number}\n\
             direct_media=no\noutbound_proxy=sip:127.0.0.1:{port}\\;lr\n\
             [{number}]\ntype=auth\nusername={number}\npassword=secret{number}\n\
             [{number}]\ntype=aor\nmax_contacts=1\n"
        );
    }
    let mut tree = Tree::new("call-proxied", &objects);
    std::fs::write(tree.dir.join("extensions.conf"), "[phones]\nexten => _10X,1,Dial(PJSIP/${EXTEN},30)\n")
        .expect("written");
    tree.start();
    let proxy = Proxy::start(&tree, port);
    let server = format!("127.0.0.1:{}", tree.port);
    let account = format!(";outbound=\"sip:127.0.0.1:{port};lr\"");
    let desk = Desk {
        dir: &tree.dir,
        number: 100,
        hertz: 440.0,
        server: &server,
        address: "127.0.0.1",
        account: &account,
        network: None,
    };
    let mut ann = Phone::start(desk);
    let bob = Phone::start(Desk { number: 101, hertz: 1_000.0, ..desk });
    tree.wait_for_endpoints(&["Contact:", "100/sip:100"]);
    tree.wait_for_endpoints(&["Contact:", "101/sip:101"]);
    ann.type_in(&format!("/dial sip:101@{server}"));
    let told = || format!("{}\n{}", tree.log(), read(&tree.dir.join("kamailio.log")));
    hear_each_other((&ann, 440.0), (&bob, 1_000.0), told);
    ann.type_in("/hangup");
    let gone = poll(|| {
        let text = tree.command().args(["-x", "core show channels"]).output().expect("runs");
        String::from_utf8_lossy(&text.stdout).contains("0 active channels").then_some(())
    });
    assert!(gone.is_some(), "{}", told());
    // Both legs stayed on the recorded route to their end.
    let seen = |method: &str| told().matches(&format!("SAW {method}\n")).count();
    let both = poll(|| (seen("BYE") >= 2).then_some(()));
    assert!(both.is_some(), "{}", told());
    assert!(seen("REGISTER") >= 2 && seen("INVITE") >= 2 && seen("ACK") >= 2, "{}", told());
    drop(proxy);
}
