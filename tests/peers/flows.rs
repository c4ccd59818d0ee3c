//! SIPp on both sides of a call: reliable early media, hold, UPDATE, an offerless re-INVITE, and a CANCEL that crosses the
//! answer (B5).

use crate::tree::{Process, Tree, free_port, poll, read};
use std::fs::File;
use std::process::{Command, Stdio};

/// One line after the other becomes a scenario: `> text` is sent, `< 200` or `< BYE` waited for, the rest is XML.
struct Side {
    name: &'static str,
    port: u16,
    steps: String,
}

const SDP: &str = "\n    v=0\n    o=- 1 VERSION IN IP4 127.0.0.1\n    s=-\n    c=IN IP4 127.0.0.1\n    t=0 0\n    \
                   m=audio 40000 RTP/AVP 0\n    a=rtpmap:0 PCMU/8000\n    a=MODE\n";

impl Side {
    fn new(name: &'static str) -> Side {
        Side { name, port: free_port(), steps: String::new() }
    }

    fn xml(mut self, text: &str) -> Side {
        self.steps += text;
        self
    }

    fn pause(self, milliseconds: u32) -> Side {
        self.xml(&format!("<pause milliseconds=\"{milliseconds}\"/>\n"))
    }

    fn hears(self, what: &str) -> Side {
        let kind = if what.starts_with(|c: char| c.is_ascii_digit()) { "response" } else { "request" };
        self.xml(&format!("<recv {kind}=\"{what}\" rrs=\"true\"/>\n"))
    }

    fn may_hear(self, what: &str) -> Side {
        self.xml(&format!("<recv response=\"{what}\" optional=\"true\"/>\n"))
    }

    /// Waits for a message and keeps the first number of one of its headers.
    fn keeps(self, kind: &str, what: &str, header: &str, name: &str) -> Side {
        self.xml(&format!(
            "<recv {kind}=\"{what}\" rrs=\"true\"><action><ereg regexp=\"[0-9]+\" search_in=\"hdr\" header=\"{header}:\" \
             assign_to=\"{name}\"/></action></recv>\n"
        ))
    }

    /// A request of the caller's; `sdp`: its o= version and direction.
    fn asks(self, request: &str, cseq: u32, lines: &str, sdp: Option<(u32, &str)>) -> Side {
        let method = request.split(' ').next().unwrap_or_default();
        // The ACK of a 2xx (`ACK answer`) is a request of its own, in the dialog; that of a refusal is not.
        let first = cseq == 1 && !request.contains(' ');
        let (uri, tag) = match first {
            true => ("sip:200@[remote_ip]:[remote_port]", ""),
            false => ("[next_url]", "[peer_tag_param]"),
        };
        // A CANCEL has the branch of what it cancels; every other request one of its own.
        let branch = if first { "first" } else { request };
        let again = if method == "ACK" { "" } else { " retrans=\"500\"" };
        self.xml(&format!(
            "<send{again}><![CDATA[\n    {method} {uri} SIP/2.0\n    \
             Via: SIP/2.0/UDP [local_ip]:[local_port];rport;branch=z9hG4bK-[pid]-{}\n    \
             Max-Forwards: 70\n    From: <sip:100@[local_ip]>;tag=ann[pid]\n    To: <sip:200@[remote_ip]>{tag}\n    \
             Call-ID: [call_id]\n    CSeq: {cseq} {method}\n    Contact: <sip:100@[local_ip]:[local_port]>\n{lines}{}]]></send>\n",
            branch.replace(' ', "-"),
            body(sdp),
        ))
    }

    /// A response to what was heard last; `cseq`: to an earlier INVITE with that number.
    fn answers(self, status: &str, cseq: Option<&str>, lines: &str, sdp: Option<(u32, &str)>) -> Side {
        let cseq = cseq.map_or("[last_CSeq:]".to_owned(), |cseq| format!("CSeq: [${cseq}] INVITE"));
        self.xml(&format!(
            "<send><![CDATA[\n    SIP/2.0 {status}\n    [last_Via:]\n    [last_From:]\n    [last_To:];tag=bob[pid]\n    \
             [last_Call-ID:]\n    {cseq}\n    Contact: <sip:200@[local_ip]:[local_port]>\n    \
             Allow: INVITE, ACK, BYE, CANCEL, PRACK, UPDATE\n{lines}{}]]></send>\n",
            body(sdp),
        ))
    }

    /// To a request that has our tag already.
    fn agrees(self) -> Side {
        self.xml(
            "<send><![CDATA[\n    SIP/2.0 200 OK\n    [last_Via:]\n    [last_From:]\n    [last_To:]\n    [last_Call-ID:]\n    \
             [last_CSeq:]\n    Content-Length: 0\n\n]]></send>\n",
        )
    }

    fn start(&self, tree: &Tree) -> Process {
        let path = tree.dir.join(format!("{}.xml", self.name));
        let text = format!(
            "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n<scenario name=\"{}\">\n{}</scenario>\n",
            self.name, self.steps
        );
        std::fs::write(&path, text).expect("written");
        let log = File::create(tree.dir.join(format!("{}.log", self.name))).expect("writable");
        let mut command = Command::new("sipp");
        command.arg(format!("127.0.0.1:{}", tree.port)).arg("-sf").arg(&path);
        command.args([
            "-i",
            "127.0.0.1",
            "-p",
            &self.port.to_string(),
            "-m",
            "1",
            "-nostdin",
            "-timeout",
            "40s",
        ]);
        command.args(["-trace_err", "-error_file"]).arg(tree.dir.join(format!("{}.errors", self.name)));
        command.current_dir(&tree.dir).env("TERM", "dumb").stdin(Stdio::null());
        command.stdout(log.try_clone().expect("a second handle")).stderr(log);
        Process::peer(&mut command, "sip-tester")
    }

    fn told(&self, tree: &Tree) -> String {
        format!("{}:\n{}", self.name, read(&tree.dir.join(format!("{}.errors", self.name))))
    }
}

fn body(sdp: Option<(u32, &str)>) -> String {
    match sdp {
        None => "    Content-Length: 0\n\n".to_owned(),
        Some((version, mode)) => {
            let sdp = SDP.replace("VERSION", &version.to_string()).replace("MODE", mode);
            format!("    Content-Type: application/sdp\n    Content-Length: [len]\n{sdp}\n")
        }
    }
}

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
    let mut answering = called.start(&tree);
    // It must listen before it is called.
    let listens = poll(|| std::net::UdpSocket::bind(("127.0.0.1", called.port)).is_err().then_some(()));
    assert!(listens.is_some(), "{}", called.told(&tree));
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
