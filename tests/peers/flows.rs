//! SIPp on both sides of a call: reliable early media, hold, UPDATE, an offerless re-INVITE, and a CANCEL that crosses the
//! answer (B5).

use crate::side::Side;
use crate::tree::{Tree, poll};

/// Runs a call between both through a server with these options; both must be content, and nothing may stay.
fn call(name: &str, options: &str, caller: &Side, called: &Side) {
    let mut objects = String::new();
    for (number, side) in [(100, caller), (200, called)] {
        objects += &format!(
            "[{number}]\ntype=endpoint\ncontext=phones\ndisallow=all\nallow=ulaw\naors={number}\ndirect_media=no\n{options}\n\
             [{number}]\ntype=aor\ncontact=sip:{number}@127.0.0.1:{port}\n\
             [id{number}]\ntype=identify\nendpoint={number}\nmatch=127.0.0.1:{port}\n",
            port = side.port
        );
    }
    let mut tree = Tree::new(name, &objects);
    std::fs::write(tree.dir.join("extensions.conf"), "[phones]\nexten => 200,1,Dial(PJSIP/200,30)\n")
        .expect("written");
    tree.start();
    let mut answering = called.listen(&tree);
    let mut calling = caller.start(&tree);
    for (process, side) in [(&mut calling, caller), (&mut answering, called)] {
        let status = process.ended();
        assert!(
            status.is_some_and(|status| status.success()),
            "{status:?}\n{}\n{}\n{}",
            side.told(&tree),
            if side.name == "caller" { called.told(&tree) } else { caller.told(&tree) },
            tree.log()
        );
    }
    let gone = poll(|| {
        let text = tree.command().args(["-x", "core show channels"]).output().expect("runs");
        String::from_utf8_lossy(&text.stdout).contains("0 active channels").then_some(())
    });
    assert!(gone.is_some(), "{}", tree.log());
}

const RELIABLE: &str = "    Supported: 100rel\n    Allow: INVITE, ACK, BYE, CANCEL, PRACK, UPDATE\n";

/// Early media by a reliable 183 on both legs; then hold, UPDATE, resume by a re-INVITE without description, BYE.
#[test]
fn early_media_hold_update_and_a_late_offer() {
    let caller = Side::new("caller")
        .asks("INVITE", 1, RELIABLE, Some((1, "sendrecv")))
        .may_hear("100")
        .keeps("response", "183", "RSeq", "rseq")
        .asks("PRACK", 2, "    RAck: [$rseq] 1 INVITE\n", None)
        .hears("200")
        .hears("200")
        .asks("ACK answer", 1, "", None)
        .pause(300)
        .asks("INVITE hold", 3, "", Some((2, "sendonly")))
        .may_hear("100")
        .hears("200")
        .asks("ACK hold", 3, "", None)
        .asks("UPDATE", 4, "", None)
        .hears("200")
        .asks("INVITE late", 5, "", None)
        .may_hear("100")
        .hears("200")
        .asks("ACK late", 5, "", Some((3, "sendrecv")))
        .pause(300)
        .asks("BYE", 6, "", None)
        .hears("200");
    let called = Side::new("called")
        .hears("INVITE")
        .answers("183 Session Progress", None, "    Require: 100rel\n    RSeq: 1\n", Some((1, "sendrecv")))
        .hears("PRACK");
    // The INVITE's answer is made from the PRACK's headers, whose Via is another: the INVITE's is kept.
    let called = Side {
        steps: called
            .steps
            .replacen(
                "<recv request=\"INVITE\" rrs=\"true\"/>",
                "<recv request=\"INVITE\" rrs=\"true\"><action><ereg regexp=\".*\" search_in=\"hdr\" header=\"Via:\" \
                 assign_to=\"via\"/><ereg regexp=\"[0-9]+\" search_in=\"hdr\" header=\"CSeq:\" assign_to=\"cseq\"/></action></recv>",
                1,
            ),
        ..called
    };
    let called = called.agrees().pause(300).xml(
        "<send retrans=\"500\"><![CDATA[\n    SIP/2.0 200 OK\n    Via:[$via]\n    [last_From:]\n    [last_To:]\n    \
         [last_Call-ID:]\n    CSeq: [$cseq] INVITE\n    Contact: <sip:200@[local_ip]:[local_port]>\n    \
         Content-Length: 0\n\n]]></send>\n",
    );
    let called = called.hears("ACK").hears("BYE").agrees();
    call("flow-early", "100rel=peer_supported", &caller, &called);
}

/// The called side answers although it was cancelled: it is acknowledged and ended, and the caller hears 487.
#[test]
fn a_cancel_crosses_the_answer() {
    let caller = Side::new("caller")
        .asks("INVITE", 1, "", Some((1, "sendrecv")))
        .may_hear("100")
        .hears("180")
        .asks("CANCEL", 1, "", None)
        .hears("200")
        .hears("487")
        .asks("ACK", 1, "", None);
    let called = Side::new("called")
        .keeps("request", "INVITE", "CSeq", "cseq")
        .answers("180 Ringing", None, "", None)
        .hears("CANCEL")
        .answers("200 OK", None, "", None)
        .answers("200 OK", Some("cseq"), "", Some((1, "sendrecv")))
        .hears("ACK")
        .hears("BYE")
        .agrees();
    call("flow-cancel", "", &caller, &called);
}
