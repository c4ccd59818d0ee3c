//! Two baresips register and call each other; each plays a tone of its own and records what it hears (B1).

use crate::phone::{Desk, Phone, hear_each_other};
use crate::tree::{Tree, poll};

fn objects(options: &str) -> String {
    let mut text = String::new();
    for number in [100, 101] {
        text += &format!(
            "[{number}]\ntype=endpoint\ncontext=phones\ndisallow=all\nallow=ulaw,alaw\nauth={number}\naors={number}\n\
             {options}\n[{number}]\ntype=auth\nusername={number}\npassword=secret{number}\n\
             [{number}]\ntype=aor\nmax_contacts=1\n"
        );
    }
    text
}

/// Packets that the server's ports have received, of both legs; `None` while a leg's media bypasses us.
fn relayed(tree: &Tree) -> Option<u64> {
    let output = tree.command().args(["--json", "-x", "pjsip show channelstats"]).output().expect("runs");
    let all: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
    let list = all.get("channelstats").or_else(|| all.get("channel_stats"))?.as_array()?.clone();
    if list.len() != 2 || list.iter().any(|one| one["direct_media"] == true) {
        return None;
    }
    list.iter().map(|one| one["received"]["packets"].as_u64()).sum()
}

fn call(name: &str, options: &str) -> (Tree, Phone, Phone) {
    let mut tree = Tree::new(name, &objects(options));
    std::fs::write(tree.dir.join("extensions.conf"), "[phones]\nexten => _10X,1,Dial(PJSIP/${EXTEN},30)\n")
        .expect("written");
    tree.start();
    let server = format!("127.0.0.1:{}", tree.port);
    let desk = Desk {
        dir: &tree.dir,
        number: 100,
        hertz: 440.0,
        server: &server,
        address: "127.0.0.1",
        account: "",
        network: None,
    };
    let mut ann = Phone::start(desk);
    let bob = Phone::start(Desk { number: 101, hertz: 1_000.0, ..desk });
    tree.wait_for_endpoints(&["Contact:", "100/sip:100"]);
    tree.wait_for_endpoints(&["Contact:", "101/sip:101"]);
    ann.type_in(&format!("/dial sip:101@127.0.0.1:{}", tree.port));
    (tree, ann, bob)
}

fn ends(tree: &Tree, mut ann: Phone, bob: &Phone) {
    ann.type_in("/hangup");
    let gone = poll(|| {
        let text = tree.command().args(["-x", "core show channels"]).output().expect("runs");
        String::from_utf8_lossy(&text.stdout).contains("0 active channels").then_some(())
    });
    assert!(gone.is_some(), "{}\n{}", tree.log(), bob.log());
}

#[test]
fn two_phones_hear_each_other_through_the_server() {
    let (tree, ann, bob) = call("call-relay", "direct_media=no");
    hear_each_other((&ann, 440.0), (&bob, 1_000.0), || tree.log());
    let passed = relayed(&tree).expect("both legs are relayed");
    assert!(passed > 50, "{passed} packets");
    ends(&tree, ann, &bob);
}

#[test]
fn two_phones_hear_each_other_directly() {
    let (tree, ann, bob) = call("call-direct", "");
    hear_each_other((&ann, 440.0), (&bob, 1_000.0), || tree.log());
    assert_eq!(relayed(&tree), None, "media bypasses the server");
    ends(&tree, ann, &bob);
}
